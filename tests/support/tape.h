/*
 * tape.h - a small HTTP server on loopback that plays a tape, for tests of
 * clients.
 *
 * It does the steps in order, with one connection at a time. A tape that was
 * not played to its end, or a client that sent more than is on it (on this
 * connection or a new one), fails the test in tape_end().
 *
 *     static const struct tape_step steps[] = {
 *         T_ACCEPT, T_REQUEST("GET /queue "), T_SEND(OK_JSON("{}")), T_CLOSE};
 *     struct tape *t = tape_play(steps, sizeof(steps) / sizeof(*steps));
 *     ... a client talks to tape_url(t) and is freed ...
 *     tape_end(t);
 */
#ifndef TESTS_SUPPORT_TAPE_H
#define TESTS_SUPPORT_TAPE_H

#include <stddef.h>

enum tape_what {
    TAPE_ACCEPT,  /* waits for a connection */
    TAPE_REQUEST, /* reads a whole request; it begins with text */
    TAPE_HAS,     /* the last request contains text */
    TAPE_HAS_NOT, /* ...does not contain it */
    TAPE_SEND,    /* sends text */
    TAPE_CLOSE,   /* closes the connection */
    TAPE_RESET,   /* closes it with a reset */
    TAPE_GONE     /* waits until the client closes it */
};

struct tape_step {
    enum tape_what what;
    const char *text;
    size_t len; /* 0: strlen(text) */
};

#define T_ACCEPT {TAPE_ACCEPT, NULL, 0}
#define T_REQUEST(z) {TAPE_REQUEST, (z), 0}
#define T_HAS(z) {TAPE_HAS, (z), 0}
#define T_HAS_NOT(z) {TAPE_HAS_NOT, (z), 0}
#define T_SEND(z) {TAPE_SEND, (z), 0}
#define T_SEND_N(p, n) {TAPE_SEND, (p), (n)}
#define T_CLOSE {TAPE_CLOSE, NULL, 0}
#define T_RESET {TAPE_RESET, NULL, 0}
#define T_GONE {TAPE_GONE, NULL, 0}

struct tape;

/* Steps are borrowed until tape_end. */
struct tape *tape_play(const struct tape_step *steps, size_t n);
#define TAPE_PLAY(steps) tape_play((steps), sizeof(steps) / sizeof(*(steps)))
int tape_port(const struct tape *t);
const char *tape_url(const struct tape *t); /* "http://127.0.0.1:PORT" */
/* Waits until n requests were read (a deadline of 10 s fails the test). */
void tape_wait(struct tape *t, size_t n);
/* Call when the client is done. Fails the test unless the tape was played to
 * its end and nothing more came. Returns how many requests were read. */
size_t tape_end(struct tape *t);

#endif

/*
 * rawhttp.h - a client that sends exactly the bytes it is given, for tests of
 * servers. Everything fails the test (cmocka) when it goes wrong, and nothing
 * waits longer than RAW_WAIT_MS.
 */
#ifndef TESTS_SUPPORT_RAWHTTP_H
#define TESTS_SUPPORT_RAWHTTP_H

#include <stdbool.h>
#include <stddef.h>

#define RAW_WAIT_MS 10000

struct raw_answer {
    int status; /* 0: the connection was closed before an answer */
    char *head; /* status line and headers, NUL-terminated */
    char *body;
    size_t body_len;
};

int raw_connect(int port); /* 127.0.0.1; caller closes */
int raw_connect_unix(const char *path);
int raw_listen_unix(const char *path); /* caller closes */
void raw_send(int fd, const char *bytes, size_t n);
void raw_sends(int fd, const char *text);
/* Reads one answer, by its Content-Length, or to the end without one.
 * no_body: the answer to HEAD. 100 Continue is skipped. */
void raw_read(int fd, struct raw_answer *out, bool no_body);
void raw_answer_free(struct raw_answer *r);
/* The value of a header in the answer, into out; false when absent. */
bool raw_header(const struct raw_answer *r, const char *name, char *out,
                size_t cap);
/* Waits until the other side closes; what it sends until then is dropped. */
void raw_wait_closed(int fd);
/* True when bytes or the end can be read within ms. */
bool raw_readable(int fd, int ms);
/* Connects, sends, reads one answer, closes: its status. */
int raw_status(int port, const char *text);

#endif

/*
 * tape.c - a small HTTP server on loopback that plays a tape.
 */
#include "tests/support/tape.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define WAIT_MS 10000
#define GRACE_MS 300 /* for what is on its way when tape_end is called */
#define REQUEST_MAX (16 * 1024 * 1024)

struct tape {
    const struct tape_step *steps;
    size_t nsteps, at;
    int listener, conn;
    int stop[2]; /* a pipe; a byte means: the client is done */
    int port;
    char url[64];
    pthread_t thread;
    char *request; /* the last one, NUL-terminated */
    size_t len;
    atomic_size_t nrequests;
    char fault[256]; /* "" = none so far */
};

static bool
fault(struct tape *t, const char *what)
{
    const struct tape_step *s = &t->steps[t->at];

    snprintf(t->fault, sizeof(t->fault), "tape, step %zu%s%.80s: %s",
             t->at + 1, s->text ? " " : "", s->text ? s->text : "", what);
    return false;
}

/* Readable before the client is done or shortly after. */
static bool
wait_for(struct tape *t, int fd)
{
    struct pollfd p[2] = {{.fd = fd, .events = POLLIN},
                          {.fd = t->stop[0], .events = POLLIN}};

    poll(p, 2, WAIT_MS);
    if (p[0].revents)
        return true;
    return poll(p, 1, p[1].revents ? GRACE_MS : 0) == 1;
}

static bool
do_accept(struct tape *t)
{
    if (t->conn >= 0)
        return fault(t, "the connection before it is still open");
    if (!wait_for(t, t->listener))
        return fault(t, "nobody connected");
    t->conn = accept(t->listener, NULL, NULL);
    return t->conn >= 0 || fault(t, "accept failed");
}

/* The length of the whole request once its headers are there; 0: read on. */
static size_t
whole_length(const struct tape *t)
{
    const char *end = strstr(t->request, "\r\n\r\n"), *h;
    size_t head;

    if (!end)
        return 0;
    head = (size_t)(end - t->request) + 4;
    h = strcasestr(t->request, "\r\ntransfer-encoding: chunked");
    if (h && h < end) {
        const char *last = memmem(end, t->len - head + 4, "\r\n0\r\n\r\n", 7);
        return last ? (size_t)(last - t->request) + 7 : 0;
    }
    h = strcasestr(t->request, "\r\ncontent-length:");
    return head + (h && h < end ? strtoul(h + 17, NULL, 10) : 0);
}

static bool
do_request(struct tape *t, const char *begin)
{
    size_t whole = 0, cap = 65536;

    free(t->request);
    t->request = calloc(1, cap);
    t->len = 0;
    while (t->request && (whole == 0 || t->len < whole)) {
        ssize_t n;
        if (t->len + 4096 > cap) {
            cap *= 2;
            t->request = realloc(t->request, cap);
        }
        if (!t->request || cap > REQUEST_MAX || !wait_for(t, t->conn))
            return fault(t, "the request did not come");
        n = recv(t->conn, t->request + t->len, 4095, 0);
        if (n <= 0)
            return fault(t, "the client closed within a request");
        t->len += (size_t)n;
        t->request[t->len] = '\0';
        whole = whole_length(t);
    }
    t->nrequests++;
    if (t->len > whole)
        return fault(t, "more than one request came at once");
    return strncmp(t->request, begin, strlen(begin)) == 0 ||
           fault(t, "another request came");
}

static bool
do_has(struct tape *t, const struct tape_step *s, bool want)
{
    bool has = memmem(t->request, t->len, s->text, strlen(s->text)) != NULL;

    return has == want ||
           fault(t, want ? "the request lacks it" : "the request holds it");
}

static bool
do_send(struct tape *t, const struct tape_step *s)
{
    size_t n = s->len ? s->len : strlen(s->text);

    /* A client may stop reading on purpose: not a fault. */
    for (const char *p = s->text; n > 0;) {
        ssize_t w = send(t->conn, p, n, MSG_NOSIGNAL);
        if (w <= 0)
            return true;
        p += w;
        n -= (size_t)w;
    }
    return true;
}

static bool
do_close(struct tape *t, bool reset)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    if (reset)
        setsockopt(t->conn, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(t->conn);
    t->conn = -1;
    return true;
}

static bool
do_gone(struct tape *t)
{
    char c;

    if (!wait_for(t, t->conn))
        return fault(t, "the client did not close");
    if (recv(t->conn, &c, 1, 0) > 0)
        return fault(t, "the client sent more instead of closing");
    return do_close(t, false);
}

static bool
do_step(struct tape *t, const struct tape_step *s)
{
    if (s->what != TAPE_ACCEPT && t->conn < 0)
        return fault(t, "there is no connection");
    switch (s->what) {
    case TAPE_ACCEPT:
        return do_accept(t);
    case TAPE_REQUEST:
        return do_request(t, s->text);
    case TAPE_HAS:
        return do_has(t, s, true);
    case TAPE_HAS_NOT:
        return do_has(t, s, false);
    case TAPE_SEND:
        return do_send(t, s);
    case TAPE_CLOSE:
        return do_close(t, false);
    case TAPE_RESET:
        return do_close(t, true);
    case TAPE_GONE:
        return do_gone(t);
    }
    return false;
}

/* What came beyond the tape. A connection on which nothing was sent is no
 * fault: libcurl opens one before it notices that it cannot send again. */
static void
check_rest(struct tape *t)
{
    struct pollfd stop = {.fd = t->stop[0], .events = POLLIN};
    struct pollfd more = {.fd = t->listener, .events = POLLIN};
    char c;

    poll(&stop, 1, -1);
    do {
        if (t->conn >= 0 && recv(t->conn, &c, 1, MSG_DONTWAIT) > 0)
            snprintf(t->fault, sizeof(t->fault), "tape: one request too many");
        if (poll(&more, 1, 0) != 1)
            return;
        if (t->conn >= 0)
            close(t->conn);
        t->conn = accept(t->listener, NULL, NULL);
    } while (t->conn >= 0);
}

static void *
play(void *arg)
{
    struct tape *t = arg;

    for (t->at = 0; t->at < t->nsteps; t->at++)
        if (!do_step(t, &t->steps[t->at]))
            break;
    if (t->at == t->nsteps)
        check_rest(t);
    if (t->conn >= 0)
        close(t->conn);
    close(t->listener);
    return NULL;
}

struct tape *
tape_play(const struct tape_step *steps, size_t n)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(sa);
    struct tape *t = calloc(1, sizeof(*t));

    assert_non_null(t);
    t->steps = steps;
    t->nsteps = n;
    t->conn = -1;
    t->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(t->listener >= 0);
    assert_int_equal(bind(t->listener, (struct sockaddr *)&sa, len), 0);
    assert_int_equal(listen(t->listener, 16), 0);
    assert_int_equal(getsockname(t->listener, (struct sockaddr *)&sa, &len), 0);
    assert_int_equal(pipe(t->stop), 0);
    t->port = ntohs(sa.sin_port);
    snprintf(t->url, sizeof(t->url), "http://127.0.0.1:%d", t->port);
    assert_int_equal(pthread_create(&t->thread, NULL, play, t), 0);
    return t;
}

int
tape_port(const struct tape *t)
{
    return t->port;
}

const char *
tape_url(const struct tape *t)
{
    return t->url;
}

void
tape_wait(struct tape *t, size_t n)
{
    for (int ms = 0; t->nrequests < n; ms++) {
        assert_true(ms < WAIT_MS);
        usleep(1000);
    }
}

size_t
tape_end(struct tape *t)
{
    char text[sizeof(t->fault)];
    size_t n;

    assert_int_equal(write(t->stop[1], "x", 1), 1);
    pthread_join(t->thread, NULL);
    memcpy(text, t->fault, sizeof(text));
    n = t->nrequests;
    close(t->stop[0]);
    close(t->stop[1]);
    free(t->request);
    free(t);
    if (text[0])
        fail_msg("%s", text);
    return n;
}

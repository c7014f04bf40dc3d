/*
 * rawhttp.c - a client that sends exactly the bytes it is given.
 */
#include "tests/support/rawhttp.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

int
raw_connect(int port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    return fd;
}

static int
unix_socket(const char *path, struct sockaddr_un *sa)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_true(strlen(path) < sizeof(sa->sun_path));
    memset(sa, 0, sizeof(*sa));
    sa->sun_family = AF_UNIX;
    memcpy(sa->sun_path, path, strlen(path) + 1);
    return fd;
}

int
raw_connect_unix(const char *path)
{
    struct sockaddr_un sa;
    int fd = unix_socket(path, &sa);

    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    return fd;
}

int
raw_listen_unix(const char *path)
{
    struct sockaddr_un sa;
    int fd = unix_socket(path, &sa);

    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

/* A server that has closed may answer a write with EPIPE: the test looks at
 * what can still be read. */
void
raw_send(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t w = send(fd, bytes, n, MSG_NOSIGNAL);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return;
        bytes += w;
        n -= (size_t)w;
    }
}

void
raw_sends(int fd, const char *text)
{
    raw_send(fd, text, strlen(text));
}

bool
raw_readable(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, ms) == 1;
}

/* 0 at the end, a reset included. */
static size_t
read_some(int fd, char *p, size_t n)
{
    ssize_t r;

    assert_true(raw_readable(fd, RAW_WAIT_MS));
    do
        r = recv(fd, p, n, 0);
    while (r < 0 && errno == EINTR);
    return r > 0 ? (size_t)r : 0;
}

static void
read_head(int fd, struct raw_answer *out)
{
    size_t n = 0;

    out->head = calloc(1, 16384);
    assert_non_null(out->head);
    while (n < 16383 && read_some(fd, out->head + n, 1) == 1)
        if (++n >= 4 && memcmp(out->head + n - 4, "\r\n\r\n", 4) == 0)
            break;
    out->status = 0;
    if (n > 12)
        out->status = atoi(out->head + 9);
}

bool
raw_header(const struct raw_answer *r, const char *name, char *out,
           size_t cap)
{
    size_t len = strlen(name);

    for (const char *p = r->head; (p = strstr(p, "\r\n"));) {
        p += 2;
        if (strncasecmp(p, name, len) != 0 || p[len] != ':')
            continue;
        p += len + 1;
        p += strspn(p, " ");
        snprintf(out, cap, "%.*s", (int)strcspn(p, "\r"), p);
        return true;
    }
    return false;
}

void
raw_read(int fd, struct raw_answer *out, bool no_body)
{
    char text[32];
    size_t want = SIZE_MAX, cap = 65536, got;

    memset(out, 0, sizeof(*out));
    for (;;) {
        read_head(fd, out);
        if (out->status != 100)
            break;
        free(out->head);
    }
    if (raw_header(out, "content-length", text, sizeof(text)))
        want = strtoul(text, NULL, 10);
    if (no_body || out->status == 0 || out->status == 204)
        want = 0;
    if (want != SIZE_MAX)
        cap = want;
    out->body = malloc(cap + 1);
    assert_non_null(out->body);
    while (out->body_len < cap &&
           (got = read_some(fd, out->body + out->body_len,
                            cap - out->body_len)) > 0)
        out->body_len += got;
    out->body[out->body_len] = '\0';
}

void
raw_answer_free(struct raw_answer *r)
{
    free(r->head);
    free(r->body);
    memset(r, 0, sizeof(*r));
}

void
raw_wait_closed(int fd)
{
    char drop[4096];

    while (read_some(fd, drop, sizeof(drop)) > 0)
        continue;
}

int
raw_status(int port, const char *text)
{
    struct raw_answer r;
    int fd = raw_connect(port), status;

    raw_sends(fd, text);
    raw_read(fd, &r, false);
    status = r.status;
    raw_answer_free(&r);
    close(fd);
    return status;
}

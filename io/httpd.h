/*
 * httpd.h - HTTP server (libmicrohttpd) behind our own guard.
 *
 * DESIGN. One epoll thread of libmicrohttpd reads and writes; when a request
 * is complete its connection is suspended and the request goes to one of
 * `threads` plain threads, where the handler may block (on a commit). The
 * handler answers with http_reply(), or parks the request (long poll): it is
 * called again when its topic is woken or its time is up.
 *
 * Guard (reliability 3.2): header rules in the first handler call; a watchdog
 * closes connections whose request is not complete after
 * LIM_HTTP_REQUEST_MS (more for large bodies), or that do not read their
 * answer; 8 KiB memory per connection; body limits by
 * Content-Length and by count, per route.
 *
 * Handlers run on any thread, several at once. A request's memory (arena,
 * body) lives until it is answered.
 */
#ifndef IO_HTTPD_H
#define IO_HTTPD_H

#include <stdbool.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct httpd;
struct http_req;

/* Answers or parks q before it returns; else the client gets 500. */
typedef void (*http_handler)(struct http_req *q, void *ctx);

struct http_route {
    const char *method; /* "GET" also serves HEAD */
    const char *path;   /* "/api/jobs/{id}"; a parameter is one segment */
    http_handler fn;
    size_t body_limit;  /* 0: LIM_HTTP_BODY */
    /* Called with the headers alone, before the body is read; returns 0 to go
     * on or a status to answer with (401). May set headers and the user slot;
     * must not block. May be NULL. */
    int (*gate)(struct http_req *q, void *ctx);
    const char *gate_why; /* problem+json with this sentence; NULL: no body */
    const void *user;   /* what the role wants to find again: http_route() */
};

struct httpd_config {
    const char *label;
    const char *listen; /* "127.0.0.1:8080", "[::1]:0", "unix:/path"; port 0: any */
    const struct http_route *routes;
    size_t nroutes;
    void *ctx; /* given to handlers and gates */
    int threads;
    /* No route: 404/405 by default; may be NULL. */
    http_handler fallback;
    /* Gets the server before the first request comes; may be NULL. Handlers
     * may run before httpd_start() has returned. */
    struct httpd **self;
    /* Called once a request was answered, just before it is sent, from any
     * thread; r is NULL when no route fits. For metrics; may be NULL. */
    void (*done)(const struct http_route *r, int status, int64_t us, void *ctx);
    /* Tests make these smaller. 0: LIM_HTTP_REQUEST_MS, LIM_HTTP_BODIES */
    int64_t request_ms;
    size_t bodies;
};

/* NULL with UNAVAILABLE "address 127.0.0.1:8080 is taken; ..." */
struct httpd *httpd_start(const struct httpd_config *cfg, struct err *e);
int httpd_port(const struct httpd *s);
/* Takes no new connections, wakes what is parked (handlers see
 * httpd_stopping() and answer; one that parks twice then gets 503), lets
 * running requests end until the deadline, then closes all connections. A
 * handler that still runs is waited for: its own waits have limits. Frees. */
void httpd_stop(struct httpd *s, int64_t wait_ms);

/* The request. Texts are borrowed until it is answered. */
const char *http_method(const struct http_req *q);
const char *http_path(const struct http_req *q);  /* decoded, without query */
struct str http_body(const struct http_req *q);
const char *http_param(const struct http_req *q, const char *name); /* {id} */
const char *http_query(const struct http_req *q, const char *name); /* NULL */
/* The three above are valid UTF-8 without NUL: anything else got 400. */
/* The n-th field of the query, or false. */
bool http_query_at(const struct http_req *q, size_t n, struct str *name,
                   struct str *value);
/* Case-insensitive; NULL when absent; a header sent twice gives NULL and
 * sets *twice when given. */
const char *http_header(const struct http_req *q, const char *name,
                        bool *twice);
const char *http_peer(const struct http_req *q); /* address without port */
struct arena *http_arena(struct http_req *q);
const struct http_route *http_route(const struct http_req *q);
int64_t http_started_us(const struct http_req *q); /* clock_mono_us */
/* One slot for the role: what it keeps between a park and the next call.
 * Memory from the request's arena: a parked request whose client has gone is
 * dropped without calling the handler again. */
void *http_user(const struct http_req *q);
void http_user_set(struct http_req *q, void *p);

/* Multipart bodies: the n-th part, or false. Names are checked UTF-8. */
struct http_part {
    struct str name, filename, type, data;
};
bool http_part(struct http_req *q, size_t n, struct http_part *out);

/* Adds an answer header. CR, LF and NUL in the value end the process. */
void http_set_header(struct http_req *q, const char *name, const char *value);
/* Answers once; q is gone after it. body is copied. type NULL:
 * application/json. */
void http_reply(struct http_req *q, int status, const char *type,
                struct str body);
/* Answers with a file of `size` bytes from fd (taken, closed later). */
void http_reply_fd(struct http_req *q, int status, const char *type, int fd,
                   uint64_t size);
/* Closes the connection without an answer; q is gone after it. Sandboxes use
 * it to lose answers. */
void http_drop(struct http_req *q);

/* Long poll: q is called again when http_wake(topic) comes or until_mono_ms
 * has passed. topic is borrowed for ever (a literal). From the handler only.
 * A wake between the handler's look and the park is not lost: take the
 * topic's number BEFORE looking and give it here. */
uint64_t http_topic(struct httpd *s, const char *topic);
void http_park(struct http_req *q, const char *topic, uint64_t seen,
               int64_t until_mono_ms);
/* Wakes up to n parked requests of the topic (0: all). */
void http_wake(struct httpd *s, const char *topic, size_t n);
/* How many requests are parked there now: metrics, tests. */
size_t http_parked(struct httpd *s, const char *topic);
struct httpd *http_server(struct http_req *q);
bool httpd_stopping(const struct httpd *s);

#endif

/*
 * httpd_int.h - what the parts of the HTTP server know of one another; only
 * io/httpd*.c include it.
 *
 *   httpd.c        start and stop, libmicrohttpd's callbacks
 *   httpd_guard.c  header rules, the request's target
 *   httpd_route.c  the table of routes
 *   httpd_pool.c   handler threads, parking, topics, the timer thread
 *   httpd_watch.c  connections and their deadlines
 *   httpd_req.c    what handlers see of a request, answers
 *
 * Who owns a request (struct http_req):
 *
 *   LINE -> HEAD -> BODY | REFUSED     libmicrohttpd's thread
 *                    |        |
 *                  HANDED     |        one handler thread, or parked
 *                    |        |
 *                  ANSWERED <-+        libmicrohttpd's thread, which frees it
 *
 * A connection is suspended from HANDED to ANSWERED: libmicrohttpd neither
 * reads nor closes it then, so request and descriptor stay valid.
 */
#ifndef IO_HTTPD_INT_H
#define IO_HTTPD_INT_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <microhttpd.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/thread.h"
#include "io/hostport.h"
#include "io/httpd.h"
#include "io/multipart.h"

#define HTTPD_SEGMENTS 16   /* of a path; longer ones match no route */
#define HTTPD_METHOD_MAX 16 /* bytes */
#define HTTPD_TOPICS 32     /* different literals given to http_topic */

struct http_field {
    struct str name, value; /* followed by NUL */
};

/* ---- httpd_guard.c ---- */
struct http_target {
    const char *path; /* decoded, whole */
    size_t nsegs;     /* HTTPD_SEGMENTS + 1: too many */
    struct str segs[HTTPD_SEGMENTS]; /* decoded */
    size_t nquery;
    struct http_field query[LIM_HTTP_QUERY_FIELDS]; /* decoded */
};
/* 0, or the status to refuse with and, in *why, a sentence. */
int httpd_guard(const char *method, const char *target, const char *version,
                const struct http_field *h, size_t n, const char **why);
/* Origin and absolute form; false: 400. Texts come from the arena. */
bool httpd_target_parse(struct arena *a, const char *raw,
                        struct http_target *out);

/* ---- httpd_route.c ---- */
struct httpd_routes;
struct httpd_routes *httpd_routes_new(const struct http_route *r, size_t n);
void httpd_routes_free(struct httpd_routes *rs);
struct httpd_match {
    const struct http_route *route; /* NULL: none for method and path */
    size_t nparams;
    struct http_field params[HTTPD_SEGMENTS];
    bool path_known; /* the path exists for the methods in allow */
    char allow[64];
};
void httpd_routes_match(const struct httpd_routes *rs, const char *method,
                        const struct http_target *t, struct httpd_match *out);

/* ---- the request ---- */
enum req_stage {
    REQ_LINE,    /* the request line is there */
    REQ_BODY,    /* its body is being collected */
    REQ_REFUSED, /* its body is thrown away, `refusal` is sent after it */
    REQ_HANDED,  /* suspended: with a handler thread, or parked */
    REQ_ANSWERED /* `response` is there, or was sent */
};

struct http_out_header {
    struct http_out_header *next;
    const char *name, *value;
};

struct http_req {
    struct httpd *server;
    struct httpd_conn *conn;
    struct MHD_Connection *mhd;
    struct arena *arena;
    enum req_stage stage;
    int64_t started_us;
    const char *method, *raw_target;
    char peer[INET6_ADDRSTRLEN];
    struct http_target target;
    size_t nheaders;
    struct http_field headers[LIM_HTTP_HEADERS]; /* values lent by libmicrohttpd */
    bool too_many_headers;
    struct httpd_match match;
    http_handler fn; /* the route's or the fallback */
    struct buf body;
    size_t received; /* bytes of the body, kept or not */
    size_t held;     /* its share of httpd.held */
    bool parts_read;
    struct multipart *parts; /* in the arena; NULL: no multipart body */
    void *user;
    /* the answer */
    int refusal;
    bool refused_by_gate;
    const char *refusal_why;
    struct http_out_header *out;
    int status;
    uint64_t answer_bytes;
    struct MHD_Response *response;
    bool dropped; /* no answer: the connection is closed */
    /* with the pool; GUARDED_BY(pool lock) */
    struct http_req *next, *prev;
    struct httpd_topic *topic; /* where it is parked, or NULL */
    int64_t until_ms;
    bool told_to_stop;
    bool counted;
};

/* ---- httpd_req.c ---- */
/* Problem+json of the server itself, kept in q for the next callback. */
void httpd_req_problem(struct http_req *q, int status, const char *why);
void httpd_req_empty(struct http_req *q, int status);
/* Hands an answered request back to libmicrohttpd; q is gone after it. */
void httpd_req_resume(struct http_req *q);
void httpd_req_free(struct http_req *q);

/* ---- httpd_pool.c ---- */
struct httpd_topic {
    const char *name;
    uint64_t number;              /* of wakes so far */
    struct http_req *head, *tail; /* parked, oldest first */
};

struct httpd_pool {
    pthread_mutex_t lock;
    pthread_cond_t work;  /* something is queued, or stop */
    pthread_cond_t timer; /* an earlier deadline, or stop */
    pthread_cond_t idle;  /* active became 0 */
    struct http_req *head, *tail GUARDED_BY(lock); /* queued */
    struct httpd_topic topics[HTTPD_TOPICS] GUARDED_BY(lock);
    size_t ntopics GUARDED_BY(lock);
    size_t active GUARDED_BY(lock); /* handed over and not yet completed */
    int64_t timer_at GUARDED_BY(lock); /* when the timer thread looks again */
    bool closed GUARDED_BY(lock);   /* takes no more requests */
    bool stop GUARDED_BY(lock);     /* threads end */
    int nthreads;
    pthread_t *threads;
    pthread_t timer_thread;
};

void httpd_pool_start(struct httpd *s);
/* False when the pool is closed; else q counts as active. */
bool httpd_pool_enter(struct http_req *q);
void httpd_pool_push(struct http_req *q);
void httpd_pool_leave(struct http_req *q); /* q is completed */
void httpd_pool_settled(struct http_req *q); /* the handler answered it */
void httpd_pool_wake_all(struct httpd *s);
bool httpd_pool_wait_idle(struct httpd *s, int64_t ms);
/* Closes when nothing is active (false otherwise), then ends the threads. */
bool httpd_pool_close(struct httpd *s);
void httpd_pool_fini(struct httpd *s);

/* ---- httpd_watch.c ---- */
struct httpd_conn {
    struct httpd_conn *prev, *next;
    int fd;
    struct sockaddr_storage addr;
    _Atomic int64_t deadline_ms; /* INT64_MAX: none */
    int64_t opened_ms;
    bool used; /* had its first request */
};

struct httpd_watch {
    pthread_mutex_t lock;
    struct httpd_conn *list GUARDED_BY(lock);
};

struct httpd_conn *httpd_watch_add(struct httpd *s,
                                   struct MHD_Connection *mhd);
/* After it returns nobody touches the descriptor any more. */
void httpd_watch_remove(struct httpd *s, struct httpd_conn *c);
bool httpd_watch_admits(struct httpd *s, const struct sockaddr *addr);
void httpd_watch_pass(struct httpd *s, int64_t now_ms);
void httpd_watch_shutdown_all(struct httpd *s);
bool httpd_peer_is_gone(const struct httpd_conn *c);
void httpd_peer_text(const struct httpd_conn *c, char out[INET6_ADDRSTRLEN]);

struct httpd {
    struct httpd_config cfg;
    struct httpd_routes *routes;
    struct MHD_Daemon *daemon;
    int listen_fd;
    int port;
    char unix_path[HOSTPORT_UNIX_MAX + 1];
    int64_t request_ms; /* deadline to receive a request */
    int64_t header_ms;
    size_t bodies; /* limit of held */
    _Atomic bool stopping;
    atomic_size_t held; /* bytes of all bodies in memory */
    struct httpd_pool pool;
    struct httpd_watch watch;
};

#endif

/*
 * httpd.c - start, stop, and libmicrohttpd's callbacks.
 *
 * All callbacks run on libmicrohttpd's one thread and must not block: they
 * check, collect the body, hand over and send. io/httpd_int.h draws who owns
 * a request when.
 */
#include "io/httpd_int.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define STOP_STEP_MS 100

/* ---- a request arrives ---- */

/* The request line is there: the first that is heard of a request. */
static void *
on_line(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    struct httpd *s = cls;
    struct http_req *q = mem_calloc(1, sizeof(*q));
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    q->server = s;
    q->mhd = mhd;
    q->conn = info->socket_context;
    q->arena = arena_new();
    q->started_us = clock_mono_us();
    q->raw_target = arena_strdup(q->arena, uri);
    buf_init(&q->body, LIM_HTTP_BODY);
    if (q->conn->used)
        q->conn->deadline_ms = clock_mono_ms() + s->header_ms;
    q->conn->used = true;
    return q;
}

static enum MHD_Result
on_header(void *cls, enum MHD_ValueKind kind, const char *name, size_t nlen,
          const char *value, size_t vlen)
{
    struct http_req *q = cls;

    (void)kind;
    if (q->nheaders == LIM_HTTP_HEADERS) {
        q->too_many_headers = true;
        return MHD_NO;
    }
    q->headers[q->nheaders++] = (struct http_field){
        .name = str_n(name, nlen), .value = str_n(value ? value : "", vlen)};
    return MHD_YES;
}

static enum MHD_Result
send_answer(struct http_req *q)
{
    enum MHD_Result rc;

    q->stage = REQ_ANSWERED;
    q->conn->deadline_ms = clock_mono_ms() + q->server->request_ms +
                           (int64_t)(q->answer_bytes / LIM_HTTP_BYTES_PER_MS);
    rc = MHD_queue_response(q->mhd, (unsigned)q->status, q->response);
    MHD_destroy_response(q->response);
    q->response = NULL;
    return rc;
}

/* Where the next request begins is in doubt, so there is none. */
static enum MHD_Result
send_problem_and_close(struct http_req *q, int status, const char *why)
{
    if (!httpd_stopping(q->server))
        http_set_header(q, MHD_HTTP_HEADER_CONNECTION, "close");
    httpd_req_problem(q, status, why);
    return send_answer(q);
}

static enum MHD_Result
send_refusal(struct http_req *q)
{
    if (q->refused_by_gate && q->refusal_why == NULL)
        httpd_req_empty(q, q->refusal);
    else
        httpd_req_problem(q, q->refusal, q->refusal_why);
    return send_answer(q);
}

/* Bytes of body that the headers announce; 0 when they do not. */
static uint64_t
announced_bytes(const struct http_req *q)
{
    const char *z = http_header(q, MHD_HTTP_HEADER_CONTENT_LENGTH, NULL);
    uint64_t n = 0;

    if (z && !str_to_u64(str_c(z), &n))
        return UINT64_MAX;
    return n;
}

/* The body is read and thrown away, then the client gets its answer, on a
 * connection that stays open: answering at once would make libmicrohttpd
 * close it, and what the client still sends would reset the answer away. A
 * client that asks first, or announces too much, gets it at once. */
static void
refuse_later(struct http_req *q, int status, const char *why)
{
    q->refusal = status;
    q->refusal_why = why;
    q->stage = REQ_REFUSED;
}

static enum MHD_Result
refuse(struct http_req *q, int status, const char *why)
{
    refuse_later(q, status, why);
    if (!http_header(q, MHD_HTTP_HEADER_EXPECT, NULL) &&
        announced_bytes(q) <= LIM_HTTP_SWALLOW)
        return MHD_YES;
    if (!httpd_stopping(q->server))
        http_set_header(q, MHD_HTTP_HEADER_CONNECTION, "close");
    return send_refusal(q);
}

static enum MHD_Result
refuse_path(struct http_req *q)
{
    if (!q->match.path_known)
        return refuse(q, 404, "there is nothing at this address");
    http_set_header(q, MHD_HTTP_HEADER_ALLOW, q->match.allow);
    return refuse(q, 405, "this address knows other methods");
}

/* Finds who serves the request; its limit for the body into *limit. */
static bool
find_handler(struct http_req *q, size_t *limit)
{
    const struct httpd *s = q->server;
    const struct http_route *r;

    httpd_routes_match(s->routes, q->method, &q->target, &q->match);
    r = q->match.route;
    q->fn = r ? r->fn : !q->match.path_known ? s->cfg.fallback : NULL;
    *limit = r && r->body_limit ? r->body_limit : LIM_HTTP_BODY;
    return q->fn != NULL;
}

static enum MHD_Result
on_headers(struct http_req *q, const char *method, const char *version)
{
    const struct httpd_config *cfg = &q->server->cfg;
    const char *why;
    size_t limit;
    int status;

    q->method = arena_strdup(q->arena, method);
    httpd_peer_text(q->conn, q->peer);
    MHD_get_connection_values_n(q->mhd, MHD_HEADER_KIND, on_header, q);
    if (q->too_many_headers)
        return send_problem_and_close(q, 431, "too many headers");
    status = httpd_guard(method, q->raw_target, version, q->headers,
                         q->nheaders, &why);
    if (status != 0)
        return send_problem_and_close(q, status, why);
    q->conn->deadline_ms = q->started_us / 1000 + q->server->request_ms;
    if (!httpd_target_parse(q->arena, q->raw_target, &q->target))
        return refuse(q, 400, "the address is malformed");
    if (!find_handler(q, &limit))
        return refuse_path(q);
    if (q->match.route && q->match.route->gate &&
        (status = q->match.route->gate(q, cfg->ctx)) != 0) {
        q->refused_by_gate = true;
        return refuse(q, status, q->match.route->gate_why);
    }
    if (announced_bytes(q) > limit)
        return refuse(q, 413, "the body is over this address's limit");
    buf_init(&q->body, limit);
    q->stage = REQ_BODY;
    return MHD_YES;
}

/* ---- its body, and the hand-over ---- */

static void
release_body(struct http_req *q)
{
    atomic_fetch_sub(&q->server->held, q->held);
    q->held = 0;
    buf_free(&q->body);
}

static enum MHD_Result
drop_body(struct http_req *q, int status, const char *why)
{
    release_body(q);
    q->received = 0; /* from here on: what is thrown away */
    refuse_later(q, status, why);
    return MHD_YES;
}

static enum MHD_Result
on_body(struct http_req *q, const char *p, size_t n)
{
    q->received += n;
    q->conn->deadline_ms = q->started_us / 1000 + q->server->request_ms +
                           (int64_t)(q->received / LIM_HTTP_BYTES_PER_MS);
    if (q->stage == REQ_BODY) {
        buf_add(&q->body, p, n);
        q->held += n;
        if (atomic_fetch_add(&q->server->held, n) + n > q->server->bodies)
            return drop_body(q, 503, "too many large bodies at once");
        if (q->body.failed)
            return drop_body(q, 413, "the body is over this address's limit");
        return MHD_YES;
    }
    return q->received <= LIM_HTTP_SWALLOW ? MHD_YES : MHD_NO;
}

static enum MHD_Result
on_complete(struct http_req *q)
{
    if (q->stage == REQ_REFUSED)
        return send_refusal(q);
    if (!httpd_pool_enter(q)) {
        httpd_req_problem(q, 503, "the server is stopping");
        return send_answer(q);
    }
    q->stage = REQ_HANDED;
    q->conn->deadline_ms = INT64_MAX;
    /* First suspend, then hand over: a handler may answer before this
     * function returns. */
    MHD_suspend_connection(q->mhd);
    httpd_pool_push(q);
    return MHD_YES;
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *mhd, const char *url,
           const char *method, const char *version, const char *upload,
           size_t *upload_len, void **ctx)
{
    struct http_req *q = *ctx;
    size_t n = *upload_len;

    (void)cls;
    (void)mhd;
    (void)url;
    switch (q->stage) {
    case REQ_LINE:
        return on_headers(q, method, version);
    case REQ_BODY:
    case REQ_REFUSED:
        *upload_len = 0;
        return n > 0 ? on_body(q, upload, n) : on_complete(q);
    case REQ_ANSWERED:
        return q->dropped ? MHD_NO : send_answer(q);
    case REQ_HANDED:
        break; /* suspended: libmicrohttpd does not call */
    }
    assert(!"a handed request came back");
    return MHD_NO;
}

static void
on_completed(void *cls, struct MHD_Connection *mhd, void **ctx,
             enum MHD_RequestTerminationCode code)
{
    struct http_req *q = *ctx;

    (void)cls;
    (void)mhd;
    (void)code;
    if (!q)
        return;
    q->conn->deadline_ms = clock_mono_ms() + LIM_HTTP_IDLE_MS;
    release_body(q);
    httpd_pool_leave(q);
    httpd_req_free(q);
    *ctx = NULL;
}

/* ---- connections ---- */

static void
on_connection(void *cls, struct MHD_Connection *mhd, void **ctx,
              enum MHD_ConnectionNotificationCode code)
{
    struct httpd *s = cls;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *ctx = httpd_watch_add(s, mhd);
    } else {
        httpd_watch_remove(s, *ctx);
        *ctx = NULL;
    }
}

static enum MHD_Result
on_accept(void *cls, const struct sockaddr *addr, socklen_t len)
{
    (void)len;
    return httpd_watch_admits(cls, addr) ? MHD_YES : MHD_NO;
}

static void __attribute__((format(printf, 2, 0)))
on_log(void *cls, const char *fmt, va_list ap)
{
    char text[256];

    (void)cls;
    vsnprintf(text, sizeof(text), fmt, ap);
    log_debug("httpd", "library", "%s", text);
}

/* ---- start and stop ---- */

static int
open_listener(struct httpd *s, struct err *e)
{
    struct hostport hp;

    if (hostport_parse(s->cfg.listen, &hp, e) != 0 ||
        hostport_listen(&hp, &s->listen_fd, &s->port, e) != 0)
        return -1;
    memcpy(s->unix_path, hp.unix_path, sizeof(s->unix_path));
    return 0;
}

static struct MHD_Daemon *
start_daemon(struct httpd *s)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
            MHD_USE_ERROR_LOG,
        0, on_accept, s, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, s,
        MHD_OPTION_LISTEN_SOCKET, s->listen_fd, MHD_OPTION_URI_LOG_CALLBACK,
        on_line, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)LIM_HTTP_CONNECTIONS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)LIM_HTTP_HEADER_MEMORY,
        MHD_OPTION_END);
}

static void
close_listener(struct httpd *s)
{
    if (s->unix_path[0])
        unlink(s->unix_path);
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    s->listen_fd = -1;
}

static void
server_free(struct httpd *s)
{
    httpd_pool_fini(s);
    pthread_mutex_destroy(&s->watch.lock);
    httpd_routes_free(s->routes);
    mem_free(s);
}

struct httpd *
httpd_start(const struct httpd_config *cfg, struct err *e)
{
    struct httpd *s = mem_calloc(1, sizeof(*s));

    s->cfg = *cfg;
    s->listen_fd = -1;
    if (open_listener(s, e) != 0) {
        err_wrap(e, "%s", cfg->label);
        mem_free(s);
        return NULL;
    }
    s->request_ms = cfg->request_ms > 0 ? cfg->request_ms : LIM_HTTP_REQUEST_MS;
    s->bodies = cfg->bodies > 0 ? cfg->bodies : LIM_HTTP_BODIES;
    s->header_ms =
        s->request_ms < LIM_HTTP_HEADER_MS ? s->request_ms : LIM_HTTP_HEADER_MS;
    s->routes = httpd_routes_new(cfg->routes, cfg->nroutes);
    pthread_mutex_init(&s->watch.lock, NULL);
    if (cfg->self)
        *cfg->self = s;
    httpd_pool_start(s);
    s->daemon = start_daemon(s);
    if (s->daemon)
        return s;
    if (cfg->self)
        *cfg->self = NULL;
    err_set(e, ERR_UNAVAILABLE, "%s: the HTTP server did not start",
            cfg->label);
    httpd_pool_close(s);
    close_listener(s);
    server_free(s);
    return NULL;
}

int
httpd_port(const struct httpd *s)
{
    return s->port;
}

bool
httpd_stopping(const struct httpd *s)
{
    return s->stopping;
}

void
httpd_stop(struct httpd *s, int64_t wait_ms)
{
    if (!s)
        return;
    s->stopping = true;
    MHD_quiesce_daemon(s->daemon);
    close_listener(s);
    httpd_pool_wake_all(s);
    if (!httpd_pool_wait_idle(s, wait_ms))
        log_warn("httpd", "late", "server=%s: requests outlive the deadline",
                 s->cfg.label);
    /* From here on answers go nowhere; only handlers are waited for, and each
     * of their waits has its own limit. */
    do
        httpd_watch_shutdown_all(s);
    while (!httpd_pool_wait_idle(s, STOP_STEP_MS) || !httpd_pool_close(s));
    MHD_stop_daemon(s->daemon);
    server_free(s);
}

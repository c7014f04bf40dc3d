/*
 * call.c - a request on its way to its handler and back.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "backend/backend_int.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"

static const char *
status_title(int status)
{
    switch (status) {
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 402:
        return "Payment Required";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 409:
        return "Conflict";
    case 413:
        return "Content Too Large";
    case 422:
        return "Unprocessable Content";
    case 503:
        return "Service Unavailable";
    default:
        return "Internal Server Error";
    }
}

int
call_refuse(struct call *c, int status, const char *code, const char *fmt, ...)
{
    char detail[ERR_MSG_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(detail, sizeof detail, fmt, ap);
    va_end(ap);
    log_redact(detail);
    c->problem.type = "about:blank";
    c->problem.title = status_title(status);
    c->problem.status = status;
    c->problem.code = code;
    c->problem.detail = arena_strdup(c->a, detail);
    return status;
}

/* A sentence about a member begins with its JSON pointer: "/price: ...". */
static void
pointer_take(struct call *c, const char *msg)
{
    size_t n = strcspn(msg, ":");
    if (msg[0] == '/' && msg[n] == ':')
        c->problem.pointer = arena_strn(c->a, msg, n);
}

int
call_error(struct call *c, const struct err *e)
{
    switch (e->code) {
    case ERR_BAD_INPUT:
        pointer_take(c, e->msg);
        return call_refuse(c, 400, "bad_input", "%s", e->msg);
    case ERR_NOT_FOUND:
        return call_refuse(c, 404, "not_found", "%s", e->msg);
    case ERR_CONFLICT:
        return call_refuse(c, 409, "conflict", "%s", e->msg);
    case ERR_TOO_LARGE:
        return call_refuse(c, 413, "too_large", "%s", e->msg);
    case ERR_UNAVAILABLE:
    case ERR_TIMEOUT:
        c->problem.retry_after_s = 1;
        return call_refuse(c, 503, "unavailable", "%s", e->msg);
    case ERR_NONE:
    case ERR_INTERNAL:
        break;
    }
    log_error("api", "internal", "route=%s %s", c->route->id, e->msg);
    return call_refuse(c, 500, "internal", "%s", e->msg);
}

bool
call_park(struct call *c, const char *topic, uint64_t seen, int64_t wait_ms)
{
    int64_t until_ms = http_started_us(c->q) / 1000 + wait_ms;
    if (wait_ms <= 0 || httpd_stopping(c->b->http) ||
        clock_mono_ms() >= until_ms)
        return false;
    http_park(c->q, topic, seen, until_ms);
    return true;
}

/* The bearer token, or the empty text. */
static struct str
bearer(struct http_req *q)
{
    const char *h = http_header(q, "Authorization", NULL);
    if (h == NULL || strncmp(h, "Bearer ", 7) != 0)
        return (struct str){"", 0};
    return str_trim(str_c(h + 7));
}

static bool
token_is(struct backend *b, enum setting_id id, struct str given)
{
    const char *want = setting_str(b->set, id);
    return want[0] != '\0' && ct_equal(str_c(want), given);
}

/* 0 or 401: before the body is read. */
static int
call_gate(struct http_req *q, void *ctx)
{
    struct backend *b = ctx;
    const struct api_route_row *r = http_route(q)->user;
    if (r->auth == API_PUBLIC)
        return 0;
    struct str given = bearer(q);
    bool admin = token_is(b, SET_ADMIN_TOKEN, given);
    if (admin || (r->auth != API_ADMIN &&
                  token_is(b, SET_SERVICE_TOKEN, given)))
        return 0;
    return 401;
}

static int
parse_body(struct call *c, void **in)
{
    const struct api_shape *s = c->route->request;
    struct err e;
    if (s == &api_shape_none)
        return 0;
    void *p = arena_alloc(c->a, s->size);
    struct str body = http_body(c->q);
    if (body.len == 0)
        body = STR("{}");
    if (api_read(s, body, p, c->a, &e) != 0)
        return call_error(c, &e);
    *in = p;
    return 0;
}

static void
reply_problem(struct call *c, int status)
{
    struct buf b;
    buf_init(&b, 16384);
    api_write(&api_shape_problem, &c->problem, &b);
    if (c->problem.retry_after_s != API_UNSET) {
        char s[24];
        snprintf(s, sizeof s, "%lld", (long long)c->problem.retry_after_s);
        http_set_header(c->q, "Retry-After", s);
    }
    http_reply(c->q, status, "application/problem+json", buf_str(&b));
    buf_free(&b);
}

static void
reply_answer(struct call *c, int status, const void *out)
{
    struct buf b;
    buf_init(&b, 8u << 20);
    if (status != 204 && c->route->answer != &api_shape_none)
        api_write(c->route->answer, out, &b);
    else if (status != 204)
        buf_add_c(&b, "{}");
    if (b.failed) {
        call_refuse(c, 500, "too_large", "the answer is over 8 MiB");
        reply_problem(c, 500);
    } else {
        http_reply(c->q, status, NULL, buf_str(&b));
    }
    buf_free(&b);
}

/* The http_handler of every route of the table. */
static void
call_dispatch(struct http_req *q, void *ctx)
{
    struct backend *b = ctx;
    const struct api_route_row *r = http_route(q)->user;
    struct call c = {
        .b = b, .q = q, .a = http_arena(q), .route = r};
    void *in = NULL;
    api_init(&api_shape_problem, &c.problem);
    c.admin = token_is(b, SET_ADMIN_TOKEN, bearer(q));
    void *out = arena_alloc(c.a, r->answer->size);
    api_init(r->answer, out);
    int status = parse_body(&c, &in);
    if (status == 0) {
        c.in = in;
        status = backend_routes[r - api_routes](&c, out);
    }
    if (status == CALL_REPLIED)
        return;
    if (status >= 400 && !(r == &api_routes[API_ROUTE_ready]))
        reply_problem(&c, status);
    else
        reply_answer(&c, status, out);
    log_job_set(NULL);
}

/* /api/tasks/... also without /api (contracts: seeds 1.4). */
size_t
call_routes(struct http_route *out)
{
    size_t n = 0;
    for (size_t i = 0; i < API_ROUTE_COUNT; i++) {
        const struct api_route_row *r = &api_routes[i];
        struct http_route h = {.method = r->method,
                               .path = r->path,
                               .fn = call_dispatch,
                               .gate = call_gate,
                               .gate_why = "give Authorization: Bearer with "
                                           "a token of this shop",
                               .user = r};
        if (i == API_ROUTE_object_put)
            h.body_limit = LIM_UPLOAD_BYTES;
        out[n++] = h;
        if (strncmp(r->path, "/api/tasks/", 11) == 0) {
            h.path = r->path + 4;
            out[n++] = h;
        }
    }
    return n;
}

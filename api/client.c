/*
 * client.c - one call: path, body, repeats, answer.
 */
#include <string.h>
#include "api/client.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/httpc.h"

#define CALL_TIMEOUT_MS 30000
#define BACKOFF_FIRST_MS 50
#define BACKOFF_LAST_MS 1000

struct api_client {
    struct httpc *http;
    struct stop *stop; /* borrowed, may be NULL */
};

struct api_client *
api_client_new(const char *base_url, const char *token, struct stop *stop,
               struct err *e)
{
    struct httpc *http = httpc_new(
        &(struct httpc_config){
            .label = "backend", .base = base_url, .bearer = token},
        e);
    if (http == NULL)
        return NULL;
    struct api_client *c = mem_calloc(1, sizeof *c);
    c->http = http;
    c->stop = stop;
    return c;
}

void
api_client_free(struct api_client *c)
{
    if (c == NULL)
        return;
    httpc_free(c->http);
    mem_free(c);
}

void
api_client_stop(struct api_client *c)
{
    httpc_stop(c->http);
}

/* The route's path with its {…} filled in. */
static char *
path_fill(const struct api_route_row *r, const struct api_args *args,
          struct arena *a)
{
    struct buf b;
    size_t arg = 0;
    buf_init(&b, 4096);
    for (const char *p = r->path; *p != '\0'; p++) {
        if (*p != '{') {
            buf_add_byte(&b, *p);
            continue;
        }
        buf_add_c(&b, httpc_escape(a, str_c(args->path[arg++])));
        p = strchr(p, '}');
    }
    if (args->query != NULL)
        buf_addf(&b, "?%s", args->query);
    char *path = arena_strn(a, b.p, b.len);
    buf_free(&b);
    return path;
}

static enum err_code
code_of_status(int status)
{
    switch (status) {
    case 404:
        return ERR_NOT_FOUND;
    case 402:
    case 409:
    case 422:
        return ERR_CONFLICT;
    case 413:
        return ERR_TOO_LARGE;
    case 429:
    case 503:
        return ERR_UNAVAILABLE;
    default:
        return status < 500 ? ERR_BAD_INPUT : ERR_INTERNAL;
    }
}

static int
answer_error(const struct api_route_row *r, const struct httpc_res *res,
             struct arena *a, struct api_answer *ans, struct err *e)
{
    struct err bad;
    if (api_read(&api_shape_problem, buf_str(&res->body), &ans->problem, a,
                 &bad) != 0) {
        api_init(&api_shape_problem, &ans->problem);
        ans->problem.code = "";
    }
    const char *detail = ans->problem.detail;
    return err_set(e, code_of_status(res->status), "%s: %d %s%s%s", r->id,
                   res->status, ans->problem.code, detail ? ": " : "",
                   detail ? detail : "");
}

static int
answer_take(const struct api_route_row *r, const struct api_args *args,
            struct httpc_res *res, struct arena *a, struct api_answer *ans,
            struct err *e)
{
    ans->status = res->status;
    if (res->status >= 400 && !api_route_is_ok(r, res->status))
        return answer_error(r, res, a, ans, e);
    if (args->out_bytes != NULL) {
        buf_add_str(args->out_bytes, buf_str(&res->body));
        if (args->out_bytes->failed)
            return err_set(e, ERR_TOO_LARGE, "%s: answer is too large", r->id);
        return 0;
    }
    if (res->status == 204 || args->out == NULL)
        return 0;
    if (api_read(r->answer, buf_str(&res->body), args->out, a, e) != 0)
        return err_wrap(e, "%s: answer", r->id);
    return 0;
}

/* Away, restarting or overloaded: worth another try. */
static bool
may_repeat(const struct api_route_row *r, int rc, const struct httpc_res *res,
           const struct err *e)
{
    if (rc != 0)
        return e->code == ERR_UNAVAILABLE || e->code == ERR_TIMEOUT;
    if (api_route_is_ok(r, res->status))
        return false; /* /ready says 503 and means it */
    return res->status == 503 || res->status == 502 || res->status == 504;
}

static bool
pause_before_repeat(struct api_client *c, int64_t ms, int64_t until_ms)
{
    if (clock_mono_ms() + ms > until_ms)
        return false;
    if (c->stop != NULL)
        return !stop_wait_ms(c->stop, ms);
    clock_sleep_ms(ms);
    return true;
}

/* Who gives up soon does not wait long for a backend that hangs. */
static int64_t
timeout_of(int64_t budget_ms)
{
    return budget_ms > 0 && budget_ms < CALL_TIMEOUT_MS ? budget_ms
                                                        : CALL_TIMEOUT_MS;
}

int
api_call(struct api_client *c, enum api_route route,
         const struct api_args *args, struct arena *a, struct api_answer *ans,
         struct err *e)
{
    const struct api_route_row *r = &api_routes[route];
    struct api_answer own;
    struct buf body;
    char key[320];
    const char *headers[2] = {NULL, NULL};
    int64_t budget =
        args->deadline_ms == 0 ? CALL_TIMEOUT_MS : args->deadline_ms;
    int64_t until_ms = clock_mono_ms() + budget;
    int64_t pause_ms = BACKOFF_FIRST_MS;
    int rc;

    if (ans == NULL)
        ans = &own;
    memset(ans, 0, sizeof *ans);
    api_init(&api_shape_problem, &ans->problem);
    ans->problem.code = "";
    buf_init(&body, LIM_JSON_BYTES);
    if (args->in != NULL)
        api_write(r->request, args->in, &body);
    if (body.failed) {
        buf_free(&body);
        return err_set(e, ERR_TOO_LARGE, "%s: request is over %d bytes", r->id,
                       LIM_JSON_BYTES);
    }
    if (args->idempotency_key != NULL) {
        snprintf(key, sizeof key, "Idempotency-Key: %s",
                 args->idempotency_key);
        headers[0] = key;
    }
    struct httpc_req q = {
        .method = r->method,
        .path = path_fill(r, args, a),
        .op = r->id,
        .idempotent = true,
        .body = args->bytes.len > 0 ? args->bytes : buf_str(&body),
        .content_type = args->bytes_type,
        .headers = headers[0] != NULL ? headers : NULL,
        .timeout_ms = timeout_of(budget) + args->wait_ms,
    };
    for (;;) {
        struct httpc_res res;
        err_clear(e);
        rc = httpc_do(c->http, &q, &res, e);
        if (!may_repeat(r, rc, &res, e) ||
            !pause_before_repeat(c, pause_ms, until_ms)) {
            if (rc == 0) {
                rc = answer_take(r, args, &res, a, ans, e);
                httpc_res_free(&res);
            }
            break;
        }
        log_debug("api", "repeat", "route=%s", r->id);
        if (rc == 0)
            httpc_res_free(&res);
        pause_ms = pause_ms * 2 < BACKOFF_LAST_MS ? pause_ms * 2
                                                  : BACKOFF_LAST_MS;
    }
    buf_free(&body);
    return rc;
}

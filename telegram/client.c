/*
 * client.c - calls of the Telegram Bot API.
 */
#include "telegram/client.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "io/httpc.h"
#include "model/text.h"

#define PARAMS_MAX LIM_JSON_BYTES
#define POLL_GRACE_MS 10000 /* beyond the poll's own time */
#define LOW_SPEED_S 30
#define PARTS_MAX 24

struct tg {
    struct httpc *http;
    char *token;
    char *bot_id;
};

/* ---- making ---- */

static bool
token_is_plausible(struct str token)
{
    struct str rest = token, id;
    int64_t n;

    if (!str_split(&rest, ':', &id) || !str_to_i64(id, &n) || n <= 0 ||
        rest.len == 0 || token.len > 200)
        return false;
    for (size_t i = 0; i < rest.len; i++) {
        char c = rest.p[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
            !(c >= 'A' && c <= 'Z') && c != '_' && c != '-')
            return false;
    }
    return true;
}

struct tg *
tg_new(const char *api_url, const char *token, struct err *e)
{
    struct httpc_config cfg = {.label = "telegram", .base = api_url};
    struct httpc *http;
    struct tg *tg;

    log_secret(token);
    if (!token_is_plausible(str_c(token))) {
        err_set(e, ERR_BAD_INPUT,
                "BOT_TOKEN is no bot token: it looks like "
                "123456:ABC-DEF, from @BotFather");
        return NULL;
    }
    http = httpc_new(&cfg, e);
    if (http == NULL)
        return NULL;
    tg = mem_calloc(1, sizeof(*tg));
    tg->http = http;
    tg->token = mem_strdup(token);
    tg->bot_id = mem_strndup(token, strcspn(token, ":"));
    return tg;
}

void
tg_free(struct tg *tg)
{
    if (tg == NULL)
        return;
    httpc_free(tg->http);
    mem_free(tg->token);
    mem_free(tg->bot_id);
    mem_free(tg);
}

void
tg_stop(struct tg *tg)
{
    httpc_stop(tg->http);
}

const char *
tg_bot_id(const struct tg *tg)
{
    return tg->bot_id;
}

/* ---- one call ---- */

/* In multipart each parameter is a field: texts as they are, all else as its
 * JSON. Returns how many, or 0 with BAD_INPUT. */
static size_t
params_to_parts(struct arena *a, struct str params,
                struct httpc_part parts[PARTS_MAX], struct err *e)
{
    const cJSON *j = json_parse_in(a, params, 0, e);
    const cJSON *v;
    size_t n = 0;

    if (j == NULL)
        return 0;
    cJSON_ArrayForEach (v, j) {
        const char *z = cJSON_IsString(v) ? v->valuestring : json_text(a, v);

        assert(n < PARTS_MAX - 1);
        parts[n++] = (struct httpc_part){.name = v->string, .data = str_c(z)};
    }
    return n;
}

static int
call_multipart(struct tg *tg, struct httpc_req *q, const struct tg_request *r,
               struct httpc_res *res, struct err *e)
{
    struct httpc_part parts[PARTS_MAX];
    struct arena *a = arena_new();
    size_t n = params_to_parts(a, r->params, parts, e);
    int rc = -1;

    if (n > 0) {
        parts[n] = (struct httpc_part){.name = r->file->field,
                                       .filename = r->file->filename,
                                       .type = r->file->type,
                                       .data = r->file->bytes};
        q->parts = parts;
        q->nparts = n + 1;
        q->low_speed_s = LOW_SPEED_S;
        rc = httpc_do(tg->http, q, res, e);
    }
    arena_free(a);
    return rc;
}

static int64_t
timeout_of(const struct tg_request *r)
{
    if (r->timeout_ms > 0)
        return r->timeout_ms;
    return r->file != NULL ? TG_UPLOAD_MS : TG_CALL_MS;
}

int
tg_do(struct tg *tg, const struct tg_request *r, struct tg_answer *ans,
      struct err *e)
{
    struct buf path;
    struct httpc_res res;
    struct err why;
    struct httpc_req q = {.method = "POST",
                          .op = r->method,
                          .idempotent = r->idempotent,
                          .body = r->params.len > 0 ? r->params : STR("{}"),
                          .timeout_ms = timeout_of(r)};
    int rc;

    buf_init(&path, 512);
    buf_addf(&path, "/bot%s/%s", tg->token, r->method);
    q.path = buf_cstr(&path);
    if (r->file != NULL)
        rc = call_multipart(tg, &q, r, &res, &why);
    else
        rc = httpc_do(tg->http, &q, &res, &why);
    if (rc == 0) {
        tg_answer_read(ans, res.status, buf_str(&res.body), res.retry_after_s);
        httpc_res_free(&res);
    } else {
        tg_answer_none(ans, &why);
    }
    buf_free(&path);
    return tg_answer_err(ans, r->method, e);
}

int
tg_call(struct tg *tg, const char *method, struct str params, bool idempotent,
        struct tg_answer *ans, struct err *e)
{
    struct tg_request r = {
        .method = method, .params = params, .idempotent = idempotent};

    return tg_do(tg, &r, ans, e);
}

/* For calls whose result nobody needs. */
static int
call_simple(struct tg *tg, const char *method, const struct buf *params,
            enum tg_outcome also_fine, struct err *e)
{
    struct tg_answer ans;
    int rc = tg_call(tg, method, buf_str(params), true, &ans, e);

    if (ans.outcome == also_fine)
        rc = 0;
    tg_answer_free(&ans);
    return rc;
}

/* ---- dialogue ---- */

int
tg_answer_callback(struct tg *tg, const char *callback_id, const char *text,
                   bool alert, struct err *e)
{
    struct buf b;
    struct jw w;
    int rc;

    buf_init(&b, PARAMS_MAX);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, "callback_query_id", callback_id);
    if (text != NULL && text[0] != '\0') {
        jw_key(&w, "text");
        jw_text(&w, utf8_cut(str_c(text), TEXT_TOAST_POINTS));
        if (alert)
            jw_kbool(&w, "show_alert", true);
    }
    jw_end(&w);
    rc = call_simple(tg, "answerCallbackQuery", &b, TG_TOO_OLD, e);
    buf_free(&b);
    return rc;
}

int
tg_answer_pre_checkout(struct tg *tg, const char *query_id, bool ok,
                       const char *why, struct err *e)
{
    struct buf b;
    struct jw w;
    int rc;

    buf_init(&b, PARAMS_MAX);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, "pre_checkout_query_id", query_id);
    jw_kbool(&w, "ok", ok);
    if (!ok)
        jw_kstr(&w, "error_message", why);
    jw_end(&w);
    rc = call_simple(tg, "answerPreCheckoutQuery", &b, TG_OK, e);
    buf_free(&b);
    return rc;
}

/* ---- updates ---- */

int
tg_get_updates(struct tg *tg, int64_t offset, int timeout_s,
               struct tg_answer *ans, struct err *e)
{
    struct buf b;
    struct tg_request r = {.method = "getUpdates", .idempotent = true};
    int rc;

    assert(timeout_s >= 0 && timeout_s <= TG_POLL_MAX_S);
    buf_init(&b, PARAMS_MAX);
    buf_addf(&b, "{\"offset\":%lld,\"timeout\":%d,\"allowed_updates\":",
             (long long)offset, timeout_s);
    buf_add_c(&b, TG_ALLOWED_UPDATES "}");
    r.params = buf_str(&b);
    r.timeout_ms = (int64_t)timeout_s * 1000 + POLL_GRACE_MS;
    rc = tg_do(tg, &r, ans, e);
    if (rc == 0 && !cJSON_IsArray(ans->result))
        rc = err_set(e, ERR_BAD_INPUT,
                     "telegram getUpdates: the result is no list");
    buf_free(&b);
    return rc;
}

/* ---- files ---- */

/* getFile: its path, in the arena, and its size (-1 when not given). */
static int
file_path(struct tg *tg, struct arena *a, const char *file_id, char **path,
          int64_t *size, struct err *e)
{
    struct tg_answer ans;
    struct buf b;
    struct jw w;
    int rc;

    buf_init(&b, PARAMS_MAX);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, "file_id", file_id);
    jw_end(&w);
    rc = tg_call(tg, "getFile", buf_str(&b), true, &ans, e);
    if (rc != 0 && ans.outcome == TG_BAD_FILE)
        rc = err_set(e, ERR_NOT_FOUND, "telegram getFile: %s", ans.description);
    if (rc != 0)
        goto out;
    *path = arena_strdup(a, json_str(ans.result, "file_path", NULL));
    *size = json_i64(ans.result, "file_size", -1);
    if (*path == NULL || (*path)[0] == '\0')
        rc =
            err_set(e, ERR_NOT_FOUND, "telegram getFile: the file has no path");
out:
    tg_answer_free(&ans);
    buf_free(&b);
    return rc;
}

/* Each part of the path escaped: it comes from outside. */
static char *
file_url_path(struct tg *tg, struct arena *a, const char *path)
{
    struct str rest = str_c(path), part;
    struct buf b;
    char *out;

    buf_init(&b, 4096);
    buf_addf(&b, "/file/bot%s", tg->token);
    while (str_split(&rest, '/', &part)) {
        buf_add_byte(&b, '/');
        buf_add_c(&b, httpc_escape(a, part));
    }
    out = arena_strdup(a, b.failed ? NULL : buf_cstr(&b));
    buf_free(&b);
    return out;
}

static int
file_fetch(struct tg *tg, const char *path, int64_t size, size_t max_bytes,
           struct buf *out, struct err *e)
{
    struct httpc_res res;
    struct httpc_req q = {.method = "GET",
                          .path = path,
                          .op = "file",
                          .timeout_ms = TG_UPLOAD_MS,
                          .low_speed_s = LOW_SPEED_S,
                          .max_answer = max_bytes};
    int rc = 0;

    if (httpc_do(tg->http, &q, &res, e) != 0)
        return -1;
    if (res.status == 404 || res.status == 400)
        rc = err_set(e, ERR_NOT_FOUND,
                     "telegram file: HTTP status %d, the path has expired",
                     res.status);
    else if (res.status != 200)
        rc = err_set(e, ERR_UNAVAILABLE, "telegram file: HTTP status %d",
                     res.status);
    else if (size >= 0 && res.body.len != (size_t)size)
        rc = err_set(e, ERR_UNAVAILABLE,
                     "telegram file: %zu bytes came instead of %lld",
                     res.body.len, (long long)size);
    else
        buf_add_str(out, buf_str(&res.body));
    httpc_res_free(&res);
    if (rc == 0 && out->failed)
        rc = err_set(e, ERR_TOO_LARGE, "telegram file: over %zu bytes",
                     out->limit);
    return rc;
}

int
tg_download(struct tg *tg, const char *file_id, size_t max_bytes,
            struct buf *out, struct err *e)
{
    struct arena *a = arena_new();
    char *path = NULL;
    int64_t size = -1;
    int rc = -1;

    if (file_path(tg, a, file_id, &path, &size, e) != 0)
        goto out;
    if (size >= 0 && (uint64_t)size > max_bytes) {
        err_set(e, ERR_TOO_LARGE, "telegram file: %lld bytes, over %zu",
                (long long)size, max_bytes);
        goto out;
    }
    path = file_url_path(tg, a, path);
    if (path == NULL) {
        err_set(e, ERR_NOT_FOUND, "telegram getFile: the path is too long");
        goto out;
    }
    rc = file_fetch(tg, path, size, max_bytes, out, e);
out:
    arena_free(a);
    return rc;
}

/*
 * intake.c - updates come in: the webhook, and the inbox behind it.
 *
 * The webhook says 200 (stored), 401 (secret), 413 or 503 (could not be
 * stored, Telegram tries again) and nothing else: a refusal of what is odd
 * would hold up its chat for a day, so that is kept as a dead letter.
 */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "bot/bot_int.h"
#include "io/httpd.h"
#include "telegram/setup.h"

#define STORE_MS 12000 /* Telegram waits longer, and asks again */
#define SERVER_THREADS 8
#define CONNECTIONS 40          /* Telegram's own default */
#define ENVELOPE 1024           /* what the inbox's request adds to an update */
#define LETTER_MAX (512 * 1024) /* of a dead letter; base64 adds a third */
#define SECRET_HEADER "X-Telegram-Bot-Api-Secret-Token"
#define ROUTES 3

struct intake {
    struct bot *b;
    struct httpd *http; /* NULL when polling */
    struct http_route routes[ROUTES];
    char path[512];
    pthread_t poller;
};

/* ---- storing ---- */

/* Asks the backend to keep it; *out->work is set when it was handed out. */
static int
post(struct bot *b, struct arena *a, struct api_update_post *in,
     int64_t deadline_ms, struct api_update_stored *out, struct api_answer *ans,
     struct err *e)
{
    struct api_args args = {.in = in, .out = out, .deadline_ms = deadline_ms};

    in->bot_id = b->bot_id;
    return api_call(b->api, API_ROUTE_update_post, &args, a, ans, e);
}

/* Bytes that are no update: kept for the admin. */
static int
store_letter(struct bot *b, struct str bytes, int64_t deadline_ms,
             struct err *e)
{
    struct arena *a = arena_new();
    struct api_update_post in;
    struct api_update_stored out;
    int rc;

    api_init(&api_shape_update_post, &in);
    in.base64 = base64_encode(a, str_sub(bytes, 0, LETTER_MAX));
    log_warn("intake", "dead_letter", "bytes=%zu", bytes.len);
    rc = post(b, a, &in, deadline_ms, &out, NULL, e);
    arena_free(a);
    return rc;
}

static bool
is_json(struct str bytes)
{
    return bytes.len > 0 && bytes.len + ENVELOPE <= LIM_JSON_BYTES &&
           utf8_valid(bytes) && json_check(bytes, 0, NULL) == 0;
}

/* Payments are another issue; the buyer is told, and nothing is charged. */
static bool
answer_pre_checkout(struct bot *b, struct str bytes)
{
    struct arena *a;
    struct tg_update u;
    struct buf why;
    struct err e;
    bool is_one = false;

    if (memmem(bytes.p, bytes.len, "\"pre_checkout_query\"", 20) == NULL)
        return false;
    a = arena_new();
    if (tg_update_parse(a, bytes, &u, &e) == 0 &&
        u.kind == TG_UPDATE_PRE_CHECKOUT) {
        is_one = true;
        buf_init(&why, TEXT_BYTES);
        text_plain(&why, text_lang_of(u.from.language_code), "toast_pay_closed",
                   NULL, TEXT_TOAST_POINTS);
        if (tg_answer_pre_checkout(b->tg, u.query_id, false, buf_cstr(&why),
                                   &e) != 0)
            log_warn("intake", "pre_checkout", "%s", e.msg);
        buf_free(&why);
    }
    arena_free(a);
    return is_one;
}

int
intake_store(struct bot *b, struct str bytes, int64_t deadline_ms,
             struct err *e)
{
    struct arena *a;
    struct api_update_post in;
    struct api_update_stored *out;
    struct api_answer ans;
    int rc;

    if (!is_json(bytes))
        return store_letter(b, bytes, deadline_ms, e);
    if (answer_pre_checkout(b, bytes))
        return 0;
    a = arena_new();
    out = ARENA_NEW(a, struct api_update_stored);
    api_init(&api_shape_update_post, &in);
    in.update = bytes;
    in.take = work_has_room(b->work);
    if (in.take) {
        in.bot = b->id;
        in.boot = b->boot;
    }
    rc = post(b, a, &in, deadline_ms, out, &ans, e);
    if (rc == 0 && out->work != NULL) {
        work_put(b->work, a, out->work); /* and the arena with it */
        return 0;
    }
    arena_free(a);
    if (rc != 0 && (ans.status == 400 || ans.status == 413))
        return store_letter(b, bytes, deadline_ms, e);
    return rc;
}

/* ---- the webhook ---- */

/* Before the body is read: is it Telegram? */
static int
gate(struct http_req *q, void *ctx)
{
    struct intake *in = ctx;
    const char *given = http_header(q, SECRET_HEADER, NULL);
    const char *want = setting_str(in->b->set, SET_WEBHOOK_SECRET);

    return ct_equal(str_c(given != NULL ? given : ""), str_c(want)) ? 0 : 401;
}

static void
on_webhook(struct http_req *q, void *ctx)
{
    struct intake *in = ctx;
    struct err e;
    int status = 200;

    if (intake_store(in->b, http_body(q), STORE_MS, &e) != 0) {
        log_warn("intake", "not_stored", "%s", e.msg);
        status = 503;
    }
    http_reply(q, status, NULL, STR(""));
}

/* The path of the whole address: "https://host/x/y?z" gives "/x/y". */
static void
path_of(const char *url, char *out, size_t cap)
{
    const char *host = strstr(url, "://");
    const char *path = strchr(host != NULL ? host + 3 : url, '/');
    size_t n = path != NULL ? strcspn(path, "?#") : 0;

    snprintf(out, cap, "%.*s", n > 0 ? (int)n : 1, n > 0 ? path : "/");
}

static size_t
add_route(struct intake *in, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(in->routes[i].path, path) == 0)
            return n;
    }
    in->routes[n] = (struct http_route){
        .method = "POST", .path = path, .fn = on_webhook, .gate = gate};
    return n + 1;
}

static int
start_server(struct intake *in, struct err *e)
{
    struct bot *b = in->b;
    struct httpd_config cfg = {.label = "bot",
                               .listen = setting_str(b->set, SET_BOT_LISTEN),
                               .routes = in->routes,
                               .ctx = in,
                               .threads = SERVER_THREADS};
    size_t n = 0;

    path_of(setting_str(b->set, SET_WEBHOOK_URL), in->path, sizeof(in->path));
    n = add_route(in, n, in->path);
    n = add_route(in, n, "/telegram/webhook");
    cfg.nroutes = add_route(in, n, "/webhook");
    in->http = httpd_start(&cfg, e);
    return in->http != NULL ? 0 : err_wrap(e, "BOT_LISTEN");
}

static int
start_webhook(struct intake *in, struct err *e)
{
    struct bot *b = in->b;
    const char *secret = setting_str(b->set, SET_WEBHOOK_SECRET);

    if (!tg_secret_is_valid(secret))
        return err_set(e, ERR_BAD_INPUT,
                       "WEBHOOK_URL is set, so WEBHOOK_SECRET must be 1 to "
                       "256 of A-Z a-z 0-9 _ -");
    return start_server(in, e) == 0 ? setup_webhook(b, e) : -1;
}

/* ---- life ---- */

struct intake *
intake_start(struct bot *b, struct err *e)
{
    struct intake *in = mem_calloc(1, sizeof(*in));

    in->b = b;
    if (setting_is_set(b->set, SET_WEBHOOK_URL)) {
        if (start_webhook(in, e) == 0)
            return in;
        if (in->http != NULL)
            httpd_stop(in->http, 0);
        mem_free(in);
        return NULL;
    }
    thread_start(&in->poller, "poll", poll_main, b);
    return in;
}

int
intake_port(const struct intake *in)
{
    return in->http != NULL ? httpd_port(in->http) : 0;
}

void
intake_stop(struct intake *in)
{
    if (in == NULL)
        return;
    if (in->http != NULL) {
        httpd_stop(in->http, STORE_MS);
    } else {
        tg_stop(in->b->tg_polls);
        thread_join(in->poller);
    }
    mem_free(in);
}

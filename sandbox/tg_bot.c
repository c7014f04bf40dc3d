/*
 * tg_bot.c - /bot<TOKEN>/<method>: who asks, which method, faults, the
 * answer; and the files at /file/bot<TOKEN>/...
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/clock.h"
#include "base/hash.h"
#include "sandbox/tg_call.h"

#define HTML_502                                                               \
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"      \
    "<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>"  \
    "\r\n</body>\r\n</html>\r\n"

static const struct tgs_method methods[] = {
    {"getMe", tgs_get_me},
    {"getChat", tgs_get_chat},
    {"getFile", tgs_get_file},
    {"logOut", tgs_log_out},
    {"close", tgs_log_out},
    {"getUpdates", tgs_get_updates},
    {"setWebhook", tgs_set_webhook},
    {"deleteWebhook", tgs_delete_webhook},
    {"getWebhookInfo", tgs_get_webhook_info},
    {"sendMessage", tgs_send_message},
    {"sendPhoto", tgs_send_photo},
    {"sendDocument", tgs_send_document},
    {"sendMediaGroup", tgs_send_media_group},
    {"copyMessage", tgs_copy_message},
    {"sendChatAction", tgs_send_chat_action},
    {"setMessageReaction", tgs_set_message_reaction},
    {"answerCallbackQuery", tgs_answer_callback_query},
    {"editMessageText", tgs_edit_text},
    {"editMessageCaption", tgs_edit_caption},
    {"editMessageMedia", tgs_edit_media},
    {"editMessageReplyMarkup", tgs_edit_markup},
    {"deleteMessage", tgs_delete_message},
    {"deleteMessages", tgs_delete_messages},
    {"setMyCommands", tgs_set_my_commands},
    {"getMyCommands", tgs_get_my_commands},
    {"deleteMyCommands", tgs_delete_my_commands},
    {"setMyName", tgs_set_my_name},
    {"getMyName", tgs_get_my_name},
    {"setMyDescription", tgs_set_my_description},
    {"getMyDescription", tgs_get_my_description},
    {"setMyShortDescription", tgs_set_my_short},
    {"getMyShortDescription", tgs_get_my_short},
    {"setChatMenuButton", tgs_set_menu_button},
    {"getChatMenuButton", tgs_get_menu_button},
};

const struct tgs_method *
tgs_method_find(const char *name)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
        if (strcasecmp(methods[i].name, name) == 0)
            return &methods[i];
    return NULL;
}

const struct tgs_method *
tgs_method_at(size_t i)
{
    return i < sizeof(methods) / sizeof(*methods) ? &methods[i] : NULL;
}

/* ---- the token ---- */

static bool
is_token(struct str s)
{
    ptrdiff_t colon = str_find(s, ':');
    uint64_t id;

    return colon > 0 && (size_t)colon + 1 < s.len &&
           str_to_u64(str_sub(s, 0, (size_t)colon), &id);
}

/* 0, or what a request with this path segment gets. */
static int
token_check(const struct tg *t, const char *segment)
{
    struct str s = str_c(segment);

    if (!str_starts(s, STR("bot")))
        return 404;
    s = str_sub(s, 3, s.len);
    if (!is_token(s))
        return 404;
    return ct_equal(s, str_c(t->cfg.token)) ? 0 : 401;
}

/* ---- answers ---- */

static void
reply_error(struct http_req *q, int status, const char *description,
            int retry_after)
{
    char seconds[16];
    struct buf b;
    struct jw w;

    buf_init(&b, 8192);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kbool(&w, "ok", false);
    jw_ki64(&w, "error_code", status);
    jw_kstr(&w, "description", description);
    if (retry_after > 0) {
        jw_key(&w, "parameters");
        jw_obj(&w);
        jw_ki64(&w, "retry_after", retry_after);
        jw_end(&w);
        snprintf(seconds, sizeof(seconds), "%d", retry_after);
        http_set_header(q, "Retry-After", seconds);
    }
    jw_end(&w);
    http_reply(q, status, NULL, buf_str(&b));
    buf_free(&b);
}

/* The call lives in the request's arena, which goes with the answer. */
static void
reply_ok(struct tgs_call *c)
{
    struct buf out = c->out;

    if (c->note)
        buf_addf(&out, ",\"description\":\"%s\"", c->note);
    buf_add_byte(&out, '}');
    http_reply(c->req, 200, NULL, buf_str(&out));
    buf_free(&out);
}

static void
record(struct tg *t, struct tgs_call *c, int status, bool lost)
{
    pthread_mutex_lock(&t->lock);
    tgs_call_record(t, c, status, lost);
    pthread_mutex_unlock(&t->lock);
}

/* Recorded before it is answered: who has the answer finds the record. */
static void
finish(struct tg *t, struct tgs_call *c, enum tgs_rc rc)
{
    enum tgs_fault f = c->fault.kind;
    bool lost = c->faulty && (f == TG_FAULT_lost || f == TG_FAULT_lost_502);

    record(t, c, rc == TG_OK ? 200 : c->status, lost);
    if (rc == TG_OK && !lost) {
        reply_ok(c);
        return;
    }
    buf_free(&c->out);
    if (lost && f == TG_FAULT_lost)
        http_drop(c->req);
    else if (lost)
        http_reply(c->req, 502, "text/html", STR(HTML_502));
    else
        reply_error(c->req, c->status, c->description, c->retry_after);
}

/* ---- faults before any effect ---- */

static void
fail_by(struct tg *t, struct tgs_call *c)
{
    const struct tgs_fault_rule *f = &c->fault;

    if (f->kind == TG_FAULT_429)
        tgs_fail_retry(c, (int)(f->retry_after > 0 ? f->retry_after : 1));
    else if (f->kind == TG_FAULT_401)
        tgs_fail(c, 401, "Unauthorized");
    else if (f->kind == TG_FAULT_403)
        tgs_fail(c, 403, "Forbidden: bot was blocked by the user");
    else
        tgs_fail(c, 500, "Internal Server Error");
    record(t, c, c->status, false);
    reply_error(c->req, c->status, c->description, c->retry_after);
}

/* True when the call ended or waits. */
static bool
struck(struct tg *t, struct tgs_call *c)
{
    if (!c->faulty)
        return false;
    switch (c->fault.kind) {
    case TG_FAULT_429:
    case TG_FAULT_500:
    case TG_FAULT_401:
    case TG_FAULT_403:
        fail_by(t, c);
        return true;
    case TG_FAULT_502:
        record(t, c, 502, false);
        http_reply(c->req, 502, "text/html", STR(HTML_502));
        return true;
    case TG_FAULT_drop:
        record(t, c, 0, false);
        http_drop(c->req);
        return true;
    case TG_FAULT_delay:
        c->until_ms = clock_mono_ms() + c->fault.ms;
        http_park(c->req, "delay", http_topic(http_server(c->req), "delay"),
                  c->until_ms);
        return true;
    case TG_FAULT_lost:
    case TG_FAULT_lost_502:
    case TG_FAULT_twice:
    case TG_FAULT_COUNT:
        break;
    }
    return false;
}

/* ---- one call ---- */

static void
run(struct tg *t, struct tgs_call *c)
{
    uint64_t seen = http_topic(http_server(c->req), "updates");
    enum tgs_rc rc;

    buf_init(&c->out, TG_JSON_MAX);
    buf_add_c(&c->out, "{\"ok\":true,\"result\":");
    jw_init(&c->w, &c->out);
    rc = c->method->fn(t, c);
    if (rc == TG_PARK) {
        buf_free(&c->out);
        http_park(c->req, "updates", seen, c->until_ms);
        return;
    }
    finish(t, c, rc);
}

static struct tgs_call *
call_new(struct http_req *q)
{
    struct arena *a = http_arena(q);
    struct tgs_call *c = ARENA_NEW(a, struct tgs_call);

    c->req = q;
    c->a = a;
    c->name = http_param(q, "method");
    c->method = tgs_method_find(c->name);
    http_user_set(q, c);
    return c;
}

static void
start(struct tg *t, struct http_req *q)
{
    struct tgs_call *c = call_new(q);

    if (tgs_params_read(c) != 0) {
        record(t, c, c->status, false);
        reply_error(q, c->status, c->description, 0);
        return;
    }
    pthread_mutex_lock(&t->lock);
    c->faulty =
        tgs_fault_take(t, c->name, tgs_arg_i64(c, "chat_id", 0), &c->fault);
    pthread_mutex_unlock(&t->lock);
    if (struck(t, c))
        return;
    if (!c->method) {
        tgs_fail(c, 404, "Not Found");
        finish(t, c, TG_FAIL);
        return;
    }
    run(t, c);
}

void
tgs_bot_request(struct http_req *q, void *ctx)
{
    struct tg *t = ctx;
    struct tgs_call *c = http_user(q);
    int refused;

    if (c) {
        run(t, c);
        return;
    }
    refused = token_check(t, http_param(q, "bot"));
    if (refused)
        reply_error(q, refused, refused == 401 ? "Unauthorized" : "Not Found",
                    0);
    else
        start(t, q);
}

/* ---- files ---- */

static bool
file_read(struct tg *t, const char *path, struct buf *out, char mime[64])
{
    struct tgs_file *f;
    bool ok;

    pthread_mutex_lock(&t->lock);
    f = tgs_file_by_path(t, path);
    ok = f && tgs_file_read(t, f, out);
    if (ok)
        snprintf(mime, 64, "%s",
                 f->photo ? f->mime : "application/octet-stream");
    pthread_mutex_unlock(&t->lock);
    return ok;
}

void
tgs_file_request(struct http_req *q, void *ctx)
{
    struct tg *t = ctx;
    int refused = token_check(t, http_param(q, "bot"));
    const char *path = arena_fmt(
        http_arena(q), "%s/%s", http_param(q, "folder"), http_param(q, "name"));
    struct tgs_fault_rule fault;
    char mime[64];
    struct buf b;
    bool faulty;

    if (refused) {
        reply_error(q, refused, refused == 401 ? "Unauthorized" : "Not Found",
                    0);
        return;
    }
    pthread_mutex_lock(&t->lock);
    faulty = tgs_fault_take(t, "file", 0, &fault);
    pthread_mutex_unlock(&t->lock);
    if (faulty && fault.kind == TG_FAULT_drop) {
        http_drop(q);
        return;
    }
    if (faulty) {
        http_reply(q, 502, "text/html", STR(HTML_502));
        return;
    }
    buf_init(&b, TG_BODY_MAX);
    if (file_read(t, path, &b, mime))
        http_reply(q, 200, mime, buf_str(&b));
    else
        reply_error(q, 404, "Not Found", 0);
    buf_free(&b);
}

/*
 * tg_get.c - methods that tell something, or that a person sees for a moment.
 */
#include <string.h>
#include "base/limits.h"
#include "base/utf8.h"
#include "sandbox/tg_call.h"

enum tgs_rc
tgs_get_me(struct tg *t, struct tgs_call *c)
{
    struct jw *w = &c->w;

    jw_obj(w);
    jw_ki64(w, "id", t->bot_id);
    jw_kbool(w, "is_bot", true);
    jw_kstr(w, "first_name", TGS_BOT_NAME);
    jw_kstr(w, "username", TGS_BOT_USERNAME);
    jw_kbool(w, "can_join_groups", false);
    jw_kbool(w, "can_read_all_group_messages", false);
    jw_kbool(w, "supports_inline_queries", false);
    jw_kbool(w, "can_connect_to_business", false);
    jw_kbool(w, "has_main_web_app", false);
    jw_end(w);
    return TG_OK;
}

static void
show_full_chat(const struct tgs_chat *chat, struct jw *w)
{
    jw_obj(w);
    jw_ki64(w, "id", chat->id);
    jw_kstr(w, "first_name", chat->first_name);
    if (chat->last_name)
        jw_kstr(w, "last_name", chat->last_name);
    if (chat->username)
        jw_kstr(w, "username", chat->username);
    jw_kstr(w, "type", "private");
    jw_ki64(w, "accent_color_id", 0);
    jw_ki64(w, "max_reaction_count", 11);
    jw_key(w, "accepted_gift_types");
    jw_obj(w);
    jw_kbool(w, "unlimited_gifts", false);
    jw_kbool(w, "limited_gifts", false);
    jw_kbool(w, "unique_gifts", false);
    jw_kbool(w, "premium_subscription", false);
    jw_kbool(w, "gifts_from_channels", false);
    jw_end(w);
    jw_end(w);
}

enum tgs_rc
tgs_get_chat(struct tg *t, struct tgs_call *c)
{
    struct tgs_chat *chat;

    pthread_mutex_lock(&t->lock);
    chat = tgs_chat_find(t, tgs_arg_i64(c, "chat_id", 0));
    if (chat)
        show_full_chat(chat, &c->w);
    pthread_mutex_unlock(&t->lock);
    return chat ? TG_OK : tgs_fail(c, 400, "Bad Request: chat not found");
}

enum tgs_rc
tgs_get_file(struct tg *t, struct tgs_call *c)
{
    const char *id = tgs_arg(c, "file_id");
    enum tgs_rc rc = TG_OK;
    struct tgs_file *f;

    pthread_mutex_lock(&t->lock);
    f = tgs_file_find(t, id);
    if (!f || f->gone)
        rc = tgs_fail(c, 400,
                      "Bad Request: wrong file_id or the file is temporarily "
                      "unavailable");
    else if (f->size > LIM_DOWNLOAD_BYTES)
        rc = tgs_fail(c, 400, "Bad Request: file is too big");
    else
        tgs_show_file(f, true, &c->w);
    pthread_mutex_unlock(&t->lock);
    return rc;
}

enum tgs_rc
tgs_log_out(struct tg *t, struct tgs_call *c)
{
    (void)t;
    return tgs_true(c);
}

/* ---- seen for a moment ---- */

static bool
is_action(const char *z)
{
    static const char *const known[] = {"typing",           "upload_photo",
                                        "record_video",     "upload_video",
                                        "record_voice",     "upload_voice",
                                        "upload_document",  "choose_sticker",
                                        "find_location",    "record_video_note",
                                        "upload_video_note"};

    for (size_t i = 0; z && i < sizeof(known) / sizeof(*known); i++)
        if (strcmp(known[i], z) == 0)
            return true;
    return false;
}

enum tgs_rc
tgs_send_chat_action(struct tg *t, struct tgs_call *c)
{
    const char *action = tgs_arg(c, "action");
    struct tgs_chat *chat;

    if (!is_action(action))
        return tgs_fail(c, 400,
                        "Bad Request: wrong parameter action in request");
    pthread_mutex_lock(&t->lock);
    chat = tgs_call_chat(t, c);
    if (chat)
        tgs_event_add(t, TG_EVENT_ACTION, chat, NULL, action,
                      str_c(arena_fmt(c->a, ",\"action\":\"%s\"", action)));
    pthread_mutex_unlock(&t->lock);
    return chat ? tgs_true(c) : TG_FAIL;
}

/* What the bot said to a press, as members of a JSON object. */
static char *
answer_json(struct tgs_call *c, const struct tgs_query *k, const char *text)
{
    const char *url = tgs_arg(c, "url");
    struct buf b;
    struct jw w;
    char *z;

    buf_init(&b, 65536);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_key(&w, "callback_query_id");
    jw_str(&w, arena_fmt(c->a, "%lld", (long long)k->n));
    jw_kstr(&w, "data", k->data);
    jw_kstr(&w, "text", text);
    jw_kbool(&w, "show_alert", tgs_arg_bool(c, "show_alert"));
    if (url)
        jw_kstr(&w, "url", url);
    jw_end(&w);
    z = arena_strn(c->a, b.p, b.len);
    buf_free(&b);
    return z;
}

/* A second answer changes nothing and is no error. */
static void
answer(struct tg *t, struct tgs_call *c, struct tgs_query *k, const char *text)
{
    struct tgs_chat *chat = tgs_chat_find(t, k->chat_id);
    const char *json = answer_json(c, k, text);

    if (k->answered || !chat)
        return;
    k->answered = true;
    tgs_text_set(&k->answer, json);
    tgs_event_add(t, TG_EVENT_CALLBACK_ANSWER, chat, NULL, text,
                  str_c(arena_fmt(c->a, ",\"message_id\":%lld,\"answer\":%s",
                                  (long long)k->message_id, json)));
}

enum tgs_rc
tgs_answer_callback_query(struct tg *t, struct tgs_call *c)
{
    const char *text = tgs_arg(c, "text");
    struct tgs_query *k;

    text = text ? text : "";
    if (utf8_count(str_c(text)) > 200)
        return tgs_fail(c, 400, "Bad Request: MESSAGE_TOO_LONG");
    pthread_mutex_lock(&t->lock);
    k = tgs_query_find(t, tgs_arg(c, "callback_query_id"));
    if (k)
        answer(t, c, k, text);
    pthread_mutex_unlock(&t->lock);
    return k ? tgs_true(c)
             : tgs_fail(c, 400,
                        "Bad Request: query is too old and response timeout "
                        "expired or query ID is invalid");
}

enum tgs_rc
tgs_set_message_reaction(struct tg *t, struct tgs_call *c)
{
    bool bad = false;
    const cJSON *list = tgs_arg_json(c, "reaction", &bad);
    const char *json = list ? json_text(c->a, list) : "[]";
    struct tgs_message *m = NULL;
    struct tgs_chat *chat;

    if (bad)
        return TG_FAIL;
    if (list && (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > 1))
        return tgs_fail(c, 400, "Bad Request: REACTIONS_TOO_MANY");
    pthread_mutex_lock(&t->lock);
    chat = tgs_call_chat(t, c);
    if (chat)
        m = tgs_message_find(chat, tgs_arg_i64(c, "message_id", 0));
    if (m && !m->deleted) {
        tgs_text_set(&m->reaction, json);
        tgs_event_add(t, TG_EVENT_REACTION, chat, m, json, STR(""));
    }
    pthread_mutex_unlock(&t->lock);
    if (!chat)
        return TG_FAIL;
    return m && !m->deleted
               ? tgs_true(c)
               : tgs_fail(c, 400, "Bad Request: message to react not found");
}

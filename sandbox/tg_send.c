/*
 * tg_send.c - methods that make messages.
 *
 * Each prepares its content without the lock (texts parsed, pictures read),
 * then takes the lock once: chat, reply, limits, message.
 */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "sandbox/tg_call.h"

#define TEXT_POINTS 4096
#define CAPTION_POINTS 1024
#define ALBUM_MAX 10

/* ---- what is common to all ---- */

/* The message that is answered to, into *id (0: none). */
static enum tgs_rc
read_reply(struct tgs_call *c, struct tgs_chat *chat, int64_t *id)
{
    bool bad = false;
    const cJSON *r = tgs_arg_json(c, "reply_parameters", &bad);
    struct tgs_message *m;
    bool lenient;

    if (bad)
        return TG_FAIL;
    *id = r ? json_i64(r, "message_id", 0)
            : tgs_arg_i64(c, "reply_to_message_id", 0);
    lenient = r ? json_bool(r, "allow_sending_without_reply", false)
                : tgs_arg_bool(c, "allow_sending_without_reply");
    if (*id == 0)
        return TG_OK;
    m = tgs_message_find(chat, *id);
    if (m && !m->deleted)
        return TG_OK;
    *id = 0;
    return lenient ? TG_OK
                   : tgs_fail(c, 400,
                              "Bad Request: message to be replied not found");
}

/* A reply keyboard stays in the chat until it is removed. */
static void
use_markup(struct tgs_chat *chat, struct tgs_message *m, const char *markup)
{
    tgs_text_set(&m->markup, markup);
    if (!markup)
        return;
    if (strstr(markup, "\"remove_keyboard\":true"))
        tgs_text_set(&chat->keyboard, NULL);
    else if (strncmp(markup, "{\"inline_keyboard\"", 18) != 0 &&
             strstr(markup, "\"keyboard\":"))
        tgs_text_set(&chat->keyboard, markup);
}

/* With the lock held: the chat may get n messages now. */
static struct tgs_chat *
open_chat(struct tg *t, struct tgs_call *c, unsigned n, int64_t *reply_to)
{
    struct tgs_chat *chat = tgs_call_chat(t, c);
    int wait_s;

    if (!chat || read_reply(c, chat, reply_to) != TG_OK)
        return NULL;
    wait_s = tgs_limit_send(t, chat, n);
    if (wait_s > 0) {
        tgs_fail_retry(c, wait_s);
        return NULL;
    }
    return chat;
}

static struct tgs_message *
put(struct tg *t, struct tgs_call *c, struct tgs_chat *chat,
    struct tgs_content *content, int64_t reply_to, const char *markup)
{
    struct tgs_message *m = tgs_message_add(t, chat, content, true);

    m->reply_to = reply_to;
    m->protect = tgs_arg_bool(c, "protect_content");
    use_markup(chat, m, markup);
    return m;
}

/* Takes content. */
static enum tgs_rc
send_one(struct tg *t, struct tgs_call *c, struct tgs_content *content)
{
    struct tgs_chat *chat;
    bool bad = false;
    const char *markup = tgs_call_markup(c, false, &bad);
    int64_t reply_to = 0;

    if (!bad) {
        pthread_mutex_lock(&t->lock);
        chat = open_chat(t, c, 1, &reply_to);
        bad = !chat;
        if (chat) {
            struct tgs_message *m = put(t, c, chat, content, reply_to, markup);
            tgs_event_add(t, TG_EVENT_MESSAGE, chat, m, NULL, STR(""));
            tgs_show_message(t, chat, m, true, &c->w);
        }
        pthread_mutex_unlock(&t->lock);
    }
    tgs_content_fini(content);
    return bad ? TG_FAIL : TG_OK;
}

/* Text into content; which: "text" or "caption". */
static enum tgs_rc
read_text(struct tgs_call *c, const char *which, size_t limit,
          struct tgs_content *out)
{
    bool caption = limit == CAPTION_POINTS, bad = false;
    const char *z = tgs_arg(c, which);
    const cJSON *entities =
        tgs_arg_json(c, caption ? "caption_entities" : "entities", &bad);
    struct tgs_text text;

    if (bad || tgs_call_text(c, z ? z : "", tgs_arg(c, "parse_mode"), entities,
                             limit, &text) != 0)
        return TG_FAIL;
    if (!caption && text.points == 0)
        return tgs_fail(c, 400, "Bad Request: message text is empty");
    tgs_text_set(&out->text, text.text.p ? text.text.p : "");
    tgs_text_set(&out->entities, tgs_entities_json(c->a, &text));
    return TG_OK;
}

/* ---- the methods ---- */

enum tgs_rc
tgs_send_message(struct tg *t, struct tgs_call *c)
{
    struct tgs_content content = {.kind = TG_TEXT};

    if (read_text(c, "text", TEXT_POINTS, &content) != TG_OK)
        return TG_FAIL;
    return send_one(t, c, &content);
}

static enum tgs_rc
send_media(struct tg *t, struct tgs_call *c, enum tgs_kind kind,
           const char *name)
{
    struct tgs_content content = {0};

    if (read_text(c, "caption", CAPTION_POINTS, &content) != TG_OK ||
        tgs_media_take(t, c, kind, tgs_arg(c, name), tgs_param(c, name),
                       &content) != TG_OK) {
        tgs_content_fini(&content);
        return TG_FAIL;
    }
    content.spoiler = tgs_arg_bool(c, "has_spoiler");
    content.above = tgs_arg_bool(c, "show_caption_above_media");
    return send_one(t, c, &content);
}

enum tgs_rc
tgs_send_photo(struct tg *t, struct tgs_call *c)
{
    return send_media(t, c, TG_PHOTO, "photo");
}

enum tgs_rc
tgs_send_document(struct tg *t, struct tgs_call *c)
{
    return send_media(t, c, TG_DOCUMENT, "document");
}

/* ---- albums ---- */

static enum tgs_rc
read_album(struct tg *t, struct tgs_call *c, struct tgs_content *items,
           size_t *n)
{
    bool bad = false;
    const cJSON *media = tgs_arg_json(c, "media", &bad), *j;
    int size = cJSON_GetArraySize(media);

    if (bad)
        return TG_FAIL;
    if (!cJSON_IsArray(media) || size < 2 || size > ALBUM_MAX)
        return tgs_fail(c, 400, "Bad Request: an album must have 2-10 items");
    if (tgs_arg(c, "reply_markup"))
        return tgs_fail(c, 400,
                        "Bad Request: an album can't have a reply markup");
    cJSON_ArrayForEach (j, media)
        if (tgs_media_read(t, c, j, &items[(*n)++]) != TG_OK)
            return TG_FAIL;
    for (size_t i = 1; i < *n; i++)
        if (items[i].kind != items[0].kind)
            return tgs_fail(c, 400,
                            "Bad Request: Document can't be mixed with other "
                            "media types");
    return TG_OK;
}

static enum tgs_rc
put_album(struct tg *t, struct tgs_call *c, struct tgs_content *items, size_t n)
{
    int64_t reply_to = 0;
    struct tgs_chat *chat = open_chat(t, c, (unsigned)n, &reply_to);
    char group[32];

    if (!chat)
        return TG_FAIL;
    snprintf(group, sizeof(group), "%lld", (long long)t->next_group++);
    jw_arr(&c->w);
    for (size_t i = 0; i < n; i++) {
        struct tgs_message *m = put(t, c, chat, &items[i], reply_to, NULL);
        tgs_text_set(&m->group, group);
        tgs_event_add(t, TG_EVENT_MESSAGE, chat, m, NULL, STR(""));
        tgs_show_message(t, chat, m, true, &c->w);
    }
    jw_end(&c->w);
    return TG_OK;
}

enum tgs_rc
tgs_send_media_group(struct tg *t, struct tgs_call *c)
{
    struct tgs_content items[ALBUM_MAX] = {0};
    size_t n = 0;
    enum tgs_rc rc = read_album(t, c, items, &n);

    if (rc == TG_OK) {
        pthread_mutex_lock(&t->lock);
        rc = put_album(t, c, items, n);
        pthread_mutex_unlock(&t->lock);
    }
    for (size_t i = 0; i < n; i++)
        tgs_content_fini(&items[i]);
    return rc;
}

/* ---- copies ---- */

static struct tgs_message *
find_source(struct tg *t, struct tgs_call *c)
{
    struct tgs_chat *from = tgs_chat_find(t, tgs_arg_i64(c, "from_chat_id", 0));
    struct tgs_message *m =
        from ? tgs_message_find(from, tgs_arg_i64(c, "message_id", 0)) : NULL;

    if (m && !m->deleted && m->c.kind != TG_OTHER)
        return m;
    tgs_fail(c, 400, "Bad Request: %s",
             !from              ? "chat not found"
             : m && !m->deleted ? "message can't be copied"
                                : "message to copy not found");
    return NULL;
}

static enum tgs_rc
copy(struct tg *t, struct tgs_call *c, const struct tgs_content *caption,
     const char *markup)
{
    struct tgs_message *from = find_source(t, c), *m;
    struct tgs_content content;
    struct tgs_chat *chat;
    int64_t reply_to = 0;

    if (!from || !(chat = open_chat(t, c, 1, &reply_to)))
        return TG_FAIL;
    tgs_content_copy(&content, &from->c);
    if (tgs_param(c, "caption") && content.kind != TG_TEXT) {
        tgs_text_set(&content.text, caption->text);
        tgs_text_set(&content.entities, caption->entities);
    }
    m = put(t, c, chat, &content, reply_to, markup);
    tgs_event_add(t, TG_EVENT_MESSAGE, chat, m, NULL, STR(""));
    jw_obj(&c->w);
    jw_ki64(&c->w, "message_id", m->id);
    jw_end(&c->w);
    return TG_OK;
}

enum tgs_rc
tgs_copy_message(struct tg *t, struct tgs_call *c)
{
    struct tgs_content caption = {0};
    bool bad = false;
    const char *markup = tgs_call_markup(c, false, &bad);
    enum tgs_rc rc = TG_FAIL;

    if (!bad && read_text(c, "caption", CAPTION_POINTS, &caption) == TG_OK) {
        pthread_mutex_lock(&t->lock);
        rc = copy(t, c, &caption, markup);
        pthread_mutex_unlock(&t->lock);
    }
    tgs_content_fini(&caption);
    return rc;
}

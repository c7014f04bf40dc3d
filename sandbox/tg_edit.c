/*
 * tg_edit.c - methods that change or take away messages.
 */
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "sandbox/tg_call.h"

#define NOT_MODIFIED                                                           \
    "Bad Request: message is not modified: specified new message content and " \
    "reply markup are exactly the same as a current content and reply markup " \
    "of the message"

struct edit {
    struct tgs_content c; /* what shall stand there; empty: as it is */
    bool media;           /* kind and file change too */
    bool text;            /* text or caption change */
    const char *markup;   /* NULL: the buttons go */
};

static bool
same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static struct tgs_message *
find(struct tgs_call *c, struct tgs_chat *chat)
{
    struct tgs_message *m =
        tgs_message_find(chat, tgs_arg_i64(c, "message_id", 0));

    if (tgs_arg(c, "inline_message_id"))
        tgs_fail(c, 400, "Bad Request: MESSAGE_ID_INVALID");
    else if (!tgs_arg(c, "message_id"))
        tgs_fail(c, 400, "Bad Request: message identifier is not specified");
    else if (!m || m->deleted)
        tgs_fail(c, 400, "Bad Request: message to edit not found");
    else if (!m->by_bot)
        tgs_fail(c, 400, "Bad Request: message can't be edited");
    else
        return m;
    return NULL;
}

/* What the message shows cannot change in this way. */
static enum tgs_rc
check_kind(struct tgs_call *c, const struct tgs_message *m,
           const struct edit *d, enum tgs_kind want_text)
{
    if (!d->text || d->media)
        return TG_OK;
    if (want_text == TG_TEXT && m->c.kind != TG_TEXT)
        return tgs_fail(c, 400,
                        "Bad Request: there is no text in the message to edit");
    if (want_text != TG_TEXT && m->c.kind == TG_TEXT)
        return tgs_fail(
            c, 400, "Bad Request: there is no caption in the message to edit");
    return TG_OK;
}

static bool
is_same(const struct tgs_message *m, const struct edit *d)
{
    if (!same(m->markup, d->markup))
        return false;
    if (d->text &&
        (!same(m->c.text, d->c.text) || !same(m->c.entities, d->c.entities)))
        return false;
    return !d->media || (m->c.kind == d->c.kind && m->c.photo == d->c.photo &&
                         m->c.doc == d->c.doc);
}

/* Moves what is new from d into m. */
static void
change(struct tgs_message *m, struct edit *d)
{
    if (d->media) {
        tgs_content_fini(&m->c);
        m->c = d->c;
        memset(&d->c, 0, sizeof(d->c));
    } else if (d->text) {
        tgs_text_set(&m->c.text, d->c.text);
        tgs_text_set(&m->c.entities, d->c.entities);
    }
    tgs_text_set(&m->markup, d->markup);
    m->edit_date = clock_wall_ms() / 1000;
    m->edits++;
}

static enum tgs_rc
apply(struct tg *t, struct tgs_call *c, struct edit *d, enum tgs_kind kind)
{
    struct tgs_chat *chat = tgs_call_chat(t, c);
    struct tgs_message *m = chat ? find(c, chat) : NULL;
    int wait_s;

    if (!m || check_kind(c, m, d, kind) != TG_OK)
        return TG_FAIL;
    if (is_same(m, d))
        return tgs_fail(c, 400, NOT_MODIFIED);
    wait_s = tgs_limit_edit(t, chat);
    if (wait_s > 0)
        return tgs_fail_retry(c, wait_s);
    change(m, d);
    tgs_event_add(t, TG_EVENT_EDIT, chat, m, NULL, STR(""));
    tgs_show_message(t, chat, m, true, &c->w);
    return TG_OK;
}

/* kind: what the method edits, TG_TEXT or TG_PHOTO for a caption. Takes d. */
static enum tgs_rc
edit(struct tg *t, struct tgs_call *c, struct edit *d, enum tgs_kind kind)
{
    bool bad = false;
    enum tgs_rc rc = TG_FAIL;

    d->markup = tgs_call_markup(c, true, &bad);
    if (!bad) {
        pthread_mutex_lock(&t->lock);
        rc = apply(t, c, d, kind);
        pthread_mutex_unlock(&t->lock);
    }
    tgs_content_fini(&d->c);
    return rc;
}

static enum tgs_rc
read_text(struct tgs_call *c, const char *which, const char *entities,
          size_t limit, struct edit *d)
{
    bool bad = false;
    const char *z = tgs_arg(c, which);
    const cJSON *list = tgs_arg_json(c, entities, &bad);
    struct tgs_text text;

    if (bad || tgs_call_text(c, z ? z : "", tgs_arg(c, "parse_mode"), list,
                             limit, &text) != 0)
        return TG_FAIL;
    if (limit == 4096 && text.points == 0)
        return tgs_fail(c, 400, "Bad Request: message text is empty");
    d->text = true;
    tgs_text_set(&d->c.text, text.text.p ? text.text.p : "");
    tgs_text_set(&d->c.entities, tgs_entities_json(c->a, &text));
    return TG_OK;
}

enum tgs_rc
tgs_edit_text(struct tg *t, struct tgs_call *c)
{
    struct edit d = {0};

    if (read_text(c, "text", "entities", 4096, &d) != TG_OK)
        return TG_FAIL;
    return edit(t, c, &d, TG_TEXT);
}

enum tgs_rc
tgs_edit_caption(struct tg *t, struct tgs_call *c)
{
    struct edit d = {0};

    if (read_text(c, "caption", "caption_entities", 1024, &d) != TG_OK)
        return TG_FAIL;
    return edit(t, c, &d, TG_PHOTO);
}

enum tgs_rc
tgs_edit_media(struct tg *t, struct tgs_call *c)
{
    struct edit d = {.media = true, .text = true};
    bool bad = false;
    const cJSON *media = tgs_arg_json(c, "media", &bad);

    if (bad)
        return TG_FAIL;
    if (!cJSON_IsObject(media))
        return tgs_fail(c, 400, "Bad Request: input media is not specified");
    if (tgs_media_read(t, c, media, &d.c) != TG_OK) {
        tgs_content_fini(&d.c);
        return TG_FAIL;
    }
    return edit(t, c, &d, TG_PHOTO);
}

enum tgs_rc
tgs_edit_markup(struct tg *t, struct tgs_call *c)
{
    struct edit d = {0};

    return edit(t, c, &d, TG_TEXT);
}

/* ---- deleting ---- */

static bool
delete_one(struct tg *t, struct tgs_chat *chat, int64_t id)
{
    struct tgs_message *m = tgs_message_find(chat, id);

    if (!m || m->deleted)
        return false;
    m->deleted = true;
    tgs_event_add(t, TG_EVENT_DELETE, chat, m, NULL, STR(""));
    return true;
}

enum tgs_rc
tgs_delete_message(struct tg *t, struct tgs_call *c)
{
    struct tgs_chat *chat;
    bool done;

    pthread_mutex_lock(&t->lock);
    chat = tgs_call_chat(t, c);
    done = chat && delete_one(t, chat, tgs_arg_i64(c, "message_id", 0));
    pthread_mutex_unlock(&t->lock);
    if (!chat)
        return TG_FAIL;
    return done ? tgs_true(c)
                : tgs_fail(c, 400, "Bad Request: message to delete not found");
}

enum tgs_rc
tgs_delete_messages(struct tg *t, struct tgs_call *c)
{
    bool bad = false;
    const cJSON *ids = tgs_arg_json(c, "message_ids", &bad), *j;
    int n = cJSON_GetArraySize(ids);
    struct tgs_chat *chat;
    int64_t id;

    if (bad)
        return TG_FAIL;
    if (!cJSON_IsArray(ids) || n < 1 || n > 100)
        return tgs_fail(c, 400,
                        "Bad Request: message identifiers are not specified");
    pthread_mutex_lock(&t->lock);
    chat = tgs_call_chat(t, c);
    if (chat)
        cJSON_ArrayForEach (j, ids)
            if (json_to_i64(j, &id))
                delete_one(t, chat, id);
    pthread_mutex_unlock(&t->lock);
    return chat ? tgs_true(c) : TG_FAIL;
}

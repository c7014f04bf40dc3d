/*
 * tg_press.c - what a person does to messages: presses their buttons, edits
 * own ones.
 */
#include <string.h>
#include "base/clock.h"
#include "sandbox/tg_control.h"

/* The button's data when text (NULL: any) and data (NULL: any) fit. */
static const char *
button_data(const cJSON *button, const char *text, const char *data)
{
    const char *its_data = json_str(button, "callback_data", NULL);
    const char *its_text = json_str(button, "text", "");

    if (!its_data || (text && strcmp(text, its_text) != 0) ||
        (data && strcmp(data, its_data) != 0))
        return NULL;
    return its_data;
}

static const char *
markup_data(struct tgs_call *c, const char *markup, const char *text,
            const char *data)
{
    const cJSON *m = json_parse_in(c->a, str_c(markup), 0, NULL), *row, *b;

    cJSON_ArrayForEach (row, json_get(m, "inline_keyboard")) {
        cJSON_ArrayForEach (b, row) {
            const char *found = button_data(b, text, data);
            if (found)
                return found;
        }
    }
    return NULL;
}

/* The newest message with such a button, or the one that is named. */
static const char *
find_button(struct tgs_call *c, struct tgs_chat *chat, struct tgs_message **m)
{
    const char *text = tgs_arg(c, "text"), *data = tgs_arg(c, "data"), *found;
    int64_t id = tgs_arg_i64(c, "message_id", 0);

    for (size_t i = chat->nmessages; i-- > 0;) {
        *m = chat->messages[i];
        if (!(*m)->markup || (*m)->deleted || (id && (*m)->id != id))
            continue;
        found = markup_data(c, (*m)->markup, text, data);
        if (found)
            return found;
    }
    return NULL;
}

static void
show_inaccessible(const struct tgs_chat *chat, int64_t id, struct jw *w)
{
    jw_obj(w);
    jw_key(w, "chat");
    tgs_show_chat(chat, w);
    jw_ki64(w, "message_id", id);
    jw_ki64(w, "date", 0);
    jw_end(w);
}

static int64_t
update_press(struct tg *t, struct tgs_call *c, struct tgs_chat *chat,
             struct tgs_message *m, const struct tgs_query *k)
{
    struct buf b;
    struct jw w;
    int64_t id;

    buf_init(&b, TG_JSON_MAX);
    buf_add_c(&b, "\"callback_query\":");
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, "id", arena_fmt(c->a, "%lld", (long long)k->n));
    jw_key(&w, "from");
    tgs_show_user(chat, &w);
    jw_key(&w, "message");
    if (m && !m->deleted)
        tgs_show_message(t, chat, m, true, &w);
    else
        show_inaccessible(chat, k->message_id, &w);
    jw_kstr(&w, "chat_instance",
            arena_fmt(c->a, "-%lld", (long long)chat->id * 7919));
    jw_kstr(&w, "data", k->data);
    jw_end(&w);
    id = tgs_update_add(t, TG_UP_CALLBACK_QUERY, chat->id, buf_str(&b));
    buf_free(&b);
    return id;
}

static void
press(struct tg *t, struct tgs_call *c, struct tgs_chat *chat,
      struct tgs_message *m, int64_t message_id, const char *data)
{
    struct tgs_query *k = tgs_query_add(t, chat, message_id, data);
    int64_t seq = t->next_seq - 1;

    jw_obj(&c->w);
    jw_ki64(&c->w, "seq", seq);
    jw_kstr(&c->w, "callback_query_id",
            arena_fmt(c->a, "%lld", (long long)k->n));
    jw_ki64(&c->w, "message_id", message_id);
    jw_kstr(&c->w, "data", data);
    jw_ki64(&c->w, "update_id", update_press(t, c, chat, m, k));
    jw_end(&c->w);
}

/* force presses what is not there: old, deleted and forged buttons. */
static enum tgs_rc
press_any(struct tg *t, struct tgs_call *c, struct tgs_chat *chat)
{
    int64_t id = tgs_arg_i64(c, "message_id", 0);
    const char *data = tgs_arg(c, "data");

    if (!data || !id)
        return tgs_fail(c, 400, "force needs message_id and data");
    press(t, c, chat, tgs_message_find(chat, id), id, data);
    return TG_OK;
}

static enum tgs_rc
press_button(struct tg *t, struct tgs_call *c, struct tgs_chat *chat)
{
    struct tgs_message *m = NULL;
    const char *data = find_button(c, chat, &m);

    if (!data)
        return tgs_fail(c, 404, "there is no such button");
    press(t, c, chat, m, m->id, data);
    return TG_OK;
}

enum tgs_rc
tgs_do_press(struct tg *t, struct tgs_call *c)
{
    struct tgs_chat *chat;
    enum tgs_rc rc = TG_FAIL;

    pthread_mutex_lock(&t->lock);
    chat = tgs_control_chat(t, c);
    if (chat && chat->blocked)
        tgs_fail(c, 409, "this person has blocked the bot");
    else if (chat)
        rc = tgs_arg_bool(c, "force") ? press_any(t, c, chat)
                                      : press_button(t, c, chat);
    pthread_mutex_unlock(&t->lock);
    return rc;
}

/* ---- editing ---- */

static enum tgs_rc
edit(struct tg *t, struct tgs_call *c, struct tgs_chat *chat,
     const struct tgs_text *text)
{
    struct tgs_message *m =
        tgs_message_find(chat, tgs_arg_i64(c, "message_id", 0));
    int64_t seq = t->next_seq - 1;

    if (!m || m->by_bot || m->deleted)
        return tgs_fail(c, 404, "there is no such message of this person");
    tgs_text_set(&m->c.text, text->text.p ? text->text.p : "");
    tgs_text_set(&m->c.entities, tgs_entities_json(c->a, text));
    m->edit_date = clock_wall_ms() / 1000;
    m->edits++;
    tgs_control_done(c, seq, tgs_update_message(t, chat, m, true), m->id);
    return TG_OK;
}

enum tgs_rc
tgs_do_edit(struct tg *t, struct tgs_call *c)
{
    const char *z = tgs_arg(c, "text");
    struct tgs_text text;
    struct tgs_chat *chat;
    enum tgs_rc rc = TG_FAIL;

    if (tgs_call_text(c, z ? z : "", NULL, NULL, 4096, &text) != 0)
        return TG_FAIL;
    pthread_mutex_lock(&t->lock);
    chat = tgs_control_chat(t, c);
    if (chat)
        rc = edit(t, c, chat, &text);
    pthread_mutex_unlock(&t->lock);
    return rc;
}

/*
 * tg_show.c - users, chats, messages and files as the Bot API writes them.
 */
#include "sandbox/tg.h"

#include <string.h>

void
tgs_show_bot(struct tg *t, struct jw *w)
{
    jw_obj(w);
    jw_ki64(w, "id", t->bot_id);
    jw_kbool(w, "is_bot", true);
    jw_kstr(w, "first_name", TGS_BOT_NAME);
    jw_kstr(w, "username", TGS_BOT_USERNAME);
    jw_end(w);
}

static void
show_names(const struct tgs_chat *c, struct jw *w)
{
    jw_kstr(w, "first_name", c->first_name);
    if (c->last_name)
        jw_kstr(w, "last_name", c->last_name);
    if (c->username)
        jw_kstr(w, "username", c->username);
}

void
tgs_show_user(const struct tgs_chat *c, struct jw *w)
{
    jw_obj(w);
    jw_ki64(w, "id", c->id);
    jw_kbool(w, "is_bot", false);
    show_names(c, w);
    if (c->language)
        jw_kstr(w, "language_code", c->language);
    jw_end(w);
}

void
tgs_show_chat(const struct tgs_chat *c, struct jw *w)
{
    jw_obj(w);
    jw_ki64(w, "id", c->id);
    show_names(c, w);
    jw_kstr(w, "type", "private");
    jw_end(w);
}

void
tgs_show_file(const struct tgs_file *f, bool with_path, struct jw *w)
{
    jw_obj(w);
    jw_kstr(w, "file_id", f->id);
    jw_kstr(w, "file_unique_id", f->unique);
    if (f->size > 0)
        jw_ki64(w, "file_size", (int64_t)f->size);
    if (with_path) {
        jw_kstr(w, "file_path", f->path);
    } else if (f->photo) {
        jw_ki64(w, "width", f->width);
        jw_ki64(w, "height", f->height);
    } else {
        if (f->name)
            jw_kstr(w, "file_name", f->name);
        jw_kstr(w, "mime_type", f->mime);
    }
    jw_end(w);
}

static void
show_raw(struct jw *w, const char *key, const char *json)
{
    if (!json)
        return;
    jw_key(w, key);
    jw_raw(w, str_c(json));
}

static void
show_photo(const struct tgs_photo *p, struct jw *w)
{
    jw_key(w, "photo");
    jw_arr(w);
    for (size_t i = 0; i < p->n; i++)
        tgs_show_file(p->sizes[i], false, w);
    jw_end(w);
}

/* The members of `other`, which is a JSON object. */
static void
show_other(const char *json, struct jw *w)
{
    cJSON *o = json_parse(str_c(json), 0, NULL);

    for (const cJSON *m = o ? o->child : NULL; m; m = m->next)
        jw_ktree(w, m->string, m);
    json_free(o);
}

static void
show_content(const struct tgs_content *c, struct jw *w)
{
    bool text = c->kind == TG_TEXT;

    if (c->kind == TG_PHOTO)
        show_photo(c->photo, w);
    if (c->kind == TG_DOCUMENT) {
        jw_key(w, "document");
        tgs_show_file(c->doc, false, w);
    }
    if (c->kind == TG_OTHER && c->other)
        show_other(c->other, w);
    if (c->text[0]) {
        jw_kstr(w, text ? "text" : "caption", c->text);
        show_raw(w, text ? "entities" : "caption_entities", c->entities);
    }
    if (c->spoiler)
        jw_kbool(w, "has_media_spoiler", true);
    if (c->above)
        jw_kbool(w, "show_caption_above_media", true);
}

/* The Bot API shows buttons under a message, not the reply keyboard. */
static bool
is_inline(const char *markup)
{
    return strncmp(markup, "{\"inline_keyboard\"", 18) == 0;
}

static void
show_reply(struct tg *t, struct tgs_chat *c, struct tgs_message *m,
           struct jw *w)
{
    struct tgs_message *to =
        m->reply_to ? tgs_message_find(c, m->reply_to) : NULL;
    struct tgs_message plain;

    if (!to || to->deleted)
        return;
    plain = *to;
    plain.reply_to = 0; /* replies are shown one deep */
    jw_key(w, "reply_to_message");
    tgs_show_message(t, c, &plain, true, w);
}

static void
show_sandbox(const struct tgs_message *m, struct jw *w)
{
    jw_key(w, "sandbox");
    jw_obj(w);
    jw_kstr(w, "by", m->by_bot ? "bot" : "user");
    jw_ki64(w, "edits", m->edits);
    jw_kbool(w, "deleted", m->deleted);
    if (m->c.photo)
        jw_kstr(w, "original_file_id", m->c.photo->original->id);
    show_raw(w, "reaction", m->reaction);
    jw_end(w);
}

void
tgs_show_message(struct tg *t, struct tgs_chat *c, struct tgs_message *m,
                 bool for_bot, struct jw *w)
{
    jw_obj(w);
    jw_ki64(w, "message_id", m->id);
    jw_key(w, "from");
    if (m->by_bot)
        tgs_show_bot(t, w);
    else
        tgs_show_user(c, w);
    jw_key(w, "chat");
    tgs_show_chat(c, w);
    jw_ki64(w, "date", m->date);
    if (m->edit_date)
        jw_ki64(w, "edit_date", m->edit_date);
    show_reply(t, c, m, w);
    if (m->group)
        jw_kstr(w, "media_group_id", m->group);
    show_content(&m->c, w);
    if (m->protect)
        jw_kbool(w, "has_protected_content", true);
    if (m->markup && (!for_bot || is_inline(m->markup)))
        show_raw(w, "reply_markup", m->markup);
    if (!for_bot)
        show_sandbox(m, w);
    jw_end(w);
}

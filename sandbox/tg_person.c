/*
 * tg_person.c - what a person does in the chat: writes, sends pictures and
 * files, blocks the bot.
 */
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sandbox/tg_control.h"

#define ALBUM_MAX 10
#define NAME_POINTS 64

/* ---- people ---- */

static void
show_chat(struct tg *t, const struct tgs_chat *chat, struct jw *w)
{
    jw_obj(w);
    jw_key(w, "user");
    tgs_show_user(chat, w);
    jw_key(w, "chat");
    tgs_show_chat(chat, w);
    jw_kbool(w, "started", chat->started);
    jw_kbool(w, "blocked", chat->blocked);
    jw_ki64(w, "messages", (int64_t)chat->nmessages);
    jw_ki64(w, "seq", t->next_seq - 1);
    if (chat->keyboard) {
        jw_key(w, "keyboard");
        jw_raw(w, str_c(chat->keyboard));
    }
    jw_end(w);
}

enum tgs_rc
tgs_do_user(struct tg *t, struct tgs_call *c)
{
    const char *name = tgs_arg(c, "name"), *language;
    struct tgs_chat *chat;

    language = tgs_arg(c, "language_code");
    pthread_mutex_lock(&t->lock);
    chat = tgs_chat_add(t, tgs_arg_i64(c, "id", 0), name ? name : "Anna");
    if (chat) {
        tgs_text_set(&chat->last_name, tgs_arg(c, "last_name"));
        tgs_text_set(&chat->username, tgs_arg(c, "username"));
        tgs_text_set(&chat->language, language ? language : "en");
        chat->started = !tgs_param(c, "started") || tgs_arg_bool(c, "started");
        show_chat(t, chat, &c->w);
    }
    pthread_mutex_unlock(&t->lock);
    return chat ? TG_OK
                : tgs_fail(c, 409, "this id is taken, or there are too many");
}

enum tgs_rc
tgs_do_users(struct tg *t, struct tgs_call *c)
{
    pthread_mutex_lock(&t->lock);
    jw_obj(&c->w);
    jw_key(&c->w, "users");
    jw_arr(&c->w);
    for (const struct tgs_chat *u = t->first_chat; u; u = u->next_made)
        show_chat(t, u, &c->w);
    jw_end(&c->w);
    jw_end(&c->w);
    pthread_mutex_unlock(&t->lock);
    return TG_OK;
}

enum tgs_rc
tgs_do_chat(struct tg *t, struct tgs_call *c)
{
    struct tgs_chat *chat;

    pthread_mutex_lock(&t->lock);
    chat = tgs_control_chat(t, c);
    if (chat)
        show_chat(t, chat, &c->w);
    pthread_mutex_unlock(&t->lock);
    return chat ? TG_OK : TG_FAIL;
}

/* ---- messages ---- */

/* With the lock held. */
static struct tgs_chat *
open_chat(struct tg *t, struct tgs_call *c)
{
    struct tgs_chat *chat = tgs_control_chat(t, c);

    if (chat && chat->blocked) {
        tgs_fail(c, 409, "this person has blocked the bot");
        return NULL;
    }
    return chat;
}

/* With the lock held. Takes content. */
static struct tgs_message *
put(struct tg *t, struct tgs_call *c, struct tgs_chat *chat,
    struct tgs_content *content, const char *group, int64_t *update_id)
{
    struct tgs_message *m = tgs_message_add(t, chat, content, false);

    chat->started = true;
    m->reply_to = tgs_arg_i64(c, "reply_to", 0);
    tgs_text_set(&m->group, group);
    *update_id = tgs_update_message(t, chat, m, false);
    return m;
}

/* Takes content. */
static enum tgs_rc
send(struct tg *t, struct tgs_call *c, struct tgs_content *content)
{
    struct tgs_chat *chat;
    int64_t seq, update_id;

    pthread_mutex_lock(&t->lock);
    chat = open_chat(t, c);
    seq = t->next_seq - 1;
    if (chat) {
        struct tgs_message *m =
            put(t, c, chat, content, tgs_arg(c, "media_group_id"), &update_id);
        tgs_control_done(c, seq, update_id, m->id);
    }
    pthread_mutex_unlock(&t->lock);
    tgs_content_fini(content);
    return chat ? TG_OK : TG_FAIL;
}

/* People's texts have no markup, but commands are seen in them. */
static enum tgs_rc
read_text(struct tgs_call *c, const char *which, size_t limit,
          struct tgs_content *out)
{
    const char *z = tgs_arg(c, which);
    struct tgs_text text;

    if (tgs_call_text(c, z ? z : "", NULL, NULL, limit, &text) != 0)
        return TG_FAIL;
    tgs_text_set(&out->text, text.text.p ? text.text.p : "");
    tgs_text_set(&out->entities, tgs_entities_json(c->a, &text));
    return TG_OK;
}

enum tgs_rc
tgs_do_text(struct tg *t, struct tgs_call *c)
{
    struct tgs_content content = {.kind = TG_TEXT};

    if (read_text(c, "text", 4096, &content) != TG_OK)
        return TG_FAIL;
    if (!content.text[0]) {
        tgs_content_fini(&content);
        return tgs_fail(c, 400, "text is empty");
    }
    return send(t, c, &content);
}

/* A message of a kind that has no route of its own: {"message": {"sticker":
 * {...}}}. */
enum tgs_rc
tgs_do_other(struct tg *t, struct tgs_call *c)
{
    struct tgs_content content = {.kind = TG_OTHER};
    bool bad = false;
    const cJSON *m = tgs_arg_json(c, "message", &bad);

    if (bad || !cJSON_IsObject(m))
        return tgs_fail(c, 400, "message is an object: what the message has");
    tgs_text_set(&content.other, json_text(c->a, m));
    return send(t, c, &content);
}

/* ---- pictures and files ---- */

/* Bytes of a part, or of base64 text. */
static enum tgs_rc
read_bytes(struct tgs_call *c, const struct tgs_param *p, const char *base64,
           struct str *out)
{
    if (p && p->is_file) {
        *out = p->text;
        return TG_OK;
    }
    if (!base64 || !base64_decode(c->a, str_c(base64), out) || out->len == 0)
        return tgs_fail(c, 400,
                        "send the bytes as a file in multipart, or as "
                        "base64 in JSON");
    return TG_OK;
}

static enum tgs_rc
photo_put(struct tg *t, struct tgs_call *c, struct str bytes,
          struct tgs_content *out)
{
    struct err e;

    out->kind = TG_PHOTO;
    if (tgs_photo_put(t, bytes, &out->photo, &e) != 0)
        return tgs_fail(c, 400, "%s", e.msg);
    return TG_OK;
}

/* A photo that is already here, by file_id. */
static enum tgs_rc
photo_known(struct tg *t, struct tgs_call *c, const char *id,
            struct tgs_content *out)
{
    struct tgs_file *f;

    pthread_mutex_lock(&t->lock);
    f = tgs_file_find(t, id);
    pthread_mutex_unlock(&t->lock);
    if (!f || !f->photo)
        return tgs_fail(c, 404, "there is no such photo");
    out->kind = TG_PHOTO;
    out->photo = f->photo;
    return TG_OK;
}

enum tgs_rc
tgs_do_photo(struct tg *t, struct tgs_call *c)
{
    struct tgs_content content = {0};
    const char *id = tgs_arg(c, "file_id");
    struct str bytes;
    enum tgs_rc rc = read_text(c, "caption", 1024, &content);

    if (rc == TG_OK && id)
        rc = photo_known(t, c, id, &content);
    else if (rc == TG_OK &&
             (rc = read_bytes(c, tgs_param(c, "photo"), tgs_arg(c, "base64"),
                              &bytes)) == TG_OK)
        rc = photo_put(t, c, bytes, &content);
    if (rc == TG_OK)
        return send(t, c, &content);
    tgs_content_fini(&content);
    return rc;
}

enum tgs_rc
tgs_do_document(struct tg *t, struct tgs_call *c)
{
    struct tgs_content content = {.kind = TG_DOCUMENT};
    const struct tgs_param *p = tgs_param(c, "document");
    const char *name = tgs_arg(c, "file_name");
    const char *mime = tgs_arg(c, "mime_type");
    struct str bytes;

    if (read_text(c, "caption", 1024, &content) != TG_OK ||
        read_bytes(c, p, tgs_arg(c, "base64"), &bytes) != TG_OK) {
        tgs_content_fini(&content);
        return TG_FAIL;
    }
    pthread_mutex_lock(&t->lock);
    content.doc = tgs_document_add(t, bytes,
                                   name ? name
                                   : p  ? p->filename
                                        : NULL,
                                   mime ? mime
                                   : p  ? p->mime
                                        : NULL);
    pthread_mutex_unlock(&t->lock);
    if (content.doc)
        return send(t, c, &content);
    tgs_content_fini(&content);
    return tgs_fail(c, 409, "the sandbox is full of files");
}

/* ---- albums ---- */

static enum tgs_rc
read_album(struct tg *t, struct tgs_call *c, struct tgs_content *items,
           size_t *n)
{
    bool bad = false;
    const cJSON *photos = tgs_arg_json(c, "photos", &bad), *j;
    enum tgs_rc rc = bad ? TG_FAIL : TG_OK;
    struct str bytes;

    for (size_t i = 0; rc == TG_OK && i < c->n && *n < ALBUM_MAX; i++)
        if (c->params[i].is_file)
            rc = photo_put(t, c, c->params[i].text, &items[(*n)++]);
    cJSON_ArrayForEach (j, photos) {
        if (rc != TG_OK || *n == ALBUM_MAX)
            break;
        rc = read_bytes(c, NULL, cJSON_IsString(j) ? j->valuestring : NULL,
                        &bytes);
        if (rc == TG_OK)
            rc = photo_put(t, c, bytes, &items[(*n)++]);
    }
    if (rc == TG_OK && *n < 2)
        return tgs_fail(c, 400, "an album has 2 to 10 photos");
    return rc;
}

static enum tgs_rc
put_album(struct tg *t, struct tgs_call *c, struct tgs_content *items, size_t n)
{
    struct tgs_chat *chat = open_chat(t, c);
    int64_t update_id;
    char group[32];

    if (!chat)
        return TG_FAIL;
    snprintf(group, sizeof(group), "%lld", (long long)t->next_group++);
    jw_obj(&c->w);
    jw_ki64(&c->w, "seq", t->next_seq - 1);
    jw_kstr(&c->w, "media_group_id", group);
    jw_key(&c->w, "message_ids");
    jw_arr(&c->w);
    for (size_t i = 0; i < n; i++)
        jw_i64(&c->w, put(t, c, chat, &items[i], group, &update_id)->id);
    jw_end(&c->w);
    jw_end(&c->w);
    return TG_OK;
}

/* The caption stands under the first photo. */
enum tgs_rc
tgs_do_album(struct tg *t, struct tgs_call *c)
{
    struct tgs_content items[ALBUM_MAX] = {0};
    size_t n = 0;
    enum tgs_rc rc = read_album(t, c, items, &n);

    if (rc == TG_OK)
        rc = read_text(c, "caption", 1024, &items[0]);
    if (rc == TG_OK) {
        pthread_mutex_lock(&t->lock);
        rc = put_album(t, c, items, n);
        pthread_mutex_unlock(&t->lock);
    }
    for (size_t i = 0; i < n; i++)
        tgs_content_fini(&items[i]);
    return rc;
}

/* ---- blocking ---- */

static void
show_member(struct tg *t, const char *key, bool member, struct jw *w)
{
    jw_key(w, key);
    jw_obj(w);
    jw_key(w, "user");
    tgs_show_bot(t, w);
    jw_kstr(w, "status", member ? "member" : "kicked");
    if (!member)
        jw_ki64(w, "until_date", 0);
    jw_end(w);
}

static int64_t
update_member(struct tg *t, struct tgs_chat *chat, bool blocked)
{
    struct buf b;
    struct jw w;
    int64_t id;

    buf_init(&b, 65536);
    buf_add_c(&b, "\"my_chat_member\":");
    jw_init(&w, &b);
    jw_obj(&w);
    jw_key(&w, "chat");
    tgs_show_chat(chat, &w);
    jw_key(&w, "from");
    tgs_show_user(chat, &w);
    jw_ki64(&w, "date", clock_wall_ms() / 1000);
    show_member(t, "old_chat_member", blocked, &w);
    show_member(t, "new_chat_member", !blocked, &w);
    jw_end(&w);
    id = tgs_update_add(t, TG_UP_MY_CHAT_MEMBER, chat->id, buf_str(&b));
    buf_free(&b);
    return id;
}

static enum tgs_rc
set_blocked(struct tg *t, struct tgs_call *c, bool blocked)
{
    struct tgs_chat *chat;
    int64_t seq, update_id = 0;

    pthread_mutex_lock(&t->lock);
    chat = tgs_control_chat(t, c);
    seq = t->next_seq - 1;
    if (chat && chat->blocked != blocked) {
        chat->blocked = blocked;
        update_id = update_member(t, chat, blocked);
    }
    pthread_mutex_unlock(&t->lock);
    if (!chat)
        return TG_FAIL;
    tgs_control_done(c, seq, update_id, 0);
    return TG_OK;
}

enum tgs_rc
tgs_do_block(struct tg *t, struct tgs_call *c)
{
    return set_blocked(t, c, true);
}

enum tgs_rc
tgs_do_unblock(struct tg *t, struct tgs_call *c)
{
    return set_blocked(t, c, false);
}

/* An account that its owner gave up: for good, without an update. */
enum tgs_rc
tgs_do_deactivate(struct tg *t, struct tgs_call *c)
{
    struct tgs_chat *chat;

    pthread_mutex_lock(&t->lock);
    chat = tgs_control_chat(t, c);
    if (chat) {
        chat->deactivated = true;
        tgs_control_done(c, t->next_seq - 1, 0, 0);
    }
    pthread_mutex_unlock(&t->lock);
    return chat ? TG_OK : TG_FAIL;
}

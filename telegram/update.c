/*
 * update.c - an update of Telegram as a struct.
 */
#include "telegram/update.h"

#include <string.h>

#include "base/utf8.h"

/* One update being read: where to put texts, and the first thing wrong. */
struct reader {
    struct arena *a;
    struct err *e;
    bool bad;
};

static const char *const kind_names[] = {
    [TG_UPDATE_MESSAGE] = "message",
    [TG_UPDATE_EDITED] = "edited_message",
    [TG_UPDATE_CALLBACK] = "callback_query",
    [TG_UPDATE_MEMBER] = "my_chat_member",
    [TG_UPDATE_PRE_CHECKOUT] = "pre_checkout_query",
    [TG_UPDATE_OTHER] = "other",
};

/* The first member that is there decides; so special kinds stand before the
 * photo or document that comes with them. */
static const struct {
    const char *member;
    enum tg_content content;
} contents[] = {
    {"successful_payment", TG_CONTENT_PAYMENT},
    {"refunded_payment", TG_CONTENT_REFUND},
    {"live_photo", TG_CONTENT_LIVE_PHOTO},
    {"animation", TG_CONTENT_ANIMATION},
    {"video", TG_CONTENT_VIDEO},
    {"video_note", TG_CONTENT_VIDEO},
    {"story", TG_CONTENT_VIDEO},
    {"sticker", TG_CONTENT_STICKER},
    {"voice", TG_CONTENT_VOICE},
    {"audio", TG_CONTENT_VOICE},
    {"photo", TG_CONTENT_PHOTO},
    {"document", TG_CONTENT_DOCUMENT},
    {"text", TG_CONTENT_TEXT},
    {"new_chat_members", TG_CONTENT_SERVICE},
    {"left_chat_member", TG_CONTENT_SERVICE},
    {"new_chat_title", TG_CONTENT_SERVICE},
    {"new_chat_photo", TG_CONTENT_SERVICE},
    {"delete_chat_photo", TG_CONTENT_SERVICE},
    {"group_chat_created", TG_CONTENT_SERVICE},
    {"supergroup_chat_created", TG_CONTENT_SERVICE},
    {"channel_chat_created", TG_CONTENT_SERVICE},
    {"message_auto_delete_timer_changed", TG_CONTENT_SERVICE},
    {"migrate_to_chat_id", TG_CONTENT_SERVICE},
    {"migrate_from_chat_id", TG_CONTENT_SERVICE},
    {"pinned_message", TG_CONTENT_SERVICE},
    {"write_access_allowed", TG_CONTENT_SERVICE},
    {"chat_background_set", TG_CONTENT_SERVICE},
};

/* ---- checked access ---- */

static void
wrong(struct reader *r, const char *field, const char *what)
{
    if (!r->bad)
        err_set(r->e, ERR_BAD_INPUT, "update: %s %s", field, what);
    r->bad = true;
}

/* A whole number that must be there. */
static int64_t
need_i64(struct reader *r, const cJSON *o, const char *name, const char *field)
{
    int64_t v = 0;

    if (!json_to_i64(json_get(o, name), &v))
        wrong(r, field, "is no whole number");
    return v;
}

/* May be left out: then dflt. */
static int64_t
want_i64(struct reader *r, const cJSON *o, const char *name, int64_t dflt,
         const char *field)
{
    if (json_get(o, name) == NULL)
        return dflt;
    return need_i64(r, o, name, field);
}

static const char *
want_str(struct reader *r, const cJSON *o, const char *name, const char *field)
{
    const cJSON *v = json_get(o, name);

    if (v == NULL)
        return "";
    if (!cJSON_IsString(v)) {
        wrong(r, field, "is no text");
        return "";
    }
    return arena_strdup(r->a, v->valuestring);
}

static const char *
need_str(struct reader *r, const cJSON *o, const char *name, const char *field)
{
    const char *z = want_str(r, o, name, field);

    if (z[0] == '\0')
        wrong(r, field, "is missing");
    return z;
}

/* NULL when absent or wrong. */
static const cJSON *
want_obj(struct reader *r, const cJSON *o, const char *name, const char *field)
{
    const cJSON *v = json_get(o, name);

    if (v != NULL && !cJSON_IsObject(v)) {
        wrong(r, field, "is no object");
        return NULL;
    }
    return v;
}

static const cJSON *
need_obj(struct reader *r, const cJSON *o, const char *name, const char *field)
{
    const cJSON *v = want_obj(r, o, name, field);

    if (v == NULL)
        wrong(r, field, "is missing");
    return v;
}

/* ---- chat, person ---- */

static void
read_chat(struct reader *r, const cJSON *chat, struct tg_update *u)
{
    const char *type;

    u->chat_id = need_i64(r, chat, "id", "chat.id");
    if (u->chat_id == 0)
        wrong(r, "chat.id", "is 0");
    type = need_str(r, chat, "type", "chat.type");
    if (strcmp(type, "private") == 0)
        u->chat_type = TG_CHAT_PRIVATE;
    else if (strcmp(type, "channel") == 0)
        u->chat_type = TG_CHAT_CHANNEL;
    else
        u->chat_type = TG_CHAT_GROUP;
    u->queue = u->chat_id;
}

static void
read_person(struct reader *r, const cJSON *from, struct tg_person *p)
{
    p->id = need_i64(r, from, "id", "from.id");
    if (p->id <= 0)
        wrong(r, "from.id", "is no person's id");
    p->is_bot = json_bool(from, "is_bot", false);
    p->first_name = want_str(r, from, "first_name", "from.first_name");
    p->last_name = want_str(r, from, "last_name", "from.last_name");
    p->username = want_str(r, from, "username", "from.username");
    p->language_code = want_str(r, from, "language_code", "from.language_code");
    p->full_name = arena_fmt(
        r->a, "%s%s%s", p->first_name,
        p->first_name[0] != '\0' && p->last_name[0] != '\0' ? " " : "",
        p->last_name);
}

/* ---- files ---- */

static void
read_file(struct reader *r, const cJSON *o, const char *field,
          struct tg_file *f)
{
    f->file_id = need_str(r, o, "file_id", field);
    f->unique_id = need_str(r, o, "file_unique_id", field);
    f->size = want_i64(r, o, "file_size", -1, field);
    f->width = want_i64(r, o, "width", 0, field);
    f->height = want_i64(r, o, "height", 0, field);
    f->mime = want_str(r, o, "mime_type", field);
    f->name = want_str(r, o, "file_name", field);
    if (f->width < 0 || f->width > 1000000 || f->height < 0 ||
        f->height > 1000000) {
        wrong(r, field, "has impossible sides");
        f->width = f->height = 0;
    }
    if (strlen(f->file_id) > 256 || strlen(f->unique_id) > 256)
        wrong(r, field, "has an impossible file_id");
}

/* Sizes of one picture, in no order that one could count on. */
static void
read_photo(struct reader *r, const cJSON *sizes, struct tg_file *out)
{
    const cJSON *o;
    bool found = false;

    if (!cJSON_IsArray(sizes) || sizes->child == NULL) {
        wrong(r, "photo", "is no list of sizes");
        return;
    }
    cJSON_ArrayForEach (o, sizes) {
        struct tg_file f = {0};

        read_file(r, o, "photo", &f);
        if (!found || f.width * f.height > out->width * out->height)
            *out = f;
        found = true;
    }
}

static bool
is_image_type(const char *mime)
{
    return str_starts(str_c(mime), STR("image/"));
}

/* ---- messages ---- */

/* "/start@bot payload": name in lower case, bot and rest apart. */
static void
read_command(struct reader *r, struct tg_update *u)
{
    struct str s = str_c(u->text), name, bot;
    size_t n = 1;
    char *low;

    if (u->is_caption || s.len < 2 || s.p[0] != '/')
        return;
    while (n < s.len && s.p[n] != ' ' && s.p[n] != '\n' && s.p[n] != '\t')
        n++;
    bot = str_sub(s, 1, n - 1);
    if (!str_split(&bot, '@', &name) || name.len == 0 || name.len > 32)
        return;
    low = arena_strn(r->a, name.p, name.len);
    for (char *c = low; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    }
    u->command = low;
    u->command_bot = arena_strn(r->a, bot.p, bot.len);
    s = str_trim(str_sub(s, n, s.len));
    u->args = arena_strn(r->a, s.p, s.len);
}

static void
read_payment(struct reader *r, const cJSON *o, struct tg_update *u)
{
    u->currency = need_str(r, o, "currency", "payment.currency");
    u->amount = need_i64(r, o, "total_amount", "payment.total_amount");
    u->payload = want_str(r, o, "invoice_payload", "payment.invoice_payload");
    u->charge_id = need_str(r, o, "telegram_payment_charge_id",
                            "payment.telegram_payment_charge_id");
}

static enum tg_content
content_of(const cJSON *m, const cJSON **member)
{
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        *member = json_get(m, contents[i].member);
        if (*member != NULL)
            return contents[i].content;
    }
    return TG_CONTENT_OTHER;
}

static void
read_content(struct reader *r, const cJSON *m, struct tg_update *u)
{
    const cJSON *member = NULL;

    u->content = content_of(m, &member);
    switch (u->content) {
    case TG_CONTENT_PHOTO:
        read_photo(r, member, &u->file);
        break;
    case TG_CONTENT_LIVE_PHOTO:
        if (json_get(m, "photo") != NULL)
            read_photo(r, json_get(m, "photo"), &u->file);
        break;
    case TG_CONTENT_DOCUMENT:
        read_file(r, member, "document", &u->file);
        if (is_image_type(u->file.mime))
            u->content = TG_CONTENT_IMAGE;
        break;
    case TG_CONTENT_PAYMENT:
    case TG_CONTENT_REFUND:
        read_payment(r, member, u);
        break;
    case TG_CONTENT_TEXT:
    case TG_CONTENT_IMAGE:
    case TG_CONTENT_VIDEO:
    case TG_CONTENT_ANIMATION:
    case TG_CONTENT_STICKER:
    case TG_CONTENT_VOICE:
    case TG_CONTENT_SERVICE:
    case TG_CONTENT_OTHER:
        break;
    }
}

static void
read_message(struct reader *r, const cJSON *m, struct tg_update *u)
{
    const cJSON *from = want_obj(r, m, "from", "message.from");

    read_chat(r, need_obj(r, m, "chat", "message.chat"), u);
    u->message_id = need_i64(r, m, "message_id", "message.message_id");
    u->date = want_i64(r, m, "date", 0, "message.date");
    if (from != NULL)
        read_person(r, from, &u->from);
    u->album = want_str(r, m, "media_group_id", "message.media_group_id");
    u->is_caption = json_get(m, "text") == NULL;
    u->text = u->is_caption ? want_str(r, m, "caption", "message.caption")
                            : want_str(r, m, "text", "message.text");
    read_content(r, m, u);
    read_command(r, u);
}

/* ---- the other kinds ---- */

/* The message under the button may be missing or inaccessible (date 0). A
 * private chat has the id of its person. */
static void
read_callback(struct reader *r, const cJSON *q, struct tg_update *u)
{
    const cJSON *m = want_obj(r, q, "message", "callback_query.message");

    u->callback_id = need_str(r, q, "id", "callback_query.id");
    u->data = want_str(r, q, "data", "callback_query.data");
    read_person(r, need_obj(r, q, "from", "callback_query.from"), &u->from);
    u->queue = u->chat_id = u->from.id;
    u->chat_type = TG_CHAT_PRIVATE;
    if (m == NULL)
        return;
    read_chat(r, need_obj(r, m, "chat", "callback_query.message.chat"), u);
    u->message_id =
        need_i64(r, m, "message_id", "callback_query.message.message_id");
    u->date = want_i64(r, m, "date", 0, "callback_query.message.date");
    u->accessible = u->date > 0;
}

static void
read_member(struct reader *r, const cJSON *m, struct tg_update *u)
{
    const cJSON *now =
        need_obj(r, m, "new_chat_member", "my_chat_member.new_chat_member");
    const char *status =
        need_str(r, now, "status", "my_chat_member.new_chat_member.status");

    read_chat(r, need_obj(r, m, "chat", "my_chat_member.chat"), u);
    read_person(r, need_obj(r, m, "from", "my_chat_member.from"), &u->from);
    u->date = want_i64(r, m, "date", 0, "my_chat_member.date");
    u->reachable = strcmp(status, "kicked") != 0 && strcmp(status, "left") != 0;
}

static void
read_pre_checkout(struct reader *r, const cJSON *q, struct tg_update *u)
{
    u->query_id = need_str(r, q, "id", "pre_checkout_query.id");
    read_person(r, need_obj(r, q, "from", "pre_checkout_query.from"), &u->from);
    u->currency = need_str(r, q, "currency", "pre_checkout_query.currency");
    u->amount =
        need_i64(r, q, "total_amount", "pre_checkout_query.total_amount");
    u->payload =
        want_str(r, q, "invoice_payload", "pre_checkout_query.invoice_payload");
    u->queue = u->from.id;
}

static const struct {
    enum tg_update_kind kind;
    void (*read)(struct reader *r, const cJSON *o, struct tg_update *u);
} readers[] = {
    {TG_UPDATE_MESSAGE, read_message},
    {TG_UPDATE_EDITED, read_message},
    {TG_UPDATE_CALLBACK, read_callback},
    {TG_UPDATE_MEMBER, read_member},
    {TG_UPDATE_PRE_CHECKOUT, read_pre_checkout},
};

/* ---- the whole ---- */

static void
set_empty(struct tg_update *u)
{
    memset(u, 0, sizeof(*u));
    u->kind = TG_UPDATE_OTHER;
    u->content = TG_CONTENT_OTHER;
    u->from = (struct tg_person){.first_name = "",
                                 .last_name = "",
                                 .username = "",
                                 .language_code = "",
                                 .full_name = ""};
    u->file = (struct tg_file){
        .file_id = "", .unique_id = "", .mime = "", .name = "", .size = -1};
    u->text = u->command = u->command_bot = u->args = u->album = "";
    u->callback_id = u->data = u->query_id = "";
    u->currency = u->payload = u->charge_id = "";
}

int
tg_update_read(struct arena *a, const cJSON *tree, struct tg_update *out,
               struct err *e)
{
    struct reader r = {.a = a, .e = e};

    set_empty(out);
    if (!cJSON_IsObject(tree))
        return err_set(e, ERR_BAD_INPUT, "update: is no object");
    out->update_id = need_i64(&r, tree, "update_id", "update_id");
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        const char *name = kind_names[readers[i].kind];
        const cJSON *o = want_obj(&r, tree, name, name);

        if (o == NULL)
            continue;
        out->kind = readers[i].kind;
        readers[i].read(&r, o, out);
        break;
    }
    return r.bad ? -1 : 0;
}

int
tg_update_parse(struct arena *a, struct str json, struct tg_update *out,
                struct err *e)
{
    const cJSON *tree;

    set_empty(out);
    tree = json_parse_in(a, json, JSON_LONE_FFFD | JSON_NUL_DROP, e);
    if (tree == NULL)
        return err_wrap(e, "update");
    return tg_update_read(a, tree, out, e);
}

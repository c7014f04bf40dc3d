/*
 * render.c - a delivery as a call of the Bot API.
 */
#include "telegram/render.h"

#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "model/html.h"
#include "model/text.h"

#define DATA_MAX 64 /* bytes of callback_data */
#define ALBUM_MAX 10
#define MENU_COLUMNS 2
#define PARAMS_MAX LIM_JSON_BYTES

/* One rendering. */
struct draft {
    struct arena *a;
    const struct tg_delivery *d;
    const struct tg_how *how;
    enum text_lang lang;
    const cJSON *body;
    struct jw w;
    struct err *e;
};

/* ---- texts ---- */

/* {"text": key, "args": …} as HTML, in the arena; NULL when it has none. */
static const char *
text_of(struct draft *j, const cJSON *o, size_t max_points)
{
    const char *key = json_str(o, "text", NULL);
    struct buf b;
    char *out;
    struct err why;

    if (key == NULL)
        return NULL;
    buf_init(&b, TEXT_BYTES);
    text_html(&b, j->lang, key, json_get(o, "args"), max_points);
    if (html_check(buf_str(&b), &why) != 0)
        log_error("telegram", "bad_html", "key=%s %s", key, why.msg);
    if (j->how->plain) {
        struct buf plain;

        buf_init(&plain, TEXT_BYTES);
        html_plain(&plain, buf_str(&b));
        buf_free(&b);
        b = plain;
    }
    out = arena_strdup(j->a, buf_cstr(&b));
    buf_free(&b);
    return out;
}

static void
add_text(struct draft *j, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    jw_kstr(&j->w, name, text);
    if (!j->how->plain)
        jw_kstr(&j->w, "parse_mode", "HTML");
}

/* ---- keyboards ---- */

static void
button_text(struct draft *j, const cJSON *button)
{
    struct buf b;

    buf_init(&b, TEXT_BYTES);
    text_plain(&b, j->lang, json_str(button, "text", ""),
               json_get(button, "args"), TEXT_BUTTON_POINTS);
    jw_kstr(&j->w, "text", b.len > 0 ? buf_cstr(&b) : "·");
    buf_free(&b);
}

static int
add_button(struct draft *j, const cJSON *button)
{
    const char *data = json_str(button, "data", NULL);
    const char *url = json_str(button, "url", NULL);

    if ((data == NULL) == (url == NULL))
        return err_set(j->e, ERR_BAD_INPUT,
                       "a button needs either data or url");
    if (data != NULL && (data[0] == '\0' || strlen(data) > DATA_MAX))
        return err_set(j->e, ERR_BAD_INPUT,
                       "a button's data has %zu bytes, 1 to %d fit",
                       strlen(data), DATA_MAX);
    jw_obj(&j->w);
    button_text(j, button);
    if (data != NULL)
        jw_kstr(&j->w, "callback_data", data);
    else
        jw_kstr(&j->w, "url", url);
    jw_end(&j->w);
    return 0;
}

static int
add_inline(struct draft *j, const cJSON *rows)
{
    const cJSON *row, *button;

    jw_obj(&j->w);
    jw_key(&j->w, "inline_keyboard");
    jw_arr(&j->w);
    cJSON_ArrayForEach (row, rows) {
        if (!cJSON_IsArray(row))
            return err_set(j->e, ERR_BAD_INPUT,
                           "a row of the keyboard is no list");
        if (row->child == NULL)
            continue;
        jw_arr(&j->w);
        cJSON_ArrayForEach (button, row) {
            if (add_button(j, button) != 0)
                return -1;
        }
        jw_end(&j->w);
    }
    jw_end(&j->w);
    jw_end(&j->w);
    return 0;
}

static void
add_menu(struct draft *j)
{
    struct buf b;
    const char *key;
    int n = 0;

    buf_init(&b, TEXT_BYTES);
    jw_obj(&j->w);
    jw_key(&j->w, "keyboard");
    jw_arr(&j->w);
    for (size_t i = 0; (key = text_next("menu_", &i)) != NULL; n++) {
        if (n % MENU_COLUMNS == 0 && n > 0)
            jw_end(&j->w);
        if (n % MENU_COLUMNS == 0)
            jw_arr(&j->w);
        buf_clear(&b);
        text_plain(&b, j->lang, key, NULL, TEXT_BUTTON_POINTS);
        jw_obj(&j->w);
        jw_kstr(&j->w, "text", buf_cstr(&b));
        jw_end(&j->w);
    }
    jw_end(&j->w);
    jw_end(&j->w);
    jw_kbool(&j->w, "resize_keyboard", true);
    jw_kbool(&j->w, "is_persistent", true);
    buf_clear(&b);
    text_plain(&b, j->lang, "input_placeholder", NULL, TEXT_BUTTON_POINTS);
    jw_kstr(&j->w, "input_field_placeholder", buf_cstr(&b));
    jw_end(&j->w);
    buf_free(&b);
}

static int
add_markup(struct draft *j, bool is_new)
{
    const cJSON *rows = json_get(j->body, "keyboard");

    if (rows != NULL && !cJSON_IsArray(rows))
        return err_set(j->e, ERR_BAD_INPUT, "the keyboard is no list");
    if (rows != NULL && rows->child != NULL) {
        jw_key(&j->w, "reply_markup");
        return add_inline(j, rows);
    }
    if (is_new && json_bool(j->body, "menu", false)) {
        jw_key(&j->w, "reply_markup");
        add_menu(j);
    }
    return 0;
}

static void
add_reply(struct draft *j)
{
    int64_t to = json_i64(j->body, "reply_to", 0);

    if (to <= 0)
        return;
    jw_key(&j->w, "reply_parameters");
    jw_obj(&j->w);
    jw_ki64(&j->w, "message_id", to);
    jw_kbool(&j->w, "allow_sending_without_reply", true);
    jw_end(&j->w);
}

/* ---- calls ---- */

static bool
is_edit(const struct draft *j)
{
    const char *kind = j->d->kind;

    return !j->how->fresh && j->d->message_id > 0 &&
           (strcmp(kind, "edit") == 0 || strcmp(kind, "status") == 0);
}

static int
render_text(struct draft *j, struct tg_message *out)
{
    const char *text = text_of(j, j->body, TEXT_POINTS);

    out->edits = is_edit(j);
    if (out->edits)
        jw_ki64(&j->w, "message_id", j->d->message_id);
    if (text == NULL || text[0] == '\0') {
        out->method = "editMessageReplyMarkup";
        if (!out->edits)
            return err_set(j->e, ERR_BAD_INPUT, "a message without text");
        return add_markup(j, false);
    }
    out->method = out->edits ? "editMessageText" : "sendMessage";
    add_text(j, "text", text);
    jw_key(&j->w, "link_preview_options");
    jw_raw(&j->w, STR("{\"is_disabled\":true}"));
    if (!out->edits)
        add_reply(j);
    return add_markup(j, !out->edits);
}

static int
render_file(struct draft *j, const char *field, const char *file_id,
            const cJSON *caption, struct tg_message *out)
{
    out->method = strcmp(field, "photo") == 0 ? "sendPhoto" : "sendDocument";
    if (file_id != NULL)
        jw_kstr(&j->w, field, file_id);
    add_text(j, "caption", text_of(j, caption, TEXT_CAPTION_POINTS));
    add_reply(j);
    return add_markup(j, true);
}

static const char *
album_field(const cJSON *item)
{
    return json_bool(item, "document", false) ? "document" : "photo";
}

static int
add_album_item(struct draft *j, const cJSON *item, const cJSON *caption)
{
    const char *file_id = json_str(item, "file_id", NULL);

    if (file_id == NULL)
        return err_set(j->e, ERR_BAD_INPUT, "an album's item has no file_id");
    jw_obj(&j->w);
    jw_kstr(&j->w, "type", album_field(item));
    jw_kstr(&j->w, "media", file_id);
    add_text(j, "caption", text_of(j, caption, TEXT_CAPTION_POINTS));
    jw_end(&j->w);
    return 0;
}

static int
render_album(struct draft *j, struct tg_message *out)
{
    const cJSON *photos = json_get(j->body, "photos");
    const cJSON *item;
    int n = cJSON_GetArraySize(photos);
    bool own = json_get(j->body, "text") != NULL;

    if (!cJSON_IsArray(photos) || n < 1 || n > ALBUM_MAX)
        return err_set(j->e, ERR_BAD_INPUT,
                       "an album has 1 to %d photos, not %d", ALBUM_MAX, n);
    if (n == 1)
        return render_file(j, album_field(photos->child),
                           json_str(photos->child, "file_id", ""),
                           own ? j->body : photos->child, out);
    out->method = "sendMediaGroup";
    jw_key(&j->w, "media");
    jw_arr(&j->w);
    cJSON_ArrayForEach (item, photos) {
        if (add_album_item(j, item,
                           own && item == photos->child ? j->body : item) != 0)
            return -1;
    }
    jw_end(&j->w);
    add_reply(j);
    return 0;
}

static int
render_body(struct draft *j, struct tg_message *out)
{
    const char *photo = json_str(j->body, "photo", NULL);
    const char *document = json_str(j->body, "document", NULL);

    if (j->how->field != NULL)
        return render_file(j, j->how->field, j->how->file_id, j->body, out);
    if (strcmp(j->d->kind, "album") == 0)
        return render_album(j, out);
    if (photo != NULL && !is_edit(j))
        return render_file(j, "photo", photo, j->body, out);
    if (document != NULL && !is_edit(j))
        return render_file(j, "document", document, j->body, out);
    return render_text(j, out);
}

int
tg_render(struct arena *a, const struct tg_delivery *d,
          const struct tg_how *how, struct tg_message *out, struct err *e)
{
    struct buf b;
    struct draft j = {
        .a = a, .d = d, .how = how, .lang = text_lang_of(d->language), .e = e};
    int rc = -1;

    memset(out, 0, sizeof(*out));
    buf_init(&b, PARAMS_MAX);
    j.body = json_parse_in(a, d->body, 0, e);
    if (j.body == NULL)
        goto out;
    jw_init(&j.w, &b);
    jw_obj(&j.w);
    jw_ki64(&j.w, "chat_id", d->chat_id);
    if (render_body(&j, out) != 0)
        goto out;
    jw_end(&j.w);
    if (b.failed) {
        err_set(e, ERR_TOO_LARGE, "a message over %d bytes", PARAMS_MAX);
        goto out;
    }
    out->params = arena_str(a, buf_str(&b));
    rc = 0;
out:
    buf_free(&b);
    return rc == 0 ? 0 : err_wrap(e, "body of %s %s", d->kind, d->id);
}

bool
tg_render_object(struct arena *a, const struct tg_delivery *d,
                 struct tg_object *out)
{
    const cJSON *body, *o;

    *out = d->object;
    if (out->id != NULL && out->id[0] != '\0')
        return true;
    body = json_parse_in(a, d->body, 0, NULL);
    o = json_get(body, "object");
    *out = (struct tg_object){
        .id = arena_strdup(a, json_str(o, "id", "")),
        .content_type = arena_strdup(a, json_str(o, "content_type", "")),
        .file_id = arena_strdup(a, json_str(o, "file_id", "")),
        .size = json_i64(o, "size", 0),
        .width = json_i64(o, "width", 0),
        .height = json_i64(o, "height", 0)};
    return out->id[0] != '\0';
}

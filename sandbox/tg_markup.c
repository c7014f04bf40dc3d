/*
 * tg_markup.c - reply_markup, checked as the Bot API checks it.
 */
#include <string.h>
#include "base/utf8.h"
#include "sandbox/tg_call.h"

#define BUTTONS_MAX 100
#define DATA_BYTES 64

static const char *const actions[] = {"callback_data",
                                      "url",
                                      "web_app",
                                      "login_url",
                                      "switch_inline_query",
                                      "pay",
                                      "callback_game",
                                      "copy_text",
                                      "switch_inline_query_current_chat",
                                      "switch_inline_query_chosen_chat"};

static int
bad(struct tgs_call *c, const char *why)
{
    tgs_fail(c, 400, "Bad Request: %s", why);
    return -1;
}

/* Anything the client could open; what is surely no address is refused. */
static bool
is_url(const char *z)
{
    struct str s = str_c(z);

    return str_starts(s, STR("tg://")) ||
           (str_find(s, ' ') < 0 &&
            (str_find(s, '.') > 0 || strstr(z, "://localhost")));
}

static int
check_inline_button(struct tgs_call *c, const cJSON *b)
{
    const char *text = json_str(b, "text", NULL);
    const char *data = json_str(b, "callback_data", NULL);
    const char *url = json_str(b, "url", NULL);
    size_t n = 0;

    if (!cJSON_IsObject(b) || !text)
        return bad(c, "can't parse inline keyboard button: Field \"text\" must "
                      "be of type String");
    if (!text[0])
        return bad(c, "inline keyboard button text must be non-empty");
    for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
        n += json_get(b, actions[i]) != NULL;
    if (n != 1)
        return bad(c, "can't parse inline keyboard button: Text buttons are "
                      "unallowed in the inline keyboard");
    if (json_get(b, "callback_data") &&
        (!data || !data[0] || strlen(data) > DATA_BYTES))
        return bad(c, "BUTTON_DATA_INVALID");
    if (url && !is_url(url)) {
        tgs_fail(c, 400,
                 "Bad Request: inline keyboard button URL '%.100s' is "
                 "invalid: Wrong HTTP URL",
                 url);
        return -1;
    }
    return 0;
}

static int
check_reply_button(struct tgs_call *c, const cJSON *b)
{
    const char *text =
        cJSON_IsString(b) ? b->valuestring : json_str(b, "text", NULL);

    if (!text)
        return bad(c, "can't parse keyboard button: KeyboardButton must be a "
                      "String or an Object");
    if (!text[0])
        return bad(c, "keyboard button text must be non-empty");
    return 0;
}

static int
check_rows(struct tgs_call *c, const cJSON *rows, bool is_inline)
{
    const cJSON *row, *b;
    size_t n = 0;

    if (!cJSON_IsArray(rows))
        return bad(c, "object expected as reply markup");
    cJSON_ArrayForEach (row, rows) {
        if (!cJSON_IsArray(row))
            return bad(c, "can't parse inline keyboard button: expected "
                          "Array of Array");
        cJSON_ArrayForEach (b, row) {
            if ((is_inline ? check_inline_button(c, b)
                           : check_reply_button(c, b)) != 0)
                return -1;
            if (++n > BUTTONS_MAX)
                return bad(c, "reply markup is too long");
        }
    }
    return 0;
}

static bool
has_buttons(const cJSON *rows)
{
    const cJSON *row;

    cJSON_ArrayForEach (row, rows)
        if (cJSON_GetArraySize(row) > 0)
            return true;
    return false;
}

/* Kept with the rows first, so that its kind is seen from its begin. */
static char *
keep(struct tgs_call *c, const cJSON *rows)
{
    return arena_fmt(c->a, "{\"inline_keyboard\":%s}", json_text(c->a, rows));
}

char *
tgs_call_markup(struct tgs_call *c, bool inline_only, bool *failed)
{
    const cJSON *m = tgs_arg_json(c, "reply_markup", failed);
    const cJSON *inline_rows = json_get(m, "inline_keyboard");
    const cJSON *rows = json_get(m, "keyboard");

    if (!m || *failed)
        return NULL;
    *failed = true;
    if (!cJSON_IsObject(m)) {
        bad(c, "object expected as reply markup");
        return NULL;
    }
    if (inline_rows) {
        *failed = check_rows(c, inline_rows, true) != 0;
        return *failed || !has_buttons(inline_rows) ? NULL
                                                    : keep(c, inline_rows);
    }
    if (inline_only) {
        bad(c, "inline keyboard expected");
        return NULL;
    }
    if (rows && check_rows(c, rows, false) != 0)
        return NULL;
    if (!rows && !json_bool(m, "remove_keyboard", false) &&
        !json_bool(m, "force_reply", false)) {
        bad(c, "can't parse reply markup JSON object");
        return NULL;
    }
    *failed = false;
    return json_text(c->a, m);
}

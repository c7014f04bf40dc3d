/*
 * tg_settings.c - what the bot says about itself: commands, name,
 * descriptions, menu button; by scope and language.
 */
#include <stdio.h>
#include <string.h>
#include "base/utf8.h"
#include "sandbox/tg_call.h"

#define COMMANDS_MAX 100

/* The key of a setting in the language that the call names. */
static const char *
key_of(struct tgs_call *c, const char *what)
{
    const char *language = tgs_arg(c, "language_code");

    return arena_fmt(c->a, "%s:%s", what, language ? language : "");
}

/* Answers with the setting, or with what stands when none was made. */
static enum tgs_rc
show(struct tg *t, struct tgs_call *c, const char *key, const char *none)
{
    const char *json;

    pthread_mutex_lock(&t->lock);
    json = tgs_setting_get(t, key);
    jw_raw(&c->w, str_c(json ? json : none));
    pthread_mutex_unlock(&t->lock);
    return TG_OK;
}

static enum tgs_rc
put(struct tg *t, struct tgs_call *c, const char *key, const char *json)
{
    pthread_mutex_lock(&t->lock);
    tgs_setting_put(t, key, json);
    pthread_mutex_unlock(&t->lock);
    return tgs_true(c);
}

/* ---- commands ---- */

static bool
is_command(const char *z)
{
    size_t n = strlen(z);

    return n >= 1 && n <= 32 &&
           strspn(z, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

static enum tgs_rc
check_commands(struct tgs_call *c, const cJSON *list)
{
    const cJSON *j;

    if (!cJSON_IsArray(list))
        return tgs_fail(c, 400, "Bad Request: expected an Array of BotCommand");
    if (cJSON_GetArraySize(list) > COMMANDS_MAX)
        return tgs_fail(c, 400, "Bad Request: BOT_COMMANDS_TOO_MUCH");
    cJSON_ArrayForEach (j, list) {
        size_t n = utf8_count(str_c(json_str(j, "description", "")));
        if (!is_command(json_str(j, "command", "")))
            return tgs_fail(c, 400, "Bad Request: BOT_COMMAND_INVALID");
        if (n < 1 || n > 256)
            return tgs_fail(c, 400,
                            "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID");
    }
    return TG_OK;
}

static const char *
commands_key(struct tgs_call *c)
{
    bool bad = false;
    const cJSON *scope = tgs_arg_json(c, "scope", &bad);
    const char *type = json_str(scope, "type", "default");

    if (bad)
        return NULL;
    return key_of(c, arena_fmt(c->a, "commands:%.40s:%lld", type,
                               (long long)json_i64(scope, "chat_id", 0)));
}

enum tgs_rc
tgs_set_my_commands(struct tg *t, struct tgs_call *c)
{
    bool bad = false;
    const cJSON *list = tgs_arg_json(c, "commands", &bad);
    const char *key = bad ? NULL : commands_key(c);

    if (!key || check_commands(c, list) != TG_OK)
        return TG_FAIL;
    return put(t, c, key, json_text(c->a, list));
}

enum tgs_rc
tgs_get_my_commands(struct tg *t, struct tgs_call *c)
{
    const char *key = commands_key(c);

    return key ? show(t, c, key, "[]") : TG_FAIL;
}

enum tgs_rc
tgs_delete_my_commands(struct tg *t, struct tgs_call *c)
{
    const char *key = commands_key(c);

    return key ? put(t, c, key, "[]") : TG_FAIL;
}

/* ---- name and descriptions ---- */

/* what is the parameter and the member of the answer. */
static enum tgs_rc
set_words(struct tg *t, struct tgs_call *c, const char *what, size_t limit)
{
    const char *z = tgs_arg(c, what);
    struct buf b;
    struct jw w;
    enum tgs_rc rc;

    z = z ? z : "";
    if (utf8_count(str_c(z)) > limit)
        return tgs_fail(c, 400, "Bad Request: %s is too long", what);
    buf_init(&b, 65536);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, what, z);
    jw_end(&w);
    rc = put(t, c, key_of(c, what), buf_cstr(&b));
    buf_free(&b);
    return rc;
}

enum tgs_rc
tgs_set_my_name(struct tg *t, struct tgs_call *c)
{
    return set_words(t, c, "name", 64);
}

enum tgs_rc
tgs_get_my_name(struct tg *t, struct tgs_call *c)
{
    return show(t, c, key_of(c, "name"), "{\"name\":\"" TGS_BOT_NAME "\"}");
}

enum tgs_rc
tgs_set_my_description(struct tg *t, struct tgs_call *c)
{
    return set_words(t, c, "description", 512);
}

enum tgs_rc
tgs_get_my_description(struct tg *t, struct tgs_call *c)
{
    return show(t, c, key_of(c, "description"), "{\"description\":\"\"}");
}

enum tgs_rc
tgs_set_my_short(struct tg *t, struct tgs_call *c)
{
    return set_words(t, c, "short_description", 120);
}

enum tgs_rc
tgs_get_my_short(struct tg *t, struct tgs_call *c)
{
    return show(t, c, key_of(c, "short_description"),
                "{\"short_description\":\"\"}");
}

/* ---- the menu button ---- */

static const char *
button_key(struct tgs_call *c)
{
    return arena_fmt(c->a, "menu:%lld",
                     (long long)tgs_arg_i64(c, "chat_id", 0));
}

enum tgs_rc
tgs_set_menu_button(struct tg *t, struct tgs_call *c)
{
    bool bad = false;
    const cJSON *button = tgs_arg_json(c, "menu_button", &bad);
    const char *type = json_str(button, "type", "default");

    if (bad)
        return TG_FAIL;
    if (strcmp(type, "default") != 0 && strcmp(type, "commands") != 0 &&
        strcmp(type, "web_app") != 0)
        return tgs_fail(c, 400,
                        "Bad Request: can't parse menu button: unknown type");
    return put(t, c, button_key(c),
               button ? json_text(c->a, button) : "{\"type\":\"default\"}");
}

enum tgs_rc
tgs_get_menu_button(struct tg *t, struct tgs_call *c)
{
    return show(t, c, button_key(c), "{\"type\":\"commands\"}");
}

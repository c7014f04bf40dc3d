/*
 * setup.c - what a bot tells Telegram about itself at start.
 */
#include "telegram/setup.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "model/text.h"

#define COMMAND_PREFIX "cmd_"
#define COMMAND_POINTS 256

static void
copy_text(char *out, size_t cap, const char *z)
{
    snprintf(out, cap, "%s", z);
}

static int
call(struct tg *tg, const char *method, const struct buf *params, struct err *e)
{
    struct tg_answer ans;
    int rc = tg_call(tg, method, buf_str(params), true, &ans, e);

    tg_answer_free(&ans);
    return rc;
}

int
tg_get_me(struct tg *tg, struct tg_me *out, struct err *e)
{
    struct tg_answer ans;
    int rc = tg_call(tg, "getMe", STR(""), true, &ans, e);

    memset(out, 0, sizeof(*out));
    if (rc == 0) {
        out->id = json_i64(ans.result, "id", 0);
        copy_text(out->username, sizeof(out->username),
                  json_str(ans.result, "username", ""));
        copy_text(out->name, sizeof(out->name),
                  json_str(ans.result, "first_name", ""));
        if (out->id <= 0)
            rc = err_set(e, ERR_BAD_INPUT,
                         "telegram getMe: the answer has no id");
    }
    tg_answer_free(&ans);
    return rc;
}

bool
tg_secret_is_valid(const char *secret)
{
    static const char taken[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t n = strspn(secret, taken);

    return n >= 1 && n <= 256 && secret[n] == '\0';
}

int
tg_set_webhook(struct tg *tg, const char *url, const char *secret,
               int max_connections, struct err *e)
{
    struct buf b;
    struct jw w;
    int rc;

    if (!tg_secret_is_valid(secret))
        return err_set(e, ERR_BAD_INPUT,
                       "WEBHOOK_SECRET must be 1 to 256 of A-Za-z0-9_-");
    buf_init(&b, LIM_JSON_BYTES);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, "url", url);
    jw_kstr(&w, "secret_token", secret);
    jw_ki64(&w, "max_connections", max_connections);
    jw_key(&w, "allowed_updates");
    jw_raw(&w, STR(TG_ALLOWED_UPDATES));
    jw_kbool(&w, "drop_pending_updates", false);
    jw_end(&w);
    rc = call(tg, "setWebhook", &b, e);
    buf_free(&b);
    return rc;
}

int
tg_delete_webhook(struct tg *tg, struct err *e)
{
    struct buf b;
    int rc;

    buf_init(&b, LIM_JSON_BYTES);
    buf_add_c(&b, "{\"drop_pending_updates\":false}");
    rc = call(tg, "deleteWebhook", &b, e);
    buf_free(&b);
    return rc;
}

/* Both lists hold the same names, in whatever order. */
static bool
updates_are_ours(const cJSON *theirs)
{
    cJSON *ours = json_parse(STR(TG_ALLOWED_UPDATES), 0, NULL);
    const cJSON *a, *b;
    int found = 0;

    cJSON_ArrayForEach (a, ours) {
        cJSON_ArrayForEach (b, theirs) {
            if (cJSON_IsString(b) &&
                strcmp(a->valuestring, b->valuestring) == 0)
                found++;
        }
    }
    bool same = found == cJSON_GetArraySize(ours) &&
                found == cJSON_GetArraySize(theirs);
    json_free(ours);
    return same;
}

int
tg_get_webhook_info(struct tg *tg, struct tg_webhook_info *out, struct err *e)
{
    struct tg_answer ans;
    int rc = tg_call(tg, "getWebhookInfo", STR(""), true, &ans, e);

    memset(out, 0, sizeof(*out));
    if (rc == 0) {
        copy_text(out->url, sizeof(out->url), json_str(ans.result, "url", ""));
        copy_text(out->last_error, sizeof(out->last_error),
                  json_str(ans.result, "last_error_message", ""));
        out->last_error_s = json_i64(ans.result, "last_error_date", 0);
        out->pending = json_i64(ans.result, "pending_update_count", 0);
        out->max_connections = json_i64(ans.result, "max_connections", 0);
        out->same_updates =
            updates_are_ours(json_get(ans.result, "allowed_updates"));
    }
    tg_answer_free(&ans);
    return rc;
}

static int
set_commands_in(struct tg *tg, enum text_lang l, const char *code,
                struct err *e)
{
    struct buf b, text;
    struct jw w;
    const char *key;
    int rc;

    buf_init(&b, LIM_JSON_BYTES);
    buf_init(&text, TEXT_BYTES);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_key(&w, "commands");
    jw_arr(&w);
    for (size_t i = 0; (key = text_next(COMMAND_PREFIX, &i)) != NULL;) {
        buf_clear(&text);
        text_plain(&text, l, key, NULL, COMMAND_POINTS);
        jw_obj(&w);
        jw_kstr(&w, "command", key + strlen(COMMAND_PREFIX));
        jw_kstr(&w, "description", buf_cstr(&text));
        jw_end(&w);
    }
    jw_end(&w);
    if (code != NULL)
        jw_kstr(&w, "language_code", code);
    jw_end(&w);
    rc = call(tg, "setMyCommands", &b, e);
    buf_free(&text);
    buf_free(&b);
    return rc;
}

int
tg_set_commands(struct tg *tg, struct err *e)
{
    if (set_commands_in(tg, TEXT_EN, NULL, e) != 0 ||
        set_commands_in(tg, TEXT_EN, "en", e) != 0)
        return -1;
    return set_commands_in(tg, TEXT_RU, "ru", e);
}

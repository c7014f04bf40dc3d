/*
 * answer.c - what the Bot API answered, and what to do about it.
 */
#include "telegram/answer.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/utf8.h"

#define RETRY_AFTER_DEFAULT_S 5
#define RETRY_AFTER_MAX_S 86400

static const char *const names[] = {
    [TG_OK] = "ok",
    [TG_NOT_MODIFIED] = "not_modified",
    [TG_RATE_LIMITED] = "rate_limited",
    [TG_BLOCKED] = "blocked",
    [TG_GONE] = "gone",
    [TG_BAD_FILE] = "bad_file",
    [TG_BAD_PHOTO] = "bad_photo",
    [TG_PARSE] = "parse",
    [TG_TOO_LARGE] = "too_large",
    [TG_TOO_OLD] = "too_old",
    [TG_UNAUTHORIZED] = "unauthorized",
    [TG_CONFLICT] = "conflict",
    [TG_RETRY] = "retry",
    [TG_UNKNOWN] = "unknown",
    [TG_REFUSED] = "refused",
};

/* The first row that fits decides. Texts were read in Telegram's server. */
static const struct rule {
    int code;         /* 0: any */
    const char *text; /* "": any */
    enum tg_outcome outcome;
} rules[] = {
    {429, "", TG_RATE_LIMITED},
    {403, "", TG_BLOCKED},
    {400, "chat not found", TG_BLOCKED},
    {400, "PEER_ID_INVALID", TG_BLOCKED},
    {400, "message is not modified", TG_NOT_MODIFIED},
    {400, "message to delete not found", TG_NOT_MODIFIED},
    {400, "message can't be deleted", TG_NOT_MODIFIED},
    {400, "message to edit not found", TG_GONE},
    {400, "message can't be edited", TG_GONE},
    {400, "there is no text in the message to edit", TG_GONE},
    {400, "MESSAGE_ID_INVALID", TG_GONE},
    {400, "query is too old", TG_TOO_OLD},
    {400, "query ID is invalid", TG_TOO_OLD},
    {400, "can't parse entities", TG_PARSE},
    {400, "message is too long", TG_TOO_LARGE},
    {400, "caption is too long", TG_TOO_LARGE},
    {400, "text is too long", TG_TOO_LARGE},
    {400, "file is too big", TG_TOO_LARGE},
    {400, "wrong file_id", TG_BAD_FILE},
    {400, "wrong file identifier", TG_BAD_FILE},
    {400, "wrong remote file identifier", TG_BAD_FILE},
    {400, "temporarily unavailable", TG_BAD_FILE},
    {400, "FILE_REFERENCE_", TG_BAD_FILE},
    {400, "can't use file of type", TG_BAD_FILE},
    {400, "PHOTO_INVALID_DIMENSIONS", TG_BAD_PHOTO},
    {400, "IMAGE_PROCESS_FAILED", TG_BAD_PHOTO},
    {400, "PHOTO_SAVE_FILE_INVALID", TG_BAD_PHOTO},
    {400, "PHOTO_EXT_INVALID", TG_BAD_PHOTO},
    {400, "too big for a photo", TG_BAD_PHOTO},
    {401, "", TG_UNAUTHORIZED},
    {404, "", TG_UNAUTHORIZED}, /* wrong path: token or server address */
    {421, "", TG_UNAUTHORIZED},
    {409, "", TG_CONFLICT},
    {413, "", TG_TOO_LARGE},
    {500, "restart", TG_RETRY},
};

const char *
tg_outcome_name(enum tg_outcome o)
{
    return names[o];
}

static enum tg_outcome
outcome_of(int code, const char *description)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        const struct rule *r = &rules[i];

        if ((r->code == 0 || r->code == code) &&
            strcasestr(description, r->text) != NULL)
            return r->outcome;
    }
    return code >= 400 && code < 500 ? TG_REFUSED : TG_UNKNOWN;
}

static void
set_description(struct tg_answer *out, const char *text)
{
    struct arena *a = arena_new();
    char *clean = utf8_clean(a, str_c(text), false);
    struct str cut;

    log_redact(clean);
    cut = utf8_cut(str_c(clean), 180);
    while (cut.len >= sizeof(out->description))
        cut = utf8_cut(cut, utf8_count(cut) - 1);
    memcpy(out->description, cut.p, cut.len);
    out->description[cut.len] = '\0';
    arena_free(a);
}

static void
set_retry_after(struct tg_answer *out, int64_t seconds)
{
    if (seconds < 0)
        seconds = RETRY_AFTER_DEFAULT_S;
    if (seconds > RETRY_AFTER_MAX_S)
        seconds = RETRY_AFTER_MAX_S;
    out->retry_after_ms = seconds * 1000;
}

/* A body that is not the Bot API's: somebody in between answered. */
static void
read_foreign(struct tg_answer *out, int http_status, int retry_after_s)
{
    out->code = http_status;
    out->outcome = TG_UNKNOWN;
    snprintf(out->description, sizeof(out->description),
             "HTTP status %d with a body that is not the Bot API's",
             http_status);
    if (http_status == 429) {
        out->outcome = TG_RATE_LIMITED;
        set_retry_after(out, retry_after_s);
    } else if (http_status == 413) {
        out->outcome = TG_TOO_LARGE;
    }
}

static void
read_refusal(struct tg_answer *out, int http_status, int retry_after_s)
{
    const char *text = json_str(out->doc, "description", "");
    int64_t code = json_i64(out->doc, "error_code", http_status);
    int64_t wait_s = -1;

    if (!json_to_i64(json_path(out->doc, "parameters.retry_after"), &wait_s))
        wait_s = retry_after_s;
    out->code = code > 0 && code < 1000 ? (int)code : http_status;
    out->outcome = outcome_of(out->code, text);
    set_description(out, text);
    if (out->outcome == TG_RATE_LIMITED)
        set_retry_after(out, wait_s);
}

void
tg_answer_read(struct tg_answer *out, int http_status, struct str body,
               int retry_after_s)
{
    const cJSON *ok;

    memset(out, 0, sizeof(*out));
    out->retry_after_ms = -1;
    out->code = http_status;
    out->doc = json_parse(body, JSON_LONE_FFFD | JSON_NUL_DROP, NULL);
    ok = json_get(out->doc, "ok");
    if (cJSON_IsTrue(ok) && json_get(out->doc, "result") != NULL) {
        out->outcome = TG_OK;
        out->result = json_get(out->doc, "result");
    } else if (cJSON_IsFalse(ok)) {
        read_refusal(out, http_status, retry_after_s);
    } else {
        read_foreign(out, http_status, retry_after_s);
    }
}

void
tg_answer_none(struct tg_answer *out, const struct err *e)
{
    memset(out, 0, sizeof(*out));
    out->retry_after_ms = -1;
    out->outcome = e->code == ERR_UNAVAILABLE ? TG_RETRY : TG_UNKNOWN;
    set_description(out, e->msg);
}

bool
tg_answer_is_ok(const struct tg_answer *a)
{
    return a->outcome == TG_OK || a->outcome == TG_NOT_MODIFIED;
}

static enum err_code
err_code_of(enum tg_outcome o)
{
    switch (o) {
    case TG_OK:
    case TG_NOT_MODIFIED:
        return ERR_NONE;
    case TG_RATE_LIMITED:
    case TG_UNAUTHORIZED:
    case TG_RETRY:
        return ERR_UNAVAILABLE;
    case TG_BLOCKED:
    case TG_GONE:
    case TG_TOO_OLD:
        return ERR_NOT_FOUND;
    case TG_TOO_LARGE:
        return ERR_TOO_LARGE;
    case TG_CONFLICT:
        return ERR_CONFLICT;
    case TG_UNKNOWN:
        return ERR_TIMEOUT;
    case TG_BAD_FILE:
    case TG_BAD_PHOTO:
    case TG_PARSE:
    case TG_REFUSED:
        return ERR_BAD_INPUT;
    }
    return ERR_INTERNAL;
}

int
tg_answer_err(const struct tg_answer *a, const char *method, struct err *e)
{
    if (tg_answer_is_ok(a))
        return 0;
    if (a->code == 0) /* the HTTP client's own sentence */
        return err_set(e, err_code_of(a->outcome), "%s", a->description);
    return err_set(e, err_code_of(a->outcome), "telegram %s: %s (%d %s)",
                   method, a->description, a->code,
                   tg_outcome_name(a->outcome));
}

void
tg_answer_free(struct tg_answer *a)
{
    json_free(a->doc);
    a->doc = NULL;
    a->result = NULL;
}

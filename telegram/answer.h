/*
 * answer.h - what the Bot API answered, and what to do about it.
 *
 * Decided by error_code and parameters first, then by what the description
 * contains, case does not matter: one table in answer.c. A body that is not
 * the Bot API's (a proxy's page) says nothing about what happened: UNKNOWN.
 */
#ifndef TELEGRAM_ANSWER_H
#define TELEGRAM_ANSWER_H

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

enum tg_outcome {
    TG_OK,
    TG_NOT_MODIFIED, /* it is already so: success; no result */
    TG_RATE_LIMITED, /* 429: not before retry_after_ms; nothing happened */
    TG_BLOCKED,      /* the person blocked the bot or never opened it */
    TG_GONE,         /* the message to edit is not there: send a new one */
    TG_BAD_FILE,     /* this file_id cannot be used: upload, or ask again */
    TG_BAD_PHOTO,    /* no photo for Telegram: send it as a document */
    TG_PARSE,        /* our HTML is wrong: resend as plain text; a bug */
    TG_TOO_LARGE,    /* text, file or request over a limit of Telegram */
    TG_TOO_OLD,      /* the press can no longer be answered */
    TG_UNAUTHORIZED, /* token or server address is wrong: stop, tell */
    TG_CONFLICT,     /* two pollers, or webhook against polling */
    TG_RETRY,        /* known to have had no effect; try later */
    TG_UNKNOWN,      /* it may have happened */
    TG_REFUSED       /* any other refusal; repeating it is useless */
};

struct tg_answer {
    enum tg_outcome outcome;
    int code;               /* error_code, else the HTTP status; 0: none came */
    int64_t retry_after_ms; /* of RATE_LIMITED; -1 otherwise */
    char description[200];  /* valid UTF-8, secrets masked; "" on success */
    const cJSON *result;    /* of OK, borrowed from doc; else NULL */
    cJSON *doc;
};

const char *tg_outcome_name(enum tg_outcome o); /* "rate_limited" ... */
/* Fills *out from the HTTP answer; retry_after_s is its header or -1. */
void tg_answer_read(struct tg_answer *out, int http_status, struct str body,
                    int retry_after_s);
/* Without any answer: code is that of the HTTP client's error. */
void tg_answer_none(struct tg_answer *out, const struct err *e);
bool tg_answer_is_ok(const struct tg_answer *a); /* OK or NOT_MODIFIED */
/* -1 and a sentence "telegram <method>: ..." for what is not ok. */
int tg_answer_err(const struct tg_answer *a, const char *method, struct err *e);
void tg_answer_free(struct tg_answer *a);

#endif

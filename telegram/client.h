/*
 * client.h - calls of the Telegram Bot API.
 *
 *     struct tg *tg = tg_new("https://api.telegram.org", token, &e);
 *     struct tg_answer ans;
 *     if (tg_call(tg, "sendMessage", params, false, &ans, &e) != 0)
 *         switch (ans.outcome) ...
 *     tg_answer_free(&ans);
 *
 * Blocking, safe from many threads. The token is part of every address: it is
 * registered as a secret, and neither logs nor errors show an address. There
 * is no idempotency key in the Bot API, so calls that must not happen twice
 * are sent without any repetition (io/httpc.h), and the caller decides what
 * an unknown outcome means. Nothing here waits out a 429.
 */
#ifndef TELEGRAM_CLIENT_H
#define TELEGRAM_CLIENT_H

#include "base/buf.h"
#include "base/err.h"
#include "telegram/answer.h"

#define TG_CALL_MS 30000    /* a small call */
#define TG_UPLOAD_MS 120000 /* with a file */
#define TG_POLL_MAX_S 50    /* longest getUpdates that Telegram grants */
#define TG_FILE_ID_MAX 256  /* bytes; real ones have about 100 */

/* The updates that we ask for, by webhook and by polling alike. */
#define TG_ALLOWED_UPDATES                                                     \
    "[\"message\",\"edited_message\",\"callback_query\","                      \
    "\"pre_checkout_query\",\"purchased_paid_media\",\"my_chat_member\","      \
    "\"subscription\"]"

struct tg;

/* BAD_INPUT for an address that is none or a token that cannot be one. */
struct tg *tg_new(const char *api_url, const char *token, struct err *e);
void tg_free(struct tg *tg);
/* Ends running and later calls soon (a long poll at the program's end). Give
 * the poller a client of its own, so that running sends may finish. */
void tg_stop(struct tg *tg);
/* The numeric part of the token: the bot's id. */
const char *tg_bot_id(const struct tg *tg);

/* A file that goes with the call, in multipart. Bytes are borrowed. */
struct tg_part {
    const char *field;    /* "photo", "document" */
    const char *filename; /* plain ASCII */
    const char *type;
    struct str bytes;
};

struct tg_request {
    const char *method;
    struct str params;          /* a JSON object; "" is {} */
    bool idempotent;            /* twice is as good as once */
    const struct tg_part *file; /* or NULL */
    int64_t timeout_ms;         /* 0: TG_CALL_MS, with a file TG_UPLOAD_MS */
};

/*
 * 0 when Telegram took it (OK, NOT_MODIFIED); else -1 with the sentence in e
 * and ans->outcome saying what to do. ans is always filled; free it.
 */
int tg_do(struct tg *tg, const struct tg_request *q, struct tg_answer *ans,
          struct err *e);
int tg_call(struct tg *tg, const char *method, struct str params,
            bool idempotent, struct tg_answer *ans, struct err *e);

/* ---- dialogue ---- */

/* Stops the button's spinner; text may be NULL (no toast), else at most 200
 * code points of it are shown. Telegram takes it only for a while: TOO_OLD is
 * no error here. */
int tg_answer_callback(struct tg *tg, const char *callback_id, const char *text,
                       bool alert, struct err *e);
/* ok, or why not (shown to the buyer). Within 10 s of the query. */
int tg_answer_pre_checkout(struct tg *tg, const char *query_id, bool ok,
                           const char *why, struct err *e);

/* ---- updates ---- */

/* Result: an array of updates. timeout_s at most TG_POLL_MAX_S. offset: one
 * more than the last update stored; it confirms all before. */
int tg_get_updates(struct tg *tg, int64_t offset, int timeout_s,
                   struct tg_answer *ans, struct err *e);

/* ---- files ---- */

/*
 * getFile and the download, at most max_bytes, appended to out (whose limit
 * must allow it). TOO_LARGE: over max_bytes or over Telegram's 20 MB;
 * NOT_FOUND: Telegram does not give this file, which it also says for passing
 * trouble of its own: try some five times over three minutes, then ask the
 * person to send it again; UNAVAILABLE, TIMEOUT: try again. Shows no address.
 */
int tg_download(struct tg *tg, const char *file_id, size_t max_bytes,
                struct buf *out, struct err *e);

#endif

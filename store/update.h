/*
 * update.h - the inbox: Telegram's updates, dialogues, offers (protocols 2).
 *
 *   open --take--> open, leased --finish--> done
 *                       |
 *                       +-- fail, lease over, new boot of its bot:
 *                             open again (failures + 1); the fifth: parked
 *   dead: never was an update; kept for the admin
 *
 * One open update of a chat is handed out at a time, the oldest first. The
 * attempt is the fence of finish and fail.
 */
#ifndef STORE_UPDATE_H
#define STORE_UPDATE_H

#include "store/account.h"
#include "store/list.h"

struct update_new {
    const char *bot_id;
    int64_t update_id;
    int64_t chat_id;     /* 0: none */
    int64_t telegram_id; /* sender, 0: none */
    const char *kind;
    const char *body;
    bool base64, dead;
};

/* What the bot gets to handle. */
struct update_work {
    int64_t seq, attempt, chat_id, telegram_id;
    const char *body;
    int64_t dialog_version; /* 0: none yet */
    const char *dialog_state;
    bool has_account;
    struct account account;
};

/* Who takes updates; borrowed. */
struct update_taker {
    const char *bot_id, *bot, *boot;
    int64_t lease_ms;
};

/* *seq of the row, new or old. taker may be NULL; *taken tells whether *work
 * was filled. */
int update_put(struct db *db, struct arena *a, const struct update_new *u,
               const struct update_taker *taker, int64_t *seq,
               bool *duplicate, bool *taken, struct update_work *work,
               struct err *e);
int update_take(struct db *db, struct arena *a, const struct update_taker *t,
                bool *taken, struct update_work *work, struct err *e);
/* A new boot of a bot frees what its old boot held: a failure of each. */
int update_free_boot(struct db *db, struct arena *a, const char *bot,
                     const char *boot, struct err *e);

struct update_state {
    const char *state;
    int64_t attempt, failures, chat_id;
};
int update_get(struct db *db, struct arena *a, int64_t seq,
               struct update_state *out, struct err *e);

struct update_offer {
    const char *id, *account, *preset, *scenario, *version, *items;
    int64_t chat_id, price, n_items, reply_to; /* reply_to 0: none */
};
struct update_delivery {
    const char *id, *kind, *body;
    int64_t chat_id, message_id; /* message_id 0: none */
};
struct update_done {
    int64_t seq, attempt, chat_id;
    const char *bot_id;
    int64_t version;         /* of the dialogue as it was read; -1: unchanged */
    const char *state;
    int64_t wake_ms;         /* -1: none */
    const struct update_offer *offers;
    size_t noffers;
    int64_t offer_ttl_ms;
    const struct update_delivery *deliveries;
    size_t ndeliveries;
    const char *account;     /* whom the changes concern, or NULL */
    const char *language;    /* NULL: unchanged */
    int reachable;           /* -1: unchanged */
};
/* *done false: another attempt, done before, or another version. */
int update_finish(struct db *db, struct arena *a, const struct update_done *d,
                  bool *done, struct err *e);
/* counts: towards parking. *done false: another attempt, or told before. */
int update_fail(struct db *db, struct arena *a, int64_t seq, int64_t attempt,
                const char *error, bool counts, bool *done, struct err *e);
/* Frees what has been held too long, *n rows. It counts as a failure when the
 * lease ended after up_since (now_ms() when this backend started). */
int update_lapse(struct db *db, struct arena *a, int64_t up_since, size_t *n,
                 struct err *e);

struct dialog {
    int64_t chat_id, version;
    const char *state; /* JSON, "" when there is none */
};
int dialog_get(struct db *db, struct arena *a, int64_t chat_id,
               struct dialog *out, struct err *e);
/* Timers that are due become updates; *n made, *next_ms until the next timer
 * (-1: none). */
int dialog_wake_due(struct db *db, struct arena *a, size_t *n,
                    int64_t *next_ms, struct err *e);

#endif

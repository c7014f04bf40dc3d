/*
 * account.h - people with a balance, and what ties them to Telegram.
 */
#ifndef STORE_ACCOUNT_H
#define STORE_ACCOUNT_H

#include "store/list.h"

struct account {
    const char *id;
    const char *full_name;
    const char *username; /* "" when there is none */
    const char *language; /* "ru" or "en" */
    bool reachable;       /* false while the person has blocked the bot */
    int64_t created_at;   /* ms UTC */
    int64_t available;    /* credits */
    int64_t held;
    int64_t telegram_id;  /* 0 when there is none */
};

/* NOT_FOUND when there is none. Texts live in the arena. */
int account_by_telegram(struct db *db, struct arena *a, int64_t telegram_id,
                        struct account *out, struct err *e);
int account_by_id(struct db *db, struct arena *a, const char *id,
                  struct account *out, struct err *e);

struct account_new {
    int64_t telegram_id;
    const char *full_name, *username, *language_tag, *start_payload;
    int64_t initial_balance; /* credits */
};

/* Makes the account with its starting balance, or finds it and brings its
 * names up to date. *created tells which. Safe against itself. */
int account_register(struct db *db, struct arena *a,
                     const struct account_new *n, struct account *out,
                     bool *created, struct err *e);

#endif

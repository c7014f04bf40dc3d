/*
 * setup.h - what a bot tells Telegram about itself at start: who am I,
 * webhook or polling, the list of commands.
 */
#ifndef TELEGRAM_SETUP_H
#define TELEGRAM_SETUP_H

#include "base/err.h"
#include "telegram/client.h"

struct tg_me {
    int64_t id;
    char username[64]; /* without @ */
    char name[260];
};

/* Also the check of token and address: UNAVAILABLE with a sentence. */
int tg_get_me(struct tg *tg, struct tg_me *out, struct err *e);

/*
 * The whole set of parameters: what is left out of a call is reset (the
 * secret, the connections) or kept (the list of updates), so nothing is left
 * out. Updates that wait are never dropped: payments are among them. Safe to
 * repeat; Telegram allows one such call a second.
 */
int tg_set_webhook(struct tg *tg, const char *url, const char *secret,
                   int max_connections, struct err *e);
int tg_delete_webhook(struct tg *tg, struct err *e);
/* 1 to 256 of A-Z a-z 0-9 _ - */
bool tg_secret_is_valid(const char *secret);

struct tg_webhook_info {
    char url[1024];
    char last_error[200]; /* "" when there was none */
    int64_t last_error_s; /* Unix time; 0: never. Not cleared by success */
    int64_t pending;      /* updates that wait */
    int64_t max_connections;
    bool same_updates; /* the list of updates is TG_ALLOWED_UPDATES */
};

int tg_get_webhook_info(struct tg *tg, struct tg_webhook_info *out,
                        struct err *e);

/* The cmd_ rows of the table of texts: default (English), ru and en. */
int tg_set_commands(struct tg *tg, struct err *e);

#endif

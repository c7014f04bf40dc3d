/*
 * bot_int.h - what the parts of the running bot share.
 */
#ifndef BOT_BOT_INT_H
#define BOT_BOT_INT_H

#include "api/client.h"
#include "base/setting.h"
#include "base/thread.h"
#include "bot/bot.h"
#include "bot/catalog.h"
#include "bot/flow.h"
#include "telegram/client.h"
#include "telegram/sender.h"

struct answers;
struct intake;
struct work;

struct bot {
    struct settings *set;
    struct stop stop;
    struct api_client *api;   /* calls of the dialogue, reports */
    struct api_client *polls; /* long polls: ended when the bot stops */
    struct tg *tg;            /* sends and answers */
    struct tg *tg_polls;      /* getUpdates: ended when the bot stops */
    struct bot_shop *shop;
    struct tg_sender *sender;
    struct answers *answers;
    struct work *work;
    struct intake *intake;
    struct flow_conf conf;
    const char *bot_id; /* numeric part of the token */
    const char *boot;   /* of this start */
    char id[64];        /* of this process: host and bot */
};

/* ---- setup.c: what Telegram and the backend are told at start ---- */

/* Who are we: goes on asking while Telegram is away, until the bot stops.
 * BAD_INPUT when it refuses the token. */
int setup_me(struct bot *b, struct err *e);
/* The backend must be of our kind: a practice bot never talks to a real shop.
 * A backend that is away is waited for. */
int setup_kind(struct bot *b, struct err *e);
/* Tells Telegram where updates go; goes on while it is away. */
int setup_webhook(struct bot *b, struct err *e);
/* Commands in both languages; a refusal is logged. */
void setup_commands(struct bot *b);

/* ---- answers.c: presses answered beside the work ---- */

struct answers *answers_new(struct tg *tg);
/* text "": only stops the spinner. When many wait it answers by itself. */
void answers_put(struct answers *s, const char *callback_id, const char *text);
/* Answers what waits, and ends. */
void answers_free(struct answers *s);

/* ---- send.c: the sender and the backend ---- */

struct tg_sender *send_start(struct bot *b);
/* Hands deliveries that are claimed for us to the sender. */
void send_put(struct bot *b, const struct api_delivery *list, size_t n);

/* ---- work.c: updates handled ---- */

struct work *work_new(struct bot *b);
/* May an update be taken now, so that it is handled soon? */
bool work_has_room(struct work *w);
/* Takes over the arena, in which the update lies. */
void work_put(struct work *w, struct arena *a,
              const struct api_update_work *update);
/* Ends what is being handled, hands back what waits. b->polls must be
 * stopped. */
void work_free(struct work *w);

/* ---- handle.c: one update ---- */

/* The finish, or the fail, of an update that we hold. */
void handle(struct bot *b, struct arena *a, const struct api_update_work *work);
/* Gives it back untouched: it is handed out again. */
void handle_back(struct bot *b, struct arena *a,
                 const struct api_update_work *work);

/* ---- intake.c, poll.c: updates come in ---- */

/* A webhook server when WEBHOOK_URL is set, else polling. */
struct intake *intake_start(struct bot *b, struct err *e);
int intake_port(const struct intake *in); /* 0 when polling */
/* Takes no more updates. */
void intake_stop(struct intake *in);

/* Puts one update into the inbox, and to work when it is handed out at once.
 * Bytes that are no JSON for us become a dead letter. 0 when it is stored (a
 * pre-checkout query: answered), -1: try again later. */
int intake_store(struct bot *b, struct str bytes, int64_t deadline_ms,
                 struct err *e);
/* The thread that polls; arg is the bot. */
void *poll_main(void *arg);

#endif

/*
 * flow.h - the dialogue: one update of one chat, thought through.
 *
 *     struct flow f;
 *     flow_init(&f, a);
 *     f.u = &update; f.user = …; f.catalog = …; f.call = …;
 *     dialog_read(a, state, &f.d);
 *     if (flow_run(&f, &e) == 0)
 *         ... finish the update with f.d, f.offers, f.deliveries ...
 *
 * It knows no clock, no thread and no network: what it asks of the backend
 * goes through `call` (api_call in the bot, a table of answers in tests), and
 * all that it decides stands in the struct for one finish. So the same update
 * may be run twice: calls are idempotent, and what a run that was not
 * finished decided is forgotten.
 *
 * Buttons carry v1:<verb>[:<argument>…]; see flow_press.c for the verbs.
 */
#ifndef BOT_FLOW_H
#define BOT_FLOW_H

#include "api/client.h"
#include "bot/catalog.h"
#include "bot/dialog.h"
#include "model/text.h"
#include "telegram/update.h"

#define FLOW_OFFERS_MAX 2
#define FLOW_DELIVERIES_MAX 16

/* As api_call(). */
typedef int (*flow_call)(void *ctx, enum api_route route,
                         const struct api_args *args, struct arena *a,
                         struct api_answer *ans, struct err *e);

/* What the bot was started with. */
struct flow_conf {
    const char *contact; /* for /paysupport; "" when there is none */
    int64_t file_days;   /* how long pictures are kept */
    bool sandbox;        /* a practice shop: say so */
    bool sandbox_comfy;  /* a practice ComfyUI draws: say so */
};

struct flow {
    /* given */
    struct arena *a;
    const struct flow_conf *conf;
    const struct bot_catalog *catalog;
    flow_call call;
    void *call_ctx;
    const struct tg_update *u;   /* NULL: the dialogue's timer */
    int64_t chat_id;             /* 0: the update has no chat */
    const struct api_user *user; /* NULL: not registered yet */
    bool refused; /* the backend took no offer of the last run of this update */

    /* given and changed */
    struct dialog d;

    /* decided */
    struct api_offer_new offers[FLOW_OFFERS_MAX];
    size_t n_offers;
    struct api_delivery_new deliveries[FLOW_DELIVERIES_MAX];
    size_t n_deliveries;
    const char *language; /* the account's new one, or NULL */
    int64_t reachable;    /* 0, 1 or API_UNSET */
    bool catalog_is_old;  /* the backend sells something else by now */
};

void flow_init(struct flow *f, struct arena *a);
/* -1: the backend is away (UNAVAILABLE, TIMEOUT) or failed (INTERNAL ...);
 * nothing was decided. */
int flow_run(struct flow *f, struct err *e);
/* Milliseconds until the dialogue wants to be woken; -1: never. */
int64_t flow_wake_ms(const struct flow *f);

/* What a press is answered with at once, before it is handled. */
struct flow_toast {
    const char *key; /* NULL: just stop the spinner */
    enum text_lang lang;
};
struct flow_toast flow_toast(const struct flow *f);

#endif

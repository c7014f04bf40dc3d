/*
 * tg_hook.h - a webhook receiver for tests: keeps what is posted, answers by
 * plan.
 *
 *     struct tg_hook h;
 *     tg_hook_start(&h);
 *     tg_hook_plan(&h, 500);   the next post gets 500, later ones 200
 *     ... setWebhook to h.url ...
 *     tg_hook_wait(&h, 2);
 *     json_path(h.posts[0].update, "message.text") ...
 *     tg_hook_stop(&h);
 */
#ifndef TESTS_SUPPORT_TG_HOOK_H
#define TESTS_SUPPORT_TG_HOOK_H

#include "base/json.h"
#include "base/thread.h"
#include "io/httpd.h"

#define TG_HOOK_POSTS 256
#define TG_HOOK_PLANS 64

struct tg_hook_post {
    const cJSON *update; /* NULL: no JSON */
    char secret[300];    /* of the header; "" without one */
    char type[64];
    int status; /* that it got */
    int64_t at_ms;
};

struct tg_hook {
    struct httpd *server;
    char url[64];
    pthread_mutex_t lock;
    pthread_cond_t moved;
    /* all below GUARDED_BY(lock) */
    struct arena *arena;
    struct tg_hook_post posts[TG_HOOK_POSTS];
    size_t n;
    int plans[TG_HOOK_PLANS]; /* statuses to come; 0: hold until let go */
    size_t nplans, taken;
    const char *retry_after; /* header of failures, or NULL */
    int inside, most_inside; /* posts being handled, at once */
    bool let_go;
    bool hold_all; /* every post waits until let go */
};

void tg_hook_start(struct tg_hook *h);
void tg_hook_stop(struct tg_hook *h);
void tg_hook_plan(struct tg_hook *h, int status);
void tg_hook_let_go(struct tg_hook *h);
void tg_hook_wait(struct tg_hook *h, size_t n); /* posts that were answered */
void tg_hook_wait_inside(struct tg_hook *h, int n);

#endif

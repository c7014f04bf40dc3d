/*
 * bot_desk.h - `tintype bot` as a process between a sandbox Telegram and a
 * backend that plays what the test wants of it.
 *
 *     struct bot_desk d;
 *     bot_desk_open(&d);
 *     bot_desk_plan(&d, "finish", 409, "{…}");
 *     bot_desk_start(&d);
 *     bot_desk_update(&d, "{\"update_id\":1,…}");
 *     bot_desk_wait(&d, "finish", 2);
 *     bot_desk_close(&d);
 *
 * The backend answers /ready, /api/presets and claims by itself; each finish,
 * fail and dialogue gets what was planned for it, then 200.
 */
#ifndef TESTS_SUPPORT_BOT_DESK_H
#define TESTS_SUPPORT_BOT_DESK_H

#include "base/thread.h"
#include "io/httpd.h"
#include "tests/support/tg_sandbox.h"

#define BOT_DESK_CALLS 256
#define BOT_DESK_PLANS 32

struct bot_desk_call {
    const char *name; /* "finish", "fail", "dialog", "presets", "store"… */
    const char *body;
};

struct bot_desk_plan {
    const char *name;
    int status;
    const char *body;
    bool used;
};

struct bot_desk {
    struct tg_sandbox tg;
    struct tmp_dir dir;
    struct httpd *http;
    pid_t pid;        /* of the bot; 0: does not run */
    const char *kind; /* that the backend says of its shop */
    char log[64];
    pthread_mutex_t lock;
    pthread_cond_t moved;
    /* all below GUARDED_BY(lock) */
    struct arena *arena;
    struct bot_desk_call calls[BOT_DESK_CALLS];
    size_t n_calls;
    struct bot_desk_plan plans[BOT_DESK_PLANS];
    size_t n_plans;
    const char *update; /* for the next claim; NULL: none */
    const char *dialog; /* members of its dialogue */
    int64_t seq;
    bool hold; /* finishes wait until bot_desk_let_go */
};

void bot_desk_open(struct bot_desk *d);
void bot_desk_close(struct bot_desk *d);
void bot_desk_plan(struct bot_desk *d, const char *name, int status,
                   const char *body);
/* Starts the bot and waits until it serves. more: "KEY=value" or NULL. */
void bot_desk_start(struct bot_desk *d, const char *more);
/* Only starts it. */
void bot_desk_spawn(struct bot_desk *d, const char *more);
/* Starts it, waits for its end: the exit status. */
int bot_desk_run(struct bot_desk *d, const char *more);
/* SIGTERM; the exit status. */
int bot_desk_stop(struct bot_desk *d);
/* True when its log has these words by now. */
bool bot_desk_logged(struct bot_desk *d, const char *words);

/* The next claim gets this update, with a dialogue of version 1. */
void bot_desk_update(struct bot_desk *d, const char *update);
/* Waits until there were n calls of this name; the n-th one's body. */
const char *bot_desk_wait(struct bot_desk *d, const char *name, size_t n);
size_t bot_desk_count(struct bot_desk *d, const char *name);
void bot_desk_hold(struct bot_desk *d);
void bot_desk_let_go(struct bot_desk *d);

#endif

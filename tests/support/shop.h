/*
 * shop.h - the whole product for system tests: `tintype up` in a folder of its
 * own, driven by persons of the sandbox Telegram (sandbox/person.h).
 *
 *     struct shop s;
 *     shop_start(&s, &(struct shop_config){.env = {"LEASE_MS=1000", NULL}});
 *     struct person anna; shop_person(&s, &anna, "Anna", "en");
 *     ...
 *     shop_stop(&s);      stops it, runs `tintype check`: must be green
 *
 * Everything fails the running cmocka test with a sentence.
 */
#ifndef TESTS_SUPPORT_SHOP_H
#define TESTS_SUPPORT_SHOP_H

#include <sys/types.h>
#include "sandbox/person.h"
#include "tests/support/comfy_sandbox.h"
#include "tests/support/tg_sandbox.h"

#define SHOP_ENV_MAX 24
#define SHOP_WORDS_MAX 4

struct shop_config {
    const char *env[SHOP_ENV_MAX]; /* "KEY=value", NULL-terminated */
    const char *dir;               /* NULL: a new temporary folder */
    bool no_limits; /* neither Telegram nor the shop limits messages */
    /* Sells tests/data/presets and forty of one section besides. */
    bool many_presets;
    bool webhook;                  /* on a free port; else polling */
    bool sample; /* with the sample job of a first start, which tests do not
                    want */
    /* Telegram and ComfyUI are processes of the test that outlive `up`, which
     * runs as a real shop does: with BOT_TOKEN and COMFYUI_URL. */
    bool outside;
    const char *const *comfy_args;     /* of that ComfyUI, or NULL */
    const char *words[SHOP_WORDS_MAX]; /* more arguments of `up` */
};

struct shop {
    pid_t pid; /* of `up` */
    char dir[256], data[300];
    char telegram[64], comfy[64], backend[64], redis[400];
    char service_token[65], admin_token[65];
    char **env;
    const char *words[SHOP_WORDS_MAX];
    bool outside;
    struct tg_sandbox tg;       /* of outside */
    struct comfy_sandbox comfy_outside;
    struct httpc *api; /* the backend with the service token */
    struct arena *arena;
};

void shop_start(struct shop *s, const struct shop_config *cfg);
/* SIGTERM, waits, then `check`; removes the folder. */
void shop_stop(struct shop *s);
/* SIGTERM and start again on the same folder, as a deploy does. Only with
 * `outside` do persons and messages outlive it. */
void shop_down(struct shop *s);
void shop_up(struct shop *s);
/* `tintype check` on it now (it may run): exit code must be 0. */
void shop_check(struct shop *s);
/* Process id of a part: "worker", "bot", "backend", "redis", "comfyui". */
pid_t shop_pid(struct shop *s, const char *part);
/* kill -9 of a part; returns when `up` has started it anew. */
void shop_kill(struct shop *s, const char *part);
/* The same with another signal. */
void shop_signal(struct shop *s, const char *part, int sig);

void shop_person(struct shop *s, struct person *p, const char *name,
                 const char *language);
/* GET of the backend; the tree lives until the next call. */
const cJSON *shop_get(struct shop *s, const char *path);
/* Any call; *status gets the HTTP status. body NULL: none. */
const cJSON *shop_call(struct shop *s, const char *method, const char *path,
                       const char *body, int *status);
int64_t shop_balance(struct shop *s, const struct person *p); /* available */
int64_t shop_held(struct shop *s, const struct person *p);
/* The n-th newest job of a person (0: the newest); fails when there is none. */
const cJSON *shop_job(struct shop *s, const struct person *p, int n);
/* The first cell of a query on the shop's database, as text; "" for none. The
 * texts of what is asked are those of the migrations. */
const char *shop_cell(struct shop *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int64_t shop_number(struct shop *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Redis: one command, its answer as text ("(nil)", "3", lists by lines). */
const char *shop_redis(struct shop *s, const char *const *words);
/* Runs of the practice ComfyUI since its start: prompts that were executed. */
int64_t shop_comfy_runs(struct shop *s);
/* POST /sandbox/faults of Telegram or ComfyUI. */
void shop_telegram_fault(struct shop *s, const char *json);
void shop_comfy_fault(struct shop *s, const char *json);

/* A sample photograph: n = 0, 1, 2. */
struct str shop_photo(int n);

/* A person buys the named preset for a photo, up to the pressed button. */
void shop_buy(struct person *p, struct str photo, const char *preset);
/* Waits for the picture; its bytes into out (may be NULL). */
void shop_picture(struct person *p, struct buf *out);

#endif

/*
 * stack.h - all roles on this machine, as `up` and `demo` run them.
 *
 * Starts what the settings leave out: a private redis-server on a unix socket,
 * the sandbox Telegram, the sandbox ComfyUI, generated secrets. Everything
 * lies in one data folder, whose lock it holds; without a BOT_TOKEN that is
 * DATA_DIR/sandbox, apart from a real shop's.
 *
 * <data>/run.json tells names, process ids and ports of what runs.
 */
#ifndef CMD_STACK_H
#define CMD_STACK_H

#include "base/setting.h"
#include "base/thread.h"
#include "cmd/proc.h"

enum stack_part {
    STACK_REDIS, STACK_TELEGRAM, STACK_COMFY, STACK_BACKEND, STACK_WORKER,
    STACK_BOT, STACK_PARTS
};

struct stack {
    const struct settings *set;
    bool sandbox;       /* no bot token: the practice Telegram */
    bool sandbox_comfy; /* no COMFYUI_URL */
    bool any_port;      /* the backend may take any port (demo, tests) */
    bool without[STACK_PARTS]; /* worker, bot: run elsewhere, or by others */
    char dir[4096];     /* the data folder in use */
    char service_token[65], admin_token[65], webhook_secret[65];
    char bot_token[128];
    char redis_url[4200];
    char backend_url[64], telegram_url[64], comfy_url[64];
    struct proc parts[STACK_PARTS]; /* argv NULL in [1]: not ours to run */
    bool used[STACK_PARTS];
    pid_t sample; /* buys the first sample job; -1, 0: none */
};

/* any_port and without are the caller's. On failure everything that was
 * started is stopped. */
int stack_start(struct stack *s, const struct settings *set, struct err *e);
/* Restarts what died (back-off 100 ms to 5 s); call it every 100 ms. */
void stack_watch(struct stack *s);
/* bot, worker, backend, Redis, sandboxes: in this order, within ms. */
void stack_stop(struct stack *s, int64_t ms);

#endif

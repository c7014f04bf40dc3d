/*
 * poll.c - getUpdates, for a bot without a public address.
 *
 * The offset moves over an update only when the backend has it: what was not
 * stored comes again, and what comes twice is stored once.
 */
#include "base/log.h"
#include "bot/bot_int.h"
#include "telegram/setup.h"

#define POLL_S 25
#define STORE_MS 10000
#define PAUSE_FIRST_MS 500
#define PAUSE_LAST_MS 15000

struct poll {
    struct bot *b;
    int64_t offset;
    int64_t pause_ms; /* before the next try after trouble */
    bool ready;       /* Telegram has no webhook for us any more */
};

/* After trouble: waits, longer each time. */
static void
pause_longer(struct poll *p, int64_t at_least_ms)
{
    int64_t ms = p->pause_ms > at_least_ms ? p->pause_ms : at_least_ms;

    stop_wait_ms(&p->b->stop, ms);
    p->pause_ms =
        p->pause_ms * 2 < PAUSE_LAST_MS ? p->pause_ms * 2 : PAUSE_LAST_MS;
}

static int
store_one(struct poll *p, const cJSON *update, struct err *e)
{
    struct arena *a = arena_new();
    int64_t id;
    int rc;

    rc = intake_store(p->b, str_c(json_text(a, update)), STORE_MS, e);
    if (rc == 0 && json_to_i64(json_get(update, "update_id"), &id) &&
        id >= p->offset)
        p->offset = id + 1;
    arena_free(a);
    return rc;
}

static void
store_all(struct poll *p, const cJSON *updates)
{
    const cJSON *u;
    struct err e;

    cJSON_ArrayForEach (u, updates) {
        if (store_one(p, u, &e) != 0) {
            log_warn("intake", "not_stored", "%s", e.msg);
            pause_longer(p, 0);
            return;
        }
    }
    p->pause_ms = PAUSE_FIRST_MS;
}

static void
poll_once(struct poll *p)
{
    struct tg_answer ans;
    struct err e;

    if (tg_get_updates(p->b->tg_polls, p->offset, POLL_S, &ans, &e) == 0) {
        store_all(p, ans.result);
    } else if (!stop_is_set(&p->b->stop)) {
        log_warn("intake", "poll_failed", "%s", e.msg);
        if (ans.outcome == TG_CONFLICT)
            p->ready = false; /* somebody has set a webhook, or polls too */
        pause_longer(p, ans.retry_after_ms);
    }
    tg_answer_free(&ans);
}

void *
poll_main(void *arg)
{
    struct poll p = {.b = arg, .pause_ms = PAUSE_FIRST_MS};
    struct err e;

    while (!stop_is_set(&p.b->stop)) {
        if (p.ready) {
            poll_once(&p);
        } else if (tg_delete_webhook(p.b->tg_polls, &e) == 0) {
            p.ready = true;
        } else {
            log_warn("intake", "delete_webhook", "%s", e.msg);
            pause_longer(&p, 0);
        }
    }
    return NULL;
}

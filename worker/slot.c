/*
 * slot.c - see slot.h.
 *
 * A thread belongs to no address. It waits until some healthy one has a slot
 * to spare, takes a hint, and claims for the emptiest; when that one cannot run
 * the task, for the next. So a task that only one of several ComfyUIs can run
 * gets there without waiting for its hint to come round again.
 */
#include "worker/slot.h"

#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "worker/hint.h"
#include "worker/queue.h"
#include "worker/run.h"

#define POP_MS 1000   /* blocking in Redis: how long a stop may take */
#define POLL_MS 1000  /* long poll at the backend while Redis is away */
#define PAUSE_MS 1000 /* after the backend refused a claim */

struct slots {
    struct worker *w;
    pthread_t *threads;
    int n;
    pthread_mutex_t lock;
    bool away GUARDED_BY(lock);   /* Redis; told once */
    bool silent GUARDED_BY(lock); /* the backend; told once */
};

/* True when the flag turns. */
static bool
turns(struct slots *s, bool *flag, bool now)
{
    bool turned;

    pthread_mutex_lock(&s->lock);
    turned = *flag != now;
    *flag = now;
    pthread_mutex_unlock(&s->lock);
    return turned;
}

/* ---- claims ---- */

/* 1 and *out, 0 nothing for this address, -1. hint may be NULL. */
static int
claim(struct slots *s, struct arena *a, const struct address *ad,
      const char *hint, int64_t wait_ms, struct api_task *out)
{
    struct worker *w = s->w;
    struct api_task_claim in;
    struct api_answer ans;
    struct api_args args = {.in = &in, .out = out, .wait_ms = wait_ms};
    struct err e;

    api_init(&api_shape_task_claim, &in);
    in.worker = w->id;
    in.boot = w->boot;
    in.address = ad->name;
    in.hint = hint;
    in.wait_ms = wait_ms;
    if (api_call(w->api, API_ROUTE_task_claim, &args, a, &ans, &e) == 0) {
        turns(s, &s->silent, false);
        return ans.status == 200 ? 1 : 0;
    }
    if (!stop_is_set(&w->stop) && turns(s, &s->silent, true))
        log_warn("slot", "claim_failed", "%s", e.msg);
    stop_wait_ms(&w->stop, PAUSE_MS);
    return -1;
}

/* A hint that gave no task, or another one: does the backend know it? */
static void
settle_hint(struct worker *w, struct queue *q, struct arena *a,
            const char *hint, struct str raw)
{
    struct api_task t;
    struct api_args args = {.path = {hint}, .out = &t, .deadline_ms = -1};
    struct err e;

    if (api_call(w->api, API_ROUTE_task_get, &args, a, NULL, &e) != 0 &&
        e.code == ERR_NOT_FOUND)
        queue_dead(q, a, raw, "the backend knows no such task");
    else
        queue_done(q, a, raw);
}

/* ---- with Redis ---- */

static void
run_hinted(struct worker *w, struct address *ad, struct queue *q,
           struct arena *a, const char *hint, struct str raw,
           const struct api_task *task)
{
    bool same = strcmp(task->id, hint) == 0;

    if (same)
        queue_done(q, a, raw);
    run_task(w, ad, q, task);
    if (!same)
        settle_hint(w, q, a, hint, raw);
}

static void
take_hint(struct slots *s, struct queue *q, struct arena *a, const char *hint,
          struct str raw)
{
    struct worker *w = s->w;
    struct addresses *as = w->addresses;
    struct address *ad;
    struct api_task task;
    uint64_t tried = 0;
    int rc = 0;

    while (rc == 0 && (ad = slots_take(as, tried)) != NULL) {
        tried |= slot_bit(ad);
        rc = claim(s, a, ad, hint, 0, &task);
        if (rc > 0)
            run_hinted(w, ad, q, a, hint, raw, &task);
        slots_give(ad);
    }
    if (rc < 0 || tried == 0) /* nobody was asked, or nobody answered */
        queue_back(q, a, raw);
    else if (rc == 0)
        settle_hint(w, q, a, hint, raw);
}

static void
handle(struct slots *s, struct queue *q, struct arena *a, struct str raw)
{
    struct worker *w = s->w;
    char hint[HINT_ID_BYTES];
    struct err e;

    if (hint_parse(raw, hint, &e) != 0) {
        slots_leave(w->addresses);
        queue_dead(q, a, raw, e.msg);
        return;
    }
    if (stop_is_set(&w->stop)) {
        slots_leave(w->addresses);
        queue_back(q, a, raw);
        return;
    }
    take_hint(s, q, a, hint, raw);
}

/* ---- without ---- */

static void
poll_backend(struct slots *s, struct queue *q, struct arena *a)
{
    struct worker *w = s->w;
    struct address *ad = slots_take(w->addresses, 0);
    int64_t asked_ms = clock_mono_ms();
    struct api_task task;
    int rc;

    if (ad == NULL)
        return;
    rc = claim(s, a, ad, NULL, POLL_MS, &task);
    if (rc > 0)
        run_task(w, ad, q, &task);
    slots_give(ad);
    /* a backend that does not park (it stops, it is full) is not to be asked
     * in a tight loop */
    if (rc == 0 && clock_mono_ms() - asked_ms < POLL_MS / 2)
        stop_wait_ms(&w->stop, POLL_MS / 2);
}

static void
note_redis(struct slots *s, bool away, const struct err *e)
{
    bool turned = turns(s, &s->away, away);

    if (turned && away)
        log_warn("queue", "away", "%s; asking the backend for tasks meanwhile",
                 e->msg);
    else if (turned)
        log_info("queue", "back", "tasks are taken from Redis again");
}

/* ---- the threads ---- */

static void
take_one(struct slots *s, struct queue *q, struct arena *a)
{
    struct str raw;
    struct err e;

    if (q == NULL) {
        poll_backend(s, NULL, a);
        return;
    }
    switch (queue_take(q, a, POP_MS, &raw, &e)) {
    case QUEUE_GOT:
        note_redis(s, false, NULL);
        handle(s, q, a, raw);
        break;
    case QUEUE_NONE:
        note_redis(s, false, NULL);
        slots_leave(s->w->addresses);
        break;
    case QUEUE_AWAY:
        note_redis(s, true, &e);
        poll_backend(s, q, a);
        break;
    }
}

static struct queue *
open_queue(struct worker *w)
{
    if (!w->has_redis)
        return NULL;
    return queue_new(&(struct queue_config){
        .redis = &w->redis,
        .service = WORKER_SERVICE,
        .worker = w->id,
        .brpop = strcmp(setting_str(w->set, SET_QUEUE_POP), "brpop") == 0});
}

static void *
slot_main(void *arg)
{
    struct slots *s = arg;
    struct queue *q = open_queue(s->w);
    struct arena *a = arena_new();

    while (slots_wait(s->w->addresses)) {
        take_one(s, q, a);
        arena_reset(a);
    }
    arena_free(a);
    queue_free(q);
    return NULL;
}

struct slots *
slots_start(struct worker *w)
{
    struct slots *s = mem_calloc(1, sizeof(*s));

    s->w = w;
    s->n = (int)(setting_int(w->set, SET_COMFYUI_DEPTH) *
                 (int64_t)addresses_count(w->addresses));
    s->threads = mem_calloc((size_t)s->n, sizeof(*s->threads));
    pthread_mutex_init(&s->lock, NULL);
    for (int i = 0; i < s->n; i++)
        thread_start(&s->threads[i], "slot", slot_main, s);
    return s;
}

void
slots_join(struct slots *s)
{
    for (int i = 0; i < s->n; i++)
        thread_join(s->threads[i]);
    pthread_mutex_destroy(&s->lock);
    mem_free(s->threads);
    mem_free(s);
}

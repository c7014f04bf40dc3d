/*
 * heartbeat.c - see heartbeat.h.
 */
#include "worker/heartbeat.h"

#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "worker/deliver.h"
#include "worker/gpu.h"
#include "worker/runs.h"

struct beat {
    struct worker *w;
    struct redis *redis; /* NULL: none */
    struct gpu_owner me;
    pthread_t thread;
    uint64_t caps_told; /* number of the last word about what can run */
    bool silent;        /* the backend did not answer; told once */

    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool wake GUARDED_BY(lock), end GUARDED_BY(lock);
    bool stopping GUARDED_BY(lock);
    char revision[BEAT_REVISION_BYTES] GUARDED_BY(lock);
};

/* ---- tasks ---- */

static void
beat_task(struct beat *b, struct arena *a, const struct ticket_view *v)
{
    struct api_task_heartbeat in;
    struct api_task_state out;
    struct api_args args = {
        .path = {v->task}, .in = &in, .out = &out, .deadline_ms = -1};
    struct err e;

    api_init(&api_shape_task_heartbeat, &in);
    api_init(&api_shape_task_state, &out);
    in.worker = b->w->id;
    in.boot = b->w->boot;
    in.attempt = v->attempt;
    in.stage = v->stage;
    if (v->position >= 0)
        in.position = v->position;
    if (v->progress >= 0)
        in.progress = v->progress;
    log_job_set(v->job);
    if (api_call(b->w->api, API_ROUTE_task_heartbeat, &args, a, NULL, &e) ==
        0) {
        runs_told(b->w->runs, v, out.cancel_requested);
    } else if (e.code == ERR_CONFLICT || e.code == ERR_NOT_FOUND) {
        /* mostly its slot has just reported its end: the slot says if not */
        log_debug("beat", "fenced", "task=%s attempt=%lld %s", v->task,
                  (long long)v->attempt, e.msg);
        runs_refused(b->w->runs, v);
    }
    log_job_set(NULL);
}

static void
beat_tasks(struct beat *b, struct arena *a)
{
    struct ticket_view *list;
    size_t n = runs_list(b->w->runs, a, &list);

    for (size_t i = 0; i < n; i++)
        beat_task(b, a, &list[i]);
}

/* ---- the worker ---- */

static void
note_answer(struct beat *b, const struct err *e)
{
    bool silent = e != NULL;

    if (silent && !b->silent)
        log_warn("beat", "lost", "%s", e->msg);
    if (!silent && b->silent)
        log_info("beat", "back", "the backend answers again");
    b->silent = silent;
}

static void
note_revision(struct beat *b, const char *revision)
{
    pthread_mutex_lock(&b->lock);
    snprintf(b->revision, sizeof(b->revision), "%s", revision);
    pthread_mutex_unlock(&b->lock);
}

static bool
is_stopping(struct beat *b)
{
    pthread_mutex_lock(&b->lock);
    bool stopping = b->stopping;
    pthread_mutex_unlock(&b->lock);
    return stopping;
}

static void
beat_worker(struct beat *b, struct arena *a)
{
    static const char *services[] = {WORKER_SERVICE};
    struct addresses *as = b->w->addresses;
    struct api_worker_heartbeat in;
    struct api_worker_state out;
    struct api_args args = {
        .path = {b->w->id}, .in = &in, .out = &out, .deadline_ms = -1};
    uint64_t pass;
    struct err e;

    api_init(&api_shape_worker_heartbeat, &in);
    in.boot = b->w->boot;
    in.services = services;
    in.n_services = 1;
    in.stopping = is_stopping(b);
    slots_count(as, &in.slots, &in.free);
    addresses_fill(as, a, addresses_caps_pass(as) != b->caps_told,
                   &in.addresses, &in.n_addresses, &pass);
    if (api_call(b->w->api, API_ROUTE_worker_heartbeat, &args, a, NULL, &e) !=
        0) {
        note_answer(b, &e);
        return;
    }
    note_answer(b, NULL);
    b->caps_told = pass;
    note_revision(b, out.scenarios_revision);
}

/* ---- locks ---- */

static void
lock_address_in_redis(struct beat *b, struct arena *a, struct address *ad)
{
    const char *holder;
    struct err e;

    if (b->redis == NULL ||
        gpu_lock(b->redis, a, &b->me, ad->name, &holder, &e) != 0)
        holder = NULL; /* a courtesy: without Redis there is none */
    if (holder != NULL)
        holder = arena_fmt(a, "worker %s uses it", holder);
    address_lock_set(ad, ADDRESS_LOCK_REDIS, holder);
}

static void
beat_locks(struct beat *b, struct arena *a)
{
    struct addresses *as = b->w->addresses;

    for (size_t i = 0; i < addresses_count(as); i++) {
        struct address *ad = addresses_at(as, i);

        if (address_lock_is_ours(ad, ADDRESS_LOCK_MACHINE))
            lock_address_in_redis(b, a, ad);
    }
}

static void
unlock_all(struct beat *b)
{
    struct addresses *as = b->w->addresses;
    struct arena *a = arena_new();
    struct err e;

    for (size_t i = 0; b->redis != NULL && i < addresses_count(as); i++)
        if (gpu_unlock(b->redis, a, &b->me, addresses_at(as, i)->name, &e) != 0)
            break;
    arena_free(a);
}

/* ---- the thread ---- */

static bool
beat_pause(struct beat *b)
{
    int64_t until = clock_mono_ms() + setting_int(b->w->set, SET_HEARTBEAT_MS);
    int64_t left;

    pthread_mutex_lock(&b->lock);
    while (!b->wake && !b->end && (left = until - clock_mono_ms()) > 0)
        cond_wait_ms(&b->cond, &b->lock, left);
    b->wake = false;
    bool go_on = !b->end;
    pthread_mutex_unlock(&b->lock);
    return go_on;
}

static void *
beat_main(void *arg)
{
    struct beat *b = arg;
    struct arena *a = arena_new();

    do {
        beat_locks(b, a);
        beat_tasks(b, a);
        beat_worker(b, a);
        deliver_tidy(b->w->deliver);
        arena_reset(a);
    } while (beat_pause(b));
    arena_free(a);
    return NULL;
}

struct beat *
beat_start(struct worker *w)
{
    struct beat *b = mem_calloc(1, sizeof(*b));

    b->w = w;
    b->redis = w->has_redis ? redis_new(&w->redis) : NULL;
    b->me = (struct gpu_owner){.worker = w->id,
                               .boot = w->boot,
                               .ttl_ms = setting_int(w->set, SET_LEASE_MS)};
    pthread_mutex_init(&b->lock, NULL);
    cond_init(&b->cond);
    thread_start(&b->thread, "beat", beat_main, b);
    return b;
}

void
beat_wake(struct beat *b)
{
    pthread_mutex_lock(&b->lock);
    b->wake = true;
    pthread_cond_signal(&b->cond);
    pthread_mutex_unlock(&b->lock);
}

void
beat_revision(struct beat *b, char out[BEAT_REVISION_BYTES])
{
    pthread_mutex_lock(&b->lock);
    memcpy(out, b->revision, BEAT_REVISION_BYTES);
    pthread_mutex_unlock(&b->lock);
}

void
beat_stopping(struct beat *b)
{
    pthread_mutex_lock(&b->lock);
    b->stopping = true;
    pthread_mutex_unlock(&b->lock);
    beat_wake(b);
}

void
beat_free(struct beat *b)
{
    if (b == NULL)
        return;
    pthread_mutex_lock(&b->lock);
    b->end = true;
    pthread_cond_signal(&b->cond);
    pthread_mutex_unlock(&b->lock);
    thread_join(b->thread);
    unlock_all(b);
    redis_free(b->redis);
    pthread_cond_destroy(&b->cond);
    pthread_mutex_destroy(&b->lock);
    mem_free(b);
}

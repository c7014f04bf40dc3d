/*
 * watch.c - see watch.h.
 */
#include <string.h>
#include "backend/backend_int.h"
#include "backend/watch.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/check.h"
#include "store/delivery.h"
#include "store/janitor.h"
#include "store/object.h"
#include "store/update.h"

#define PASS_MS 1000
#define JANITOR_MS 60000
#define CHECK_MS 10000
#define ALARMS 4 /* topics that can have one */

struct alarm {
    const char *topic;
    int64_t at_ms; /* monotonic; INT64_MAX: none */
};

struct watch {
    struct backend *b;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool stop GUARDED_BY(lock), wake GUARDED_BY(lock);
    struct alarm alarms[ALARMS] GUARDED_BY(lock);
    int64_t timer_ms GUARDED_BY(lock); /* next dialogue timer, monotonic */
    int64_t violations GUARDED_BY(lock);
    int64_t janitor_ms, check_ms, checked_at; /* this thread's own */
};

void
watch_at(struct backend *b, const char *topic, int64_t ms)
{
    struct watch *w = b->watch;
    int64_t at = clock_mono_ms() + (ms > 0 ? ms : 0) + 1;
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < ALARMS; i++) {
        struct alarm *a = &w->alarms[i];
        if (a->topic != NULL && strcmp(a->topic, topic) != 0)
            continue;
        a->topic = topic;
        if (at < a->at_ms) {
            a->at_ms = at;
            pthread_cond_signal(&w->cond);
        }
        break;
    }
    pthread_mutex_unlock(&w->lock);
}

void
watch_wake(struct backend *b)
{
    struct watch *w = b->watch;
    pthread_mutex_lock(&w->lock);
    w->wake = true;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->lock);
}

int64_t
watch_violations(struct backend *b)
{
    pthread_mutex_lock(&b->watch->lock);
    int64_t n = b->watch->violations;
    pthread_mutex_unlock(&b->watch->lock);
    return n;
}

/* Wakes the topics that are due; how long until the next alarm or timer. */
static int64_t
alarms_ring(struct watch *w)
{
    int64_t now = clock_mono_ms(), next = now + PASS_MS;
    const char *due[ALARMS];
    size_t n = 0;
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < ALARMS; i++) {
        struct alarm *a = &w->alarms[i];
        if (a->topic == NULL)
            continue;
        if (a->at_ms <= now) {
            due[n++] = a->topic;
            a->at_ms = INT64_MAX;
        } else if (a->at_ms < next) {
            next = a->at_ms;
        }
    }
    if (w->timer_ms < next)
        next = w->timer_ms;
    pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < n; i++)
        http_wake(w->b->http, due[i], 0);
    return next - now;
}

static int
pass_timers(struct watch *w, struct arena *a, struct err *e)
{
    size_t woken, lapsed, swept;
    int64_t next_ms;
    struct backend *b = w->b;
    if (dialog_wake_due(b->db, a, &woken, &next_ms, e) != 0 ||
        update_lapse(b->db, a, b->up_since, &lapsed, e) != 0 ||
        delivery_sweep(b->db, a, NULL, NULL, &swept, e) != 0)
        return -1;
    pthread_mutex_lock(&w->lock);
    w->timer_ms = next_ms < 0 ? INT64_MAX : clock_mono_ms() + next_ms + 1;
    pthread_mutex_unlock(&w->lock);
    /* an update whose pause or lease is over has nobody else to say so */
    backend_wake(b, TOPIC_UPDATES);
    if (swept > 0) {
        backend_wake(b, TOPIC_CHAT);
        backend_wake(b, TOPIC_JOB);
    }
    return 0;
}

/* Bytes first: a row without its file would be a broken promise. */
static int
files_clean(struct backend *b, struct arena *a, struct err *e)
{
    struct object *old;
    size_t n;
    int64_t days = setting_int(b->set, SET_FILE_DAYS);
    if (object_old(b->db, a, days, LIM_JANITOR_ROWS, &old, &n, e) != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (object_forget(b->db, a, old[i].id, e) != 0 ||
            objects_delete(b->objects, old[i].key, e) != 0)
            return -1;
    }
    return 0;
}

static int
pass_janitor(struct watch *w, struct arena *a, struct err *e)
{
    struct backend *b = w->b;
    int64_t now = clock_mono_ms(), rows = 0;
    if (now < w->janitor_ms)
        return 0;
    w->janitor_ms = now + JANITOR_MS;
    if (janitor_step(b->db, a, setting_int(b->set, SET_RETENTION_DAYS),
                     setting_int(b->set, SET_DELIVERY_DAYS), &rows, e) != 0)
        return -1;
    if (rows >= LIM_JANITOR_ROWS)
        w->janitor_ms = now + PASS_MS; /* there is more */
    if (rows > 0)
        log_info("janitor", "cleaned", "rows=%lld", (long long)rows);
    return files_clean(b, a, e);
}

static void
violation(void *ctx, const char *promise, const char *who, const char *what)
{
    struct watch *w = ctx;
    log_error("check", "violated", "%s %s: %s", promise, who, what);
    pthread_mutex_lock(&w->lock);
    w->violations++;
    pthread_mutex_unlock(&w->lock);
}

static int
pass_check(struct watch *w, struct arena *a, struct err *e)
{
    int64_t now = clock_mono_ms();
    if (now < w->check_ms)
        return 0;
    w->check_ms = now + CHECK_MS;
    return check_recent(w->b->db, a, &w->checked_at, violation, w, e);
}

static void *
watch_loop(void *arg)
{
    struct watch *w = arg;
    int64_t passed_ms = 0;
    for (;;) {
        int64_t wait_ms = alarms_ring(w);
        pthread_mutex_lock(&w->lock);
        if (!w->stop && !w->wake && wait_ms > 0)
            cond_wait_ms(&w->cond, &w->lock, wait_ms);
        bool stop = w->stop, wake = w->wake, due = w->timer_ms <= clock_mono_ms();
        w->wake = false;
        pthread_mutex_unlock(&w->lock);
        if (stop)
            return NULL;
        if (!wake && !due && clock_mono_ms() < passed_ms + PASS_MS)
            continue;
        passed_ms = clock_mono_ms();
        if (!db_leader(w->b->db, "watch"))
            continue;
        struct err e;
        struct arena *a = arena_new();
        if (pass_timers(w, a, &e) != 0 || pass_janitor(w, a, &e) != 0 ||
            pass_check(w, a, &e) != 0)
            log_warn("watch", "pass_failed", "%s", e.msg);
        arena_free(a);
    }
}

void
watch_start(struct backend *b)
{
    struct watch *w = mem_calloc(1, sizeof *w);
    w->b = b;
    w->timer_ms = INT64_MAX;
    w->janitor_ms = clock_mono_ms() + JANITOR_MS;
    for (size_t i = 0; i < ALARMS; i++)
        w->alarms[i].at_ms = INT64_MAX;
    pthread_mutex_init(&w->lock, NULL);
    cond_init(&w->cond);
    b->watch = w;
    thread_start(&w->thread, "watch", watch_loop, w);
}

void
watch_stop(struct backend *b)
{
    struct watch *w = b->watch;
    if (w == NULL)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->lock);
    thread_join(w->thread);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->cond);
    mem_free(w);
    b->watch = NULL;
}

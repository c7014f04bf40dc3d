/*
 * reaper.c - see reaper.h.
 */
#include <stdio.h>
#include <string.h>
#include "backend/reaper.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/job.h"
#include "store/task.h"

#define PASS_MS 1000
#define PASS_ROWS 512

/* A running task that is being watched: standing still since when? */
struct seen {
    char id[16];
    int64_t attempt, beat;
    int64_t since_ms; /* monotonic */
    bool fresh;       /* met in this pass */
};

struct reaper {
    struct backend *b;
    pthread_t thread;
    struct seen *seen; /* PASS_ROWS of them */
    size_t nseen;
    int64_t not_before_ms; /* monotonic: one lease after start or outage */
};

/* The failure of a worker that went silent. */
static int
reap(struct backend *b, struct arena *a, const struct task_leased *l,
     struct err *e)
{
    struct task t;
    bool done;
    if (task_get(b->db, a, l->id, &t, e) != 0)
        return -1;
    struct task_failure f = {
        .attempt = l->attempt, .crashes = 1, .error_class = "internal",
        .error = "its worker went silent"};
    log_job_set(t.job);
    log_warn("reaper", "lease_over", "task=%s worker=%s crashes=%lld", t.id,
             t.worker, (long long)t.crashes + 1);
    int rc;
    if (t.cancel_requested)
        rc = task_fail(b->db, a, &t, &f, JOB_CANCELLED, &done, e);
    else if (t.crashes + 1 >= LIM_TASK_CRASHES)
        rc = task_fail(b->db, a, &t, &f, JOB_FAILED, &done, e);
    else
        rc = task_again(b->db, a, &t, &f, &done, e);
    log_job_set(NULL);
    if (rc == 0 && done) {
        backend_wake(b, TOPIC_TASKS);
        backend_wake(b, TOPIC_JOB);
    }
    return rc;
}

int
reaper_free_old_boot(struct backend *b, struct arena *a, const char *worker,
                     const char *boot, struct err *e)
{
    struct task_leased *l;
    size_t n;
    if (task_of_old_boot(b->db, a, worker, boot, &l, &n, e) != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (reap(b, a, &l[i], e) != 0)
            return -1;
    }
    return 0;
}

/* True when it stood still for a whole lease; remembers it otherwise. */
static bool
stands_still(struct reaper *r, const struct task_leased *l)
{
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < r->nseen; i++) {
        struct seen *s = &r->seen[i];
        if (strcmp(s->id, l->id) != 0)
            continue;
        s->fresh = true;
        if (s->attempt != l->attempt || s->beat != l->beat) {
            s->attempt = l->attempt;
            s->beat = l->beat;
            s->since_ms = now;
        }
        return now - s->since_ms >= r->b->lease_ms;
    }
    if (r->nseen < PASS_ROWS) {
        struct seen *s = &r->seen[r->nseen++];
        snprintf(s->id, sizeof s->id, "%s", l->id);
        s->attempt = l->attempt;
        s->beat = l->beat;
        s->since_ms = now;
        s->fresh = true;
    }
    return false;
}

static void
forget_stale(struct reaper *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->nseen; i++) {
        if (r->seen[i].fresh)
            r->seen[kept++] = r->seen[i];
    }
    r->nseen = kept;
}

static int
pass_leases(struct reaper *r, struct arena *a, struct err *e)
{
    struct task_leased *l;
    size_t n;
    if (task_leased(r->b->db, a, PASS_ROWS, &l, &n, e) != 0)
        return -1;
    for (size_t i = 0; i < r->nseen; i++)
        r->seen[i].fresh = false;
    for (size_t i = 0; i < n; i++) {
        bool still = stands_still(r, &l[i]);
        if (still && l[i].over && reap(r->b, a, &l[i], e) != 0)
            return -1;
    }
    forget_stale(r);
    return 0;
}

static int
pass_overdue(struct reaper *r, struct arena *a, struct err *e)
{
    const char **ids;
    size_t n;
    if (job_overdue(r->b->db, a, PASS_ROWS, &ids, &n, e) != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct job j;
        bool done;
        if (job_get(r->b->db, a, ids[i], &j, e) != 0 ||
            job_expire(r->b->db, a, &j, &done, e) != 0)
            return -1;
        if (done)
            backend_wake(r->b, TOPIC_JOB);
    }
    return 0;
}

static void *
reaper_loop(void *arg)
{
    struct reaper *r = arg;
    while (!stop_wait_ms(&r->b->stop, PASS_MS)) {
        struct arena *a = arena_new();
        struct err e;
        if (!db_leader(r->b->db, "reaper")) {
            r->nseen = 0;
        } else if (clock_mono_ms() >= r->not_before_ms &&
                   (pass_leases(r, a, &e) != 0 ||
                    pass_overdue(r, a, &e) != 0)) {
            log_warn("reaper", "pass_failed", "%s", e.msg);
            r->nseen = 0;
            r->not_before_ms = clock_mono_ms() + r->b->lease_ms;
        }
        arena_free(a);
    }
    return NULL;
}

struct reaper *
reaper_start(struct backend *b)
{
    struct reaper *r = mem_calloc(1, sizeof *r);
    r->b = b;
    r->seen = mem_calloc(PASS_ROWS, sizeof *r->seen);
    r->not_before_ms = clock_mono_ms() + b->lease_ms;
    thread_start(&r->thread, "reaper", reaper_loop, r);
    return r;
}

void
reaper_stop(struct reaper *r)
{
    if (r == NULL)
        return;
    thread_join(r->thread);
    mem_free(r->seen);
    mem_free(r);
}

/*
 * db_list.c - lists of statements, and the queue in which they wait.
 *
 * DESIGN. db_run() and db_submit() copy the list into a struct db_work and
 * put it into a writer's queue. A writer takes all that waits (no timer: a
 * batch grows exactly while the commit before it takes its time), runs it and
 * says done. A caller of db_run() that has waited long enough takes its work
 * out of the queue again (UNAVAILABLE: nothing happened) or, when a writer
 * has it, leaves it behind (TIMEOUT: outcome unknown).
 */
#include "io/db_int.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* ---- lists ---- */

struct db_list *
db_list_new(struct arena *a, const char *shard)
{
    struct db_list *l = ARENA_NEW(a, struct db_list);

    l->arena = a;
    l->shard = shard == NULL ? "" : shard;
    return l;
}

void
db_soft(struct db_list *l)
{
    l->soft = true;
}

static struct db_stmt *
list_add(struct db_list *l, const struct db_sql *sql, size_t nvals)
{
    struct db_stmt *s;

    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 8 : 2 * l->cap;
        struct db_stmt *grown = ARENA_ARRAY(l->arena, struct db_stmt, cap);

        if (l->n > 0)
            memcpy(grown, l->stmts, l->n * sizeof(*grown));
        l->stmts = grown;
        l->cap = cap;
    }
    s = &l->stmts[l->n++];
    *s = (struct db_stmt){.sql = sql, .nvals = nvals};
    s->vals = ARENA_ARRAY(l->arena, struct db_val, nvals);
    return s;
}

void
db_add(struct db_list *l, const struct db_sql *sql, size_t nvals, ...)
{
    struct db_stmt *s = list_add(l, sql, nvals);
    va_list ap;

    va_start(ap, nvals);
    for (size_t i = 0; i < nvals; i++)
        s->vals[i] = va_arg(ap, struct db_val);
    va_end(ap);
}

void
db_addv(struct db_list *l, const struct db_sql *sql, size_t nvals,
        const struct db_val *vals)
{
    struct db_stmt *s = list_add(l, sql, nvals);

    if (nvals > 0)
        memcpy(s->vals, vals, nvals * sizeof(*vals));
}

const struct db_rows *
db_result(const struct db_list *l, size_t n)
{
    assert(n < l->n);
    return &l->stmts[n].rows;
}

int64_t
db_count(const struct db_list *l, size_t n)
{
    return db_result(l, n)->affected;
}

static int
list_check(const struct db_list *l, struct err *e)
{
    for (size_t i = 0; i < l->n; i++)
        if (db_vals_check(l->stmts[i].sql, l->stmts[i].nvals, l->stmts[i].vals,
                          e) != 0)
            return -1;
    return 0;
}

/* ---- works ---- */

static struct db_val *
vals_copy(struct arena *a, const struct db_val *from, size_t n)
{
    struct db_val *vals = ARENA_ARRAY(a, struct db_val, n);

    for (size_t i = 0; i < n; i++) {
        vals[i] = from[i];
        if (from[i].s.p != NULL)
            vals[i].s = arena_str(a, from[i].s);
    }
    return vals;
}

static struct db_work *
work_new(struct db_list *l)
{
    struct arena *a = arena_new();
    struct db_work *w = ARENA_NEW(a, struct db_work);

    w->arena = a;
    w->list = l;
    w->shard = arena_strdup(a, l->shard);
    w->soft = l->soft;
    w->n = l->n;
    w->stmts = ARENA_ARRAY(a, struct db_stmt, l->n);
    for (size_t i = 0; i < l->n; i++) {
        const struct db_stmt *s = &l->stmts[i];

        w->stmts[i].sql = s->sql;
        w->stmts[i].nvals = s->nvals;
        w->stmts[i].vals = vals_copy(a, s->vals, s->nvals);
    }
    cond_init(&w->done);
    return w;
}

static void
work_free(struct db_work *w)
{
    pthread_cond_destroy(&w->done);
    arena_free(w->arena);
}

void
db_work_fail(struct db_work *w, const struct err *e)
{
    w->rc = -1;
    w->err = *e;
}

void
db_work_reset(struct db_work *w)
{
    w->rc = 0;
    err_clear(&w->err);
    for (size_t i = 0; i < w->n; i++)
        w->stmts[i].rows = (struct db_rows){0};
}

/* The rows go to the list's arena, by the thread that owns it just then. */
static void
work_deliver(const struct db_work *w)
{
    struct db_list *l = w->list;

    for (size_t i = 0; i < w->n && w->rc == 0; i++) {
        l->stmts[i].rows = w->stmts[i].rows;
        l->stmts[i].rows.cells =
            vals_copy(l->arena, w->stmts[i].rows.cells,
                      w->stmts[i].rows.nrows * w->stmts[i].rows.ncols);
    }
}

/* ---- the queue ---- */

void
db_queue_init(struct db_queue *q, struct db *db)
{
    *q = (struct db_queue){.db = db};
    pthread_mutex_init(&q->lock, NULL);
    cond_init(&q->filled);
}

void
db_queue_fini(struct db_queue *q)
{
    assert(q->head == NULL);
    pthread_cond_destroy(&q->filled);
    pthread_mutex_destroy(&q->lock);
}

void
db_queue_close(struct db_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->filled);
    pthread_mutex_unlock(&q->lock);
}

static int
queue_put(struct db_queue *q, struct db_work *w, struct err *e)
{
    int rc = 0;

    pthread_mutex_lock(&q->lock);
    if (q->closed) {
        rc = err_set(e, ERR_UNAVAILABLE, "the database is being closed");
    } else if (q->n >= LIM_DB_QUEUE) {
        rc = err_set(e, ERR_UNAVAILABLE, "%zu writes wait for the database",
                     q->n);
    } else {
        w->state = WORK_QUEUED;
        w->queued_ms = clock_mono_ms();
        if (q->head == NULL)
            q->head = w;
        else
            q->tail->next = w;
        q->tail = w;
        q->n++;
        pthread_cond_signal(&q->filled);
    }
    pthread_mutex_unlock(&q->lock);
    return rc;
}

/* Caller holds the lock. */
static void
queue_remove(struct db_queue *q, struct db_work *w)
{
    struct db_work *before = NULL;

    for (struct db_work *k = q->head; k != w; k = k->next)
        before = k;
    if (before == NULL)
        q->head = w->next;
    else
        before->next = w->next;
    if (q->tail == w)
        q->tail = before;
    q->n--;
}

/* Which statement of the work raises, counting it against db_fault(). */
static size_t
work_fault(struct db *db, const struct db_work *w)
{
    size_t fault = DB_NO_FAULT;

    for (size_t i = 0; i < w->n; i++) {
        long k = atomic_load(&db->fault);

        while (k > 0 && !atomic_compare_exchange_weak(&db->fault, &k, k - 1))
            continue;
        if (k == 1)
            fault = i;
    }
    return fault;
}

static size_t
queue_take_all(struct db_queue *q, struct db_work **batch)
{
    size_t n = 0;

    pthread_mutex_lock(&q->lock);
    while (q->head == NULL && !q->closed)
        cond_wait_ms(&q->filled, &q->lock, -1);
    for (; q->head != NULL && n < LIM_DB_BATCH; n++) {
        batch[n] = q->head;
        q->head = batch[n]->next;
        batch[n]->next = NULL;
        batch[n]->state = WORK_RUNNING;
        q->n--;
    }
    pthread_mutex_unlock(&q->lock);
    return n;
}

/* A list that waited longer than anybody wants its answer is not run: the
 * one that submitted it has told its client to come again. */
static bool
work_is_late(struct db_work *w)
{
    int64_t waited = clock_mono_ms() - w->queued_ms;

    if (waited < LIM_DB_WAIT_MS)
        return false;
    err_set(&w->err, ERR_UNAVAILABLE,
            "a write waited %" PRId64 " ms for the database", waited);
    w->rc = -1;
    return true;
}

size_t
db_queue_take(struct db_queue *q, struct db_work **batch)
{
    for (;;) {
        size_t n = queue_take_all(q, batch), run = 0;

        if (n == 0)
            return 0;
        for (size_t i = 0; i < n; i++) {
            struct db_work *w = batch[i];

            if (work_is_late(w)) {
                db_queue_done(q, &w, 1);
                continue;
            }
            w->fault = work_fault(q->db, w);
            batch[run++] = w;
        }
        if (run > 0)
            return run;
    }
}

void
db_queue_done(struct db_queue *q, struct db_work **batch, size_t n)
{
    struct db_work *mine[LIM_DB_BATCH];
    size_t nmine = 0;

    /* once the lock is free, those that somebody waits for are gone */
    pthread_mutex_lock(&q->lock);
    for (size_t i = 0; i < n; i++) {
        batch[i]->state = WORK_DONE;
        if (batch[i]->fn != NULL || batch[i]->list == NULL)
            mine[nmine++] = batch[i];
        else
            pthread_cond_signal(&batch[i]->done);
    }
    pthread_mutex_unlock(&q->lock);
    for (size_t i = 0; i < nmine; i++) {
        struct db_work *w = mine[i];

        if (w->fn != NULL) {
            work_deliver(w);
            w->fn(w->ctx, w->rc, &w->err);
        }
        work_free(w);
    }
}

/* ---- running ---- */

/* Where a list goes that may run; NULL: it may not. */
static struct db_queue *
queue_for(struct db *db, const struct db_list *l, struct err *e)
{
    if (list_check(l, e) != 0)
        return NULL;
    if (!db->read_only)
        return db->driver->queue(db, l->shard);
    err_set(e, ERR_UNAVAILABLE, "the database was opened for reading only");
    return NULL;
}

/* True when the work is done, false when this caller leaves it; then *rc and
 * e say what is known, and the work is gone or the writer's. */
static bool
work_wait(struct db_queue *q, struct db_work *w, int *rc, struct err *e)
{
    int64_t until = clock_mono_ms() + LIM_DB_WAIT_MS;
    bool done, mine = true;

    pthread_mutex_lock(&q->lock);
    while (w->state != WORK_DONE) {
        int64_t left = until - clock_mono_ms();

        if (left <= 0 || !cond_wait_ms(&w->done, &q->lock, left))
            break;
    }
    done = w->state == WORK_DONE;
    if (w->state == WORK_QUEUED) {
        queue_remove(q, w);
        *rc = err_set(e, ERR_UNAVAILABLE,
                      "the database was busy for %d ms; nothing was written",
                      LIM_DB_WAIT_MS);
    } else if (w->state == WORK_RUNNING) {
        w->list = NULL;
        mine = false;
        *rc = err_set(e, ERR_TIMEOUT,
                      "the database gave no answer for %d ms; whether it "
                      "wrote is not known",
                      LIM_DB_WAIT_MS);
    }
    pthread_mutex_unlock(&q->lock);
    if (!done && mine)
        work_free(w);
    return done;
}

int
db_run(struct db *db, struct db_list *l, struct err *e)
{
    struct db_queue *q = queue_for(db, l, e);
    struct db_work *w;
    int rc = 0;

    if (q == NULL)
        return -1;
    w = work_new(l);
    if (queue_put(q, w, e) != 0) {
        work_free(w);
        return -1;
    }
    if (!work_wait(q, w, &rc, e))
        return rc;
    work_deliver(w);
    rc = w->rc;
    if (rc != 0 && e != NULL)
        *e = w->err;
    work_free(w);
    return rc;
}

void
db_submit(struct db *db, struct db_list *l,
          void (*fn)(void *ctx, int rc, const struct err *e), void *ctx)
{
    struct err e = {0};
    struct db_queue *q = queue_for(db, l, &e);
    struct db_work *w;

    if (q == NULL) {
        fn(ctx, -1, &e);
        return;
    }
    w = work_new(l);
    w->fn = fn;
    w->ctx = ctx;
    if (queue_put(q, w, &e) == 0)
        return;
    work_free(w);
    fn(ctx, -1, &e);
}

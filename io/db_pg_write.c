/*
 * db_pg_write.c - the writers of PostgreSQL: batches of lists in a pipeline.
 *
 * DESIGN. BEGIN and all lists of a batch go out, then COMMIT and one sync; the
 * answers are read behind. Lists are sorted by shard, so that two writers, or
 * those of other backends, lock rows in one order. When anything raises, the
 * server skips the rest; the batch is rolled back and each list runs alone in
 * a transaction of its own, repeated when PostgreSQL finds a deadlock.
 *
 * What a lost connection means: before COMMIT was handed to the kernel, or
 * with an answer of the server that ends it at a statement before COMMIT,
 * nothing stands (UNAVAILABLE). Otherwise the outcome is unknown (TIMEOUT).
 */
#include "io/db_pg.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"

#define REPEATS 5 /* of 40P01 and 40001 */

static const struct db_sql sql_begin = {"begin", "BEGIN", ""},
                           sql_commit = {"commit", "COMMIT", ""},
                           sql_rollback = {"rollback", "ROLLBACK", ""},
                           sql_fault = {"db_fault", "SELECT 1 / ?1", "i"};

/* How a transaction ended. */
enum outcome {
    OUT_DONE,    /* committed */
    OUT_REFUSED, /* rolled back; e says why */
    OUT_REPEAT,  /* rolled back: deadlock or serialization */
    OUT_NOTHING, /* connection lost, nothing stands */
    OUT_UNKNOWN  /* connection lost, perhaps committed */
};

static void
batch_fail(struct db_work **batch, size_t n, const struct err *e)
{
    for (size_t i = 0; i < n; i++)
        db_work_fail(batch[i], e);
}

/* Few and nearly sorted; equal shards keep their order. */
static void
batch_sort(struct db_work **batch, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct db_work *w = batch[i];
        size_t k = i;

        for (; k > 0 && strcmp(batch[k - 1]->shard, w->shard) > 0; k--)
            batch[k] = batch[k - 1];
        batch[k] = w;
    }
}

/* ---- answers in a pipeline ---- */

/* The next command's result, its end read, too; NULL: lost or too late. */
static PGresult *
next_result(struct pg_conn *c, int64_t until_ms)
{
    PGresult *res, *end = NULL;

    if (!pg_await(c, until_ms))
        return NULL;
    res = PQgetResult(c->pg);
    if (res == NULL || PQresultStatus(res) == PGRES_PIPELINE_SYNC)
        return res;
    if (pg_await(c, until_ms))
        end = PQgetResult(c->pg);
    PQclear(end); /* one result a command */
    return res;
}

/* Reads on to the sync after an error. */
static bool
skip_to_sync(struct pg_conn *c, int64_t until_ms)
{
    PGresult *res;
    bool sync = false;

    while (!sync && (res = next_result(c, until_ms)) != NULL) {
        sync = PQresultStatus(res) == PGRES_PIPELINE_SYNC;
        PQclear(res);
    }
    return sync;
}

/* One command and a sync, answered. */
static bool
run_alone(struct pg_conn *c, const struct db_sql *sql, int64_t until_ms)
{
    struct arena *a = arena_new();
    PGresult *res = NULL;
    bool ok = false;

    if (pg_send_run(c, a, sql, NULL) && PQpipelineSync(c->pg) == 1)
        res = next_result(c, until_ms);
    ok = res != NULL && PQresultStatus(res) == PGRES_COMMAND_OK &&
         skip_to_sync(c, until_ms);
    PQclear(res);
    arena_free(a);
    return ok;
}

/* ---- preparing ---- */

/* 0: prepared; -1 with c->pg alive: the statement is wrong; else lost. */
static int
prepare_one(struct pg_conn *c, const struct db_sql *sql, int64_t until_ms,
            struct err *e)
{
    PGresult *res = NULL;
    char name[16];
    int rc = -1;

    if (pg_is_prepared(c, sql))
        return 0;
    pg_next_name(c, name);
    if (pg_send_prepare(c, sql, name) && PQpipelineSync(c->pg) == 1)
        res = next_result(c, until_ms);
    if (res == NULL || PQstatus(c->pg) == CONNECTION_BAD) {
        pg_conn_error(c, sql->name, e);
    } else if (PQresultStatus(res) == PGRES_COMMAND_OK) {
        pg_set_prepared(c, sql, name);
        rc = 0;
    } else {
        pg_result_error(res, sql->name, e);
    }
    PQclear(res);
    if (!skip_to_sync(c, until_ms)) {
        if (rc == 0)
            rc = pg_conn_error(c, sql->name, e);
        pg_conn_drop(c);
    }
    return rc;
}

static int
prepare_list(struct pg_conn *c, struct db_work *w, int64_t until_ms,
             struct err *e)
{
    for (size_t i = 0; i < w->n; i++)
        if (prepare_one(c, w->stmts[i].sql, until_ms, e) != 0)
            return -1;
    return w->fault == DB_NO_FAULT ? 0
                                   : prepare_one(c, &sql_fault, until_ms, e);
}

/* Lists with a wrong statement fail and leave the batch; the number left.
 * When the connection is lost, all fail. */
static size_t
prepare_batch(struct pg_conn *c, struct db_work **batch, size_t n,
              int64_t until_ms)
{
    struct err e = {0};
    size_t left = 0;

    if (prepare_one(c, &sql_begin, until_ms, &e) != 0 ||
        prepare_one(c, &sql_commit, until_ms, &e) != 0 ||
        prepare_one(c, &sql_rollback, until_ms, &e) != 0) {
        batch_fail(batch, n, &e);
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (prepare_list(c, batch[i], until_ms, &e) == 0) {
            batch[left++] = batch[i];
            continue;
        }
        db_work_fail(batch[i], &e);
        if (c->pg == NULL) { /* those before lost their statements, too */
            batch_fail(batch, left, &e);
            batch_fail(batch + i, n - i, &e);
            return 0;
        }
    }
    return left;
}

/* ---- one transaction ---- */

static bool
send_list(struct pg_conn *c, const struct db_work *w)
{
    const struct db_val zero = V_INT(0);

    for (size_t i = 0; i < w->n; i++) {
        bool ok = w->fault == i ? pg_send_run(c, w->arena, &sql_fault, &zero)
                                : pg_send_run(c, w->arena, w->stmts[i].sql,
                                              w->stmts[i].vals);

        if (!ok)
            return false;
    }
    return true;
}

static bool
send_lists(struct pg_conn *c, struct db_work **batch, size_t n,
           int64_t until_ms)
{
    if (!pg_send_run(c, batch[0]->arena, &sql_begin, NULL))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!send_list(c, batch[i]))
            return false;
    return pg_flush(c, until_ms);
}

static bool
send_commit(struct pg_conn *c, struct arena *a, int64_t until_ms)
{
    return pg_send_run(c, a, &sql_commit, NULL) && PQpipelineSync(c->pg) == 1 &&
           pg_flush(c, until_ms);
}

/* The connection is lost, after COMMIT went out; res is the last word of the
 * server on `what`, or NULL. */
static enum outcome
outcome_lost(struct pg_conn *c, const PGresult *res, bool at_commit,
             const char *what, struct err *e)
{
    if (res != NULL && !at_commit &&
        PQresultErrorField(res, PG_DIAG_SQLSTATE) != NULL) {
        pg_result_error(res, what, e);
        e->code = ERR_UNAVAILABLE;
        return OUT_NOTHING;
    }
    pg_conn_error(c, "the outcome of a commit is not known", e);
    e->code = ERR_TIMEOUT;
    return OUT_UNKNOWN;
}

/* Takes one result; OUT_DONE: go on. */
static enum outcome
take_result(struct pg_conn *c, PGresult *res, bool at_commit, const char *what,
            struct err *e)
{
    if (res == NULL || PQstatus(c->pg) == CONNECTION_BAD)
        return outcome_lost(c, res, at_commit, what, e);
    if (PQresultStatus(res) == PGRES_COMMAND_OK ||
        PQresultStatus(res) == PGRES_TUPLES_OK) {
        /* to a COMMIT that could not be done the answer is ROLLBACK, but an
         * error before it would have made the server skip it */
        assert(!at_commit || strcmp(PQcmdStatus(res), "COMMIT") == 0);
        return OUT_DONE;
    }
    pg_result_error(res, what, e);
    if (pg_state_is(res, "40P01") || pg_state_is(res, "40001"))
        return OUT_REPEAT;
    /* the server ends the session; or a migration changed what a prepared
     * statement returns: both are mended by a new connection */
    if (pg_state_is(res, "57P") || pg_state_is(res, "0A000")) {
        e->code = at_commit ? ERR_TIMEOUT : ERR_UNAVAILABLE;
        return at_commit ? OUT_UNKNOWN : OUT_NOTHING;
    }
    return OUT_REFUSED;
}

static enum outcome
read_result(struct pg_conn *c, int64_t until_ms, struct arena *a,
            const struct db_sql *sql, struct db_rows *rows, struct err *e)
{
    PGresult *res = next_result(c, until_ms);
    enum outcome o = take_result(c, res, sql == &sql_commit, sql->name, e);

    /* rows that are too many: the server has it all and will commit, so it
     * is no reason to say that it failed; the list gets none */
    if (o == OUT_DONE && rows != NULL && pg_rows(a, res, sql, rows, e) != 0) {
        log_error("db", "rows_dropped", "%s", e->msg);
        *rows = (struct db_rows){.affected = rows->affected};
    }
    PQclear(res);
    return o;
}

static enum outcome
read_answers(struct pg_conn *c, struct db_work **batch, size_t n,
             int64_t until_ms, struct err *e)
{
    enum outcome o = read_result(c, until_ms, NULL, &sql_begin, NULL, e);

    for (size_t i = 0; i < n; i++) {
        struct db_work *w = batch[i];

        for (size_t k = 0; k < w->n && o == OUT_DONE; k++)
            o = read_result(c, until_ms, w->arena, w->stmts[k].sql,
                            &w->stmts[k].rows, e);
    }
    if (o == OUT_DONE)
        o = read_result(c, until_ms, NULL, &sql_commit, NULL, e);
    return o;
}

/* Brings the session back to where a BEGIN is welcome; what is lost here
 * does not change how the transaction ended. */
static void
settle(struct pg_conn *c, enum outcome o, int64_t until_ms)
{
    bool ok = o != OUT_NOTHING && o != OUT_UNKNOWN && skip_to_sync(c, until_ms);

    if (ok && o != OUT_DONE)
        ok = run_alone(c, &sql_rollback, until_ms);
    if (!ok)
        pg_conn_drop(c);
}

static enum outcome
transact(struct pg_conn *c, struct db_work **batch, size_t n, int64_t until_ms,
         struct err *e)
{
    enum outcome o;

    if (!send_lists(c, batch, n, until_ms)) {
        pg_conn_error(c, "the connection was lost before the commit", e);
        o = OUT_NOTHING;
    } else if (!send_commit(c, batch[0]->arena, until_ms)) {
        o = outcome_lost(c, NULL, true, "commit", e);
    } else {
        o = read_answers(c, batch, n, until_ms, e);
    }
    settle(c, o, until_ms);
    return o;
}

/* ---- batches ---- */

/* The server was away or slow; nobody waits for this list any more. */
static bool
work_is_late(struct db_work *w)
{
    if (clock_mono_ms() - w->queued_ms < LIM_DB_WAIT_MS)
        return false;
    w->rc = err_set(&w->err, ERR_UNAVAILABLE,
                    "a write waited more than %d ms for the database",
                    LIM_DB_WAIT_MS);
    return true;
}

/* A list in a transaction of its own. */
static void
list_alone(struct pg_conn *c, struct db_work *w)
{
    for (int i = 0; i <= REPEATS && !work_is_late(w); i++) {
        int64_t until = clock_mono_ms() + LIM_DB_WAIT_MS;
        struct err e = {0};
        enum outcome o;

        db_work_reset(w);
        if (pg_conn_ready(c, &e) != 0) {
            db_work_fail(w, &e);
            return;
        }
        if (prepare_batch(c, &w, 1, until) == 0)
            return;
        o = transact(c, &w, 1, until, &e);
        if (o == OUT_DONE)
            return;
        db_work_fail(w, &e);
        if (o != OUT_REPEAT)
            return;
        clock_sleep_ms((int64_t)rand_below(10) * i); /* not in step again */
    }
}

static void
batch_run(struct pg_conn *c, struct db_work **batch, size_t n)
{
    int64_t until = clock_mono_ms() + LIM_DB_WAIT_MS;
    struct err e = {0};
    enum outcome o;

    if (pg_conn_ready(c, &e) != 0) {
        batch_fail(batch, n, &e);
        return;
    }
    n = prepare_batch(c, batch, n, until);
    if (n == 0)
        return;
    o = transact(c, batch, n, until, &e);
    if (o == OUT_NOTHING || o == OUT_UNKNOWN || (o == OUT_REFUSED && n == 1)) {
        batch_fail(batch, n, &e);
    } else if (o != OUT_DONE) {
        log_debug("db", "batch_repeated", "lists=%zu %s", n, e.msg);
        for (size_t i = 0; i < n; i++)
            list_alone(c, batch[i]);
    }
}

static void *
writer_main(void *arg)
{
    struct pg_writer *w = arg;
    struct db_work *batch[LIM_DB_BATCH], *sorted[LIM_DB_BATCH];
    size_t n;

    while ((n = db_queue_take(&w->queue, batch)) > 0) {
        memcpy(sorted, batch, n * sizeof(*batch));
        batch_sort(sorted, n);
        batch_run(w->c, sorted, n); /* moves its entries about */
        db_queue_done(&w->queue, batch, n);
    }
    return NULL;
}

void
pg_writer_start(struct pg_writer *w, struct db *db)
{
    db_queue_init(&w->queue, db);
    thread_start(&w->thread, "db-writer", writer_main, w);
}

void
pg_writer_stop(struct pg_writer *w)
{
    db_queue_close(&w->queue);
    thread_join(w->thread);
    db_queue_fini(&w->queue);
}

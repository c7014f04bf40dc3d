/*
 * db_sqlite.c - SQLite: the lock file and the one writer.
 *
 * DESIGN. One thread writes: BEGIN IMMEDIATE, each list in a savepoint,
 * COMMIT. A list that a constraint refuses goes back to its savepoint and the
 * batch goes on; an error of the disk ends the whole transaction.
 *
 * What a failed COMMIT means: SQLITE_FULL and SQLITE_BUSY happened before the
 * frame that makes the transaction valid was written: nothing stands. After
 * an input/output error that frame may lie in the log without being safe on
 * the disk: SQLite forgets it, yet if the process died before the next commit
 * overwrites it, recovery could find it. So that is "outcome unknown".
 */
#include "io/db_sqlite.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

/* ---- the writer ---- */

static const struct db_sql sql_begin = {"begin", "BEGIN IMMEDIATE", ""},
                           sql_commit = {"commit", "COMMIT", ""},
                           sql_rollback = {"rollback", "ROLLBACK", ""},
                           sql_save = {"savepoint", "SAVEPOINT l", ""},
                           sql_release = {"release", "RELEASE l", ""},
                           sql_back = {"rollback to", "ROLLBACK TO l", ""};

static int
writer_do(struct sq_conn *c, struct arena *a, const struct db_sql *sql,
          struct err *e)
{
    struct db_rows rows;

    return sq_run(c, a, sql, NULL, &rows, e);
}

static void
batch_fail(struct db_work **batch, size_t n, const struct err *e)
{
    for (size_t i = 0; i < n; i++)
        db_work_fail(batch[i], e);
}

/* The statements of one list: SQLite's code, the sentence in w->err. */
static int
list_statements(struct sq_conn *c, struct db_work *w)
{
    for (size_t i = 0; i < w->n; i++) {
        struct db_stmt *s = &w->stmts[i];
        int rc;

        if (w->fault == i) {
            err_set(&w->err, ERR_CONFLICT, "%s: raised by db_fault()",
                    s->sql->name);
            return SQLITE_CONSTRAINT;
        }
        rc = sq_run(c, w->arena, s->sql, s->vals, &s->rows, &w->err);
        if (rc != SQLITE_OK)
            return rc;
    }
    return SQLITE_OK;
}

/* 0: the list stands, or is undone and says why; -1: the transaction is dead
 * and e says why. */
static int
list_run(struct sq_conn *c, struct db_work *w, struct err *e)
{
    int rc;

    if (writer_do(c, w->arena, &sql_save, e) != SQLITE_OK)
        return -1;
    rc = list_statements(c, w);
    w->rc = rc == SQLITE_OK ? 0 : -1;
    if (rc != SQLITE_OK && (!sq_refused(rc) || sqlite3_get_autocommit(c->h))) {
        *e = w->err;
        return -1;
    }
    if (rc != SQLITE_OK && writer_do(c, w->arena, &sql_back, e) != SQLITE_OK)
        return -1;
    return writer_do(c, w->arena, &sql_release, e) == SQLITE_OK ? 0 : -1;
}

static void
writer_rollback(struct sq_conn *c, struct arena *a)
{
    struct err ignored;

    if (!sqlite3_get_autocommit(c->h))
        writer_do(c, a, &sql_rollback, &ignored);
}

/* Lists that were refused before keep their own sentence. */
static void
batch_lost(struct sq_conn *c, struct db_work **batch, size_t n,
           const struct err *e)
{
    writer_rollback(c, batch[0]->arena);
    for (size_t i = 0; i < n; i++)
        if (batch[i]->rc == 0 || batch[i]->err.code != ERR_CONFLICT)
            db_work_fail(batch[i], e);
}

/* Synced at its commit, unless nothing in it needs it. When the level cannot
 * be changed it stays; the safe one is the first. */
static void
batch_level(struct sq_conn *c, struct db_work **batch, size_t n)
{
    bool soft = true;

    for (size_t i = 0; i < n; i++)
        soft = soft && batch[i]->soft;
    if (soft == c->soft)
        return;
    if (sqlite3_exec(c->h,
                     soft ? "PRAGMA synchronous = NORMAL"
                          : "PRAGMA synchronous = FULL",
                     NULL, NULL, NULL) == SQLITE_OK)
        c->soft = soft;
    else
        assert(!c->soft); /* never promise more than is kept */
}

static void
batch_run(struct sq_conn *c, struct db_work **batch, size_t n)
{
    struct arena *a = batch[0]->arena;
    struct err e = {0};
    int rc;

    batch_level(c, batch, n);
    if (writer_do(c, a, &sql_begin, &e) != SQLITE_OK) {
        batch_fail(batch, n, &e);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (list_run(c, batch[i], &e) != 0) {
            batch_lost(c, batch, n, &e);
            return;
        }
    }
    rc = writer_do(c, a, &sql_commit, &e);
    if (rc == SQLITE_OK)
        return;
    if ((rc & 0xff) == SQLITE_IOERR)
        e.code = ERR_TIMEOUT; /* DESIGN, above */
    batch_lost(c, batch, n, &e);
}

static void *
writer_main(void *arg)
{
    struct sq *sq = arg;
    struct db_work *batch[LIM_DB_BATCH];
    size_t n;

    while ((n = db_queue_take(&sq->queue, batch)) > 0) {
        batch_run(sq->writer, batch, n);
        db_queue_done(&sq->queue, batch, n);
    }
    return NULL;
}

/* ---- the lock file ---- */

static int
lock_refused(const char *path, int fd, struct err *e)
{
    char pid[24] = "";
    ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

    pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
    return err_set(e, ERR_UNAVAILABLE,
                   "another backend, process %s, has the database %s open",
                   pid[0] != '\0' ? pid : "unknown", path);
}

static int
lock_write_pid(int fd)
{
    char pid[24];
    int n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());

    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n, 0) != n)
        return -1;
    return 0;
}

/* The kernel frees it with the process, however that ends; the file stays,
 * for removing it would race with the next one's opening. */
static int
lock_take(const char *path, int *out, struct err *e)
{
    char name[4096];
    int fd, rc = 0;

    if ((size_t)snprintf(name, sizeof(name), "%s.lock", path) >= sizeof(name))
        return err_set(e, ERR_BAD_INPUT, "DATABASE_URL: the path is too long");
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set(e, ERR_UNAVAILABLE,
                       "cannot write %s: %s: make the folder and make it "
                       "writable for user id %u",
                       name, strerror(errno), (unsigned)geteuid());
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        rc = lock_refused(path, fd, e);
    else if (lock_write_pid(fd) != 0)
        rc = err_set(e, ERR_UNAVAILABLE, "cannot write %s: %s", name,
                     strerror(errno));
    if (rc != 0)
        close(fd);
    else
        *out = fd;
    return rc;
}

/* SQLite would make it readable for everybody; -wal and -shm take after it. */
static int
file_create(const char *path, struct err *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno == EEXIST)
        return 0;
    if (fd < 0)
        return err_set(e, ERR_UNAVAILABLE,
                       "cannot make the database %s: %s: make its folder "
                       "writable for user id %u",
                       path, strerror(errno), (unsigned)geteuid());
    close(fd);
    return 0;
}

/* ---- the driver ---- */

static int
sq_open_writer(struct db *db, struct sq *sq, struct err *e)
{
    if (lock_take(db->target, &sq->lock_fd, e) != 0)
        return -1;
    if (file_create(db->target, e) != 0)
        return -1;
    sq->writer = sq_conn_open(db, true, e);
    if (sq->writer == NULL)
        return -1;
    db_queue_init(&sq->queue, db);
    thread_start(&sq->thread, "db-writer", writer_main, sq);
    return 0;
}

static int
sq_open_reader(struct db *db, struct err *e)
{
    struct sq_conn *c;

    if (access(db->target, F_OK) != 0)
        return err_set(e, ERR_NOT_FOUND, "there is no database %s", db->target);
    c = sq_conn_open(db, false, e);
    if (c == NULL)
        return -1;
    sq_conn_close(c);
    return 0;
}

static int
sq_open(struct db *db, struct err *e)
{
    struct sq *sq = mem_calloc(1, sizeof(*sq));

    db->impl = sq;
    sq->lock_fd = -1;
    sq->clock_ms = clock_wall_ms() - clock_mono_ms();
    if (db->target[0] == '\0' || strcmp(db->target, ":memory:") == 0)
        err_set(e, ERR_BAD_INPUT, "DATABASE_URL: sqlite: needs a file");
    else if (db->read_only && sq_open_reader(db, e) == 0)
        return 0;
    else if (!db->read_only && sq_open_writer(db, sq, e) == 0)
        return 0;
    if (sq->lock_fd >= 0)
        close(sq->lock_fd);
    mem_free(sq);
    return -1;
}

static void
sq_stop(struct db *db)
{
    struct sq *sq = db->impl;

    if (db->read_only)
        return;
    db_queue_close(&sq->queue);
    thread_join(sq->thread);
    db_queue_fini(&sq->queue);
}

/* The writer last: it clears the log when nobody else has the file open. */
static void
sq_close(struct db *db)
{
    struct sq *sq = db->impl;

    if (sq->writer != NULL)
        sq_conn_close(sq->writer);
    if (sq->lock_fd >= 0)
        close(sq->lock_fd);
    mem_free(sq);
}

static struct db_queue *
sq_queue(struct db *db, const char *shard)
{
    struct sq *sq = db->impl;

    (void)shard;
    return &sq->queue;
}

/* A file has one backend. */
static bool
sq_leader(struct db *db, const char *name)
{
    (void)db;
    (void)name;
    return true;
}

static void
sq_notify(struct db *db, const char *topic)
{
    (void)db;
    (void)topic; /* nobody else has the file open */
}

static void *
sq_open_conn(struct db *db, bool for_writing, struct err *e)
{
    return sq_conn_open(db, for_writing, e);
}

/* The lock file serialises processes. */
static int
sq_lock(void *conn, struct err *e)
{
    (void)conn;
    (void)e;
    return 0;
}

const struct db_driver db_driver_sqlite = {
    .kind = DB_SQLITE,
    .prefix = {"sqlite:"},
    .open = sq_open,
    .stop = sq_stop,
    .close = sq_close,
    .queue = sq_queue,
    .leader = sq_leader,
    .notify = sq_notify,
    .conn_open = sq_open_conn,
    .conn_close = sq_conn_close,
    .conn_query = sq_query,
    .conn_prepare = sq_prepare,
    .conn_script = sq_script,
    .conn_lock = sq_lock,
    .section = "-- only sqlite",
    .begin = "BEGIN IMMEDIATE",
    .translate = db_sqlite_translate,
};

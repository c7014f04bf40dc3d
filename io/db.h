/*
 * db.h - one database layer over PostgreSQL and SQLite.
 *
 * DESIGN (protocols 4). A transaction is a LIST of guarded statements with no
 * reading in between, whose first statement locks and decides. Lists that wait
 * share one commit: on SQLite one writer thread runs each list in a savepoint,
 * on PostgreSQL up to LIM_DB_BATCH lists go down one libpq pipeline with one
 * COMMIT, on two connections by hash of the list's account, sorted by account.
 * Any raise repeats the batch list by list, each in its own transaction, so
 * that one bad list harms nobody; 40P01 and 40001 are repeated up to 5 times.
 *
 * SQL is one dialect with placeholders ?1 ?2 ... (turned into $1 $2 for
 * PostgreSQL). A parameter is TEXT, BIGINT or NULL: nothing else. now_ms() is
 * a function in both (protocols 5). Statements are prepared once per
 * connection by the address of their struct db_sql, so they must be static.
 *
 *     struct db_list *l = db_list_new(arena, account);
 *     db_add(l, &job_sql_hold, 3, V_STR(account), V_INT(price), V_STR(guard));
 *     db_add(l, &job_sql_insert, ...);
 *     if (db_run(db, l, &e) == 0 && db_count(l, 0) == 1) ...created...
 *
 * Answers: the rows of each statement (RETURNING, or a closing SELECT) are
 * copied into the list's arena. An INT cell has its decimal text, too, and a
 * TEXT cell that is a number its value (PostgreSQL's sum() is NUMERIC).
 */
#ifndef IO_DB_H
#define IO_DB_H

#include "base/arena.h"
#include "base/err.h"
#include "base/setting.h"
#include "base/str.h"

struct db;

struct db_sql {
    const char *name; /* "job.hold": in logs, errors, tests */
    const char *text;
    /* Types for PostgreSQL, one letter a parameter: 't' TEXT, 'i' BIGINT.
     * Casting inside the SQL is then never needed. */
    const char *types;
};

enum db_type { DB_NULL, DB_INT, DB_TEXT };
struct db_val {
    enum db_type type;
    int64_t i;
    struct str s; /* TEXT: valid UTF-8 without NUL, checked (BAD_INPUT) */
};
#define V_NULL ((struct db_val){.type = DB_NULL})
#define V_INT(x) ((struct db_val){.type = DB_INT, .i = (int64_t)(x)})
#define V_STR(z) db_val_c(z) /* NULL gives NULL */
#define V_TXT(x) ((struct db_val){.type = DB_TEXT, .s = (x)})
struct db_val db_val_c(const char *z);

struct db_rows {
    size_t nrows, ncols;
    struct db_val *cells; /* row by row */
    int64_t affected;     /* rows changed or returned */
};
/* Cell access; NULL cells give the default ("" copies are NUL-terminated). */
const char *db_str(const struct db_rows *r, size_t row, size_t col);
int64_t db_int(const struct db_rows *r, size_t row, size_t col);
bool db_is_null(const struct db_rows *r, size_t row, size_t col);

enum db_kind { DB_SQLITE, DB_POSTGRES };
struct db_config {
    const char *url; /* sqlite:PATH or postgresql://... */
    int readers;     /* connections for db_read, default 4 */
    bool read_only;  /* check, doctor: no writer, no lock, nothing created */
};

/* SQLite: WAL, synchronous FULL, foreign keys, a lock file PATH.lock: a second
 * process exits naming the first's id. UNAVAILABLE / BAD_INPUT with a
 * sentence that says what to do; never the password. */
struct db *db_open(const struct db_config *cfg, struct err *e);
void db_close(struct db *db); /* finishes what is queued */
enum db_kind db_kind(const struct db *db);

/* Lists. Everything given is borrowed until the run ends; use the arena. */
struct db_list *db_list_new(struct arena *a, const char *shard);
void db_add(struct db_list *l, const struct db_sql *sql, size_t nvals, ...);
void db_addv(struct db_list *l, const struct db_sql *sql, size_t nvals,
             const struct db_val *vals);
/*
 * Losing this list to a power cut, after it was told done, does no harm: on
 * SQLite a batch of nothing but such lists is not synced to disk by itself
 * (the next one that counts syncs it too). A crash of the process loses
 * nothing either way. For heartbeats, marks, reports of what may be repeated.
 */
void db_soft(struct db_list *l);
/* Queues the list and waits for its commit, LIM_DB_WAIT_MS at most.
 * Errors: CONFLICT a constraint or raise refused it (nothing of it stands;
 * msg has the database's words), UNAVAILABLE nothing stands, try later (gone,
 * full disk, read-only, queue full), TIMEOUT outcome unknown. */
int db_run(struct db *db, struct db_list *l, struct err *e);
/* The same without waiting: fn is called once, from a database thread (or at
 * once, when the list cannot even be queued), and must not block. Until then
 * the list's arena belongs to the database: one arena a list. */
void db_submit(struct db *db, struct db_list *l,
               void (*fn)(void *ctx, int rc, const struct err *e), void *ctx);
/* After success: the n-th statement's rows. */
const struct db_rows *db_result(const struct db_list *l, size_t n);
int64_t db_count(const struct db_list *l, size_t n); /* its affected rows */

/* One SELECT on a reading connection, outside any transaction; sees all that
 * was committed before. Rows into the arena. */
int db_read(struct db *db, struct arena *a, const struct db_sql *sql,
            struct db_rows *out, struct err *e, size_t nvals, ...);
int db_readv(struct db *db, struct arena *a, const struct db_sql *sql,
             struct db_rows *out, struct err *e, size_t nvals,
             const struct db_val *vals);
/* Prepares a statement on a fresh look: tests, on both databases. */
int db_prepare_check(struct db *db, const struct db_sql *sql, struct err *e);
/* Answers a cheap query within ms: /ready. */
int db_ping(struct db *db, int64_t timeout_ms, struct err *e);
/* True while this process holds the named advisory lock (taken when free;
 * SQLite: always true). Scheduler, relay, reaper... ask before each pass. */
bool db_leader(struct db *db, const char *name);
/* PostgreSQL: tells other backends (NOTIFY) and hears them; SQLite: local
 * only. fn(topic) is called from a database thread. */
void db_notify(struct db *db, const char *topic);
void db_listen(struct db *db, void (*fn)(void *ctx, const char *topic),
               void *ctx);
/* Test hook: fails the k-th statement from now (1 = next) with a raise;
 * 0 = off. */
void db_fault(struct db *db, long k);

/* Migrations: numbered, forward only, locked, checksummed. Applies what is
 * missing. CONFLICT when an applied file's checksum differs, or the database
 * demands a newer program (schema_migrations.min_app). */
struct db_migration {
    const char *name; /* "0001_init.sql" */
    const char *sql;  /* BIGINT -> INTEGER and STRICT for SQLite; parts between
                       * "-- only postgresql" / "-- only sqlite" and "-- all" */
};
extern const struct db_migration db_migrations[];
extern const size_t db_nmigrations;
int db_migrate(struct db *db, const struct db_migration *m, size_t n,
               int app_version, struct err *e);

#endif

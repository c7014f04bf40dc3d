/*
 * db_sqlite_conn.c - one SQLite connection: opening, statements, sentences.
 *
 * now_ms() is the wall clock when the database was opened plus the boot-time
 * clock since: leases never see a wall clock that jumps (protocols 5).
 */
#include "io/db_sqlite.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define WAL_KEEP_BYTES (64 * 1024 * 1024) /* a longer log is cut after use */
/* Pages in the log before they go to their places, 16 MiB: a job writes some
 * two hundred, mostly the same ones again, and each time costs two syncs. */
#define WAL_PAGES 4000
#define DEADLINE_STEPS 20000 /* between two looks at the clock: 1 ms or so */

/* ---- errors ---- */

bool
sq_refused(int rc)
{
    int primary = rc & 0xff;

    return primary == SQLITE_CONSTRAINT || primary == SQLITE_MISMATCH ||
           primary == SQLITE_TOOBIG || primary == SQLITE_ERROR ||
           primary == SQLITE_RANGE;
}

static int
error_of_disk(struct sq_conn *c, int rc, const char *what, struct err *e)
{
    const char *path = c->db->target;
    int code = sqlite3_system_errno(c->h);

    return err_set(e, ERR_UNAVAILABLE,
                   "%s: reading or writing %s failed (%s, SQLite %d%s%s): "
                   "look at the disk and the folder's owner",
                   what, path, sqlite3_errstr(rc & 0xff), rc,
                   code != 0 ? ", " : "", code != 0 ? strerror(code) : "");
}

int
sq_error(struct sq_conn *c, int rc, const char *what, struct err *e)
{
    const char *path = c->db->target;

    switch (rc & 0xff) {
    case SQLITE_FULL:
        return err_set(e, ERR_UNAVAILABLE,
                       "%s: no space left for %s: free some on its disk", what,
                       path);
    case SQLITE_READONLY:
        return err_set(e, ERR_UNAVAILABLE,
                       "%s: the database %s is read-only: make the file and "
                       "its folder writable for user id %u",
                       what, path, (unsigned)geteuid());
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return err_set(e, ERR_UNAVAILABLE,
                       "%s: %s is damaged or no SQLite database (%s): move "
                       "it away and restore a backup",
                       what, path, sqlite3_errmsg(c->h));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(e, ERR_UNAVAILABLE,
                       "%s: another program kept %s locked for %d ms", what,
                       path, LIM_DB_BUSY_MS);
    case SQLITE_INTERRUPT:
        return err_set(e, ERR_UNAVAILABLE,
                       "%s: reading took too long and was ended", what);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
        return error_of_disk(c, rc, what, e);
    default:
        return err_set(e, sq_refused(rc) ? ERR_CONFLICT : ERR_INTERNAL,
                       "%s: %s", what, sqlite3_errmsg(c->h));
    }
}

/* ---- opening ---- */

static void
now_ms(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    const struct sq *sq = sqlite3_user_data(ctx);

    (void)argc;
    (void)argv;
    sqlite3_result_int64(ctx, sq->clock_ms + clock_mono_ms());
}

static int
deadline_passed(void *arg)
{
    const struct sq_conn *c = arg;

    return clock_mono_ms() > c->until_ms;
}

/* synchronous FULL: NORMAL may lose the last commits when the power fails.
 * A text in double quotes is an error here as it is on PostgreSQL. */
static int
conn_configure(struct sq_conn *c, bool for_writing)
{
    char text[320];
    int rc;

    sqlite3_busy_timeout(c->h, LIM_DB_BUSY_MS);
    sqlite3_db_config(c->h, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(c->h, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_progress_handler(c->h, DEADLINE_STEPS, deadline_passed, c);
    rc = sqlite3_create_function(c->h, "now_ms", 0,
                                 SQLITE_UTF8 | SQLITE_INNOCUOUS, c->db->impl,
                                 now_ms, NULL, NULL);
    if (rc != SQLITE_OK)
        return rc;
    snprintf(text, sizeof(text),
             "%s PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; "
             "PRAGMA journal_size_limit = %d; "
             "PRAGMA wal_autocheckpoint = %d; PRAGMA cache_size = %d; %s",
             for_writing ? "PRAGMA journal_mode = WAL;" : "", WAL_KEEP_BYTES,
             WAL_PAGES,
             for_writing ? -2000 : -1000, /* KiB */
             for_writing ? ""
                         : "PRAGMA query_only = ON; "
                           "SELECT count(*) FROM sqlite_schema;");
    return sqlite3_exec(c->h, text, NULL, NULL, NULL);
}

struct sq_conn *
sq_conn_open(struct db *db, bool for_writing, struct err *e)
{
    /* a reader opens for writing, too: what a crash left in the log can only
     * be read by who may write beside the file; query_only holds it back */
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    struct sq_conn *c = mem_calloc(1, sizeof(*c));
    int rc;

    c->db = db;
    c->until_ms = INT64_MAX;
    rc = sqlite3_open_v2(db->target, &c->h, flags, NULL);
    if (rc == SQLITE_OK)
        rc = conn_configure(c, for_writing);
    if (rc == SQLITE_OK && for_writing && sqlite3_db_readonly(c->h, "main"))
        rc = SQLITE_READONLY;
    if (rc == SQLITE_OK)
        return c;
    sq_error(c, rc, "cannot open the database", e);
    sq_conn_close(c);
    return NULL;
}

static void
stmt_free(void *s)
{
    sqlite3_finalize(s);
}

void
sq_conn_close(void *conn)
{
    struct sq_conn *c = conn;

    db_cache_clear(&c->cache, stmt_free);
    sqlite3_close(c->h);
    mem_free(c);
}

/* ---- statements ---- */

static int
stmt_prepare(struct sq_conn *c, const struct db_sql *sql, unsigned flags,
             sqlite3_stmt **out, struct err *e)
{
    const char *rest;
    int rc = sqlite3_prepare_v3(c->h, sql->text, -1, flags, out, &rest);

    if (rc != SQLITE_OK) {
        sq_error(c, rc, sql->name, e);
        if (e != NULL && sq_refused(rc)) /* the statement itself is wrong */
            e->code = ERR_INTERNAL;
        return rc;
    }
    if (sqlite3_bind_parameter_count(*out) == (int)strlen(sql->types) &&
        rest[strspn(rest, " \n;")] == '\0')
        return SQLITE_OK;
    err_set(e, ERR_INTERNAL,
            "%s: %d placeholders for %zu types, or more than "
            "one statement",
            sql->name, sqlite3_bind_parameter_count(*out), strlen(sql->types));
    sqlite3_finalize(*out);
    *out = NULL;
    return SQLITE_ERROR;
}

static int
stmt_bind(sqlite3_stmt *s, const struct db_sql *sql, const struct db_val *vals)
{
    int rc = SQLITE_OK;

    for (int i = 0; sql->types[i] != '\0' && rc == SQLITE_OK; i++) {
        const struct db_val *v = &vals[i];

        if (v->type == DB_NULL)
            rc = sqlite3_bind_null(s, i + 1);
        else if (v->type == DB_INT)
            rc = sqlite3_bind_int64(s, i + 1, v->i);
        else
            rc = sqlite3_bind_text64(s, i + 1, v->s.len > 0 ? v->s.p : "",
                                     v->s.len, SQLITE_STATIC, SQLITE_UTF8);
    }
    return rc;
}

static void
stmt_row(sqlite3_stmt *s, struct db_rows_builder *b)
{
    for (int i = 0; i < sqlite3_column_count(s); i++) {
        int type = sqlite3_column_type(s, i);

        if (type == SQLITE_NULL) {
            db_rows_null(b);
        } else if (type == SQLITE_INTEGER) {
            db_rows_int(b, sqlite3_column_int64(s, i));
        } else {
            const void *p = sqlite3_column_text(s, i);

            db_rows_text(b, p, (size_t)sqlite3_column_bytes(s, i));
        }
    }
}

/* To its end. SQLITE_TOOBIG: e tells of too many rows. */
static int
stmt_step(struct sq_conn *c, sqlite3_stmt *s, const struct db_sql *sql,
          struct arena *a, struct db_rows *out, struct err *e)
{
    struct db_rows_builder b;
    int rc;

    db_rows_begin(&b, a, out, (size_t)sqlite3_column_count(s));
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        stmt_row(s, &b);
        if (db_rows_check(&b, sql, e) != 0)
            return SQLITE_TOOBIG;
    }
    if (rc != SQLITE_DONE) {
        sq_error(c, rc, sql->name, e);
        return rc;
    }
    if (sqlite3_stmt_readonly(s))
        out->affected = (int64_t)out->nrows;
    else
        out->affected = sqlite3_changes64(c->h);
    return SQLITE_OK;
}

int
sq_run(struct sq_conn *c, struct arena *a, const struct db_sql *sql,
       const struct db_val *vals, struct db_rows *out, struct err *e)
{
    void **slot = db_cache_slot(&c->cache, sql);
    sqlite3_stmt *s = *slot;
    int rc = SQLITE_OK;

    if (s == NULL)
        rc = stmt_prepare(c, sql, SQLITE_PREPARE_PERSISTENT, &s, e);
    if (rc != SQLITE_OK)
        return rc;
    *slot = s;
    rc = stmt_bind(s, sql, vals);
    if (rc == SQLITE_OK)
        rc = stmt_step(c, s, sql, a, out, e);
    else
        sq_error(c, rc, sql->name, e);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s); /* they point into memory of the caller */
    return rc;
}

int
sq_query(void *conn, struct arena *a, int64_t timeout_ms,
         const struct db_sql *sql, const struct db_val *vals,
         struct db_rows *out, struct err *e)
{
    struct sq_conn *c = conn;
    int rc;

    c->until_ms = clock_mono_ms() + timeout_ms;
    rc = sq_run(c, a, sql, vals, out, e);
    c->until_ms = INT64_MAX;
    return rc == SQLITE_OK ? 0 : -1;
}

int
sq_prepare(void *conn, const struct db_sql *sql, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = stmt_prepare(conn, sql, 0, &s, e);

    sqlite3_finalize(s);
    return rc == SQLITE_OK ? 0 : -1;
}

int
sq_script(void *conn, const char *text, struct err *e)
{
    struct sq_conn *c = conn;
    int rc = sqlite3_exec(c->h, text, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : sq_error(c, rc, "script", e);
}

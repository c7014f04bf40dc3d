/*
 * db_sqlite.h - between the parts of the SQLite driver; only io/db_sqlite*.c
 * include it.
 */
#ifndef IO_DB_SQLITE_H
#define IO_DB_SQLITE_H

#include <sqlite3.h>
#include "io/db_int.h"

struct sq_conn {
    sqlite3 *h;
    struct db *db;
    struct db_cache cache; /* of sqlite3_stmt */
    int64_t until_ms;      /* a read ends here; INT64_MAX: none */
    bool soft;             /* the writer: commits are not synced */
};

/* ---- db_sqlite_conn.c ---- */
struct sq_conn *sq_conn_open(struct db *db, bool for_writing, struct err *e);
void sq_conn_close(void *conn);
/* A sentence that names the file and what to do. Returns -1. */
int sq_error(struct sq_conn *c, int rc, const char *what, struct err *e);
/* True: the list's own fault (constraint, raise); the transaction stands. */
bool sq_refused(int rc);
/* Runs one statement to its end. Returns SQLite's code; rows and e (set when
 * that is not SQLITE_OK) as in db_read. */
int sq_run(struct sq_conn *c, struct arena *a, const struct db_sql *sql,
           const struct db_val *vals, struct db_rows *out, struct err *e);
int sq_query(void *conn, struct arena *a, int64_t timeout_ms,
             const struct db_sql *sql, const struct db_val *vals,
             struct db_rows *out, struct err *e);
int sq_prepare(void *conn, const struct db_sql *sql, struct err *e);
int sq_script(void *conn, const char *text, struct err *e);

/* ---- db_sqlite_ddl.c ---- */
void db_sqlite_translate(const char *text, struct buf *out);

/* What the driver keeps in struct db. */
struct sq {
    int64_t clock_ms; /* wall clock minus boot-time clock, at open */
    int lock_fd;
    struct sq_conn *writer;
    struct db_queue queue;
    pthread_t thread;
};

#endif

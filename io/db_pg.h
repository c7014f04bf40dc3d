/*
 * db_pg.h - between the parts of the PostgreSQL driver; only io/db_pg*.c
 * include it.
 *
 *   db_pg.c        opening, leadership
 *   db_pg_conn.c   one connection: settings, waiting, sentences
 *   db_pg_query.c  statements and their rows, queries outside of lists
 *   db_pg_write.c  the two writers
 *   db_pg_notify.c topics between backends
 */
#ifndef IO_DB_PG_H
#define IO_DB_PG_H

#include <libpq-fe.h>
#include "io/db_int.h"

#define PG_WRITERS 2 /* more gave nothing when measured (protocols 4) */

/* What a connection is for; the settings of its session follow from it. An
 * ADMIN's session has a lock, a transaction or a LISTEN, so it is never
 * replaced behind its owner's back: queries fail until pg_conn_ready(). */
enum pg_role { PG_READER, PG_WRITER, PG_ADMIN };

struct pg_conn {
    struct db *db;
    enum pg_role role;
    PGconn *pg;            /* NULL: not connected */
    struct db_cache cache; /* of struct pg_stmt: prepared in this session */
    unsigned nprepared;
    unsigned session;   /* number of the connection, from 1 */
    int64_t backoff_ms; /* 0: the last try was good */
    int64_t again_ms;   /* no try before it */
    struct err last;    /* why the last try was not good */
};

struct pg_stmt {
    char name[16];
};

/* ---- db_pg_conn.c ---- */
struct pg_conn *pg_conn_new(struct db *db, enum pg_role role);
void pg_conn_free(void *conn);
/* Connects when there is no living connection. While the server is away,
 * tries with growing pauses; between them fails at once. UNAVAILABLE. */
int pg_conn_ready(struct pg_conn *c, struct err *e);
void pg_conn_drop(struct pg_conn *c);
/* Waits for the server's next answer; false: the connection is lost or time
 * ran out (c->pg stays for its message; drop it). */
bool pg_await(struct pg_conn *c, int64_t until_ms);
/* Sends all that is queued; false as above. */
bool pg_flush(struct pg_conn *c, int64_t until_ms);
/* The last result of one command outside of a pipeline; NULL: lost. */
PGresult *pg_result(struct pg_conn *c, int64_t until_ms);
/* Statements without parameters, many at once. */
int pg_simple(struct pg_conn *c, const char *text, int64_t until_ms,
              struct err *e);
/* The server's words as a sentence with its code, by SQLSTATE. Returns -1. */
int pg_result_error(const PGresult *res, const char *what, struct err *e);
/* The connection's trouble as UNAVAILABLE. Returns -1. */
int pg_conn_error(const struct pg_conn *c, const char *what, struct err *e);
bool pg_state_is(const PGresult *res, const char *state);

/* ---- db_pg_query.c ---- */
/* The dialect's ?N as $N; the largest N. */
size_t pg_sql_text(const char *text, struct buf *out);
/* Queues a prepare or a run of the statement; false: connection lost. */
bool pg_send_prepare(struct pg_conn *c, const struct db_sql *sql,
                     const char *name);
bool pg_send_run(struct pg_conn *c, struct arena *a, const struct db_sql *sql,
                 const struct db_val *vals);
/* Whether this session has it; remembers that it has. */
bool pg_is_prepared(struct pg_conn *c, const struct db_sql *sql);
void pg_set_prepared(struct pg_conn *c, const struct db_sql *sql,
                     const char *name);
void pg_next_name(struct pg_conn *c, char out[16]);
int pg_rows(struct arena *a, const PGresult *res, const struct db_sql *sql,
            struct db_rows *out, struct err *e);
int pg_query(void *conn, struct arena *a, int64_t timeout_ms,
             const struct db_sql *sql, const struct db_val *vals,
             struct db_rows *out, struct err *e);
int pg_prepare(void *conn, const struct db_sql *sql, struct err *e);
int pg_script(void *conn, const char *text, struct err *e);

/* ---- db_pg_write.c ---- */
struct pg_writer {
    struct db_queue queue;
    struct pg_conn *c;
    pthread_t thread;
};
void pg_writer_start(struct pg_writer *w, struct db *db);
void pg_writer_stop(struct pg_writer *w); /* when its queue is empty */

/* ---- db_pg_notify.c ---- */
struct pg_notify;
struct pg_notify *pg_notify_start(struct db *db);
void pg_notify_stop(struct pg_notify *n);
void pg_notify_send(struct pg_notify *n, const char *topic);

#define PG_LEADERS 16 /* different names */

/* What the driver keeps in struct db. */
struct pg {
    struct pg_writer writers[PG_WRITERS];
    struct pg_notify *notify;
    pthread_mutex_t leader_lock; /* the connection is for one at a time */
    struct pg_conn *leader;
    char held[PG_LEADERS][DB_TOPIC_MAX];
    size_t nheld;
    unsigned held_in; /* this session of `leader`; a later one holds nothing */
};

uint64_t pg_hash(const char *text); /* FNV-1a */

#endif

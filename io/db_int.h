/*
 * db_int.h - what the parts of the database layer know of one another; only
 * io/db*.c and io/migrate.c include it.
 *
 *   db.c         open and close, values and rows, the pool of readers
 *   db_list.c    lists; the queue in which they wait for a writer
 *   db_topic.c   the thread that tells listeners of topics
 *   db_sqlite.c  SQLite: connections and the writer
 *   db_pg*.c     PostgreSQL: connections, writers, leadership and NOTIFY
 *   migrate.c    migrations, on either
 *
 * A list that runs is a struct db_work: a copy of everything the caller gave,
 * in an arena of its own. So a caller that stops waiting can go away with its
 * memory while a writer still works.
 */
#ifndef IO_DB_INT_H
#define IO_DB_INT_H

#include <stdatomic.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/thread.h"
#include "io/db.h"

struct db_stmt {
    const struct db_sql *sql;
    size_t nvals;
    struct db_val *vals;
    struct db_rows rows; /* after the run */
};

struct db_list {
    struct arena *arena;
    const char *shard;
    bool soft; /* db_soft() */
    size_t n, cap;
    struct db_stmt *stmts;
};

/* ---- db_list.c ---- */
enum work_state { WORK_QUEUED, WORK_RUNNING, WORK_DONE };

#define DB_NO_FAULT SIZE_MAX

struct db_work {
    struct arena *arena;
    const char *shard;
    bool soft;
    size_t n;
    struct db_stmt *stmts;
    size_t fault; /* this statement raises: db_fault() */
    int64_t queued_ms;
    int rc; /* written by the writer before it says done */
    struct err err;
    /* whom to tell */
    struct db_list *list; /* gets the rows; NULL: the caller went away */
    void (*fn)(void *ctx, int rc, const struct err *e); /* NULL: done is it */
    void *ctx;
    /* GUARDED_BY(queue lock) */
    enum work_state state;
    pthread_cond_t done;
    struct db_work *next;
};

struct db_queue {
    struct db *db;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct db_work *head GUARDED_BY(lock);
    struct db_work *tail GUARDED_BY(lock);
    size_t n GUARDED_BY(lock);
    bool closed GUARDED_BY(lock);
};

void db_queue_init(struct db_queue *q, struct db *db);
void db_queue_fini(struct db_queue *q);  /* empty, nobody waits */
void db_queue_close(struct db_queue *q); /* takes no more */
/* Waits for work and takes all there is, LIM_DB_BATCH lists at most, into
 * batch; 0: closed and empty. Each has rc 0 and rows empty. */
size_t db_queue_take(struct db_queue *q, struct db_work **batch);
/* Tells the callers; the works are gone after it. */
void db_queue_done(struct db_queue *q, struct db_work **batch, size_t n);
/* The outcome of one list: rc -1 with a copy of e. */
void db_work_fail(struct db_work *w, const struct err *e);
void db_work_reset(struct db_work *w); /* before it is run again */

/* ---- rows: db.c ---- */
/* Rows are built cell by cell, in row order; all memory is the arena's. */
struct db_rows_builder {
    struct arena *arena;
    struct db_rows *rows;
    size_t ncells, cap;
    size_t used; /* of the arena, before */
};
void db_rows_begin(struct db_rows_builder *b, struct arena *a,
                   struct db_rows *rows, size_t ncols);
void db_rows_null(struct db_rows_builder *b);
void db_rows_int(struct db_rows_builder *b, int64_t v);
void db_rows_text(struct db_rows_builder *b, const char *p, size_t n);
/* Counts the rows; TOO_LARGE over LIM_DB_ANSWER_BYTES. Asked after each row,
 * too, so that an answer without bounds ends early. */
int db_rows_check(struct db_rows_builder *b, const struct db_sql *sql,
                  struct err *e);
/* BAD_INPUT for a text with NUL or bad UTF-8. A number of values or a type
 * that is not the statement's ends the process: it is our own mistake. */
int db_vals_check(const struct db_sql *sql, size_t nvals,
                  const struct db_val *vals, struct err *e);

/* ---- a map from statements to what a connection keeps of them: db.c ---- */
struct db_cache {
    size_t n, cap; /* cap is a power of two */
    const struct db_sql **keys;
    void **values;
};
void **db_cache_slot(struct db_cache *c, const struct db_sql *sql);
void db_cache_clear(struct db_cache *c, void (*free_value)(void *));

/* ---- drivers ---- */
struct db_driver {
    enum db_kind kind;
    const char *prefix[3]; /* of DATABASE_URL */
    /* Checks that the database can be used and starts the writers, unless
     * read_only. After -1 nothing is left. */
    int (*open)(struct db *db, struct err *e);
    /* Ends the writers when their queues are empty. */
    void (*stop)(struct db *db);
    void (*close)(struct db *db); /* the rest; no connection is open */
    struct db_queue *(*queue)(struct db *db, const char *shard);
    bool (*leader)(struct db *db, const char *name);
    void (*notify)(struct db *db, const char *topic);
    /* One connection, used by one thread at a time. */
    void *(*conn_open)(struct db *db, bool for_writing, struct err *e);
    void (*conn_close)(void *conn);
    int (*conn_query)(void *conn, struct arena *a, int64_t timeout_ms,
                      const struct db_sql *sql, const struct db_val *vals,
                      struct db_rows *out, struct err *e);
    int (*conn_prepare)(void *conn, const struct db_sql *sql, struct err *e);
    /* Many statements without parameters, each as long as it takes. */
    int (*conn_script)(void *conn, const char *text, struct err *e);
    /* Serialises migrations of all processes; ends with the connection. */
    int (*conn_lock)(void *conn, struct err *e);
    const char *section; /* of migrations: "-- only sqlite" */
    const char *begin;   /* starts a migration's transaction */
    void (*translate)(const char *text, struct buf *out); /* or NULL */
};
extern const struct db_driver db_driver_sqlite, db_driver_pg;

/* ---- db_topic.c ---- */
#define DB_TOPICS 32    /* different ones waiting to be told */
#define DB_TOPIC_MAX 64 /* bytes with NUL */
#define DB_LISTENERS 8

struct db_topics {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    char waiting[DB_TOPICS][DB_TOPIC_MAX] GUARDED_BY(lock);
    size_t n GUARDED_BY(lock);
    struct {
        void (*fn)(void *ctx, const char *topic);
        void *ctx;
    } listeners[DB_LISTENERS] GUARDED_BY(lock);
    size_t nlisteners GUARDED_BY(lock);
    bool stop GUARDED_BY(lock);
    bool started GUARDED_BY(lock);
    pthread_t thread;
};
void db_topics_init(struct db_topics *t);
void db_topics_fini(struct db_topics *t); /* ends the thread */
/* Tells the listeners of this process, from the thread. */
void db_topics_tell(struct db_topics *t, const char *topic);

/* ---- the database ---- */
struct db_pool {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    void **idle GUARDED_BY(lock);
    size_t nidle GUARDED_BY(lock);
    size_t nopen GUARDED_BY(lock);
    size_t max;
};

struct db {
    const struct db_driver *driver;
    char *target; /* path, or the whole address of PostgreSQL: a secret */
    bool read_only;
    atomic_long fault;
    struct db_pool pool;
    struct db_topics topics;
    void *impl; /* the driver's */
};

#endif

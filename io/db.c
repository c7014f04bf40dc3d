/*
 * db.c - the common part of both databases: opening, values and rows, the
 * pool of reading connections.
 */
#include "io/db_int.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"

#define READERS_DEFAULT 4

static const struct db_driver *const drivers[] = {&db_driver_sqlite,
                                                  &db_driver_pg};

/* ---- values ---- */

struct db_val
db_val_c(const char *z)
{
    return z == NULL ? V_NULL : V_TXT(str_c(z));
}

/* Our own mistake, in a table or in a call; not a peer's. */
static _Noreturn void
vals_mistake(const struct db_sql *sql, const char *what, size_t i)
{
    log_error("db", "mistake", "statement %s: %s %zu", sql->name, what, i);
    abort();
}

int
db_vals_check(const struct db_sql *sql, size_t nvals, const struct db_val *vals,
              struct err *e)
{
    if (strlen(sql->types) != nvals)
        vals_mistake(sql, "number of values is", nvals);
    for (size_t i = 0; i < nvals; i++) {
        const struct db_val *v = &vals[i];

        if (v->type == DB_NULL)
            continue;
        if ((v->type == DB_INT) != (sql->types[i] == 'i'))
            vals_mistake(sql, "wrong type of value", i + 1);
        if (v->type == DB_INT || v->s.len == 0)
            continue;
        if (memchr(v->s.p, 0, v->s.len) != NULL || !utf8_valid(v->s))
            return err_set(e, ERR_BAD_INPUT,
                           "%s: value %zu is no text: it has a NUL byte or "
                           "is not UTF-8",
                           sql->name, i + 1);
    }
    return 0;
}

/* ---- rows ---- */

static const struct db_val *
rows_cell(const struct db_rows *r, size_t row, size_t col)
{
    assert(row < r->nrows && col < r->ncols);
    return &r->cells[row * r->ncols + col];
}

const char *
db_str(const struct db_rows *r, size_t row, size_t col)
{
    const struct db_val *v = rows_cell(r, row, col);

    return v->type == DB_NULL ? "" : v->s.p;
}

int64_t
db_int(const struct db_rows *r, size_t row, size_t col)
{
    return rows_cell(r, row, col)->i;
}

bool
db_is_null(const struct db_rows *r, size_t row, size_t col)
{
    return rows_cell(r, row, col)->type == DB_NULL;
}

void
db_rows_begin(struct db_rows_builder *b, struct arena *a, struct db_rows *rows,
              size_t ncols)
{
    *rows = (struct db_rows){.ncols = ncols};
    *b = (struct db_rows_builder){
        .arena = a, .rows = rows, .used = arena_used(a)};
}

static struct db_val *
rows_add(struct db_rows_builder *b)
{
    if (b->ncells == b->cap) {
        size_t cap = b->cap == 0 ? b->rows->ncols : 2 * b->cap;
        struct db_val *cells = ARENA_ARRAY(b->arena, struct db_val, cap);

        if (b->ncells > 0)
            memcpy(cells, b->rows->cells, b->ncells * sizeof(*cells));
        b->rows->cells = cells;
        b->cap = cap;
    }
    return &b->rows->cells[b->ncells++];
}

void
db_rows_null(struct db_rows_builder *b)
{
    *rows_add(b) = V_NULL;
}

/* A number has its text beside it, so that db_str() works on it, too. */
void
db_rows_int(struct db_rows_builder *b, int64_t v)
{
    struct db_val *cell = rows_add(b);

    *cell = V_INT(v);
    cell->s = str_c(arena_fmt(b->arena, "%" PRId64, v));
}

/* A text that is a number has it beside it: PostgreSQL gives sum() of BIGINT
 * as NUMERIC. */
void
db_rows_text(struct db_rows_builder *b, const char *p, size_t n)
{
    struct db_val *cell = rows_add(b);

    *cell = V_TXT(str_n(arena_strn(b->arena, p, n), n));
    if (!str_to_i64(cell->s, &cell->i))
        cell->i = 0;
}

int
db_rows_check(struct db_rows_builder *b, const struct db_sql *sql,
              struct err *e)
{
    size_t bytes = arena_used(b->arena) - b->used;

    if (b->rows->ncols > 0)
        b->rows->nrows = b->ncells / b->rows->ncols;
    if (bytes <= LIM_DB_ANSWER_BYTES)
        return 0;
    return err_set(e, ERR_TOO_LARGE,
                   "%s: the answer has more than %d bytes (%zu rows so far)",
                   sql->name, LIM_DB_ANSWER_BYTES, b->rows->nrows);
}

/* ---- the cache of a connection ---- */

static size_t
cache_place(const struct db_cache *c, const struct db_sql *sql)
{
    size_t i = ((uintptr_t)sql >> 4) * 0x9e3779b1u & (c->cap - 1);

    while (c->keys[i] != NULL && c->keys[i] != sql)
        i = (i + 1) & (c->cap - 1);
    return i;
}

static void
cache_grow(struct db_cache *c)
{
    struct db_cache old = *c;

    c->cap = old.cap == 0 ? 64 : 2 * old.cap;
    c->keys = mem_calloc(c->cap, sizeof(*c->keys));
    c->values = mem_calloc(c->cap, sizeof(*c->values));
    for (size_t i = 0; i < old.cap; i++) {
        size_t to;

        if (old.keys[i] == NULL)
            continue;
        to = cache_place(c, old.keys[i]);
        c->keys[to] = old.keys[i];
        c->values[to] = old.values[i];
    }
    mem_free(old.keys);
    mem_free(old.values);
}

void **
db_cache_slot(struct db_cache *c, const struct db_sql *sql)
{
    size_t i;

    if (2 * c->n >= c->cap)
        cache_grow(c);
    i = cache_place(c, sql);
    if (c->keys[i] == NULL) {
        c->keys[i] = sql;
        c->n++;
    }
    return &c->values[i];
}

void
db_cache_clear(struct db_cache *c, void (*free_value)(void *))
{
    for (size_t i = 0; i < c->cap; i++)
        if (c->values[i] != NULL)
            free_value(c->values[i]);
    mem_free(c->keys);
    mem_free(c->values);
    *c = (struct db_cache){0};
}

/* ---- reading ---- */

static void
pool_init(struct db_pool *p, int readers)
{
    pthread_mutex_init(&p->lock, NULL);
    cond_init(&p->freed);
    p->max = readers > 0 ? (size_t)readers : READERS_DEFAULT;
    p->idle = mem_calloc(p->max, sizeof(*p->idle));
}

static void
pool_fini(struct db_pool *p, const struct db_driver *d)
{
    assert(p->nidle == p->nopen);
    for (size_t i = 0; i < p->nidle; i++)
        d->conn_close(p->idle[i]);
    mem_free(p->idle);
    pthread_cond_destroy(&p->freed);
    pthread_mutex_destroy(&p->lock);
}

static void
pool_put(struct db_pool *p, void *conn)
{
    pthread_mutex_lock(&p->lock);
    if (conn != NULL)
        p->idle[p->nidle++] = conn;
    else
        p->nopen--;
    pthread_cond_signal(&p->freed);
    pthread_mutex_unlock(&p->lock);
}

/* An idle one, or leave to open one more (*conn NULL); -1: all stay busy. */
static int
pool_wait(struct db_pool *p, int64_t timeout_ms, void **conn)
{
    int64_t until = clock_mono_ms() + timeout_ms;
    int rc = 0;

    *conn = NULL;
    pthread_mutex_lock(&p->lock);
    while (p->nidle == 0 && p->nopen == p->max && rc == 0) {
        int64_t left = until - clock_mono_ms();

        if (left <= 0 || !cond_wait_ms(&p->freed, &p->lock, left))
            rc = p->nidle == 0 && p->nopen == p->max ? -1 : 0;
    }
    if (rc == 0 && p->nidle > 0)
        *conn = p->idle[--p->nidle];
    else if (rc == 0)
        p->nopen++;
    pthread_mutex_unlock(&p->lock);
    return rc;
}

static void *
pool_take(struct db *db, int64_t timeout_ms, struct err *e)
{
    void *conn;

    if (pool_wait(&db->pool, timeout_ms, &conn) != 0) {
        err_set(e, ERR_UNAVAILABLE,
                "all %zu reading connections of the database stayed busy for "
                "%" PRId64 " ms",
                db->pool.max, timeout_ms);
        return NULL;
    }
    if (conn == NULL)
        conn = db->driver->conn_open(db, false, e);
    if (conn == NULL)
        pool_put(&db->pool, NULL);
    return conn;
}

static int
db_read_within(struct db *db, struct arena *a, int64_t timeout_ms,
               const struct db_sql *sql, struct db_rows *out, struct err *e,
               size_t nvals, const struct db_val *vals)
{
    int64_t start = clock_mono_ms();
    void *conn;
    int rc;

    *out = (struct db_rows){0};
    if (db_vals_check(sql, nvals, vals, e) != 0)
        return -1;
    conn = pool_take(db, timeout_ms, e);
    if (conn == NULL)
        return -1;
    timeout_ms -= clock_mono_ms() - start;
    rc = db->driver->conn_query(conn, a, timeout_ms > 0 ? timeout_ms : 1, sql,
                                vals, out, e);
    pool_put(&db->pool, conn);
    return rc;
}

int
db_readv(struct db *db, struct arena *a, const struct db_sql *sql,
         struct db_rows *out, struct err *e, size_t nvals,
         const struct db_val *vals)
{
    int64_t ms = db->read_only ? LIM_DB_CHECK_MS : LIM_DB_WAIT_MS;

    return db_read_within(db, a, ms, sql, out, e, nvals, vals);
}

int
db_read(struct db *db, struct arena *a, const struct db_sql *sql,
        struct db_rows *out, struct err *e, size_t nvals, ...)
{
    struct db_val *vals = ARENA_ARRAY(a, struct db_val, nvals);
    va_list ap;

    va_start(ap, nvals);
    for (size_t i = 0; i < nvals; i++)
        vals[i] = va_arg(ap, struct db_val);
    va_end(ap);
    return db_readv(db, a, sql, out, e, nvals, vals);
}

int
db_ping(struct db *db, int64_t timeout_ms, struct err *e)
{
    /* in both databases; SQLite reads its file for the second one */
    static const struct db_sql sqlite = {
        "db.ping", "SELECT count(*) FROM sqlite_schema", ""};
    static const struct db_sql pg = {"db.ping", "SELECT 1", ""};
    struct arena *a = arena_new();
    struct db_rows rows;
    int rc = db_read_within(db, a, timeout_ms,
                            db_kind(db) == DB_SQLITE ? &sqlite : &pg, &rows, e,
                            0, NULL);

    arena_free(a);
    return rc;
}

int
db_prepare_check(struct db *db, const struct db_sql *sql, struct err *e)
{
    void *conn = pool_take(db, LIM_DB_WAIT_MS, e);
    int rc;

    if (conn == NULL)
        return -1;
    rc = db->driver->conn_prepare(conn, sql, e);
    pool_put(&db->pool, conn);
    return rc;
}

/* ---- the database ---- */

/* The driver and what follows the prefix; for PostgreSQL the prefix is part
 * of the address. */
static const struct db_driver *
driver_find(const char *url, const char **target)
{
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++) {
        for (const char *const *p = drivers[i]->prefix; *p != NULL; p++) {
            if (strncmp(url, *p, strlen(*p)) != 0)
                continue;
            *target = drivers[i]->kind == DB_SQLITE ? url + strlen(*p) : url;
            return drivers[i];
        }
    }
    return NULL;
}

struct db *
db_open(const struct db_config *cfg, struct err *e)
{
    const char *target = NULL;
    const struct db_driver *d = driver_find(cfg->url, &target);
    struct db *db;

    if (d == NULL) {
        err_set(e, ERR_BAD_INPUT,
                "DATABASE_URL must be sqlite:PATH or postgresql://...");
        return NULL;
    }
    db = mem_calloc(1, sizeof(*db));
    db->driver = d;
    db->target = mem_strdup(target);
    db->read_only = cfg->read_only;
    pool_init(&db->pool, cfg->readers);
    db_topics_init(&db->topics);
    if (d->open(db, e) == 0)
        return db;
    db_topics_fini(&db->topics);
    pool_fini(&db->pool, d);
    mem_free(db->target);
    mem_free(db);
    return NULL;
}

void
db_close(struct db *db)
{
    if (db == NULL)
        return;
    db->driver->stop(db);
    db_topics_fini(&db->topics);
    pool_fini(&db->pool, db->driver);
    db->driver->close(db);
    mem_free(db->target);
    mem_free(db);
}

enum db_kind
db_kind(const struct db *db)
{
    return db->driver->kind;
}

bool
db_leader(struct db *db, const char *name)
{
    return db->driver->leader(db, name);
}

void
db_notify(struct db *db, const char *topic)
{
    assert(strlen(topic) < DB_TOPIC_MAX);
    db_topics_tell(&db->topics, topic);
    db->driver->notify(db, topic);
}

void
db_fault(struct db *db, long k)
{
    atomic_store(&db->fault, k);
}

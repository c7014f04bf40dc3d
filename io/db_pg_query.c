/*
 * db_pg_query.c - statements of PostgreSQL: texts, values, rows, and queries
 * outside of lists.
 */
#include "io/db_pg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define OID_BOOL 16
#define OID_INT8 20
#define OID_INT2 21
#define OID_INT4 23
#define OID_TEXT 25

#define PARAMS_MAX 64

/* ---- statements ---- */

/* Bytes of the text, quoted name or comment at p; 0: none. */
static size_t
quoted_len(const char *p)
{
    const char *end = NULL;

    if (p[0] == '-' && p[1] == '-')
        return strcspn(p, "\n");
    if (p[0] == '\'' || p[0] == '"')
        end = strchr(p + 1, p[0]);
    else
        return 0;
    return end == NULL ? strlen(p) : (size_t)(end - p) + 1;
}

size_t
pg_sql_text(const char *text, struct buf *out)
{
    size_t most = 0;

    while (*text != '\0') {
        size_t n = quoted_len(text);

        if (n > 0) {
            buf_add(out, text, n);
            text += n;
        } else if (text[0] == '?' && text[1] >= '1' && text[1] <= '9') {
            size_t number = strtoul(text + 1, NULL, 10);

            buf_add_byte(out, '$');
            text++;
            most = number > most ? number : most;
        } else {
            buf_add_byte(out, *text++);
        }
    }
    return most;
}

bool
pg_send_prepare(struct pg_conn *c, const struct db_sql *sql, const char *name)
{
    Oid types[PARAMS_MAX];
    size_t n = strlen(sql->types);
    struct buf text;
    int rc;

    if (n > PARAMS_MAX)
        n = PARAMS_MAX; /* the server then complains about the rest */
    for (size_t i = 0; i < n; i++)
        types[i] = sql->types[i] == 'i' ? OID_INT8 : OID_TEXT;
    buf_init(&text, 2 * strlen(sql->text) + 1);
    pg_sql_text(sql->text, &text);
    rc = PQsendPrepare(c->pg, name, buf_cstr(&text), (int)n, types);
    buf_free(&text);
    return rc == 1;
}

bool
pg_send_run(struct pg_conn *c, struct arena *a, const struct db_sql *sql,
            const struct db_val *vals)
{
    const struct pg_stmt *s = *db_cache_slot(&c->cache, sql);
    size_t n = strlen(sql->types);
    const char **values = ARENA_ARRAY(a, const char *, n);

    for (size_t i = 0; i < n; i++) {
        if (vals[i].type == DB_INT)
            values[i] = arena_fmt(a, "%" PRId64, vals[i].i);
        else if (vals[i].type == DB_TEXT)
            values[i] = arena_strn(a, vals[i].s.p, vals[i].s.len);
    }
    return PQsendQueryPrepared(c->pg, s->name, (int)n, values, NULL, NULL, 0) ==
           1;
}

bool
pg_is_prepared(struct pg_conn *c, const struct db_sql *sql)
{
    return *db_cache_slot(&c->cache, sql) != NULL;
}

void
pg_next_name(struct pg_conn *c, char out[16])
{
    snprintf(out, 16, "s%u", c->nprepared++);
}

void
pg_set_prepared(struct pg_conn *c, const struct db_sql *sql, const char *name)
{
    struct pg_stmt *s = mem_calloc(1, sizeof(*s));

    snprintf(s->name, sizeof(s->name), "%s", name);
    *db_cache_slot(&c->cache, sql) = s;
}

static void
pg_cell(struct db_rows_builder *b, const PGresult *res, int row, int col)
{
    const char *p = PQgetvalue(res, row, col);
    size_t n = (size_t)PQgetlength(res, row, col);
    Oid type = PQftype(res, col);
    int64_t v;

    if (PQgetisnull(res, row, col))
        db_rows_null(b);
    else if (type == OID_BOOL)
        db_rows_int(b, p[0] == 't');
    else if ((type == OID_INT8 || type == OID_INT4 || type == OID_INT2) &&
             str_to_i64(str_n(p, n), &v))
        db_rows_int(b, v);
    else
        db_rows_text(b, p, n);
}

int
pg_rows(struct arena *a, const PGresult *res, const struct db_sql *sql,
        struct db_rows *out, struct err *e)
{
    struct db_rows_builder b;
    int64_t affected;

    db_rows_begin(&b, a, out, (size_t)PQnfields(res));
    for (int row = 0; row < PQntuples(res); row++) {
        for (int col = 0; col < PQnfields(res); col++)
            pg_cell(&b, res, row, col);
        if (db_rows_check(&b, sql, e) != 0)
            return -1;
    }
    /* the type is char * for no reason: nothing is written to it */
    if (str_to_i64(str_c(PQcmdTuples((PGresult *)(uintptr_t)res)), &affected))
        out->affected = affected;
    return 0;
}

/* ---- queries outside of lists ---- */

/* Of a migration whose connection was lost, the rest would stand alone. */
static int
conn_usable(struct pg_conn *c, struct err *e)
{
    if (c->role != PG_ADMIN)
        return pg_conn_ready(c, e);
    if (c->pg != NULL)
        return 0;
    return err_set(e, ERR_UNAVAILABLE, "the connection to PostgreSQL was lost");
}

/* What one try came to: done, e says why not, or worth a new connection. */
enum pg_try { PG_DONE, PG_FAILED, PG_LOST };

static enum pg_try
query_result(struct pg_conn *c, PGresult *res, const char *what, struct err *e)
{
    if (res == NULL) {
        pg_conn_error(c, what, e);
        pg_conn_drop(c);
        return PG_LOST;
    }
    if (PQresultStatus(res) != PGRES_FATAL_ERROR)
        return PG_DONE;
    pg_result_error(res, what, e);
    /* 0A000: a migration changed what the prepared statement returns;
     * 57P: the server ends this session; 26000: it does not know it */
    if (!pg_state_is(res, "0A000") && !pg_state_is(res, "57P") &&
        !pg_state_is(res, "26000"))
        return PG_FAILED;
    pg_conn_drop(c);
    return PG_LOST;
}

static enum pg_try
query_prepare(struct pg_conn *c, const struct db_sql *sql, int64_t until_ms,
              struct err *e)
{
    PGresult *res = NULL;
    char name[16];
    enum pg_try t;

    if (pg_is_prepared(c, sql))
        return PG_DONE;
    pg_next_name(c, name);
    if (pg_send_prepare(c, sql, name))
        res = pg_result(c, until_ms);
    t = query_result(c, res, sql->name, e);
    if (t == PG_DONE)
        pg_set_prepared(c, sql, name);
    PQclear(res);
    return t;
}

static enum pg_try
query_once(struct pg_conn *c, struct arena *a, int64_t until_ms,
           const struct db_sql *sql, const struct db_val *vals,
           struct db_rows *out, struct err *e)
{
    PGresult *res = NULL;
    enum pg_try t;

    if (conn_usable(c, e) != 0)
        return PG_FAILED;
    t = query_prepare(c, sql, until_ms, e);
    if (t != PG_DONE)
        return t;
    if (pg_send_run(c, a, sql, vals))
        res = pg_result(c, until_ms);
    t = query_result(c, res, sql->name, e);
    if (t == PG_DONE && pg_rows(a, res, sql, out, e) != 0)
        t = PG_FAILED;
    PQclear(res);
    return t;
}

int
pg_query(void *conn, struct arena *a, int64_t timeout_ms,
         const struct db_sql *sql, const struct db_val *vals,
         struct db_rows *out, struct err *e)
{
    struct pg_conn *c = conn;
    int64_t until = clock_mono_ms() + timeout_ms;
    enum pg_try t = query_once(c, a, until, sql, vals, out, e);

    /* reading again does no harm */
    if (t == PG_LOST && c->role == PG_READER && clock_mono_ms() < until)
        t = query_once(c, a, until, sql, vals, out, e);
    return t == PG_DONE ? 0 : -1;
}

/* The server knows the types it is given, whether the text has use for them
 * or not; so the text is asked. */
static int
placeholders_check(const struct db_sql *sql, struct err *e)
{
    struct buf text;
    size_t n;

    buf_init(&text, 2 * strlen(sql->text) + 1);
    n = pg_sql_text(sql->text, &text);
    buf_free(&text);
    if (n == strlen(sql->types))
        return 0;
    return err_set(e, ERR_INTERNAL, "%s: %zu placeholders for %zu types",
                   sql->name, n, strlen(sql->types));
}

int
pg_prepare(void *conn, const struct db_sql *sql, struct err *e)
{
    struct pg_conn *c = conn;
    PGresult *res = NULL;
    enum pg_try t;

    if (placeholders_check(sql, e) != 0 || conn_usable(c, e) != 0)
        return -1;
    if (pg_send_prepare(c, sql, ""))
        res = pg_result(c, clock_mono_ms() + LIM_DB_WAIT_MS);
    t = query_result(c, res, sql->name, e);
    PQclear(res);
    return t == PG_DONE ? 0 : -1;
}

int
pg_script(void *conn, const char *text, struct err *e)
{
    struct pg_conn *c = conn;

    if (conn_usable(c, e) != 0)
        return -1;
    return pg_simple(c, text, clock_mono_ms() + LIM_DB_CHECK_MS, e);
}

/*
 * db_pg_conn.c - one connection to PostgreSQL.
 *
 * DESIGN: plans. A prepared statement may get one generic plan for ever. Made
 * while its table is empty, that plan reads the whole table, and stays when
 * the table has grown: 4,200 jobs/s fell to 2,400. So a session that writes
 * may not scan, hash or merge where an index serves: every statement there
 * touches few rows by key, and the plan made on the empty table is the right
 * one. That was chosen over plan_cache_mode = force_custom_plan, which plans
 * at every run. Readers may hash and merge (histories join), but not scan
 * where an index serves; `check` reads whole tables and plans as it likes.
 * jit is off, for the penalty of a forbidden scan would switch it on.
 *
 * Every wait is ours: sockets do not block, pg_await() polls with a deadline.
 */
#include "io/db_pg.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define OID_BOOL 16
#define OID_INT8 20
#define OID_INT2 21
#define OID_INT4 23
#define OID_TEXT 25

#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 2000
#define PARAMS_MAX 64

/* ---- errors ---- */

/* libpq's messages have line ends and tabs. */
static void
one_line(const char *text, char *out, size_t cap)
{
    size_t n = 0;

    for (; *text != '\0' && n + 1 < cap; text++) {
        bool blank = *text == '\n' || *text == '\t' || *text == ' ';

        if (!blank)
            out[n++] = *text;
        else if (n > 0 && out[n - 1] != ' ')
            out[n++] = ' ';
    }
    while (n > 0 && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
}

int
pg_conn_error(const struct pg_conn *c, const char *what, struct err *e)
{
    char text[300];

    one_line(c->pg == NULL ? "" : PQerrorMessage(c->pg), text, sizeof(text));
    return err_set(e, ERR_UNAVAILABLE, "%s: %s", what,
                   text[0] != '\0' ? text
                                   : "PostgreSQL gave no answer in time");
}

bool
pg_state_is(const PGresult *res, const char *state)
{
    const char *s = PQresultErrorField(res, PG_DIAG_SQLSTATE);

    return s != NULL && strncmp(s, state, strlen(state)) == 0;
}

struct pg_state {
    const char *state; /* SQLSTATE, or its class */
    enum err_code code;
    const char *advice;
};

/* The first that fits; what is not here is our own mistake. */
static const struct pg_state states[] = {
    {"23", ERR_CONFLICT, ""},      /* constraints */
    {"22", ERR_CONFLICT, ""},      /* out of range, division by zero */
    {"21", ERR_CONFLICT, ""},      /* more than one row */
    {"P0001", ERR_CONFLICT, ""},   /* raise */
    {"25006", ERR_UNAVAILABLE, ": PostgreSQL is read-only (a standby?)"},
    {"53100", ERR_UNAVAILABLE, ": free some space on PostgreSQL's disk"},
    {"53300", ERR_UNAVAILABLE, ": raise max_connections of PostgreSQL"},
    {"57014", ERR_UNAVAILABLE, ": it took too long, nothing was written"},
    {"08", ERR_UNAVAILABLE, ""},
    {"40", ERR_UNAVAILABLE, ""},   /* deadlock, serialization */
    {"53", ERR_UNAVAILABLE, ""},   /* out of memory and the like */
    {"55", ERR_UNAVAILABLE, ""},   /* lock not available */
    {"57", ERR_UNAVAILABLE, ""},   /* shutting down */
    {"58", ERR_UNAVAILABLE, ""},   /* its disk */
    {"XX001", ERR_UNAVAILABLE, ": PostgreSQL's files are damaged"},
};

int
pg_result_error(const PGresult *res, const char *what, struct err *e)
{
    const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    char line[300];

    one_line(text != NULL ? text : PQresultErrorMessage(res), line,
             sizeof(line));
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (pg_state_is(res, states[i].state))
            return err_set(e, states[i].code, "%s: %s%s", what, line,
                           states[i].advice);
    return err_set(e, ERR_INTERNAL, "%s: %s", what, line);
}

/* ---- waiting ---- */

static bool
pg_poll(struct pg_conn *c, bool sending, int64_t until_ms)
{
    struct pollfd p = {.fd = PQsocket(c->pg), .events = POLLIN};
    int64_t left = until_ms - clock_mono_ms();
    int rc;

    if (sending)
        p.events = (short)(p.events | POLLOUT);
    if (p.fd < 0 || left <= 0)
        return false;
    rc = poll(&p, 1, left > 60000 ? 60000 : (int)left);
    if (rc < 0 && errno != EINTR)
        return false;
    /* also while sending: a full buffer on the server's side waits for us */
    return (p.revents & (POLLIN | POLLHUP | POLLERR)) == 0 ||
           PQconsumeInput(c->pg) == 1;
}

bool
pg_flush(struct pg_conn *c, int64_t until_ms)
{
    int rc;

    while ((rc = PQflush(c->pg)) == 1)
        if (!pg_poll(c, true, until_ms))
            return false;
    return rc == 0;
}

bool
pg_await(struct pg_conn *c, int64_t until_ms)
{
    if (!pg_flush(c, until_ms))
        return false;
    while (PQisBusy(c->pg))
        if (!pg_poll(c, false, until_ms))
            return false;
    return true;
}

/* The last result of one command outside of a pipeline; NULL: lost. */
static PGresult *
pg_result(struct pg_conn *c, int64_t until_ms)
{
    PGresult *res, *last = NULL;

    while (pg_await(c, until_ms)) {
        res = PQgetResult(c->pg);
        if (res == NULL)
            return last;
        /* an error stays: of a script the rest is not run */
        if (last != NULL && PQresultStatus(last) == PGRES_FATAL_ERROR) {
            PQclear(res);
            continue;
        }
        PQclear(last);
        last = res;
        if (PQstatus(c->pg) == CONNECTION_BAD)
            break;
    }
    PQclear(last);
    return NULL;
}

static int
pg_simple(struct pg_conn *c, const char *text, int64_t until_ms,
          struct err *e)
{
    PGresult *res = NULL;
    int rc = 0;

    if (PQsendQuery(c->pg, text) == 1)
        res = pg_result(c, until_ms);
    if (res == NULL)
        rc = pg_conn_error(c, "PostgreSQL", e);
    else if (PQresultStatus(res) == PGRES_FATAL_ERROR)
        rc = pg_result_error(res, "PostgreSQL", e);
    PQclear(res);
    return rc;
}

/* ---- connecting ---- */

static void
on_notice(void *arg, const char *text)
{
    char line[300];

    (void)arg;
    one_line(text, line, sizeof(line));
    log_debug("db", "notice", "%s", line);
}

/* read committed, for guards count on seeing what was committed meanwhile;
 * a synchronous_commit of "off" would lose commits that we promised. */
static int
pg_session(struct pg_conn *c, struct err *e)
{
    static const char *const plans[] = {
        [PG_READER] = "SET enable_seqscan = off;",
        [PG_WRITER] = "SET enable_seqscan = off; SET enable_hashjoin = off; "
                      "SET enable_mergejoin = off;",
        [PG_ADMIN] = "",
    };
    int timeout = c->role == PG_WRITER ? LIM_DB_BUSY_MS : LIM_DB_WAIT_MS;
    char text[640];

    if (c->role == PG_ADMIN || c->db->read_only)
        timeout = LIM_DB_CHECK_MS;
    snprintf(text, sizeof(text),
             "SET statement_timeout = %d; "
             "SET idle_in_transaction_session_timeout = %d; "
             "SET default_transaction_isolation = 'read committed'; "
             "SET jit = off; SET client_min_messages = warning; %s %s"
             "SELECT set_config('synchronous_commit', 'on', false) "
             "WHERE current_setting('synchronous_commit') = 'off';",
             timeout, timeout > LIM_DB_WAIT_MS ? timeout : LIM_DB_WAIT_MS,
             c->db->read_only ? "SET default_transaction_read_only = on;"
                              : "",
             c->db->read_only ? "" : plans[c->role]);
    return pg_simple(c, text, clock_mono_ms() + LIM_DB_BUSY_MS, e);
}

static int
pg_check_server(struct pg_conn *c, struct err *e)
{
    const char *enc = PQparameterStatus(c->pg, "server_encoding");

    if (enc != NULL && strcmp(enc, "UTF8") == 0)
        return 0;
    return err_set(e, ERR_BAD_INPUT,
                   "the database %s has the encoding %s: create it with "
                   "ENCODING 'UTF8' TEMPLATE template0",
                   PQdb(c->pg), enc != NULL ? enc : "unknown");
}

/* What stands before dbname is a default, what stands behind it is not. */
static PGconn *
pg_connect(const struct db *db)
{
    static const char *const keys[] = {
        "connect_timeout", "application_name", "keepalives_idle",
        "keepalives_interval", "keepalives_count", "tcp_user_timeout",
        "gssencmode", "target_session_attrs", "dbname", "client_encoding",
        NULL};
    char seconds[16], user_timeout[16];
    const char *values[] = {seconds, "tintype", "10", "5", "3", user_timeout,
                            "disable", db->read_only ? "any" : "read-write",
                            db->target, "UTF8", NULL};

    snprintf(seconds, sizeof(seconds), "%d", LIM_DB_BUSY_MS / 1000);
    snprintf(user_timeout, sizeof(user_timeout), "%d", LIM_DB_WAIT_MS);
    return PQconnectdbParams(keys, values, 1);
}

static int
pg_connect_now(struct pg_conn *c, struct err *e)
{
    c->pg = pg_connect(c->db);
    if (PQstatus(c->pg) != CONNECTION_OK)
        return pg_conn_error(c, "cannot reach PostgreSQL", e);
    PQsetNoticeProcessor(c->pg, on_notice, NULL);
    if (pg_check_server(c, e) != 0)
        return -1;
    if (PQsetnonblocking(c->pg, 1) != 0)
        return pg_conn_error(c, "cannot reach PostgreSQL", e);
    if (pg_session(c, e) != 0)
        return -1;
    if (c->role == PG_WRITER && PQenterPipelineMode(c->pg) != 1)
        return pg_conn_error(c, "cannot reach PostgreSQL", e);
    return 0;
}

/* Nothing is asked, so what can be read is a notice, or the end. */
static bool
pg_is_stale(struct pg_conn *c)
{
    struct pollfd p = {.fd = PQsocket(c->pg), .events = POLLIN};

    if (PQstatus(c->pg) != CONNECTION_OK)
        return true;
    while (poll(&p, 1, 0) > 0)
        if (PQconsumeInput(c->pg) != 1 || PQstatus(c->pg) != CONNECTION_OK)
            return true;
    return false;
}

int
pg_conn_ready(struct pg_conn *c, struct err *e)
{
    if (c->pg != NULL && pg_is_stale(c))
        pg_conn_drop(c);
    if (c->pg != NULL)
        return 0;
    if (c->backoff_ms > 0 && clock_mono_ms() < c->again_ms)
        return err_set(e, c->last.code, "%s", c->last.msg);
    if (pg_connect_now(c, &c->last) == 0) {
        c->backoff_ms = 0;
        c->session++;
        return 0;
    }
    pg_conn_drop(c);
    c->backoff_ms = c->backoff_ms == 0 ? BACKOFF_MIN_MS : 2 * c->backoff_ms;
    if (c->backoff_ms > BACKOFF_MAX_MS)
        c->backoff_ms = BACKOFF_MAX_MS;
    c->again_ms = clock_mono_ms() + c->backoff_ms;
    return err_set(e, c->last.code, "%s", c->last.msg);
}

struct pg_conn *
pg_conn_new(struct db *db, enum pg_role role)
{
    struct pg_conn *c = mem_calloc(1, sizeof(*c));

    c->db = db;
    c->role = role;
    return c;
}

void
pg_conn_drop(struct pg_conn *c)
{
    db_cache_clear(&c->cache, mem_free);
    c->nprepared = 0;
    if (c->pg != NULL)
        PQfinish(c->pg);
    c->pg = NULL;
}

void
pg_conn_free(void *conn)
{
    pg_conn_drop(conn);
    mem_free(conn);
}

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
pg_send_prepare(struct pg_conn *c, const struct db_sql *sql,
                const char *name)
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
    return PQsendQueryPrepared(c->pg, s->name, (int)n, values, NULL, NULL,
                               0) == 1;
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
pg_set_prepared(struct pg_conn *c, const struct db_sql *sql,
                const char *name)
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
    if (str_to_i64(str_c(PQcmdTuples((PGresult *)(uintptr_t)res)),
                   &affected))
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
    return err_set(e, ERR_UNAVAILABLE,
                   "the connection to PostgreSQL was lost");
}

/* What one try came to: done, e says why not, or worth a new connection. */
enum pg_try { PG_DONE, PG_FAILED, PG_LOST };

static enum pg_try
query_result(struct pg_conn *c, PGresult *res, const char *what,
             struct err *e)
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

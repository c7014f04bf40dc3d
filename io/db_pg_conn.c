/*
 * db_pg_conn.c - one connection to PostgreSQL.
 *
 * DESIGN: plans. A prepared statement may get one generic plan for ever. Made
 * while its table is empty, that plan reads the whole table, and stays when
 * the table has grown: 4,200 jobs/s fell to 2,400. So a session that writes
 * may not scan, hash or merge where an index serves: every statement there
 * touches few rows by key, and the plan made on the empty table is the right
 * one. That was chosen over plan_cache_mode = force_custom_plan, which plans
 * at every run: 2,100 lists of 7 statements a second against 4,400 to 6,900
 * on two busy cores. What it cannot help: a partial index whose condition the
 * statement has, too ("WHERE job = ?1 AND state = 'pending'"), looks best
 * while the table was never analyzed, and is read whole until autovacuum
 * comes round; statements of the money path go by primary key. Readers may hash
 * and merge (histories join), but not scan where an index serves; `check` reads
 * whole tables and plans as it likes. jit is off, for the penalty of a
 * forbidden scan would switch it on.
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

#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 2000

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
    {"23", ERR_CONFLICT, ""},    /* constraints */
    {"22", ERR_CONFLICT, ""},    /* out of range, division by zero */
    {"21", ERR_CONFLICT, ""},    /* more than one row */
    {"P0001", ERR_CONFLICT, ""}, /* raise */
    {"25006", ERR_UNAVAILABLE, ": PostgreSQL is read-only (a standby?)"},
    {"53100", ERR_UNAVAILABLE, ": free some space on PostgreSQL's disk"},
    {"53300", ERR_UNAVAILABLE, ": raise max_connections of PostgreSQL"},
    {"57014", ERR_UNAVAILABLE, ": it took too long, nothing was written"},
    {"08", ERR_UNAVAILABLE, ""},
    {"40", ERR_UNAVAILABLE, ""}, /* deadlock, serialization */
    {"53", ERR_UNAVAILABLE, ""}, /* out of memory and the like */
    {"55", ERR_UNAVAILABLE, ""}, /* lock not available */
    {"57", ERR_UNAVAILABLE, ""}, /* shutting down */
    {"58", ERR_UNAVAILABLE, ""}, /* its disk */
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

PGresult *
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

int
pg_simple(struct pg_conn *c, const char *text, int64_t until_ms, struct err *e)
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
        [PG_WRITER] = ("SET enable_seqscan = off; SET enable_hashjoin = off; "
                       "SET enable_mergejoin = off;"),
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
             c->db->read_only ? "SET default_transaction_read_only = on;" : "",
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
    static const char *const keys[] = {"connect_timeout",
                                       "application_name",
                                       "keepalives_idle",
                                       "keepalives_interval",
                                       "keepalives_count",
                                       "tcp_user_timeout",
                                       "gssencmode",
                                       "target_session_attrs",
                                       "dbname",
                                       "client_encoding",
                                       NULL};
    char seconds[16], user_timeout[16];
    const char *values[] = {seconds,    "tintype",
                            "10",       "5",
                            "3",        user_timeout,
                            "disable",  db->read_only ? "any" : "read-write",
                            db->target, "UTF8",
                            NULL};

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

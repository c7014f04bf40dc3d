/*
 * db_pg.c - PostgreSQL: opening, who leads, locks of migrations.
 */
#include "io/db_pg.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define LOCK_WAIT_MS 60000 /* for another process that migrates */
#define LOCK_STEP_MS 100

static const struct db_sql sql_lock = {"leader.lock",
                                       "SELECT pg_try_advisory_lock(?1)", "i"};
static const struct db_sql sql_alive = {"leader.alive", "SELECT 1", ""};

uint64_t
pg_hash(const char *text)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (; *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    return h;
}

/* ---- leadership ---- */

/* Advisory locks belong to a session of a database. */
static bool
lock_try(struct pg_conn *c, const char *name, struct err *e)
{
    struct arena *a = arena_new();
    char key[DB_TOPIC_MAX + 16];
    struct db_rows rows;
    struct db_val v;
    bool ok;

    snprintf(key, sizeof(key), "tintype:%s", name);
    v = V_INT((int64_t)pg_hash(key));
    ok = pg_query(c, a, LIM_DB_BUSY_MS, &sql_lock, &v, &rows, e) == 0 &&
         db_int(&rows, 0, 0) == 1;
    arena_free(a);
    return ok;
}

/* A lock held is good as long as its session answers. */
static bool
session_alive(struct pg_conn *c)
{
    struct arena *a = arena_new();
    struct db_rows rows;
    struct err e = {0};
    bool ok = pg_query(c, a, LIM_DB_BUSY_MS, &sql_alive, NULL, &rows, &e) == 0;

    arena_free(a);
    return ok;
}

static bool
leader_holds(const struct pg *pg, const char *name)
{
    for (size_t i = 0; i < pg->nheld; i++)
        if (strcmp(pg->held[i], name) == 0)
            return true;
    return false;
}

static bool
leader_try(struct pg *pg, const char *name)
{
    struct err e = {0};

    if (pg_conn_ready(pg->leader, &e) != 0)
        return false;
    if (pg->held_in != pg->leader->session) {
        pg->held_in = pg->leader->session;
        pg->nheld = 0;
    }
    if (leader_holds(pg, name))
        return session_alive(pg->leader);
    if (pg->nheld == PG_LEADERS || !lock_try(pg->leader, name, &e))
        return false;
    snprintf(pg->held[pg->nheld++], DB_TOPIC_MAX, "%s", name);
    log_info("db", "leader", "name=%s", name);
    return true;
}

/* The lock is held across the question: the connection serves one at a time,
 * and those who ask are a few background threads. */
static bool
pg_leader(struct db *db, const char *name)
{
    struct pg *pg = db->impl;
    bool leads;

    if (db->read_only)
        return false;
    pthread_mutex_lock(&pg->leader_lock);
    leads = leader_try(pg, name);
    pthread_mutex_unlock(&pg->leader_lock);
    return leads;
}

static int
pg_lock(void *conn, struct err *e)
{
    int64_t until = clock_mono_ms() + LOCK_WAIT_MS;
    struct err why = {0};

    while (!lock_try(conn, "migrate", &why)) {
        if (why.code != ERR_NONE)
            return err_set(e, why.code, "%s", why.msg);
        if (clock_mono_ms() > until)
            return err_set(e, ERR_UNAVAILABLE,
                           "another process has been migrating the database "
                           "for %d s",
                           LOCK_WAIT_MS / 1000);
        clock_sleep_ms(LOCK_STEP_MS);
    }
    return 0;
}

/* ---- the driver ---- */

/* libpq's own words on a malformed address may quote the password. */
static int
url_check(const char *url, struct err *e)
{
    PQconninfoOption *o = PQconninfoParse(url, NULL);

    if (o == NULL)
        return err_set(e, ERR_BAD_INPUT,
                       "DATABASE_URL is malformed: it must be postgresql://"
                       "user:password@host:port/database, special characters "
                       "in the password as %%XX");
    PQconninfoFree(o);
    return 0;
}

static void *
pg_open_conn(struct db *db, bool for_writing, struct err *e)
{
    struct pg_conn *c = pg_conn_new(db, for_writing ? PG_ADMIN : PG_READER);

    if (pg_conn_ready(c, e) == 0)
        return c;
    pg_conn_free(c);
    return NULL;
}

static int
pg_open_reader(struct db *db, struct err *e)
{
    void *conn = pg_open_conn(db, false, e);

    if (conn == NULL)
        return -1;
    pg_conn_free(conn);
    return 0;
}

/* The first writer's connection shows whether the database can be used. */
static int
pg_open_writers(struct db *db, struct pg *pg, struct err *e)
{
    for (size_t i = 0; i < PG_WRITERS; i++)
        pg->writers[i].c = pg_conn_new(db, PG_WRITER);
    if (pg_conn_ready(pg->writers[0].c, e) != 0) {
        for (size_t i = 0; i < PG_WRITERS; i++)
            pg_conn_free(pg->writers[i].c);
        return -1;
    }
    for (size_t i = 0; i < PG_WRITERS; i++)
        pg_writer_start(&pg->writers[i], db);
    pg->leader = pg_conn_new(db, PG_ADMIN);
    pg->notify = pg_notify_start(db);
    return 0;
}

static int
pg_open(struct db *db, struct err *e)
{
    struct pg *pg;
    int rc;

    if (url_check(db->target, e) != 0)
        return -1;
    pg = mem_calloc(1, sizeof(*pg));
    db->impl = pg;
    pthread_mutex_init(&pg->leader_lock, NULL);
    rc = db->read_only ? pg_open_reader(db, e) : pg_open_writers(db, pg, e);
    if (rc == 0)
        return 0;
    pthread_mutex_destroy(&pg->leader_lock);
    mem_free(pg);
    return -1;
}

static void
pg_stop(struct db *db)
{
    struct pg *pg = db->impl;

    if (db->read_only)
        return;
    for (size_t i = 0; i < PG_WRITERS; i++)
        pg_writer_stop(&pg->writers[i]);
    pg_notify_stop(pg->notify);
}

static void
pg_close(struct db *db)
{
    struct pg *pg = db->impl;

    for (size_t i = 0; i < PG_WRITERS && !db->read_only; i++)
        pg_conn_free(pg->writers[i].c);
    if (pg->leader != NULL)
        pg_conn_free(pg->leader);
    pthread_mutex_destroy(&pg->leader_lock);
    mem_free(pg);
}

static struct db_queue *
pg_queue(struct db *db, const char *shard)
{
    struct pg *pg = db->impl;

    return &pg->writers[pg_hash(shard) % PG_WRITERS].queue;
}

static void
pg_notify_all(struct db *db, const char *topic)
{
    struct pg *pg = db->impl;

    if (pg->notify != NULL)
        pg_notify_send(pg->notify, topic);
}

const struct db_driver db_driver_pg = {
    .kind = DB_POSTGRES,
    .prefix = {"postgresql://", "postgres://"},
    .open = pg_open,
    .stop = pg_stop,
    .close = pg_close,
    .queue = pg_queue,
    .leader = pg_leader,
    .notify = pg_notify_all,
    .conn_open = pg_open_conn,
    .conn_close = pg_conn_free,
    .conn_query = pg_query,
    .conn_prepare = pg_prepare,
    .conn_script = pg_script,
    .conn_lock = pg_lock,
    .section = "-- only postgresql",
    .begin = "BEGIN",
};

/*
 * db_pg_notify.c - topics between backends, by NOTIFY and LISTEN.
 *
 * One thread with a connection of its own sends what waits and hears what
 * others send. What is lost while PostgreSQL is away is not sent again: a
 * topic is a hint, and whoever listens also looks by the clock.
 */
#include "io/db_pg.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define LOOK_MS 30000 /* asks whether the connection lives */

struct pg_notify {
    struct db *db;
    struct pg_conn *c;
    pthread_t thread;
    int wake_fd;
    unsigned listens; /* the session that does */
    pthread_mutex_t lock;
    char waiting[DB_TOPICS][DB_TOPIC_MAX] GUARDED_BY(lock);
    size_t n GUARDED_BY(lock);
    bool stop GUARDED_BY(lock);
};

static const struct db_sql sql_notify = {
    "notify", "SELECT pg_notify('tintype', ?1)", "t"};
static const struct db_sql sql_listen = {"listen", "LISTEN tintype", ""};
static const struct db_sql sql_look = {"look", "SELECT 1", ""};

void
pg_notify_send(struct pg_notify *n, const char *topic)
{
    size_t i = 0;

    pthread_mutex_lock(&n->lock);
    while (i < n->n && strcmp(n->waiting[i], topic) != 0)
        i++;
    if (i == n->n && i < DB_TOPICS)
        snprintf(n->waiting[n->n++], DB_TOPIC_MAX, "%s", topic);
    pthread_mutex_unlock(&n->lock);
    eventfd_write(n->wake_fd, 1);
}

/* False: to stop. */
static bool
notify_take(struct pg_notify *n, char topics[DB_TOPICS][DB_TOPIC_MAX],
            size_t *count)
{
    eventfd_t ignored;
    bool stop;

    eventfd_read(n->wake_fd, &ignored);
    pthread_mutex_lock(&n->lock);
    memcpy(topics, n->waiting, n->n * DB_TOPIC_MAX);
    *count = n->n;
    n->n = 0;
    stop = n->stop;
    pthread_mutex_unlock(&n->lock);
    return !stop;
}

static int
notify_query(struct pg_notify *n, const struct db_sql *sql, const char *topic)
{
    struct arena *a = arena_new();
    struct db_val v = V_STR(topic);
    struct db_rows rows;
    struct err e = {0};
    int rc = pg_query(n->c, a, LIM_DB_BUSY_MS, sql, &v, &rows, &e);

    if (rc != 0)
        log_warn("db", "notify_failed", "%s", e.msg);
    arena_free(a);
    return rc;
}

/* Connected and listening; the pause until the next try is the poll's. */
static bool
notify_ready(struct pg_notify *n)
{
    struct err e = {0};

    if (pg_conn_ready(n->c, &e) != 0)
        return false;
    if (n->listens == n->c->session)
        return true;
    if (notify_query(n, &sql_listen, "") != 0)
        return false;
    n->listens = n->c->session;
    return true;
}

static void
notify_hear(struct pg_notify *n)
{
    PGnotify *got;

    if (PQconsumeInput(n->c->pg) != 1)
        return;
    while ((got = PQnotifies(n->c->pg)) != NULL) {
        /* our own were told when they were sent */
        if (got->be_pid != PQbackendPID(n->c->pg) &&
            strlen(got->extra) < DB_TOPIC_MAX)
            db_topics_tell(&n->db->topics, got->extra);
        PQfreemem(got);
    }
}

/* Sleeps until there is something to do; true: look at the connection. */
static bool
notify_wait(struct pg_notify *n, bool ready)
{
    struct pollfd p[2] = {{.fd = n->wake_fd, .events = POLLIN},
                          {.fd = -1, .events = POLLIN}};

    if (ready)
        p[1].fd = PQsocket(n->c->pg);
    return poll(p, 2, ready ? LOOK_MS : 100) == 0;
}

static void *
notify_main(void *arg)
{
    struct pg_notify *n = arg;
    char topics[DB_TOPICS][DB_TOPIC_MAX];
    bool ready = notify_ready(n);
    size_t count;

    for (;;) {
        bool idle = notify_wait(n, ready);

        if (!notify_take(n, topics, &count))
            return NULL;
        if (ready && idle)
            notify_query(n, &sql_look, "");
        ready = notify_ready(n);
        for (size_t i = 0; i < count && ready; i++)
            ready = notify_query(n, &sql_notify, topics[i]) == 0;
        if (ready)
            notify_hear(n);
    }
}

struct pg_notify *
pg_notify_start(struct db *db)
{
    struct pg_notify *n = mem_calloc(1, sizeof(*n));

    n->db = db;
    n->c = pg_conn_new(db, PG_ADMIN);
    n->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    pthread_mutex_init(&n->lock, NULL);
    thread_start(&n->thread, "db-notify", notify_main, n);
    return n;
}

void
pg_notify_stop(struct pg_notify *n)
{
    pthread_mutex_lock(&n->lock);
    n->stop = true;
    pthread_mutex_unlock(&n->lock);
    eventfd_write(n->wake_fd, 1);
    thread_join(n->thread);
    close(n->wake_fd);
    pthread_mutex_destroy(&n->lock);
    pg_conn_free(n->c);
    mem_free(n);
}

/*
 * test_db_pg.c - what only PostgreSQL has: restarts, deadlocks, several
 * backends, addresses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/thread.h"
#include "io/db.h"
#include "tests/support/servers.h"

static struct pg_server pg;
static char url[160];

static const struct db_migration files[] = {
    {"0001_t.sql", "CREATE TABLE t (k TEXT PRIMARY KEY, n BIGINT NOT NULL, "
                   "seen BIGINT);\n"},
};

static const struct db_sql
    sql_put = {"put", "INSERT INTO t (k, n) VALUES (?1, ?2)", "ti"},
    sql_add = {"add", "UPDATE t SET n = n + ?2 WHERE k = ?1", "ti"},
    sql_get = {"get", "SELECT n FROM t WHERE k = ?1", "t"},
    sql_all = {"all", "SELECT * FROM t WHERE k = ?1", "t"},
    sql_return = {"return", "UPDATE t SET n = n + ?2 WHERE k = ?1 RETURNING *",
                  "ti"},
    sql_lock = {"lock", "LOCK TABLE t IN ACCESS EXCLUSIVE MODE", ""},
    sql_sleep = {"sleep", "SELECT pg_sleep(?1)::text", "i"};

static struct db *
open_backend(void)
{
    struct db_config cfg = {.url = url};
    struct err e = {0};
    struct db *db = db_open(&cfg, &e);

    if (db == NULL)
        fail_msg("%s", e.msg);
    if (db_migrate(db, files, 1, 1, &e) != 0)
        fail_msg("%s", e.msg);
    return db;
}

static int
setup(void **state)
{
    pg_server_database(&pg, url, sizeof(url));
    *state = open_backend();
    return 0;
}

static int
teardown(void **state)
{
    db_close(*state);
    return 0;
}

static int
run_one(struct db *db, const struct db_sql *sql, const char *k, int64_t n,
        struct err *e)
{
    struct arena *a = arena_new();
    struct db_list *l = db_list_new(a, k);
    int rc;

    db_add(l, sql, 2, V_STR(k), V_INT(n));
    rc = db_run(db, l, e);
    arena_free(a);
    return rc;
}

static void
put(struct db *db, const char *k, int64_t n)
{
    struct err e = {0};

    if (run_one(db, &sql_put, k, n, &e) != 0)
        fail_msg("%s", e.msg);
}

/* Whether the row is there; waits for the server to come back. */
static bool
get(struct db *db, const char *k, int64_t *n)
{
    int64_t until = clock_mono_ms() + SERVER_WAIT_MS;
    struct arena *a = arena_new();
    struct db_rows r;
    struct err e = {0};
    bool found;

    while (db_read(db, a, &sql_get, &r, &e, 1, V_STR(k)) != 0) {
        assert_int_equal(e.code, ERR_UNAVAILABLE);
        if (clock_mono_ms() > until)
            fail_msg("%s", e.msg);
        clock_sleep_ms(10);
    }
    found = r.nrows == 1;
    if (found)
        *n = db_int(&r, 0, 0);
    arena_free(a);
    return found;
}

/* ---- restarts ---- */

#define THREADS 4
#define RUNS 20000 /* more than fit: the test ends them */

struct flow {
    struct db *db;
    int n;
    struct stop *stop;
    atomic_int *good; /* of all threads, since the last look */
    enum err_code codes[RUNS];
    int runs;
};

/* Row "<thread>-<run>" for each run; remembers what it was told. */
static void *
flow_main(void *arg)
{
    struct flow *f = arg;

    while (f->runs < RUNS && !stop_is_set(f->stop)) {
        struct err e = {0};
        char k[32];

        snprintf(k, sizeof(k), "%d-%d", f->n, f->runs);
        if (run_one(f->db, &sql_put, k, 1, &e) == 0)
            atomic_fetch_add(f->good, 1);
        else
            clock_sleep_ms(10); /* a few of them are enough */
        f->codes[f->runs++] = e.code;
    }
    return NULL;
}

static void
wait_good(atomic_int *good, int n)
{
    int64_t until = clock_mono_ms() + SERVER_WAIT_MS;

    atomic_store(good, 0);
    while (atomic_load(good) < n) {
        assert_true(clock_mono_ms() < until);
        clock_sleep_ms(5);
    }
}

/* What a run was told must be true: committed stands, "nothing stands" does
 * not, and "unknown" may be either. */
static void
flow_check(struct db *db, const struct flow *f, int counts[3])
{
    for (int i = 0; i < f->runs; i++) {
        char k[32];
        int64_t n;
        bool there;

        snprintf(k, sizeof(k), "%d-%d", f->n, i);
        there = get(db, k, &n);
        if (f->codes[i] == ERR_NONE && !there)
            fail_msg("%s was committed and is lost", k);
        if (f->codes[i] == ERR_UNAVAILABLE && there)
            fail_msg("%s was said to have failed and stands", k);
        if (f->codes[i] != ERR_NONE && f->codes[i] != ERR_UNAVAILABLE &&
            f->codes[i] != ERR_TIMEOUT)
            fail_msg("%s: %s", k, err_code_name(f->codes[i]));
        counts[f->codes[i] == ERR_NONE          ? 0
               : f->codes[i] == ERR_UNAVAILABLE ? 1
                                                : 2]++;
    }
}

static void
restarts_in_mid_flow_lose_nothing_that_was_acknowledged(void **state)
{
    static struct flow flows[THREADS];
    pthread_t threads[THREADS];
    struct stop stop;
    atomic_int good = 0;
    int counts[3] = {0};

    stop_init(&stop);
    for (int i = 0; i < THREADS; i++) {
        flows[i] =
            (struct flow){.db = *state, .n = i, .stop = &stop, .good = &good};
        thread_start(&threads[i], "flow", flow_main, &flows[i]);
    }
    for (int i = 0; i < 2; i++) {
        wait_good(&good, 50);
        pg_server_kill(&pg);
        pg_server_again(&pg);
    }
    wait_good(&good, 50);
    stop_set(&stop);
    for (int i = 0; i < THREADS; i++) {
        thread_join(threads[i]);
        flow_check(*state, &flows[i], counts);
    }
    print_message("committed %d, nothing stands %d, unknown %d\n", counts[0],
                  counts[1], counts[2]);
    assert_true(counts[0] >= 3 * 50);
    assert_true(counts[1] > 0);
}

static void
idle_connections_survive_a_restart(void **state)
{
    int64_t n = 0;

    put(*state, "a", 1);
    assert_true(get(*state, "a", &n));
    assert_true(db_leader(*state, "relay"));
    pg_server_kill(&pg);
    pg_server_again(&pg);
    put(*state, "b", 2);
    assert_true(get(*state, "a", &n));
    assert_int_equal(n, 1);
    assert_true(db_leader(*state, "relay"));
}

static void
while_the_server_is_away_writes_and_reads_say_that_nothing_stands(void **state)
{
    struct arena *a = arena_new();
    struct db_rows r;
    struct err e = {0};

    put(*state, "a", 1);
    pg_server_kill(&pg);
    assert_int_equal(run_one(*state, &sql_put, "b", 1, &e), -1);
    assert_int_equal(e.code, ERR_UNAVAILABLE);
    assert_non_null(strstr(e.msg, "cannot reach PostgreSQL"));
    assert_int_equal(db_read(*state, a, &sql_get, &r, &e, 1, V_STR("a")), -1);
    assert_int_equal(e.code, ERR_UNAVAILABLE);
    assert_int_equal(db_ping(*state, 500, &e), -1);
    assert_false(db_leader(*state, "relay"));
    pg_server_again(&pg);
    arena_free(a);
}

static void
on_locked(void *ctx, int rc, const struct err *e)
{
    *(enum err_code *)ctx = rc == 0 ? ERR_NONE : e->code;
}

/* A list that sleeps longer than a statement may. The batch is ended by the
 * server, and so is its repetition alone. */
static void
a_statement_that_takes_too_long_is_ended_and_nothing_of_it_stands(void **state)
{
    struct arena *a = arena_new();
    struct db_list *l = db_list_new(a, "a");
    enum err_code code = ERR_INTERNAL;
    int64_t n = 0;

    put(*state, "a", 1);
    db_add(l, &sql_add, 2, V_STR("a"), V_INT(1));
    db_add(l, &sql_lock, 0);
    db_add(l, &sql_sleep, 1, V_INT(600));
    db_submit(*state, l, on_locked, &code);
    put(*state, "after", 1); /* the same writer, or the other one */
    db_close(*state);
    assert_int_equal(code, ERR_UNAVAILABLE);
    *state = open_backend();
    assert_true(get(*state, "a", &n));
    assert_int_equal(n, 1);
    arena_free(a);
}

/* A plan that was made while the table was known to be small must not read
 * all of it when it has grown. */
static void
a_statement_first_run_on_a_small_table_goes_by_its_index_later(void **state)
{
    static const struct db_sql stats = {
        "stats",
        "SELECT seq_scan, idx_scan FROM pg_stat_user_tables "
        "WHERE relname = 't'",
        ""};
    int64_t until = clock_mono_ms() + SERVER_WAIT_MS, before = 0;
    struct arena *a = arena_new();
    struct db_rows r = {0};
    struct err e = {0};

    put(*state, "one", 1);
    assert_true(pg_server_psql(&pg, url, "ANALYZE t"));
    for (int i = 0; i < 20; i++) /* from the sixth run on: one plan for all */
        assert_int_equal(run_one(*state, &sql_add, "none", 1, &e), 0);
    assert_true(pg_server_psql(&pg, url,
                               "INSERT INTO t SELECT 'k' || n, n FROM "
                               "generate_series(1, 5000) n"));
    assert_int_equal(db_read(*state, a, &stats, &r, &e, 0), 0);
    before = db_int(&r, 0, 0);
    for (int i = 0; i < 30; i++)
        assert_int_equal(run_one(*state, &sql_add, "k7", 1, &e), 0);
    do { /* the server counts with a delay, at the end of a transaction */
        assert_true(clock_mono_ms() < until);
        clock_sleep_ms(20);
        assert_int_equal(run_one(*state, &sql_add, "k7", 1, &e), 0);
        assert_int_equal(db_read(*state, a, &stats, &r, &e, 0), 0);
    } while (db_int(&r, 0, 1) < 50);
    assert_true(db_int(&r, 0, 0) <= before + 1); /* + 1: building an index */
    arena_free(a);
}

/* ---- several backends ---- */

struct crosser {
    struct db *db;
    const char *first, *second;
    int failed;
};

static void *
crosser_main(void *arg)
{
    struct crosser *c = arg;

    for (int i = 0; i < 30; i++) {
        struct arena *a = arena_new();
        struct db_list *l = db_list_new(a, "same");
        struct err e = {0};

        db_add(l, &sql_add, 2, V_STR(c->first), V_INT(1));
        db_add(l, &sql_add, 2, V_STR(c->second), V_INT(1));
        if (db_run(c->db, l, &e) != 0) {
            fprintf(stderr, "%s\n", e.msg);
            c->failed++;
        }
        arena_free(a);
    }
    return NULL;
}

static void
two_backends_that_lock_in_opposite_orders_both_get_through(void **state)
{
    struct db *other = open_backend();
    struct crosser c[2] = {{*state, "x", "y", 0}, {other, "y", "x", 0}};
    pthread_t t[2];
    int64_t n = 0;

    put(*state, "x", 0);
    put(*state, "y", 0);
    for (int i = 0; i < 2; i++)
        thread_start(&t[i], "crosser", crosser_main, &c[i]);
    for (int i = 0; i < 2; i++)
        thread_join(t[i]);
    assert_int_equal(c[0].failed + c[1].failed, 0);
    assert_true(get(*state, "x", &n));
    assert_int_equal(n, 60);
    assert_true(get(other, "y", &n));
    assert_int_equal(n, 60);
    db_close(other);
}

static void
one_backend_leads_and_the_next_one_follows_when_it_is_gone(void **state)
{
    int64_t until = clock_mono_ms() + SERVER_WAIT_MS;
    struct db *other = open_backend();

    assert_true(db_leader(*state, "relay"));
    assert_false(db_leader(other, "relay"));
    assert_true(db_leader(other, "reaper")); /* another name */
    assert_false(db_leader(*state, "reaper"));
    db_close(*state);
    *state = other;
    while (!db_leader(other, "relay")) {
        assert_true(clock_mono_ms() < until);
        clock_sleep_ms(5);
    }
}

struct heard {
    atomic_int n;
    struct stop it;
};

static void
on_topic(void *ctx, const char *topic)
{
    struct heard *h = ctx;

    if (strcmp(topic, "tasks") == 0) {
        atomic_fetch_add(&h->n, 1);
        stop_set(&h->it);
    }
}

/* The other one may not listen yet: a topic is a hint, told again. */
static void
tell_until_heard(struct db *db, struct heard *h)
{
    int64_t until = clock_mono_ms() + SERVER_WAIT_MS;

    do {
        assert_true(clock_mono_ms() < until);
        db_notify(db, "tasks");
    } while (!stop_wait_ms(&h->it, 20));
}

static void
a_topic_is_heard_in_the_other_backend_even_after_a_restart(void **state)
{
    struct db *other = open_backend();
    struct heard h[2] = {{.n = 0}, {.n = 0}};

    for (int i = 0; i < 2; i++) {
        stop_init(&h[i].it);
        db_listen(other, on_topic, &h[i]);
    }
    tell_until_heard(*state, &h[0]);
    assert_true(stop_wait_ms(&h[1].it, SERVER_WAIT_MS));
    pg_server_kill(&pg);
    pg_server_again(&pg);
    stop_init(&h[0].it);
    tell_until_heard(*state, &h[0]);
    db_close(other);
}

static void *
migrator_main(void *arg)
{
    struct db_config cfg = {.url = arg};
    struct err e = {0};
    struct db *db = db_open(&cfg, &e);
    void *failed = NULL;

    if (db == NULL || db_migrate(db, db_migrations, db_nmigrations, 1, &e)) {
        fprintf(stderr, "%s\n", e.msg);
        failed = arg;
    }
    db_close(db);
    return failed;
}

static void
backends_that_start_together_migrate_once(void **state)
{
    char fresh[160];
    pthread_t t[3];

    (void)state;
    pg_server_database(&pg, fresh, sizeof(fresh));
    for (int i = 0; i < 3; i++)
        thread_start(&t[i], "migrator", migrator_main, fresh);
    for (int i = 0; i < 3; i++) {
        void *failed;

        pthread_join(t[i], &failed);
        assert_null(failed);
    }
}

static void
a_column_added_meanwhile_mends_itself(void **state)
{
    struct arena *a = arena_new();
    struct db_rows r;
    struct err e = {0};

    put(*state, "a", 1);
    assert_int_equal(run_one(*state, &sql_return, "a", 1, &e), 0);
    assert_int_equal(db_read(*state, a, &sql_all, &r, &e, 1, V_STR("a")), 0);
    assert_true(pg_server_psql(&pg, url, "ALTER TABLE t ADD COLUMN m BIGINT"));
    assert_int_equal(db_read(*state, a, &sql_all, &r, &e, 1, V_STR("a")), 0);
    assert_int_equal(r.ncols, 4);
    if (run_one(*state, &sql_return, "a", 1, &e) != 0) {
        assert_int_equal(e.code, ERR_UNAVAILABLE); /* the caller repeats it */
        assert_int_equal(run_one(*state, &sql_return, "a", 1, &e), 0);
    }
    arena_free(a);
}

/* ---- what an operator may have wrong ---- */

static void
open_fails(const char *address, enum err_code code, const char *says)
{
    struct db_config cfg = {.url = address};
    struct err e = {0};

    assert_null(db_open(&cfg, &e));
    if (e.code != code || strstr(e.msg, says) == NULL)
        fail_msg("%s: %s", err_code_name(e.code), e.msg);
    assert_null(strstr(e.msg, "s3cret"));
}

static void
wrong_addresses_get_a_sentence_without_the_password(void **state)
{
    char missing[192];

    (void)state;
    open_fails("mysql://h/db", ERR_BAD_INPUT, "DATABASE_URL");
    open_fails("", ERR_BAD_INPUT, "DATABASE_URL");
    open_fails("postgresql://u:s3cret%zz@h/db", ERR_BAD_INPUT, "malformed");
    open_fails("postgresql://u:s3cret@h/db?nonsense=1", ERR_BAD_INPUT,
               "malformed");
    open_fails("postgresql://u:s3cret@127.0.0.1:1/db", ERR_UNAVAILABLE,
               "cannot reach PostgreSQL");
    snprintf(missing, sizeof(missing),
             "postgresql://postgres:s3cret@/none?host=%s", pg.dir.path);
    open_fails(missing, ERR_UNAVAILABLE, "\"none\" does not exist");
}

static void
a_database_that_is_not_utf8_or_only_to_be_read_is_refused(void **state)
{
    char address[192], sql[128];

    (void)state;
    assert_true(pg_server_psql(&pg, url,
                               "CREATE DATABASE ascii ENCODING 'SQL_ASCII' "
                               "TEMPLATE template0"));
    snprintf(address, sizeof(address),
             "postgresql:///ascii?host=%s&user=postgres", pg.dir.path);
    open_fails(address, ERR_BAD_INPUT, "UTF8");
    pg_server_database(&pg, address, sizeof(address));
    snprintf(sql, sizeof(sql),
             "ALTER DATABASE t%d SET default_transaction_read_only = on",
             pg.databases);
    assert_true(pg_server_psql(&pg, url, sql));
    open_fails(address, ERR_UNAVAILABLE, "read-only");
}

static int
start(void **state)
{
    (void)state;
    pg_server_start(&pg);
    return 0;
}

static int
stop_server(void **state)
{
    (void)state;
    pg_server_stop(&pg);
    return 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(restarts_in_mid_flow_lose_nothing_that_was_acknowledged),
        CASE(idle_connections_survive_a_restart),
        CASE(while_the_server_is_away_writes_and_reads_say_that_nothing_stands),
        CASE(a_statement_that_takes_too_long_is_ended_and_nothing_of_it_stands),
        CASE(a_statement_first_run_on_a_small_table_goes_by_its_index_later),
        CASE(two_backends_that_lock_in_opposite_orders_both_get_through),
        CASE(one_backend_leads_and_the_next_one_follows_when_it_is_gone),
        CASE(a_topic_is_heard_in_the_other_backend_even_after_a_restart),
        CASE(backends_that_start_together_migrate_once),
        CASE(a_column_added_meanwhile_mends_itself),
        CASE(wrong_addresses_get_a_sentence_without_the_password),
        CASE(a_database_that_is_not_utf8_or_only_to_be_read_is_refused),
    };

    return cmocka_run_group_tests(tests, start, stop_server);
}

/*
 * test_db_sqlite.c - what only SQLite has; small enough for ThreadSanitizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "io/db.h"
#include "tests/support/servers.h"

static struct tmp_dir dir;
static char url[96], path[64];

static const struct db_migration files[] = {
    {"0001_t.sql", "-- BIGINT here\n"
                   "CREATE TABLE sums (k TEXT PRIMARY KEY, "
                   "n BIGINT NOT NULL CHECK (n >= 0), note TEXT "
                   "DEFAULT 'a BIGINT; it''s');\n"
                   "CREATE INDEX sums_n ON sums (n);\n"},
};

static const struct db_sql
    sql_put = {"put", "INSERT INTO sums (k, n) VALUES (?1, ?2)", "ti"},
    sql_add = {"add", "UPDATE sums SET n = n + ?2 WHERE k = ?1 RETURNING n",
               "ti"},
    sql_get = {"get", "SELECT n, note FROM sums WHERE k = ?1", "t"},
    sql_now = {"now", "SELECT now_ms()", ""};

static struct db *
open_db(void)
{
    struct db_config cfg = {.url = url};
    struct err e = {0};
    struct db *db = db_open(&cfg, &e);

    if (db == NULL)
        fail_msg("%s", e.msg);
    assert_int_equal(db_migrate(db, files, 1, 1, &e), 0);
    return db;
}

static int
setup(void **state)
{
    (void)state;
    tmp_dir_make(&dir);
    tmp_dir_file(&dir, "t.db", path, sizeof(path));
    snprintf(url, sizeof(url), "sqlite:%s", path);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    tmp_dir_remove(&dir);
    return 0;
}

static void
put(struct db *db, const char *k, int64_t n)
{
    struct arena *a = arena_new();
    struct db_list *l = db_list_new(a, k);
    struct err e = {0};

    db_add(l, &sql_put, 2, V_STR(k), V_INT(n));
    if (db_run(db, l, &e) != 0)
        fail_msg("%s", e.msg);
    arena_free(a);
}

static int64_t
get(struct db *db, const char *k)
{
    struct arena *a = arena_new();
    struct db_rows rows;
    struct err e = {0};
    int64_t n;

    if (db_read(db, a, &sql_get, &rows, &e, 1, V_STR(k)) != 0)
        fail_msg("%s", e.msg);
    assert_int_equal(rows.nrows, 1);
    n = db_int(&rows, 0, 0);
    arena_free(a);
    return n;
}

#define THREADS 4
#define LISTS 50

static void *
adder(void *arg)
{
    struct db *db = arg;

    for (int i = 0; i < LISTS; i++) {
        struct arena *a = arena_new();
        struct db_list *l = db_list_new(a, "x");
        struct err e = {0};

        db_add(l, &sql_add, 2, V_STR("x"), V_INT(1));
        db_add(l, &sql_add, 2, V_STR("y"), V_INT(i % 5 == 0 ? -1000 : 1));
        if (db_run(db, l, &e) != 0)
            assert_int_equal(e.code, ERR_CONFLICT);
        arena_free(a);
    }
    return NULL;
}

/* Each fifth list breaks the CHECK in its second statement. */
static void
lists_of_many_threads_stand_whole_or_not_at_all(void **state)
{
    pthread_t threads[THREADS];
    struct db *db = open_db();

    (void)state;
    put(db, "x", 0);
    put(db, "y", 0);
    for (int i = 0; i < THREADS; i++)
        thread_start(&threads[i], "adder", adder, db);
    for (int i = 0; i < THREADS; i++)
        thread_join(threads[i]);
    assert_int_equal(get(db, "x"), THREADS * LISTS * 4 / 5);
    assert_int_equal(get(db, "y"), THREADS * LISTS * 4 / 5);
    db_close(db);
}

static void
now_ms_is_the_wall_clock_at_open_plus_the_boot_clock_since(void **state)
{
    struct arena *a = arena_new();
    struct db_rows rows;
    struct err e = {0};
    struct db *db;

    (void)state;
    clock_test_set(1700000000000, 5000);
    db = open_db();
    clock_test_set(1, 5250); /* the wall clock jumps */
    assert_int_equal(db_read(db, a, &sql_now, &rows, &e, 0), 0);
    assert_int_equal(db_int(&rows, 0, 0), 1700000000250);
    clock_test_off();
    db_close(db);
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            lists_of_many_threads_stand_whole_or_not_at_all, setup, teardown),
        cmocka_unit_test_setup_teardown(
            now_ms_is_the_wall_clock_at_open_plus_the_boot_clock_since, setup,
            teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

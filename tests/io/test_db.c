/*
 * test_db.c - io/db: every test runs on SQLite and on PostgreSQL.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/thread.h"
#include "io/db.h"
#include "tests/support/servers.h"

/* ---- the database of one test ---- */

static struct pg_server pg;

struct fixture {
    enum db_kind kind;
    struct tmp_dir dir;
    char url[160];
    struct db *db;
    struct arena *a;
    struct err e;
};

static const struct db_migration files[] = {
    {"0001_first.sql",
     "-- BIGINT and a table in words: CREATE TABLE no (x BIGINT);\n"
     "CREATE TABLE balances (\n"
     "    account TEXT PRIMARY KEY,\n"
     "    available BIGINT NOT NULL CHECK (available >= 0),\n"
     "    list TEXT\n"
     ");\n"
     "-- only postgresql\n"
     "CREATE FUNCTION now_ms() RETURNS BIGINT LANGUAGE sql STABLE AS\n"
     "$$ SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;\n"
     "-- only sqlite\n"
     "CREATE TABLE only_sqlite (a BIGINT);\n"
     "-- all\n"
     "CREATE TABLE entries (\n"
     "    -- only postgresql\n"
     "    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n"
     "    -- only sqlite\n"
     "    id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
     "    -- all\n"
     "    account TEXT NOT NULL REFERENCES balances (account),\n"
     "    amount BIGINT NOT NULL,\n"
     "    note TEXT DEFAULT 'BIGINT; it''s text',\n"
     "    UNIQUE (account, note)\n"
     ");\n"
     "CREATE INDEX entries_account ON entries (account);\n"},
};

static const struct db_sql
    sql_open = {"balance.open",
                "INSERT INTO balances (account, available) VALUES (?1, ?2)",
                "ti"},
    sql_hold = {"balance.hold",
                "UPDATE balances SET available = available - ?2, list = ?3 "
                "WHERE account = ?1 AND available >= ?2",
                "tit"},
    sql_entry = {"entry.add",
                 "INSERT INTO entries (account, amount, note) "
                 "SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM balances "
                 "WHERE account = ?1 AND list = ?4)",
                 "titt"},
    sql_add = {"balance.add",
               "UPDATE balances SET available = available + ?2 "
               "WHERE account = ?1 RETURNING available",
               "ti"},
    sql_get = {"balance.get",
               "SELECT available FROM balances WHERE account = ?1", "t"},
    sql_sum = {"entries.sum", "SELECT count(*), sum(amount) FROM entries", ""},
    sql_dump = {"dump",
                "SELECT account, available, list FROM balances UNION ALL "
                "SELECT account, amount, note FROM entries "
                "ORDER BY 1, 2, 3",
                ""},
    sql_echo = {"echo", "SELECT ?2, ?1, ?1, '?1', now_ms()", "ti"},
    sql_wrong = {"wrong", "SELECT nothing FROM nowhere", ""};

static void
must(int rc, const struct err *e)
{
    if (rc != 0)
        fail_msg("%s", e->msg);
}

static struct db *
open_url(const char *url)
{
    struct db_config cfg = {.url = url};
    struct err e = {0};
    struct db *db = db_open(&cfg, &e);

    if (db == NULL)
        fail_msg("%s", e.msg);
    return db;
}

static struct fixture *
fixture_new(enum db_kind kind)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char path[64];

    assert_non_null(f);
    f->kind = kind;
    tmp_dir_make(&f->dir);
    tmp_dir_file(&f->dir, "t.db", path, sizeof(path));
    if (kind == DB_SQLITE)
        snprintf(f->url, sizeof(f->url), "sqlite:%s", path);
    else
        pg_server_database(&pg, f->url, sizeof(f->url));
    f->db = open_url(f->url);
    f->a = arena_new();
    must(db_migrate(f->db, files, 1, 1, &f->e), &f->e);
    return f;
}

static int
setup_sqlite(void **state)
{
    *state = fixture_new(DB_SQLITE);
    return 0;
}

static int
setup_pg(void **state)
{
    *state = fixture_new(DB_POSTGRES);
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    arena_free(f->a);
    db_close(f->db);
    tmp_dir_remove(&f->dir);
    free(f);
    return 0;
}

static void
open_account(struct fixture *f, const char *account, int64_t n)
{
    struct db_list *l = db_list_new(f->a, account);

    db_add(l, &sql_open, 2, V_STR(account), V_INT(n));
    must(db_run(f->db, l, &f->e), &f->e);
    assert_int_equal(db_count(l, 0), 1);
}

static int64_t
available(struct db *db, const char *account)
{
    struct arena *a = arena_new();
    struct db_rows r;
    struct err e = {0};
    int64_t v;

    must(db_read(db, a, &sql_get, &r, &e, 1, V_STR(account)), &e);
    assert_int_equal(r.nrows, 1);
    v = db_int(&r, 0, 0);
    arena_free(a);
    return v;
}

static const char *
dump(struct fixture *f)
{
    struct db_rows r;
    struct buf b;
    const char *text;

    must(db_read(f->db, f->a, &sql_dump, &r, &f->e, 0), &f->e);
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < r.nrows; i++)
        buf_addf(&b, "%s|%s|%s\n", db_str(&r, i, 0), db_str(&r, i, 1),
                 db_str(&r, i, 2));
    text = arena_strdup(f->a, buf_cstr(&b));
    buf_free(&b);
    return text;
}

/* The list of a purchase: the first statement decides, the others follow. */
static struct db_list *
purchase(struct arena *a, const char *account, int64_t price, const char *id)
{
    struct db_list *l = db_list_new(a, account);

    db_add(l, &sql_hold, 3, V_STR(account), V_INT(price), V_STR(id));
    db_add(l, &sql_entry, 4, V_STR(account), V_INT(-price),
           V_STR(arena_fmt(a, "%s-out", id)), V_STR(id));
    db_add(l, &sql_entry, 4, V_STR(account), V_INT(price),
           V_STR(arena_fmt(a, "%s-in", id)), V_STR(id));
    return l;
}

/* ---- lists ---- */

static void
a_list_whose_first_statement_is_refused_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct db_list *l;
    const char *before;

    open_account(f, "a", 10);
    before = dump(f);
    l = purchase(f->a, "a", 11, "l1");
    must(db_run(f->db, l, &f->e), &f->e);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(db_count(l, i), 0);
    assert_string_equal(dump(f), before);
    l = purchase(f->a, "a", 10, "l2");
    must(db_run(f->db, l, &f->e), &f->e);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(db_count(l, i), 1);
    assert_int_equal(available(f->db, "a"), 0);
}

static void
a_raise_at_any_statement_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    const char *before;

    open_account(f, "a", 10);
    before = dump(f);
    for (long k = 1; k <= 3; k++) {
        db_fault(f->db, k);
        assert_int_equal(db_run(f->db, purchase(f->a, "a", 1, "x"), &f->e), -1);
        assert_int_equal(f->e.code, ERR_CONFLICT);
        assert_string_equal(dump(f), before);
    }
    db_fault(f->db, 4); /* the first of the list after it */
    must(db_run(f->db, purchase(f->a, "a", 1, "x"), &f->e), &f->e);
    assert_int_equal(db_run(f->db, purchase(f->a, "a", 1, "y"), &f->e), -1);
    must(db_run(f->db, purchase(f->a, "a", 1, "y"), &f->e), &f->e);
    assert_int_equal(available(f->db, "a"), 8);
}

static void
a_refused_constraint_is_a_conflict_with_the_databases_words(void **state)
{
    struct fixture *f = *state;
    struct db_list *l = db_list_new(f->a, "a");
    const char *before;

    open_account(f, "a", 10);
    before = dump(f);
    db_add(l, &sql_add, 2, V_STR("a"), V_INT(5));
    db_add(l, &sql_open, 2, V_STR("a"), V_INT(0));
    assert_int_equal(db_run(f->db, l, &f->e), -1);
    assert_int_equal(f->e.code, ERR_CONFLICT);
    assert_non_null(strstr(f->e.msg, "balance.open"));
    assert_non_null(strstr(f->e.msg, "balances"));
    l = db_list_new(f->a, "a");
    db_add(l, &sql_add, 2, V_STR("a"), V_INT(-11));
    assert_int_equal(db_run(f->db, l, &f->e), -1);
    assert_int_equal(f->e.code, ERR_CONFLICT);
    l = db_list_new(f->a, "a"); /* a foreign key, and an overflow */
    db_add(l, &sql_add, 2, V_STR("a"), V_INT(INT64_MAX));
    assert_int_equal(db_run(f->db, l, &f->e), -1);
    assert_int_equal(f->e.code, ERR_CONFLICT);
    assert_string_equal(dump(f), before);
}

static void
a_wrong_statement_is_our_mistake_and_harms_no_other_list(void **state)
{
    struct fixture *f = *state;
    struct db_list *l = db_list_new(f->a, "a");

    open_account(f, "a", 10);
    db_add(l, &sql_add, 2, V_STR("a"), V_INT(1));
    db_add(l, &sql_wrong, 0);
    assert_int_equal(db_run(f->db, l, &f->e), -1);
    assert_int_equal(f->e.code, ERR_INTERNAL);
    assert_non_null(strstr(f->e.msg, "wrong"));
    assert_int_equal(available(f->db, "a"), 10);
    must(db_run(f->db, purchase(f->a, "a", 1, "x"), &f->e), &f->e);
}

static void
returned_rows_and_counts_come_back(void **state)
{
    struct fixture *f = *state;
    struct db_list *l = db_list_new(f->a, "a");

    open_account(f, "a", 10);
    db_add(l, &sql_add, 2, V_STR("a"), V_INT(5));
    db_add(l, &sql_add, 2, V_STR("nobody"), V_INT(5));
    db_add(l, &sql_get, 1, V_STR("a"));
    must(db_run(f->db, l, &f->e), &f->e);
    assert_int_equal(db_result(l, 0)->nrows, 1);
    assert_int_equal(db_int(db_result(l, 0), 0, 0), 15);
    assert_int_equal(db_count(l, 0), 1);
    assert_int_equal(db_result(l, 1)->nrows, 0);
    assert_int_equal(db_count(l, 1), 0);
    assert_int_equal(db_int(db_result(l, 2), 0, 0), 15);
}

static void
an_empty_list_is_fine(void **state)
{
    struct fixture *f = *state;

    must(db_run(f->db, db_list_new(f->a, NULL), &f->e), &f->e);
}

/* ---- many at once ---- */

#define THREADS 8
#define LISTS 40

struct buyer {
    struct db *db;
    int n;
    int bought, refused, raised;
};

/* All share account "s"; each fifth list breaks a CHECK at its end. */
static void *
buyer_main(void *arg)
{
    struct buyer *b = arg;

    for (int i = 0; i < LISTS; i++) {
        struct arena *a = arena_new();
        const char *id = arena_fmt(a, "%d-%d", b->n, i);
        const char *own = arena_fmt(a, "own%d", b->n);
        struct db_list *l = purchase(a, "s", 1, id);
        struct err e = {0};

        db_add(l, &sql_add, 2, V_STR(own), V_INT(i % 5 == 4 ? -1000 : 1));
        if (db_run(b->db, l, &e) != 0)
            b->raised += e.code == ERR_CONFLICT;
        else if (db_count(l, 0) == 1)
            b->bought++;
        else
            b->refused++;
        arena_free(a);
    }
    return NULL;
}

static void
many_threads_sell_exactly_what_is_there(void **state)
{
    struct fixture *f = *state;
    struct buyer buyers[THREADS];
    pthread_t threads[THREADS];
    struct db_rows r;
    int bought = 0, raised = 0;

    open_account(f, "s", 100);
    for (int i = 0; i < THREADS; i++) {
        open_account(f, arena_fmt(f->a, "own%d", i), 0);
        buyers[i] = (struct buyer){.db = f->db, .n = i};
    }
    for (int i = 0; i < THREADS; i++)
        thread_start(&threads[i], "buyer", buyer_main, &buyers[i]);
    for (int i = 0; i < THREADS; i++) {
        thread_join(threads[i]);
        bought += buyers[i].bought;
        raised += buyers[i].raised;
        assert_int_equal(
            buyers[i].bought + buyers[i].refused + buyers[i].raised, LISTS);
    }
    assert_int_equal(raised, THREADS * LISTS / 5);
    assert_int_equal(bought, 100);
    assert_int_equal(available(f->db, "s"), 0);
    must(db_read(f->db, f->a, &sql_sum, &r, &f->e, 0), &f->e);
    assert_int_equal(db_int(&r, 0, 0), 2 * 100);
    assert_int_equal(db_int(&r, 0, 1), 0); /* NUMERIC on PostgreSQL */
    assert_string_equal(db_str(&r, 0, 1), "0");
}

struct told {
    atomic_int done, failed;
    struct stop all; /* set by the last one */
    int expect;
};

static void
on_done(void *ctx, int rc, const struct err *e)
{
    struct told *t = ctx;

    if (rc != 0)
        atomic_fetch_add(&t->failed, e->code == ERR_CONFLICT ? 1 : 1000);
    if (atomic_fetch_add(&t->done, 1) + 1 == t->expect)
        stop_set(&t->all);
}

static void
submitted_lists_are_told_once_and_one_bad_list_harms_no_other(void **state)
{
    struct fixture *f = *state;
    struct told t = {.expect = 200};
    struct db_list *l[200];
    struct arena *a[200];

    stop_init(&t.all);
    open_account(f, "a", 1000);
    for (int i = 0; i < 200; i++) {
        a[i] = arena_new();
        l[i] = purchase(a[i], "a", 1, arena_fmt(a[i], "l%d", i));
        if (i % 50 == 7)
            db_add(l[i], &sql_open, 2, V_STR("a"), V_INT(1));
    }
    for (int i = 0; i < 200; i++)
        db_submit(f->db, l[i], on_done, &t);
    assert_true(stop_wait_ms(&t.all, LIM_DB_WAIT_MS));
    assert_int_equal(atomic_load(&t.failed), 4);
    assert_int_equal(atomic_load(&t.done), 200);
    assert_int_equal(db_count(l[0], 2), 1);
    assert_int_equal(available(f->db, "a"), 1000 - 196);
    for (int i = 0; i < 200; i++)
        arena_free(a[i]);
}

static struct stop gate; /* holds a database thread in its callback */

static void
on_done_wait(void *ctx, int rc, const struct err *e)
{
    (void)ctx;
    (void)rc;
    (void)e;
    stop_wait_ms(&gate, SERVER_WAIT_MS);
}

static void
on_done_full(void *ctx, int rc, const struct err *e)
{
    if (rc != 0)
        *(enum err_code *)ctx = e->code;
}

static void
a_full_queue_refuses_more_and_nothing_of_it_stands(void **state)
{
    struct fixture *f = *state;
    enum err_code code = ERR_NONE, ignored = ERR_NONE;
    struct db_list *l = db_list_new(f->a, "a");
    int64_t until = clock_mono_ms() + SERVER_WAIT_MS;

    stop_init(&gate);
    open_account(f, "a", 0);
    db_add(l, &sql_add, 2, V_STR("a"), V_INT(1));
    /* empty lists need no arena of their own: nothing is copied into it */
    db_submit(f->db, db_list_new(f->a, "a"), on_done_wait, NULL);
    for (int i = 0; i < LIM_DB_QUEUE + LIM_DB_BATCH; i++)
        db_submit(f->db, db_list_new(f->a, "a"), on_done_full, &ignored);
    db_submit(f->db, l, on_done_full, &code);
    assert_int_equal(code, ERR_UNAVAILABLE);
    stop_set(&gate);
    while (db_run(f->db, db_list_new(f->a, "a"), &f->e) != 0) {
        assert_int_equal(f->e.code, ERR_UNAVAILABLE);
        assert_true(clock_mono_ms() < until);
    }
    assert_int_equal(available(f->db, "a"), 0);
}

static void
closing_finishes_what_is_queued(void **state)
{
    struct fixture *f = *state;
    struct told t = {.expect = 50};
    struct arena *a[50];

    stop_init(&t.all);
    open_account(f, "a", 100);
    for (int i = 0; i < 50; i++) {
        a[i] = arena_new();
        db_submit(f->db, purchase(a[i], "a", 1, arena_fmt(a[i], "l%d", i)),
                  on_done, &t);
    }
    db_close(f->db);
    assert_int_equal(atomic_load(&t.done), 50);
    assert_int_equal(atomic_load(&t.failed), 0);
    f->db = open_url(f->url);
    assert_int_equal(available(f->db, "a"), 50);
    for (int i = 0; i < 50; i++)
        arena_free(a[i]);
}

/* ---- values ---- */

static void
all_kinds_of_values_come_back_as_they_were(void **state)
{
    static const char *const texts[] = {"",
                                        "'",
                                        "\"",
                                        "?1 $1 :a",
                                        "\\ \\n \n\t\r",
                                        "\xd0\xb6\xf0\x9f\x98\x80",
                                        "NaN",
                                        "42",
                                        "\x01\x7f"};
    static const int64_t numbers[] = {0,         1,         -1,
                                      INT64_MAX, INT64_MIN, 9007199254740993};
    struct fixture *f = *state;
    struct db_rows r;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        must(db_read(f->db, f->a, &sql_echo, &r, &f->e, 2, V_STR(texts[i]),
                     V_NULL),
             &f->e);
        assert_int_equal(r.nrows, 1);
        assert_int_equal(r.ncols, 5);
        assert_true(db_is_null(&r, 0, 0));
        assert_int_equal(db_int(&r, 0, 0), 0);
        assert_string_equal(db_str(&r, 0, 0), "");
        assert_int_equal(r.cells[1].type, DB_TEXT);
        assert_string_equal(db_str(&r, 0, 1), texts[i]);
        assert_string_equal(db_str(&r, 0, 2), texts[i]);
        assert_string_equal(db_str(&r, 0, 3), "?1");
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char text[24];

        snprintf(text, sizeof(text), "%" PRId64, numbers[i]);
        must(db_read(f->db, f->a, &sql_echo, &r, &f->e, 2, V_STR(NULL),
                     V_INT(numbers[i])),
             &f->e);
        assert_int_equal(r.cells[0].type, DB_INT);
        assert_true(db_int(&r, 0, 0) == numbers[i]);
        assert_string_equal(db_str(&r, 0, 0), text);
        assert_true(db_is_null(&r, 0, 1));
    }
}

static void
a_text_that_is_not_terminated_is_taken_by_its_length(void **state)
{
    struct fixture *f = *state;
    struct db_rows r;
    size_t n = 1 << 20;
    char *big = malloc(n);

    assert_non_null(big);
    memset(big, 'x', n);
    must(db_read(f->db, f->a, &sql_echo, &r, &f->e, 2, V_TXT(str_n(big, n)),
                 V_INT(1)),
         &f->e);
    assert_int_equal(r.cells[1].s.len, n);
    must(db_read(f->db, f->a, &sql_echo, &r, &f->e, 2,
                 V_TXT(str_n("abcdef", 3)), V_INT(1)),
         &f->e);
    assert_string_equal(db_str(&r, 0, 1), "abc");
    free(big);
}

static void
bytes_that_are_no_text_are_refused_before_the_database(void **state)
{
    static const struct str bad[] = {{"a\0b", 3},         {"\0", 1},
                                     {"\xff", 1},         {"\xc0\x80", 2},
                                     {"\xed\xa0\x80", 3}, {"\xe2\x82", 2}};
    struct fixture *f = *state;
    struct db_rows r;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct db_list *l = db_list_new(f->a, "a");

        db_add(l, &sql_open, 2, V_TXT(bad[i]), V_INT(1));
        assert_int_equal(db_run(f->db, l, &f->e), -1);
        assert_int_equal(f->e.code, ERR_BAD_INPUT);
        assert_non_null(strstr(f->e.msg, "balance.open"));
        assert_int_equal(
            db_read(f->db, f->a, &sql_get, &r, &f->e, 1, V_TXT(bad[i])), -1);
        assert_int_equal(f->e.code, ERR_BAD_INPUT);
    }
    assert_string_equal(dump(f), "");
}

static void
now_ms_is_the_time_in_milliseconds(void **state)
{
    struct fixture *f = *state;
    int64_t before = clock_wall_ms(), got;
    struct db_rows r;

    must(db_read(f->db, f->a, &sql_echo, &r, &f->e, 2, V_STR(""), V_INT(0)),
         &f->e);
    got = db_int(&r, 0, 4);
    /* another clock on PostgreSQL, though of the same machine */
    assert_true(got > before - 60000 && got < clock_wall_ms() + 60000);
}

/* ---- reading ---- */

static void
a_read_sees_what_was_committed_before(void **state)
{
    struct fixture *f = *state;

    open_account(f, "a", 0);
    for (int i = 1; i <= 50; i++) {
        struct db_list *l = db_list_new(f->a, "a");

        db_add(l, &sql_add, 2, V_STR("a"), V_INT(1));
        must(db_run(f->db, l, &f->e), &f->e);
        assert_int_equal(available(f->db, "a"), i);
    }
}

static void *
reader_main(void *arg)
{
    for (int i = 0; i < 100; i++)
        if (available(arg, "a") != 7)
            return arg;
    return NULL;
}

static void
more_readers_than_connections_take_turns(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[12];

    open_account(f, "a", 7);
    for (int i = 0; i < 12; i++)
        thread_start(&threads[i], "reader", reader_main, f->db);
    for (int i = 0; i < 12; i++) {
        void *wrong;

        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
}

static void
statements_are_checked_by_preparing_them(void **state)
{
    static const struct db_sql few = {"few", "SELECT ?1", "ti"};
    static const struct db_sql many = {"many", "SELECT ?1, ?2", "t"};
    struct fixture *f = *state;

    must(db_prepare_check(f->db, &sql_entry, &f->e), &f->e);
    must(db_prepare_check(f->db, &sql_echo, &f->e), &f->e);
    assert_int_equal(db_prepare_check(f->db, &sql_wrong, &f->e), -1);
    assert_int_equal(f->e.code, ERR_INTERNAL);
    assert_non_null(strstr(f->e.msg, "wrong"));
    assert_int_equal(db_prepare_check(f->db, &few, &f->e), -1);
    assert_int_equal(db_prepare_check(f->db, &many, &f->e), -1);
    must(db_prepare_check(f->db, &sql_entry, &f->e), &f->e);
}

static void
a_ping_is_answered(void **state)
{
    struct fixture *f = *state;

    must(db_ping(f->db, 2000, &f->e), &f->e);
}

static void
opened_for_reading_only_it_reads_and_writes_nothing(void **state)
{
    struct fixture *f = *state;
    struct db_config cfg = {.url = f->url, .read_only = true};
    struct db *ro;

    open_account(f, "a", 5);
    ro = db_open(&cfg, &f->e); /* beside the one that writes */
    if (ro == NULL)
        fail_msg("%s", f->e.msg);
    assert_int_equal(available(ro, "a"), 5);
    assert_int_equal(db_run(ro, purchase(f->a, "a", 1, "x"), &f->e), -1);
    assert_int_equal(f->e.code, ERR_UNAVAILABLE);
    assert_int_equal(db_migrate(ro, files, 1, 1, &f->e), -1);
    {
        struct db_rows r;

        assert_int_equal(
            db_read(ro, f->a, &sql_add, &r, &f->e, 2, V_STR("a"), V_INT(1)),
            -1);
    }
    db_close(ro);
    assert_int_equal(available(f->db, "a"), 5);
}

/* ---- topics ---- */

struct heard {
    struct stop it;
    char topic[32];
};

static void
on_topic(void *ctx, const char *topic)
{
    struct heard *h = ctx;

    snprintf(h->topic, sizeof(h->topic), "%s", topic);
    stop_set(&h->it);
}

static void
a_topic_is_heard_in_the_same_process(void **state)
{
    struct fixture *f = *state;
    struct heard h[2] = {{.topic = ""}, {.topic = ""}};

    for (int i = 0; i < 2; i++) {
        stop_init(&h[i].it);
        db_listen(f->db, on_topic, &h[i]);
    }
    db_notify(f->db, "tasks");
    for (int i = 0; i < 2; i++) {
        assert_true(stop_wait_ms(&h[i].it, SERVER_WAIT_MS));
        assert_string_equal(h[i].topic, "tasks");
    }
}

static void
a_single_backend_leads(void **state)
{
    struct fixture *f = *state;

    assert_true(db_leader(f->db, "relay"));
    assert_true(db_leader(f->db, "relay"));
    assert_true(db_leader(f->db, "reaper"));
}

/* ---- migrations ---- */

static void
migrating_again_changes_nothing(void **state)
{
    static const struct db_migration more[] = {
        {"0002_more.sql", "ALTER TABLE balances ADD COLUMN extra BIGINT;\n"}};
    struct db_migration both[2] = {files[0], more[0]};
    struct fixture *f = *state;

    must(db_migrate(f->db, files, 1, 1, &f->e), &f->e);
    must(db_migrate(f->db, both, 2, 1, &f->e), &f->e);
    must(db_migrate(f->db, both, 2, 1, &f->e), &f->e);
    must(db_migrate(f->db, files, 1, 1, &f->e), &f->e); /* an older program */
    open_account(f, "a", 1); /* prepared before, works after */
}

static void
a_changed_migration_is_refused_by_name(void **state)
{
    struct db_migration changed = {files[0].name, "SELECT 1;\n"};
    struct fixture *f = *state;

    assert_int_equal(db_migrate(f->db, &changed, 1, 1, &f->e), -1);
    assert_int_equal(f->e.code, ERR_CONFLICT);
    assert_non_null(strstr(f->e.msg, "0001_first.sql"));
}

static void
a_database_that_wants_a_newer_program_refuses_an_older_one(void **state)
{
    static const struct db_migration more[] = {
        {"0002_new.sql", "-- min_app 3\nCREATE TABLE n (a BIGINT);\n"}};
    struct db_migration both[2] = {files[0], more[0]};
    struct fixture *f = *state;

    assert_int_equal(db_migrate(f->db, both, 2, 2, &f->e), -1);
    assert_int_equal(f->e.code, ERR_CONFLICT);
    must(db_migrate(f->db, files, 1, 1, &f->e), &f->e); /* not applied */
    must(db_migrate(f->db, both, 2, 3, &f->e), &f->e);
    assert_int_equal(db_migrate(f->db, files, 1, 2, &f->e), -1);
    assert_int_equal(f->e.code, ERR_CONFLICT);
    assert_non_null(strstr(f->e.msg, "0002_new.sql"));
    assert_non_null(strstr(f->e.msg, "newer"));
}

static void
a_migration_that_fails_leaves_nothing(void **state)
{
    static const struct db_sql half = {"half", "SELECT a FROM half", ""};
    static const struct db_migration bad[] = {
        {"0002_bad.sql", "CREATE TABLE half (a BIGINT);\n"
                         "INSERT INTO nowhere VALUES (1);\n"}};
    static const struct db_migration good[] = {
        {"0002_bad.sql", "CREATE TABLE half (a BIGINT);\n"}};
    struct db_migration with_bad[2] = {files[0], bad[0]};
    struct db_migration with_good[2] = {files[0], good[0]};
    struct fixture *f = *state;

    assert_int_equal(db_migrate(f->db, with_bad, 2, 1, &f->e), -1);
    assert_non_null(strstr(f->e.msg, "0002_bad.sql"));
    assert_non_null(strstr(f->e.msg, "nowhere"));
    assert_int_equal(db_prepare_check(f->db, &half, &f->e), -1);
    must(db_migrate(f->db, with_good, 2, 1, &f->e), &f->e);
    must(db_prepare_check(f->db, &half, &f->e), &f->e);
}

static void
columns_take_nothing_but_their_type(void **state)
{
    static const struct db_sql as_text = {
        "as_text",
        "INSERT INTO balances (account, available) "
        "SELECT ?1, CAST(?2 AS BIGINT) / 1",
        "tt"};
    static const struct db_sql table = {"table", "SELECT a FROM only_sqlite",
                                        ""};
    static const struct db_sql real = {
        "real", "INSERT INTO only_sqlite (a) VALUES (1.5)", ""};
    struct fixture *f = *state;
    struct db_list *l = db_list_new(f->a, "a");

    must(db_prepare_check(f->db, &as_text, &f->e), &f->e);
    /* the section of the other database was left out */
    assert_int_equal(db_prepare_check(f->db, &table, NULL),
                     f->kind == DB_SQLITE ? 0 : -1);
    if (f->kind != DB_SQLITE)
        return;
    db_add(l, &real, 0);
    assert_int_equal(db_run(f->db, l, &f->e), -1);
    assert_int_equal(f->e.code, ERR_CONFLICT);
}

static void
the_products_own_migrations_apply(void **state)
{
    struct fixture *f = *state;
    char url[160];
    struct db *own;

    if (f->kind == DB_SQLITE)
        snprintf(url, sizeof(url), "sqlite:%s/own.db", f->dir.path);
    else
        pg_server_database(&pg, url, sizeof(url));
    own = open_url(url);
    assert_true(db_nmigrations > 0);
    must(db_migrate(own, db_migrations, db_nmigrations, 1, &f->e), &f->e);
    must(db_migrate(own, db_migrations, db_nmigrations, 1, &f->e), &f->e);
    db_close(own);
}

/* ---- */

static int
start(void **state)
{
    (void)state;
    pg_server_start(&pg);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    pg_server_stop(&pg);
    return 0;
}

#define BOTH(f)                                                                \
    {#f " (sqlite)", f, setup_sqlite, teardown, NULL},                         \
    {                                                                          \
#f " (postgresql)", f, setup_pg, teardown, NULL                        \
    }

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_list_whose_first_statement_is_refused_changes_nothing),
        BOTH(a_raise_at_any_statement_leaves_nothing),
        BOTH(a_refused_constraint_is_a_conflict_with_the_databases_words),
        BOTH(a_wrong_statement_is_our_mistake_and_harms_no_other_list),
        BOTH(returned_rows_and_counts_come_back),
        BOTH(an_empty_list_is_fine),
        BOTH(many_threads_sell_exactly_what_is_there),
        BOTH(submitted_lists_are_told_once_and_one_bad_list_harms_no_other),
        BOTH(a_full_queue_refuses_more_and_nothing_of_it_stands),
        BOTH(closing_finishes_what_is_queued),
        BOTH(all_kinds_of_values_come_back_as_they_were),
        BOTH(a_text_that_is_not_terminated_is_taken_by_its_length),
        BOTH(bytes_that_are_no_text_are_refused_before_the_database),
        BOTH(now_ms_is_the_time_in_milliseconds),
        BOTH(a_read_sees_what_was_committed_before),
        BOTH(more_readers_than_connections_take_turns),
        BOTH(statements_are_checked_by_preparing_them),
        BOTH(a_ping_is_answered),
        BOTH(opened_for_reading_only_it_reads_and_writes_nothing),
        BOTH(a_topic_is_heard_in_the_same_process),
        BOTH(a_single_backend_leads),
        BOTH(migrating_again_changes_nothing),
        BOTH(a_changed_migration_is_refused_by_name),
        BOTH(a_database_that_wants_a_newer_program_refuses_an_older_one),
        BOTH(a_migration_that_fails_leaves_nothing),
        BOTH(columns_take_nothing_but_their_type),
        BOTH(the_products_own_migrations_apply),
    };

    return cmocka_run_group_tests(tests, start, stop);
}

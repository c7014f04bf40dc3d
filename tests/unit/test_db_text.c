/*
 * test_db_text.c - the dialect in each database's words: io/db_sqlite_ddl.c
 * and pg_sql_text() of io/db_pg_query.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "io/db_pg.h"
#include "io/db_sqlite.h"

static void
sqlite_gets_integer_and_strict_tables_and_nothing_else(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {"CREATE TABLE t (a BIGINT);", "CREATE TABLE t (a INTEGER) STRICT;"},
        {"create table t (a bigint)\n ;", "create table t (a INTEGER)\n "
                                          " STRICT;"},
        {"CREATE TABLE t (a TEXT) WITHOUT ROWID;",
         "CREATE TABLE t (a TEXT) WITHOUT ROWID, STRICT;"},
        {"CREATE TABLE t (a TEXT) -- BIGINT;\n;",
         "CREATE TABLE t (a TEXT) -- BIGINT;\n STRICT;"},
        {"CREATE TABLE t (a BIGINT /* BIGINT; */ DEFAULT 1);",
         "CREATE TABLE t (a INTEGER /* BIGINT; */ DEFAULT 1) STRICT;"},
        {"CREATE TABLE t (a TEXT DEFAULT 'BIGINT;''x;', \"BIGINT\" TEXT);",
         "CREATE TABLE t (a TEXT DEFAULT 'BIGINT;''x;', \"BIGINT\" TEXT) "
         "STRICT;"},
        {"CREATE TABLE a_bigint_b (x BIGINT);CREATE INDEX i ON t (x);",
         "CREATE TABLE a_bigint_b (x INTEGER) STRICT;CREATE INDEX i ON t "
         "(x);"},
        {"ALTER TABLE t ADD COLUMN b BIGINT;",
         "ALTER TABLE t ADD COLUMN b INTEGER;"},
        {"CREATE INDEX table_i ON t (a);", "CREATE INDEX table_i ON t (a);"},
        {"DROP TABLE t;", "DROP TABLE t;"},
        {"SELECT 'open", "SELECT 'open"},
        {"SELECT /* open", "SELECT /* open"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out;

        buf_init(&out, 1000);
        db_sqlite_translate(cases[i].text, &out);
        assert_string_equal(buf_cstr(&out), cases[i].want);
        buf_free(&out);
    }
}

static void
postgresql_gets_dollars_outside_of_texts(void **state)
{
    static const struct {
        const char *text, *want;
        size_t most;
    } cases[] = {
        {"SELECT 1", "SELECT 1", 0},
        {"SELECT ?2, ?1, ?12", "SELECT $2, $1, $12", 12},
        {"SELECT '?1', \"?2\", '''?3', ?4", "SELECT '?1', \"?2\", '''?3', $4",
         4},
        {"SELECT ?1 -- ?2 isn't\n, ?3", "SELECT $1 -- ?2 isn't\n, $3", 3},
        {"SELECT a ? b, ?0", "SELECT a ? b, ?0", 0},
        {"SELECT 'open ?1", "SELECT 'open ?1", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out;

        buf_init(&out, 1000);
        assert_int_equal(pg_sql_text(cases[i].text, &out), cases[i].most);
        assert_string_equal(buf_cstr(&out), cases[i].want);
        buf_free(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            sqlite_gets_integer_and_strict_tables_and_nothing_else),
        cmocka_unit_test(postgresql_gets_dollars_outside_of_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

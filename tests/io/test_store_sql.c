/*
 * test_store_sql.c - every statement of store/ prepares on both databases,
 * with as many parameters as its row declares.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/list.h"
#include "tests/support/servers.h"

static struct pg_server pg;

struct fixture {
    struct tmp_dir dir;
    struct db *db;
};

static struct fixture *
fixture_new(const char *url)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err e = {0};
    assert_non_null(f);
    tmp_dir_make(&f->dir);
    char own[64];
    snprintf(own, sizeof own, "sqlite:%s/t.db", f->dir.path);
    struct db_config cfg = {.url = url != NULL ? url : own};
    f->db = db_open(&cfg, &e);
    if (f->db == NULL ||
        db_migrate(f->db, db_migrations, db_nmigrations, 1, &e) != 0)
        fail_msg("%s", e.msg);
    return f;
}

static int
setup_sqlite(void **state)
{
    *state = fixture_new(NULL);
    return 0;
}

static int
setup_pg(void **state)
{
    char url[256];
    pg_server_database(&pg, url, sizeof url);
    *state = fixture_new(url);
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    db_close(f->db);
    tmp_dir_remove(&f->dir);
    free(f);
    return 0;
}

static void
every_statement_prepares(void **state)
{
    struct fixture *f = *state;
    size_t bad = 0;
    for (size_t i = 0; i < store_nsql; i++) {
        struct err e = {0};
        if (db_prepare_check(f->db, store_sql[i], &e) == 0)
            continue;
        print_error("%s: %s\n", store_sql[i]->name, e.msg);
        bad++;
    }
    assert_int_equal(bad, 0);
}

/* The highest ?n of a text. */
static long
params_of(const char *text)
{
    long most = 0;
    for (const char *p = text; (p = strchr(p, '?')) != NULL; p++) {
        long n = isdigit((unsigned char)p[1]) ? strtol(p + 1, NULL, 10) : 0;
        most = n > most ? n : most;
    }
    return most;
}

static void
every_statement_has_a_type_for_each_parameter(void **state)
{
    (void)state;
    for (size_t i = 0; i < store_nsql; i++) {
        const struct db_sql *s = store_sql[i];
        if ((size_t)params_of(s->text) != strlen(s->types))
            fail_msg("%s has %ld parameters, but types \"%s\"", s->name,
                     params_of(s->text), s->types);
        assert_int_equal(strspn(s->types, "ti"), strlen(s->types));
    }
}

static void
names_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; i < store_nsql; i++) {
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(store_sql[i]->name, store_sql[k]->name);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_statement_has_a_type_for_each_parameter),
        cmocka_unit_test(names_are_unique),
        {"every_statement_prepares_sqlite", every_statement_prepares,
         setup_sqlite, teardown, NULL},
        {"every_statement_prepares_postgres", every_statement_prepares,
         setup_pg, teardown, NULL},
    };
    pg_server_start(&pg);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pg_server_stop(&pg);
    return failed;
}

/*
 * test_redis.c - io/redis against real servers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "io/redis.h"
#include "tests/support/servers.h"

#define MS 5000
#define PASSWORD "correct-horse"

static struct redis_server plain, locked;

static struct redis *
client(const struct redis_server *s, const char *password)
{
    struct redis_config c = {0};

    snprintf(c.host, sizeof(c.host), "%s", s->socket);
    snprintf(c.password, sizeof(c.password), "%s", password);
    return redis_new(&c);
}

static void
must(int rc, const struct err *e)
{
    if (rc != 0)
        fail_msg("%s", e->msg);
}

static int
setup(void **state)
{
    (void)state;
    redis_server_start(&plain, NULL, free_port());
    redis_server_start(&locked, PASSWORD, 0);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    redis_server_stop(&plain);
    redis_server_stop(&locked);
    return 0;
}

static void
words_and_answers_are_binary_safe(void **state)
{
    const struct str value = {"a\0 \r\n%s\xff", 8};
    struct redis *r = client(&plain, "");
    struct arena *a = arena_new();
    struct redis_reply got;
    struct err e = {0};

    (void)state;
    must(redis_cmdf(r, a, MS, &got, &e, "SET key:%s:%lld %b", "with space", 7LL,
                    &value),
         &e);
    assert_int_equal(got.type, REDIS_STATUS);
    assert_true(str_eq(got.s, STR("OK")));
    must(redis_cmd(r, a, MS, 2,
                   (struct str[]){STR("GET"), STR("key:with space:7")}, &got,
                   &e),
         &e);
    assert_int_equal(got.type, REDIS_STRING);
    assert_true(str_eq(got.s, value));
    must(redis_cmdf(r, a, MS, &got, &e, "SET 100%% %s", ""), &e);
    must(redis_cmdf(r, a, MS, &got, &e, "STRLEN 100%%"), &e);
    assert_int_equal(got.type, REDIS_INT);
    assert_int_equal(got.i, 0);
    arena_free(a);
    redis_free(r);
}

static void
each_type_of_answer_is_told_apart(void **state)
{
    struct redis *r = client(&plain, "");
    struct arena *a = arena_new();
    struct redis_reply got;
    struct err e = {0};

    (void)state;
    must(redis_cmdf(r, a, MS, &got, &e, "GET nothing"), &e);
    assert_int_equal(got.type, REDIS_NIL);
    must(redis_cmdf(r, a, MS, &got, &e, "RPUSH list a b c"), &e);
    assert_int_equal(got.i, 3);
    must(redis_cmdf(r, a, MS, &got, &e, "LRANGE list 0 -1"), &e);
    assert_int_equal(got.type, REDIS_LIST);
    assert_int_equal(got.nitems, 3);
    assert_true(str_eq(got.items[2].s, STR("c")));
    assert_int_equal(redis_cmdf(r, a, MS, &got, &e, "GET list"), -1);
    assert_int_equal(e.code, ERR_INTERNAL);
    assert_non_null(strstr(e.msg, "WRONGTYPE"));
    must(redis_cmdf(r, a, MS, &got, &e, "PING"), &e); /* goes on */
    arena_free(a);
    redis_free(r);
}

static void
it_works_over_tcp_and_in_another_database(void **state)
{
    char url[64];
    struct redis_config c;
    struct arena *a = arena_new();
    struct redis_reply got;
    struct err e = {0};
    struct redis *r, *zero = client(&plain, "");

    (void)state;
    snprintf(url, sizeof(url), "redis://127.0.0.1:%d/3", plain.port);
    must(redis_url_parse(url, &c, &e), &e);
    r = redis_new(&c);
    must(redis_cmdf(r, a, MS, &got, &e, "SET three 3"), &e);
    must(redis_cmdf(zero, a, MS, &got, &e, "GET three"), &e);
    assert_int_equal(got.type, REDIS_NIL);
    redis_free(r);
    redis_free(zero);
    arena_free(a);
}

static void
a_password_opens_and_a_wrong_one_is_never_quoted(void **state)
{
    static const struct {
        bool has_password;
        const char *given, *sentence; /* NULL: works */
    } cases[] = {
        {true, PASSWORD, NULL},
        {true, "wr0ng-secret", "refuses the password"},
        {true, "", "REDIS_PASSWORD"},
        {false, "", NULL},
        {false, "wr0ng-secret", "has no password"},
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct redis *r =
            client(cases[i].has_password ? &locked : &plain, cases[i].given);
        struct redis_reply got;
        struct err e = {0};
        int rc = redis_cmdf(r, a, MS, &got, &e, "SET a b");

        if ((rc == 0) != (cases[i].sentence == NULL))
            fail_msg("case %zu: %d %s", i, rc, e.msg);
        if (rc != 0) {
            assert_int_equal(e.code, ERR_INTERNAL);
            assert_non_null(strstr(e.msg, cases[i].sentence));
            assert_null(strstr(e.msg, "wr0ng"));
        }
        redis_free(r);
    }
    arena_free(a);
}

static void
an_idle_connection_survives_a_restart_of_the_server(void **state)
{
    struct redis *r = client(&plain, "");
    struct arena *a = arena_new();
    struct redis_reply got;
    struct err e = {0};
    char before[41], after[41];

    (void)state;
    must(redis_cmdf(r, a, MS, &got, &e, "SET kept yes"), &e);
    must(redis_run_id(r, before, &e), &e);
    redis_server_kill(&plain);
    redis_server_again(&plain);
    must(redis_cmdf(r, a, MS, &got, &e, "GET kept"), &e);
    assert_true(str_eq(got.s, STR("yes")));
    must(redis_run_id(r, after, &e), &e);
    assert_int_equal(strlen(after), 40);
    assert_string_not_equal(before, after);
    arena_free(a);
    redis_free(r);
}

static void
while_the_server_is_away_calls_fail_at_once_and_then_work_again(void **state)
{
    int64_t until = clock_mono_ms() + SERVER_WAIT_MS;
    struct redis *r = client(&plain, "");
    struct arena *a = arena_new();
    struct redis_reply got;
    struct err e = {0};

    (void)state;
    redis_server_kill(&plain);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(redis_cmdf(r, a, MS, &got, &e, "PING"), -1);
        assert_int_equal(e.code, ERR_UNAVAILABLE);
        assert_non_null(strstr(e.msg, plain.socket));
    }
    redis_server_again(&plain);
    while (redis_cmdf(r, a, MS, &got, &e, "PING") != 0) {
        assert_true(clock_mono_ms() < until);
        clock_sleep_ms(10);
    }
    arena_free(a);
    redis_free(r);
}

static void
flushall_empties_and_the_connection_goes_on(void **state)
{
    struct redis *r = client(&plain, "");
    struct redis *other = client(&plain, "");
    struct arena *a = arena_new();
    struct redis_reply got;
    struct err e = {0};

    (void)state;
    must(redis_cmdf(r, a, MS, &got, &e, "LPUSH queue:x 1"), &e);
    must(redis_cmdf(other, a, MS, &got, &e, "FLUSHALL"), &e);
    must(redis_cmdf(r, a, MS, &got, &e, "LLEN queue:x"), &e);
    assert_int_equal(got.i, 0);
    arena_free(a);
    redis_free(r);
    redis_free(other);
}

static void
a_blocking_pop_ends_with_nothing_or_with_what_comes(void **state)
{
    struct redis *r = client(&plain, "");
    struct arena *a = arena_new();
    struct redis_reply got;
    struct err e = {0};

    (void)state;
    must(redis_cmdf(r, a, 1100, &got, &e, "BLMOVE q:a q:b RIGHT LEFT 0.1"), &e);
    assert_int_equal(got.type, REDIS_NIL);
    must(redis_cmdf(r, a, MS, &got, &e, "LPUSH q:a one"), &e);
    must(redis_cmdf(r, a, 1100, &got, &e, "BLMOVE q:a q:b RIGHT LEFT 0.1"), &e);
    assert_true(str_eq(got.s, STR("one")));
    arena_free(a);
    redis_free(r);
}

static void
a_server_that_says_nothing_is_an_unknown_outcome(void **state)
{
    struct redis *r = client(&plain, "");
    struct arena *a = arena_new();
    struct redis_reply got;
    struct err e = {0};
    int rc;

    (void)state;
    must(redis_cmdf(r, a, MS, &got, &e, "SET stopped 0"), &e);
    kill(plain.pid, SIGSTOP);
    rc = redis_cmdf(r, a, 100, &got, &e, "INCR stopped");
    kill(plain.pid, SIGCONT);
    assert_int_equal(rc, -1);
    assert_int_equal(e.code, ERR_TIMEOUT);
    assert_non_null(strstr(e.msg, "100 ms"));
    /* a late answer is never taken for that of the next command */
    must(redis_cmdf(r, a, MS, &got, &e, "GET other"), &e);
    assert_int_equal(got.type, REDIS_NIL);
    arena_free(a);
    redis_free(r);
}

struct popper {
    struct redis *r;
    int rc;
    struct err e;
};

static void *
popper_main(void *arg)
{
    struct popper *p = arg;
    struct arena *a = arena_new();
    struct redis_reply got;

    p->rc = redis_cmdf(p->r, a, 31000, &got, &p->e, "BLPOP never 30");
    arena_free(a);
    return NULL;
}

static void
a_server_that_dies_under_a_blocking_pop_is_an_unknown_outcome(void **state)
{
    int64_t until = clock_mono_ms() + SERVER_WAIT_MS;
    struct popper p = {.r = client(&plain, "")};
    struct redis *watch = client(&plain, "");
    struct arena *a = arena_new();
    struct redis_reply got;
    struct err e = {0};
    pthread_t t;

    (void)state;
    thread_start(&t, "popper", popper_main, &p);
    do { /* flag b: it waits in a blocking command */
        assert_true(clock_mono_ms() < until);
        must(redis_cmdf(watch, a, MS, &got, &e, "CLIENT LIST"), &e);
    } while (strstr(got.s.p, "flags=b") == NULL);
    redis_server_kill(&plain);
    thread_join(t);
    assert_int_equal(p.rc, -1);
    assert_int_equal(p.e.code, ERR_TIMEOUT);
    redis_server_again(&plain);
    redis_free(p.r);
    redis_free(watch);
    arena_free(a);
}

static void
a_pipeline_is_one_round_trip_and_an_error_stays_at_its_place(void **state)
{
    struct redis *r = client(&plain, "");
    struct arena *a = arena_new();
    struct redis_reply *got;
    struct err e = {0};
    size_t n;

    (void)state;
    must(redis_flush(r, a, MS, &got, &n, &e), &e);
    assert_int_equal(n, 0);
    for (int i = 0; i < 1000; i++)
        redis_queue(r, 3,
                    (struct str[]){STR("LPUSH"), STR("pipe"),
                                   str_c(i == 500 ? "x" : "y")});
    redis_queue(r, 2, (struct str[]){STR("INCR"), STR("pipe")});
    redis_queue(r, 2, (struct str[]){STR("LLEN"), STR("pipe")});
    must(redis_flush(r, a, MS, &got, &n, &e), &e);
    assert_int_equal(n, 1002);
    assert_int_equal(got[999].i, 1000);
    assert_int_equal(got[1000].type, REDIS_STATUS);
    assert_true(str_starts(got[1000].s, STR("-WRONGTYPE")));
    assert_int_equal(got[1001].i, 1000);
    arena_free(a);
    redis_free(r);
}

static void
a_pipeline_over_its_limit_is_not_sent_and_the_next_one_is(void **state)
{
    static char big[1024 * 1024];
    struct redis *r = client(&plain, "");
    struct arena *a = arena_new();
    struct redis_reply *got;
    struct err e = {0};
    size_t n;

    (void)state;
    memset(big, 'x', sizeof(big));
    for (int i = 0; i < 20; i++)
        redis_queue(
            r, 3,
            (struct str[]){STR("RPUSH"), STR("big"), str_n(big, sizeof(big))});
    assert_int_equal(redis_flush(r, a, MS, &got, &n, &e), -1);
    assert_int_equal(e.code, ERR_TOO_LARGE);
    redis_queue(r, 2, (struct str[]){STR("LLEN"), STR("big")});
    must(redis_flush(r, a, MS, &got, &n, &e), &e);
    assert_int_equal(n, 1);
    assert_int_equal(got[0].i, 0);
    arena_free(a);
    redis_free(r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_answers_are_binary_safe),
        cmocka_unit_test(each_type_of_answer_is_told_apart),
        cmocka_unit_test(it_works_over_tcp_and_in_another_database),
        cmocka_unit_test(a_password_opens_and_a_wrong_one_is_never_quoted),
        cmocka_unit_test(an_idle_connection_survives_a_restart_of_the_server),
        cmocka_unit_test(
            while_the_server_is_away_calls_fail_at_once_and_then_work_again),
        cmocka_unit_test(flushall_empties_and_the_connection_goes_on),
        cmocka_unit_test(a_blocking_pop_ends_with_nothing_or_with_what_comes),
        cmocka_unit_test(a_server_that_says_nothing_is_an_unknown_outcome),
        cmocka_unit_test(
            a_server_that_dies_under_a_blocking_pop_is_an_unknown_outcome),
        cmocka_unit_test(
            a_pipeline_is_one_round_trip_and_an_error_stays_at_its_place),
        cmocka_unit_test(
            a_pipeline_over_its_limit_is_not_sent_and_the_next_one_is),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}

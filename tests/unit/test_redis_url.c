/*
 * test_redis_url.c - mirrors io/redis_url.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "io/redis.h"

static void
addresses_are_taken_apart(void **state)
{
    static const struct {
        const char *url, *host;
        int port;
        const char *user, *password;
        int db;
    } cases[] = {
        {"redis://h", "h", 6379, "", "", 0},
        {"redis://h/", "h", 6379, "", "", 0},
        {"redis://h:1/3", "h", 1, "", "", 3},
        {"redis://:pa%40ss%3A@h:7", "h", 7, "", "pa@ss:", 0},
        {"redis://me:a@b@h", "h", 6379, "me", "a@b", 0},
        {"redis://[::1]:9/2", "::1", 9, "", "", 2},
        {"redis://[fe80::2]", "fe80::2", 6379, "", "", 0},
        {"unix:/run/r.sock", "/run/r.sock", 0, "", "", 0},
        {"unix:/run/r.sock?db=5", "/run/r.sock", 0, "", "", 5},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct redis_config c;
        struct err e = {0};

        if (redis_url_parse(cases[i].url, &c, &e) != 0)
            fail_msg("%s: %s", cases[i].url, e.msg);
        assert_string_equal(c.host, cases[i].host);
        assert_int_equal(c.port, cases[i].port);
        assert_string_equal(c.user, cases[i].user);
        assert_string_equal(c.password, cases[i].password);
        assert_int_equal(c.db, cases[i].db);
    }
}

static void
bad_addresses_are_refused_without_being_quoted(void **state)
{
    static const char *const cases[] = {
        "",
        "h:6379",
        "http://s3cret",
        "redis://",
        "redis://h:0",
        "redis://h:65536",
        "redis://h:s3cret",
        "redis://h:1x",
        "redis://h/s3cret",
        "redis://h/-1",
        "redis://h/99999999999999999999",
        "redis://s3cret@h",
        "redis://:s3cret%zz@h",
        "redis://:s3cret%00@h",
        "redis://:s3cret%4@h",
        "redis://[::1",
        "redis://[::1]s3cret",
        "unix:s3cret",
        "unix:",
        "unix:/a?password=s3cret",
        "unix:/a?db=x",
        ("unix:/012345678901234567890123456789012345678901234567890123456789"
         "01234567890123456789012345678901234567890123456789"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct redis_config c;
        struct err e = {0};

        if (redis_url_parse(cases[i], &c, &e) == 0)
            fail_msg("taken: %s", cases[i]);
        assert_int_equal(e.code, ERR_BAD_INPUT);
        assert_null(strstr(e.msg, "s3cret"));
    }
}

static void
tls_is_refused_with_the_reason(void **state)
{
    struct redis_config c;
    struct err e = {0};

    (void)state;
    assert_int_equal(redis_url_parse("rediss://h", &c, &e), -1);
    assert_int_equal(e.code, ERR_BAD_INPUT);
    assert_non_null(strstr(e.msg, "TLS"));
}

static const char *const names[] = {"REDIS_URL", "REDIS_HOST", "REDIS_PORT",
                                    "REDIS_PASSWORD", "REDIS_DB"};

/* values in the order of names; NULL: not set */
static int
config_of(const char *const values[5], struct redis_config *out, struct err *e)
{
    struct settings *s;
    int rc;

    for (size_t i = 0; i < 5; i++) {
        unsetenv(names[i]);
        if (values[i] != NULL)
            setenv(names[i], values[i], 1);
    }
    s = settings_load(NULL, e);
    assert_non_null(s);
    rc = redis_config_from(s, out, e);
    settings_free(s);
    return rc;
}

static void
the_two_ways_to_set_it_may_not_contradict(void **state)
{
    static const struct {
        const char *values[5];
        enum err_code want;
        const char *names_it;
    } cases[] = {
        {{NULL, NULL, NULL, NULL, NULL}, ERR_NOT_FOUND, "REDIS_URL"},
        {{"redis://h:1/2", NULL, NULL, NULL, NULL}, ERR_NONE, NULL},
        {{NULL, "h", "1", "secret", "2"}, ERR_NONE, NULL},
        {{"redis://:secret@h:1/2", "h", "1", "secret", "2"}, ERR_NONE, NULL},
        {{"redis://h", NULL, NULL, "secret", NULL}, ERR_NONE, NULL},
        {{"unix:/a", "/a", NULL, NULL, NULL}, ERR_NONE, NULL},
        {{"redis://h", "other", NULL, NULL, NULL}, ERR_BAD_INPUT, "REDIS_HOST"},
        {{"redis://h", NULL, "1", NULL, NULL}, ERR_BAD_INPUT, "REDIS_PORT"},
        {{"redis://:secret@h", NULL, NULL, "other1", NULL},
         ERR_BAD_INPUT,
         "REDIS_PASSWORD"},
        {{"redis://h/1", NULL, NULL, NULL, "2"}, ERR_BAD_INPUT, "REDIS_DB"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct redis_config c;
        struct err e = {0};
        int rc = config_of(cases[i].values, &c, &e);

        if ((rc == 0) != (cases[i].want == ERR_NONE) || e.code != cases[i].want)
            fail_msg("case %zu: %d %s", i, rc, e.msg);
        if (cases[i].names_it != NULL)
            assert_non_null(strstr(e.msg, cases[i].names_it));
        assert_null(strstr(e.msg, "secret"));
    }
}

static void
a_password_completes_an_address_without_one(void **state)
{
    static const char *const values[5] = {"redis://h/4", NULL, NULL, "secret",
                                          NULL};
    struct redis_config c;
    struct err e = {0};

    (void)state;
    assert_int_equal(config_of(values, &c, &e), 0);
    assert_string_equal(c.password, "secret");
    assert_int_equal(c.db, 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_taken_apart),
        cmocka_unit_test(bad_addresses_are_refused_without_being_quoted),
        cmocka_unit_test(tls_is_refused_with_the_reason),
        cmocka_unit_test(the_two_ways_to_set_it_may_not_contradict),
        cmocka_unit_test(a_password_completes_an_address_without_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* io/hostport: texts of listen addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "io/hostport.h"

static void
addresses_are_parsed(void **state)
{
    static const struct {
        const char *text, *host;
        int port;
    } cases[] = {
        {"127.0.0.1:8080", "127.0.0.1", 8080},
        {"[::1]:0", "::1", 0},
        {"localhost:65535", "localhost", 65535},
        {":80", "", 80},
        {"[::]:80", "::", 80},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct hostport hp;
        assert_int_equal(hostport_parse(cases[i].text, &hp, NULL), 0);
        assert_string_equal(hp.host, cases[i].host);
        assert_int_equal(hp.port, cases[i].port);
        assert_string_equal(hp.unix_path, "");
    }
}

static void
malformed_addresses_are_quoted(void **state)
{
    static const char *const cases[] = {
        "",         "host",      "host:",     "host:x",   "host:65536",
        "host:-1",  "::1:80",    "[::1:80",   "unix:",    "unix:relative",
        "a:b:80",   "host:80 ",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct hostport hp;
        struct err e = {0};
        if (hostport_parse(cases[i], &hp, &e) == 0)
            fail_msg("accepted: %s", cases[i]);
        assert_int_equal(e.code, ERR_BAD_INPUT);
        assert_non_null(strstr(e.msg, cases[i]));
    }
}

static void
a_unix_path_has_at_most_107_bytes(void **state)
{
    char text[128] = "unix:/";
    struct hostport hp;
    struct err e = {0};

    (void)state;
    memset(text + 6, 'p', 106);
    assert_int_equal(hostport_parse(text, &hp, &e), 0);
    assert_string_equal(hp.unix_path, text + 5);
    text[112] = 'p';
    assert_int_equal(hostport_parse(text, &hp, &e), -1);
    assert_non_null(strstr(e.msg, "107"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_parsed),
        cmocka_unit_test(malformed_addresses_are_quoted),
        cmocka_unit_test(a_unix_path_has_at_most_107_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

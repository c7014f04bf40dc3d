/* io/httpd_watch: who may open another connection, and how peers are called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <arpa/inet.h>
#include <cmocka.h>
#include "base/mem.h"
#include "io/httpd_int.h"

static struct sockaddr_storage
addr(const char *text)
{
    struct sockaddr_storage ss = {0};
    struct sockaddr_in *four = (struct sockaddr_in *)&ss;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&ss;

    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        ss.ss_family = AF_INET;
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &six->sin6_addr), 1);
        ss.ss_family = AF_INET6;
    }
    return ss;
}

/* Whether newcomer may connect beside n connections of from. */
static bool
admits(const char *from, const char *newcomer, size_t n)
{
    struct httpd_conn *conns = mem_calloc(n, sizeof(*conns));
    struct sockaddr_storage ss = addr(newcomer);
    struct httpd s = {0};
    bool yes;

    pthread_mutex_init(&s.watch.lock, NULL);
    for (size_t i = 0; i < n; i++) {
        conns[i].addr = addr(from);
        conns[i].next = s.watch.list;
        s.watch.list = &conns[i];
    }
    yes = httpd_watch_admits(&s, (struct sockaddr *)&ss);
    pthread_mutex_destroy(&s.watch.lock);
    mem_free(conns);
    return yes;
}

static void
an_address_has_a_limited_number_of_connections(void **state)
{
    static const struct {
        const char *from, *newcomer;
        bool same; /* counted together */
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"2001:db8::1", "2001:db8::ffff", true}, /* one /64 */
        {"2001:db8::1", "2001:db8:0:1::1", false},
        {"192.0.2.1", "2001:db8::1", false},
        {"127.0.0.1", "127.0.0.1", false}, /* exempt: all our own traffic */
        {"127.8.9.1", "127.8.9.1", false},
        {"::1", "::1", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_true(admits(cases[i].from, cases[i].newcomer,
                           LIM_HTTP_PER_ADDRESS - 1));
        assert_int_equal(admits(cases[i].from, cases[i].newcomer,
                                LIM_HTTP_PER_ADDRESS), !cases[i].same);
    }
}

static void
a_peer_is_called_by_its_address(void **state)
{
    static const struct {
        const char *from, *want;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"2001:DB8::1", "2001:db8::1"},
        {"::ffff:192.0.2.7", "192.0.2.7"},
    };
    struct httpd_conn c = {0};
    char text[INET6_ADDRSTRLEN];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        c.addr = addr(cases[i].from);
        httpd_peer_text(&c, text);
        assert_string_equal(text, cases[i].want);
    }
    memset(&c.addr, 0, sizeof(c.addr));
    httpd_peer_text(&c, text);
    assert_string_equal(text, "unix");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_a_limited_number_of_connections),
        cmocka_unit_test(a_peer_is_called_by_its_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

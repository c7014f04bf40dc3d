/* test_rand.c - base/rand.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/rand.h"

static void
below_stays_below_and_reaches_every_value(void **state)
{
    int seen[7] = {0};

    (void)state;
    rand_test_seed(1);
    for (int i = 0; i < 1000; i++) {
        uint64_t v = rand_below(7);

        assert_true(v < 7);
        seen[v]++;
    }
    for (int i = 0; i < 7; i++)
        assert_true(seen[i] > 90); /* 143 on average */
    for (int i = 0; i < 100; i++) {
        assert_int_equal(rand_below(1), 0);
        assert_true(rand_below((UINT64_MAX >> 1) + 2) <=
                    (UINT64_MAX >> 1) + 1);
    }
    rand_test_seed(0);
}

static void
a_seed_repeats_and_zero_ends_it(void **state)
{
    unsigned char a[37], b[37];
    uint64_t x, y;

    (void)state;
    rand_test_seed(42);
    rand_bytes(a, sizeof(a));
    x = rand_u64();
    rand_test_seed(42);
    rand_bytes(b, sizeof(b));
    y = rand_u64();
    assert_memory_equal(a, b, sizeof(a));
    assert_true(x == y);
    assert_true(rand_u64() != y);
    rand_test_seed(43);
    rand_bytes(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    rand_test_seed(0);
    rand_bytes(a, sizeof(a));
    rand_bytes(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
}

static void
bytes_fills_all_of_a_large_buffer(void **state)
{
    static unsigned char big[100000];
    size_t zeros = 0;

    (void)state;
    rand_bytes(big, sizeof(big));
    for (size_t i = 0; i < sizeof(big); i++)
        zeros += big[i] == 0;
    assert_in_range(zeros, 200, 600); /* 391 on average, deviation 20 */
    rand_bytes(big, 0);
}

static void
a_uuid_is_a_lower_case_version_4(void **state)
{
    (void)state;
    for (int n = 0; n < 200; n++) {
        char u[37];

        rand_uuid(u);
        assert_int_equal(strlen(u), 36);
        for (size_t i = 0; i < 36; i++) {
            if (i == 8 || i == 13 || i == 18 || i == 23)
                assert_int_equal(u[i], '-');
            else
                assert_non_null(memchr("0123456789abcdef", u[i], 16));
        }
        assert_int_equal(u[14], '4');
        assert_non_null(memchr("89ab", u[19], 4));
    }
}

static void
hex_has_the_digits_asked_for(void **state)
{
    char text[102];

    (void)state;
    for (size_t n = 0; n <= 100; n++) {
        memset(text, '#', sizeof(text));
        rand_hex(text, n);
        assert_int_equal(strlen(text), n);
        assert_int_equal(strspn(text, "0123456789abcdef"), n);
        assert_int_equal(text[n + 1], '#');
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(below_stays_below_and_reaches_every_value),
        cmocka_unit_test(a_seed_repeats_and_zero_ends_it),
        cmocka_unit_test(bytes_fills_all_of_a_large_buffer),
        cmocka_unit_test(a_uuid_is_a_lower_case_version_4),
        cmocka_unit_test(hex_has_the_digits_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

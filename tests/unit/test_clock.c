/* test_clock.c - base/clock.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <time.h>
#include "base/clock.h"

static void
frozen_clocks_move_only_by_sleeping(void **state)
{
    (void)state;
    clock_test_set(1000000, 500);
    assert_int_equal(clock_wall_ms(), 1000000);
    assert_int_equal(clock_mono_ms(), 500);
    assert_int_equal(clock_mono_us(), 500000);
    clock_sleep_ms(250);
    assert_int_equal(clock_wall_ms(), 1000250);
    assert_int_equal(clock_mono_ms(), 750);
    clock_sleep_ms(0);
    clock_sleep_ms(-5);
    assert_int_equal(clock_mono_ms(), 750);
    clock_test_off();
}

static void
real_clocks_are_the_systems(void **state)
{
    int64_t before = (int64_t)time(NULL) * 1000;
    int64_t wall = clock_wall_ms();
    int64_t after = ((int64_t)time(NULL) + 1) * 1000;

    (void)state;
    /* time() may lag by a tick of the kernel's coarse clock */
    assert_in_range(wall, before, after + 20);
}

static void
mono_does_not_go_back_and_sleep_takes_at_least_its_time(void **state)
{
    int64_t a = clock_mono_us();
    int64_t b;

    (void)state;
    clock_sleep_ms(3);
    b = clock_mono_us();
    assert_true(b - a >= 3000);
}

static void
times_are_written_in_utc(void **state)
{
    static const struct {
        int64_t ms;
        const char *want;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1767323045678, "2026-01-02T03:04:05.678Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {-5, "1970-01-01T00:00:00.000Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[25];

        clock_format(cases[i].ms, out);
        assert_string_equal(out, cases[i].want);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frozen_clocks_move_only_by_sleeping),
        cmocka_unit_test(real_clocks_are_the_systems),
        cmocka_unit_test(
            mono_does_not_go_back_and_sleep_takes_at_least_its_time),
        cmocka_unit_test(times_are_written_in_utc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

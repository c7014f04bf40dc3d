/* test_worker_pace.c - worker/pace.c, worker/verdict.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "worker/pace.h"
#include "worker/verdict.h"

static void
pauses_shrink_towards_the_expected_end_and_grow_after_it(void **state)
{
    static const struct {
        int64_t remaining, longest, want;
    } cases[] = {{60000, 250, 250}, {5000, 250, 250},   {2000, 250, 100},
                 {200, 250, 10},    {100, 250, 5},      {0, 250, 5},
                 {-100, 250, 5},    {-2000, 250, 100},  {-60000, 250, 250},
                 {60000, 5, 5},     {60000, 1000, 1000}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_int_equal(pace_pause_ms(cases[i].remaining, cases[i].longest),
                         cases[i].want);
}

static void
a_run_of_any_length_is_looked_at_some_hundred_times(void **state)
{
    (void)state;
    for (int64_t eta = 1000; eta <= 1000000; eta *= 10) {
        int64_t t = 0, looks = 0;

        for (; t < eta; looks++)
            t += pace_pause_ms(pace_remaining_ms(eta, 0, t), 60000);
        assert_true(looks < 250);
        assert_true(t - eta <= 2 * PACE_MIN_MS);
    }
}

static void
what_waits_before_it_is_waited_for_too(void **state)
{
    (void)state;
    assert_int_equal(pace_remaining_ms(1000, 0, 400), 600);
    assert_int_equal(pace_remaining_ms(1000, 2, 400), 2600);
    assert_int_equal(pace_remaining_ms(1000, 0, 1400), -400);
}

static void
progress_never_says_that_it_is_done(void **state)
{
    (void)state;
    assert_int_equal(pace_progress(1000, 0), 0);
    assert_int_equal(pace_progress(1000, 500), 50);
    assert_int_equal(pace_progress(1000, 5000), PACE_PROGRESS_MAX);
    assert_int_equal(pace_progress(0, 5000), 0);
    assert_int_equal(pace_progress(1000, -5), 0);
}

static void
back_off_doubles_up_to_its_end(void **state)
{
    int64_t ms = 0, sum = 0;

    (void)state;
    for (int i = 0; i < 6; i++)
        sum += ms = pace_backoff_ms(ms, 5000);
    assert_int_equal(ms, 5000);
    assert_int_equal(sum, 250 + 500 + 1000 + 2000 + 4000 + 5000);
}

static void
every_fault_of_comfyui_has_a_class(void **state)
{
    static const struct {
        enum comfy_fault fault;
        enum failure class;
    } cases[] = {
        {COMFY_FAULT_none, FAILURE_internal},
        {COMFY_FAULT_input, FAILURE_input},
        {COMFY_FAULT_moderation, FAILURE_moderation},
        {COMFY_FAULT_workflow, FAILURE_workflow},
        {COMFY_FAULT_oom, FAILURE_oom},
        {COMFY_FAULT_gpu, FAILURE_gpu},
        {COMFY_FAULT_lost, FAILURE_comfy_lost},
        {COMFY_FAULT_timeout, FAILURE_timeout},
        {COMFY_FAULT_interrupted, FAILURE_comfy_lost},
    };

    (void)state;
    assert_int_equal(sizeof(cases) / sizeof(*cases), COMFY_FAULT_COUNT);
    for (size_t i = 0; i < COMFY_FAULT_COUNT; i++)
        assert_int_equal(failure_of_fault(cases[i].fault), cases[i].class);
}

static void
a_verdict_keeps_what_was_known_of_the_run(void **state)
{
    struct verdict v = {.forget_run = true, .was_running = true};

    (void)state;
    assert_int_equal(verdict_fail(&v, FAILURE_oom, "%d of %d", 1, 2), -1);
    assert_int_equal(v.what, VERDICT_FAIL);
    assert_int_equal(v.class, FAILURE_oom);
    assert_string_equal(v.error, "1 of 2");
    assert_true(v.forget_run && v.was_running);
    assert_int_equal(verdict_back(&v, "no"), -1);
    assert_int_equal(v.what, VERDICT_BACK);
    assert_int_equal(verdict_drop(&v), -1);
    assert_int_equal(v.what, VERDICT_DROP);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            pauses_shrink_towards_the_expected_end_and_grow_after_it),
        cmocka_unit_test(a_run_of_any_length_is_looked_at_some_hundred_times),
        cmocka_unit_test(what_waits_before_it_is_waited_for_too),
        cmocka_unit_test(progress_never_says_that_it_is_done),
        cmocka_unit_test(back_off_doubles_up_to_its_end),
        cmocka_unit_test(every_fault_of_comfyui_has_a_class),
        cmocka_unit_test(a_verdict_keeps_what_was_known_of_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Jobs and tasks: names, final states, allowed moves; failure classes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "model/failure.h"
#include "model/job.h"

static void
names_read_back(void **state)
{
    enum job_state j;
    enum task_state t;
    (void)state;
    for (int i = JOB_QUEUED; i <= JOB_CANCELLED; i++) {
        assert_true(job_state_parse(job_state_name((enum job_state)i), &j));
        assert_int_equal(j, i);
    }
    for (int i = TASK_PENDING; i <= TASK_FAILED; i++) {
        assert_true(task_state_parse(task_state_name((enum task_state)i), &t));
        assert_int_equal(t, i);
    }
    assert_false(job_state_parse("done", &j));
    assert_false(task_state_parse("completed", &t));
}

static void
final_states_never_change(void **state)
{
    (void)state;
    for (int to = JOB_QUEUED; to <= JOB_CANCELLED; to++) {
        assert_false(job_move_allowed(JOB_COMPLETED, (enum job_state)to));
        assert_false(job_move_allowed(JOB_FAILED, (enum job_state)to));
        assert_false(job_move_allowed(JOB_CANCELLED, (enum job_state)to));
    }
    for (int to = TASK_PENDING; to <= TASK_FAILED; to++) {
        assert_false(task_move_allowed(TASK_SUCCESS, (enum task_state)to));
        assert_false(task_move_allowed(TASK_FAILED, (enum task_state)to));
    }
    assert_true(job_move_allowed(JOB_QUEUED, JOB_PROCESSING));
    assert_false(job_move_allowed(JOB_PROCESSING, JOB_QUEUED));
    assert_true(task_move_allowed(TASK_PROCESSING, TASK_PENDING));
    assert_false(task_move_allowed(TASK_PENDING, TASK_SUCCESS));
}

static void
delays_follow_the_list_and_its_last_repeats(void **state)
{
    (void)state;
    assert_int_equal(failure_delay_ms("5,10,20", 1, 0), 5000);
    assert_int_equal(failure_delay_ms("5,10,20", 3, 0), 20000);
    assert_int_equal(failure_delay_ms("5,10,20", 9, 0), 20000);
    assert_int_equal(failure_delay_ms("5", 2, 0), 5000);
    /* jitter: at most a tenth more */
    assert_int_equal(failure_delay_ms("10", 1, 1000), 11000);
}

static void
classes_say_what_follows(void **state)
{
    enum failure f;
    (void)state;
    assert_true(failure_parse("oom", &f));
    assert_true(failure_table[f].counted && failure_table[f].retry);
    assert_true(failure_parse("comfy_lost", &f));
    assert_false(failure_table[f].counted); /* an outage costs no retry */
    assert_true(failure_table[f].loss && failure_table[f].unhealthy);
    assert_true(failure_parse("input", &f));
    assert_false(failure_table[f].retry);
    assert_false(failure_parse("bad luck", &f));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_read_back),
        cmocka_unit_test(final_states_never_change),
        cmocka_unit_test(delays_follow_the_list_and_its_last_repeats),
        cmocka_unit_test(classes_say_what_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

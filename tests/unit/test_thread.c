/* test_thread.c - base/thread.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/thread.h"

static char seen_name[16];
static size_t seen_stack;

static void *
look_at_self(void *arg)
{
    pthread_attr_t attr;

    pthread_getname_np(pthread_self(), seen_name, sizeof(seen_name));
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstacksize(&attr, &seen_stack);
    pthread_attr_destroy(&attr);
    *(int *)arg = 42;
    return NULL;
}

static void
a_thread_runs_with_its_name_and_stack(void **state)
{
    pthread_t t;
    int value = 0;

    (void)state;
    thread_start(&t, "a-name-far-too-long", look_at_self, &value);
    thread_join(t);
    assert_int_equal(value, 42);
    assert_string_equal(seen_name, "a-name-far-too-");
    assert_true(seen_stack >= THREAD_STACK_BYTES);
}

static void
waiting_ends_when_time_runs_out(void **state)
{
    pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t c;
    int64_t start = clock_mono_us();

    (void)state;
    cond_init(&c);
    pthread_mutex_lock(&m);
    while (cond_wait_ms(&c, &m, 20))
        continue; /* a wake-up without reason */
    assert_true(clock_mono_us() - start >= 20000);
    assert_false(cond_wait_ms(&c, &m, 0));
    pthread_mutex_unlock(&m);
    pthread_cond_destroy(&c);
}

struct box {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool full;
};

static void *
fill(void *arg)
{
    struct box *b = arg;

    pthread_mutex_lock(&b->lock);
    b->full = true;
    pthread_cond_signal(&b->cond);
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

static void
a_signal_ends_waiting(void **state)
{
    static const int64_t waits[] = {-1, 60000, INT64_MAX};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct box b = {.lock = PTHREAD_MUTEX_INITIALIZER};
        pthread_t t;

        cond_init(&b.cond);
        pthread_mutex_lock(&b.lock);
        thread_start(&t, "fill", fill, &b);
        while (!b.full)
            assert_true(cond_wait_ms(&b.cond, &b.lock, waits[i]));
        pthread_mutex_unlock(&b.lock);
        thread_join(t);
        pthread_cond_destroy(&b.cond);
    }
}

static void
a_stop_not_set_sleeps_its_time(void **state)
{
    struct stop s;
    int64_t start = clock_mono_us();

    (void)state;
    stop_init(&s);
    assert_false(stop_is_set(&s));
    assert_false(stop_wait_ms(&s, 0));
    assert_false(stop_wait_ms(&s, 20));
    assert_true(clock_mono_us() - start >= 20000);
}

static void *
sleep_until_stopped(void *arg)
{
    return stop_wait_ms(arg, 600000) ? arg : NULL;
}

static void
setting_a_stop_wakes_all_sleepers_for_ever(void **state)
{
    struct stop s;
    pthread_t t[4];

    (void)state;
    stop_init(&s);
    for (int i = 0; i < 4; i++)
        thread_start(&t[i], "sleeper", sleep_until_stopped, &s);
    stop_set(&s);
    stop_set(&s);
    for (int i = 0; i < 4; i++) {
        void *result = NULL;

        assert_int_equal(pthread_join(t[i], &result), 0);
        assert_ptr_equal(result, &s);
    }
    assert_true(stop_is_set(&s));
    assert_true(stop_wait_ms(&s, 600000));
    assert_true(stop_wait_ms(&s, -1));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_runs_with_its_name_and_stack),
        cmocka_unit_test(waiting_ends_when_time_runs_out),
        cmocka_unit_test(a_signal_ends_waiting),
        cmocka_unit_test(a_stop_not_set_sleeps_its_time),
        cmocka_unit_test(setting_a_stop_wakes_all_sleepers_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

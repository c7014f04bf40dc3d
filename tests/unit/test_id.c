/* test_id.c - base/id.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/id.h"
#include "base/thread.h"

static void
an_id_starts_with_its_prefix_and_time(void **state)
{
    char id[ID_MAX];

    (void)state;
    clock_test_set(0x0123456789ab, 0);
    id_new(id, "job");
    /* 48 bits in digits of 5, two zero bits in front */
    assert_memory_equal(id, "job_014d2pf2dn", 4 + 9);
    assert_true(id_is(str_c(id), "job"));
    assert_int_equal(strlen(id), 30);
    clock_test_off();
}

static void
ids_ascend_within_a_millisecond_and_when_the_clock_goes_back(void **state)
{
    char before[ID_MAX], id[ID_MAX];

    (void)state;
    clock_test_set(0x0200000000000, 0);
    id_new(before, "job");
    for (int i = 0; i < 20000; i++) {
        if (i == 10000)
            clock_test_set(1000, 0);
        if (i == 15000)
            clock_test_set(0x0200000000005, 0);
        id_new(id, "job");
        assert_true(strcmp(before, id) < 0);
        memcpy(before, id, ID_MAX);
    }
    clock_test_off();
}

#define THREADS 4
#define EACH 5000

static char made[THREADS * EACH][ID_MAX];

static void *
make_ids(void *arg)
{
    char(*out)[ID_MAX] = arg;

    for (int i = 0; i < EACH; i++)
        id_new(out[i], "usr");
    return NULL;
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void
threads_never_get_the_same_id(void **state)
{
    pthread_t t[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        thread_start(&t[i], "ids", make_ids, made[i * EACH]);
    for (int i = 0; i < THREADS; i++)
        thread_join(t[i]);
    qsort(made, THREADS * EACH, ID_MAX, by_text);
    for (int i = 1; i < THREADS * EACH; i++)
        assert_string_not_equal(made[i - 1], made[i]);
}

static void
only_whole_ids_of_the_prefix_are_ids(void **state)
{
    static const struct {
        const char *text;
        bool is;
    } cases[] = {
        {"job_01234567890abcdefghjkmnpqr", true},
        {"job_7zzzzzzzzzzzzzzzzzzzzzzzzz", true},
        {"job_8zzzzzzzzzzzzzzzzzzzzzzzzz", false}, /* more than 128 bits */
        {"job_01234567890abcdefghjkmnpqR", false},
        {"job_01234567890abcdefghjkmnpqi", false},
        {"job_01234567890abcdefghjkmnpql", false},
        {"job_01234567890abcdefghjkmnpqo", false},
        {"job_01234567890abcdefghjkmnpqu", false},
        {"job_01234567890abcdefghjkmnpq", false},
        {"job_01234567890abcdefghjkmnpqrs", false},
        {"job-01234567890abcdefghjkmnpqr", false},
        {"usr_01234567890abcdefghjkmnpqr", false},
        {"jobs01234567890abcdefghjkmnpqr", false},
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(id_is(str_c(cases[i].text), "job"), cases[i].is);
    assert_false(id_is(STR("job_01234567890abcdefghjkmnp\0r"), "job"));
}

static void
a_task_has_eight_hex_digits(void **state)
{
    char id[9];

    (void)state;
    for (int i = 0; i < 100; i++) {
        id_task(id);
        assert_true(id_is_task(str_c(id)));
    }
    assert_false(id_is_task(STR("0123abc")));
    assert_false(id_is_task(STR("0123abcde")));
    assert_false(id_is_task(STR("0123ABCD")));
    assert_false(id_is_task(STR("0123abcg")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_starts_with_its_prefix_and_time),
        cmocka_unit_test(threads_never_get_the_same_id),
        cmocka_unit_test(
            ids_ascend_within_a_millisecond_and_when_the_clock_goes_back),
        cmocka_unit_test(only_whole_ids_of_the_prefix_are_ids),
        cmocka_unit_test(a_task_has_eight_hex_digits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_err.c - base/err.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/err.h"

static void
set_keeps_code_and_sentence_and_gives_minus_one(void **state)
{
    struct err e;

    (void)state;
    err_clear(&e);
    assert_int_equal(e.code, ERR_NONE);
    assert_string_equal(e.msg, "");
    assert_int_equal(err_set(&e, ERR_CONFLICT, "version %d, not %d", 3, 2), -1);
    assert_int_equal(e.code, ERR_CONFLICT);
    assert_string_equal(e.msg, "version 3, not 2");
}

static void
wrap_puts_context_in_front(void **state)
{
    struct err e;

    (void)state;
    err_set(&e, ERR_TIMEOUT, "no answer in 5 s");
    assert_int_equal(err_wrap(&e, "job %s", "job_1"), -1);
    assert_int_equal(err_wrap(&e, "worker"), -1);
    assert_int_equal(e.code, ERR_TIMEOUT);
    assert_string_equal(e.msg, "worker: job job_1: no answer in 5 s");
}

static void
its_own_sentence_may_be_an_argument(void **state)
{
    struct err e;

    (void)state;
    err_set(&e, ERR_INTERNAL, "one");
    err_set(&e, ERR_BAD_INPUT, "%s, two", e.msg);
    assert_string_equal(e.msg, "one, two");
    err_wrap(&e, "[%s]", e.msg);
    assert_string_equal(e.msg, "[one, two]: one, two");
}

static void
long_sentences_are_cut(void **state)
{
    char text[2000];
    struct err e;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    err_set(&e, ERR_INTERNAL, "%s", text);
    assert_int_equal(strlen(e.msg), ERR_MSG_MAX - 1);
    err_wrap(&e, "context");
    assert_int_equal(strlen(e.msg), ERR_MSG_MAX - 1);
    assert_memory_equal(e.msg, "context: xxx", 12);
    err_wrap(&e, "%s", text);
    assert_int_equal(strlen(e.msg), ERR_MSG_MAX - 1);
}

static void
nobody_needs_to_want_the_error(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, ERR_TIMEOUT, "x"), -1);
    assert_int_equal(err_wrap(NULL, "x"), -1);
    err_clear(NULL);
}

static void
each_code_has_its_own_name(void **state)
{
    (void)state;
    for (int i = ERR_NONE; i <= ERR_INTERNAL; i++) {
        assert_string_not_equal(err_code_name((enum err_code)i), "unknown");
        for (int k = ERR_NONE; k < i; k++)
            assert_string_not_equal(err_code_name((enum err_code)i),
                                    err_code_name((enum err_code)k));
    }
    assert_string_equal(err_code_name(ERR_TIMEOUT), "timeout");
    assert_string_equal(err_code_name((enum err_code)99), "unknown");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_keeps_code_and_sentence_and_gives_minus_one),
        cmocka_unit_test(wrap_puts_context_in_front),
        cmocka_unit_test(its_own_sentence_may_be_an_argument),
        cmocka_unit_test(long_sentences_are_cut),
        cmocka_unit_test(nobody_needs_to_want_the_error),
        cmocka_unit_test(each_code_has_its_own_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

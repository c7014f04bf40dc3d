/* test_delivery.c - model/delivery.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "model/delivery.h"

static void
names_read_back(void **state)
{
    enum delivery_state s;

    (void)state;
    for (int i = DELIVERY_QUEUED; i <= DELIVERY_FAILED; i++) {
        assert_true(delivery_state_parse(
            delivery_state_name((enum delivery_state)i), &s));
        assert_int_equal(s, i);
    }
    assert_false(delivery_state_parse("", &s));
    assert_false(delivery_state_parse("Sent", &s));
}

static void
only_sent_and_failed_are_final(void **state)
{
    (void)state;
    for (int i = DELIVERY_QUEUED; i <= DELIVERY_FAILED; i++)
        assert_int_equal(delivery_state_is_final((enum delivery_state)i),
                         i == DELIVERY_SENT || i == DELIVERY_FAILED);
}

static void
a_sender_reports_everything_but_sending(void **state)
{
    (void)state;
    for (int i = DELIVERY_QUEUED; i <= DELIVERY_FAILED; i++)
        assert_int_equal(delivery_report_allowed((enum delivery_state)i),
                         i != DELIVERY_SENDING);
}

static void
only_edits_may_be_repeated(void **state)
{
    (void)state;
    assert_true(delivery_is_repeatable("edit"));
    assert_true(delivery_is_repeatable("status"));
    assert_false(delivery_is_repeatable("message"));
    assert_false(delivery_is_repeatable("result"));
    assert_false(delivery_is_repeatable("album"));
    assert_false(delivery_is_repeatable("note"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_read_back),
        cmocka_unit_test(only_sent_and_failed_are_final),
        cmocka_unit_test(a_sender_reports_everything_but_sending),
        cmocka_unit_test(only_edits_may_be_repeated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

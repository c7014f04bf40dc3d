/*
 * Telegram fails on the message that carries the picture: at least one
 * picture and at most two, one charge, and a delivery that knows its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "tests/support/guest.h"

#define END_MS 60000
#define PRESET "negative" /* one credit, sent by sendPhoto */

static struct shop shop;
static struct guest anna;
static int64_t balance;
static size_t pictures;

static int
open_shop(void **state)
{
    (void)state;
    shop_start(&shop, &(struct shop_config){
                          .no_limits = true,
                          .env = {"LEASE_MS=1500", "HEARTBEAT_MS=200",
                                  "SANDBOX_RENDER_MS=300",
                                  "INITIAL_BALANCE=1000", NULL}});
    guest_in(&anna, &shop, "Anna", "en");
    return 0;
}

static int
close_shop(void **state)
{
    (void)state;
    guest_out(&anna);
    shop_stop(&shop);
    return 0;
}

static int
remember(void **state)
{
    (void)state;
    shop_call(&shop, "DELETE", "telegram:/sandbox/faults", NULL, NULL);
    balance = shop_balance(&shop, &anna.p);
    pictures = guest_pictures(&anna);
    return 0;
}

/* State of the newest result. */
static const char *
result_state(void)
{
    return shop_cell(&shop, "SELECT state FROM deliveries WHERE kind = "
                            "'result' ORDER BY created_at DESC, id DESC");
}

static void
result_must_be(const char *wanted)
{
    int64_t until_ms = clock_mono_ms() + END_MS;

    while (strcmp(result_state(), wanted) != 0) {
        if (clock_mono_ms() > until_ms)
            guest_fail(&anna, "the delivery is %s, not %s", result_state(),
                       wanted);
        clock_sleep_ms(20);
    }
}

/* Until the job is there; it is the newest one then. */
static void
order(void)
{
    int64_t until_ms = clock_mono_ms() + END_MS;
    size_t n = guest_jobs(&anna);

    guest_buys(&anna, 0, PRESET);
    while (guest_jobs(&anna) == n) {
        assert_true(clock_mono_ms() < until_ms);
        clock_sleep_ms(5);
    }
}

static void
buy(void)
{
    order();
    guest_job_is(&anna, 0, "completed");
}

static void
must_arrive(size_t at_most)
{
    size_t n;

    result_must_be("sent");
    n = guest_pictures(&anna) - pictures;
    if (n < 1 || n > at_most)
        guest_fail(&anna, "%zu pictures", n);
    guest_has(&anna, balance - 1);
    shop_check(&shop);
}

static void
fault_at(const char *method, const char *kind, int count)
{
    char json[160];

    snprintf(json, sizeof json,
             "{\"method\":\"%s\",\"kind\":\"%s\",\"count\":%d,"
             "\"retry_after\":1,\"ms\":700}",
             method, kind, count);
    shop_telegram_fault(&shop, json);
}

/* ---- the outcome is known: one picture ---- */

static void
a_limit_is_waited_for(void **state)
{
    (void)state;
    fault_at("sendPhoto", "429", 2);
    buy();
    must_arrive(1);
}

static void
a_slow_answer_is_waited_for(void **state)
{
    (void)state;
    fault_at("sendPhoto", "delay", 1);
    buy();
    must_arrive(1);
}

/* ---- it may or may not have taken effect: at most two ---- */

static void
an_error_of_the_server(void **state)
{
    (void)state;
    fault_at("sendPhoto", "500", 1);
    buy();
    must_arrive(1); /* it had no effect here, though nobody told us */
    remember(state);
    fault_at("sendPhoto", "502", 1);
    buy();
    must_arrive(1);
}

static void
a_connection_that_is_closed_before_any_effect(void **state)
{
    (void)state;
    fault_at("sendPhoto", "drop", 1);
    buy();
    must_arrive(1);
}

static void
an_answer_that_is_lost(void **state)
{
    (void)state;
    fault_at("sendPhoto", "lost", 1);
    buy();
    must_arrive(2);
    remember(state);
    fault_at("sendPhoto", "lost_502", 1);
    buy();
    must_arrive(2);
}

/* Twice unknown is enough: never a third picture. */
static void
answers_that_are_always_lost(void **state)
{
    (void)state;
    fault_at("sendPhoto", "lost", -1);
    buy();
    result_must_be("failed");
    assert_int_equal(guest_pictures(&anna), pictures + 2);
    guest_has(&anna, balance - 1);
    assert_int_not_equal(
        strlen(shop_cell(&shop, "SELECT error FROM deliveries WHERE kind = "
                                "'result' ORDER BY created_at DESC, id DESC")),
        0);
    shop_check(&shop);
}

/* A status message that fails in every way costs no picture. */
static void
status_messages_that_fail(void **state)
{
    static const char *const kinds[] = {"500", "lost", "429", "drop"};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        remember(state);
        guest_card(&anna, 0, PRESET);
        fault_at("editMessageText", kinds[i], 2);
        guest_presses(&anna, "v1:buy:");
        guest_gets(&anna, NULL);
        must_arrive(1);
    }
}

/* ---- people who block the bot ---- */

static void
a_picture_waits_for_somebody_who_blocked_the_bot(void **state)
{
    (void)state;
    order();
    guest_blocks(&anna, true);
    guest_job_is(&anna, 0, "completed");
    result_must_be("waiting_user");
    guest_has(&anna, balance - 1);
    assert_int_equal(guest_pictures(&anna), pictures);
    shop_check(&shop);
    guest_blocks(&anna, false);
    guest_gets(&anna, NULL);
    must_arrive(1);
}

static void
others_do_not_wait_for_them(void **state)
{
    struct guest bob;

    (void)state;
    guest_in(&bob, &shop, "Bob", "ru");
    order();
    guest_blocks(&anna, true);
    guest_buys(&bob, 1, PRESET);
    guest_gets(&bob, NULL);
    guest_out(&bob);
    guest_job_is(&anna, 0, "completed");
    guest_blocks(&anna, false);
    guest_gets(&anna, NULL);
    must_arrive(1);
}

/* ---- a sender that dies with a message in flight ---- */

static void
a_worker_killed_while_it_sends(void **state)
{
    int64_t until_ms = clock_mono_ms() + END_MS;

    (void)state;
    fault_at("sendPhoto", "delay", 1);
    buy();
    while (strcmp(result_state(), "sending") != 0) {
        assert_true(clock_mono_ms() < until_ms);
        clock_sleep_ms(2);
    }
    shop_kill(&shop, "worker");
    must_arrive(2);
}

static void
a_backend_killed_while_a_picture_is_sent(void **state)
{
    int64_t until_ms = clock_mono_ms() + END_MS;

    (void)state;
    fault_at("sendPhoto", "delay", 1);
    buy();
    while (strcmp(result_state(), "sending") != 0) {
        assert_true(clock_mono_ms() < until_ms);
        clock_sleep_ms(2);
    }
    shop_kill(&shop, "backend");
    must_arrive(1); /* the worker goes on and tells it later */
}

/* ---- the dialogue ---- */

static void
a_card_whose_answer_is_lost_sells_once(void **state)
{
    struct person_event ev;
    struct err e;

    (void)state;
    fault_at("sendMessage", "lost", 1);
    guest_sends(&anna, 0, NULL);
    if (person_choose(&anna.p, PRESET, &ev, &e) != 0)
        guest_fail(&anna, "%s", e.msg);
    guest_presses(&anna, "v1:buy:");
    guest_gets(&anna, NULL);
    must_arrive(1);
}

static void
a_press_that_cannot_be_answered_still_buys(void **state)
{
    (void)state;
    fault_at("answerCallbackQuery", "500", 3);
    guest_buys(&anna, 0, PRESET);
    guest_gets(&anna, NULL);
    must_arrive(1);
}

static void
a_photo_that_telegram_does_not_give_is_asked_for_again(void **state)
{
    (void)state;
    fault_at("file", "502", 2);
    buy();
    must_arrive(1);
}

#define FAULT_TEST(fn) cmocka_unit_test_setup(fn, remember)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FAULT_TEST(a_limit_is_waited_for),
        FAULT_TEST(a_slow_answer_is_waited_for),
        FAULT_TEST(an_error_of_the_server),
        FAULT_TEST(a_connection_that_is_closed_before_any_effect),
        FAULT_TEST(an_answer_that_is_lost),
        FAULT_TEST(answers_that_are_always_lost),
        FAULT_TEST(status_messages_that_fail),
        FAULT_TEST(a_picture_waits_for_somebody_who_blocked_the_bot),
        FAULT_TEST(others_do_not_wait_for_them),
        FAULT_TEST(a_worker_killed_while_it_sends),
        FAULT_TEST(a_backend_killed_while_a_picture_is_sent),
        FAULT_TEST(a_card_whose_answer_is_lost_sells_once),
        FAULT_TEST(a_press_that_cannot_be_answered_still_buys),
        FAULT_TEST(a_photo_that_telegram_does_not_give_is_asked_for_again),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}

/* test_bot_flow_card.c - bot/flow_card.c: offers, buying, once more */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/id.h"
#include "tests/support/bot_talk.h"

#define OFF "off_01arz3ndektsv4rrffq69g5fav"
#define JOB "job_01arz3ndektsv4rrffq69g5fav"
#define OFFER(preset, price, items, status)                                    \
    "{\"id\":\"" OFF "\",\"preset\":\"" preset "\",\"price\":" price           \
    ",\"total\":5,\"items\":" items ",\"status\":\"" status "\"}"
#define ITEM "{\"photo\":{\"telegram_file_id\":\"f9\",\"size\":7}}"
#define PROBLEM(status, code, more)                                            \
    "{\"type\":\"about:blank\",\"title\":\"t\",\"status\":" status             \
    ",\"code\":\"" code "\"" more "}"
#define THE_JOB(user, preset, status, more)                                    \
    "{\"id\":\"" JOB "\",\"status\":\"" status "\",\"price\":5,"               \
    "\"user_id\":\"" user "\",\"preset\":\"" preset "\",\"inputs\":"           \
    "{\"photo\":{\"telegram_file_id\":\"f9\"},\"prompt\":\"in oil\"},"         \
    "\"title\":{\"ru\":\"Сепия\",\"en\":\"sepia\"},\"created_at\":1" more "}"

static struct talk t;

static int
start(void **state)
{
    (void)state;
    talk_start(&t);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    talk_end(&t);
    return 0;
}

static void
show_card(void)
{
    talk_photo(&t, "file1", "");
    talk_press(&t, "v1:preset:sepia");
    assert_string_equal(t.said, "edit card");
}

static void
the_card_shows_price_balance_and_time(void **state)
{
    const char *shown;

    (void)state;
    show_card();
    shown = talk_shown(&t, 0, "en");
    assert_non_null(strstr(shown, "sepia"));
    assert_non_null(strstr(shown, "Warm"));
    assert_non_null(strstr(shown, "Price: 5 credits"));
    assert_non_null(strstr(shown, "You have: 60 credits"));
    assert_non_null(strstr(shown, "Ready in about 2 s"));
    assert_true(id_is(str_c(t.f.offers[0].id), "off"));
    assert_string_equal(t.d.offer, t.f.offers[0].id);
}

static void
too_little_money_keeps_the_card(void **state)
{
    const char *buy;

    (void)state;
    show_card();
    buy = talk_button(&t, "btn_buy");
    talk_answer(
        &t, "job_create", 402,
        PROBLEM("402", "insufficient_credits", ",\"price\":5,\"balance\":3"));
    talk_press(&t, buy);
    assert_string_equal(t.said, "message not_enough");
    assert_non_null(
        strstr(talk_shown(&t, 0, "en"), "it takes 5, and you have 3"));
    assert_int_equal(talk_buttons(&t, "btn_topup"), 1);
    assert_int_equal(t.d.step, DIALOG_CARD);
    talk_answer(&t, "job_create", 201, "{\"jobs\":[],\"balance\":0}");
    talk_press(&t, buy); /* after the top-up */
    assert_string_equal(t.said, "");
    assert_int_equal(t.d.step, DIALOG_IDLE);
}

static void
a_second_tap_buys_nothing_new_and_says_nothing(void **state)
{
    (void)state;
    talk_answer(&t, "job_create", 200, "{\"jobs\":[],\"balance\":55}");
    talk_press(&t, "v1:buy:" OFF);
    assert_string_equal(t.said, "");
    assert_string_equal(t.toast, "");
}

static void
a_press_on_a_message_too_old_to_edit_still_buys(void **state)
{
    (void)state;
    t.inaccessible = true;
    talk_answer(&t, "job_create", 201, "{\"jobs\":[],\"balance\":55}");
    talk_press(&t, "v1:buy:" OFF);
    assert_null(strstr(t.asked, "card_message_id"));
}

static void
a_changed_price_makes_a_new_card(void **state)
{
    (void)state;
    talk_answer(&t, "job_create", 409,
                PROBLEM("409", "price_changed", ",\"price\":8"));
    talk_answer(&t, "offer_get", 200,
                OFFER("sepia", "5", "[" ITEM "]", "open"));
    talk_press(&t, "v1:buy:" OFF);
    assert_string_equal(t.said, "edit price_changed, message card");
    assert_int_equal(t.f.n_offers, 1);
    assert_string_equal(t.f.offers[0].from_offer, OFF);
    assert_true(t.f.offers[0].price == 8);
    assert_string_not_equal(t.f.offers[0].id, OFF);
    assert_non_null(strstr(talk_shown(&t, 0, "en"), "it is 8 now"));
}

static void
an_expired_offer_makes_a_new_card(void **state)
{
    (void)state;
    talk_answer(&t, "job_create", 409, PROBLEM("409", "offer_expired", ""));
    talk_answer(&t, "offer_get", 200,
                OFFER("sepia", "5", "[" ITEM "," ITEM "]", "expired"));
    talk_press(&t, "v1:buy:" OFF);
    assert_string_equal(t.said, "edit offer_expired, message card_album");
    assert_true(t.f.offers[0].price == 5);
}

static void
a_new_card_follows_the_dialogue(void **state)
{
    const char *old;

    (void)state;
    show_card();
    old = t.f.offers[0].id;
    talk_answer(&t, "job_create", 409, PROBLEM("409", "offer_expired", ""));
    talk_answer(&t, "offer_get", 200,
                arena_fmt(t.a,
                          "{\"id\":\"%s\",\"preset\":\"sepia\",\"price\":5,"
                          "\"total\":5,\"items\":[" ITEM "],"
                          "\"status\":\"expired\"}",
                          old));
    talk_press(&t, arena_fmt(t.a, "v1:buy:%s", old));
    assert_string_equal(t.d.offer, t.f.offers[0].id);
    assert_string_not_equal(t.d.offer, old);
}

static void
what_is_away_or_gone_is_explained(void **state)
{
    (void)state;
    talk_answer(&t, "job_create", 409, PROBLEM("409", "preset_away", ""));
    talk_answer(&t, "offer_get", 200, OFFER("away", "7", "[" ITEM "]", "open"));
    talk_press(&t, "v1:buy:" OFF);
    assert_string_equal(t.said, "message preset_away");
    talk_answer(&t, "job_create", 409, PROBLEM("409", "preset_gone", ""));
    talk_press(&t, "v1:buy:" OFF);
    assert_string_equal(t.said,
                        "message preset_unknown, message choose_preset");
    talk_answer(&t, "job_create", 404, PROBLEM("404", "not_found", ""));
    talk_press(&t, "v1:buy:" OFF);
    assert_string_equal(t.said, "edit -, message offer_gone");
}

static void
an_absent_backend_is_no_answer(void **state)
{
    (void)state;
    talk_answer(&t, "job_create", 0, "");
    talk_press(&t, "v1:buy:" OFF);
    assert_int_equal(t.rc, -1);
    assert_int_equal(t.f.n_deliveries, 0);
}

static void
a_dropped_card_says_that_nothing_was_charged(void **state)
{
    const char *drop;

    (void)state;
    show_card();
    drop = talk_button(&t, "btn_cancel");
    talk_answer(&t, "offer_get", 200,
                OFFER("sepia", "5", "[" ITEM "]", "open"));
    talk_press(&t, drop);
    assert_string_equal(t.said, "edit card_cancelled");
    assert_int_equal(t.d.step, DIALOG_IDLE);
    talk_answer(&t, "offer_get", 200,
                OFFER("sepia", "5", "[" ITEM "]", "used"));
    talk_press(&t, "v1:drop:" OFF);
    assert_string_equal(t.said, "edit -, message old_button");
}

static void
another_effect_from_the_card_keeps_its_photos(void **state)
{
    (void)state;
    talk_answer(&t, "offer_get", 200,
                OFFER("sepia", "5", "[" ITEM "," ITEM "]", "open"));
    talk_press(&t, "v1:other:" OFF);
    assert_string_equal(t.said, "edit got_photos");
    assert_int_equal(t.d.step, DIALOG_PICK);
    assert_int_equal(t.d.photos.n, 2);
    assert_string_equal(t.d.photos.list[1].file_id, "f9");
}

static void
repeat_makes_a_new_card_of_the_job(void **state)
{
    (void)state;
    talk_answer(&t, "job_get", 200, THE_JOB("usr_1", "sepia", "completed", ""));
    talk_press(&t, "v1:repeat:" JOB);
    assert_string_equal(t.said, "message card");
    assert_string_equal(t.f.offers[0].from_job, JOB);
    assert_true(t.f.offers[0].price == 5);
    talk_answer(&t, "job_get", 200, THE_JOB("usr_1", "away", "failed", ""));
    talk_press(&t, "v1:repeat:" JOB);
    assert_string_equal(t.said, "message preset_away");
    talk_answer(&t, "job_get", 200, THE_JOB("usr_1", "gone", "failed", ""));
    talk_press(&t, "v1:repeat:" JOB);
    assert_string_equal(t.said,
                        "message preset_unknown, message choose_preset");
}

static void
other_under_a_result_offers_its_photo_again(void **state)
{
    (void)state;
    talk_answer(&t, "job_get", 200,
                THE_JOB("usr_1", "restyle", "completed", ""));
    talk_press(&t, "v1:other:" JOB);
    assert_string_equal(t.said, "message got_photo");
    assert_string_equal(t.d.photos.list[0].file_id, "f9");
    assert_string_equal(t.d.prompt, "in oil");
}

static void
jobs_of_others_are_not_touched(void **state)
{
    static const char *const verbs[] = {"repeat", "other", "again", "cancel"};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        talk_answer(&t, "job_get", 200,
                    THE_JOB("usr_2", "sepia", "completed", ""));
        talk_press(&t, arena_fmt(t.a, "v1:%s:" JOB, verbs[i]));
        assert_string_equal(t.said, "edit -, message old_button");
        assert_int_equal(t.f.n_offers, 0);
    }
}

static void
an_offer_that_the_backend_refuses_ends_in_words(void **state)
{
    (void)state;
    talk_photo(&t, "file1", "");
    t.refused = true;
    talk_press(&t, "v1:preset:sepia");
    assert_string_equal(t.said, "message offer_gone");
    assert_int_equal(t.f.n_offers, 0);
    talk_answer(&t, "job_get", 200, THE_JOB("usr_1", "sepia", "completed", ""));
    talk_press(&t, "v1:repeat:" JOB);
    assert_string_equal(t.said, "message offer_gone");
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, end)
    const struct CMUnitTest tests[] = {
        T(the_card_shows_price_balance_and_time),
        T(too_little_money_keeps_the_card),
        T(a_second_tap_buys_nothing_new_and_says_nothing),
        T(a_press_on_a_message_too_old_to_edit_still_buys),
        T(a_changed_price_makes_a_new_card),
        T(an_expired_offer_makes_a_new_card),
        T(a_new_card_follows_the_dialogue),
        T(what_is_away_or_gone_is_explained),
        T(an_absent_backend_is_no_answer),
        T(a_dropped_card_says_that_nothing_was_charged),
        T(another_effect_from_the_card_keeps_its_photos),
        T(repeat_makes_a_new_card_of_the_job),
        T(other_under_a_result_offers_its_photo_again),
        T(jobs_of_others_are_not_touched),
        T(an_offer_that_the_backend_refuses_ends_in_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

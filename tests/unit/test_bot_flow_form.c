/* test_bot_flow_form.c - bot/flow_form.c: a form, field by field */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/bot_talk.h"

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
each_field_is_asked_for_in_turn(void **state)
{
    (void)state;
    talk_press(&t, "v1:preset:restyle");
    assert_string_equal(t.said, "edit ask_photo");
    assert_non_null(strstr(talk_shown(&t, 0, "en"), "step 1 of 4"));
    talk_photo(&t, "f1", "");
    assert_string_equal(t.said, "message ask_text");
    assert_non_null(strstr(talk_shown(&t, 0, "en"), "up to 20 characters"));
    talk_text(&t, "  in <oil> & ink ");
    assert_string_equal(t.said, "message ask_number");
    assert_non_null(strstr(talk_shown(&t, 0, "en"), "from 0 to 1"));
    talk_text(&t, "0,5");
    assert_string_equal(t.said, "message ask_number");
    talk_press(&t, talk_button(&t, "btn_default"));
    assert_string_equal(t.said, "edit card");
    assert_string_equal(
        t.f.offers[0].items.p,
        "[{\"photo\":{\"telegram_file_id\":\"f1\",\"file_unique_id\":\"u\","
        "\"size\":5000,\"width\":800,\"height\":600},"
        "\"prompt\":\"in <oil> & ink\",\"strength\":0.5,\"count\":3}]");
    assert_non_null(strstr(talk_shown(&t, 0, "en"), "in <oil> & ink"));
}

static void
a_caption_answers_the_text(void **state)
{
    (void)state;
    talk_photo(&t, "f1", "in watercolour");
    talk_press(&t, "v1:preset:restyle");
    assert_string_equal(t.said, "edit ask_number");
    talk_press(&t, talk_button(&t, "btn_skip"));
    talk_press(&t, talk_button(&t, "btn_default"));
    assert_non_null(strstr(t.f.offers[0].items.p,
                           "\"prompt\":\"in watercolour\",\"count\":3"));
}

static void
a_caption_that_is_too_long_is_told_and_asked_again(void **state)
{
    (void)state;
    talk_photo(&t, "f1", "a caption of more than twenty points");
    talk_press(&t, "v1:preset:restyle");
    assert_string_equal(t.said, "message text_long, edit ask_text");
}

static void
words_before_the_photo_are_kept_as_the_description(void **state)
{
    (void)state;
    talk_press(&t, "v1:preset:restyle");
    talk_text(&t, "in oil");
    assert_string_equal(t.said, "message hint_photo_first");
    talk_photo(&t, "f1", "");
    assert_string_equal(t.said, "message ask_number");
    t.state = "";
    talk_press(&t, "v1:preset:sepia");
    talk_text(&t, "in oil");
    assert_string_equal(t.said, "message need_photo");
}

static void
answers_that_do_not_fit_are_explained(void **state)
{
    static const struct {
        const char *said, *want;
    } texts[] =
        {
            {"one two three four five six", "message text_long"},
            {"   ", "message text_empty"},
            {"двадцать точек ровно", "message ask_number"},
        },
      numbers[] =
          {
              {"much", "message number_bad"},
              {"1e9", "message number_bad"},
              {"0x1", "message number_bad"},
              {"", "message number_bad"},
              {"-0.1", "message number_range"},
              {"1.01", "message number_range"},
              {"5", "message number_range"},
              {"1.2.3", "message number_bad"},
              {"99999999999999999999", "message number_bad"},
              {"nan", "message number_bad"},
              {"1", "message ask_number"},
          },
      whole[] = {
          {"2.5", "message number_bad"},
          {"0", "message number_range"},
          {"10", "message number_range"},
          {"9", "message card"},
      };

    (void)state;
    talk_photo(&t, "f1", "");
    talk_press(&t, "v1:preset:restyle");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        talk_text(&t, texts[i].said);
        assert_string_equal(t.said, texts[i].want);
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        talk_text(&t, numbers[i].said);
        assert_string_equal(t.said, numbers[i].want);
    }
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        talk_text(&t, whole[i].said);
        assert_string_equal(t.said, whole[i].want);
    }
    assert_non_null(strstr(t.f.offers[0].items.p, "\"count\":9}"));
}

static void
a_choice_can_be_pressed_or_typed(void **state)
{
    (void)state;
    talk_press(&t, "v1:preset:pair");
    talk_photo(&t, "f1", "");
    assert_string_equal(t.said, "message ask_photo");
    talk_photo(&t, "f2", "");
    assert_string_equal(t.said, "message ask_choice");
    assert_int_equal(talk_buttons(&t, "btn_choice"), 2);
    assert_int_equal(talk_buttons(&t, "btn_default"), 1);
    talk_text(&t, "sideways");
    assert_string_equal(t.said, "message choice_unknown");
    talk_text(&t, "Вниз");
    assert_string_equal(t.said, "message card");
    assert_non_null(strstr(t.f.offers[0].items.p, "\"mode\":\"down\""));
}

static void
buttons_of_an_earlier_form_explain_themselves(void **state)
{
    const char *skip, *choice, *stop;

    (void)state;
    talk_press(&t, "v1:preset:pair");
    talk_photo(&t, "f1", "");
    talk_photo(&t, "f2", "");
    skip = talk_button(&t, "btn_default");
    choice = talk_button(&t, "btn_choice");
    stop = talk_button(&t, "btn_cancel");
    talk_press(&t, choice);
    assert_string_equal(t.said, "edit card");
    talk_press(&t, choice); /* pressed twice */
    assert_string_equal(t.toast, "toast_old");
    assert_string_equal(t.said, "edit -, message old_button");
    talk_press(&t, "v1:preset:pair"); /* a new form of the same preset */
    assert_string_equal(t.said, "edit ask_choice");
    talk_press(&t, skip);
    assert_string_equal(t.said, "edit -, message old_button");
    talk_press(&t, stop);
    assert_string_equal(t.said, "edit -, message old_button");
    t.inaccessible = true;
    talk_press(&t, choice);
    assert_string_equal(t.said, "message old_button");
    assert_int_equal(t.d.step, DIALOG_FORM);
}

static void
forged_buttons_of_the_form_do_nothing(void **state)
{
    static const char *const rows[] = {
        "v1:set:1:0:0",         "v1:set:1:2:9", "v1:set:1:99:0",
        "v1:set:1:2",           "v1:skip:1:0",  "v1:skip:1:7",
        "v1:set:1:999999999:1", "v1:skip:1:-1", "v1:set:1:2:x",
    };

    (void)state;
    talk_press(&t, "v1:preset:pair");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        talk_press(&t, rows[i]);
        assert_string_equal(t.said, "edit -, message old_button");
    }
}

static void
cancel_ends_the_form(void **state)
{
    (void)state;
    talk_press(&t, "v1:preset:restyle");
    talk_press(&t, talk_button(&t, "btn_cancel"));
    assert_string_equal(t.said, "edit dialog_cancelled");
    assert_int_equal(t.d.step, DIALOG_IDLE);
    talk_press(&t, "v1:preset:restyle");
    talk_answer(&t, "job_list", 200, "{\"jobs\":[]}");
    talk_text(&t, "/cancel");
    assert_string_equal(t.said, "message dialog_cancelled");
    talk_answer(&t, "job_list", 200, "{\"jobs\":[]}");
    talk_text(&t, "/cancel");
    assert_string_equal(t.said, "message nothing_to_cancel");
}

static void
a_preset_that_went_away_in_mid_form_is_told(void **state)
{
    (void)state;
    talk_photo(&t, "f1", "");
    talk_press(&t, "v1:preset:restyle");
    talk_sell(&t, "");
    talk_text(&t, "in oil");
    assert_string_equal(t.said, "message preset_unknown, message no_presets");
    assert_int_equal(t.d.step, DIALOG_PICK); /* its photo is not lost */
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, end)
    const struct CMUnitTest tests[] = {
        T(each_field_is_asked_for_in_turn),
        T(a_caption_answers_the_text),
        T(a_caption_that_is_too_long_is_told_and_asked_again),
        T(words_before_the_photo_are_kept_as_the_description),
        T(answers_that_do_not_fit_are_explained),
        T(a_choice_can_be_pressed_or_typed),
        T(buttons_of_an_earlier_form_explain_themselves),
        T(forged_buttons_of_the_form_do_nothing),
        T(cancel_ends_the_form),
        T(a_preset_that_went_away_in_mid_form_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

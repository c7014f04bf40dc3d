/* test_bot_flow.c - bot/flow.c and flow_commands.c: who an update is for */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/bot_talk.h"

#define USER(new_account, balance)                                             \
    "{\"id\":\"usr_1\",\"telegram_id\":111,\"language\":\"en\","               \
    "\"balance\":" balance                                                     \
    ",\"held\":0,\"reachable\":true,\"new_account\":" new_account              \
    ",\"created_at\":1}"

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
a_photo_becomes_a_job_in_three_steps(void **state)
{
    (void)state;
    talk_photo(&t, "file1", "");
    assert_string_equal(t.said, "message got_photo");
    talk_press(&t, "v1:preset:sepia");
    assert_string_equal(t.said, "edit card");
    assert_int_equal(t.f.n_offers, 1);
    assert_string_equal(t.f.offers[0].preset, "sepia");
    assert_string_equal(t.f.offers[0].user_id, "usr_1");
    assert_true(t.f.offers[0].price == 5 && t.f.offers[0].reply_to == 101);
    assert_non_null(strstr(t.f.offers[0].items.p, "\"file1\""));
    const char *offer = t.f.offers[0].id;
    talk_answer(&t, "job_create", 201,
                "{\"jobs\":[],\"balance\":55,\"id\":\"job_1\"}");
    talk_press(&t, talk_button(&t, "btn_buy"));
    assert_string_equal(t.said, ""); /* the card becomes the status */
    assert_non_null(strstr(t.asked, offer));
    assert_non_null(strstr(t.asked, "\"card_message_id\":50"));
    assert_int_equal(t.d.step, DIALOG_IDLE);
}

static void
start_registers_and_greets_by_balance(void **state)
{
    (void)state;
    t.known = false;
    talk_answer(&t, "user_register", 201, USER("true", "60"));
    talk_text(&t, "/start ref_42");
    assert_string_equal(t.said, "message start");
    assert_non_null(strstr(t.asked, "\"start_payload\":\"ref_42\""));
    assert_non_null(strstr(t.asked, "\"full_name\":\"Ann <b>\""));
    assert_true(json_bool(talk_body(&t, 0), "menu", false));
    assert_non_null(strstr(talk_shown(&t, 0, "en"), "Ann <b>"));
    assert_non_null(strstr(talk_shown(&t, 0, "en"), "You have 60 credits"));
    assert_null(strstr(talk_shown(&t, 0, "en"), "sandbox"));
}

static void
who_comes_back_is_greeted_shorter(void **state)
{
    (void)state;
    talk_answer(&t, "user_register", 200, USER("false", "41"));
    talk_text(&t, "/start");
    assert_string_equal(t.said, "message start_again");
    assert_null(strstr(t.asked, "start_payload"));
}

static void
a_practice_shop_says_so(void **state)
{
    (void)state;
    t.conf.sandbox = true;
    talk_answer(&t, "user_register", 200, USER("true", "60"));
    talk_text(&t, "/start");
    assert_non_null(strstr(talk_shown(&t, 0, "ru"), "песочница"));
}

static void
a_real_shop_with_the_practice_comfyui_says_so(void **state)
{
    (void)state;
    t.conf.sandbox_comfy = true;
    talk_answer(&t, "user_register", 200, USER("true", "60"));
    talk_text(&t, "/start");
    assert_null(strstr(talk_shown(&t, 0, "en"), "sandbox"));
    assert_non_null(strstr(talk_shown(&t, 0, "en"), "practice ComfyUI"));

    t.conf.sandbox = true;
    talk_answer(&t, "user_register", 200, USER("true", "60"));
    talk_text(&t, "/start");
    assert_non_null(strstr(talk_shown(&t, 0, "en"), "This is the sandbox"));
    assert_non_null(strstr(talk_shown(&t, 0, "en"), "practice ComfyUI"));
}

static void
the_first_message_of_anybody_registers_them(void **state)
{
    (void)state;
    t.known = false;
    talk_answer(&t, "user_register", 201, USER("true", "60"));
    talk_photo(&t, "file1", "");
    assert_string_equal(t.said, "message got_photo");
}

static void
commands_and_menu_labels_answer_in_every_state(void **state)
{
    static const struct {
        const char *said, *want;
    } rows[] = {
        {"/presets", "message choose_preset"},
        {"🎨 Effects", "message choose_preset"},
        {"🎨 Эффекты", "message choose_preset"},
        {"/balance", "message balance"},
        {"💎 Баланс", "message balance"},
        {"/lang", "message lang_choose"},
        {"/help", "message help"},
        {"❓ Help", "message help"},
        {"/help@tintype_bot", "message help"},
        {"/paysupport", "message paysupport"},
        {"/terms", "message terms"},
        {"/nothing", "message command_unknown"},
        {"hello there", "message hint_text"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        t.state = "";
        talk_text(&t, rows[i].said);
        assert_string_equal(t.said, rows[i].want);
    }
    talk_press(&t, "v1:preset:restyle");
    for (size_t i = 0; i + 1 < sizeof(rows) / sizeof(rows[0]); i++) {
        talk_press(&t, "v1:preset:restyle");
        talk_text(&t, rows[i].said);
        assert_string_equal(t.said, rows[i].want);
    }
}

static void
the_balance_names_what_is_reserved(void **state)
{
    (void)state;
    t.user.held = 12;
    talk_text(&t, "/balance");
    assert_non_null(strstr(talk_shown(&t, 0, "en"), "Another 12 credits"));
    talk_press(&t, talk_button(&t, "btn_topup"));
    assert_string_equal(t.said, "message topup");
    assert_non_null(strstr(talk_shown(&t, 0, "en"), "@owner"));
    assert_non_null(strstr(talk_shown(&t, 0, "en"), "usr_1"));
}

static void
the_language_changes_with_its_button(void **state)
{
    (void)state;
    talk_text(&t, "/lang");
    talk_press(&t, talk_button(&t, "btn_lang_ru"));
    assert_string_equal(t.f.language, "ru");
    assert_string_equal(t.toast, "toast_lang");
    assert_string_equal(t.said, "edit -, message lang_changed");
    assert_true(json_bool(talk_body(&t, 1), "menu", false));
}

static void
a_group_is_refused_once(void **state)
{
    static const char said[] =
        "{\"update_id\":7,\"message\":{\"message_id\":1,\"date\":9,"
        "\"chat\":{\"id\":-100,\"type\":\"supergroup\"},"
        "\"from\":{\"id\":111,\"is_bot\":false,\"first_name\":\"A\"},"
        "\"text\":\"/start\"}}";

    (void)state;
    t.known = false; /* nobody is registered by that */
    talk_update(&t, said);
    assert_string_equal(t.said, "message refuse_group");
    assert_true(t.f.deliveries[0].chat_id == -100);
    talk_update(&t, said);
    assert_string_equal(t.said, "");
}

static void
blocking_and_coming_back_is_noted(void **state)
{
    static const char member[] =
        "{\"update_id\":7,\"my_chat_member\":{\"date\":9,"
        "\"chat\":{\"id\":%s,\"type\":\"%s\"},"
        "\"from\":{\"id\":111,\"is_bot\":false,\"first_name\":\"A\"},"
        "\"new_chat_member\":{\"status\":\"%s\"}}}";

    (void)state;
    talk_update(&t, arena_fmt(t.a, member, "111", "private", "kicked"));
    assert_true(t.f.reachable == 0);
    talk_update(&t, arena_fmt(t.a, member, "111", "private", "member"));
    assert_true(t.f.reachable == 1);
    talk_update(&t, arena_fmt(t.a, member, "-5", "group", "kicked"));
    assert_true(t.f.reachable == API_UNSET);
    t.user.reachable = false;
    talk_text(&t, "hello");
    assert_true(t.f.reachable == 1);
}

static void
service_messages_and_bots_get_no_answer(void **state)
{
    (void)state;
    talk_message(&t, "\"pinned_message\":{}");
    assert_string_equal(t.said, "");
    talk_update(&t, "{\"update_id\":7,\"message\":{\"message_id\":1,"
                    "\"chat\":{\"id\":111,\"type\":\"private\"},"
                    "\"from\":{\"id\":5,\"is_bot\":true},\"text\":\"x\"}}");
    assert_string_equal(t.said, "");
    talk_update(&t, "{\"update_id\":7,\"something_new\":{}}");
    assert_string_equal(t.said, "");
}

static void
an_absent_backend_decides_nothing(void **state)
{
    (void)state;
    t.known = false;
    talk_answer(&t, "user_register", 0, "");
    talk_text(&t, "/start");
    assert_int_equal(t.rc, -1);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, end)
    const struct CMUnitTest tests[] = {
        T(a_photo_becomes_a_job_in_three_steps),
        T(start_registers_and_greets_by_balance),
        T(who_comes_back_is_greeted_shorter),
        T(a_practice_shop_says_so),
        T(a_real_shop_with_the_practice_comfyui_says_so),
        T(the_first_message_of_anybody_registers_them),
        T(commands_and_menu_labels_answer_in_every_state),
        T(the_balance_names_what_is_reserved),
        T(the_language_changes_with_its_button),
        T(a_group_is_refused_once),
        T(blocking_and_coming_back_is_noted),
        T(service_messages_and_bots_get_no_answer),
        T(an_absent_backend_decides_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_bot_role.c - `tintype bot` as a process: what it does when the backend
 * refuses, how it starts and stops.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "tests/support/bot_desk.h"

#define PEOPLE                                                                 \
    "\"chat\":{\"id\":111,\"type\":\"private\"},\"from\":{\"id\":111,"         \
    "\"is_bot\":false,\"first_name\":\"Ann\"}"
#define HELP                                                                   \
    "{\"update_id\":1,\"message\":{\"message_id\":5,\"date\":9," PEOPLE        \
    ",\"text\":\"/help\"}}"
#define PHOTO                                                                  \
    "{\"update_id\":1,\"message\":{\"message_id\":5,\"date\":9," PEOPLE        \
    ",\"photo\":[{\"file_id\":\"f\",\"file_unique_id\":\"u\",\"width\":900,"   \
    "\"height\":900}]}}"
#define PICK                                                                   \
    "{\"update_id\":2,\"callback_query\":{\"id\":\"c\",\"data\":"              \
    "\"v1:preset:sepia\",\"from\":{\"id\":111,\"is_bot\":false,"               \
    "\"first_name\":\"Ann\"},\"message\":{\"message_id\":7,\"date\":9,"        \
    "\"chat\":{\"id\":111,\"type\":\"private\"}}}}"
#define PROBLEM(status, code)                                                  \
    "{\"type\":\"about:blank\",\"title\":\"t\",\"status\":" status             \
    ",\"code\":\"" code "\"}"
/* A dialogue that holds a photo. */
#define PICKING                                                                \
    "{\"chat_id\":111,\"version\":5,\"state\":{\"step\":\"pick\","             \
    "\"photos\":[{\"id\":\"f\"}]}}"

static struct bot_desk d;

static int
open_desk(void **state)
{
    (void)state;
    bot_desk_open(&d);
    return 0;
}

static int
close_desk(void **state)
{
    (void)state;
    bot_desk_close(&d);
    return 0;
}

/* ---- the finish and what may come of it ---- */

static void
an_update_is_finished_with_its_messages(void **state)
{
    const char *body;

    (void)state;
    bot_desk_start(&d, NULL);
    bot_desk_update(&d, PHOTO);
    body = bot_desk_wait(&d, "finish", 1);
    assert_non_null(strstr(body, "\"attempt\":1,\"bot_id\":\"4242\""));
    assert_non_null(strstr(body, "\"user_id\":\"usr_1\""));
    assert_non_null(strstr(body, "\"version\":1,\"state\":{\"step\":\"pick\""));
    assert_non_null(strstr(body, "\"wake_ms\":-1"));
    assert_non_null(strstr(body, "got_photo"));
    bot_desk_update(&d, HELP); /* which leaves the dialogue alone */
    assert_null(strstr(bot_desk_wait(&d, "finish", 2), "\"dialog\""));
}

static void
an_older_attempt_is_dropped(void **state)
{
    (void)state;
    bot_desk_plan(&d, "finish", 409, PROBLEM("409", "stale_attempt"));
    bot_desk_start(&d, NULL);
    bot_desk_update(&d, HELP);
    bot_desk_wait(&d, "finish", 1);
    bot_desk_update(&d, HELP);
    bot_desk_wait(&d, "finish", 2);
    assert_int_equal(bot_desk_count(&d, "fail"), 0);
}

static void
a_dialogue_that_moved_on_is_read_again(void **state)
{
    const char *body;

    (void)state;
    bot_desk_plan(&d, "finish", 409, PROBLEM("409", "dialog_version"));
    bot_desk_plan(&d, "dialog", 200, PICKING);
    bot_desk_start(&d, NULL);
    bot_desk_update(&d, PICK);
    assert_non_null(strstr(bot_desk_wait(&d, "finish", 1), "ask_photo"));
    body = bot_desk_wait(&d, "finish", 2);
    assert_non_null(strstr(body, "\"version\":5"));
    assert_non_null(strstr(body, "v1:buy:off_"));
    assert_int_equal(bot_desk_count(&d, "fail"), 0);
}

static void
a_changed_price_is_looked_up_before_the_next_try(void **state)
{
    size_t before;

    (void)state;
    bot_desk_plan(&d, "finish", 409, PROBLEM("409", "dialog_version"));
    bot_desk_plan(&d, "dialog", 200, PICKING);
    bot_desk_plan(&d, "finish", 409, PROBLEM("409", "price_changed"));
    bot_desk_start(&d, NULL);
    bot_desk_update(&d, PICK);
    bot_desk_wait(&d, "finish", 2);
    before = 1;
    bot_desk_wait(&d, "finish", 3);
    assert_true(bot_desk_count(&d, "presets") > before);
    assert_int_equal(bot_desk_count(&d, "fail"), 0);
}

static void
an_offer_that_does_not_fit_is_left_out(void **state)
{
    const char *body;

    (void)state;
    bot_desk_plan(&d, "finish", 409, PROBLEM("409", "dialog_version"));
    bot_desk_plan(&d, "dialog", 200, PICKING);
    bot_desk_plan(&d, "finish", 422, PROBLEM("422", "bad_inputs"));
    bot_desk_start(&d, NULL);
    bot_desk_update(&d, PICK);
    body = bot_desk_wait(&d, "finish", 3);
    assert_null(strstr(body, "\"offers\""));
    assert_non_null(strstr(body, "offer_gone"));
}

static void
a_failure_counts_and_an_outage_does_not(void **state)
{
    (void)state;
    bot_desk_plan(&d, "finish", 500, PROBLEM("500", "internal"));
    bot_desk_start(&d, NULL);
    bot_desk_update(&d, HELP);
    assert_null(strstr(bot_desk_wait(&d, "fail", 1), "\"outage\""));
    for (int i = 0; i < 31; i++)
        bot_desk_plan(&d, "finish", 503, PROBLEM("503", "unavailable"));
    bot_desk_update(&d, HELP);
    assert_non_null(strstr(bot_desk_wait(&d, "fail", 2), "\"outage\":true"));
}

static void
what_cannot_be_read_ends_without_effect(void **state)
{
    const char *body;

    (void)state;
    bot_desk_start(&d, NULL);
    bot_desk_update(&d, "{\"update_id\":3,\"message\":{\"chat\":7}}");
    body = bot_desk_wait(&d, "finish", 1);
    assert_null(strstr(body, "\"deliveries\""));
    assert_null(strstr(body, "\"dialog\""));
    assert_int_equal(bot_desk_count(&d, "fail"), 0);
}

static void
a_press_is_answered_before_it_is_handled(void **state)
{
    int64_t chat, seq;
    char update[600];

    (void)state;
    chat = tg_sandbox_user(&d.tg, "Anna", "en");
    bot_desk_start(&d, NULL);
    seq = json_i64(tg_sandbox_botf(&d.tg, "sendMessage",
                                   "{\"chat_id\":%lld,\"text\":\"x\"}",
                                   (long long)chat),
                   "seq", 0);
    bot_desk_hold(&d);
    tg_sandbox_do(&d.tg,
                  arena_fmt(d.tg.arena, "chats/%lld/press", (long long)chat),
                  "{\"force\":true,\"message_id\":1,\"data\":"
                  "\"v1:cancel:job_x\"}");
    /* the poller brings it to the store; the claim hands it out */
    const char *stored = bot_desk_wait(&d, "store", 1);
    const cJSON *j = json_parse_in(d.tg.arena, str_c(stored), 0, NULL);
    snprintf(update, sizeof(update), "%s",
             json_text(d.tg.arena, json_get(j, "update")));
    bot_desk_update(&d, update);
    tg_sandbox_wait(&d.tg, chat, seq, "kind=callback_answer");
    bot_desk_let_go(&d);
    bot_desk_wait(&d, "finish", 1);
}

/* ---- start and stop ---- */

static void
a_stop_ends_what_is_under_way(void **state)
{
    (void)state;
    bot_desk_start(&d, NULL);
    bot_desk_hold(&d);
    bot_desk_update(&d, HELP);
    bot_desk_wait(&d, "finish", 1);
    bot_desk_let_go(&d);
    assert_int_equal(bot_desk_stop(&d), 0);
    assert_int_equal(bot_desk_count(&d, "fail"), 0);
}

static void
a_second_bot_of_one_id_is_refused_by_name(void **state)
{
    char words[80];

    (void)state;
    bot_desk_start(&d, NULL);
    snprintf(words, sizeof(words), "bot-4242 runs already, as process %ld",
             (long)d.pid);
    assert_int_equal(bot_desk_run(&d, NULL), 1);
    assert_true(bot_desk_logged(&d, words));
}

static void
a_wrong_start_is_one_sentence(void **state)
{
    static const struct {
        const char *setting, *words;
    } rows[] = {
        {"BOT_TOKEN=", "BOT_TOKEN is not set"},
        {"BOT_TOKEN=nonsense", "BOT_TOKEN is no bot token"},
        {"BOT_TOKEN=4242:wrong", "does not know this bot"},
        {"SERVICE_TOKEN=", "SERVICE_TOKEN is not set"},
        {"SANDBOX=0", "keeps the shop of sandbox, this bot is 4242"},
        {"WEBHOOK_URL=https://shop.example/hook", "WEBHOOK_SECRET must be"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(bot_desk_run(&d, rows[i].setting), 1);
        if (!bot_desk_logged(&d, rows[i].words))
            fail_msg("%s does not say: %s", rows[i].setting, rows[i].words);
    }
    assert_int_equal(bot_desk_run(&d, "BOT_THREADS=many"), 2);
}

static void
a_bot_that_waits_for_telegram_can_be_stopped(void **state)
{
    int64_t until_ms = clock_mono_ms() + 30000;

    (void)state;
    tg_sandbox_fault(&d.tg, "getMe", "500", -1, "");
    bot_desk_spawn(&d, NULL);
    while (!bot_desk_logged(&d, "telegram_away")) {
        if (clock_mono_ms() > until_ms)
            fail_msg("it does not wait for Telegram");
        clock_sleep_ms(5);
    }
    assert_int_equal(bot_desk_stop(&d), 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_desk, close_desk)
    const struct CMUnitTest tests[] = {
        T(an_update_is_finished_with_its_messages),
        T(an_older_attempt_is_dropped),
        T(a_dialogue_that_moved_on_is_read_again),
        T(a_changed_price_is_looked_up_before_the_next_try),
        T(an_offer_that_does_not_fit_is_left_out),
        T(a_failure_counts_and_an_outage_does_not),
        T(what_cannot_be_read_ends_without_effect),
        T(a_press_is_answered_before_it_is_handled),
        T(a_stop_ends_what_is_under_way),
        T(a_second_bot_of_one_id_is_refused_by_name),
        T(a_wrong_start_is_one_sentence),
        T(a_bot_that_waits_for_telegram_can_be_stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

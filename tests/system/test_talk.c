/*
 * The dialogue beside buying: commands, the menu keyboard, refusals, old and
 * forged buttons, hostile names and texts, groups.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "tests/support/guest.h"

static struct shop shop;

static int
open_shop(void **state)
{
    (void)state;
    shop_start(&shop, &(struct shop_config){
                          .no_limits = true,
                          .many_presets = true,
                          .env = {"SUPPORT_CONTACT=@owner_of_this", NULL}});
    return 0;
}

static int
close_shop(void **state)
{
    (void)state;
    shop_stop(&shop);
    return 0;
}

/* ---- commands ---- */

static void
start_greets_and_keeps_the_link_somebody_came_by(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, &shop, "Anna", "en");
    guest_says(&g, "/start from_a_friend-42");
    guest_sees(&g, "Hello, Anna!");
    assert_int_equal(guest_seen(&g, "You have 60 credits"), 1);
    assert_int_equal(guest_seen(&g, "This is the sandbox"), 1);
    guest_says(&g, "/start another");
    guest_sees(&g, "Welcome back, Anna!");
    assert_string_equal(
        shop_cell(&shop,
                  "SELECT start_payload FROM accounts JOIN identities ON "
                  "account = id WHERE subject = '%lld'",
                  (long long)g.p.chat),
        "from_a_friend-42");
    guest_has(&g, GUEST_START);
    guest_out(&g);
}

static void
each_command_answers(void **state)
{
    struct guest g;
    struct person_event ev;
    char again[80], want[120];

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    guest_says(&g, "/balance");
    guest_sees(&g, "You have 60 credits.");
    guest_says(&g, "/history");
    guest_sees(&g, "Nothing here yet");
    guest_says(&g, "/cancel");
    guest_sees(&g, "nothing to cancel");
    guest_says(&g, "/help");
    guest_sees(&g, "How it works");
    guest_says(&g, "/paysupport");
    snprintf(want, sizeof want, "@owner_of_this and name the number %s",
             shop_cell(&shop,
                       "SELECT account FROM identities WHERE subject = "
                       "'%lld'",
                       (long long)g.p.chat));
    guest_sees(&g, want);
    guest_says(&g, "/terms");
    guest_sees(&g, "kept for 30 days");
    guest_says(&g, "/nonsense");
    guest_sees(&g, "do not know that command");
    guest_buys(&g, 0, "negative");
    guest_gets(&g, NULL);
    guest_job_is(&g, 0, "completed");
    guest_says(&g, "/history@tintype_sandbox_bot");
    ev = guest_sees(&g, "Negative · 1 💎 · ✅ done");
    guest_button(&g, &ev, "v1:again:", again, sizeof again);
    guest_presses(&g, again);
    guest_gets(&g, NULL);
    assert_int_equal(guest_pictures(&g), 2);
    guest_has(&g, GUEST_START - 1); /* sent again, not sold again */
    guest_out(&g);
}

static void
the_language_changes_by_a_button(void **state)
{
    struct guest g;

    (void)state;
    guest_in(&g, &shop, "Anna", "de");
    guest_says(&g, "/lang");
    guest_sees(&g, "Which language");
    guest_presses(&g, "🇷🇺 Русский");
    guest_is_told(&g, "Язык: русский");
    guest_sees(&g, "Теперь говорим по-русски");
    guest_says(&g, "💎 Баланс");
    guest_sees(&g, "На счету 60 кредитов");
    guest_says(&g, "💎 Balance"); /* the keyboard that is still shown */
    guest_sees(&g, "На счету 60 кредитов");
    guest_says(&g, "/lang");
    guest_sees(&g, "На каком языке");
    guest_presses(&g, "🇬🇧 English");
    guest_sees(&g, "We speak English now");
    guest_out(&g);
}

/* The commands that the bot told Telegram, for a language code. */
static const cJSON *
commands(const char *language)
{
    const cJSON *call, *best = NULL;

    cJSON_ArrayForEach(
        call,
        json_get(shop_get(&shop, "telegram:/sandbox/calls?method=setMyCommands"),
                 "calls"))
    {
        const cJSON *p = json_get(call, "params");
        if (strcmp(json_str(p, "language_code", ""), language) == 0)
            best = json_get(p, "commands");
    }
    if (best == NULL)
        fail_msg("no setMyCommands for \"%s\"", language);
    return best;
}

static void
commands_are_told_in_both_languages(void **state)
{
    static const char *const names[] = {
        "start", "presets", "balance",    "history", "cancel",
        "lang",  "help",    "paysupport", "terms"};
    static const char *const languages[] = {"", "ru"};
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        const cJSON *list = commands(languages[k]);
        char *text = list->valuestring != NULL
                         ? mem_strdup(list->valuestring)
                         : json_text(shop.arena, list);
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            if (strstr(text, names[i]) == NULL)
                fail_msg("%s is not told in \"%s\": %s", names[i],
                         languages[k], text);
        }
        assert_true((strstr(text, "Мой баланс") != NULL) == (k == 1));
        if (list->valuestring != NULL)
            mem_free(text);
    }
}

/* ---- the menu keyboard ---- */

static void
asks_the_balance(struct guest *g)
{
    guest_says(g, "💎 Balance");
    guest_sees(g, "You have 60 credits.");
    guest_says(g, "❓ Help");
    guest_sees(g, "How it works");
    guest_says(g, "🖼 My pictures");
    guest_sees(g, "Nothing here yet");
}

static void
the_menu_keyboard_works_in_every_state(void **state)
{
    struct guest g;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    asks_the_balance(&g); /* idle */
    guest_sends(&g, 0, NULL);
    guest_sees(&g, "Got your photo");
    asks_the_balance(&g); /* a photo is there */
    guest_forces(&g, g.message_id, "v1:preset:wish");
    guest_sees(&g, "Wish: write it");
    asks_the_balance(&g); /* in the middle of a form */
    guest_says(&g, "a wish");
    guest_sees(&g, "Colours");
    guest_says(&g, "🎨 Effects"); /* leaves it; the photo stays */
    guest_sees(&g, "Got your photo");
    guest_forces(&g, g.message_id, "v1:preset:negative");
    guest_sees(&g, "Price: 1 credit");
    asks_the_balance(&g); /* on a card */
    guest_presses(&g, "v1:buy:");
    guest_gets(&g, NULL);
    guest_has(&g, GUEST_START - 1);
    guest_out(&g);
}

static void
words_outside_a_dialogue_get_a_hint(void **state)
{
    struct guest g;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    guest_says(&g, "hello, what can you do?");
    guest_sees(&g, "Send a photo and I will show");
    guest_out(&g);
}

/* ---- refusals ---- */

static void
what_is_no_image_is_refused_politely(void **state)
{
    static const struct {
        const char *members, *answer;
    } cases[] = {
        {"{\"sticker\":{\"file_id\":\"s\",\"file_unique_id\":\"s\",\"type\":"
         "\"regular\",\"width\":512,\"height\":512,\"is_animated\":false,"
         "\"is_video\":false}}",
         "Lovely sticker"},
        {"{\"video\":{\"file_id\":\"v\",\"file_unique_id\":\"v\",\"width\":"
         "640,\"height\":480,\"duration\":3}}",
         "cannot do videos"},
        {"{\"video_note\":{\"file_id\":\"v\",\"file_unique_id\":\"v\","
         "\"length\":240,\"duration\":3}}",
         "cannot do videos"},
        {"{\"voice\":{\"file_id\":\"o\",\"file_unique_id\":\"o\","
         "\"duration\":3}}",
         "cannot listen"},
        {"{\"animation\":{\"file_id\":\"g\",\"file_unique_id\":\"g\","
         "\"width\":1,\"height\":1,\"duration\":1}}",
         "cannot do animations"},
        {"{\"document\":{\"file_id\":\"d\",\"file_unique_id\":\"d\","
         "\"file_name\":\"notes.txt\",\"mime_type\":\"text/plain\"}}",
         "That is not a picture"},
        {"{\"document\":{\"file_id\":\"d\",\"file_unique_id\":\"d\","
         "\"file_name\":\"cat.heic\",\"mime_type\":\"image/heic\"}}",
         "That is not a picture"},
        {"{\"document\":{\"file_id\":\"d\",\"file_unique_id\":\"d\","
         "\"file_name\":\"cat.jpg\",\"mime_type\":\"image/jpeg\","
         "\"file_size\":20971521}}",
         "The file is too big: Telegram gives bots at most 20 MB"},
        {"{\"photo\":[{\"file_id\":\"p\",\"file_unique_id\":\"p\",\"width\":"
         "40,\"height\":63,\"file_size\":900}]}",
         "The picture is too small"},
        {"{\"photo\":[{\"file_id\":\"p\",\"file_unique_id\":\"p\",\"width\":"
         "9000,\"height\":9000,\"file_size\":900}]}",
         "too many pixels"},
        {"{\"contact\":{\"phone_number\":\"1\",\"first_name\":\"x\"}}",
         "do not know what to do with that"},
        {"{\"location\":{\"latitude\":1.5,\"longitude\":2.5}}",
         "do not know what to do with that"},
        {"{\"poll_of_the_future\":{\"x\":[1,2,{\"y\":null}]}}",
         "do not know what to do with that"},
    };
    struct guest g;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        guest_sends_other(&g, cases[i].members);
        guest_sees(&g, cases[i].answer);
    }
    guest_out(&g);
}

static void
a_file_that_only_claims_to_be_an_image_costs_nothing(void **state)
{
    struct guest g;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    guest_sends_file(&g, STR("this is no JPEG at all"), "cat.jpg",
                     "image/jpeg");
    guest_sees(&g, "Got your photo");
    guest_forces(&g, g.message_id, "v1:preset:sepia");
    guest_sees(&g, "Price: 5 credits");
    guest_presses(&g, "v1:buy:");
    guest_sees(&g, "5 credits are back on your balance");
    assert_int_equal(guest_seen(&g, "This file could not be processed"), 1);
    guest_job_is(&g, 0, "failed");
    guest_has(&g, GUEST_START);
    assert_int_equal(guest_pictures(&g), 0);
    guest_out(&g);
}

/* ---- buttons ---- */

static void
an_old_or_forged_button_explains_itself(void **state)
{
    static const char *const data[] = {
        "nonsense",
        "v2:buy:off_0",
        "v1:buy:off_0",
        "v1:buy:",
        "v1:unknown",
        "v1:set:1:2:3",
        "v1:set:999999999999999999999:0:0",
        "v1:again:job_00000000000000000000000000'; DROP TABLE jobs",
        "v1:buy:off_01m85scvh4c7hqfmtx4g6xzgjn:more",
        "v1:cancel:job_01m85scvh4c7hqfmtx4g6xzgjn",
    };
    struct guest g;
    int64_t message;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    message = g.message_id;
    for (size_t i = 0; i < sizeof data / sizeof data[0]; i++) {
        guest_forces(&g, message, data[i]);
        guest_sees(&g, "That button belongs to an old message");
    }
    guest_forces(&g, message, "v1:buy:off_01m85scvh4c7hqfmtx4g6xzgjn");
    guest_sees(&g, "no longer valid");
    guest_out(&g);
}

static void
a_button_of_a_form_that_was_left_is_old(void **state)
{
    struct guest g;
    struct person_event ev;
    char sharp[80];
    int64_t message;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    guest_sends(&g, 0, "wish");
    guest_sees(&g, "Got your photo");
    guest_forces(&g, g.message_id, "v1:preset:wish");
    guest_sees(&g, "Colours");
    guest_says(&g, "5");
    ev = guest_sees(&g, "Scaling");
    message = ev.message_id;
    guest_button(&g, &ev, "v1:set:", sharp, sizeof sharp);
    guest_says(&g, "/cancel");
    guest_sees(&g, "start anew");
    guest_forces(&g, message, sharp);
    guest_is_told(&g, "That button no longer works.");
    guest_sees(&g, "That button belongs to an old message");
    guest_out(&g);
}

/* Bob presses what only Anna was shown. */
static void
what_belongs_to_somebody_else_cannot_be_pressed(void **state)
{
    struct guest anna, bob;
    struct person_event ev;
    char buy[80], data[96];

    (void)state;
    guest_in(&anna, &shop, "Anna", "en");
    guest_in(&bob, &shop, "Bob", "en");
    ev = guest_card(&anna, 0, "sepia");
    guest_button(&anna, &ev, "v1:buy:", buy, sizeof buy);
    guest_forces(&bob, bob.message_id, buy);
    guest_sees(&bob, "no longer");
    assert_int_equal(guest_jobs(&anna), 0);
    snprintf(data, sizeof data, "v1:other:%s", buy + strlen("v1:buy:"));
    guest_forces(&bob, bob.message_id, data);
    guest_sees(&bob, "no longer");
    guest_presses(&anna, buy);
    guest_gets(&anna, NULL);
    guest_presses(&anna, "v1:repeat:");
    guest_sees(&anna, "Price: 5");
    snprintf(data, sizeof data, "v1:again:%s",
             json_str(shop_job(&shop, &anna.p, 0), "id", ""));
    guest_forces(&bob, bob.message_id, data);
    guest_sees(&bob, "That button belongs to an old message");
    memcpy(data + 3, "other", 5);
    guest_forces(&bob, bob.message_id, data);
    guest_sees(&bob, "That button belongs to an old message");
    assert_int_equal(guest_pictures(&bob), 0);
    guest_has(&bob, GUEST_START);
    guest_has(&anna, GUEST_START - 5);
    guest_out(&anna);
    guest_out(&bob);
}

/* ---- hostile texts ---- */

static void
names_and_texts_are_data(void **state)
{
    static const char *const names[] = {
        "<b>Anna</b> & \"Co\"", "</i>{balance}{?name}", "Анна\u202e\u2066",
        "👩‍👩‍👧‍👦", "%s%n",
        "'; DROP TABLE accounts; --"};
    char want[200];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct guest g;
        guest_new(&g, &shop, names[i], "en");
        guest_says(&g, "/start <script>&amp;\"");
        /* invisible marks may go; all else is shown as it is */
        snprintf(want, sizeof want, "Hello, %s",
                 i == 2 ? "Анна" : names[i]);
        guest_sees(&g, want);
        guest_out(&g);
    }
}

static void
the_longest_text_is_taken_or_refused_never_lost(void **state)
{
    struct guest g;
    struct buf b;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    buf_init(&b, 65536);
    for (int i = 0; i < 4096; i++)
        buf_add_c(&b, i % 2 ? "𝕏" : "<");
    guest_says(&g, buf_cstr(&b));
    guest_sees(&g, "Send a photo and I will show");
    guest_sends(&g, 0, NULL);
    guest_sees(&g, "Got your photo");
    guest_says(&g, buf_cstr(&b)); /* kept as the description */
    guest_sees(&g, "Got your photo");
    guest_forces(&g, g.message_id, "v1:preset:wish");
    guest_sees(&g, "Too long: 4096 characters, and at most 40");
    guest_sees(&g, "Wish: write it");
    guest_says(&g, "\u202e<b>{price}</b>&lt; \u2066\a.");
    guest_sees(&g, "Colours");
    guest_says(&g, "4");
    guest_sees(&g, "Scaling");
    guest_presses(&g, "Soft");
    guest_sees(&g, "Note:");
    guest_presses(&g, "v1:skip:");
    guest_sees(&g, "<b>{price}</b>&lt;");
    guest_presses(&g, "v1:buy:");
    guest_gets(&g, NULL);
    buf_free(&b);
    guest_out(&g);
}

/* ---- groups, and updates that no Telegram sends ---- */

static void
feed(const char *update)
{
    struct buf b;
    int status;

    buf_init(&b, 1u << 20);
    buf_addf(&b, "{\"key\":7,\"update\":%s}", update);
    shop_call(&shop, "POST", "telegram:/sandbox/updates", buf_cstr(&b),
              &status);
    assert_int_equal(status, 200);
    buf_free(&b);
}

/* Waits until no update is open. */
static void
all_handled(struct guest *g, const char *said)
{
    int64_t until_ms = clock_mono_ms() + 30000;

    guest_says(g, "/balance");
    guest_sees(g, said);
    while (shop_number(&shop,
                       "SELECT count(*) FROM updates WHERE state = 'open'") >
           0) {
        if (clock_mono_ms() > until_ms)
            guest_fail(g, "an update stays open");
        clock_sleep_ms(20);
    }
}

static void
in_a_group_it_says_once_that_it_does_not_work_there(void **state)
{
    static const char message[] =
        "{\"message\":{\"message_id\":%d,\"date\":1700000000,\"chat\":{\"id\":"
        "-100123,\"type\":\"supergroup\",\"title\":\"G\"},\"from\":{\"id\":"
        "99,\"is_bot\":false,\"first_name\":\"X\"},\"text\":\"/start\"}}";
    struct guest g;
    const cJSON *call;
    size_t n = 0;
    char update[512];

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    for (int i = 1; i < 4; i++) {
        snprintf(update, sizeof update, message, i);
        feed(update);
    }
    all_handled(&g, "60 credits");
    cJSON_ArrayForEach(
        call,
        json_get(shop_get(&shop, "telegram:/sandbox/calls?method=sendMessage"),
                 "calls"))
    {
        if (json_i64(call, "chat_id", 0) != -100123)
            continue;
        n++;
        assert_non_null(strstr(json_str(json_get(call, "params"), "text", ""),
                               "do not work in groups"));
    }
    assert_int_equal(n, 1);
    guest_out(&g);
}

static void
hostile_updates_block_nobody(void **state)
{
    static const char *const updates[] = {
        "{\"message\":null}",
        "{\"message\":[]}",
        "{\"message\":{\"message_id\":1}}",
        "{\"message\":{\"message_id\":\"x\",\"chat\":5,\"text\":{}}}",
        "{\"callback_query\":{\"id\":7}}",
        "{\"callback_query\":{\"id\":\"1\",\"from\":{\"id\":-1},\"data\":"
        "\"v1:buy:x\"}}",
        "{\"unknown_kind\":{\"a\":1}}",
        "{\"pre_checkout_query\":{\"id\":\"1\"}}",
        "{\"message\":{\"message_id\":1,\"date\":1,\"chat\":{\"id\":"
        "9223372036854775807,\"type\":\"private\"},\"from\":{\"id\":"
        "9223372036854775807,\"first_name\":\"\"},\"text\":\"/start\"}}",
        "{\"my_chat_member\":{\"chat\":{}}}",
    };
    struct guest g;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    for (size_t i = 0; i < sizeof updates / sizeof updates[0]; i++)
        feed(updates[i]);
    all_handled(&g, "60 credits");
    assert_int_equal(shop_number(&shop, "SELECT count(*) FROM updates WHERE "
                                        "state = 'parked'"),
                     0);
    guest_out(&g);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_greets_and_keeps_the_link_somebody_came_by),
        cmocka_unit_test(each_command_answers),
        cmocka_unit_test(the_language_changes_by_a_button),
        cmocka_unit_test(commands_are_told_in_both_languages),
        cmocka_unit_test(the_menu_keyboard_works_in_every_state),
        cmocka_unit_test(words_outside_a_dialogue_get_a_hint),
        cmocka_unit_test(what_is_no_image_is_refused_politely),
        cmocka_unit_test(a_file_that_only_claims_to_be_an_image_costs_nothing),
        cmocka_unit_test(an_old_or_forged_button_explains_itself),
        cmocka_unit_test(a_button_of_a_form_that_was_left_is_old),
        cmocka_unit_test(what_belongs_to_somebody_else_cannot_be_pressed),
        cmocka_unit_test(names_and_texts_are_data),
        cmocka_unit_test(the_longest_text_is_taken_or_refused_never_lost),
        cmocka_unit_test(in_a_group_it_says_once_that_it_does_not_work_there),
        cmocka_unit_test(hostile_updates_block_nobody),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}

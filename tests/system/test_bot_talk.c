/*
 * test_bot_talk.c - the bot's dialogue with everything behind it: every way
 * to a picture, the commands, and what people should not do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "tests/support/shop.h"

static struct shop shop;
static struct person p;
static struct person_event ev;
static struct err e;

static int
open_shop(void **state)
{
    (void)state;
    shop_start(&shop,
               &(struct shop_config){.no_limits = true,
                                     .env = {"TELEGRAM_RATE=1000",
                                             "TELEGRAM_CHAT_RATE=1000", NULL}});
    return 0;
}

static int
close_shop(void **state)
{
    (void)state;
    shop_stop(&shop);
    return 0;
}

static int
come_in(void **state)
{
    (void)state;
    shop_person(&shop, &p, "Anna <b>&", "en");
    return 0;
}

static int
leave(void **state)
{
    (void)state;
    person_fini(&p);
    return 0;
}

/* ---- steps ---- */

#define DO(call)                                                               \
    do {                                                                       \
        if ((call) != 0)                                                       \
            fail_msg(#call ": %s", e.msg);                                     \
    } while (0)

/* The next event of this kind with these words, and a button whose data begins
 * so. */
static void
see(const char *kind, const char *words, const char *button)
{
    struct person_want want = {.kind = kind, .contains = words};

    do {
        if (person_wait(&p, &want, &ev, &e) != 0)
            fail_msg("no %s with \"%s\" and the button %s: %s", kind, words,
                     button != NULL ? button : "-", e.msg);
    } while (button != NULL && person_button(&ev, button) == NULL);
}

static void
say(const char *text)
{
    DO(person_text(&p, text, &e));
}

static void
send_photo(int n, const char *caption)
{
    DO(person_photo(&p, shop_photo(n), caption, &e));
}

static void
press(const char *button)
{
    DO(person_press(&p, 0, button, &e));
}

/* Presses a preset, whatever page it is on. */
static void
pick(const char *preset)
{
    char data[80];

    snprintf(data, sizeof(data), "v1:preset:%s", preset);
    DO(person_force(&p, ev.message_id, data, &e));
}

static void
job_ends(int n, const char *status)
{
    int64_t until_ms = clock_mono_ms() + 30000;

    while (strcmp(json_str(shop_job(&shop, &p, n), "status", ""), status) !=
           0) {
        if (clock_mono_ms() > until_ms)
            fail_msg("job %d is %s, not %s", n,
                     json_str(shop_job(&shop, &p, n), "status", ""), status);
        clock_sleep_ms(20);
    }
}

/* ---- ways to a picture ---- */

static void
start_greets_and_brings_the_menu(void **state)
{
    (void)state;
    say("/start ref_1");
    see("message", "Hello, Anna <b>&!", NULL);
    assert_non_null(strstr(ev.text, "You have 60 credits"));
    assert_non_null(strstr(ev.text, "sandbox"));
    say("💎 Balance");
    see("message", "You have 60 credits", NULL);
    say("/start");
    see("message", "Welcome back", NULL);
}

static void
a_photo_then_a_preset(void **state)
{
    (void)state;
    send_photo(0, "");
    see("message", "Got your photo", NULL);
    pick("sepia");
    see("edit", "Price: 5 credits", "v1:buy:");
    press("v1:buy:");
    see("callback_answer", "", NULL);
    see("photo", "Sepia", "v1:repeat:");
    job_ends(0, "completed");
    assert_true(shop_balance(&shop, &p) == 55);
    press("v1:repeat:");
    see("message", "Price: 5 credits", "v1:buy:");
    press("v1:buy:");
    see("photo", "Sepia", "v1:other:");
    press("v1:other:");
    see("message", "Got your photo", NULL);
    pick("negative");
    see("edit", "Negative", "v1:buy:");
}

static void
a_preset_then_a_photo_with_a_form(void **state)
{
    (void)state;
    say("🎨 Effects");
    see("message", "Pick a section", "v1:menu:photo:0");
    press("v1:menu:photo:0");
    see("edit", "price in credits", "v1:preset:film-grain");
    press("v1:preset:film-grain");
    see("edit", "Send a photo", "v1:stop:");
    DO(person_document(&p, shop_photo(1), "scan.jpg", "image/jpeg", &e));
    see("message", "send a number", "v1:skip:");
    say("a lot");
    see("message", "does not look like a number", NULL);
    say("7");
    see("message", "from 0 to 0.3", NULL);
    say("0,2");
    see("message", "Price: 5 credits", "v1:buy:");
    press("v1:buy:");
    see("photo", "film", NULL);
    assert_true(json_num(json_get(shop_job(&shop, &p, 0), "inputs"), "grain",
                         0) == 0.2);
}

static void
two_photos_for_one_picture(void **state)
{
    struct str photos[2] = {shop_photo(0), shop_photo(1)};

    (void)state;
    DO(person_album(&p, photos, 2, "", &e));
    see("message", "Got 2 photos", NULL);
    pick("before-after");
    see("edit", "pick with a button", "v1:set:");
    press("One below the other");
    see("edit", "Before and after", "v1:buy:");
    press("v1:buy:");
    see("photo", "Before and after", NULL);
    assert_string_equal(
        json_str(json_get(shop_job(&shop, &p, 0), "inputs"), "direction", ""),
        "down");
}

static void
an_album_becomes_a_job_per_photo(void **state)
{
    struct str photos[3] = {shop_photo(0), shop_photo(1), shop_photo(2)};

    (void)state;
    DO(person_album(&p, photos, 3, "", &e));
    see("message", "Got 3 photos", NULL);
    pick("negative");
    see("edit", "3 × 1 = 3 credits", "v1:buy:");
    press("v1:buy:");
    for (int i = 0; i < 3; i++)
        see("photo", "Negative", NULL);
    for (int i = 0; i < 3; i++)
        job_ends(i, "completed");
    assert_true(shop_balance(&shop, &p) == 57);
}

static void
the_history_sends_a_picture_again(void **state)
{
    char first[200];

    (void)state;
    shop_buy(&p, shop_photo(0), "negative");
    see("photo", "Negative", NULL);
    snprintf(first, sizeof(first), "%s", ev.file_id);
    job_ends(0, "completed");
    say("/history");
    see("message", "Negative · 1 💎 · ✅ done", "v1:again:");
    press("v1:again:");
    see("photo", "Negative", "v1:repeat:");
    assert_true(ev.file_id[0] != '\0');
}

static void
the_language_can_be_changed(void **state)
{
    (void)state;
    say("/lang");
    see("message", "Which language", "v1:lang:ru");
    press("v1:lang:ru");
    see("callback_answer", "Язык: русский", NULL);
    see("message", "Теперь говорим по-русски", NULL);
    say("/terms");
    see("message", "Условия", NULL);
    say("/paysupport");
    see("message", "Вопросы об оплате", NULL);
}

static void
too_little_money_is_told_and_the_card_stays(void **state)
{
    struct str photos[10];

    (void)state;
    for (int i = 0; i < 10; i++)
        photos[i] = shop_photo(i % 3);
    DO(person_album(&p, photos, 10, "", &e));
    see("message", "Got 10 photos", NULL);
    pick("enlarge");
    see("edit", "pick with a button", "v1:skip:");
    press("v1:skip:");
    see("edit", "10 × 8 = 80 credits", "v1:buy:");
    press("v1:buy:");
    see("message", "it takes 80, and you have 60", "v1:topup");
    press("v1:topup");
    see("message", "Your number", NULL);
    assert_true(shop_held(&shop, &p) == 0);
    press("v1:buy:");
    see("message", "it takes 80", NULL);
}

/* Is a prompt being executed? */
static bool
is_drawing(void)
{
    const cJSON *state = shop_get(&shop, "comfy:/sandbox/state");

    return json_str(state, "running", NULL) != NULL;
}

static void
cancel_ends_dialogue_and_job(void **state)
{
    int64_t until_ms = clock_mono_ms() + 30000;

    (void)state;
    say("/cancel");
    see("message", "nothing to cancel", NULL);
    say("/presets");
    see("message", "Pick a section", NULL);
    pick("sepia");
    see("edit", "Send a photo", "v1:stop:");
    say("/cancel");
    see("message", "let us start anew", NULL);
    shop_comfy_fault(&shop, "{\"fault\":\"hang\",\"count\":1}");
    shop_buy(&p, shop_photo(0), "negative");
    while (!is_drawing()) {
        if (clock_mono_ms() > until_ms)
            fail_msg("ComfyUI draws nothing");
        clock_sleep_ms(10);
    }
    say("/cancel");
    see("message", "Stopping “Negative”", NULL);
    job_ends(0, "cancelled");
    assert_true(shop_balance(&shop, &p) == 60 && shop_held(&shop, &p) == 0);
}

/* ---- what people should not do ---- */

static void
wrong_messages_get_polite_answers(void **state)
{
    static const struct {
        const char *members, *want;
    } rows[] = {
        {"{\"sticker\":{\"file_id\":\"s\"}}", "Lovely sticker"},
        {"{\"video\":{\"file_id\":\"v\"}}", "cannot do videos"},
        {"{\"voice\":{\"file_id\":\"v\"}}", "cannot listen"},
        {"{\"contact\":{\"phone_number\":\"1\"}}", "do not know what to do"},
        {"{\"document\":{\"file_id\":\"d\",\"file_unique_id\":\"u\","
         "\"mime_type\":\"application/pdf\"}}",
         "not a picture"},
        {"{\"document\":{\"file_id\":\"d\",\"file_unique_id\":\"u\","
         "\"mime_type\":\"image/png\",\"file_size\":30000000}}",
         "at most 20 MB"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        DO(person_other(&p, rows[i].members, &e));
        see("message", rows[i].want, NULL);
    }
    say("hello");
    see("message", "Send a photo and I will show", NULL);
    say("/nonsense");
    see("message", "do not know that command", NULL);
}

static void
old_and_forged_buttons_explain_themselves(void **state)
{
    static const char *const rows[] = {
        "v1:buy:off_01arz3ndektsv4rrffq69g5fav",
        "v1:repeat:job_01arz3ndektsv4rrffq69g5fav",
        "v1:set:1:0:0",
        "v0:whatever",
        "\xd0\xbc\xd1\x83\xd1\x81\xd0\xbe\xd1\x80",
    };

    (void)state;
    say("/help");
    see("message", "How it works", NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        DO(person_force(&p, ev.message_id, rows[i], &e));
        see("callback_answer", "", NULL);
        see("message", "no longer", NULL);
    }
}

static void
a_card_is_bought_once_however_often_it_is_pressed(void **state)
{
    char data[80];
    int64_t card;

    (void)state;
    send_photo(0, "");
    see("message", "Got your photo", NULL);
    pick("negative");
    see("edit", "Price", "v1:buy:");
    card = ev.message_id;
    snprintf(data, sizeof(data), "%s", person_button(&ev, "v1:buy:"));
    for (int i = 0; i < 5; i++)
        DO(person_force(&p, card, data, &e));
    see("photo", "Negative", NULL);
    job_ends(0, "completed");
    assert_true(shop_balance(&shop, &p) == 59);
}

static void
words_of_people_stay_words(void **state)
{
    (void)state;
    send_photo(0, "<b>bold</b> & \"quoted\" {title} </i>");
    see("message", "Got your photo", NULL);
    say("/presets");
    see("message", "Got your photo", NULL);
    pick("negative");
    see("edit", "Negative", "v1:buy:");
    say("<a href='x'>");
    see("message", "Send a photo and I will show", NULL);
}

static void
a_restart_of_the_bot_loses_nothing_of_a_dialogue(void **state)
{
    (void)state;
    send_photo(0, "");
    see("message", "Got your photo", NULL);
    pick("film-grain");
    see("edit", "send a number", "v1:skip:");
    shop_kill(&shop, "bot");
    say("0.1");
    see("message", "Price: 5 credits", "v1:buy:");
    shop_kill(&shop, "backend");
    press("v1:buy:");
    see("photo", "film", NULL);
    job_ends(0, "completed");
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, come_in, leave)
    const struct CMUnitTest tests[] = {
        T(start_greets_and_brings_the_menu),
        T(a_photo_then_a_preset),
        T(a_preset_then_a_photo_with_a_form),
        T(two_photos_for_one_picture),
        T(an_album_becomes_a_job_per_photo),
        T(the_history_sends_a_picture_again),
        T(the_language_can_be_changed),
        T(too_little_money_is_told_and_the_card_stays),
        T(cancel_ends_dialogue_and_job),
        T(wrong_messages_get_polite_answers),
        T(old_and_forged_buttons_explain_themselves),
        T(a_card_is_bought_once_however_often_it_is_pressed),
        T(words_of_people_stay_words),
        T(a_restart_of_the_bot_loses_nothing_of_a_dialogue),
    };

    return cmocka_run_group_tests(tests, open_shop, close_shop);
}

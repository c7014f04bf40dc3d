/*
 * The dialogue, from the first message to the picture: every way to buy.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "base/image.h"
#include "tests/support/guest.h"

static struct shop shop;

static int
open_shop(void **state)
{
    (void)state;
    shop_start(&shop,
               &(struct shop_config){.no_limits = true, .many_presets = true});
    return 0;
}

static int
close_shop(void **state)
{
    (void)state;
    shop_stop(&shop);
    return 0;
}

/* Presses of a menu: section, then preset. */
static void
picks(struct guest *g, const char *section, const char *preset)
{
    char data[96];

    snprintf(data, sizeof data, "v1:menu:%s:0", section);
    guest_presses(g, data);
    snprintf(data, sizeof data, "v1:preset:%s", preset);
    guest_sees(g, "🎨");
    guest_presses(g, data);
}

/* ---- one photo ---- */

static void
a_photo_then_a_preset_then_a_picture(void **state)
{
    struct guest g;
    struct person_event ev;
    char repeat[80];
    int64_t card;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    guest_sends(&g, 0, NULL);
    guest_sees(&g, "Got your photo");
    picks(&g, "art", "negative");
    guest_sees(&g, "Price: 1 credit\n👛 You have: 60 credits");
    card = g.message_id;
    guest_presses(&g, "✅ Make it for 1 💎");
    guest_sees(&g, "Done! 1 credit charged.");
    assert_int_equal(g.message_id, card); /* the card became the status */
    ev = guest_gets(&g, NULL);
    assert_string_equal(ev.event, "message");
    assert_non_null(strstr(ev.text, "Negative"));
    guest_button(&g, &ev, "v1:repeat:", repeat, sizeof repeat);
    assert_non_null(person_button(&ev, "v1:other:"));
    guest_job_is(&g, 0, "completed");
    guest_has(&g, GUEST_START - 1);
    guest_out(&g);
}

static void
the_same_in_russian(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, &shop, "Анна", "ru");
    guest_says(&g, "/start");
    guest_sees(&g, "Привет, Анна!");
    guest_sends(&g, 1, NULL);
    guest_sees(&g, "Фото получено");
    picks(&g, "art", "negative");
    guest_sees(&g, "Цена: 1 кредит\n👛 На счету: 60 кредитов");
    guest_presses(&g, "✅ Сделать за 1 💎");
    guest_sees(&g, "Готово! Списано 1 кредит.");
    assert_non_null(strstr(guest_gets(&g, NULL).text, "Негатив"));
    guest_has(&g, GUEST_START - 1);
    guest_out(&g);
}

static void
a_preset_first_then_the_photo(void **state)
{
    struct guest g;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    guest_says(&g, "/presets");
    guest_sees(&g, "Pick a section");
    picks(&g, "art", "negative");
    guest_sees(&g, "Negative\n\nSend a photo");
    guest_sends(&g, 2, NULL);
    guest_sees(&g, "Price: 1 credit");
    guest_presses(&g, "v1:buy:");
    guest_gets(&g, NULL);
    guest_has(&g, GUEST_START - 1);
    guest_out(&g);
}

static void
an_image_sent_as_a_document_is_a_photo_too(void **state)
{
    struct guest g;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    guest_sends_file(&g, shop_photo(1), "кот 🐈.jpg", "image/jpeg");
    guest_sees(&g, "Got your photo");
    guest_forces(&g, g.message_id, "v1:preset:negative");
    guest_sees(&g, "Price:");
    guest_presses(&g, "v1:buy:");
    guest_gets(&g, NULL);
    guest_has(&g, GUEST_START - 1);
    guest_out(&g);
}

/* ---- forms ---- */

static void
every_kind_of_field_is_asked_for_in_turn(void **state)
{
    struct guest g;
    const cJSON *in;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    guest_sends(&g, 0, NULL);
    guest_sees(&g, "Got your photo");
    picks(&g, "tests", "wish");
    guest_sees(&g, "step 2 of 5\n\nWish: write it in a message (up to 40 "
                   "characters)");
    guest_says(&g, "12345678901234567890123456789012345678901");
    guest_sees(&g, "Too long: 41 characters, and at most 40");
    guest_says(&g, "a {\"red\": <hat> & \"6\".text} 🎩");
    guest_sees(&g, "step 3 of 5\n\nColours: send a number from 2 to 32");
    guest_says(&g, "many");
    guest_sees(&g, "does not look like a number");
    guest_says(&g, "4.5");
    guest_sees(&g, "does not look like a number");
    guest_says(&g, "33");
    guest_sees(&g, "a number from 2 to 32.");
    guest_says(&g, "16");
    guest_sees(&g, "step 4 of 5\n\nScaling: pick with a button");
    guest_says(&g, "whatever");
    guest_sees(&g, "pick one of the buttons");
    guest_presses(&g, "Soft");
    guest_sees(&g, "step 5 of 5\n\nNote:");
    guest_presses(&g, "⏭ Skip");
    guest_sees(&g, "📝 a {\"red\": <hat> & \"6\".text} 🎩");
    guest_presses(&g, "v1:buy:");
    guest_gets(&g, NULL);
    guest_job_is(&g, 0, "completed");
    in = json_get(shop_job(&shop, &g.p, 0), "inputs");
    assert_string_equal(json_str(in, "wish", ""),
                        "a {\"red\": <hat> & \"6\".text} 🎩");
    assert_int_equal(json_i64(in, "colors", 0), 16);
    assert_string_equal(json_str(in, "scaling", ""), "area");
    assert_null(json_get(in, "note"));
    guest_has(&g, GUEST_START - 25);
    guest_out(&g);
}

static void
a_caption_answers_the_first_text(void **state)
{
    struct guest g;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    guest_sends(&g, 0, "more light");
    guest_sees(&g, "Got your photo");
    picks(&g, "tests", "wish");
    guest_sees(&g, "Colours: send a number");
    guest_says(&g, "/cancel");
    guest_sees(&g, "Nothing was charged");
    guest_out(&g);
}

static void
words_before_the_photo_are_kept_for_the_form(void **state)
{
    struct guest g;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    guest_says(&g, "/presets");
    guest_sees(&g, "Pick a section");
    picks(&g, "tests", "wish");
    guest_sees(&g, "Send a photo");
    guest_says(&g, "blue sky");
    guest_sees(&g, "I keep that description");
    guest_sends(&g, 1, NULL);
    guest_sees(&g, "Colours: send a number");
    guest_out(&g);
}

static void
a_default_is_one_press(void **state)
{
    struct guest g;

    (void)state;
    guest_in(&g, &shop, "Анна", "ru");
    guest_sends(&g, 0, NULL);
    guest_sees(&g, "Фото получено");
    picks(&g, "photo", "soft-glow");
    guest_sees(&g, "Сила: пришлите число от 0.1 до 1");
    guest_presses(&g, "⏭ По умолчанию: 0.5");
    guest_sees(&g, "Цена: 5 кредитов");
    guest_presses(&g, "v1:other:");
    guest_sees(&g, "Фото получено");
    picks(&g, "art", "poster");
    guest_sees(&g, "Красок: выберите кнопкой");
    guest_presses(&g, "4 краски");
    guest_sees(&g, "Цена: 5 кредитов");
    guest_presses(&g, "v1:buy:");
    guest_gets(&g, NULL);
    assert_string_equal(
        json_str(json_get(shop_job(&shop, &g.p, 0), "inputs"), "colors", ""),
        "4");
    guest_out(&g);
}

static void
nothing_of_a_form_is_lost_when_the_bot_is_killed(void **state)
{
    struct guest g;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    guest_sends(&g, 0, "kept");
    guest_sees(&g, "Got your photo");
    picks(&g, "tests", "wish");
    guest_sees(&g, "Colours: send a number");
    shop_kill(&shop, "bot");
    guest_says(&g, "8");
    guest_sees(&g, "Scaling: pick with a button");
    shop_kill(&shop, "bot");
    guest_presses(&g, "Sharp");
    guest_sees(&g, "Note:");
    guest_says(&g, "and noted");
    guest_sees(&g, "📝 kept");
    guest_out(&g);
}

/* ---- several photos ---- */

static void
two_photos_are_asked_for_one_after_the_other(void **state)
{
    struct guest g;
    struct buf picture;
    struct image_info info;
    struct err e;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    buf_init(&picture, 50u << 20);
    guest_says(&g, "/presets");
    guest_sees(&g, "Pick a section");
    picks(&g, "collage", "before-after");
    guest_sees(&g, "step 1 of 3\n\nSend a photo: Before");
    guest_sends(&g, 0, NULL);
    guest_sees(&g, "step 2 of 3\n\nSend a photo: After");
    guest_says(&g, "here it is");
    guest_sees(&g, "A photo is what I need now: After");
    guest_sends(&g, 1, NULL);
    guest_sees(&g, "Arrangement: pick with a button");
    guest_presses(&g, "Side by side");
    guest_sees(&g, "Price: 4 credits");
    guest_presses(&g, "v1:buy:");
    guest_gets(&g, &picture);
    assert_int_equal(image_probe(buf_str(&picture), &info, &e), 0);
    assert_true(info.width > info.height);
    guest_has(&g, GUEST_START - 4);
    buf_free(&picture);
    guest_out(&g);
}

static void
an_album_of_two_fills_two_photos(void **state)
{
    struct guest g;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    guest_says(&g, "/presets");
    guest_sees(&g, "Pick a section");
    picks(&g, "collage", "before-after");
    guest_sees(&g, "Send a photo: Before");
    guest_sends_album(&g, 2, NULL);
    guest_sees(&g, "Arrangement: pick with a button");
    guest_presses(&g, "v1:stop:");
    guest_is_told(&g, "Cancelled.");
    guest_sees(&g, "Nothing was charged");
    guest_sends_album(&g, 2, NULL); /* and before the preset is known */
    guest_sees(&g, "Got 2 photos");
    picks(&g, "collage", "before-after");
    guest_sees(&g, "Arrangement: pick with a button");
    guest_presses(&g, "v1:skip:");
    guest_sees(&g, "Price: 4 credits");
    guest_presses(&g, "v1:buy:");
    guest_gets(&g, NULL);
    guest_has(&g, GUEST_START - 4);
    assert_int_equal(guest_jobs(&g), 1);
    guest_out(&g);
}

static void
an_album_becomes_a_job_a_photo_with_one_card(void **state)
{
    struct guest g;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    guest_sends_album(&g, 3, NULL);
    guest_sees(&g, "Got 3 photos");
    picks(&g, "art", "negative");
    guest_sees(&g, "3 × 1 = 3 credits");
    guest_presses(&g, "✅ Make 3 for 3 💎");
    for (int i = 0; i < 3; i++)
        guest_gets(&g, NULL);
    for (int i = 0; i < 3; i++)
        guest_job_is(&g, i, "completed");
    guest_has(&g, GUEST_START - 3);
    assert_int_equal(guest_jobs(&g), 3);
    assert_int_equal(guest_pictures(&g), 3);
    guest_out(&g);
}

static void
an_album_that_costs_too_much_buys_nothing(void **state)
{
    struct guest g;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    guest_sends_album(&g, 3, "sunny");
    guest_sees(&g, "Got 3 photos");
    picks(&g, "tests", "wish");
    guest_sees(&g, "Colours");
    guest_says(&g, "4");
    guest_sees(&g, "Scaling");
    guest_presses(&g, "Soft");
    guest_sees(&g, "Note:");
    guest_presses(&g, "v1:skip:");
    guest_sees(&g, "3 × 25 = 75 credits");
    guest_presses(&g, "v1:buy:");
    guest_sees(&g, "Not enough credits: it takes 75, and you have 60.");
    guest_presses(&g, "💳 Top up");
    guest_sees(&g, "the studio's owner does top-ups");
    assert_int_equal(guest_jobs(&g), 0);
    guest_has(&g, GUEST_START);
    guest_out(&g);
}

/* ---- after the picture ---- */

static void
once_more_and_another_effect_under_a_result(void **state)
{
    struct guest g;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    guest_buys(&g, 0, "negative");
    guest_gets(&g, NULL);
    guest_presses(&g, "v1:repeat:");
    guest_sees(&g, "Price: 1 credit");
    guest_presses(&g, "v1:buy:");
    guest_gets(&g, NULL);
    guest_presses(&g, "v1:other:");
    guest_sees(&g, "Got your photo");
    picks(&g, "photo", "sepia");
    guest_sees(&g, "Price: 5 credits");
    guest_presses(&g, "v1:buy:");
    assert_non_null(strstr(guest_gets(&g, NULL).text, "Sepia"));
    guest_has(&g, GUEST_START - 7);
    assert_int_equal(guest_jobs(&g), 3);
    guest_out(&g);
}

static void
two_taps_are_one_purchase(void **state)
{
    struct guest g;
    struct person_event ev;
    char buy[80];
    int64_t card;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    ev = guest_card(&g, 0, "sepia");
    guest_button(&g, &ev, "v1:buy:", buy, sizeof buy);
    card = g.message_id;
    guest_forces(&g, card, buy);
    guest_forces(&g, card, buy);
    guest_forces(&g, card, buy);
    guest_gets(&g, NULL);
    guest_forces(&g, card, buy); /* after the end, too */
    guest_says(&g, "/balance");  /* handled after the press */
    guest_sees(&g, "You have 55 credits");
    guest_has(&g, GUEST_START - 5);
    assert_int_equal(guest_jobs(&g), 1);
    assert_int_equal(guest_pictures(&g), 1);
    guest_out(&g);
}

static void
a_dropped_card_is_not_charged(void **state)
{
    struct guest g;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    guest_card(&g, 0, "sepia");
    guest_presses(&g, "✖️ Cancel");
    guest_is_told(&g, "Cancelled.");
    guest_sees(&g, "“Sepia”: cancelled, nothing was charged.");
    guest_has(&g, GUEST_START);
    guest_out(&g);
}

/* ---- the catalogue ---- */

static void
a_large_catalogue_is_walked_by_sections_and_pages(void **state)
{
    struct guest g;

    (void)state;
    guest_in(&g, &shop, "Anna", "en");
    guest_says(&g, "🎨 Effects");
    guest_sees(&g, "Pick a section");
    guest_presses(&g, "v1:menu:many:0");
    guest_sees(&g, "Many · page 1 of 5");
    guest_presses(&g, "1 / 5");
    guest_is_told(&g, "");
    guest_presses(&g, "Next ›");
    guest_sees(&g, "Many · page 2 of 5");
    guest_presses(&g, "‹ Back");
    guest_sees(&g, "Many · page 1 of 5");
    guest_presses(&g, "v1:sections:0");
    guest_sees(&g, "Pick a section");
    guest_forces(&g, g.message_id, "v1:menu:many:4");
    guest_sees(&g, "Many · page 5 of 5");
    guest_presses(&g, "🔄 Many 40 · 1");
    guest_sees(&g, "Many 40\n\nSend a photo");
    guest_sends(&g, 0, NULL);
    guest_sees(&g, "Price: 1 credit");
    guest_out(&g);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_photo_then_a_preset_then_a_picture),
        cmocka_unit_test(the_same_in_russian),
        cmocka_unit_test(a_preset_first_then_the_photo),
        cmocka_unit_test(an_image_sent_as_a_document_is_a_photo_too),
        cmocka_unit_test(every_kind_of_field_is_asked_for_in_turn),
        cmocka_unit_test(a_caption_answers_the_first_text),
        cmocka_unit_test(words_before_the_photo_are_kept_for_the_form),
        cmocka_unit_test(a_default_is_one_press),
        cmocka_unit_test(nothing_of_a_form_is_lost_when_the_bot_is_killed),
        cmocka_unit_test(two_photos_are_asked_for_one_after_the_other),
        cmocka_unit_test(an_album_of_two_fills_two_photos),
        cmocka_unit_test(an_album_becomes_a_job_a_photo_with_one_card),
        cmocka_unit_test(an_album_that_costs_too_much_buys_nothing),
        cmocka_unit_test(once_more_and_another_effect_under_a_result),
        cmocka_unit_test(two_taps_are_one_purchase),
        cmocka_unit_test(a_dropped_card_is_not_charged),
        cmocka_unit_test(a_large_catalogue_is_walked_by_sections_and_pages),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}

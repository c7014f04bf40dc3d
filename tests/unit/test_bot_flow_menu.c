/* test_bot_flow_menu.c - bot/flow_menu.c, flow_press.c: the catalogue */
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

/* n presets p0, p1, …, dealt to so many sections. */
static void
sell(int n, int sections)
{
    struct buf b;

    buf_init(&b, 1u << 20);
    for (int i = 0; i < n; i++)
        buf_addf(&b,
                 "%s{\"name\":\"p%d\",\"version\":\"v\",\"title\":{\"ru\":"
                 "\"п%d\",\"en\":\"p%d\"},\"category\":{\"id\":\"c%d\","
                 "\"ru\":\"ц%d\",\"en\":\"C%d\"},\"price\":%d,\"available\":"
                 "true,\"inputs\":[]}",
                 i > 0 ? "," : "", i, i, i, i % sections, i % sections,
                 i % sections, i);
    talk_sell(&t, arena_strdup(t.a, buf_cstr(&b)));
    buf_free(&b);
}

static void
few_presets_stand_in_one_list(void **state)
{
    (void)state;
    sell(8, 2);
    talk_text(&t, "/presets");
    assert_string_equal(t.said, "message choose_preset");
    assert_int_equal(talk_buttons(&t, "btn_preset"), 8);
    assert_int_equal(talk_buttons(&t, "btn_page"), 0);
    sell(10, 2);
    talk_text(&t, "/presets");
    assert_int_equal(talk_buttons(&t, "btn_preset"), 8);
    assert_int_equal(talk_buttons(&t, "btn_prev"), 0);
    talk_press(&t, talk_button(&t, "btn_next"));
    assert_string_equal(t.said, "edit choose_preset");
    assert_int_equal(talk_buttons(&t, "btn_preset"), 2);
    assert_int_equal(talk_buttons(&t, "btn_next"), 0);
    assert_non_null(strstr(talk_shown(&t, 0, "en"), "page 2 of 2"));
    talk_press(&t, talk_button(&t, "btn_prev"));
    assert_int_equal(talk_buttons(&t, "btn_preset"), 8);
    talk_press(&t, talk_button(&t, "btn_page"));
    assert_string_equal(t.said, "");
}

static void
a_hundred_presets_are_walked_by_sections(void **state)
{
    size_t seen = 0;

    (void)state;
    sell(100, 10);
    talk_photo(&t, "f1", "");
    assert_string_equal(t.said, "message got_photo");
    assert_int_equal(talk_buttons(&t, "btn_category"), 8);
    talk_press(&t, talk_button(&t, "btn_next"));
    assert_int_equal(talk_buttons(&t, "btn_category"), 2);
    talk_press(&t, "v1:menu:c3:0");
    assert_non_null(strstr(talk_shown(&t, 0, "en"), "C3"));
    assert_string_equal(talk_button(&t, "btn_preset"), "v1:preset:p3");
    seen = talk_buttons(&t, "btn_preset");
    talk_press(&t, talk_button(&t, "btn_next"));
    assert_int_equal(seen + talk_buttons(&t, "btn_preset"), 10);
    talk_press(&t, talk_button(&t, "btn_categories"));
    assert_int_equal(talk_buttons(&t, "btn_category"), 8);
}

static void
every_preset_of_a_large_catalogue_is_on_some_page(void **state)
{
    bool seen[137] = {false};

    (void)state;
    sell(137, 7);
    for (int c = 0; c < 7; c++) {
        for (int page = 0; page < 3; page++) {
            const cJSON *row, *button;

            talk_press(&t, arena_fmt(t.a, "v1:menu:c%d:%d", c, page));
            cJSON_ArrayForEach (row, json_get(talk_body(&t, 0), "keyboard")) {
                cJSON_ArrayForEach (button, row) {
                    struct str data = str_c(json_str(button, "data", ""));
                    int64_t n;

                    if (str_starts(data, STR("v1:preset:p")) &&
                        str_to_i64(str_sub(data, 11, data.len), &n))
                        seen[n] = true;
                }
            }
        }
    }
    for (int i = 0; i < 137; i++)
        assert_true(seen[i]);
}

static void
pages_beyond_the_end_show_the_last_one(void **state)
{
    (void)state;
    sell(100, 10);
    talk_press(&t, "v1:menu:c3:999999999");
    assert_int_equal(talk_buttons(&t, "btn_preset"), 2);
    talk_press(&t, "v1:sections:999999999");
    assert_int_equal(talk_buttons(&t, "btn_category"), 2);
    talk_press(&t, "v1:menu:no-such-section:0");
    assert_string_equal(t.said, "edit choose_category");
}

static void
an_empty_shop_says_that_it_rests(void **state)
{
    (void)state;
    talk_sell(&t, "");
    talk_photo(&t, "f1", "");
    assert_string_equal(t.said, "message no_presets");
    talk_press(&t, "v1:sections:0");
    assert_string_equal(t.said, "edit no_presets");
    talk_press(&t, "v1:menu::0");
    assert_string_equal(t.said, "edit no_presets");
}

static void
what_is_away_is_shown_and_sells_nothing(void **state)
{
    (void)state;
    talk_text(&t, "/presets");
    assert_int_equal(talk_buttons(&t, "btn_preset"), 3);
    assert_int_equal(talk_buttons(&t, "btn_preset_away"), 1);
    talk_press(&t, talk_button(&t, "btn_preset_away"));
    assert_string_equal(t.said, "message preset_away");
    assert_int_equal(t.f.n_offers, 0);
    talk_press(&t, "v1:preset:unheard-of");
    assert_string_equal(t.said,
                        "message preset_unknown, message choose_preset");
}

static void
prices_stand_on_the_buttons(void **state)
{
    const cJSON *button;

    (void)state;
    talk_text(&t, "/presets");
    button = json_path(talk_body(&t, 0), "keyboard.0.0");
    assert_true(json_i64(json_get(button, "args"), "price", 0) == 5);
}

static void
a_menu_pressed_with_photos_goes_on_with_them(void **state)
{
    (void)state;
    talk_text(&t, "/presets");
    talk_photo(&t, "f1", "");
    talk_text(&t, "/presets");
    assert_string_equal(t.said, "message got_photo");
    talk_press(&t, "v1:preset:sepia");
    assert_string_equal(t.said, "edit card");
    talk_text(&t, "/presets"); /* another effect after the card */
    talk_press(&t, "v1:preset:pair");
    assert_string_equal(t.said, "edit ask_photo");
}

static void
strange_data_is_an_old_button(void **state)
{
    static const char *const rows[] = {
        "",
        "x",
        "v1",
        "v1:",
        "v2:buy:off_01arz3ndektsv4rrffq69g5fav",
        "v1:buy",
        "v1:buy:",
        "v1:buy:off_1",
        "v1:buy:job_01arz3ndektsv4rrffq69g5fav",
        "v1:buy:off_01arz3ndektsv4rrffq69g5fav:more",
        "v1:repeat:../../x",
        "v1:more:x&limit=99",
        "v1:lang:fr",
        "v1:nosuchverbatall:1",
        "v1:sections:-1",
        "v1:preset:",
        "v1:menu:a:b:c:d:e",
        "v1:preset:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        talk_press(&t, rows[i]);
        assert_string_equal(t.toast, "toast_old");
        assert_string_equal(t.said, "edit -, message old_button");
    }
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, end)
    const struct CMUnitTest tests[] = {
        T(few_presets_stand_in_one_list),
        T(a_hundred_presets_are_walked_by_sections),
        T(every_preset_of_a_large_catalogue_is_on_some_page),
        T(pages_beyond_the_end_show_the_last_one),
        T(an_empty_shop_says_that_it_rests),
        T(what_is_away_is_shown_and_sells_nothing),
        T(prices_stand_on_the_buttons),
        T(a_menu_pressed_with_photos_goes_on_with_them),
        T(strange_data_is_an_old_button),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

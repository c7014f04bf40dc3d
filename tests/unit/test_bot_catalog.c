/* test_bot_catalog.c - bot/catalog.c: GET /api/presets as the bot shows it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/limits.h"
#include "bot/catalog.h"

static struct arena *a;

static int
start(void **state)
{
    (void)state;
    a = arena_new();
    return 0;
}

static int
end(void **state)
{
    (void)state;
    arena_free(a);
    return 0;
}

static struct bot_catalog
catalog_of(const char *presets)
{
    struct api_preset_list list;
    struct bot_catalog c;
    struct err e;
    char *json = arena_fmt(a, "{\"revision\":\"r\",\"presets\":[%s]}", presets);

    if (api_read(&api_shape_preset_list, str_c(json), &list, a, &e) != 0)
        fail_msg("%s", e.msg);
    bot_catalog_read(a, &list, &c);
    return c;
}

#define PRESET(name, category, inputs, more)                                   \
    "{\"name\":\"" name "\",\"version\":\"v\",\"title\":{\"ru\":\"р\","       \
    "\"en\":\"" name "\"},\"category\":{\"id\":\"" category                    \
    "\",\"ru\":\"р\",\"en\":\"e\"},\"price\":5,\"available\":true,"           \
    "\"inputs\":[" inputs "]" more "}"
#define INPUT(name, kind, more)                                                \
    "{\"name\":\"" name "\",\"kind\":\"" kind                                  \
    "\",\"title\":{\"ru\":\"р\",\"en\":\"e\"},\"required\":true" more "}"

static void
presets_stand_category_by_category(void **state)
{
    struct bot_catalog c =
        catalog_of(PRESET("a", "x", "", ",\"icon\":\"1\"") "," PRESET(
            "b", "y", "", "") "," PRESET("c", "x", "", "") "," PRESET("d", "y",
                                                                      "", ""));

    (void)state;
    assert_int_equal(c.n, 4);
    assert_string_equal(c.items[0].p.name, "a");
    assert_string_equal(c.items[1].p.name, "c");
    assert_string_equal(c.items[2].p.name, "b");
    assert_int_equal(c.n_categories, 2);
    assert_int_equal(c.categories[0].n, 2);
    assert_string_equal(c.categories[0].icon, "1");
    assert_string_equal(bot_catalog_category(&c, "y")->title.ru, "р");
    assert_null(bot_catalog_category(&c, "z"));
    assert_string_equal(bot_catalog_find(&c, "d")->p.title.en, "d");
    assert_null(bot_catalog_find(&c, "e"));
}

static void
a_form_is_read_with_its_limits(void **state)
{
    const struct preset_input *in;
    struct bot_catalog c = catalog_of(PRESET(
        "a", "x",
        INPUT("t", "text", "") "," INPUT("w", "number", ",\"min\":1,\"default_value\":2") "," INPUT(
            "n", "number",
            ",\"max\":0.5") "," INPUT("c", "choice",
                                      ",\"choices\":[{\"value\":\"v\","
                                      "\"title\":{\"ru\":\"р\","
                                      "\"en\":\"e\"}}]"),
        ",\"schema\":{\"properties\":{\"w\":{\"type\":\"integer\"},"
        "\"n\":{\"type\":\"number\"}}}"));

    (void)state;
    in = c.items[0].p.inputs;
    assert_true(in[0].kind == PRESET_TEXT &&
                in[0].max_length == LIM_PROMPT_POINTS);
    assert_true(in[1].whole && in[1].has_min && !in[1].has_max);
    assert_string_equal(in[1].dflt, "2");
    assert_true(!in[2].whole && !in[2].has_min && in[2].max == 0.5);
    assert_null(in[2].dflt);
    assert_int_equal(in[3].n_choices, 1);
    assert_string_equal(in[3].choices[0].title.en, "e");
}

static void
what_a_newer_backend_sells_is_left_out(void **state)
{
    struct bot_catalog c = catalog_of(
        PRESET("film", "x", INPUT("clip", "video", ""), "") "," PRESET(
            "none", "x", INPUT("c", "choice", ""),
            "") "," PRESET("a-name-of-more-than-forty-bytes-fits-no-button",
                           "x", "",
                           "") "," PRESET("good", "x", INPUT("p", "photo", ""),
                                          ""));

    (void)state;
    assert_int_equal(c.n, 1);
    assert_string_equal(c.items[0].p.name, "good");
    assert_int_equal(preset_photos(&c.items[0].p), 1);
}

static void
an_empty_shop_is_no_error(void **state)
{
    struct bot_catalog c = catalog_of("");

    (void)state;
    assert_int_equal(c.n, 0);
    assert_int_equal(c.n_categories, 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, end)
    const struct CMUnitTest tests[] = {
        T(presets_stand_category_by_category),
        T(a_form_is_read_with_its_limits),
        T(what_a_newer_backend_sells_is_left_out),
        T(an_empty_shop_is_no_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_utf8.c - base/utf8.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <stdio.h>
#include "base/utf8.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
validity_is_that_of_the_standard(void **state)
{
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"", true},
        {"plain \x7f", true},
        {"\xc2\x80", true},
        {"\xdf\xbf", true},
        {"\xe0\xa0\x80", true},
        {"\xed\x9f\xbf", true},
        {"\xee\x80\x80", true},
        {"\xef\xbf\xbf", true},
        {"\xf0\x90\x80\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"\x80", false},
        {"\xbf", false},
        {"\xc0\x80", false},         /* overlong NUL */
        {"\xc1\xbf", false},         /* overlong */
        {"\xe0\x9f\xbf", false},     /* overlong */
        {"\xf0\x8f\xbf\xbf", false}, /* overlong */
        {"\xed\xa0\x80", false},     /* surrogate */
        {"\xed\xbf\xbf", false},     /* surrogate */
        {"\xf4\x90\x80\x80", false}, /* over U+10FFFF */
        {"\xf5\x80\x80\x80", false},
        {"\xff", false},
        {"\xc2", false},
        {"\xe2\x82", false},
        {"\xf0\x9f\x98", false},
        {"\xc2x", false},
        {"\xe2\x82x", false},
        {"ok \xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80 \xf0\x9f", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(utf8_valid(str_c(cases[i].text)), cases[i].valid);
    assert_true(utf8_valid(STR("a\0b")));
}

static void
a_step_reads_one_code_point(void **state)
{
    uint32_t cp = 7;

    (void)state;
    assert_int_equal(utf8_step(STR("ab"), &cp), 1);
    assert_int_equal(cp, 'a');
    assert_int_equal(utf8_step(STR("üb"), &cp), 2);
    assert_int_equal(cp, 0xfc);
    assert_int_equal(utf8_step(STR("€"), &cp), 3);
    assert_int_equal(cp, 0x20ac);
    assert_int_equal(utf8_step(STR("😀x"), &cp), 4);
    assert_int_equal(cp, 0x1f600);
    assert_int_equal(utf8_step(STR(""), &cp), 0);
    assert_int_equal(utf8_step(STR("\xff"), &cp), 0);
}

static void
code_points_are_counted(void **state)
{
    (void)state;
    assert_int_equal(utf8_count(STR("")), 0);
    assert_int_equal(utf8_count(STR("aü€😀")), 4);
    assert_int_equal(utf8_count(STR("e\xcc\x81")), 2);
}

static void
a_cut_is_made_between_whole_characters(void **state)
{
    static const struct {
        const char *text;
        size_t max;
        const char *want;
    } cases[] = {
        {"abc", 5, "abc"},
        {"abc", 3, "abc"},
        {"abc", 2, "ab"},
        {"abc", 0, ""},
        {"", 0, ""},
        {"aü€😀z", 4, "aü€😀"},
        {"aü€😀z", 3, "aü€"},
        {"abe\xcc\x81", 3, "ab"}, /* e and its accent stay together */
        {"abe\xcc\x81", 4, "abe\xcc\x81"},
        {"abe\xcc\x81z", 4, "abe\xcc\x81"},
        /* woman, ZWJ, laptop */
        {"x\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb", 2, "x"},
        {"x\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb", 3, "x"},
        {"x\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb", 4,
         "x\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb"},
        /* heart and its variation sign; thumb and its skin tone */
        {"x\xe2\x9d\xa4\xef\xb8\x8f", 2, "x"},
        {"x\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbdy", 2, "x"},
        {"a\xff\xfe", 2, "a\xff"}, /* bad bytes count as one each */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str got = utf8_cut(str_c(cases[i].text), cases[i].max);

        assert_true(str_eq_c(got, cases[i].want));
    }
}

static void
an_ellipsis_takes_the_last_place(void **state)
{
    struct arena *a = arena_new();

    (void)state;
    assert_string_equal(utf8_ellipsis(a, STR("abc"), 3), "abc");
    assert_string_equal(utf8_ellipsis(a, STR("abcd"), 3), "ab…");
    assert_string_equal(utf8_ellipsis(a, STR("üüüü"), 3), "üü…");
    assert_string_equal(utf8_ellipsis(a, STR("abcd"), 1), "…");
    assert_string_equal(utf8_ellipsis(a, STR("abcd"), 0), "");
    assert_string_equal(utf8_ellipsis(a, STR(""), 0), "");
    arena_free(a);
}

static void
cleaning_drops_controls_and_replaces_bad_bytes(void **state)
{
    struct arena *a = arena_new();
    struct str dirty = STR("a\n\tb\r\0c\x1f\xe2\x80\xae"
                           "d\xe2\x81\xa6\xff\xc3ü");

    (void)state;
    assert_string_equal(utf8_clean(a, dirty, false),
                        "abcd\xef\xbf\xbd\xef\xbf\xbdü");
    assert_string_equal(utf8_clean(a, dirty, true),
                        "a\n\tbcd\xef\xbf\xbd\xef\xbf\xbdü");
    assert_string_equal(utf8_clean(a, STR(""), true), "");
    assert_string_equal(utf8_clean(a, STR("\xff\xff\xff"), true),
                        "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(validity_is_that_of_the_standard),
        cmocka_unit_test(a_step_reads_one_code_point),
        cmocka_unit_test(code_points_are_counted),
        cmocka_unit_test(a_cut_is_made_between_whole_characters),
        cmocka_unit_test(an_ellipsis_takes_the_last_place),
        cmocka_unit_test(cleaning_drops_controls_and_replaces_bad_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

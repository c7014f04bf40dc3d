/* test_str.c - base/str.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/str.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
no_pointer_is_the_empty_text(void **state)
{
    struct str none = str_c(NULL);

    (void)state;
    assert_int_equal(none.len, 0);
    assert_true(str_eq(none, STR("")));
    assert_true(str_eq_c(none, ""));
    assert_true(str_starts(none, none));
    assert_true(str_ends(STR("a"), none));
    assert_int_equal(str_find(none, 'a'), -1);
    assert_int_equal(str_trim(none).len, 0);
    assert_int_equal(str_sub(none, 1, 2).len, 0);
}

static void
sub_is_clamped(void **state)
{
    struct str s = STR("hello");

    (void)state;
    assert_true(str_eq_c(str_sub(s, 1, 3), "ell"));
    assert_true(str_eq_c(str_sub(s, 3, 100), "lo"));
    assert_true(str_eq_c(str_sub(s, 3, SIZE_MAX), "lo"));
    assert_true(str_eq_c(str_sub(s, 5, 1), ""));
    assert_true(str_eq_c(str_sub(s, SIZE_MAX, SIZE_MAX), ""));
}

static void
equality_sees_length_bytes_and_case(void **state)
{
    (void)state;
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_false(str_eq_c(STR("ab"), "abc"));
    assert_false(str_eq_c(STR("AB"), "ab"));
    assert_true(str_eq_nocase(STR("Content-TYPE"), STR("content-type")));
    assert_false(str_eq_nocase(STR("[ab"), STR("{ab"))); /* 0x20 apart */
    assert_false(str_eq_nocase(STR("a"), STR("ab")));
}

static void
starts_and_ends(void **state)
{
    (void)state;
    assert_true(str_starts(STR("abc"), STR("ab")));
    assert_false(str_starts(STR("abc"), STR("bc")));
    assert_false(str_starts(STR("a"), STR("ab")));
    assert_true(str_ends(STR("abc"), STR("bc")));
    assert_false(str_ends(STR("abc"), STR("ab")));
    assert_false(str_ends(STR("c"), STR("bc")));
}

static void
trim_takes_white_space_from_both_ends(void **state)
{
    (void)state;
    assert_true(str_eq_c(str_trim(STR(" \t\r\n\v\fa b ")), "a b"));
    assert_true(str_eq_c(str_trim(STR("  \n ")), ""));
    assert_true(str_eq_c(str_trim(STR("\xc2\xa0")), "\xc2\xa0"));
}

static void
split_gives_empty_parts_too(void **state)
{
    static const struct {
        const char *text, *parts[5];
    } cases[] = {
        {"a,b,", {"a", "b", ""}}, {"", {""}},         {",", {"", ""}},
        {"abc", {"abc"}},         {"a,,b", {"a", "", "b"}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str rest = str_c(cases[i].text);
        struct str part;
        size_t n = 0;

        for (; str_split(&rest, ',', &part); n++) {
            assert_non_null(cases[i].parts[n]);
            assert_true(str_eq_c(part, cases[i].parts[n]));
        }
        assert_null(cases[i].parts[n]);
        assert_false(str_split(&rest, ',', &part));
    }
}

static void
only_whole_numbers_in_range_are_read(void **state)
{
    static const struct {
        const char *text;
        bool i_ok, u_ok;
        int64_t i;
        uint64_t u;
    } cases[] = {
        {"0", true, true, 0, 0},
        {"007", true, true, 7, 7},
        {"+5", true, true, 5, 5},
        {"-0", true, false, 0, 0},
        {"-5", true, false, -5, 0},
        {"9223372036854775807", true, true, INT64_MAX, INT64_MAX},
        {"9223372036854775808", false, true, 0, 9223372036854775808u},
        {"-9223372036854775808", true, false, INT64_MIN, 0},
        {"-9223372036854775809", false, false, 0, 0},
        {"18446744073709551615", false, true, 0, UINT64_MAX},
        {"18446744073709551616", false, false, 0, 0},
        {"184467440737095516150", false, false, 0, 0},
        {"", false, false, 0, 0},
        {"-", false, false, 0, 0},
        {"+", false, false, 0, 0},
        {"-+5", false, false, 0, 0},
        {"+-5", false, false, 0, 0},
        {"--5", false, false, 0, 0},
        {" 5", false, false, 0, 0},
        {"5 ", false, false, 0, 0},
        {"5.0", false, false, 0, 0},
        {"0x5", false, false, 0, 0},
        {"1e3", false, false, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t iv = 42;
        uint64_t uv = 42;

        assert_int_equal(str_to_i64(str_c(cases[i].text), &iv), cases[i].i_ok);
        assert_int_equal(str_to_u64(str_c(cases[i].text), &uv), cases[i].u_ok);
        assert_true(iv == (cases[i].i_ok ? cases[i].i : 42));
        assert_true(uv == (cases[i].u_ok ? cases[i].u : 42));
    }
    assert_false(str_to_i64(str_n("5\0", 2), &(int64_t){0}));
}

static void
hex_digits_have_their_value_in_both_cases(void **state)
{
    static const char digits[] = "0123456789abcdefABCDEF";

    (void)state;
    for (int c = 0; c < 256; c++) {
        const char *at = c == 0 ? NULL : strchr(digits, c);
        int want = at == NULL ? -1 : (int)(at - digits);

        assert_int_equal(str_hex_digit((char)c), want > 15 ? want - 6 : want);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_pointer_is_the_empty_text),
        cmocka_unit_test(sub_is_clamped),
        cmocka_unit_test(equality_sees_length_bytes_and_case),
        cmocka_unit_test(starts_and_ends),
        cmocka_unit_test(trim_takes_white_space_from_both_ends),
        cmocka_unit_test(split_gives_empty_parts_too),
        cmocka_unit_test(only_whole_numbers_in_range_are_read),
        cmocka_unit_test(hex_digits_have_their_value_in_both_cases),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

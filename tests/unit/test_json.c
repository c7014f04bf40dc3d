/* test_json.c - base/json*.c */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/json.h"
#include "base/mem.h"

struct judged {
    struct str text;
    const char *error; /* NULL: taken */
};
#define OK(t)                                                                  \
    {                                                                          \
        {(t), sizeof(t) - 1}, NULL                                             \
    }
#define NO(t, e)                                                               \
    {                                                                          \
        {(t), sizeof(t) - 1}, (e)                                              \
    }

static const struct judged strict[] = {
    OK("null"),
    OK("true"),
    OK("false"),
    OK("0"),
    OK("-0"),
    OK("\"\""),
    OK("[]"),
    OK("{}"),
    OK(" \t\r\n[ ] \n"),
    OK("[1,2 , 3]"),
    OK("{\"\":0}"),
    OK("{\"a\":1,\"a\":2}"),
    OK("{\"a\":{\"b\":[{}]}}"),
    OK("123.456e-10"),
    OK("1E+2"),
    OK("0e0"),
    OK("-1.5"),
    OK("0.0"),
    OK("1e400"),
    OK("18446744073709551615"),
    OK("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\""),
    OK("\"\\ud83d\\ude00\""),
    OK("\"\xf0\x9f\x98\x80\x7f\""),
    OK("\"\xef\xbf\xbf\xf4\x8f\xbf\xbf\""),
    OK("\"\xe2\x80\xa8\""),
    NO("", "1:1: the text ends too early"),
    NO("   ", "1:4: the text ends too early"),
    NO("01", "1:2: a number with a leading zero"),
    NO("-01", "1:3: a number with a leading zero"),
    NO("2.", "1:3: the text ends too early"),
    NO("2.]", "1:3: no digit after the decimal point"),
    NO(".5", "1:1: expected a value"),
    NO("+1", "1:1: expected a value"),
    NO("-", "1:2: the text ends too early"),
    NO("-x", "1:2: a number without digits"),
    NO("1e", "1:3: the text ends too early"),
    NO("[1e]", "1:4: no digit in the exponent"),
    NO("[1e+]", "1:5: no digit in the exponent"),
    NO("1 2", "1:3: more text after the value"),
    NO("0x1", "1:2: more text after the value"),
    NO("[1,]", "1:4: expected a value"),
    NO("[,1]", "1:2: expected a value"),
    NO("[1 2]", "1:4: expected ',' or ']'"),
    NO("[1}", "1:3: expected ',' or ']'"),
    NO("{\"a\"}", "1:5: expected ':'"),
    NO("{\"a\" 1}", "1:6: expected ':'"),
    NO("{a:1}", "1:2: expected a name in double quotes"),
    NO("{'a':1}", "1:2: expected a name in double quotes"),
    NO("{1:1}", "1:2: expected a name in double quotes"),
    NO("{\"a\":1,}", "1:8: expected a name in double quotes"),
    NO("{\"a\":1 \"b\":2}", "1:8: expected ',' or '}'"),
    NO("{\"a\":}", "1:6: expected a value"),
    NO("[\n1,\n x]", "3:2: expected a value"),
    NO("[", "1:2: the text ends too early"),
    NO("{", "1:2: the text ends too early"),
    NO("\"abc", "1:5: the text ends too early"),
    NO("\"\\", "1:3: the text ends too early"),
    NO("\"\\u12", "1:6: the text ends too early"),
    NO("True", "1:1: expected a value"),
    NO("tru", "1:1: an unknown word"),
    NO("nul", "1:1: an unknown word"),
    NO("fals\0", "1:1: an unknown word"),
    NO("nullx", "1:5: more text after the value"),
    NO("NaN", "1:1: expected a value"),
    NO("[-Infinity]", "1:3: a number without digits"),
    NO("Infinity", "1:1: expected a value"),
    NO("\"\x01\"", "1:2: a raw control character in a string"),
    NO("\"\n\"", "1:2: a raw control character in a string"),
    NO("\"\0\"", "1:2: a raw control character in a string"),
    NO("1\0", "1:2: more text after the value"),
    NO("\"\\x41\"", "1:3: an unknown escape in a string"),
    NO("\"\\\0\"", "1:3: an unknown escape in a string"),
    NO("\"\\u00g0\"", "1:6: \\u needs four hex digits"),
    NO("\"\\u0000\"", "1:2: \\u0000 in a string"),
    NO("\"\\ud800\"", "1:2: half of a surrogate pair"),
    NO("\"\\udc00\"", "1:2: half of a surrogate pair"),
    NO("\"\\ud800\\u0041\"", "1:2: half of a surrogate pair"),
    NO("\"\\ud800\\n\"", "1:2: half of a surrogate pair"),
    NO("\"\xff\"", "1:2: bytes that are not UTF-8"),
    NO("\"\xc3\"", "1:2: bytes that are not UTF-8"),
    NO("\"\xc0\x80\"", "1:2: bytes that are not UTF-8"),
    NO("\"\xe0\x80\x80\"", "1:2: bytes that are not UTF-8"),
    NO("\"\xed\xa0\x80\"", "1:2: bytes that are not UTF-8"),
    NO("\"\xf0\x8f\xbf\xbf\"", "1:2: bytes that are not UTF-8"),
    NO("\"\xf4\x90\x80\x80\"", "1:2: bytes that are not UTF-8"),
    NO("\"\xf0\x9f\x98", "1:2: bytes that are not UTF-8"),
    NO("\xef\xbb\xbf{}", "1:1: a byte order mark"),
    NO("/**/1", "1:1: expected a value"),
    NO("[1]//", "1:4: more text after the value"),
    NO("\x0c[]", "1:1: expected a value"),
};

/* A copy that ends where the text ends, so that ASan sees any byte more. */
static int
check_exactly(struct str t, int flags, struct err *e)
{
    char *copy = mem_alloc(t.len + 1);
    char *tight = copy + 1;
    cJSON *j;
    int rc;

    memcpy(tight, t.p, t.len);
    rc = json_check(str_n(tight, t.len), flags, e);
    j = json_parse(str_n(tight, t.len), flags, e);
    assert_int_equal(rc == 0, j != NULL);
    json_free(j);
    mem_free(copy);
    return rc;
}

static void
the_grammar_is_rfc_8259_and_nothing_more(void **state)
{
    struct err e;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof strict / sizeof strict[0]; i++) {
        int rc;

        err_clear(&e);
        rc = check_exactly(strict[i].text, 0, &e);
        if (strict[i].error == NULL) {
            if (rc != 0)
                fail_msg("refused %s: %s", strict[i].text.p, e.msg);
            continue;
        }
        if (rc == 0)
            fail_msg("took %s", strict[i].text.p);
        assert_string_equal(e.msg, strict[i].error);
        assert_int_equal(e.code, ERR_BAD_INPUT);
    }
}

static void
depth_has_a_limit_that_is_taken_itself(void **state)
{
    char text[2 * (JSON_DEPTH_MAX + 1)];
    struct err e;
    size_t d = JSON_DEPTH_MAX;

    (void)state;
    memset(text, '[', d);
    memset(text + d, ']', d);
    assert_int_equal(check_exactly(str_n(text, 2 * d), 0, &e), 0);
    d++;
    memset(text, '[', d);
    memset(text + d, ']', d);
    assert_int_equal(check_exactly(str_n(text, 2 * d), 0, &e), -1);
    assert_string_equal(e.msg, "1:65: nested too deeply");
}

static void
too_many_values_are_too_large(void **state)
{
    struct buf b;
    struct err e;
    size_t i;

    (void)state;
    buf_init(&b, 4 * 1000 * 1000);
    buf_add_c(&b, "[0");
    for (i = 0; i + 1 < JSON_VALUES_MAX; i++)
        buf_add_c(&b, ",0");
    buf_add_c(&b, "]");
    assert_int_equal(json_check(buf_str(&b), 0, &e), -1);
    assert_int_equal(e.code, ERR_TOO_LARGE);
    buf_free(&b);
}

struct through {
    const char *in, *out;
};

static void
check_through(const struct through *t, int flags)
{
    struct err e;
    struct buf b;
    cJSON *j = json_parse(str_c(t->in), flags, &e);

    if (j == NULL)
        fail_msg("%s: %s", t->in, e.msg);
    buf_init(&b, 10000);
    json_print(&b, j);
    assert_string_equal(buf_cstr(&b), t->out);
    buf_free(&b);
    json_free(j);
}

static void
numbers_come_out_with_the_value_they_came_in_with(void **state)
{
    static const struct through t[] = {
        {"18446744073709551615", "18446744073709551615"},
        {"[9007199254740991,9007199254740992,9007199254740993]",
         "[9007199254740991,9007199254740992,9007199254740993]"},
        {"{\"s\":-9223372036854775808,\"t\":[1,0.1,1e2]}",
         "{\"s\":-9223372036854775808,\"t\":[1,0.1,100]}"},
        {"0.1000000000000000055511151231257827021181583404541015625",
         "0.1000000000000000055511151231257827021181583404541015625"},
        {"1e400", "1e400"},
        {"-1e-400", "-1e-400"},
        {"1e20", "1e20"},
        {"1.0", "1"},
        {"1.50", "1.5"},
        {"0.30000000000000004", "0.30000000000000004"},
        {"2.2250738585072014e-308", "2.2250738585072014e-308"},
        {"5e-324", "5e-324"},
        {"[1,{\"a\":12345678901234567890,\"b\":7},36893488147419103232,3]",
         "[1,{\"a\":12345678901234567890,\"b\":7},36893488147419103232,3]"},
        /* longer than what cJSON reads of a number */
        {"[1.0000000000000000000000000000000000000000000000000000000000000"
         "0000000000000000000000000000]",
         "[1]"},
        {"[1234567890123456789012345678901234567890123456789012345678901234"
         "56789012345678901234567890]",
         "[1234567890123456789012345678901234567890123456789012345678901234"
         "56789012345678901234567890]"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof t / sizeof t[0]; i++)
        check_through(&t[i], 0);
}

static void
python_nan_and_infinities_read_as_null_when_asked(void **state)
{
    static const struct through t[] = {
        {"NaN", "null"},
        {"[NaN,Infinity,-Infinity,-1]", "[null,null,null,-1]"},
        {"{\"NaN\":NaN,\"b\":\"NaN\",\"c\":18446744073709551615}",
         "{\"NaN\":null,\"b\":\"NaN\",\"c\":18446744073709551615}"},
    };
    struct err e;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof t / sizeof t[0]; i++)
        check_through(&t[i], JSON_NAN);
    assert_int_equal(json_check(STR("[nan]"), JSON_NAN, &e), -1);
    assert_int_equal(json_check(STR("[-NaN]"), JSON_NAN, &e), -1);
    assert_int_equal(json_check(STR("[Infinit]"), JSON_NAN, &e), -1);
}

static void
nul_and_half_pairs_are_mended_when_asked(void **state)
{
    static const struct through nul = {"{\"a\\u0000b\":\"\\u0000x\\u0000\"}",
                                       "{\"ab\":\"x\"}"};
    static const struct through lone = {
        "[\"a\\udcffb\",\"\\ud800\\ud83d\\ude00\",\"\\ud800\\n\"]",
        "[\"a\xef\xbf\xbd"
        "b\",\"\xef\xbf\xbd\xf0\x9f\x98\x80\","
        "\"\xef\xbf\xbd\\n\"]"};

    (void)state;
    check_through(&nul, JSON_NUL_DROP);
    check_through(&lone, JSON_LONE_FFFD);
}

static void
the_last_of_equal_names_wins(void **state)
{
    static const struct through t[] = {
        {"{\"a\":1,\"b\":2,\"a\":3}", "{\"b\":2,\"a\":3}"},
        {"{\"a\":1,\"a\":2,\"a\":3,\"A\":4}", "{\"a\":3,\"A\":4}"},
        {"[{\"x\":{\"k\":18446744073709551615,\"k\":1}}]",
         "[{\"x\":{\"k\":1}}]"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof t / sizeof t[0]; i++)
        check_through(&t[i], 0);
}

static void
whole_numbers_are_read_however_written(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t v;
    } t[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"1e3", true, 1000},
        {"20.0", true, 20},
        {"0e99", true, 0},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"1.5", false, 0},
        {"1e19", false, 0},
        {"1e-1", false, 0},
        {"10e-1", true, 1},
        {"1e999999999999", false, 0},
        {"123456789012345678e0", true, 123456789012345678},
        {"\"5\"", false, 0},
        {"true", false, 0},
        {"null", false, 0},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof t / sizeof t[0]; i++) {
        cJSON *j = json_parse(str_c(t[i].text), 0, NULL);
        int64_t v = 0;

        assert_non_null(j);
        assert_int_equal(json_to_i64(j, &v), t[i].ok);
        if (t[i].ok)
            assert_int_equal(v, t[i].v);
        json_free(j);
    }
    assert_false(json_to_i64(NULL, NULL));
}

static void
access_gives_the_default_for_what_is_not_there(void **state)
{
    cJSON *j = json_parse(STR("{\"s\":\"x\",\"n\":5,\"b\":true,\"f\":2.5,"
                              "\"l\":[{\"k\":[10,20]}],\"u\":"
                              "18446744073709551615,\"\":{\"\":1}}"),
                          0, NULL);
    char out[32];

    (void)state;
    assert_string_equal(json_str(j, "s", "d"), "x");
    assert_string_equal(json_str(j, "S", "d"), "d");
    assert_string_equal(json_str(j, "n", "d"), "d");
    assert_null(json_str(NULL, "n", NULL));
    assert_int_equal(json_i64(j, "n", 9), 5);
    assert_int_equal(json_i64(j, "f", 9), 9);
    assert_int_equal(json_i64(j, "u", 9), 9);
    assert_int_equal(json_i64(j, "s", 9), 9);
    assert_true(json_num(j, "f", 0) == 2.5);
    assert_true(json_num(j, "u", 0) == 18446744073709551615.0);
    assert_true(json_bool(j, "b", false));
    assert_true(json_bool(j, "n", true));
    assert_int_equal(json_path(j, "l.0.k.1")->valueint, 20);
    assert_int_equal(json_path(j, ".")->valueint, 1);
    assert_null(json_path(j, "l.0.k.2"));
    assert_null(json_path(j, "l.x"));
    assert_null(json_path(j, "s.x"));
    assert_null(json_path(j, "l.0.k.1.z"));
    assert_null(json_path(NULL, "a"));
    assert_null(json_get(json_get(j, "l"), "0"));
    assert_true(
        str_eq_c(json_num_text(json_get(j, "u"), out), "18446744073709551615"));
    assert_true(str_eq_c(json_num_text(json_get(j, "f"), out), "2.5"));
    assert_true(json_is_num(json_get(j, "u")));
    assert_false(json_is_num(json_get(j, "s")));
    json_free(j);
}

static void
a_tree_in_an_arena_goes_with_it(void **state)
{
    struct arena *a = arena_new();
    struct err e;
    cJSON *j = json_parse_in(a,
                             STR("{\"a\":[1,18446744073709551615],\"a\":"
                                 "[\"x\",{\"y\":NaN}]}"),
                             JSON_NAN, &e);
    cJSON *own;

    (void)state;
    assert_non_null(j);
    assert_string_equal(json_text(a, j), "{\"a\":[\"x\",{\"y\":null}]}");
    assert_null(json_parse_in(a, STR("[\"half"), 0, &e));
    /* after it cJSON allocates on the heap again */
    own = cJSON_CreateString("mine");
    json_free(own);
    arena_free(a);
}

static void
the_locale_of_the_process_does_not_matter(void **state)
{
    static const struct through t = {"[0.5,1.25e-7,1e400]",
                                     "[0.5,1.25e-07,1e400]"};
    static const char *const names[] = {"de_DE.UTF-8", "ru_RU.UTF-8",
                                        "fr_FR.UTF-8", "ps_AF.UTF-8"};
    size_t i;

    (void)state;
    check_through(&t, 0);
    for (i = 0; i < sizeof names / sizeof names[0]; i++)
        if (setlocale(LC_ALL, names[i]) != NULL)
            check_through(&t, 0);
    setlocale(LC_ALL, "C");
}

static void
the_writer_writes_all_kinds(void **state)
{
    struct buf b;
    struct jw w;
    cJSON *tree = json_parse(STR("{\"n\":[18446744073709551615]}"), 0, NULL);

    (void)state;
    buf_init(&b, 1000);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, "s", "a\"b\\c\n\x01\x1f\x7f\xc3\xa9");
    jw_kstr(&w, "null", NULL);
    jw_ki64(&w, "min", INT64_MIN);
    jw_key(&w, "u");
    jw_u64(&w, UINT64_MAX);
    jw_kbool(&w, "t", true);
    jw_knum(&w, "x", 0.1);
    jw_knum(&w, "nan", (double)NAN);
    jw_knum(&w, "big", 1e300);
    jw_ktree(&w, "tree", tree);
    jw_ktree(&w, "none", NULL);
    jw_key(&w, "l");
    jw_arr(&w);
    jw_i64(&w, 1);
    jw_null(&w);
    jw_obj(&w);
    jw_end(&w);
    jw_raw(&w, STR("[2]"));
    jw_text(&w, str_n("a\0b", 3));
    jw_end(&w);
    jw_end(&w);
    assert_string_equal(
        buf_cstr(&b),
        "{\"s\":\"a\\\"b\\\\c\\n\\u0001\\u001f\x7f\xc3\xa9\",\"null\":null,"
        "\"min\":-9223372036854775808,\"u\":18446744073709551615,"
        "\"t\":true,\"x\":0.1,\"nan\":null,\"big\":1e+300,"
        "\"tree\":{\"n\":[18446744073709551615]},\"none\":null,"
        "\"l\":[1,null,{},[2],\"a\\u0000b\"]}");
    json_free(tree);
    buf_free(&b);
}

static void
bad_utf8_is_written_as_replacement_characters(void **state)
{
    static const struct through t[] = {
        {"\xff", "\"\xef\xbf\xbd\""},
        {"a\xc3", "\"a\xef\xbf\xbd\""},
        {"\xed\xa0\x80z", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\""},
        {"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct buf b;
        struct jw w;

        buf_init(&b, 100);
        jw_init(&w, &b);
        jw_str(&w, t[i].in);
        assert_string_equal(buf_cstr(&b), t[i].out);
        assert_int_equal(json_check(buf_str(&b), 0, NULL), 0);
        buf_free(&b);
    }
}

static void
a_full_buffer_is_remembered_not_overrun(void **state)
{
    struct buf b;
    struct jw w;

    (void)state;
    buf_init(&b, 10);
    jw_init(&w, &b);
    jw_arr(&w);
    jw_str(&w, "far too long for this buffer");
    jw_end(&w);
    assert_true(b.failed);
    assert_true(b.len <= 10);
    buf_free(&b);
}

static void
doubles_are_written_so_that_they_read_back(void **state)
{
    static const double v[] = {0.1,    1.0 / 3.0,
                               1e22,   123456789.125,
                               5e-324, 1.7976931348623157e308,
                               -2.5,   4503599627370497.5};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof v / sizeof v[0]; i++) {
        struct buf b;
        struct jw w;
        cJSON *j;
        double back = 0;

        buf_init(&b, 100);
        jw_init(&w, &b);
        jw_num(&w, v[i]);
        j = json_parse(buf_str(&b), 0, NULL);
        assert_true(json_to_num(j, &back));
        assert_true(back == v[i]);
        json_free(j);
        buf_free(&b);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_grammar_is_rfc_8259_and_nothing_more),
        cmocka_unit_test(depth_has_a_limit_that_is_taken_itself),
        cmocka_unit_test(too_many_values_are_too_large),
        cmocka_unit_test(numbers_come_out_with_the_value_they_came_in_with),
        cmocka_unit_test(python_nan_and_infinities_read_as_null_when_asked),
        cmocka_unit_test(nul_and_half_pairs_are_mended_when_asked),
        cmocka_unit_test(the_last_of_equal_names_wins),
        cmocka_unit_test(whole_numbers_are_read_however_written),
        cmocka_unit_test(access_gives_the_default_for_what_is_not_there),
        cmocka_unit_test(a_tree_in_an_arena_goes_with_it),
        cmocka_unit_test(the_locale_of_the_process_does_not_matter),
        cmocka_unit_test(the_writer_writes_all_kinds),
        cmocka_unit_test(bad_utf8_is_written_as_replacement_characters),
        cmocka_unit_test(a_full_buffer_is_remembered_not_overrun),
        cmocka_unit_test(doubles_are_written_so_that_they_read_back),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}

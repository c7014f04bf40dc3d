/* test_yaml.c - base/yaml.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/yaml.h"

struct reads {
    const char *yaml, *json;
};

static void
check_reads(const char *yaml, const char *json)
{
    struct err e;
    struct buf b;
    cJSON *j = yaml_parse(str_c(yaml), &e);

    if (j == NULL)
        fail_msg("%s: %s", yaml, e.msg);
    buf_init(&b, 100000);
    json_print(&b, j);
    assert_string_equal(buf_cstr(&b), json);
    buf_free(&b);
    json_free(j);
}

static void
plain_scalars_follow_the_core_schema(void **state)
{
    static const struct reads t[] = {
        {"~", "null"},
        {"null", "null"},
        {"--- \n", "null"},
        {"true", "true"},
        {"FALSE", "false"},
        {"yes", "\"yes\""},
        {"no", "\"no\""},
        {"on", "\"on\""},
        {"tRue", "\"tRue\""},
        {"12", "12"},
        {"-7", "-7"},
        {"+7", "7"},
        {"007", "7"},
        {"-0012", "-12"},
        {"0", "0"},
        {"0x1F", "31"},
        {"0xff", "255"},
        {"0o17", "15"},
        {"0o8", "\"0o8\""},
        {"0xg", "\"0xg\""},
        {"0xffffffffffffffff", "18446744073709551615"},
        {"0x1ffffffffffffffff", "\"0x1ffffffffffffffff\""},
        {"18446744073709551615", "18446744073709551615"},
        {"1.50", "1.5"},
        {".5", "0.5"},
        {"5.", "5"},
        {"-.5e1", "-5"},
        {"1e3", "1000"},
        {"1e", "\"1e\""},
        {"1.2.3", "\"1.2.3\""},
        {"-", "[null]"},
        {"1_000", "\"1_000\""},
        {"12:30", "\"12:30\""},
        {"2024-01-02", "\"2024-01-02\""},
        {"+", "\"+\""},
        {"'-'", "\"-\""},
        {".", "\".\""},
        {"\"12\"", "\"12\""},
        {"'true'", "\"true\""},
        {"!!str 12", "\"12\""},
        {"! 12", "\"12\""},
        {"!!int \"12\"", "12"},
        {"!!float 1", "1"},
        {"|\n a\n b\n", "\"a\\nb\\n\""},
        {">-\n a\n b\n", "\"a b\""},
        {"\"\\u041f \\U0001F600\"", "\"\xd0\x9f \xf0\x9f\x98\x80\""},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof t / sizeof t[0]; i++)
        check_reads(t[i].yaml, t[i].json);
}

static void
collections_and_aliases_become_trees(void **state)
{
    (void)state;
    check_reads("{}", "{}");
    check_reads("[]", "[]");
    check_reads("%YAML 1.2\n---\na: 1\n...\n", "{\"a\":1}");
    check_reads("a: {b: [1, x], 9: ~}\nc:\n  - d: 1\n    e:\n  - []\n",
                "{\"a\":{\"b\":[1,\"x\"],\"9\":null},"
                "\"c\":[{\"d\":1,\"e\":null},[]]}");
    check_reads("a: &x {n: 18446744073709551615}\nb: *x\nc: [*x, &y 5, *y]",
                "{\"a\":{\"n\":18446744073709551615},"
                "\"b\":{\"n\":18446744073709551615},"
                "\"c\":[{\"n\":18446744073709551615},5,5]}");
    check_reads("a: &x 1\nb: &x 2\nc: *x", "{\"a\":1,\"b\":2,\"c\":2}");
    check_reads("ru: Сепия\nicon: \"📷\"", "{\"ru\":\"Сепия\",\"icon\":\"📷\"}");
}

static void
what_is_refused_is_refused_by_line(void **state)
{
    static const struct reads t[] = {
        {"", "line 1: the document is empty"},
        {"# only\n# comments\n", "line 3: the document is empty"},
        {"a: 1\nb: 2\na: 3\n", "line 3: a: this key stands twice"},
        {"x: {k: 1, k: 2}", "line 1: k: this key stands twice"},
        {"a: !foo 1", "line 1: a tag that is not of the core schema"},
        {"a: !!binary aGk=", "line 1: a tag that is not of the core schema"},
        {"a:\n  !!map [1]", "line 2: a tag that does not fit here"},
        {"a: !!int x", "line 1: the value does not fit its tag"},
        {"a: 1\n---\nb: 2\n", "line 2: a second document"},
        {"a: *b", "line 1: an alias without its anchor"},
        {"a: &b [1, *b]", "line 1: an alias inside its own anchor"},
        {"<<: {a: 1}", "line 1: merge keys (<<) are not taken"},
        {"[a]: 1", "line 1: a key that is not a plain text"},
        {"!!str a: 1", "line 1: a key that is not a plain text"},
        {"a: \"x\\0y\"", "line 1: a NUL in a text"},
        {"\"a\\0b\": 1", "line 1: a key that is not a plain text"},
        {"a: .inf", "line 1: JSON has no infinity and no NaN"},
        {"a: .NaN", "line 1: JSON has no infinity and no NaN"},
    };
    struct err e;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof t / sizeof t[0]; i++) {
        if (yaml_parse(str_c(t[i].yaml), &e) != NULL)
            fail_msg("took %s", t[i].yaml);
        assert_string_equal(e.msg, t[i].json);
        assert_int_equal(e.code, ERR_BAD_INPUT);
    }
}

static void
the_parsers_own_complaints_name_the_line_too(void **state)
{
    static const char *const t[] = {"a: 1\nb: [1, 2\nc: 3\n",
                                    "a: 'x",
                                    "a: 1\n\tb: 2",
                                    "a: \xff\xfe",
                                    "a: }",
                                    "\x01",
                                    "@x",
                                    "a: \"\\ud800\""};
    struct err e;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof t / sizeof t[0]; i++) {
        assert_null(yaml_parse(str_c(t[i]), &e));
        assert_int_equal(strncmp(e.msg, "line ", 5), 0);
        assert_int_equal(e.code, ERR_BAD_INPUT);
    }
    assert_null(yaml_parse(str_c("a: 1\nb: 'x\n\n"), &e));
    assert_int_equal(strncmp(e.msg, "line 4: ", 8), 0);
}

static void
alias_bombs_and_depth_are_stopped(void **state)
{
    struct buf b;
    struct err e;
    int i;

    (void)state;
    buf_init(&b, 100000);
    buf_add_c(&b, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (i = 1; i < 9; i++)
        buf_addf(&b, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i,
                 i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    assert_null(yaml_parse(buf_str(&b), &e));
    assert_int_equal(e.code, ERR_TOO_LARGE);

    buf_clear(&b);
    for (i = 0; i < 33; i++)
        buf_add_byte(&b, '[');
    for (i = 0; i < 33; i++)
        buf_add_byte(&b, ']');
    assert_null(yaml_parse(buf_str(&b), &e));
    assert_string_equal(e.msg, "line 1: nested too deeply");

    /* one alias inside the next: height counts without brackets */
    buf_clear(&b);
    buf_add_c(&b, "a0: &a0 [x]\n");
    for (i = 1; i < 40; i++)
        buf_addf(&b, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    assert_null(yaml_parse(buf_str(&b), &e));
    assert_string_equal(e.msg, "line 31: nested too deeply");
    buf_free(&b);
}

static void
long_texts_are_too_large(void **state)
{
    struct buf b;
    struct err e;

    (void)state;
    buf_init(&b, 1000000);
    while (b.len <= YAML_BYTES_MAX)
        buf_add_c(&b, "# comment\n");
    assert_null(yaml_parse(buf_str(&b), &e));
    assert_int_equal(e.code, ERR_TOO_LARGE);
    buf_free(&b);
}

static void
a_path_has_its_line(void **state)
{
    struct str t = STR("# head\n"
                       "name: x\n"
                       "tasks:\n"
                       "  - id: a\n"
                       "    slots:\n"
                       "      p: 1\n"
                       "  -\n"
                       "    id: b\n");

    (void)state;
    assert_int_equal(yaml_line(t, "name"), 2);
    assert_int_equal(yaml_line(t, "tasks"), 3);
    assert_int_equal(yaml_line(t, "tasks.0"), 4);
    assert_int_equal(yaml_line(t, "tasks.0.slots"), 5);
    assert_int_equal(yaml_line(t, "tasks.0.slots.p"), 6);
    assert_int_equal(yaml_line(t, "tasks.1.id"), 8);
    assert_int_equal(yaml_line(t, "tasks.2"), 0);
    assert_int_equal(yaml_line(t, "nam"), 0);
    assert_int_equal(yaml_line(STR("a: ["), "a"), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_scalars_follow_the_core_schema),
        cmocka_unit_test(collections_and_aliases_become_trees),
        cmocka_unit_test(what_is_refused_is_refused_by_line),
        cmocka_unit_test(the_parsers_own_complaints_name_the_line_too),
        cmocka_unit_test(alias_bombs_and_depth_are_stopped),
        cmocka_unit_test(long_texts_are_too_large),
        cmocka_unit_test(a_path_has_its_line),
    };

    return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}

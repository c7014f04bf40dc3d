/* JSON, int(), float() and repr() as Python has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "sandbox/comfy_files.h"
#include "sandbox/comfy_node.h"
#include "sandbox/comfy_py.h"
#include "tests/support/files.h"

struct pair {
    const char *in, *want; /* want NULL: refused */
};

static const char *
dumped(struct arena *a, const struct py *v)
{
    struct buf b;
    const char *z;

    buf_init(&b, 1u << 20);
    py_dumps(&b, v);
    z = arena_strn(a, buf_cstr(&b), b.len);
    buf_free(&b);
    return z;
}

static void
documents_come_back_as_json_dumps_writes_them(void **state)
{
    static const struct pair cases[] = {
        {"{\"b\":1,\"a\":[1.0,true,null]}",
         "{\"b\": 1, \"a\": [1.0, true, null]}"},
        {"18446744073709551615", "18446744073709551615"},
        {"123456789012345678901234567890", "123456789012345678901234567890"},
        {"-0", "0"},
        {"-0.0", "-0.0"},
        {"99.0", "99.0"},
        {"1e5", "100000.0"},
        {"1e16", "1e+16"},
        {"0.00001", "1e-05"},
        {"0.0001", "0.0001"},
        {"0.1", "0.1"},
        {"123456789.125", "123456789.125"},
        {"NaN", "NaN"},
        {"[Infinity, -Infinity]", "[Infinity, -Infinity]"},
        {"\"\\u043a\\/\\n\"", "\"\\u043a/\\n\""},
        {"\"\\ud83d\\ude00\"", "\"\\ud83d\\ude00\""},
        {"\"\\ud800\"", "\"\\ud800\""},
        {"{\"a\": 1, \"b\": 2, \"a\": 3}", "{\"a\": 3, \"b\": 2}"},
        {" [ ] ", "[]"},
        {"{}", "{}"},
        {"", NULL},
        {"nan", NULL},
        {"01", NULL},
        {"1.", NULL},
        {"[1,]", NULL},
        {"{\"a\" 1}", NULL},
        {"\"\t\"", NULL},
        {"\"\\x\"", NULL},
        {"\"abc", NULL},
        {"1 2", NULL},
        {"\"\xff\"", NULL},
        {"-", NULL},
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err e = {0};
        struct py *v = py_parse(a, str_c(cases[i].in), &e);

        if (!cases[i].want) {
            if (v)
                fail_msg("%s was taken", cases[i].in);
            assert_int_equal(e.code, ERR_BAD_INPUT);
            continue;
        }
        if (!v)
            fail_msg("%s: %s", cases[i].in, e.msg);
        assert_string_equal(dumped(a, v), cases[i].want);
    }
    arena_free(a);
}

static void
nesting_has_a_limit(void **state)
{
    struct arena *a = arena_new();
    char deep[4000];

    (void)state;
    memset(deep, '[', sizeof(deep));
    assert_null(py_parse(a, str_n(deep, sizeof(deep)), NULL));
    arena_free(a);
}

static void
numbers_are_converted_as_python_converts(void **state)
{
    static const struct pair ints[] = {
        {"\"12\"", "12"},
        {"3.9", "3"},
        {"-3.9", "-3"},
        {"true", "1"},
        {"\" 1_000 \"", "1000"},
        {"\"-007\"", "-7"},
        {"\"0\"", "0"},
        {"\"tall\"", "!invalid literal for int() with base 10: 'tall'"},
        {"\"1.5\"", "!invalid literal for int() with base 10: '1.5'"},
        {"NaN", "!cannot convert float NaN to integer"},
        {"null", "!int() argument must be a string, a bytes-like object or a "
                 "real number, not 'NoneType'"},
    };
    static const struct pair floats[] = {
        {"\"1.5\"", "1.5"},
        {"3", "3.0"},
        {"false", "0.0"},
        {"\"nan\"", "NaN"},
        {"\"1e3\"", "1000.0"},
        {"\"0x10\"", "!could not convert string to float: '0x10'"},
        {"null", "!float() argument must be a string or a real number, not "
                 "'NoneType'"},
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(ints) / sizeof(ints[0]); i++) {
        const char *why = "";
        struct py *out;
        bool ok = py_int(a, py_parse(a, str_c(ints[i].in), NULL), &out, &why);

        assert_string_equal(ok ? dumped(a, out) : arena_fmt(a, "!%s", why),
                            ints[i].want);
    }
    for (size_t i = 0; i < sizeof(floats) / sizeof(floats[0]); i++) {
        const char *why = "";
        struct py *out;
        bool ok =
            py_float(a, py_parse(a, str_c(floats[i].in), NULL), &out, &why);

        assert_string_equal(ok ? dumped(a, out) : arena_fmt(a, "!%s", why),
                            floats[i].want);
    }
    arena_free(a);
}

static void
values_are_shown_as_python_shows_them(void **state)
{
    static const struct pair cases[] = {
        {"{\"a\": [1, \"x\", null, true, 1.5]}",
         "{'a': [1, 'x', None, True, 1.5]}"},
        {"[\"it's\", \"\\\"\", \"'\\\"\", \"\\n\"]",
         "[\"it's\", '\"', '\\'\"', '\\n']"},
        {"\"plain\"", "plain"},
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(py_str_in(a, py_parse(a, str_c(cases[i].in), NULL)),
                            cases[i].want);
    arena_free(a);
}

/* The C table of classes is a copy of the recorded one. */
static void
the_table_of_classes_is_the_recorded_one(void **state)
{
    struct arena *a = arena_new();
    struct py *real;
    size_t n = 0;

    (void)state;
    real = py_parse(a, test_file(a, "tests/data/object_info.min.json"), NULL);
    node_classes_init();
    for (const struct py *v = real->first; v; v = v->next, n++) {
        const struct node_class *k = node_class_find(v->key);

        if (!k)
            fail_msg("%s is missing", v->key.p);
        assert_string_equal(dumped(a, k->info), dumped(a, v));
    }
    assert_int_equal(n, node_class_count());
    node_classes_fini();
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_come_back_as_json_dumps_writes_them),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(numbers_are_converted_as_python_converts),
        cmocka_unit_test(values_are_shown_as_python_shows_them),
        cmocka_unit_test(the_table_of_classes_is_the_recorded_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

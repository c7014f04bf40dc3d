/* test_env_file.c - base/env_file.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/buf.h"
#include "base/env_file.h"
#include "base/limits.h"

/* Writes each pair as key=[value], so that blanks are seen. */
static int
note(void *ctx, const char *key, const char *value, struct err *e)
{
    if (strcmp(key, "REFUSED") == 0)
        return err_set(e, ERR_BAD_INPUT, "no %s here", key);
    buf_addf(ctx, "%s=[%s]", key, value);
    return 0;
}

static void
lines_become_pairs(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {"\n\n", ""},
        {"A=1", "A=[1]"},
        {"A=1\nB=2\n", "A=[1]B=[2]"},
        {"A=1\r\nB=2\r\n", "A=[1]B=[2]"},
        {"\xef\xbb\xbf" "A=1", "A=[1]"},
        {"# A=0\n  # x\nA=1", "A=[1]"},
        {"export A=1", "A=[1]"},
        {"export\t A=1", "A=[1]"},
        {"exported=1", "exported=[1]"},
        {"  A_b9 \t=  x y  ", "A_b9=[x y]"},
        {"A=", "A=[]"},
        {"A==", "A=[=]"},
        {"A=b=c", "A=[b=c]"},
        {"A=x # y", "A=[x]"},
        {"A=x#y", "A=[x#y]"},
        {"A=#x", "A=[]"},
        {"A=\"x # y\" # z", "A=[x # y]"},
        {"A=' x \\n\"$B '", "A=[ x \\n\"$B ]"},
        {"A=\"\\\"q\\\" \\\\ \\n\"", "A=[\"q\" \\ \\n]"},
        {"A=\"\"", "A=[]"},
        {"A=''", "A=[]"},
        {"A=it's", "A=[it's]"},
        {"A=ü", "A=[ü]"},
        {"A=1\nA=2", "A=[1]A=[2]"},
    };
    struct buf b;
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_init(&b, 1000);
        assert_int_equal(
            env_file_parse(str_c(cases[i].text), note, &b, &e), 0);
        assert_string_equal(buf_cstr(&b), cases[i].want);
        buf_free(&b);
    }
}

static void
errors_name_their_line(void **state)
{
    static const struct {
        struct str text;
        const char *want;
    } cases[] = {
        {{"A=1\n\nnonsense\n", 14}, "line 3: KEY=value is wanted"},
        {{"=1", 2}, "line 1: the key may hold A-Z, a-z, 0-9 and _ only"},
        {{"9A=1", 4}, "line 1: the key may hold A-Z, a-z, 0-9 and _ only"},
        {{"A B=1", 5}, "line 1: the key may hold A-Z, a-z, 0-9 and _ only"},
        {{"A-B=1", 5}, "line 1: the key may hold A-Z, a-z, 0-9 and _ only"},
        {{"A=\"x", 4}, "line 1: the quote \" is not closed"},
        {{"A='x", 4}, "line 1: the quote ' is not closed"},
        {{"A=\"x\\\"", 6}, "line 1: the quote \" is not closed"},
        {{"A='x'y", 6}, "line 1: text behind the closing quote"},
        {{"B=1\nA=x\0y", 9}, "line 2: a NUL byte"},
        {{"A=x\ry", 5}, "line 1: a CR inside the line"},
        {{"A=\xff", 3}, "line 1: not UTF-8"},
        {{"#\xff", 2}, "line 1: not UTF-8"},
        {{"A=1\nREFUSED=1", 13}, "line 2: no REFUSED here"},
    };
    struct buf b;
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_init(&b, 1000);
        assert_int_equal(env_file_parse(cases[i].text, note, &b, &e), -1);
        assert_int_equal(e.code, ERR_BAD_INPUT);
        assert_string_equal(e.msg, cases[i].want);
        buf_free(&b);
    }
}

static void
a_file_over_the_limit_is_refused(void **state)
{
    static char much[LIM_ENV_FILE + 1];
    struct buf b;
    struct err e;

    (void)state;
    memset(much, '#', sizeof(much));
    buf_init(&b, 10);
    assert_int_equal(env_file_parse(str_n(much, LIM_ENV_FILE), note, &b, &e),
                     0);
    assert_int_equal(
        env_file_parse(str_n(much, LIM_ENV_FILE + 1), note, &b, &e), -1);
    assert_int_equal(e.code, ERR_TOO_LARGE);
    buf_free(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_become_pairs),
        cmocka_unit_test(errors_name_their_line),
        cmocka_unit_test(a_file_over_the_limit_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_html.c - model/html.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "model/html.h"

static void
check_buf(struct buf *b, const char *want)
{
    assert_string_equal(buf_cstr(b), want);
    buf_clear(b);
}

static void
what_people_type_never_becomes_structure(void **state)
{
    static const struct {
        const char *in;
        size_t max;
        const char *want;
    } t[] = {
        {"plain", 0, "plain"},
        {"<b>&amp;\"'", 0, "&lt;b&gt;&amp;amp;&quot;'"},
        {"a\nb\x01\x1f", 0, "a\nb"},
        {"\xe2\x80\xae"
         "evil",
         0, "evil"},
        {"bad\xff", 0, "bad\xef\xbf\xbd"},
        {"<<<<<", 3, "&lt;&lt;…"},
        {"привет", 4, "при…"},
        {"привет", 6, "привет"},
    };
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        html_escape_user(&b, str_c(t[i].in), t[i].max);
        check_buf(&b, t[i].want);
    }
    buf_free(&b);
}

static void
length_and_plain_text_are_what_is_read(void **state)
{
    static const struct {
        const char *html, *plain;
        size_t points;
    } t[] = {
        {"", "", 0},
        {"<b>да</b>", "да", 2},
        {"&lt;b&gt;", "<b>", 3},
        {"&lt", "<", 1},
        {"&nbsp;", "&nbsp;", 6},
        {"&#1087;&#x1F600;", "п😀", 2},
        {"&#0;&#xD800;", "&#0;&#xD800;", 12},
        {"a & b > c", "a & b > c", 9},
        {"<a href=\"x>y\">z</a>", "z", 1},
        {"x<unfinished", "x", 1},
    };
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        assert_int_equal(html_visible(str_c(t[i].html)), t[i].points);
        html_plain(&b, str_c(t[i].html));
        check_buf(&b, t[i].plain);
    }
    buf_free(&b);
}

static void
tags_that_telegram_refuses_are_found(void **state)
{
    static const char *const good[] = {"",
                                       "a",
                                       "<b>x</b>",
                                       "<B>x</b>",
                                       "<b><i>x</i></b>",
                                       "<a href=\"tg://user?id=1\">x</a>",
                                       "<span class=\"tg-spoiler\">x</span>",
                                       "<blockquote expandable>x</blockquote>",
                                       "1 > 0 & 2"};
    static const char *const bad[] = {"<br>",           "<b>",         "</b>",
                                      "<b><i></b></i>", "<b",          "1 < 2",
                                      "<p>x</p>",       "<b></b></b>", "<>"};
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(html_check(str_c(good[i]), &e), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (html_check(str_c(bad[i]), &e) == 0)
            fail_msg("took %s", bad[i]);
        assert_int_equal(e.code, ERR_BAD_INPUT);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_people_type_never_becomes_structure),
        cmocka_unit_test(length_and_plain_text_are_what_is_read),
        cmocka_unit_test(tags_that_telegram_refuses_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

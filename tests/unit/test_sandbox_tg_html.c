/* test_sandbox_tg_html.c - sandbox/tg_html.c and tg_text.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "sandbox/tg_text.h"

/* want: the text, then its entities as type@offset+length[=arg] */
struct row {
    const char *html, *want;
};

static void
show(struct buf *b, const struct tgs_text *t)
{
    buf_clear(b);
    buf_add_str(b, t->text);
    for (size_t i = 0; i < t->n; i++) {
        const struct tgs_entity *v = &t->entities[i];
        buf_addf(b, "|%s@%lld+%lld", v->type, (long long)v->offset,
                 (long long)v->length);
        if (v->arg_name)
            buf_addf(b, "=%s", v->arg);
        if (v->user_id)
            buf_addf(b, "=%lld", (long long)v->user_id);
    }
}

static void
check_rows(const struct row *rows, size_t n)
{
    struct arena *a = arena_new();
    struct buf b;

    buf_init(&b, 65536);
    for (size_t i = 0; i < n; i++) {
        struct tgs_text t;
        struct err e = {0};
        if (tgs_html_parse(a, str_c(rows[i].html), &t, &e) != 0) {
            buf_clear(&b);
            buf_addf(&b, "! %s", e.msg);
        } else {
            show(&b, &t);
        }
        assert_string_equal(buf_cstr(&b), rows[i].want);
    }
    buf_free(&b);
    arena_free(a);
}

#define CHECK(rows) check_rows((rows), sizeof(rows) / sizeof(*(rows)))

static void
tags_become_entities(void **state)
{
    static const struct row rows[] = {
        {"plain", "plain"},
        {"<b>x</b>", "x|bold@0+1"},
        {"<STRONG>x</strong>", "x|bold@0+1"},
        {"a <i>b</i> <em>c</em>", "a b c|italic@2+1|italic@4+1"},
        {"<u>a</u><ins>b</ins>", "ab|underline@0+1|underline@1+1"},
        {"<s>a</s><strike>b</strike><del>c</del>",
         "abc|strikethrough@0+1|strikethrough@1+1|strikethrough@2+1"},
        {"<tg-spoiler>a</tg-spoiler><span class=\"tg-spoiler\">b</span>",
         "ab|spoiler@0+1|spoiler@1+1"},
        {"<b>a<i>b</i></b>", "ab|bold@0+2|italic@1+1"},
        {"<b>a</>", "a|bold@0+1"},
        {"<b></b>x", "x"},
        {"<code>a/b</code>", "a/b|code@0+3"},
        {"<pre>a</pre>", "a|pre@0+1"},
        {"<pre><code class=\"language-c\">a</code></pre>", "a|pre@0+1=c"},
        {"<code class=\"language-c\">a</code>", "a|code@0+1"},
        {"<blockquote>a</blockquote>", "a|blockquote@0+1"},
        {"<blockquote expandable>a</blockquote>",
         "a|expandable_blockquote@0+1"},
        {"<a href=\"https://a.b/c?d=1&amp;e=2\">x</a>",
         "x|text_link@0+1=https://a.b/c?d=1&e=2"},
        {"<a href='http://a.b'>x</a>", "x|text_link@0+1=http://a.b"},
        {"<a href=\"tg://user?id=55\">x</a>", "x|text_mention@0+1=55"},
        {"<a href=\"nothing\">x</a>", "x"},
        {"<tg-emoji emoji-id=\"5\">x</tg-emoji>", "x|custom_emoji@0+1=5"},
    };

    (void)state;
    CHECK(rows);
}

static void
offsets_count_utf16_units(void **state)
{
    static const struct row rows[] = {
        {"п<b>р</b>", "пр|bold@1+1"},     {"😀<b>x</b>", "😀x|bold@2+1"},
        {"<b>😀</b>", "😀|bold@0+2"},       {"&#x1F600;<b>x</b>", "😀x|bold@2+1"},
        {"  <b> x </b>  ", "x|bold@0+1"}, {"\n😀 <b>x</b>\n", "😀 x|bold@3+1"},
    };

    (void)state;
    CHECK(rows);
}

static void
known_references_are_decoded_and_others_stay(void **state)
{
    static const struct row rows[] = {
        {"&lt;b&gt; &amp; &quot;", "<b> & \""},
        {"&lt", "<"},
        {"a &nbsp; &apos; & b", "a &nbsp; &apos; & b"},
        {"&#65;&#x42;", "AB"},
        {"&#0; &#x; &#;", "&#0; &#x; &#;"},
        {"&#99999999999;", "&#99999999999;"},
        {"&#xd800;", "&#xd800;"},
        {"5 > 4", "5 > 4"},
    };

    (void)state;
    CHECK(rows);
}

static void
what_telegram_refuses_is_refused_with_its_words(void **state)
{
#define NO "! can't parse entities: "
    static const struct row rows[] = {
        {"<br>", NO "Unsupported start tag \"br\" at byte offset 0"},
        {"п<p>", NO "Unsupported start tag \"p\" at byte offset 2"},
        {"a < b", NO "Unsupported start tag \"\" at byte offset 2"},
        {"a <", NO "Unclosed start tag at byte offset 2"},
        {"<b", NO "Unclosed start tag at byte offset 0"},
        {"<a href", NO "Unclosed start tag \"a\" at byte offset 0"},
        {"<a href=", NO "Unclosed start tag \"a\" at byte offset 0"},
        {"<a href=\"x", NO "Unclosed start tag at byte offset 0"},
        {"<a href=x/>", NO "Unexpected end of name token at byte offset 8"},
        {"<a =x>", NO "Empty attribute name in the tag \"a\" at byte offset 0"},
        {"</b>", NO "Unexpected end tag at byte offset 0"},
        {"<b>x</i>", NO "Unmatched end tag at byte offset 4, expected "
                        "\"</b>\", found \"</i>\""},
        {"<b>x</b", NO "Unclosed end tag at byte offset 4"},
        {"<b>x", NO "Can't find end tag corresponding to start tag \"b\""},
        {"<span>x</span>",
         NO "Tag \"span\" must have class \"tg-spoiler\" at byte offset 0"},
        {"\xff", "! strings must be encoded in UTF-8"},
    };
#undef NO

    (void)state;
    CHECK(rows);
}

static void
commands_are_found_in_texts(void **state)
{
    static const struct row rows[] = {
        {"/start abc", "/start abc|bot_command@0+6"},
        {"see /help, /terms", "see /help, /terms|bot_command@4+5|"
                              "bot_command@11+6"},
        {"/a@tintype_bot", "/a@tintype_bot|bot_command@0+14"},
        {"a/b http://x/y", "a/b http://x/y"},
        {"/", "/"},
        {"<b>/go</b>", "/go|bold@0+3|bot_command@0+3"},
        {"<code>/go</code>", "/go|code@0+3"},
    };

    (void)state;
    CHECK(rows);
}

static void
too_many_open_tags_are_refused(void **state)
{
    struct arena *a = arena_new();
    struct tgs_text t;
    struct buf b;
    struct err e = {0};

    (void)state;
    buf_init(&b, 65536);
    for (int i = 0; i < 300; i++)
        buf_add_c(&b, "<b>");
    assert_int_equal(tgs_html_parse(a, buf_str(&b), &t, &e), -1);
    assert_non_null(strstr(e.msg, "Too many nested tags"));
    buf_free(&b);
    arena_free(a);
}

static void
raw_text_over_32768_bytes_is_refused(void **state)
{
    struct arena *a = arena_new();
    char *big = arena_alloc(a, 32770);
    struct tgs_text t;
    struct err e = {0};

    (void)state;
    memset(big, 'x', 32769);
    assert_int_equal(tgs_html_parse(a, str_n(big, 32769), &t, &e), -1);
    assert_string_equal(e.msg, "text is too long");
    assert_int_equal(tgs_html_parse(a, str_n(big, 32768), &t, &e), 0);
    assert_int_equal(t.points, 32768);
    arena_free(a);
}

static void
entities_of_a_request_are_checked(void **state)
{
    struct arena *a = arena_new();
    struct tgs_text t;
    struct err e = {0};
    const cJSON *good =
        json_parse_in(a,
                      STR("[{\"type\":\"text_link\",\"offset\":1,\"length\":2,"
                          "\"url\":\"http://a.b\"}]"),
                      0, NULL);
    const cJSON *bad = json_parse_in(
        a, STR("[{\"type\":\"loud\",\"offset\":1,\"length\":2}]"), 0, NULL);

    (void)state;
    assert_int_equal(tgs_plain_parse(a, STR("abcd <b>"), good, &t, &e), 0);
    assert_int_equal(t.n, 1);
    assert_string_equal(tgs_entities_json(a, &t),
                        "[{\"offset\":1,\"length\":2,\"type\":\"text_link\","
                        "\"url\":\"http://a.b\"}]");
    assert_int_equal(tgs_plain_parse(a, STR("abcd"), bad, &t, &e), -1);
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_become_entities),
        cmocka_unit_test(offsets_count_utf16_units),
        cmocka_unit_test(known_references_are_decoded_and_others_stay),
        cmocka_unit_test(what_telegram_refuses_is_refused_with_its_words),
        cmocka_unit_test(commands_are_found_in_texts),
        cmocka_unit_test(too_many_open_tags_are_refused),
        cmocka_unit_test(raw_text_over_32768_bytes_is_refused),
        cmocka_unit_test(entities_of_a_request_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

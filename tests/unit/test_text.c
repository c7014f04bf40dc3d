/* test_text.c - model/text.c and the table model/text.def */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/utf8.h"
#include "model/html.h"
#include "model/text.h"

#define NAMES_MAX 64

/* ---- the table ---- */

/* The placeholders of a text, each once, sorted: "?name", "name", "n|". */
static size_t
names_of(const char *key, const char *text, char out[NAMES_MAX][64])
{
    size_t n = 0;
    const char *at = text;

    while ((at = strchr(at, '{')) != NULL) {
        const char *end = strchr(at, '}');
        char name[64] = "";
        size_t len, i;

        if (end == NULL || end - at > 300)
            fail_msg("%s: a brace that is not closed", key);
        len = strcspn(at + 1, "|}");
        if (len == 0 || len > 60)
            fail_msg("%s: a placeholder without name", key);
        memcpy(name, at + 1, len);
        if (at[1 + len] == '|')
            name[len] = '|';
        for (i = 0; i < n && strcmp(out[i], name) != 0; i++)
            ;
        assert_true(n < NAMES_MAX);
        if (i == n)
            strcpy(out[n++], name);
        at = end + 1;
    }
    qsort(out, n, 64, (int (*)(const void *, const void *))strcmp);
    return n;
}

/* "{n|a|b|c}" has three words in Russian, two in English; a plural that only
 * one of the languages needs is fine. */
static void
check_plurals(const char *key, const char *text, enum text_lang l)
{
    const char *at = text;

    while ((at = strchr(at, '{')) != NULL) {
        const char *end = strchr(at, '}');
        int bars = 0;

        for (const char *p = at; p < end; p++)
            bars += *p == '|';
        if (bars != 0 && bars != (l == TEXT_RU ? 3 : 2))
            fail_msg("%s: plural with %d words in %s", key, bars,
                     text_lang_name(l));
        at = end;
    }
}

/* Sections are closed by their own name before another opens. */
static void
check_sections(const char *key, const char *text)
{
    char open[64] = "";
    const char *at = text;

    while ((at = strchr(at, '{')) != NULL) {
        const char *end = strchr(at, '}');
        size_t len = (size_t)(end - at) - 2;

        if (at[1] == '?' || at[1] == '!') {
            if (open[0] != '\0')
                fail_msg("%s: a section inside {?%s}", key, open);
            snprintf(open, sizeof(open), "%.*s", (int)len, at + 2);
        } else if (at[1] == '/') {
            if (strlen(open) != len || strncmp(open, at + 2, len) != 0)
                fail_msg("%s: {/%.*s} closes nothing", key, (int)len, at + 2);
            open[0] = '\0';
        }
        at = end;
    }
    if (open[0] != '\0')
        fail_msg("%s: {?%s} is not closed", key, open);
}

static bool
starts(const char *key, const char *prefix)
{
    return strncmp(key, prefix, strlen(prefix)) == 0;
}

static bool
is_plain(const char *key)
{
    return starts(key, "btn_") || starts(key, "menu_") ||
           starts(key, "toast_") || starts(key, "cmd_") ||
           starts(key, "input_");
}

static size_t
limit_of(const char *key)
{
    if (starts(key, "btn_") || starts(key, "menu_") || starts(key, "input_"))
        return TEXT_BUTTON_POINTS;
    if (starts(key, "toast_"))
        return TEXT_TOAST_POINTS;
    if (starts(key, "cmd_"))
        return 256;
    if (starts(key, "result_"))
        return TEXT_CAPTION_POINTS / 4;
    return TEXT_POINTS / 2; /* half is left to the arguments */
}

static void
every_row_has_both_languages_and_the_same_placeholders(void **state)
{
    const char *key;
    size_t rows = 0;

    (void)state;
    for (size_t i = 0; (key = text_next("", &i)) != NULL; rows++) {
        char ru[NAMES_MAX][64] = {{0}}, en[NAMES_MAX][64] = {{0}};
        const char *ru_text = text_raw(key, TEXT_RU);
        const char *en_text = text_raw(key, TEXT_EN);
        size_t nru = names_of(key, ru_text, ru);
        size_t nen = names_of(key, en_text, en);
        size_t a = 0, b = 0;

        assert_true(ru_text[0] != '\0' && en_text[0] != '\0');
        while (a < nru || b < nen) {
            if (a < nru && strchr(ru[a], '|') != NULL)
                a++;
            else if (b < nen && strchr(en[b], '|') != NULL)
                b++;
            else if (a >= nru || b >= nen || strcmp(ru[a++], en[b++]) != 0)
                fail_msg("%s: different placeholders", key);
        }
        check_plurals(key, ru_text, TEXT_RU);
        check_plurals(key, en_text, TEXT_EN);
        check_sections(key, ru_text);
        check_sections(key, en_text);
    }
    assert_true(rows > 100);
}

static void
no_key_stands_twice(void **state)
{
    const char *key, *other;

    (void)state;
    for (size_t i = 0; (key = text_next("", &i)) != NULL;) {
        for (size_t j = i; (other = text_next("", &j)) != NULL;) {
            if (strcmp(key, other) == 0)
                fail_msg("%s stands twice", key);
        }
    }
}

/* A text without its placeholders: sections open. */
static void
strip_placeholders(struct buf *out, const char *text)
{
    while (*text != '\0') {
        if (*text == '{')
            text = strchr(text, '}') + 1;
        else
            buf_add_byte(out, *text++);
    }
}

static void
every_text_is_html_that_telegram_takes_and_within_its_limit(void **state)
{
    const char *key;
    struct buf b;
    struct err e;

    (void)state;
    buf_init(&b, TEXT_BYTES);
    for (size_t i = 0; (key = text_next("", &i)) != NULL;) {
        for (int l = 0; l < 2; l++) {
            buf_clear(&b);
            strip_placeholders(&b, text_raw(key, (enum text_lang)l));
            assert_true(utf8_valid(buf_str(&b)));
            if (html_check(buf_str(&b), &e) != 0)
                fail_msg("%s: %s", key, e.msg);
            if (html_visible(buf_str(&b)) > limit_of(key))
                fail_msg("%s: too long", key);
            if (is_plain(key) && strpbrk(buf_cstr(&b), "<&") != NULL)
                fail_msg("%s: plain texts have no tags", key);
        }
    }
    buf_free(&b);
}

/* The menu is told apart by its labels. */
static void
menu_labels_are_found_in_both_languages(void **state)
{
    const char *key;
    size_t n = 0;

    (void)state;
    for (size_t i = 0; (key = text_next("menu_", &i)) != NULL; n++) {
        assert_string_equal(text_match("menu_", str_c(text_raw(key, TEXT_RU))),
                            key);
        assert_string_equal(text_match("menu_", str_c(text_raw(key, TEXT_EN))),
                            key);
    }
    assert_true(n >= 4);
    assert_null(text_match("menu_", STR("")));
    assert_null(text_match("menu_", STR("hello")));
}

static void
every_failure_class_has_its_sentence(void **state)
{
    static const char *const classes[] = {
#define FAILURE(name, counted, retry, unhealthy, loss, what) "fail_" #name,
#include "model/failure.def"
#undef FAILURE
    };

    (void)state;
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        assert_true(text_is_known(classes[i]));
}

/* ---- rendering ---- */

static void
check_html(enum text_lang l, const char *key, const char *args,
           const char *want)
{
    struct err e;
    struct buf b;
    cJSON *j = json_parse(str_c(args), 0, &e);

    assert_non_null(j);
    buf_init(&b, TEXT_BYTES);
    text_html(&b, l, key, j, TEXT_POINTS);
    assert_string_equal(buf_cstr(&b), want);
    buf_free(&b);
    json_free(j);
}

static void
arguments_are_escaped_chosen_by_language_and_counted(void **state)
{
    (void)state;
    check_html(TEXT_RU, "balance", "{\"balance\":5}",
               "💎 На счету <b>5</b> кредитов.");
    check_html(TEXT_EN, "preset_away",
               "{\"title\":{\"ru\":\"А\",\"en\":"
               "\"<i>&\"}}",
               "😴 “&lt;i&gt;&amp;” is temporarily away. Nothing was charged: "
               "try later or pick another effect.");
    check_html(TEXT_EN, "result_caption", "{\"title\":{\"ru\":\"Сепия\"}}",
               "<b>Сепия</b>");
    check_html(TEXT_EN, "result_caption", "{\"title\":\"x\",\"icon\":\"🎩\"}",
               "🎩 <b>x</b>");
    check_html(TEXT_RU, "status_queued",
               "{\"title\":\"x\",\"position\":3,\"eta\":130}",
               "⏳ <b>x</b>\nВ очереди: вы 3-й, готово примерно через 2 мин");
    check_html(TEXT_EN, "status_queued", "{\"title\":\"x\"}",
               "⏳ <b>x</b>\nIn the queue");
}

static void
numbers_choose_the_word(void **state)
{
    static const struct {
        int n;
        const char *ru, *en;
    } t[] = {{0, "кредитов", "credits"},   {1, "кредит", "credit"},
             {2, "кредита", "credits"},    {4, "кредита", "credits"},
             {5, "кредитов", "credits"},   {11, "кредитов", "credits"},
             {12, "кредитов", "credits"},  {14, "кредитов", "credits"},
             {21, "кредит", "credits"},    {22, "кредита", "credits"},
             {111, "кредитов", "credits"}, {-1, "кредит", "credit"},
             {1001, "кредит", "credits"}};
    char args[64], ru[200], en[200];

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        snprintf(args, sizeof(args), "{\"balance\":%d}", t[i].n);
        snprintf(ru, sizeof(ru), "💎 На счету <b>%d</b> %s.", t[i].n, t[i].ru);
        snprintf(en, sizeof(en), "💎 You have <b>%d</b> %s.", t[i].n, t[i].en);
        check_html(TEXT_RU, "balance", args, ru);
        check_html(TEXT_EN, "balance", args, en);
    }
}

static void
times_and_dates_are_for_people(void **state)
{
    static const struct {
        const char *args, *want;
    } t[] = {
        {"{\"title\":\"t\",\"eta\":0}", "1 s"},
        {"{\"title\":\"t\",\"eta\":7}", "7 s"},
        {"{\"title\":\"t\",\"eta\":42}", "45 s"},
        {"{\"title\":\"t\",\"eta\":90}", "90 s"},
        {"{\"title\":\"t\",\"eta\":150.5}", "3 min"},
        {"{\"title\":\"t\",\"eta\":7200}", "2 h"},
        {"{\"title\":\"t\",\"eta\":1e300}", "100 h"},
    };
    char want[100];

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        snprintf(want, sizeof(want),
                 "⏳ <b>t</b>\nIn the queue, ready in about %s", t[i].want);
        check_html(TEXT_EN, "status_queued", t[i].args, want);
    }
    check_html(TEXT_EN, "history_head",
               "{\"lines\":[{\"text\":\"history_line\",\"args\":{\"at\":"
               "1795480000000,\"title\":\"A\",\"price\":5,\"state\":{\"text\":"
               "\"state_completed\"}}},{\"text\":\"history_line\",\"args\":"
               "{\"at\":0,\"title\":\"<\",\"price\":1,\"state\":\"s\"}}]}",
               "🖼 <b>Your latest orders</b>\n\n"
               "24 Nov 2026 · A · 5 💎 · ✅ done\n"
               "1 Jan 1970 · &lt; · 1 💎 · s");
    check_html(TEXT_RU, "history_line",
               "{\"at\":1795480000000,\"title\":\"A\",\"price\":5,"
               "\"state\":\"s\"}",
               "24.11.2026 · A · 5 💎 · s");
}

static void
what_is_missing_is_visible(void **state)
{
    (void)state;
    check_html(TEXT_EN, "no_such<key", "{}", "[no_such&lt;key]");
    check_html(TEXT_EN, "result_caption", "{}", "<b>[title]</b>");
    check_html(TEXT_EN, "result_caption", "{\"title\":{}}", "<b>[title]</b>");
    check_html(TEXT_EN, "result_caption", "{\"title\":true}", "<b>[title]</b>");
    check_html(TEXT_EN, "result_caption", "null", "<b>[title]</b>");
}

/* A text that names itself ends after a few rounds. */
static void
nested_texts_end(void **state)
{
    check_html(TEXT_EN, "result_caption",
               "{\"title\":{\"text\":\"btn_choice\",\"args\":{\"title\":{"
               "\"text\":\"btn_choice\",\"args\":{\"title\":{\"text\":"
               "\"btn_choice\",\"args\":{\"title\":{\"text\":\"btn_choice\","
               "\"args\":{\"title\":\"deep\"}}}}}}}}}",
               "<b>[title]</b>");
    (void)state;
}

static void
long_arguments_are_cut_before_they_are_escaped(void **state)
{
    struct buf args, out;
    cJSON *j;
    struct err e;

    (void)state;
    buf_init(&args, 1000000);
    buf_init(&out, TEXT_BYTES);
    buf_add_c(&args, "{\"title\":\"T\",\"price\":1,\"balance\":2,"
                     "\"prompt\":\"");
    for (int i = 0; i < 9000; i++)
        buf_add_c(&args, "<&");
    buf_add_c(&args, "\",\"description\":\"d\"}");
    j = json_parse(buf_str(&args), 0, &e);
    assert_non_null(j);
    text_html(&out, TEXT_RU, "card", j, TEXT_CAPTION_POINTS);
    assert_true(html_visible(buf_str(&out)) <= TEXT_CAPTION_POINTS);
    assert_int_equal(html_check(buf_str(&out), &e), 0);
    assert_non_null(strstr(buf_cstr(&out), ";…</i>"));
    assert_non_null(strstr(buf_cstr(&out), "Цена: <b>1</b> кредит\n"));
    json_free(j);
    buf_free(&args);
    buf_free(&out);
}

static void
a_list_that_fits_no_message_is_cut_as_plain_text(void **state)
{
    struct buf args, out;
    cJSON *j;
    struct err e;

    (void)state;
    buf_init(&args, 1000000);
    buf_init(&out, TEXT_BYTES);
    buf_add_c(&args, "{\"lines\":[{\"text\":\"toast_old\"}");
    for (int i = 0; i < 300; i++)
        buf_add_c(&args, ",{\"text\":\"toast_old\"}");
    buf_add_c(&args, "]}");
    j = json_parse(buf_str(&args), 0, &e);
    assert_non_null(j);
    text_html(&out, TEXT_EN, "history_head", j, TEXT_POINTS);
    assert_int_equal(html_visible(buf_str(&out)), TEXT_POINTS);
    assert_int_equal(html_check(buf_str(&out), &e), 0);
    json_free(j);
    buf_free(&args);
    buf_free(&out);
}

static void
buttons_are_plain_and_cut(void **state)
{
    struct buf b;
    struct err e;
    cJSON *j = json_parse(
        STR("{\"title\":\"Tom & <Jerry>\",\"price\":5,\"icon\":\"🎨\"}"), 0, &e);

    (void)state;
    buf_init(&b, 1000);
    text_plain(&b, TEXT_EN, "btn_preset", j, TEXT_BUTTON_POINTS);
    assert_string_equal(buf_cstr(&b), "🎨 Tom & <Jerry> · 5");
    buf_clear(&b);
    text_plain(&b, TEXT_EN, "btn_preset", j, 6);
    assert_string_equal(buf_cstr(&b), "🎨 Tom…");
    buf_free(&b);
    json_free(j);
}

static void
tags_of_languages_are_understood(void **state)
{
    static const struct {
        const char *tag;
        enum text_lang want;
    } t[] = {{"ru", TEXT_RU},    {"ru-RU", TEXT_RU}, {"uk", TEXT_RU},
             {"en", TEXT_EN},    {"en-GB", TEXT_EN}, {"de", TEXT_EN},
             {"rus", TEXT_EN},   {"", TEXT_EN},      {NULL, TEXT_EN},
             {"kk_KZ", TEXT_RU}, {"r", TEXT_EN}};

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
        assert_int_equal(text_lang_of(t[i].tag), t[i].want);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            every_row_has_both_languages_and_the_same_placeholders),
        cmocka_unit_test(no_key_stands_twice),
        cmocka_unit_test(
            every_text_is_html_that_telegram_takes_and_within_its_limit),
        cmocka_unit_test(menu_labels_are_found_in_both_languages),
        cmocka_unit_test(every_failure_class_has_its_sentence),
        cmocka_unit_test(arguments_are_escaped_chosen_by_language_and_counted),
        cmocka_unit_test(numbers_choose_the_word),
        cmocka_unit_test(times_and_dates_are_for_people),
        cmocka_unit_test(what_is_missing_is_visible),
        cmocka_unit_test(nested_texts_end),
        cmocka_unit_test(long_arguments_are_cut_before_they_are_escaped),
        cmocka_unit_test(a_list_that_fits_no_message_is_cut_as_plain_text),
        cmocka_unit_test(buttons_are_plain_and_cut),
        cmocka_unit_test(tags_of_languages_are_understood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

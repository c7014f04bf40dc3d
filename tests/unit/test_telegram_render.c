/* test_telegram_render.c - telegram/render.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/json.h"
#include "model/html.h"
#include "model/text.h"
#include "telegram/render.h"

#define NO_PREVIEW "\"link_preview_options\":{\"is_disabled\":true}"

static struct arena *arena;

static int
make_arena(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int
drop_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct tg_delivery
delivery(const char *kind, const char *body)
{
    return (struct tg_delivery){.id = "dlv_1",
                                .kind = kind,
                                .job_id = "",
                                .language = "en",
                                .chat_id = 111,
                                .body = str_c(body),
                                .object = {"", "", "", 0, 0, 0}};
}

static void
check(const struct tg_delivery *d, struct tg_how how, const char *method,
      const char *params)
{
    struct tg_message m;
    struct err e;

    if (tg_render(arena, d, &how, &m, &e) != 0)
        fail_msg("%s", e.msg);
    assert_string_equal(m.method, method);
    assert_string_equal(m.params.p, params);
    assert_int_equal(json_check(m.params, 0, &e), 0);
    assert_int_equal(m.edits, strncmp(method, "edit", 4) == 0);
}

static void
a_message_is_html_in_its_readers_language(void **state)
{
    struct tg_delivery d = delivery(
        "message", "{\"text\":\"preset_away\",\"args\":{\"title\":{\"ru\":"
                   "\"Шляпа\",\"en\":\"Hat <3\"}},\"reply_to\":17}");

    (void)state;
    check(&d, (struct tg_how){0}, "sendMessage",
          "{\"chat_id\":111,\"text\":\"😴 “Hat &lt;3” is temporarily away. "
          "Nothing was charged: try later or pick another effect.\","
          "\"parse_mode\":\"HTML\"," NO_PREVIEW ",\"reply_parameters\":"
          "{\"message_id\":17,\"allow_sending_without_reply\":true}}");
    check(&d, (struct tg_how){.plain = true}, "sendMessage",
          "{\"chat_id\":111,\"text\":\"😴 “Hat <3” is temporarily away. "
          "Nothing was charged: try later or pick another effect.\"," NO_PREVIEW
          ",\"reply_parameters\":{\"message_id\":17,"
          "\"allow_sending_without_reply\":true}}");
    d.language = "ru";
    d.kind = "note";
    d.body = STR("{\"text\":\"refunded\",\"args\":{\"price\":21}}");
    check(&d, (struct tg_how){0}, "sendMessage",
          "{\"chat_id\":111,\"text\":\"💎 Возвращаем вам <b>21</b> кредит. "
          "Спасибо за терпение!\",\"parse_mode\":\"HTML\"," NO_PREVIEW "}");
}

static void
buttons_carry_data_or_an_address(void **state)
{
    struct tg_delivery d = delivery(
        "edit",
        "{\"text\":\"balance\",\"args\":{\"balance\":5},\"keyboard\":[[{"
        "\"text\":\"btn_buy\",\"args\":{\"price\":5},\"data\":\"v1:buy:o\"},"
        "{\"text\":\"btn_topup\",\"url\":\"https://t.me/x\"}],[],"
        "[{\"text\":\"btn_cancel\",\"data\":\"v1:no\"}]],\"reply_to\":1,"
        "\"menu\":true}");

    (void)state;
    d.message_id = 40;
    check(&d, (struct tg_how){0}, "editMessageText",
          "{\"chat_id\":111,\"message_id\":40,\"text\":\"💎 You have "
          "<b>5</b> credits.\",\"parse_mode\":\"HTML\"," NO_PREVIEW
          ",\"reply_markup\":{\"inline_keyboard\":[[{\"text\":\"✅ Make it for "
          "5 💎\",\"callback_data\":\"v1:buy:o\"},{\"text\":\"💳 Top up\","
          "\"url\":\"https://t.me/x\"}],[{\"text\":\"✖️ Cancel\","
          "\"callback_data\":\"v1:no\"}]]}}");
    d.body = STR("{\"keyboard\":[]}");
    check(&d, (struct tg_how){0}, "editMessageReplyMarkup",
          "{\"chat_id\":111,\"message_id\":40}");
}

static void
a_status_is_edited_until_its_message_is_gone(void **state)
{
    struct tg_delivery d =
        delivery("status", "{\"text\":\"status_starting\",\"args\":{"
                           "\"title\":\"T\"},\"reply_to\":9}");

    (void)state;
    check(&d, (struct tg_how){0}, "sendMessage",
          "{\"chat_id\":111,\"text\":\"🚀 <b>T</b>\\nStarting…\","
          "\"parse_mode\":\"HTML\"," NO_PREVIEW ",\"reply_parameters\":"
          "{\"message_id\":9,\"allow_sending_without_reply\":true}}");
    d.message_id = 40;
    check(&d, (struct tg_how){0}, "editMessageText",
          "{\"chat_id\":111,\"message_id\":40,\"text\":\"🚀 <b>T</b>\\n"
          "Starting…\",\"parse_mode\":\"HTML\"," NO_PREVIEW "}");
    check(&d, (struct tg_how){.fresh = true}, "sendMessage",
          "{\"chat_id\":111,\"text\":\"🚀 <b>T</b>\\nStarting…\","
          "\"parse_mode\":\"HTML\"," NO_PREVIEW ",\"reply_parameters\":"
          "{\"message_id\":9,\"allow_sending_without_reply\":true}}");
}

static void
the_menu_is_a_keyboard_that_stays(void **state)
{
    struct tg_delivery d =
        delivery("message", "{\"text\":\"lang_changed\",\"menu\":true}");

    (void)state;
    check(&d, (struct tg_how){0}, "sendMessage",
          "{\"chat_id\":111,\"text\":\"🌐 We speak English now.\","
          "\"parse_mode\":\"HTML\"," NO_PREVIEW ",\"reply_markup\":{"
          "\"keyboard\":[[{\"text\":\"🎨 Effects\"},{\"text\":\"🖼 My "
          "pictures\"}],[{\"text\":\"💎 Balance\"},{\"text\":\"❓ Help\"}]],"
          "\"resize_keyboard\":true,\"is_persistent\":true,"
          "\"input_field_placeholder\":\"Send a photo…\"}}");
}

#define RESULT                                                                 \
    "{\"text\":\"result_caption\",\"args\":{\"title\":\"T\"},\"keyboard\":"    \
    "[[{\"text\":\"btn_repeat\",\"data\":\"v1:repeat:j\"}]]}"
#define RESULT_TAIL                                                            \
    "\"caption\":\"<b>T</b>\",\"parse_mode\":\"HTML\",\"reply_markup\":{"      \
    "\"inline_keyboard\":[[{\"text\":\"🔁 Once more\",\"callback_data\":"    \
    "\"v1:repeat:j\"}]]}}"

static void
a_result_is_a_photo_or_a_document(void **state)
{
    struct tg_delivery d = delivery("result", RESULT);

    (void)state;
    check(&d, (struct tg_how){.field = "photo"}, "sendPhoto",
          "{\"chat_id\":111," RESULT_TAIL);
    check(&d, (struct tg_how){.field = "document"}, "sendDocument",
          "{\"chat_id\":111," RESULT_TAIL);
    check(&d, (struct tg_how){.field = "photo", .file_id = "F"}, "sendPhoto",
          "{\"chat_id\":111,\"photo\":\"F\"," RESULT_TAIL);
    d = delivery("message", "{\"text\":\"result_caption\",\"args\":{"
                            "\"title\":\"T\"},\"document\":\"D\"}");
    check(&d, (struct tg_how){0}, "sendDocument",
          "{\"chat_id\":111,\"document\":\"D\",\"caption\":\"<b>T</b>\","
          "\"parse_mode\":\"HTML\"}");
}

static void
albums_are_media_groups(void **state)
{
    struct tg_delivery d = delivery(
        "album", "{\"text\":\"balance\",\"args\":{\"balance\":1},\"photos\":"
                 "[{\"file_id\":\"A\"},{\"file_id\":\"B\",\"text\":"
                 "\"menu_help\"}]}");

    (void)state;
    check(&d, (struct tg_how){0}, "sendMediaGroup",
          "{\"chat_id\":111,\"media\":[{\"type\":\"photo\",\"media\":\"A\","
          "\"caption\":\"💎 You have <b>1</b> credit.\","
          "\"parse_mode\":\"HTML\"},{\"type\":\"photo\",\"media\":\"B\","
          "\"caption\":\"❓ Help\",\"parse_mode\":\"HTML\"}]}");
    d.body = STR("{\"photos\":[{\"file_id\":\"A\"}],\"reply_to\":3}");
    check(&d, (struct tg_how){0}, "sendPhoto",
          "{\"chat_id\":111,\"photo\":\"A\",\"reply_parameters\":{"
          "\"message_id\":3,\"allow_sending_without_reply\":true}}");
}

static void
what_cannot_be_sent_is_named(void **state)
{
    static const struct {
        const char *kind, *body, *want;
    } t[] = {
        {"message", "{", NULL},
        {"message", "{}", "body of message dlv_1: a message without text"},
        {"message",
         "{\"text\":\"menu_help\",\"keyboard\":[[{\"text\":\"btn_buy\"}]]}",
         "body of message dlv_1: a button needs either data or url"},
        {"message",
         "{\"text\":\"menu_help\",\"keyboard\":[[{\"text\":\"btn_cancel\","
         "\"data\":\"12345678901234567890123456789012345678901234567890"
         "123456789012345\"}]]}",
         "body of message dlv_1: a button's data has 65 bytes, 1 to 64 fit"},
        {"message", "{\"text\":\"menu_help\",\"keyboard\":{}}",
         "body of message dlv_1: the keyboard is no list"},
        {"message", "{\"text\":\"menu_help\",\"keyboard\":[{}]}",
         "body of message dlv_1: a row of the keyboard is no list"},
        {"album", "{\"photos\":[]}",
         "body of album dlv_1: an album has 1 to 10 photos, not 0"},
        {"album", "{}",
         "body of album dlv_1: an album has 1 to 10 photos, not 0"},
        {"album", "{\"photos\":[{},{}]}",
         "body of album dlv_1: an album's item has no file_id"},
    };
    struct tg_message m;
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        struct tg_delivery d = delivery(t[i].kind, t[i].body);
        struct tg_how how = {0};

        if (tg_render(arena, &d, &how, &m, &e) == 0)
            fail_msg("took %s", t[i].body);
        assert_int_equal(e.code, ERR_BAD_INPUT);
        if (t[i].want != NULL)
            assert_string_equal(e.msg, t[i].want);
    }
}

/* The whole of what people type, at every length, stays within the limits. */
static void
long_texts_fit_messages_and_captions(void **state)
{
    struct buf b;
    struct tg_delivery d;
    struct tg_message m;
    struct err e;

    (void)state;
    buf_init(&b, 100000);
    buf_add_c(&b, "{\"text\":\"card\",\"args\":{\"title\":\"T\",\"price\":1,"
                  "\"balance\":1,\"prompt\":\"");
    for (int i = 0; i < 5000; i++)
        buf_add_c(&b, "&я");
    buf_add_c(&b, "\"}}");
    d = delivery("message", buf_cstr(&b));
    for (int i = 0; i < 2; i++) {
        struct tg_how how = {.field = i == 0 ? NULL : "photo"};
        cJSON *j;
        const char *text;

        assert_int_equal(tg_render(arena, &d, &how, &m, &e), 0);
        j = json_parse_in(arena, m.params, 0, &e);
        text = json_str(j, i == 0 ? "text" : "caption", "");
        assert_true(html_visible(str_c(text)) <=
                    (i == 0 ? TEXT_POINTS : TEXT_CAPTION_POINTS));
        assert_true(html_visible(str_c(text)) > 500);
        assert_int_equal(html_check(str_c(text), &e), 0);
    }
    buf_free(&b);
}

static void
the_file_comes_from_the_delivery_or_its_body(void **state)
{
    struct tg_delivery d = delivery(
        "message", "{\"text\":\"menu_help\",\"object\":{\"id\":\"obj_1\","
                   "\"content_type\":\"image/png\",\"file_id\":\"F\","
                   "\"size\":5,\"width\":6,\"height\":7}}");
    struct tg_object o;

    (void)state;
    assert_true(tg_render_object(arena, &d, &o));
    assert_string_equal(o.id, "obj_1");
    assert_string_equal(o.file_id, "F");
    assert_true(o.size == 5 && o.width == 6 && o.height == 7);
    d.object.id = "obj_2";
    assert_true(tg_render_object(arena, &d, &o));
    assert_string_equal(o.id, "obj_2");
    d = delivery("message", "{\"text\":\"menu_help\"}");
    assert_false(tg_render_object(arena, &d, &o));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make_arena, drop_arena)
    const struct CMUnitTest tests[] = {
        T(a_message_is_html_in_its_readers_language),
        T(buttons_carry_data_or_an_address),
        T(a_status_is_edited_until_its_message_is_gone),
        T(the_menu_is_a_keyboard_that_stays),
        T(a_result_is_a_photo_or_a_document),
        T(albums_are_media_groups),
        T(what_cannot_be_sent_is_named),
        T(long_texts_fit_messages_and_captions),
        T(the_file_comes_from_the_delivery_or_its_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

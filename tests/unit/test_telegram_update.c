/* test_telegram_update.c - telegram/update.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "telegram/update.h"

#define CHAT "\"chat\":{\"id\":111,\"type\":\"private\"}"
#define FROM                                                                   \
    "\"from\":{\"id\":111,\"is_bot\":false,\"first_name\":\"Anna\","           \
    "\"last_name\":\"K\",\"username\":\"ann\",\"language_code\":\"ru\"}"
#define HEAD "\"message_id\":7,\"date\":1790000000," CHAT "," FROM

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

static struct tg_update
parsed(const char *json)
{
    struct tg_update u;
    struct err e;

    if (tg_update_parse(arena, str_c(json), &u, &e) != 0)
        fail_msg("%s: %s", json, e.msg);
    return u;
}

static struct tg_update
message(const char *rest)
{
    return parsed(
        arena_fmt(arena, "{\"update_id\":5,\"message\":{" HEAD ",%s}}", rest));
}

static void
a_message_has_its_sender_chat_and_text(void **state)
{
    struct tg_update u = message("\"text\":\"Привет\"");

    (void)state;
    assert_int_equal(u.kind, TG_UPDATE_MESSAGE);
    assert_true(u.update_id == 5 && u.chat_id == 111 && u.queue == 111);
    assert_true(u.message_id == 7 && u.date == 1790000000);
    assert_int_equal(u.chat_type, TG_CHAT_PRIVATE);
    assert_true(u.from.id == 111 && !u.from.is_bot);
    assert_string_equal(u.from.full_name, "Anna K");
    assert_string_equal(u.from.username, "ann");
    assert_string_equal(u.from.language_code, "ru");
    assert_int_equal(u.content, TG_CONTENT_TEXT);
    assert_string_equal(u.text, "Привет");
    assert_string_equal(u.command, "");
}

static void
commands_are_taken_apart(void **state)
{
    static const struct {
        const char *text, *command, *bot, *args;
    } t[] = {
        {"/start", "start", "", ""},
        {"/start abc", "start", "", "abc"},
        {"/START@My_bot  a b ", "start", "My_bot", "a b"},
        {"/start\\nabc", "start", "", "abc"},
        {"/", "", "", ""},
        {"/ x", "", "", ""},
        {"/@bot x", "", "", ""},
        {"start", "", "", ""},
        {" /start", "", "", ""},
        {"/abcdefghijabcdefghijabcdefghijabc", "", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        struct tg_update u =
            message(arena_fmt(arena, "\"text\":\"%s\"", t[i].text));

        assert_string_equal(u.command, t[i].command);
        assert_string_equal(u.command_bot, t[i].bot);
        assert_string_equal(u.args, t[i].args);
    }
}

static void
the_largest_size_of_a_photo_is_taken(void **state)
{
    struct tg_update u = message(
        "\"photo\":[{\"file_id\":\"m\",\"file_unique_id\":\"um\",\"width\":320,"
        "\"height\":200,\"file_size\":9},{\"file_id\":\"l\","
        "\"file_unique_id\":\"ul\",\"width\":1280,\"height\":800},"
        "{\"file_id\":\"s\",\"file_unique_id\":\"us\",\"width\":90,"
        "\"height\":60}],\"caption\":\"a hat\",\"media_group_id\":\"99\"");

    (void)state;
    assert_int_equal(u.content, TG_CONTENT_PHOTO);
    assert_string_equal(u.file.file_id, "l");
    assert_string_equal(u.file.unique_id, "ul");
    assert_true(u.file.width == 1280 && u.file.height == 800);
    assert_true(u.file.size == -1);
    assert_true(u.is_caption);
    assert_string_equal(u.text, "a hat");
    assert_string_equal(u.album, "99");
}

#define DOC(mime)                                                              \
    "\"document\":{\"file_id\":\"d\",\"file_unique_id\":\"ud\",\"mime_type\":" \
    "\"" mime "\",\"file_name\":\"a.bin\",\"file_size\":21000000}"
#define PHOTO                                                                  \
    "\"photo\":[{\"file_id\":\"p\",\"file_unique_id\":\"up\",\"width\":9,"     \
    "\"height\":9}]"

static void
special_kinds_win_over_what_comes_with_them(void **state)
{
    static const struct {
        const char *rest;
        enum tg_content want;
        const char *file_id;
    } t[] = {
        {DOC("image/png"), TG_CONTENT_IMAGE, "d"},
        {DOC("application/pdf"), TG_CONTENT_DOCUMENT, "d"},
        {DOC("video/mp4") ",\"animation\":{}", TG_CONTENT_ANIMATION, ""},
        {PHOTO ",\"live_photo\":{}", TG_CONTENT_LIVE_PHOTO, "p"},
        {"\"video\":{}", TG_CONTENT_VIDEO, ""},
        {"\"video_note\":{}", TG_CONTENT_VIDEO, ""},
        {"\"sticker\":{}", TG_CONTENT_STICKER, ""},
        {"\"voice\":{}", TG_CONTENT_VOICE, ""},
        {"\"audio\":{}", TG_CONTENT_VOICE, ""},
        {"\"pinned_message\":{}", TG_CONTENT_SERVICE, ""},
        {"\"location\":{}", TG_CONTENT_OTHER, ""},
        {"\"poll\":{}", TG_CONTENT_OTHER, ""},
        {"\"new_in_12_0\":{}", TG_CONTENT_OTHER, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        struct tg_update u = message(t[i].rest);

        assert_int_equal(u.content, t[i].want);
        assert_string_equal(u.file.file_id, t[i].file_id);
    }
    assert_true(message(DOC("image/png")).file.size == 21000000);
}

static void
presses_say_whether_their_message_can_be_edited(void **state)
{
    struct tg_update u = parsed(
        "{\"update_id\":9,\"callback_query\":{\"id\":\"c1\"," FROM
        ",\"chat_instance\":\"1\",\"data\":\"v1:buy:off_1\",\"message\":{"
        "\"message_id\":8,\"date\":1790000000," CHAT "}}}");

    (void)state;
    assert_int_equal(u.kind, TG_UPDATE_CALLBACK);
    assert_string_equal(u.callback_id, "c1");
    assert_string_equal(u.data, "v1:buy:off_1");
    assert_true(u.accessible && u.message_id == 8 && u.queue == 111);
    u = parsed("{\"update_id\":9,\"callback_query\":{\"id\":\"c1\"," FROM
               ",\"data\":\"x\",\"message\":{\"message_id\":8,\"date\":0," CHAT
               "}}}");
    assert_false(u.accessible);
    u = parsed("{\"update_id\":9,\"callback_query\":{\"id\":\"c1\"," FROM
               ",\"game_short_name\":\"x\"}}");
    assert_false(u.accessible);
    assert_true(u.chat_id == 111 && u.message_id == 0);
    assert_string_equal(u.data, "");
}

static void
blocking_and_coming_back_are_told_apart(void **state)
{
    static const struct {
        const char *status;
        bool reachable;
    } t[] = {{"kicked", false},
             {"left", false},
             {"member", true},
             {"administrator", true},
             {"restricted", true}};

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        struct tg_update u = parsed(
            arena_fmt(arena,
                      "{\"update_id\":1,\"my_chat_member\":{" CHAT "," FROM
                      ",\"date\":1,\"new_chat_member\":{\"status\":\"%s\"}}}",
                      t[i].status));

        assert_int_equal(u.kind, TG_UPDATE_MEMBER);
        assert_int_equal(u.reachable, t[i].reachable);
    }
}

static void
payments_keep_their_numbers(void **state)
{
    struct tg_update u =
        parsed("{\"update_id\":1,\"pre_checkout_query\":{\"id\":\"4242\"," FROM
               ",\"currency\":\"XTR\",\"total_amount\":50,\"invoice_payload\":"
               "\"o1:01J\"}}");

    (void)state;
    assert_int_equal(u.kind, TG_UPDATE_PRE_CHECKOUT);
    assert_string_equal(u.query_id, "4242");
    assert_true(u.amount == 50 && u.queue == 111 && u.chat_id == 0);
    u = message("\"successful_payment\":{\"currency\":\"XTR\","
                "\"total_amount\":50,\"invoice_payload\":\"o1:01J\","
                "\"telegram_payment_charge_id\":\"stx\"}");
    assert_int_equal(u.content, TG_CONTENT_PAYMENT);
    assert_string_equal(u.charge_id, "stx");
    assert_string_equal(u.payload, "o1:01J");
}

static void
unknown_kinds_keep_their_id(void **state)
{
    struct tg_update u = parsed("{\"update_id\":77,\"poll\":{\"id\":\"1\"}}");

    (void)state;
    assert_int_equal(u.kind, TG_UPDATE_OTHER);
    assert_true(u.update_id == 77 && u.queue == 0);
    u = parsed("{\"update_id\":78,\"edited_message\":{" HEAD
               ",\"text\":\"x\"}}");
    assert_int_equal(u.kind, TG_UPDATE_EDITED);
    u = parsed("{\"update_id\":79,\"message\":{\"message_id\":1,\"date\":1,"
               "\"chat\":{\"id\":-100,\"type\":\"supergroup\"}}}");
    assert_int_equal(u.chat_type, TG_CHAT_GROUP);
    assert_true(u.from.id == 0 && u.chat_id == -100);
}

static void
the_first_wrong_field_is_named(void **state)
{
    static const struct {
        const char *json, *want;
    } t[] = {
        {"[]", "update: is no object"},
        {"{", NULL},
        {"", NULL},
        {"{\"message\":{}}", "update: update_id is no whole number"},
        {"{\"update_id\":\"5\"}", "update: update_id is no whole number"},
        {"{\"update_id\":1.5}", "update: update_id is no whole number"},
        {"{\"update_id\":5,\"message\":[]}", "update: message is no object"},
        {"{\"update_id\":5,\"message\":{}}", "update: message.chat is missing"},
        {"{\"update_id\":5,\"message\":{\"chat\":{\"id\":\"x\"}}}",
         "update: chat.id is no whole number"},
        {"{\"update_id\":5,\"message\":{" CHAT "}}",
         "update: message.message_id is no whole number"},
        {"{\"update_id\":5,\"message\":{\"message_id\":1," CHAT
         ",\"from\":{\"id\":0}}}",
         "update: from.id is no person's id"},
        {"{\"update_id\":5,\"message\":{" HEAD ",\"text\":7}}",
         "update: message.text is no text"},
        {"{\"update_id\":5,\"message\":{" HEAD ",\"photo\":[]}}",
         "update: photo is no list of sizes"},
        {"{\"update_id\":5,\"message\":{" HEAD ",\"photo\":[{}]}}",
         "update: photo is missing"},
        {"{\"update_id\":5,\"message\":{" HEAD ",\"photo\":[{\"file_id\":"
         "\"a\",\"file_unique_id\":\"b\",\"width\":9000000000000000000,"
         "\"height\":9000000000000000000}]}}",
         "update: photo has impossible sides"},
        {"{\"update_id\":5,\"callback_query\":{\"id\":\"\"}}",
         "update: callback_query.id is missing"},
    };
    struct tg_update u;
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        if (tg_update_parse(arena, str_c(t[i].json), &u, &e) == 0)
            fail_msg("took %s", t[i].json);
        assert_int_equal(e.code, ERR_BAD_INPUT);
        if (t[i].want != NULL)
            assert_string_equal(e.msg, t[i].want);
        if (strstr(t[i].json, "\"update_id\":5,") != NULL)
            assert_true(u.update_id == 5);
    }
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make_arena, drop_arena)
    const struct CMUnitTest tests[] = {
        T(a_message_has_its_sender_chat_and_text),
        T(commands_are_taken_apart),
        T(the_largest_size_of_a_photo_is_taken),
        T(special_kinds_win_over_what_comes_with_them),
        T(presses_say_whether_their_message_can_be_edited),
        T(blocking_and_coming_back_are_told_apart),
        T(payments_keep_their_numbers),
        T(unknown_kinds_keep_their_id),
        T(the_first_wrong_field_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_telegram_client.c - telegram/client.c and setup.c against tapes */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/limits.h"
#include "telegram/client.h"
#include "telegram/setup.h"
#include "tests/support/tape.h"

#define TOKEN "123456:ABC-def_GHI"
#define CALL(method) "POST /bot" TOKEN "/" method " "
#define JSON "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
#define STATUS(n) "HTTP/1.1 " n " X\r\nConnection: close\r\n\r\n"
#define ANSWER(text) T_SEND(JSON text), T_CLOSE
#define TRUE_ANSWER ANSWER("{\"ok\":true,\"result\":true}")

static struct tg *
client(const struct tape *t)
{
    struct err e;
    struct tg *tg = tg_new(tape_url(t), TOKEN, &e);

    if (tg == NULL)
        fail_msg("%s", e.msg);
    return tg;
}

static void
tokens_that_cannot_be_ones_are_refused(void **state)
{
    static const char *const bad[] = {
        "",      "abc",   "123",   "123:",  ":abc",  "12a:abc",
        "1:a/b", "1:a b", "-1:ab", "0:abc", "1:a%2f"};
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_null(tg_new("http://127.0.0.1:1", bad[i], &e));
        assert_int_equal(e.code, ERR_BAD_INPUT);
    }
    assert_null(tg_new("ftp://x", TOKEN, &e));
}

static void
get_me_tells_who_the_bot_is(void **state)
{
    static const struct tape_step steps[] = {
        T_ACCEPT, T_REQUEST(CALL("getMe")),
        ANSWER("{\"ok\":true,\"result\":{\"id\":123456,\"is_bot\":true,"
               "\"first_name\":\"Ателье\",\"username\":\"x_bot\"}}")};
    struct tape *t = TAPE_PLAY(steps);
    struct tg *tg = client(t);
    struct tg_me me;
    struct err e;

    (void)state;
    assert_int_equal(tg_get_me(tg, &me, &e), 0);
    assert_true(me.id == 123456);
    assert_string_equal(me.username, "x_bot");
    assert_string_equal(tg_bot_id(tg), "123456");
    tg_free(tg);
    tape_end(t);
}

static void
errors_hold_neither_token_nor_address(void **state)
{
    static const struct tape_step steps[] = {
        T_ACCEPT,
        T_REQUEST(CALL("getMe")),
        T_SEND(STATUS("404") "{\"ok\":false,\"error_code\":404,"
                             "\"description\":\"no /bot" TOKEN
                             "/getMe here\"}"),
        T_CLOSE,
        T_ACCEPT,
        T_REQUEST(CALL("getMe")),
        T_RESET};
    struct tape *t = TAPE_PLAY(steps);
    struct tg *tg = client(t);
    struct tg_me me;
    struct err e;

    (void)state;
    assert_int_equal(tg_get_me(tg, &me, &e), -1);
    assert_int_equal(e.code, ERR_UNAVAILABLE);
    assert_null(strstr(e.msg, "ABC"));
    assert_int_equal(tg_get_me(tg, &me, &e), -1);
    assert_int_equal(e.code, ERR_TIMEOUT);
    assert_null(strstr(e.msg, "ABC"));
    assert_null(strstr(e.msg, "127.0.0.1"));
    tg_free(tg);
    tape_end(t);
}

static void
the_webhook_is_set_with_the_full_set_of_parameters(void **state)
{
    static const struct tape_step steps[] = {
        T_ACCEPT,
        T_REQUEST(CALL("setWebhook")),
        T_HAS("{\"url\":\"https://x.org/hook\",\"secret_token\":\"s-1\","
              "\"max_connections\":40,\"allowed_updates\":" TG_ALLOWED_UPDATES
              ",\"drop_pending_updates\":false}"),
        TRUE_ANSWER,
        T_ACCEPT,
        T_REQUEST(CALL("deleteWebhook")),
        T_HAS("{\"drop_pending_updates\":false}"),
        TRUE_ANSWER,
        T_ACCEPT,
        T_REQUEST(CALL("getWebhookInfo")),
        ANSWER("{\"ok\":true,\"result\":{\"url\":\"https://x.org/hook\","
               "\"has_custom_certificate\":false,\"pending_update_count\":3,"
               "\"max_connections\":40,\"last_error_date\":1790000000,"
               "\"last_error_message\":\"Read timeout expired\","
               "\"allowed_updates\":" TG_ALLOWED_UPDATES "}}"),
        T_ACCEPT,
        T_REQUEST(CALL("getWebhookInfo")),
        ANSWER("{\"ok\":true,\"result\":{\"url\":\"\","
               "\"has_custom_certificate\":false,"
               "\"pending_update_count\":0}}")};
    struct tape *t = TAPE_PLAY(steps);
    struct tg *tg = client(t);
    struct tg_webhook_info info;
    struct err e;

    (void)state;
    assert_int_equal(tg_set_webhook(tg, "https://x.org/hook", "s-1", 40, &e),
                     0);
    assert_int_equal(tg_set_webhook(tg, "https://x.org/hook", "", 40, &e), -1);
    assert_int_equal(tg_set_webhook(tg, "https://x.org/hook", "a b", 40, &e),
                     -1);
    assert_int_equal(tg_delete_webhook(tg, &e), 0);
    assert_int_equal(tg_get_webhook_info(tg, &info, &e), 0);
    assert_string_equal(info.url, "https://x.org/hook");
    assert_string_equal(info.last_error, "Read timeout expired");
    assert_true(info.pending == 3 && info.last_error_s == 1790000000);
    assert_true(info.same_updates);
    assert_int_equal(tg_get_webhook_info(tg, &info, &e), 0);
    assert_false(info.same_updates);
    tg_free(tg);
    tape_end(t);
}

static void
commands_are_set_for_both_languages_and_the_rest(void **state)
{
    static const struct tape_step steps[] = {
        T_ACCEPT,
        T_REQUEST(CALL("setMyCommands")),
        T_HAS("{\"command\":\"paysupport\",\"description\":"
              "\"Payment support\"}"),
        T_HAS_NOT("language_code"),
        TRUE_ANSWER,
        T_ACCEPT,
        T_REQUEST(CALL("setMyCommands")),
        T_HAS("\"language_code\":\"en\""),
        TRUE_ANSWER,
        T_ACCEPT,
        T_REQUEST(CALL("setMyCommands")),
        T_HAS("\"language_code\":\"ru\""),
        T_HAS("Мой баланс"),
        TRUE_ANSWER};
    struct tape *t = TAPE_PLAY(steps);
    struct tg *tg = client(t);
    struct err e;

    (void)state;
    assert_int_equal(tg_set_commands(tg, &e), 0);
    tg_free(tg);
    tape_end(t);
}

static void
updates_are_polled_with_offset_and_list(void **state)
{
    static const struct tape_step steps[] = {
        T_ACCEPT,
        T_REQUEST(CALL("getUpdates")),
        T_HAS("{\"offset\":7,\"timeout\":1,\"allowed_updates\":["),
        ANSWER("{\"ok\":true,\"result\":[{\"update_id\":7}]}"),
        T_ACCEPT,
        T_REQUEST(CALL("getUpdates")),
        T_SEND(STATUS(
            "409") "{\"ok\":false,\"error_code\":409,"
                   "\"description\":\"Conflict: terminated by other getUpdates "
                   "request\"}"),
        T_CLOSE};
    struct tape *t = TAPE_PLAY(steps);
    struct tg *tg = client(t);
    struct tg_answer ans;
    struct err e;

    (void)state;
    assert_int_equal(tg_get_updates(tg, 7, 1, &ans, &e), 0);
    assert_true(json_i64(ans.result->child, "update_id", 0) == 7);
    tg_answer_free(&ans);
    assert_int_equal(tg_get_updates(tg, 8, 1, &ans, &e), -1);
    assert_int_equal(ans.outcome, TG_CONFLICT);
    assert_int_equal(e.code, ERR_CONFLICT);
    tg_answer_free(&ans);
    tg_free(tg);
    tape_end(t);
}

static void
presses_are_answered_however_old(void **state)
{
    static const struct tape_step steps[] = {
        T_ACCEPT,
        T_REQUEST(CALL("answerCallbackQuery")),
        T_HAS("{\"callback_query_id\":\"c1\"}"),
        TRUE_ANSWER,
        T_ACCEPT,
        T_REQUEST(CALL("answerCallbackQuery")),
        T_HAS("{\"callback_query_id\":\"c2\",\"text\":\"hi\","
              "\"show_alert\":true}"),
        T_SEND(STATUS("400") "{\"ok\":false,\"error_code\":400,"
                             "\"description\":\"Bad Request: query is too old "
                             "and response "
                             "timeout expired or query ID is invalid\"}"),
        T_CLOSE,
        T_ACCEPT,
        T_REQUEST(CALL("answerPreCheckoutQuery")),
        T_HAS("{\"pre_checkout_query_id\":\"p\",\"ok\":false,"
              "\"error_message\":\"gone\"}"),
        TRUE_ANSWER};
    struct tape *t = TAPE_PLAY(steps);
    struct tg *tg = client(t);
    struct err e;

    (void)state;
    assert_int_equal(tg_answer_callback(tg, "c1", NULL, true, &e), 0);
    assert_int_equal(tg_answer_callback(tg, "c2", "hi", true, &e), 0);
    assert_int_equal(tg_answer_pre_checkout(tg, "p", false, "gone", &e), 0);
    tg_free(tg);
    tape_end(t);
}

/* ---- files ---- */

static void
files_are_fetched_by_an_escaped_path(void **state)
{
    static const struct tape_step steps[] = {
        T_ACCEPT,
        T_REQUEST(CALL("getFile")),
        T_HAS("{\"file_id\":\"F\"}"),
        ANSWER("{\"ok\":true,\"result\":{\"file_id\":\"F\","
               "\"file_unique_id\":\"U\",\"file_size\":5,"
               "\"file_path\":\"photos/a b?.jpg\"}}"),
        T_ACCEPT,
        T_REQUEST("GET /file/bot" TOKEN "/photos/a%20b%3F.jpg HTTP/1.1"),
        T_SEND(JSON "hello"),
        T_CLOSE};
    struct tape *t = TAPE_PLAY(steps);
    struct tg *tg = client(t);
    struct buf b;
    struct err e;

    (void)state;
    buf_init(&b, 100);
    assert_int_equal(tg_download(tg, "F", 5, &b, &e), 0);
    assert_string_equal(buf_cstr(&b), "hello");
    buf_free(&b);
    tg_free(tg);
    tape_end(t);
}

#define FILE_ANSWER(size)                                                      \
    T_ACCEPT, T_REQUEST(CALL("getFile")),                                      \
        ANSWER("{\"ok\":true,\"result\":{\"file_id\":\"F\","                   \
               "\"file_unique_id\":\"U\"" size ",\"file_path\":\"p/a\"}}")
#define FILE_REQUEST T_ACCEPT, T_REQUEST("GET /file/bot" TOKEN "/p/a ")

static void
downloads_that_fail_say_whether_to_try_again(void **state)
{
    static const struct tape_step steps[] = {
        /* over the limit as told */
        FILE_ANSWER(",\"file_size\":11"),
        /* over the limit as it comes */
        FILE_ANSWER(""), FILE_REQUEST, T_SEND(JSON "hello hello"), T_CLOSE,
        /* cut off */
        FILE_ANSWER(",\"file_size\":9"), FILE_REQUEST, T_SEND(JSON "hello"),
        T_CLOSE,
        /* expired */
        FILE_ANSWER(""), FILE_REQUEST, T_SEND(STATUS("404") "{}"), T_CLOSE,
        /* trouble */
        FILE_ANSWER(""), FILE_REQUEST, T_SEND(STATUS("502") "x"), T_CLOSE,
        /* over Telegram's 20 MB */
        T_ACCEPT, T_REQUEST(CALL("getFile")),
        T_SEND(
            STATUS("400") "{\"ok\":false,\"error_code\":400,"
                          "\"description\":\"Bad Request: file is too big\"}"),
        T_CLOSE,
        /* a file_id of another bot, or trouble inside Telegram */
        T_ACCEPT, T_REQUEST(CALL("getFile")),
        T_SEND(STATUS("400") "{\"ok\":false,\"error_code\":400,"
                             "\"description\":\"Bad Request: wrong file_id or "
                             "the file is "
                             "temporarily unavailable\"}"),
        T_CLOSE};
    static const enum err_code want[] = {
        ERR_TOO_LARGE,   ERR_TOO_LARGE, ERR_UNAVAILABLE, ERR_NOT_FOUND,
        ERR_UNAVAILABLE, ERR_TOO_LARGE, ERR_NOT_FOUND};
    struct tape *t = TAPE_PLAY(steps);
    struct tg *tg = client(t);
    struct buf b;
    struct err e;

    (void)state;
    buf_init(&b, 10);
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        assert_int_equal(tg_download(tg, "F", 10, &b, &e), -1);
        if (e.code != want[i])
            fail_msg("case %zu: %s", i, e.msg);
        assert_null(strstr(e.msg, "ABC"));
        assert_int_equal(b.len, 0);
    }
    buf_free(&b);
    tg_free(tg);
    tape_end(t);
}

static void
uploads_carry_parameters_as_fields(void **state)
{
    static const struct tape_step steps[] = {
        T_ACCEPT,
        T_REQUEST(CALL("sendPhoto")),
        T_HAS("Content-Type: multipart/form-data; boundary="),
        T_HAS("name=\"chat_id\"\r\n\r\n111\r\n"),
        T_HAS("name=\"caption\"\r\n\r\nдва & слова\r\n"),
        T_HAS("name=\"reply_markup\"\r\n\r\n{\"inline_keyboard\":[]}\r\n"),
        T_HAS("name=\"photo\"; filename=\"tintype.png\"\r\n"
              "Content-Type: image/png\r\n\r\nPNG\r\n"),
        TRUE_ANSWER};
    static const struct tg_part part = {.field = "photo",
                                        .filename = "tintype.png",
                                        .type = "image/png",
                                        .bytes = {"PNG", 3}};
    struct tg_request q = {
        .method = "sendPhoto",
        .params = STR("{\"chat_id\":111,\"caption\":\"два & слова\","
                      "\"reply_markup\":{\"inline_keyboard\":[]}}"),
        .file = &part};
    struct tape *t = TAPE_PLAY(steps);
    struct tg *tg = client(t);
    struct tg_answer ans;
    struct err e;

    (void)state;
    assert_int_equal(tg_do(tg, &q, &ans, &e), 0);
    tg_answer_free(&ans);
    tg_free(tg);
    tape_end(t);
}

/* A kept connection that dies under a send: curl alone would repeat it. */
static void
a_send_whose_connection_dies_is_not_repeated(void **state)
{
    static const struct tape_step steps[] = {
        T_ACCEPT, T_REQUEST(CALL("getMe")),
        T_SEND("HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n"
               "{\"ok\":true,\"result\":{\"id\":123}}"),
        T_REQUEST(CALL("sendMessage")), T_CLOSE};
    struct tape *t = TAPE_PLAY(steps);
    struct tg *tg = client(t);
    struct tg_me me;
    struct tg_answer ans;
    struct err e;

    (void)state;
    assert_int_equal(tg_get_me(tg, &me, &e), 0);
    assert_int_equal(tg_call(tg, "sendMessage",
                             STR("{\"chat_id\":1,\"text\":\"x\"}"), false, &ans,
                             &e),
                     -1);
    assert_int_equal(ans.outcome, TG_UNKNOWN);
    tg_answer_free(&ans);
    tg_free(tg);
    assert_int_equal(tape_end(t), 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_that_cannot_be_ones_are_refused),
        cmocka_unit_test(get_me_tells_who_the_bot_is),
        cmocka_unit_test(errors_hold_neither_token_nor_address),
        cmocka_unit_test(the_webhook_is_set_with_the_full_set_of_parameters),
        cmocka_unit_test(commands_are_set_for_both_languages_and_the_rest),
        cmocka_unit_test(updates_are_polled_with_offset_and_list),
        cmocka_unit_test(presses_are_answered_however_old),
        cmocka_unit_test(files_are_fetched_by_an_escaped_path),
        cmocka_unit_test(downloads_that_fail_say_whether_to_try_again),
        cmocka_unit_test(uploads_carry_parameters_as_fields),
        cmocka_unit_test(a_send_whose_connection_dies_is_not_repeated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_telegram_answer.c - telegram/answer.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/log.h"
#include "base/utf8.h"
#include "telegram/answer.h"

static void
each_refusal_of_the_contract_has_its_outcome(void **state)
{
    static const struct {
        int code;
        const char *text;
        enum tg_outcome want;
        enum err_code err;
    } t[] = {
        {429, "Too Many Requests: retry after 5", TG_RATE_LIMITED,
         ERR_UNAVAILABLE},
        {403, "Forbidden: bot was blocked by the user", TG_BLOCKED,
         ERR_NOT_FOUND},
        {403, "Forbidden: user is deactivated", TG_BLOCKED, ERR_NOT_FOUND},
        {403, "Forbidden: bot can't initiate conversation with a user",
         TG_BLOCKED, ERR_NOT_FOUND},
        {403, "Forbidden: bot was kicked from the group chat", TG_BLOCKED,
         ERR_NOT_FOUND},
        {400, "Bad Request: chat not found", TG_BLOCKED, ERR_NOT_FOUND},
        {400, "Bad Request: PEER_ID_INVALID", TG_BLOCKED, ERR_NOT_FOUND},
        {400,
         "Bad Request: message is not modified: specified new message "
         "content and reply markup are exactly the same",
         TG_NOT_MODIFIED, ERR_NONE},
        {400, "Bad Request: message to delete not found", TG_NOT_MODIFIED,
         ERR_NONE},
        {400, "Bad Request: message can't be deleted", TG_NOT_MODIFIED,
         ERR_NONE},
        {400, "Bad Request: message to edit not found", TG_GONE, ERR_NOT_FOUND},
        {400, "Bad Request: message can't be edited", TG_GONE, ERR_NOT_FOUND},
        {400, "Bad Request: there is no text in the message to edit", TG_GONE,
         ERR_NOT_FOUND},
        {400,
         "Bad Request: query is too old and response timeout expired or "
         "query ID is invalid",
         TG_TOO_OLD, ERR_NOT_FOUND},
        {400,
         "Bad Request: can't parse entities: Unsupported start tag \"br\" at "
         "byte offset 3",
         TG_PARSE, ERR_BAD_INPUT},
        {400, "Bad Request: message is too long", TG_TOO_LARGE, ERR_TOO_LARGE},
        {400, "Bad Request: message caption is too long", TG_TOO_LARGE,
         ERR_TOO_LARGE},
        {400, "Bad Request: Text is too long", TG_TOO_LARGE, ERR_TOO_LARGE},
        {400, "Bad Request: file is too big", TG_TOO_LARGE, ERR_TOO_LARGE},
        {400,
         "Bad Request: wrong file_id or the file is temporarily unavailable",
         TG_BAD_FILE, ERR_BAD_INPUT},
        {400,
         "Bad Request: wrong remote file identifier specified: can't "
         "unserialize it",
         TG_BAD_FILE, ERR_BAD_INPUT},
        {400, "Bad Request: can't use file of type Document as Photo",
         TG_BAD_FILE, ERR_BAD_INPUT},
        {400, "Bad Request: PHOTO_INVALID_DIMENSIONS", TG_BAD_PHOTO,
         ERR_BAD_INPUT},
        {400, "Bad Request: IMAGE_PROCESS_FAILED", TG_BAD_PHOTO, ERR_BAD_INPUT},
        {400, "Bad Request: message to be replied not found", TG_REFUSED,
         ERR_BAD_INPUT},
        {400, "Bad Request: reply markup is too long", TG_REFUSED,
         ERR_BAD_INPUT},
        {400, "Bad Request: BUTTON_DATA_INVALID", TG_REFUSED, ERR_BAD_INPUT},
        {400, "Bad Request: strings must be encoded in UTF-8", TG_REFUSED,
         ERR_BAD_INPUT},
        {401, "Unauthorized", TG_UNAUTHORIZED, ERR_UNAVAILABLE},
        {404, "Not Found", TG_UNAUTHORIZED, ERR_UNAVAILABLE},
        {421, "Misdirected Request", TG_UNAUTHORIZED, ERR_UNAVAILABLE},
        {409,
         "Conflict: terminated by other getUpdates request; make sure that "
         "only one bot instance is running",
         TG_CONFLICT, ERR_CONFLICT},
        {409,
         "Conflict: can't use getUpdates method while webhook is active; use "
         "deleteWebhook to delete the webhook first",
         TG_CONFLICT, ERR_CONFLICT},
        {413, "Request Entity Too Large", TG_TOO_LARGE, ERR_TOO_LARGE},
        {500, "Internal Server Error: restart", TG_RETRY, ERR_UNAVAILABLE},
        {500, "Internal Server Error", TG_UNKNOWN, ERR_TIMEOUT},
        {502, "Bad Gateway", TG_UNKNOWN, ERR_TIMEOUT},
        {504, "Gateway Timeout", TG_UNKNOWN, ERR_TIMEOUT},
    };
    char body[500];
    struct tg_answer a;
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        struct buf quoted;
        struct jw w;

        buf_init(&quoted, 1000);
        jw_init(&w, &quoted);
        jw_str(&w, t[i].text);
        snprintf(body, sizeof(body),
                 "{\"ok\":false,\"error_code\":%d,\"description\":%s}",
                 t[i].code, buf_cstr(&quoted));
        buf_free(&quoted);
        tg_answer_read(&a, t[i].code, str_c(body), -1);
        if (a.outcome != t[i].want)
            fail_msg("%d %s: %s", t[i].code, t[i].text,
                     tg_outcome_name(a.outcome));
        assert_int_equal(a.code, t[i].code);
        assert_int_equal(tg_answer_err(&a, "x", &e),
                         t[i].err == ERR_NONE ? 0 : -1);
        if (t[i].err != ERR_NONE)
            assert_int_equal(e.code, t[i].err);
        tg_answer_free(&a);
    }
}

static void
what_is_not_the_bot_api_says_nothing_about_the_outcome(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum tg_outcome want;
    } t[] = {
        {502, "<html>Bad Gateway</html>", TG_UNKNOWN},
        {504, "", TG_UNKNOWN},
        {403, "<html>firewall</html>", TG_UNKNOWN},
        {200, "<html>portal</html>", TG_UNKNOWN},
        {200, "", TG_UNKNOWN},
        {200, "{}", TG_UNKNOWN},
        {200, "[]", TG_UNKNOWN},
        {200, "{\"ok\":true}", TG_UNKNOWN},
        {200, "{\"ok\":1,\"result\":{}}", TG_UNKNOWN},
        {200, "{\"ok\":true,\"result\":{}", TG_UNKNOWN},
        {413, "<html>nginx</html>", TG_TOO_LARGE},
        {429, "<html>nginx</html>", TG_RATE_LIMITED},
        {200, "{\"ok\":true,\"result\":true}", TG_OK},
        {200, "{\"ok\":true,\"result\":\"\\u0000\\ud800\"}", TG_OK},
    };
    struct tg_answer a;

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        tg_answer_read(&a, t[i].status, str_c(t[i].body), -1);
        if (a.outcome != t[i].want)
            fail_msg("%d %s: %s", t[i].status, t[i].body,
                     tg_outcome_name(a.outcome));
        assert_true((a.result != NULL) == (t[i].want == TG_OK));
        tg_answer_free(&a);
    }
}

static void
the_pause_after_429_comes_from_body_or_header(void **state)
{
    static const struct {
        const char *body;
        int header;
        int64_t want_ms;
    } t[] = {
        {"{\"ok\":false,\"error_code\":429,\"description\":\"\","
         "\"parameters\":{\"retry_after\":7}}",
         9, 7000},
        {"{\"ok\":false,\"error_code\":429,\"description\":\"\"}", 9, 9000},
        {"{\"ok\":false,\"error_code\":429}", -1, 5000},
        {"{\"ok\":false,\"error_code\":429,\"parameters\":{\"retry_after\":"
         "99999999999}}",
         -1, 86400000},
        {"{\"ok\":false,\"error_code\":429,\"parameters\":{\"retry_after\":"
         "-3}}",
         -1, 5000},
        {"busy", 11, 11000},
        {"{\"ok\":false,\"error_code\":400,\"description\":\"x\"}", 5, -1},
    };
    struct tg_answer a;

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        tg_answer_read(&a, 429, str_c(t[i].body), t[i].header);
        assert_true(a.retry_after_ms == t[i].want_ms);
        tg_answer_free(&a);
    }
}

static void
no_answer_is_harmless_only_when_nothing_was_sent(void **state)
{
    struct err e;
    struct tg_answer a;

    (void)state;
    err_set(&e, ERR_UNAVAILABLE, "telegram getMe: connection refused");
    tg_answer_none(&a, &e);
    assert_int_equal(a.outcome, TG_RETRY);
    err_set(&e, ERR_TIMEOUT, "timed out");
    tg_answer_none(&a, &e);
    assert_int_equal(a.outcome, TG_UNKNOWN);
    err_set(&e, ERR_TOO_LARGE, "answer over 32 MB");
    tg_answer_none(&a, &e);
    assert_int_equal(a.outcome, TG_UNKNOWN);
    tg_answer_free(&a);
}

static void
descriptions_are_masked_cut_and_clean(void **state)
{
    struct tg_answer a;
    struct buf b;
    struct err e;

    (void)state;
    log_secret("123456:SECRET-token");
    buf_init(&b, 10000);
    buf_add_c(&b, "{\"ok\":false,\"error_code\":400,\"description\":\""
                  "at /bot123456:SECRET-token/x ");
    for (int i = 0; i < 300; i++)
        buf_add_c(&b, "я");
    buf_add_c(&b, "\\n\"}");
    tg_answer_read(&a, 400, buf_str(&b), -1);
    assert_null(strstr(a.description, "SECRET"));
    assert_true(utf8_valid(str_c(a.description)));
    assert_int_equal(tg_answer_err(&a, "sendMessage", &e), -1);
    assert_non_null(strstr(e.msg, "telegram sendMessage: at /bot***/x"));
    tg_answer_free(&a);
    buf_free(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_refusal_of_the_contract_has_its_outcome),
        cmocka_unit_test(
            what_is_not_the_bot_api_says_nothing_about_the_outcome),
        cmocka_unit_test(the_pause_after_429_comes_from_body_or_header),
        cmocka_unit_test(no_answer_is_harmless_only_when_nothing_was_sent),
        cmocka_unit_test(descriptions_are_masked_cut_and_clean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

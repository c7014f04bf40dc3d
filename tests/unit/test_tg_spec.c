/* test_tg_spec.c - tests/support/tg_spec.c: it must find what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/tg_spec.h"

struct row {
    const char *method, *params, *wrong; /* NULL: nothing */
};

static void
calls_are_checked_down_to_the_last_field(void **state)
{
    static const struct row rows[] = {
        {"getMe", "{}", NULL},
        {"getMee", "{}", "getMee: is no method"},
        {"sendMessage", "{\"chat_id\":1,\"text\":\"x\"}", NULL},
        {"sendMessage", "{\"chat_id\":\"@name\",\"text\":\"x\"}", NULL},
        {"sendMessage", "{\"chat_id\":\"1\",\"text\":\"x\"}", NULL},
        {"sendMessage", "{\"chat_id\":1.5,\"text\":\"x\"}",
         "sendMessage.chat_id"},
        {"sendMessage", "{\"chat_id\":1}", "sendMessage: lacks text"},
        {"sendMessage", "{\"chat_id\":1,\"text\":5}",
         "sendMessage.text: is no String"},
        {"sendMessage", "{\"chat_id\":1,\"text\":\"x\",\"parsemode\":1}",
         "sendMessage.parsemode: is not known"},
        {"sendMessage",
         "{\"chat_id\":1,\"text\":\"x\",\"disable_notification\":\"yes\"}",
         "disable_notification: is no Boolean"},
        {"sendMessage",
         "{\"chat_id\":1,\"text\":\"x\",\"disable_notification\":\"true\"}",
         NULL},
        {"sendMessage",
         "{\"chat_id\":1,\"text\":\"x\",\"reply_markup\":"
         "{\"inline_keyboard\":[[{\"text\":\"a\",\"callback_data\":\"b\"}]]}}",
         NULL},
        {"sendMessage",
         "{\"chat_id\":1,\"text\":\"x\",\"reply_markup\":"
         "\"{\\\"inline_keyboard\\\":[[{\\\"text\\\":\\\"a\\\"}]]}\"}",
         NULL},
        {"sendMessage",
         "{\"chat_id\":1,\"text\":\"x\",\"reply_markup\":"
         "{\"inline_keyboard\":[[{\"text\":\"a\",\"callback\":\"b\"}]]}}",
         "inline_keyboard.0.0.callback: is not known"},
        {"sendMessage",
         "{\"chat_id\":1,\"text\":\"x\",\"reply_parameters\":{}}",
         "reply_parameters: lacks message_id"},
        {"sendPhoto",
         "{\"chat_id\":\"1\",\"photo\":{\"file\":\"a.png\",\"type\":\"x\","
         "\"size\":5}}",
         NULL},
        {"sendPhoto", "{\"chat_id\":1,\"photo\":\"file-id\"}", NULL},
        {"sendPhoto", "{\"chat_id\":1,\"photo\":{\"bytes\":1}}",
         "sendPhoto.photo"},
        {"sendMediaGroup",
         "{\"chat_id\":\"1\",\"media\":\"[{\\\"type\\\":\\\"photo\\\","
         "\\\"media\\\":\\\"attach://a\\\"}]\",\"a\":{\"file\":\"a\","
         "\"size\":1}}",
         NULL},
        {"sendMediaGroup",
         "{\"chat_id\":\"1\",\"media\":\"[{\\\"type\\\":\\\"photo\\\","
         "\\\"media\\\":\\\"attach://ab\\\"}]\",\"a\":{\"file\":\"a\","
         "\"size\":1}}",
         "sendMediaGroup.a: is not known"},
        {"setMyCommands",
         "{\"commands\":[{\"command\":\"a\",\"description\":\"b\"}],"
         "\"scope\":{\"type\":\"all_private_chats\"}}",
         NULL},
        {"setMyCommands", "{\"commands\":[{\"command\":\"a\"}]}",
         "lacks description"},
        {"deleteMessages", "{\"chat_id\":1,\"message_ids\":[1,\"x\"]}",
         "message_ids.1: is no Integer"},
    };
    struct tg_spec *spec = tg_spec_load();
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct err e = {0};
        const cJSON *params = json_parse_in(a, str_c(rows[i].params), 0, NULL);
        int rc = tg_spec_check_call(spec, rows[i].method, params, &e);
        assert_non_null(params);
        if (!rows[i].wrong && rc != 0)
            fail_msg("%s %s", rows[i].params, e.msg);
        if (rows[i].wrong && (rc == 0 || !strstr(e.msg, rows[i].wrong)))
            fail_msg("%s: %s, not %s", rows[i].params, rc ? e.msg : "passes",
                     rows[i].wrong);
    }
    arena_free(a);
    tg_spec_free(spec);
}

static void
objects_and_results_are_checked(void **state)
{
    static const char user[] =
        "{\"id\":5,\"is_bot\":true,\"first_name\":\"x\"}";
    struct tg_spec *spec = tg_spec_load();
    struct arena *a = arena_new();
    cJSON *good = json_parse_in(a, str_c(user), 0, NULL);
    cJSON *array = json_parse_in(a, STR("[{\"update_id\":\"7\"}]"), 0, NULL);
    struct err e;

    (void)state;
    assert_int_equal(tg_spec_check_type(spec, "User", good, &e), 0);
    assert_int_equal(tg_spec_check_result(spec, "getMe", good, &e), 0);
    assert_int_equal(tg_spec_check_type(spec, "Message", good, &e), -1);
    assert_int_equal(tg_spec_check_type(spec, "Array of Update", array, &e),
                     -1);
    assert_string_equal(e.msg, "Array of Update.0.update_id: is no Integer");
    arena_free(a);
    tg_spec_free(spec);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_checked_down_to_the_last_field),
        cmocka_unit_test(objects_and_results_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

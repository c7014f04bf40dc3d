/* test_worker_hint.c - worker/hint.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "base/mem.h"
#include "worker/hint.h"

static void
a_bare_id_and_a_tasks_json_name_the_task(void **state)
{
    static const char *const good[] = {
        "1a2b3c4d",
        " 1a2b3c4d\n",
        "\"1a2b3c4d\"",
        "{\"id\":\"1a2b3c4d\"}",
        "{\"service\":\"image-service\",\"id\":\"1a2b3c4d\","
        "\"inputs\":{\"id\":\"ffffffff\"},\"attempt\":NaN}",
        "{\"id\":\"00000000\",\"id\":\"1a2b3c4d\"}",
    };
    char id[HINT_ID_BYTES];
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        assert_int_equal(hint_parse(str_c(good[i]), id, &e), 0);
        assert_string_equal(id, "1a2b3c4d");
    }
}

static void
anything_else_is_garbage_with_a_reason(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "1A2B3C4D",
        "1a2b3c4",
        "1a2b3c4d5",
        "12345678 1a2b3c4d",
        "{}",
        "[]",
        "[\"1a2b3c4d\"]",
        "{\"id\":12345678}",
        "{\"id\":null}",
        "{\"id\":\"job_x\"}",
        "{\"id\":\"1a2b3c4d\"",
        "\xff\xfe",
        "{\"id\":{\"id\":\"1a2b3c4d\"}}",
    };
    char id[HINT_ID_BYTES];
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        memset(&e, 0, sizeof(e));
        assert_int_equal(hint_parse(str_c(bad[i]), id, &e), -1);
        assert_int_equal(e.code, ERR_BAD_INPUT);
        assert_true(e.msg[0] != '\0');
    }
}

static void
a_message_over_the_limit_is_not_read(void **state)
{
    size_t n = HINT_BYTES_MAX + 1;
    char id[HINT_ID_BYTES], *big = mem_alloc(n);
    struct err e;

    (void)state;
    memset(big, ' ', n);
    memcpy(big, "1a2b3c4d", 8);
    assert_int_equal(hint_parse(str_n(big, n), id, &e), -1);
    assert_int_equal(hint_parse(str_n(big, n - 1), id, &e), 0);
    mem_free(big);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bare_id_and_a_tasks_json_name_the_task),
        cmocka_unit_test(anything_else_is_garbage_with_a_reason),
        cmocka_unit_test(a_message_over_the_limit_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

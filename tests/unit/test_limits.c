/* test_limits.c - base/limits.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/limits.h"

static void
the_table_has_one_row_for_each_limit(void **state)
{
    struct buf b;
    size_t rows = 0;
    size_t want = 2; /* head and rule */

    (void)state;
#define LIMIT(name, value, unit, reason) want++;
#include "base/limits.def"
#undef LIMIT
    buf_init(&b, 100000);
    limits_markdown(&b);
    assert_false(b.failed);
    for (const char *p = buf_cstr(&b); *p != '\0'; p++)
        rows += *p == '\n';
    assert_int_equal(rows, want);
    assert_non_null(strstr(buf_cstr(&b), "\n| DOWNLOAD_BYTES | 20971520 | "
                                         "bytes | "));
    buf_free(&b);
}

static void
limits_are_positive_and_fit_each_other(void **state)
{
    (void)state;
#define LIMIT(name, value, unit, reason) assert_true(LIM_##name > 0);
#include "base/limits.def"
#undef LIMIT
    assert_true(LIM_PHOTO_BYTES <= LIM_UPLOAD_BYTES);
    assert_true(LIM_JSON_BYTES <= LIM_COMFY_JSON_BYTES);
    assert_true(LIM_UPLOAD_BYTES < LIM_ARENA_BYTES);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_has_one_row_for_each_limit),
        cmocka_unit_test(limits_are_positive_and_fit_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

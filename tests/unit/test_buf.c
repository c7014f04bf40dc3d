/* test_buf.c - base/buf.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/buf.h"
#include "base/mem.h"

static void
an_empty_buffer_reads_as_empty_text(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 10);
    assert_null(b.p);
    assert_string_equal(buf_cstr(&b), "");
    assert_int_equal(buf_str(&b).len, 0);
    buf_clear(&b);
    buf_add(&b, NULL, 0);
    assert_false(b.failed);
    buf_free(&b);
}

static void
all_kinds_of_additions_are_appended(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    buf_add(&b, "a\0b", 3);
    buf_add_c(&b, "cd");
    buf_add_str(&b, STR("ef"));
    buf_add_str(&b, str_c(NULL));
    buf_add_byte(&b, 'g');
    buf_addf(&b, "%d-%s", 12, "x");
    assert_false(b.failed);
    assert_int_equal(b.len, 12);
    assert_memory_equal(b.p, "a\0bcdefg12-x", 13);
    buf_free(&b);
}

static void
it_grows_up_to_its_limit_exactly(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    for (int i = 0; i < 1000; i++)
        buf_add_byte(&b, (char)('a' + i % 26));
    assert_false(b.failed);
    assert_int_equal(b.len, 1000);
    assert_int_equal(strlen(buf_cstr(&b)), 1000);
    assert_true(b.cap <= 1001);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(b.p[i], 'a' + i % 26);
    buf_free(&b);
}

static void
going_over_the_limit_is_remembered(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 5);
    buf_add_c(&b, "abc");
    buf_add_c(&b, "def"); /* dropped as a whole */
    assert_true(b.failed);
    buf_add_c(&b, "x"); /* would fit, but a hole must not be hidden */
    assert_string_equal(buf_cstr(&b), "abc");
    buf_addf(&b, "%d", 1);
    assert_string_equal(buf_cstr(&b), "abc");
    buf_clear(&b);
    assert_false(b.failed);
    buf_addf(&b, "%s", "123456");
    assert_true(b.failed);
    assert_string_equal(buf_cstr(&b), "");
    buf_clear(&b);
    buf_addf(&b, "%s", "12345");
    assert_false(b.failed);
    assert_string_equal(buf_cstr(&b), "12345");
    buf_add(&b, "x", SIZE_MAX); /* no overflow of the sum */
    assert_true(b.failed);
    buf_free(&b);
}

static void
a_limit_of_zero_takes_nothing(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    buf_add_c(&b, "");
    assert_false(b.failed);
    buf_add_byte(&b, 'x');
    assert_true(b.failed);
    assert_string_equal(buf_cstr(&b), "");
    buf_free(&b);
}

static void
take_moves_the_bytes_out(void **state)
{
    struct buf b;
    size_t len = 42;
    char *p;

    (void)state;
    buf_init(&b, 10);
    p = buf_take(&b, &len);
    assert_string_equal(p, "");
    assert_int_equal(len, 0);
    mem_free(p);
    buf_add_c(&b, "abc");
    p = buf_take(&b, &len);
    assert_string_equal(p, "abc");
    assert_int_equal(len, 3);
    mem_free(p);
    assert_int_equal(b.len, 0);
    buf_add_c(&b, "0123456789");
    assert_false(b.failed);
    p = buf_take(&b, NULL);
    assert_string_equal(p, "0123456789");
    mem_free(p);
}

static void
a_freed_buffer_is_usable_again(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 3);
    buf_add_c(&b, "abcd");
    buf_free(&b);
    assert_false(b.failed);
    buf_add_c(&b, "abc");
    assert_string_equal(buf_cstr(&b), "abc");
    buf_free(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_reads_as_empty_text),
        cmocka_unit_test(all_kinds_of_additions_are_appended),
        cmocka_unit_test(it_grows_up_to_its_limit_exactly),
        cmocka_unit_test(going_over_the_limit_is_remembered),
        cmocka_unit_test(a_limit_of_zero_takes_nothing),
        cmocka_unit_test(take_moves_the_bytes_out),
        cmocka_unit_test(a_freed_buffer_is_usable_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

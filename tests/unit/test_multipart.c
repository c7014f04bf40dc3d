/* io/multipart: parts, limits, broken bodies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/buf.h"
#include "io/multipart.h"

#define CD "Content-Disposition: form-data; name="

static void
boundaries_are_found_or_refused(void **state)
{
    static const struct {
        const char *type, *want; /* NULL: refused */
    } cases[] = {
        {"multipart/form-data; boundary=abc", "abc"},
        {"Multipart/Form-Data; charset=utf-8; BOUNDARY=\"a:b\"", "a:b"},
        {"multipart/form-data;boundary=abc ; x=y", "abc"},
        {"multipart/form-data; x=\"; boundary=no\"; boundary=yes", "yes"},
        {"multipart/form-data", NULL},
        {"multipart/form-data; boundary=", NULL},
        {"multipart/form-data; boundary=\"a", NULL},
        {"multipart/form-data; boundary=a{b", NULL},
        {"multipart/form-data; boundary=\"a b\"", NULL},
        {"multipart/mixed; boundary=abc", NULL},
        {"application/json", NULL},
        {"", NULL},
        {"multipart/form-data; boundary="
         "12345678901234567890123456789012345678901234567890"
         "123456789012345678901",
         NULL}, /* 71 bytes */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct str got;
        bool ok = multipart_boundary(str_c(cases[i].type), &got);
        if (ok != (cases[i].want != NULL))
            fail_msg("case %zu: %s", i, cases[i].type);
        if (ok)
            assert_true(str_eq_c(got, cases[i].want));
    }
}

static void
names_files_types_and_data_are_found(void **state)
{
    static const char body[] =
        "--x\r\n" CD "\"a\"\r\n\r\n1\r\n"
        "--x\r\n" CD "\"f\"; filename=\"q\\\"r\\\\s.png\"\r\n"
        "Content-Type: image/png\r\n\r\nl1\r\n--xy\r\n\0--\r\n"
        "--x\r\ncontent-disposition:form-data;name=bare\r\n\r\n\r\n"
        "--x--\r\nepilogue";
    struct arena *a = arena_new();
    struct multipart m;
    struct err e = {0};

    (void)state;
    assert_int_equal(multipart_parse(a, str_n(body, sizeof(body) - 1),
                                     STR("x"), &m, &e), 0);
    assert_int_equal(m.n, 3);
    assert_true(str_eq_c(m.parts[0].name, "a"));
    assert_null(m.parts[0].filename.p);
    assert_true(str_eq_c(m.parts[0].data, "1"));
    assert_true(str_eq_c(m.parts[1].name, "f"));
    assert_true(str_eq_c(m.parts[1].filename, "q\"r\\s.png"));
    assert_true(str_eq_c(m.parts[1].type, "image/png"));
    assert_true(str_eq(m.parts[1].data, STR("l1\r\n--xy\r\n\0--")));
    assert_true(str_eq_c(m.parts[2].name, "bare"));
    assert_int_equal(m.parts[2].data.len, 0);
    arena_free(a);
}

static void
broken_bodies_are_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "--",
        "--x",
        "--y--",
        "preamble\r\n--x--",
        "--x\r\n" CD "\"a\"\r\n\r\n1",          /* never closed */
        "--x\r\n" CD "\"a\"\r\n\r\n1\r\n--x",   /* cut in the mark */
        "--x\r\n" CD "\"a\"\r\n--x--",          /* no empty line */
        "--x\r\n\r\n1\r\n--x--",                /* no name */
        "--x\r\nContent-Type: a/b\r\n\r\n1\r\n--x--",
        "--x\r\n" CD "\"a\r\n\r\n1\r\n--x--",   /* open quote */
        "--x\r\n" CD "\"\x01\"\r\n\r\n1\r\n--x--",
        "--x\r\n" CD "\"\xff\"\r\n\r\n1\r\n--x--",
        "--x\r\n" CD "a\r\n" CD "b\r\n\r\n1\r\n--x--",
        "--x\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--x--",
        "--x\r\nno colon\r\n" CD "a\r\n\r\n1\r\n--x--",
        "--x " CD "a\r\n\r\n1\r\n--x--",
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct multipart m;
        struct err e = {0};
        if (multipart_parse(a, str_c(cases[i]), STR("x"), &m, &e) == 0)
            fail_msg("accepted: %s", cases[i]);
        assert_int_equal(e.code, ERR_BAD_INPUT);
        assert_true(e.msg[0] != '\0');
    }
    arena_free(a);
}

/* n parts with a name of `name` bytes, a head padded by `pad` bytes. */
static int
parse_many(size_t n, size_t name, size_t pad)
{
    struct arena *a = arena_new();
    struct multipart m;
    struct buf b;
    int rc;

    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < n; i++) {
        buf_add_c(&b, "--x\r\n" CD "\"");
        for (size_t k = 0; k < name; k++)
            buf_add_byte(&b, 'n');
        buf_add_c(&b, "\"\r\nX: ");
        for (size_t k = 0; k < pad; k++)
            buf_add_byte(&b, 'p');
        buf_add_c(&b, "\r\n\r\ndata\r\n");
    }
    buf_add_c(&b, "--x--\r\n");
    rc = multipart_parse(a, buf_str(&b), STR("x"), &m, NULL);
    if (rc == 0)
        assert_int_equal(m.n, n);
    buf_free(&b);
    arena_free(a);
    return rc;
}

static void
the_limits_hold_exactly(void **state)
{
    (void)state;
    assert_int_equal(parse_many(0, 0, 0), 0);
    assert_int_equal(parse_many(LIM_MULTIPART_PARTS, 1, 1), 0);
    assert_int_equal(parse_many(LIM_MULTIPART_PARTS + 1, 1, 1), -1);
    assert_int_equal(parse_many(1, LIM_MULTIPART_NAME, 1), 0);
    assert_int_equal(parse_many(1, LIM_MULTIPART_NAME + 1, 1), -1);
    assert_int_equal(parse_many(1, 1, LIM_MULTIPART_HEAD - 100), 0);
    assert_int_equal(parse_many(1, 1, LIM_MULTIPART_HEAD), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boundaries_are_found_or_refused),
        cmocka_unit_test(names_files_types_and_data_are_found),
        cmocka_unit_test(broken_bodies_are_refused),
        cmocka_unit_test(the_limits_hold_exactly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

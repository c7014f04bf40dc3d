/*
 * files.c - see files.h.
 */
#include "tests/support/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "io/file.h"

#define BYTES_MAX ((size_t)64 << 20)

struct str
test_file(struct arena *a, const char *path)
{
    const char *root = getenv("TINTYPE_TEST_ROOT");
    struct str text;
    struct buf b;
    struct err e;

    if (path[0] != '/' && root != NULL)
        path = arena_fmt(a, "%s/%s", root, path);
    buf_init(&b, BYTES_MAX);
    if (file_read(path, &b, &e) != 0)
        fail_msg("%s", e.msg);
    text = str_n(arena_strn(a, buf_cstr(&b), b.len), b.len);
    buf_free(&b);
    return text;
}

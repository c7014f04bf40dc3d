/* test_file.c - io/file.c: whole files */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "io/file.h"
#include "tests/support/servers.h"

static struct tmp_dir dir;
static char path[64];
static struct err e;

static int
setup(void **state)
{
    (void)state;
    tmp_dir_make(&dir);
    tmp_dir_file(&dir, "f", path, sizeof(path));
    err_clear(&e);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    tmp_dir_remove(&dir);
    return 0;
}

static void
holds(struct str want)
{
    struct buf b;

    buf_init(&b, 1 << 20);
    if (file_read(path, &b, &e) != 0)
        fail_msg("%s", e.msg);
    assert_true(str_eq(buf_str(&b), want));
    buf_free(&b);
}

static void
what_is_written_is_read(void **state)
{
    static char big[100000];

    (void)state;
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)(i * 7);
    assert_int_equal(file_write(path, str_n(big, sizeof(big)), 0600, &e), 0);
    holds(str_n(big, sizeof(big)));
    assert_int_equal(file_write(path, str_n("a\0b", 3), 0600, &e), 0);
    holds(str_n("a\0b", 3));
    assert_int_equal(file_put(path, STR(""), 0600, &e), 0);
    holds(STR(""));
}

static void
reading_appends_and_keeps_to_the_limit(void **state)
{
    struct buf b;

    (void)state;
    assert_int_equal(file_put(path, STR("12345"), 0600, &e), 0);
    buf_init(&b, 12);
    buf_add_c(&b, "<");
    assert_int_equal(file_read(path, &b, &e), 0);
    assert_string_equal(buf_cstr(&b), "<12345");
    assert_int_equal(file_read(path, &b, &e), 0);
    assert_int_equal(file_read(path, &b, &e), -1);
    assert_int_equal(e.code, ERR_TOO_LARGE);
    assert_non_null(strstr(e.msg, path));
    buf_free(&b);
}

static void
what_is_not_there_and_what_cannot_be_read_are_told_apart(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    assert_int_equal(file_read(path, &b, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    assert_int_equal(file_read(dir.path, &b, &e), -1);
    assert_int_equal(e.code, ERR_UNAVAILABLE);
    assert_non_null(strstr(e.msg, dir.path));
    buf_free(&b);
}

static void
a_put_replaces_the_file_and_leaves_nothing_beside_it(void **state)
{
    char part[80];
    struct stat before, after;
    int fd;

    (void)state;
    assert_int_equal(file_put(path, STR("old"), 0640, &e), 0);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(fstat(fd, &before), 0);
    assert_int_equal(file_put(path, STR("new"), 0600, &e), 0);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(after.st_mode & 0777, 0600);
    assert_true(before.st_ino != after.st_ino); /* a reader keeps the old */
    close(fd);
    holds(STR("new"));
    snprintf(part, sizeof(part), "%s.part", path);
    assert_int_equal(access(part, F_OK), -1);
}

static void
a_put_that_fails_leaves_what_was_there(void **state)
{
    char sub[64], inside[80], part[80];

    (void)state;
    tmp_dir_file(&dir, "none/f", sub, sizeof(sub));
    assert_int_equal(file_put(sub, STR("x"), 0600, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    /* a folder with something in it cannot be replaced by a file */
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(inside, sizeof(inside), "%s/x", path);
    assert_int_equal(file_write(inside, STR("x"), 0600, &e), 0);
    assert_int_equal(file_put(path, STR("x"), 0600, &e), -1);
    assert_non_null(strstr(e.msg, path));
    snprintf(part, sizeof(part), "%s.part", path);
    assert_int_equal(access(part, F_OK), -1);
    assert_int_equal(access(inside, F_OK), 0);
}

static void
a_path_that_is_too_long_is_refused(void **state)
{
    static char name[FILE_PATH_MAX + 10];

    (void)state;
    memset(name, 'a', sizeof(name) - 1);
    assert_int_equal(file_put(name, STR("x"), 0600, &e), -1);
    assert_int_equal(e.code, ERR_BAD_INPUT);
}

static void
a_full_disk_is_told(void **state)
{
    (void)state;
    assert_int_equal(file_write("/dev/full", STR("x"), 0600, &e), -1);
    assert_int_equal(e.code, ERR_UNAVAILABLE);
    assert_non_null(strstr(e.msg, "/dev/full"));
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(what_is_written_is_read),
        T(reading_appends_and_keeps_to_the_limit),
        T(what_is_not_there_and_what_cannot_be_read_are_told_apart),
        T(a_put_replaces_the_file_and_leaves_nothing_beside_it),
        T(a_put_that_fails_leaves_what_was_there),
        T(a_path_that_is_too_long_is_refused),
        T(a_full_disk_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

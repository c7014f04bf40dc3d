/*
 * test_objects.c - io/objects in a real folder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/thread.h"
#include "io/objects.h"
#include "tests/support/servers.h"

static struct tmp_dir dir;
static char folder[64];

static struct objects *
open_folder(void)
{
    struct err e = {0};
    struct objects *o = objects_open(folder, &e);

    if (o == NULL)
        fail_msg("%s", e.msg);
    return o;
}

static int
setup(void **state)
{
    tmp_dir_make(&dir);
    tmp_dir_file(&dir, "deep/objects", folder, sizeof(folder));
    *state = open_folder();
    return 0;
}

static int
teardown(void **state)
{
    objects_close(*state);
    tmp_dir_remove(&dir);
    return 0;
}

static void
must(int rc, const struct err *e)
{
    if (rc != 0)
        fail_msg("%s", e->msg);
}

static void
what_was_put_is_got_and_a_second_put_replaces_it(void **state)
{
    static const char key[] = "out/job_1/0a1b2c3d/0.png";
    struct err e = {0};
    struct buf b;
    uint64_t size;
    int fd;

    must(objects_put(*state, key, STR("first\0one"), &e), &e);
    must(objects_put(*state, key, STR("second"), &e), &e);
    must(objects_get(*state, key, 100, &b, &e), &e);
    assert_true(str_eq(buf_str(&b), STR("second")));
    buf_free(&b);
    fd = objects_open_fd(*state, key, &size, &e);
    assert_true(fd >= 0);
    assert_int_equal(size, 6);
    close(fd);
}

static void
an_empty_and_a_large_object_come_back_whole(void **state)
{
    size_t n = 3 * 1024 * 1024 + 1;
    char *bytes = malloc(n);
    struct err e = {0};
    struct buf b;

    assert_non_null(bytes);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)(i * 7);
    must(objects_put(*state, "in/a/empty", STR(""), &e), &e);
    must(objects_put(*state, "in/a/large", str_n(bytes, n), &e), &e);
    must(objects_get(*state, "in/a/empty", 0, &b, &e), &e);
    assert_int_equal(b.len, 0);
    buf_free(&b);
    must(objects_get(*state, "in/a/large", n, &b, &e), &e);
    assert_true(str_eq(buf_str(&b), str_n(bytes, n)));
    buf_free(&b);
    assert_int_equal(objects_get(*state, "in/a/large", n - 1, &b, &e), -1);
    assert_int_equal(e.code, ERR_TOO_LARGE);
    free(bytes);
}

static void
keys_that_could_leave_the_folder_are_refused(void **state)
{
    static const char *const keys[] = {
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        "..",
        "../a",
        "a/../b",
        "a/..",
        ".",
        "a/./b",
        ".tmp/x",
        "a/.hidden",
        "a b",
        "a\\b",
        "a\nb",
        "a%2fb",
        "\xd1\x8f",
        "a/b:c",
        "0123456789012345678901234567890123456789012345678901234567890123456"
        "7890123456789012345678901234567890123456789012345678901234567890123"
        "456789012345678901234567890123456789012345678901234567890123456789x"};
    struct buf b;
    uint64_t size;

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct err e[4] = {{0}};

        assert_int_equal(objects_put(*state, keys[i], STR("x"), &e[0]), -1);
        assert_int_equal(objects_get(*state, keys[i], 9, &b, &e[1]), -1);
        assert_int_equal(objects_open_fd(*state, keys[i], &size, &e[2]), -1);
        assert_int_equal(objects_delete(*state, keys[i], &e[3]), -1);
        for (int k = 0; k < 4; k++)
            assert_int_equal(e[k].code, ERR_BAD_INPUT);
    }
}

static void
a_link_out_of_the_folder_is_not_followed(void **state)
{
    char link[96], dirlink[96];
    struct err e = {0};
    struct buf b;

    must(objects_put(*state, "in/a/x", STR("x"), &e), &e);
    snprintf(link, sizeof(link), "%s/in/a/passwd", folder);
    snprintf(dirlink, sizeof(dirlink), "%s/in/etc", folder);
    assert_int_equal(symlink("/etc/passwd", link), 0);
    assert_int_equal(symlink("/etc", dirlink), 0);
    assert_int_equal(objects_get(*state, "in/a/passwd", 1 << 20, &b, &e), -1);
    assert_int_equal(objects_get(*state, "in/etc/passwd", 1 << 20, &b, &e), -1);
    assert_int_equal(objects_put(*state, "in/etc/x", STR("x"), &e), -1);
}

static void
what_is_not_there_is_not_found_and_deleting_it_is_fine(void **state)
{
    struct err e = {0};
    struct buf b;
    char gone[96];

    assert_int_equal(objects_get(*state, "in/none", 9, &b, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    must(objects_delete(*state, "in/none", &e), &e);
    must(objects_put(*state, "in/a/b/x", STR("x"), &e), &e);
    assert_int_equal(objects_get(*state, "in/a/b", 9, &b, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    assert_int_equal(objects_get(*state, "in/a/b/x/y", 9, &b, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    must(objects_delete(*state, "in/a/b/x", &e), &e);
    assert_int_equal(objects_get(*state, "in/a/b/x", 9, &b, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    snprintf(gone, sizeof(gone), "%s/in/a", folder);
    assert_int_not_equal(access(gone, F_OK), 0); /* empty folders went, too */
}

static void
deleting_leaves_the_neighbours(void **state)
{
    struct err e = {0};
    struct buf b;

    must(objects_put(*state, "out/j/t/0.png", STR("0"), &e), &e);
    must(objects_put(*state, "out/j/t/1.png", STR("1"), &e), &e);
    must(objects_delete(*state, "out/j/t/0.png", &e), &e);
    must(objects_get(*state, "out/j/t/1.png", 9, &b, &e), &e);
    buf_free(&b);
}

static void
what_a_crash_left_is_removed_when_the_folder_is_opened_alone(void **state)
{
    char name[96];
    struct objects *second;
    struct err e = {0};
    int fd;

    snprintf(name, sizeof(name), "%s/.tmp/0123", folder);
    fd = open(name, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    second = open_folder(); /* the first one may be writing it */
    assert_int_equal(access(name, F_OK), 0);
    objects_close(second);
    objects_close(*state);
    *state = objects_open(folder, &e);
    assert_non_null(*state);
    assert_int_not_equal(access(name, F_OK), 0);
}

/* In a child, for the limits and the user are the process's. */
static int
in_child(int (*fn)(struct objects *o), struct objects *o)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(fn(o));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
put_with_a_small_file_limit(struct objects *o)
{
    static char big[100000];
    struct rlimit lim = {.rlim_cur = 50000, .rlim_max = 50000};
    struct err e = {0};

    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &lim) != 0)
        return 2;
    return objects_put(o, "in/a/x", str_n(big, sizeof(big)), &e) == -1 &&
                   e.code == ERR_UNAVAILABLE
               ? 0
               : 1;
}

static void
a_put_that_cannot_be_finished_leaves_the_old_bytes(void **state)
{
    struct err e = {0};
    struct buf b;
    char tmp[96];

    must(objects_put(*state, "in/a/x", STR("old"), &e), &e);
    assert_int_equal(in_child(put_with_a_small_file_limit, *state), 0);
    must(objects_get(*state, "in/a/x", 9, &b, &e), &e);
    assert_true(str_eq(buf_str(&b), STR("old")));
    buf_free(&b);
    snprintf(tmp, sizeof(tmp), "%s/.tmp", folder);
    assert_int_equal(rmdir(tmp), 0); /* nothing is left in it */
}

static int
open_as_nobody(struct objects *o)
{
    struct err e = {0};

    (void)o;
    if (geteuid() == 0 && setuid(65534) != 0)
        return 2;
    return objects_open("/tintype-not-ours/x", &e) == NULL &&
                   e.code == ERR_UNAVAILABLE &&
                   strstr(e.msg, "/tintype-not-ours/x") != NULL &&
                   strstr(e.msg, "writable") != NULL
               ? 0
               : 1;
}

static void
a_folder_that_cannot_be_made_is_named(void **state)
{
    assert_int_equal(in_child(open_as_nobody, *state), 0);
}

#define ROUNDS 200

static void *
put_and_delete(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct err e = {0};

        if (objects_put(arg, "out/j/t/0", STR("x"), &e) != 0 ||
            objects_delete(arg, "out/j/t/0", &e) != 0)
            return arg;
    }
    return NULL;
}

/* Deleting removes empty folders, into which the other one is writing. */
static void
putting_and_deleting_in_one_folder_do_not_disturb_each_other(void **state)
{
    pthread_t t[2];

    for (int i = 0; i < 2; i++)
        thread_start(&t[i], "put", put_and_delete, *state);
    for (int i = 0; i < 2; i++) {
        void *failed;

        pthread_join(t[i], &failed);
        assert_null(failed);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_was_put_is_got_and_a_second_put_replaces_it),
        CASE(an_empty_and_a_large_object_come_back_whole),
        CASE(keys_that_could_leave_the_folder_are_refused),
        CASE(a_link_out_of_the_folder_is_not_followed),
        CASE(what_is_not_there_is_not_found_and_deleting_it_is_fine),
        CASE(deleting_leaves_the_neighbours),
        CASE(what_a_crash_left_is_removed_when_the_folder_is_opened_alone),
        CASE(a_put_that_cannot_be_finished_leaves_the_old_bytes),
        CASE(a_folder_that_cannot_be_made_is_named),
        CASE(putting_and_deleting_in_one_folder_do_not_disturb_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

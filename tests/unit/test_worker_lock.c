/* test_worker_lock.c - worker/lock.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/id.h"
#include "tests/support/servers.h"
#include "worker/lock.h"

/* A worker takes its id for as long as it lives: in a process of its own. */
static pid_t
holder(const char *dir, const char *want, char id[64])
{
    int ready[2];
    pid_t pid;

    assert_int_equal(pipe(ready), 0);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        char mine[64];
        struct err e;

        if (lock_worker_id(dir, want, "bo x", mine, &e) == 0 &&
            write(ready[1], mine, 64) == 64)
            pause();
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], id, 64), 64);
    close(ready[0]);
    return pid;
}

static void
workers_of_one_folder_get_numbers(void **state)
{
    struct tmp_dir dir;
    char one[64], two[64], again[64];

    (void)state;
    tmp_dir_make(&dir);
    pid_t a = holder(dir.path, "", one);
    pid_t b = holder(dir.path, "", two);
    assert_string_equal(one, "bo-x-1");
    assert_string_equal(two, "bo-x-2");
    server_signal_wait(a, SIGKILL);
    pid_t c = holder(dir.path, "", again);
    assert_string_equal(again, "bo-x-1");
    server_signal_wait(b, SIGKILL);
    server_signal_wait(c, SIGKILL);
    tmp_dir_remove(&dir);
}

static void
a_second_worker_of_one_id_is_refused_by_name(void **state)
{
    struct tmp_dir dir;
    char id[64], pid_text[32];
    struct err e;

    (void)state;
    tmp_dir_make(&dir);
    pid_t a = holder(dir.path, "gpu/../7", id);
    assert_string_equal(id, "gpu-..-7");
    assert_int_equal(lock_worker_id(dir.path, "gpu/../7", "box", id, &e), -1);
    assert_int_equal(e.code, ERR_CONFLICT);
    snprintf(pid_text, sizeof(pid_text), "%d", (int)a);
    assert_non_null(strstr(e.msg, "gpu-..-7"));
    assert_non_null(strstr(e.msg, pid_text));
    server_signal_wait(a, SIGKILL);
    tmp_dir_remove(&dir);
}

static void
an_address_has_one_worker_on_a_machine(void **state)
{
    char address[64];
    struct err e;
    int fd;

    (void)state;
    id_new(address, "tst"); /* of nobody else */
    fd = lock_address(address, &e);
    assert_true(fd >= 0);
    assert_int_equal(lock_address(address, &e), -1);
    assert_int_equal(e.code, ERR_CONFLICT);
    lock_address_drop(fd, address);
    fd = lock_address(address, &e);
    assert_true(fd >= 0);
    lock_address_drop(fd, address);
    lock_address_drop(-1, address);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_of_one_folder_get_numbers),
        cmocka_unit_test(a_second_worker_of_one_id_is_refused_by_name),
        cmocka_unit_test(an_address_has_one_worker_on_a_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

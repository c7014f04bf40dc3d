/*
 * test_db_sqlite_disk.c - SQLite files that are locked, read-only, damaged,
 * missing, or on a disk that fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/db.h"
#include "tests/support/servers.h"
#include "tests/support/sqlite_fault.h"

static struct tmp_dir dir;
static char path[64], url[96];

static const struct db_migration files[] = {
    {"0001_t.sql", "CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT NOT NULL);\n"},
};

static const struct db_sql sql_put = {"put",
                                      "INSERT INTO t (k, v) VALUES (?1, ?2)",
                                      "tt"},
                           sql_has = {"has", "SELECT 1 FROM t WHERE k = ?1",
                                      "t"};

static int
setup(void **state)
{
    (void)state;
    sqlite_fault_install();
    tmp_dir_make(&dir);
    tmp_dir_file(&dir, "t.db", path, sizeof(path));
    snprintf(url, sizeof(url), "sqlite:%s", path);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    sqlite_fault_arm(FAULT_NONE, 0);
    tmp_dir_remove(&dir);
    return 0;
}

static struct db *
open_db(void)
{
    struct db_config cfg = {.url = url};
    struct err e = {0};
    struct db *db = db_open(&cfg, &e);

    if (db == NULL)
        fail_msg("%s", e.msg);
    if (db_migrate(db, files, 1, 1, &e) != 0)
        fail_msg("%s", e.msg);
    return db;
}

static void
open_fails(const char *address, bool read_only, enum err_code code,
           const char *says)
{
    struct db_config cfg = {.url = address, .read_only = read_only};
    struct err e = {0};

    assert_null(db_open(&cfg, &e));
    if (e.code != code || strstr(e.msg, says) == NULL)
        fail_msg("%s: %s", err_code_name(e.code), e.msg);
}

/* Large, so that it needs pages of its own. */
static int
put(struct db *db, const char *k, struct err *e)
{
    static char big[20000];
    struct arena *a = arena_new();
    struct db_list *l = db_list_new(a, k);
    int rc;

    memset(big, 'x', sizeof(big));
    db_add(l, &sql_put, 2, V_STR(k), V_TXT(str_n(big, sizeof(big))));
    rc = db_run(db, l, e);
    arena_free(a);
    return rc;
}

static bool
has(struct db *db, const char *k)
{
    struct arena *a = arena_new();
    struct db_rows r;
    struct err e = {0};
    bool there;

    if (db_read(db, a, &sql_has, &r, &e, 1, V_STR(k)) != 0)
        fail_msg("%s", e.msg);
    there = r.nrows == 1;
    arena_free(a);
    return there;
}

/* ---- who may open it ---- */

static void
a_second_backend_is_refused_with_the_firsts_process_id(void **state)
{
    struct db *db = open_db();
    char says[64];
    int status;
    pid_t pid;

    (void)state;
    snprintf(says, sizeof(says), "another backend, process %d,", (int)getpid());
    open_fails(url, false, ERR_UNAVAILABLE, says);
    pid = fork();
    if (pid == 0) {
        struct db_config cfg = {.url = url};
        struct err e = {0};

        _exit(db_open(&cfg, &e) == NULL && strstr(e.msg, says) != NULL ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    db_close(db);
    db_close(open_db());
}

static void
what_a_killed_backend_committed_is_there_and_its_lock_is_not(void **state)
{
    struct db *db;
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        struct err e = {0};

        db = open_db();
        _exit(put(db, "a", &e) == 0 ? 0 : 1); /* nothing is closed */
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    db = open_db();
    assert_true(has(db, "a"));
    db_close(db);
}

static void
the_files_are_for_their_owner_alone(void **state)
{
    static const char *const names[] = {"t.db", "t.db-wal", "t.db-shm",
                                        "t.db.lock"};
    struct db *db = open_db();
    struct err e = {0};

    (void)state;
    assert_int_equal(put(db, "a", &e), 0); /* makes the log */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[64];
        struct stat st;

        tmp_dir_file(&dir, names[i], name, sizeof(name));
        assert_int_equal(stat(name, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    db_close(db);
}

/* ---- what an operator may have wrong ---- */

static void
addresses_without_a_usable_file_get_a_sentence(void **state)
{
    char file[64];
    int fd;

    (void)state;
    open_fails("sqlite:", false, ERR_BAD_INPUT, "needs a file");
    open_fails("sqlite::memory:", false, ERR_BAD_INPUT, "needs a file");
    open_fails("sqlite:/no/such/folder/t.db", false, ERR_UNAVAILABLE,
               "/no/such/folder/t.db");
    open_fails(url, true, ERR_NOT_FOUND, path);
    assert_int_not_equal(access(path, F_OK), 0); /* and was not made */
    tmp_dir_file(&dir, "text", file, sizeof(file));
    fd = open(file, O_CREAT | O_WRONLY, 0600);
    for (int i = 0; i < 100; i++)
        assert_int_equal(write(fd, "this is no database\n", 20), 20);
    close(fd);
    snprintf(url, sizeof(url), "sqlite:%s", file);
    open_fails(url, false, ERR_UNAVAILABLE, "no SQLite database");
}

static int
open_as_nobody(void)
{
    struct db_config cfg = {.url = url};
    struct err e = {0};

    if (geteuid() == 0 && setuid(65534) != 0)
        return 2;
    if (db_open(&cfg, &e) != NULL || e.code != ERR_UNAVAILABLE ||
        strstr(e.msg, path) == NULL || strstr(e.msg, "writable") == NULL) {
        fprintf(stderr, "%s\n", e.msg);
        return 1;
    }
    return 0;
}

static int
in_child(int (*fn)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(fn());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
a_read_only_file_or_folder_is_named(void **state)
{
    char lock[64];

    (void)state;
    db_close(open_db());
    tmp_dir_file(&dir, "t.db.lock", lock, sizeof(lock));
    assert_int_equal(chmod(dir.path, 0777), 0);
    assert_int_equal(chmod(lock, 0666), 0);
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(in_child(open_as_nobody), 0);
    assert_int_equal(chmod(dir.path, 0555), 0);
    assert_int_equal(chmod(lock, 0444), 0);
    assert_int_equal(in_child(open_as_nobody), 0);
}

/* Takes five seconds: that long a backup tool may hold it. */
static void
another_program_that_keeps_it_locked_is_named_and_nothing_stands(void **state)
{
    struct db *db = open_db();
    sqlite3 *other;
    struct err e = {0};

    (void)state;
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", 0, 0, 0),
                     SQLITE_OK);
    assert_int_equal(put(db, "a", &e), -1);
    assert_int_equal(e.code, ERR_UNAVAILABLE);
    assert_non_null(strstr(e.msg, "another program"));
    assert_non_null(strstr(e.msg, path));
    sqlite3_close(other);
    assert_false(has(db, "a"));
    assert_int_equal(put(db, "a", &e), 0);
    db_close(db);
}

/* ---- a disk that fails ---- */

/* For the k-th write or sync, k = 1, 2, 3 ... until none is hit: what was
 * said is true, and the next list works without a restart. */
static void
disk_fails(enum sqlite_fault fault, enum err_code want)
{
    struct db *db = open_db();
    int hits = 0;

    for (long k = 1; hits == k - 1; k++) {
        struct err e = {0};
        char name[16];
        int rc;

        snprintf(name, sizeof(name), "k%ld", k);
        sqlite_fault_arm(fault, k);
        rc = put(db, name, &e);
        hits += sqlite_fault_hit();
        sqlite_fault_arm(FAULT_NONE, 0);
        if (rc != 0) {
            if (e.code != ERR_UNAVAILABLE && e.code != want)
                fail_msg("%ld: %s", k, e.msg);
            assert_non_null(strstr(e.msg, path));
        }
        if (rc != 0 && e.code == ERR_UNAVAILABLE)
            assert_false(has(db, name));
        if (rc == 0)
            assert_true(has(db, name));
        snprintf(name, sizeof(name), "after%ld", k);
        if (put(db, name, &e) != 0)
            fail_msg("%ld: %s", k, e.msg);
        assert_true(has(db, name));
    }
    assert_true(hits > 0);
    db_close(db);
}

static void
a_full_disk_means_that_nothing_stands_and_mends_itself(void **state)
{
    (void)state;
    disk_fails(FAULT_WRITE_FULL, ERR_UNAVAILABLE);
}

static void
a_write_error_at_the_commit_is_an_unknown_outcome(void **state)
{
    (void)state;
    disk_fails(FAULT_WRITE_IO, ERR_TIMEOUT);
}

static void
a_failed_fsync_is_an_unknown_outcome(void **state)
{
    struct db *db = open_db();
    struct err e = {0};

    (void)state;
    sqlite_fault_arm(FAULT_SYNC_IO, 1);
    assert_int_equal(put(db, "a", &e), -1);
    assert_int_equal(e.code, ERR_TIMEOUT);
    assert_non_null(strstr(e.msg, path));
    sqlite_fault_arm(FAULT_NONE, 0);
    db_close(db);
    disk_fails(FAULT_SYNC_IO, ERR_TIMEOUT);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_second_backend_is_refused_with_the_firsts_process_id),
        CASE(what_a_killed_backend_committed_is_there_and_its_lock_is_not),
        CASE(the_files_are_for_their_owner_alone),
        CASE(addresses_without_a_usable_file_get_a_sentence),
        CASE(a_read_only_file_or_folder_is_named),
        CASE(another_program_that_keeps_it_locked_is_named_and_nothing_stands),
        CASE(a_full_disk_means_that_nothing_stands_and_mends_itself),
        CASE(a_write_error_at_the_commit_is_an_unknown_outcome),
        CASE(a_failed_fsync_is_an_unknown_outcome),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_arena.c - base/arena.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/limits.h"

static void
pieces_are_zeroed_aligned_and_apart(void **state)
{
    struct arena *a = arena_new();
    unsigned char *p[500];

    (void)state;
    for (size_t i = 0; i < 500; i++) {
        p[i] = arena_alloc(a, i);
        assert_int_equal((uintptr_t)p[i] % 16, 0);
        for (size_t k = 0; k < i; k++)
            assert_int_equal(p[i][k], 0);
        memset(p[i], (int)(i & 255), i);
    }
    for (size_t i = 0; i < 500; i++) {
        for (size_t k = 0; k < i; k++)
            assert_int_equal(p[i][k], i & 255);
    }
    assert_int_equal(arena_used(a), 500 * 499 / 2);
    arena_free(a);
    arena_free(NULL);
}

static void
large_pieces_do_not_disturb_small_ones(void **state)
{
    struct arena *a = arena_new();
    char *small = arena_strdup(a, "before");
    char *large = arena_alloc(a, 3000000);
    char *next = arena_strdup(a, "after");

    (void)state;
    for (size_t i = 0; i < 3000000; i += 1000)
        assert_int_equal(large[i], 0);
    memset(large, 'x', 3000000);
    assert_string_equal(small, "before");
    assert_string_equal(next, "after");
    arena_free(a);
}

static void
a_reset_arena_gives_zeroed_memory_again(void **state)
{
    struct arena *a = arena_new();

    (void)state;
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < 100; i++) {
            unsigned char *p = arena_alloc(a, 700);

            for (size_t k = 0; k < 700; k++)
                assert_int_equal(p[k], 0);
            memset(p, 0xaa, 700);
        }
        assert_int_equal(arena_used(a), 70000);
        arena_reset(a);
        assert_int_equal(arena_used(a), 0);
    }
    arena_free(a);
}

static void
copies_end_with_nul(void **state)
{
    struct arena *a = arena_new();
    struct str s;

    (void)state;
    assert_null(arena_strdup(a, NULL));
    assert_string_equal(arena_strdup(a, ""), "");
    assert_memory_equal(arena_strn(a, "a\0bc", 3), "a\0b", 4);
    assert_string_equal(arena_strn(a, NULL, 0), "");
    s = arena_str(a, STR("abc"));
    assert_int_equal(s.len, 3);
    assert_string_equal(s.p, "abc");
    s = arena_str(a, str_c(NULL));
    assert_int_equal(s.len, 0);
    assert_string_equal(s.p, "");
    assert_string_equal(arena_fmt(a, "%d %s", 5, "x"), "5 x");
    assert_string_equal(arena_fmt(a, "%s", ""), "");
    arena_free(a);
}

struct pair {
    int64_t x, y;
};

static void
the_macros_give_typed_memory(void **state)
{
    struct arena *a = arena_new();
    struct pair *one = ARENA_NEW(a, struct pair);
    struct pair *many = ARENA_ARRAY(a, struct pair, 10);

    (void)state;
    assert_int_equal(one->x + one->y, 0);
    assert_int_equal(many[9].y, 0);
    assert_int_equal(arena_used(a), 11 * sizeof(struct pair));
    arena_free(a);
}

static void
over_the_limit_the_process_ends(void **state)
{
    pid_t pid = fork();
    int status;

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0) {
        struct arena *a = arena_new();

        close(STDERR_FILENO);
        arena_alloc(a, 1000);
        arena_alloc(a, LIM_ARENA_BYTES - 999);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 70);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(large_pieces_do_not_disturb_small_ones),
        cmocka_unit_test(a_reset_arena_gives_zeroed_memory_again),
        cmocka_unit_test(copies_end_with_nul),
        cmocka_unit_test(the_macros_give_typed_memory),
        cmocka_unit_test(over_the_limit_the_process_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

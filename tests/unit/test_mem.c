/* test_mem.c - base/mem.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/mem.h"

static void
copies_end_with_nul_and_stop_at_the_first(void **state)
{
    char *a = mem_strdup("abc");
    char *b = mem_strndup("abcdef", 3);
    char *c = mem_strndup("ab\0cd", 5);
    char *d = mem_strndup("", 0);

    (void)state;
    assert_string_equal(a, "abc");
    assert_string_equal(b, "abc");
    assert_string_equal(c, "ab");
    assert_string_equal(d, "");
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(d);
    mem_free(NULL);
}

static void
calloc_zeroes_and_realloc_keeps(void **state)
{
    unsigned char *p = mem_calloc(3, 100);

    (void)state;
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(p[i], 0);
    memset(p, 7, 300);
    p = mem_realloc(p, 100000);
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(p[i], 7);
    mem_free(p);
}

static void
size_zero_gives_something_to_free(void **state)
{
    (void)state;
    mem_free(mem_alloc(0));
    mem_free(mem_calloc(0, 8));
    mem_free(mem_calloc(8, 0));
    mem_free(mem_realloc(mem_alloc(10), 0));
}

/* Runs this program again with the word, which allocates too much. */
static int
end_of(const char *word)
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        close(STDERR_FILENO);
        setenv("ASAN_OPTIONS", "allocator_may_return_null=1", 1);
        execl("/proc/self/exe", "test_mem", word, (char *)NULL);
        _exit(99);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
out_of_memory_ends_the_process(void **state)
{
    (void)state;
    /* 71: it could not even say so, for stderr is closed */
    assert_int_equal(end_of("alloc"), 71);
    assert_int_equal(end_of("calloc"), 71);
    assert_int_equal(end_of("realloc"), 71);
}

static int
allocate_too_much(const char *how)
{
    volatile size_t much = SIZE_MAX / 4;

    if (strcmp(how, "alloc") == 0)
        mem_free(mem_alloc(much));
    else if (strcmp(how, "calloc") == 0)
        mem_free(mem_calloc(much, 16)); /* overflows */
    else
        mem_free(mem_realloc(mem_alloc(1), much));
    return 0;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_end_with_nul_and_stop_at_the_first),
        cmocka_unit_test(calloc_zeroes_and_realloc_keeps),
        cmocka_unit_test(size_zero_gives_something_to_free),
        cmocka_unit_test(out_of_memory_ends_the_process),
    };

    if (argc > 1)
        return allocate_too_much(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

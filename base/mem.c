/*
 * mem.c - malloc, or the end of the process.
 */
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* sysexits.h EX_SOFTWARE; the supervisor restarts on any code but 0. */
#define MEM_EXIT 70

/* No logging here: that would allocate. _exit, for atexit handlers might. */
static void *
mem_check(void *p)
{
    static const char line[] = "tintype: out of memory, ending\n";

    if (p != NULL)
        return p;
    if (write(STDERR_FILENO, line, sizeof(line) - 1) < 0)
        _exit(MEM_EXIT + 1);
    _exit(MEM_EXIT);
}

void *
mem_alloc(size_t n)
{
    return mem_check(malloc(n == 0 ? 1 : n));
}

void *
mem_calloc(size_t count, size_t size)
{
    if (count == 0 || size == 0)
        return mem_check(calloc(1, 1));
    return mem_check(calloc(count, size)); /* refuses an overflow itself */
}

void *
mem_realloc(void *p, size_t n)
{
    return mem_check(realloc(p, n == 0 ? 1 : n));
}

char *
mem_strdup(const char *s)
{
    return mem_strndup(s, strlen(s));
}

char *
mem_strndup(const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *copy = mem_alloc(len + 1);

    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

void
mem_free(void *p)
{
    free(p);
}

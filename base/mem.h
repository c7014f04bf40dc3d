/*
 * mem.h - allocation that cannot fail.
 *
 * When memory is out the process says so and ends (exit 70); the supervisor
 * restarts it and the queue hands its work out again. That is safe because
 * everything that grows has a limit (base/limits.def).
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* Never NULL. Free with mem_free (NULL is fine). Size 0 gives one byte. */
void *mem_alloc(size_t n) __attribute__((malloc, returns_nonnull));
/* Zeroed. count * size is checked for overflow. */
void *mem_calloc(size_t count, size_t size)
    __attribute__((malloc, returns_nonnull));
void *mem_realloc(void *p, size_t n) __attribute__((returns_nonnull));
char *mem_strdup(const char *s) __attribute__((malloc, returns_nonnull));
char *mem_strndup(const char *s, size_t n)
    __attribute__((malloc, returns_nonnull));
void mem_free(void *p);

#endif

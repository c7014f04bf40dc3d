/*
 * arena.h - memory of one request, update or job; freed at once.
 *
 * Not for sharing between threads. Over its limit the process ends like
 * mem_alloc: callers bound what they put in by checking sizes first.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include "base/str.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a);  /* NULL is fine */
void arena_reset(struct arena *a); /* forgets all, keeps the first block */
size_t arena_used(const struct arena *a); /* bytes handed out */
/* Aligned to 16, zeroed, never NULL. */
void *arena_alloc(struct arena *a, size_t n)
    __attribute__((returns_nonnull));
/* All copies are followed by a NUL. */
char *arena_strdup(struct arena *a, const char *z); /* NULL gives NULL */
char *arena_strn(struct arena *a, const char *p, size_t n);
struct str arena_str(struct arena *a, struct str s);
char *arena_fmt(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n)                                               \
    ((type *)arena_alloc((a), sizeof(type) * (size_t)(n)))

#endif

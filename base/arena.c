/*
 * arena.c - memory of one request, update or job.
 *
 * Blocks are zeroed when made or reset, so that handing out is an addition.
 * ASan builds keep unused bytes poisoned and leave a gap behind each piece: an
 * overrun is found as it would be with malloc.
 */
#include "base/arena.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define ARENA_GAP 16
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ARENA_GAP 0
#endif

#define ARENA_ALIGN 16
#define ARENA_FIRST ((size_t)8 * 1024)
#define ARENA_BLOCK_MAX ((size_t)1024 * 1024) /* blocks double up to it */

struct block {
    struct block *next;
    size_t cap, used;
    _Alignas(ARENA_ALIGN) char bytes[];
};

struct arena {
    struct block *first; /* survives a reset */
    struct block *cur;   /* small pieces come from here */
    struct block *rest;  /* all but the first, as a list */
    size_t handed;
    size_t next_block;
};

static struct block *
block_new(size_t cap)
{
    struct block *k = mem_calloc(1, sizeof(*k) + cap);

    k->cap = cap;
    ASAN_POISON_MEMORY_REGION(k->bytes, cap);
    return k;
}

static void
block_free(struct block *k)
{
    ASAN_UNPOISON_MEMORY_REGION(k->bytes, k->cap);
    mem_free(k);
}

static void
arena_drop_rest(struct arena *a)
{
    while (a->rest != NULL) {
        struct block *k = a->rest;

        a->rest = k->next;
        block_free(k);
    }
    a->cur = a->first;
    a->handed = 0;
    a->next_block = 2 * ARENA_FIRST;
}

struct arena *
arena_new(void)
{
    struct arena *a = mem_calloc(1, sizeof(*a));

    a->first = block_new(ARENA_FIRST);
    arena_drop_rest(a);
    return a;
}

void
arena_free(struct arena *a)
{
    if (a == NULL)
        return;
    arena_drop_rest(a);
    block_free(a->first);
    mem_free(a);
}

void
arena_reset(struct arena *a)
{
    struct block *k = a->first;

    arena_drop_rest(a);
    ASAN_UNPOISON_MEMORY_REGION(k->bytes, k->cap);
    memset(k->bytes, 0, k->used);
    ASAN_POISON_MEMORY_REGION(k->bytes, k->cap);
    k->used = 0;
}

size_t
arena_used(const struct arena *a)
{
    return a->handed;
}

/* What is large gets a block of just its size while the block in use stays in
 * use: else one picture would waste the rest of it. */
static struct block *
arena_grow(struct arena *a, size_t n)
{
    bool large = n > a->next_block / 4;
    struct block *k = block_new(large ? n : a->next_block);

    k->next = a->rest;
    a->rest = k;
    if (large)
        return k;
    a->cur = k;
    if (a->next_block < ARENA_BLOCK_MAX)
        a->next_block *= 2;
    return k;
}

static void
arena_over(size_t handed, size_t n)
{
    fprintf(stderr, "tintype: arena over its limit: %zu + %zu > %d bytes\n",
            handed, n, LIM_ARENA_BYTES);
    _Exit(70); /* as mem_alloc */
}

void *
arena_alloc(struct arena *a, size_t n)
{
    struct block *k = a->cur;
    size_t whole;
    char *p;

    if (n > LIM_ARENA_BYTES || a->handed > LIM_ARENA_BYTES - n)
        arena_over(a->handed, n);
    whole = (n + ARENA_GAP + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (whole > k->cap - k->used)
        k = arena_grow(a, whole);
    p = k->bytes + k->used;
    k->used += whole;
    a->handed += n;
    ASAN_UNPOISON_MEMORY_REGION(p, n);
    return p;
}

char *
arena_strdup(struct arena *a, const char *z)
{
    return z == NULL ? NULL : arena_strn(a, z, strlen(z));
}

char *
arena_strn(struct arena *a, const char *p, size_t n)
{
    char *copy = arena_alloc(a, n + 1);

    if (n > 0)
        memcpy(copy, p, n);
    return copy;
}

struct str
arena_str(struct arena *a, struct str s)
{
    return str_n(arena_strn(a, s.p, s.len), s.len);
}

char *
arena_fmt(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    char *text;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    assert(n >= 0);
    text = arena_alloc(a, (size_t)n + 1);
    va_start(ap, fmt);
    vsnprintf(text, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return text;
}

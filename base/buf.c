/*
 * buf.c - a growing byte buffer with a ceiling.
 */
#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define BUF_FIRST 128 /* bytes; most lines and small answers fit */

/* Room for n more bytes and the NUL, or failed. */
static bool
buf_room(struct buf *b, size_t n)
{
    size_t want;

    assert(b->len <= b->limit);
    if (b->failed || n > b->limit - b->len) {
        b->failed = true;
        return false;
    }
    if (n < b->cap && b->len < b->cap - n)
        return true;
    want = b->cap < BUF_FIRST ? BUF_FIRST : b->cap;
    while (want <= b->len + n)
        want *= 2;
    if (want > b->limit + 1 && b->limit + 1 > b->len + n)
        want = b->limit + 1;
    b->p = mem_realloc(b->p, want);
    b->cap = want;
    return true;
}

void
buf_init(struct buf *b, size_t limit_bytes)
{
    *b = (struct buf){.limit = limit_bytes};
    /* so that len + n + 1 and its doubling never wrap */
    assert(limit_bytes < SIZE_MAX / 4);
}

void
buf_free(struct buf *b)
{
    mem_free(b->p);
    buf_init(b, b->limit);
}

void
buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->p != NULL)
        b->p[0] = '\0';
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
    if (!buf_room(b, n))
        return;
    if (n > 0)
        memcpy(b->p + b->len, p, n);
    b->len += n;
    b->p[b->len] = '\0';
}

void
buf_add_str(struct buf *b, struct str s)
{
    buf_add(b, s.p, s.len);
}

void
buf_add_c(struct buf *b, const char *z)
{
    buf_add(b, z, strlen(z));
}

void
buf_add_byte(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    buf_addv(b, fmt, ap);
    va_end(ap);
}

/* Measures first: then it is all or nothing, as with buf_add. */
void
buf_addv(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    int n;

    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0)
        b->failed = true;
    if (n < 0 || !buf_room(b, (size_t)n))
        return;
    vsnprintf(b->p + b->len, (size_t)n + 1, fmt, ap);
    b->len += (size_t)n;
}

struct str
buf_str(const struct buf *b)
{
    return (struct str){buf_cstr(b), b->len};
}

const char *
buf_cstr(const struct buf *b)
{
    return b->p == NULL ? "" : b->p;
}

char *
buf_take(struct buf *b, size_t *len)
{
    char *p = b->p == NULL ? mem_strdup("") : b->p;

    if (len != NULL)
        *len = b->len;
    buf_init(b, b->limit);
    return p;
}

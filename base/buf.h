/*
 * buf.h - a growing byte buffer with a ceiling.
 *
 * Building does not check step by step: going over the limit sets `failed`
 * and drops what did not fit, all later additions do nothing, and the builder
 * asks once at the end. The bytes are always followed by a NUL (not counted).
 *
 *     struct buf b;
 *     buf_init(&b, 64 * 1024);
 *     buf_addf(&b, "hello %s", name);
 *     if (b.failed) ...
 *     buf_free(&b);
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include "base/str.h"

struct buf {
    char *p;      /* NULL while empty and never grown */
    size_t len;   /* bytes, without the NUL */
    size_t cap;   /* allocated bytes */
    size_t limit; /* len never goes over it */
    bool failed;  /* something did not fit */
};

void buf_init(struct buf *b, size_t limit_bytes); /* allocates nothing */
void buf_free(struct buf *b);                     /* usable again: empty */
void buf_clear(struct buf *b); /* keeps memory; failed = false */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_str(struct buf *b, struct str s);
void buf_add_c(struct buf *b, const char *z);
void buf_add_byte(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void buf_addv(struct buf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
struct str buf_str(const struct buf *b);  /* borrowed until the next change */
const char *buf_cstr(const struct buf *b); /* never NULL */
/* Moves the bytes out (mem_free them) and leaves the buffer empty. */
char *buf_take(struct buf *b, size_t *len);

#endif

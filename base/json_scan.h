/*
 * json_scan.h - the walk over JSON text that stands before cJSON. For the
 * base/json*.c files; others use json.h.
 */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include "base/buf.h"
#include "base/err.h"

/* A number that a double would change. */
struct json_exact {
    size_t nth;      /* which number of the document, from 0 */
    struct str text; /* borrowed from the scanned text */
};

struct json_scan {
    struct json_exact *exact;
    size_t n, cap;
    /*
     * What cJSON is to read instead when `rewritten`: NaN as null, dropped
     * \u0000, lone surrogates as U+FFFD, and 0 where an exact number stands
     * (cJSON reads 63 bytes of a number at most).
     */
    struct buf clean;
    bool rewritten;
};

/*
 * Checks text by RFC 8259 and enum json_flags. out may be NULL (only the
 * check); otherwise it is filled, also on error, and must be given to
 * json_scan_free().
 */
int json_scan(struct str text, int flags, struct json_scan *out, struct err *e);
void json_scan_free(struct json_scan *s);
/* Bytes of the UTF-8 code point at p (n > 0 bytes left); 0 when it is none:
 * overlong, a surrogate, too large or cut off. */
size_t json_utf8_step(const char *p, size_t n);

#endif

/*
 * multipart.h - reading a complete multipart/form-data body (RFC 7578).
 *
 * Bounded: at most LIM_MULTIPART_PARTS parts, names and types of at most
 * LIM_MULTIPART_NAME bytes, part headers of at most LIM_MULTIPART_HEAD bytes. Data
 * is lent from the body; names are copied into the arena, are valid UTF-8
 * and hold no control bytes.
 */
#ifndef IO_MULTIPART_H
#define IO_MULTIPART_H

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"

#define MULTIPART_BOUNDARY 70 /* RFC 2046 */

struct multipart_part {
    struct str name, filename, type, data; /* p NULL: not given */
};

struct multipart {
    size_t n;
    struct multipart_part parts[LIM_MULTIPART_PARTS];
};

/* The boundary of a Content-Type "multipart/form-data; boundary=...", cut out
 * of the text; false when it is no such type or the boundary is malformed. */
bool multipart_boundary(struct str content_type, struct str *out);
/* BAD_INPUT names what is wrong. */
int multipart_parse(struct arena *a, struct str body, struct str boundary,
                    struct multipart *out, struct err *e);

#endif

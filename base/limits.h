/*
 * limits.h - base/limits.def as constants: LIM_HTTP_BODY ...
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#include "base/buf.h"

enum limit {
#define LIMIT(name, value, unit, reason) LIM_##name = (value),
#include "base/limits.def"
#undef LIMIT
};

void limits_markdown(struct buf *out); /* the table for the docs */

#endif

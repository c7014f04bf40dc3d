/*
 * id.h - ids: prefixed, sortable by time, unguessable.
 *
 * "job_" + 26 characters of Crockford base32 (lower case): 48 bits of wall
 * milliseconds, 80 random bits. Within one process and millisecond ids still
 * ascend. Tasks carry 8 hex digits instead (contracts: seeds 1.4.1).
 */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdbool.h>
#include "base/str.h"

#define ID_MAX 32 /* bytes of any id with its NUL; prefixes have <= 4 */

/* prefix without the underscore: "job", "usr", "pay", "off", "dlv", "obj",
 * "txn", "wrk". */
void id_new(char out[ID_MAX], const char *prefix);
/* True when s is prefix_ + 26 base32 characters, nothing else. */
bool id_is(struct str s, const char *prefix);
void id_task(char out[9]); /* 8 hex digits */
bool id_is_task(struct str s);

#endif

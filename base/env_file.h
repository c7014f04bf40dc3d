/*
 * env_file.h - the grammar of a .env file.
 *
 *     # a comment
 *     KEY=value            blanks around both are dropped, " #" ends it
 *     export KEY='as is'   between single quotes nothing is special
 *     KEY="a \"b\" \\"     between double quotes these two are
 *
 * Lines may end in CR LF, the file may start with a byte order mark. Refused:
 * NUL, CR inside a line, bad UTF-8, an open quote, text behind a closing one.
 */
#ifndef BASE_ENV_FILE_H
#define BASE_ENV_FILE_H

#include "base/err.h"
#include "base/str.h"

/* key and value are borrowed and end with NUL. -1 with e set stops. */
typedef int env_file_fn(void *ctx, const char *key, const char *value,
                        struct err *e);

/* Calls fn for each line in order. Errors, fn's included, get "line N: ". */
int env_file_parse(struct str text, env_file_fn *fn, void *ctx,
                   struct err *e);

#endif

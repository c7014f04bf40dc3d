/*
 * secrets.h - generated secrets of a data folder.
 */
#ifndef CMD_SECRETS_H
#define CMD_SECRETS_H

#include <stddef.h>
#include "base/err.h"

/*
 * The secret `name` of <dir>/secrets (one KEY=value a line, 0600), made on
 * first use: `digits` hex digits behind `prefix`. Only `up` makes them.
 */
int secret_get(const char *dir, const char *name, const char *prefix,
               unsigned digits, char *out, size_t size, struct err *e);

#endif

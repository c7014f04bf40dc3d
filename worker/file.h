/*
 * file.h - a file in a folder of the operator's, whole or not at all.
 */
#ifndef WORKER_FILE_H
#define WORKER_FILE_H

#include "base/err.h"
#include "base/str.h"

/* name has no slash. Written beside and renamed. */
int file_put(const char *dir, const char *name, struct str bytes,
             struct err *e);

#endif

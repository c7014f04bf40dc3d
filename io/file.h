/*
 * file.h - whole files, read and written.
 *
 *     buf_init(&b, FILE_MAX);
 *     if (file_read(path, &b, &e) != 0) ...
 *     file_put(path, buf_str(&b), 0600, &e);
 *
 * Errors name the path and why.
 */
#ifndef IO_FILE_H
#define IO_FILE_H

#include <sys/types.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define FILE_PATH_MAX 4096 /* bytes of a path here, its NUL too */

/* Appends it to out. NOT_FOUND; TOO_LARGE over out's limit; UNAVAILABLE. */
int file_read(const char *path, struct buf *out, struct err *e);
/* Makes or overwrites it. A failure leaves a part of it. */
int file_write(const char *path, struct str bytes, mode_t mode, struct err *e);
/* Whole or not at all: written beside, as "<path>.part", and renamed. Whoever
 * waits for the file never sees a half; a power cut may still lose it. */
int file_put(const char *path, struct str bytes, mode_t mode, struct err *e);
/* All of the bytes to an open file; -1: errno. */
int file_write_fd(int fd, struct str bytes);

#endif

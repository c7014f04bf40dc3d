/*
 * objects.h - the bytes of files, by key; a folder (S3 comes later).
 *
 * Keys: in/<account>/<id>.<ext>, out/<job>/<task>/<n>.<ext>: segments of
 * [A-Za-z0-9_.-], none starts with a dot, at most 200 bytes; anything else is
 * BAD_INPUT, so that no path is ever built from a stranger's text.
 *
 * A put is atomic: temporary file, fsync, rename, fsync of the folder. After
 * an fsync that fails with EIO the process ends (never retry fsync).
 */
#ifndef IO_OBJECTS_H
#define IO_OBJECTS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct objects;

/* Makes dir; any thread may use the result. UNAVAILABLE names the folder. */
struct objects *objects_open(const char *dir, struct err *e);
void objects_close(struct objects *o);
/* Replaces. UNAVAILABLE: disk full, read-only (names which). */
int objects_put(struct objects *o, const char *key, struct str bytes,
                struct err *e);
/* out is made here, with that limit (TOO_LARGE over it), and the caller's to
 * free; empty after an error. NOT_FOUND. */
int objects_get(struct objects *o, const char *key, size_t limit,
                struct buf *out, struct err *e);
/* An open descriptor (-1: error) and its size; the caller closes it. */
int objects_open_fd(struct objects *o, const char *key, uint64_t *size,
                    struct err *e);
/* Gone already is fine. Folders that become empty go, too. */
int objects_delete(struct objects *o, const char *key, struct err *e);

#endif

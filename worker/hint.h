/*
 * hint.h - what stands in queue:<service>: which task does it name?
 *
 * Ours is the task's JSON; others may push the bare id (protocols 5). Only the
 * id is read: the database knows the rest.
 */
#ifndef WORKER_HINT_H
#define WORKER_HINT_H

#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"

#define HINT_ID_BYTES 9               /* of a task's id, with its NUL */
#define HINT_BYTES_MAX LIM_JSON_BYTES /* larger ones are garbage */

/* BAD_INPUT with the reason for dead:<service>. */
int hint_parse(struct str raw, char id[HINT_ID_BYTES], struct err *e);

#endif

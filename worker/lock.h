/*
 * lock.h - lock files: held by one living process of this machine.
 *
 * The kernel lets go of them when the process ends, however it ends. In the
 * file stands the holder's number.
 */
#ifndef WORKER_LOCK_H
#define WORKER_LOCK_H

#include "base/err.h"

/*
 * WORKER_ID's lock in dir (base/role.h), for as long as the process lives.
 * want "": <host>-<n> with the first free n. -1: CONFLICT, that worker runs
 * already.
 */
int lock_worker_id(const char *dir, const char *want, const char *host,
                   char id[64], struct err *e);

/*
 * The lock of a ComfyUI address, common to all workers of this machine. The
 * descriptor, or -1: CONFLICT when another holds it (the sentence names its
 * process), INTERNAL when the file cannot be made.
 */
int lock_address(const char *address, struct err *e);
void lock_address_drop(int fd, const char *address); /* fd -1 is fine */

#endif

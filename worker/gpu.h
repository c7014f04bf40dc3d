/*
 * gpu.h - gpu:<address> in Redis: one worker at a time uses an address.
 *
 * A courtesy between workers on several machines; no promise rests on it
 * (protocols 6). The value is "<worker> <boot>", and a new boot of a worker
 * takes over at once what its old one held.
 */
#ifndef WORKER_GPU_H
#define WORKER_GPU_H

#include "base/arena.h"
#include "base/err.h"
#include "io/redis.h"

struct gpu_owner {
    const char *worker, *boot;
    int64_t ttl_ms;
};

/* Takes or renews it. 0 and *holder NULL: ours; else who has it (in the
 * arena). -1: Redis is away. */
int gpu_lock(struct redis *r, struct arena *a, const struct gpu_owner *me,
             const char *address, const char **holder, struct err *e);
/* Lets go if it is ours. */
int gpu_unlock(struct redis *r, struct arena *a, const struct gpu_owner *me,
               const char *address, struct err *e);

#endif

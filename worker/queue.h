/*
 * queue.h - the Redis side of taking work: queue:<service> and its neighbours
 * (protocols 10).
 *
 *     while (queue_take(q, a, 1000, &raw, &e) == QUEUE_GOT) {
 *         ... claim at the backend, then ...
 *         queue_done(q, a, raw);
 *     }
 *
 * A hint only wakes: losing or doubling one is harmless. BLMOVE puts it into
 * inflight:<service>:<worker>, which is looked at first after any error and at
 * the start; with QUEUE_POP=brpop there is no such list. One thread at a time.
 */
#ifndef WORKER_QUEUE_H
#define WORKER_QUEUE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "io/redis.h"

#define QUEUE_DEAD_MAX 1000 /* entries of dead:<service>; the oldest go */

struct queue_config {
    const struct redis_config *redis;
    const char *service; /* "image-service" */
    const char *worker;  /* id */
    bool brpop;
};

struct queue;

struct queue *queue_new(const struct queue_config *cfg);
void queue_free(struct queue *q);

enum queue_taken { QUEUE_GOT, QUEUE_NONE, QUEUE_AWAY };

/* Waits up to wait_ms for a message; raw lies in the arena. AWAY: Redis is, or
 * refuses (e says why): the caller goes on without it. */
enum queue_taken queue_take(struct queue *q, struct arena *a, int64_t wait_ms,
                            struct str *raw, struct err *e);
/* The rest does not matter enough to fail: what goes wrong makes a duplicate
 * hint at worst, and the next queue_take() says AWAY. */
void queue_done(struct queue *q, struct arena *a, struct str raw);
/* Back to where it came from, for somebody else. */
void queue_back(struct queue *q, struct arena *a, struct str raw);
/* To dead:<service>, with the reason. */
void queue_dead(struct queue *q, struct arena *a, struct str raw,
                const char *reason);
/* result:<task>, kept ttl_s seconds. */
void queue_result(struct queue *q, struct arena *a, const char *task,
                  struct str json, int64_t ttl_s);

#endif

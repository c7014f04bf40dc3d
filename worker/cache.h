/*
 * cache.h - bytes of results on their way from ComfyUI to Telegram.
 *
 * A result is mostly sent right after it was stored; what is here needs no
 * second trip from the backend. Taking takes out. Safe from many threads.
 */
#ifndef WORKER_CACHE_H
#define WORKER_CACHE_H

#include "base/buf.h"

#define CACHE_BYTES (64 << 20) /* more: the oldest go */
#define CACHE_MS 60000         /* older ones go: they were not sent by us */

struct cache;

struct cache *cache_new(void);
void cache_free(struct cache *c);
/* Moves the bytes in and leaves the buffer empty. */
void cache_put(struct cache *c, const char *object_id, struct buf *bytes);
/* Appends the bytes to out; false when they are not here. */
bool cache_take(struct cache *c, const char *object_id, struct buf *out);
void cache_tidy(struct cache *c); /* call it now and then */

#endif

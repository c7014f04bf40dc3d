/*
 * cache.c - see cache.h.
 */
#include "worker/cache.h"

#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/thread.h"

struct entry {
    struct entry *next; /* newer */
    char id[ID_MAX];
    struct buf bytes;
    int64_t at_ms; /* monotonic */
};

struct cache {
    pthread_mutex_t lock;
    struct entry *oldest GUARDED_BY(lock);
    size_t bytes GUARDED_BY(lock);
};

struct cache *
cache_new(void)
{
    struct cache *c = mem_calloc(1, sizeof(*c));

    pthread_mutex_init(&c->lock, NULL);
    return c;
}

static void
entry_free(struct entry *it)
{
    buf_free(&it->bytes);
    mem_free(it);
}

/* Holding the lock. */
static struct entry *
unlink_at(struct cache *c, struct entry **at)
{
    struct entry *it = *at;

    *at = it->next;
    c->bytes -= it->bytes.len;
    return it;
}

void
cache_free(struct cache *c)
{
    if (c == NULL)
        return;
    while (c->oldest != NULL)
        entry_free(unlink_at(c, &c->oldest));
    pthread_mutex_destroy(&c->lock);
    mem_free(c);
}

void
cache_put(struct cache *c, const char *object_id, struct buf *bytes)
{
    struct entry *it = mem_calloc(1, sizeof(*it));
    struct entry **at;

    snprintf(it->id, sizeof(it->id), "%s", object_id);
    it->bytes = *bytes;
    it->at_ms = clock_mono_ms();
    buf_init(bytes, bytes->limit);
    pthread_mutex_lock(&c->lock);
    for (at = &c->oldest; *at != NULL; at = &(*at)->next)
        ;
    *at = it;
    c->bytes += it->bytes.len;
    while (c->bytes > CACHE_BYTES)
        entry_free(unlink_at(c, &c->oldest));
    pthread_mutex_unlock(&c->lock);
}

bool
cache_take(struct cache *c, const char *object_id, struct buf *out)
{
    struct entry *it = NULL;

    pthread_mutex_lock(&c->lock);
    for (struct entry **at = &c->oldest; *at != NULL; at = &(*at)->next) {
        if (strcmp((*at)->id, object_id) != 0)
            continue;
        it = unlink_at(c, at);
        break;
    }
    pthread_mutex_unlock(&c->lock);
    if (it == NULL)
        return false;
    buf_add_str(out, buf_str(&it->bytes));
    entry_free(it);
    return true;
}

void
cache_tidy(struct cache *c)
{
    int64_t now = clock_mono_ms();

    pthread_mutex_lock(&c->lock);
    while (c->oldest != NULL && now - c->oldest->at_ms > CACHE_MS)
        entry_free(unlink_at(c, &c->oldest));
    pthread_mutex_unlock(&c->lock);
}

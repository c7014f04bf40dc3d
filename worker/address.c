/*
 * address.c - see address.h.
 */
#include "worker/address_int.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "io/httpc.h"

struct place *
address_place(struct address *ad)
{
    return &ad->all->places[ad->index];
}

/* ---- life ---- */

char *
address_name(struct arena *a, const char *url, const char *host, struct err *e)
{
    char *name = httpc_normalise(a, url, e);

    if (name == NULL || !httpc_is_loopback(name))
        return name;
    return arena_fmt(a, "%s/%s", host, name);
}

static int
place_init(struct addresses *as, struct arena *a, struct str url,
           const char *host, struct err *e)
{
    struct place *p = &as->places[as->n];
    const char *text = arena_strn(a, url.p, url.len);
    const char *name = address_name(a, text, host, e);

    if (name == NULL)
        return err_wrap(e, "COMFYUI_URL: address %zu", as->n + 1);
    for (size_t i = 0; i < as->n; i++)
        if (strcmp(as->places[i].ad.name, name) == 0)
            return err_set(e, ERR_BAD_INPUT,
                           "COMFYUI_URL: address %zu stands there twice",
                           as->n + 1);
    p->ad.all = as;
    p->ad.index = as->n;
    snprintf(p->ad.label, sizeof(p->ad.label), "comfyui-%zu", as->n + 1);
    p->ad.comfy = comfy_new(text, p->ad.label, e);
    if (p->ad.comfy == NULL)
        return err_wrap(e, "COMFYUI_URL: address %zu", as->n + 1);
    p->ad.name = mem_strdup(name);
    p->bad_since_ms = clock_mono_ms();
    snprintf(p->error, sizeof(p->error), "not asked yet");
    for (int i = 0; i < 2; i++)
        snprintf(p->locked_out[i], sizeof(p->locked_out[i]),
                 "its lock is not taken yet");
    as->n++;
    return 0;
}

struct addresses *
addresses_new(const char *urls, const char *host, int depth, struct err *e)
{
    struct addresses *as = mem_calloc(1, sizeof(*as));
    struct arena *a = arena_new();
    struct str rest = str_c(urls), part;
    int rc = 0;

    as->depth = depth;
    as->places = mem_calloc(ADDRESSES_MAX, sizeof(*as->places));
    pthread_mutex_init(&as->lock, NULL);
    cond_init(&as->cond);
    while (rc == 0 && str_split(&rest, ',', &part)) {
        part = str_trim(part);
        if (part.len == 0)
            continue;
        if (as->n == ADDRESSES_MAX)
            rc = err_set(e, ERR_BAD_INPUT,
                         "COMFYUI_URL has more than %d addresses",
                         ADDRESSES_MAX);
        else
            rc = place_init(as, a, part, host, e);
    }
    if (rc == 0 && as->n == 0)
        rc = err_set(e, ERR_BAD_INPUT, "COMFYUI_URL names no address");
    arena_free(a);
    if (rc == 0)
        return as;
    addresses_free(as);
    return NULL;
}

void
addresses_free(struct addresses *as)
{
    if (as == NULL)
        return;
    for (size_t i = 0; i < as->n; i++) {
        comfy_free(as->places[i].ad.comfy);
        mem_free(as->places[i].ad.name);
        arena_free(as->places[i].caps);
    }
    pthread_cond_destroy(&as->cond);
    pthread_mutex_destroy(&as->lock);
    mem_free(as->places);
    mem_free(as);
}

size_t
addresses_count(const struct addresses *as)
{
    return as->n;
}

struct address *
addresses_at(struct addresses *as, size_t i)
{
    assert(i < as->n);
    return &as->places[i].ad;
}

void
addresses_on_change(struct addresses *as, void (*fn)(void *ctx), void *ctx)
{
    as->on_change = fn;
    as->on_change_ctx = ctx;
}

/* ---- slots ---- */

static int
free_slots(const struct addresses *as, int *all)
{
    int free = 0;

    *all = 0;
    for (size_t i = 0; i < as->n; i++) {
        const struct place *p = &as->places[i];
        if (place_trouble(p) != NULL)
            continue;
        *all += as->depth;
        if (p->busy < as->depth)
            free += as->depth - p->busy;
    }
    return free;
}

bool
slots_wait(struct addresses *as)
{
    int all;

    pthread_mutex_lock(&as->lock);
    while (!as->stopping && as->waiting >= free_slots(as, &all))
        cond_wait_ms(&as->cond, &as->lock, -1);
    bool go_on = !as->stopping;
    if (go_on)
        as->waiting++;
    pthread_mutex_unlock(&as->lock);
    return go_on;
}

void
slots_leave(struct addresses *as)
{
    pthread_mutex_lock(&as->lock);
    as->waiting--;
    pthread_cond_broadcast(&as->cond);
    pthread_mutex_unlock(&as->lock);
}

uint64_t
slot_bit(const struct address *ad)
{
    return UINT64_C(1) << ad->index;
}

struct address *
slots_take(struct addresses *as, uint64_t tried)
{
    struct place *best = NULL;

    pthread_mutex_lock(&as->lock);
    if (tried == 0)
        as->waiting--;
    for (size_t i = 0; i < as->n; i++) {
        struct place *p = &as->places[i];
        if ((tried & slot_bit(&p->ad)) != 0 || p->busy >= as->depth ||
            place_trouble(p) != NULL)
            continue;
        if (best == NULL || p->busy < best->busy)
            best = p;
    }
    if (best != NULL)
        best->busy++;
    pthread_mutex_unlock(&as->lock);
    return best != NULL ? &best->ad : NULL;
}

void
slots_give(struct address *ad)
{
    struct addresses *as = ad->all;

    pthread_mutex_lock(&as->lock);
    address_place(ad)->busy--;
    pthread_cond_broadcast(&as->cond);
    pthread_mutex_unlock(&as->lock);
}

void
slots_count(struct addresses *as, int64_t *slots, int64_t *free)
{
    int all;

    pthread_mutex_lock(&as->lock);
    *free = free_slots(as, &all);
    *slots = all;
    pthread_mutex_unlock(&as->lock);
}

void
addresses_stop(struct addresses *as)
{
    pthread_mutex_lock(&as->lock);
    as->stopping = true;
    pthread_cond_broadcast(&as->cond);
    pthread_mutex_unlock(&as->lock);
}

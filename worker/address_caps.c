/*
 * address_caps.c - what each address can run, and the heartbeat's list.
 */
#include <string.h>
#include "base/clock.h"
#include "worker/address_int.h"

void
address_caps_put(struct address *ad, struct arena *a,
                 const struct address_run *runs, size_t n)
{
    struct place *p = address_place(ad);
    struct arena *old;

    pthread_mutex_lock(&ad->all->lock);
    old = p->caps;
    p->caps = a;
    p->runs = runs;
    p->nruns = n;
    ad->all->caps_pass++;
    pthread_mutex_unlock(&ad->all->lock);
    arena_free(old);
}

uint64_t
addresses_caps_pass(struct addresses *as)
{
    pthread_mutex_lock(&as->lock);
    uint64_t pass = as->caps_pass;
    pthread_mutex_unlock(&as->lock);
    return pass;
}

char *
address_graph(struct address *ad, struct arena *a, const char *name,
              const char *version)
{
    struct place *p = address_place(ad);
    char *graph = NULL;

    pthread_mutex_lock(&ad->all->lock);
    for (size_t i = 0; i < p->nruns && graph == NULL; i++) {
        if (strcmp(p->runs[i].version, version) == 0 &&
            strcmp(p->runs[i].name, name) == 0)
            graph = arena_strdup(a, p->runs[i].graph);
    }
    pthread_mutex_unlock(&ad->all->lock);
    return graph;
}

/* Holding the lock. */
static void
runs_fill(const struct place *p, struct arena *a,
          struct api_worker_address *out)
{
    out->runs_known = p->caps != NULL;
    out->runs = ARENA_ARRAY(a, struct api_scenario_ref, p->nruns + 1);
    out->n_runs = p->nruns;
    for (size_t i = 0; i < p->nruns; i++) {
        api_init(&api_shape_scenario_ref, &out->runs[i]);
        out->runs[i].name = arena_strdup(a, p->runs[i].name);
        out->runs[i].version = arena_strdup(a, p->runs[i].version);
    }
}

/* Holding the lock. */
static void
place_fill(const struct place *p, struct arena *a,
           struct api_worker_address *out)
{
    const char *why = place_trouble(p);

    api_init(&api_shape_worker_address, out);
    out->address = p->ad.name;
    out->healthy = why == NULL;
    out->running = (int64_t)p->running;
    out->pending = (int64_t)p->pending;
    if (p->version[0] != '\0')
        out->version = arena_strdup(a, p->version);
    if (why == NULL)
        return;
    out->error = arena_strdup(a, why);
    out->unhealthy_ms = clock_mono_ms() - p->bad_since_ms;
}

void
addresses_fill(struct addresses *as, struct arena *a, bool with_runs,
               struct api_worker_address **out, size_t *n, uint64_t *pass)
{
    *n = as->n;
    *out = ARENA_ARRAY(a, struct api_worker_address, as->n + 1);
    pthread_mutex_lock(&as->lock);
    *pass = as->caps_pass;
    for (size_t i = 0; i < as->n; i++) {
        place_fill(&as->places[i], a, &(*out)[i]);
        if (with_runs)
            runs_fill(&as->places[i], a, &(*out)[i]);
    }
    pthread_mutex_unlock(&as->lock);
}

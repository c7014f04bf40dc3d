/*
 * scenario.c - see scenario.h.
 */
#include "worker/scenario.h"

#include <string.h>
#include "base/mem.h"
#include "base/thread.h"

struct entry {
    struct entry *next;
    struct arena *a;
    char *name, *version;
    struct preset *preset;
    int users;
    uint64_t used; /* when, by count */
};

struct scenarios {
    struct api_client *api;
    pthread_mutex_t lock;
    struct entry *first GUARDED_BY(lock);
    size_t n GUARDED_BY(lock);
    uint64_t clock GUARDED_BY(lock);
};

struct scenarios *
scenarios_new(struct api_client *api)
{
    struct scenarios *ss = mem_calloc(1, sizeof(*ss));

    ss->api = api;
    pthread_mutex_init(&ss->lock, NULL);
    return ss;
}

static void
entry_free(struct entry *it)
{
    arena_free(it->a);
    mem_free(it);
}

void
scenarios_free(struct scenarios *ss)
{
    struct entry *it;

    if (ss == NULL)
        return;
    while ((it = ss->first) != NULL) {
        ss->first = it->next;
        entry_free(it);
    }
    pthread_mutex_destroy(&ss->lock);
    mem_free(ss);
}

/* ---- holding the lock ---- */

static struct entry *
find(struct scenarios *ss, const char *name, const char *version)
{
    for (struct entry *it = ss->first; it != NULL; it = it->next) {
        if (strcmp(it->version, version) != 0 || strcmp(it->name, name) != 0)
            continue;
        it->users++;
        it->used = ++ss->clock;
        return it;
    }
    return NULL;
}

/* The least used entry that nobody has; NULL: all are in use. */
static struct entry *
evict(struct scenarios *ss)
{
    struct entry **oldest = NULL, *out;

    for (struct entry **at = &ss->first; *at != NULL; at = &(*at)->next)
        if ((*at)->users == 0 &&
            (oldest == NULL || (*at)->used < (*oldest)->used))
            oldest = at;
    if (oldest == NULL)
        return NULL;
    out = *oldest;
    *oldest = out->next;
    ss->n--;
    return out;
}

/* ---- asking ---- */

static int
fetch(struct scenarios *ss, struct entry *it, const char *name,
      const char *version, struct err *e)
{
    struct api_scenario sc;
    struct api_args args = {.path = {name, version}, .out = &sc};

    if (api_call(ss->api, API_ROUTE_scenario_get, &args, it->a, NULL, e) != 0)
        return -1;
    if (preset_from_json(it->a, sc.body, sc.workflow, &it->preset, e) != 0)
        return err_wrap(e, "scenario %.60s", name);
    if (it->preset->n_tasks != 1 || it->preset->workflow == NULL)
        return err_set(e, ERR_BAD_INPUT, "scenario %.60s has no single graph",
                       name);
    return 0;
}

/* Two threads may have asked at once: the first stays. */
static struct entry *
keep(struct scenarios *ss, struct entry *it)
{
    struct entry *old = NULL, *there;

    pthread_mutex_lock(&ss->lock);
    there = find(ss, it->name, it->version);
    if (there == NULL) {
        if (ss->n >= SCENARIOS_MAX)
            old = evict(ss);
        it->next = ss->first;
        ss->first = it;
        ss->n++;
        there = it;
        it->users = 1;
        it->used = ++ss->clock;
        it = NULL;
    }
    pthread_mutex_unlock(&ss->lock);
    if (it != NULL)
        entry_free(it);
    if (old != NULL)
        entry_free(old);
    return there;
}

const struct preset *
scenario_get(struct scenarios *ss, const char *name, const char *version,
             struct err *e)
{
    struct entry *it;

    pthread_mutex_lock(&ss->lock);
    it = find(ss, name, version);
    pthread_mutex_unlock(&ss->lock);
    if (it != NULL)
        return it->preset;
    it = mem_calloc(1, sizeof(*it));
    it->a = arena_new();
    it->name = arena_strdup(it->a, name);
    it->version = arena_strdup(it->a, version);
    if (fetch(ss, it, name, version, e) == 0)
        return keep(ss, it)->preset;
    entry_free(it);
    return NULL;
}

void
scenario_put(struct scenarios *ss, const struct preset *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&ss->lock);
    for (struct entry *it = ss->first; it != NULL; it = it->next)
        if (it->preset == p)
            it->users--;
    pthread_mutex_unlock(&ss->lock);
}

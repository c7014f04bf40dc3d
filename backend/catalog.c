/*
 * catalog.c - snapshots of what is on sale (catalog.h) and of the fleet.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include "backend/backend_int.h"
#include "backend/catalog.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/preset.h"

#define RENEW_MS 1000
#define SCENARIOS_MAX 4096 /* versions kept parsed */

struct scenario {
    char *name, *version;
    struct arena *arena;
    struct preset *preset;
    struct scenario *next;
};

struct catalog_own {
    struct arena *arena; /* holds the snapshot and this */
    int refs; /* under the state's lock */
};

struct catalog_state {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    pthread_t thread;
    bool wake GUARDED_BY(lock), stop GUARDED_BY(lock);
    struct catalog *now GUARDED_BY(lock);
    struct scenario *scenarios GUARDED_BY(lock);
};

/* ---- scenarios -------------------------------------------------------- */

static struct scenario *
scenario_find(struct catalog_state *s, const char *name, const char *version)
{
    for (struct scenario *c = s->scenarios; c != NULL; c = c->next) {
        if (strcmp(c->version, version) == 0 && strcmp(c->name, name) == 0)
            return c;
    }
    return NULL;
}

static struct scenario *
scenario_load(struct backend *b, const char *name, const char *version,
              struct err *e)
{
    const char *body, *workflow;
    struct preset *p;
    struct arena *a = arena_new();
    if (preset_scenario_get(b->db, a, name, version, &body, &workflow, e) !=
            0 ||
        preset_from_json(a, str_c(body), str_c(workflow), &p, e) != 0) {
        arena_free(a);
        return NULL;
    }
    struct scenario *c = mem_calloc(1, sizeof *c);
    c->name = mem_strdup(name);
    c->version = mem_strdup(version);
    c->arena = a;
    c->preset = p;
    return c;
}

static void
scenario_free(struct scenario *c)
{
    arena_free(c->arena);
    mem_free(c->name);
    mem_free(c->version);
    mem_free(c);
}

const struct preset *
catalog_scenario(struct backend *b, const char *name, const char *version,
                 struct err *e)
{
    struct catalog_state *s = b->catalog;
    pthread_mutex_lock(&s->lock);
    struct scenario *c = scenario_find(s, name, version);
    pthread_mutex_unlock(&s->lock);
    if (c != NULL)
        return c->preset;
    struct scenario *made = scenario_load(b, name, version, e);
    if (made == NULL)
        return NULL;
    pthread_mutex_lock(&s->lock);
    c = scenario_find(s, name, version); /* another thread was faster? */
    if (c == NULL) {
        made->next = s->scenarios;
        s->scenarios = made;
        c = made;
        made = NULL;
    }
    pthread_mutex_unlock(&s->lock);
    if (made != NULL)
        scenario_free(made);
    return c->preset;
}

/* ---- making a snapshot ------------------------------------------------- */

static int
workers_load(struct backend *b, struct catalog *c, struct err *e)
{
    struct worker_row *rows;
    size_t n;
    if (worker_all(b->db, c->own->arena, &rows, &n, e) != 0)
        return -1;
    struct fleet_worker *w = ARENA_ARRAY(c->own->arena, struct fleet_worker, n + 1);
    c->workers = w;
    for (size_t i = 0; i < n; i++) {
        struct api_worker_heartbeat *beat =
            ARENA_NEW(c->own->arena, struct api_worker_heartbeat);
        struct api_worker_heartbeat *runs =
            ARENA_NEW(c->own->arena, struct api_worker_heartbeat);
        struct err bad;
        if (api_read(&api_shape_worker_heartbeat, str_c(rows[i].body), beat,
                     c->own->arena, &bad) != 0 ||
            api_read(&api_shape_worker_heartbeat, str_c(rows[i].runs), runs,
                     c->own->arena, &bad) != 0)
            continue; /* of a newer version: not ours to judge */
        w[c->nworkers++] = (struct fleet_worker){
            .id = rows[i].id,
            .live = rows[i].age_ms < b->lease_ms && !rows[i].stopping,
            .age_ms = rows[i].age_ms,
            .beat = beat,
            .runs = runs->addresses,
            .nruns = runs->n_addresses};
    }
    return 0;
}

static bool
runs_has(const struct api_worker_address *a, const char *scenario,
         const char *version)
{
    for (size_t i = 0; i < a->n_runs; i++) {
        if (strcmp(a->runs[i].version, version) == 0 &&
            strcmp(a->runs[i].name, scenario) == 0)
            return true;
    }
    return false;
}

/* Foreign consumers serve every task of it. */
static bool
is_foreign(struct backend *b, const struct preset *p)
{
    for (size_t i = 0; i < p->n_tasks; i++) {
        struct str rest =
            str_c(setting_str(b->set, SET_FOREIGN_SERVICES));
        struct str part;
        bool found = false;
        while (str_split(&rest, ',', &part))
            found = found || str_eq_c(str_trim(part), p->tasks[i].service);
        if (!found)
            return false;
    }
    return p->n_tasks > 0;
}

static void
item_judge(struct backend *b, const struct catalog *c, struct catalog_item *it)
{
    int64_t grace_ms = setting_int(b->set, SET_PRESET_GRACE) * 1000;
    it->available = is_foreign(b, it->preset);
    it->shown = it->available;
    for (size_t i = 0; i < c->nworkers; i++) {
        const struct fleet_worker *w = &c->workers[i];
        for (size_t k = 0; k < w->nruns; k++) {
            if (!runs_has(&w->runs[k], it->scenario, it->version))
                continue;
            it->shown = true;
            it->available = it->available || w->age_ms < grace_ms;
        }
    }
}

static int
items_load(struct backend *b, struct catalog *c, struct err *e)
{
    struct preset_row *rows;
    size_t n;
    if (preset_all(b->db, c->own->arena, &rows, &n, e) != 0)
        return -1;
    struct catalog_item *items =
        ARENA_ARRAY(c->own->arena, struct catalog_item, n + 1);
    for (size_t i = 0; i < n; i++) {
        const struct preset_row *r = &rows[i];
        struct err bad;
        const struct preset *p =
            catalog_scenario(b, r->scenario, r->version, &bad);
        if (p == NULL) {
            log_error("preset", "unreadable", "%s: %s", r->name, bad.msg);
            continue;
        }
        struct catalog_item *it = &items[c->n++];
        *it = (struct catalog_item){
            .name = r->name,
            .scenario = r->scenario,
            .version = r->version,
            .preset = p,
            .price = r->price,
            .run_ms = r->run_ms > 0 ? r->run_ms : (int64_t)(p->seconds * 1000),
            .enabled = r->enabled && r->present};
        item_judge(b, c, it);
    }
    c->items = items;
    return 0;
}

static void
revision_make(struct catalog *c)
{
    struct sha256 *h = sha256_new();
    unsigned char sum[SHA256_LEN];
    for (size_t i = 0; i < c->n; i++) {
        const struct catalog_item *it = &c->items[i];
        char line[256];
        int len = snprintf(line, sizeof line, "%s %s %lld %d%d%d\n", it->name,
                           it->version, (long long)it->price, it->enabled,
                           it->shown, it->available);
        sha256_add(h, line, (size_t)len);
    }
    sha256_end(h, sum);
    hex_encode(sum, 8, c->revision);
}

static struct catalog *
catalog_new(void)
{
    struct arena *a = arena_new();
    struct catalog *c = ARENA_NEW(a, struct catalog);
    c->own = ARENA_NEW(a, struct catalog_own);
    *c->own = (struct catalog_own){.arena = a, .refs = 1};
    return c;
}

static int
catalog_renew(struct backend *b, struct err *e)
{
    struct catalog_state *s = b->catalog;
    struct catalog *c = catalog_new();
    if (workers_load(b, c, e) != 0 || items_load(b, c, e) != 0) {
        arena_free(c->own->arena);
        return -1;
    }
    revision_make(c);
    pthread_mutex_lock(&s->lock);
    struct catalog *old = s->now;
    bool changed = old != NULL && strcmp(old->revision, c->revision) != 0;
    s->now = c;
    pthread_mutex_unlock(&s->lock);
    if (old != NULL)
        catalog_put(b, old);
    if (changed)
        log_info("preset", "changed", "revision=%s", c->revision);
    return 0;
}

/* ---- life ------------------------------------------------------------- */

const struct catalog *
catalog_get(struct backend *b)
{
    struct catalog_state *s = b->catalog;
    pthread_mutex_lock(&s->lock);
    struct catalog *c = s->now;
    c->own->refs++;
    pthread_mutex_unlock(&s->lock);
    return c;
}

void
catalog_put(struct backend *b, const struct catalog *c)
{
    struct catalog_state *s = b->catalog;
    pthread_mutex_lock(&s->lock);
    bool last = --c->own->refs == 0;
    pthread_mutex_unlock(&s->lock);
    if (last)
        arena_free(c->own->arena);
}

const struct catalog_item *
catalog_find(const struct catalog *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++) {
        if (strcmp(c->items[i].name, name) == 0)
            return &c->items[i];
    }
    return NULL;
}

static void *
catalog_loop(void *arg)
{
    struct backend *b = arg;
    struct catalog_state *s = b->catalog;
    for (;;) {
        struct err e;
        pthread_mutex_lock(&s->lock);
        if (!s->wake && !s->stop)
            cond_wait_ms(&s->cond, &s->lock, RENEW_MS);
        s->wake = false;
        bool stop = s->stop;
        pthread_mutex_unlock(&s->lock);
        if (stop)
            return NULL;
        if (catalog_renew(b, &e) != 0)
            log_warn("preset", "renew_failed", "%s", e.msg);
    }
}

int
catalog_start(struct backend *b, struct err *e)
{
    struct catalog_state *s = mem_calloc(1, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    cond_init(&s->cond);
    b->catalog = s;
    if (catalog_import(b, e) != 0 ||
        catalog_renew(b, e) != 0)
        return -1;
    thread_start(&s->thread, "catalog", catalog_loop, b);
    return 0;
}

void
catalog_stop(struct backend *b)
{
    struct catalog_state *s = b->catalog;
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_signal(&s->cond);
    bool started = s->thread != 0;
    pthread_mutex_unlock(&s->lock);
    if (started)
        thread_join(s->thread);
    if (s->now != NULL)
        catalog_put(b, s->now);
    while (s->scenarios != NULL) {
        struct scenario *next = s->scenarios->next;
        scenario_free(s->scenarios);
        s->scenarios = next;
    }
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->cond);
    mem_free(s);
    b->catalog = NULL;
}

void
catalog_wake(struct backend *b)
{
    struct catalog_state *s = b->catalog;
    pthread_mutex_lock(&s->lock);
    s->wake = true;
    pthread_cond_signal(&s->cond);
    pthread_mutex_unlock(&s->lock);
}

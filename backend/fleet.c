/*
 * fleet.c - questions to the snapshot about workers and their ComfyUIs.
 */
#include <string.h>
#include "backend/catalog.h"
#include "backend/fleet.h"

static bool
serves(const struct fleet_worker *w, const char *service)
{
    for (size_t i = 0; i < w->beat->n_services; i++) {
        if (strcmp(w->beat->services[i], service) == 0)
            return true;
    }
    return false;
}

/* -1 said that it cannot, 0 never said anything, 1 it can. */
static int
address_said(const struct catalog *c, const char *address,
             const char *scenario, const char *version)
{
    int said = 0;
    for (size_t i = 0; i < c->nworkers; i++) {
        const struct fleet_worker *w = &c->workers[i];
        for (size_t k = 0; k < w->nruns; k++) {
            const struct api_worker_address *a = &w->runs[k];
            if (strcmp(a->address, address) != 0)
                continue;
            for (size_t r = 0; r < a->n_runs; r++) {
                if (strcmp(a->runs[r].version, version) == 0 &&
                    strcmp(a->runs[r].name, scenario) == 0)
                    return 1;
            }
            said = -1;
        }
    }
    return said;
}

bool
fleet_address_can(struct backend *b, const char *address,
                  const char *scenario, const char *version)
{
    const struct catalog *c = catalog_get(b);
    int said = address_said(c, address, scenario, version);
    catalog_put(b, c);
    return said >= 0;
}

bool
fleet_address_gone(struct backend *b, const char *address)
{
    int64_t wait_ms = setting_int(b->set, SET_TAKEOVER_WAIT) * 1000;
    const struct catalog *c = catalog_get(b);
    bool gone = true;
    for (size_t i = 0; i < c->nworkers; i++) {
        const struct fleet_worker *w = &c->workers[i];
        for (size_t k = 0; k < w->beat->n_addresses; k++) {
            const struct api_worker_address *a = &w->beat->addresses[k];
            if (strcmp(a->address, address) == 0 && w->age_ms < wait_ms &&
                (a->healthy || a->unhealthy_ms < wait_ms))
                gone = false;
        }
    }
    catalog_put(b, c);
    return gone;
}

int64_t
fleet_run_ms(struct backend *b, const char *scenario, const char *version)
{
    const struct catalog *c = catalog_get(b);
    int64_t ms = 1000;
    for (size_t i = 0; i < c->n; i++) {
        const struct catalog_item *it = &c->items[i];
        if (strcmp(it->version, version) == 0 &&
            strcmp(it->scenario, scenario) == 0 && it->run_ms > 0)
            ms = it->run_ms;
    }
    catalog_put(b, c);
    return ms;
}

struct fleet_sum
fleet_sum(struct backend *b, const char *service)
{
    struct fleet_sum sum = {0};
    const struct catalog *c = catalog_get(b);
    for (size_t i = 0; i < c->nworkers; i++) {
        const struct fleet_worker *w = &c->workers[i];
        if (!w->live || !serves(w, service))
            continue;
        sum.workers++;
        sum.slots += w->beat->slots;
        sum.free += w->beat->free;
        for (size_t k = 0; k < w->beat->n_addresses; k++)
            sum.addresses += w->beat->addresses[k].healthy;
    }
    catalog_put(b, c);
    return sum;
}

bool
fleet_worker_live(struct backend *b, const char *worker)
{
    const struct catalog *c = catalog_get(b);
    bool live = false;
    for (size_t i = 0; i < c->nworkers; i++)
        live = live || (c->workers[i].live &&
                        strcmp(c->workers[i].id, worker) == 0);
    catalog_put(b, c);
    return live;
}

int64_t
fleet_away_ms(struct backend *b)
{
    const struct catalog *c = catalog_get(b);
    int64_t away = INT64_MAX;
    for (size_t i = 0; i < c->nworkers; i++) {
        int64_t age = c->workers[i].live ? 0 : c->workers[i].age_ms;
        if (age < away)
            away = age;
    }
    catalog_put(b, c);
    return away;
}

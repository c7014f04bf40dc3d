/*
 * catalog.h - what is on sale and who can run it, in memory.
 *
 * Made from the tables `presets`, `scenario_templates` and `workers`, renewed
 * every second and when something changes; readers get an unchanging snapshot
 * (reference counted), so nothing blocks. backend/fleet.h asks the same
 * snapshot about workers.
 */
#ifndef BACKEND_CATALOG_H
#define BACKEND_CATALOG_H

#include "api/shape.h"
#include "model/preset.h"

struct backend;

struct catalog_item {
    const char *name; /* preset */
    const char *scenario;
    const char *version;
    const struct preset *preset; /* parsed form, texts, tasks */
    int64_t price;
    int64_t run_ms; /* measured mean, else declared seconds */
    bool enabled;   /* on sale as far as the operator is concerned */
    bool shown;     /* somebody can run it, or could within PRESET_GRACE */
    bool available; /* it can be bought now */
};

struct fleet_worker {
    const char *id;
    bool live;       /* heard of within LEASE_MS and not stopping */
    int64_t age_ms;  /* since its heartbeat, when the snapshot was made */
    struct api_worker_heartbeat *beat;
    struct api_worker_address *runs; /* by address: what it can run */
    size_t nruns;
};

struct catalog {
    const struct catalog_item *items;
    size_t n;
    const struct fleet_worker *workers;
    size_t nworkers;
    char revision[17]; /* of the versions on sale */
    struct catalog_own *own; /* private */
};

/* A snapshot; give it back with catalog_put. Never NULL after start. */
const struct catalog *catalog_get(struct backend *b);
void catalog_put(struct backend *b, const struct catalog *c);
const struct catalog_item *catalog_find(const struct catalog *c,
                                        const char *name);
/* Any version that an open job or offer may name; from the database, cached.
 * NULL when unknown. Lives as long as the backend. */
const struct preset *catalog_scenario(struct backend *b, const char *name,
                                      const char *version, struct err *e);

/* Imports PRESETS_DIR, makes the first snapshot, starts the thread. */
int catalog_start(struct backend *b, struct err *e);
void catalog_stop(struct backend *b);
/* Something changed (heartbeat, price, import): renew now. */
void catalog_wake(struct backend *b);

/* backend/import.c: every folder of PRESETS_DIR into the database; a bad one
 * is logged with file, line and reason, and its old version stays. */
int catalog_import(struct backend *b, struct err *e);

#endif

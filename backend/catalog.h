/*
 * catalog.h - what is on sale, in memory: presets, prices, who can run them.
 *
 * Made from the tables `presets`, `scenario_templates` and `workers`, renewed
 * when any of them changes; readers get an unchanging snapshot (reference
 * counted), so nothing blocks. Imports the preset folders at start and when
 * they change.
 */
#ifndef BACKEND_CATALOG_H
#define BACKEND_CATALOG_H

#include "model/preset.h"

struct backend;

struct catalog_item {
    const char *name;    /* preset */
    const char *scenario;
    const char *version;
    const struct preset *preset; /* parsed form, texts, tasks */
    int64_t price;
    int64_t run_ms;      /* measured mean, else declared seconds */
    bool enabled;
    bool available;      /* a live worker can run it, or its service is foreign */
};

struct catalog {
    const struct catalog_item *items;
    size_t n;
    char revision[17];
    /* private */
    struct arena *arena;
    int refs;
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

int catalog_start(struct backend *b, struct err *e);
void catalog_stop(struct backend *b);
/* Something changed (heartbeat said so, price, import): renew soon. */
void catalog_wake(struct backend *b);

#endif

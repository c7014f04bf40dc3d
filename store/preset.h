/*
 * preset.h - rows of `presets`, `scenario_templates`, `workers`, `meta`.
 */
#ifndef STORE_PRESET_H
#define STORE_PRESET_H

#include "store/list.h"

struct preset_row {
    const char *name, *scenario, *version;
    int64_t price, run_ms, runs; /* run_ms 0: not measured yet */
    bool enabled, present;
};
/* Stores the version when it is new and puts the preset on it. */
struct preset_new {
    const char *name, *version, *body, *workflow, *category;
    int64_t price, position;
};
int preset_put(struct db *db, struct arena *a, const struct preset_new *p,
               struct err *e);
int preset_absent(struct db *db, struct arena *a, const char *name,
                  struct err *e);
int preset_all(struct db *db, struct arena *a, struct preset_row **out,
               size_t *n, struct err *e);
int preset_scenario_get(struct db *db, struct arena *a, const char *name,
                        const char *version, const char **body,
                        const char **workflow, struct err *e);
struct scenario_name {
    const char *name, *version;
};
int preset_scenarios_open(struct db *db, struct arena *a,
                          struct scenario_name **out, size_t *n,
                          struct err *e);

struct worker_row {
    const char *id, *boot;
    const char *body; /* the last heartbeat, JSON */
    const char *runs; /* [{"address", "runs": [{name, version}]}], JSON */
    int64_t age_ms;   /* since that heartbeat */
    bool stopping;
};
/* runs NULL: as before. */
int worker_put(struct db *db, struct arena *a, const struct worker_row *w,
               struct err *e);
int worker_all(struct db *db, struct arena *a, struct worker_row **out,
               size_t *n, struct err *e);

/* Stamps the database with its kind on first start; CONFLICT when it is of
 * another kind. */
int meta_claim_kind(struct db *db, struct arena *a, const char *kind,
                    struct err *e);
/* NOT_FOUND on a database that nobody started on. */
int meta_kind(struct db *db, struct arena *a, const char **kind,
              struct err *e);
int meta_now(struct db *db, struct arena *a, int64_t *now_ms, struct err *e);

#endif

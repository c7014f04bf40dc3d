/*
 * preset.c - see preset.h.
 */
#include <string.h>
#include "store/preset.h"
#include "store/sql.h"

int
preset_put(struct db *db, struct arena *a, const struct preset_new *p,
           struct err *e)
{
    struct db_list *l = db_list_new(a, "presets");
    db_add(l, &sql_preset_scenario_put, 4, V_STR(p->name), V_STR(p->version),
           V_STR(p->body), V_STR(p->workflow));
    db_add(l, &sql_preset_put, 5, V_STR(p->name), V_STR(p->version),
           V_INT(p->price), V_STR(p->category), V_INT(p->position));
    return db_run(db, l, e);
}

int
preset_absent(struct db *db, struct arena *a, const char *name, struct err *e)
{
    struct db_list *l = db_list_new(a, "presets");
    db_add(l, &sql_preset_absent, 1, V_STR(name));
    return db_run(db, l, e);
}

int
preset_all(struct db *db, struct arena *a, struct preset_row **out, size_t *n,
           struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_preset_all, &r, e, 0) != 0)
        return -1;
    *n = r.nrows;
    *out = ARENA_ARRAY(a, struct preset_row, r.nrows + 1);
    for (size_t i = 0; i < r.nrows; i++) {
        (*out)[i] = (struct preset_row){
            .name = db_str(&r, i, 0),
            .scenario = db_str(&r, i, 1),
            .version = db_str(&r, i, 2),
            .price = db_int(&r, i, 3),
            .enabled = db_int(&r, i, 4) != 0,
            .present = db_int(&r, i, 5) != 0,
            .run_ms = db_int(&r, i, 6),
            .runs = db_int(&r, i, 7),
        };
    }
    return 0;
}

int
preset_scenario_get(struct db *db, struct arena *a, const char *name,
                    const char *version, const char **body,
                    const char **workflow, struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_preset_scenario_get, &r, e, 2, V_STR(name),
                V_STR(version)) != 0)
        return -1;
    if (r.nrows == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no scenario %.40s %.12s",
                       name, version);
    *body = db_str(&r, 0, 0);
    *workflow = db_str(&r, 0, 1);
    return 0;
}

int
preset_scenarios_open(struct db *db, struct arena *a,
                      struct scenario_name **out, size_t *n, struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_preset_scenarios_open, &r, e, 0) != 0)
        return -1;
    *n = r.nrows;
    *out = ARENA_ARRAY(a, struct scenario_name, r.nrows + 1);
    for (size_t i = 0; i < r.nrows; i++)
        (*out)[i] = (struct scenario_name){db_str(&r, i, 0), db_str(&r, i, 1)};
    return 0;
}

int
worker_put(struct db *db, struct arena *a, const struct worker_row *w,
           struct err *e)
{
    struct db_list *l = db_list_new(a, w->id);
    db_add(l, &sql_worker_put, 5, V_STR(w->id), V_STR(w->boot),
           V_STR(w->body), V_STR(w->runs), V_INT(w->stopping));
    db_soft(l);
    return db_run(db, l, e);
}

int
worker_all(struct db *db, struct arena *a, struct worker_row **out, size_t *n,
           struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_worker_all, &r, e, 0) != 0)
        return -1;
    *n = r.nrows;
    *out = ARENA_ARRAY(a, struct worker_row, r.nrows + 1);
    for (size_t i = 0; i < r.nrows; i++) {
        (*out)[i] = (struct worker_row){
            .id = db_str(&r, i, 0),
            .boot = db_str(&r, i, 1),
            .body = db_str(&r, i, 2),
            .runs = db_str(&r, i, 3),
            .age_ms = db_int(&r, i, 4),
            .stopping = db_int(&r, i, 5) != 0,
        };
    }
    return 0;
}

int
meta_kind(struct db *db, struct arena *a, const char **kind, struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_meta_get, &r, e, 1, V_STR("kind")) != 0)
        return -1;
    if (r.nrows == 0)
        return err_set(e, ERR_NOT_FOUND, "the database has no kind yet");
    *kind = db_str(&r, 0, 0);
    return 0;
}

int
meta_claim_kind(struct db *db, struct arena *a, const char *kind,
                struct err *e)
{
    const char *is;
    struct db_list *l = db_list_new(a, "meta");
    db_add(l, &sql_meta_put, 2, V_STR("kind"), V_STR(kind));
    if (db_run(db, l, e) != 0 || meta_kind(db, a, &is, e) != 0)
        return -1;
    if (strcmp(is, kind) == 0)
        return 0;
    return err_set(e, ERR_CONFLICT,
                   "this database belongs to %s%s, not to %s%s: set "
                   "DATABASE_URL or DATA_DIR to another one",
                   strcmp(is, "sandbox") == 0 ? "a " : "bot ", is,
                   strcmp(kind, "sandbox") == 0 ? "a " : "bot ", kind);
}

int
meta_now(struct db *db, struct arena *a, int64_t *now_ms, struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_now_get, &r, e, 0) != 0)
        return -1;
    *now_ms = db_int(&r, 0, 0);
    return 0;
}

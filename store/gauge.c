/*
 * gauge.c - see gauge.h.
 */
#include "store/gauge.h"
#include "store/sql.h"

#define STATES_MAX 8 /* per table */

static const struct {
    const struct db_sql *sql;
    const char *name, *help;
} tables[] = {
    {&sql_gauge_deliveries, "deliveries", "Messages that are not through."},
    {&sql_gauge_jobs, "jobs", "Jobs that have not ended."},
    {&sql_gauge_outbox, "outbox", "Events that are not relayed."},
    {&sql_gauge_updates, "updates", "Updates that are not handled."},
};
#define NTABLES (sizeof tables / sizeof tables[0])

int
gauges_read(struct db *db, struct arena *a, struct gauge **out, size_t *n,
            struct err *e)
{
    *n = 0;
    *out = ARENA_ARRAY(a, struct gauge, NTABLES * STATES_MAX);
    for (size_t i = 0; i < NTABLES; i++) {
        struct db_rows r;
        if (db_read(db, a, tables[i].sql, &r, e, 0) != 0)
            return -1;
        for (size_t k = 0; k < r.nrows && k < STATES_MAX; k++)
            (*out)[(*n)++] = (struct gauge){tables[i].name, tables[i].help,
                                            db_str(&r, k, 0),
                                            db_int(&r, k, 1)};
    }
    return 0;
}

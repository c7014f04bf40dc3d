/*
 * janitor.c - see janitor.h.
 */
#include "base/limits.h"
#include "store/janitor.h"
#include "store/sql.h"

int
janitor_step(struct db *db, struct arena *a, int64_t days,
             int64_t delivery_days, int64_t *rows, struct err *e)
{
    static const struct db_sql *const steps[] = {
        &sql_janitor_updates, &sql_janitor_offers, &sql_janitor_keys,
        &sql_janitor_outbox, &sql_janitor_budgets, &sql_janitor_deliveries};
    *rows = 0;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct db_list *l = db_list_new(a, "janitor");
        db_add(l, steps[i], 2,
               V_INT(steps[i] == &sql_janitor_deliveries ? delivery_days
                                                         : days),
               V_INT(LIM_JANITOR_ROWS));
        if (db_run(db, l, e) != 0)
            return -1;
        *rows += db_count(l, 0);
    }
    return 0;
}

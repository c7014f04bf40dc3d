/*
 * check.c - see check.h.
 */
#include <string.h>
#include "store/check.h"
#include "store/preset.h"
#include "store/sql.h"

/* Rows committed by a list that took its time must not be missed. */
#define OVERLAP_MS 30000

static const struct db_sql *const questions[] = {
    &sql_check_P2_hold,  &sql_check_P2_job,       &sql_check_P3_end,
    &sql_check_P3_open,  &sql_check_P3_task,      &sql_check_P4_zero,
    &sql_check_P4_available, &sql_check_P4_held,  &sql_check_P5_lease,
    &sql_check_P7_result, &sql_check_P7_failed};

static int
check_since(struct db *db, struct arena *a, int64_t since, check_found found,
            void *ctx, size_t *n, struct err *e)
{
    *n = 0;
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        const struct db_sql *q = questions[i];
        char promise[3] = {q->name[6], q->name[7], '\0'}; /* check_P4_... */
        struct db_rows r;
        if (db_read(db, a, q, &r, e, 1, V_INT(since)) != 0)
            return err_wrap(e, "%s", q->name);
        for (size_t k = 0; k < r.nrows; k++)
            found(ctx, promise, db_str(&r, k, 0), db_str(&r, k, 1));
        *n += r.nrows;
    }
    return 0;
}

int
check_all(struct db *db, struct arena *a, check_found found, void *ctx,
          size_t *n, struct err *e)
{
    return check_since(db, a, 0, found, ctx, n, e);
}

int
check_recent(struct db *db, struct arena *a, int64_t *since,
             check_found found, void *ctx, struct err *e)
{
    int64_t now;
    size_t n;
    if (meta_now(db, a, &now, e) != 0)
        return -1;
    if (*since > 0 && check_since(db, a, *since, found, ctx, &n, e) != 0)
        return -1;
    *since = now - OVERLAP_MS;
    return 0;
}

/*
 * event.c - see event.h.
 */
#include "store/event.h"
#include "store/sql.h"

int
events_open(struct db *db, struct arena *a, int64_t limit, struct event **out,
            size_t *n, struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_event_open, &r, e, 1, V_INT(limit)) != 0)
        return -1;
    *n = r.nrows;
    *out = ARENA_ARRAY(a, struct event, r.nrows + 1);
    for (size_t i = 0; i < r.nrows; i++)
        (*out)[i] = (struct event){db_int(&r, i, 0), db_str(&r, i, 1),
                                   db_str(&r, i, 2), db_str(&r, i, 3)};
    return 0;
}

int
events_relayed(struct db *db, struct arena *a, const struct event *events,
               size_t n, struct err *e)
{
    struct db_list *l = db_list_new(a, "outbox");
    for (size_t i = 0; i < n;) {
        size_t k = i + 1;
        while (k < n && events[k].seq == events[k - 1].seq + 1)
            k++;
        db_add(l, &sql_event_relayed, 2, V_INT(events[i].seq),
               V_INT(events[k - 1].seq));
        i = k;
    }
    db_soft(l); /* told twice does no harm */
    return n == 0 ? 0 : db_run(db, l, e);
}

int
events_replay(struct db *db, struct arena *a, struct err *e)
{
    struct db_list *l = db_list_new(a, "outbox");
    db_add(l, &sql_event_replay, 0);
    return db_run(db, l, e);
}

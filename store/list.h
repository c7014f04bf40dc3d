/*
 * list.h - what all SQL lists of store/ have in common (protocols 4).
 *
 * The first statement of a list decides: it updates, and so locks, the guarded
 * row with the condition in its WHERE, and writes the list's own random id
 * into that row's `list` column. Every later statement is guarded by that id.
 *
 * Functions named *_add_* append statements to a list that somebody else runs;
 * they take the guard: "do it only if job J carries list id G". Every list
 * that touches a task also touches its job's row, so the job's guard serves
 * all that hangs on it (ledger, deliveries, outbox).
 *
 * All SQL statements stand in tables (*_sql.def of each noun); store_sql[]
 * lists them all, and a test prepares each on both databases.
 */
#ifndef STORE_LIST_H
#define STORE_LIST_H

#include "base/id.h"
#include "io/db.h"

#define LIST_ID_MAX 17 /* 16 hex digits + NUL */

void list_id_new(char out[LIST_ID_MAX]);

/* Who a later statement belongs to: borrowed texts. */
struct guard {
    const char *job; /* job id */
    const char *id;  /* list id */
};

extern const struct db_sql *const store_sql[];
extern const size_t store_nsql;

/* outbox row: event "job.created", "task.processing", ...; key = task or job
 * id; body is JSON. */
void outbox_add(struct db_list *l, struct guard g, const char *topic,
                const char *event, const char *key, const char *body);

#endif

/*
 * list.c - list ids, the table of all statements, the outbox.
 */
#include "base/rand.h"
#include "store/list.h"
#include "store/sql.h"

#define SQL(name, types, text)                                                \
    const struct db_sql sql_##name = {#name, text, types};
#include "store/sql.def"
#undef SQL

#define SQL(name, types, text) &sql_##name,
const struct db_sql *const store_sql[] = {
#include "store/sql.def"
};
#undef SQL
const size_t store_nsql = sizeof store_sql / sizeof store_sql[0];

void
list_id_new(char out[LIST_ID_MAX])
{
    rand_hex(out, LIST_ID_MAX - 1);
}

void
outbox_add(struct db_list *l, struct guard g, const char *topic,
           const char *event, const char *key, const char *body)
{
    db_add(l, &sql_outbox_add, 6, V_STR(topic), V_STR(event), V_STR(key),
           V_STR(body), V_STR(g.job), V_STR(g.id));
}

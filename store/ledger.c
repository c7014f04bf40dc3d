/*
 * ledger.c - the four moves of a job's price.
 */
#include "store/ledger.h"
#include "store/sql.h"

static void
add_txn(struct arena *a, struct db_list *l, const struct db_sql *sql,
        struct guard g, const char *account, const char *note,
        const char *from, const char *to, int64_t credits)
{
    char *id = arena_alloc(a, ID_MAX);
    id_new(id, "txn");
    db_add(l, sql, 5, V_STR(id), V_STR(g.job), V_STR(account), V_STR(note),
           V_STR(g.id));
    db_add(l, &sql_ledger_entries, 4, V_STR(id), V_STR(from), V_STR(to),
           V_INT(credits));
}

static char *
available_of(struct arena *a, const char *account)
{
    return arena_fmt(a, "available:%s", account);
}

static char *
held_of(struct arena *a, const char *account)
{
    return arena_fmt(a, "held:%s", account);
}

void
ledger_add_hold(struct arena *a, struct db_list *l, struct guard g,
                const char *account, int64_t credits)
{
    add_txn(a, l, &sql_ledger_hold, g, account, NULL, available_of(a, account),
            held_of(a, account), credits);
}

void
ledger_add_capture(struct arena *a, struct db_list *l, struct guard g,
                   const char *account, int64_t credits)
{
    db_add(l, &sql_balance_capture, 4, V_STR(account), V_INT(credits),
           V_STR(g.job), V_STR(g.id));
    add_txn(a, l, &sql_ledger_capture, g, account, NULL, held_of(a, account),
            "revenue", credits);
}

void
ledger_add_release(struct arena *a, struct db_list *l, struct guard g,
                   const char *account, int64_t credits)
{
    db_add(l, &sql_balance_release, 4, V_STR(account), V_INT(credits),
           V_STR(g.job), V_STR(g.id));
    add_txn(a, l, &sql_ledger_release, g, account, NULL, held_of(a, account),
            available_of(a, account), credits);
}

void
ledger_add_refund(struct arena *a, struct db_list *l, struct guard g,
                  const char *account, int64_t credits, const char *reason)
{
    db_add(l, &sql_balance_refund, 4, V_STR(account), V_INT(credits),
           V_STR(g.job), V_STR(g.id));
    add_txn(a, l, &sql_ledger_refund, g, account, reason, "revenue",
            available_of(a, account), credits);
}

/*
 * account.c - registration and look-up.
 */
#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "model/text.h"
#include "store/account_row.h"
#include "store/sql.h"

void
account_row_take(const struct db_rows *r, size_t i, struct account *out)
{
    *out = (struct account){
        .id = db_str(r, i, 0),
        .full_name = db_str(r, i, 1),
        .username = db_str(r, i, 2),
        .language = db_str(r, i, 3),
        .reachable = db_int(r, i, 4) != 0,
        .created_at = db_int(r, i, 5),
        .available = db_int(r, i, 6),
        .held = db_int(r, i, 7),
    };
    if (!str_to_i64(str_c(db_str(r, i, 8)), &out->telegram_id))
        out->telegram_id = 0;
}

int
account_by_id(struct db *db, struct arena *a, const char *id,
              struct account *out, struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_account_by_id, &r, e, 1, V_STR(id)) != 0)
        return -1;
    if (r.nrows == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no account %.40s", id);
    account_row_take(&r, 0, out);
    return 0;
}

int
account_by_telegram(struct db *db, struct arena *a, int64_t telegram_id,
                    struct account *out, struct err *e)
{
    struct db_rows r;
    char *subject = arena_fmt(a, "%lld", (long long)telegram_id);
    if (db_read(db, a, &sql_account_by_identity, &r, e, 2, V_STR("telegram"),
                V_STR(subject)) != 0)
        return -1;
    if (r.nrows == 0)
        return err_set(e, ERR_NOT_FOUND, "nobody with telegram id %s", subject);
    account_row_take(&r, 0, out);
    return 0;
}

/* 1 created, 0 someone was faster, -1 error. */
static int
account_create(struct db *db, struct arena *a, const struct account_new *n,
               struct err *e)
{
    char *id = arena_alloc(a, ID_MAX), *txn = arena_alloc(a, ID_MAX);
    char *subject = arena_fmt(a, "%lld", (long long)n->telegram_id);
    id_new(id, "usr");
    id_new(txn, "txn");
    struct db_list *l = db_list_new(a, id);
    db_add(l, &sql_account_insert, 6, V_STR(id),
           V_STR(n->full_name ? n->full_name : ""), V_STR(n->username),
           V_STR(text_lang_name(text_lang_of(n->language_tag))),
           V_STR(n->start_payload), V_STR(subject));
    db_add(l, &sql_account_identity, 2, V_STR(id), V_STR(subject));
    db_add(l, &sql_account_balance, 2, V_STR(id), V_INT(n->initial_balance));
    if (n->initial_balance > 0) {
        db_add(l, &sql_account_bonus_txn, 2, V_STR(id), V_STR(txn));
        db_add(l, &sql_account_bonus_entries, 3, V_STR(id), V_STR(txn),
               V_INT(n->initial_balance));
    }
    if (db_run(db, l, e) != 0)
        return e->code == ERR_CONFLICT ? 0 : -1;
    if (db_count(l, 0) != 1)
        return 0;
    log_info("account", "registered", "id=%s balance=%lld", id,
             (long long)n->initial_balance);
    return 1;
}

static int
account_refresh(struct db *db, struct arena *a, const struct account_new *n,
                struct account *acc, struct err *e)
{
    const char *name = n->full_name ? n->full_name : "";
    const char *username = n->username ? n->username : "";
    if (strcmp(name, acc->full_name) == 0 &&
        strcmp(username, acc->username) == 0)
        return 0;
    struct db_list *l = db_list_new(a, acc->id);
    db_add(l, &sql_account_rename, 3, V_STR(acc->id), V_STR(name),
           V_STR(n->username));
    if (db_run(db, l, e) != 0)
        return -1;
    acc->full_name = name;
    acc->username = username;
    return 0;
}

int
account_register(struct db *db, struct arena *a, const struct account_new *n,
                 struct account *out, bool *created, struct err *e)
{
    *created = false;
    if (account_by_telegram(db, a, n->telegram_id, out, e) == 0)
        return account_refresh(db, a, n, out, e);
    if (e->code != ERR_NOT_FOUND)
        return -1;
    int rc = account_create(db, a, n, e);
    if (rc < 0)
        return -1;
    *created = rc == 1;
    return account_by_telegram(db, a, n->telegram_id, out, e);
}

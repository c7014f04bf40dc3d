/*
 * update.c - see update.h.
 */
#include <string.h>
#include "base/limits.h"
#include "base/log.h"
#include "store/account_row.h"
#include "store/delivery.h"
#include "store/sql.h"
#include "store/update.h"

#define WAKE_ROWS 100
#define TAKE_TRIES 4 /* another backend may be faster */

/* Lists of a chat go to one connection, so that they follow each other. */
static const char *
chat_shard(struct arena *a, int64_t chat_id)
{
    return arena_fmt(a, "chat:%lld", (long long)chat_id);
}

static struct db_val
int_or_null(int64_t v)
{
    return v == 0 ? V_NULL : V_INT(v);
}

/* ---- taking ----------------------------------------------------------- */

/* The statements from `first` on: the taken row, its dialogue, its account. */
static bool
work_take(const struct db_list *l, size_t first, struct update_work *w)
{
    const struct db_rows *r = db_result(l, first);
    if (r->nrows == 0)
        return false;
    *w = (struct update_work){
        .seq = db_int(r, 0, 0),
        .attempt = db_int(r, 0, 1),
        .chat_id = db_int(r, 0, 2),
        .telegram_id = db_int(r, 0, 3),
        .body = db_str(r, 0, 4),
        .dialog_state = "",
    };
    const struct db_rows *d = db_result(l, first + 1);
    if (d->nrows > 0) {
        w->dialog_version = db_int(d, 0, 1);
        w->dialog_state = db_str(d, 0, 2);
    }
    const struct db_rows *acc = db_result(l, first + 2);
    if (acc->nrows > 0) {
        account_row_take(acc, 0, &w->account);
        w->has_account = true;
    }
    return true;
}

static void
add_look(struct db_list *l, const char *list)
{
    db_add(l, &sql_update_dialog, 1, V_STR(list));
    db_add(l, &sql_update_account, 1, V_STR(list));
}

int
update_put(struct db *db, struct arena *a, const struct update_new *u,
           const struct update_taker *t, int64_t *seq, bool *duplicate,
           bool *taken, struct update_work *work, struct err *e)
{
    char *list = arena_alloc(a, LIST_ID_MAX);
    list_id_new(list);
    struct db_list *l = db_list_new(a, chat_shard(a, u->chat_id));
    db_add(l, &sql_update_insert, 8, V_STR(u->bot_id), V_INT(u->update_id),
           int_or_null(u->chat_id), V_STR(u->kind),
           V_STR(u->base64 ? "base64" : "json"), V_STR(u->body),
           V_STR(u->dead ? "dead" : "open"), int_or_null(u->telegram_id));
    db_add(l, &sql_update_seq, 2, V_STR(u->bot_id), V_INT(u->update_id));
    if (t != NULL) {
        db_add(l, &sql_update_take_one, 6, V_STR(t->bot), V_STR(t->boot),
               V_STR(list), V_INT(t->lease_ms), V_STR(u->bot_id),
               V_INT(u->update_id));
        add_look(l, list);
    }
    if (db_run(db, l, e) != 0)
        return -1;
    *duplicate = db_result(l, 0)->nrows == 0;
    *seq = db_int(db_result(l, 1), 0, 0);
    *taken = t != NULL && work_take(l, 2, work);
    return 0;
}

/* One try; *any tells whether there was anything to take. */
static int
take_once(struct db *db, struct arena *a, const struct update_taker *t,
          bool *any, bool *taken, struct update_work *work, struct err *e)
{
    struct db_rows r;
    char *list = arena_alloc(a, LIST_ID_MAX);
    *taken = false;
    /* most calls find nothing: a look is cheaper than a transaction */
    if (db_read(db, a, &sql_update_free_any, &r, e, 1, V_STR(t->bot_id)) != 0)
        return -1;
    *any = r.nrows > 0;
    if (!*any)
        return 0;
    list_id_new(list);
    struct db_list *l = db_list_new(a, "inbox");
    db_add(l, &sql_update_take_any, 5, V_STR(t->bot), V_STR(t->boot),
           V_STR(list), V_INT(t->lease_ms), V_STR(t->bot_id));
    add_look(l, list);
    if (db_run(db, l, e) != 0)
        return -1;
    *taken = work_take(l, 0, work);
    return 0;
}

int
update_take(struct db *db, struct arena *a, const struct update_taker *t,
            bool *taken, struct update_work *work, struct err *e)
{
    bool any = true;
    *taken = false;
    for (int i = 0; i < TAKE_TRIES && any && !*taken; i++) {
        if (take_once(db, a, t, &any, taken, work, e) != 0)
            return -1;
    }
    return 0;
}

/* seq and state of rows that failed. */
static size_t
parked_tell(const struct db_rows *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->nrows; i++) {
        if (strcmp(db_str(r, i, 1), "parked") != 0)
            continue;
        log_error("inbox", "parked", "seq=%lld: failed %d times, see the admin"
                  " list", (long long)db_int(r, i, 0), LIM_UPDATE_ATTEMPTS);
        n++;
    }
    return n;
}

int
update_free_boot(struct db *db, struct arena *a, const char *bot,
                 const char *boot, struct err *e)
{
    struct db_list *l = db_list_new(a, "inbox");
    db_add(l, &sql_update_free_boot, 3, V_STR(bot), V_STR(boot),
           V_INT(LIM_UPDATE_ATTEMPTS));
    if (db_run(db, l, e) != 0)
        return -1;
    parked_tell(db_result(l, 0));
    return 0;
}

int
update_lapse(struct db *db, struct arena *a, int64_t up_since, size_t *n,
             struct err *e)
{
    struct db_list *l = db_list_new(a, "inbox");
    db_add(l, &sql_update_lapse, 2, V_INT(LIM_UPDATE_ATTEMPTS),
           V_INT(up_since));
    if (db_run(db, l, e) != 0)
        return -1;
    *n = db_result(l, 0)->nrows;
    parked_tell(db_result(l, 0));
    return 0;
}

int
update_get(struct db *db, struct arena *a, int64_t seq,
           struct update_state *out, struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_update_get, &r, e, 1, V_INT(seq)) != 0)
        return -1;
    if (r.nrows == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no update %lld",
                       (long long)seq);
    *out = (struct update_state){db_str(&r, 0, 1), db_int(&r, 0, 2),
                                 db_int(&r, 0, 3), db_int(&r, 0, 4)};
    return 0;
}

/* ---- ending ----------------------------------------------------------- */

static void
add_offer(struct db_list *l, const struct update_offer *o, const char *list,
          int64_t ttl_ms, int64_t seq)
{
    db_add(l, &sql_offer_insert, 14, V_STR(o->id), V_STR(o->account),
           V_INT(o->chat_id), V_STR(o->preset), V_STR(o->scenario),
           V_STR(o->version), V_INT(o->price), V_STR(o->items),
           V_INT(o->n_items), V_INT(o->reply_to), V_STR(list),
           V_INT(o->price * o->n_items), V_INT(ttl_ms), V_INT(seq));
}

int
update_finish(struct db *db, struct arena *a, const struct update_done *d,
              bool *done, struct err *e)
{
    char *list = arena_alloc(a, LIST_ID_MAX);
    list_id_new(list);
    struct db_list *l = db_list_new(a, chat_shard(a, d->chat_id));
    db_add(l, &sql_update_finish, 5, V_INT(d->seq), V_INT(d->attempt),
           V_STR(list), V_INT(d->chat_id), V_INT(d->version));
    if (d->version >= 0)
        db_add(l, &sql_update_dialog_put, 6, V_INT(d->chat_id),
               V_STR(d->bot_id), V_STR(d->state), V_INT(d->wake_ms),
               V_STR(list), V_INT(d->seq));
    for (size_t i = 0; i < d->noffers; i++)
        add_offer(l, &d->offers[i], list, d->offer_ttl_ms, d->seq);
    for (size_t i = 0; i < d->ndeliveries; i++)
        delivery_add_dialog(l, d->seq, list, d->account, &d->deliveries[i]);
    if (d->account != NULL && d->language != NULL)
        db_add(l, &sql_update_language, 4, V_STR(d->account),
               V_STR(d->language), V_STR(list), V_INT(d->seq));
    if (d->account != NULL && d->reachable >= 0) {
        db_add(l, &sql_update_reachable, 4, V_STR(d->account),
               V_INT(d->reachable), V_STR(list), V_INT(d->seq));
        if (d->reachable == 1)
            db_add(l, &sql_update_deliveries_back, 3, V_STR(d->account),
                   V_STR(list), V_INT(d->seq));
    }
    if (db_run(db, l, e) != 0)
        return -1;
    *done = db_count(l, 0) == 1;
    return 0;
}

int
update_fail(struct db *db, struct arena *a, int64_t seq, int64_t attempt,
            const char *error, bool counts, bool *done, struct err *e)
{
    char *list = arena_alloc(a, LIST_ID_MAX);
    list_id_new(list);
    struct db_list *l = db_list_new(a, "inbox");
    db_add(l, &sql_update_fail, 6, V_INT(seq), V_INT(attempt), V_STR(list),
           V_STR(error), V_INT(counts), V_INT(LIM_UPDATE_ATTEMPTS));
    if (db_run(db, l, e) != 0)
        return -1;
    *done = db_count(l, 0) == 1;
    parked_tell(db_result(l, 0));
    return 0;
}

/* ---- dialogues -------------------------------------------------------- */

int
dialog_get(struct db *db, struct arena *a, int64_t chat_id,
           struct dialog *out, struct err *e)
{
    struct db_rows r;
    *out = (struct dialog){.chat_id = chat_id, .state = ""};
    if (db_read(db, a, &sql_dialog_get, &r, e, 1, V_INT(chat_id)) != 0)
        return -1;
    if (r.nrows > 0) {
        out->version = db_int(&r, 0, 1);
        out->state = db_str(&r, 0, 2);
    }
    return 0;
}

int
dialog_wake_due(struct db *db, struct arena *a, size_t *n, int64_t *next_ms,
                struct err *e)
{
    struct db_rows r;
    *n = 0;
    if (db_read(db, a, &sql_dialog_due, &r, e, 1, V_INT(WAKE_ROWS)) != 0)
        return -1;
    for (size_t i = 0; i < r.nrows; i++) {
        int64_t chat = db_int(&r, i, 0), version = db_int(&r, i, 1);
        struct db_list *l = db_list_new(a, chat_shard(a, chat));
        db_add(l, &sql_dialog_wake, 2, V_INT(chat), V_INT(version));
        db_add(l, &sql_dialog_wake_update, 3, V_INT(chat), V_INT(version),
               V_STR("{\"wake\":true}"));
        if (db_run(db, l, e) != 0)
            return -1;
        *n += (size_t)db_count(l, 1);
    }
    if (db_read(db, a, &sql_dialog_next, &r, e, 0) != 0)
        return -1;
    *next_ms = r.nrows == 0 || db_is_null(&r, 0, 0) ? -1 : db_int(&r, 0, 0);
    return 0;
}

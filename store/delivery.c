/*
 * delivery.c - see delivery.h.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "store/delivery.h"
#include "store/sql.h"
#include "store/update.h"

#define CHAT_BURST 3        /* messages */
#define BOT_BURST_MS 1000   /* of the bot's rate */
#define STATUS_PAUSE_MS 3000
#define SWEEP_ROWS 100

/* ---- written by other lists ------------------------------------------- */

static char *
new_id(struct arena *a)
{
    char *id = arena_alloc(a, ID_MAX);
    id_new(id, "dlv");
    return id;
}

void
delivery_add_status(struct arena *a, struct db_list *l, struct guard g,
                    const char *account, int64_t chat_id, int64_t message_id)
{
    db_add(l, &sql_delivery_status, 6, V_STR(new_id(a)), V_STR(account),
           V_INT(chat_id), V_INT(message_id), V_STR(g.job), V_STR(g.id));
}

void
delivery_add_status_bump(struct db_list *l, struct guard g, bool final)
{
    db_add(l, &sql_delivery_status_bump, 3, V_INT(final), V_STR(g.job),
           V_STR(g.id));
}

void
delivery_add_result(struct arena *a, struct db_list *l, struct guard g,
                    const char *account, int64_t chat_id, int64_t n,
                    const char *object_id)
{
    db_add(l, &sql_delivery_result, 7, V_STR(new_id(a)), V_STR(account),
           V_INT(chat_id), V_INT(n), V_STR(object_id), V_STR(g.job),
           V_STR(g.id));
}

void
delivery_add_note(struct arena *a, struct db_list *l, struct guard g,
                  const char *account, int64_t chat_id, int64_t n,
                  const char *body)
{
    db_add(l, &sql_delivery_note, 7, V_STR(new_id(a)), V_STR(account),
           V_INT(chat_id), V_INT(n), V_STR(body), V_STR(g.job), V_STR(g.id));
}

void
delivery_add_dialog(struct db_list *l, int64_t seq, const char *list,
                    const char *account, const struct update_delivery *d)
{
    db_add(l, &sql_delivery_dialog, 8, V_STR(d->id), V_STR(d->kind),
           V_INT(d->chat_id), V_STR(d->body), V_INT(d->message_id),
           V_INT(seq), V_STR(list), V_STR(account));
}

/* ---- claims ----------------------------------------------------------- */

static int64_t
interval_ms(int64_t rate)
{
    int64_t ms = 1000 / rate;
    return ms > 0 ? ms : 1;
}

/* A status before its pictures, a chat's messages as they were written. */
static int
send_order(const void *x, const void *y)
{
    const struct delivery *a = x, *b = y;
    bool sa = strcmp(a->kind, "status") == 0;
    bool sb = strcmp(b->kind, "status") == 0;
    if (sa != sb)
        return sa ? -1 : 1;
    return strcmp(a->id, b->id);
}

static void
claimed_take(struct arena *a, const struct db_rows *r, struct delivery **out,
             size_t *n)
{
    *n = r->nrows;
    *out = ARENA_ARRAY(a, struct delivery, r->nrows + 1);
    for (size_t i = 0; i < r->nrows; i++) {
        struct delivery *d = &(*out)[i];
        *d = (struct delivery){
            .id = db_str(r, i, 0),
            .lane = db_str(r, i, 1),
            .kind = db_str(r, i, 2),
            .chat_id = db_int(r, i, 3),
            .job = db_str(r, i, 4),
            .account = db_str(r, i, 5),
            .body = db_str(r, i, 6),
            .object = db_str(r, i, 7),
            .revision = db_int(r, i, 8),
            .message_id = db_int(r, i, 9),
            .attempt = db_int(r, i, 10),
            .unknowns = db_int(r, i, 11),
            .final = !db_is_null(r, i, 12) &&
                     db_int(r, i, 12) == db_int(r, i, 8),
            .language = db_is_null(r, i, 13) ? "en" : db_str(r, i, 13),
        };
    }
    if (*n > 1)
        qsort(*out, *n, sizeof **out, send_order);
}

static int
claim_run(struct db *db, struct arena *a, const struct delivery_sender *s,
          const char *list, const struct db_sql *sql, size_t nextra,
          const struct db_val *extra, struct delivery **out, size_t *n,
          struct err *e)
{
    struct db_val v[10];
    int64_t chat_ms = interval_ms(s->chat_rate), bot_ms = interval_ms(s->rate);
    struct db_list *l = db_list_new(a, "deliveries");
    v[0] = V_STR(s->sender);
    v[1] = V_STR(s->boot);
    v[2] = V_STR(list);
    v[3] = V_INT(s->lease_ms);
    v[4] = V_INT(BOT_BURST_MS);
    v[5] = V_INT((CHAT_BURST - 1) * chat_ms);
    v[6] = V_INT(bot_ms);
    v[7] = V_INT(chat_ms);
    assert(nextra <= 2);
    for (size_t i = 0; i < nextra; i++)
        v[8 + i] = extra[i];
    db_add(l, &sql_delivery_budget_lock, 0);
    db_addv(l, sql, 8 + nextra, v);
    db_add(l, &sql_delivery_budget_bot, 2, V_STR(list), V_INT(bot_ms));
    db_add(l, &sql_delivery_budget_chat, 2, V_STR(list), V_INT(chat_ms));
    /* after a power cut nobody knows whether it was sent: once more, as for
     * any unknown outcome, whether this claim survived or not */
    db_soft(l);
    if (db_run(db, l, e) != 0)
        return -1;
    claimed_take(a, db_result(l, 1), out, n);
    return 0;
}

/* With the answer to a finish: when that one was lost, what it had claimed is
 * given again, for nobody else knows of it. */
static int
claim_again(struct db *db, struct arena *a, const struct delivery_sender *s,
            const char *list, const struct db_sql *sql, size_t nextra,
            const struct db_val *extra, struct delivery **out, size_t *n,
            struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_delivery_held, &r, e, 3, V_STR(list),
                V_STR(s->sender), V_STR(s->boot)) != 0)
        return -1;
    if (r.nrows == 0)
        return claim_run(db, a, s, list, sql, nextra, extra, out, n, e);
    claimed_take(a, &r, out, n);
    return 0;
}

int
delivery_claim_lane(struct db *db, struct arena *a,
                    const struct delivery_sender *s, const char *lane,
                    int64_t max, struct delivery **out, size_t *n,
                    struct err *e)
{
    char *list = arena_alloc(a, LIST_ID_MAX);
    struct db_val extra[] = {V_STR(lane), V_INT(max)};
    list_id_new(list);
    return claim_run(db, a, s, list, &sql_delivery_claim_lane, 2, extra, out,
                     n, e);
}

int
delivery_claim_end(struct db *db, struct arena *a,
                   const struct delivery_sender *s, const char *job,
                   int64_t attempt, struct delivery **out, size_t *n,
                   struct err *e)
{
    struct db_val extra[] = {V_STR(job), V_STR("job")};
    char *list = arena_fmt(a, "end:%s:%lld", job, (long long)attempt);
    return claim_again(db, a, s, list, &sql_delivery_claim_job, 2, extra, out,
                       n, e);
}

int
delivery_claim_chat(struct db *db, struct arena *a,
                    const struct delivery_sender *s, int64_t chat_id,
                    int64_t seq, struct delivery **out, size_t *n,
                    struct err *e)
{
    struct db_val extra[] = {V_INT(chat_id)};
    char *list = arena_fmt(a, "turn:%lld", (long long)seq);
    return claim_again(db, a, s, list, &sql_delivery_claim_chat, 1, extra, out,
                       n, e);
}

int
delivery_next(struct db *db, struct arena *a, const struct delivery_sender *s,
              const char *lane, int64_t *ms, struct err *e)
{
    struct db_rows r;
    int64_t burst_ms = (CHAT_BURST - 1) * interval_ms(s->chat_rate);
    *ms = -1;
    if (db_read(db, a, &sql_delivery_next, &r, e, 2, V_STR(lane),
                V_INT(burst_ms)) != 0)
        return -1;
    if (r.nrows == 0 || db_is_null(&r, 0, 0))
        return 0;
    int64_t own = db_int(&r, 0, 0);
    int64_t bot = db_is_null(&r, 0, 1) ? 0 : db_int(&r, 0, 1) - BOT_BURST_MS;
    *ms = own > bot ? own : bot;
    if (*ms < 0)
        *ms = 0;
    return 0;
}

/* ---- reports ---------------------------------------------------------- */

int
delivery_get(struct db *db, struct arena *a, const char *id,
             struct delivery_row *out, struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_delivery_get, &r, e, 1, V_STR(id)) != 0)
        return -1;
    if (r.nrows == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no delivery %.40s", id);
    *out = (struct delivery_row){
        .id = db_str(&r, 0, 0),
        .kind = db_str(&r, 0, 1),
        .attempt = db_int(&r, 0, 3),
        .chat_id = db_int(&r, 0, 4),
        .unknowns = db_int(&r, 0, 5),
        .claimed = db_int(&r, 0, 6),
        .wanted = db_int(&r, 0, 7),
        .final_rev = db_is_null(&r, 0, 8) ? -1 : db_int(&r, 0, 8),
        .account = db_str(&r, 0, 9),
        .object = db_str(&r, 0, 10),
        .job = db_str(&r, 0, 11),
        .message_id = db_int(&r, 0, 12),
    };
    bool known = delivery_state_parse(db_str(&r, 0, 2), &out->state);
    assert(known);
    return 0;
}

/* What the row becomes, from what the sender says (model/delivery.h). */
static enum delivery_state
state_after(const struct delivery_row *d, enum delivery_state said)
{
    bool status = strcmp(d->kind, "status") == 0;
    if (said == DELIVERY_SENT && status)
        return d->final_rev == d->claimed ? DELIVERY_SENT : DELIVERY_QUEUED;
    if (said == DELIVERY_UNKNOWN && delivery_is_repeatable(d->kind))
        return DELIVERY_QUEUED;
    if (said == DELIVERY_UNKNOWN && d->unknowns + 1 >= 2)
        return DELIVERY_FAILED;
    return said;
}

static int64_t
pause_after(const struct delivery_row *d, const struct delivery_report *r)
{
    if (r->state == DELIVERY_SENT && strcmp(d->kind, "status") == 0)
        return STATUS_PAUSE_MS;
    return r->retry_after_ms > 0 ? r->retry_after_ms : 0;
}

static void
add_pauses(struct db_list *l, const struct delivery_row *d,
           const struct delivery_report *r, const char *list)
{
    /* a pause is measured behind the burst that a claim may run ahead */
    int64_t chat_ms =
        r->retry_after_ms + (CHAT_BURST - 1) * interval_ms(r->chat_rate);
    db_add(l, &sql_delivery_pause_bot, 4, V_INT(d->chat_id),
           V_INT(r->retry_after_ms + BOT_BURST_MS), V_STR(d->id),
           V_STR(list));
    db_add(l, &sql_delivery_pause_chat, 4, V_INT(d->chat_id), V_INT(chat_ms),
           V_STR(d->id), V_STR(list));
    db_add(l, &sql_delivery_pause_rows, 4, V_INT(d->chat_id),
           V_INT(r->retry_after_ms), V_STR(d->id), V_STR(list));
}

static void
add_consequences(struct db_list *l, const struct delivery_row *d,
                 const struct delivery_report *r, const char *list)
{
    if (r->file_id != NULL && d->object[0] != '\0')
        db_add(l, &sql_delivery_file_id, 4, V_STR(d->object),
               V_STR(r->file_id), V_STR(d->id), V_STR(list));
    if (r->state == DELIVERY_WAITING_USER && d->account[0] != '\0')
        db_add(l, &sql_delivery_user_gone, 3, V_STR(d->account), V_STR(d->id),
               V_STR(list));
    if (r->rate_limited)
        add_pauses(l, d, r, list);
}

/* A list of failures without reasons helps nobody. */
static const char *
reason_of(enum delivery_state to, const char *error)
{
    if (to == DELIVERY_FAILED && (error == NULL || error[0] == '\0'))
        return "the sender gave no reason";
    return error;
}

int
delivery_report(struct db *db, struct arena *a, const struct delivery_row *d,
                const struct delivery_report *r, bool *done, struct err *e)
{
    char *list = arena_alloc(a, LIST_ID_MAX);
    enum delivery_state to = state_after(d, r->state);
    list_id_new(list);
    struct db_list *l = db_list_new(a, "deliveries");
    db_add(l, &sql_delivery_report, 10, V_STR(d->id), V_INT(r->attempt),
           V_STR(delivery_state_name(to)), V_INT(r->message_id),
           V_INT(pause_after(d, r)), V_STR(reason_of(to, r->error)),
           V_STR(r->file_id),
           V_STR(delivery_state_name(r->state)), V_STR(list),
           V_INT(r->state == DELIVERY_UNKNOWN));
    add_consequences(l, d, r, list);
    if (delivery_is_repeatable(d->kind) && r->state == DELIVERY_SENT)
        db_soft(l);
    if (db_run(db, l, e) != 0)
        return -1;
    *done = db_count(l, 0) == 1;
    if (*done && to != DELIVERY_SENT && r->state != DELIVERY_SENT)
        log_warn("delivery", delivery_state_name(to),
                 "id=%s kind=%s chat=%lld why=%s", d->id, d->kind,
                 (long long)d->chat_id, r->error ? r->error : "");
    return 0;
}

int
delivery_sweep(struct db *db, struct arena *a, const char *sender,
               const char *boot, size_t *n, struct err *e)
{
    struct db_rows r;
    int rc = boot == NULL
                 ? db_read(db, a, &sql_delivery_lapsed, &r, e, 1,
                           V_INT(SWEEP_ROWS))
                 : db_read(db, a, &sql_delivery_of_old_boot, &r, e, 2,
                           V_STR(sender), V_STR(boot));
    *n = 0;
    if (rc != 0)
        return -1;
    for (size_t i = 0; i < r.nrows; i++) {
        struct delivery_row d;
        struct delivery_report rep = {
            .state = DELIVERY_UNKNOWN, .error = "its sender went silent",
            .attempt = db_int(&r, i, 1), .chat_rate = 1};
        bool done;
        if (delivery_get(db, a, db_str(&r, i, 0), &d, e) != 0 ||
            delivery_report(db, a, &d, &rep, &done, e) != 0)
            return -1;
        *n += done;
    }
    return 0;
}

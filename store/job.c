/*
 * job.c - see job.h. Every list here starts with the row that decides:
 * the balance for a creation, the job for its end.
 */
#include <assert.h>
#include "base/log.h"
#include "store/delivery.h"
#include "store/job.h"
#include "store/ledger.h"
#include "store/sql.h"

/* ---- reading ---------------------------------------------------------- */

int
offer_get(struct db *db, struct arena *a, const char *id, struct offer *out,
          struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_offer_get, &r, e, 1, V_STR(id)) != 0)
        return -1;
    if (r.nrows == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no offer %.40s", id);
    *out = (struct offer){
        .id = db_str(&r, 0, 0),
        .account = db_str(&r, 0, 1),
        .chat_id = db_int(&r, 0, 2),
        .preset = db_str(&r, 0, 3),
        .scenario = db_str(&r, 0, 4),
        .version = db_str(&r, 0, 5),
        .bindings = db_str(&r, 0, 6),
        .price = db_int(&r, 0, 7),
        .items = db_str(&r, 0, 8),
        .n_items = db_int(&r, 0, 9),
        .total = db_int(&r, 0, 10),
        .reply_to = db_int(&r, 0, 11),
        .used = !db_is_null(&r, 0, 12),
        .expired = db_int(&r, 0, 13) != 0,
    };
    return 0;
}

static void
job_take(const struct db_rows *r, size_t i, struct job *out)
{
    *out = (struct job){
        .id = db_str(r, i, 0),
        .account = db_str(r, i, 1),
        .chat_id = db_int(r, i, 2),
        .reply_to = db_int(r, i, 3),
        .preset = db_str(r, i, 4),
        .scenario = db_str(r, i, 5),
        .version = db_str(r, i, 6),
        .bindings = db_str(r, i, 7),
        .inputs = db_str(r, i, 8),
        .price = db_int(r, i, 9),
        .offer = db_str(r, i, 11),
        .offer_n = db_int(r, i, 12),
        .cancel_requested = db_int(r, i, 13) != 0,
        .result_ref = db_str(r, i, 14),
        .error_class = db_str(r, i, 15),
        .error = db_str(r, i, 16),
        .refunded_at = db_int(r, i, 17),
        .created_at = db_int(r, i, 18),
        .started_at = db_int(r, i, 19),
        .finished_at = db_int(r, i, 20),
        .n_tasks = db_int(r, i, 21),
    };
    bool known = job_state_parse(db_str(r, i, 10), &out->state);
    assert(known);
}

static void
jobs_take(struct arena *a, const struct db_rows *r, struct job **out,
          size_t *n)
{
    *n = r->nrows;
    *out = ARENA_ARRAY(a, struct job, r->nrows + 1);
    for (size_t i = 0; i < r->nrows; i++)
        job_take(r, i, &(*out)[i]);
}

int
job_get(struct db *db, struct arena *a, const char *id, struct job *out,
        struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_job_get, &r, e, 1, V_STR(id)) != 0)
        return -1;
    if (r.nrows == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no job %.40s", id);
    job_take(&r, 0, out);
    return 0;
}

int
job_by_offer(struct db *db, struct arena *a, const char *offer,
             struct job **out, size_t *n, struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_job_by_offer, &r, e, 1, V_STR(offer)) != 0)
        return -1;
    jobs_take(a, &r, out, n);
    return 0;
}

int
job_by_account(struct db *db, struct arena *a, const char *account,
               const struct job *before, int64_t limit, struct job **out,
               size_t *n, struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_job_by_account, &r, e, 4, V_STR(account),
                V_STR(before ? before->id : ""),
                V_INT(before ? before->created_at : 0), V_INT(limit)) != 0)
        return -1;
    jobs_take(a, &r, out, n);
    return 0;
}

int
job_key_get(struct db *db, struct arena *a, const char *caller,
            const char *key, const char **hash, const char **job,
            struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_job_key_get, &r, e, 2, V_STR(caller),
                V_STR(key)) != 0)
        return -1;
    if (r.nrows == 0)
        return err_set(e, ERR_NOT_FOUND, "the key is new");
    *hash = db_str(&r, 0, 0);
    *job = db_str(&r, 0, 1);
    return 0;
}

int
job_overdue(struct db *db, struct arena *a, int64_t limit, const char ***ids,
            size_t *n, struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_job_overdue, &r, e, 1, V_INT(limit)) != 0)
        return -1;
    *n = r.nrows;
    *ids = ARENA_ARRAY(a, const char *, r.nrows + 1);
    for (size_t i = 0; i < r.nrows; i++)
        (*ids)[i] = db_str(&r, i, 0);
    return 0;
}

#define AHEAD_MAX 1000

int
job_place(struct db *db, struct arena *a, const char *job,
          struct job_place *out, struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_job_task, &r, e, 1, V_STR(job)) != 0)
        return -1;
    if (r.nrows == 0)
        return err_set(e, ERR_NOT_FOUND, "job %.40s has no task", job);
    *out = (struct job_place){
        .task = db_str(&r, 0, 0),
        .service = db_str(&r, 0, 1),
        .stage = db_str(&r, 0, 3),
        .progress = db_is_null(&r, 0, 4) ? -1 : db_int(&r, 0, 4),
        .place = db_is_null(&r, 0, 5) ? -1 : db_int(&r, 0, 5),
        .retries = db_int(&r, 0, 6),
    };
    task_state_parse(db_str(&r, 0, 2), &out->state);
    if (out->state != TASK_PENDING)
        return 0;
    if (db_read(db, a, &sql_job_ahead, &r, e, 3, V_STR(out->service),
                V_STR(out->task), V_INT(AHEAD_MAX)) != 0)
        return -1;
    out->ahead = db_int(&r, 0, 0);
    return 0;
}

/* ---- buying ----------------------------------------------------------- */

static void
add_decision(struct db_list *l, const struct job_order *o, const char *list)
{
    int64_t total = o->price * (int64_t)o->n;
    if (o->offer != NULL)
        db_add(l, &sql_job_hold_offer, 4, V_STR(o->account), V_INT(total),
               V_STR(list), V_STR(o->offer));
    else
        db_add(l, &sql_job_hold_preset, 6, V_STR(o->account), V_INT(total),
               V_STR(list), V_STR(o->preset), V_STR(o->scenario),
               V_STR(o->version));
}

static struct db_val
int_or_null(int64_t v)
{
    return v == 0 ? V_NULL : V_INT(v);
}

static const char *
add_job(struct arena *a, struct db_list *l, const struct job_order *o,
        size_t n, const char *list)
{
    char *id = arena_alloc(a, ID_MAX);
    id_new(id, "job");
    struct guard g = {id, list};
    db_add(l, &sql_job_insert, 14, V_STR(id), int_or_null(o->chat_id),
           int_or_null(o->reply_to), V_STR(o->preset), V_STR(o->scenario),
           V_STR(o->version), V_STR(o->bindings), V_STR(o->inputs[n]),
           V_STR(o->account), V_INT(o->price), V_STR(o->offer), V_INT(n),
           V_STR(list), V_INT(o->max_wait_ms));
    ledger_add_hold(a, l, g, o->account, o->price);
    for (size_t i = 0; i < o->ntasks; i++) {
        char *task = arena_alloc(a, 9);
        id_task(task);
        db_add(l, &sql_job_task_insert, 7, V_STR(task),
               V_STR(o->tasks[i].service), V_STR(o->tasks[i].name),
               V_STR(o->tasks[i].params), V_INT(0), V_STR(id), V_STR(list));
        outbox_add(l, g, "tasks", "task.pending", task, "{}");
    }
    if (o->chat_id != 0)
        delivery_add_status(a, l, g, o->account, o->chat_id,
                            n == 0 ? o->card_message_id : 0);
    if (o->key != NULL && n == 0)
        db_add(l, &sql_job_key_insert, 5, V_STR(o->caller), V_STR(o->key),
               V_STR(o->hash), V_STR(id), V_STR(list));
    return id;
}

int
job_create(struct db *db, struct arena *a, struct job_order *o,
           bool *created, struct err *e)
{
    char list[LIST_ID_MAX];
    list_id_new(list);
    struct db_list *l = db_list_new(a, o->account);
    add_decision(l, o, list);
    for (size_t n = 0; n < o->n; n++) {
        const char *id = add_job(a, l, o, n, list);
        if (n == 0)
            o->first_id = id;
    }
    if (o->offer != NULL)
        db_add(l, &sql_job_offer_used, 3, V_STR(o->offer), V_STR(o->account),
               V_STR(list));
    if (db_run(db, l, e) != 0)
        return -1;
    *created = db_count(l, 0) == 1;
    if (*created)
        log_info("job", "created", "account=%s preset=%s n=%zu credits=%lld",
                 o->account, o->preset, o->n,
                 (long long)(o->price * (int64_t)o->n));
    return 0;
}

/* ---- ending ----------------------------------------------------------- */

void
job_add_end(struct arena *a, struct db_list *l, struct guard g,
            const char *account, int64_t chat_id, int64_t price,
            enum job_state end)
{
    assert(job_state_is_final(end));
    if (end == JOB_COMPLETED)
        ledger_add_capture(a, l, g, account, price);
    else
        ledger_add_release(a, l, g, account, price);
    if (chat_id != 0)
        delivery_add_status_bump(l, g, true);
    outbox_add(l, g, "jobs", arena_fmt(a, "job.%s", job_state_name(end)),
               g.job, "{}");
}

/* A job that ends without a word of its worker. */
static int
job_end(struct db *db, struct arena *a, const struct job *j,
        const struct db_sql *decide, enum job_state end, bool *done,
        struct err *e)
{
    char list[LIST_ID_MAX];
    list_id_new(list);
    struct guard g = {j->id, list};
    struct db_list *l = db_list_new(a, j->account);
    db_add(l, decide, 2, V_STR(j->id), V_STR(list));
    db_add(l, &sql_job_tasks_end, 2, V_STR(j->id), V_STR(list));
    job_add_end(a, l, g, j->account, j->chat_id, j->price, end);
    if (db_run(db, l, e) != 0)
        return -1;
    *done = db_count(l, 0) == 1;
    if (!*done)
        return 0;
    assert(job_move_allowed(j->state, end));
    log_info("job", job_state_name(end), "id=%s was=%s", j->id,
             job_state_name(j->state));
    return 0;
}

int
job_cancel_queued(struct db *db, struct arena *a, const struct job *j,
                  bool *done, struct err *e)
{
    return job_end(db, a, j, &sql_job_cancel_queued, JOB_CANCELLED, done, e);
}

int
job_expire(struct db *db, struct arena *a, const struct job *j, bool *done,
           struct err *e)
{
    return job_end(db, a, j, &sql_job_expire, JOB_FAILED, done, e);
}

int
job_cancel_running(struct db *db, struct arena *a, const struct job *j,
                   struct err *e)
{
    struct db_list *l = db_list_new(a, j->account);
    db_add(l, &sql_job_cancel_running, 1, V_STR(j->id));
    return db_run(db, l, e);
}

int
job_refund(struct db *db, struct arena *a, const struct job *j,
           const char *who, const char *reason, bool *done, struct err *e)
{
    char list[LIST_ID_MAX];
    list_id_new(list);
    struct guard g = {j->id, list};
    struct db_list *l = db_list_new(a, j->account);
    db_add(l, &sql_job_refund, 2, V_STR(j->id), V_STR(list));
    ledger_add_refund(a, l, g, j->account, j->price, reason);
    db_add(l, &sql_job_refund_audit, 4, V_STR(who), V_STR(j->id),
           V_STR(reason), V_STR(list));
    if (j->chat_id != 0)
        delivery_add_note(a, l, g, j->account, j->chat_id, 0,
                          arena_fmt(a,
                                    "{\"text\":\"refunded\",\"args\":"
                                    "{\"price\":%lld}}",
                                    (long long)j->price));
    outbox_add(l, g, "jobs", "job.refunded", j->id, "{}");
    if (db_run(db, l, e) != 0)
        return -1;
    *done = db_count(l, 0) == 1;
    return 0;
}

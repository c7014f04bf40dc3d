/*
 * task.c - see task.h. The task decides each list; its job's row is touched
 * next and carries the guard of everything else.
 */
#include <assert.h>
#include "base/log.h"
#include "store/delivery.h"
#include "store/job.h"
#include "store/sql.h"
#include "store/task.h"

/* ---- reading ---------------------------------------------------------- */

static void
task_take(const struct db_rows *r, struct task *out)
{
    *out = (struct task){
        .id = db_str(r, 0, 0),
        .job = db_str(r, 0, 1),
        .account = db_str(r, 0, 2),
        .service = db_str(r, 0, 3),
        .name = db_str(r, 0, 4),
        .scenario = db_str(r, 0, 5),
        .version = db_str(r, 0, 6),
        .attempt = db_int(r, 0, 8),
        .failures = db_int(r, 0, 9),
        .crashes = db_int(r, 0, 10),
        .losses = db_int(r, 0, 11),
        .params = db_str(r, 0, 12),
        .worker = db_str(r, 0, 13),
        .boot = db_str(r, 0, 14),
        .address = db_str(r, 0, 15),
        .is_foreign = db_int(r, 0, 16) != 0,
        .comfy_url = db_str(r, 0, 17),
        .prompt_id = db_str(r, 0, 18),
        .result_ref = db_str(r, 0, 19),
        .error_class = db_str(r, 0, 20),
        .error = db_str(r, 0, 21),
        .created_at = db_int(r, 0, 22),
        .finished_at = db_int(r, 0, 23),
        .chat_id = db_int(r, 0, 25),
        .price = db_int(r, 0, 26),
        .inputs = db_str(r, 0, 27),
        .cancel_requested = db_int(r, 0, 28) != 0,
        .remaining_ms = db_int(r, 0, 29),
        .language = db_str(r, 0, 30),
        .leased = db_int(r, 0, 31) != 0,
        .beat = db_int(r, 0, 32),
        .preset = db_str(r, 0, 33),
    };
    bool known = task_state_parse(db_str(r, 0, 7), &out->state) &&
                 job_state_parse(db_str(r, 0, 24), &out->job_state);
    assert(known);
}

static int
task_read(struct db *db, struct arena *a, const struct db_sql *sql,
          const char *id, struct task *out, struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, sql, &r, e, 1, V_STR(id)) != 0)
        return -1;
    if (r.nrows == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no task for %.40s", id);
    task_take(&r, out);
    return 0;
}

int
task_get(struct db *db, struct arena *a, const char *id, struct task *out,
         struct err *e)
{
    return task_read(db, a, &sql_task_get, id, out, e);
}

int
task_of_job(struct db *db, struct arena *a, const char *job, struct task *out,
            struct err *e)
{
    return task_read(db, a, &sql_task_of_job, job, out, e);
}

int
task_fair(struct db *db, struct arena *a, const char *service, int64_t limit,
          struct task_ready **out, size_t *n, struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_task_fair, &r, e, 2, V_STR(service),
                V_INT(limit)) != 0)
        return -1;
    *n = r.nrows;
    *out = ARENA_ARRAY(a, struct task_ready, r.nrows + 1);
    for (size_t i = 0; i < r.nrows; i++) {
        (*out)[i] = (struct task_ready){
            .id = db_str(&r, i, 0),
            .job = db_str(&r, i, 1),
            .scenario = db_str(&r, i, 2),
            .version = db_str(&r, i, 3),
            .account = db_str(&r, i, 4),
            .comfy_url = db_str(&r, i, 5),
            .attempt = db_int(&r, i, 6),
        };
    }
    return 0;
}

int
task_next_ready(struct db *db, struct arena *a, int64_t *ms, struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_task_next_ready, &r, e, 0) != 0)
        return -1;
    *ms = r.nrows == 0 || db_is_null(&r, 0, 0) ? -1 : db_int(&r, 0, 0);
    return 0;
}

int
task_services(struct db *db, struct arena *a, const char ***out, size_t *n,
              struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_task_services, &r, e, 0) != 0)
        return -1;
    *n = r.nrows;
    *out = ARENA_ARRAY(a, const char *, r.nrows + 1);
    for (size_t i = 0; i < r.nrows; i++)
        (*out)[i] = db_str(&r, i, 0);
    return 0;
}

static int
leased_take(struct arena *a, const struct db_rows *r,
            struct task_leased **out, size_t *n)
{
    *n = r->nrows;
    *out = ARENA_ARRAY(a, struct task_leased, r->nrows + 1);
    for (size_t i = 0; i < r->nrows; i++)
        (*out)[i] = (struct task_leased){db_str(r, i, 0), db_int(r, i, 1),
                                         db_int(r, i, 2),
                                         db_int(r, i, 3) != 0};
    return 0;
}

int
task_leased(struct db *db, struct arena *a, int64_t limit,
            struct task_leased **out, size_t *n, struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_task_leased, &r, e, 1, V_INT(limit)) != 0)
        return -1;
    return leased_take(a, &r, out, n);
}

int
task_of_old_boot(struct db *db, struct arena *a, const char *worker,
                 const char *boot, struct task_leased **out, size_t *n,
                 struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_task_of_old_boot, &r, e, 2, V_STR(worker),
                V_STR(boot)) != 0)
        return -1;
    return leased_take(a, &r, out, n);
}

/* ---- writing ---------------------------------------------------------- */

static void
log_move(const char *task, const char *job, enum task_state from,
         enum task_state to, int64_t attempt, const char *why)
{
    assert(task_move_allowed(from, to));
    log_info("task", task_state_name(to), "id=%s job=%s was=%s attempt=%lld%s%s",
             task, job, task_state_name(from), (long long)attempt,
             why != NULL && why[0] != '\0' ? " why=" : "",
             why != NULL ? why : "");
}

int
task_claim(struct db *db, struct arena *a, const struct task_claim *c,
           struct task *out, bool *done, struct err *e)
{
    char list[LIST_ID_MAX];
    list_id_new(list);
    struct guard g = {c->job, list};
    struct db_list *l = db_list_new(a, c->account);
    db_add(l, &sql_task_claim, 8, V_STR(c->id), V_STR(c->worker),
           V_STR(c->boot), V_STR(c->address), V_STR(list), V_INT(c->lease_ms),
           V_INT(c->is_foreign), V_INT(c->forget_run));
    db_add(l, &sql_task_job_started, 3, V_STR(c->job), V_STR(c->id),
           V_STR(list));
    delivery_add_status_bump(l, g, false);
    outbox_add(l, g, "tasks", "task.processing", c->id, "{}");
    db_add(l, &sql_task_get_guarded, 2, V_STR(c->id), V_STR(list));
    if (db_run(db, l, e) != 0)
        return -1;
    *done = db_count(l, 0) == 1;
    if (!*done)
        return 0;
    task_take(db_result(l, 4), out);
    log_move(out->id, out->job, TASK_PENDING, TASK_PROCESSING, out->attempt,
             c->worker);
    return 0;
}

static struct db_val
known_or_null(int64_t v)
{
    return v < 0 ? V_NULL : V_INT(v);
}

int
task_beat(struct db *db, struct arena *a, const struct task *t,
          const struct task_beat *b, bool *cancel, bool *done, struct err *e)
{
    char list[LIST_ID_MAX];
    list_id_new(list);
    struct db_list *l = db_list_new(a, t->account);
    db_add(l, &sql_task_beat, 9, V_STR(t->id), V_INT(b->attempt),
           V_STR(b->worker), V_STR(b->boot), V_STR(b->stage),
           V_INT(b->lease_ms), known_or_null(b->progress),
           known_or_null(b->place), V_STR(list));
    if (b->visible)
        db_add(l, &sql_task_status_bump, 3, V_STR(t->job), V_STR(t->id),
               V_STR(list));
    db_soft(l); /* a lease that is shorter after a power cut */
    if (db_run(db, l, e) != 0)
        return -1;
    *done = db_count(l, 0) == 1;
    *cancel = *done && db_int(db_result(l, 0), 0, 0) != 0;
    return 0;
}

int
task_run_store(struct db *db, struct arena *a, const struct task *t,
               int64_t attempt, const char *comfy_url, const char *prompt_id,
               int64_t lease_ms, bool *cancel, bool *done, struct err *e)
{
    struct db_list *l = db_list_new(a, t->account);
    db_add(l, &sql_task_run_store, 5, V_STR(t->id), V_INT(attempt),
           V_STR(comfy_url), V_STR(prompt_id), V_INT(lease_ms));
    if (db_run(db, l, e) != 0)
        return -1;
    *done = db_count(l, 0) == 1;
    *cancel = *done && db_int(db_result(l, 0), 0, 0) != 0;
    return 0;
}

int
task_succeed(struct db *db, struct arena *a, const struct task *t,
             const struct task_result *r, bool *done, struct err *e)
{
    char list[LIST_ID_MAX];
    list_id_new(list);
    struct guard g = {t->job, list};
    struct db_list *l = db_list_new(a, t->account);
    db_add(l, &sql_task_succeed, 4, V_STR(t->id), V_INT(r->attempt),
           V_STR(list), V_STR(r->result_ref));
    db_add(l, &sql_task_consumers, 2, V_STR(t->id), V_STR(list));
    db_add(l, &sql_task_job_touch, 3, V_STR(t->job), V_STR(t->id),
           V_STR(list));
    db_add(l, &sql_task_job_complete, 4, V_STR(t->job), V_STR(t->id),
           V_STR(list), V_STR(r->result_ref));
    outbox_add(l, g, "tasks", "task.success", t->id, "{}");
    job_add_end(a, l, g, t->account, t->chat_id, t->price, JOB_COMPLETED);
    for (size_t i = 0; i < r->nfiles && t->chat_id != 0; i++)
        delivery_add_result(a, l, g, t->account, t->chat_id, (int64_t)i,
                            r->files[i]);
    if (r->preset != NULL && r->run_ms > 0)
        db_add(l, &sql_task_run_measured, 4, V_STR(r->preset),
               V_INT(r->run_ms), V_STR(t->id), V_STR(list));
    if (db_run(db, l, e) != 0)
        return -1;
    *done = db_count(l, 0) == 1;
    if (*done)
        log_move(t->id, t->job, TASK_PROCESSING, TASK_SUCCESS, r->attempt, "");
    return 0;
}

int
task_again(struct db *db, struct arena *a, const struct task *t,
           const struct task_failure *f, bool *done, struct err *e)
{
    char list[LIST_ID_MAX];
    list_id_new(list);
    struct guard g = {t->job, list};
    struct db_list *l = db_list_new(a, t->account);
    db_add(l, &sql_task_again, 10, V_STR(t->id), V_INT(f->attempt),
           V_STR(list), V_INT(f->delay_ms), V_INT(f->failures),
           V_INT(f->crashes), V_INT(f->losses), V_INT(f->forget_run),
           V_STR(f->error_class), V_STR(f->error));
    db_add(l, &sql_task_job_touch, 3, V_STR(t->job), V_STR(t->id),
           V_STR(list));
    delivery_add_status_bump(l, g, false);
    outbox_add(l, g, "tasks", "task.pending", t->id, "{}");
    if (db_run(db, l, e) != 0)
        return -1;
    *done = db_count(l, 0) == 1;
    if (*done)
        log_move(t->id, t->job, TASK_PROCESSING, TASK_PENDING, f->attempt,
                 f->error_class);
    return 0;
}

int
task_fail(struct db *db, struct arena *a, const struct task *t,
          const struct task_failure *f, enum job_state end, bool *done,
          struct err *e)
{
    char list[LIST_ID_MAX];
    list_id_new(list);
    struct guard g = {t->job, list};
    struct db_list *l = db_list_new(a, t->account);
    db_add(l, &sql_task_fail, 8, V_STR(t->id), V_INT(f->attempt), V_STR(list),
           V_INT(f->failures), V_INT(f->crashes), V_INT(f->losses),
           V_STR(f->error_class), V_STR(f->error));
    db_add(l, &sql_task_job_fail, 6, V_STR(t->job), V_STR(t->id), V_STR(list),
           V_STR(job_state_name(end)), V_STR(f->error_class), V_STR(f->error));
    db_add(l, &sql_job_tasks_end, 2, V_STR(t->job), V_STR(list));
    outbox_add(l, g, "tasks", "task.failed", t->id, "{}");
    job_add_end(a, l, g, t->account, t->chat_id, t->price, end);
    if (db_run(db, l, e) != 0)
        return -1;
    *done = db_count(l, 0) == 1;
    if (*done)
        log_move(t->id, t->job, TASK_PROCESSING, TASK_FAILED, f->attempt,
                 f->error_class);
    return 0;
}

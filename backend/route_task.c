/*
 * route_task.c - what workers say of a task: heartbeat, run, end.
 */
#include <string.h>
#include "backend/backend_int.h"
#include "backend/relay.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/rand.h"
#include "model/failure.h"
#include "store/account.h"
#include "store/job.h"
#include "store/task.h"

static int
task_of_path(struct call *c, struct task *t)
{
    struct err e;
    if (task_get(c->b->db, c->a, http_param(c->q, "id"), t, &e) != 0)
        return call_error(c, &e);
    log_job_set(t->job);
    return 0;
}

int
route_task_get(struct call *c, void *out)
{
    struct task t;
    int status = task_of_path(c, &t);
    if (status != 0)
        return status;
    task_fill(out, &t, 0);
    return 200;
}

/* The fence: an older attempt hears the present state. */
static int
refuse_fence(struct call *c, const char *id)
{
    struct task t;
    struct err e;
    if (task_get(c->b->db, c->a, id, &t, &e) != 0)
        return call_error(c, &e);
    c->problem.state = task_state_name(t.state);
    c->problem.attempt = t.attempt;
    return call_refuse(c, 409, "stale_attempt",
                       "task %s is %s at attempt %lld: drop yours", id,
                       task_state_name(t.state), (long long)t.attempt);
}

static int
answer_state(struct call *c, const char *id, struct api_task_state *out)
{
    struct task t;
    struct err e;
    if (task_get(c->b->db, c->a, id, &t, &e) != 0)
        return call_error(c, &e);
    out->status = task_state_name(t.state);
    out->attempt = t.attempt;
    out->job_status = job_state_name(t.job_state);
    out->lease_ms = c->b->lease_ms;
    return 200;
}

static int64_t
or_unknown(int64_t v)
{
    return v == API_UNSET ? -1 : v;
}

int
route_task_heartbeat(struct call *c, void *out)
{
    const struct api_task_heartbeat *in = c->in;
    struct api_task_state *state = out;
    struct task t;
    struct err e;
    bool done;
    int status = task_of_path(c, &t);
    if (status != 0)
        return status;
    struct task_beat b = {.worker = in->worker,
                          .boot = in->boot,
                          .attempt = in->attempt,
                          .lease_ms = c->b->lease_ms,
                          .stage = in->stage,
                          .progress = or_unknown(in->progress),
                          .place = or_unknown(in->position)};
    b.visible = in->stage != NULL || b.progress >= 0 || b.place >= 0;
    if (task_beat(c->b->db, c->a, &t, &b, &state->cancel_requested, &done,
                  &e) != 0)
        return call_error(c, &e);
    if (!done)
        return refuse_fence(c, t.id);
    if (b.visible)
        backend_wake(c->b, TOPIC_JOB);
    state->status = "processing";
    state->attempt = in->attempt;
    state->lease_ms = c->b->lease_ms;
    return 200;
}

/* ---- PATCH status ----------------------------------------------------- */

/* One report, whoever brings it: PATCH of the task or of its job. */
struct report {
    struct call *c;
    const struct api_task_status *in;
    struct task *t;
    int64_t attempt;
    struct api_task_state *out;
};

/* Ours carry their attempt; a foreign consumer's claim is its own fence. */
static int
report_attempt(struct report *r)
{
    if (r->in->attempt != API_UNSET) {
        r->attempt = r->in->attempt;
        return 0;
    }
    r->attempt = r->t->attempt;
    if (strcmp(r->in->status, "processing") == 0 ||
        task_state_is_final(r->t->state))
        return 0;
    if (r->t->state == TASK_PROCESSING && r->t->is_foreign)
        return 0;
    r->c->problem.state = task_state_name(r->t->state);
    r->c->problem.attempt = r->t->attempt;
    return call_refuse(r->c, 409, "not_claimed",
                       "say {\"status\":\"processing\"} first: task %s is %s",
                       r->t->id, task_state_name(r->t->state));
}

/* Repeating a finish with the same attempt is fine, at the same moment too. */
static int
report_again(struct report *r, enum task_state wanted)
{
    struct err e;
    if (task_get(r->c->b->db, r->c->a, r->t->id, r->t, &e) != 0)
        return call_error(r->c, &e);
    if (r->t->state == wanted && r->t->attempt == r->attempt)
        return answer_state(r->c, r->t->id, r->out);
    return refuse_fence(r->c, r->t->id);
}

/* {"status":"processing"} without an attempt: a foreign claim. */
static int
report_foreign_claim(struct report *r)
{
    struct task t;
    struct err e;
    bool done;
    if (r->t->state == TASK_PROCESSING && r->t->leased) {
        r->c->problem.state = "processing";
        return call_refuse(r->c, 409, "held", "another consumer holds task %s",
                           r->t->id);
    }
    struct task_claim claim = {
        .id = r->t->id,
        .account = r->t->account,
        .job = r->t->job,
        .worker = r->in->worker != NULL ? r->in->worker : "foreign",
        .boot = r->in->boot != NULL ? r->in->boot : "0",
        .lease_ms = setting_int(r->c->b->set, SET_FOREIGN_LEASE) * 1000,
        .is_foreign = true,
        .forget_run = true,
    };
    if (task_claim(r->c->b->db, r->c->a, &claim, &t, &done, &e) != 0)
        return call_error(r->c, &e);
    if (!done)
        return refuse_fence(r->c, r->t->id);
    backend_wake(r->c->b, TOPIC_JOB);
    relay_wake(r->c->b);
    return answer_state(r->c, r->t->id, r->out);
}

/* Address and prompt id, before POST /prompt. */
static int
report_run(struct report *r)
{
    struct err e;
    bool done;
    if (r->in->comfy_url == NULL || r->in->prompt_id == NULL)
        return call_refuse(r->c, 422, "bad_input",
                           "processing needs comfy_url and prompt_id");
    if (task_run_store(r->c->b->db, r->c->a, r->t, r->attempt,
                       r->in->comfy_url, r->in->prompt_id, r->c->b->lease_ms,
                       &r->out->cancel_requested, &done, &e) != 0)
        return call_error(r->c, &e);
    if (!done)
        return refuse_fence(r->c, r->t->id);
    r->out->status = "processing";
    r->out->attempt = r->attempt;
    r->out->lease_ms = r->c->b->lease_ms;
    return 200;
}

/* The end of the job, for the sender of the worker that brought it; with a
 * repeated finish, too, for the first answer may be lost. */
static void
claim_deliveries(struct report *r)
{
    struct err e;
    if (r->in->worker == NULL || r->in->boot == NULL || r->t->chat_id == 0)
        return;
    if (delivery_claim_job(r->c->b, r->c->a, r->t->job, r->attempt,
                           r->in->worker, r->in->boot, &r->out->deliveries,
                           &r->out->n_deliveries, &e) != 0)
        log_warn("delivery", "claim_failed", "%s", e.msg);
}

static int
report_success(struct report *r)
{
    struct err e;
    bool done;
    struct task_result res = {
        .attempt = r->attempt,
        .result_ref = r->in->result_ref,
        .files = r->in->files,
        .nfiles = r->in->n_files,
        .preset = r->t->preset,
        .run_ms = r->in->run_ms == API_UNSET ? 0 : r->in->run_ms,
    };
    if (res.nfiles == 0 && res.result_ref != NULL &&
        id_is(str_c(res.result_ref), "obj")) {
        res.files = &r->in->result_ref;
        res.nfiles = 1;
    }
    if (task_succeed(r->c->b->db, r->c->a, r->t, &res, &done, &e) != 0)
        return call_error(r->c, &e);
    int status = done ? answer_state(r->c, r->t->id, r->out)
                      : report_again(r, TASK_SUCCESS);
    if (status != 200)
        return status;
    relay_wake(r->c->b);
    claim_deliveries(r);
    backend_wake(r->c->b, TOPIC_JOB);
    return 200;
}

/* Ready again: given back, or retried after a pause. */
static int
report_pending(struct report *r, const struct task_failure *f)
{
    struct err e;
    bool done;
    if (task_again(r->c->b->db, r->c->a, r->t, f, &done, &e) != 0)
        return call_error(r->c, &e);
    if (!done)
        return report_again(r, TASK_PENDING);
    relay_wake(r->c->b);
    backend_wake(r->c->b, TOPIC_TASKS);
    backend_wake(r->c->b, TOPIC_JOB);
    return answer_state(r->c, r->t->id, r->out);
}

/* After the last failure the hold is free again. */
static int
answer_failed(struct report *r)
{
    struct account acc;
    struct err e;
    int status = answer_state(r->c, r->t->id, r->out);
    if (status == 200 && strcmp(r->out->status, "failed") == 0 &&
        account_by_id(r->c->b->db, r->c->a, r->t->account, &acc, &e) == 0)
        r->out->balance = acc.available;
    return status;
}

static int
report_last(struct report *r, const struct task_failure *f,
            enum failure class)
{
    struct err e;
    bool done;
    enum job_state end =
        class == FAILURE_cancelled ? JOB_CANCELLED : JOB_FAILED;
    if (task_fail(r->c->b->db, r->c->a, r->t, f, end, &done, &e) != 0)
        return call_error(r->c, &e);
    int status = done ? answer_failed(r) : report_again(r, TASK_FAILED);
    if (status != 200)
        return status;
    relay_wake(r->c->b);
    claim_deliveries(r);
    backend_wake(r->c->b, TOPIC_JOB);
    return 200;
}

/* This attempt's failure was counted before: it is pending again or failed.
 * It must be seen before the classes decide, for they look at the counters. */
static bool
failure_was_told(const struct report *r)
{
    return r->t->attempt == r->attempt && (r->t->state == TASK_PENDING ||
                                           r->t->state == TASK_FAILED);
}

/* The classes decide: again after a pause, at once, or never (failure.def). */
static int
report_failure(struct report *r)
{
    const struct settings *set = r->c->b->set;
    const struct task *t = r->t;
    enum failure class = FAILURE_internal;
    if (r->in->error_class != NULL &&
        !failure_parse(r->in->error_class, &class))
        return call_refuse(r->c, 422, "bad_input",
                           "error_class %.40s is not in the table",
                           r->in->error_class);
    if (failure_was_told(r)) {
        if (r->t->state == TASK_FAILED)
            claim_deliveries(r);
        return answer_failed(r);
    }
    const struct failure_row *row = &failure_table[class];
    struct task_failure f = {
        .attempt = r->attempt,
        .error_class = row->name,
        .error = r->in->error,
        .failures = row->counted,
        .losses = row->loss && r->in->was_running,
        .forget_run = r->in->forget_run,
    };
    bool last = !row->retry ||
                (row->counted &&
                 t->failures + 1 > setting_int(set, SET_MAX_RETRIES)) ||
                t->losses + f.losses >= LIM_TASK_LOSSES;
    if (t->cancel_requested && !last) {
        f.error_class = failure_table[FAILURE_cancelled].name;
        return report_last(r, &f, FAILURE_cancelled);
    }
    if (last)
        return report_last(r, &f, class);
    if (row->counted)
        f.delay_ms = failure_delay_ms(setting_str(set, SET_RETRY_DELAYS),
                                      t->failures + 1,
                                      (int64_t)rand_below(1001));
    return report_pending(r, &f);
}

static int
report_take(struct report *r)
{
    const char *s = r->in->status;
    if (strcmp(s, "processing") == 0 && r->in->attempt == API_UNSET)
        return report_foreign_claim(r);
    int status = report_attempt(r);
    if (status != 0)
        return status;
    if (strcmp(s, "processing") == 0)
        return report_run(r);
    if (strcmp(s, "success") == 0 || strcmp(s, "completed") == 0)
        return report_success(r);
    if (strcmp(s, "failed") == 0)
        return report_failure(r);
    if (strcmp(s, "pending") == 0) {
        struct task_failure f = {.attempt = r->attempt,
                                 .forget_run = r->in->forget_run};
        return report_pending(r, &f);
    }
    return call_refuse(r->c, 422, "bad_input",
                       "/status: processing, success, failed or pending");
}

int
route_task_status(struct call *c, void *out)
{
    struct task t;
    int status = task_of_path(c, &t);
    if (status != 0)
        return status;
    struct report r = {.c = c, .in = c->in, .t = &t, .out = out};
    return report_take(&r);
}

/* ---- the same by job, for one-task jobs -------------------------------- */

static int
job_report(struct call *c, void *out)
{
    const struct api_job_patch *in = c->in;
    struct task t;
    struct job j;
    struct err e;
    struct api_task_state state;
    const char *id = http_param(c->q, "id");
    if (job_get(c->b->db, c->a, id, &j, &e) != 0 ||
        task_of_job(c->b->db, c->a, id, &t, &e) != 0)
        return call_error(c, &e);
    if (j.n_tasks != 1)
        return call_refuse(c, 422, "many_tasks",
                           "job %s has %lld tasks: report each", id,
                           (long long)j.n_tasks);
    log_job_set(t.job);
    struct api_task_status as;
    api_init(&api_shape_task_status, &as);
    api_init(&api_shape_task_state, &state);
    as.status = in->status;
    as.result_ref = in->result_ref;
    as.error = in->error;
    as.error_class = in->error_class;
    struct report r = {.c = c, .in = &as, .t = &t, .out = &state};
    int status = report_take(&r);
    if (status >= 300)
        return status;
    if (job_get(c->b->db, c->a, id, &j, &e) != 0 ||
        job_fill(c->b, c->a, out, &j, &e) != 0)
        return call_error(c, &e);
    return 200;
}

int
route_job_patch(struct call *c, void *out)
{
    return job_report(c, out);
}

int
route_job_put(struct call *c, void *out)
{
    return job_report(c, out);
}

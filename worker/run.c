/*
 * run.c - one task: submit or take over, follow, report. See run.h.
 */
#include "worker/run_int.h"

#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "worker/deliver.h"
#include "worker/scenario.h"

#define SUBMITS_MAX 3 /* of one claim, when outcomes are unknown */
/* What goes back is ready again at once, and mostly for us: no tight loop. */
#define BACK_PAUSE_MS 500

/* ---- reports ---- */

int
run_patch(struct run *r, struct api_task_status *in, struct api_task_state *out)
{
    struct api_args args = {.path = {r->task->id},
                            .in = in,
                            .out = out,
                            .deadline_ms = RUN_REPORT_MS};
    struct err e;

    in->worker = r->w->id;
    in->boot = r->w->boot;
    in->attempt = r->task->attempt;
    api_init(&api_shape_task_state, out);
    if (api_call(r->w->api, API_ROUTE_task_status, &args, r->a, NULL, &e) == 0)
        return 0;
    if (e.code == ERR_CONFLICT || e.code == ERR_NOT_FOUND) {
        log_debug("run", "fenced", "task=%s %s", r->task->id, e.msg);
        ticket_drop(r->ticket);
        return verdict_drop(&r->v);
    }
    return verdict_back(&r->v, "%s", e.msg);
}

void
run_publish(struct run *r, const char *status, const char *const *files,
            size_t n)
{
    struct buf b;
    struct jw w;

    if (r->q == NULL)
        return;
    buf_init(&b, 65536);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, "job_id", r->task->job_id);
    jw_kstr(&w, "task_id", r->task->id);
    jw_kstr(&w, "status", status);
    jw_kstr(&w, "result_ref", n > 0 ? files[0] : NULL);
    jw_key(&w, "files");
    jw_arr(&w);
    for (size_t i = 0; i < n; i++)
        jw_str(&w, files[i]);
    jw_end(&w);
    jw_ki64(&w, "finished_at", clock_wall_ms());
    jw_end(&w);
    queue_result(r->q, r->a, r->task->id, buf_str(&b),
                 setting_int(r->w->set, SET_REDIS_RESULT_TTL));
    buf_free(&b);
}

/* Tells what became of it when it was no success. */
static void
report_verdict(struct run *r)
{
    struct verdict v = r->v;
    struct api_task_status in;
    struct api_task_state out;

    if (v.what == VERDICT_DROP)
        log_info("run", "dropped",
                 "task=%s attempt=%lld is somebody else's by now", r->task->id,
                 (long long)r->task->attempt);
    if (v.what == VERDICT_DROP || v.what == VERDICT_NONE)
        return;
    api_init(&api_shape_task_status, &in);
    in.forget_run = v.forget_run;
    in.status = "pending";
    if (v.what == VERDICT_FAIL) {
        in.status = "failed";
        in.error_class = failure_table[v.class].name;
        in.error = comfy_clean(r->a, v.error, COMFY_TEXT_POINTS);
        in.was_running = v.was_running;
    }
    log_info("run", v.what == VERDICT_FAIL ? "failed" : "back",
             "task=%s attempt=%lld class=%s was_running=%d forget=%d %s",
             r->task->id, (long long)r->task->attempt,
             v.what == VERDICT_FAIL ? in.error_class : "none", v.was_running,
             v.forget_run, v.error);
    if (run_patch(r, &in, &out) != 0) {
        if (r->v.what == VERDICT_BACK)
            log_warn("run", "unreported", "task=%s %s; its lease ends it",
                     r->task->id, r->v.error);
        return;
    }
    deliver_send(r->w->deliver, out.deliveries, out.n_deliveries);
    if (strcmp(out.status, "failed") == 0)
        run_publish(r, "failed", NULL, 0);
}

/* ---- submitting ---- */

/* Address and id stand with the backend before ComfyUI hears of them. */
static int
store_run(struct run *r)
{
    struct api_task_status in;
    struct api_task_state out;

    api_init(&api_shape_task_status, &in);
    in.status = "processing";
    in.comfy_url = r->ad->name;
    in.prompt_id = r->prompt_id;
    if (run_patch(r, &in, &out) != 0)
        return -1;
    if (!out.cancel_requested)
        return 0;
    r->v.forget_run = true;
    return verdict_fail(&r->v, FAILURE_cancelled, "cancelled before it ran");
}

static int
submit_refused(struct run *r, const struct comfy_submitted *sub,
               const struct err *e)
{
    enum failure class = sub->fault == COMFY_FAULT_none
                             ? FAILURE_workflow
                             : failure_of_fault(sub->fault);

    r->v.forget_run = true;
    /* an upload that is gone, for instance: no loop without a count */
    r->v.was_running = true;
    return verdict_fail(&r->v, class, "%s", e->msg);
}

/* 0: the server has it. 1: it has not, once more. -1. */
static int
submit_once(struct run *r, struct str graph)
{
    struct comfy_submitted sub;
    enum comfy_state state;
    struct err e;

    r->since_ms = clock_mono_ms();
    r->looked = false;
    if (comfy_submit(r->ad->comfy, r->a, graph, r->prompt_id, NULL, &sub, &e) ==
        0) {
        if (!sub.other_id)
            return 0;
        memcpy(r->prompt_id, sub.prompt_id, sizeof(r->prompt_id));
        return store_run(r);
    }
    switch (e.code) {
    case ERR_UNAVAILABLE:
        address_fails_run(r->ad, e.msg);
        r->v.forget_run = true;
        return verdict_back(&r->v, "%s", e.msg);
    case ERR_TIMEOUT:
        log_warn("run", "submit_unknown", "task=%s prompt=%s %s", r->task->id,
                 r->prompt_id, e.msg);
        if (run_look_twice(r, &state) != 0)
            return -1;
        return state == COMFY_UNKNOWN ? 1 : 0;
    default:
        return submit_refused(r, &sub, &e);
    }
}

static int
submit(struct run *r, struct str graph)
{
    int rc = 1;

    for (int i = 0; rc == 1 && i < SUBMITS_MAX; i++)
        rc = submit_once(r, graph);
    if (rc == 1) {
        r->v.forget_run = true;
        r->v.was_running = true; /* it cannot even be taken in: count it */
        return verdict_fail(&r->v, FAILURE_comfy_lost,
                            "submitted %d times, and it is not there",
                            SUBMITS_MAX);
    }
    return rc;
}

static int
start(struct run *r)
{
    struct str graph;

    if (run_prepare(r, &graph) != 0)
        return -1;
    if (r->prompt_id[0] == '\0')
        rand_uuid(r->prompt_id);
    if (store_run(r) != 0 || submit(r, graph) != 0)
        return -1;
    log_info("run", "submitted", "task=%s attempt=%lld prompt=%s label=%s",
             r->task->id, (long long)r->task->attempt, r->prompt_id,
             r->ad->label);
    return 0;
}

/* ---- taking over ---- */

/* A run that an earlier claim stored: it is asked for before anything else.
 * *there: no need to submit. */
static int
take_over(struct run *r, bool *there)
{
    enum comfy_state state;

    if (strcmp(r->task->comfy_url, r->ad->name) != 0 ||
        !comfy_id_ok(r->task->prompt_id))
        return verdict_back(&r->v, "its run is stored at another address");
    memcpy(r->prompt_id, r->task->prompt_id, strlen(r->task->prompt_id) + 1);
    if (run_look_twice(r, &state) != 0)
        return -1;
    log_info("run", "takeover", "task=%s attempt=%lld prompt=%s state=%s",
             r->task->id, (long long)r->task->attempt, r->prompt_id,
             comfy_state_name(state));
    *there = state != COMFY_UNKNOWN;
    return 0;
}

static int
load_scenario(struct run *r)
{
    struct err e;

    r->preset =
        scenario_get(r->w->scenarios, r->task->scenario, r->task->version, &e);
    if (r->preset == NULL &&
        (e.code == ERR_NOT_FOUND || e.code == ERR_BAD_INPUT))
        return verdict_fail(&r->v, FAILURE_workflow, "%s", e.msg);
    if (r->preset == NULL)
        return verdict_back(&r->v, "%s", e.msg);
    r->node = &r->preset->tasks[0];
    return 0;
}

static int
run_through(struct run *r)
{
    bool there = false;

    if (load_scenario(r) != 0)
        return -1;
    if (r->task->comfy_url != NULL && r->task->prompt_id != NULL &&
        take_over(r, &there) != 0)
        return -1;
    if (!there && start(r) != 0)
        return -1;
    if (run_follow(r) != 0)
        return -1;
    return run_collect(r);
}

void
run_task(struct worker *w, struct address *ad, struct queue *q,
         const struct api_task *task)
{
    struct run r = {.w = w,
                    .ad = ad,
                    .q = q,
                    .task = task,
                    .a = arena_new(),
                    .poll = arena_new()};
    int64_t eta_ms = task->eta_ms == API_UNSET ? 0 : task->eta_ms;
    int64_t start_ms = clock_mono_ms();

    log_job_set(task->job_id);
    log_debug("run", "claimed", "task=%s attempt=%lld label=%s", task->id,
              (long long)task->attempt, ad->label);
    r.ticket = runs_add(w->runs, task->id, task->job_id, task->attempt, eta_ms);
    if (run_through(&r) == 0)
        log_info("run", "done", "task=%s attempt=%lld ms=%lld", task->id,
                 (long long)task->attempt,
                 (long long)(clock_mono_ms() - start_ms));
    else
        report_verdict(&r);
    run_copies_remove(&r);
    address_note_end(ad);
    runs_remove(r.ticket);
    scenario_put(w->scenarios, r.preset);
    arena_free(r.poll);
    arena_free(r.a);
    log_job_set(NULL);
    if (r.v.what == VERDICT_BACK)
        stop_wait_ms(&w->stop, BACK_PAUSE_MS);
}

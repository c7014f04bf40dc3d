/*
 * handout.c - POST /api/tasks/claim: which task goes to which free slot.
 *
 * DESIGN. A hint from Redis only wakes a worker: it gets the hinted task when
 * its address can run it, else the fairest one that it can. A task whose run
 * is stored at another ComfyUI address waits for a worker of that address
 * until that one is gone for TAKEOVER_WAIT; then anybody starts it anew.
 * Without a task the request parks on TOPIC_TASKS.
 */
#include "backend/backend_int.h"
#include "backend/fleet.h"
#include "backend/reaper.h"
#include "base/limits.h"
#include "base/log.h"
#include "store/task.h"

#define FAIR_LOOK 64     /* ready tasks that are offered to one address */
#define SERVICES_MAX 8

void
task_fill(struct api_task *out, const struct task *t, int64_t lease_ms)
{
    out->id = t->id;
    out->job_id = t->job;
    out->service = t->service;
    out->name = t->name;
    out->status = task_state_name(t->state);
    out->attempt = t->attempt;
    out->scenario = t->scenario;
    out->version = t->version;
    out->inputs = str_c(t->inputs);
    out->params = str_c(t->params);
    out->language = t->language;
    out->remaining_ms = t->remaining_ms;
    out->failures = t->failures;
    out->created_at = t->created_at;
    if (lease_ms > 0)
        out->lease_ms = lease_ms;
    if (t->chat_id != 0)
        out->chat_id = t->chat_id;
    if (t->comfy_url[0] != '\0') {
        out->comfy_url = t->comfy_url;
        out->prompt_id = t->prompt_id;
    }
    if (t->result_ref[0] != '\0')
        out->result_ref = t->result_ref;
    if (t->error_class[0] != '\0') {
        out->error_class = t->error_class;
        out->error = t->error;
    }
    if (t->finished_at != 0)
        out->finished_at = t->finished_at;
}

/* Who asks, and for what. */
struct asker {
    struct call *c;
    const struct api_task_claim *in;
    const char *worker; /* path or body */
};

/* May this address take it? *forget: a run stored elsewhere is given up. */
static bool
may_take(const struct asker *k, const char *scenario, const char *version,
         const char *comfy_url, bool *forget)
{
    struct backend *b = k->c->b;
    *forget = false;
    if (k->in->address == NULL)
        return comfy_url[0] == '\0';
    if (!fleet_address_can(b, k->in->address, scenario, version))
        return false;
    if (comfy_url[0] == '\0' || str_eq_c(str_c(comfy_url), k->in->address))
        return true;
    *forget = fleet_address_gone(b, comfy_url);
    return *forget;
}

/* 1 taken, 0 not, -1 error. */
static int
try_claim(const struct asker *k, const struct task_ready *r, bool forget,
          struct task *t, struct err *e)
{
    bool done = false;
    struct task_claim claim = {
        .id = r->id,
        .account = r->account,
        .job = r->job,
        .worker = k->worker,
        .boot = k->in->boot,
        .address = k->in->address,
        .lease_ms = k->c->b->lease_ms,
        .forget_run = forget,
    };
    if (task_claim(k->c->b->db, k->c->a, &claim, t, &done, e) != 0)
        return -1;
    return done ? 1 : 0;
}

static int
claim_hint(const struct asker *k, const char *id, struct task *t,
           struct err *e)
{
    bool forget;
    if (task_get(k->c->b->db, k->c->a, id, t, e) != 0)
        return e->code == ERR_NOT_FOUND ? 0 : -1;
    if (t->state != TASK_PENDING ||
        !may_take(k, t->scenario, t->version, t->comfy_url, &forget))
        return 0;
    struct task_ready r = {.id = t->id, .account = t->account, .job = t->job};
    return try_claim(k, &r, forget, t, e);
}

static int
claim_fairest(const struct asker *k, const char *service, struct task *t,
              struct err *e)
{
    struct task_ready *ready;
    size_t n;
    bool forget;
    if (task_fair(k->c->b->db, k->c->a, service, FAIR_LOOK, &ready, &n,
                  e) != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (!may_take(k, ready[i].scenario, ready[i].version,
                      ready[i].comfy_url, &forget))
            continue;
        int rc = try_claim(k, &ready[i], forget, t, e);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int
claim_any(const struct asker *k, struct task *t, struct err *e)
{
    const struct api_task_claim *in = k->in;
    if (in->hint != NULL) {
        int rc = claim_hint(k, in->hint, t, e);
        if (rc != 0)
            return rc;
    }
    if (in->n_services == 0)
        return claim_fairest(k, "image-service", t, e);
    for (size_t i = 0; i < in->n_services && i < SERVICES_MAX; i++) {
        int rc = claim_fairest(k, in->services[i], t, e);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int
claim_answer(struct call *c, const struct task *t, struct api_task *out)
{
    log_job_set(t->job);
    task_fill(out, t, c->b->lease_ms);
    out->eta_ms = fleet_run_ms(c->b, t->scenario, t->version);
    return 200;
}

int
route_task_claim(struct call *c, void *out)
{
    const struct api_task_claim *in = c->in;
    struct asker k = {c, in, in->worker};
    struct task t;
    struct err e;
    int64_t wait_ms = in->wait_ms == API_UNSET ? 0 : in->wait_ms;
    if (wait_ms > LIM_LONG_POLL_MS)
        wait_ms = LIM_LONG_POLL_MS;
    if (boots_changed(c->b, in->worker, in->boot) &&
        reaper_free_old_boot(c->b, c->a, in->worker, in->boot, &e) != 0)
        return call_error(c, &e);
    uint64_t seen = http_topic(c->b->http, TOPIC_TASKS);
    int rc = claim_any(&k, &t, &e);
    if (rc < 0)
        return call_error(c, &e);
    if (rc > 0)
        return claim_answer(c, &t, out);
    return call_park(c, TOPIC_TASKS, seen, wait_ms) ? CALL_REPLIED : 204;
}

int
route_task_claim_id(struct call *c, void *out)
{
    const struct api_task_claim *in = c->in;
    struct asker k = {c, in, in->worker};
    struct task t;
    struct err e;
    const char *id = http_param(c->q, "id");
    if (task_get(c->b->db, c->a, id, &t, &e) != 0)
        return call_error(c, &e);
    int rc = claim_hint(&k, id, &t, &e);
    if (rc < 0)
        return call_error(c, &e);
    if (rc > 0)
        return claim_answer(c, &t, out);
    c->problem.state = task_state_name(t.state);
    c->problem.attempt = t.attempt;
    return call_refuse(c, 409, "not_claimable",
                       "task %s is %s, or cannot run at this address", id,
                       task_state_name(t.state));
}

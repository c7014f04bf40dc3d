/*
 * comfy_route_sandbox.c - what a real ComfyUI does not have: faults to order,
 * and counters that prove what was run how often.
 */
#include <string.h>

#include "sandbox/comfy_http.h"

/* {"runs": {id: n}, "total_runs", "executed", "accepted", "running",
 * "pending", "history", "executor_alive", "generation", "faults": {name:
 * times left}} */
void
route_sandbox_state(struct http_req *q, struct comfy *c)
{
    struct buf b;
    bool first = true;

    buf_init(&b, COMFY_TEXT_MAX);
    pthread_mutex_lock(&c->lock);
    buf_addf(&b,
             "{\"total_runs\": %lld, \"executed\": %lld, \"accepted\": "
             "%lld, \"running\": ",
             (long long)c->runs.total, (long long)c->executed,
             (long long)c->accepted);
    if (c->running)
        py_dumps_c(&b, c->running->id);
    else
        buf_add_c(&b, "null");
    buf_addf(&b,
             ", \"pending\": %zu, \"history\": %zu, \"executor_alive\": "
             "%s, \"generation\": %llu, \"faults\": {",
             c->queue.n, c->history.n, c->dead ? "false" : "true",
             (unsigned long long)c->generation);
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        if (c->faults.f[i].left == 0)
            continue;
        buf_addf(&b, "%s\"%s\": %lld", first ? "" : ", ",
                 comfy_fault_name((enum comfy_fault)i),
                 (long long)c->faults.f[i].left);
        first = false;
    }
    buf_add_c(&b, "}, \"runs\": ");
    comfy_runs_json(&b, &c->runs);
    buf_add_c(&b, "}");
    pthread_mutex_unlock(&c->lock);
    reply_json(q, 200, &b);
}

static int64_t
number_of(const struct py *body, const char *name, int64_t dflt)
{
    const struct py *v = py_get(body, name);
    int64_t n;

    return py_is(v, PY_INT) && str_to_i64(v->text, &n) ? n : dflt;
}

/* {"fault": "clear"} forgets all. */
void
route_sandbox_faults(struct http_req *q, struct comfy *c)
{
    struct py *body = request_json(q, http_arena(q));
    const struct py *name = py_get(body, "fault");
    enum comfy_fault f;

    if (!body)
        return;
    if (py_is(name, PY_STR) && str_eq_c(name->text, "clear")) {
        for (size_t i = 0; i < FAULT_COUNT; i++)
            if (i != FAULT_restart && i != FAULT_evict_history)
                comfy_fault_set(c, (enum comfy_fault)i, 0, 0);
    } else if (py_is(name, PY_STR) && comfy_fault_parse(name->text.p, &f)) {
        comfy_fault_set(c, f, number_of(body, "count", 1),
                        number_of(body, "ms", 1000));
    } else {
        reply_text(q, 400, "400: no such fault");
        return;
    }
    reply_empty(q, 200);
}

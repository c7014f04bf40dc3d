/*
 * run_follow.c - a prompt on its way through ComfyUI.
 *
 * DESIGN. Two GETs are the truth: /queue until the prompt is seen running (its
 * deadline counts from there), then /history/{id}. The queue shows everybody's
 * graphs, so it is asked for every two seconds, and at once when another run of
 * ours has ended there, for then this one may have started. While it runs the
 * queue is still asked for now and then: a server that restarted so fast that
 * no poll was refused knows nothing of the prompt, and says so only there.
 */
#include "worker/run_int.h"

#include <stdio.h>
#include "base/clock.h"
#include "base/log.h"
#include "worker/pace.h"

#define QUEUE_MS 2000          /* between looks at the queue, until it runs */
#define QUEUE_RUNNING_MS 30000 /* ...while it runs */
#define LOST_MS 2000           /* refused for so long: the address is away */
#define AGAIN_MS 200           /* between tries while it does not answer */
#define INTERRUPT_MS 10000     /* for an interrupt to take effect */
#define INTERRUPT_LOOK_MS 250

/* ---- words ---- */

/* The user cancels: nothing of it is of use any more. */
static int
cancelled(struct run *r)
{
    struct err e;

    if (r->prompt_id[0] != '\0' &&
        (comfy_cancel(r->ad->comfy, r->prompt_id, NULL, &e) != 0 ||
         comfy_forget(r->ad->comfy, r->prompt_id, &e) != 0))
        log_info("run", "cancel_unsure", "task=%s %s", r->task->id, e.msg);
    r->v.forget_run = true;
    return verdict_fail(&r->v, FAILURE_cancelled, "cancelled by the user");
}

int
run_word(struct run *r, enum ticket_word word)
{
    switch (word) {
    case TICKET_DROP:
        return verdict_drop(&r->v);
    case TICKET_CANCEL:
        return cancelled(r);
    case TICKET_STOP:
        return verdict_back(&r->v, "the worker stops");
    case TICKET_GO:
        break;
    }
    return 0;
}

/* ---- an address that does not answer ---- */

/* Was this prompt what ComfyUI was doing? If nobody saw it, then only when
 * there was nothing else of ours. */
static bool
was_running(struct run *r)
{
    return r->running_ms != 0 ||
           (r->since_ms != 0 && !r->looked && address_busy(r->ad) == 1);
}

int
run_lost(struct run *r, const struct err *why)
{
    address_fails_run(r->ad, why->msg);
    if (!was_running(r))
        return verdict_back(&r->v, "%s", why->msg);
    r->v.was_running = true;
    return verdict_fail(&r->v, FAILURE_comfy_lost, "%s", why->msg);
}

/* After a look that failed: 0 try again, -1 it is lost. */
static int
stumble(struct run *r, int64_t asked_ms, const struct err *e)
{
    if (e->code == ERR_TOO_LARGE || e->code == ERR_BAD_INPUT) {
        r->v.forget_run = true;
        return verdict_fail(&r->v, FAILURE_workflow, "%s", e->msg);
    }
    if (r->silent_ms == 0)
        r->silent_ms = asked_ms;
    if (clock_mono_ms() - r->silent_ms >= LOST_MS)
        return run_lost(r, e);
    return run_word(r, ticket_pause(r->ticket, AGAIN_MS));
}

/* ---- looks ---- */

static void
note_state(struct run *r, const struct comfy_look *look)
{
    int64_t now = clock_mono_ms();

    r->looked = true;
    address_queue_note(r->ad, &look->queue);
    if (look->state != COMFY_UNKNOWN)
        r->unknown_ms = 0;
    else if (r->unknown_ms == 0)
        r->unknown_ms = now;
    if (look->state == COMFY_RUNNING && r->running_ms == 0)
        r->running_ms = now;
    if (look->state == COMFY_RUNNING)
        ticket_stage(r->ticket, "rendering", 0);
    if (look->state != COMFY_PENDING)
        return;
    r->ahead = (int64_t)look->queue.ahead + (look->queue.running > 0);
    ticket_stage(r->ticket, "queued", r->ahead + 1);
}

static int64_t
queue_pause_ms(const struct run *r)
{
    if (r->unknown_ms != 0)
        return RUN_UNKNOWN_MS;
    return r->running_ms != 0 ? QUEUE_RUNNING_MS : QUEUE_MS;
}

static int
look_full(struct run *r, enum comfy_state *state, struct err *e)
{
    struct comfy_look look;

    r->ended = address_ended(r->ad);
    if (comfy_look(r->ad->comfy, r->poll, r->prompt_id, r->node->results,
                   r->node->n_results, &look, e) != 0)
        return -1;
    note_state(r, &look);
    r->queue_due_ms = clock_mono_ms() + queue_pause_ms(r);
    r->vanished =
        r->unknown_ms != 0 && clock_mono_ms() - r->unknown_ms >= RUN_UNKNOWN_MS;
    r->result = look.result;
    *state = look.state;
    return 0;
}

int
run_look(struct run *r, enum comfy_state *state)
{
    struct err e;

    for (;;) {
        int64_t asked_ms = clock_mono_ms();

        arena_reset(r->poll);
        if (look_full(r, state, &e) == 0)
            break;
        if (stumble(r, asked_ms, &e) != 0)
            return -1;
    }
    r->silent_ms = 0;
    return 0;
}

int
run_look_twice(struct run *r, enum comfy_state *state)
{
    r->unknown_ms = 0;
    if (run_look(r, state) != 0)
        return -1;
    if (*state != COMFY_UNKNOWN)
        return 0;
    if (run_word(r, ticket_pause(r->ticket, RUN_UNKNOWN_MS)) != 0)
        return -1;
    return run_look(r, state);
}

/* ---- ends ---- */

int
run_judge(struct run *r)
{
    const struct comfy_result *res = &r->result;
    enum failure class;

    if (res->end == COMFY_END_SUCCESS && res->n_files > 0)
        return 0;
    r->v.forget_run = true;
    r->v.was_running = true;
    if (res->end == COMFY_END_SUCCESS)
        return verdict_fail(&r->v, FAILURE_workflow,
                            "it ended well and left no file");
    class = res->end == COMFY_END_INTERRUPTED ? FAILURE_comfy_lost
                                              : failure_of_fault(res->fault);
    if (failure_table[class].unhealthy)
        address_fails_run(r->ad, res->end == COMFY_END_INTERRUPTED
                                     ? "a run was interrupted there"
                                     : res->text);
    if (res->end == COMFY_END_INTERRUPTED)
        return verdict_fail(&r->v, class, "somebody interrupted the run");
    return verdict_fail(&r->v, class, "node %s (%s): %s: %s", res->node,
                        res->node_class, res->exception, res->text);
}

/* In neither list, twice: the server restarted, or somebody deleted it. */
static int
vanished(struct run *r)
{
    r->v.forget_run = true;
    r->v.was_running = was_running(r);
    if (!r->v.was_running)
        return verdict_back(&r->v, "%s forgot the prompt", r->ad->label);
    return verdict_fail(&r->v, FAILURE_comfy_lost,
                        "%s forgot the running prompt", r->ad->label);
}

/* Over its deadline: 1 it ended all the same, -1. */
static int
overdue(struct run *r)
{
    int64_t until = clock_mono_ms() + INTERRUPT_MS;
    enum comfy_state state = COMFY_RUNNING;
    struct err e;

    if (comfy_cancel(r->ad->comfy, r->prompt_id, NULL, &e) != 0)
        log_warn("run", "interrupt_failed", "task=%s %s", r->task->id, e.msg);
    while (state == COMFY_RUNNING && clock_mono_ms() < until) {
        if (run_word(r, ticket_pause(r->ticket, INTERRUPT_LOOK_MS)) != 0 ||
            run_look(r, &state) != 0)
            return -1;
    }
    if (state == COMFY_FINISHED && r->result.end == COMFY_END_SUCCESS)
        return 1;
    if (state == COMFY_RUNNING)
        address_stuck(r->ad, r->prompt_id);
    r->v.forget_run = true;
    r->v.was_running = true;
    return verdict_fail(
        &r->v, FAILURE_timeout,
        "it ran for more than %lld s (COMFYUI_TIMEOUT)%s",
        (long long)setting_int(r->w->set, SET_COMFYUI_TIMEOUT),
        state == COMFY_RUNNING ? ", and an interrupt had no effect" : "");
}

/* It waits behind a prompt that never ends: somewhere else it can run. */
static int
blocked(struct run *r)
{
    struct err e;

    if (comfy_cancel(r->ad->comfy, r->prompt_id, NULL, &e) == 0)
        r->v.forget_run = true;
    return verdict_back(&r->v, "%s does not end a prompt before it",
                        r->ad->label);
}

/* ---- following ---- */

static int64_t
pause_ms(const struct run *r)
{
    int64_t eta_ms = r->task->eta_ms == API_UNSET ? 0 : r->task->eta_ms;
    int64_t since = r->running_ms != 0 ? r->running_ms : r->since_ms;
    int64_t ahead = r->running_ms != 0 ? 0 : r->ahead;
    int64_t left = pace_remaining_ms(eta_ms, ahead, clock_mono_ms() - since);

    return pace_pause_ms(left, setting_int(r->w->set, SET_COMFYUI_POLL_MS));
}

static bool
queue_is_due(const struct run *r)
{
    return clock_mono_ms() >= r->queue_due_ms ||
           (r->running_ms == 0 && address_ended(r->ad) != r->ended);
}

/* *state UNKNOWN when only the history was asked and does not have it. */
static int
look_once(struct run *r, enum comfy_state *state, struct err *e)
{
    arena_reset(r->poll);
    if (queue_is_due(r))
        return look_full(r, state, e);
    if (comfy_history(r->ad->comfy, r->poll, r->prompt_id, r->node->results,
                      r->node->n_results, &r->result, e) != 0)
        return -1;
    *state = r->result.end == COMFY_END_NONE ? COMFY_UNKNOWN : COMFY_FINISHED;
    return 0;
}

/* Between looks: 0 go on, 1 it is finished, -1. */
static int
check_times(struct run *r)
{
    int64_t now = clock_mono_ms();
    char stuck[COMFY_ID_MAX];

    if (r->running_ms != 0 &&
        now - r->running_ms >
            setting_int(r->w->set, SET_COMFYUI_TIMEOUT) * 1000)
        return overdue(r);
    if (r->vanished)
        return vanished(r);
    if (r->running_ms == 0 && address_is_stuck(r->ad, stuck))
        return blocked(r);
    return 0;
}

int
run_follow(struct run *r)
{
    enum comfy_state state = COMFY_UNKNOWN;
    struct err e;
    int rc = 0;

    if (r->since_ms == 0)
        r->since_ms = clock_mono_ms();
    r->unknown_ms = 0;
    r->vanished = false;
    if (r->result.end != COMFY_END_NONE) /* a takeover found it finished */
        return run_judge(r);
    while (rc == 0) {
        int64_t asked_ms;

        if (run_word(r, ticket_pause(r->ticket, pause_ms(r))) != 0)
            return -1;
        asked_ms = clock_mono_ms();
        if (look_once(r, &state, &e) != 0) {
            rc = stumble(r, asked_ms, &e);
            continue;
        }
        r->silent_ms = 0;
        if (state == COMFY_FINISHED)
            break;
        rc = check_times(r);
    }
    return rc < 0 ? -1 : run_judge(r);
}

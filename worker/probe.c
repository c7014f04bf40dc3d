/*
 * probe.c - see probe.h.
 */
#include "worker/probe.h"

#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "worker/heartbeat.h"
#include "worker/lock.h"
#include "worker/pace.h"
#include "worker/scenario.h"

#define ANSWER_MS 2000       /* /system_stats of an idle server */
#define BACKOFF_LAST_MS 5000 /* between questions to one that is away */
#define CAPS_MS 60000        /* between looks at what it can run */

struct probe {
    struct worker *w;
    struct address *ad;
    pthread_t thread;
    int lock_fd;     /* -1: not ours */
    int64_t caps_ms; /* monotonic, of the last good look; 0: none */
    char revision[BEAT_REVISION_BYTES]; /* of the scenarios looked at */
    char *missing;                      /* what was logged last */
};

struct probes {
    size_t n;
    struct probe *list;
};

/* ---- health ---- */

static void
take_lock(struct probe *p)
{
    struct err e;

    if (p->lock_fd >= 0)
        return;
    p->lock_fd = lock_address(p->ad->name, &e);
    if (p->lock_fd < 0 && e.code == ERR_CONFLICT) {
        address_lock_set(p->ad, ADDRESS_LOCK_MACHINE, e.msg);
        return;
    }
    if (p->lock_fd < 0)
        log_debug("comfy", "no_lock", "%s", e.msg);
    if (address_lock_is_ours(p->ad, ADDRESS_LOCK_MACHINE))
        return;
    address_lock_set(p->ad, ADDRESS_LOCK_MACHINE, NULL);
    beat_wake(p->w->beat); /* it takes the one in Redis next */
}

/* A prompt that did not end: has somebody restarted the server? */
static void
look_stuck(struct probe *p)
{
    char id[COMFY_ID_MAX];
    struct comfy_queue q;
    struct err e;

    if (address_is_stuck(p->ad, id) &&
        comfy_queue_summary(p->ad->comfy, id, &q, &e) == 0 &&
        q.state != COMFY_RUNNING)
        address_unstuck(p->ad);
}

static void
ask(struct probe *p)
{
    struct comfy_stats stats;
    struct comfy_queue q;
    struct err e;

    if (address_busy(p->ad) > 0 && address_is_healthy(p->ad))
        return;
    if (comfy_health(p->ad->comfy, ANSWER_MS, &stats, &e) != 0) {
        address_lost(p->ad, e.msg);
        return;
    }
    address_answers(p->ad, &stats);
    if (comfy_queue_summary(p->ad->comfy, NULL, &q, &e) == 0)
        address_queue_note(p->ad, &q);
}

/* ---- what it can run ---- */

/* The scenarios of this look, and what came of it. */
struct caps {
    struct arena *a;   /* goes to the address with the runs */
    struct arena *tmp; /* one scenario's answers */
    struct address_run *runs;
    size_t n;
    struct buf missing;
};

static void
note_missing(struct caps *c, const char *name, const struct comfy_missing *m)
{
    buf_addf(&c->missing, "%s%s:", c->missing.len > 0 ? "; " : "", name);
    for (size_t i = 0; i < m->n; i++)
        buf_addf(&c->missing, "%s %s", i > 0 ? "," : "", m->items[i]);
}

static int
try_preset(struct probe *p, struct caps *c, const struct api_scenario_ref *ref,
           const struct preset *preset, struct err *e)
{
    const struct preset_task *t = &preset->tasks[0];
    const struct str graph = str_c(preset->workflow);
    struct comfy_needs needs = {
        .graph = graph, .models = t->models, .n_models = t->n_models};
    struct comfy_missing missing;
    char *complete;

    if (strcmp(t->service, WORKER_SERVICE) != 0)
        return 0;
    if (comfy_can_run(p->ad->comfy, c->tmp, &needs, &missing, e) != 0)
        return -1;
    if (missing.n > 0) {
        note_missing(c, ref->name, &missing);
        return 0;
    }
    complete = comfy_complete(p->ad->comfy, c->tmp, graph, e);
    if (complete == NULL)
        return -1;
    c->runs[c->n++] =
        (struct address_run){.name = arena_strdup(c->a, ref->name),
                             .version = arena_strdup(c->a, ref->version),
                             .graph = arena_strdup(c->a, complete)};
    return 0;
}

/* A scenario that cannot be read is one that cannot be run here. */
static int
try_scenario(struct probe *p, struct caps *c,
             const struct api_scenario_ref *ref, struct err *e)
{
    const struct preset *preset =
        scenario_get(p->w->scenarios, ref->name, ref->version, e);
    int rc;

    if (preset == NULL &&
        (e->code == ERR_BAD_INPUT || e->code == ERR_NOT_FOUND)) {
        buf_addf(&c->missing, "%s%s: %s", c->missing.len > 0 ? "; " : "",
                 ref->name, e->msg);
        return 0;
    }
    if (preset == NULL)
        return -1;
    rc = try_preset(p, c, ref, preset, e);
    scenario_put(p->w->scenarios, preset);
    arena_reset(c->tmp);
    return rc;
}

static void
log_caps(struct probe *p, const struct caps *c, size_t of)
{
    const char *missing = buf_cstr(&c->missing);

    if (p->missing != NULL && strcmp(p->missing, missing) == 0)
        return;
    mem_free(p->missing);
    p->missing = mem_strdup(missing);
    log_info("comfy", "can_run", "label=%s scenarios=%zu of %zu%s%s",
             p->ad->label, c->n, of, c->missing.len > 0 ? "; missing: " : "",
             missing);
}

static int
look_caps(struct probe *p, struct arena *list_arena, struct caps *c,
          struct err *e)
{
    struct api_scenario_list list;
    struct api_args args = {.out = &list, .deadline_ms = -1};

    if (api_call(p->w->api, API_ROUTE_scenario_list, &args, list_arena, NULL,
                 e) != 0)
        return -1;
    c->runs = ARENA_ARRAY(c->a, struct address_run, list.n_scenarios + 1);
    for (size_t i = 0; i < list.n_scenarios; i++)
        if (try_scenario(p, c, &list.scenarios[i], e) != 0)
            return -1;
    snprintf(p->revision, sizeof(p->revision), "%s", list.revision);
    log_caps(p, c, list.n_scenarios);
    return 0;
}

static bool
caps_are_due(struct probe *p)
{
    char revision[BEAT_REVISION_BYTES];

    if (!address_is_healthy(p->ad))
        return false;
    beat_revision(p->w->beat, revision);
    return p->caps_ms == 0 || clock_mono_ms() - p->caps_ms >= CAPS_MS ||
           (revision[0] != '\0' && strcmp(revision, p->revision) != 0);
}

static void
renew_caps(struct probe *p)
{
    struct caps c = {.a = arena_new(), .tmp = arena_new()};
    struct arena *list = arena_new();
    struct err e;

    buf_init(&c.missing, 4096);
    if (look_caps(p, list, &c, &e) == 0) {
        address_caps_put(p->ad, c.a, c.runs, c.n);
        p->caps_ms = clock_mono_ms();
        beat_wake(p->w->beat);
    } else {
        log_debug("comfy", "caps_failed", "label=%s %s", p->ad->label, e.msg);
        arena_free(c.a);
    }
    buf_free(&c.missing);
    arena_free(c.tmp);
    arena_free(list);
}

/* ---- the thread ---- */

static void *
probe_main(void *arg)
{
    struct probe *p = arg;
    int64_t beat_ms = setting_int(p->w->set, SET_HEARTBEAT_MS);
    int64_t backoff_ms = 0, pause_ms;
    uint64_t seen = 0;

    do {
        take_lock(p);
        look_stuck(p);
        ask(p);
        if (caps_are_due(p))
            renew_caps(p);
        backoff_ms = address_is_healthy(p->ad)
                         ? 0
                         : pace_backoff_ms(backoff_ms, BACKOFF_LAST_MS);
        pause_ms = backoff_ms > 0 ? backoff_ms : beat_ms;
    } while (address_wait(p->ad, &seen, pause_ms));
    lock_address_drop(p->lock_fd, p->ad->name);
    mem_free(p->missing);
    return NULL;
}

struct probes *
probes_start(struct worker *w)
{
    struct probes *ps = mem_calloc(1, sizeof(*ps));

    ps->n = addresses_count(w->addresses);
    ps->list = mem_calloc(ps->n, sizeof(*ps->list));
    for (size_t i = 0; i < ps->n; i++) {
        struct probe *p = &ps->list[i];

        p->w = w;
        p->ad = addresses_at(w->addresses, i);
        p->lock_fd = -1;
        thread_start(&p->thread, "probe", probe_main, p);
    }
    return ps;
}

void
probes_join(struct probes *ps)
{
    if (ps == NULL)
        return;
    for (size_t i = 0; i < ps->n; i++)
        thread_join(ps->list[i].thread);
    mem_free(ps->list);
    mem_free(ps);
}

/*
 * main.c - tintype worker: start, stop.
 */
#include "worker/worker.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "base/role.h"
#include "worker/deliver.h"
#include "worker/heartbeat.h"
#include "worker/lock.h"
#include "worker/probe.h"
#include "worker/runs.h"
#include "worker/scenario.h"
#include "worker/slot.h"

#define LAST_MS 1000 /* of SHUTDOWN_S, to hand back what is still open */

/* ---- start ---- */

static int
need(const struct settings *set, enum setting_id id, struct err *e)
{
    if (setting_str(set, id)[0] != '\0')
        return 0;
    return err_set(e, ERR_BAD_INPUT,
                   "%s is not set; `tintype up` fills it in, a worker "
                   "started alone needs it",
                   setting_table[id].name);
}

static int
settings_check(const struct settings *set, struct err *e)
{
    const char *pop = setting_str(set, SET_QUEUE_POP);

    if (need(set, SET_SERVICE_TOKEN, e) != 0 ||
        need(set, SET_BOT_TOKEN, e) != 0 || need(set, SET_COMFYUI_URL, e) != 0)
        return -1;
    if (strcmp(pop, "blmove") != 0 && strcmp(pop, "brpop") != 0)
        return err_set(e, ERR_BAD_INPUT, "QUEUE_POP is blmove or brpop");
    if (setting_int(set, SET_HEARTBEAT_MS) * 2 > setting_int(set, SET_LEASE_MS))
        return err_set(e, ERR_BAD_INPUT,
                       "HEARTBEAT_MS is over half of LEASE_MS");
    return 0;
}

static int
redis_setup(struct worker *w, struct err *e)
{
    w->has_redis = redis_config_from(w->set, &w->redis, e) == 0;
    if (w->has_redis)
        return 0;
    if (e->code != ERR_NOT_FOUND)
        return -1;
    log_warn("queue", "off", "no REDIS_URL: tasks are asked of the backend");
    return 0;
}

static int
identity_take(struct worker *w, struct err *e)
{
    if (gethostname(w->host, sizeof(w->host)) != 0)
        snprintf(w->host, sizeof(w->host), "host");
    w->host[sizeof(w->host) - 1] = '\0';
    snprintf(w->boot, sizeof(w->boot), "%s", role_boot());
    return lock_worker_id(setting_str(w->set, SET_DATA_DIR),
                          setting_str(w->set, SET_WORKER_ID), w->host, w->id,
                          e);
}

static int
clients_open(struct worker *w, struct err *e)
{
    const struct settings *set = w->set;

    w->api = api_client_new(setting_str(set, SET_BACKEND_URL),
                            setting_str(set, SET_SERVICE_TOKEN), &w->stop, e);
    if (w->api == NULL)
        return err_wrap(e, "BACKEND_URL");
    w->tg = tg_new(setting_str(set, SET_TELEGRAM_API_URL),
                   setting_str(set, SET_BOT_TOKEN), e);
    if (w->tg == NULL)
        return -1;
    w->addresses = addresses_new(setting_str(set, SET_COMFYUI_URL), w->host,
                                 (int)setting_int(set, SET_COMFYUI_DEPTH), e);
    return w->addresses == NULL ? -1 : 0;
}

/* ---- stop ---- */

/* What is still open when the time is nearly over goes back by its fence:
 * whatever its thread says later is refused. */
static void
hand_back_all(struct worker *w)
{
    struct arena *a = arena_new();
    struct ticket_view *list;
    size_t n = runs_list(w->runs, a, &list);

    for (size_t i = 0; i < n; i++) {
        struct api_task_status in;
        struct api_task_state out;
        struct api_args args = {
            .path = {list[i].task}, .in = &in, .out = &out, .deadline_ms = -1};
        struct err e;

        api_init(&api_shape_task_status, &in);
        in.status = "pending";
        in.worker = w->id;
        in.boot = w->boot;
        in.attempt = list[i].attempt;
        if (api_call(w->api, API_ROUTE_task_status, &args, a, NULL, &e) != 0)
            log_warn("worker", "not_handed_back", "task=%s %s", list[i].task,
                     e.msg);
    }
    arena_free(a);
}

/* Ends the process when a stop takes too long; `ended` comes before that. */
struct last {
    struct worker *w;
    struct stop ended;
    pthread_t thread;
};

static void *
last_call(void *arg)
{
    struct last *l = arg;
    int64_t ms = setting_int(l->w->set, SET_SHUTDOWN_S) * 1000 - LAST_MS;

    if (stop_wait_ms(&l->ended, ms > 0 ? ms : LAST_MS / 2))
        return NULL;
    log_warn("worker", "cut", "SHUTDOWN_S is over; %lld tasks go back",
             (long long)runs_count(l->w->runs));
    hand_back_all(l->w);
    _exit(0);
}

/* ---- between ---- */

static void
wake_beat(void *ctx)
{
    beat_wake(ctx);
}

/* The threads, from their start to their end. */
static void
work(struct worker *w)
{
    struct probes *probes;
    struct slots *slots;
    struct last last = {.w = w};

    w->deliver = deliver_new(w);
    w->beat = beat_start(w);
    addresses_on_change(w->addresses, wake_beat, w->beat);
    probes = probes_start(w);
    slots = slots_start(w);
    log_info("worker", "started", "id=%s boot=%s addresses=%zu slots=%lld",
             w->id, w->boot, addresses_count(w->addresses),
             (long long)(setting_int(w->set, SET_COMFYUI_DEPTH) *
                         (int64_t)addresses_count(w->addresses)));
    role_ready(0);
    role_wait_stop();
    log_info("worker", "stopping", "runs=%lld", (long long)runs_count(w->runs));
    stop_init(&last.ended);
    thread_start(&last.thread, "last", last_call, &last);
    deliver_stop(w->deliver);
    runs_stop(w->runs);
    addresses_stop(w->addresses);
    stop_set(&w->stop);
    beat_stopping(w->beat);
    slots_join(slots);
    probes_join(probes);
    beat_free(w->beat);
    deliver_free(w->deliver); /* running sends get the rest of the time */
    stop_set(&last.ended);
    thread_join(last.thread);
}

static int
start(struct worker *w, struct err *e)
{
    if (settings_check(w->set, e) != 0 || redis_setup(w, e) != 0 ||
        identity_take(w, e) != 0 || clients_open(w, e) != 0)
        return -1;
    w->scenarios = scenarios_new(w->api);
    w->runs = runs_new();
    return 0;
}

static void
worker_fini(struct worker *w)
{
    runs_free(w->runs);
    scenarios_free(w->scenarios);
    addresses_free(w->addresses);
    tg_free(w->tg);
    api_client_free(w->api);
}

int
worker_main(int argc, char **argv)
{
    struct worker w = {.set = NULL};
    struct settings *set;
    struct err e;
    int rc = 1;

    (void)argv;
    if (argc > 1) {
        fprintf(stderr, "tintype worker takes no arguments; see `tintype help "
                        "settings`\n");
        return 2;
    }
    set = role_start("worker", &e);
    if (set == NULL) {
        fprintf(stderr, "tintype worker: %s\n", e.msg);
        return 2;
    }
    w.set = set;
    stop_init(&w.stop);
    if (start(&w, &e) == 0) {
        work(&w);
        rc = 0;
        log_info("worker", "stopped", "id=%s", w.id);
    } else {
        log_error("worker", "start_failed", "%s", e.msg);
    }
    worker_fini(&w);
    settings_free(set);
    return rc;
}

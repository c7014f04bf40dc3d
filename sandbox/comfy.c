/*
 * comfy.c - the server's state and its one executing thread.
 */
#include "sandbox/comfy.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

/* One run of the executor, as its hooks see it. */
struct execution {
    struct comfy *c;
    uint64_t generation; /* when it began */
};

/* Holding the lock. */
static bool
is_over(const struct execution *x)
{
    return x->c->interrupt || x->c->stopping ||
           x->c->generation != x->generation;
}

static bool
hook_interrupted(void *ctx)
{
    struct execution *x = ctx;
    bool over;

    pthread_mutex_lock(&x->c->lock);
    over = is_over(x);
    pthread_mutex_unlock(&x->c->lock);
    return over;
}

/* Renders no faster than --render-ms; hangs when told to. */
static void
hook_pause(void *ctx, int64_t started_mono_ms)
{
    struct execution *x = ctx;
    struct comfy *c = x->c;
    bool hang = comfy_fault_strikes(c, FAULT_hang, NULL);
    int64_t until = started_mono_ms + c->cfg.render_ms;

    pthread_mutex_lock(&c->lock);
    while (!is_over(x)) {
        int64_t left = hang ? 60000 : until - clock_mono_ms();

        if (left <= 0)
            break;
        cond_wait_ms(&c->changed, &c->lock, left);
    }
    pthread_mutex_unlock(&c->lock);
}

static bool
hook_fault(void *ctx, const char **exception, const char **message)
{
    struct execution *x = ctx;

    if (comfy_fault_strikes(x->c, FAULT_oom, NULL)) {
        *exception = "torch.OutOfMemoryError";
        *message =
            "Allocation on device \nThis error means you ran out of memory on "
            "your GPU.\n\nTIPS: If the workflow worked before you might have "
            "accidentally set the batch_size to a large number.";
        return true;
    }
    if (comfy_fault_strikes(x->c, FAULT_gpu_error, NULL)) {
        *exception = "RuntimeError";
        *message = "CUDA error: an illegal memory access was encountered\n"
                   "CUDA kernel errors might be asynchronously reported at "
                   "some other API call, so the stacktrace below might be "
                   "incorrect.\n";
        return true;
    }
    return false;
}

/* The thread is gone: the prompt stays where it is until "restart". */
static void
stay_dead(struct comfy *c, uint64_t generation)
{
    pthread_mutex_lock(&c->lock);
    if (c->generation == generation)
        c->dead = true;
    while (c->dead && !c->stopping)
        cond_wait_ms(&c->changed, &c->lock, -1);
    pthread_mutex_unlock(&c->lock);
}

static void
finish(struct comfy *c, struct comfy_item *item, struct exec_result *r,
       uint64_t generation)
{
    int64_t late_ms = 0, hidden = 0;

    if (comfy_fault_strikes(c, FAULT_history_late, &late_ms))
        hidden = clock_mono_ms() + late_ms;
    pthread_mutex_lock(&c->lock);
    c->executed += (int64_t)r->executed;
    if (c->generation == generation && !c->stopping) {
        comfy_history_add(&c->history, item, r, hidden);
        c->running = NULL;
    }
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static void
execute(struct comfy *c, struct comfy_item *item, uint64_t generation)
{
    struct execution x = {c, generation};
    struct exec_job job = {
        .prompt_id = item->id,
        .prompt = item->prompt,
        .extra = item->extra,
        .outputs = item->outputs,
        .dirs = &c->dirs,
        .cache = &c->cache,
        .a = item->a,
        .hooks = {&x, hook_interrupted, hook_pause, hook_fault}};
    struct exec_result r = {.end = EXEC_DIED};

    if (!comfy_fault_strikes(c, FAULT_executor_dead, NULL))
        exec_run(&job, &r);
    log_debug("comfy", "ran", "id=%s end=%d nodes=%zu", item->id, (int)r.end,
              r.executed);
    if (r.end == EXEC_DIED)
        stay_dead(c, generation);
    else
        finish(c, item, &r, generation);
    exec_result_free(&r);
}

/* The next prompt, or NULL when stopping. */
static struct comfy_item *
take(struct comfy *c, uint64_t *generation)
{
    struct comfy_item *item = NULL;
    bool drop = false;

    pthread_mutex_lock(&c->lock);
    while (!c->stopping && !(item = comfy_queue_pop(&c->queue)) &&
           !c->drop_cache)
        cond_wait_ms(&c->changed, &c->lock, -1);
    if (item) {
        c->running = item;
        c->interrupt = false; /* one that came too late is forgotten */
        comfy_runs_add(&c->runs, item->id);
    }
    *generation = c->generation;
    drop = c->drop_cache;
    c->drop_cache = false;
    pthread_mutex_unlock(&c->lock);
    if (drop)
        cache_clear(&c->cache);
    return item;
}

static bool
is_stopping(struct comfy *c)
{
    bool stopping;

    pthread_mutex_lock(&c->lock);
    stopping = c->stopping;
    pthread_mutex_unlock(&c->lock);
    return stopping;
}

static void *
executor(void *arg)
{
    struct comfy *c = arg;

    while (!is_stopping(c)) {
        uint64_t generation;
        struct comfy_item *item = take(c, &generation);

        if (!item)
            continue;
        execute(c, item, generation);
        pthread_mutex_lock(&c->lock);
        if (c->running == item)
            c->running = NULL;
        pthread_mutex_unlock(&c->lock);
        comfy_item_free(item);
    }
    return NULL;
}

void
comfy_interrupt(struct comfy *c, const char *id)
{
    pthread_mutex_lock(&c->lock);
    if (!id || (c->running && strcmp(c->running->id, id) == 0))
        c->interrupt = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

void
comfy_restart(struct comfy *c)
{
    struct arena *a = arena_new();
    const char **names;
    size_t n;

    pthread_mutex_lock(&c->lock);
    c->generation++;
    c->running = NULL; /* the executor frees it when it notices */
    comfy_queue_clear(&c->queue);
    comfy_history_clear(&c->history);
    c->next_number = 0;
    c->dead = false;
    c->drop_cache = true;
    n = dir_list(a, c->dirs.temp, &names);
    for (size_t i = 0; i < n; i++)
        remove(arena_fmt(a, "%s/%s", c->dirs.temp, names[i]));
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    arena_free(a);
}

int
comfy_start(struct comfy *c, const struct comfy_config *cfg, struct err *e)
{
    struct arena *a;

    *c = (struct comfy){.cfg = *cfg};
    if (comfy_dirs_open(&c->dirs, cfg->dir, e) < 0) {
        comfy_dirs_close(&c->dirs);
        return -1;
    }
    node_classes_init();
    a = arena_new();
    comfy_runs_open(&c->runs,
                    arena_fmt(a, "%s/sandbox-runs.log", c->dirs.base));
    arena_free(a);
    pthread_mutex_init(&c->lock, NULL);
    cond_init(&c->changed);
    thread_start(&c->executor, "comfy-exec", executor, c);
    return 0;
}

void
comfy_stop(struct comfy *c)
{
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    thread_join(c->executor);
    comfy_queue_fini(&c->queue);
    comfy_history_clear(&c->history);
    comfy_runs_close(&c->runs);
    cache_clear(&c->cache);
    comfy_dirs_close(&c->dirs);
    node_classes_fini();
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->changed);
}

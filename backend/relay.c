/*
 * relay.c - see relay.h.
 */
#include <stdio.h>
#include <string.h>
#include "backend/backend_int.h"
#include "backend/catalog.h"
#include "backend/fleet.h"
#include "backend/relay.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/redis.h"
#include "store/event.h"
#include "store/task.h"

#define PASS_MS 1000
#define HINT_AGAIN_MS 1000 /* a hint that was not used goes out again */
#define HINTS_MAX 4096     /* handed out and not yet claimed, remembered */
#define EVENTS_MAX 256     /* of the outbox a pass */
#define SERVICES_MAX 16
#define REDIS_MS 2000

struct hint {
    char task[12];
    int64_t attempt;
    int64_t at_ms; /* monotonic: when it was pushed */
};

struct relay {
    struct backend *b;
    struct redis *redis; /* this thread's */
    struct redis *probe; /* for /ready; under lock */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool wake GUARDED_BY(lock), stop GUARDED_BY(lock);
    struct hint *hints; /* ring of HINTS_MAX */
    size_t nhints;
    int64_t pass;       /* number written with the hints */
    char run_id[41];    /* of the Redis that has them */
    int64_t run_id_ms;  /* monotonic: last asked */
    bool down, odd;     /* told once */
};

/* ---- what was handed out ---------------------------------------------- */

static struct hint *
hint_find(struct relay *r, const char *task)
{
    for (size_t i = 0; i < r->nhints; i++) {
        if (strcmp(r->hints[i].task, task) == 0)
            return &r->hints[i];
    }
    return NULL;
}

static void
hint_remember(struct relay *r, const char *task, int64_t attempt)
{
    struct hint *h = hint_find(r, task);
    if (h == NULL) {
        if (r->nhints == HINTS_MAX) { /* the oldest: a duplicate at worst */
            memmove(r->hints, r->hints + 1,
                    (HINTS_MAX - 1) * sizeof *r->hints);
            r->nhints--;
        }
        h = &r->hints[r->nhints++];
        snprintf(h->task, sizeof h->task, "%s", task);
    }
    h->attempt = attempt;
    h->at_ms = clock_mono_ms();
}

/* Still out there, as far as we know? */
static bool
hint_is_out(struct relay *r, const char *task, int64_t attempt,
            int64_t again_ms)
{
    struct hint *h = hint_find(r, task);
    return h != NULL && h->attempt == attempt &&
           clock_mono_ms() - h->at_ms < again_ms;
}

static void
hints_forget(struct relay *r, int64_t older_ms)
{
    size_t kept = 0;
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < r->nhints; i++) {
        if (now - r->hints[i].at_ms < older_ms)
            r->hints[kept++] = r->hints[i];
    }
    r->nhints = kept;
}

/* ---- messages --------------------------------------------------------- */

static void
message_write(struct arena *a, struct buf *out, const struct task *t,
              const char *queue)
{
    struct jw w;
    (void)a;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstr(&w, "id", t->id);
    jw_kstr(&w, "scenario_id", t->job);
    jw_kstr(&w, "job_id", t->job);
    jw_kstr(&w, "service", t->service);
    jw_kstr(&w, "name", t->name);
    jw_kstr(&w, "queue", queue);
    jw_kstr(&w, "status", task_state_name(t->state));
    jw_ki64(&w, "attempt", t->attempt);
    jw_key(&w, "consumers");
    jw_arr(&w);
    jw_end(&w);
    jw_key(&w, "params");
    jw_raw(&w, t->params[0] != '\0' ? str_c(t->params) : STR("{}"));
    jw_key(&w, "inputs");
    jw_raw(&w, t->inputs[0] != '\0' ? str_c(t->inputs) : STR("{}"));
    jw_kstr(&w, "result_ref", t->result_ref[0] != '\0' ? t->result_ref : NULL);
    jw_ki64(&w, "created_at", t->created_at);
    jw_ki64(&w, "updated_at", clock_wall_ms());
    jw_end(&w);
}

static int
hint_push(struct relay *r, struct arena *a, const char *service,
          const struct task_ready *ready, struct err *e)
{
    struct task t;
    struct buf m;
    char *queue = arena_fmt(a, "queue:%s", service);
    if (task_get(r->b->db, a, ready->id, &t, e) != 0)
        return -1;
    buf_init(&m, 1u << 20);
    message_write(a, &m, &t, queue);
    struct str words[] = {STR("LPUSH"), str_c(queue),
                          arena_str(a, buf_str(&m))};
    redis_queue(r->redis, 3, words);
    buf_free(&m);
    hint_remember(r, ready->id, ready->attempt);
    return 0;
}

/* ---- a pass ----------------------------------------------------------- */

/* What a pass found in Redis, asked for in one round trip. */
struct look {
    const char **services;
    size_t n;
    int64_t have[SERVICES_MAX]; /* length of each queue */
};

/* Redis was emptied, restarted or failed over: fill again at once. */
static int
epoch_judge(struct relay *r, struct arena *a, const struct redis_reply *mark,
            struct err *e)
{
    char run_id[41];
    int64_t seen = -1, now = clock_mono_ms();
    bool lost;
    if (mark->type == REDIS_STRING)
        str_to_i64(mark->s, &seen);
    lost = seen < r->pass;
    if (lost || now - r->run_id_ms >= PASS_MS) {
        if (redis_run_id(r->redis, run_id, e) != 0)
            return -1;
        lost = lost || strcmp(run_id, r->run_id) != 0;
        strcpy(r->run_id, run_id);
        r->run_id_ms = now;
    }
    if (!lost)
        return 0;
    if (r->pass > 0)
        log_warn("relay", "refill", "redis lost what it had");
    r->nhints = 0;
    return events_replay(r->b->db, a, e);
}

/* Services with ready tasks, their queues' lengths, and is it still the Redis
 * that we filled? */
static int
look(struct relay *r, struct arena *a, struct look *l, struct err *e)
{
    struct redis_reply *replies;
    struct str mark[] = {STR("GET"), STR("relay")};
    size_t n;
    if (task_services(r->b->db, a, &l->services, &l->n, e) != 0)
        return -1;
    if (l->n > SERVICES_MAX)
        l->n = SERVICES_MAX;
    redis_queue(r->redis, 2, mark);
    for (size_t i = 0; i < l->n; i++) {
        struct str words[] = {
            STR("LLEN"), str_c(arena_fmt(a, "queue:%s", l->services[i]))};
        redis_queue(r->redis, 2, words);
    }
    if (redis_flush(r->redis, a, REDIS_MS, &replies, &n, e) != 0)
        return -1;
    for (size_t i = 0; i < l->n; i++)
        l->have[i] = replies[i + 1].i;
    return epoch_judge(r, a, &replies[0], e);
}

/* About two hints per free slot; QUEUE_MIN where nobody of ours serves. */
static int
fill_service(struct relay *r, struct arena *a, const char *service,
             int64_t have, struct err *e)
{
    struct fleet_sum f = fleet_sum(r->b, service);
    int64_t again_ms = HINT_AGAIN_MS, want = 2 * f.slots;
    struct task_ready *ready;
    size_t n;
    if (f.workers == 0) {
        want = setting_int(r->b->set, SET_QUEUE_MIN);
        again_ms = setting_int(r->b->set, SET_FOREIGN_LEASE) * 1000;
    }
    if (have >= want)
        return 0;
    if (task_fair(r->b->db, a, service, want * 2, &ready, &n, e) != 0)
        return -1;
    for (size_t i = 0; have < want && i < n; i++) {
        if (hint_is_out(r, ready[i].id, ready[i].attempt, again_ms))
            continue;
        if (hint_push(r, a, service, &ready[i], e) != 0)
            return -1;
        have++;
    }
    return 0;
}

static void
epoch_mark(struct relay *r, struct arena *a)
{
    char *number = arena_fmt(a, "%lld", (long long)++r->pass);
    struct str words[] = {STR("SET"), STR("relay"), str_c(number)};
    redis_queue(r->redis, 3, words);
}

/* ---- projections ------------------------------------------------------ */

static void
project_task(struct relay *r, struct arena *a, const struct task *t)
{
    char *key = arena_fmt(a, "task:%s", t->id);
    char *attempt = arena_fmt(a, "%lld", (long long)t->attempt);
    char *updated = arena_fmt(a, "%lld", (long long)clock_wall_ms());
    char *created = arena_fmt(a, "%lld", (long long)t->created_at);
    const char *words[] = {
        "HSET", key, "id", t->id, "scenario_id", t->job, "job_id", t->job,
        "service", t->service, "name", t->name, "status",
        task_state_name(t->state), "attempt", attempt, "inputs", t->inputs,
        "params", t->params, "consumers", "[]", "result_ref", t->result_ref,
        "error_class", t->error_class, "error", t->error, "created_at",
        created, "updated_at", updated};
    struct str s[sizeof words / sizeof words[0]];
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        s[i] = str_c(words[i]);
    redis_queue(r->redis, sizeof words / sizeof words[0], s);
}

static void
project_job(struct relay *r, struct arena *a, const struct task *t)
{
    char *key = arena_fmt(a, "scenario:%s", t->job);
    char *ids = arena_fmt(a, "[\"%s\"]", t->id);
    char *updated = arena_fmt(a, "%lld", (long long)clock_wall_ms());
    const char *words[] = {"HSET", key, "id", t->job, "name", t->scenario,
                           "version", t->version, "status",
                           job_state_name(t->job_state), "task_ids", ids,
                           "updated_at", updated};
    struct str s[sizeof words / sizeof words[0]];
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        s[i] = str_c(words[i]);
    redis_queue(r->redis, sizeof words / sizeof words[0], s);
}

static int
project_event(struct relay *r, struct arena *a, const struct event *ev,
              struct err *e)
{
    struct task t;
    int rc = strcmp(ev->topic, "tasks") == 0
                 ? task_get(r->b->db, a, ev->key, &t, e)
                 : task_of_job(r->b->db, a, ev->key, &t, e);
    if (rc != 0)
        return e->code == ERR_NOT_FOUND ? 0 : -1;
    project_task(r, a, &t);
    project_job(r, a, &t);
    return 0;
}

/* Projects the outbox; *more: it has further events. */
static int
project(struct relay *r, struct arena *a, struct event **events, size_t *n,
        struct err *e)
{
    if (events_open(r->b->db, a, EVENTS_MAX, events, n, e) != 0)
        return -1;
    for (size_t i = 0; i < *n; i++) {
        if (project_event(r, a, &(*events)[i], e) != 0)
            return -1;
    }
    return 0;
}

/* An error that Redis gave to a single command. A key of another type is
 * somebody's doing and stays so: told once, passed by. Everything else (out
 * of memory, read-only, disk full) means that nothing was written. */
static int
replies_check(struct relay *r, const struct redis_reply *replies, size_t n,
              struct err *e)
{
    bool odd = false;
    for (size_t i = 0; i < n; i++) {
        struct str s = replies[i].s;
        if (replies[i].type != REDIS_STATUS || !str_starts(s, STR("-")))
            continue;
        if (!str_starts(s, STR("-WRONGTYPE")))
            return err_set(e, ERR_UNAVAILABLE, "redis: " STR_FMT, STR_ARG(s));
        odd = true;
    }
    if (odd && !r->odd)
        log_error("relay", "wrong_type",
                  "a key of ours in redis holds another type: delete it");
    r->odd = odd;
    return 0;
}

static int
pass_run(struct relay *r, struct arena *a, bool *more, struct err *e)
{
    struct redis_reply *replies;
    struct event *events;
    struct look l = {0};
    size_t n, done;
    if (look(r, a, &l, e) != 0)
        return -1;
    for (size_t i = 0; i < l.n; i++) {
        if (fill_service(r, a, l.services[i], l.have[i], e) != 0)
            return -1;
    }
    if (project(r, a, &events, &n, e) != 0)
        return -1;
    *more = n == EVENTS_MAX;
    epoch_mark(r, a);
    if (redis_flush(r->redis, a, REDIS_MS, &replies, &done, e) != 0 ||
        replies_check(r, replies, done, e) != 0)
        return -1;
    return events_relayed(r->b->db, a, events, n, e);
}

/* After a failed pass nobody knows which hints arrived: all go out again; a
 * duplicate does no harm. */
static void
pass_undo(struct relay *r, struct arena *a)
{
    struct redis_reply *replies;
    struct err ignored;
    size_t n;
    r->nhints = 0;
    redis_flush(r->redis, a, REDIS_MS, &replies, &n, &ignored);
}

/* ---- the thread ------------------------------------------------------- */

static bool
relay_pause(struct relay *r, int64_t ms)
{
    pthread_mutex_lock(&r->lock);
    if (!r->wake && !r->stop)
        cond_wait_ms(&r->cond, &r->lock, ms);
    r->wake = false;
    bool stop = r->stop;
    pthread_mutex_unlock(&r->lock);
    return !stop;
}

static int64_t
pause_ms(struct relay *r, struct arena *a)
{
    int64_t ms;
    struct err e;
    if (task_next_ready(r->b->db, a, &ms, &e) != 0 || ms < 0 || ms > PASS_MS)
        return PASS_MS;
    return ms + 1;
}

static void *
relay_loop(void *arg)
{
    struct relay *r = arg;
    int64_t wait_ms = 0;
    while (relay_pause(r, wait_ms)) {
        struct arena *a = arena_new();
        struct err e;
        bool more = false;
        wait_ms = PASS_MS;
        if (!db_leader(r->b->db, "relay")) {
            r->nhints = 0;
        } else if (pass_run(r, a, &more, &e) == 0) {
            wait_ms = more ? 0 : pause_ms(r, a);
            /* delayed tasks that are ready now: long polls want to know */
            if (wait_ms < PASS_MS)
                backend_wake(r->b, TOPIC_TASKS);
            if (r->down)
                log_info("relay", "back", "redis answers again");
            r->down = false;
        } else {
            pass_undo(r, a);
            if (!r->down)
                log_warn("relay", "down", "%s; workers ask the backend "
                         "directly until it is back", e.msg);
            r->down = true;
            backend_wake(r->b, TOPIC_TASKS);
        }
        hints_forget(r, setting_int(r->b->set, SET_FOREIGN_LEASE) * 2000);
        arena_free(a);
    }
    return NULL;
}

int
relay_start(struct backend *b, struct err *e)
{
    struct redis_config cfg;
    struct relay *r = mem_calloc(1, sizeof *r);
    if (redis_config_from(b->set, &cfg, e) != 0) {
        mem_free(r);
        if (e->code != ERR_NOT_FOUND)
            return -1;
        log_warn("relay", "off", "no REDIS_URL: consumers that are not ours "
                 "get nothing, our workers ask the backend");
        return 0;
    }
    r->b = b;
    r->redis = redis_new(&cfg);
    r->probe = redis_new(&cfg);
    r->hints = mem_calloc(HINTS_MAX, sizeof *r->hints);
    pthread_mutex_init(&r->lock, NULL);
    cond_init(&r->cond);
    b->relay = r;
    thread_start(&r->thread, "relay", relay_loop, r);
    return 0;
}

void
relay_stop(struct backend *b)
{
    struct relay *r = b->relay;
    if (r == NULL)
        return;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_signal(&r->cond);
    pthread_mutex_unlock(&r->lock);
    thread_join(r->thread);
    redis_free(r->redis);
    redis_free(r->probe);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->cond);
    mem_free(r->hints);
    mem_free(r);
    b->relay = NULL;
}

void
relay_wake(struct backend *b)
{
    struct relay *r = b->relay;
    if (r == NULL)
        return;
    pthread_mutex_lock(&r->lock);
    r->wake = true;
    pthread_cond_signal(&r->cond);
    pthread_mutex_unlock(&r->lock);
}

const char *
relay_trouble(struct backend *b, struct arena *a)
{
    struct relay *r = b->relay;
    struct redis_reply reply;
    struct err e;
    struct str words[] = {STR("PING")};
    if (r == NULL)
        return "no REDIS_URL is set";
    pthread_mutex_lock(&r->lock);
    int rc = redis_cmd(r->probe, a, 1000, 1, words, &reply, &e);
    pthread_mutex_unlock(&r->lock);
    return rc == 0 ? NULL : arena_strdup(a, e.msg);
}

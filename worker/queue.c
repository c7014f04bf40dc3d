/*
 * queue.c - see queue.h.
 */
#include "worker/queue.h"

#include <inttypes.h>
#include <stdio.h>
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

#define REDIS_MS 2000
#define DEAD_BYTES 8192 /* kept of a dead message */

struct queue {
    struct redis *redis;
    char *service, *list, *inflight, *dead;
    bool brpop;
    bool look; /* at inflight first */
};

static char *
key_of(const char *prefix, const char *service, const char *worker)
{
    char key[256];

    snprintf(key, sizeof(key), "%s:%.100s%s%s", prefix, service,
             worker != NULL ? ":" : "", worker != NULL ? worker : "");
    return mem_strdup(key);
}

struct queue *
queue_new(const struct queue_config *cfg)
{
    struct queue *q = mem_calloc(1, sizeof(*q));

    q->redis = redis_new(cfg->redis);
    q->service = mem_strdup(cfg->service);
    q->list = key_of("queue", cfg->service, NULL);
    q->dead = key_of("dead", cfg->service, NULL);
    q->inflight = key_of("inflight", cfg->service, cfg->worker);
    q->brpop = cfg->brpop;
    q->look = !cfg->brpop;
    return q;
}

void
queue_free(struct queue *q)
{
    if (q == NULL)
        return;
    redis_free(q->redis);
    mem_free(q->service);
    mem_free(q->list);
    mem_free(q->dead);
    mem_free(q->inflight);
    mem_free(q);
}

/* ---- taking ---- */

static int
look_inflight(struct queue *q, struct arena *a, struct redis_reply *out,
              struct err *e)
{
    return redis_cmdf(q->redis, a, REDIS_MS, out, e, "LINDEX %s -1",
                      q->inflight);
}

static int
pop(struct queue *q, struct arena *a, int64_t wait_ms, struct redis_reply *out,
    struct err *e)
{
    char seconds[24];

    snprintf(seconds, sizeof(seconds), "%" PRId64 ".%03d", wait_ms / 1000,
             (int)(wait_ms % 1000));
    if (!q->brpop)
        return redis_cmdf(q->redis, a, wait_ms + 1000, out, e,
                          "BLMOVE %s %s RIGHT LEFT %s", q->list, q->inflight,
                          seconds);
    /* before 6.0 the time is whole seconds, and 0 would be for ever */
    snprintf(seconds, sizeof(seconds), "%" PRId64, (wait_ms + 999) / 1000);
    return redis_cmdf(q->redis, a, wait_ms + 2000, out, e, "BRPOP %s %s",
                      q->list, seconds);
}

static bool
reply_message(const struct redis_reply *r, struct str *raw)
{
    if (r->type == REDIS_LIST && r->nitems == 2) /* BRPOP: key, message */
        r = &r->items[1];
    if (r->type != REDIS_STRING)
        return false;
    *raw = r->s;
    return true;
}

enum queue_taken
queue_take(struct queue *q, struct arena *a, int64_t wait_ms, struct str *raw,
           struct err *e)
{
    struct redis_reply reply;

    if (q->look) {
        if (look_inflight(q, a, &reply, e) != 0)
            return QUEUE_AWAY;
        if (reply_message(&reply, raw))
            return QUEUE_GOT;
        q->look = false;
    }
    if (pop(q, a, wait_ms, &reply, e) != 0) {
        q->look = !q->brpop;
        return QUEUE_AWAY;
    }
    return reply_message(&reply, raw) ? QUEUE_GOT : QUEUE_NONE;
}

/* ---- what becomes of a message ---- */

/* Queued by redis_queue() before; what fails is looked at again. */
static void
queue_flush(struct queue *q, struct arena *a)
{
    struct redis_reply *replies;
    struct err e;
    size_t n;

    if (redis_flush(q->redis, a, REDIS_MS, &replies, &n, &e) == 0)
        return;
    q->look = !q->brpop;
    log_debug("queue", "away", "%s", e.msg);
}

static void
forget(struct queue *q, struct str raw)
{
    const struct str words[] = {STR("LREM"), str_c(q->inflight), STR("-1"),
                                raw};

    if (!q->brpop)
        redis_queue(q->redis, 4, words);
}

void
queue_done(struct queue *q, struct arena *a, struct str raw)
{
    forget(q, raw);
    queue_flush(q, a);
}

void
queue_back(struct queue *q, struct arena *a, struct str raw)
{
    const struct str words[] = {STR("RPUSH"), str_c(q->list), raw};

    redis_queue(q->redis, 3, words);
    forget(q, raw);
    queue_flush(q, a);
}

/* {"reason", "message", "at"}: bytes that are no UTF-8 become U+FFFD. */
static struct str
dead_entry(struct arena *a, struct str raw, const char *reason)
{
    struct buf b;
    struct jw w;
    struct str s;

    buf_init(&b, 16 * DEAD_BYTES);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, "reason", reason);
    jw_ki64(&w, "at", clock_wall_ms());
    jw_ki64(&w, "bytes", (int64_t)raw.len);
    jw_key(&w, "message");
    jw_text(&w, str_sub(raw, 0, DEAD_BYTES));
    jw_end(&w);
    s = arena_str(a, buf_str(&b));
    buf_free(&b);
    return s;
}

void
queue_dead(struct queue *q, struct arena *a, struct str raw, const char *reason)
{
    const struct str push[] = {STR("LPUSH"), str_c(q->dead),
                               dead_entry(a, raw, reason)};
    const struct str last = str_c(arena_fmt(a, "%d", QUEUE_DEAD_MAX - 1));
    const struct str trim[] = {STR("LTRIM"), str_c(q->dead), STR("0"), last};

    log_warn("queue", "dead", "service=%s bytes=%zu %s", q->service, raw.len,
             reason);
    redis_queue(q->redis, 3, push);
    redis_queue(q->redis, 4, trim);
    forget(q, raw);
    queue_flush(q, a);
}

void
queue_result(struct queue *q, struct arena *a, const char *task,
             struct str json, int64_t ttl_s)
{
    const struct str words[] = {
        STR("SET"), str_c(arena_fmt(a, "result:%s", task)), json, STR("EX"),
        str_c(arena_fmt(a, "%" PRId64, ttl_s))};

    redis_queue(q->redis, 5, words);
    queue_flush(q, a);
}

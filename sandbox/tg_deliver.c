/*
 * tg_deliver.c - posts updates to the webhook: each lane in order, lanes in
 * parallel up to max_connections, with Telegram's retries (contract 1.3).
 *
 * A thread takes a lane that is ready, posts its first update without the
 * lock, and puts the lane back. Threads are started as they are needed and
 * stay. When nothing succeeded for ten seconds, one delivery runs at a time.
 */
#include "sandbox/tg.h"

#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "io/httpc.h"

#define DOUBT_MS 10000
#define TICK_MS 1000
#define ANSWER_BYTES 65536
#define SECRET_HEADER "X-Telegram-Bot-Api-Secret-Token: "

/* One delivery, away from the lock. */
struct delivery {
    struct tgs_hook *hook;
    struct tgs_update *update;
    struct tgs_lane *lane;
    bool faulty;
    struct tgs_fault_rule fault;
    bool ok;
    int retry_after; /* -1: none given */
    bool answered_body;
    char error[160];
};

void
tgs_hook_unref(struct tgs_hook *h)
{
    if (!h || --h->refs > 0)
        return;
    httpc_free(h->http);
    mem_free(h->url);
    mem_free(h->path);
    mem_free(h->secret);
    mem_free(h->ip_address);
    mem_free(h);
}

/* ---- one post ---- */

static const char *
reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } known[] = {{301, "Moved Permanently"},
                 {302, "Found"},
                 {400, "Bad Request"},
                 {401, "Unauthorized"},
                 {403, "Forbidden"},
                 {404, "Not Found"},
                 {405, "Method Not Allowed"},
                 {410, "Gone"},
                 {413, "Request Entity Too Large"},
                 {429, "Too Many Requests"},
                 {500, "Internal Server Error"},
                 {502, "Bad Gateway"},
                 {503, "Service Unavailable"},
                 {504, "Gateway Timeout"}};

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (known[i].status == status)
            return known[i].text;
    return "";
}

static void
judge(struct delivery *d, const struct httpc_res *r)
{
    d->ok = r->status >= 200 && r->status < 300;
    d->retry_after = d->ok ? -1 : r->retry_after_s;
    d->answered_body = r->body.len > 0;
    snprintf(d->error, sizeof(d->error),
             "Wrong response from the webhook: %d %s", r->status,
             reason(r->status));
}

static void
post(const struct tg *t, struct delivery *d)
{
    char secret[300];
    const char *headers[] = {NULL, NULL};
    struct httpc_res r;
    struct err e = {0};

    if (d->hook->secret) {
        snprintf(secret, sizeof(secret), SECRET_HEADER "%s", d->hook->secret);
        headers[0] = secret;
    }
    d->retry_after = -1;
    if (httpc_do(d->hook->http,
                 &(struct httpc_req){.method = "POST",
                                     .path = d->hook->path,
                                     .op = "update",
                                     .body = str_c(d->update->json),
                                     .headers = headers,
                                     .timeout_ms = t->cfg.webhook_timeout_ms,
                                     .max_answer = ANSWER_BYTES},
                 &r, &e) == 0) {
        judge(d, &r);
        httpc_res_free(&r);
        return;
    }
    snprintf(d->error, sizeof(d->error), "%s",
             e.code == ERR_UNAVAILABLE ? "Connection refused"
                                       : "Read timeout expired");
}

static void
deliver(struct tg *t, struct delivery *d)
{
    enum tgs_fault f = d->fault.kind;

    if (d->faulty && f == TG_FAULT_delay)
        stop_wait_ms(&t->stop, d->fault.ms);
    if (d->faulty && f == TG_FAULT_drop) {
        snprintf(d->error, sizeof(d->error), "Connection reset by peer");
        d->retry_after = -1;
        return;
    }
    post(t, d);
    if (d->faulty && f == TG_FAULT_lost && d->ok) {
        d->ok = false;
        snprintf(d->error, sizeof(d->error), "Connection reset by peer");
    }
}

/* ---- what comes of it ---- */

/* At once, then 2, 4 .. 64 s, then 60 to 120 s. */
static int64_t
backoff_ms(unsigned failures)
{
    if (failures <= 1)
        return 0;
    if (failures <= 7)
        return 1000LL << (failures - 1);
    return 60000 + (int64_t)rand_below(60001);
}

static void
failed(struct tg *t, struct delivery *d)
{
    struct tgs_lane *lane = d->lane;
    int64_t now = clock_mono_ms(), wait_ms;

    t->stats.failures++;
    t->webhook.error_date = clock_wall_ms() / 1000;
    memcpy(t->webhook.error, d->error, sizeof(d->error));
    if (t->first_failure_ms == 0)
        t->first_failure_ms = now;
    if (d->retry_after >= 0) {
        wait_ms =
            (d->retry_after > 3600 ? 3600 : (int64_t)d->retry_after) * 1000;
    } else {
        lane->failures++;
        wait_ms = backoff_ms(lane->failures);
    }
    lane->due_ms = now + (int64_t)((double)wait_ms * t->cfg.retry_scale);
}

static void
succeeded(struct tg *t, struct delivery *d)
{
    t->first_failure_ms = 0;
    t->stats.delivered++;
    t->stats.bodies += d->answered_body;
    d->lane->failures = 0;
    d->lane->due_ms = 0;
}

/* Meanwhile the update may have been taken by getUpdates or dropped; the lane
 * stays while it is busy. */
static void
finish(struct tg *t, struct delivery *d)
{
    bool twice = d->faulty && d->fault.kind == TG_FAULT_twice;

    if (d->ok)
        succeeded(t, d);
    else
        failed(t, d);
    d->update->out = false;
    if ((d->ok && !twice) || !d->update->pending)
        tgs_update_settle(t, d->update);
    d->lane->busy = false;
    tgs_lane_settle(t, d->lane);
    tgs_hook_unref(d->hook);
}

/* ---- the threads ---- */

static void
promote_due(struct tg *t, int64_t now, int64_t *next)
{
    struct tgs_lane *l = t->delayed.first;

    t->delayed = (struct tgs_lanes){NULL, NULL};
    while (l) {
        struct tgs_lane *after = l->next;
        l->listed = false;
        if (l->due_ms > now && l->due_ms < *next)
            *next = l->due_ms;
        tgs_lane_settle(t, l);
        l = after;
    }
}

static int
allowed_now(const struct tg *t)
{
    bool doubt = t->first_failure_ms != 0 &&
                 clock_mono_ms() - t->first_failure_ms >
                     (int64_t)(DOUBT_MS * t->cfg.retry_scale);

    return doubt ? 1 : t->webhook.max_connections;
}

static bool
take(struct tg *t, struct delivery *d)
{
    struct tgs_lane *lane = t->ready.first;

    if (!t->webhook.hook || !lane || t->busy >= allowed_now(t))
        return false;
    t->ready.first = lane->next;
    if (!lane->next)
        t->ready.last = NULL;
    lane->next = NULL;
    lane->listed = false;
    lane->busy = true;
    *d = (struct delivery){
        .hook = t->webhook.hook, .update = lane->first, .lane = lane};
    d->hook->refs++;
    d->update->out = true;
    d->update->attempts++;
    d->faulty =
        tgs_fault_take(t, "webhook", (int64_t)(lane->key >> 3), &d->fault);
    return true;
}

static void *
deliver_thread(void *arg)
{
    struct tg *t = arg;
    struct delivery d;

    pthread_mutex_lock(&t->lock);
    while (!stop_is_set(&t->stop)) {
        int64_t now = clock_mono_ms(), next = now + TICK_MS;
        tgs_updates_expire(t);
        promote_due(t, now, &next);
        if (!take(t, &d)) {
            t->idle++;
            cond_wait_ms(&t->work, &t->lock, next - now);
            t->idle--;
            continue;
        }
        t->busy++;
        tgs_deliver_wake(t);
        pthread_mutex_unlock(&t->lock);
        deliver(t, &d);
        pthread_mutex_lock(&t->lock);
        t->busy--;
        finish(t, &d);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

void
tgs_deliver_wake(struct tg *t)
{
    if (!t->webhook.hook || !t->ready.first)
        return;
    if (t->idle > 0) {
        pthread_cond_signal(&t->work);
        return;
    }
    if (t->nthreads < allowed_now(t) && !stop_is_set(&t->stop)) {
        char name[16];
        snprintf(name, sizeof(name), "deliver-%d", t->nthreads);
        thread_start(&t->threads[t->nthreads++], name, deliver_thread, t);
    }
}

void
tgs_deliver_stop(struct tg *t)
{
    stop_set(&t->stop);
    pthread_mutex_lock(&t->lock);
    if (t->webhook.hook)
        httpc_stop(t->webhook.hook->http);
    pthread_cond_broadcast(&t->work);
    pthread_mutex_unlock(&t->lock);
    for (int i = 0; i < t->nthreads; i++)
        thread_join(t->threads[i]);
}

/*
 * sender.c - threads around telegram/send.c.
 *
 * DESIGN. One queue, in the order of arrival. A thread takes the first item
 * whose chat no other thread is sending to: so the last status of a job goes
 * before its picture, and a slow upload holds up its own chat only. A lane's
 * thread claims no more than there are idle threads, for what lies here
 * waiting uses up its lease and could be sent by another process.
 */
#include "telegram/sender.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "telegram/send.h"

#define THREADS_DEFAULT 3
#define LANES_MAX 4
#define CLAIM_PAUSE_MS 1000 /* after a claim that failed */
#define PAUSE_MS 30000      /* after Telegram refused the token */

struct item {
    struct item *next;
    struct arena *a;
    struct tg_delivery d;
};

struct lane {
    struct tg_sender *s;
    const char *name;
    pthread_t thread;
};

struct worker {
    struct tg_sender *s;
    pthread_t thread;
    bool busy;       /* guarded by the sender's lock, chat too */
    int64_t chat_id; /* while busy */
};

struct tg_sender {
    struct tg *tg;
    const struct tg_sender_ops *ops;
    struct lane lanes[LANES_MAX];
    int nlanes;
    struct worker workers[TG_SENDER_THREADS_MAX];
    int nworkers;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* queue, busy, stopping or paused changed */
    struct item *first GUARDED_BY(lock);
    struct item **last GUARDED_BY(lock);
    int queued GUARDED_BY(lock);
    int running GUARDED_BY(lock);
    bool stopping GUARDED_BY(lock);
    int64_t paused_until GUARDED_BY(lock); /* monotonic; 0: not */
};

/* ---- items ---- */

static const char *
copied(struct arena *a, const char *z)
{
    return arena_strdup(a, z != NULL ? z : "");
}

static struct item *
item_new(const struct tg_delivery *d)
{
    struct arena *a = arena_new();
    struct item *it = ARENA_NEW(a, struct item);

    it->a = a;
    it->d = *d;
    it->d.id = copied(a, d->id);
    it->d.kind = copied(a, d->kind);
    it->d.job_id = copied(a, d->job_id);
    it->d.language = copied(a, d->language);
    it->d.body = arena_str(a, d->body);
    it->d.object.id = copied(a, d->object.id);
    it->d.object.content_type = copied(a, d->object.content_type);
    it->d.object.file_id = copied(a, d->object.file_id);
    return it;
}

static void
item_free(struct item *it)
{
    arena_free(it->a);
}

/* ---- reports ---- */

static void
report(struct tg_sender *s, const struct tg_report *r)
{
    struct err e;

    if (s->ops->report(s->ops->ctx, r, &e) == 0)
        return;
    if (e.code == ERR_CONFLICT || e.code == ERR_NOT_FOUND)
        log_info("send", "stale", "delivery=%s %s", r->id, e.msg);
    else
        log_warn("send", "report_lost", "delivery=%s state=%s %s", r->id,
                 delivery_state_name(r->state), e.msg);
}

static void
hand_back(struct tg_sender *s, struct item *it)
{
    struct tg_report r = {.id = it->d.id,
                          .attempt = it->d.attempt,
                          .state = DELIVERY_QUEUED,
                          .file_id = "",
                          .error = "handed back unsent"};

    report(s, &r);
    item_free(it);
}

static void
log_sent(const struct tg_delivery *d, const struct tg_sent *sent,
         const struct tg_report *r, int64_t ms)
{
    switch (r->state) {
    case DELIVERY_SENT:
        log_debug("send", "sent", "delivery=%s kind=%s ms=%lld", d->id, d->kind,
                  (long long)ms);
        break;
    case DELIVERY_FAILED:
    case DELIVERY_UNKNOWN:
        log_error("send", delivery_state_name(r->state),
                  "delivery=%s kind=%s %s", d->id, d->kind, r->error);
        break;
    case DELIVERY_QUEUED:
    case DELIVERY_WAITING_USER:
    case DELIVERY_SENDING:
        log_info("send", delivery_state_name(r->state),
                 "delivery=%s kind=%s outcome=%s after_ms=%lld %s", d->id,
                 d->kind, tg_outcome_name(sent->outcome),
                 (long long)r->retry_after_ms, r->error);
        break;
    }
}

/* ---- the queue ---- */

static bool
is_paused(struct tg_sender *s)
{
    return s->paused_until > clock_mono_ms();
}

static void
pause_all(struct tg_sender *s)
{
    log_error("send", "token_refused",
              "Telegram refuses the bot token or the address is wrong: check "
              "BOT_TOKEN and TELEGRAM_API_URL; nothing is sent for %d s",
              PAUSE_MS / 1000);
    pthread_mutex_lock(&s->lock);
    s->paused_until = clock_mono_ms() + PAUSE_MS;
    pthread_mutex_unlock(&s->lock);
}

static bool
chat_is_busy(const struct tg_sender *s, int64_t chat_id)
{
    for (int i = 0; i < s->nworkers; i++) {
        if (s->workers[i].busy && s->workers[i].chat_id == chat_id)
            return true;
    }
    return false;
}

/* Takes the first item that may go now; NULL: none. Lock held. */
static struct item *
queue_take(struct tg_sender *s)
{
    for (struct item **at = &s->first; *at != NULL; at = &(*at)->next) {
        struct item *it = *at;

        if (chat_is_busy(s, it->d.chat_id))
            continue;
        *at = it->next;
        if (*at == NULL)
            s->last = at;
        s->queued--;
        return it;
    }
    return NULL;
}

/* Takes it unless the queue is full or the sender stops. */
static bool
queue_put(struct tg_sender *s, struct item *it)
{
    bool ok;

    pthread_mutex_lock(&s->lock);
    ok = !s->stopping && s->queued < TG_SENDER_QUEUE_MAX;
    if (ok) {
        *s->last = it;
        s->last = &it->next;
        s->queued++;
        pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
    return ok;
}

/* ---- sending threads ---- */

static void
send_item(struct tg_sender *s, struct item *it)
{
    struct tg_sent sent;
    struct tg_report r;
    int64_t start = clock_mono_ms();

    log_job_set(it->d.job_id);
    tg_send_delivery(s->tg, s->ops, it->a, &it->d, &sent);
    if (sent.outcome == TG_UNAUTHORIZED)
        pause_all(s);
    tg_sent_report(&it->d, &sent, &r);
    log_sent(&it->d, &sent, &r, clock_mono_ms() - start);
    report(s, &r);
    log_job_set(NULL);
}

/* Waits for something to do; NULL: the sender stops. Lock held. */
static struct item *
wait_item(struct tg_sender *s)
{
    while (!s->stopping) {
        struct item *it = is_paused(s) ? NULL : queue_take(s);

        if (it != NULL)
            return it;
        cond_wait_ms(&s->changed, &s->lock,
                     is_paused(s) ? s->paused_until - clock_mono_ms() : -1);
    }
    return NULL;
}

static void *
worker_main(void *arg)
{
    struct worker *w = arg;
    struct tg_sender *s = w->s;
    struct item *it;

    pthread_mutex_lock(&s->lock);
    while ((it = wait_item(s)) != NULL) {
        w->busy = true;
        w->chat_id = it->d.chat_id;
        s->running++;
        pthread_mutex_unlock(&s->lock);
        send_item(s, it);
        item_free(it);
        pthread_mutex_lock(&s->lock);
        w->busy = false;
        s->running--;
        pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- claiming threads ---- */

/* Idle threads, waiting for one; 0: the sender stops. */
static int
wait_idle(struct tg_sender *s)
{
    int idle = 0;

    pthread_mutex_lock(&s->lock);
    while (!s->stopping) {
        idle = s->nworkers - s->running - s->queued;
        if (idle > 0 && !is_paused(s))
            break;
        cond_wait_ms(&s->changed, &s->lock,
                     is_paused(s) ? s->paused_until - clock_mono_ms() : -1);
    }
    if (s->stopping)
        idle = 0;
    pthread_mutex_unlock(&s->lock);
    return idle;
}

/* Sleeps unless the sender stops. */
static void
pause_claims(struct tg_sender *s)
{
    int64_t until = clock_mono_ms() + CLAIM_PAUSE_MS;

    pthread_mutex_lock(&s->lock);
    while (!s->stopping && clock_mono_ms() < until)
        cond_wait_ms(&s->changed, &s->lock, until - clock_mono_ms());
    pthread_mutex_unlock(&s->lock);
}

static void
claim_some(struct lane *l, int max)
{
    struct tg_sender *s = l->s;
    struct arena *a = arena_new();
    struct tg_delivery *list = NULL;
    size_t n = 0;
    struct err e;

    if (s->ops->claim(s->ops->ctx, l->name, TG_SENDER_WAIT_MS, max, a, &list,
                      &n, &e) != 0) {
        log_debug("send", "claim_failed", "lane=%s %s", l->name, e.msg);
        pause_claims(s);
        n = 0;
    }
    for (size_t i = 0; i < n; i++)
        tg_sender_send(s, &list[i]);
    arena_free(a);
}

static void *
lane_main(void *arg)
{
    struct lane *l = arg;
    int idle;

    while ((idle = wait_idle(l->s)) > 0)
        claim_some(l, idle);
    return NULL;
}

/* ---- public ---- */

struct tg_sender *
tg_sender_new(const struct tg_sender_config *cfg)
{
    struct tg_sender *s = mem_calloc(1, sizeof(*s));

    s->tg = cfg->tg;
    s->ops = cfg->ops;
    s->nworkers = cfg->threads > 0 ? cfg->threads : THREADS_DEFAULT;
    assert(s->nworkers <= TG_SENDER_THREADS_MAX);
    pthread_mutex_init(&s->lock, NULL);
    cond_init(&s->changed);
    s->last = &s->first;
    for (int i = 0; i < s->nworkers; i++) {
        s->workers[i].s = s;
        thread_start(&s->workers[i].thread, "send", worker_main,
                     &s->workers[i]);
    }
    for (; cfg->lanes != NULL && cfg->lanes[s->nlanes] != NULL; s->nlanes++) {
        struct lane *l = &s->lanes[s->nlanes];

        assert(s->nlanes < LANES_MAX);
        l->s = s;
        l->name = cfg->lanes[s->nlanes];
        thread_start(&l->thread, "claim", lane_main, l);
    }
    return s;
}

void
tg_sender_send(struct tg_sender *s, const struct tg_delivery *d)
{
    struct item *it = item_new(d);

    if (!queue_put(s, it))
        hand_back(s, it);
}

void
tg_sender_stop(struct tg_sender *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    if (s->ops->wake != NULL)
        s->ops->wake(s->ops->ctx);
}

void
tg_sender_free(struct tg_sender *s)
{
    struct item *it;

    if (s == NULL)
        return;
    tg_sender_stop(s);
    for (int i = 0; i < s->nlanes; i++)
        thread_join(s->lanes[i].thread);
    for (int i = 0; i < s->nworkers; i++)
        thread_join(s->workers[i].thread);
    while ((it = s->first) != NULL) {
        s->first = it->next;
        hand_back(s, it);
    }
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

/*
 * address_health.c - may an address be used? What changes that.
 */
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "worker/address_int.h"

#define PENALTY_FIRST_MS 500

const char *
place_trouble(const struct place *p)
{
    for (int i = 0; i < 2; i++)
        if (p->locked_out[i][0] != '\0')
            return p->locked_out[i];
    if (!p->answers)
        return p->error;
    return p->stuck[0] != '\0' ? "a prompt there does not end: restart it"
                               : NULL;
}

/* The first word is said when all is known that it depends on. */
static bool
is_known(const struct place *p)
{
    /* the lock in Redis is not tried without the machine's */
    return p->asked && p->lock_known[ADDRESS_LOCK_MACHINE] &&
           (p->lock_known[ADDRESS_LOCK_REDIS] ||
            p->locked_out[ADDRESS_LOCK_MACHINE][0] != '\0');
}

static void
log_health(struct place *p, const char *why)
{
    if (why == NULL)
        log_info("comfy", "healthy", "address=%s label=%s version=%s",
                 p->ad.name, p->ad.label, p->version);
    else
        log_warn("comfy", "unhealthy",
                 "address=%s label=%s %s; no tasks are taken for it",
                 p->ad.name, p->ad.label, why);
    p->said = true;
}

/* After a change: unlocks, logs when the health is another one than before,
 * tells who waits. */
static void
changed(struct place *p, bool was_healthy)
{
    struct addresses *as = p->ad.all;
    const char *why = place_trouble(p);
    bool turned = was_healthy != (why == NULL);

    if (turned && why != NULL)
        p->bad_since_ms = clock_mono_ms();
    if (turned || (!p->said && why != NULL && is_known(p)))
        log_health(p, why);
    if (turned) {
        p->changes++;
        pthread_cond_broadcast(&as->cond);
    }
    pthread_mutex_unlock(&as->lock);
    if (turned && as->on_change != NULL)
        as->on_change(as->on_change_ctx);
}

static struct place *
hold(struct address *ad, bool *was_healthy)
{
    struct place *p = address_place(ad);

    pthread_mutex_lock(&ad->all->lock);
    *was_healthy = place_trouble(p) == NULL;
    return p;
}

bool
address_is_healthy(struct address *ad)
{
    bool healthy;

    (void)hold(ad, &healthy);
    pthread_mutex_unlock(&ad->all->lock);
    return healthy;
}

int
address_busy(struct address *ad)
{
    pthread_mutex_lock(&ad->all->lock);
    int busy = address_place(ad)->busy;
    pthread_mutex_unlock(&ad->all->lock);
    return busy;
}

void
address_answers(struct address *ad, const struct comfy_stats *stats)
{
    bool was;
    struct place *p = hold(ad, &was);

    if (stats != NULL)
        snprintf(p->version, sizeof(p->version), "%s", stats->version);
    p->answers = clock_mono_ms() >= p->not_before_ms;
    p->asked = true;
    changed(p, was);
}

void
address_lost(struct address *ad, const char *why)
{
    bool was;
    struct place *p = hold(ad, &was);

    p->answers = false;
    p->asked = true;
    snprintf(p->error, sizeof(p->error), "%s", why);
    if (p->busy > 0) {
        p->changes++; /* the probe is to look soon */
        pthread_cond_broadcast(&ad->all->cond);
    }
    changed(p, was);
}

/* 0, then 500 ms doubling. */
static int64_t
penalty_ms(int losses)
{
    int64_t ms = PENALTY_FIRST_MS;

    if (losses <= 1)
        return 0;
    for (int i = 2; i < losses && ms < ADDRESS_PENALTY_MS; i++)
        ms *= 2;
    return ms < ADDRESS_PENALTY_MS ? ms : ADDRESS_PENALTY_MS;
}

void
address_fails_run(struct address *ad, const char *why)
{
    struct place *p = address_place(ad);

    pthread_mutex_lock(&ad->all->lock);
    p->losses++;
    p->not_before_ms = clock_mono_ms() + penalty_ms(p->losses);
    pthread_mutex_unlock(&ad->all->lock);
    address_lost(ad, why);
}

void
address_ends_run(struct address *ad)
{
    pthread_mutex_lock(&ad->all->lock);
    address_place(ad)->losses = 0;
    pthread_mutex_unlock(&ad->all->lock);
}

void
address_stuck(struct address *ad, const char *prompt_id)
{
    bool was;
    struct place *p = hold(ad, &was);

    snprintf(p->stuck, sizeof(p->stuck), "%s", prompt_id);
    changed(p, was);
}

bool
address_is_stuck(struct address *ad, char prompt_id[COMFY_ID_MAX])
{
    bool was;
    struct place *p = hold(ad, &was);

    memcpy(prompt_id, p->stuck, COMFY_ID_MAX);
    pthread_mutex_unlock(&ad->all->lock);
    return prompt_id[0] != '\0';
}

void
address_unstuck(struct address *ad)
{
    bool was;
    struct place *p = hold(ad, &was);

    p->stuck[0] = '\0';
    changed(p, was);
}

void
address_lock_set(struct address *ad, enum address_lock which, const char *why)
{
    bool was;
    struct place *p = hold(ad, &was);

    snprintf(p->locked_out[which], sizeof(p->locked_out[which]), "%s",
             why != NULL ? why : "");
    p->lock_known[which] = true;
    changed(p, was);
}

bool
address_lock_is_ours(struct address *ad, enum address_lock which)
{
    bool was;
    bool ours = hold(ad, &was)->locked_out[which][0] == '\0';

    pthread_mutex_unlock(&ad->all->lock);
    return ours;
}

void
address_queue_note(struct address *ad, const struct comfy_queue *q)
{
    pthread_mutex_lock(&ad->all->lock);
    address_place(ad)->running = q->running;
    address_place(ad)->pending = q->pending;
    pthread_mutex_unlock(&ad->all->lock);
}

uint64_t
address_ended(struct address *ad)
{
    pthread_mutex_lock(&ad->all->lock);
    uint64_t n = address_place(ad)->ended;
    pthread_mutex_unlock(&ad->all->lock);
    return n;
}

void
address_note_end(struct address *ad)
{
    pthread_mutex_lock(&ad->all->lock);
    address_place(ad)->ended++;
    pthread_mutex_unlock(&ad->all->lock);
}

bool
address_wait(struct address *ad, uint64_t *seen, int64_t ms)
{
    struct addresses *as = ad->all;
    struct place *p = address_place(ad);
    int64_t until = clock_mono_ms() + ms, left;

    pthread_mutex_lock(&as->lock);
    while (!as->stopping && p->changes == *seen &&
           (left = until - clock_mono_ms()) > 0)
        cond_wait_ms(&as->cond, &as->lock, left);
    *seen = p->changes;
    bool go_on = !as->stopping;
    pthread_mutex_unlock(&as->lock);
    return go_on;
}

/*
 * runs.c - see runs.h.
 */
#include "worker/runs.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "worker/pace.h"

#define PROGRESS_STEP 10 /* per cent; smaller ones are not worth an edit */

struct ticket {
    struct runs *rs;
    struct ticket *next;
    char task[12], job[ID_MAX];
    int64_t attempt, eta_ms;
    const char *stage;
    int64_t position;
    int64_t rendering_ms;  /* monotonic, when that stage began; 0: not yet */
    uint64_t change, told; /* stage and position, counted */
    int64_t progress_told;
    bool cancel, drop;
};

struct runs {
    pthread_mutex_t lock; /* of all tickets too */
    pthread_cond_t cond;
    struct ticket *first GUARDED_BY(lock);
    int64_t n GUARDED_BY(lock);
    bool stopping GUARDED_BY(lock);
};

struct runs *
runs_new(void)
{
    struct runs *rs = mem_calloc(1, sizeof(*rs));

    pthread_mutex_init(&rs->lock, NULL);
    cond_init(&rs->cond);
    return rs;
}

void
runs_free(struct runs *rs)
{
    if (rs == NULL)
        return;
    assert(rs->first == NULL);
    pthread_cond_destroy(&rs->cond);
    pthread_mutex_destroy(&rs->lock);
    mem_free(rs);
}

void
runs_stop(struct runs *rs)
{
    pthread_mutex_lock(&rs->lock);
    rs->stopping = true;
    pthread_cond_broadcast(&rs->cond);
    pthread_mutex_unlock(&rs->lock);
}

int64_t
runs_count(struct runs *rs)
{
    pthread_mutex_lock(&rs->lock);
    int64_t n = rs->n;
    pthread_mutex_unlock(&rs->lock);
    return n;
}

/* ---- the slot's side ---- */

struct ticket *
runs_add(struct runs *rs, const char *task, const char *job, int64_t attempt,
         int64_t eta_ms)
{
    struct ticket *t = mem_calloc(1, sizeof(*t));

    t->rs = rs;
    snprintf(t->task, sizeof(t->task), "%s", task);
    snprintf(t->job, sizeof(t->job), "%s", job);
    t->attempt = attempt;
    t->eta_ms = eta_ms;
    t->stage = "starting";
    t->change = 1;
    pthread_mutex_lock(&rs->lock);
    t->next = rs->first;
    rs->first = t;
    rs->n++;
    pthread_mutex_unlock(&rs->lock);
    return t;
}

void
runs_remove(struct ticket *t)
{
    struct runs *rs = t->rs;

    pthread_mutex_lock(&rs->lock);
    for (struct ticket **at = &rs->first; *at != NULL; at = &(*at)->next) {
        if (*at != t)
            continue;
        *at = t->next;
        rs->n--;
        break;
    }
    pthread_mutex_unlock(&rs->lock);
    mem_free(t);
}

void
ticket_stage(struct ticket *t, const char *stage, int64_t position)
{
    pthread_mutex_lock(&t->rs->lock);
    if (strcmp(t->stage, stage) != 0 || t->position != position)
        t->change++;
    if (t->rendering_ms == 0 && strcmp(stage, "rendering") == 0)
        t->rendering_ms = clock_mono_ms();
    t->stage = stage;
    t->position = position;
    pthread_mutex_unlock(&t->rs->lock);
}

void
ticket_drop(struct ticket *t)
{
    pthread_mutex_lock(&t->rs->lock);
    t->drop = true;
    pthread_mutex_unlock(&t->rs->lock);
}

/* Holding the lock. */
static enum ticket_word
word_now(const struct ticket *t)
{
    if (t->drop)
        return TICKET_DROP;
    if (t->cancel)
        return TICKET_CANCEL;
    return t->rs->stopping ? TICKET_STOP : TICKET_GO;
}

enum ticket_word
ticket_word(struct ticket *t)
{
    pthread_mutex_lock(&t->rs->lock);
    enum ticket_word word = word_now(t);
    pthread_mutex_unlock(&t->rs->lock);
    return word;
}

enum ticket_word
ticket_pause(struct ticket *t, int64_t ms)
{
    struct runs *rs = t->rs;
    int64_t until = clock_mono_ms() + ms, left;
    enum ticket_word word;

    pthread_mutex_lock(&rs->lock);
    while ((word = word_now(t)) == TICKET_GO &&
           (left = until - clock_mono_ms()) > 0)
        cond_wait_ms(&rs->cond, &rs->lock, left);
    pthread_mutex_unlock(&rs->lock);
    return word;
}

/* ---- the heartbeat's side ---- */

/* -1 when it is not worth telling. Holding the lock. */
static int64_t
progress_now(const struct ticket *t)
{
    int64_t percent;

    if (t->rendering_ms == 0 || strcmp(t->stage, "rendering") != 0)
        return -1;
    percent = pace_progress(t->eta_ms, clock_mono_ms() - t->rendering_ms);
    return percent >= t->progress_told + PROGRESS_STEP ? percent : -1;
}

static void
view_fill(const struct ticket *t, struct ticket_view *v)
{
    memcpy(v->task, t->task, sizeof(v->task));
    memcpy(v->job, t->job, sizeof(v->job));
    v->attempt = t->attempt;
    v->change = t->change;
    v->progress = progress_now(t);
    v->stage = t->change != t->told ? t->stage : NULL;
    v->position = v->stage != NULL && t->position > 0 ? t->position : -1;
}

size_t
runs_list(struct runs *rs, struct arena *a, struct ticket_view **out)
{
    size_t n = 0;

    pthread_mutex_lock(&rs->lock);
    *out = ARENA_ARRAY(a, struct ticket_view, rs->n + 1);
    for (const struct ticket *t = rs->first; t != NULL; t = t->next)
        view_fill(t, &(*out)[n++]);
    pthread_mutex_unlock(&rs->lock);
    return n;
}

/* Holding the lock; NULL: it has ended meanwhile. */
static struct ticket *
find(struct runs *rs, const struct ticket_view *v)
{
    for (struct ticket *t = rs->first; t != NULL; t = t->next)
        if (t->attempt == v->attempt && strcmp(t->task, v->task) == 0)
            return t;
    return NULL;
}

void
runs_told(struct runs *rs, const struct ticket_view *v, bool cancel)
{
    struct ticket *t;

    pthread_mutex_lock(&rs->lock);
    t = find(rs, v);
    if (t != NULL) {
        t->told = v->change;
        if (v->progress >= 0)
            t->progress_told = v->progress;
        t->cancel = t->cancel || cancel;
    }
    pthread_cond_broadcast(&rs->cond);
    pthread_mutex_unlock(&rs->lock);
}

void
runs_refused(struct runs *rs, const struct ticket_view *v)
{
    struct ticket *t;

    pthread_mutex_lock(&rs->lock);
    t = find(rs, v);
    if (t != NULL)
        t->drop = true;
    pthread_cond_broadcast(&rs->cond);
    pthread_mutex_unlock(&rs->lock);
}

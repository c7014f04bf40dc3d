/*
 * work.c - threads that handle updates, and the one that claims them.
 *
 * An update comes from the webhook (handed out as it was stored) or from the
 * claim. Its lease runs from then on, so no more are taken than there are
 * threads to handle them, and one each to follow.
 */
#include "base/log.h"
#include "base/mem.h"
#include "bot/bot_int.h"

#define CLAIM_WAIT_MS 20000 /* long poll */
#define PAUSE_MS 500        /* after a claim that failed */
#define THREADS_MAX 64

struct item {
    struct item *next;
    struct arena *a; /* holds the rest, this too */
    struct api_update_work update;
};

struct work {
    struct bot *b;
    int n_threads;
    pthread_t threads[THREADS_MAX];
    pthread_t claimer;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct item *first GUARDED_BY(lock);
    struct item **last GUARDED_BY(lock);
    int waiting GUARDED_BY(lock);
    int busy GUARDED_BY(lock);
    bool stopping GUARDED_BY(lock);
};

/* ---- the queue ---- */

bool
work_has_room(struct work *w)
{
    bool room;

    pthread_mutex_lock(&w->lock);
    room = !w->stopping && w->waiting + w->busy < 2 * w->n_threads;
    pthread_mutex_unlock(&w->lock);
    return room;
}

void
work_put(struct work *w, struct arena *a, const struct api_update_work *update)
{
    struct item *it = ARENA_NEW(a, struct item);

    it->a = a;
    it->update = *update;
    pthread_mutex_lock(&w->lock);
    *w->last = it;
    w->last = &it->next;
    w->waiting++;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

/* Lock held. */
static struct item *
take(struct work *w)
{
    struct item *it = w->first;

    if (it == NULL)
        return NULL;
    w->first = it->next;
    if (w->first == NULL)
        w->last = &w->first;
    w->waiting--;
    return it;
}

/* ---- handling ---- */

static void *
worker_main(void *arg)
{
    struct work *w = arg;
    struct item *it;

    pthread_mutex_lock(&w->lock);
    while (!w->stopping) {
        it = take(w);
        if (it == NULL) {
            cond_wait_ms(&w->changed, &w->lock, -1);
            continue;
        }
        w->busy++;
        pthread_mutex_unlock(&w->lock);
        handle(w->b, it->a, &it->update);
        arena_free(it->a);
        pthread_mutex_lock(&w->lock);
        w->busy--;
        pthread_cond_broadcast(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- claiming ---- */

/* False: the bot stops. */
static bool
wait_idle(struct work *w)
{
    bool stopping;

    pthread_mutex_lock(&w->lock);
    while (!w->stopping && w->waiting + w->busy >= w->n_threads)
        cond_wait_ms(&w->changed, &w->lock, -1);
    stopping = w->stopping;
    pthread_mutex_unlock(&w->lock);
    return !stopping;
}

static void
claim(struct work *w)
{
    struct bot *b = w->b;
    struct arena *a = arena_new();
    struct api_update_claim in;
    struct api_update_work *out = ARENA_NEW(a, struct api_update_work);
    struct api_args args = {
        .in = &in, .out = out, .wait_ms = CLAIM_WAIT_MS, .deadline_ms = -1};
    struct api_answer ans;
    struct err e;

    api_init(&api_shape_update_claim, &in);
    in.bot_id = b->bot_id;
    in.bot = b->id;
    in.boot = b->boot;
    in.wait_ms = CLAIM_WAIT_MS;
    if (api_call(b->polls, API_ROUTE_update_claim, &args, a, &ans, &e) != 0) {
        log_debug("bot", "claim_failed", "%s", e.msg);
        stop_wait_ms(&b->stop, PAUSE_MS);
    } else if (ans.status == 200) {
        work_put(w, a, out);
        return;
    }
    arena_free(a);
}

static void *
claimer_main(void *arg)
{
    struct work *w = arg;

    while (wait_idle(w))
        claim(w);
    return NULL;
}

/* ---- life ---- */

struct work *
work_new(struct bot *b)
{
    struct work *w = mem_calloc(1, sizeof(*w));
    int64_t n = setting_int(b->set, SET_BOT_THREADS);

    w->b = b;
    w->n_threads = n < THREADS_MAX ? (int)n : THREADS_MAX;
    w->last = &w->first;
    pthread_mutex_init(&w->lock, NULL);
    cond_init(&w->changed);
    for (int i = 0; i < w->n_threads; i++)
        thread_start(&w->threads[i], "work", worker_main, w);
    thread_start(&w->claimer, "claim", claimer_main, w);
    return w;
}

void
work_free(struct work *w)
{
    struct item *it;

    if (w == NULL)
        return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    thread_join(w->claimer);
    for (int i = 0; i < w->n_threads; i++)
        thread_join(w->threads[i]);
    while ((it = take(w)) != NULL) {
        handle_back(w->b, it->a, &it->update);
        arena_free(it->a);
    }
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    mem_free(w);
}

/*
 * answers.c - presses are answered by threads of their own: a person sees the
 * spinner stop while the work behind the press goes on.
 */
#include "base/log.h"
#include "base/mem.h"
#include "bot/bot_int.h"

#define THREADS 2
#define WAITING_MAX 64

struct answer {
    struct answer *next;
    char *callback_id, *text;
};

struct answers {
    struct tg *tg;
    pthread_t threads[THREADS];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct answer *first GUARDED_BY(lock);
    struct answer **last GUARDED_BY(lock);
    int waiting GUARDED_BY(lock);
    bool stopping GUARDED_BY(lock);
};

static void
answer_send(struct tg *tg, struct answer *x)
{
    struct err e;

    if (tg_answer_callback(tg, x->callback_id, x->text, false, &e) != 0)
        log_info("bot", "press_unanswered", "%s", e.msg);
    mem_free(x->callback_id);
    mem_free(x->text);
    mem_free(x);
}

/* Lock held. */
static struct answer *
answer_take(struct answers *s)
{
    struct answer *x = s->first;

    if (x == NULL)
        return NULL;
    s->first = x->next;
    if (s->first == NULL)
        s->last = &s->first;
    s->waiting--;
    return x;
}

static void *
answers_main(void *arg)
{
    struct answers *s = arg;
    struct answer *x;

    pthread_mutex_lock(&s->lock);
    for (;;) {
        x = answer_take(s);
        if (x == NULL && s->stopping)
            break;
        if (x == NULL) {
            cond_wait_ms(&s->changed, &s->lock, -1);
            continue;
        }
        pthread_mutex_unlock(&s->lock);
        answer_send(s->tg, x);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

struct answers *
answers_new(struct tg *tg)
{
    struct answers *s = mem_calloc(1, sizeof(*s));

    s->tg = tg;
    s->last = &s->first;
    pthread_mutex_init(&s->lock, NULL);
    cond_init(&s->changed);
    for (int i = 0; i < THREADS; i++)
        thread_start(&s->threads[i], "answer", answers_main, s);
    return s;
}

void
answers_put(struct answers *s, const char *callback_id, const char *text)
{
    struct answer *x = mem_calloc(1, sizeof(*x));
    bool full;

    x->callback_id = mem_strdup(callback_id);
    x->text = mem_strdup(text);
    pthread_mutex_lock(&s->lock);
    full = s->waiting >= WAITING_MAX;
    if (!full) {
        *s->last = x;
        s->last = &x->next;
        s->waiting++;
        pthread_cond_signal(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
    if (full)
        answer_send(s->tg, x);
}

void
answers_free(struct answers *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    for (int i = 0; i < THREADS; i++)
        thread_join(s->threads[i]);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

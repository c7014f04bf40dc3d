/*
 * db_topic.c - the thread that tells listeners of topics.
 *
 * A topic is a hint ("look again"), so the same one waiting twice is told
 * once, and when more than DB_TOPICS different ones wait the rest is dropped:
 * whoever listens also looks by the clock.
 */
#include "io/db_int.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

void
db_topics_init(struct db_topics *t)
{
    pthread_mutex_init(&t->lock, NULL);
    cond_init(&t->filled);
}

static bool
topics_take(struct db_topics *t, char topic[DB_TOPIC_MAX])
{
    bool some;

    pthread_mutex_lock(&t->lock);
    while (t->n == 0 && !t->stop)
        cond_wait_ms(&t->filled, &t->lock, -1);
    some = !t->stop;
    if (some) {
        memcpy(topic, t->waiting[0], DB_TOPIC_MAX);
        t->n--;
        memmove(t->waiting[0], t->waiting[1], t->n * DB_TOPIC_MAX);
    }
    pthread_mutex_unlock(&t->lock);
    return some;
}

static void *
topics_main(void *arg)
{
    struct db_topics *t = arg;
    char topic[DB_TOPIC_MAX];

    while (topics_take(t, topic)) {
        size_t n;

        pthread_mutex_lock(&t->lock);
        n = t->nlisteners;
        pthread_mutex_unlock(&t->lock);
        /* listeners are only added, so those below n stay as they are */
        for (size_t i = 0; i < n; i++)
            t->listeners[i].fn(t->listeners[i].ctx, topic);
    }
    return NULL;
}

void
db_topics_fini(struct db_topics *t)
{
    bool started;

    pthread_mutex_lock(&t->lock);
    t->stop = true;
    started = t->started;
    pthread_cond_signal(&t->filled);
    pthread_mutex_unlock(&t->lock);
    if (started)
        thread_join(t->thread);
    pthread_cond_destroy(&t->filled);
    pthread_mutex_destroy(&t->lock);
}

void
db_topics_tell(struct db_topics *t, const char *topic)
{
    size_t i = 0;

    pthread_mutex_lock(&t->lock);
    while (i < t->n && strcmp(t->waiting[i], topic) != 0)
        i++;
    if (i == DB_TOPICS)
        log_warn("db", "topic_dropped", "topic=%s", topic);
    else if (i == t->n && t->nlisteners > 0)
        snprintf(t->waiting[t->n++], DB_TOPIC_MAX, "%s", topic);
    pthread_cond_signal(&t->filled);
    pthread_mutex_unlock(&t->lock);
}

void
db_listen(struct db *db, void (*fn)(void *ctx, const char *topic), void *ctx)
{
    struct db_topics *t = &db->topics;

    pthread_mutex_lock(&t->lock);
    assert(t->nlisteners < DB_LISTENERS);
    t->listeners[t->nlisteners].fn = fn;
    t->listeners[t->nlisteners].ctx = ctx;
    t->nlisteners++;
    if (!t->started) {
        thread_start(&t->thread, "db-topics", topics_main, t);
        t->started = true;
    }
    pthread_mutex_unlock(&t->lock);
}

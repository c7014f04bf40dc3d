/*
 * httpd_pool.c - the threads that run handlers, and requests that wait.
 *
 * One lock guards the queue, the topics and the count of active requests. A
 * request is in one place at a time: queued, with a thread, or parked in a
 * topic. Answers are given outside the lock, for they enter libmicrohttpd.
 *
 * The timer thread requeues parked requests whose time is up, drops those
 * whose client has gone (or the next wake would be spent on a dead one), and
 * lets httpd_watch close what is late.
 */
#include "io/httpd_int.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

/* The request whose handler runs on this thread, until it is settled. */
static _Thread_local struct http_req *running;

static void
list_add(struct http_req **head, struct http_req **tail, struct http_req *q)
{
    q->next = NULL;
    q->prev = *tail;
    if (*tail)
        (*tail)->next = q;
    else
        *head = q;
    *tail = q;
}

static void
list_remove(struct http_req **head, struct http_req **tail, struct http_req *q)
{
    if (q->prev)
        q->prev->next = q->next;
    else
        *head = q->next;
    if (q->next)
        q->next->prev = q->prev;
    else
        *tail = q->prev;
    q->next = q->prev = NULL;
}

static void
enqueue(struct httpd_pool *p, struct http_req *q)
{
    list_add(&p->head, &p->tail, q);
    pthread_cond_signal(&p->work);
}

static void
unpark(struct http_req *q)
{
    list_remove(&q->topic->head, &q->topic->tail, q);
    q->topic = NULL;
}

bool
httpd_pool_enter(struct http_req *q)
{
    struct httpd_pool *p = &q->server->pool;
    bool ok;

    pthread_mutex_lock(&p->lock);
    ok = !p->closed;
    if (ok) {
        q->counted = true;
        p->active++;
    }
    pthread_mutex_unlock(&p->lock);
    return ok;
}

void
httpd_pool_push(struct http_req *q)
{
    struct httpd_pool *p = &q->server->pool;

    pthread_mutex_lock(&p->lock);
    enqueue(p, q);
    pthread_mutex_unlock(&p->lock);
}

void
httpd_pool_leave(struct http_req *q)
{
    struct httpd_pool *p = &q->server->pool;

    if (!q->counted)
        return;
    pthread_mutex_lock(&p->lock);
    assert(p->active > 0);
    if (--p->active == 0)
        pthread_cond_broadcast(&p->idle);
    pthread_mutex_unlock(&p->lock);
}

void
httpd_pool_settled(struct http_req *q)
{
    if (running == q)
        running = NULL;
}

static void
run(struct http_req *q)
{
    running = q;
    q->fn(q, q->server->cfg.ctx);
    if (!running)
        return;
    log_error("httpd", "unanswered",
              "server=%s: a handler returned without an answer",
              q->server->cfg.label);
    httpd_req_problem(q, 500, NULL);
    httpd_req_resume(q);
}

static void *
handler_thread(void *arg)
{
    struct httpd *s = arg;
    struct httpd_pool *p = &s->pool;

    pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        struct http_req *q = p->head;
        if (!q) {
            pthread_cond_wait(&p->work, &p->lock);
            continue;
        }
        list_remove(&p->head, &p->tail, q);
        pthread_mutex_unlock(&p->lock);
        run(q);
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- topics ---- */

static struct httpd_topic *
topic_get(struct httpd_pool *p, const char *name)
{
    for (size_t i = 0; i < p->ntopics; i++)
        if (strcmp(p->topics[i].name, name) == 0)
            return &p->topics[i];
    assert(p->ntopics < HTTPD_TOPICS);
    struct httpd_topic *t = &p->topics[p->ntopics++];
    t->name = name;
    return t;
}

uint64_t
http_topic(struct httpd *s, const char *topic)
{
    uint64_t n;

    pthread_mutex_lock(&s->pool.lock);
    n = topic_get(&s->pool, topic)->number;
    pthread_mutex_unlock(&s->pool.lock);
    return n;
}

size_t
http_parked(struct httpd *s, const char *topic)
{
    size_t n = 0;

    pthread_mutex_lock(&s->pool.lock);
    for (struct http_req *q = topic_get(&s->pool, topic)->head; q; q = q->next)
        n++;
    pthread_mutex_unlock(&s->pool.lock);
    return n;
}

/* A handler sees httpd_stopping() once and has to answer then. */
static bool
refuses_to_end(struct http_req *q)
{
    bool again = q->told_to_stop;

    q->told_to_stop = httpd_stopping(q->server);
    return again;
}

void
http_park(struct http_req *q, const char *topic, uint64_t seen,
          int64_t until_mono_ms)
{
    struct httpd_pool *p = &q->server->pool;
    struct httpd_topic *t;

    assert(q->stage == REQ_HANDED);
    httpd_pool_settled(q);
    pthread_mutex_lock(&p->lock);
    if (refuses_to_end(q)) {
        pthread_mutex_unlock(&p->lock);
        httpd_req_problem(q, 503, "the server is stopping");
        httpd_req_resume(q);
        return;
    }
    t = topic_get(p, topic);
    if (q->told_to_stop || t->number != seen ||
        until_mono_ms <= clock_mono_ms()) {
        enqueue(p, q);
    } else {
        q->topic = t;
        q->until_ms = until_mono_ms;
        list_add(&t->head, &t->tail, q);
        if (until_mono_ms < p->timer_at)
            pthread_cond_signal(&p->timer);
    }
    pthread_mutex_unlock(&p->lock);
}

/* Answers those whose client has gone: libmicrohttpd then notices. */
static void
drop_all(struct http_req *gone)
{
    while (gone) {
        struct http_req *q = gone;
        gone = q->next;
        q->next = NULL;
        httpd_req_problem(q, 503, NULL);
        httpd_req_resume(q);
    }
}

static void
set_aside(struct http_req **gone, struct http_req *q)
{
    unpark(q);
    q->next = *gone;
    *gone = q;
}

void
http_wake(struct httpd *s, const char *topic, size_t n)
{
    struct httpd_pool *p = &s->pool;
    struct http_req *gone = NULL;
    struct httpd_topic *t;

    pthread_mutex_lock(&p->lock);
    t = topic_get(p, topic);
    t->number++;
    for (size_t woken = 0; t->head && (n == 0 || woken < n);) {
        struct http_req *q = t->head;
        if (httpd_peer_is_gone(q->conn)) {
            set_aside(&gone, q);
            continue;
        }
        unpark(q);
        enqueue(p, q);
        woken++;
    }
    pthread_mutex_unlock(&p->lock);
    drop_all(gone);
}

void
httpd_pool_wake_all(struct httpd *s)
{
    struct httpd_pool *p = &s->pool;

    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->ntopics; i++)
        while (p->topics[i].head) {
            struct http_req *q = p->topics[i].head;
            unpark(q);
            enqueue(p, q);
        }
    pthread_mutex_unlock(&p->lock);
}

/* ---- the timer thread ---- */

/* Requeues what is due; returns the next deadline. */
static int64_t
requeue_due(struct httpd_pool *p, int64_t now)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < p->ntopics; i++)
        for (struct http_req *q = p->topics[i].head, *after; q; q = after) {
            after = q->next;
            if (q->until_ms <= now) {
                unpark(q);
                enqueue(p, q);
            } else if (q->until_ms < next) {
                next = q->until_ms;
            }
        }
    return next;
}

static struct http_req *
take_gone(struct httpd_pool *p)
{
    struct http_req *gone = NULL;

    for (size_t i = 0; i < p->ntopics; i++)
        for (struct http_req *q = p->topics[i].head, *after; q; q = after) {
            after = q->next;
            if (httpd_peer_is_gone(q->conn))
                set_aside(&gone, q);
        }
    return gone;
}

static int64_t
tick_ms(const struct httpd *s)
{
    return s->request_ms < 4000 ? s->request_ms / 4 + 1 : 1000;
}

static void *
timer_thread(void *arg)
{
    struct httpd *s = arg;
    struct httpd_pool *p = &s->pool;
    int64_t tick = clock_mono_ms();

    pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        int64_t now = clock_mono_ms(), next = requeue_due(p, now);
        if (now >= tick) {
            struct http_req *gone = take_gone(p);
            tick = now + tick_ms(s);
            pthread_mutex_unlock(&p->lock);
            drop_all(gone);
            httpd_watch_pass(s, now);
            pthread_mutex_lock(&p->lock);
            continue;
        }
        p->timer_at = next < tick ? next : tick;
        cond_wait_ms(&p->timer, &p->lock, p->timer_at - now);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- start and stop ---- */

void
httpd_pool_start(struct httpd *s)
{
    struct httpd_pool *p = &s->pool;

    pthread_mutex_init(&p->lock, NULL);
    cond_init(&p->work);
    cond_init(&p->timer);
    cond_init(&p->idle);
    p->nthreads = s->cfg.threads > 0 ? s->cfg.threads : 1;
    p->threads = mem_calloc((size_t)p->nthreads, sizeof(*p->threads));
    for (int i = 0; i < p->nthreads; i++) {
        char name[16];
        snprintf(name, sizeof(name), "http-%d", i % 1000);
        thread_start(&p->threads[i], name, handler_thread, s);
    }
    thread_start(&p->timer_thread, "http-timer", timer_thread, s);
}

bool
httpd_pool_wait_idle(struct httpd *s, int64_t ms)
{
    struct httpd_pool *p = &s->pool;
    int64_t until = clock_mono_ms() + ms, now;
    bool idle;

    pthread_mutex_lock(&p->lock);
    while (p->active > 0 && (now = clock_mono_ms()) < until)
        cond_wait_ms(&p->idle, &p->lock, until - now);
    idle = p->active == 0;
    pthread_mutex_unlock(&p->lock);
    return idle;
}

bool
httpd_pool_close(struct httpd *s)
{
    struct httpd_pool *p = &s->pool;

    pthread_mutex_lock(&p->lock);
    if (p->active > 0) {
        pthread_mutex_unlock(&p->lock);
        return false;
    }
    p->closed = true;
    p->stop = true;
    pthread_cond_broadcast(&p->work);
    pthread_cond_broadcast(&p->timer);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->nthreads; i++)
        thread_join(p->threads[i]);
    thread_join(p->timer_thread);
    return true;
}

void
httpd_pool_fini(struct httpd *s)
{
    struct httpd_pool *p = &s->pool;

    mem_free(p->threads);
    pthread_cond_destroy(&p->idle);
    pthread_cond_destroy(&p->timer);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
}

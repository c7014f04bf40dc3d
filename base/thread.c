/*
 * thread.c - plain threads with small stacks.
 */
#include "base/thread.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

/* Sanitizers put red zones around each local: frames grow several times. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_BYTES (8 * THREAD_STACK_BYTES)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STACK_BYTES (8 * THREAD_STACK_BYTES)
#endif
#endif
#ifndef STACK_BYTES
#define STACK_BYTES THREAD_STACK_BYTES
#endif

#define NAME_MAX_BYTES 16 /* the kernel's, with NUL */

struct start {
    void *(*fn)(void *);
    void *arg;
    char name[NAME_MAX_BYTES];
};

/* The thread names itself: its id may be stale in the starter, for it may
 * have ended and detached by then. */
static void *
thread_main(void *p)
{
    struct start s = *(struct start *)p;

    mem_free(p);
    pthread_setname_np(pthread_self(), s.name);
    return s.fn(s.arg);
}

void
thread_start(pthread_t *t, const char *name, void *(*fn)(void *), void *arg)
{
    struct start *s = mem_alloc(sizeof(*s));
    pthread_attr_t attr;
    int rc;

    *s = (struct start){.fn = fn, .arg = arg};
    snprintf(s->name, sizeof(s->name), "%s", name);
    pthread_attr_init(&attr);
    rc = pthread_attr_setstacksize(&attr, STACK_BYTES);
    assert(rc == 0);
    rc = pthread_create(t, &attr, thread_main, s);
    pthread_attr_destroy(&attr);
    if (rc == 0)
        return;
    /* as with memory: the supervisor starts us again */
    fprintf(stderr, "tintype: cannot start thread %s: %s\n", name,
            strerror(rc));
    _Exit(70);
}

void
thread_join(pthread_t t)
{
    int rc = pthread_join(t, NULL);

    assert(rc == 0);
}

void
cond_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

static struct timespec
deadline_in(int64_t ms)
{
    const int64_t most = (int64_t)365 * 86400 * 1000; /* no overflow below */
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    if (ms > most)
        ms = most;
    t.tv_sec += (time_t)(ms / 1000);
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_nsec -= 1000000000;
        t.tv_sec++;
    }
    return t;
}

bool
cond_wait_ms(pthread_cond_t *c, pthread_mutex_t *m, int64_t ms)
{
    struct timespec t;

    if (ms < 0) {
        pthread_cond_wait(c, m);
        return true;
    }
    t = deadline_in(ms);
    return pthread_cond_timedwait(c, m, &t) != ETIMEDOUT;
}

void
stop_init(struct stop *s)
{
    pthread_mutex_init(&s->lock, NULL);
    cond_init(&s->cond);
    s->set = false;
}

void
stop_set(struct stop *s)
{
    pthread_mutex_lock(&s->lock);
    s->set = true;
    pthread_cond_broadcast(&s->cond);
    pthread_mutex_unlock(&s->lock);
}

bool
stop_is_set(struct stop *s)
{
    bool set;

    pthread_mutex_lock(&s->lock);
    set = s->set;
    pthread_mutex_unlock(&s->lock);
    return set;
}

bool
stop_wait_ms(struct stop *s, int64_t ms)
{
    struct timespec t = deadline_in(ms < 0 ? INT64_MAX : ms);
    bool set;

    pthread_mutex_lock(&s->lock);
    while (!s->set &&
           pthread_cond_timedwait(&s->cond, &s->lock, &t) != ETIMEDOUT)
        continue;
    set = s->set;
    pthread_mutex_unlock(&s->lock);
    return set;
}

/*
 * thread.h - plain threads with small stacks.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* In C, clang before 20 cannot name another member of the struct here. */
#if defined(__clang__) && __clang_major__ >= 20
#define GUARDED_BY(m) __attribute__((guarded_by(m)))
#else
#define GUARDED_BY(m)
#endif

#define THREAD_STACK_BYTES (256 * 1024)

/* Starts fn(arg) on THREAD_STACK_BYTES (sanitizer builds: larger); ends the
 * process when that fails. name <= 15 bytes shows in ps and gdb. */
void thread_start(pthread_t *t, const char *name, void *(*fn)(void *),
                  void *arg);
void thread_join(pthread_t t);
/* pthread condition on CLOCK_MONOTONIC. */
void cond_init(pthread_cond_t *c);
/* Waits at most ms (< 0: for ever) holding m; false when time ran out. */
bool cond_wait_ms(pthread_cond_t *c, pthread_mutex_t *m, int64_t ms);

/* A flag that stops loops: set once, seen by all, wakes the sleepers. */
struct stop {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool set GUARDED_BY(lock);
};

void stop_init(struct stop *s);
void stop_set(struct stop *s);
bool stop_is_set(struct stop *s);
/* Sleeps up to ms; true when the flag is set. */
bool stop_wait_ms(struct stop *s, int64_t ms);

#endif

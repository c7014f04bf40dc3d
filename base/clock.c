/*
 * clock.c - time; tests own it.
 */
#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

/* The frozen clocks; the flag is outside so that production takes no lock. */
static pthread_mutex_t test_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool test_on;
static int64_t test_wall_ms, test_mono_ms;

static int64_t
clock_read_us(clockid_t which)
{
    struct timespec t;
    int rc = clock_gettime(which, &t);

    assert(rc == 0);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t
clock_test_get(const int64_t *which)
{
    int64_t v;

    pthread_mutex_lock(&test_lock);
    v = *which;
    pthread_mutex_unlock(&test_lock);
    return v;
}

int64_t
clock_wall_ms(void)
{
    if (atomic_load(&test_on))
        return clock_test_get(&test_wall_ms);
    return clock_read_us(CLOCK_REALTIME) / 1000;
}

int64_t
clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

int64_t
clock_mono_us(void)
{
    if (atomic_load(&test_on))
        return clock_test_get(&test_mono_ms) * 1000;
    return clock_read_us(CLOCK_BOOTTIME);
}

void
clock_sleep_ms(int64_t ms)
{
    struct timespec t;

    if (ms <= 0)
        return;
    if (atomic_load(&test_on)) {
        pthread_mutex_lock(&test_lock);
        test_wall_ms += ms;
        test_mono_ms += ms;
        pthread_mutex_unlock(&test_lock);
        return;
    }
    t.tv_sec = (time_t)(ms / 1000);
    t.tv_nsec = (long)(ms % 1000) * 1000000;
    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        continue;
}

void
clock_format(int64_t wall_ms, char out[25])
{
    const int64_t last = 253402300799999; /* 9999-12-31T23:59:59.999Z */
    char text[96]; /* as gcc reckons with any int in each field */
    time_t s;
    int ms;
    struct tm t;

    if (wall_ms < 0)
        wall_ms = 0;
    if (wall_ms > last)
        wall_ms = last;
    s = (time_t)(wall_ms / 1000);
    ms = (int)(wall_ms % 1000);
    gmtime_r(&s, &t);
    snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
             t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min,
             t.tm_sec, ms);
    snprintf(out, 25, "%.24s", text);
}

void
clock_test_set(int64_t wall_ms, int64_t mono_ms)
{
    pthread_mutex_lock(&test_lock);
    test_wall_ms = wall_ms;
    test_mono_ms = mono_ms;
    pthread_mutex_unlock(&test_lock);
    atomic_store(&test_on, true);
}

void
clock_test_off(void)
{
    atomic_store(&test_on, false);
}

/*
 * id.c - ids: prefixed, sortable by time, unguessable.
 *
 * Within a millisecond (or when the wall clock went back) the random part
 * moves on by a random step: ids ascend, stay unguessable, and two processes
 * that were one before a fork do not walk through the same values.
 */
#include "base/id.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/rand.h"

#define ID_DIGITS 26 /* 130 bits: the first digit holds three of 128 */
#define TASK_DIGITS 8
#define STEP_BITS 40

/* Crockford's: no i, l, o, u */
static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* high: 48 bits of milliseconds and 16 random ones; low: 64 random ones. */
struct value {
    uint64_t high, low;
};

static pthread_mutex_t last_lock = PTHREAD_MUTEX_INITIALIZER;
static struct value last;

static struct value
value_next(void)
{
    uint64_t ms = (uint64_t)clock_wall_ms() & 0xffffffffffffu;
    struct value v;

    pthread_mutex_lock(&last_lock);
    if (ms > last.high >> 16) {
        last.high = ms << 16 | rand_below(1u << 16);
        last.low = rand_u64();
    } else {
        uint64_t step = 1 + rand_below((uint64_t)1 << STEP_BITS);

        last.low += step;
        if (last.low < step)
            last.high++; /* runs into the milliseconds: still ascending */
    }
    v = last;
    pthread_mutex_unlock(&last_lock);
    return v;
}

void
id_new(char out[ID_MAX], const char *prefix)
{
    struct value v = value_next();
    char text[ID_DIGITS + 1];

    assert(strlen(prefix) + 1 + ID_DIGITS < ID_MAX);
    for (size_t i = ID_DIGITS; i-- > 0;) {
        text[i] = digits[v.low & 31];
        v.low = v.low >> 5 | v.high << 59;
        v.high >>= 5;
    }
    text[ID_DIGITS] = '\0';
    snprintf(out, ID_MAX, "%s_%s", prefix, text);
}

bool
id_is(struct str s, const char *prefix)
{
    size_t n = strlen(prefix);

    if (s.len != n + 1 + ID_DIGITS || !str_starts(s, str_c(prefix)) ||
        s.p[n] != '_' || s.p[n + 1] > '7')
        return false;
    for (size_t i = n + 1; i < s.len; i++) {
        if (s.p[i] == '\0' || strchr(digits, s.p[i]) == NULL)
            return false;
    }
    return true;
}

void
id_task(char out[9])
{
    rand_hex(out, TASK_DIGITS);
}

bool
id_is_task(struct str s)
{
    if (s.len != TASK_DIGITS)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
    }
    return true;
}

/*
 * rand.c - randomness from the kernel; tests may seed it.
 */
#include "base/rand.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"

static pthread_mutex_t test_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool test_on;
static uint64_t test_state;

/* splitmix64 (Steele, Lea, Flood 2014): short, and any seed is a good one. */
static uint64_t
rand_test_next(void)
{
    uint64_t z;

    pthread_mutex_lock(&test_lock);
    z = (test_state += 0x9e3779b97f4a7c15u);
    pthread_mutex_unlock(&test_lock);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void
rand_kernel(unsigned char *at, size_t n)
{
    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) { /* tokens and ids must never be guessable */
            perror("tintype: getrandom");
            abort();
        }
        at += got;
        n -= (size_t)got;
    }
}

void
rand_bytes(void *p, size_t n)
{
    unsigned char *at = p;

    if (!atomic_load(&test_on)) {
        rand_kernel(at, n);
        return;
    }
    while (n > 0) {
        uint64_t v = rand_test_next();
        size_t k = n < sizeof(v) ? n : sizeof(v);

        memcpy(at, &v, k);
        at += k;
        n -= k;
    }
}

uint64_t
rand_u64(void)
{
    uint64_t v;

    rand_bytes(&v, sizeof(v));
    return v;
}

uint64_t
rand_below(uint64_t n)
{
    uint64_t v, skip;

    assert(n > 0);
    skip = (0 - n) % n; /* 2^64 mod n: the part that would be a bias */
    do
        v = rand_u64();
    while (v < skip);
    return v % n;
}

void
rand_uuid(char out[37])
{
    unsigned char b[16];
    char hex[33];

    rand_bytes(b, sizeof(b));
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* version 4 */
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80); /* variant 10 */
    hex_encode(b, sizeof(b), hex);
    snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
             hex + 16, hex + 20);
}

void
rand_hex(char *out, size_t digits)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char b[32];

    for (size_t i = 0; i < digits; i++) {
        if (i % sizeof(b) == 0)
            rand_bytes(b, sizeof(b));
        out[i] = hex[b[i % sizeof(b)] & 15];
    }
    out[digits] = '\0';
}

void
rand_test_seed(uint64_t seed)
{
    pthread_mutex_lock(&test_lock);
    test_state = seed;
    pthread_mutex_unlock(&test_lock);
    atomic_store(&test_on, seed != 0);
}

/*
 * rand.h - randomness from the kernel; tests may seed it.
 */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

void rand_bytes(void *p, size_t n);
uint64_t rand_u64(void);
uint64_t rand_below(uint64_t n); /* 0..n-1 without bias; n > 0 */
/* Lowercase hyphenated version-4 UUID, the only form new ComfyUI takes. */
void rand_uuid(char out[37]);
void rand_hex(char *out, size_t digits); /* digits + NUL bytes */
void rand_test_seed(uint64_t seed);      /* repeatable from here; 0 = off */

#endif

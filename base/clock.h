/*
 * clock.h - time; tests own it.
 *
 * wall: milliseconds since 1970 UTC, may jump. mono: never goes back, counts
 * while the machine sleeps (CLOCK_BOOTTIME). What is stored and compared
 * between machines is the database's now_ms(), not these.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

int64_t clock_wall_ms(void);
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
void clock_sleep_ms(int64_t ms); /* <= 0 returns at once */
/* "2026-01-02T03:04:05.678Z" into out[25]. */
void clock_format(int64_t wall_ms, char out[25]);
/* Tests: freezes all clocks at these values; sleeps then advance them. */
void clock_test_set(int64_t wall_ms, int64_t mono_ms);
void clock_test_off(void);

#endif

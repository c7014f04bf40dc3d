/*
 * pace.c - see pace.h.
 */
#include "worker/pace.h"

#define PARTS 20
#define BACKOFF_FIRST_MS 250

int64_t
pace_remaining_ms(int64_t eta_ms, int64_t ahead, int64_t elapsed_ms)
{
    return eta_ms * (ahead + 1) - elapsed_ms;
}

int64_t
pace_pause_ms(int64_t remaining_ms, int64_t longest_ms)
{
    int64_t left = remaining_ms < 0 ? -remaining_ms : remaining_ms;
    int64_t ms = left / PARTS;

    if (ms > longest_ms)
        ms = longest_ms;
    return ms < PACE_MIN_MS ? PACE_MIN_MS : ms;
}

int64_t
pace_progress(int64_t eta_ms, int64_t elapsed_ms)
{
    int64_t percent;

    if (eta_ms <= 0 || elapsed_ms <= 0)
        return 0;
    percent = elapsed_ms * 100 / eta_ms;
    return percent > PACE_PROGRESS_MAX ? PACE_PROGRESS_MAX : percent;
}

int64_t
pace_backoff_ms(int64_t pause_ms, int64_t longest_ms)
{
    int64_t ms = pause_ms <= 0 ? BACKOFF_FIRST_MS : 2 * pause_ms;

    return ms > longest_ms ? longest_ms : ms;
}

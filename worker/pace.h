/*
 * pace.h - how long to wait between two looks at a run, how far it may be.
 *
 * Pure. A run is looked at more often the nearer its expected end is, and less
 * and less often once it is overdue: some hundred looks whatever it takes.
 */
#ifndef WORKER_PACE_H
#define WORKER_PACE_H

#include <stdint.h>

#define PACE_MIN_MS 5
#define PACE_PROGRESS_MAX 95 /* only the end itself is 100 */

/* What is left of a run: negative when it is overdue. ahead: prompts that run
 * before it, each taken to need as long; elapsed counts from its submission,
 * or with ahead 0 from its start. */
int64_t pace_remaining_ms(int64_t eta_ms, int64_t ahead, int64_t elapsed_ms);
/* 1/20 of what is left (or overdue), PACE_MIN_MS to longest_ms. */
int64_t pace_pause_ms(int64_t remaining_ms, int64_t longest_ms);
/* Per cent of a run that has gone on for elapsed_ms. */
int64_t pace_progress(int64_t eta_ms, int64_t elapsed_ms);
/* Twice the pause (0: the first), at most longest_ms: for what is away. */
int64_t pace_backoff_ms(int64_t pause_ms, int64_t longest_ms);

#endif

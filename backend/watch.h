/*
 * watch.h - timers and housekeeping of one backend.
 *
 *   every pass   dialogues' timers that are due, parked updates, deliveries
 *                whose sender went silent, long polls whose budget is back
 *   each minute  the janitor: LIM_JANITOR_ROWS rows a step (protocols 12)
 *   each 10 s    the continuous check of what was touched (backend/check.h)
 */
#ifndef BACKEND_WATCH_H
#define BACKEND_WATCH_H

#include "backend/backend.h"

void watch_start(struct backend *b);
void watch_stop(struct backend *b);
/* Violations found by the continuous check since start. */
int64_t watch_violations(struct backend *b);

#endif

/*
 * probe.h - one thread per ComfyUI address: is it there, what can it run?
 *
 * Healthy is /system_stats within two seconds while nothing of ours runs
 * there; while something does, the runs themselves see whether it answers
 * (protocols 6). An unhealthy one is asked with back-off. What it can run is
 * looked up at the start, when the backend's scenarios change, and each
 * minute.
 */
#ifndef WORKER_PROBE_H
#define WORKER_PROBE_H

#include "worker/worker.h"

struct probes;

/* After beat_start(). */
struct probes *probes_start(struct worker *w);
/* After addresses_stop(). Lets go of the machine's locks. NULL is fine. */
void probes_join(struct probes *ps);

#endif

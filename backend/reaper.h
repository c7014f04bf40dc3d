/*
 * reaper.h - leases that are over (protocols 5).
 *
 * A thread, every second where db_leader() says so. A task is taken back only
 * if its lease is over by the database's clock AND its heartbeat counter stood
 * still for one lease by this process's monotonic clock: a clock that jumps
 * takes nothing from a live worker. After its own start, and after the
 * database was away, it waits one full lease.
 *
 * Every reaped lease counts in `crashes`; at LIM_TASK_CRASHES the job fails.
 * Also here: jobs over JOB_MAX_WAIT.
 */
#ifndef BACKEND_REAPER_H
#define BACKEND_REAPER_H

#include "backend/backend.h"

struct reaper;
struct reaper *reaper_start(struct backend *b);
void reaper_stop(struct reaper *r);
/* A new boot of a worker id frees at once what the old boot held. */
int reaper_free_old_boot(struct backend *b, struct arena *a,
                         const char *worker, const char *boot, struct err *e);

#endif

/*
 * heartbeat.h - tells the backend every HEARTBEAT_MS that this worker lives:
 * its slots and addresses, and each running task's lease; renews the locks of
 * its addresses.
 */
#ifndef WORKER_HEARTBEAT_H
#define WORKER_HEARTBEAT_H

#include "worker/worker.h"

struct beat;

struct beat *beat_start(struct worker *w);
/* Something changed: tell it now. Safe from any thread. */
void beat_wake(struct beat *b);
/* The backend's revision of scenarios; "" until it has answered. */
#define BEAT_REVISION_BYTES 64
void beat_revision(struct beat *b, char out[BEAT_REVISION_BYTES]);
/* From now on it says that the worker stops; the leases go on. */
void beat_stopping(struct beat *b);
/* Ends the thread and lets go of the locks. NULL is fine. */
void beat_free(struct beat *b);

#endif

/*
 * relay.h - ready tasks to Redis, and what others may read there.
 *
 * DESIGN (protocols 5, 10). The database is the backlog; Redis gets hints in
 * fair order, about two per free slot of live workers, or QUEUE_MIN for a
 * service that no worker of ours serves. The request that made a task ready
 * only wakes this thread after its commit. What was handed out is remembered
 * here, not in the database: losing it costs a duplicate hint.
 *
 * Redis may be emptied at any moment: the key `relay` (pass number) missing,
 * smaller than remembered, or another run_id of the server means fill again at
 * once. Projections task:<id>, scenario:<id> follow the outbox.
 */
#ifndef BACKEND_RELAY_H
#define BACKEND_RELAY_H

#include "backend/backend.h"

int relay_start(struct backend *b, struct err *e); /* no Redis set: idle */
void relay_stop(struct backend *b);
void relay_wake(struct backend *b);
/* For /ready: NULL when Redis answers, else a sentence. */
const char *relay_trouble(struct backend *b, struct arena *a);

#endif

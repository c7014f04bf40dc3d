/*
 * fleet.h - the workers, as the database knows them, in memory.
 *
 * Made from the table `workers` together with the catalog (backend/catalog.h).
 * A worker is live while its last heartbeat is younger than LEASE_MS and it
 * does not drain.
 */
#ifndef BACKEND_FLEET_H
#define BACKEND_FLEET_H

#include "backend/backend.h"

/* Has this address said that it can run this version? An address that never
 * said anything at all may try. */
bool fleet_address_can(struct backend *b, const char *address,
                       const char *scenario, const char *version);
/* No live worker has listed it as healthy for TAKEOVER_WAIT. */
bool fleet_address_gone(struct backend *b, const char *address);
/* Measured mean of a version's runs, else as declared, else 1000. */
int64_t fleet_run_ms(struct backend *b, const char *scenario,
                     const char *version);
/* Free slots and live workers of ours for a service. */
struct fleet_sum {
    int64_t workers, slots, free;
    int64_t addresses; /* healthy ones */
};
struct fleet_sum fleet_sum(struct backend *b, const char *service);
/* How long no worker of ours has been live; 0 while one is. */
int64_t fleet_away_ms(struct backend *b);
bool fleet_worker_live(struct backend *b, const char *worker);

#endif

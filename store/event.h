/*
 * event.h - the outbox: events in commit order, marked once relayed.
 */
#ifndef STORE_EVENT_H
#define STORE_EVENT_H

#include "store/list.h"

struct event {
    int64_t seq;
    const char *topic, *event, *key;
};
/* The oldest that are not relayed. */
int events_open(struct db *db, struct arena *a, int64_t limit,
                struct event **out, size_t *n, struct err *e);
/* Exactly these: on PostgreSQL a smaller seq may be committed later. */
int events_relayed(struct db *db, struct arena *a, const struct event *events,
                   size_t n, struct err *e);
/* Redis lost its projections: those of open jobs are told again. */
int events_replay(struct db *db, struct arena *a, struct err *e);

#endif

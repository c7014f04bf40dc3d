/*
 * janitor.h - what may be forgotten, in small steps (protocols 12).
 * Money and audit are kept for ever.
 */
#ifndef STORE_JANITOR_H
#define STORE_JANITOR_H

#include "store/list.h"

/* One step over updates, offers, idempotency keys, relayed events (days) and
 * ended deliveries (delivery_days); *rows deleted. */
int janitor_step(struct db *db, struct arena *a, int64_t days,
                 int64_t delivery_days, int64_t *rows, struct err *e);

#endif

/*
 * gauge.h - counts of rows by state, for /metrics.
 */
#ifndef STORE_GAUGE_H
#define STORE_GAUGE_H

#include "store/list.h"

struct gauge {
    const char *name, *help, *state;
    int64_t value;
};
/* Sorted by name. */
int gauges_read(struct db *db, struct arena *a, struct gauge **out, size_t *n,
                struct err *e);

#endif

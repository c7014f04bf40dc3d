/*
 * failure.h - why a run failed, and what follows: one table (failure.def).
 */
#ifndef MODEL_FAILURE_H
#define MODEL_FAILURE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"

enum failure {
#define FAILURE(name, counted, retry, unhealthy, loss, what) FAILURE_##name,
#include "model/failure.def"
#undef FAILURE
    FAILURE_COUNT
};

struct failure_row {
    const char *name;
    bool counted, retry, unhealthy, loss;
    const char *what;
};
extern const struct failure_row failure_table[FAILURE_COUNT];

/* False for a name that is not in the table. */
bool failure_parse(const char *name, enum failure *out);

/*
 * RETRY_DELAYS "5,10,20": the pause before retry n (1 = first), a tenth of it
 * as jitter; a short list repeats its last. jitter is 0 .. 1000.
 */
int64_t failure_delay_ms(const char *delays, int64_t n, int64_t jitter);

/* The table for the docs. */
void failure_markdown(struct buf *out);

#endif

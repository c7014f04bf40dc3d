/*
 * outputs.h - the part "outputs" of a history entry: for history.c.
 */
#ifndef COMFY_OUTPUTS_H
#define COMFY_OUTPUTS_H

#include "base/json.h"
#include "comfy/history.h"

/* Fills files and texts of out from entry's "outputs" and "meta". */
void comfy_outputs_read(struct arena *a, const cJSON *entry,
                        const char *const *wanted, size_t n,
                        struct comfy_result *out);

#endif

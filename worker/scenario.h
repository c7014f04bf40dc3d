/*
 * scenario.h - scenario versions from the backend, remembered.
 *
 * A version is the hash of its content, so what is here never grows old; the
 * least used goes when there are more than SCENARIOS_MAX.
 */
#ifndef WORKER_SCENARIO_H
#define WORKER_SCENARIO_H

#include "api/client.h"
#include "model/preset.h"

#define SCENARIOS_MAX 256

struct scenarios;

struct scenarios *scenarios_new(struct api_client *api);
void scenarios_free(struct scenarios *ss);

/* The preset with its workflow; give it back with scenario_put. NULL:
 * NOT_FOUND, BAD_INPUT when this version cannot read it, or the backend's. */
const struct preset *scenario_get(struct scenarios *ss, const char *name,
                                  const char *version, struct err *e);
void scenario_put(struct scenarios *ss, const struct preset *p); /* NULL: ok */

#endif

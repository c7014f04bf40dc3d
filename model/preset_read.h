/*
 * preset_read.h - the tree of a preset.yaml or of a stored body as a struct.
 * For model/preset.c; others use preset.h.
 */
#ifndef MODEL_PRESET_READ_H
#define MODEL_PRESET_READ_H

#include "model/preset.h"

#define PRESET_PATH_MAX 200

/*
 * Fills all of p except classes and workflow, from the arena. strict: unknown
 * keys are faults. On a fault the sentence is "tasks.0.slots: ..." and path
 * says the same place in the form that yaml_line() takes.
 */
int preset_read(struct arena *a, const cJSON *tree, bool strict,
                struct preset *p, char path[PRESET_PATH_MAX], struct err *e);

#endif

/*
 * workflow.h - a ComfyUI graph in API form: what is wrong with it, filling it.
 *
 * A graph is {"<node id>": {"class_type": "..", "inputs": {name: value or
 * ["<node id>", output]}}}. ComfyUI judges graphs only when they are sent, says
 * nothing about cycles, and two kinds kill its executor while HTTP stays
 * healthy; so they are judged here, before they are stored.
 */
#ifndef MODEL_WORKFLOW_H
#define MODEL_WORKFLOW_H

#include "model/preset.h"

#define WORKFLOW_NODES_MAX 2000

/*
 * Writes a line for each fault to report ("node 3 (ImageBlur): ...") and
 * returns how many: not a graph (the editor's format is told apart), node
 * without class_type or inputs, is_changed, links of bad shape or to nowhere,
 * cycles with their nodes, no output node, nodes that no output depends on.
 * With p also: slots that name a missing node or input, replace a link or a
 * value of another type; result nodes that are missing, save nothing or have
 * no prefix slot; loaded pictures that no slot fills; models not named in
 * `needs`, or named and not used.
 */
size_t workflow_lint(const cJSON *graph, const struct preset *p,
                     struct buf *report);

/* The distinct class_types, sorted; *out lies in the arena. */
size_t workflow_classes(struct arena *a, const cJSON *graph,
                        const char *const **out);

enum workflow_type { WORKFLOW_STR, WORKFLOW_U64, WORKFLOW_TREE };

struct workflow_value {
    const char *slot;
    enum workflow_type type;
    const char *str;   /* STR */
    uint64_t u64;      /* U64: seeds; kept exact */
    const cJSON *tree; /* TREE: a value of the job's inputs, copied */
};

/*
 * The graph's text with the values put in by node id and input name, never by
 * text replacement. A text goes into an input that holds a number or a bool as
 * such if it reads as one (choices are texts). Slots without a value leave
 * what stands there. NULL and BAD_INPUT for a value without a slot, a graph or
 * slot that does not fit, a text where a number stands.
 */
char *workflow_fill(struct arena *a, struct str graph,
                    const struct preset_task *task,
                    const struct workflow_value *values, size_t n,
                    struct err *e);

#endif

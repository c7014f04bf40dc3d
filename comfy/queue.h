/*
 * queue.h - GET /queue: how long it is, and where one prompt stands in it.
 */
#ifndef COMFY_QUEUE_H
#define COMFY_QUEUE_H

#include "base/err.h"
#include "base/str.h"

enum comfy_state {
    COMFY_UNKNOWN, /* neither queued nor in the history: never came, lost by
                    * a restart, deleted, evicted */
    COMFY_PENDING,
    COMFY_RUNNING, /* or it killed the executor thread, for ever */
    COMFY_FINISHED /* in the history; the queue alone never says this */
};

struct comfy_queue {
    size_t running, pending; /* of everybody */
    enum comfy_state state;  /* of the one asked for */
    size_t ahead;            /* PENDING: how many pending ones run before it */
};

const char *comfy_state_name(enum comfy_state s); /* "pending" */

/* prompt_id NULL: only the counts. BAD_INPUT: not an answer of ComfyUI. */
int comfy_queue_parse(struct str body, const char *prompt_id,
                      struct comfy_queue *out, struct err *e);

#endif

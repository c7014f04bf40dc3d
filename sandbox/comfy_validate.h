/*
 * comfy_validate.h - is this prompt acceptable? (contract 1.3)
 *
 * Walks upstream from every output node in ComfyUI's order and with its
 * quirks, converts widget values in place (so the prompt that is queued is
 * not the one that was sent), and words what it finds.
 */
#ifndef SANDBOX_COMFY_VALIDATE_H
#define SANDBOX_COMFY_VALIDATE_H

#include "sandbox/comfy_files.h"
#include "sandbox/comfy_py.h"

enum verdict {
    VERDICT_ACCEPTED, /* at least one output is good */
    VERDICT_REFUSED,  /* 400 with error and node_errors */
    VERDICT_CRASHED   /* ComfyUI would raise: 500 */
};

struct validation {
    struct py *outputs;      /* list of the good outputs' ids */
    const char *error;       /* JSON of "error", or NULL */
    const char *node_errors; /* JSON object, "{}" without any */
};

struct validate_rules {
    const struct comfy_dirs *dirs;
    bool newer; /* profile 0.38 */
};

/* prompt is changed; texts live in the arena. targets may be NULL. */
enum verdict comfy_validate(struct arena *a, const struct validate_rules *r,
                            struct py *prompt, const struct py *targets,
                            struct validation *out);

#endif

/*
 * fault.h - what an exception on a ComfyUI server means for the job.
 *
 *     f = comfy_fault_of("torch.OutOfMemoryError", text, "KSampler");
 *
 * ComfyUI gives the Python type, a text and the node's class; the table of
 * patterns in fault.c is read from the top, the first match decides, and what
 * matches nothing is the workflow's own fault.
 */
#ifndef COMFY_FAULT_H
#define COMFY_FAULT_H

#include "base/arena.h"
#include "base/str.h"

enum comfy_fault {
#define COMFY_FAULT(name, what) COMFY_FAULT_##name,
#include "comfy/fault.def"
#undef COMFY_FAULT
    COMFY_FAULT_COUNT
};

const char *comfy_fault_label(enum comfy_fault f); /* "oom" */

/*
 * type: "RuntimeError", "PIL.UnidentifiedImageError"; text: its message;
 * node_class: "LoadImage". Each may be NULL. Case does not matter in text.
 */
enum comfy_fault comfy_fault_of(const char *type, const char *text,
                                const char *node_class);

/*
 * A server's text for our logs and for the admin: one line, valid UTF-8, no
 * control characters, at most max_points code points ("…" when cut). It may
 * hold paths and prompts of the server: not for customers.
 */
char *comfy_clean(struct arena *a, const char *text, size_t max_points);
#define COMFY_TEXT_POINTS 300

#endif

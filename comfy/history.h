/*
 * history.h - GET /history/{id}: how a run ended and what it left.
 *
 *     comfy_history_parse(a, body, id, task->results, task->n_results, &r, &e);
 *     if (r.end == COMFY_END_SUCCESS) ... comfy_fetch(c, &r.files[0], ...)
 *
 * Success means all of: the status says so, no message
 * tells of an error or an interrupt, and each wanted node left a file of type
 * "output" or a text. Names in it are foreign: never a path on our disk.
 */
#ifndef COMFY_HISTORY_H
#define COMFY_HISTORY_H

#include "base/arena.h"
#include "base/err.h"
#include "comfy/fault.h"

#define COMFY_FILES_MAX 1000 /* of one run; what is beyond is left out */
#define COMFY_TEXTS_MAX 100
#define COMFY_NODES_MAX 4096 /* with outputs, looked at in one answer */

enum comfy_kind {
    COMFY_IMAGE,
    COMFY_ANIMATION, /* gif, or a picture that is said to be animated */
    COMFY_VIDEO,
    COMFY_AUDIO,
    COMFY_OTHER
};

struct comfy_file {
    const char *node; /* the wanted node that it belongs to */
    const char *filename, *subfolder, *type; /* as /view takes them */
    enum comfy_kind kind; /* by the name's end: videos come as "images" */
};

struct comfy_text {
    const char *node, *text; /* valid UTF-8, 4096 code points at most */
};

enum comfy_end {
    COMFY_END_NONE, /* not in the history: not finished, or not known */
    COMFY_END_SUCCESS,
    COMFY_END_FAILED,
    COMFY_END_INTERRUPTED
};

struct comfy_result {
    enum comfy_end end;
    /* FAILED: why. Texts are one line, for logs and admins; "" if absent. */
    enum comfy_fault fault;
    const char *node, *node_class, *exception, *text;
    /* Files of the wanted nodes, type "output" only, in the order of the
     * wanted nodes (the server's order is random). Also after a failure. */
    const struct comfy_file *files;
    size_t n_files;
    const struct comfy_text *texts;
    size_t n_texts;
    int64_t started_ms, ended_ms; /* the server's clock; 0 if not told */
};

/*
 * wanted: node ids, n of them; 0 takes all nodes. A node that expanded into a
 * subgraph owns what that shows in its name (meta.display_node). All lies in
 * the arena; body may go. BAD_INPUT: this is not an answer of ComfyUI.
 */
int comfy_history_parse(struct arena *a, struct str body, const char *prompt_id,
                        const char *const *wanted, size_t n,
                        struct comfy_result *out, struct err *e);

const char *comfy_kind_name(enum comfy_kind k); /* "image" */

#endif

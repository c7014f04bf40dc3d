/*
 * comfy_exec.h - runs one validated prompt: order, cache, errors, and what
 * its history entry says. No HTTP, no queue, no threads.
 */
#ifndef SANDBOX_COMFY_EXEC_H
#define SANDBOX_COMFY_EXEC_H

#include "sandbox/comfy_cache.h"

enum exec_end {
    EXEC_SUCCESS,
    EXEC_ERROR,       /* execution_error */
    EXEC_INTERRUPTED, /* execution_interrupted */
    EXEC_DIED         /* the executor's thread ends with it (contract 3.4) */
};

/* What the caller may do to a run. Members may be NULL. */
struct exec_hooks {
    void *ctx;
    bool (*interrupted)(void *ctx);
    /* Once, before the first output node that is not cached. */
    void (*pause)(void *ctx, int64_t started_mono_ms);
    /* Before each node that is no loader: true makes it fail. */
    bool (*fault)(void *ctx, const char **exception, const char **message);
};

struct exec_job {
    const char *prompt_id;
    struct py *prompt;        /* gets is_changed members, as in ComfyUI */
    const struct py *extra;   /* extra_data */
    const struct py *outputs; /* ids to make */
    const struct comfy_dirs *dirs;
    struct cache *cache;
    struct arena *a; /* the prompt's */
    struct exec_hooks hooks;
};

struct exec_result {
    enum exec_end end;
    struct buf messages;      /* JSON list */
    struct buf outputs, meta; /* JSON objects */
    char *error;              /* execution_error's data; NULL: none. mem_free */
    size_t executed;          /* nodes that ran */
    int64_t started_ms, ended_ms;
};

void exec_run(const struct exec_job *job, struct exec_result *out);
void exec_result_free(struct exec_result *r);

#endif

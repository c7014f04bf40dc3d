/*
 * client_int.h - shared by the comfy/client*.c files; others use client.h.
 */
#ifndef COMFY_CLIENT_INT_H
#define COMFY_CLIENT_INT_H

#include "base/thread.h"
#include "comfy/client.h"
#include "io/httpc.h"

#define COMFY_ANSWER_MS 30000 /* Python holds its lock while a node runs */
#define COMFY_CACHE_MAX 512   /* answers; then all are dropped */

struct comfy_cached {
    char *path;
    int status;
    char *body;
    size_t len;
    int64_t at_ms; /* clock_mono_ms */
};

struct comfy {
    struct httpc *http;
    char *label;
    pthread_mutex_t lock;
    bool version_known GUARDED_BY(lock);
    char version[32] GUARDED_BY(lock);
    bool features_known GUARDED_BY(lock);
    int64_t max_upload GUARDED_BY(lock); /* -1: not told */
    bool no_cancel_route GUARDED_BY(lock);
    struct comfy_cached *cache GUARDED_BY(lock);
    size_t n_cached GUARDED_BY(lock);
};

/*
 * One request; its answer into r, whatever the status. q needs method, path,
 * op; limits and timeouts are filled in where they are 0.
 */
int comfy_call(struct comfy *c, struct httpc_req *q, struct httpc_res *r,
               struct err *e);
/* What a status that nobody expected means: 413 TOO_LARGE, others UNAVAILABLE.
 * Returns -1. */
int comfy_status_error(struct comfy *c, const char *op, int status,
                       struct err *e);
/* A parser said BAD_INPUT: this is no ComfyUI, or a broken one. Returns -1. */
int comfy_odd_answer(struct comfy *c, const char *op, struct err *e);

void comfy_cache_drop(struct comfy *c); /* holding the lock */

#endif

/*
 * run.h - one claimed task at one ComfyUI, from its inputs to its result.
 *
 *   stored run? --yes--> ask that address: there / finished / unknown twice
 *       | no                    |        |           |
 *       v                       |        |           v
 *   inputs -> graph -> PATCH address and prompt id -> POST /prompt
 *                               |        |            |
 *                               v        |            v
 *                            follow <----|------------+
 *                               v        v
 *                      fetch the files, store them, PATCH success
 *                               |
 *                               +--> sender, Redis result, history deleted
 *
 * Whatever stops it becomes a verdict (verdict.h) that is reported with this
 * claim's attempt. Nothing is written, and nothing is done to ComfyUI, once
 * the fence has refused us.
 */
#ifndef WORKER_RUN_H
#define WORKER_RUN_H

#include "worker/queue.h"
#include "worker/worker.h"

/* ad: its slot is the caller's. q: for result:<task>; NULL without Redis. */
void run_task(struct worker *w, struct address *ad, struct queue *q,
              const struct api_task *task);

#endif

/*
 * slot.h - the threads that take tasks and run them.
 *
 *   wait for a free slot -> hint (Redis) -> claim (backend) -> run_task()
 *
 * Redis makes hand-out cheap and is not needed for it: while it is away the
 * threads ask the backend by long poll (protocols 5).
 */
#ifndef WORKER_SLOT_H
#define WORKER_SLOT_H

#include "worker/worker.h"

struct slots;

/* COMFYUI_DEPTH threads for each address. */
struct slots *slots_start(struct worker *w);
/* Waits for the threads; addresses_stop() and runs_stop() come before. */
void slots_join(struct slots *s);

#endif

/*
 * deliver.h - this worker's sender: lane `job`, statuses and results
 * (protocols 7). telegram/sender.h does the sending; here is its backend.
 */
#ifndef WORKER_DELIVER_H
#define WORKER_DELIVER_H

#include "api/shape.h"
#include "worker/worker.h"

struct deliver;

struct deliver *deliver_new(struct worker *w);
void deliver_stop(struct deliver *d); /* claims no more; returns at once */
/* Waits for the running sends, hands back the rest. NULL is fine. */
void deliver_free(struct deliver *d);
/* Deliveries that came already claimed with the answer to a report. */
void deliver_send(struct deliver *d, const struct api_delivery *list, size_t n);
/* A result's bytes, moved, so that sending it needs no GET. */
void deliver_keep(struct deliver *d, const char *object_id, struct buf *bytes);
void deliver_tidy(struct deliver *d);

#endif

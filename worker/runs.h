/*
 * runs.h - the tasks that this worker runs, between their slots and the
 * heartbeat.
 *
 * A slot says how far its run is, the heartbeat tells the backend, and the
 * backend's answer comes back as a word to the slot: go on, cancel, drop.
 */
#ifndef WORKER_RUNS_H
#define WORKER_RUNS_H

#include "base/arena.h"
#include "base/id.h"
#include "base/thread.h"

struct runs;
struct ticket; /* one task */

struct runs *runs_new(void);
void runs_free(struct runs *rs); /* no ticket may be left */
void runs_stop(struct runs *rs); /* every ticket hears STOP from now on */
int64_t runs_count(struct runs *rs);

/* ---- the slot's side ---- */

enum ticket_word {
    TICKET_GO,
    TICKET_STOP,   /* SIGTERM: give it back */
    TICKET_CANCEL, /* the user cancels */
    TICKET_DROP    /* the fence refused us: touch nothing more */
};

/* eta_ms: expected length of the run; 0: unknown. */
struct ticket *runs_add(struct runs *rs, const char *task, const char *job,
                        int64_t attempt, int64_t eta_ms);
void runs_remove(struct ticket *t);
/* stage is static text: "starting", "queued", "rendering", "fetching".
 * position: place in ComfyUI's queue, 0: none. */
void ticket_stage(struct ticket *t, const char *stage, int64_t position);
void ticket_drop(struct ticket *t);
enum ticket_word ticket_word(struct ticket *t);
/* Sleeps up to ms, less when the word is or becomes another than GO. */
enum ticket_word ticket_pause(struct ticket *t, int64_t ms);

/* ---- the heartbeat's side ---- */

struct ticket_view {
    char task[12], job[ID_MAX];
    int64_t attempt;
    const char *stage;          /* NULL: as told before */
    int64_t position, progress; /* -1: none, or as told before */
    uint64_t change;            /* what is told by it */
};

size_t runs_list(struct runs *rs, struct arena *a, struct ticket_view **out);
/* The backend took it. */
void runs_told(struct runs *rs, const struct ticket_view *v, bool cancel);
/* The backend refused it. */
void runs_refused(struct runs *rs, const struct ticket_view *v);

#endif

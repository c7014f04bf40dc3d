/*
 * run_int.h - shared by the worker/run*.c files; others use run.h.
 *
 * Steps return 0, or -1 with the verdict set.
 */
#ifndef WORKER_RUN_INT_H
#define WORKER_RUN_INT_H

#include "comfy/client.h"
#include "model/preset.h"
#include "worker/run.h"
#include "worker/runs.h"
#include "worker/verdict.h"

#define RUN_REPORT_MS 120000 /* how long a report is repeated */
#define RUN_UNKNOWN_MS 2000  /* between two looks that find nothing */
#define RUN_FILES_MAX 10     /* of one run; an album of Telegram has ten */

struct run {
    struct worker *w;
    struct address *ad;
    struct queue *q;
    const struct api_task *task;
    struct arena *a;    /* of the whole run */
    struct arena *poll; /* of the last answer of ComfyUI */
    struct ticket *ticket;
    const struct preset *preset;
    const struct preset_task *node; /* its only task */
    char prompt_id[COMFY_ID_MAX];   /* "": none stored yet */

    /* following; times are monotonic */
    int64_t since_ms;   /* submitted, or found again */
    int64_t running_ms; /* first sight in queue_running; 0: not yet */
    int64_t queue_due_ms;
    int64_t unknown_ms; /* since when it is in neither list; 0: it is */
    bool vanished;      /* two looks, RUN_UNKNOWN_MS apart, found nothing */
    int64_t silent_ms;  /* since when nothing is answered; 0: it is */
    int64_t ahead;      /* prompts before it, when last seen */
    uint64_t ended;     /* of address_ended(), when last looked */
    bool looked;        /* the queue was seen since the submission */

    struct comfy_result result;            /* in poll */
    const char *copies[PRESET_INPUTS_MAX]; /* files in COMFYUI_INPUT_DIR */
    size_t ncopies;
    struct verdict v;
};

/* PATCH /api/tasks/{id}/status with this claim's fence. 0 and *out; -1: DROP
 * when the fence refused, BACK when the backend cannot be asked. in comes
 * api_init'ed, its status set. */
int run_patch(struct run *r, struct api_task_status *in,
              struct api_task_state *out);

/* result:<task> in Redis, for others; status "success" or "failed". */
void run_publish(struct run *r, const char *status, const char *const *files,
                 size_t n);

/* run_input.c: photos fetched, judged, uploaded; the graph filled. */
int run_prepare(struct run *r, struct str *graph);
void run_copies_remove(struct run *r);

/* run_follow.c */

/* /queue and /history, with patience for an address that stumbles: the state,
 * or -1. FINISHED: r->result. */
int run_look(struct run *r, enum comfy_state *state);
/* The same; found in neither list, it looks again RUN_UNKNOWN_MS later. */
int run_look_twice(struct run *r, enum comfy_state *state);
/* To its end: 0 with a result that is a success. */
int run_follow(struct run *r);
/* Judges r->result. */
int run_judge(struct run *r);
/* What a word other than GO means. */
int run_word(struct run *r, enum ticket_word word);
/* The address does not answer: it is unhealthy, the task goes back, or counts
 * a loss if this prompt was the running one. */
int run_lost(struct run *r, const struct err *why);

/* run_collect.c: files fetched and stored, success told, deliveries handed to
 * the sender. */
int run_collect(struct run *r);

#endif

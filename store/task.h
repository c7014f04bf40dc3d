/*
 * task.h - rows of `tasks`: hand-out, lease, fence (protocols 5).
 *
 * `attempt` is the fence and nothing else: each write carries the attempt it
 * was claimed with, and an older one changes nothing (*done false): the caller
 * loads the row and says 409 with its present state, or 200 when it says what
 * the caller wanted anyway. The only writer of tasks.state.
 */
#ifndef STORE_TASK_H
#define STORE_TASK_H

#include "model/job.h"
#include "store/list.h"

struct task {
    const char *id, *job, *account, *service, *name, *scenario, *version;
    enum task_state state;
    int64_t attempt, failures, crashes, losses;
    const char *params; /* JSON or "" */
    const char *worker, *boot, *address;
    bool is_foreign;
    const char *comfy_url, *prompt_id; /* "" when no run is stored */
    const char *result_ref, *error_class, *error;
    int64_t created_at, finished_at;
    enum job_state job_state;
    int64_t chat_id, price;
    const char *inputs; /* JSON */
    bool cancel_requested;
    int64_t remaining_ms; /* until JOB_MAX_WAIT is over */
    const char *language;
    bool leased; /* its lease is not over */
    int64_t beat;
    const char *preset;
};
int task_get(struct db *db, struct arena *a, const char *id, struct task *out,
             struct err *e);
int task_of_job(struct db *db, struct arena *a, const char *job,
                struct task *out, struct err *e);

/* Ready tasks of a service in fair order. */
struct task_ready {
    const char *id, *job, *scenario, *version, *account, *comfy_url;
    int64_t attempt;
};
int task_fair(struct db *db, struct arena *a, const char *service,
              int64_t limit, struct task_ready **out, size_t *n,
              struct err *e);
/* Milliseconds until the next delayed task is ready; -1 when there is none. */
int task_next_ready(struct db *db, struct arena *a, int64_t *ms,
                    struct err *e);

/* Services with ready tasks. */
int task_services(struct db *db, struct arena *a, const char ***out,
                  size_t *n, struct err *e);

struct task_claim {
    const char *id;
    const char *account; /* shard */
    const char *job;
    const char *worker, *boot, *address; /* address NULL: none */
    int64_t lease_ms;
    bool is_foreign;
    bool forget_run; /* another address takes it over */
};
/* *done false: somebody else has it, or it is not ready. */
int task_claim(struct db *db, struct arena *a, const struct task_claim *c,
               struct task *out, bool *done, struct err *e);

struct task_beat {
    const char *worker, *boot;
    int64_t attempt, lease_ms;
    const char *stage;      /* NULL: unchanged */
    int64_t progress, place; /* -1: unknown */
    bool visible;           /* the status message should show it */
};
int task_beat(struct db *db, struct arena *a, const struct task *t,
              const struct task_beat *b, bool *cancel, bool *done,
              struct err *e);
int task_run_store(struct db *db, struct arena *a, const struct task *t,
                   int64_t attempt, const char *comfy_url,
                   const char *prompt_id, int64_t lease_ms, bool *cancel,
                   bool *done, struct err *e);

struct task_result {
    int64_t attempt;
    const char *result_ref;
    const char *const *files; /* object ids, in order */
    size_t nfiles;
    const char *preset; /* whose mean run time this run renews; NULL: none */
    int64_t run_ms;     /* <= 0: not measured */
};
/* Task, consumers, job, capture, deliveries, outbox in one list. */
int task_succeed(struct db *db, struct arena *a, const struct task *t,
                 const struct task_result *r, bool *done, struct err *e);

struct task_failure {
    int64_t attempt;
    const char *error_class, *error; /* NULL: none */
    int64_t failures, crashes, losses; /* to add: 0 or 1 */
    bool forget_run;
    int64_t delay_ms; /* of task_again */
};
/* Ready again after delay_ms. */
int task_again(struct db *db, struct arena *a, const struct task *t,
               const struct task_failure *f, bool *done, struct err *e);
/* The last failure: job failed (or cancelled), hold released, user told. */
int task_fail(struct db *db, struct arena *a, const struct task *t,
              const struct task_failure *f, enum job_state end, bool *done,
              struct err *e);

struct task_leased {
    const char *id;
    int64_t attempt, beat;
    bool over; /* its lease */
};
/* Running tasks, the ones whose lease ends first at the head. */
int task_leased(struct db *db, struct arena *a, int64_t limit,
                struct task_leased **out, size_t *n, struct err *e);
int task_of_old_boot(struct db *db, struct arena *a, const char *worker,
                     const char *boot, struct task_leased **out, size_t *n,
                     struct err *e);

#endif

/*
 * job.h - rows of `jobs` and `offers`: buying, cancelling, giving back.
 *
 * The only writer of jobs.state together with store/task.c, whose lists move
 * a job along with its tasks (model/job.h has the drawing).
 */
#ifndef STORE_JOB_H
#define STORE_JOB_H

#include "model/job.h"
#include "store/list.h"

struct offer {
    const char *id, *account;
    int64_t chat_id; /* 0 when there is none */
    const char *preset, *scenario, *version;
    const char *bindings; /* JSON, "" when there are none */
    int64_t price;        /* of one item, credits */
    const char *items;    /* JSON list of inputs */
    int64_t n_items, total;
    int64_t reply_to; /* 0: none */
    bool used, expired;
};
int offer_get(struct db *db, struct arena *a, const char *id,
              struct offer *out, struct err *e);

struct job {
    const char *id, *account;
    int64_t chat_id, reply_to; /* 0: none */
    const char *preset, *scenario, *version, *bindings;
    const char *inputs; /* JSON object */
    int64_t price;
    enum job_state state;
    const char *offer;
    int64_t offer_n;
    bool cancel_requested;
    const char *result_ref, *error_class, *error; /* "" when unset */
    int64_t refunded_at, created_at, started_at, finished_at; /* 0: not yet */
    int64_t n_tasks;
};
/* NOT_FOUND when there is none. */
int job_get(struct db *db, struct arena *a, const char *id, struct job *out,
            struct err *e);
int job_by_offer(struct db *db, struct arena *a, const char *offer,
                 struct job **out, size_t *n, struct err *e);
/* Newest first; before_id "" or the last job of the page before. */
int job_by_account(struct db *db, struct arena *a, const char *account,
                   const struct job *before, int64_t limit, struct job **out,
                   size_t *n, struct err *e);

struct job_task_new {
    const char *service, *name;
    const char *params; /* JSON or NULL */
};
struct job_order {
    const char *account;
    int64_t chat_id, reply_to; /* 0: none */
    const char *preset, *scenario, *version, *bindings; /* bindings or NULL */
    int64_t price;                                     /* of one job */
    const char *const *inputs;                         /* n JSON objects */
    size_t n;
    const struct job_task_new *tasks; /* of each job */
    size_t ntasks;
    const char *offer;        /* NULL: bought without a card */
    int64_t card_message_id;  /* 0: the first job makes its own status too */
    int64_t max_wait_ms;
    const char *caller, *key, *hash; /* Idempotency-Key, or NULL */
    const char *first_id; /* out: id of the first job */
};
/*
 * Hold, jobs, tasks, status rows, outbox in one list. *created false: the
 * first statement refused it (too little money, offer used or expired, price
 * changed): the caller looks why. CONFLICT: the same offer or key was taken
 * at the same moment: look it up.
 */
int job_create(struct db *db, struct arena *a, struct job_order *o,
               bool *created, struct err *e);
int job_key_get(struct db *db, struct arena *a, const char *caller,
                const char *key, const char **hash, const char **job,
                struct err *e); /* NOT_FOUND */

/* At once when none of its tasks runs. *done false: it runs or has ended. */
int job_cancel_queued(struct db *db, struct arena *a, const struct job *j,
                      bool *done, struct err *e);
/* Sets cancel_requested; the worker's next heartbeat hears it. */
int job_cancel_running(struct db *db, struct arena *a, const struct job *j,
                       struct err *e);
/* JOB_MAX_WAIT: fails it and releases its hold. */
int job_expire(struct db *db, struct arena *a, const struct job *j,
               bool *done, struct err *e);
/* Ids of overdue jobs, at most limit. */
int job_overdue(struct db *db, struct arena *a, int64_t limit,
                const char ***ids, size_t *n, struct err *e);
/* After a capture, once. *done false: not completed or refunded before. */
int job_refund(struct db *db, struct arena *a, const struct job *j,
               const char *who, const char *reason, bool *done, struct err *e);

/* What a status shows of the first task. */
struct job_place {
    const char *task, *service, *stage; /* stage "" when unknown */
    enum task_state state;
    int64_t progress; /* per cent, -1 unknown */
    int64_t place;    /* in ComfyUI's queue, -1 unknown */
    int64_t retries;  /* failed or lost runs so far */
    int64_t ahead;    /* ready tasks before it, at most 1000 */
};
int job_place(struct db *db, struct arena *a, const char *job,
              struct job_place *out, struct err *e);

/* For lists of store/task.c: everything that hangs on a job's end. */
void job_add_end(struct arena *a, struct db_list *l, struct guard g,
                 const char *account, int64_t chat_id, int64_t price,
                 enum job_state end);

#endif

/*
 * job.h - one bought run of a scenario, and its tasks: states and moves.
 *
 * job:   queued --first claim--> processing --all tasks done--> completed
 *           |                        |
 *           |                        +-- a task failed for good --> failed
 *           +-- cancel --> cancelled +-- cancelled by the worker -> cancelled
 *           +-- JOB_MAX_WAIT, unknown preset ... -----------------> failed
 *
 * task:  pending --claim--> processing --finish--> success
 *           ^                  |  |
 *           +-- given back, ---+  +-- last failure, cancel --> failed
 *               retry, reaped
 *
 * Final states never change. A job's end captures (completed) or releases
 * (failed, cancelled) its hold in the same transaction. store/job.c is the
 * only writer of jobs.state, store/task.c of tasks.state.
 */
#ifndef MODEL_JOB_H
#define MODEL_JOB_H

#include <stdbool.h>

enum job_state {
    JOB_QUEUED,
    JOB_PROCESSING,
    JOB_COMPLETED,
    JOB_FAILED,
    JOB_CANCELLED
};

enum task_state {
    TASK_PENDING,
    TASK_PROCESSING,
    TASK_SUCCESS,
    TASK_FAILED
};

const char *job_state_name(enum job_state s);
bool job_state_parse(const char *name, enum job_state *out);
bool job_state_is_final(enum job_state s);
bool job_move_allowed(enum job_state from, enum job_state to);

const char *task_state_name(enum task_state s);
bool task_state_parse(const char *name, enum task_state *out);
bool task_state_is_final(enum task_state s);
bool task_move_allowed(enum task_state from, enum task_state to);

#endif

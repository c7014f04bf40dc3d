/*
 * job.c - names and moves of jobs and tasks.
 */
#include <string.h>
#include "model/job.h"

static const char *const job_names[] = {"queued", "processing", "completed",
                                        "failed", "cancelled"};
static const char *const task_names[] = {"pending", "processing", "success",
                                         "failed"};
#define COUNT(t) (int)(sizeof(t) / sizeof((t)[0]))

static int
name_find(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    return -1;
}

const char *
job_state_name(enum job_state s)
{
    return job_names[s];
}

bool
job_state_parse(const char *name, enum job_state *out)
{
    int i = name_find(job_names, COUNT(job_names), name);
    if (i < 0)
        return false;
    *out = (enum job_state)i;
    return true;
}

bool
job_state_is_final(enum job_state s)
{
    return s == JOB_COMPLETED || s == JOB_FAILED || s == JOB_CANCELLED;
}

bool
job_move_allowed(enum job_state from, enum job_state to)
{
    if (job_state_is_final(from) || from == to)
        return false;
    return to != JOB_QUEUED;
}

const char *
task_state_name(enum task_state s)
{
    return task_names[s];
}

bool
task_state_parse(const char *name, enum task_state *out)
{
    int i = name_find(task_names, COUNT(task_names), name);
    if (i < 0)
        return false;
    *out = (enum task_state)i;
    return true;
}

bool
task_state_is_final(enum task_state s)
{
    return s == TASK_SUCCESS || s == TASK_FAILED;
}

bool
task_move_allowed(enum task_state from, enum task_state to)
{
    switch (from) {
    case TASK_PENDING:
        return to == TASK_PROCESSING || to == TASK_FAILED;
    case TASK_PROCESSING:
        return to != TASK_PROCESSING;
    case TASK_SUCCESS:
    case TASK_FAILED:
        return false;
    }
    return false;
}

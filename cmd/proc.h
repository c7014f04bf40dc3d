/*
 * proc.h - child processes of `up` and `demo`.
 *
 * A child dies with its parent (PR_SET_PDEATHSIG) and tells on a pipe when it
 * serves (base/role.h).
 */
#ifndef CMD_PROC_H
#define CMD_PROC_H

#include <sys/types.h>
#include "base/err.h"
#include "base/str.h"

#define PROC_ARGS_MAX 32
#define PROC_ENV_MAX 32

struct proc {
    const char *name;              /* "worker" */
    const char *argv[PROC_ARGS_MAX]; /* argv[0] NULL: this binary */
    char *env[PROC_ENV_MAX];       /* "KEY=value", over our own; owned */
    size_t nenv;
    bool tells;     /* writes its port to TINTYPE_READY_FD */
    pid_t pid;      /* 0: not running */
    int port;       /* what it told */
    int64_t started_ms;
    int64_t again_ms; /* monotonic: when to start it again; 0: not due */
    int64_t pause_ms; /* back-off */
};

/* Replaces an earlier value of the same key. */
void proc_env(struct proc *p, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Starts it; when it tells, waits up to wait_ms for its word. */
int proc_start(struct proc *p, int64_t wait_ms, struct err *e);
/* SIGTERM, then SIGKILL when it is still there after wait_ms. Reaps it. */
void proc_stop(struct proc *p, int64_t wait_ms);
void proc_fini(struct proc *p);

#endif

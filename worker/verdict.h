/*
 * verdict.h - what becomes of a task whose run did not end well.
 *
 *     verdict_fail(&v, FAILURE_oom, "%s", text);   the classes decide the rest
 *     verdict_back(&v, "the worker stops");        nothing is counted
 *     verdict_drop(&v);                            the fence refused us
 */
#ifndef WORKER_VERDICT_H
#define WORKER_VERDICT_H

#include "base/err.h"
#include "comfy/fault.h"
#include "model/failure.h"

enum verdict_what {
    VERDICT_NONE, /* the run goes on, or ended well */
    VERDICT_FAIL, /* PATCH failed with a class */
    VERDICT_BACK, /* PATCH pending: another may go on with it */
    VERDICT_DROP  /* it is somebody else's: touch nothing more */
};

struct verdict {
    enum verdict_what what;
    enum failure class; /* of FAIL */
    bool was_running;   /* this prompt was the running one: may be a loss */
    bool forget_run;    /* that run is known to have failed */
    char error[ERR_MSG_MAX];
};

/* All return -1, so that `return verdict_back(...)` reads well. */
int verdict_fail(struct verdict *v, enum failure class, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int verdict_back(struct verdict *v, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int verdict_drop(struct verdict *v);

/* The class of what ComfyUI told. */
enum failure failure_of_fault(enum comfy_fault f);

#endif

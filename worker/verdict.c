/*
 * verdict.c - see verdict.h.
 */
#include "worker/verdict.h"

#include <stdarg.h>
#include <stdio.h>

static int
verdict_set(struct verdict *v, enum verdict_what what, enum failure class,
            const char *fmt, va_list ap)
{
    v->what = what;
    v->class = class;
    vsnprintf(v->error, sizeof(v->error), fmt, ap);
    return -1;
}

int
verdict_fail(struct verdict *v, enum failure class, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    verdict_set(v, VERDICT_FAIL, class, fmt, ap);
    va_end(ap);
    return -1;
}

int
verdict_back(struct verdict *v, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    verdict_set(v, VERDICT_BACK, FAILURE_internal, fmt, ap);
    va_end(ap);
    return -1;
}

int
verdict_drop(struct verdict *v)
{
    v->what = VERDICT_DROP;
    v->error[0] = '\0';
    return -1;
}

enum failure
failure_of_fault(enum comfy_fault f)
{
    switch (f) {
    case COMFY_FAULT_input:
        return FAILURE_input;
    case COMFY_FAULT_moderation:
        return FAILURE_moderation;
    case COMFY_FAULT_workflow:
        return FAILURE_workflow;
    case COMFY_FAULT_oom:
        return FAILURE_oom;
    case COMFY_FAULT_gpu:
        return FAILURE_gpu;
    case COMFY_FAULT_lost:
    case COMFY_FAULT_interrupted: /* by somebody else: our cancels end here */
        return FAILURE_comfy_lost;
    case COMFY_FAULT_timeout:
        return FAILURE_timeout;
    case COMFY_FAULT_none:
    case COMFY_FAULT_COUNT:
        break;
    }
    return FAILURE_internal;
}

/*
 * comfy_faults.c - what a test asked to go wrong.
 */
#include <string.h>

#include "sandbox/comfy.h"

static const char *const names[] = {
#define FAULT(name, says) #name,
#include "sandbox/comfy_faults.def"
#undef FAULT
};

const char *
comfy_fault_name(enum comfy_fault f)
{
    return names[f];
}

bool
comfy_fault_parse(const char *name, enum comfy_fault *out)
{
    for (size_t i = 0; i < FAULT_COUNT; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (enum comfy_fault)i;
            return true;
        }
    return false;
}

bool
comfy_fault_strikes(struct comfy *c, enum comfy_fault f, int64_t *ms)
{
    bool strikes;

    pthread_mutex_lock(&c->lock);
    strikes = c->faults.f[f].left != 0;
    if (c->faults.f[f].left > 0)
        c->faults.f[f].left--;
    if (ms)
        *ms = c->faults.f[f].ms;
    pthread_mutex_unlock(&c->lock);
    return strikes;
}

/* The oldest first; < 0: all. */
static void
evict(struct comfy *c, int64_t count)
{
    while (c->history.first && count-- != 0)
        comfy_history_remove(&c->history, c->history.first->id);
}

void
comfy_fault_set(struct comfy *c, enum comfy_fault f, int64_t count, int64_t ms)
{
    if (f == FAULT_restart) {
        comfy_restart(c);
        return;
    }
    pthread_mutex_lock(&c->lock);
    if (f == FAULT_evict_history) {
        evict(c, count);
    } else {
        c->faults.f[f].left = count;
        c->faults.f[f].ms = ms;
    }
    pthread_mutex_unlock(&c->lock);
}

/*
 * address_int.h - shared by the worker/address*.c files; others use address.h.
 */
#ifndef WORKER_ADDRESS_INT_H
#define WORKER_ADDRESS_INT_H

#include "worker/address.h"

/* One address with all that changes. */
struct place {
    struct address ad;
    bool answers;
    bool asked;              /* its health is known */
    bool said;               /* ...and was logged */
    bool lock_known[2];      /* by enum address_lock */
    char locked_out[2][160]; /* why; "" = ours */
    int losses;              /* in a row, told by runs */
    int64_t not_before_ms;   /* monotonic: it is not used until then */
    char stuck[COMFY_ID_MAX];
    char error[200];
    char version[32];
    int64_t bad_since_ms; /* monotonic */
    size_t running, pending;
    int busy;
    uint64_t ended;
    uint64_t changes; /* for address_wait() */
    struct arena *caps;
    const struct address_run *runs;
    size_t nruns;
};

struct addresses {
    size_t n;
    int depth;
    struct place *places;
    void (*on_change)(void *ctx);
    void *on_change_ctx;
    pthread_mutex_t lock; /* of all below, and of the places */
    pthread_cond_t cond;
    int waiting GUARDED_BY(lock); /* threads admitted by slots_wait() */
    bool stopping GUARDED_BY(lock);
    uint64_t caps_pass GUARDED_BY(lock);
};

struct place *address_place(struct address *ad);
/* Why it is not to be used; NULL: it is. Holding the lock. */
const char *place_trouble(const struct place *p);

#endif

/*
 * address.h - the ComfyUIs of this worker: health and slots.
 *
 *              answers, locks are ours, nothing stuck
 *   unhealthy ---------------------------------------> healthy
 *      ^                                                  |
 *      +--- refused, reset, 30 s of silence, GPU fault, --+
 *           a run past its deadline, another worker there
 *
 * An address has COMFYUI_DEPTH slots, so that the next prompt waits there when
 * one ends. Threads that wait for work are admitted while a healthy address
 * has a slot that no other waiting thread could want; the address is chosen
 * when there is a task.
 *
 *     while (slots_wait(as)) {            waits for a free slot
 *         ... take a hint ...
 *         ad = slots_take(as, 0);         the emptiest healthy address
 *         ... claim for it; not for this one: tried |= slot_bit(ad) ...
 *         slots_give(ad);
 *     }
 *
 * Safe from many threads: one lock for all, held for memory only.
 */
#ifndef WORKER_ADDRESS_H
#define WORKER_ADDRESS_H

#include "api/shape.h"
#include "base/thread.h"
#include "comfy/client.h"

#define ADDRESSES_MAX 64
#define ADDRESS_PENALTY_MS 30000

struct addresses;

struct address {
    struct addresses *all;
    size_t index;
    char *name; /* normalised URL, "<host>/" in front when loopback */
    char label[24];
    struct comfy *comfy;
};

/* urls: COMFYUI_URL, comma separated. BAD_INPUT names the bad one. */
struct addresses *addresses_new(const char *urls, const char *host, int depth,
                                struct err *e);
void addresses_free(struct addresses *as); /* no thread may use them */
size_t addresses_count(const struct addresses *as);
struct address *addresses_at(struct addresses *as, size_t i);
/* The name of a URL: in the arena, or NULL with BAD_INPUT. */
char *address_name(struct arena *a, const char *url, const char *host,
                   struct err *e);

/* ---- slots ---- */

/* Admission; false: addresses_stop() was called. Each true is followed by one
 * slots_take(as, 0) or slots_leave(). */
bool slots_wait(struct addresses *as);
void slots_leave(struct addresses *as);
/* A slot of a healthy address that is not in tried; NULL: there is none now.
 * tried 0 ends the admission. */
struct address *slots_take(struct addresses *as, uint64_t tried);
uint64_t slot_bit(const struct address *ad);
void slots_give(struct address *ad);
/* All slots of healthy addresses, and those of them that are free. */
void slots_count(struct addresses *as, int64_t *slots, int64_t *free);
void addresses_stop(struct addresses *as); /* wakes all who wait */

/* ---- health ---- */

bool address_is_healthy(struct address *ad);
int address_busy(struct address *ad); /* runs of ours there */
/* It answered; stats NULL: something else than /system_stats. */
void address_answers(struct address *ad, const struct comfy_stats *stats);
/* It does not answer, or its GPU failed: unhealthy until it answers. Losses in
 * a row that runs report (a disk that is full: /system_stats is fine) keep it
 * away for longer each time, ADDRESS_PENALTY_MS at most. */
void address_lost(struct address *ad, const char *why);
void address_fails_run(struct address *ad, const char *why);
/* A run ended well there. */
void address_ends_run(struct address *ad);
/* A prompt that neither ends nor can be interrupted: unhealthy until it is
 * gone. */
void address_stuck(struct address *ad, const char *prompt_id);
bool address_is_stuck(struct address *ad, char prompt_id[COMFY_ID_MAX]);
void address_unstuck(struct address *ad);
/* Locks of protocols 6: why NULL when they are ours. They begin as not taken:
 * whoever has neither Redis nor a lock file says so with NULL. */
enum address_lock { ADDRESS_LOCK_MACHINE, ADDRESS_LOCK_REDIS };
void address_lock_set(struct address *ad, enum address_lock which,
                      const char *why);
bool address_lock_is_ours(struct address *ad, enum address_lock which);
void address_queue_note(struct address *ad, const struct comfy_queue *q);
/* Counts runs that ended here: those that wait look at the queue again. */
uint64_t address_ended(struct address *ad);
void address_note_end(struct address *ad);

/*
 * Sleeps until ms are over, or the health or the busyness of this address has
 * changed since *seen (renewed; start with 0). False: addresses_stop().
 */
bool address_wait(struct address *ad, uint64_t *seen, int64_t ms);
/* Called without the lock whenever an address changed its health. */
void addresses_on_change(struct addresses *as, void (*fn)(void *ctx),
                         void *ctx);

/* ---- what it can run ---- */

struct address_run {
    const char *name, *version;
    const char *graph; /* completed for this server; NULL: as it is */
};
/* Takes over the arena in which the runs lie. */
void address_caps_put(struct address *ad, struct arena *a,
                      const struct address_run *runs, size_t n);
/* The completed graph, copied; NULL when there is none. */
char *address_graph(struct address *ad, struct arena *a, const char *name,
                    const char *version);

/*
 * The heartbeat's list. with_runs: what each can run too, and *pass is that
 * word's number. addresses_caps_pass() tells the newest.
 */
void addresses_fill(struct addresses *as, struct arena *a, bool with_runs,
                    struct api_worker_address **out, size_t *n, uint64_t *pass);
uint64_t addresses_caps_pass(struct addresses *as);

#endif

/*
 * comfy.h - the sandbox ComfyUI: queue, history, the one executing thread,
 * faults. HTTP is in comfy_routes.c and its neighbours.
 *
 * Everything mutable is guarded by `lock`. A prompt belongs to the queue, then
 * to the executor, then its texts become a history entry and it is freed.
 */
#ifndef SANDBOX_COMFY_H
#define SANDBOX_COMFY_H

#include <pthread.h>
#include "base/thread.h"
#include "sandbox/comfy_exec.h"

#define COMFY_HISTORY_MAX 10000  /* MAXIMUM_HISTORY_SIZE */
#define COMFY_QUEUE_MAX 100000   /* prompts waiting; more get a 500 */
#define COMFY_BODY_MAX 104857600 /* --max-upload-size 100 */

struct comfy_config {
    const char *dir, *models; /* models may be NULL */
    bool newer;               /* profile 0.38 */
    int64_t render_ms;
};

/* A prompt that was accepted. */
struct comfy_item {
    struct arena *a; /* owns all of it */
    long double number;
    const char *number_text; /* as it is shown: 7 or 7.0 */
    const char *id;
    struct py *prompt, *extra, *outputs;
    const char *prompt_json, *extra_json;
    const char *json; /* [number, id, prompt, extra, outputs] */
    int64_t created_ms;
};

void comfy_item_free(struct comfy_item *i);

/* ---- comfy_queue.c: Python's heapq over (number, id, prompt, ...) ---- */
struct comfy_queue {
    struct comfy_item **heap;
    size_t n, cap;
};

/* False: two tuples could not be compared; the item IS in the heap all the
 * same (as in ComfyUI), at the end. */
bool comfy_queue_push(struct comfy_queue *q, struct comfy_item *i);
struct comfy_item *comfy_queue_pop(struct comfy_queue *q); /* NULL: empty */
/* The first with this id; NULL: none. The caller frees it. */
struct comfy_item *comfy_queue_remove(struct comfy_queue *q, const char *id);
void comfy_queue_clear(struct comfy_queue *q);
void comfy_queue_fini(struct comfy_queue *q);

/* ---- comfy_history.c ---- */
struct comfy_entry {
    struct comfy_entry *next, *prev;  /* oldest first */
    struct comfy_entry *chain;        /* of its bucket */
    char *id, *item, *extra, *prompt; /* JSON, as struct comfy_item */
    char *outputs, *meta, *messages;
    char *error; /* execution_error's data, or NULL */
    char *number_text;
    enum exec_end end;
    int64_t created_ms, started_ms, ended_ms;
    int64_t hidden_until; /* clock_mono_ms; fault history_late */
};

#define COMFY_BUCKETS 4096
size_t comfy_bucket_of(const char *id);

struct comfy_history {
    struct comfy_entry *first, *last;
    size_t n;
    struct comfy_entry *buckets[COMFY_BUCKETS];
};

struct comfy_entry *comfy_history_find(struct comfy_history *h, const char *id);
/* Takes the texts out of r. A known id keeps its place. */
void comfy_history_add(struct comfy_history *h, const struct comfy_item *i,
                       struct exec_result *r, int64_t hidden_until);
bool comfy_history_remove(struct comfy_history *h, const char *id);
void comfy_history_clear(struct comfy_history *h);
/* "id": {"prompt": ..., "outputs": ..., "status": ..., "meta": ...} */
void comfy_entry_json(struct buf *b, const struct comfy_entry *k);
/* {"status_str": ..., "completed": ..., "messages": ...} */
void comfy_entry_status(struct buf *b, const struct comfy_entry *k);

/* ---- comfy_faults.c ---- */
#define FAULT(name, says) FAULT_##name,
enum comfy_fault {
#include "sandbox/comfy_faults.def"
    FAULT_COUNT
};
#undef FAULT

struct comfy_faults {
    struct {
        int64_t left; /* times it still strikes; < 0: always */
        int64_t ms;
    } f[FAULT_COUNT];
};

const char *comfy_fault_name(enum comfy_fault f);
bool comfy_fault_parse(const char *name, enum comfy_fault *out);

/* ---- comfy_runs.c: how often each prompt id was run ---- */
struct comfy_run;
struct comfy_runs {
    struct comfy_run *buckets[COMFY_BUCKETS];
    size_t n;      /* different ids */
    int64_t total; /* runs */
    int fd;        /* DIR/sandbox-runs.log: survives the process; -1: none */
};

void comfy_runs_open(struct comfy_runs *r, const char *path);
void comfy_runs_close(struct comfy_runs *r);
void comfy_runs_add(struct comfy_runs *r, const char *id);
void comfy_runs_json(struct buf *b, const struct comfy_runs *r);

/* ---- comfy.c ---- */
struct comfy {
    struct comfy_config cfg;
    struct comfy_dirs dirs;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct comfy_queue queue;   /* all below GUARDED_BY(lock) */
    struct comfy_item *running; /* what the world may see of it */
    struct comfy_history history;
    struct comfy_faults faults;
    struct comfy_runs runs;
    int64_t next_number;
    int64_t accepted, executed; /* prompts taken, nodes run */
    uint64_t generation;        /* of fault "restart" */
    bool interrupt;
    bool dead; /* the executor's thread "died" */
    bool drop_cache;
    bool stopping;
    struct cache cache; /* the executor's alone */
    pthread_t executor;
};

int comfy_start(struct comfy *c, const struct comfy_config *cfg, struct err *e);
void comfy_stop(struct comfy *c);
/* Takes one strike of the fault; false: not set. *ms may be NULL. */
bool comfy_fault_strikes(struct comfy *c, enum comfy_fault f, int64_t *ms);
void comfy_fault_set(struct comfy *c, enum comfy_fault f, int64_t count,
                     int64_t ms);
/* Only when it runs (id NULL: whatever runs). */
void comfy_interrupt(struct comfy *c, const char *id);
/* What a new process would know: nothing. */
void comfy_restart(struct comfy *c);

#endif

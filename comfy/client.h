/*
 * client.h - one ComfyUI server: submit, look, fetch, cancel, capabilities.
 *
 *     c = comfy_new("http://127.0.0.1:8188", "comfyui", &e);
 *     comfy_health(c, 2000, &stats, &e);
 *     comfy_upload(c, a, bytes, "7f3a9c01.png", &input, &e);
 *     ... input ("7f3a9c01.png [temp]") goes into the graph ...
 *     comfy_submit(c, a, graph, prompt_id, NULL, &sub, &e);
 *     do comfy_look(c, a, prompt_id, results, n, &look, &e);
 *     while (look.state is RUNNING or PENDING);
 *     comfy_fetch(c, &look.result.files[0], limit, &bytes, &e);
 *     comfy_forget(c, prompt_id, &e);
 *
 * Blocking, safe from many threads. Nothing is retried here. Ids of prompts
 * are lowercase hyphenated UUIDs (rand_uuid), made and stored by the caller
 * before the first submit. Results of a call lie in its arena. Polling is the
 * truth; there is no WebSocket here.
 *
 * Errors, for all calls: UNAVAILABLE: not reached, a 5xx, a proxy's refusal,
 * or what answers is no ComfyUI; TIMEOUT: the request was sent and no whole
 * answer came back (harmless for all but comfy_submit); TOO_LARGE: a limit.
 * A URL stands in no error: the label does.
 *
 * A server's files outlive everything: put the job's id in every
 * filename_prefix, or its cache gives old names.
 */
#ifndef COMFY_CLIENT_H
#define COMFY_CLIENT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "comfy/answer.h"
#include "comfy/caps.h"
#include "comfy/history.h"
#include "comfy/queue.h"

struct comfy;

/* label stands for the URL in logs and errors; NULL: "comfyui". BAD_INPUT: not
 * an http(s) address. Connects to nothing yet. */
struct comfy *comfy_new(const char *url, const char *label, struct err *e);
void comfy_free(struct comfy *c); /* no call may be running */

/*
 * GET /system_stats within timeout_ms. It proves that the server answers, not
 * that its executor lives: a graph can kill that thread while HTTP stays
 * well, and its run then "runs" for ever. Another version than before drops
 * what is remembered of the server.
 */
int comfy_health(struct comfy *c, int64_t timeout_ms, struct comfy_stats *out,
                 struct err *e);

/*
 * Stores bytes in the server's temp folder (wiped when it starts or stops)
 * under name, in place of what was there; upload again before each run. name
 * is ours: [a-z0-9_-]+ and an ending. *input is what LoadImage takes. May be
 * repeated. TOO_LARGE: over the server's max_upload_size (not sent, when the
 * server told its limit) or 413.
 */
int comfy_upload(struct comfy *c, struct arena *a, struct str bytes,
                 const char *name, const char **input, struct err *e);

/*
 * POST /prompt. graph: the JSON text of a linted, filled graph. client_id
 * may be NULL. Look for prompt_id first when it may be there
 * already: the server does not tell duplicates.
 *
 * 0: accepted; if out->other_id the server (< 0.3.45) made its own id: store
 *    and use out->prompt_id from now on.
 * -1, by e->code:
 *   BAD_INPUT   refused; out->fault and out->text say why (fault none: the
 *               graph is not JSON or the id is bad, nothing was sent). What
 *               the server took in part (200 with node_errors) is cancelled
 *               here.
 *   UNAVAILABLE it has no effect: not reached, or refused before ComfyUI
 *   TIMEOUT     OUTCOME UNKNOWN: it may run. Look before doing anything else.
 *   TOO_LARGE   refused: 413
 */
int comfy_submit(struct comfy *c, struct arena *a, struct str graph,
                 const char *prompt_id, const char *client_id,
                 struct comfy_submitted *out, struct err *e);

/* GET /queue alone; prompt_id NULL: only the counts (heartbeats). */
int comfy_queue_summary(struct comfy *c, const char *prompt_id,
                        struct comfy_queue *out, struct err *e);

/* GET /history/{id} alone: out->end is COMFY_END_NONE when it is not there.
 * wanted, n: see comfy/history.h. */
int comfy_history(struct comfy *c, struct arena *a, const char *prompt_id,
                  const char *const *wanted, size_t n, struct comfy_result *out,
                  struct err *e);

struct comfy_look {
    enum comfy_state state;
    struct comfy_queue queue;   /* all zero if only the history was readable */
    struct comfy_result result; /* FINISHED */
};

/*
 * Where a prompt is: /queue, then /history/{id}. In this order a run that ends
 * between the two is found. UNKNOWN twice, 2 s apart: it is not there.
 */
int comfy_look(struct comfy *c, struct arena *a, const char *prompt_id,
               const char *const *wanted, size_t n, struct comfy_look *out,
               struct err *e);

/*
 * GET /view: the file's bytes into out (not initialised before; free it
 * whatever is returned). TOO_LARGE: over limit. NOT_FOUND: the server names a
 * file that it does not have. A body that ends early is TIMEOUT, an empty one
 * UNAVAILABLE.
 */
int comfy_fetch(struct comfy *c, const struct comfy_file *f, size_t limit,
                struct buf *out, struct err *e);

/*
 * Takes a prompt out of the queue and interrupts it if it runs; never anybody
 * else's. May be repeated; look afterwards. *stoppable (may be NULL) is false
 * when this server (< 0.3.57, or it does not tell) can only interrupt whatever
 * runs: then a running prompt goes on to its end. Between nodes only: one long
 * operation ends first.
 */
int comfy_cancel(struct comfy *c, const char *prompt_id, bool *stoppable,
                 struct err *e);

/* Deletes the history's entry; files stay. May be repeated. */
int comfy_forget(struct comfy *c, const char *prompt_id, struct err *e);

/* ---- what it can run; answers are remembered for COMFY_CAPS_MS ---- */

#define COMFY_CAPS_MS 60000

/* /object_info/{class}: the class's entry, or *out NULL when there is none. */
int comfy_object_info(struct comfy *c, struct arena *a, const char *class_type,
                      const cJSON **out, struct err *e);

struct comfy_needs {
    struct str graph; /* JSON text; may be empty: then classes alone count */
    const char *const *classes; /* beyond those of the graph */
    size_t n_classes;
    const char *const *models; /* "checkpoints/x.safetensors" */
    size_t n_models;
};

/*
 * 0: asked; out->n == 0 means yes, otherwise out names what is missing (in the
 * arena). Values of the graph that slots replace are judged as they stand.
 */
int comfy_can_run(struct comfy *c, struct arena *a,
                  const struct comfy_needs *needs, struct comfy_missing *out,
                  struct err *e);

/*
 * The graph with the required inputs that this server wants and the graph does
 * not have, at their defaults. NULL: could not ask, or not a graph.
 */
char *comfy_complete(struct comfy *c, struct arena *a, struct str graph,
                     struct err *e);

#endif

/*
 * client_run.c - one ComfyUI server: submit, look, cancel, forget.
 */
#include <stdio.h>
#include <string.h>
#include "base/limits.h"
#include "base/log.h"
#include "comfy/client_int.h"

#define PROMPT_MAX ((size_t)LIM_COMFY_JSON_BYTES)

/* A POST whose answer has no content; it may be repeated. */
static int
post(struct comfy *c, const char *path, const char *op, struct str body,
     int *status, struct err *e)
{
    struct httpc_req q = {.method = "POST",
                          .path = path,
                          .op = op,
                          .idempotent = true,
                          .body = body};
    struct httpc_res r;

    if (comfy_call(c, &q, &r, e) != 0)
        return -1;
    *status = r.status;
    httpc_res_free(&r);
    return 0;
}

/* POST {"<key>": ["<id>"]} to /queue or /history. */
static int
post_delete(struct comfy *c, const char *path, const char *op,
            const char *prompt_id, struct err *e)
{
    char body[32 + COMFY_ID_MAX];
    int status;

    snprintf(body, sizeof(body), "{\"delete\": [\"%s\"]}", prompt_id);
    if (post(c, path, op, str_c(body), &status, e) != 0)
        return -1;
    return status == 200 ? 0 : comfy_status_error(c, op, status, e);
}

static int
id_check(struct comfy *c, const char *prompt_id, struct err *e)
{
    if (comfy_id_ok(prompt_id))
        return 0;
    return err_set(e, ERR_BAD_INPUT, "%s: bad prompt id", c->label);
}

/* ---- submit ---- */

static void
prompt_write(struct buf *b, struct str graph, const char *prompt_id,
             const char *client_id)
{
    struct jw w;

    jw_init(&w, b);
    jw_obj(&w);
    jw_kstr(&w, "prompt_id", prompt_id);
    if (client_id)
        jw_kstr(&w, "client_id", client_id);
    jw_key(&w, "prompt");
    jw_raw(&w, graph);
    jw_end(&w);
}

/*
 * What an answer without ComfyUI's JSON means. Statuses that are given before
 * anything is queued are refusals; after the others (a proxy's 502 and 504, a
 * 500, half an answer) the prompt may be in the queue.
 */
static int
submit_odd(struct comfy *c, const struct httpc_res *r, struct err *e)
{
    switch (r->status) {
    case 200:
        /* a proxy turned the POST into GET /prompt */
        if (memmem(buf_cstr(&r->body), r->body.len, "\"exec_info\"", 11))
            return err_set(e, ERR_UNAVAILABLE,
                           "%s prompt: the POST came as a GET; something "
                           "before it redirects",
                           c->label);
        break;
    case 500:
    case 502:
    case 504:
        break;
    default:
        return comfy_status_error(c, "prompt", r->status, e);
    }
    return err_set(e, ERR_TIMEOUT,
                   "%s prompt: answers %d without a prompt_id (the outcome is "
                   "unknown)",
                   c->label, r->status);
}

/* A part of the graph runs: to no use. */
static void
submit_undo(struct comfy *c, const char *prompt_id)
{
    struct err e = {0};

    if (comfy_cancel(c, prompt_id, NULL, &e) != 0)
        log_warn("comfy", "undo", "prompt=%s %s", prompt_id, e.msg);
}

static int
submit_read(struct comfy *c, struct arena *a, const struct httpc_res *r,
            const char *prompt_id, struct comfy_submitted *out, struct err *e)
{
    if ((r->status != 200 && r->status != 400) ||
        comfy_answer_prompt(a, r->status, buf_str(&r->body), prompt_id, out,
                            NULL) != 0)
        return submit_odd(c, r, e);
    if (out->accepted)
        return 0;
    if (out->prompt_id[0])
        submit_undo(c, out->prompt_id);
    return err_set(e, ERR_BAD_INPUT, "%s prompt: refused: %s", c->label,
                   out->text);
}

int
comfy_submit(struct comfy *c, struct arena *a, struct str graph,
             const char *prompt_id, const char *client_id,
             struct comfy_submitted *out, struct err *e)
{
    struct httpc_req q = {.method = "POST", .path = "/prompt", .op = "prompt"};
    struct httpc_res r;
    struct buf b;
    int rc = -1;

    *out = (struct comfy_submitted){.fault = COMFY_FAULT_none,
                                    .type = "",
                                    .node = "",
                                    .node_class = "",
                                    .text = ""};
    if (id_check(c, prompt_id, e) != 0)
        return -1;
    if (json_check(graph, 0, e) != 0)
        return err_wrap(e, "%s prompt: the graph", c->label);
    buf_init(&b, PROMPT_MAX);
    prompt_write(&b, graph, prompt_id, client_id);
    q.body = buf_str(&b);
    if (b.failed)
        err_set(e, ERR_TOO_LARGE, "%s prompt: over %zu bytes", c->label,
                PROMPT_MAX);
    else if (comfy_call(c, &q, &r, e) == 0) {
        rc = submit_read(c, a, &r, prompt_id, out, e);
        httpc_res_free(&r);
    }
    buf_free(&b);
    return rc;
}

/* ---- look ---- */

int
comfy_queue_summary(struct comfy *c, const char *prompt_id,
                    struct comfy_queue *out, struct err *e)
{
    struct httpc_req q = {.method = "GET", .path = "/queue", .op = "queue"};
    struct httpc_res r;
    int rc = 0;

    *out = (struct comfy_queue){.state = COMFY_UNKNOWN};
    if (comfy_call(c, &q, &r, e) != 0)
        return -1;
    if (r.status != 200)
        rc = comfy_status_error(c, q.op, r.status, e);
    else if (comfy_queue_parse(buf_str(&r.body), prompt_id, out, e) != 0)
        rc = comfy_odd_answer(c, q.op, e);
    httpc_res_free(&r);
    return rc;
}

int
comfy_history(struct comfy *c, struct arena *a, const char *prompt_id,
              const char *const *wanted, size_t n, struct comfy_result *out,
              struct err *e)
{
    char path[16 + COMFY_ID_MAX];
    struct httpc_req q = {.method = "GET", .path = path, .op = "history"};
    struct httpc_res r;
    int rc = 0;

    *out = (struct comfy_result){.end = COMFY_END_NONE};
    if (id_check(c, prompt_id, e) != 0)
        return -1;
    snprintf(path, sizeof(path), "/history/%s", prompt_id);
    if (comfy_call(c, &q, &r, e) != 0)
        return -1;
    if (r.status != 200)
        rc = comfy_status_error(c, q.op, r.status, e);
    else if (comfy_history_parse(a, buf_str(&r.body), prompt_id, wanted, n, out,
                                 e) != 0)
        rc = comfy_odd_answer(c, q.op, e);
    httpc_res_free(&r);
    return rc;
}

/*
 * The queue shows everybody's graphs and may be too large to read; then what
 * the history has is still the truth, and what it lacks is not.
 */
int
comfy_look(struct comfy *c, struct arena *a, const char *prompt_id,
           const char *const *wanted, size_t n, struct comfy_look *out,
           struct err *e)
{
    struct err first = {0};
    bool blind;

    memset(out, 0, sizeof(*out));
    blind = comfy_queue_summary(c, prompt_id, &out->queue, &first) != 0;
    if (blind && first.code != ERR_TOO_LARGE)
        return err_set(e, first.code, "%s", first.msg);
    out->state = out->queue.state;
    if (out->state != COMFY_UNKNOWN)
        return 0;
    if (comfy_history(c, a, prompt_id, wanted, n, &out->result, e) != 0)
        return -1;
    if (out->result.end != COMFY_END_NONE)
        out->state = COMFY_FINISHED;
    else if (blind)
        return err_set(e, first.code, "%s", first.msg);
    return 0;
}

/* ---- cancel, forget ---- */

/* 1: done by the route of newer servers; 0: there is none; -1. */
static int
cancel_new(struct comfy *c, const char *prompt_id, struct err *e)
{
    char path[32 + COMFY_ID_MAX];
    bool missing;
    int status;

    pthread_mutex_lock(&c->lock);
    missing = c->no_cancel_route;
    pthread_mutex_unlock(&c->lock);
    if (missing)
        return 0;
    snprintf(path, sizeof(path), "/api/jobs/%s/cancel", prompt_id);
    if (post(c, path, "cancel", (struct str){0}, &status, e) != 0)
        return -1;
    if (status == 200)
        return 1;
    if (status != 404 && status != 405)
        return comfy_status_error(c, "cancel", status, e);
    pthread_mutex_lock(&c->lock);
    c->no_cancel_route = true;
    pthread_mutex_unlock(&c->lock);
    return 0;
}

/* Servers before 0.3.57 ignore the id and end whatever runs. */
static int
interrupt_by_id(struct comfy *c, bool *can, struct err *e)
{
    struct comfy_stats s;
    bool known;

    pthread_mutex_lock(&c->lock);
    known = c->version_known;
    pthread_mutex_unlock(&c->lock);
    if (!known && comfy_health(c, COMFY_ANSWER_MS, &s, e) != 0)
        return -1;
    pthread_mutex_lock(&c->lock);
    *can = comfy_version_from(c->version, 0, 3, 57);
    pthread_mutex_unlock(&c->lock);
    return 0;
}

/* Out of the queue first: what starts to run in between is still caught. */
static int
cancel_old(struct comfy *c, const char *prompt_id, bool *can, struct err *e)
{
    char body[32 + COMFY_ID_MAX];
    int status;

    if (post_delete(c, "/queue", "cancel", prompt_id, e) != 0 ||
        interrupt_by_id(c, can, e) != 0)
        return -1;
    if (!*can)
        return 0;
    snprintf(body, sizeof(body), "{\"prompt_id\": \"%s\"}", prompt_id);
    if (post(c, "/interrupt", "interrupt", str_c(body), &status, e) != 0)
        return -1;
    return status == 200 ? 0 : comfy_status_error(c, "interrupt", status, e);
}

int
comfy_cancel(struct comfy *c, const char *prompt_id, bool *stoppable,
             struct err *e)
{
    bool can = true;
    int rc;

    if (id_check(c, prompt_id, e) != 0)
        return -1;
    rc = cancel_new(c, prompt_id, e);
    if (rc == 0)
        rc = cancel_old(c, prompt_id, &can, e);
    if (stoppable)
        *stoppable = can;
    return rc < 0 ? -1 : 0;
}

int
comfy_forget(struct comfy *c, const char *prompt_id, struct err *e)
{
    if (id_check(c, prompt_id, e) != 0)
        return -1;
    return post_delete(c, "/history", "forget", prompt_id, e);
}

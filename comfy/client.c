/*
 * client.c - one ComfyUI server: calls and health.
 */
#include "comfy/client.h"

#include <stdio.h>
#include <string.h>
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "comfy/client_int.h"

/* ---- calls ---- */

int
comfy_call(struct comfy *c, struct httpc_req *q, struct httpc_res *r,
           struct err *e)
{
    if (q->timeout_ms == 0)
        q->timeout_ms = COMFY_ANSWER_MS;
    if (q->max_answer == 0)
        q->max_answer = LIM_COMFY_JSON_BYTES;
    return httpc_do(c->http, q, r, e);
}

int
comfy_status_error(struct comfy *c, const char *op, int status, struct err *e)
{
    enum err_code code = ERR_UNAVAILABLE;
    const char *hint = "";

    if (status == 404 || status == 405)
        hint = ": is it a ComfyUI?";
    else if (status == 413)
        code = ERR_TOO_LARGE;
    else if (status >= 300 && status < 400)
        hint = ": it redirects; set the address that it names";
    else if (status == 401 || status == 403)
        hint = ": something before it wants a login";
    return err_set(e, code, "%s %s: answers %d%s", c->label, op, status, hint);
}

int
comfy_odd_answer(struct comfy *c, const char *op, struct err *e)
{
    if (e && e->code == ERR_BAD_INPUT)
        e->code = ERR_UNAVAILABLE;
    return err_wrap(e, "%s %s: no answer of ComfyUI", c->label, op);
}

/* ---- life ---- */

struct comfy *
comfy_new(const char *url, const char *label, struct err *e)
{
    struct comfy *c = mem_calloc(1, sizeof(*c));

    c->label = mem_strdup(label ? label : "comfyui");
    c->http =
        httpc_new(&(struct httpc_config){.label = c->label, .base = url}, e);
    pthread_mutex_init(&c->lock, NULL);
    if (c->http)
        return c;
    comfy_free(c);
    return NULL;
}

void
comfy_free(struct comfy *c)
{
    if (!c)
        return;
    httpc_free(c->http);
    comfy_cache_drop(c);
    mem_free(c->cache);
    pthread_mutex_destroy(&c->lock);
    mem_free(c->label);
    mem_free(c);
}

/* ---- health ---- */

static void
version_note(struct comfy *c, const char *version)
{
    pthread_mutex_lock(&c->lock);
    if (c->version_known && strcmp(c->version, version) != 0) {
        log_info("comfy", "version", "address=%s was=%s is=%s", c->label,
                 c->version, version);
        comfy_cache_drop(c);
        c->features_known = false;
        c->no_cancel_route = false;
    }
    c->version_known = true;
    snprintf(c->version, sizeof(c->version), "%s", version);
    pthread_mutex_unlock(&c->lock);
}

int
comfy_health(struct comfy *c, int64_t timeout_ms, struct comfy_stats *out,
             struct err *e)
{
    struct httpc_req q = {.method = "GET",
                          .path = "/system_stats",
                          .op = "system_stats",
                          .timeout_ms = timeout_ms};
    struct httpc_res r;
    int rc;

    if (comfy_call(c, &q, &r, e) != 0)
        return -1;
    if (r.status != 200)
        rc = comfy_status_error(c, q.op, r.status, e);
    else if (comfy_answer_stats(buf_str(&r.body), out, e) != 0)
        rc = comfy_odd_answer(c, q.op, e);
    else
        rc = 0;
    httpc_res_free(&r);
    if (rc == 0)
        version_note(c, out->version);
    return rc;
}

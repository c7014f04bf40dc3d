/*
 * client_file.c - one ComfyUI server: pictures there and back.
 */
#include <assert.h>
#include <string.h>
#include "comfy/client_int.h"

#define TRANSFER_MS 600000 /* ended earlier by low speed */
#define LOW_SPEED_S 30

/* ---- upload ---- */

/* -1 when the server does not tell; then its 413 does. */
static int64_t
max_upload(struct comfy *c)
{
    struct httpc_req q = {
        .method = "GET", .path = "/features", .op = "features"};
    struct httpc_res r;
    int64_t max;
    bool known;

    pthread_mutex_lock(&c->lock);
    known = c->features_known;
    max = c->max_upload;
    pthread_mutex_unlock(&c->lock);
    if (known)
        return max;
    if (comfy_call(c, &q, &r, NULL) != 0)
        return -1;
    max = r.status == 200 ? comfy_answer_max_upload(buf_str(&r.body)) : -1;
    httpc_res_free(&r);
    pthread_mutex_lock(&c->lock);
    c->features_known = true;
    c->max_upload = max;
    pthread_mutex_unlock(&c->lock);
    return max;
}

static bool
upload_name_ok(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

    if (n == 0 || n > 100 || name[n] != '.')
        return false;
    name += n + 1;
    n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789");
    return n > 0 && n <= 5 && name[n] == '\0';
}

int
comfy_upload(struct comfy *c, struct arena *a, struct str bytes,
             const char *name, const char **input, struct err *e)
{
    const struct httpc_part parts[] = {
        {.name = "image",
         .filename = name,
         .type = "application/octet-stream",
         .data = bytes},
        {.name = "type", .data = STR("temp")},
        {.name = "overwrite", .data = STR("true")}};
    struct httpc_req q = {.method = "POST",
                          .path = "/upload/image",
                          .op = "upload",
                          .idempotent = true,
                          .parts = parts,
                          .nparts = 3,
                          .timeout_ms = TRANSFER_MS,
                          .low_speed_s = LOW_SPEED_S};
    struct httpc_res r;
    int64_t max;
    int rc = 0;

    *input = NULL;
    if (!upload_name_ok(name))
        return err_set(e, ERR_BAD_INPUT, "%s upload: bad file name", c->label);
    max = max_upload(c);
    if (max >= 0 && bytes.len > (uint64_t)max)
        return err_set(e, ERR_TOO_LARGE, "%s upload: %zu bytes, it takes %lld",
                       c->label, bytes.len, (long long)max);
    if (comfy_call(c, &q, &r, e) != 0)
        return -1;
    if (r.status != 200)
        rc = comfy_status_error(c, q.op, r.status, e);
    else if (comfy_answer_upload(a, buf_str(&r.body), input, e) != 0)
        rc = comfy_odd_answer(c, q.op, e);
    httpc_res_free(&r);
    return rc;
}

/* ---- fetch ---- */

int
comfy_fetch(struct comfy *c, const struct comfy_file *f, size_t limit,
            struct buf *out, struct err *e)
{
    struct arena *a = arena_new();
    struct httpc_req q = {
        .method = "GET",
        .op = "view",
        .timeout_ms = TRANSFER_MS,
        .low_speed_s = LOW_SPEED_S,
        .max_answer = limit,
        .path = arena_fmt(a, "/view?filename=%s&subfolder=%s&type=%s",
                          httpc_escape(a, str_c(f->filename)),
                          httpc_escape(a, str_c(f->subfolder)),
                          httpc_escape(a, str_c(f->type)))};
    struct httpc_res r;
    int rc = -1;

    assert(limit > 0);
    buf_init(out, limit);
    if (comfy_call(c, &q, &r, e) != 0)
        goto out;
    if (r.status == 404)
        err_set(e, ERR_NOT_FOUND, "%s view: the file is not there", c->label);
    else if (r.status != 200)
        comfy_status_error(c, q.op, r.status, e);
    else if (r.body.len == 0)
        err_set(e, ERR_UNAVAILABLE, "%s view: the file is empty", c->label);
    else {
        buf_free(out);
        *out = r.body;
        buf_init(&r.body, 0);
        rc = 0;
    }
    httpc_res_free(&r);
out:
    arena_free(a);
    return rc;
}

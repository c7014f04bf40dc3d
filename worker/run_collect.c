/*
 * run_collect.c - a finished run's files: fetched, stored, told.
 *
 * Bytes go without their metadata, for ComfyUI writes the whole workflow and
 * prompt into its files. The order is the promise: bytes, then the row that
 * names them, then what is sent, and the history's entry goes last.
 */
#include "worker/run_int.h"

#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/image.h"
#include "base/limits.h"
#include "base/log.h"
#include "io/file.h"
#include "worker/deliver.h"

#define FETCHES_MAX 3
#define FETCH_AGAIN_MS 500

/* ---- one file ---- */

static int
fetch_failed(struct run *r, const struct err *e)
{
    switch (e->code) {
    case ERR_NOT_FOUND: /* an old name out of ComfyUI's cache: draw anew */
        r->v.forget_run = true;
        return verdict_fail(&r->v, FAILURE_delivery, "%s", e->msg);
    case ERR_TOO_LARGE:
        r->v.forget_run = true;
        return verdict_fail(&r->v, FAILURE_workflow, "result: %s", e->msg);
    default:
        /* the run has ended: its result can be fetched later */
        address_fails_run(r->ad, e->msg);
        return verdict_back(&r->v, "%s", e->msg);
    }
}

static int
fetch(struct run *r, const struct comfy_file *f, struct buf *out)
{
    struct err e;

    for (int i = 1;; i++) {
        if (comfy_fetch(r->ad->comfy, f, LIM_UPLOAD_BYTES, out, &e) == 0)
            return 0;
        buf_free(out);
        if (e.code == ERR_NOT_FOUND || e.code == ERR_TOO_LARGE ||
            i == FETCHES_MAX)
            return fetch_failed(r, &e);
        if (run_word(r, ticket_pause(r->ticket, FETCH_AGAIN_MS)) != 0)
            return -1;
    }
}

static int
strip(struct run *r, struct buf *bytes)
{
    struct buf clean;
    struct err e;

    buf_init(&clean, LIM_UPLOAD_BYTES);
    if (image_strip(buf_str(bytes), &clean, &e) != 0) {
        buf_free(&clean);
        r->v.forget_run = true;
        return verdict_fail(&r->v, FAILURE_delivery, "result: %s", e.msg);
    }
    buf_free(bytes);
    *bytes = clean;
    return 0;
}

static int
store(struct run *r, size_t n, struct str bytes, const char *type,
      struct api_object *out)
{
    char query[64];
    struct api_args args = {.query = query,
                            .out = out,
                            .bytes = bytes,
                            .bytes_type = type,
                            .deadline_ms = RUN_REPORT_MS};
    struct err e;

    snprintf(query, sizeof(query), "task=%.20s&n=%zu", r->task->id, n);
    if (api_call(r->w->api, API_ROUTE_object_put, &args, r->a, NULL, &e) == 0)
        return 0;
    if (e.code == ERR_NOT_FOUND)
        return verdict_drop(&r->v);
    if (e.code == ERR_CONFLICT || e.code == ERR_TOO_LARGE) {
        r->v.forget_run = true;
        return verdict_fail(&r->v, FAILURE_delivery, "%s", e.msg);
    }
    return verdict_back(&r->v, "%s", e.msg);
}

/* A copy for the operator; what goes wrong with it is no one else's matter. */
static void
copy_result(struct run *r, size_t n, struct str bytes, const char *ext)
{
    const char *dir = setting_str(r->w->set, SET_RESULTS_DIR);
    struct err e;
    const char *path;

    if (dir[0] == '\0')
        return;
    path = arena_fmt(r->a, "%s/%s_%s_%zu.%s", dir, r->task->job_id,
                     r->task->id, n, ext);
    if (file_put(path, bytes, 0644, &e) != 0)
        log_warn("run", "copy_failed", "RESULTS_DIR: %s", e.msg);
}

/* *id is the object's; its bytes are kept for the sender. */
static int
collect_file(struct run *r, size_t n, const struct comfy_file *f,
             const char **id)
{
    struct image_info info = {.kind = IMAGE_NONE};
    struct api_object stored;
    struct buf bytes;
    int rc = -1;

    if (fetch(r, f, &bytes) != 0)
        return -1;
    if (strip(r, &bytes) != 0)
        goto out;
    (void)image_probe(buf_str(&bytes), &info, NULL);
    if (store(r, n, buf_str(&bytes), image_mime(info.kind), &stored) != 0)
        goto out;
    *id = stored.id;
    copy_result(r, n, buf_str(&bytes), image_ext(info.kind));
    if (r->task->chat_id != API_UNSET)
        deliver_keep(r->w->deliver, stored.id, &bytes);
    rc = 0;
out:
    buf_free(&bytes);
    return rc;
}

/* ---- the end ---- */

static int64_t
run_ms(const struct run *r)
{
    const struct comfy_result *res = &r->result;

    if (res->started_ms > 0 && res->ended_ms > res->started_ms)
        return res->ended_ms - res->started_ms;
    return clock_mono_ms() -
           (r->running_ms != 0 ? r->running_ms : r->since_ms);
}

static int
tell_success(struct run *r, const char **files, size_t n)
{
    struct api_task_status in;
    struct api_task_state out;

    api_init(&api_shape_task_status, &in);
    in.status = "success";
    in.result_ref = files[0];
    in.files = files;
    in.n_files = n;
    in.run_ms = run_ms(r);
    if (run_patch(r, &in, &out) != 0)
        return -1;
    deliver_send(r->w->deliver, out.deliveries, out.n_deliveries);
    return 0;
}

int
run_collect(struct run *r)
{
    const char *files[RUN_FILES_MAX];
    size_t n = r->result.n_files;
    struct err e;

    ticket_stage(r->ticket, "fetching", 0);
    if (n > RUN_FILES_MAX) {
        log_warn("run", "files", "task=%s has %zu files, %d are delivered",
                 r->task->id, n, RUN_FILES_MAX);
        n = RUN_FILES_MAX;
    }
    for (size_t i = 0; i < n; i++)
        if (collect_file(r, i, &r->result.files[i], &files[i]) != 0)
            return -1;
    if (tell_success(r, files, n) != 0)
        return -1;
    address_ends_run(r->ad);
    run_publish(r, "success", files, n);
    if (comfy_forget(r->ad->comfy, r->prompt_id, &e) != 0)
        log_debug("run", "forget_failed", "%s", e.msg);
    return 0;
}

/*
 * run_input.c - what a run needs: photos at ComfyUI, values in the graph.
 *
 * People's photos are fetched when a run needs them and lie in ComfyUI's temp
 * folder under the task's own name; nothing keeps them here.
 */
#include "worker/run_int.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/image.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/rand.h"
#include "io/file.h"
#include "model/workflow.h"

#define DOWNLOADS_MAX 3 /* tries of one claim */
#define DOWNLOAD_AGAIN_MS 1000

/* Values on their way into the graph. */
struct filling {
    const cJSON *inputs, *params; /* of the job; of the preset's binding */
    struct workflow_value values[PRESET_INPUTS_MAX + 2];
    size_t n;
};

/* ---- bytes of a photo ---- */

/* Telegram says "not found" for passing trouble, too: the classes' own
 * retries are the longer patience. */
static int
download(struct run *r, const char *file_id, struct buf *out)
{
    struct err e;

    for (int i = 1;; i++) {
        buf_clear(out);
        if (tg_download(r->w->tg, file_id, LIM_DOWNLOAD_BYTES, out, &e) == 0)
            return 0;
        if (e.code == ERR_TOO_LARGE)
            return verdict_fail(&r->v, FAILURE_input, "%s", e.msg);
        if (i == DOWNLOADS_MAX)
            return verdict_fail(&r->v, FAILURE_delivery, "%s", e.msg);
        if (run_word(r, ticket_pause(r->ticket, i * DOWNLOAD_AGAIN_MS)) != 0)
            return -1;
    }
}

static int
load_object(struct run *r, const char *id, struct buf *out)
{
    struct api_args args = {.path = {id}, .out_bytes = out};
    struct err e;

    if (api_call(r->w->api, API_ROUTE_object_get, &args, r->a, NULL, &e) == 0)
        return 0;
    if (e.code == ERR_NOT_FOUND || e.code == ERR_TOO_LARGE)
        return verdict_fail(&r->v, FAILURE_input, "%s", e.msg);
    return verdict_back(&r->v, "%s", e.msg);
}

static int
load_photo(struct run *r, const char *slot, const cJSON *value,
           struct buf *out)
{
    const char *file_id = json_str(value, "telegram_file_id", NULL);
    const char *object_id = json_str(value, "object_id", NULL);

    if (file_id != NULL)
        return download(r, file_id, out);
    if (object_id != NULL)
        return load_object(r, object_id, out);
    return verdict_fail(&r->v, FAILURE_input, "input %.60s names no file",
                        slot);
}

static int
judge_photo(struct run *r, const char *slot, struct str bytes,
            struct image_info *info)
{
    struct err e;

    if (image_probe(bytes, info, &e) != 0)
        return verdict_fail(&r->v, FAILURE_input, "input %.60s: %s", slot,
                            e.msg);
    if ((uint64_t)info->width * info->height > LIM_INPUT_PIXELS)
        return verdict_fail(&r->v, FAILURE_input,
                            "input %.60s: %ux%u are too many pixels", slot,
                            info->width, info->height);
    if (info->width < LIM_INPUT_SIDE_MIN || info->height < LIM_INPUT_SIDE_MIN)
        return verdict_fail(&r->v, FAILURE_input,
                            "input %.60s: %ux%u is too small", slot,
                            info->width, info->height);
    return 0;
}

/* ---- to ComfyUI ---- */

/* False: it is to be uploaded. */
static bool
copy_in(struct run *r, struct str bytes, const char *name)
{
    const char *dir = setting_str(r->w->set, SET_COMFYUI_INPUT_DIR);
    struct err e;

    if (dir[0] == '\0')
        return false;
    if (file_put(arena_fmt(r->a, "%s/%s", dir, name), bytes, 0644, &e) != 0) {
        log_warn("run", "copy_failed", "COMFYUI_INPUT_DIR: %s; uploading",
                 e.msg);
        return false;
    }
    r->copies[r->ncopies++] = name;
    return true;
}

void
run_copies_remove(struct run *r)
{
    const char *dir = setting_str(r->w->set, SET_COMFYUI_INPUT_DIR);

    for (size_t i = 0; i < r->ncopies; i++) {
        const char *path = arena_fmt(r->a, "%s/%s", dir, r->copies[i]);

        if (unlink(path) != 0)
            log_debug("run", "copy_stays", "%s", path);
    }
    r->ncopies = 0;
}

static int
hand_in(struct run *r, size_t n, struct str bytes,
        const struct image_info *info, const char **input)
{
    const char *name =
        arena_fmt(r->a, "tintype-%s-%lld-%zu.%s", r->task->id,
                  (long long)r->task->attempt, n, image_ext(info->kind));
    struct err e;

    *input = name;
    if (copy_in(r, bytes, name))
        return 0;
    if (comfy_upload(r->ad->comfy, r->a, bytes, name, input, &e) == 0)
        return 0;
    if (e.code == ERR_TOO_LARGE)
        return verdict_fail(&r->v, FAILURE_input, "%s", e.msg);
    if (e.code == ERR_BAD_INPUT)
        return verdict_fail(&r->v, FAILURE_internal, "%s", e.msg);
    address_fails_run(r->ad, e.msg);
    return verdict_back(&r->v, "%s", e.msg);
}

static int
bring_photo(struct run *r, size_t n, const char *slot, const cJSON *value,
            const char **input)
{
    struct image_info info;
    struct buf bytes;
    int rc;

    buf_init(&bytes, LIM_UPLOAD_BYTES);
    rc = load_photo(r, slot, value, &bytes);
    if (rc == 0)
        rc = judge_photo(r, slot, buf_str(&bytes), &info);
    if (rc == 0)
        rc = hand_in(r, n, buf_str(&bytes), &info, input);
    buf_free(&bytes);
    return rc;
}

/* ---- the graph ---- */

static bool
has_slot(const struct run *r, const char *name)
{
    for (size_t i = 0; i < r->node->n_slots; i++)
        if (strcmp(r->node->slots[i].name, name) == 0)
            return true;
    return false;
}

/* What the buyer gave, else what the preset binds; NULL: neither. */
static const cJSON *
given(const struct filling *f, const char *name)
{
    const cJSON *v = json_get(f->inputs, name);

    if (v == NULL || cJSON_IsNull(v))
        v = json_get(f->params, name);
    return v != NULL && !cJSON_IsNull(v) ? v : NULL;
}

static void
put_tree(struct filling *f, const char *slot, const cJSON *v)
{
    f->values[f->n++] = (struct workflow_value){
        .slot = slot, .type = WORKFLOW_TREE, .tree = v};
}

static void
put_str(struct filling *f, const char *slot, const char *text)
{
    f->values[f->n++] = (struct workflow_value){
        .slot = slot, .type = WORKFLOW_STR, .str = text};
}

static int
add_input(struct run *r, struct filling *f, size_t n)
{
    const struct preset_input *in = &r->preset->inputs[n];
    const cJSON *v = given(f, in->name);
    const char *file;

    if (!has_slot(r, in->name))
        return 0;
    if (in->kind == PRESET_PHOTO) {
        if (bring_photo(r, n, in->name, v, &file) != 0)
            return -1;
        put_str(f, in->name, file);
        return 0;
    }
    if (v == NULL && in->dflt != NULL)
        v = json_parse_in(r->a, str_c(in->dflt), 0, NULL);
    if (v != NULL)
        put_tree(f, in->name, v);
    return 0;
}

static bool
is_input(const struct run *r, const char *name)
{
    return preset_input_find(r->preset, name) != NULL;
}

/* The slots that are ours: a seed unless one was given, a prefix that no other
 * run has (or ComfyUI serves an old file from its cache). */
static void
add_own(struct run *r, struct filling *f)
{
    const cJSON *seed = given(f, PRESET_SLOT_SEED);

    if (has_slot(r, PRESET_SLOT_SEED) && !is_input(r, PRESET_SLOT_SEED)) {
        if (seed != NULL && json_is_num(seed))
            put_tree(f, PRESET_SLOT_SEED, seed);
        else
            f->values[f->n++] =
                (struct workflow_value){.slot = PRESET_SLOT_SEED,
                                        .type = WORKFLOW_U64,
                                        .u64 = rand_u64()};
    }
    if (has_slot(r, PRESET_SLOT_PREFIX))
        put_str(f, PRESET_SLOT_PREFIX,
                arena_fmt(r->a, "tintype/%s/%s-%lld", r->task->job_id,
                          r->task->id, (long long)r->task->attempt));
}

static const cJSON *
parse(struct run *r, struct str json)
{
    return json.len > 0 ? json_parse_in(r->a, json, 0, NULL) : NULL;
}

int
run_prepare(struct run *r, struct str *graph)
{
    struct filling f = {.inputs = parse(r, r->task->inputs),
                        .params = parse(r, r->task->params)};
    const char *text;
    struct err e;

    ticket_stage(r->ticket, "starting", 0);
    for (size_t i = 0; i < r->preset->n_inputs; i++) {
        if (run_word(r, ticket_word(r->ticket)) != 0 ||
            add_input(r, &f, i) != 0)
            return -1;
    }
    add_own(r, &f);
    text = address_graph(r->ad, r->a, r->task->scenario, r->task->version);
    if (text == NULL)
        text = r->preset->workflow;
    text = workflow_fill(r->a, str_c(text), r->node, f.values, f.n, &e);
    if (text == NULL)
        return verdict_fail(&r->v, FAILURE_workflow, "%s", e.msg);
    *graph = str_c(text);
    return 0;
}

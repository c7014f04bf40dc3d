/*
 * answer.c - the small answers of a ComfyUI server become structs.
 */
#include "comfy/answer.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cJSON *
comfy_json(struct arena *a, struct str body, struct err *e)
{
    return json_parse_in(a, body, JSON_NAN | JSON_NUL_DROP | JSON_LONE_FFFD, e);
}

bool
comfy_id_ok(const char *id)
{
    size_t n = id ? strlen(id) : 0;

    return n > 0 && n < COMFY_ID_MAX &&
           strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                      "0123456789_-") == n;
}

/* ---- POST /prompt ---- */

/*
 * LoadImage checks at submit only that the file exists. A temp file is always
 * one of our uploads: that it is gone means that the server restarted since.
 */
static enum comfy_fault
refusal_fault(const cJSON *error)
{
    const char *type = json_str(error, "type", "");
    const char *details = json_str(error, "details", "");
    const char *exception =
        json_str(json_get(error, "extra_info"), "exception_type", NULL);
    size_t n = strlen(details);

    if (strcmp(type, "custom_validation_failed") == 0 &&
        strstr(details, "Invalid image file") && n > 7 &&
        strcmp(details + n - 7, " [temp]") == 0)
        return COMFY_FAULT_lost;
    if (exception &&
        comfy_fault_of(exception, details, NULL) == COMFY_FAULT_gpu)
        return COMFY_FAULT_gpu;
    return COMFY_FAULT_workflow;
}

static const char *
refusal_text(struct arena *a, const cJSON *error)
{
    const char *message = json_str(error, "message", "");
    const char *details = json_str(error, "details", "");
    const char *text;

    if (cJSON_IsString(error))
        message = error->valuestring;
    if (!*message)
        message = json_str(error, "type", "");
    if (*details && strcmp(details, message) != 0)
        message = arena_fmt(a, "%s: %s", message, details);
    text = comfy_clean(a, message, COMFY_TEXT_POINTS);
    return *text ? text : "no reason given";
}

/* One node's first error is told. Any other fault than a lost upload wins:
 * it would come again after a new upload. */
static void
refusal_from_nodes(struct arena *a, const cJSON *nodes,
                   struct comfy_submitted *out)
{
    const cJSON *node, *error;
    size_t n = 0;

    cJSON_ArrayForEach (node, nodes) {
        cJSON_ArrayForEach (error, json_get(node, "errors")) {
            enum comfy_fault f = refusal_fault(error);
            if (n++ > 0 && (out->fault != COMFY_FAULT_lost || f == out->fault))
                continue;
            out->fault = f;
            out->type = arena_strdup(a, json_str(error, "type", ""));
            out->node = comfy_clean(a, node->string, 40);
            out->node_class =
                comfy_clean(a, json_str(node, "class_type", "?"), 80);
            out->text = arena_fmt(a, "node %s (%s): %s", out->node,
                                  out->node_class, refusal_text(a, error));
        }
    }
    if (n > 1)
        out->text = arena_fmt(a, "%s (and %zu more)", out->text, n - 1);
}

static void
refusal_read(struct arena *a, const cJSON *j, struct comfy_submitted *out)
{
    const cJSON *error = json_get(j, "error");
    const cJSON *extra = json_get(error, "extra_info");

    out->fault = COMFY_FAULT_workflow;
    out->type = arena_strdup(a, json_str(error, "type", ""));
    out->node = comfy_clean(a, json_str(extra, "node_id", ""), 40);
    out->node_class = comfy_clean(a, json_str(extra, "class_type", ""), 80);
    out->text = refusal_text(a, error);
    refusal_from_nodes(a, json_get(j, "node_errors"), out);
}

static int
accepted_read(struct arena *a, const cJSON *j, const char *prompt_id,
              struct comfy_submitted *out, struct err *e)
{
    const char *id = json_str(j, "prompt_id", "");
    const cJSON *nodes = json_get(j, "node_errors");

    if (!comfy_id_ok(id))
        return err_set(e, ERR_BAD_INPUT, "there is no prompt_id in the answer");
    memcpy(out->prompt_id, id, strlen(id) + 1);
    out->other_id = strcmp(id, prompt_id) != 0;
    /* Absent (very old), {} or []: nothing is wrong. */
    out->accepted = nodes == NULL || cJSON_IsNull(nodes) ||
                    ((cJSON_IsObject(nodes) || cJSON_IsArray(nodes)) &&
                     nodes->child == NULL);
    if (!out->accepted)
        refusal_read(a, j, out);
    return 0;
}

int
comfy_answer_prompt(struct arena *a, int status, struct str body,
                    const char *prompt_id, struct comfy_submitted *out,
                    struct err *e)
{
    const cJSON *j = comfy_json(a, body, e);
    const cJSON *error = json_get(j, "error");

    *out = (struct comfy_submitted){
        .type = "", .node = "", .node_class = "", .text = ""};
    if (!j)
        return -1;
    if (status == 200)
        return accepted_read(a, j, prompt_id, out, e);
    if (!cJSON_IsObject(error) && !cJSON_IsString(error))
        return err_set(e, ERR_BAD_INPUT, "there is no error in the answer");
    refusal_read(a, j, out);
    return 0;
}

/* ---- the others ---- */

static bool
is_plain(const char *z, size_t max)
{
    for (const char *p = z; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return strlen(z) < max;
}

int
comfy_answer_upload(struct arena *a, struct str body, const char **input,
                    struct err *e)
{
    const cJSON *j = comfy_json(a, body, e);
    const char *name, *folder, *type;

    *input = NULL;
    if (!j)
        return -1;
    name = json_str(j, "name", "");
    folder = json_str(j, "subfolder", "");
    type = json_str(j, "type", "input");
    if (!*name || !is_plain(name, COMFY_NAME_MAX) ||
        !is_plain(folder, COMFY_NAME_MAX))
        return err_set(e, ERR_BAD_INPUT, "there is no usable name in it");
    if (strcmp(type, "input") != 0 && strcmp(type, "temp") != 0 &&
        strcmp(type, "output") != 0)
        return err_set(e, ERR_BAD_INPUT, "the type is unknown");
    *input = arena_fmt(a, "%s%s%s", folder, *folder ? "/" : "", name);
    if (strcmp(type, "input") != 0)
        *input = arena_fmt(a, "%s [%s]", *input, type);
    return 0;
}

static void
copy_clean(struct arena *a, char *to, size_t cap, const char *from)
{
    snprintf(to, cap, "%s", comfy_clean(a, from, cap / 4));
}

int
comfy_answer_stats(struct str body, struct comfy_stats *out, struct err *e)
{
    struct arena *a = arena_new();
    const cJSON *j = comfy_json(a, body, e);
    const cJSON *system = json_get(j, "system");
    const cJSON *devices = json_get(j, "devices");
    const cJSON *device = cJSON_IsArray(devices) ? devices->child : NULL;
    int rc = -1;

    *out = (struct comfy_stats){.version = ""};
    if (!j)
        goto out;
    if (!cJSON_IsObject(system)) {
        err_set(e, ERR_BAD_INPUT, "there is no \"system\" in the answer");
        goto out;
    }
    copy_clean(a, out->version, sizeof(out->version),
               json_str(system, "comfyui_version", ""));
    copy_clean(a, out->device, sizeof(out->device),
               json_str(device, "name", ""));
    copy_clean(a, out->device_type, sizeof(out->device_type),
               json_str(device, "type", ""));
    out->vram_total = json_i64(device, "vram_total", -1);
    out->vram_free = json_i64(device, "vram_free", -1);
    out->ram_total = json_i64(system, "ram_total", -1);
    out->ram_free = json_i64(system, "ram_free", -1);
    rc = 0;
out:
    arena_free(a);
    return rc;
}

/* Python prints it as 52428800.0 when the flag was given. */
int64_t
comfy_answer_max_upload(struct str body)
{
    struct arena *a = arena_new();
    double n = json_num(comfy_json(a, body, NULL), "max_upload_size", -1);

    arena_free(a);
    return n >= 1 && n < 9e15 ? (int64_t)n : -1;
}

bool
comfy_answer_cancelled(struct str body)
{
    struct arena *a = arena_new();
    bool yes = json_bool(comfy_json(a, body, NULL), "cancelled", false);

    arena_free(a);
    return yes;
}

bool
comfy_version_from(const char *version, int major, int minor, int patch)
{
    const int want[3] = {major, minor, patch};
    const char *p = version + (*version == 'v');

    if (*p < '0' || *p > '9')
        return false;
    for (int i = 0; i < 3; i++) {
        char *end;
        long have = strtol(p, &end, 10);
        if (end == p)
            have = 0;
        if (have != want[i])
            return have > want[i];
        p = *end == '.' ? end + 1 : "";
    }
    return true;
}

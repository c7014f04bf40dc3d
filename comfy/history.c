/*
 * history.c - GET /history/{id}: how a run ended and what it left.
 */
#include "comfy/history.h"

#include <string.h>
#include "comfy/answer.h"
#include "comfy/outputs.h"

/* One of the stored messages, ["execution_error", {...}]; data may be NULL. */
static const char *
message_read(const cJSON *message, const cJSON **data)
{
    const cJSON *type = cJSON_IsArray(message) ? message->child : NULL;

    *data = type ? type->next : NULL;
    return cJSON_IsString(type) ? type->valuestring : "";
}

static void
error_read(struct arena *a, const cJSON *data, struct comfy_result *out)
{
    const char *type = json_str(data, "exception_type", "");
    const char *text = json_str(data, "exception_message", "");
    const char *node_class = json_str(data, "node_type", "");

    out->end = COMFY_END_FAILED;
    out->fault = comfy_fault_of(type, text, node_class);
    if (out->fault == COMFY_FAULT_interrupted)
        out->end = COMFY_END_INTERRUPTED;
    out->node = comfy_clean(a, json_str(data, "node_id", ""), 40);
    out->node_class = comfy_clean(a, node_class, 80);
    out->exception = comfy_clean(a, type, 120);
    out->text = comfy_clean(a, text, COMFY_TEXT_POINTS);
}

static void
interrupt_read(struct arena *a, const cJSON *data, struct comfy_result *out)
{
    out->end = COMFY_END_INTERRUPTED;
    out->fault = COMFY_FAULT_interrupted;
    out->node = comfy_clean(a, json_str(data, "node_id", ""), 40);
    out->node_class = comfy_clean(a, json_str(data, "node_type", ""), 80);
    out->text = "the run was interrupted";
}

/* The last message that ends a run decides; status_str alone has a hole (a
 * cycle found while running leaves "success"). */
static void
messages_read(struct arena *a, const cJSON *messages, struct comfy_result *out)
{
    const cJSON *message, *data, *last = NULL;
    const char *type;

    cJSON_ArrayForEach (message, messages) {
        type = message_read(message, &data);
        if (strcmp(type, "execution_start") == 0)
            out->started_ms = json_i64(data, "timestamp", 0);
        if (strcmp(type, "execution_interrupted") != 0 &&
            strcmp(type, "execution_error") != 0 &&
            strcmp(type, "execution_success") != 0)
            continue;
        out->ended_ms = json_i64(data, "timestamp", 0);
        /* one branch was blocked by a custom node; the run goes on */
        if (strcmp(json_str(data, "exception_type", ""), "ExecutionBlocked") !=
            0)
            last = message;
    }
    if (!last)
        return;
    type = message_read(last, &data);
    if (strcmp(type, "execution_error") == 0)
        error_read(a, data, out);
    else if (strcmp(type, "execution_interrupted") == 0)
        interrupt_read(a, data, out);
}

/* Servers before 2024 keep no status: what is there is all there is. */
static void
status_read(struct arena *a, const cJSON *status, struct comfy_result *out)
{
    const char *str = json_str(status, "status_str", NULL);

    out->end = COMFY_END_SUCCESS;
    messages_read(a, json_get(status, "messages"), out);
    if (out->end != COMFY_END_SUCCESS || !str || strcmp(str, "success") == 0)
        return;
    out->end = COMFY_END_FAILED;
    out->fault = COMFY_FAULT_workflow;
    out->text = "the run failed and the server kept no reason";
}

/* A run that ended well without what we came for did not end well. */
static void
missing_check(struct arena *a, const char *const *wanted, size_t n,
              struct comfy_result *out)
{
    for (size_t i = 0; i < n; i++) {
        bool has = false;
        for (size_t k = 0; k < out->n_files && !has; k++)
            has = strcmp(out->files[k].node, wanted[i]) == 0;
        for (size_t k = 0; k < out->n_texts && !has; k++)
            has = strcmp(out->texts[k].node, wanted[i]) == 0;
        if (has)
            continue;
        out->end = COMFY_END_FAILED;
        out->fault = COMFY_FAULT_workflow;
        out->node = arena_strdup(a, wanted[i]);
        out->text = "the node left no file";
        return;
    }
    if (n == 0 && out->n_files + out->n_texts == 0) {
        out->end = COMFY_END_FAILED;
        out->fault = COMFY_FAULT_workflow;
        out->text = "the run left no file";
    }
}

int
comfy_history_parse(struct arena *a, struct str body, const char *prompt_id,
                    const char *const *wanted, size_t n,
                    struct comfy_result *out, struct err *e)
{
    struct arena *tree = arena_new();
    const cJSON *j = comfy_json(tree, body, e), *entry;
    int rc = -1;

    *out = (struct comfy_result){
        .node = "", .node_class = "", .exception = "", .text = ""};
    if (!j)
        goto out;
    if (!cJSON_IsObject(j)) {
        err_set(e, ERR_BAD_INPUT, "the history is no object");
        goto out;
    }
    rc = 0;
    entry = json_get(j, prompt_id);
    if (!entry)
        goto out;
    if (!cJSON_IsObject(entry)) {
        rc = err_set(e, ERR_BAD_INPUT, "the run's entry is no object");
        goto out;
    }
    status_read(a, json_get(entry, "status"), out);
    comfy_outputs_read(a, entry, wanted, n, out);
    if (out->end == COMFY_END_SUCCESS)
        missing_check(a, wanted, n, out);
out:
    arena_free(tree);
    return rc;
}

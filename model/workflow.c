/*
 * workflow.c - a graph's classes, and a graph filled.
 */
#include "model/workflow.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
class_cmp(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t
workflow_classes(struct arena *a, const cJSON *graph, const char *const **out)
{
    const char **list =
        ARENA_ARRAY(a, const char *, cJSON_GetArraySize(graph) + 1);
    const cJSON *node;
    size_t i, n = 0, kept = 0;

    cJSON_ArrayForEach (node, graph)
        if (json_str(node, "class_type", NULL) != NULL)
            list[n++] = json_str(node, "class_type", NULL);
    qsort(list, n, sizeof *list, class_cmp);
    for (i = 0; i < n; i++)
        if (kept == 0 || strcmp(list[kept - 1], list[i]) != 0)
            list[kept++] = list[i];
    for (i = 0; i < kept; i++)
        list[i] = arena_strdup(a, list[i]);
    *out = list;
    return kept;
}

/* A choice such as "16" where the graph holds a number. */
static cJSON *
text_as(const cJSON *present, const char *text)
{
    cJSON *v;

    if (cJSON_IsBool(present)) {
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return NULL;
        return cJSON_CreateBool(*text == 't');
    }
    if (!json_is_num(present))
        return cJSON_CreateString(text);
    v = json_parse(str_c(text), 0, NULL);
    if (v != NULL && !json_is_num(v)) {
        json_free(v);
        v = NULL;
    }
    return v;
}

/* The node to put in; NULL when it does not fit what stands there. */
static cJSON *
value_node(const struct workflow_value *v, const cJSON *present)
{
    char text[24];

    switch (v->type) {
    case WORKFLOW_STR:
        return text_as(present, v->str);
    case WORKFLOW_U64:
        snprintf(text, sizeof text, "%llu", (unsigned long long)v->u64);
        return cJSON_CreateRaw(text);
    case WORKFLOW_TREE:
        if (cJSON_IsString(v->tree))
            return text_as(present, v->tree->valuestring);
        return cJSON_Duplicate(v->tree, true);
    }
    return NULL;
}

static int
target_fill(cJSON *graph, const struct preset_slot *s,
            const struct workflow_value *v, struct err *e)
{
    cJSON *inputs = json_get(json_get(graph, s->node), "inputs");
    cJSON *present = json_get(inputs, s->input), *node;

    if (present == NULL || cJSON_IsArray(present))
        return err_set(e, ERR_BAD_INPUT,
                       "slot %.60s: node %.60s has no value %.60s", s->name,
                       s->node, s->input);
    node = value_node(v, present);
    if (node == NULL)
        return err_set(e, ERR_BAD_INPUT,
                       "slot %.60s: the value does not fit %.60s of node "
                       "%.60s",
                       s->name, s->input, s->node);
    cJSON_ReplaceItemInObjectCaseSensitive(inputs, s->input, node);
    return 0;
}

static int
value_fill(cJSON *graph, const struct preset_task *task,
           const struct workflow_value *v, struct err *e)
{
    bool found = false;
    size_t i;

    for (i = 0; i < task->n_slots; i++) {
        if (strcmp(task->slots[i].name, v->slot) != 0)
            continue;
        found = true;
        if (target_fill(graph, &task->slots[i], v, e) != 0)
            return -1;
    }
    return found ? 0
                 : err_set(e, ERR_BAD_INPUT, "no slot named %.60s", v->slot);
}

char *
workflow_fill(struct arena *a, struct str graph, const struct preset_task *task,
              const struct workflow_value *values, size_t n, struct err *e)
{
    cJSON *tree = json_parse(graph, 0, e);
    char *text = NULL;
    size_t i;

    for (i = 0; tree != NULL && i < n; i++)
        if (value_fill(tree, task, &values[i], e) != 0)
            goto out;
    if (tree != NULL)
        text = json_text(a, tree);
out:
    json_free(tree);
    return text;
}

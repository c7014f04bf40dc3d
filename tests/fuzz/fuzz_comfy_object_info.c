/*
 * fuzz_comfy_object_info.c - any bytes as a class's entry, a graph of that
 * class held against it and completed: the completed graph is JSON, lacks no
 * input that had a default, and completing it again changes nothing.
 */
#include <assert.h>
#include <string.h>
#include "comfy/answer.h"
#include "comfy/caps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const cJSON *
entry_of(void *ctx, const char *class_type)
{
    (void)class_type;
    return ctx;
}

static void
graph_check(struct arena *a, const cJSON *j, const cJSON *entry)
{
    static const char graph[] =
        "{\"1\":{\"class_type\":\"X\",\"inputs\":{\"image\":\"a.png\","
        "\"width\":3,\"crop\":true,\"upscale_method\":[\"2\",0]}}}";
    struct comfy_missing m = {.n = 0};
    char *once, *twice;
    cJSON *ctx = json_get(j, j->child->string);

    comfy_node_check(a, json_path(comfy_json(a, STR(graph), NULL), "1"), entry,
                     &m);
    assert(m.n <= COMFY_MISSING_MAX);
    once = comfy_graph_complete(a, STR(graph), entry_of, ctx, NULL);
    if (!once)
        return;
    twice = comfy_graph_complete(a, str_c(once), entry_of, ctx, NULL);
    assert(twice && strcmp(once, twice) == 0);
    (void)comfy_class_offers(entry, "a.png");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    const cJSON *j = comfy_json(a, str_n((const char *)data, size), NULL);
    const cJSON *entry = NULL;

    if (cJSON_IsObject(j) && j->child)
        entry = comfy_class_entry(j, j->child->string);
    if (entry)
        graph_check(a, j, entry);
    (void)comfy_models_have(j, "a.png");
    arena_free(a);
    return 0;
}

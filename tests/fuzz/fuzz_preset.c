/*
 * fuzz_preset.c - a preset folder of any bytes: YAML, a zero byte, the graph.
 * What is taken is stored, read back the same, and can be filled.
 */
#include <assert.h>
#include <string.h>
#include "model/workflow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
store_and_read_back(struct arena *a, const struct preset *p)
{
    struct preset *back = NULL;
    struct buf one, two;
    struct err e;

    buf_init(&one, 1 << 22);
    buf_init(&two, 1 << 22);
    preset_to_json(p, &one);
    assert(!one.failed);
    assert(preset_from_json(a, buf_str(&one), str_c(p->workflow), &back, &e) ==
           0);
    preset_to_json(back, &two);
    assert(str_eq(buf_str(&one), buf_str(&two)));
    buf_free(&one);
    buf_free(&two);
}

static void
fill(struct arena *a, const struct preset *p)
{
    struct workflow_value v = {
        .slot = PRESET_SLOT_PREFIX, .type = WORKFLOW_STR, .str = "\"]}\\"};
    struct err e;
    char *text = workflow_fill(a, str_c(p->workflow), &p->tasks[0], &v, 1, &e);

    assert(text != NULL && json_check(str_c(text), 0, &e) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str yaml = str_n((const char *)data, size), graph = {NULL, 0};
    struct arena *a = arena_new();
    struct preset *p = NULL;
    struct buf report;
    struct err e;
    char version[SHA256_HEX];
    ptrdiff_t cut = str_find(yaml, '\0');
    int rc;

    if (cut >= 0) {
        graph = str_sub(yaml, (size_t)cut + 1, size);
        yaml = str_sub(yaml, 0, (size_t)cut);
    }
    buf_init(&report, 1 << 20);
    rc = preset_parse(a, yaml, graph, &p, &e);
    assert((preset_lint(yaml, graph, &report) == 0) == (rc == 0));
    if (rc == 0) {
        store_and_read_back(a, p);
        preset_version(p, version);
        fill(a, p);
    }
    buf_free(&report);
    arena_free(a);
    return 0;
}

/* fuzz_comfy_prompt.c - any bytes as a prompt for the sandbox ComfyUI: read as
 * Python reads it, written, read again, judged by both profiles. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "sandbox/comfy_node.h"
#include "sandbox/comfy_validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
judge(struct arena *a, const struct py *v, bool newer)
{
    static char nowhere[] = "/nonexistent";
    const struct comfy_dirs dirs = {nowhere, nowhere, nowhere, nowhere};
    const struct validate_rules rules = {&dirs, newer};
    struct validation out;
    enum verdict verdict;

    verdict = comfy_validate(a, &rules, py_copy(a, v), NULL, &out);
    assert(verdict != VERDICT_ACCEPTED || out.outputs->n > 0);
    assert(verdict != VERDICT_REFUSED ||
           py_parse(a, str_c(out.error), NULL) != NULL);
    assert(verdict == VERDICT_CRASHED ||
           py_parse(a, str_c(out.node_errors), NULL) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    struct buf once, twice;
    struct py *v;

    node_classes_init();
    buf_init(&once, 64u << 20);
    buf_init(&twice, 64u << 20);
    v = py_parse(a, str_n((const char *)data, size), NULL);
    if (v) {
        py_dumps(&once, v);
        py_dumps(&twice, py_parse(a, buf_str(&once), NULL));
        assert(str_eq(buf_str(&once), buf_str(&twice)));
        judge(a, v, false);
        judge(a, v, true);
    }
    buf_free(&once);
    buf_free(&twice);
    arena_free(a);
    return 0;
}

/*
 * fuzz_comfy_history.c - any bytes as a run's history: what comes out is
 * bounded, clean, and a success only with something to deliver. The first key
 * of the answer is the run that is asked for.
 */
#include <assert.h>
#include <string.h>
#include "base/utf8.h"
#include "comfy/answer.h"
#include "comfy/history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct comfy_result *r, size_t wanted)
{
    assert(r->n_files <= COMFY_FILES_MAX && r->n_texts <= COMFY_TEXTS_MAX);
    assert((r->end == COMFY_END_FAILED) <= (r->fault != COMFY_FAULT_none));
    assert(r->end != COMFY_END_SUCCESS || r->n_files + r->n_texts > 0);
    assert(utf8_valid(str_c(r->text)) && !strchr(r->text, '\n'));
    assert(utf8_count(str_c(r->text)) <= COMFY_TEXT_POINTS);
    for (size_t i = 0; i < r->n_files; i++) {
        assert(strcmp(r->files[i].type, "output") == 0);
        assert(r->files[i].filename[0] && !strchr(r->files[i].filename, '/'));
        assert(wanted == 0 || strcmp(r->files[i].node, "9") == 0 ||
               strcmp(r->files[i].node, "7") == 0);
    }
    for (size_t i = 0; i < r->n_texts; i++)
        assert(utf8_valid(str_c(r->texts[i].text)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const wanted[] = {"9", "7"};
    struct arena *a = arena_new();
    struct str body = str_n((const char *)data, size);
    const cJSON *j = comfy_json(a, body, NULL);
    const char *id = cJSON_IsObject(j) && j->child ? j->child->string : "x";
    struct comfy_result r;
    struct err e;

    for (size_t n = 0; n <= 2; n += 2)
        if (comfy_history_parse(a, body, id, wanted, n, &r, &e) == 0)
            check(&r, n);
        else
            assert(e.code == ERR_BAD_INPUT || e.code == ERR_TOO_LARGE);
    arena_free(a);
    return 0;
}

/*
 * fuzz_comfy_answer.c - any bytes as one of the small answers; the first byte
 * chooses which. What is taken is clean, an acceptance has a usable id.
 */
#include <assert.h>
#include <string.h>
#include "base/utf8.h"
#include "comfy/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
prompt_check(struct arena *a, int status, struct str body)
{
    struct comfy_submitted s;
    struct err e;

    if (comfy_answer_prompt(a, status, body, "id", &s, &e) != 0)
        return;
    assert(s.accepted == (s.fault == COMFY_FAULT_none));
    assert(!s.accepted || status == 200);
    assert(status != 200 || comfy_id_ok(s.prompt_id));
    assert(s.accepted || s.text[0]);
    assert(utf8_valid(str_c(s.text)) && !strchr(s.text, '\n'));
    assert(s.other_id <= (strcmp(s.prompt_id, "id") != 0));
}

static void
upload_check(struct arena *a, struct str body)
{
    const char *input;
    struct err e;

    if (comfy_answer_upload(a, body, &input, &e) == 0)
        assert(input[0] && !strchr(input, '\n'));
    else
        assert(input == NULL || e.code == ERR_BAD_INPUT);
}

static void
stats_check(struct str body)
{
    struct comfy_stats s;
    struct err e;

    if (comfy_answer_stats(body, &s, &e) != 0)
        return;
    assert(utf8_valid(str_c(s.version)) && utf8_valid(str_c(s.device)));
    assert(!comfy_version_from(s.version, 0, 3, 57) ||
           comfy_version_from(s.version, 0, 3, 56));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a;
    struct str body;

    if (size == 0)
        return 0;
    a = arena_new();
    body = str_n((const char *)data + 1, size - 1);
    switch (data[0] % 5) {
    case 0:
        prompt_check(a, 200, body);
        break;
    case 1:
        prompt_check(a, 400, body);
        break;
    case 2:
        upload_check(a, body);
        break;
    case 3:
        stats_check(body);
        break;
    case 4:
        assert(comfy_answer_max_upload(body) != 0);
        (void)comfy_answer_cancelled(body);
        break;
    }
    arena_free(a);
    return 0;
}

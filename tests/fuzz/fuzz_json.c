/*
 * fuzz_json.c - what json_parse takes prints, and the print reads back the
 * same; check and parse agree. The first byte chooses the flags.
 */
#include <assert.h>
#include <string.h>
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
print_reads_back(const cJSON *j)
{
    struct buf once, twice;
    cJSON *back;

    buf_init(&once, 1 << 24);
    buf_init(&twice, 1 << 24);
    json_print(&once, j);
    back = json_parse(buf_str(&once), 0, NULL);
    assert(back != NULL);
    json_print(&twice, back);
    assert(str_eq(buf_str(&once), buf_str(&twice)));
    json_free(back);
    buf_free(&once);
    buf_free(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text;
    struct err e;
    struct arena *a;
    int flags;
    cJSON *j;

    if (size == 0)
        return 0;
    flags = data[0] & 7;
    text = str_n((const char *)data + 1, size - 1);
    j = json_parse(text, flags, &e);
    assert((json_check(text, flags, &e) == 0) == (j != NULL));
    if (j != NULL)
        print_reads_back(j);
    json_free(j);
    a = arena_new();
    json_parse_in(a, text, flags, &e);
    arena_free(a);
    return 0;
}

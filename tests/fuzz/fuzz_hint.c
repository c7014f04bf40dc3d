/* fuzz_hint.c - worker/hint.c: what anybody may push into queue:<service> */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include "base/id.h"
#include "worker/hint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char id[HINT_ID_BYTES];
    struct err e = {0};

    if (hint_parse(str_n((const char *)data, size), id, &e) == 0)
        assert(id_is_task(str_c(id)));
    else
        assert(e.code != ERR_NONE && e.msg[0] != '\0');
    return 0;
}

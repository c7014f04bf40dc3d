/* fuzz_image.c - probing and stripping any bytes; stripping is idempotent. */
#include <assert.h>
#include "base/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_n((const char *)data, size);
    struct image_info before, after;
    struct buf once, twice;
    struct err e;

    if (image_probe(bytes, &before, &e) == 0)
        assert(before.width > 0 && before.height > 0);
    buf_init(&once, size + 16);
    buf_init(&twice, size + 16);
    if (image_strip(bytes, &once, &e) == 0) {
        assert(once.len <= size);
        assert(image_strip(buf_str(&once), &twice, &e) == 0);
        assert(str_eq(buf_str(&once), buf_str(&twice)));
        image_probe(buf_str(&once), &after, &e);
        assert(before.kind == IMAGE_NONE ||
               (after.kind == before.kind && after.width == before.width));
    } else {
        assert(once.len == 0);
    }
    buf_free(&once);
    buf_free(&twice);
    return 0;
}

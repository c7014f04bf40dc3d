/* fuzz_comfy_picture.c - any bytes as a picture for the sandbox ComfyUI: EXIF
 * orientation, and decoding when the header promises a small one. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include "base/image.h"
#include "sandbox/comfy_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = str_n((const char *)data, size);
    int orientation = picture_orientation(s);
    struct image_info info;
    struct tensor *t;
    bool alpha;

    assert(orientation >= 1 && orientation <= 8);
    if (image_probe(s, &info, NULL) < 0 || info.width > 256 ||
        info.height > 256)
        return 0;
    t = picture_load(s, &alpha, NULL);
    assert(!t || t->c == 4);
    tensor_unref(t);
    return 0;
}

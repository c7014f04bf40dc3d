/* fuzz_tg_exif.c - the orientation in a JPEG's EXIF: any bytes. */
#include <assert.h>
#include "sandbox/tg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int o = tgs_exif_orientation(str_n((const char *)data, size));

    assert(o >= 1 && o <= 8);
    return 0;
}

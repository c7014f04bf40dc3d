/* fuzz_env_file.c - base/env_file.c: any bytes, keys and values as promised */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "base/env_file.h"
#include "base/limits.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
check(void *ctx, const char *key, const char *value, struct err *e)
{
    (void)ctx;
    (void)e;
    assert(strlen(key) > 0);
    assert(strchr(key, '=') == NULL);
    assert(utf8_valid(str_c(key)) && utf8_valid(str_c(value)));
    assert(strpbrk(value, "\r\n") == NULL);
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    int rc = env_file_parse(str_n((const char *)data, size), check, NULL, &e);

    assert(rc == 0 || e.msg[0] != '\0');
    return 0;
}

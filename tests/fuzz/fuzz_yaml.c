/* fuzz_yaml.c - any YAML gives a tree that prints as JSON, or a line. */
#include <assert.h>
#include <string.h>
#include "base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_n((const char *)data, size);
    struct buf b;
    struct err e;
    cJSON *j = yaml_parse(text, &e);

    if (j == NULL) {
        assert(strncmp(e.msg, "line ", 5) == 0);
        return 0;
    }
    buf_init(&b, 1 << 26);
    json_print(&b, j);
    assert(b.failed || json_check(buf_str(&b), 0, &e) == 0);
    buf_free(&b);
    json_free(j);
    yaml_line(text, "a.0.b");
    return 0;
}

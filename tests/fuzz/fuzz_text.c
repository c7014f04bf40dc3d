/*
 * fuzz_text.c - what the text functions of base/ promise, for any bytes:
 * cleaned text is valid, a cut is a prefix within its limit, base64 comes
 * back, and no form of a secret is left by the log.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "base/arena.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char secret[] = "s\"e/c\\r+e%t";

static void
check_utf8(struct arena *a, struct str s, size_t max)
{
    const char *clean = utf8_clean(a, s, max % 2 == 0);
    const char *short_text = utf8_ellipsis(a, str_c(clean), max);
    struct str head = utf8_cut(s, max);

    assert(utf8_valid(str_c(clean)));
    assert(utf8_valid(s) || strstr(clean, "\xef\xbf\xbd") != NULL);
    assert(str_starts(s, head) && utf8_count(head) <= max);
    assert(utf8_valid(str_c(short_text)));
    assert(utf8_count(str_c(short_text)) <= max);
}

static void
check_base64(struct arena *a, struct str s)
{
    struct str out;

    assert(base64_decode(a, str_c(base64_encode(a, s)), &out));
    assert(str_eq(out, s));
    if (base64_decode(a, s, &out)) /* only one text means these bytes */
        assert(str_eq_c(s, base64_encode(a, out)));
}

static void
check_redact(struct arena *a, struct str s)
{
    char *text = arena_fmt(a, STR_FMT, STR_ARG(s));
    size_t before = strlen(text);

    log_redact(text);
    assert(strlen(text) <= before);
    assert(strstr(text, secret) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = str_n((const char *)data, size);
    struct arena *a = arena_new();
    size_t max = size == 0 ? 0 : data[0];

    log_secret(secret);
    check_utf8(a, s, max);
    check_base64(a, s);
    check_redact(a, s);
    arena_free(a);
    return 0;
}

/* fuzz_tg_html.c - HTML mode of the sandbox Telegram: any bytes. */
#include <assert.h>
#include <string.h>
#include "base/utf8.h"
#include "sandbox/tg_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t
units(struct str s)
{
    int64_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        if (((unsigned char)s.p[i] & 0xc0) != 0x80)
            n += 1 + ((unsigned char)s.p[i] >= 0xf0);
    return n;
}

/* Entities lie inside the text, are not empty, and are in order. */
static void
check(struct arena *a, const struct tgs_text *t)
{
    int64_t total = units(t->text);

    assert(utf8_valid(t->text) && t->points <= t->text.len);
    for (size_t i = 0; i < t->n; i++) {
        const struct tgs_entity *v = &t->entities[i];
        assert(v->type && v->offset >= 0 && v->length > 0);
        assert(v->offset + v->length <= total);
        assert(i == 0 || t->entities[i - 1].offset <= v->offset);
    }
    tgs_entities_json(a, t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_n((const char *)data, size);
    struct arena *a = arena_new();
    struct tgs_text t;
    struct err e = {0};

    if (tgs_html_parse(a, bytes, &t, &e) == 0)
        check(a, &t);
    else
        assert(e.msg[0]);
    if (tgs_plain_parse(a, bytes, NULL, &t, &e) == 0)
        check(a, &t);
    arena_free(a);
    return 0;
}

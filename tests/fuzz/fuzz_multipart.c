/* fuzz_multipart.c - any bytes: a first line as Content-Type, then a body.
 * Parts lie inside the body, in order; names are clean UTF-8. */
#include <assert.h>
#include <string.h>
#include "base/utf8.h"
#include "io/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_name(struct str s)
{
    assert(s.len <= LIM_MULTIPART_NAME && utf8_valid(s));
    assert(!s.p || s.p[s.len] == '\0');
    for (size_t i = 0; i < s.len; i++)
        assert((unsigned char)s.p[i] >= 0x20 && s.p[i] != 0x7f);
}

static void
check(const struct multipart *m, struct str body)
{
    const char *after = body.p;

    assert(m->n <= LIM_MULTIPART_PARTS);
    for (size_t i = 0; i < m->n; i++) {
        const struct multipart_part *p = &m->parts[i];
        assert(p->name.p);
        check_name(p->name);
        check_name(p->filename);
        check_name(p->type);
        assert(p->data.p >= after);
        assert(p->data.p + p->data.len <= body.p + body.len);
        after = p->data.p + p->data.len;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = str_n((const char *)data, size), type, boundary;
    struct arena *a = arena_new();
    struct multipart m;
    struct err e = {0};

    if (str_split(&body, '\n', &type) && body.p &&
        multipart_boundary(type, &boundary)) {
        if (multipart_parse(a, body, boundary, &m, &e) == 0)
            check(&m, body);
        else
            assert(e.code == ERR_BAD_INPUT && e.msg[0]);
    }
    arena_free(a);
    return 0;
}

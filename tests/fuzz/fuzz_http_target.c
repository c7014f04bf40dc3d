/* fuzz_http_target.c - any bytes as a request's target and, line by line, its
 * headers: the guard and the decoder of io/httpd. */
#include <assert.h>
#include <string.h>
#include "base/utf8.h"
#include "io/httpd_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(struct str s)
{
    assert(utf8_valid(s) && s.p[s.len] == '\0');
    assert(strlen(s.p) == s.len); /* what handlers see as char * is all */
}

static void
check_target(struct arena *a, const char *raw)
{
    static struct http_target t;

    if (!httpd_target_parse(a, raw, &t))
        return;
    assert(t.path[0] == '/' && t.nsegs > 0 && t.nquery <= LIM_HTTP_QUERY_FIELDS);
    assert(utf8_valid(str_c(t.path)));
    for (size_t i = 0; i < t.nsegs && i < HTTPD_SEGMENTS; i++)
        check_text(t.segs[i]);
    for (size_t i = 0; i < t.nquery; i++) {
        check_text(t.query[i].name);
        check_text(t.query[i].value);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    struct http_field fields[LIM_HTTP_HEADERS];
    struct str rest = str_n((const char *)data, size), line;
    const char *target, *why = NULL;
    size_t n = 0;

    if (!str_split(&rest, '\n', &line))
        line = STR("");
    target = arena_strn(a, line.p ? line.p : "", line.len);
    while (n < LIM_HTTP_HEADERS && str_split(&rest, '\n', &line)) {
        struct str name;
        if (str_split(&line, ':', &name))
            fields[n++] = (struct http_field){name, line};
    }
    check_target(a, target);
    int status = httpd_guard("GET", target, "HTTP/1.1", fields, n, &why);
    assert(status == 0 ? !why : why != NULL);
    arena_free(a);
    return 0;
}

/*
 * httpd_guard.c - the rules that libmicrohttpd does not enforce.
 *
 * DESIGN. Proxies and servers that disagree about where a request ends let
 * one client speak for another (request smuggling). Whatever can be read in
 * two ways is refused here with 400 and the connection is closed: names that
 * are no tokens, control bytes in values, more or less than one Host, a
 * Content-Length that is sent twice or is no number, Transfer-Encoding beside
 * it, another coding than "chunked", any coding in HTTP/1.0, a target with
 * bytes that no URL has (reliability 3.2; RFC 9112 sections 3.2, 5.1, 6.1 to
 * 6.3). What libmicrohttpd hides from its caller (folded lines, bare LF,
 * empty names) cannot be seen here: put a proxy in front.
 */
#include "io/httpd_int.h"

#include <string.h>
#include "base/utf8.h"

/* RFC 9110 5.6.2 */
static bool
is_tchar(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool
is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_tchar((unsigned char)s.p[i]))
            return false;
    return s.len > 0;
}

static bool
is_value(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool
is_digits(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.len > 0;
}

static bool
is_visible(const char *z)
{
    for (; *z; z++)
        if ((unsigned char)*z < 0x21 || (unsigned char)*z > 0x7e)
            return false;
    return true;
}

struct framing {
    unsigned hosts, lengths, codings;
    bool bad_length, bad_coding;
};

static void
framing_count(struct framing *f, const struct http_field *h)
{
    if (str_eq_nocase(h->name, STR("host"))) {
        f->hosts++;
    } else if (str_eq_nocase(h->name, STR("content-length"))) {
        f->lengths++;
        f->bad_length |= !is_digits(h->value);
    } else if (str_eq_nocase(h->name, STR("transfer-encoding"))) {
        f->codings++;
        f->bad_coding |= !str_eq_nocase(h->value, STR("chunked"));
    }
}

static const char *
framing_fault(const struct framing *f, bool is_1_1)
{
    if (f->hosts > 1 || (is_1_1 && f->hosts == 0))
        return "exactly one Host header is wanted";
    if (f->lengths > 1 || f->bad_length)
        return "Content-Length must be one number";
    if (f->codings > 0 && f->lengths > 0)
        return "Content-Length and Transfer-Encoding exclude one another";
    if (f->codings > 1 || f->bad_coding)
        return "the only Transfer-Encoding here is chunked";
    if (f->codings > 0 && !is_1_1)
        return "HTTP/1.0 has no Transfer-Encoding";
    return NULL;
}

int
httpd_guard(const char *method, const char *target, const char *version,
            const struct http_field *h, size_t n, const char **why)
{
    bool is_1_1 = strcmp(version, "HTTP/1.1") == 0;
    struct framing f = {0};

    if (!is_1_1 && strcmp(version, "HTTP/1.0") != 0) {
        *why = "only HTTP/1.1 and HTTP/1.0 are spoken here";
        return 505;
    }
    *why = NULL;
    if (!is_token(str_c(method)) || strlen(method) > HTTPD_METHOD_MAX)
        *why = "the method is malformed";
    else if (!is_visible(target))
        *why = "the address holds bytes that are not allowed there";
    for (size_t i = 0; i < n && !*why; i++) {
        if (!is_token(h[i].name))
            *why = "the name of a header is malformed";
        else if (!is_value(h[i].value))
            *why = "the value of a header holds control characters";
        framing_count(&f, &h[i]);
    }
    if (!*why)
        *why = framing_fault(&f, is_1_1);
    return *why ? 400 : 0;
}

/* Undoes %XX, and + when plus; false on bad escapes, NUL and bad UTF-8. */
static bool
unescape(struct arena *a, struct str s, bool plus, struct str *out)
{
    char *p = arena_alloc(a, s.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        int c = (unsigned char)s.p[i];
        if (c == '%') {
            int hi = i + 2 < s.len ? str_hex_digit(s.p[i + 1]) : -1;
            int lo = i + 2 < s.len ? str_hex_digit(s.p[i + 2]) : -1;
            if (hi < 0 || lo < 0 || hi + lo == 0)
                return false;
            c = hi * 16 + lo;
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        p[n++] = (char)c;
    }
    p[n] = '\0';
    *out = str_n(p, n);
    return utf8_valid(*out);
}

static bool
parse_query(struct arena *a, struct str raw, struct http_target *out)
{
    struct str pair, name;

    while (raw.len > 0 && str_split(&raw, '&', &pair)) {
        struct http_field *f = &out->query[out->nquery];
        if (pair.len == 0)
            continue;
        if (out->nquery == LIM_HTTP_QUERY_FIELDS)
            return false;
        struct str value = pair;
        str_split(&value, '=', &name);
        if (!unescape(a, name, true, &f->name) ||
            !unescape(a, value, true, &f->value))
            return false;
        out->nquery++;
    }
    return true;
}

/* Cuts "http://host" off an absolute form (RFC 9112 3.2.2). */
static bool
strip_origin(struct str *s)
{
    struct str lower = STR("http://");

    if (s->len > 0 && s->p[0] == '/')
        return true;
    if (s->len < lower.len || !str_eq_nocase(str_sub(*s, 0, 7), lower))
        return false;
    *s = str_sub(*s, 7, s->len);
    ptrdiff_t slash = str_find(*s, '/');
    if (slash < 0)
        *s = STR("/");
    else
        *s = str_sub(*s, (size_t)slash, s->len);
    return true;
}

bool
httpd_target_parse(struct arena *a, const char *raw, struct http_target *out)
{
    struct str rest = str_c(raw), path, seg;

    memset(out, 0, sizeof(*out));
    if (!strip_origin(&rest) || str_find(rest, '#') >= 0)
        return false;
    if (!str_split(&rest, '?', &path) || !parse_query(a, rest, out))
        return false;
    if (!unescape(a, path, false, &seg))
        return false;
    out->path = seg.p;
    str_split(&path, '/', &seg);
    while (str_split(&path, '/', &seg)) {
        if (out->nsegs == HTTPD_SEGMENTS) {
            out->nsegs++;
            return true;
        }
        if (!unescape(a, seg, false, &out->segs[out->nsegs++]))
            return false;
    }
    return true;
}

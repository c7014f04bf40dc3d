/*
 * multipart.c - reading a complete multipart/form-data body.
 */
#include "io/multipart.h"

#include <string.h>
#include "base/utf8.h"

/* RFC 2046 bchars; the space among them is refused: nobody sends it. */
static bool
is_boundary(struct str s)
{
    if (s.len == 0 || s.len > MULTIPART_BOUNDARY)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                     (c >= 'A' && c <= 'Z');
        if (!alnum && (c == '\0' || !strchr("'()+_,-./:=?", c)))
            return false;
    }
    return true;
}

/* The value of parameter `name` in "...; name=value; name2=\"v\\\"2\"", with
 * its quotes and, inside them, backslashes. */
static bool
find_param(struct str params, struct str name, struct str *out, bool *quoted)
{
    while (params.len > 0) {
        ptrdiff_t eq = str_find(params, '=');
        struct str key, value;
        size_t n = 0;
        if (eq < 0)
            return false;
        key = str_trim(str_sub(params, 0, (size_t)eq));
        value = str_sub(params, (size_t)eq + 1, params.len);
        *quoted = value.len > 0 && value.p[0] == '"';
        if (*quoted) {
            for (n = 1; n < value.len && value.p[n] != '"'; n++)
                if (value.p[n] == '\\')
                    n++;
            if (n >= value.len)
                return false;
            params = str_sub(value, n + 1, value.len);
            value = str_sub(value, 1, n - 1);
            ptrdiff_t semi = str_find(params, ';');
            params = semi < 0 ? STR("")
                              : str_sub(params, (size_t)semi + 1, params.len);
        } else {
            ptrdiff_t semi = str_find(value, ';');
            n = semi < 0 ? value.len : (size_t)semi;
            params = str_sub(value, n + (semi >= 0), value.len);
            value = str_trim(str_sub(value, 0, n));
        }
        if (str_eq_nocase(key, name)) {
            *out = value;
            return true;
        }
    }
    return false;
}

static bool
cut_type(struct str s, struct str want, struct str *params)
{
    ptrdiff_t semi = str_find(s, ';');

    if (semi < 0 || !str_eq_nocase(str_trim(str_sub(s, 0, (size_t)semi)), want))
        return false;
    *params = str_sub(s, (size_t)semi + 1, s.len);
    return true;
}

bool
multipart_boundary(struct str content_type, struct str *out)
{
    struct str params;
    bool quoted;

    return cut_type(content_type, STR("multipart/form-data"), &params) &&
           find_param(params, STR("boundary"), out, &quoted) &&
           is_boundary(*out);
}

/* Only \" and \\ are escapes: old browsers send paths with backslashes. */
static int
copy_name(struct arena *a, struct str raw, bool quoted, struct str *out,
          struct err *e)
{
    char *p;
    size_t n = 0;

    if (raw.len > LIM_MULTIPART_NAME)
        return err_set(e, ERR_BAD_INPUT,
                       "multipart: a name of %zu bytes; the limit is %d",
                       raw.len, LIM_MULTIPART_NAME);
    p = arena_alloc(a, raw.len + 1);
    for (size_t i = 0; i < raw.len; i++) {
        if (quoted && raw.p[i] == '\\' && i + 1 < raw.len &&
            (raw.p[i + 1] == '"' || raw.p[i + 1] == '\\'))
            i++;
        if ((unsigned char)raw.p[i] < 0x20 || raw.p[i] == 0x7f)
            return err_set(e, ERR_BAD_INPUT,
                           "multipart: control bytes in a name");
        p[n++] = raw.p[i];
    }
    p[n] = '\0';
    *out = str_n(p, n);
    if (!utf8_valid(*out))
        return err_set(e, ERR_BAD_INPUT, "multipart: a name is not UTF-8");
    return 0;
}

static int
parse_disposition(struct arena *a, struct str value, struct multipart_part *p,
                  struct err *e)
{
    struct str params, raw;
    bool quoted;

    if (!cut_type(value, STR("form-data"), &params) ||
        !find_param(params, STR("name"), &raw, &quoted))
        return err_set(e, ERR_BAD_INPUT, "multipart: a part has no name");
    if (copy_name(a, raw, quoted, &p->name, e) != 0)
        return -1;
    if (!find_param(params, STR("filename"), &raw, &quoted))
        return 0;
    return copy_name(a, raw, quoted, &p->filename, e);
}

/* Cuts one line off, without its CRLF; false at the end. */
static bool
cut_line(struct str *rest, struct str *line)
{
    const char *at;

    if (rest->len == 0)
        return false;
    at = memmem(rest->p, rest->len, "\r\n", 2);
    if (!at) {
        *line = *rest;
        *rest = (struct str){NULL, 0};
        return true;
    }
    *line = str_n(rest->p, (size_t)(at - rest->p));
    *rest = str_sub(*rest, line->len + 2, rest->len);
    return true;
}

static int
parse_head(struct arena *a, struct str head, struct multipart_part *p,
           struct err *e)
{
    struct str line;

    while (cut_line(&head, &line)) {
        ptrdiff_t colon = str_find(line, ':');
        if (colon <= 0)
            return err_set(e, ERR_BAD_INPUT,
                           "multipart: a header without a colon");
        struct str name = str_sub(line, 0, (size_t)colon);
        struct str value =
            str_trim(str_sub(line, (size_t)colon + 1, line.len));
        if (str_eq_nocase(name, STR("content-disposition"))) {
            if (p->name.p)
                return err_set(e, ERR_BAD_INPUT,
                               "multipart: a part has two names");
            if (parse_disposition(a, value, p, e) != 0)
                return -1;
        } else if (str_eq_nocase(name, STR("content-type"))) {
            if (copy_name(a, value, false, &p->type, e) != 0)
                return -1;
        }
    }
    if (!p->name.p)
        return err_set(e, ERR_BAD_INPUT, "multipart: a part has no name");
    return 0;
}

/* What stands between two delimiters: head, empty line, data. */
static int
parse_part(struct arena *a, struct str part, struct multipart *m,
           struct err *e)
{
    struct multipart_part *p = &m->parts[m->n];
    const char *end = NULL;

    if (m->n == LIM_MULTIPART_PARTS)
        return err_set(e, ERR_BAD_INPUT, "multipart: more than %d parts",
                       LIM_MULTIPART_PARTS);
    if (part.len > 0)
        end = memmem(part.p, part.len < LIM_MULTIPART_HEAD ? part.len
                                                       : LIM_MULTIPART_HEAD,
                     "\r\n\r\n", 4);
    if (!end)
        return err_set(e, ERR_BAD_INPUT,
                       "multipart: a part's headers do not end within %d bytes",
                       LIM_MULTIPART_HEAD);
    if (parse_head(a, str_n(part.p, (size_t)(end - part.p)), p, e) != 0)
        return -1;
    p->data = str_sub(part, (size_t)(end - part.p) + 4, part.len);
    m->n++;
    return 0;
}

/* The next "CRLF--boundary" that ends its line or closes the body; NULL when
 * there is none. A boundary that only begins like ours is data. */
static const char *
find_delimiter(struct str s, struct str mark)
{
    while (s.len >= mark.len + 2) {
        const char *at = memmem(s.p, s.len, mark.p, mark.len);
        size_t after;
        if (!at)
            return NULL;
        after = (size_t)(at - s.p) + mark.len;
        if (after + 2 > s.len)
            return NULL;
        if (memcmp(s.p + after, "\r\n", 2) == 0 ||
            memcmp(s.p + after, "--", 2) == 0)
            return at;
        s = str_sub(s, after, s.len);
    }
    return NULL;
}

int
multipart_parse(struct arena *a, struct str body, struct str boundary,
                struct multipart *out, struct err *e)
{
    char text[MULTIPART_BOUNDARY + 4] = "\r\n--";
    struct str mark = str_n(text, boundary.len + 4);

    out->n = 0;
    memset(out->parts, 0, sizeof(out->parts));
    if (!is_boundary(boundary))
        return err_set(e, ERR_BAD_INPUT, "multipart: malformed boundary");
    memcpy(text + 4, boundary.p, boundary.len);
    /* The first delimiter has no CRLF before it, and nothing else either. */
    if (!str_starts(body, str_sub(mark, 2, mark.len)))
        return err_set(e, ERR_BAD_INPUT,
                       "multipart: the body does not begin with its boundary");
    body = str_sub(body, mark.len - 2, body.len);
    while (!str_starts(body, STR("--"))) {
        const char *end;
        if (!str_starts(body, STR("\r\n")))
            return err_set(e, ERR_BAD_INPUT, "multipart: broken delimiter");
        body = str_sub(body, 2, body.len);
        end = find_delimiter(body, mark);
        if (!end)
            return err_set(e, ERR_BAD_INPUT,
                           "multipart: the closing boundary is missing");
        struct str part = str_n(body.p, (size_t)(end - body.p));
        if (parse_part(a, part, out, e) != 0)
            return -1;
        body = str_sub(body, part.len + mark.len, body.len);
    }
    return 0;
}

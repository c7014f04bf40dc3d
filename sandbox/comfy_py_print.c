/*
 * comfy_py_print.c - json.dumps, repr and str of Python values.
 */
#include "sandbox/comfy_py.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Decodes one code point of what comfy_py.c wrote: valid UTF-8, or a lone
 * surrogate in three bytes. */
static unsigned
next_point(const char **p, const char *end)
{
    unsigned c = (unsigned char)*(*p)++;
    int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

    if (more == 0)
        return c;
    c &= 0x3fu >> more;
    while (more-- > 0 && *p < end)
        c = c << 6 | ((unsigned char)*(*p)++ & 0x3fu);
    return c;
}

static void
dumps_point(struct buf *b, unsigned c)
{
    if (c >= 0x10000) {
        c -= 0x10000;
        buf_addf(b, "\\u%04x\\u%04x", 0xd800 + (c >> 10), 0xdc00 + (c & 0x3ff));
    } else {
        buf_addf(b, "\\u%04x", c);
    }
}

void
py_dumps_str(struct buf *b, struct str s)
{
    static const char named[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *p = s.p, *end = s.p + s.len;

    buf_add_byte(b, '"');
    while (p < end) {
        const char *at;

        if (*p == 0x7f || (unsigned char)*p >= 0x80 || *p == 0) {
            unsigned c = next_point(&p, end);

            if (c == 0x7f)
                buf_add_byte(b, 0x7f);
            else
                dumps_point(b, c);
            continue;
        }
        at = strchr(named, *p);
        if (at)
            buf_addf(b, "\\%c", to[at - named]);
        else if ((unsigned char)*p < 0x20)
            dumps_point(b, (unsigned char)*p);
        else
            buf_add_byte(b, *p);
        p++;
    }
    buf_add_byte(b, '"');
}

void
py_dumps_c(struct buf *b, const char *z)
{
    py_dumps_str(b, str_c(z));
}

/* repr(float): the shortest text that reads back; 1e16 and up, below 1e-4
 * with an exponent. */
void
py_repr_float(struct buf *b, double x)
{
    char t[40], digits[24];
    int n = 0, exponent;

    if (isnan(x) || isinf(x)) {
        buf_add_c(b, isnan(x) ? "nan" : x > 0 ? "inf" : "-inf");
        return;
    }
    for (int prec = 0; prec < 17; prec++) {
        snprintf(t, sizeof(t), "%.*e", prec, x);
        if (strtod(t, NULL) == x)
            break;
    }
    exponent = atoi(strchr(t, 'e') + 1);
    for (const char *p = t; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            digits[n++] = *p;
    if (signbit(x))
        buf_add_byte(b, '-');
    if (exponent < -4 || exponent >= 16) {
        buf_add_byte(b, digits[0]);
        if (n > 1)
            buf_addf(b, ".%.*s", n - 1, digits + 1);
        buf_addf(b, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
        return;
    }
    if (exponent < 0) {
        buf_add_c(b, "0.");
        for (int i = -1; i > exponent; i--)
            buf_add_byte(b, '0');
        buf_addf(b, "%.*s", n, digits);
        return;
    }
    for (int i = 0; i <= exponent || i < n; i++) {
        if (i == exponent + 1)
            buf_add_byte(b, '.');
        buf_add_byte(b, i < n ? digits[i] : '0');
    }
    if (n <= exponent + 1)
        buf_add_c(b, ".0");
}

static void
dumps_float(struct buf *b, double x)
{
    if (isnan(x))
        buf_add_c(b, "NaN");
    else if (isinf(x))
        buf_add_c(b, x > 0 ? "Infinity" : "-Infinity");
    else
        py_repr_float(b, x);
}

void
py_repr_str(struct buf *b, struct str s)
{
    bool single = memchr(s.p ? s.p : "", '\'', s.len) != NULL;
    bool twice = memchr(s.p ? s.p : "", '"', s.len) != NULL;
    char quote = single && !twice ? '"' : '\'';
    const char *p = s.p, *end = s.p + s.len;

    buf_add_byte(b, quote);
    while (p < end) {
        unsigned char c = (unsigned char)*p;

        if (c == (unsigned char)quote || c == '\\')
            buf_addf(b, "\\%c", c);
        else if (c == '\n' || c == '\r' || c == '\t')
            buf_add_c(b, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
        else if (c < 0x20 || c == 0x7f)
            buf_addf(b, "\\x%02x", c);
        else
            buf_add_byte(b, *p);
        p++;
    }
    buf_add_byte(b, quote);
}

/* json.dumps() and repr() differ in the words and in how a float and a text
 * are written. */
struct style {
    const char *none, *yes, *no;
    void (*number)(struct buf *b, double x);
    void (*text)(struct buf *b, struct str s);
};

static void
print(struct buf *b, const struct py *v, const struct style *style)
{
    switch (v->kind) {
    case PY_NULL:
        buf_add_c(b, style->none);
        return;
    case PY_BOOL:
        buf_add_c(b, v->b ? style->yes : style->no);
        return;
    case PY_INT:
        buf_add_str(b, v->text);
        return;
    case PY_FLOAT:
        style->number(b, v->num);
        return;
    case PY_STR:
        style->text(b, v->text);
        return;
    case PY_LIST:
    case PY_DICT:
        break;
    }
    buf_add_byte(b, v->kind == PY_LIST ? '[' : '{');
    for (const struct py *k = v->first; k; k = k->next) {
        if (k != v->first)
            buf_add_c(b, ", ");
        if (v->kind == PY_DICT) {
            style->text(b, k->key);
            buf_add_c(b, ": ");
        }
        print(b, k, style);
    }
    buf_add_byte(b, v->kind == PY_LIST ? ']' : '}');
}

void
py_dumps(struct buf *b, const struct py *v)
{
    static const struct style json = {"null", "true", "false", dumps_float,
                                      py_dumps_str};

    print(b, v, &json);
}

void
py_repr(struct buf *b, const struct py *v)
{
    static const struct style repr = {"None", "True", "False", py_repr_float,
                                      py_repr_str};

    print(b, v, &repr);
}

void
py_str(struct buf *b, const struct py *v)
{
    if (v->kind == PY_STR)
        buf_add_str(b, v->text);
    else
        py_repr(b, v);
}

const char *
py_str_in(struct arena *a, const struct py *v)
{
    struct buf b;
    char *z;

    buf_init(&b, 16u << 20);
    py_str(&b, v);
    z = arena_strn(a, buf_cstr(&b), b.len);
    buf_free(&b);
    return z;
}

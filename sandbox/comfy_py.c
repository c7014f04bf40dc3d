/*
 * comfy_py.c - json.loads, and access to what it read.
 */
#include "sandbox/comfy_py.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

struct scan {
    struct arena *a;
    const char *p, *end, *start;
    size_t values;
    struct err *e;
};

static struct py *scan_value(struct scan *s, int depth);

static struct py *
scan_fail(struct scan *s, const char *what)
{
    err_set(s->e, ERR_BAD_INPUT, "%s: char %zu", what,
            (size_t)(s->p - s->start));
    return NULL;
}

static struct py *
py_new(struct arena *a, enum py_kind kind)
{
    struct py *v = ARENA_NEW(a, struct py);

    v->kind = kind;
    return v;
}

static void
skip_space(struct scan *s)
{
    while (s->p < s->end &&
           (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

static bool
take_word(struct scan *s, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
        return false;
    s->p += n;
    return true;
}

/* Four hex digits at p, or -1. */
static int
hex4(const char *p, const char *end)
{
    int v = 0;

    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int d = str_hex_digit(p[i]);

        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

/* Lone surrogates are kept as three bytes, as Python keeps them. */
static size_t
put_utf8(char *out, int c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 63));
        out[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

/* Behind "\u": the code point, a pair taken together. -1: malformed. */
static int
scan_code_point(struct scan *s)
{
    int c = hex4(s->p, s->end);

    if (c < 0)
        return -1;
    s->p += 4;
    if (c >= 0xd800 && c < 0xdc00 && s->end - s->p >= 6 && s->p[0] == '\\' &&
        s->p[1] == 'u') {
        int low = hex4(s->p + 2, s->end);

        if (low >= 0xdc00 && low < 0xe000) {
            s->p += 6;
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return c;
}

static bool
scan_escape(struct scan *s, char *out, size_t *n)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *at;

    if (s->p >= s->end)
        return false;
    if (*s->p == 'u') {
        s->p++;
        int c = scan_code_point(s);

        if (c < 0)
            return false;
        *n += put_utf8(out + *n, c);
        return true;
    }
    at = *s->p ? strchr(from, *s->p) : NULL;
    if (!at)
        return false;
    out[(*n)++] = to[at - from];
    s->p++;
    return true;
}

/* At the opening quote. */
static bool
scan_string(struct scan *s, struct str *out)
{
    const char *q = s->p + 1;
    size_t n = 0;
    char *text;

    while (q < s->end && *q != '"')
        q += *q == '\\' ? 2 : 1;
    if (q >= s->end) {
        scan_fail(s, "Unterminated string starting at");
        return false;
    }
    text = arena_alloc(s->a, (size_t)(q - s->p) + 1); /* escapes only shrink */
    s->p++;
    while (*s->p != '"') {
        if ((unsigned char)*s->p < 0x20) {
            scan_fail(s, "Invalid control character at");
            return false;
        }
        if (*s->p != '\\') {
            text[n++] = *s->p++;
            continue;
        }
        s->p++;
        if (!scan_escape(s, text, &n)) {
            scan_fail(s, "Invalid \\escape");
            return false;
        }
    }
    s->p++;
    *out = str_n(text, n);
    return true;
}

static struct py *
scan_number(struct scan *s)
{
    const char *from = s->p, *digits;
    bool is_float = false;
    struct py *v;

    if (*s->p == '-')
        s->p++;
    digits = s->p;
    while (s->p < s->end && isdigit((unsigned char)*s->p))
        s->p++;
    if (s->p == digits)
        return scan_fail(s, "Expecting value");
    if (*digits == '0')
        s->p = digits + 1; /* 012 is 0 and then a surprise */
    if (s->end - s->p > 1 && *s->p == '.' && isdigit((unsigned char)s->p[1])) {
        is_float = true;
        for (s->p++; s->p < s->end && isdigit((unsigned char)*s->p); s->p++)
            ;
    }
    if (s->p < s->end && (*s->p | 32) == 'e') {
        const char *q = s->p + 1;

        if (q < s->end && (*q == '+' || *q == '-'))
            q++;
        if (q < s->end && isdigit((unsigned char)*q)) {
            is_float = true;
            for (s->p = q; s->p < s->end && isdigit((unsigned char)*s->p);
                 s->p++)
                ;
        }
    }
    if (!is_float && s->p - digits > PY_INT_DIGITS_MAX)
        return scan_fail(s, "Exceeds the limit (4300 digits)");
    v = py_new(s->a, is_float ? PY_FLOAT : PY_INT);
    v->text = arena_str(s->a, str_n(from, (size_t)(s->p - from)));
    if (is_float)
        v->num = strtod(v->text.p, NULL);
    else if (str_eq_c(v->text, "-0"))
        v->text = STR("0");
    return v;
}

static struct py *
scan_list(struct scan *s, int depth)
{
    struct py *list = py_new(s->a, PY_LIST);

    s->p++;
    skip_space(s);
    if (take_word(s, "]"))
        return list;
    for (;;) {
        struct py *v = scan_value(s, depth + 1);

        if (!v)
            return NULL;
        py_append(list, v);
        skip_space(s);
        if (take_word(s, "]"))
            return list;
        if (!take_word(s, ","))
            return scan_fail(s, "Expecting ',' delimiter");
    }
}

static struct py *
scan_dict(struct scan *s, int depth)
{
    struct py *dict = py_new(s->a, PY_DICT);

    s->p++;
    skip_space(s);
    if (take_word(s, "}"))
        return dict;
    for (;;) {
        struct str key;
        struct py *v;

        skip_space(s);
        if (s->p >= s->end || *s->p != '"')
            return scan_fail(s, "Expecting property name");
        if (!scan_string(s, &key))
            return NULL;
        skip_space(s);
        if (!take_word(s, ":"))
            return scan_fail(s, "Expecting ':' delimiter");
        v = scan_value(s, depth + 1);
        if (!v)
            return NULL;
        py_set(s->a, dict, key, v);
        skip_space(s);
        if (take_word(s, "}"))
            return dict;
        if (!take_word(s, ","))
            return scan_fail(s, "Expecting ',' delimiter");
    }
}

static struct py *
scan_constant(struct scan *s)
{
    static const struct {
        const char *word;
        enum py_kind kind;
        bool b;
        double num;
    } words[] = {
        {"null", PY_NULL, false, 0},
        {"true", PY_BOOL, true, 0},
        {"false", PY_BOOL, false, 0},
        {"NaN", PY_FLOAT, false, (double)NAN},
        {"Infinity", PY_FLOAT, false, (double)INFINITY},
        {"-Infinity", PY_FLOAT, false, -(double)INFINITY},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (take_word(s, words[i].word)) {
            struct py *v = py_new(s->a, words[i].kind);

            v->b = words[i].b;
            v->num = words[i].num;
            return v;
        }
    return NULL;
}

static struct py *
scan_value(struct scan *s, int depth)
{
    struct py *v;

    if (depth > PY_DEPTH_MAX)
        return scan_fail(s, "maximum recursion depth exceeded");
    if (++s->values > PY_VALUES_MAX)
        return scan_fail(s, "too many values");
    skip_space(s);
    if (s->p >= s->end)
        return scan_fail(s, "Expecting value");
    if (*s->p == '{')
        return scan_dict(s, depth);
    if (*s->p == '[')
        return scan_list(s, depth);
    if (*s->p == '"') {
        v = py_new(s->a, PY_STR);
        return scan_string(s, &v->text) ? v : NULL;
    }
    v = scan_constant(s);
    if (v)
        return v;
    return scan_number(s);
}

struct py *
py_parse(struct arena *a, struct str text, struct err *e)
{
    struct scan s = {a, text.p, text.p + text.len, text.p, 0, e};
    struct py *v;

    if (text.len == 0)
        return scan_fail(&s, "Expecting value");
    if (!utf8_valid(text))
        return scan_fail(&s, "not UTF-8");
    v = scan_value(&s, 0);
    if (!v)
        return NULL;
    skip_space(&s);
    if (s.p != s.end)
        return scan_fail(&s, "Extra data");
    return v;
}

struct py *
py_get_str(const struct py *dict, struct str key)
{
    if (!py_is(dict, PY_DICT))
        return NULL;
    for (struct py *v = dict->first; v; v = v->next)
        if (str_eq(v->key, key))
            return v;
    return NULL;
}

struct py *
py_get(const struct py *dict, const char *key)
{
    return py_get_str(dict, str_c(key));
}

struct py *
py_at(const struct py *list, size_t i)
{
    struct py *v = list->first;

    while (v && i-- > 0)
        v = v->next;
    return v;
}

bool
py_is(const struct py *v, enum py_kind kind)
{
    return v && v->kind == kind;
}

bool
py_truth(const struct py *v)
{
    switch (v->kind) {
    case PY_NULL:
        return false;
    case PY_BOOL:
        return v->b;
    case PY_INT:
        return !str_eq_c(v->text, "0");
    case PY_FLOAT:
        return v->num != 0;
    case PY_STR:
        return v->text.len > 0;
    case PY_LIST:
    case PY_DICT:
        return v->n > 0;
    }
    return false;
}

const char *
py_type_name(const struct py *v)
{
    static const char *const names[] = {
        [PY_NULL] = "NoneType", [PY_BOOL] = "bool", [PY_INT] = "int",
        [PY_FLOAT] = "float",   [PY_STR] = "str",   [PY_LIST] = "list",
        [PY_DICT] = "dict"};

    return names[v->kind];
}

void
py_append(struct py *list, struct py *v)
{
    if (list->last)
        list->last->next = v;
    else
        list->first = v;
    list->last = v;
    list->n++;
}

void
py_set(struct arena *a, struct py *dict, struct str key, struct py *v)
{
    struct py *old = py_get_str(dict, key);

    if (old) { /* the place stays, the value changes */
        struct py *next = old->next;
        struct str k = old->key;

        *old = *v;
        old->next = next;
        old->key = k;
        return;
    }
    v->key = arena_str(a, key);
    v->next = NULL;
    py_append(dict, v);
}

struct py *
py_copy(struct arena *a, const struct py *v)
{
    struct py *c = py_new(a, v->kind);

    c->b = v->b;
    c->num = v->num;
    c->text = v->text.p ? arena_str(a, v->text) : v->text;
    for (const struct py *k = v->first; k; k = k->next) {
        struct py *kid = py_copy(a, k);

        kid->key = k->key.p ? arena_str(a, k->key) : k->key;
        py_append(c, kid);
    }
    return c;
}

struct py *
py_new_str(struct arena *a, struct str s)
{
    struct py *v = py_new(a, PY_STR);

    v->text = arena_str(a, s);
    return v;
}

struct py *
py_new_list(struct arena *a)
{
    return py_new(a, PY_LIST);
}

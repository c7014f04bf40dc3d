/*
 * comfy_py_number.c - what int() and float() make of a value.
 */
#include "sandbox/comfy_py.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

long double
py_number(const struct py *v)
{
    if (v->kind == PY_BOOL)
        return v->b ? 1 : 0;
    if (v->kind == PY_INT)
        return strtold(v->text.p, NULL);
    return v->kind == PY_FLOAT ? (long double)v->num : (long double)NAN;
}

bool
py_to_u64(const struct py *v, uint64_t *out)
{
    return v->kind == PY_INT && str_to_u64(v->text, out);
}

/* The digits of int(text): blanks around, a sign, single underscores. */
static bool
int_of_text(struct arena *a, struct str s, struct str *out)
{
    struct str t = str_trim(s);
    char *o = arena_alloc(a, t.len + 2);
    size_t n = 0, i = 0;
    bool digit = false;

    if (t.len > 0 && (t.p[0] == '-' || t.p[0] == '+'))
        if (t.p[i++] == '-')
            o[n++] = '-';
    for (; i < t.len; i++) {
        if (t.p[i] == '_' && digit && i + 1 < t.len) {
            digit = false;
            continue;
        }
        if (!isdigit((unsigned char)t.p[i]))
            return false;
        digit = true;
        if (t.p[i] == '0' && n > 0 && o[n - 1] == '0' &&
            (n == 1 || (n == 2 && o[0] == '-')))
            continue; /* one leading zero is enough */
        if (n > 0 && o[n - 1] == '0' && (n == 1 || (n == 2 && o[0] == '-')))
            n--;
        o[n++] = t.p[i];
    }
    if (!digit || n > PY_INT_DIGITS_MAX)
        return false;
    *out = n == 2 && o[0] == '-' && o[1] == '0' ? STR("0") : str_n(o, n);
    return true;
}

static bool
int_of_float(struct arena *a, double x, struct py *out, const char **why)
{
    if (isnan(x) || isinf(x)) {
        *why = isnan(x) ? "cannot convert float NaN to integer"
                        : "cannot convert float infinity to integer";
        return false;
    }
    x = trunc(x);
    if (x == 0)
        x = 0; /* not "-0" */
    out->text = str_c(arena_fmt(a, "%.0f", x));
    return true;
}

bool
py_int(struct arena *a, const struct py *v, struct py **out, const char **why)
{
    struct py *r = ARENA_NEW(a, struct py);

    r->kind = PY_INT;
    *out = r;
    switch (v->kind) {
    case PY_INT:
        r->text = v->text;
        return true;
    case PY_BOOL:
        r->text = v->b ? STR("1") : STR("0");
        return true;
    case PY_FLOAT:
        return int_of_float(a, v->num, r, why);
    case PY_STR: {
        struct buf b;

        if (int_of_text(a, v->text, &r->text))
            return true;
        buf_init(&b, v->text.len * 10 + 64);
        py_repr(&b, v);
        *why = arena_fmt(a, "invalid literal for int() with base 10: %s",
                         buf_cstr(&b));
        buf_free(&b);
        return false;
    }
    case PY_NULL:
    case PY_LIST:
    case PY_DICT:
        break;
    }
    *why = arena_fmt(a,
                     "int() argument must be a string, a bytes-like object "
                     "or a real number, not '%s'",
                     py_type_name(v));
    return false;
}

static bool
float_of_text(struct str s, double *out)
{
    struct str t = str_trim(s);
    char z[400], *end;
    size_t n = 0;

    if (t.len == 0 || t.len >= sizeof(z))
        return false;
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] == 'x' || t.p[i] == 'X' || t.p[i] == '(')
            return false; /* strtod would take 0x10 and nan(1) */
        if (t.p[i] == '_' && i > 0 && isdigit((unsigned char)t.p[i - 1]) &&
            i + 1 < t.len && isdigit((unsigned char)t.p[i + 1]))
            continue;
        z[n++] = t.p[i];
    }
    z[n] = '\0';
    *out = strtod(z, &end);
    return end == z + n;
}

bool
py_float(struct arena *a, const struct py *v, struct py **out, const char **why)
{
    struct py *r = ARENA_NEW(a, struct py);

    r->kind = PY_FLOAT;
    *out = r;
    switch (v->kind) {
    case PY_FLOAT:
        r->num = v->num;
        return true;
    case PY_INT:
    case PY_BOOL:
        r->num = v->kind == PY_BOOL ? v->b : strtod(v->text.p, NULL);
        *why = "int too large to convert to float";
        return !isinf(r->num);
    case PY_STR: {
        struct buf b;

        if (float_of_text(v->text, &r->num))
            return true;
        buf_init(&b, v->text.len * 10 + 64);
        py_repr(&b, v);
        *why =
            arena_fmt(a, "could not convert string to float: %s", buf_cstr(&b));
        buf_free(&b);
        return false;
    }
    case PY_NULL:
    case PY_LIST:
    case PY_DICT:
        break;
    }
    *why = arena_fmt(a,
                     "float() argument must be a string or a real number, "
                     "not '%s'",
                     py_type_name(v));
    return false;
}

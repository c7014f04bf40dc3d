/*
 * str.c - borrowed text.
 */
#include "base/str.h"

#include <string.h>

static bool
byte_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static char
byte_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

struct str
str_c(const char *z)
{
    return (struct str){z, z == NULL ? 0 : strlen(z)};
}

struct str
str_n(const char *p, size_t len)
{
    return (struct str){p, len};
}

struct str
str_sub(struct str s, size_t from, size_t len)
{
    if (from > s.len)
        from = s.len;
    if (len > s.len - from)
        len = s.len - from;
    /* NULL + 0 is not C */
    return (struct str){s.p == NULL ? NULL : s.p + from, len};
}

bool
str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

bool
str_eq_c(struct str a, const char *z)
{
    return str_eq(a, str_c(z));
}

bool
str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (byte_lower(a.p[i]) != byte_lower(b.p[i]))
            return false;
    }
    return true;
}

bool
str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_sub(s, 0, prefix.len), prefix);
}

bool
str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len &&
           str_eq(str_sub(s, s.len - suffix.len, suffix.len), suffix);
}

struct str
str_trim(struct str s)
{
    while (s.len > 0 && byte_is_space(s.p[0])) {
        s.p++;
        s.len--;
    }
    while (s.len > 0 && byte_is_space(s.p[s.len - 1]))
        s.len--;
    return s;
}

ptrdiff_t
str_find(struct str s, char c)
{
    const char *at = s.len == 0 ? NULL : memchr(s.p, c, s.len);

    return at == NULL ? -1 : at - s.p;
}

/* "Used up" is p == NULL: an empty rest with a pointer, as behind the last
 * separator, still holds one empty part. */
bool
str_split(struct str *rest, char sep, struct str *part)
{
    ptrdiff_t at;

    if (rest->p == NULL)
        return false;
    at = str_find(*rest, sep);
    if (at < 0) {
        *part = *rest;
        *rest = (struct str){NULL, 0};
        return true;
    }
    *part = str_sub(*rest, 0, (size_t)at);
    *rest = str_sub(*rest, (size_t)at + 1, rest->len);
    return true;
}

bool
str_to_u64(struct str s, uint64_t *out)
{
    uint64_t v = 0;

    if (s.len > 0 && s.p[0] == '+')
        s = str_sub(s, 1, s.len);
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        uint64_t digit = (uint64_t)(unsigned char)s.p[i] - '0';

        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        if (v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}

bool
str_to_i64(struct str s, int64_t *out)
{
    bool minus = s.len > 0 && s.p[0] == '-';
    uint64_t most = (uint64_t)INT64_MAX + (minus ? 1 : 0);
    uint64_t v;

    if (minus)
        s = str_sub(s, 1, s.len);
    if (minus && s.len > 0 && s.p[0] == '+')
        return false;
    if (!str_to_u64(s, &v) || v > most)
        return false;
    if (!minus)
        *out = (int64_t)v;
    else if (v == most) /* has no positive counterpart */
        *out = INT64_MIN;
    else
        *out = -(int64_t)v;
    return true;
}

int
str_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

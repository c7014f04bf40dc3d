/*
 * yaml_scalar.c - plain scalars of the core schema: null, bool, numbers, text.
 */
#include "base/yaml_scalar.h"

#include <string.h>
#include "base/json_number.h"

bool
yaml_word_in(struct str s, const char *words)
{
    struct str rest = str_c(words), word;

    while (str_split(&rest, ' ', &word))
        if (str_eq(s, word))
            return true;
    return false;
}

static size_t
digits_at(struct str s, size_t i)
{
    size_t n = 0;

    while (i + n < s.len && s.p[i + n] >= '0' && s.p[i + n] <= '9')
        n++;
    return n;
}

/*
 * A decimal of the core schema as JSON writes it: no '+', no leading zeros,
 * a digit on both sides of the point. False when s is none.
 */
static bool
decimal_to_json(struct str s, struct buf *out)
{
    size_t i = 0, whole, fraction = 0;

    if (s.len > 0 && (s.p[0] == '-' || s.p[0] == '+')) {
        if (s.p[0] == '-')
            buf_add_byte(out, '-');
        i++;
    }
    whole = digits_at(s, i);
    while (whole > 1 && s.p[i] == '0') {
        i++;
        whole--;
    }
    buf_add_str(out, whole > 0 ? str_sub(s, i, whole) : STR("0"));
    i += whole;
    if (i < s.len && s.p[i] == '.') {
        fraction = digits_at(s, ++i);
        if (fraction > 0) {
            buf_add_byte(out, '.');
            buf_add_str(out, str_sub(s, i, fraction));
        }
        i += fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (i < s.len && (s.p[i] == 'e' || s.p[i] == 'E')) {
        size_t from = i++;

        if (i < s.len && (s.p[i] == '-' || s.p[i] == '+'))
            i++;
        if (digits_at(s, i) == 0)
            return false;
        i += digits_at(s, i);
        buf_add_str(out, str_sub(s, from, i - from));
    }
    return i == s.len;
}

/* 0x1f and 0o17. False when s is neither or does not fit 64 bits. */
static bool
based_to_json(struct str s, struct buf *out)
{
    uint64_t base, v = 0;
    size_t i;

    if (s.len < 3 || s.p[0] != '0' || (s.p[1] != 'x' && s.p[1] != 'o'))
        return false;
    base = s.p[1] == 'x' ? 16 : 8;
    for (i = 2; i < s.len; i++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF";
        const char *at = s.p[i] != '\0' ? strchr(digits, s.p[i]) : NULL;
        uint64_t d;

        if (at == NULL)
            return false;
        d = (uint64_t)(at - digits) % 16;
        if (d >= base || v > (UINT64_MAX - d) / base)
            return false;
        v = v * base + d;
    }
    buf_addf(out, "%llu", (unsigned long long)v);
    return true;
}

/* NULL when s is not a number. */
static cJSON *
number_node(struct str s)
{
    struct buf text;
    cJSON *j = NULL;

    buf_init(&text, s.len + 32);
    if (based_to_json(s, &text))
        goto found;
    buf_clear(&text);
    if (!decimal_to_json(s, &text))
        goto out;
found:
    if (json_number_fits(buf_str(&text)))
        j = cJSON_CreateNumber(json_number_double(buf_str(&text)));
    else
        j = cJSON_CreateRaw(buf_cstr(&text));
out:
    buf_free(&text);
    return j;
}

cJSON *
yaml_plain(struct str s)
{
    cJSON *j;

    if (s.len == 0 || yaml_word_in(s, "null Null NULL ~"))
        return cJSON_CreateNull();
    if (yaml_word_in(s, "true True TRUE"))
        return cJSON_CreateTrue();
    if (yaml_word_in(s, "false False FALSE"))
        return cJSON_CreateFalse();
    j = number_node(s);
    return j != NULL ? j : cJSON_CreateString(s.p);
}

/*
 * json_scan.c - RFC 8259, strictly: recursive descent over bytes.
 *
 * DESIGN: cJSON is lenient (trailing bytes, raw control characters, 01, bad
 * UTF-8) and turns all numbers into doubles. This walk refuses what is not
 * JSON, notes the numbers that need their text, and writes a copy for cJSON
 * only when something must be replaced. Depth is bounded, so recursion is.
 */
#include "base/json_scan.h"

#include <string.h>
#include "base/json.h"
#include "base/json_number.h"
#include "base/mem.h"

struct scan {
    const char *start, *p, *end;
    const char *copied; /* up to here the text is in out->clean */
    int flags;
    unsigned depth;
    size_t values, numbers;
    struct json_scan *out; /* or NULL */
    struct err *e;
};

static int scan_value(struct scan *s);

/* The sentence: "3:14: expected ':'"; columns count bytes. */
static int
scan_fail_code(struct scan *s, enum err_code code, const char *what)
{
    const char *q, *line = s->start;
    size_t lines = 1;

    for (q = s->start; q < s->p; q++) {
        if (*q == '\n') {
            lines++;
            line = q + 1;
        }
    }
    return err_set(s->e, code, "%zu:%zu: %s", lines, (size_t)(s->p - line) + 1,
                   what);
}

static int
scan_fail(struct scan *s, const char *what)
{
    return scan_fail_code(s, ERR_BAD_INPUT,
                          s->p < s->end ? what : "the text ends too early");
}

/* cJSON gets `with` instead of the bytes from..s->p. */
static void
scan_replace(struct scan *s, const char *from, const char *with)
{
    if (s->out == NULL)
        return;
    buf_add(&s->out->clean, s->copied, (size_t)(from - s->copied));
    buf_add_c(&s->out->clean, with);
    s->copied = s->p;
    s->out->rewritten = true;
}

static void
scan_space(struct scan *s)
{
    while (s->p < s->end &&
           (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

static bool
scan_word(struct scan *s, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
        return false;
    s->p += n;
    return true;
}

static bool
is_digit(const struct scan *s)
{
    return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

static int
scan_digits(struct scan *s, const char *what)
{
    if (!is_digit(s))
        return scan_fail(s, what);
    while (is_digit(s))
        s->p++;
    return 0;
}

static void
scan_number_note(struct scan *s, struct str text)
{
    struct json_scan *o = s->out;
    size_t nth = s->numbers++;

    if (o == NULL || json_number_fits(text))
        return;
    if (o->n == o->cap) {
        o->cap = o->cap > 0 ? o->cap * 2 : 16;
        o->exact = mem_realloc(o->exact, o->cap * sizeof *o->exact);
    }
    o->exact[o->n++] = (struct json_exact){nth, text};
    scan_replace(s, text.p, "0");
}

static int
scan_number(struct scan *s)
{
    const char *from = s->p;

    if (*s->p == '-')
        s->p++;
    if (s->p < s->end && *s->p == '0') {
        s->p++;
        if (is_digit(s))
            return scan_fail(s, "a number with a leading zero");
    } else if (scan_digits(s, "a number without digits") != 0) {
        return -1;
    }
    if (s->p < s->end && *s->p == '.') {
        s->p++;
        if (scan_digits(s, "no digit after the decimal point") != 0)
            return -1;
    }
    if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
        s->p++;
        if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
            s->p++;
        if (scan_digits(s, "no digit in the exponent") != 0)
            return -1;
    }
    scan_number_note(s, str_n(from, (size_t)(s->p - from)));
    return 0;
}

/* Four hex digits at s->p; -1 when they are none. */
static int
scan_hex4(struct scan *s)
{
    int i, v = 0;

    for (i = 0; i < 4; i++, s->p++) {
        int d = s->p < s->end ? str_hex_digit(*s->p) : -1;

        if (d < 0)
            return scan_fail(s, "\\u needs four hex digits");
        v = v * 16 + d;
    }
    return v;
}

/* from is at the backslash of an escape that is half a character. */
static int
scan_lone_surrogate(struct scan *s, const char *from)
{
    if ((s->flags & JSON_LONE_FFFD) == 0) {
        s->p = from;
        return scan_fail(s, "half of a surrogate pair");
    }
    scan_replace(s, from, "\\ufffd");
    return 0;
}

/* After "\u"; from is at the backslash. */
static int
scan_unicode(struct scan *s, const char *from)
{
    const char *after;
    int low, v = scan_hex4(s);

    if (v < 0)
        return -1;
    if (v == 0) {
        if ((s->flags & JSON_NUL_DROP) == 0) {
            s->p = from;
            return scan_fail(s, "\\u0000 in a string");
        }
        scan_replace(s, from, "");
        return 0;
    }
    if (v < 0xd800 || v > 0xdfff)
        return 0;
    after = s->p;
    if (v > 0xdbff || !scan_word(s, "\\u"))
        return scan_lone_surrogate(s, from);
    low = scan_hex4(s);
    if (low < 0)
        return -1;
    if (low >= 0xdc00 && low <= 0xdfff)
        return 0;
    s->p = after;
    return scan_lone_surrogate(s, from);
}

static int
scan_escape(struct scan *s)
{
    const char *from = s->p++;

    if (s->p == s->end)
        return scan_fail(s, "");
    if (*s->p == 'u') {
        s->p++;
        return scan_unicode(s, from);
    }
    if (strchr("\"\\/bfnrt", *s->p) == NULL || *s->p == '\0')
        return scan_fail(s, "an unknown escape in a string");
    s->p++;
    return 0;
}

size_t
json_utf8_step(const char *text, size_t left)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t n, i;

    if (p[0] < 0x80)
        return 1;
    n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || left < n)
        return 0;
    for (i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

static int
scan_string(struct scan *s)
{
    s->p++;
    while (s->p < s->end && *s->p != '"') {
        size_t n;

        if (*s->p == '\\') {
            if (scan_escape(s) != 0)
                return -1;
            continue;
        }
        if ((unsigned char)*s->p < 0x20)
            return scan_fail(s, "a raw control character in a string");
        n = json_utf8_step(s->p, (size_t)(s->end - s->p));
        if (n == 0)
            return scan_fail(s, "bytes that are not UTF-8");
        s->p += n;
    }
    if (s->p == s->end)
        return scan_fail(s, "");
    s->p++;
    return 0;
}

static int
scan_member(struct scan *s)
{
    if (s->p == s->end || *s->p != '"')
        return scan_fail(s, "expected a name in double quotes");
    if (scan_string(s) != 0)
        return -1;
    scan_space(s);
    if (s->p == s->end || *s->p != ':')
        return scan_fail(s, "expected ':'");
    s->p++;
    scan_space(s);
    return scan_value(s);
}

/* An object or array: what stands between the brackets. */
static int
scan_items(struct scan *s, char close)
{
    if (s->depth == JSON_DEPTH_MAX)
        return scan_fail(s, "nested too deeply");
    s->depth++;
    s->p++;
    scan_space(s);
    if (s->p < s->end && *s->p == close)
        goto closed;
    for (;;) {
        if ((close == '}' ? scan_member(s) : scan_value(s)) != 0)
            return -1;
        scan_space(s);
        if (s->p < s->end && *s->p == close)
            goto closed;
        if (s->p == s->end || *s->p != ',')
            return scan_fail(s, close == '}' ? "expected ',' or '}'"
                                             : "expected ',' or ']'");
        s->p++;
        scan_space(s);
    }
closed:
    s->p++;
    s->depth--;
    return 0;
}

static bool
scan_nan(struct scan *s)
{
    const char *from = s->p;

    if ((s->flags & JSON_NAN) == 0)
        return false;
    if (!scan_word(s, "NaN") && !scan_word(s, "Infinity") &&
        !scan_word(s, "-Infinity"))
        return false;
    scan_replace(s, from, "null");
    return true;
}

static int
scan_value(struct scan *s)
{
    if (++s->values > JSON_VALUES_MAX)
        return scan_fail_code(s, ERR_TOO_LARGE, "too many values");
    if (s->p == s->end)
        return scan_fail(s, "");
    switch (*s->p) {
    case '{':
        return scan_items(s, '}');
    case '[':
        return scan_items(s, ']');
    case '"':
        return scan_string(s);
    case 't':
        return scan_word(s, "true") ? 0 : scan_fail(s, "an unknown word");
    case 'f':
        return scan_word(s, "false") ? 0 : scan_fail(s, "an unknown word");
    case 'n':
        return scan_word(s, "null") ? 0 : scan_fail(s, "an unknown word");
    default:
        if (scan_nan(s))
            return 0;
        if (*s->p == '-' || is_digit(s))
            return scan_number(s);
        return scan_fail(s, "expected a value");
    }
}

int
json_scan(struct str text, int flags, struct json_scan *out, struct err *e)
{
    const char *p = text.p != NULL ? text.p : "";
    struct scan s = {.start = p,
                     .p = p,
                     .end = p + text.len,
                     .copied = p,
                     .flags = flags,
                     .out = out,
                     .e = e};

    if (out != NULL) {
        memset(out, 0, sizeof *out);
        buf_init(&out->clean, text.len * 2 + 64);
    }
    if (str_starts(text, STR("\xef\xbb\xbf")))
        return scan_fail(&s, "a byte order mark");
    scan_space(&s);
    if (scan_value(&s) != 0)
        return -1;
    scan_space(&s);
    if (s.p < s.end)
        return scan_fail(&s, "more text after the value");
    if (out != NULL && out->rewritten)
        buf_add(&out->clean, s.copied, (size_t)(s.end - s.copied));
    return 0;
}

void
json_scan_free(struct json_scan *s)
{
    mem_free(s->exact);
    buf_free(&s->clean);
}

int
json_check(struct str text, int flags, struct err *e)
{
    return json_scan(text, flags, NULL, e);
}

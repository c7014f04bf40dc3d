/*
 * utf8.c - text from people.
 */
#include "base/utf8.h"

#include <string.h>


static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
static const char ellipsis[] = "\xe2\x80\xa6";    /* U+2026 */

struct range {
    uint32_t first, last;
};

/* What hangs on the code point before it: combining marks of the scripts that
 * users of Telegram write in, variation signs, ZWJ, skin tones, tags. */
static const struct range hanging[] = {
    {0x0300, 0x036f},   {0x0483, 0x0489},   {0x0591, 0x05bd},
    {0x05bf, 0x05bf},   {0x05c1, 0x05c2},   {0x05c4, 0x05c5},
    {0x05c7, 0x05c7},   {0x0610, 0x061a},   {0x064b, 0x065f},
    {0x0670, 0x0670},   {0x06d6, 0x06dc},   {0x06df, 0x06e4},
    {0x06e7, 0x06e8},   {0x06ea, 0x06ed},   {0x0900, 0x0903},
    {0x093a, 0x093c},   {0x093e, 0x094f},   {0x0951, 0x0957},
    {0x0962, 0x0963},   {0x0981, 0x0983},   {0x09bc, 0x09bc},
    {0x09be, 0x09cd},   {0x0e31, 0x0e31},   {0x0e34, 0x0e3a},
    {0x0e47, 0x0e4e},   {0x1ab0, 0x1aff},   {0x1dc0, 0x1dff},
    {0x200d, 0x200d},   {0x20d0, 0x20ff},   {0x3099, 0x309a},
    {0xfe00, 0xfe0f},   {0xfe20, 0xfe2f},   {0x1f3fb, 0x1f3ff},
    {0xe0020, 0xe007f}, {0xe0100, 0xe01ef},
};

static bool
is_hanging(uint32_t cp)
{
    for (size_t i = 0; i < sizeof(hanging) / sizeof(hanging[0]); i++) {
        if (cp >= hanging[i].first && cp <= hanging[i].last)
            return true;
    }
    return false;
}

static bool
is_bidi_control(uint32_t cp)
{
    return (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

size_t
utf8_step(struct str s, uint32_t *cp)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)s.p;
    size_t n;
    uint32_t v;

    if (s.len == 0)
        return 0;
    if (p[0] < 0x80) {
        *cp = p[0];
        return 1;
    }
    n = p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (n == 0 || p[0] > 0xf4 || n > s.len)
        return 0;
    v = p[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        v = v << 6 | (p[i] & 0x3f);
    }
    if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
        return 0;
    *cp = v;
    return n;
}

/* As utf8_step, but a bad byte is a code point of its own. */
static size_t
step_any(struct str s, uint32_t *cp)
{
    size_t n = utf8_step(s, cp);

    if (n > 0)
        return n;
    *cp = 0xfffd;
    return 1;
}

bool
utf8_valid(struct str s)
{
    while (s.len > 0) {
        uint32_t cp;
        size_t n = utf8_step(s, &cp);

        if (n == 0)
            return false;
        s = str_sub(s, n, s.len);
    }
    return true;
}

size_t
utf8_count(struct str s)
{
    size_t count = 0;
    uint32_t cp;

    for (; s.len > 0; count++)
        s = str_sub(s, step_any(s, &cp), s.len);
    return count;
}

struct str
utf8_cut(struct str s, size_t max_points)
{
    size_t good = 0; /* the last place where a cut is allowed */
    size_t at = 0;
    bool joined = false; /* what follows a ZWJ belongs to what stood before */

    for (size_t points = 0; at < s.len; points++) {
        uint32_t cp;
        size_t n = step_any(str_sub(s, at, s.len), &cp);

        if (!joined && !is_hanging(cp))
            good = at;
        if (points == max_points)
            return str_sub(s, 0, good);
        joined = cp == 0x200d;
        at += n;
    }
    return s;
}

char *
utf8_ellipsis(struct arena *a, struct str s, size_t max_points)
{
    struct str head;

    if (utf8_count(s) <= max_points)
        return arena_strn(a, s.p, s.len);
    if (max_points == 0)
        return arena_strdup(a, "");
    head = utf8_cut(s, max_points - 1);
    return arena_fmt(a, STR_FMT "%s", STR_ARG(head), ellipsis);
}

char *
utf8_clean(struct arena *a, struct str s, bool keep_newlines)
{
    /* a bad byte grows to three */
    char *out = arena_alloc(a, s.len * 3 + 1);
    char *to = out;

    while (s.len > 0) {
        uint32_t cp = 0;
        size_t n = utf8_step(s, &cp);
        bool kept = keep_newlines && (cp == '\n' || cp == '\t');

        if (n == 0) {
            memcpy(to, replacement, 3);
            to += 3;
            n = 1;
        } else if ((cp >= 0x20 || kept) && !is_bidi_control(cp)) {
            memcpy(to, s.p, n);
            to += n;
        }
        s = str_sub(s, n, s.len);
    }
    *to = '\0';
    return out;
}

/*
 * html.c - the HTML that Telegram reads.
 *
 * One reader, next_piece(), stands behind visible length, plain text and the
 * check: it cuts the text into tags, entities and single code points by the
 * rules of Telegram's own parser (a raw '&' or '>' is text; a raw '<' is not).
 */
#include "model/html.h"

#include <string.h>

#include "base/utf8.h"

#define ENTITY_MAX 10 /* bytes of "&#x...;" that Telegram looks at */
#define TAGS_OPEN_MAX 16
#define TAG_NAME_MAX 16

enum piece_kind { PIECE_END, PIECE_POINT, PIECE_ENTITY, PIECE_TAG };

struct piece {
    enum piece_kind kind;
    struct str raw;
    uint32_t cp; /* of an entity */
};

static const struct {
    const char *name;
    uint32_t cp;
} entities[] = {{"&lt", '<'}, {"&gt", '>'}, {"&amp", '&'}, {"&quot", '"'}};

static const char *const tags[] = {
    "b",    "strong",     "i",        "em",      "u",         "ins",
    "s",    "strike",     "del",      "code",    "pre",       "a",
    "span", "tg-spoiler", "tg-emoji", "tg-time", "blockquote"};

/* ---- reading ---- */

static size_t
entity_named(struct str s, uint32_t *cp)
{
    for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
        struct str name = str_c(entities[i].name);

        if (!str_starts(s, name))
            continue;
        *cp = entities[i].cp;
        /* Telegram decodes it without the semicolon too */
        return name.len + (s.len > name.len && s.p[name.len] == ';');
    }
    return 0;
}

static size_t
entity_number(struct str s, uint32_t *cp)
{
    bool hex = str_starts(s, STR("&#x"));
    int base = hex ? 16 : 10;
    size_t at = hex ? 3 : 2;
    uint32_t v = 0;

    if (!str_starts(s, STR("&#")))
        return 0;
    for (; at < s.len && at < ENTITY_MAX; at++) {
        int d = str_hex_digit(s.p[at]);

        if (d < 0 || d >= base)
            break;
        v = v * (uint32_t)base + (uint32_t)d;
    }
    if (v == 0 || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
        return 0;
    *cp = v;
    return at + (at < s.len && s.p[at] == ';');
}

static struct piece
piece_of(enum piece_kind kind, struct str *rest, size_t n, uint32_t cp)
{
    struct piece p = {kind, str_sub(*rest, 0, n), cp};

    *rest = str_sub(*rest, n, rest->len);
    return p;
}

/* A tag ends at its '>' outside of quotes, or with the text. */
static size_t
tag_length(struct str s)
{
    bool quoted = false;

    for (size_t i = 1; i < s.len; i++) {
        if (s.p[i] == '"')
            quoted = !quoted;
        else if (s.p[i] == '>' && !quoted)
            return i + 1;
    }
    return s.len;
}

static struct piece
next_piece(struct str *rest)
{
    uint32_t cp = 0;
    size_t n;

    if (rest->len == 0)
        return (struct piece){PIECE_END, {NULL, 0}, 0};
    if (rest->p[0] == '<')
        return piece_of(PIECE_TAG, rest, tag_length(*rest), 0);
    if (rest->p[0] == '&') {
        n = entity_named(*rest, &cp);
        if (n == 0)
            n = entity_number(*rest, &cp);
        if (n > 0)
            return piece_of(PIECE_ENTITY, rest, n, cp);
    }
    n = utf8_step(*rest, &cp);
    return piece_of(PIECE_POINT, rest, n > 0 ? n : 1, cp);
}

/* ---- checking ---- */

static struct str
tag_name(struct str tag, bool *closes)
{
    size_t n = 0;

    tag = str_sub(tag, 1, tag.len);
    *closes = tag.len > 0 && tag.p[0] == '/';
    if (*closes)
        tag = str_sub(tag, 1, tag.len);
    while (n < tag.len && tag.p[n] != ' ' && tag.p[n] != '>' &&
           tag.p[n] != '\n')
        n++;
    return str_sub(tag, 0, n);
}

static bool
tag_is_known(struct str name)
{
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        if (str_eq_nocase(name, str_c(tags[i])))
            return true;
    }
    return false;
}

int
html_check(struct str html, struct err *e)
{
    struct str open[TAGS_OPEN_MAX];
    size_t depth = 0;

    for (;;) {
        struct piece p = next_piece(&html);
        struct str name;
        bool closes;

        if (p.kind == PIECE_END)
            break;
        if (p.kind != PIECE_TAG)
            continue;
        name = tag_name(p.raw, &closes);
        if (!str_ends(p.raw, STR(">")) || !tag_is_known(name))
            return err_set(e, ERR_BAD_INPUT, "tag '%.*s' is not Telegram's",
                           (int)(p.raw.len < 32 ? p.raw.len : 32), p.raw.p);
        if (!closes && depth == TAGS_OPEN_MAX)
            return err_set(e, ERR_BAD_INPUT, "more than %d open tags",
                           TAGS_OPEN_MAX);
        if (!closes)
            open[depth++] = name;
        else if (depth == 0 || !str_eq_nocase(open[--depth], name))
            return err_set(e, ERR_BAD_INPUT, "</" STR_FMT "> closes nothing",
                           STR_ARG(name));
    }
    if (depth > 0)
        return err_set(e, ERR_BAD_INPUT, "<" STR_FMT "> is not closed",
                       STR_ARG(open[depth - 1]));
    return 0;
}

/* ---- writing ---- */

void
html_escape(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.p[i]) {
        case '&':
            buf_add_c(out, "&amp;");
            break;
        case '<':
            buf_add_c(out, "&lt;");
            break;
        case '>':
            buf_add_c(out, "&gt;");
            break;
        case '"':
            buf_add_c(out, "&quot;");
            break;
        default:
            buf_add_byte(out, text.p[i]);
        }
    }
}

void
html_escape_user(struct buf *out, struct str text, size_t max_points)
{
    struct arena *a = arena_new();
    const char *clean = utf8_clean(a, text, true);

    if (max_points > 0)
        clean = utf8_ellipsis(a, str_c(clean), max_points);
    html_escape(out, str_c(clean));
    arena_free(a);
}

size_t
html_visible(struct str html)
{
    size_t n = 0;

    for (;;) {
        struct piece p = next_piece(&html);

        if (p.kind == PIECE_END)
            return n;
        n += p.kind != PIECE_TAG;
    }
}

static void
add_point(struct buf *out, uint32_t cp)
{
    if (cp < 0x80) {
        buf_add_byte(out, (char)cp);
    } else if (cp < 0x800) {
        buf_add_byte(out, (char)(0xc0 | cp >> 6));
        buf_add_byte(out, (char)(0x80 | (cp & 0x3f)));
    } else if (cp < 0x10000) {
        buf_add_byte(out, (char)(0xe0 | cp >> 12));
        buf_add_byte(out, (char)(0x80 | (cp >> 6 & 0x3f)));
        buf_add_byte(out, (char)(0x80 | (cp & 0x3f)));
    } else {
        buf_add_byte(out, (char)(0xf0 | cp >> 18));
        buf_add_byte(out, (char)(0x80 | (cp >> 12 & 0x3f)));
        buf_add_byte(out, (char)(0x80 | (cp >> 6 & 0x3f)));
        buf_add_byte(out, (char)(0x80 | (cp & 0x3f)));
    }
}

void
html_plain(struct buf *out, struct str html)
{
    for (;;) {
        struct piece p = next_piece(&html);

        if (p.kind == PIECE_END)
            return;
        if (p.kind == PIECE_POINT)
            buf_add_str(out, p.raw);
        else if (p.kind == PIECE_ENTITY)
            add_point(out, p.cp);
    }
}

/*
 * tg_html.c - HTML mode as tdlib's parse_html reads it, step by step: what
 * it forgives is forgiven here, what it refuses is refused with its words.
 */
#include "sandbox/tg_text.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sandbox/tg_text_int.h"

#define NESTED_MAX 256 /* open tags at once; ours alone */

struct tag {
    const char *name; /* lower case */
    const char *type; /* of the entity; NULL: by hand */
};

static const struct tag tags[] = {
    {"a", NULL},
    {"b", "bold"},
    {"strong", "bold"},
    {"i", "italic"},
    {"em", "italic"},
    {"u", "underline"},
    {"ins", "underline"},
    {"s", "strikethrough"},
    {"strike", "strikethrough"},
    {"del", "strikethrough"},
    {"tg-spoiler", "spoiler"},
    {"span", "spoiler"},
    {"tg-emoji", "custom_emoji"},
    {"tg-time", NULL},
    {"pre", NULL},
    {"code", NULL},
    {"blockquote", NULL},
};

struct open_tag {
    const struct tag *tag;
    const char *arg; /* NULL: none */
    int64_t offset;  /* UTF-16 units */
    size_t begin;    /* bytes of the text before it */
};

struct parser {
    struct arena *a;
    const char *p; /* ends with NUL, has none inside */
    size_t i;
    char *out; /* as long as the input at most */
    size_t len;
    int64_t units;
    struct open_tag *open;
    size_t nopen;
    struct tgs_entity *entities;
    size_t n;
    struct err *e;
};

static bool
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' ||
           c == '\0'; /* tdlib's is_space says so */
}

/* ---- character references ---- */

static uint32_t
number_read(const char *p, size_t *at)
{
    bool hex = p[*at] == 'x';
    uint32_t v = 0;
    size_t from;

    *at += hex;
    from = *at;
    while (hex ? isxdigit((unsigned char)p[*at])
               : isdigit((unsigned char)p[*at])) {
        char digit[2] = {p[(*at)++], '\0'};
        if (*at - from < 10)
            v = v * (hex ? 16 : 10) + (uint32_t)strtoul(digit, NULL, 16);
    }
    return v;
}

static uint32_t
name_read(const char *p, size_t *at)
{
    static const struct {
        const char *name;
        uint32_t c;
    } known[] = {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}};
    size_t from = *at;

    while (isalpha((unsigned char)p[*at]))
        (*at)++;
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (str_eq_c(str_n(p + from, *at - from), known[i].name))
            return known[i].c;
    return 0;
}

static bool
is_surrogate(uint32_t c)
{
    return c >= 0xd800 && c <= 0xdfff;
}

/* The character at p[*at], which is '&'; 0 and *at as it was when it begins
 * no known reference. */
static uint32_t
reference_read(const char *p, size_t *at)
{
    size_t end = *at + 1;
    uint32_t c;

    if (p[end] == '#') {
        end++;
        c = number_read(p, &end);
        if (c >= 0x10ffff || end - *at >= 10 || is_surrogate(c))
            return 0;
    } else {
        c = name_read(p, &end);
    }
    if (c == 0)
        return 0;
    *at = end + (p[end] == ';');
    return c;
}

static size_t
utf8_put(char *to, uint32_t c)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (char)(0xc0 | c >> 6);
        to[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (char)(0xe0 | c >> 12);
        to[1] = (char)(0x80 | (c >> 6 & 63));
        to[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    to[0] = (char)(0xf0 | c >> 18);
    to[1] = (char)(0x80 | (c >> 12 & 63));
    to[2] = (char)(0x80 | (c >> 6 & 63));
    to[3] = (char)(0x80 | (c & 63));
    return 4;
}

/* ---- a start tag ---- */

static int
fail_at(struct parser *ps, const char *what, size_t at)
{
    return err_set(ps->e, ERR_BAD_INPUT,
                   "can't parse entities: %s at byte offset %zu", what, at);
}

static char *
lower(struct arena *a, const char *p, size_t n)
{
    char *z = arena_strn(a, p, n);

    for (char *c = z; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return z;
}

static const struct tag *
tag_find(const char *name)
{
    for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++)
        if (strcmp(tags[i].name, name) == 0)
            return &tags[i];
    return NULL;
}

static void
skip_space(struct parser *ps)
{
    while (ps->p[ps->i] && is_space(ps->p[ps->i]))
        ps->i++;
}

/* A value between quotes, references decoded; NULL when it does not end. */
static const char *
quoted_read(struct parser *ps)
{
    char quote = ps->p[ps->i++];
    char *value = arena_alloc(ps->a, strlen(ps->p + ps->i) + 1);
    size_t n = 0;

    while (ps->p[ps->i] && ps->p[ps->i] != quote) {
        uint32_t c = ps->p[ps->i] == '&' ? reference_read(ps->p, &ps->i) : 0;
        if (c)
            n += utf8_put(value + n, c);
        else
            value[n++] = ps->p[ps->i++];
    }
    if (!ps->p[ps->i])
        return NULL;
    ps->i++;
    return value;
}

static int
value_read(struct parser *ps, size_t begin, const char **value)
{
    size_t from = ps->i;

    if (ps->p[ps->i] == '\'' || ps->p[ps->i] == '"') {
        *value = quoted_read(ps);
        if (!*value || !ps->p[ps->i])
            return fail_at(ps, "Unclosed start tag", begin);
        return 0;
    }
    while (isalnum((unsigned char)ps->p[ps->i]) || ps->p[ps->i] == '.' ||
           ps->p[ps->i] == '-')
        ps->i++;
    *value = lower(ps->a, ps->p + from, ps->i - from);
    if (!is_space(ps->p[ps->i]) && ps->p[ps->i] != '>')
        return fail_at(ps, "Unexpected end of name token", from);
    if (!ps->p[ps->i])
        return fail_at(ps, "Unclosed start tag", begin);
    return 0;
}

/* What an attribute means for its tag's entity. */
static void
attribute_use(struct open_tag *o, struct str name, const char *value)
{
    const char *tag = o->tag->name;
    struct str v = str_c(value);

    if (strcmp(tag, "a") == 0 && str_eq_c(name, "href"))
        o->arg = value;
    else if (strcmp(tag, "code") == 0 && str_eq_c(name, "class") &&
             str_starts(v, STR("language-")))
        o->arg = value + 9;
    else if (strcmp(tag, "span") == 0 && str_eq_c(name, "class") &&
             str_starts(v, STR("tg-")))
        o->arg = value + 3;
    else if (strcmp(tag, "tg-emoji") == 0 && str_eq_c(name, "emoji-id"))
        o->arg = value;
    else if (strcmp(tag, "tg-time") == 0 && str_eq_c(name, "unix"))
        o->arg = value;
    else if (strcmp(tag, "blockquote") == 0 && str_eq_c(name, "expandable"))
        o->arg = "1";
}

static bool
ends_name(char c)
{
    return is_space(c) || c == '=' || c == '>' || c == '/' || c == '"' ||
           c == '\'';
}

static int
unclosed_tag(struct parser *ps, const char *name, size_t begin)
{
    return fail_at(ps, arena_fmt(ps->a, "Unclosed start tag \"%s\"", name),
                   begin);
}

static int
attribute_read(struct parser *ps, struct open_tag *o, size_t begin)
{
    size_t from = ps->i;
    const char *value = "";
    struct str name;

    while (!ends_name(ps->p[ps->i]))
        ps->i++;
    name = str_n(ps->p + from, ps->i - from);
    if (name.len == 0)
        return fail_at(ps,
                       arena_fmt(ps->a,
                                 "Empty attribute name in the tag \"%s\"",
                                 o->tag->name),
                       begin);
    skip_space(ps);
    if (!ps->p[ps->i])
        return unclosed_tag(ps, o->tag->name, begin);
    if (ps->p[ps->i] == '=') {
        ps->i++;
        skip_space(ps);
        if (!ps->p[ps->i])
            return unclosed_tag(ps, o->tag->name, begin);
        if (value_read(ps, begin, &value) != 0)
            return -1;
    } else if (strcmp(o->tag->name, "blockquote") != 0) {
        return 0;
    }
    attribute_use(o, name, value);
    return 0;
}

/* At the byte behind '<'. Ends on '>'. */
static int
start_tag(struct parser *ps, size_t begin)
{
    struct open_tag o = {.offset = ps->units, .begin = ps->len};
    const char *name;

    while (!is_space(ps->p[ps->i]) && ps->p[ps->i] != '>')
        ps->i++;
    if (!ps->p[ps->i])
        return fail_at(ps, "Unclosed start tag", begin);
    name = lower(ps->a, ps->p + begin + 1, ps->i - begin - 1);
    o.tag = tag_find(name);
    if (!o.tag)
        return fail_at(
            ps, arena_fmt(ps->a, "Unsupported start tag \"%s\"", name), begin);
    while (ps->p[ps->i] != '>') {
        skip_space(ps);
        if (ps->p[ps->i] != '>' && attribute_read(ps, &o, begin) != 0)
            return -1;
    }
    if (strcmp(name, "span") == 0 && (!o.arg || strcmp(o.arg, "spoiler") != 0))
        return fail_at(ps, "Tag \"span\" must have class \"tg-spoiler\"",
                       begin);
    if (ps->nopen == NESTED_MAX)
        return fail_at(ps, "Too many nested tags", begin);
    ps->open[ps->nopen++] = o;
    return 0;
}

/* ---- an end tag ---- */

static bool
same_span(const struct parser *ps, const struct tgs_entity *v)
{
    return ps->n > 0 && ps->entities[ps->n - 1].offset == v->offset &&
           ps->entities[ps->n - 1].length == v->length;
}

static void
add(struct parser *ps, struct tgs_entity v)
{
    ps->entities[ps->n++] = v;
}

/* <pre><code class="language-x"> in either order is one pre with a language.
 * A code with a language keeps it until its pre ends. */
static void
add_code(struct parser *ps, const struct open_tag *o, struct tgs_entity v)
{
    struct tgs_entity *last = ps->n > 0 ? &ps->entities[ps->n - 1] : NULL;
    bool pre = strcmp(o->tag->name, "pre") == 0;

    v.type = pre ? "pre" : "code";
    if (same_span(ps, &v) && pre && strcmp(last->type, "code") == 0 &&
        last->arg) {
        last->type = "pre";
    } else if (same_span(ps, &v) && !pre && strcmp(last->type, "pre") == 0 &&
               o->arg) {
        last->arg_name = "language";
        last->arg = o->arg;
    } else {
        v.arg_name = o->arg ? "language" : NULL;
        v.arg = o->arg;
        add(ps, v);
    }
}

static void
add_link(struct parser *ps, const struct open_tag *o, struct tgs_entity v)
{
    static const char mention[] = "tg://user?id=";
    const char *url =
        o->arg && o->arg[0]
            ? o->arg
            : arena_strn(ps->a, ps->out + o->begin, ps->len - o->begin);
    struct str s = str_c(url);

    if (str_starts(s, str_c(mention)) &&
        str_to_i64(str_sub(s, sizeof(mention) - 1, s.len), &v.user_id)) {
        v.type = "text_mention";
    } else if (str_find(s, '.') < 0 && !str_starts(s, STR("tg://"))) {
        return; /* no address: the words stay, the link goes */
    } else {
        bool scheme = strstr(url, "://") != NULL;
        v.type = "text_link";
        v.arg_name = "url";
        v.arg = scheme ? url : arena_fmt(ps->a, "http://%s/", url);
    }
    add(ps, v);
}

static void
entity_end(struct parser *ps, const struct open_tag *o)
{
    struct tgs_entity v = {.type = o->tag->type,
                           .offset = o->offset,
                           .length = ps->units - o->offset};
    const char *name = o->tag->name;

    if (v.length == 0 || strcmp(name, "tg-time") == 0)
        return;
    if (strcmp(name, "a") == 0) {
        add_link(ps, o, v);
    } else if (strcmp(name, "pre") == 0 || strcmp(name, "code") == 0) {
        add_code(ps, o, v);
    } else if (strcmp(name, "blockquote") == 0) {
        v.type = o->arg ? "expandable_blockquote" : "blockquote";
        add(ps, v);
    } else if (strcmp(name, "tg-emoji") == 0) {
        v.arg_name = "custom_emoji_id";
        v.arg = o->arg ? o->arg : "0";
        add(ps, v);
    } else {
        add(ps, v);
    }
}

/* At the '/'. Ends on '>'. */
static int
end_tag(struct parser *ps, size_t begin)
{
    const char *found, *want;

    if (ps->nopen == 0)
        return fail_at(ps, "Unexpected end tag", begin);
    while (!is_space(ps->p[ps->i]) && ps->p[ps->i] != '>')
        ps->i++;
    found = lower(ps->a, ps->p + begin + 2, ps->i - begin - 2);
    skip_space(ps);
    if (ps->p[ps->i] != '>')
        return fail_at(ps, "Unclosed end tag", begin);
    want = ps->open[ps->nopen - 1].tag->name;
    if (found[0] && strcmp(found, want) != 0)
        return err_set(ps->e, ERR_BAD_INPUT,
                       "can't parse entities: Unmatched end tag at byte "
                       "offset %zu, expected \"</%s>\", found \"</%.64s>\"",
                       begin, want, found);
    entity_end(ps, &ps->open[--ps->nopen]);
    return 0;
}

/* ---- the whole ---- */

static void
copy_byte(struct parser *ps)
{
    unsigned char c = (unsigned char)ps->p[ps->i++];

    if ((c & 0xc0) != 0x80)
        ps->units += 1 + (c >= 0xf0);
    ps->out[ps->len++] = (char)c;
}

static int
step(struct parser *ps)
{
    size_t begin = ps->i;
    char c = ps->p[begin];
    uint32_t r = c == '&' ? reference_read(ps->p, &ps->i) : 0;

    if (r) {
        ps->len += utf8_put(ps->out + ps->len, r);
        ps->units += 1 + (r > 0xffff);
        return 0;
    }
    if (c != '<') {
        copy_byte(ps);
        return 0;
    }
    ps->i++;
    if ((ps->p[ps->i] == '/' ? end_tag(ps, begin) : start_tag(ps, begin)) != 0)
        return -1;
    ps->i++; /* the '>' */
    return 0;
}

/* A code's language counts only with its pre. */
static void
drop_lone_languages(struct parser *ps)
{
    for (size_t i = 0; i < ps->n; i++)
        if (strcmp(ps->entities[i].type, "code") == 0)
            ps->entities[i].arg_name = NULL;
}

static size_t
count_ends(const char *p)
{
    size_t n = 0;

    while ((p = strstr(p, "</"))) {
        p += 2;
        n++;
    }
    return n;
}

int
tgs_html_parse(struct arena *a, struct str html, struct tgs_text *out,
               struct err *e)
{
    struct parser ps = {.a = a, .e = e};

    if (tgs_text_check(html, e) != 0)
        return -1;
    ps.p = arena_strn(a, html.p, html.len);
    ps.out = arena_alloc(a, html.len + 1);
    ps.open = ARENA_ARRAY(a, struct open_tag, NESTED_MAX);
    ps.entities = ARENA_ARRAY(a, struct tgs_entity, count_ends(ps.p) + 1);
    while (ps.p[ps.i])
        if (step(&ps) != 0)
            return -1;
    if (ps.nopen > 0)
        return err_set(e, ERR_BAD_INPUT,
                       "can't parse entities: Can't find end tag "
                       "corresponding to start tag \"%s\"",
                       ps.open[ps.nopen - 1].tag->name);
    drop_lone_languages(&ps);
    *out = (struct tgs_text){
        .text = str_n(ps.out, ps.len), .n = ps.n, .entities = ps.entities};
    tgs_text_finish(a, out);
    return 0;
}

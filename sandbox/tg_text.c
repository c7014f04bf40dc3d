/*
 * tg_text.c - what happens to every text: it is trimmed, its entities are
 * cut to what is left and sorted, and commands are found.
 */
#include "sandbox/tg_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "sandbox/tg_text_int.h"

#define RAW_BYTES 32768
#define COMMAND_MAX 64

int
tgs_text_check(struct str raw, struct err *e)
{
    if (raw.len > RAW_BYTES)
        return err_set(e, ERR_TOO_LARGE, "text is too long");
    if (!utf8_valid(raw) || str_find(raw, '\0') >= 0)
        return err_set(e, ERR_BAD_INPUT, "strings must be encoded in UTF-8");
    return 0;
}

static int64_t
units_of(struct str s)
{
    int64_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c & 0xc0) != 0x80)
            n += 1 + (c >= 0xf0);
    }
    return n;
}

/* ---- trimming ---- */

static void
entity_cut(struct tgs_entity *v, int64_t before, int64_t total)
{
    int64_t from = v->offset - before, to = from + v->length;

    from = from < 0 ? 0 : from;
    to = to > total ? total : to;
    v->offset = from;
    v->length = to - from;
}

static void
trim(struct tgs_text *t)
{
    struct str s = str_trim(t->text);
    int64_t before =
        s.len ? units_of(str_n(t->text.p, (size_t)(s.p - t->text.p))) : 0;
    int64_t total = units_of(s);
    size_t kept = 0;

    for (size_t i = 0; i < t->n; i++) {
        struct tgs_entity v = t->entities[i];
        entity_cut(&v, before, total);
        if (v.length > 0)
            t->entities[kept++] = v;
    }
    t->n = kept;
    t->text = s;
}

/* ---- commands ---- */

static bool
is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool
is_word(char c)
{
    return is_name(c) || (c & 0x80);
}

/* Bytes of the command at s.p[at], which is '/'; 0: none. */
static size_t
command_at(struct str s, size_t at)
{
    size_t i = at + 1;

    if (at > 0 && (is_word(s.p[at - 1]) || strchr("/<>", s.p[at - 1])))
        return 0;
    while (i < s.len && i - at <= COMMAND_MAX && is_name(s.p[i]))
        i++;
    if (i == at + 1)
        return 0;
    if (i < s.len && s.p[i] == '@')
        for (i++; i < s.len && is_name(s.p[i]);)
            i++;
    return i < s.len && (is_word(s.p[i]) || s.p[i] == '/') ? 0 : i - at;
}

static bool
is_covered(const struct tgs_text *t, size_t n, int64_t from, int64_t length)
{
    for (size_t i = 0; i < n; i++) {
        const struct tgs_entity *v = &t->entities[i];
        bool opaque = strcmp(v->type, "code") == 0 ||
                      strcmp(v->type, "pre") == 0 ||
                      strcmp(v->type, "text_link") == 0;
        if (opaque && from < v->offset + v->length && from + length > v->offset)
            return true;
    }
    return false;
}

static size_t
count_slashes(struct str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += s.p[i] == '/';
    return n;
}

static void
find_commands(struct arena *a, struct tgs_text *t)
{
    size_t given = t->n;
    struct tgs_entity *all =
        ARENA_ARRAY(a, struct tgs_entity, given + count_slashes(t->text) + 1);

    if (given)
        memcpy(all, t->entities, given * sizeof(*all));
    t->entities = all;
    for (size_t i = 0; i < t->text.len; i++) {
        size_t len = t->text.p[i] == '/' ? command_at(t->text, i) : 0;
        int64_t from;
        if (len == 0)
            continue;
        from = units_of(str_n(t->text.p, i));
        if (!is_covered(t, given, from, (int64_t)len))
            all[t->n++] = (struct tgs_entity){
                .type = "bot_command", .offset = from, .length = (int64_t)len};
        i += len - 1;
    }
}

static int
entity_order(const void *x, const void *y)
{
    const struct tgs_entity *a = x, *b = y;

    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    if (a->length != b->length)
        return a->length > b->length ? -1 : 1;
    return strcmp(a->type, b->type);
}

void
tgs_text_finish(struct arena *a, struct tgs_text *t)
{
    trim(t);
    find_commands(a, t);
    if (t->n > 1)
        qsort(t->entities, t->n, sizeof(*t->entities), entity_order);
    t->text = arena_str(a, t->text);
    t->points = utf8_count(t->text);
}

/* ---- entities of a request ---- */

static const char *const types[] = {
    "bold",         "italic",       "underline",   "strikethrough",
    "spoiler",      "code",         "pre",         "blockquote",
    "text_link",    "text_mention", "url",         "expandable_blockquote",
    "custom_emoji", "mention",      "hashtag",     "bot_command",
    "cashtag",      "email",        "phone_number"};

static int
entity_read(struct arena *a, const cJSON *j, struct tgs_entity *v,
            struct err *e)
{
    const char *type = json_str(j, "type", "");
    const char *url = json_str(j, "url", NULL);
    const char *language = json_str(j, "language", NULL);

    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (strcmp(types[i], type) == 0)
            v->type = types[i];
    if (!v->type)
        return err_set(e, ERR_BAD_INPUT,
                       "can't parse MessageEntity: wrong type specified");
    v->offset = json_i64(j, "offset", -1);
    v->length = json_i64(j, "length", -1);
    if (v->offset < 0 || v->length < 0 || v->offset > RAW_BYTES ||
        v->length > RAW_BYTES)
        return err_set(e, ERR_BAD_INPUT,
                       "can't parse MessageEntity: wrong offset or length");
    v->arg_name = url ? "url" : language ? "language" : NULL;
    v->arg = arena_strdup(a, url ? url : language);
    v->user_id = json_i64(json_get(j, "user"), "id", 0);
    return 0;
}

int
tgs_plain_parse(struct arena *a, struct str text, const cJSON *entities,
                struct tgs_text *out, struct err *e)
{
    const cJSON *j;

    *out = (struct tgs_text){.text = text};
    if (tgs_text_check(text, e) != 0)
        return -1;
    if (entities && !cJSON_IsArray(entities))
        return err_set(e, ERR_BAD_INPUT, "can't parse entities: not an array");
    out->entities = ARENA_ARRAY(a, struct tgs_entity,
                                (size_t)cJSON_GetArraySize(entities) + 1);
    cJSON_ArrayForEach (j, entities)
        if (entity_read(a, j, &out->entities[out->n++], e) != 0)
            return -1;
    tgs_text_finish(a, out);
    return 0;
}

/* ---- as JSON ---- */

static void
entity_show(const struct tgs_entity *v, struct jw *w)
{
    jw_obj(w);
    jw_ki64(w, "offset", v->offset);
    jw_ki64(w, "length", v->length);
    jw_kstr(w, "type", v->type);
    if (v->arg_name)
        jw_kstr(w, v->arg_name, v->arg);
    if (v->user_id) {
        jw_key(w, "user");
        jw_obj(w);
        jw_ki64(w, "id", v->user_id);
        jw_kbool(w, "is_bot", false);
        jw_kstr(w, "first_name", "");
        jw_end(w);
    }
    jw_end(w);
}

char *
tgs_entities_json(struct arena *a, const struct tgs_text *t)
{
    struct buf b;
    struct jw w;
    char *z;

    if (t->n == 0)
        return NULL;
    buf_init(&b, 16u << 20);
    jw_init(&w, &b);
    jw_arr(&w);
    for (size_t i = 0; i < t->n; i++)
        entity_show(&t->entities[i], &w);
    jw_end(&w);
    z = arena_strn(a, b.p, b.len);
    buf_free(&b);
    return z;
}

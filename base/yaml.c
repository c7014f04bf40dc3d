/*
 * yaml.c - YAML to a JSON tree, from libyaml's events.
 *
 * DESIGN: events, not libyaml's document API, because marks, aliases and
 * limits are seen there as they come: an alias is copied only after its size
 * and height were added to the count. A path is kept while walking, so that
 * yaml_line() is the same walk with a question.
 */
#include "base/yaml.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>
#include "base/mem.h"
#include "base/yaml_scalar.h"

#define NODES_MAX 20000
#define DEPTH_MAX 32
#define ANCHORS_MAX 256

struct anchor {
    char *name;
    cJSON *node;     /* borrowed from the tree; NULL while being built */
    unsigned height; /* 1 = a scalar */
    size_t size;     /* nodes, itself included */
};

struct walk {
    yaml_parser_t parser;
    yaml_event_t event; /* the present one */
    bool has_event;
    size_t nodes;
    struct anchor anchors[ANCHORS_MAX];
    size_t anchor_count;
    struct buf path;
    const char *want; /* path asked for, or NULL */
    int want_line;
    struct err *e;
};

static cJSON *walk_node(struct walk *w, unsigned depth, unsigned *height);

static int
event_line(const struct walk *w)
{
    return (int)w->event.start_mark.line + 1;
}

static int
walk_fail(struct walk *w, enum err_code code, const char *what)
{
    return err_set(w->e, code, "line %d: %s", event_line(w), what);
}

/* libyaml's own complaint. */
static int
parser_fail(struct walk *w)
{
    const yaml_parser_t *p = &w->parser;
    size_t line =
        p->error == YAML_READER_ERROR ? p->mark.line : p->problem_mark.line;

    return err_set(w->e, ERR_BAD_INPUT, "line %zu: %s", line + 1,
                   p->problem != NULL ? p->problem : "not YAML");
}

static int
walk_next(struct walk *w)
{
    if (w->has_event)
        yaml_event_delete(&w->event);
    w->has_event = yaml_parser_parse(&w->parser, &w->event) != 0;
    return w->has_event ? 0 : parser_fail(w);
}

/* The kind after "tag:yaml.org,2002:", "" when there is no tag (or "!", which
 * means text); NULL for foreign ones. */
static const char *
tag_kind(const yaml_char_t *tag)
{
    static const char core[] = "tag:yaml.org,2002:";
    const char *z = (const char *)tag;

    if (z == NULL)
        return "";
    if (strcmp(z, "!") == 0)
        return "str";
    if (strncmp(z, core, sizeof core - 1) != 0)
        return NULL;
    z += sizeof core - 1;
    return yaml_word_in(str_c(z), "str int float bool null map seq") ? z : NULL;
}

static bool
node_is_kind(const cJSON *j, const char *kind)
{
    int64_t whole;

    if (strcmp(kind, "int") == 0)
        return json_to_i64(j, &whole) || cJSON_IsRaw(j);
    if (strcmp(kind, "float") == 0)
        return json_is_num(j);
    if (strcmp(kind, "bool") == 0)
        return cJSON_IsBool(j);
    if (strcmp(kind, "null") == 0)
        return cJSON_IsNull(j);
    return false;
}

static cJSON *
walk_scalar(struct walk *w)
{
    const char *kind = tag_kind(w->event.data.scalar.tag);
    struct str s = str_n((const char *)w->event.data.scalar.value,
                         w->event.data.scalar.length);
    bool quoted = w->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    cJSON *j;

    if (kind == NULL) {
        walk_fail(w, ERR_BAD_INPUT, "a tag that is not of the core schema");
        return NULL;
    }
    if (memchr(s.p, '\0', s.len) != NULL) {
        walk_fail(w, ERR_BAD_INPUT, "a NUL in a text");
        return NULL;
    }
    if (strcmp(kind, "str") == 0 || (*kind == '\0' && quoted))
        return cJSON_CreateString(s.p);
    if (*kind == '\0' &&
        yaml_word_in(s, ".inf .Inf .INF +.inf +.Inf +.INF -.inf -.Inf -.INF "
                        ".nan .NaN .NAN")) {
        walk_fail(w, ERR_BAD_INPUT, "JSON has no infinity and no NaN");
        return NULL;
    }
    j = yaml_plain(s);
    if (*kind != '\0' && !node_is_kind(j, kind)) {
        walk_fail(w, ERR_BAD_INPUT, "the value does not fit its tag");
        json_free(j);
        return NULL;
    }
    return j;
}

/* Room for one node more, at this depth. */
static int
walk_count(struct walk *w, size_t nodes, unsigned depth)
{
    if (depth > DEPTH_MAX)
        return walk_fail(w, ERR_BAD_INPUT, "nested too deeply");
    w->nodes += nodes;
    if (w->nodes > NODES_MAX)
        return walk_fail(w, ERR_TOO_LARGE,
                         "more than 20000 nodes, aliases included");
    return 0;
}

static struct anchor *
anchor_find(struct walk *w, const char *name)
{
    size_t i;

    for (i = w->anchor_count; i > 0; i--)
        if (strcmp(w->anchors[i - 1].name, name) == 0)
            return &w->anchors[i - 1];
    return NULL;
}

static cJSON *
walk_alias(struct walk *w, unsigned depth, unsigned *height)
{
    struct anchor *a = anchor_find(w, (const char *)w->event.data.alias.anchor);

    if (a == NULL) {
        walk_fail(w, ERR_BAD_INPUT, "an alias without its anchor");
        return NULL;
    }
    if (a->node == NULL) {
        walk_fail(w, ERR_BAD_INPUT, "an alias inside its own anchor");
        return NULL;
    }
    if (walk_count(w, a->size, depth + a->height - 1) != 0)
        return NULL;
    *height = a->height;
    return cJSON_Duplicate(a->node, true);
}

/* Remembers the anchor before its node is built. -1: none, -2: failed. */
static int
anchor_open(struct walk *w)
{
    const yaml_char_t *name = NULL;
    struct anchor *a;

    if (w->event.type == YAML_SCALAR_EVENT)
        name = w->event.data.scalar.anchor;
    else if (w->event.type == YAML_SEQUENCE_START_EVENT)
        name = w->event.data.sequence_start.anchor;
    else if (w->event.type == YAML_MAPPING_START_EVENT)
        name = w->event.data.mapping_start.anchor;
    if (name == NULL)
        return -1;
    if (w->anchor_count == ANCHORS_MAX) {
        walk_fail(w, ERR_TOO_LARGE, "too many anchors");
        return -2;
    }
    a = &w->anchors[w->anchor_count];
    memset(a, 0, sizeof *a);
    a->name = mem_strdup((const char *)name);
    return (int)w->anchor_count++;
}

static size_t
path_push(struct walk *w, struct str part, int line)
{
    size_t before = w->path.len;

    if (before > 0)
        buf_add_byte(&w->path, '.');
    buf_add_str(&w->path, part);
    if (w->want != NULL && w->want_line == 0 &&
        str_eq_c(buf_str(&w->path), w->want))
        w->want_line = line;
    return before;
}

static void
path_pop(struct walk *w, size_t before)
{
    w->path.len = before;
    if (w->path.p != NULL)
        w->path.p[before] = '\0';
}

static int
walk_items(struct walk *w, cJSON *list, unsigned depth, unsigned *height)
{
    size_t i, before;

    for (i = 0;; i++) {
        char index[24];
        unsigned h = 0;
        cJSON *item;

        if (walk_next(w) != 0)
            return -1;
        if (w->event.type == YAML_SEQUENCE_END_EVENT)
            return 0;
        snprintf(index, sizeof index, "%zu", i);
        before = path_push(w, str_c(index), event_line(w));
        item = walk_node(w, depth + 1, &h);
        if (item == NULL)
            return -1;
        cJSON_AddItemToArray(list, item);
        if (h + 1 > *height)
            *height = h + 1;
        path_pop(w, before);
    }
}

/* The present event as a key; NULL when it cannot be one. */
static char *
walk_key(struct walk *w, const cJSON *object)
{
    const char *key;

    if (w->event.type != YAML_SCALAR_EVENT) {
        walk_fail(w, ERR_BAD_INPUT, "a key that is not a plain text");
        return NULL;
    }
    key = (const char *)w->event.data.scalar.value;
    if (strlen(key) != w->event.data.scalar.length ||
        w->event.data.scalar.anchor != NULL ||
        w->event.data.scalar.tag != NULL) {
        walk_fail(w, ERR_BAD_INPUT, "a key that is not a plain text");
        return NULL;
    }
    if (strcmp(key, "<<") == 0) {
        walk_fail(w, ERR_BAD_INPUT, "merge keys (<<) are not taken");
        return NULL;
    }
    if (json_get(object, key) != NULL) {
        err_set(w->e, ERR_BAD_INPUT, "line %d: %.80s: this key stands twice",
                event_line(w), key);
        return NULL;
    }
    return mem_strdup(key);
}

static int
walk_members(struct walk *w, cJSON *object, unsigned depth, unsigned *height)
{
    for (;;) {
        unsigned h = 0;
        size_t before;
        cJSON *value = NULL;
        char *key;

        if (walk_next(w) != 0)
            return -1;
        if (w->event.type == YAML_MAPPING_END_EVENT)
            return 0;
        if ((key = walk_key(w, object)) == NULL)
            return -1;
        before = path_push(w, str_c(key), event_line(w));
        if (walk_next(w) == 0)
            value = walk_node(w, depth + 1, &h);
        if (value != NULL)
            cJSON_AddItemToObject(object, key, value);
        mem_free(key);
        if (value == NULL)
            return -1;
        if (h + 1 > *height)
            *height = h + 1;
        path_pop(w, before);
    }
}

/* A mapping or a sequence. */
static cJSON *
walk_collection(struct walk *w, unsigned depth, unsigned *height)
{
    bool map = w->event.type == YAML_MAPPING_START_EVENT;
    const char *kind = tag_kind(map ? w->event.data.mapping_start.tag
                                    : w->event.data.sequence_start.tag);
    cJSON *j;
    int rc;

    if (kind == NULL ||
        (*kind != '\0' && strcmp(kind, map ? "map" : "seq") != 0)) {
        walk_fail(w, ERR_BAD_INPUT, "a tag that does not fit here");
        return NULL;
    }
    j = map ? cJSON_CreateObject() : cJSON_CreateArray();
    rc = map ? walk_members(w, j, depth, height)
             : walk_items(w, j, depth, height);
    if (rc == 0)
        return j;
    json_free(j);
    return NULL;
}

/* The node that the present event begins; height of its subtree. */
static cJSON *
walk_node(struct walk *w, unsigned depth, unsigned *height)
{
    size_t first = w->nodes;
    int anchor;
    cJSON *j;

    *height = 1;
    if (w->event.type == YAML_ALIAS_EVENT)
        return walk_alias(w, depth, height);
    if (walk_count(w, 1, depth) != 0 || (anchor = anchor_open(w)) == -2)
        return NULL;
    if (w->event.type == YAML_SCALAR_EVENT)
        j = walk_scalar(w);
    else
        j = walk_collection(w, depth, height);
    if (j != NULL && anchor >= 0) {
        w->anchors[anchor].node = j;
        w->anchors[anchor].height = *height;
        w->anchors[anchor].size = w->nodes - first;
    }
    return j;
}

static cJSON *
walk_document(struct walk *w)
{
    unsigned height;
    cJSON *j;

    if (walk_next(w) != 0 || walk_next(w) != 0) /* stream, document */
        return NULL;
    if (w->event.type == YAML_STREAM_END_EVENT) {
        walk_fail(w, ERR_BAD_INPUT, "the document is empty");
        return NULL;
    }
    if (walk_next(w) != 0 || (j = walk_node(w, 1, &height)) == NULL)
        return NULL;
    if (walk_next(w) != 0 || walk_next(w) != 0) /* its end, the stream's */
        goto bad;
    if (w->event.type == YAML_STREAM_END_EVENT)
        return j;
    walk_fail(w, ERR_BAD_INPUT, "a second document");
bad:
    json_free(j);
    return NULL;
}

static cJSON *
walk_text(struct str text, const char *want, int *line, struct err *e)
{
    struct walk *w;
    cJSON *j = NULL;

    if (text.len > YAML_BYTES_MAX) {
        err_set(e, ERR_TOO_LARGE, "line 1: more than %d bytes of YAML",
                YAML_BYTES_MAX);
        return NULL;
    }
    w = mem_calloc(1, sizeof *w);
    w->e = e;
    w->want = want;
    buf_init(&w->path, YAML_BYTES_MAX);
    if (yaml_parser_initialize(&w->parser) == 0)
        abort(); /* out of memory, as in mem_alloc */
    yaml_parser_set_encoding(&w->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(
        &w->parser, (const unsigned char *)(text.p != NULL ? text.p : ""),
        text.len);
    j = walk_document(w);
    if (line != NULL)
        *line = w->want_line;
    if (w->has_event)
        yaml_event_delete(&w->event);
    yaml_parser_delete(&w->parser);
    while (w->anchor_count > 0)
        mem_free(w->anchors[--w->anchor_count].name);
    buf_free(&w->path);
    mem_free(w);
    return j;
}

cJSON *
yaml_parse(struct str text, struct err *e)
{
    return walk_text(text, NULL, NULL, e);
}

int
yaml_line(struct str text, const char *path)
{
    int line = 0;

    json_free(walk_text(text, path, &line, NULL));
    return line;
}

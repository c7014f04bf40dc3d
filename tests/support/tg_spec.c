/*
 * tg_spec.c - checking calls and objects against the Bot API's specification.
 */
#include "tests/support/tg_spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

#define SPEC_PATH "tests/data/telegram-bot-api.json"
#define SPEC_BYTES (8u << 20)

struct tg_spec {
    cJSON *root;
    const cJSON *methods, *types;
};

/* What is being checked, for the words of an error. */
struct place {
    const struct tg_spec *spec;
    bool lenient; /* texts stand for numbers and objects */
    char path[200];
    struct err *e;
};

struct tg_spec *
tg_spec_load(void)
{
    struct tg_spec *s = mem_calloc(1, sizeof(*s));
    FILE *f = fopen(SPEC_PATH, "rb");
    char chunk[65536];
    struct buf b;
    struct err e = {0};
    size_t n;

    buf_init(&b, SPEC_BYTES);
    while (f && (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        buf_add(&b, chunk, n);
    if (f)
        fclose(f);
    s->root = json_parse(buf_str(&b), 0, &e);
    buf_free(&b);
    s->methods = json_get(s->root, "methods");
    s->types = json_get(s->root, "types");
    if (!s->methods || !s->types) {
        fprintf(stderr, SPEC_PATH ": %s\n", e.msg);
        exit(1);
    }
    return s;
}

void
tg_spec_free(struct tg_spec *s)
{
    if (!s)
        return;
    json_free(s->root);
    mem_free(s);
}

static int
wrong(const struct place *p, const char *what, const char *more)
{
    return err_set(p->e, ERR_BAD_INPUT, "%s: %s%s", p->path, what, more);
}

static struct place
below(const struct place *p, const char *name)
{
    struct place q = *p;
    size_t n = strlen(q.path);

    snprintf(q.path + n, sizeof(q.path) - n, ".%s", name);
    return q;
}

static int check(const struct place *p, const char *type, const cJSON *v);

/* ---- simple types ---- */

static bool
is_text_of(const cJSON *v, const char *type)
{
    const char *z = v->valuestring;
    int64_t n;
    char *end;

    if (strcmp(type, "Integer") == 0)
        return str_to_i64(str_c(z), &n);
    if (strcmp(type, "Float") == 0)
        return strtod(z, &end) >= 0 && *z && !*end;
    return strcmp(z, "true") == 0 || strcmp(z, "false") == 0;
}

static bool
is_simple(const char *type)
{
    static const char *const names[] = {"Integer", "Float",  "Boolean",
                                        "True",    "String", "InputFile"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(names[i], type) == 0)
            return true;
    return false;
}

static bool
is_of_simple(const struct place *p, const char *type, const cJSON *v)
{
    int64_t n;

    if (strcmp(type, "String") == 0)
        return cJSON_IsString(v);
    if (strcmp(type, "InputFile") == 0)
        return json_get(v, "file") && json_get(v, "size");
    if (p->lenient && cJSON_IsString(v))
        return is_text_of(v, type);
    if (strcmp(type, "Integer") == 0)
        return json_to_i64(v, &n);
    if (strcmp(type, "Float") == 0)
        return json_is_num(v);
    if (strcmp(type, "True") == 0)
        return cJSON_IsTrue(v);
    return cJSON_IsBool(v);
}

/* ---- arrays and objects ---- */

static int
check_array(const struct place *p, const char *type, const cJSON *v)
{
    char index[16];
    int i = 0;
    const cJSON *j;

    if (!cJSON_IsArray(v))
        return wrong(p, "is not an array: ", type);
    cJSON_ArrayForEach (j, v) {
        struct place q;
        snprintf(index, sizeof(index), "%d", i++);
        q = below(p, index);
        if (check(&q, type, j) != 0)
            return -1;
    }
    return 0;
}

static int
check_any(const struct place *p, const cJSON *types, const cJSON *v)
{
    struct place q = *p;
    struct err first = {0}, e;
    const cJSON *t;

    cJSON_ArrayForEach (t, types) {
        q.e = first.code == ERR_NONE ? &first : &e;
        if (check(&q, t->valuestring, v) == 0)
            return 0;
    }
    if (cJSON_GetArraySize(types) == 1) {
        *p->e = first;
        return -1;
    }
    return wrong(p, "fits none of its types; the first: ", first.msg);
}

static const cJSON *
field_find(const cJSON *fields, const char *name)
{
    const cJSON *f;

    cJSON_ArrayForEach (f, fields)
        if (strcmp(json_str(f, "name", ""), name) == 0)
            return f;
    return NULL;
}

static int
check_required(const struct place *p, const cJSON *fields, const cJSON *v)
{
    const cJSON *f;

    cJSON_ArrayForEach (f, fields)
        if (json_bool(f, "required", false) &&
            !json_get(v, json_str(f, "name", "")))
            return wrong(p, "lacks ", json_str(f, "name", ""));
    return 0;
}

static int
check_fields(const struct place *p, const cJSON *fields, const cJSON *v)
{
    const cJSON *m;

    if (!cJSON_IsObject(v))
        return wrong(p, "is not an object", "");
    cJSON_ArrayForEach (m, v) {
        const cJSON *f = field_find(fields, m->string);
        struct place q = below(p, m->string);
        if (!f)
            return wrong(&q, "is not known", "");
        if (check_any(&q, json_get(f, "types"), m) != 0)
            return -1;
    }
    return check_required(p, fields, v);
}

/* An abstract type is one of its subtypes; those that name their kind in
 * "type" are told apart by the error only. */
static int
check_subtypes(const struct place *p, const cJSON *type, const cJSON *v)
{
    struct place q = *p;
    struct err best = {0}, e = {0};
    const cJSON *t;
    size_t depth = 0;

    q.e = &e;
    cJSON_ArrayForEach (t, json_get(type, "subtypes")) {
        if (check(&q, t->valuestring, v) == 0)
            return 0;
        if (best.code == ERR_NONE || strlen(e.msg) > depth) {
            best = e;
            depth = strlen(e.msg);
        }
    }
    return wrong(p, "fits no subtype: ", best.msg);
}

/* Texts that hold JSON, in forms: nothing inside is lenient. */
static int
check_embedded(const struct place *p, const char *type, const cJSON *v)
{
    cJSON *j = json_parse(str_c(v->valuestring), 0, NULL);
    struct place q = *p;
    int rc;

    if (!j)
        return wrong(p, "is no JSON text of ", type);
    q.lenient = false;
    rc = check(&q, type, j);
    json_free(j);
    return rc;
}

static int
check(const struct place *p, const char *type, const cJSON *v)
{
    const cJSON *t;
    struct place q = *p;

    if (is_simple(type))
        return is_of_simple(p, type, v) ? 0 : wrong(p, "is no ", type);
    if (p->lenient && cJSON_IsString(v))
        return check_embedded(p, type, v);
    q.lenient = false;
    if (strncmp(type, "Array of ", 9) == 0)
        return check_array(&q, type + 9, v);
    t = json_get(p->spec->types, type);
    if (!t)
        return wrong(p, "has a type that is not known: ", type);
    if (json_get(t, "subtypes"))
        return check_subtypes(&q, t, v);
    return check_fields(&q, json_get(t, "fields"), v);
}

/* ---- calls ---- */

static bool
names_attachment(const cJSON *v, const char *attach)
{
    const cJSON *m;
    const char *hit;

    if (cJSON_IsString(v)) {
        hit = strstr(v->valuestring, attach);
        return hit && strchr("\"", hit[strlen(attach)]) != NULL;
    }
    cJSON_ArrayForEach (m, v)
        if (names_attachment(m, attach))
            return true;
    return false;
}

static bool
is_attachment(const cJSON *params, const cJSON *file)
{
    char attach[300];

    snprintf(attach, sizeof(attach), "attach://%s", file->string);
    return json_get(file, "size") && names_attachment(params, attach);
}

int
tg_spec_check_call(const struct tg_spec *s, const char *method,
                   const cJSON *params, struct err *e)
{
    const cJSON *m = json_get(s->methods, method);
    const cJSON *fields = json_get(m, "fields"), *v;
    struct place p = {.spec = s, .lenient = true, .e = e};

    snprintf(p.path, sizeof(p.path), "%s", method);
    if (!m)
        return wrong(&p, "is no method", "");
    if (!cJSON_IsObject(params))
        return wrong(&p, "has no parameters recorded", "");
    cJSON_ArrayForEach (v, params) {
        const cJSON *f = field_find(fields, v->string);
        struct place q = below(&p, v->string);
        if (!f && is_attachment(params, v))
            continue;
        if (!f)
            return wrong(&q, "is not known", "");
        if (check_any(&q, json_get(f, "types"), v) != 0)
            return -1;
    }
    return check_required(&p, fields, params);
}

int
tg_spec_check_type(const struct tg_spec *s, const char *type,
                   const cJSON *value, struct err *e)
{
    struct place p = {.spec = s, .e = e};

    snprintf(p.path, sizeof(p.path), "%s", type);
    return check(&p, type, value);
}

int
tg_spec_check_result(const struct tg_spec *s, const char *method,
                     const cJSON *result, struct err *e)
{
    struct place p = {.spec = s, .e = e};

    snprintf(p.path, sizeof(p.path), "%s", method);
    return check_any(&p, json_get(json_get(s->methods, method), "returns"),
                     result);
}

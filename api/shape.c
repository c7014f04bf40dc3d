/*
 * shape.c - the tables of api/shapes.def, and JSON both ways from them.
 */
#include <stdlib.h>
#include <string.h>
#include "api/shape.h"

#define SHAPE(name) static const struct api_field fields_##name[] = {
#define SHAPE_END(name) };
#define ROW(S, f, type, need, sub, text, at_n)                                \
    {#f, type, need, offsetof(struct api_##S, f), at_n, sub, text},
#define F_STR(S, f, need, text) ROW(S, f, API_STR, need, NULL, text, 0)
#define F_I64(S, f, need, text) ROW(S, f, API_I64, need, NULL, text, 0)
#define F_NUM(S, f, need, text) ROW(S, f, API_NUM, need, NULL, text, 0)
#define F_BOOL(S, f, need, text) ROW(S, f, API_BOOL, need, NULL, text, 0)
#define F_RAW(S, f, need, text) ROW(S, f, API_RAW, need, NULL, text, 0)
#define F_OBJ(S, f, sub, need, text)                                          \
    ROW(S, f, API_OBJ, need, &api_shape_##sub, text, 0)
#define F_LIST(S, f, sub, need, text)                                         \
    ROW(S, f, API_LIST, need, &api_shape_##sub, text,                         \
        offsetof(struct api_##S, n_##f))
#define F_STRS(S, f, need, text)                                              \
    ROW(S, f, API_STRS, need, NULL, text, offsetof(struct api_##S, n_##f))
#include "api/shapes.def"

#define SHAPE(name)                                                           \
    const struct api_shape api_shape_##name = {                               \
        #name, sizeof(struct api_##name), fields_##name,                      \
        sizeof fields_##name / sizeof fields_##name[0]};
#include "api/shapes.def"

#define SHAPE(name) &api_shape_##name,
const struct api_shape *const api_shapes[] = {
#include "api/shapes.def"
};
const size_t api_nshapes = sizeof api_shapes / sizeof api_shapes[0];

/* Where a member lives inside an object. */
static void *
at(void *obj, size_t offset)
{
    return (char *)obj + offset;
}

static const void *
at_const(const void *obj, size_t offset)
{
    return (const char *)obj + offset;
}

void
api_init(const struct api_shape *s, void *obj)
{
    memset(obj, 0, s->size);
    for (size_t i = 0; i < s->nfields; i++) {
        const struct api_field *f = &s->fields[i];
        if (f->type == API_I64)
            *(int64_t *)at(obj, f->offset) = API_UNSET;
        else if (f->type == API_NUM)
            *(double *)at(obj, f->offset) = NAN;
    }
}

/* ---- parsing ---------------------------------------------------------- */

static const char *
type_wanted(const struct api_field *f)
{
    switch (f->type) {
    case API_STR:
        return "a text";
    case API_I64:
        return "a whole number";
    case API_NUM:
        return "a number";
    case API_BOOL:
        return "true or false";
    case API_RAW:
        return "a JSON value";
    case API_OBJ:
        return "an object";
    case API_LIST:
    case API_STRS:
        return "a list";
    }
    return "?";
}

static int
parse_list(const struct api_field *f, const cJSON *v, void *out,
           struct arena *a, struct err *e)
{
    size_t n = (size_t)cJSON_GetArraySize(v);
    *(size_t *)at(out, f->offset_n) = n;
    const cJSON *item;
    size_t i = 0;
    if (f->type == API_STRS) {
        const char **texts = ARENA_ARRAY(a, const char *, n + 1);
        *(const char ***)at(out, f->offset) = texts;
        cJSON_ArrayForEach(item, v)
        {
            if (!cJSON_IsString(item))
                return err_set(e, ERR_BAD_INPUT, "/%s/%zu: must be a text",
                               f->name, i);
            texts[i++] = arena_strdup(a, item->valuestring);
        }
        return 0;
    }
    char *items = arena_alloc(a, f->sub->size * (n + 1));
    *(void **)at(out, f->offset) = items;
    cJSON_ArrayForEach(item, v)
    {
        if (api_parse(f->sub, item, items + i * f->sub->size, a, e) != 0)
            return err_wrap(e, "/%s/%zu", f->name, i);
        i++;
    }
    return 0;
}

static int
parse_object(const struct api_field *f, const cJSON *v, void *out,
             struct arena *a, struct err *e)
{
    void *sub = arena_alloc(a, f->sub->size);
    *(void **)at(out, f->offset) = sub;
    if (api_parse(f->sub, v, sub, a, e) != 0)
        return err_wrap(e, "/%s", f->name);
    return 0;
}

/* 1 = taken, 0 = wrong type, -1 = error inside. */
static int
parse_value(const struct api_field *f, const cJSON *v, void *out,
            struct arena *a, struct err *e)
{
    void *p = at(out, f->offset);
    switch (f->type) {
    case API_STR:
        if (!cJSON_IsString(v))
            return 0;
        *(const char **)p = arena_strdup(a, v->valuestring);
        return 1;
    case API_I64:
        return json_to_i64(v, (int64_t *)p) ? 1 : 0;
    case API_NUM: {
        char num[32];
        if (!cJSON_IsNumber(v) && !cJSON_IsRaw(v))
            return 0;
        struct str t = json_num_text(v, num);
        *(double *)p = strtod(arena_strn(a, t.p, t.len), NULL);
        return 1;
    }
    case API_BOOL:
        if (!cJSON_IsBool(v))
            return 0;
        *(bool *)p = cJSON_IsTrue(v);
        return 1;
    case API_RAW: {
        char *text = json_text(a, v);
        *(struct str *)p = str_c(text);
        return 1;
    }
    case API_OBJ:
        if (!cJSON_IsObject(v))
            return 0;
        return parse_object(f, v, out, a, e) == 0 ? 1 : -1;
    case API_LIST:
    case API_STRS:
        if (!cJSON_IsArray(v))
            return 0;
        return parse_list(f, v, out, a, e) == 0 ? 1 : -1;
    }
    return 0;
}

int
api_parse(const struct api_shape *s, const cJSON *j, void *out,
          struct arena *a, struct err *e)
{
    api_init(s, out);
    if (!cJSON_IsObject(j))
        return err_set(e, ERR_BAD_INPUT, ": must be an object");
    for (size_t i = 0; i < s->nfields; i++) {
        const struct api_field *f = &s->fields[i];
        const cJSON *v = json_get(j, f->name);
        if (v == NULL || (cJSON_IsNull(v) && f->type != API_RAW)) {
            if (f->need == REQ)
                return err_set(e, ERR_BAD_INPUT, "/%s: is missing", f->name);
            continue;
        }
        int rc = parse_value(f, v, out, a, e);
        if (rc == 0)
            return err_set(e, ERR_BAD_INPUT, "/%s: must be %s", f->name,
                           type_wanted(f));
        if (rc < 0)
            return -1;
    }
    return 0;
}

int
api_read(const struct api_shape *s, struct str json, void *out,
         struct arena *a, struct err *e)
{
    cJSON *tree = json_parse(json, 0, e);
    if (tree == NULL)
        return -1;
    int rc = api_parse(s, tree, out, a, e);
    json_free(tree);
    return rc;
}

/* ---- writing ---------------------------------------------------------- */

static void
write_list(const struct api_field *f, const void *obj, struct jw *w)
{
    size_t n = *(const size_t *)at_const(obj, f->offset_n);
    jw_key(w, f->name);
    jw_arr(w);
    if (f->type == API_STRS) {
        const char *const *texts =
            *(const char *const *const *)at_const(obj, f->offset);
        for (size_t i = 0; i < n; i++)
            jw_str(w, texts[i]);
    } else {
        const char *items = *(const char *const *)at_const(obj, f->offset);
        for (size_t i = 0; i < n; i++) {
            jw_obj(w);
            api_write_members(f->sub, items + i * f->sub->size, w);
            jw_end(w);
        }
    }
    jw_end(w);
}

static void
write_field(const struct api_field *f, const void *obj, struct jw *w)
{
    const void *p = at_const(obj, f->offset);
    switch (f->type) {
    case API_STR:
        if (*(const char *const *)p != NULL)
            jw_kstr(w, f->name, *(const char *const *)p);
        break;
    case API_I64:
        if (*(const int64_t *)p != API_UNSET)
            jw_ki64(w, f->name, *(const int64_t *)p);
        break;
    case API_NUM:
        if (!isnan(*(const double *)p))
            jw_knum(w, f->name, *(const double *)p);
        break;
    case API_BOOL:
        if (*(const bool *)p || f->need == REQ)
            jw_kbool(w, f->name, *(const bool *)p);
        break;
    case API_RAW:
        if (((const struct str *)p)->len > 0) {
            jw_key(w, f->name);
            jw_raw(w, *(const struct str *)p);
        }
        break;
    case API_OBJ:
        if (*(const void *const *)p != NULL) {
            jw_key(w, f->name);
            jw_obj(w);
            api_write_members(f->sub, *(const void *const *)p, w);
            jw_end(w);
        }
        break;
    case API_LIST:
    case API_STRS:
        if (f->need == REQ || *(const size_t *)at_const(obj, f->offset_n) > 0)
            write_list(f, obj, w);
        break;
    }
}

void
api_write_members(const struct api_shape *s, const void *obj, struct jw *w)
{
    for (size_t i = 0; i < s->nfields; i++)
        write_field(&s->fields[i], obj, w);
}

void
api_write(const struct api_shape *s, const void *obj, struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    api_write_members(s, obj, &w);
    jw_end(&w);
}

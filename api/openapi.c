/*
 * openapi.c - see openapi.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/openapi.h"
#include "api/route.h"

static void
ref_write(struct jw *w, const struct api_shape *s)
{
    char ref[96];
    snprintf(ref, sizeof ref, "#/components/schemas/%s", s->name);
    jw_obj(w);
    jw_kstr(w, "$ref", ref);
    jw_end(w);
}

static void
field_write(struct jw *w, const struct api_field *f)
{
    static const char *const types[] = {
        [API_STR] = "string", [API_I64] = "integer", [API_NUM] = "number",
        [API_BOOL] = "boolean", [API_LIST] = "array", [API_STRS] = "array"};
    if (f->type == API_OBJ) {
        ref_write(w, f->sub);
        return;
    }
    jw_obj(w);
    if (f->type != API_RAW)
        jw_kstr(w, "type", types[f->type]);
    if (f->type == API_I64)
        jw_kstr(w, "format", "int64");
    if (f->type == API_LIST || f->type == API_STRS) {
        jw_key(w, "items");
        if (f->type == API_LIST) {
            ref_write(w, f->sub);
        } else {
            jw_obj(w);
            jw_kstr(w, "type", "string");
            jw_end(w);
        }
    }
    if (f->text[0] != '\0')
        jw_kstr(w, "description", f->text);
    jw_end(w);
}

static void
shape_write(struct jw *w, const struct api_shape *s)
{
    bool any = false;
    jw_key(w, s->name);
    jw_obj(w);
    jw_kstr(w, "type", "object");
    jw_key(w, "properties");
    jw_obj(w);
    for (size_t i = 0; i < s->nfields; i++) {
        jw_key(w, s->fields[i].name);
        field_write(w, &s->fields[i]);
        any = any || s->fields[i].need == REQ;
    }
    jw_end(w);
    if (any) {
        jw_key(w, "required");
        jw_arr(w);
        for (size_t i = 0; i < s->nfields; i++) {
            if (s->fields[i].need == REQ)
                jw_str(w, s->fields[i].name);
        }
        jw_end(w);
    }
    jw_end(w);
}

static void
parameters_write(struct jw *w, const struct api_route_row *r)
{
    const char *p = r->path;
    jw_key(w, "parameters");
    jw_arr(w);
    while ((p = strchr(p, '{')) != NULL) {
        size_t n = strcspn(++p, "}");
        jw_obj(w);
        jw_key(w, "name");
        jw_text(w, str_n(p, n));
        jw_kstr(w, "in", "path");
        jw_kbool(w, "required", true);
        jw_key(w, "schema");
        jw_obj(w);
        jw_kstr(w, "type", "string");
        jw_end(w);
        jw_end(w);
    }
    jw_end(w);
}

static void
answer_write(struct jw *w, int status, const char *text, const char *type,
             const struct api_shape *s)
{
    char key[8];
    snprintf(key, sizeof key, "%d", status);
    jw_key(w, key);
    jw_obj(w);
    jw_kstr(w, "description", text);
    if (s != NULL && s != &api_shape_none && status != 204) {
        jw_key(w, "content");
        jw_obj(w);
        jw_key(w, type);
        jw_obj(w);
        jw_key(w, "schema");
        ref_write(w, s);
        jw_end(w);
        jw_end(w);
    }
    jw_end(w);
}

static void
answers_write(struct jw *w, const struct api_route_row *r)
{
    static const int common[] = {400, 401, 413, 500, 503};
    struct str rest = str_c(r->ok), part;
    int64_t n;
    jw_key(w, "responses");
    jw_obj(w);
    while (str_split(&rest, ' ', &part)) {
        if (str_to_i64(part, &n))
            answer_write(w, (int)n, r->summary, "application/json", r->answer);
    }
    rest = str_c(r->others);
    while (str_split(&rest, ' ', &part)) {
        if (str_to_i64(part, &n))
            answer_write(w, (int)n, "refused", "application/problem+json",
                         &api_shape_problem);
    }
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++) {
        if (strstr(r->ok, "503") == NULL || common[i] != 503)
            answer_write(w, common[i], "refused", "application/problem+json",
                         &api_shape_problem);
    }
    jw_end(w);
}

static void
operation_write(struct jw *w, const struct api_route_row *r)
{
    char method[8];
    size_t i;
    for (i = 0; r->method[i] != '\0' && i < sizeof method - 1; i++)
        method[i] = (char)(r->method[i] | 0x20);
    method[i] = '\0';
    jw_key(w, method);
    jw_obj(w);
    jw_kstr(w, "operationId", r->id);
    jw_kstr(w, "summary", r->summary);
    parameters_write(w, r);
    if (r->request != &api_shape_none) {
        jw_key(w, "requestBody");
        jw_obj(w);
        jw_kbool(w, "required", true);
        jw_key(w, "content");
        jw_obj(w);
        jw_key(w, "application/json");
        jw_obj(w);
        jw_key(w, "schema");
        ref_write(w, r->request);
        jw_end(w);
        jw_end(w);
        jw_end(w);
    }
    answers_write(w, r);
    if (r->auth != API_PUBLIC) {
        jw_key(w, "security");
        jw_arr(w);
        jw_obj(w);
        jw_key(w, "bearer");
        jw_arr(w);
        jw_end(w);
        jw_end(w);
        jw_end(w);
    }
    jw_end(w);
}

/* Has an earlier row the same path? Its item holds this row's method too. */
static bool
path_is_new(size_t row)
{
    for (size_t i = 0; i < row; i++) {
        if (strcmp(api_routes[i].path, api_routes[row].path) == 0)
            return false;
    }
    return true;
}

static void
paths_write(struct jw *w)
{
    jw_key(w, "paths");
    jw_obj(w);
    for (size_t i = 0; i < API_ROUTE_COUNT; i++) {
        if (!path_is_new(i))
            continue;
        jw_key(w, api_routes[i].path);
        jw_obj(w);
        for (size_t k = i; k < API_ROUTE_COUNT; k++) {
            if (strcmp(api_routes[k].path, api_routes[i].path) == 0)
                operation_write(w, &api_routes[k]);
        }
        jw_end(w);
    }
    jw_end(w);
}

void
openapi_write(struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstr(&w, "openapi", "3.1.0");
    jw_key(&w, "info");
    jw_obj(&w);
    jw_kstr(&w, "title", "Tintype");
    jw_kstr(&w, "version", TINTYPE_VERSION);
    jw_end(&w);
    paths_write(&w);
    jw_key(&w, "components");
    jw_obj(&w);
    jw_key(&w, "schemas");
    jw_obj(&w);
    for (size_t i = 0; i < api_nshapes; i++)
        shape_write(&w, api_shapes[i]);
    jw_end(&w);
    jw_key(&w, "securitySchemes");
    jw_obj(&w);
    jw_key(&w, "bearer");
    jw_obj(&w);
    jw_kstr(&w, "type", "http");
    jw_kstr(&w, "scheme", "bearer");
    jw_end(&w);
    jw_end(&w);
    jw_end(&w);
    jw_end(&w);
}

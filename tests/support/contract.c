/*
 * contract.c - the part of OpenAPI 3.1 and JSON Schema that ours uses.
 */
#include "tests/support/contract.h"

#include <stdio.h>
#include <string.h>

/* "/api/jobs/{id}" fits "/api/jobs/job_1"; a path without parameters wins. */
static bool
path_fits(const char *want, const char *path, bool *exact)
{
    *exact = strchr(want, '{') == NULL;
    while (*want != '\0' && *path != '\0') {
        if (*want == '{') {
            want = strchr(want, '}') + 1;
            path += strcspn(path, "/");
        } else if (*want++ != *path++) {
            return false;
        }
    }
    return *want == *path;
}

static const cJSON *
path_find(const cJSON *doc, const char *path)
{
    const cJSON *item, *best = NULL;
    cJSON_ArrayForEach (item, json_get(doc, "paths")) {
        bool exact;
        if (path_fits(item->string, path, &exact) && (exact || best == NULL))
            best = item;
    }
    return best;
}

static const cJSON *
method_find(const cJSON *item, const char *method)
{
    char low[16];
    size_t i = 0;
    for (; method[i] != '\0' && i < sizeof low - 1; i++)
        low[i] = (char)(method[i] | 0x20);
    low[i] = '\0';
    return json_get(item, low);
}

static const cJSON *
ref_follow(const cJSON *doc, const cJSON *schema)
{
    const char *ref = json_str(schema, "$ref", NULL);
    const char *name = ref != NULL ? strrchr(ref, '/') : NULL;
    if (name == NULL)
        return schema;
    return json_get(json_path(doc, "components.schemas"), name + 1);
}

static bool
type_fits(const cJSON *v, const char *type)
{
    int64_t i;
    double d;
    if (strcmp(type, "string") == 0)
        return cJSON_IsString(v);
    if (strcmp(type, "integer") == 0)
        return json_to_i64(v, &i);
    if (strcmp(type, "number") == 0)
        return json_to_num(v, &d);
    if (strcmp(type, "boolean") == 0)
        return cJSON_IsBool(v);
    if (strcmp(type, "array") == 0)
        return cJSON_IsArray(v);
    return strcmp(type, "object") == 0 && cJSON_IsObject(v);
}

static int schema_check(const cJSON *doc, const cJSON *schema, const cJSON *v,
                        const char *where, struct err *e);

static int
object_check(const cJSON *doc, const cJSON *schema, const cJSON *v,
             const char *where, struct err *e)
{
    const cJSON *item, *props = json_get(schema, "properties");
    cJSON_ArrayForEach (item, json_get(schema, "required")) {
        if (json_get(v, item->valuestring) == NULL)
            return err_set(e, ERR_CONFLICT, "%s/%s is missing", where,
                           item->valuestring);
    }
    cJSON_ArrayForEach (item, v) {
        char at[256];
        snprintf(at, sizeof at, "%.180s/%.60s", where, item->string);
        const cJSON *prop = json_get(props, item->string);
        if (prop == NULL)
            return err_set(e, ERR_CONFLICT, "%s is not described", at);
        if (schema_check(doc, prop, item, at, e) != 0)
            return -1;
    }
    return 0;
}

static int
schema_check(const cJSON *doc, const cJSON *schema, const cJSON *v,
             const char *where, struct err *e)
{
    schema = ref_follow(doc, schema);
    if (schema == NULL)
        return err_set(e, ERR_CONFLICT, "%s: its schema is missing", where);
    const char *type = json_str(schema, "type", NULL);
    if (type == NULL)
        return 0;
    if (!type_fits(v, type))
        return err_set(e, ERR_CONFLICT, "%s is not of type %s", where, type);
    if (strcmp(type, "object") == 0)
        return object_check(doc, schema, v, where, e);
    const cJSON *item;
    int n = 0;
    cJSON_ArrayForEach (item, v) {
        char at[256];
        snprintf(at, sizeof at, "%.200s/%d", where, n++);
        if (schema_check(doc, json_get(schema, "items"), item, at, e) != 0)
            return -1;
    }
    return 0;
}

/* The body against the one content type that the response describes. */
static int
body_check(const cJSON *doc, const cJSON *response,
           const struct contract_answer *a, struct err *e)
{
    const cJSON *content = json_get(response, "content");
    if (content == NULL)
        return 0;
    const cJSON *media = json_get(content, a->type);
    if (media == NULL)
        return err_set(e, ERR_CONFLICT, "content type %s is not described",
                       a->type);
    cJSON *v = json_parse(a->body, 0, e);
    if (v == NULL)
        return -1;
    int rc = schema_check(doc, json_get(media, "schema"), v, "", e);
    json_free(v);
    return rc;
}

int
contract_check(const cJSON *doc, const struct contract_answer *a, struct err *e)
{
    char status[8];
    const cJSON *item = path_find(doc, a->path);
    const cJSON *op = method_find(item, a->method);
    if (op == NULL)
        return err_set(e, ERR_CONFLICT, "%s %s is not described", a->method,
                       a->path);
    snprintf(status, sizeof status, "%d", a->status);
    const cJSON *response = json_get(json_get(op, "responses"), status);
    if (response == NULL)
        return err_set(e, ERR_CONFLICT, "%s %s: status %d is not described",
                       a->method, a->path, a->status);
    if (body_check(doc, response, a, e) != 0)
        return err_wrap(e, "%s %s %d", a->method, a->path, a->status);
    return 0;
}

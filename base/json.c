/*
 * json.c - trees of JSON: parse, access.
 *
 * The scan (json_scan.c) has judged the text before cJSON sees it. Numbers
 * that a double would change become cJSON_Raw nodes that carry their text;
 * json_to_i64() and the writer know both kinds.
 */
#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/json_number.h"
#include "base/json_scan.h"
#include "base/mem.h"

/* While json_parse_in() runs, cJSON allocates from here. */
static _Thread_local struct arena *parse_arena;

static void *
hook_alloc(size_t n)
{
    return parse_arena != NULL ? arena_alloc(parse_arena, n) : mem_alloc(n);
}

static void
hook_free(void *p)
{
    if (parse_arena == NULL)
        mem_free(p);
}

/* Before main, so that no thread can be inside cJSON meanwhile. */
__attribute__((constructor)) static void
hooks_install(void)
{
    cJSON_Hooks hooks = {hook_alloc, hook_free};

    cJSON_InitHooks(&hooks);
}

static void
node_make_exact(cJSON *j, struct str text)
{
    j->type = (j->type & ~0xff) | cJSON_Raw;
    j->valuestring = cJSON_malloc(text.len + 1);
    memcpy(j->valuestring, text.p, text.len);
    j->valuestring[text.len] = '\0';
}

/* In document order, as the scan counted. */
static void
tree_put_exact(cJSON *j, const struct json_scan *s, size_t *number,
               size_t *next)
{
    cJSON *child;

    if (cJSON_IsNumber(j)) {
        if (*next < s->n && s->exact[*next].nth == *number)
            node_make_exact(j, s->exact[(*next)++].text);
        (*number)++;
    }
    cJSON_ArrayForEach (child, j)
        tree_put_exact(child, s, number, next);
}

struct member {
    cJSON *j;
    size_t nth;
};

static int
member_cmp(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int c = strcmp(x->j->string, y->j->string);

    return c != 0 ? c : (x->nth > y->nth) - (x->nth < y->nth);
}

/* cJSON keeps all members of one name and finds the first; keep the last. */
static void
object_drop_doubles(cJSON *o)
{
    size_t i, n = (size_t)cJSON_GetArraySize(o);
    struct member *m;
    cJSON *j;

    if (n < 2)
        return;
    m = mem_calloc(n, sizeof *m);
    i = 0;
    cJSON_ArrayForEach (j, o) {
        m[i] = (struct member){j, i};
        i++;
    }
    qsort(m, n, sizeof *m, member_cmp);
    for (i = 0; i + 1 < n; i++)
        if (strcmp(m[i].j->string, m[i + 1].j->string) == 0)
            cJSON_Delete(cJSON_DetachItemViaPointer(o, m[i].j));
    mem_free(m);
}

static void
tree_drop_doubles(cJSON *j)
{
    cJSON *child;

    if (cJSON_IsObject(j))
        object_drop_doubles(j);
    cJSON_ArrayForEach (child, j)
        tree_drop_doubles(child);
}

cJSON *
json_parse(struct str text, int flags, struct err *e)
{
    struct json_scan scan;
    size_t number = 0, next = 0;
    cJSON *j = NULL;

    if (json_scan(text, flags, &scan, e) != 0)
        goto out;
    if (scan.rewritten)
        text = buf_str(&scan.clean);
    json_number_locale(true);
    j = cJSON_ParseWithLength(text.p, text.len);
    json_number_locale(false);
    if (j == NULL) {
        err_set(e, ERR_INTERNAL, "cJSON refused what the check took");
        goto out;
    }
    tree_put_exact(j, &scan, &number, &next);
    assert(next == scan.n);
    tree_drop_doubles(j);
out:
    json_scan_free(&scan);
    return j;
}

cJSON *
json_parse_in(struct arena *a, struct str text, int flags, struct err *e)
{
    cJSON *j;

    parse_arena = a;
    j = json_parse(text, flags, e);
    parse_arena = NULL;
    return j;
}

void
json_free(cJSON *j)
{
    cJSON_Delete(j);
}

cJSON *
json_get(const cJSON *o, const char *name)
{
    if (!cJSON_IsObject(o))
        return NULL;
    return cJSON_GetObjectItemCaseSensitive(o, name);
}

static cJSON *
member_by_str(const cJSON *o, struct str name)
{
    cJSON *j;

    cJSON_ArrayForEach (j, o)
        if (str_eq_c(name, j->string))
            return j;
    return NULL;
}

cJSON *
json_path(const cJSON *o, const char *path)
{
    struct str rest = str_c(path), part;
    uint64_t i;
    cJSON *j = NULL;

    while (str_split(&rest, '.', &part)) {
        if (cJSON_IsObject(o))
            j = member_by_str(o, part);
        else if (cJSON_IsArray(o) && str_to_u64(part, &i) && i < INT32_MAX)
            j = cJSON_GetArrayItem(o, (int)i);
        else
            return NULL;
        if (j == NULL)
            return NULL;
        o = j;
    }
    return j;
}

const char *
json_str(const cJSON *o, const char *name, const char *dflt)
{
    cJSON *v = json_get(o, name);

    return cJSON_IsString(v) ? v->valuestring : dflt;
}

int64_t
json_i64(const cJSON *o, const char *name, int64_t dflt)
{
    int64_t v;

    return json_to_i64(json_get(o, name), &v) ? v : dflt;
}

double
json_num(const cJSON *o, const char *name, double dflt)
{
    double v;

    return json_to_num(json_get(o, name), &v) ? v : dflt;
}

bool
json_bool(const cJSON *o, const char *name, bool dflt)
{
    cJSON *v = json_get(o, name);

    return cJSON_IsBool(v) ? cJSON_IsTrue(v) : dflt;
}

bool
json_is_num(const cJSON *v)
{
    return cJSON_IsNumber(v) || cJSON_IsRaw(v);
}

bool
json_to_num(const cJSON *v, double *out)
{
    double d;

    if (!json_is_num(v))
        return false;
    d = cJSON_IsRaw(v) ? json_number_double(str_c(v->valuestring))
                       : v->valuedouble;
    if (!isfinite(d))
        return false;
    *out = d;
    return true;
}

bool
json_to_i64(const cJSON *v, int64_t *out)
{
    char text[JSON_NUMBER_MAX];

    if (!json_is_num(v))
        return false;
    if (cJSON_IsNumber(v) && !isfinite(v->valuedouble))
        return false;
    return json_number_i64(json_num_text(v, text), out);
}

struct str
json_num_text(const cJSON *v, char out[32])
{
    assert(json_is_num(v));
    if (cJSON_IsRaw(v))
        return str_c(v->valuestring);
    if (!isfinite(v->valuedouble))
        return STR("null");
    json_number_format(v->valuedouble, out);
    return str_c(out);
}

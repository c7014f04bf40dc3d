/*
 * caps.c - can this server run that graph?
 */
#include "comfy/caps.h"

#include <string.h>
#include "comfy/answer.h"

void
comfy_missing_add(struct comfy_missing *m, const char *item)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->items[i], item) == 0)
            return;
    if (m->n < COMFY_MISSING_MAX)
        m->items[m->n++] = item;
}

const cJSON *
comfy_class_entry(const cJSON *answer, const char *class_type)
{
    const cJSON *entry = json_get(answer, class_type);

    return cJSON_IsObject(entry) ? entry : NULL;
}

/* ---- one input's declaration: [type, options] ---- */

static const cJSON *
config_options(const cJSON *config)
{
    return cJSON_IsArray(config) && config->child ? config->child->next : NULL;
}

/* The array of choices in either shape, or NULL: no such input, or a node that
 * does not tell its list. */
static const cJSON *
config_choices(const cJSON *config)
{
    const cJSON *type = cJSON_IsArray(config) ? config->child : NULL;
    const cJSON *list;

    if (cJSON_IsArray(type))
        return type;
    if (!cJSON_IsString(type) || strcmp(type->valuestring, "COMBO") != 0)
        return NULL;
    list = json_get(config_options(config), "options");
    return cJSON_IsArray(list) ? list : NULL;
}

/* {"image_upload": true} and its like: any file that exists is a choice, in
 * subfolders and "[temp]" too. "remote": the web page fetches the list. */
static bool
config_is_open(const cJSON *config)
{
    const cJSON *o, *options = config_options(config);

    if (!cJSON_IsObject(options))
        return false;
    cJSON_ArrayForEach (o, options) {
        if (str_ends(str_c(o->string), STR("_upload")) && cJSON_IsTrue(o))
            return true;
        if (strcmp(o->string, "remote") == 0 && !cJSON_IsNull(o))
            return true;
    }
    return false;
}

static bool
choices_have_text(const cJSON *choices, const char *z)
{
    const cJSON *c;

    cJSON_ArrayForEach (c, choices)
        if (cJSON_IsString(c) && strcmp(c->valuestring, z) == 0)
            return true;
    return false;
}

static bool
choices_have(const cJSON *choices, const cJSON *value)
{
    const cJSON *c;
    double want, have;

    if (cJSON_IsString(value))
        return choices_have_text(choices, value->valuestring);
    cJSON_ArrayForEach (c, choices) {
        if (cJSON_IsBool(value) && cJSON_IsBool(c) &&
            cJSON_IsTrue(value) == cJSON_IsTrue(c))
            return true;
        if (json_to_num(value, &want) && json_to_num(c, &have) &&
            want >= have && want <= have)
            return true;
    }
    return false;
}

char *
comfy_default_text(struct arena *a, const cJSON *config)
{
    const cJSON *dflt = json_get(config_options(config), "default");
    const cJSON *choices = config_choices(config);

    if (dflt && !cJSON_IsNull(dflt) && !cJSON_IsArray(dflt))
        return json_text(a, dflt);
    if (choices && choices->child && !cJSON_IsNull(choices->child))
        return json_text(a, choices->child);
    return NULL;
}

/* ---- one node ---- */

static const cJSON *
required_of(const cJSON *entry)
{
    const cJSON *required = json_get(json_get(entry, "input"), "required");

    return cJSON_IsObject(required) ? required : NULL;
}

/* Links are lists; so is what a multiple choice takes. */
static bool
is_literal(const cJSON *value)
{
    return cJSON_IsString(value) || cJSON_IsBool(value) || json_is_num(value);
}

static void
input_check(struct arena *a, const char *class_type, const cJSON *config,
            const cJSON *value, struct comfy_missing *m)
{
    const cJSON *choices = config_choices(config);

    if (!value && !comfy_default_text(a, config)) {
        comfy_missing_add(m, arena_fmt(a, "input %s.%s",
                                       comfy_clean(a, class_type, 80),
                                       comfy_clean(a, config->string, 80)));
        return;
    }
    if (!choices || !is_literal(value) || config_is_open(config) ||
        choices_have(choices, value))
        return;
    comfy_missing_add(
        m, arena_fmt(a, "choice %s.%s: %s", comfy_clean(a, class_type, 80),
                     comfy_clean(a, config->string, 80),
                     comfy_clean(a,
                                 cJSON_IsString(value) ? value->valuestring
                                                       : json_text(a, value),
                                 120)));
}

static void
group_check(struct arena *a, const cJSON *node, const cJSON *group,
            bool required, struct comfy_missing *m)
{
    const cJSON *inputs = json_get(node, "inputs"), *config;

    if (!cJSON_IsObject(group))
        return;
    cJSON_ArrayForEach (config, group) {
        const cJSON *value = json_get(inputs, config->string);
        if (value || required)
            input_check(a, json_str(node, "class_type", "?"), config, value, m);
    }
}

void
comfy_node_check(struct arena *a, const cJSON *node, const cJSON *entry,
                 struct comfy_missing *m)
{
    group_check(a, node, required_of(entry), true, m);
    group_check(a, node, json_get(json_get(entry, "input"), "optional"), false,
                m);
}

/* ---- models ---- */

bool
comfy_class_offers(const cJSON *entry, const char *file)
{
    const cJSON *group, *config;

    cJSON_ArrayForEach (group, json_get(entry, "input")) {
        if (!cJSON_IsObject(group))
            continue;
        cJSON_ArrayForEach (config, group)
            if (choices_have_text(config_choices(config), file))
                return true;
    }
    return false;
}

bool
comfy_models_have(const cJSON *answer, const char *file)
{
    return cJSON_IsArray(answer) && choices_have_text(answer, file);
}

/* ---- completing a graph ---- */

static void
inputs_write(struct arena *a, struct jw *w, const cJSON *node,
             const cJSON *entry)
{
    const cJSON *inputs = json_get(node, "inputs"), *i;

    jw_obj(w);
    if (cJSON_IsObject(inputs))
        cJSON_ArrayForEach (i, inputs)
            jw_ktree(w, i->string, i);
    cJSON_ArrayForEach (i, required_of(entry)) {
        const char *dflt = NULL;
        if (!json_get(inputs, i->string))
            dflt = comfy_default_text(a, i);
        if (!dflt)
            continue;
        jw_key(w, i->string);
        jw_raw(w, str_c(dflt));
    }
    jw_end(w);
}

static void
node_write(struct arena *a, struct jw *w, const cJSON *node, const cJSON *entry)
{
    const cJSON *m;

    jw_key(w, node->string);
    jw_obj(w);
    cJSON_ArrayForEach (m, node)
        if (strcmp(m->string, "inputs") != 0)
            jw_ktree(w, m->string, m);
    jw_key(w, "inputs");
    inputs_write(a, w, node, entry);
    jw_end(w);
}

char *
comfy_graph_complete(struct arena *a, struct str graph,
                     const cJSON *(*entry)(void *ctx, const char *class),
                     void *ctx, struct err *e)
{
    const cJSON *j = json_parse_in(a, graph, 0, e), *node;
    struct buf b;
    struct jw w;
    char *text = NULL;

    if (!j)
        return NULL;
    buf_init(&b, graph.len * 2 + 1024 * 1024);
    jw_init(&w, &b);
    if (!cJSON_IsObject(j)) {
        err_set(e, ERR_BAD_INPUT, "the graph is no object");
        goto out;
    }
    jw_obj(&w);
    cJSON_ArrayForEach (node, j) {
        const char *class_type = json_str(node, "class_type", NULL);
        if (!class_type) {
            err_set(e, ERR_BAD_INPUT, "a node has no class_type");
            goto out;
        }
        node_write(a, &w, node, entry(ctx, class_type));
    }
    jw_end(&w);
    if (b.failed)
        err_set(e, ERR_TOO_LARGE, "the completed graph is over %zu bytes",
                b.limit);
    else
        text = arena_strn(a, b.p, b.len);
out:
    buf_free(&b);
    return text;
}

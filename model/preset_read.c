/*
 * preset_read.c - a preset's tree, field by field.
 *
 * DESIGN: the field_*() functions write the sentence with the member's whole
 * path, the callers only pass -1 on. The path is what turns into a line of the
 * YAML text.
 */
#include "model/preset_field.h"

#include <stdio.h>
#include <string.h>
#include "base/limits.h"

#define SLOTS_MAX 64

/* ---- inputs ---- */

static int
rd_choices(struct fields *r, const cJSON *o, const char *path,
           struct preset_input *in)
{
    const cJSON *titles = json_get(o, "enumTitles"), *t;
    const char *titles_path = field_path(r, path, "enumTitles");
    const char *const *values = NULL;
    struct preset_choice *c;
    size_t i, j, found = 0;

    if (field_list(r, o, path, "enum", 1, &values, &in->n_choices) != 0)
        return -1;
    if (in->n_choices > PRESET_CHOICES_MAX)
        return field_fail(r, path, "enum", "has more than 24 choices");
    c = ARENA_ARRAY(r->a, struct preset_choice, in->n_choices);
    for (i = 0; i < in->n_choices; i++) {
        if (strlen(values[i]) > PRESET_NAME_MAX)
            return field_fail(r, path, "enum", "has a choice that is too long");
        for (j = 0; j < i; j++)
            if (strcmp(values[i], values[j]) == 0)
                return field_fail(r, path, "enum", "has a choice twice");
        c[i].value = values[i];
        c[i].title = (struct preset_text){values[i], values[i]};
        if (json_get(titles, values[i]) == NULL)
            continue;
        found++;
        if (field_text(r, titles, titles_path, values[i], FIELD_TITLE_MAX,
                       &c[i].title) != 0)
            return -1;
    }
    in->choices = c;
    cJSON_ArrayForEach (t, titles)
        if (found-- == 0)
            return field_fail(r, path, "enumTitles", "names no choice of enum");
    return 0;
}

static int
rd_number(struct fields *r, const cJSON *o, const char *path,
          struct preset_input *in)
{
    in->whole = strcmp(json_str(o, "type", ""), "integer") == 0;
    if (field_num(r, o, path, "minimum", &in->has_min, &in->min) != 0 ||
        field_num(r, o, path, "maximum", &in->has_max, &in->max) != 0)
        return -1;
    if (in->has_min && in->has_max && in->min > in->max)
        return field_fail(r, path, "minimum", "is greater than maximum");
    return 0;
}

static int
rd_kind(struct fields *r, const cJSON *o, const char *path,
        struct preset_input *in)
{
    const char *type = json_str(o, "type", "");
    const char *format = json_str(o, "format", NULL);

    if (strcmp(type, "number") == 0 || strcmp(type, "integer") == 0) {
        in->kind = PRESET_NUMBER;
        if (field_keys(r, o, path,
                       "type title description minimum maximum "
                       "default") != 0)
            return -1;
        return rd_number(r, o, path, in);
    }
    if (strcmp(type, "string") != 0)
        return field_fail(r, path, "type", "must be string, number or integer");
    if (format != NULL && strcmp(format, "image") != 0)
        return field_fail(r, path, "format", "must be image");
    if (format != NULL) {
        in->kind = PRESET_PHOTO;
        return field_keys(r, o, path, "type format title description");
    }
    if (json_get(o, "enum") != NULL) {
        in->kind = PRESET_CHOICE;
        if (field_keys(r, o, path,
                       "type title description enum enumTitles "
                       "default") != 0)
            return -1;
        return rd_choices(r, o, path, in);
    }
    in->kind = PRESET_TEXT;
    in->max_length = LIM_PROMPT_POINTS;
    if (field_keys(r, o, path, "type title description maxLength default") != 0)
        return -1;
    return field_i64(r, o, path, "maxLength", 1, LIM_PROMPT_POINTS,
                     &in->max_length);
}

static int
rd_default(struct fields *r, const cJSON *o, const char *path,
           struct preset_input *in)
{
    const cJSON *v = json_get(o, "default");

    if (v == NULL)
        return 0;
    if (in->kind == PRESET_PHOTO)
        return field_fail(r, path, "default", "a photo has none");
    if (preset_value_check(in, v, field_path(r, path, "default"), r->e) != 0) {
        snprintf(r->path, PRESET_PATH_MAX, "%s",
                 field_path(r, path, "default"));
        return -1;
    }
    in->dflt = json_text(r->a, v);
    return 0;
}

static bool
list_names(const cJSON *list, const char *name)
{
    const cJSON *v;

    cJSON_ArrayForEach (v, list)
        if (cJSON_IsString(v) && strcmp(v->valuestring, name) == 0)
            return true;
    return false;
}

static int
rd_input(struct fields *r, const cJSON *schema, const cJSON *o,
         struct preset_input *in)
{
    const char *path = field_path(r, "inputs.properties", o->string);
    bool listed = list_names(json_get(schema, "required"), o->string);

    if (!cJSON_IsObject(o))
        return field_fail(r, path, "", "must be a mapping");
    if (!field_is_word(o->string, "_") ||
        strcmp(o->string, PRESET_SLOT_SEED) == 0 ||
        strcmp(o->string, PRESET_SLOT_PREFIX) == 0)
        return field_fail(r, path, "",
                          "an input is named with a-z, 0-9 and _, "
                          "and not seed or prefix");
    in->name = arena_strdup(r->a, o->string);
    if (rd_kind(r, o, path, in) != 0 ||
        field_text(r, o, path, "title", FIELD_TITLE_MAX, &in->title) != 0 ||
        field_text_opt(r, o, path, "description", FIELD_DESCRIPTION_MAX,
                       &in->description) != 0 ||
        rd_default(r, o, path, in) != 0)
        return -1;
    if (in->kind == PRESET_PHOTO && !listed)
        return field_fail(r, path, "", "a photo must stand in `required`");
    in->required = listed && in->dflt == NULL;
    return 0;
}

static int
rd_inputs(struct fields *r, const cJSON *tree, struct preset *p)
{
    const cJSON *schema = json_get(tree, "inputs"), *v;
    const cJSON *fields = json_get(schema, "properties");
    struct preset_input *in;
    size_t n;

    if (schema == NULL)
        return field_fail(r, "inputs", "", "is missing");
    if (field_keys(r, schema, "inputs",
                   "type required properties additionalProperties") != 0)
        return -1;
    v = json_get(schema, "additionalProperties");
    if (v != NULL && !cJSON_IsFalse(v))
        return field_fail(r, "inputs", "additionalProperties", "must be false");
    if (strcmp(json_str(schema, "type", ""), "object") != 0)
        return field_fail(r, "inputs", "type", "must be object");
    if (!cJSON_IsObject(fields) || fields->child == NULL)
        return field_fail(r, "inputs", "properties", "must name the inputs");
    n = (size_t)cJSON_GetArraySize(fields);
    if (n > PRESET_INPUTS_MAX)
        return field_fail(r, "inputs", "properties", "has more than 10 inputs");
    in = ARENA_ARRAY(r->a, struct preset_input, n);
    p->inputs = in;
    cJSON_ArrayForEach (v, fields) {
        if (rd_input(r, schema, v, &in[p->n_inputs]) != 0)
            return -1;
        p->n_inputs++;
    }
    v = json_get(schema, "required");
    if (v != NULL && (!cJSON_IsArray(v) || cJSON_GetArraySize(v) > (int)n))
        return field_fail(r, "inputs", "required", "must be a list of inputs");
    cJSON_ArrayForEach (v, json_get(schema, "required"))
        if (!cJSON_IsString(v) || json_get(fields, v->valuestring) == NULL)
            return field_fail(r, "inputs", "required", "names no input");
    p->schema = json_text(r->a, schema);
    return 0;
}

/* ---- tasks ---- */

/* "1.image": node id up to the first point, then the input's name. */
static int
rd_target(struct fields *r, const cJSON *v, const char *name, const char *path,
          struct preset_slot *slots, size_t *n)
{
    struct preset_slot *s;
    const char *dot;

    if (!cJSON_IsString(v))
        return field_fail(r, path, name, "must be a text such as \"1.image\"");
    dot = strchr(v->valuestring, '.');
    if (dot == NULL || dot == v->valuestring || dot[1] == '\0')
        return field_fail(r, path, name, "must look like \"1.image\"");
    if (strlen(v->valuestring) > FIELD_ITEM_MAX)
        return field_fail(r, path, name, "is too long");
    if (*n == SLOTS_MAX)
        return field_fail(r, path, name, "too many slots");
    s = &slots[(*n)++];
    s->name = arena_strdup(r->a, name);
    s->node = arena_strn(r->a, v->valuestring, (size_t)(dot - v->valuestring));
    s->input = arena_strdup(r->a, dot + 1);
    return 0;
}

static bool
task_has_slot(const struct preset_task *t, const char *name)
{
    size_t i;

    for (i = 0; i < t->n_slots; i++)
        if (strcmp(t->slots[i].name, name) == 0)
            return true;
    return false;
}

static int
rd_slots(struct fields *r, const cJSON *o, const char *base,
         const struct preset *p, struct preset_task *t)
{
    const char *path = field_path(r, base, "slots");
    const cJSON *slots = json_get(o, "slots"), *s;
    struct preset_slot *targets =
        ARENA_ARRAY(r->a, struct preset_slot, SLOTS_MAX);
    size_t i;

    if (!cJSON_IsObject(slots))
        return field_fail(r, path, "", "must be a mapping of slots");
    t->slots = targets;
    cJSON_ArrayForEach (s, slots) {
        const cJSON *v = cJSON_IsArray(s) ? s->child : s;

        if (strcmp(s->string, PRESET_SLOT_SEED) != 0 &&
            strcmp(s->string, PRESET_SLOT_PREFIX) != 0 &&
            preset_input_find(p, s->string) == NULL)
            return field_fail(r, path, s->string,
                              "is no input, and neither seed nor prefix");
        for (; v != NULL; v = cJSON_IsArray(s) ? v->next : NULL)
            if (rd_target(r, v, s->string, path, targets, &t->n_slots) != 0)
                return -1;
    }
    if (!task_has_slot(t, PRESET_SLOT_PREFIX))
        return field_fail(r, path, "", "the slot prefix is missing");
    for (i = 0; i < p->n_inputs; i++)
        if (!task_has_slot(t, p->inputs[i].name))
            return field_fail(
                r, path, "",
                arena_fmt(r->a, "the input %s has no slot", p->inputs[i].name));
    return 0;
}

static int
rd_needs(struct fields *r, const cJSON *o, const char *base,
         struct preset_task *t)
{
    const char *path = field_path(r, base, "needs");
    const cJSON *needs = json_get(o, "needs");
    size_t i;

    if (needs == NULL)
        return 0;
    if (field_keys(r, needs, path, "models") != 0 ||
        field_list(r, needs, path, "models", 0, &t->models, &t->n_models) != 0)
        return -1;
    for (i = 0; i < t->n_models; i++)
        if (str_find(str_c(t->models[i]), '/') <= 0)
            return field_fail(r, path, "models",
                              "each must look like checkpoints/x.safetensors");
    return 0;
}

static int
rd_task(struct fields *r, const cJSON *o, const struct preset *p,
        struct preset_task *t)
{
    const char *base = "tasks.0";

    if (field_keys(r, o, base, "name service workflow slots result needs") !=
            0 ||
        field_word(r, o, base, "name", "-_", &t->name) != 0 ||
        field_word(r, o, base, "service", "-_", &t->service) != 0 ||
        field_str(r, o, base, "workflow", PRESET_NAME_MAX, &t->workflow) != 0)
        return -1;
    if (strcmp(t->workflow, "workflow.json") != 0)
        return field_fail(r, base, "workflow", "must be workflow.json");
    if (rd_slots(r, o, base, p, t) != 0 ||
        field_list(r, o, base, "result", 1, &t->results, &t->n_results) != 0 ||
        rd_needs(r, o, base, t) != 0)
        return -1;
    return 0;
}

static int
rd_tasks(struct fields *r, const cJSON *tree, struct preset *p)
{
    const cJSON *list = json_get(tree, "tasks");
    struct preset_task *t = ARENA_NEW(r->a, struct preset_task);

    if (list == NULL)
        return field_fail(r, "tasks", "", "is missing");
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != 1)
        return field_fail(r, "tasks", "",
                          "must be a list of one task in this version");
    if (rd_task(r, list->child, p, t) != 0)
        return -1;
    p->tasks = t;
    p->n_tasks = 1;
    return 0;
}

/* ---- the whole ---- */

static int
rd_category(struct fields *r, const cJSON *tree, struct preset *p)
{
    const cJSON *c = json_get(tree, "category");

    if (c == NULL)
        return field_fail(r, "category", "", "is missing");
    if (field_keys(r, c, "category", "id ru en order") != 0 ||
        field_word(r, c, "category", "id", "-", &p->category_id) != 0 ||
        field_str(r, c, "category", "ru", FIELD_TITLE_MAX, &p->category.ru) !=
            0 ||
        field_str(r, c, "category", "en", FIELD_TITLE_MAX, &p->category.en) !=
            0)
        return -1;
    return field_i64(r, c, "category", "order", -1000000, 1000000,
                     &p->category_order);
}

static int
rd_price(struct fields *r, const cJSON *tree, struct preset *p)
{
    bool has;

    if (json_get(tree, "price") == NULL)
        return field_fail(r, "price", "", "is missing");
    if (field_i64(r, tree, "", "price", 0, 1000000, &p->price) != 0 ||
        field_num(r, tree, "", "seconds", &has, &p->seconds) != 0)
        return -1;
    if (!has || !(p->seconds > 0 && p->seconds <= 86400))
        return field_fail(r, "seconds", "",
                          "must be a number over 0, up to 86400");
    return 0;
}

int
preset_read(struct arena *a, const cJSON *tree, bool strict, struct preset *p,
            char path[PRESET_PATH_MAX], struct err *e)
{
    struct fields r = {a, strict, path, e};

    *path = '\0';
    p->icon = "";
    if (field_keys(&r, tree, "",
                   "name title description category icon order price seconds "
                   "inputs tasks") != 0 ||
        field_word(&r, tree, "", "name", "-", &p->name) != 0 ||
        field_text(&r, tree, "", "title", FIELD_TITLE_MAX, &p->title) != 0 ||
        field_text_opt(&r, tree, "", "description", FIELD_DESCRIPTION_MAX,
                       &p->description) != 0 ||
        rd_category(&r, tree, p) != 0)
        return -1;
    if (json_get(tree, "icon") != NULL &&
        field_str(&r, tree, "", "icon", 8, &p->icon) != 0)
        return -1;
    if (field_i64(&r, tree, "", "order", -1000000, 1000000, &p->order) != 0 ||
        rd_price(&r, tree, p) != 0 || rd_inputs(&r, tree, p) != 0 ||
        rd_tasks(&r, tree, p) != 0)
        return -1;
    return 0;
}

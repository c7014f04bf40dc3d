/*
 * preset_read.c - a preset's tree, field by field.
 *
 * DESIGN: each rd_*() reads one member of an object and, when it is not what
 * it must be, writes the sentence with the member's whole path; the callers
 * only pass -1 on. The path is what turns into a line of the YAML text.
 */
#include "model/preset_read.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/limits.h"
#include "base/utf8.h"

#define TITLE_MAX 64        /* code points */
#define DESCRIPTION_MAX 500 /* code points: fits a caption twice */
#define SLOTS_MAX 64
#define LIST_MAX 64
#define ITEM_MAX 200 /* bytes of a list's text or a slot's target */

struct reader {
    struct arena *a;
    bool strict;
    char *path; /* PRESET_PATH_MAX: where it failed */
    struct err *e;
};

static char *
path_of(const struct reader *r, const char *base, const char *key)
{
    return *base == '\0' ? arena_strdup(r->a, key)
                         : arena_fmt(r->a, "%s.%s", base, key);
}

static int
fail(struct reader *r, const char *base, const char *key, const char *what)
{
    const char *path = *key != '\0' ? path_of(r, base, key) : base;

    snprintf(r->path, PRESET_PATH_MAX, "%s", path);
    return err_set(r->e, ERR_BAD_INPUT, "%.150s: %.200s", path, what);
}

/* s consists of a-z 0-9 and the extra bytes, is short, starts with a letter
 * or digit. */
static bool
is_word(const char *s, const char *extra)
{
    size_t i;

    for (i = 0; s[i] != '\0'; i++) {
        bool plain = (s[i] >= 'a' && s[i] <= 'z') ||
                     (s[i] >= '0' && s[i] <= '9');

        if (!plain && (i == 0 || strchr(extra, s[i]) == NULL))
            return false;
    }
    return i > 0 && i <= PRESET_NAME_MAX;
}

static bool
word_in(const char *words, const char *word)
{
    struct str rest = str_c(words), w;

    while (str_split(&rest, ' ', &w))
        if (str_eq_c(w, word))
            return true;
    return false;
}

/* o is an object with none but these members. */
static int
rd_keys(struct reader *r, const cJSON *o, const char *base, const char *keys)
{
    const cJSON *m;

    if (!cJSON_IsObject(o))
        return fail(r, *base != '\0' ? base : "the document", "",
                    "must be a mapping");
    if (!r->strict)
        return 0;
    cJSON_ArrayForEach (m, o)
        if (!word_in(keys, m->string))
            return fail(r, base, m->string, "this key is not known here");
    return 0;
}

static bool
text_is_plain(const char *s, bool newlines)
{
    for (; *s != '\0'; s++)
        if ((unsigned char)*s < 0x20 && !(newlines && *s == '\n'))
            return false;
    return true;
}

/* A text of 1..max code points into the arena. */
static int
rd_str(struct reader *r, const cJSON *o, const char *base, const char *key,
       size_t max, const char **out)
{
    const cJSON *v = json_get(o, key);

    if (v == NULL)
        return fail(r, base, key, "is missing");
    if (!cJSON_IsString(v))
        return fail(r, base, key, "must be a text (quote it)");
    if (!text_is_plain(v->valuestring, max >= DESCRIPTION_MAX))
        return fail(r, base, key, "control characters in a text");
    if (str_trim(str_c(v->valuestring)).len == 0)
        return fail(r, base, key, "must not be empty");
    if (utf8_count(str_c(v->valuestring)) > max)
        return fail(r, base, key, "is too long");
    *out = arena_strdup(r->a, v->valuestring);
    return 0;
}

static int
rd_word(struct reader *r, const cJSON *o, const char *base, const char *key,
        const char *extra, const char **out)
{
    if (rd_str(r, o, base, key, PRESET_NAME_MAX, out) != 0)
        return -1;
    if (!is_word(*out, extra))
        return fail(r, base, key, "must consist of a-z, 0-9 and hyphens");
    return 0;
}

/* {ru, en}. */
static int
rd_text(struct reader *r, const cJSON *o, const char *base, const char *key,
        size_t max, struct preset_text *out)
{
    const char *path = path_of(r, base, key);
    const cJSON *v = json_get(o, key);

    if (v == NULL)
        return fail(r, base, key, "is missing");
    if (rd_keys(r, v, path, "ru en") != 0 ||
        rd_str(r, v, path, "ru", max, &out->ru) != 0 ||
        rd_str(r, v, path, "en", max, &out->en) != 0)
        return -1;
    return 0;
}

static int
rd_text_opt(struct reader *r, const cJSON *o, const char *base,
            const char *key, size_t max, struct preset_text *out)
{
    if (json_get(o, key) != NULL)
        return rd_text(r, o, base, key, max, out);
    out->ru = out->en = "";
    return 0;
}

/* A whole number; left out: dflt stands. */
static int
rd_i64(struct reader *r, const cJSON *o, const char *base, const char *key,
       int64_t min, int64_t max, int64_t *out)
{
    const cJSON *v = json_get(o, key);
    char what[80];
    int64_t n;

    if (v == NULL)
        return 0;
    if (!json_to_i64(v, &n) || n < min || n > max) {
        snprintf(what, sizeof what,
                 "must be a whole number from %lld to %lld", (long long)min,
                 (long long)max);
        return fail(r, base, key, what);
    }
    *out = n;
    return 0;
}

static int
rd_num(struct reader *r, const cJSON *o, const char *base, const char *key,
       bool *has, double *out)
{
    const cJSON *v = json_get(o, key);

    *has = v != NULL;
    if (v != NULL && !json_to_num(v, out))
        return fail(r, base, key, "must be a number");
    return 0;
}

/* A list of texts, at least `least`; *out has n of them. */
static int
rd_list(struct reader *r, const cJSON *o, const char *base, const char *key,
        size_t least, const char *const **out, size_t *n)
{
    const cJSON *list = json_get(o, key), *v;
    const char **items;
    size_t count;

    if (!cJSON_IsArray(list))
        return fail(r, base, key,
                    list == NULL ? "is missing" : "must be a list");
    count = (size_t)cJSON_GetArraySize(list);
    if (count < least)
        return fail(r, base, key, "must not be empty");
    if (count > LIST_MAX)
        return fail(r, base, key, "is too long");
    items = ARENA_ARRAY(r->a, const char *, count);
    *n = 0;
    cJSON_ArrayForEach (v, list) {
        if (!cJSON_IsString(v) || *v->valuestring == '\0')
            return fail(r, base, key, "must hold texts only (quote them)");
        if (strlen(v->valuestring) > ITEM_MAX)
            return fail(r, base, key, "holds a text that is too long");
        items[(*n)++] = arena_strdup(r->a, v->valuestring);
    }
    *out = items;
    return 0;
}

/* ---- inputs ---- */

static int
rd_choices(struct reader *r, const cJSON *o, const char *path,
           struct preset_input *in)
{
    const cJSON *titles = json_get(o, "enumTitles"), *t;
    const char *titles_path = path_of(r, path, "enumTitles");
    const char *const *values = NULL;
    struct preset_choice *c;
    size_t i, j, found = 0;

    if (rd_list(r, o, path, "enum", 1, &values, &in->n_choices) != 0)
        return -1;
    if (in->n_choices > PRESET_CHOICES_MAX)
        return fail(r, path, "enum", "has more than 24 choices");
    c = ARENA_ARRAY(r->a, struct preset_choice, in->n_choices);
    for (i = 0; i < in->n_choices; i++) {
        if (strlen(values[i]) > PRESET_NAME_MAX)
            return fail(r, path, "enum", "has a choice that is too long");
        for (j = 0; j < i; j++)
            if (strcmp(values[i], values[j]) == 0)
                return fail(r, path, "enum", "has a choice twice");
        c[i].value = values[i];
        c[i].title = (struct preset_text){values[i], values[i]};
        if (json_get(titles, values[i]) == NULL)
            continue;
        found++;
        if (rd_text(r, titles, titles_path, values[i], TITLE_MAX,
                    &c[i].title) != 0)
            return -1;
    }
    in->choices = c;
    cJSON_ArrayForEach (t, titles)
        if (found-- == 0)
            return fail(r, path, "enumTitles", "names no choice of enum");
    return 0;
}

static int
rd_number(struct reader *r, const cJSON *o, const char *path,
          struct preset_input *in)
{
    in->whole = strcmp(json_str(o, "type", ""), "integer") == 0;
    if (rd_num(r, o, path, "minimum", &in->has_min, &in->min) != 0 ||
        rd_num(r, o, path, "maximum", &in->has_max, &in->max) != 0)
        return -1;
    if (in->has_min && in->has_max && in->min > in->max)
        return fail(r, path, "minimum", "is greater than maximum");
    return 0;
}

static int
rd_kind(struct reader *r, const cJSON *o, const char *path,
        struct preset_input *in)
{
    const char *type = json_str(o, "type", "");
    const char *format = json_str(o, "format", NULL);

    if (strcmp(type, "number") == 0 || strcmp(type, "integer") == 0) {
        in->kind = PRESET_NUMBER;
        if (rd_keys(r, o, path, "type title description minimum maximum "
                                "default") != 0)
            return -1;
        return rd_number(r, o, path, in);
    }
    if (strcmp(type, "string") != 0)
        return fail(r, path, "type", "must be string, number or integer");
    if (format != NULL && strcmp(format, "image") != 0)
        return fail(r, path, "format", "must be image");
    if (format != NULL) {
        in->kind = PRESET_PHOTO;
        return rd_keys(r, o, path, "type format title description");
    }
    if (json_get(o, "enum") != NULL) {
        in->kind = PRESET_CHOICE;
        if (rd_keys(r, o, path, "type title description enum enumTitles "
                                "default") != 0)
            return -1;
        return rd_choices(r, o, path, in);
    }
    in->kind = PRESET_TEXT;
    in->max_length = LIM_PROMPT_POINTS;
    if (rd_keys(r, o, path, "type title description maxLength default") != 0)
        return -1;
    return rd_i64(r, o, path, "maxLength", 1, LIM_PROMPT_POINTS,
                  &in->max_length);
}

static int
rd_default(struct reader *r, const cJSON *o, const char *path,
           struct preset_input *in)
{
    const cJSON *v = json_get(o, "default");

    if (v == NULL)
        return 0;
    if (in->kind == PRESET_PHOTO)
        return fail(r, path, "default", "a photo has none");
    if (preset_value_check(in, v, path_of(r, path, "default"), r->e) != 0) {
        snprintf(r->path, PRESET_PATH_MAX, "%s", path_of(r, path, "default"));
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
rd_input(struct reader *r, const cJSON *schema, const cJSON *o,
         struct preset_input *in)
{
    const char *path = path_of(r, "inputs.properties", o->string);
    bool listed = list_names(json_get(schema, "required"), o->string);

    if (!cJSON_IsObject(o))
        return fail(r, path, "", "must be a mapping");
    if (!is_word(o->string, "_") || strcmp(o->string, PRESET_SLOT_SEED) == 0 ||
        strcmp(o->string, PRESET_SLOT_PREFIX) == 0)
        return fail(r, path, "",
                    "an input is named with a-z, 0-9 and _, "
                    "and not seed or prefix");
    in->name = arena_strdup(r->a, o->string);
    if (rd_kind(r, o, path, in) != 0 ||
        rd_text(r, o, path, "title", TITLE_MAX, &in->title) != 0 ||
        rd_text_opt(r, o, path, "description", DESCRIPTION_MAX,
                    &in->description) != 0 ||
        rd_default(r, o, path, in) != 0)
        return -1;
    if (in->kind == PRESET_PHOTO && !listed)
        return fail(r, path, "", "a photo must stand in `required`");
    in->required = listed && in->dflt == NULL;
    return 0;
}

static int
rd_inputs(struct reader *r, const cJSON *tree, struct preset *p)
{
    const cJSON *schema = json_get(tree, "inputs"), *v;
    const cJSON *fields = json_get(schema, "properties");
    struct preset_input *in;
    size_t n;

    if (schema == NULL)
        return fail(r, "inputs", "", "is missing");
    if (rd_keys(r, schema, "inputs",
                "type required properties additionalProperties") != 0)
        return -1;
    v = json_get(schema, "additionalProperties");
    if (v != NULL && !cJSON_IsFalse(v))
        return fail(r, "inputs", "additionalProperties", "must be false");
    if (strcmp(json_str(schema, "type", ""), "object") != 0)
        return fail(r, "inputs", "type", "must be object");
    if (!cJSON_IsObject(fields) || fields->child == NULL)
        return fail(r, "inputs", "properties", "must name the inputs");
    n = (size_t)cJSON_GetArraySize(fields);
    if (n > PRESET_INPUTS_MAX)
        return fail(r, "inputs", "properties", "has more than 10 inputs");
    in = ARENA_ARRAY(r->a, struct preset_input, n);
    p->inputs = in;
    cJSON_ArrayForEach (v, fields) {
        if (rd_input(r, schema, v, &in[p->n_inputs]) != 0)
            return -1;
        p->n_inputs++;
    }
    v = json_get(schema, "required");
    if (v != NULL && (!cJSON_IsArray(v) || cJSON_GetArraySize(v) > (int)n))
        return fail(r, "inputs", "required", "must be a list of inputs");
    cJSON_ArrayForEach (v, json_get(schema, "required"))
        if (!cJSON_IsString(v) || json_get(fields, v->valuestring) == NULL)
            return fail(r, "inputs", "required", "names no input");
    p->schema = json_text(r->a, schema);
    return 0;
}

/* ---- tasks ---- */

/* "1.image": node id up to the first point, then the input's name. */
static int
rd_target(struct reader *r, const cJSON *v, const char *name,
          const char *path, struct preset_slot *slots, size_t *n)
{
    struct preset_slot *s;
    const char *dot;

    if (!cJSON_IsString(v))
        return fail(r, path, name, "must be a text such as \"1.image\"");
    dot = strchr(v->valuestring, '.');
    if (dot == NULL || dot == v->valuestring || dot[1] == '\0')
        return fail(r, path, name, "must look like \"1.image\"");
    if (strlen(v->valuestring) > ITEM_MAX)
        return fail(r, path, name, "is too long");
    if (*n == SLOTS_MAX)
        return fail(r, path, name, "too many slots");
    s = &slots[(*n)++];
    s->name = arena_strdup(r->a, name);
    s->node = arena_strn(r->a, v->valuestring,
                         (size_t)(dot - v->valuestring));
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
rd_slots(struct reader *r, const cJSON *o, const char *base,
         const struct preset *p, struct preset_task *t)
{
    const char *path = path_of(r, base, "slots");
    const cJSON *slots = json_get(o, "slots"), *s;
    struct preset_slot *targets =
        ARENA_ARRAY(r->a, struct preset_slot, SLOTS_MAX);
    size_t i;

    if (!cJSON_IsObject(slots))
        return fail(r, path, "", "must be a mapping of slots");
    t->slots = targets;
    cJSON_ArrayForEach (s, slots) {
        const cJSON *v = cJSON_IsArray(s) ? s->child : s;

        if (strcmp(s->string, PRESET_SLOT_SEED) != 0 &&
            strcmp(s->string, PRESET_SLOT_PREFIX) != 0 &&
            preset_input_find(p, s->string) == NULL)
            return fail(r, path, s->string,
                        "is no input, and neither seed nor prefix");
        for (; v != NULL; v = cJSON_IsArray(s) ? v->next : NULL)
            if (rd_target(r, v, s->string, path, targets, &t->n_slots) != 0)
                return -1;
    }
    if (!task_has_slot(t, PRESET_SLOT_PREFIX))
        return fail(r, path, "", "the slot prefix is missing");
    for (i = 0; i < p->n_inputs; i++)
        if (!task_has_slot(t, p->inputs[i].name))
            return fail(r, path, "",
                        arena_fmt(r->a, "the input %s has no slot",
                                  p->inputs[i].name));
    return 0;
}

static int
rd_needs(struct reader *r, const cJSON *o, const char *base,
         struct preset_task *t)
{
    const char *path = path_of(r, base, "needs");
    const cJSON *needs = json_get(o, "needs");
    size_t i;

    if (needs == NULL)
        return 0;
    if (rd_keys(r, needs, path, "models") != 0 ||
        rd_list(r, needs, path, "models", 0, &t->models, &t->n_models) != 0)
        return -1;
    for (i = 0; i < t->n_models; i++)
        if (str_find(str_c(t->models[i]), '/') <= 0)
            return fail(r, path, "models",
                        "each must look like checkpoints/x.safetensors");
    return 0;
}

static int
rd_task(struct reader *r, const cJSON *o, const struct preset *p,
        struct preset_task *t)
{
    const char *base = "tasks.0";

    if (rd_keys(r, o, base, "name service workflow slots result needs") != 0 ||
        rd_word(r, o, base, "name", "-_", &t->name) != 0 ||
        rd_word(r, o, base, "service", "-_", &t->service) != 0 ||
        rd_str(r, o, base, "workflow", PRESET_NAME_MAX, &t->workflow) != 0)
        return -1;
    if (strcmp(t->workflow, "workflow.json") != 0)
        return fail(r, base, "workflow", "must be workflow.json");
    if (rd_slots(r, o, base, p, t) != 0 ||
        rd_list(r, o, base, "result", 1, &t->results, &t->n_results) != 0 ||
        rd_needs(r, o, base, t) != 0)
        return -1;
    return 0;
}

static int
rd_tasks(struct reader *r, const cJSON *tree, struct preset *p)
{
    const cJSON *list = json_get(tree, "tasks");
    struct preset_task *t = ARENA_NEW(r->a, struct preset_task);

    if (list == NULL)
        return fail(r, "tasks", "", "is missing");
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != 1)
        return fail(r, "tasks", "",
                    "must be a list of one task in this version");
    if (rd_task(r, list->child, p, t) != 0)
        return -1;
    p->tasks = t;
    p->n_tasks = 1;
    return 0;
}

/* ---- the whole ---- */

static int
rd_category(struct reader *r, const cJSON *tree, struct preset *p)
{
    const cJSON *c = json_get(tree, "category");

    if (c == NULL)
        return fail(r, "category", "", "is missing");
    if (rd_keys(r, c, "category", "id ru en order") != 0 ||
        rd_word(r, c, "category", "id", "-", &p->category_id) != 0 ||
        rd_str(r, c, "category", "ru", TITLE_MAX, &p->category.ru) != 0 ||
        rd_str(r, c, "category", "en", TITLE_MAX, &p->category.en) != 0)
        return -1;
    return rd_i64(r, c, "category", "order", -1000000, 1000000,
                  &p->category_order);
}

static int
rd_price(struct reader *r, const cJSON *tree, struct preset *p)
{
    bool has;

    if (json_get(tree, "price") == NULL)
        return fail(r, "price", "", "is missing");
    if (rd_i64(r, tree, "", "price", 0, 1000000, &p->price) != 0 ||
        rd_num(r, tree, "", "seconds", &has, &p->seconds) != 0)
        return -1;
    if (!has || !(p->seconds > 0 && p->seconds <= 86400))
        return fail(r, "seconds", "", "must be a number over 0, up to 86400");
    return 0;
}

int
preset_read(struct arena *a, const cJSON *tree, bool strict,
            struct preset *p, char path[PRESET_PATH_MAX], struct err *e)
{
    struct reader r = {a, strict, path, e};

    *path = '\0';
    p->icon = "";
    if (rd_keys(&r, tree, "",
                "name title description category icon order price seconds "
                "inputs tasks") != 0 ||
        rd_word(&r, tree, "", "name", "-", &p->name) != 0 ||
        rd_text(&r, tree, "", "title", TITLE_MAX, &p->title) != 0 ||
        rd_text_opt(&r, tree, "", "description", DESCRIPTION_MAX,
                    &p->description) != 0 ||
        rd_category(&r, tree, p) != 0)
        return -1;
    if (json_get(tree, "icon") != NULL &&
        rd_str(&r, tree, "", "icon", 8, &p->icon) != 0)
        return -1;
    if (rd_i64(&r, tree, "", "order", -1000000, 1000000, &p->order) != 0 ||
        rd_price(&r, tree, p) != 0 || rd_inputs(&r, tree, p) != 0 ||
        rd_tasks(&r, tree, p) != 0)
        return -1;
    return 0;
}

/*
 * preset.c - presets: parsed from a folder, stored as JSON, named by hash.
 */
#include "model/preset.h"

#include <assert.h>
#include <string.h>
#include "base/limits.h"
#include "base/yaml.h"
#include "model/preset_read.h"
#include "model/workflow.h"

#define REPORT_MAX (64 * 1024)
#define BODY_MAX (1024 * 1024) /* preset_read() bounds every text and list */

const char *
preset_text_in(const struct preset_text *t, const char *lang)
{
    bool ru = lang != NULL && strncmp(lang, "ru", 2) == 0;

    return ru ? t->ru : t->en;
}

const char *
preset_kind_name(enum preset_kind kind)
{
    static const char *const names[] = {
        [PRESET_PHOTO] = "photo",
        [PRESET_TEXT] = "text",
        [PRESET_CHOICE] = "choice",
        [PRESET_NUMBER] = "number",
    };

    return names[kind];
}

const struct preset_input *
preset_input_find(const struct preset *p, const char *name)
{
    size_t i;

    for (i = 0; i < p->n_inputs; i++)
        if (strcmp(p->inputs[i].name, name) == 0)
            return &p->inputs[i];
    return NULL;
}

size_t
preset_photos(const struct preset *p)
{
    size_t i, n = 0;

    for (i = 0; i < p->n_inputs; i++)
        n += p->inputs[i].kind == PRESET_PHOTO;
    return n;
}

/* ---- reading a folder ---- */

static int
yaml_read(struct arena *a, struct str yaml, struct preset *p, struct err *e)
{
    char path[PRESET_PATH_MAX];
    cJSON *tree = yaml_parse(yaml, e);
    int line, rc;

    if (tree == NULL)
        return err_wrap(e, "preset.yaml");
    rc = preset_read(a, tree, true, p, path, e);
    json_free(tree);
    if (rc == 0)
        return 0;
    /* a key that is missing has no line: its parent has */
    while ((line = yaml_line(yaml, path)) == 0 && strchr(path, '.') != NULL)
        *strrchr(path, '.') = '\0';
    return err_wrap(e, "preset.yaml: line %d", line > 0 ? line : 1);
}

static cJSON *
graph_read(struct arena *a, struct str workflow, struct err *e)
{
    cJSON *graph;

    if (workflow.len > LIM_JSON_BYTES) {
        err_set(e, ERR_TOO_LARGE, "workflow.json: %zu bytes, limit %d",
                workflow.len, LIM_JSON_BYTES);
        return NULL;
    }
    graph = json_parse_in(a, workflow, 0, e);
    if (graph == NULL)
        err_wrap(e, "workflow.json");
    return graph;
}

/* The first line of the report as the error. */
static int
report_to_err(const struct buf *report, size_t faults, struct err *e)
{
    struct str rest = buf_str(report), line;

    if (!str_split(&rest, '\n', &line))
        line = STR("too many faults");
    if (faults == 1)
        return err_set(e, ERR_BAD_INPUT, "workflow.json: " STR_FMT,
                       STR_ARG(line));
    return err_set(e, ERR_BAD_INPUT,
                   "workflow.json: " STR_FMT " (and %zu more)", STR_ARG(line),
                   faults - 1);
}

int
preset_parse(struct arena *a, struct str yaml, struct str workflow,
             struct preset **out, struct err *e)
{
    struct preset *p = ARENA_NEW(a, struct preset);
    struct buf report;
    const cJSON *graph;
    size_t faults;

    if (yaml_read(a, yaml, p, e) != 0 ||
        (graph = graph_read(a, workflow, e)) == NULL)
        return -1;
    buf_init(&report, REPORT_MAX);
    faults = workflow_lint(graph, p, &report);
    if (faults > 0)
        report_to_err(&report, faults, e);
    buf_free(&report);
    if (faults > 0)
        return -1;
    p->n_classes = workflow_classes(a, graph, &p->classes);
    p->workflow = json_text(a, graph);
    *out = p;
    return 0;
}

size_t
preset_lint(struct str yaml, struct str workflow, struct buf *report)
{
    struct arena *a = arena_new();
    struct preset *p = ARENA_NEW(a, struct preset);
    struct err e;
    const cJSON *graph;
    size_t faults = 0;
    bool known = yaml_read(a, yaml, p, &e) == 0;

    if (!known) {
        buf_addf(report, "%s\n", e.msg);
        faults++;
    }
    graph = graph_read(a, workflow, &e);
    if (graph == NULL) {
        buf_addf(report, "%s\n", e.msg);
        faults++;
    } else {
        faults += workflow_lint(graph, known ? p : NULL, report);
    }
    arena_free(a);
    return faults;
}

/* ---- the stored body ---- */

static void
put_text(struct jw *w, const char *key, const struct preset_text *t)
{
    jw_key(w, key);
    jw_obj(w);
    jw_kstr(w, "ru", t->ru);
    jw_kstr(w, "en", t->en);
    jw_end(w);
}

static void
put_list(struct jw *w, const char *key, const char *const *items, size_t n)
{
    size_t i;

    jw_key(w, key);
    jw_arr(w);
    for (i = 0; i < n; i++)
        jw_str(w, items[i]);
    jw_end(w);
}

static void
put_slots(struct jw *w, const struct preset_task *t)
{
    size_t i, j;

    jw_key(w, "slots");
    jw_obj(w);
    for (i = 0; i < t->n_slots; i = j) {
        const char *name = t->slots[i].name;

        jw_key(w, name);
        jw_arr(w);
        for (j = i; j < t->n_slots && strcmp(t->slots[j].name, name) == 0;
             j++) {
            struct buf b;

            buf_init(&b, BODY_MAX);
            buf_addf(&b, "%s.%s", t->slots[j].node, t->slots[j].input);
            jw_text(w, buf_str(&b));
            buf_free(&b);
        }
        jw_end(w);
    }
    jw_end(w);
}

static void
put_task(struct jw *w, const struct preset_task *t)
{
    jw_obj(w);
    jw_kstr(w, "name", t->name);
    jw_kstr(w, "service", t->service);
    jw_kstr(w, "workflow", t->workflow);
    put_slots(w, t);
    put_list(w, "result", t->results, t->n_results);
    jw_key(w, "needs");
    jw_obj(w);
    put_list(w, "models", t->models, t->n_models);
    jw_end(w);
    jw_end(w);
}

static void
put_category(struct jw *w, const struct preset *p)
{
    jw_key(w, "category");
    jw_obj(w);
    jw_kstr(w, "id", p->category_id);
    jw_kstr(w, "ru", p->category.ru);
    jw_kstr(w, "en", p->category.en);
    jw_ki64(w, "order", p->category_order);
    jw_end(w);
}

void
preset_to_json(const struct preset *p, struct buf *out)
{
    struct jw w;
    size_t i;

    jw_init(&w, out);
    jw_obj(&w);
    jw_kstr(&w, "name", p->name);
    put_text(&w, "title", &p->title);
    if (*p->description.en != '\0')
        put_text(&w, "description", &p->description);
    put_category(&w, p);
    if (*p->icon != '\0')
        jw_kstr(&w, "icon", p->icon);
    jw_ki64(&w, "order", p->order);
    jw_ki64(&w, "price", p->price);
    jw_knum(&w, "seconds", p->seconds);
    jw_key(&w, "inputs");
    jw_raw(&w, str_c(p->schema));
    jw_key(&w, "tasks");
    jw_arr(&w);
    for (i = 0; i < p->n_tasks; i++)
        put_task(&w, &p->tasks[i]);
    jw_end(&w);
    put_list(&w, "classes", p->classes, p->n_classes);
    jw_end(&w);
}

static int
classes_read(struct arena *a, const cJSON *list, struct preset *p,
             struct err *e)
{
    const char **items;
    const cJSON *v;

    if (!cJSON_IsArray(list))
        return err_set(e, ERR_BAD_INPUT, "classes: must be a list");
    items = ARENA_ARRAY(a, const char *, cJSON_GetArraySize(list));
    cJSON_ArrayForEach (v, list) {
        if (!cJSON_IsString(v))
            return err_set(e, ERR_BAD_INPUT, "classes: must hold texts");
        items[p->n_classes++] = arena_strdup(a, v->valuestring);
    }
    p->classes = items;
    return 0;
}

int
preset_from_json(struct arena *a, struct str body, struct str workflow,
                 struct preset **out, struct err *e)
{
    struct preset *p = ARENA_NEW(a, struct preset);
    char path[PRESET_PATH_MAX];
    cJSON *tree = json_parse(body, 0, e);
    int rc = -1;

    if (tree != NULL && preset_read(a, tree, false, p, path, e) == 0)
        rc = classes_read(a, json_get(tree, "classes"), p, e);
    json_free(tree);
    if (rc == 0 && workflow.len > 0) {
        rc = json_check(workflow, 0, e);
        p->workflow = arena_strn(a, workflow.p, workflow.len);
    }
    if (rc != 0)
        return err_wrap(e, "a stored preset");
    *out = p;
    return 0;
}

void
preset_version(const struct preset *p, char out[SHA256_HEX])
{
    struct buf all;

    assert(p->workflow != NULL);
    buf_init(&all, BODY_MAX + strlen(p->workflow));
    preset_to_json(p, &all);
    buf_add_byte(&all, '\n');
    buf_add_c(&all, p->workflow);
    assert(!all.failed);
    sha256_hex(buf_str(&all), out);
    buf_free(&all);
}

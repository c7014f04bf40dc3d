/*
 * workflow_lint.c - everything that is wrong with a graph.
 *
 * DESIGN: the first pass judges each node by itself and turns it into a row
 * of an array with its links as indexes; the later passes (cycles, what feeds
 * an output, slots) walk that array and see only links that exist. A line of
 * the report is one fault; a fault that follows from another is left out
 * where that is easy to see.
 */
#include "model/workflow.h"

#include <stdlib.h>
#include <string.h>

#define CLASS_MAX 128 /* bytes of a class_type */

struct node {
    const cJSON *json;
    const char *id;
    const char *class_type; /* "?" when it has none */
    const cJSON *inputs;    /* NULL unless it is an object */
    size_t *links;          /* indexes of nodes */
    size_t n_links;
    bool output; /* saves or shows something */
    bool fed;    /* an output depends on it, or it is one */
    enum { FRESH, OPEN, DONE } walk;
};

struct lint {
    struct arena *a;
    struct node *nodes; /* sorted by id, so that links are found quickly */
    size_t n;
    const struct preset *p; /* or NULL */
    struct buf *report;
    size_t faults;
};

__attribute__((format(printf, 3, 4))) static void
fault(struct lint *l, const struct node *node, const char *fmt, ...)
{
    va_list ap;

    l->faults++;
    if (node != NULL)
        buf_addf(l->report, "node %.60s (%.60s): ", node->id, node->class_type);
    va_start(ap, fmt);
    buf_addv(l->report, fmt, ap);
    va_end(ap);
    buf_add_byte(l->report, '\n');
}

static int
node_cmp(const void *a, const void *b)
{
    return strcmp(((const struct node *)a)->id, ((const struct node *)b)->id);
}

static struct node *
node_find(const struct lint *l, const char *id)
{
    struct node key = {.id = id};

    return bsearch(&key, l->nodes, l->n, sizeof key, node_cmp);
}

static bool
class_saves(const char *class_type)
{
    return strncmp(class_type, "Save", 4) == 0;
}

static bool
class_is_output(const char *class_type)
{
    return class_saves(class_type) || strncmp(class_type, "Preview", 7) == 0 ||
           strcmp(class_type, "MaskPreview") == 0;
}

/* ---- each node by itself ---- */

static void
node_make(struct lint *l, const cJSON *j, struct node *node)
{
    const cJSON *class_type = json_get(j, "class_type");

    node->json = j;
    node->id = j->string;
    node->class_type =
        cJSON_IsString(class_type) ? class_type->valuestring : "?";
    node->inputs = json_get(j, "inputs");
    node->output = class_is_output(node->class_type);
    if (*node->id == '\0')
        fault(l, node, "a node needs an id");
    if (!cJSON_IsObject(j)) {
        fault(l, node, "is not an object");
        return;
    }
    if (!cJSON_IsString(class_type) || *class_type->valuestring == '\0')
        fault(l, node, "has no class_type");
    else if (strlen(node->class_type) > CLASS_MAX)
        fault(l, node, "has a class_type that is too long");
    if (!cJSON_IsObject(node->inputs)) {
        fault(l, node,
              "has no inputs; that can kill ComfyUI's executor "
              "(write \"inputs\": {})");
        node->inputs = NULL;
    }
    if (json_get(j, "is_changed") != NULL)
        fault(l, node, "has is_changed, which is a key of ComfyUI's cache");
}

/* The node that v, a list, links to; NULL and a fault if it is no link. */
static struct node *
link_target(struct lint *l, const struct node *node, const cJSON *v)
{
    const cJSON *id = v->child;
    struct node *target;
    int64_t output;

    if (cJSON_GetArraySize(v) != 2) {
        fault(l, node,
              "%.60s: a list is a link, [\"node id\", output]; "
              "a plain list needs {\"__value__\": [...]}",
              v->string);
        return NULL;
    }
    if (!cJSON_IsString(id)) {
        fault(l, node, "%.60s: a link's node id must be a text", v->string);
        return NULL;
    }
    if (!json_to_i64(id->next, &output) || output < 0 || output > 1000) {
        fault(l, node, "%.60s: a link's output must be 0, 1, 2 ...", v->string);
        return NULL;
    }
    target = node_find(l, id->valuestring);
    if (target == NULL)
        fault(l, node, "%.60s: links to node %.60s, which does not exist",
              v->string, id->valuestring);
    return target;
}

static void
node_link(struct lint *l, struct node *node)
{
    const cJSON *v;

    node->links =
        ARENA_ARRAY(l->a, size_t, cJSON_GetArraySize(node->inputs) + 1);
    cJSON_ArrayForEach (v, node->inputs) {
        struct node *target;

        if (!cJSON_IsArray(v))
            continue;
        target = link_target(l, node, v);
        if (target != NULL)
            node->links[node->n_links++] = (size_t)(target - l->nodes);
    }
}

/* ---- cycles ---- */

struct step {
    size_t node, link; /* the next link to follow */
};

static void
cycle_fault(struct lint *l, const struct step *stack, size_t depth,
            size_t start)
{
    size_t i = depth;

    l->faults++;
    buf_add_c(l->report, "cycle: ");
    while (stack[i - 1].node != start)
        i--;
    for (i = i - 1; i < depth; i++)
        buf_addf(l->report, "%.60s (%.60s) needs ", l->nodes[stack[i].node].id,
                 l->nodes[stack[i].node].class_type);
    buf_addf(l->report, "%.60s\n", l->nodes[start].id);
}

/* Depth first from root, on a stack of its own: chains may be long. */
static void
cycles_from(struct lint *l, size_t root, struct step *stack)
{
    size_t depth = 0;

    stack[depth++] = (struct step){root, 0};
    l->nodes[root].walk = OPEN;
    while (depth > 0) {
        struct step *top = &stack[depth - 1];
        struct node *node = &l->nodes[top->node];
        size_t to;

        if (top->link == node->n_links) {
            node->walk = DONE;
            depth--;
            continue;
        }
        to = node->links[top->link++];
        if (l->nodes[to].walk == OPEN)
            cycle_fault(l, stack, depth, to);
        if (l->nodes[to].walk != FRESH)
            continue;
        l->nodes[to].walk = OPEN;
        stack[depth++] = (struct step){to, 0};
    }
}

static void
lint_cycles(struct lint *l)
{
    struct step *stack = ARENA_ARRAY(l->a, struct step, l->n + 1);
    size_t i;

    for (i = 0; i < l->n; i++)
        if (l->nodes[i].walk == FRESH)
            cycles_from(l, i, stack);
}

/* ---- what feeds an output ---- */

static void
lint_outputs(struct lint *l)
{
    size_t *queue = ARENA_ARRAY(l->a, size_t, l->n + 1);
    size_t i, j, n = 0;

    for (i = 0; i < l->n; i++) {
        if (!l->nodes[i].output)
            continue;
        l->nodes[i].fed = true;
        queue[n++] = i;
    }
    if (n == 0) {
        fault(l, NULL, "the graph has no output node (SaveImage ...)");
        return;
    }
    for (i = 0; i < n; i++) {
        const struct node *node = &l->nodes[queue[i]];

        for (j = 0; j < node->n_links; j++) {
            struct node *from = &l->nodes[node->links[j]];

            if (!from->fed)
                queue[n++] = node->links[j];
            from->fed = true;
        }
    }
    for (i = 0; i < l->n; i++)
        if (!l->nodes[i].fed)
            fault(l, &l->nodes[i], "no output depends on it");
}

/* ---- against the preset ---- */

static const char *
slot_wants(const struct lint *l, const struct preset_slot *s)
{
    const struct preset_input *in = preset_input_find(l->p, s->name);

    if (strcmp(s->name, PRESET_SLOT_SEED) == 0 ||
        (in != NULL && in->kind == PRESET_NUMBER))
        return "number";
    return in != NULL && in->kind == PRESET_CHOICE ? "choice" : "text";
}

/* Choices are texts; where a number or a bool stands each must read as one. */
static bool
choices_fit(const struct preset_input *in, const cJSON *present)
{
    size_t i;

    for (i = 0; i < in->n_choices; i++) {
        cJSON *v = json_parse(str_c(in->choices[i].value), 0, NULL);
        bool fits = cJSON_IsBool(present) ? cJSON_IsBool(v) : json_is_num(v);

        json_free(v);
        if (!fits)
            return false;
    }
    return true;
}

static bool
value_fits(const struct lint *l, const struct preset_slot *s,
           const cJSON *present)
{
    const char *wants = slot_wants(l, s);

    if (strcmp(wants, "number") == 0)
        return json_is_num(present);
    if (cJSON_IsString(present))
        return true;
    return strcmp(wants, "choice") == 0 &&
           (json_is_num(present) || cJSON_IsBool(present)) &&
           choices_fit(preset_input_find(l->p, s->name), present);
}

static void
lint_slot(struct lint *l, const struct preset_slot *s)
{
    const struct node *node = node_find(l, s->node);
    const cJSON *present;

    if (node == NULL) {
        fault(l, NULL, "slot %.40s: there is no node %.60s", s->name, s->node);
        return;
    }
    present = json_get(node->inputs, s->input);
    if (present == NULL)
        fault(l, node, "slot %.40s: there is no input %.60s", s->name,
              s->input);
    else if (cJSON_IsArray(present))
        fault(l, node, "slot %.40s: %.60s is a link", s->name, s->input);
    else if (!value_fits(l, s, present))
        fault(l, node, "slot %.40s: %.60s holds a value of another type",
              s->name, s->input);
}

static bool
slot_fills(const struct preset_task *t, const char *slot, const char *node,
           const char *input)
{
    size_t i;

    for (i = 0; i < t->n_slots; i++)
        if ((slot == NULL || strcmp(t->slots[i].name, slot) == 0) &&
            strcmp(t->slots[i].node, node) == 0 &&
            strcmp(t->slots[i].input, input) == 0)
            return true;
    return false;
}

static void
lint_result(struct lint *l, const struct preset_task *t, const char *id)
{
    const struct node *node = node_find(l, id);

    if (node == NULL)
        fault(l, NULL, "result: there is no node %.60s", id);
    else if (!class_saves(node->class_type))
        fault(l, node, "is a result, but saves nothing");
    else if (!slot_fills(t, PRESET_SLOT_PREFIX, id, "filename_prefix"))
        fault(l, node,
              "is a result, but the slot prefix does not fill its "
              "filename_prefix (a repeated job would get the cached "
              "file of another)");
}

static bool
has_suffix(const char *s, const char *suffix)
{
    return str_ends(str_c(s), str_c(suffix));
}

static bool
is_model_file(const char *s)
{
    static const char *const suffixes[] = {
        ".safetensors", ".ckpt", ".pt", ".pth", ".gguf", ".bin", ".sft"};
    size_t i;

    for (i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
        if (has_suffix(s, suffixes[i]))
            return true;
    return false;
}

/* needs lists "folder/file"; nodes name the file, sub-folders included. */
static bool
model_is(const char *need, const char *file)
{
    return strcmp(strchr(need, '/') + 1, file) == 0;
}

static bool
model_is_needed(const struct preset_task *t, const char *file)
{
    size_t i;

    for (i = 0; i < t->n_models; i++)
        if (model_is(t->models[i], file))
            return true;
    return false;
}

static bool
model_is_used(const struct lint *l, const char *need)
{
    const cJSON *v;
    size_t i;

    for (i = 0; i < l->n; i++)
        cJSON_ArrayForEach (v, l->nodes[i].inputs)
            if (cJSON_IsString(v) && model_is(need, v->valuestring))
                return true;
    return false;
}

static void
lint_values(struct lint *l, const struct preset_task *t,
            const struct node *node)
{
    bool loads = strncmp(node->class_type, "LoadImage", 9) == 0;
    const cJSON *v;

    if (loads && !slot_fills(t, NULL, node->id, "image"))
        fault(l, node, "loads a picture that no slot fills");
    cJSON_ArrayForEach (v, node->inputs)
        if (cJSON_IsString(v) && is_model_file(v->valuestring) &&
            !model_is_needed(t, v->valuestring))
            fault(l, node, "%.60s: %.100s is not in needs.models", v->string,
                  v->valuestring);
}

static void
lint_task(struct lint *l, const struct preset_task *t)
{
    size_t i;

    for (i = 0; i < t->n_slots; i++)
        lint_slot(l, &t->slots[i]);
    for (i = 0; i < t->n_results; i++)
        lint_result(l, t, t->results[i]);
    for (i = 0; i < l->n; i++)
        lint_values(l, t, &l->nodes[i]);
    for (i = 0; i < t->n_models; i++)
        if (!model_is_used(l, t->models[i]))
            fault(l, NULL, "needs.models: no node uses %.100s", t->models[i]);
}

/* ---- the whole ---- */

static bool
lint_is_graph(struct lint *l, const cJSON *graph)
{
    int n = cJSON_GetArraySize(graph);

    if (!cJSON_IsObject(graph))
        fault(l, NULL, "the graph is not an object");
    else if (cJSON_IsArray(json_get(graph, "nodes")))
        fault(l, NULL,
              "this is the editor's format; export the graph with "
              "\"Export (API)\"");
    else if (n == 0)
        fault(l, NULL, "the graph is empty");
    else if (n > WORKFLOW_NODES_MAX)
        fault(l, NULL, "the graph has %d nodes, limit %d", n,
              WORKFLOW_NODES_MAX);
    return l->faults == 0;
}

size_t
workflow_lint(const cJSON *graph, const struct preset *p, struct buf *report)
{
    struct lint l = {.a = arena_new(), .p = p, .report = report};
    const cJSON *j;
    size_t i = 0;

    if (!lint_is_graph(&l, graph))
        goto out;
    l.n = (size_t)cJSON_GetArraySize(graph);
    l.nodes = ARENA_ARRAY(l.a, struct node, l.n);
    cJSON_ArrayForEach (j, graph)
        node_make(&l, j, &l.nodes[i++]);
    qsort(l.nodes, l.n, sizeof *l.nodes, node_cmp);
    for (i = 0; i < l.n; i++)
        node_link(&l, &l.nodes[i]);
    lint_cycles(&l);
    lint_outputs(&l);
    if (p != NULL && p->n_tasks > 0)
        lint_task(&l, &p->tasks[0]);
out:
    arena_free(l.a);
    return l.faults;
}

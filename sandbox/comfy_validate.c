/*
 * comfy_validate.c - the walk from the outputs upstream.
 *
 * DESIGN. ComfyUI validates recursively and lets Python's exceptions fly: a
 * link to a node that is not there blames the node that has the link, or, if
 * that one is an output, the output. The functions here return false for
 * "raised" with type and sentence in the walk; the caller that would have
 * caught it turns it into a reason.
 */
#include <stdio.h>
#include <string.h>

#include "base/rand.h"
#include "sandbox/comfy_validate_int.h"

#define TEXT_MAX ((size_t)32 << 20)

struct judged *
walk_find(struct walk *w, struct str id)
{
    for (size_t i = 0; i < w->n; i++)
        if (str_eq(w->nodes[i].node->key, id))
            return &w->nodes[i];
    return NULL;
}

bool
walk_raise(struct walk *w, const char *type, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    w->exception = type;
    w->what = arena_strdup(w->a, text);
    return false;
}

const char *
walk_traceback(struct walk *w)
{
    (void)w;
    return "[\"  File \\\"/opt/ComfyUI/execution.py\\\", line 788, in "
           "validate_inputs\\n    o_class_type = prompt[o_id]['class_type']"
           "\\n\"]";
}

static const char *
error_json(struct arena *a, const char *type, const char *message,
           const char *details, const char *extra_info)
{
    const char *json;
    struct buf b;

    buf_init(&b, TEXT_MAX);
    buf_addf(&b, "{\"type\": \"%s\", \"message\": ", type);
    py_dumps_c(&b, message);
    buf_add_c(&b, ", \"details\": ");
    py_dumps_c(&b, details);
    buf_addf(&b, ", \"extra_info\": %s}", extra_info);
    json = arena_strn(a, buf_cstr(&b), b.len);
    buf_free(&b);
    return json;
}

void
reason_add(struct walk *w, struct judged *j, const char *type,
           const char *message, const char *details, const char *extra_info)
{
    struct reason *r = ARENA_NEW(w->a, struct reason);

    r->message = message;
    r->details = details;
    r->json = error_json(w->a, type, message, details, extra_info);
    if (j->last)
        j->last->next = r;
    else
        j->reasons = r;
    j->last = r;
}

void
judged_done(struct walk *w, struct judged *j, bool valid)
{
    if (j->state != NODE_DONE) {
        if (w->last_done)
            w->last_done->next = j;
        else
            w->first = j;
        w->last_done = j;
    }
    j->state = NODE_DONE;
    j->valid = valid;
}

/* ---- one node ---- */

/* Newer servers ask for more; the sandbox declares it when it plays one. */
static void
newer_inputs_judge(struct walk *w, struct judged *j, const struct py *inputs)
{
    if (w->rules->newer &&
        strcmp(j->class->name, "ImageScaleToTotalPixels") == 0 &&
        !py_get(inputs, "resolution_steps"))
        reason_add(w, j, "required_input_missing", "Required input is missing",
                   "resolution_steps",
                   "{\"input_name\": \"resolution_steps\"}");
}

static bool
input_judge(struct walk *w, struct judged *j, const struct py *spec,
            const struct py *inputs, bool required, bool *ok)
{
    struct str name = spec->key;
    struct py *value = py_get_str(inputs, name);
    struct buf b;

    if (!value) {
        if (!required)
            return true;
        extra_open(&b, name, NULL, false, NULL);
        reason_add(w, j, "required_input_missing", "Required input is missing",
                   arena_strn(w->a, name.p, name.len), extra_close(w, &b));
        return true;
    }
    if (value->kind != PY_LIST) {
        widget_judge(w, j, name, spec, value);
        return true;
    }
    if (value->n != 2) {
        extra_open(&b, name, spec, true, value);
        reason_add(w, j, "bad_linked_input",
                   "Bad linked input, must be a length-2 list of [node_id, "
                   "slot_index]",
                   arena_strn(w->a, name.p, name.len), extra_close(w, &b));
        return true;
    }
    return link_judge(w, j, name, spec, value, ok);
}

/* All declared inputs, beginning anywhere: Python's sets have no order. */
static bool
inputs_judge(struct walk *w, struct judged *j, const struct py *inputs,
             bool *ok)
{
    const struct py *required = j->class->required;
    const struct py *optional = j->class->optional;
    size_t nr = required ? required->n : 0, n = nr;
    size_t start;

    n += optional ? optional->n : 0;
    start = n > 0 ? (size_t)rand_below(n) : 0;
    for (size_t k = 0; k < n; k++) {
        size_t i = (start + k) % n;
        const struct py *spec =
            i < nr ? py_at(required, i) : py_at(optional, i - nr);

        if (!input_judge(w, j, spec, inputs, i < nr, ok))
            return false;
    }
    return true;
}

bool
node_judge(struct walk *w, struct judged *j)
{
    const struct py *inputs = py_get(j->node, "inputs");
    bool ok = true, done;

    j->state = NODE_OPEN;
    if (!inputs)
        return walk_raise(w, "KeyError", "'inputs'");
    if (inputs->kind != PY_DICT && inputs->kind != PY_LIST &&
        inputs->kind != PY_STR)
        return walk_raise(w, "TypeError",
                          "argument of type '%s' is not iterable",
                          py_type_name(inputs));
    w->depth++;
    done = inputs_judge(w, j, inputs, &ok);
    w->depth--;
    if (!done)
        return false;
    newer_inputs_judge(w, j, inputs);
    if (class_has_custom(j->class) && !custom_judge(w, j, inputs))
        return false;
    judged_done(w, j, ok && !j->reasons);
    return true;
}

/* ---- the whole prompt ---- */

static enum verdict
refuse(struct walk *w, struct validation *out, const char *type,
       const char *message, const char *details, const char *extra_info)
{
    out->error = error_json(w->a, type, message, details, extra_info);
    return VERDICT_REFUSED;
}

/* class_type is absent (NULL) or names nothing. */
static enum verdict
refuse_class(struct walk *w, struct validation *out, const struct py *node,
             const struct py *class_type)
{
    const struct py *title = py_get(py_get(node, "_meta"), "title");
    const char *id = arena_strn(w->a, node->key.p, node->key.len);
    const char *class = class_type ? py_str_in(w->a, class_type) : NULL;
    const char *details = arena_fmt(w->a, "Node ID '#%s'", id);
    const char *shown, *message;
    struct buf b;

    if (!w->rules->newer)
        return refuse(w, out, "invalid_prompt",
                      class ? arena_fmt(w->a,
                                        "Cannot execute because node %s "
                                        "does not exist.",
                                        class)
                            : "Cannot execute because a node is missing the "
                              "class_type property.",
                      details, "{}");
    shown = py_is(title, PY_STR) ? py_str_in(w->a, title)
            : class              ? class
                                 : arena_fmt(w->a, "ID #%s", id);
    message = arena_fmt(w->a,
                        class ? "Node '%s' not found. The custom node "
                                "may not be installed."
                              : "Node '%s' has no class_type. The "
                                "workflow may be corrupted or a custom "
                                "node is missing.",
                        shown);
    buf_init(&b, TEXT_MAX);
    buf_add_c(&b, "{\"node_id\": ");
    py_dumps_c(&b, id);
    buf_add_c(&b, ", \"class_type\": ");
    if (class)
        py_dumps_c(&b, class);
    else
        buf_add_c(&b, "null");
    buf_add_c(&b, ", \"node_title\": ");
    if (title)
        py_dumps(&b, title);
    else
        buf_add_c(&b, "null");
    buf_add_c(&b, "}");
    refuse(w, out, "missing_node_type", message, details, buf_cstr(&b));
    buf_free(&b);
    return VERDICT_REFUSED;
}

/* Is the id among partial_execution_targets? */
static bool
is_target(const struct py *targets, struct str id)
{
    if (!targets || targets->kind == PY_NULL)
        return true;
    for (const struct py *t = targets->first; t; t = t->next)
        if (t->kind == PY_STR && str_eq(t->text, id))
            return true;
    return false;
}

/* Every node has a known class; collects the outputs. */
static enum verdict
classes_judge(struct walk *w, const struct py *targets, struct validation *out,
              struct judged **outputs, size_t *n)
{
    struct judged *j = w->nodes;

    for (struct py *node = w->prompt->first; node; node = node->next, j++) {
        const struct py *type = py_get(node, "class_type");

        if (node->kind != PY_DICT && node->kind != PY_STR &&
            node->kind != PY_LIST)
            return VERDICT_CRASHED;
        if (py_is(type, PY_LIST) || py_is(type, PY_DICT))
            return VERDICT_CRASHED;
        j->node = node;
        j->class = py_is(type, PY_STR) ? node_class_find(type->text) : NULL;
        if (!j->class)
            return refuse_class(w, out, node, type);
        if (j->class->output_node && is_target(targets, node->key))
            outputs[(*n)++] = j;
    }
    return VERDICT_ACCEPTED;
}

static void
output_judge(struct walk *w, struct judged *o)
{
    struct buf b;

    if (o->state == NODE_DONE || node_judge(w, o))
        return;
    o->reasons = o->last = NULL;
    buf_init(&b, TEXT_MAX);
    buf_addf(&b, "{\"exception_type\": \"%s\", \"traceback\": %s}",
             w->exception, walk_traceback(w));
    reason_add(w, o, "exception_during_validation",
               "Exception when validating node", w->what,
               arena_strn(w->a, buf_cstr(&b), b.len));
    buf_free(&b);
    judged_done(w, o, false);
}

/* Every bad node seen so far is said to spoil this output: ComfyUI's way. */
static void
blame(struct walk *w, const struct judged *output)
{
    for (struct judged *j = w->first; j; j = j->next) {
        if (j->valid || !j->reasons)
            continue;
        if (!j->dependents)
            j->dependents = py_new_list(w->a);
        py_append(j->dependents, py_new_str(w->a, output->node->key));
    }
}

static const char *
node_errors_text(struct walk *w)
{
    struct buf b;
    const char *z;
    bool first = true;

    buf_init(&b, TEXT_MAX);
    buf_add_c(&b, "{");
    for (struct judged *j = w->first; j; j = j->next) {
        if (!j->dependents)
            continue;
        buf_add_c(&b, first ? "" : ", ");
        first = false;
        py_dumps_str(&b, j->node->key);
        buf_add_c(&b, ": {\"errors\": [");
        for (struct reason *r = j->reasons; r; r = r->next)
            buf_addf(&b, "%s%s", r == j->reasons ? "" : ", ", r->json);
        buf_add_c(&b, "], \"dependent_outputs\": ");
        py_dumps(&b, j->dependents);
        buf_addf(&b, ", \"class_type\": \"%s\"}", j->class->name);
    }
    buf_add_c(&b, "}");
    z = arena_strn(w->a, buf_cstr(&b), b.len);
    buf_free(&b);
    return z;
}

static enum verdict
refuse_all(struct walk *w, struct validation *out, struct judged **outputs,
           size_t n)
{
    struct buf b;
    enum verdict v;

    buf_init(&b, TEXT_MAX);
    for (size_t i = 0; i < n; i++)
        for (struct reason *r = outputs[i]->reasons; r; r = r->next)
            buf_addf(&b, "%s%s: %s", b.len > 0 ? "\n" : "", r->message,
                     r->details);
    v = refuse(w, out, "prompt_outputs_failed_validation",
               "Prompt outputs failed validation", buf_cstr(&b), "{}");
    buf_free(&b);
    return v;
}

/* "", []: Python loops over nothing and finds no outputs. */
static bool
py_is_empty(const struct py *v)
{
    return (v->kind == PY_STR && v->text.len == 0) ||
           (v->kind == PY_LIST && v->n == 0);
}

enum verdict
comfy_validate(struct arena *a, const struct validate_rules *r,
               struct py *prompt, const struct py *targets,
               struct validation *out)
{
    struct walk w = {.a = a, .rules = r, .prompt = prompt, .n = prompt->n};
    struct judged **outputs = ARENA_ARRAY(a, struct judged *, prompt->n + 1);
    enum verdict v;
    size_t n = 0, start;

    *out = (struct validation){py_new_list(a), NULL, "{}"};
    if (prompt->kind != PY_DICT && !py_is_empty(prompt))
        return VERDICT_CRASHED;
    w.nodes = ARENA_ARRAY(a, struct judged, prompt->n + 1);
    v = classes_judge(&w, targets, out, outputs, &n);
    if (v != VERDICT_ACCEPTED)
        return v;
    if (n == 0)
        return refuse(&w, out, "prompt_no_outputs", "Prompt has no outputs", "",
                      "{}");
    start = (size_t)rand_below(n);
    for (size_t i = 0; i < n; i++) {
        struct judged *o = outputs[(start + i) % n];

        output_judge(&w, o);
        if (o->valid)
            py_append(out->outputs, py_new_str(a, o->node->key));
        else
            blame(&w, o);
    }
    out->node_errors = node_errors_text(&w);
    if (out->outputs->n > 0)
        return VERDICT_ACCEPTED;
    return refuse_all(&w, out, outputs, n);
}

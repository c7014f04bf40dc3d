/*
 * comfy_validate_link.c - an input that is linked: does the node exist, has
 * it such an output, does the type fit, is all well upstream?
 */
#include <string.h>

#include "sandbox/comfy_validate_int.h"

#define DEPTH_MAX 400 /* Python raises RecursionError at about 900 */

/* prompt[o_id]: NULL raised. */
static struct judged *
link_target(struct walk *w, const struct py *id)
{
    struct judged *j = id->kind == PY_STR ? walk_find(w, id->text) : NULL;
    struct buf b;

    if (j)
        return j;
    if (id->kind == PY_LIST || id->kind == PY_DICT) {
        walk_raise(w, "TypeError", "unhashable type: '%s'", py_type_name(id));
        return NULL;
    }
    buf_init(&b, 480);
    py_repr(&b, id);
    walk_raise(w, "KeyError", "%s", buf_cstr(&b));
    buf_free(&b);
    return NULL;
}

/* RETURN_TYPES[slot]: NULL raised. Negative slots count from the end. */
static const struct py *
link_type(struct walk *w, const struct node_class *k, const struct py *slot)
{
    long double i = py_number(slot);
    long double n = (long double)k->outputs->n;

    if (slot->kind != PY_INT && slot->kind != PY_BOOL) {
        walk_raise(w, "TypeError",
                   "tuple indices must be integers or slices, "
                   "not %s",
                   py_type_name(slot));
        return NULL;
    }
    if (i < 0)
        i += n;
    if (i < 0 || i >= n) {
        walk_raise(w, "IndexError", "tuple index out of range");
        return NULL;
    }
    return py_at(k->outputs, (size_t)i);
}

static bool
type_fits(const struct py *received, const struct py *declared)
{
    return declared->kind == PY_STR && (str_eq_c(declared->text, "*") ||
                                        str_eq(received->text, declared->text));
}

static void
mismatch_add(struct walk *w, struct judged *j, struct str name,
             const struct py *spec, const struct py *received,
             const struct py *link)
{
    struct buf b;

    extra_open(&b, name, spec, true, NULL);
    buf_add_c(&b, ", \"received_type\": ");
    py_dumps(&b, received);
    buf_add_c(&b, ", \"linked_node\": ");
    py_dumps(&b, link);
    reason_add(w, j, "return_type_mismatch",
               "Return type mismatch between linked nodes",
               arena_fmt(w->a,
                         STR_FMT ", received_type(" STR_FMT
                                 ") mismatch input_type(%s)",
                         STR_ARG(name), STR_ARG(received->text),
                         py_str_in(w->a, spec->first)),
               extra_close(w, &b));
}

static void
inner_exception_add(struct walk *w, struct judged *from, struct str name,
                    const struct py *spec, const struct py *link)
{
    struct buf b;

    extra_open(&b, name, spec, true, NULL);
    buf_add_c(&b, ", \"exception_message\": ");
    py_dumps_c(&b, w->what);
    buf_addf(&b,
             ", \"exception_type\": \"%s\", \"traceback\": %s, "
             "\"linked_node\": ",
             w->exception, walk_traceback(w));
    py_dumps(&b, link);
    from->reasons = from->last = NULL;
    reason_add(w, from, "exception_during_inner_validation",
               "Exception when validating inner node", w->what,
               extra_close(w, &b));
}

/* Names the circle that ends where it began. */
static void
cycle_add(struct walk *w, struct judged *j, struct judged *to)
{
    struct buf text, extra;

    buf_init(&text, 64 * 1024);
    buf_init(&extra, 64 * 1024);
    buf_addf(&text, STR_FMT " (%s) -> " STR_FMT " (%s)", STR_ARG(to->node->key),
             to->class->name, STR_ARG(j->node->key), j->class->name);
    if (j != to)
        buf_addf(&text, " -> " STR_FMT " (%s)", STR_ARG(to->node->key),
                 to->class->name);
    buf_add_c(&extra, "{\"node_id\": ");
    py_dumps_str(&extra, to->node->key);
    buf_add_c(&extra, ", \"cycle_nodes\": [");
    py_dumps_str(&extra, to->node->key);
    buf_add_c(&extra, ", ");
    py_dumps_str(&extra, j->node->key);
    buf_add_c(&extra, "]}");
    reason_add(w, j, "dependency_cycle", "Dependency cycle detected",
               arena_strn(w->a, buf_cstr(&text), text.len),
               arena_strn(w->a, buf_cstr(&extra), extra.len));
    buf_free(&text);
    buf_free(&extra);
}

bool
link_judge(struct walk *w, struct judged *j, struct str name,
           const struct py *spec, const struct py *link, bool *ok)
{
    struct judged *from = link_target(w, link->first);
    const struct py *type;

    if (!from)
        return false;
    type = link_type(w, from->class, link->first->next);
    if (!type)
        return false;
    if (!type_fits(type, spec->first)) {
        mismatch_add(w, j, name, spec, type, link);
        return true;
    }
    if (from->state == NODE_OPEN || w->depth >= DEPTH_MAX) {
        /* 0.3.64 recurses until Python gives up, and forgets the reason. */
        if (w->rules->newer && from->state == NODE_OPEN)
            cycle_add(w, j, from);
        *ok = false;
        return true;
    }
    if (from->state == NODE_UNSEEN && !node_judge(w, from)) {
        inner_exception_add(w, from, name, spec, link);
        judged_done(w, from, false);
    }
    if (!from->valid)
        *ok = false;
    return true;
}

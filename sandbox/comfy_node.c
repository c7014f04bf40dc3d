/*
 * comfy_node.c - the table of classes, and a call's inputs and outputs.
 */
#include "sandbox/comfy_node.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static struct {
    const char *name, *json;
} infos[] = {
#define INFO(name, json) {#name, json},
#include "sandbox/comfy_object_info.def"
#undef INFO
};

static struct node_class classes[] = {
#define NODE(name, fn) {#name, fn, NULL, NULL, NULL, NULL, false},
#include "sandbox/comfy_nodes.def"
#undef NODE
};

static struct arena *classes_arena;

static const char *
info_of(const char *name)
{
    for (size_t i = 0; i < sizeof(infos) / sizeof(infos[0]); i++)
        if (strcmp(infos[i].name, name) == 0)
            return infos[i].json;
    return NULL;
}

void
node_classes_init(void)
{
    if (classes_arena)
        return;
    classes_arena = arena_new();
    for (size_t i = 0; i < node_class_count(); i++) {
        struct node_class *k = &classes[i];
        const char *json = info_of(k->name);
        struct py *input;

        assert(json);
        k->info = py_parse(classes_arena, str_c(json), NULL);
        assert(k->info);
        input = py_get(k->info, "input");
        k->required = py_get(input, "required");
        k->optional = py_get(input, "optional");
        k->outputs = py_get(k->info, "output");
        k->output_node = py_truth(py_get(k->info, "output_node"));
    }
}

void
node_classes_fini(void)
{
    arena_free(classes_arena);
    classes_arena = NULL;
}

size_t
node_class_count(void)
{
    return sizeof(classes) / sizeof(classes[0]);
}

const struct node_class *
node_class_at(size_t i)
{
    return &classes[i];
}

const struct node_class *
node_class_find(struct str name)
{
    for (size_t i = 0; i < node_class_count(); i++)
        if (str_eq_c(name, classes[i].name))
            return &classes[i];
    return NULL;
}

static const struct value *
link_of(const struct node_call *c, const char *name)
{
    for (size_t i = 0; i < c->nlinks; i++)
        if (str_eq_c(c->links[i].name, name))
            return c->links[i].value;
    return NULL;
}

struct tensor *
node_image(const struct node_call *c, const char *name)
{
    const struct value *v = link_of(c, name);

    return v ? v->t : NULL;
}

double
node_float(const struct node_call *c, const char *name, double dflt)
{
    const struct value *v = link_of(c, name);
    const struct py *p = py_get(c->inputs, name);

    if (v)
        return (double)v->i;
    if (!py_is(p, PY_INT) && !py_is(p, PY_FLOAT) && !py_is(p, PY_BOOL))
        return dflt;
    return (double)py_number(p);
}

int64_t
node_int(const struct node_call *c, const char *name, int64_t dflt)
{
    const struct value *v = link_of(c, name);
    const struct py *p = py_get(c->inputs, name);
    int64_t i;

    if (v)
        return v->i;
    if (py_is(p, PY_INT) && str_to_i64(p->text, &i))
        return i;
    return dflt;
}

bool
node_bool(const struct node_call *c, const char *name, bool dflt)
{
    const struct py *p = py_get(c->inputs, name);

    return p ? py_truth(p) : dflt;
}

const char *
node_text(const struct node_call *c, const char *name)
{
    const struct py *p = py_get(c->inputs, name);

    return p ? py_str_in(c->a, p) : "";
}

int
node_choice(const struct node_call *c, const char *name,
            const char *const *options)
{
    const char *t = node_text(c, name);

    for (int i = 0; options[i]; i++)
        if (strcmp(t, options[i]) == 0)
            return i;
    return -1;
}

static int
give(struct node_call *c, int slot, enum value_kind kind, struct tensor *t)
{
    if (!t)
        return node_oom(c);
    tensor_unref(c->out[slot].t);
    c->out[slot] = (struct value){kind, t, 0};
    return 0;
}

int
node_give_image(struct node_call *c, int slot, struct tensor *t)
{
    return give(c, slot, VALUE_IMAGE, t);
}

int
node_give_mask(struct node_call *c, int slot, struct tensor *t)
{
    return give(c, slot, VALUE_MASK, t);
}

void
node_give_int(struct node_call *c, int slot, int64_t v)
{
    c->out[slot] = (struct value){VALUE_INT, NULL, v};
}

int
node_fail(struct node_call *c, const char *exception, const char *fmt, ...)
{
    va_list ap;
    char text[1024];

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    c->exception = exception;
    c->message = arena_fmt(c->a, "%s\n", text); /* no tips: still a newline */
    return -1;
}

int
node_oom(struct node_call *c)
{
    c->exception = "torch.OutOfMemoryError";
    c->message =
        "Allocation on device \n"
        "This error means you ran out of memory on your GPU.\n\nTIPS: If the "
        "workflow worked before you might have accidentally set the "
        "batch_size to a large number.";
    return -1;
}

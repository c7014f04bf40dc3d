/*
 * comfy_validate_input.c - one widget's value against what its class
 * declares: conversion, range, options; LoadImage's own check.
 */
#include <math.h>
#include <string.h>

#include "sandbox/comfy_validate_int.h"

#define OPTIONS_SHOWN 20 /* longer lists are only counted */
#define EXTRA_MAX ((size_t)16 << 20)

void
extra_open(struct buf *b, struct str name, const struct py *spec, bool config,
           const struct py *value)
{
    const struct py *options = spec ? py_at(spec, 1) : NULL;

    buf_init(b, EXTRA_MAX);
    buf_add_c(b, "{\"input_name\": ");
    py_dumps_str(b, name);
    if (spec && config) {
        buf_add_c(b, ", \"input_config\": [");
        py_dumps(b, spec->first);
        buf_add_c(b, ", ");
        if (options)
            py_dumps(b, options);
        else
            buf_add_c(b, "{}");
        buf_add_c(b, "]");
    } else if (spec) {
        buf_add_c(b, ", \"input_config\": null");
    }
    if (value) {
        buf_add_c(b, ", \"received_value\": ");
        py_dumps(b, value);
    }
}

const char *
extra_close(struct walk *w, struct buf *b)
{
    char *z;

    buf_add_c(b, "}");
    z = arena_strn(w->a, buf_cstr(b), b->len);
    buf_free(b);
    return z;
}

/* {"__value__": [...]} is a literal list in disguise. */
static void
unwrap(struct py *value)
{
    struct py *inner = py_get(value, "__value__");
    struct py *next = value->next;
    struct str key = value->key;

    if (!inner)
        return;
    *value = *inner;
    value->next = next;
    value->key = key;
}

static void
replace(struct py *value, const struct py *with)
{
    struct py *next = value->next;
    struct str key = value->key;

    *value = *with;
    value->next = next;
    value->key = key;
}

/* False: the value has no such form; *why is Python's sentence. */
static bool
convert(struct walk *w, const char *type, struct py *value, const char **why)
{
    struct py *made;

    if (strcmp(type, "INT") == 0) {
        if (!py_int(w->a, value, &made, why))
            return false;
        replace(value, made);
    } else if (strcmp(type, "FLOAT") == 0) {
        if (!py_float(w->a, value, &made, why))
            return false;
        replace(value, made);
    } else if (strcmp(type, "STRING") == 0) {
        replace(value, py_new_str(w->a, str_c(py_str_in(w->a, value))));
    } else if (strcmp(type, "BOOLEAN") == 0) {
        struct py b = {.kind = PY_BOOL, .b = py_truth(value)};

        replace(value, &b); /* the text "false" is true */
    }
    return true;
}

static bool
range_judge(struct walk *w, struct judged *j, struct str name,
            const struct py *spec, const struct py *value)
{
    static const struct {
        const char *key, *type, *words;
    } ends[] = {
        {"min", "value_smaller_than_min", "smaller than min of"},
        {"max", "value_bigger_than_max", "bigger than max of"},
    };
    const struct py *options = py_at(spec, 1);

    for (size_t i = 0; i < 2; i++) {
        const struct py *end = py_get(options, ends[i].key);
        long double v = py_number(value), limit = end ? py_number(end) : 0;
        struct buf b;

        if (!end || isnan(v) || (i == 0 ? v >= limit : v <= limit))
            continue;
        extra_open(&b, name, spec, true, value);
        reason_add(w, j, ends[i].type,
                   arena_fmt(w->a, "Value %s %s %s", py_str_in(w->a, value),
                             ends[i].words, py_str_in(w->a, end)),
                   arena_strn(w->a, name.p, name.len), extra_close(w, &b));
        return false;
    }
    return true;
}

/* ==: numbers by value, texts by text. */
static bool
py_equal(const struct py *x, const struct py *y)
{
    if (x->kind == PY_STR || y->kind == PY_STR)
        return x->kind == y->kind && str_eq(x->text, y->text);
    return py_number(x) == py_number(y);
}

static void
options_judge(struct walk *w, struct judged *j, struct str name,
              const struct py *spec, const struct py *options,
              const struct py *value)
{
    bool shown = options->n <= OPTIONS_SHOWN;
    struct buf b;
    const char *list;

    for (const struct py *o = options->first; o; o = o->next)
        if (py_equal(o, value))
            return;
    list = shown ? py_str_in(w->a, options)
                 : arena_fmt(w->a, "(list of length %zu)", options->n);
    extra_open(&b, name, spec, shown, value);
    reason_add(w, j, "value_not_in_list", "Value not in list",
               arena_fmt(w->a, STR_FMT ": '%s' not in %s", STR_ARG(name),
                         py_str_in(w->a, value), list),
               extra_close(w, &b));
}

bool
class_has_custom(const struct node_class *k)
{
    return strcmp(k->name, "LoadImage") == 0 ||
           strcmp(k->name, "LoadImageMask") == 0;
}

void
widget_judge(struct walk *w, struct judged *j, struct str name,
             const struct py *spec, struct py *value)
{
    const struct py *kind = spec->first;
    const char *type = kind->kind == PY_STR ? kind->text.p : "LIST";
    const struct py *options = NULL;
    const char *why = "";
    struct buf b;

    unwrap(value);
    if (!convert(w, type, value, &why)) {
        extra_open(&b, name, spec, true, value);
        buf_add_c(&b, ", \"exception_message\": ");
        py_dumps_c(&b, why);
        reason_add(w, j, "invalid_input_type",
                   arena_fmt(w->a,
                             "Failed to convert an input value to a %s "
                             "value",
                             type),
                   arena_fmt(w->a, STR_FMT ", %s, %s", STR_ARG(name),
                             py_str_in(w->a, value), why),
                   extra_close(w, &b));
        return;
    }
    if (class_has_custom(j->class) && str_eq_c(name, "image"))
        return;
    if (!range_judge(w, j, name, spec, value))
        return;
    if (kind->kind == PY_LIST)
        options = kind;
    else if (strcmp(type, "COMBO") == 0 && w->rules->newer)
        options = py_get(py_at(spec, 1), "options"); /* 0.3.64 does not look */
    if (options)
        options_judge(w, j, name, spec, options, value);
}

/* LoadImage and LoadImageMask: the file must exist. ComfyUI 0.3.64 follows
 * ../ here; the sandbox, like newer ones, does not. */
bool
custom_judge(struct walk *w, struct judged *j, const struct py *inputs)
{
    const struct py *image = py_get(inputs, "image");
    const char *rest, *dir, *path;

    if (!image)
        return walk_raise(w, "TypeError",
                          "%s.VALIDATE_INPUTS() missing 1 required positional "
                          "argument: 'image'",
                          j->class->name);
    if (image->kind == PY_LIST)
        return true; /* a link: refused by its type already */
    if (image->kind != PY_STR)
        return walk_raise(w, "AttributeError",
                          "'%s' object has no attribute 'endswith'",
                          py_type_name(image));
    dir = comfy_annotated(w->rules->dirs, w->a, image->text,
                          w->rules->dirs->input, &rest);
    path = path_inside(w->a, dir, rest);
    if (path && path_exists(path))
        return true;
    reason_add(w, j, "custom_validation_failed",
               "Custom validation failed for node",
               arena_fmt(w->a, "image - Invalid image file: " STR_FMT,
                         STR_ARG(image->text)),
               "{\"input_name\": \"image\"}");
    return true;
}

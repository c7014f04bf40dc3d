/*
 * comfy_node.h - one node being executed, and the classes of nodes.
 *
 * comfy_nodes.def has a row per class; its function takes its inputs from
 * the call by name, leaves outputs and UI data in it, and returns 0, or -1
 * through node_fail() with the Python exception that ComfyUI would show.
 * Pixel rules: contract 6.3.
 */
#ifndef SANDBOX_COMFY_NODE_H
#define SANDBOX_COMFY_NODE_H

#include "sandbox/comfy_files.h"
#include "sandbox/comfy_py.h"
#include "sandbox/comfy_tensor.h"

#define NODE_OUTPUTS 3
#define NODE_LINKS 16 /* of one node; no class has more inputs */
#define NODE_UI_MAX ((size_t)4 << 20)

enum value_kind { VALUE_NONE, VALUE_IMAGE, VALUE_MASK, VALUE_INT };

struct value {
    enum value_kind kind;
    struct tensor *t; /* IMAGE, MASK; one reference */
    int64_t i;
};

struct node_link {
    struct str name;
    const struct value *value;
};

struct node_call {
    struct arena *a;
    const struct comfy_dirs *dirs;
    const struct py *inputs; /* as validation left them */
    size_t nlinks;
    struct node_link links[NODE_LINKS];
    struct str prompt_text;         /* the whole prompt, for the PNG */
    const struct py *extra_pnginfo; /* or NULL */
    /* results */
    struct value out[NODE_OUTPUTS];
    struct buf ui;         /* JSON object; empty: no UI data */
    const char *exception; /* "RuntimeError"; NULL: none */
    const char *message;
};

typedef int (*node_fn)(struct node_call *c);

struct node_class {
    const char *name;
    node_fn fn;
    const struct py *info;                /* object_info's entry */
    const struct py *required, *optional; /* dicts, or NULL */
    const struct py *outputs;             /* list of type names */
    bool output_node;
};

/* Parses the table once. */
void node_classes_init(void);
void node_classes_fini(void);
size_t node_class_count(void);
const struct node_class *node_class_at(size_t i);
const struct node_class *node_class_find(struct str name); /* or NULL */

/* The input's value; absent ones give the default. Links and widgets. */
struct tensor *node_image(const struct node_call *c, const char *name);
int64_t node_int(const struct node_call *c, const char *name, int64_t dflt);
double node_float(const struct node_call *c, const char *name, double dflt);
bool node_bool(const struct node_call *c, const char *name, bool dflt);
const char *node_text(const struct node_call *c, const char *name);
/* Index in the NULL-terminated list, or -1. */
int node_choice(const struct node_call *c, const char *name,
                const char *const *options);

/* Takes the reference; NULL becomes an OOM. Return 0 or -1. */
int node_give_image(struct node_call *c, int slot, struct tensor *t);
int node_give_mask(struct node_call *c, int slot, struct tensor *t);
void node_give_int(struct node_call *c, int slot, int64_t v);
int node_fail(struct node_call *c, const char *exception, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int node_oom(struct node_call *c);

#define NODE(name, fn) int fn(struct node_call *c);
#include "sandbox/comfy_nodes.def"
#undef NODE

#endif

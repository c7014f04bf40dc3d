/*
 * comfy_validate_int.h - what the parts of validation share:
 * comfy_validate.c walks the graph, comfy_validate_link.c follows a link,
 * comfy_validate_input.c judges a widget.
 */
#ifndef SANDBOX_COMFY_VALIDATE_INT_H
#define SANDBOX_COMFY_VALIDATE_INT_H

#include "sandbox/comfy_node.h"
#include "sandbox/comfy_validate.h"

struct reason {
    struct reason *next;
    const char *message, *details;
    const char *json; /* the whole entry */
};

enum node_state { NODE_UNSEEN, NODE_OPEN, NODE_DONE };

/* A node while it is being judged. */
struct judged {
    struct py *node; /* in the prompt; key is its id */
    const struct node_class *class;
    enum node_state state;
    bool valid;
    struct reason *reasons, *last;
    struct judged *next;   /* in the order in which they were finished */
    struct py *dependents; /* output ids; NULL until reported */
};

struct walk {
    struct arena *a;
    const struct validate_rules *rules;
    struct py *prompt;
    size_t n;
    struct judged *nodes; /* n, in the prompt's order */
    struct judged *first, *last_done;
    int depth;
    /* the exception in flight */
    const char *exception, *what;
};

struct judged *walk_find(struct walk *w, struct str id); /* or NULL */
/* Sets the exception; returns false. */
bool walk_raise(struct walk *w, const char *type, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void reason_add(struct walk *w, struct judged *j, const char *type,
                const char *message, const char *details,
                const char *extra_info);
/* A traceback of one line, as JSON. */
const char *walk_traceback(struct walk *w);

/* The node and all above it; false: raised. */
bool node_judge(struct walk *w, struct judged *j);
void judged_done(struct walk *w, struct judged *j, bool valid);
/* Follows a link upstream. *ok false: something above is wrong. Returns
 * false when the exception passes on. */
bool link_judge(struct walk *w, struct judged *j, struct str name,
                const struct py *spec, const struct py *link, bool *ok);
/* One widget (not a link) of the node: converted in place, range and options
 * checked. spec is object_info's [type, {...}]. */
void widget_judge(struct walk *w, struct judged *j, struct str name,
                  const struct py *spec, struct py *value);
/* {"input_name": ..., "input_config": ..., "received_value": ...} open at the
 * end, for more members. config or value may be left out with NULL. */
void extra_open(struct buf *b, struct str name, const struct py *spec,
                bool config, const struct py *value);
const char *extra_close(struct walk *w, struct buf *b);
/* The node's own VALIDATE_INPUTS; false: raised. */
bool custom_judge(struct walk *w, struct judged *j, const struct py *inputs);
bool class_has_custom(const struct node_class *k);

#endif

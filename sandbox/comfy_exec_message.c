/*
 * comfy_exec_message.c - what a history entry tells of a run.
 */
#include "sandbox/comfy_exec_int.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

static void
message_open(struct run *x, const char *name)
{
    struct buf *b = &x->r->messages;

    buf_addf(b, "%s[\"%s\", {", b->len > 1 ? ", " : "", name);
}

static void
message_close(struct run *x)
{
    buf_addf(&x->r->messages, "\"timestamp\": %lld}]",
             (long long)clock_wall_ms());
}

static void
add_prompt_id(struct run *x, struct buf *b)
{
    buf_add_c(b, "\"prompt_id\": ");
    py_dumps_c(b, x->job->prompt_id);
    buf_add_c(b, ", ");
}

static void
add_ran(struct run *x, struct buf *b)
{
    bool first = true;

    buf_add_c(b, "\"executed\": [");
    for (size_t i = x->n; i-- > 0;) {
        if (!x->nodes[i].ran)
            continue;
        buf_add_c(b, first ? "" : ", ");
        first = false;
        py_dumps_str(b, x->nodes[i].node->key);
    }
    buf_add_c(b, "], ");
}

static void
add_node(struct buf *b, const struct exec_node *k)
{
    buf_add_c(b, "\"node_id\": ");
    py_dumps_str(b, k->node->key);
    buf_addf(b, ", \"node_type\": \"%s\", ", k->class->name);
}

void
run_message_plain(struct run *x, const char *name)
{
    message_open(x, name);
    add_prompt_id(x, &x->r->messages);
    message_close(x);
}

void
run_message_cached(struct run *x)
{
    struct buf *b = &x->r->messages;
    bool first = true;

    message_open(x, "execution_cached");
    buf_add_c(b, "\"nodes\": [");
    for (size_t i = 0; i < x->n; i++) {
        if (!x->nodes[i].result)
            continue;
        buf_add_c(b, first ? "" : ", ");
        first = false;
        py_dumps_str(b, x->nodes[i].node->key);
    }
    buf_add_c(b, "], ");
    add_prompt_id(x, b);
    message_close(x);
}

void
run_message_interrupted(struct run *x, const struct exec_node *k)
{
    struct buf *b = &x->r->messages;

    message_open(x, "execution_interrupted");
    add_prompt_id(x, b);
    add_node(b, k);
    add_ran(x, b);
    message_close(x);
}

/* str(tensor), shortened: nobody reads the numbers, many trip over its
 * length and line ends. */
static void
add_tensor_text(struct buf *b, const struct value *v)
{
    struct buf t;

    if (v->kind == VALUE_INT) {
        buf_addf(b, "%lld", (long long)v->i);
        return;
    }
    buf_init(&t, 4096);
    buf_add_c(&t, v->kind == VALUE_MASK ? "tensor([[[" : "tensor([[[[");
    for (int i = 0; i < v->t->c; i++)
        buf_addf(&t, "%s%.4f", i ? ", " : "", (double)v->t->p[i]);
    buf_addf(&t, "],\n          ...]]])");
    py_dumps_str(b, buf_str(&t));
    buf_free(&t);
}

static void
add_inputs(struct buf *b, const struct node_call *c)
{
    bool first = true;

    buf_add_c(b, "\"current_inputs\": {");
    for (const struct py *v = c->inputs->first; v; v = v->next) {
        const struct value *linked = NULL;

        for (size_t i = 0; i < c->nlinks; i++)
            if (str_eq(c->links[i].name, v->key))
                linked = c->links[i].value;
        buf_add_c(b, first ? "" : ", ");
        first = false;
        py_dumps_str(b, v->key);
        buf_add_c(b, ": [");
        if (linked)
            add_tensor_text(b, linked);
        else
            py_dumps(b, v);
        buf_add_c(b, "]");
    }
}

/* Hidden inputs are shown too: the whole prompt as Python's repr. */
static void
add_hidden(struct run *x, struct buf *b, const struct exec_node *k)
{
    const struct py *hidden = py_get(py_get(k->class->info, "input"), "hidden");
    struct buf t;

    if (py_get(hidden, "prompt")) {
        buf_init(&t, MESSAGES_MAX);
        py_repr(&t, x->job->prompt);
        buf_add_c(b, ", \"prompt\": [");
        py_dumps_str(b, buf_str(&t));
        buf_add_c(b, "], \"extra_pnginfo\": [null]");
        buf_free(&t);
    }
    buf_add_c(b, "}, ");
}

void
run_message_error(struct run *x, const struct exec_node *k,
                  const struct node_call *c)
{
    struct buf *b = &x->r->messages;
    size_t from;

    message_open(x, "execution_error");
    from = b->len;
    add_prompt_id(x, b);
    add_node(b, k);
    add_ran(x, b);
    buf_add_c(b, "\"exception_message\": ");
    py_dumps_c(b, c->message);
    buf_addf(b, ", \"exception_type\": \"%s\", \"traceback\": [", c->exception);
    py_dumps_c(b, "  File \"/opt/ComfyUI/execution.py\", line 496, in execute\n"
                  "    output_data, output_ui, has_subgraph, "
                  "has_pending_tasks = await get_output_data(prompt_id, "
                  "unique_id, obj, input_data_all)\n");
    buf_add_c(b, "], ");
    add_inputs(b, c);
    add_hidden(x, b, k);
    buf_add_c(b, "\"current_outputs\": [");
    for (size_t i = 0; i < x->n; i++) {
        buf_add_c(b, i ? ", " : "");
        py_dumps_str(b, x->nodes[i].node->key);
    }
    buf_add_c(b, "], ");
    message_close(x);
    if (!b->failed) {
        size_t len = b->len - 1 - from; /* without the "]" */

        x->r->error = mem_alloc(len + 2);
        x->r->error[0] = '{';
        memcpy(x->r->error + 1, b->p + from, len);
        x->r->error[len + 1] = '\0';
    }
}

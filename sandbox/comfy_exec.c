/*
 * comfy_exec.c - one prompt, node by node (contract 3.5, 3.6, 6.4).
 */
#include "sandbox/comfy_exec_int.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "io/file.h"

#define DEPTH_MAX 500 /* validation lets no longer chain through */

static struct exec_node *
node_find(struct run *x, const struct py *id)
{
    if (!py_is(id, PY_STR))
        return NULL;
    for (size_t i = 0; i < x->n; i++)
        if (str_eq(x->nodes[i].node->key, id->text))
            return &x->nodes[i];
    return NULL;
}

static bool
is_link(const struct py *v)
{
    return v->kind == PY_LIST && v->n == 2;
}

/* ---- signatures ---- */

static bool
is_loader(const struct node_class *k)
{
    return strncmp(k->name, "LoadImage", 9) == 0;
}

/* The file's hash becomes the node's is_changed, unless the prompt brings
 * one (ComfyUI obeys that). */
static void
mark_changed(struct run *x, struct exec_node *k)
{
    struct arena *a = x->job->a;
    const struct py *image = py_get(k->inputs, "image");
    const char *rest, *dir, *path;
    struct buf bytes;
    char hex[SHA256_HEX] = "NaN";
    struct py *list;

    if (!is_loader(k->class) || py_get(k->node, "is_changed") ||
        !py_is(image, PY_STR))
        return;
    dir = comfy_annotated(x->job->dirs, a, image->text, x->job->dirs->input,
                          &rest);
    path = path_inside(a, dir, rest);
    buf_init(&bytes, COMFY_FILE_MAX);
    if (path && file_read(path, &bytes, NULL) == 0)
        sha256_hex(buf_str(&bytes), hex);
    buf_free(&bytes);
    list = py_new_list(a);
    py_append(list, py_new_str(a, str_c(hex)));
    py_set(a, k->node, STR("is_changed"), list);
}

static void sign(struct run *x, struct exec_node *k, int depth);

static void
sign_input(struct run *x, struct buf *b, const struct py *v, int depth)
{
    struct exec_node *from = is_link(v) ? node_find(x, v->first) : NULL;

    py_dumps_str(b, v->key);
    buf_add_c(b, "=");
    if (!is_link(v)) {
        py_dumps(b, v);
    } else if (from) {
        sign(x, from, depth + 1);
        buf_add_c(b, from->signature);
        py_dumps(b, v->last);
    } else {
        buf_addf(b, "gone %llx", (unsigned long long)rand_u64());
    }
    buf_add_c(b, "\n");
}

static const struct py *
next_by_name(const struct py *dict, const struct py *after)
{
    const struct py *best = NULL;

    for (const struct py *v = dict->first; v; v = v->next) {
        if (after && strcmp(v->key.p, after->key.p) <= 0)
            continue;
        if (!best || strcmp(v->key.p, best->key.p) < 0)
            best = v;
    }
    return best;
}

static void
sign(struct run *x, struct exec_node *k, int depth)
{
    const struct py *changed = py_get(k->node, "is_changed");
    const struct py *hidden = py_get(py_get(k->class->info, "input"), "hidden");
    struct buf b;

    if (k->signature[0] || k->signing || depth > DEPTH_MAX)
        return;
    k->signing = true;
    buf_init(&b, MESSAGES_MAX);
    buf_addf(&b, "%s\n", k->class->name);
    if (changed)
        py_dumps(&b, changed);
    if (py_get(hidden, "unique_id"))
        py_dumps_str(&b, k->node->key);
    for (const struct py *v = next_by_name(k->inputs, NULL); v;
         v = next_by_name(k->inputs, v))
        sign_input(x, &b, v, depth);
    sha256_hex(buf_str(&b), k->signature);
    buf_free(&b);
    k->signing = false;
}

static bool
is_in_prompt(void *ctx, const char *signature)
{
    struct run *x = ctx;

    for (size_t i = 0; i < x->n; i++)
        if (strcmp(x->nodes[i].signature, signature) == 0)
            return true;
    return false;
}

/* ---- order ---- */

static void
need(struct run *x, struct exec_node *k)
{
    if (k->needed)
        return;
    k->needed = true;
    k->done = k->result != NULL;
    if (k->done)
        return;
    for (const struct py *v = k->inputs->first; v; v = v->next) {
        struct exec_node *from = is_link(v) ? node_find(x, v->first) : NULL;

        if (from)
            need(x, from);
    }
}

static bool
is_ready(struct run *x, const struct exec_node *k)
{
    if (!k->needed || k->done)
        return false;
    for (const struct py *v = k->inputs->first; v; v = v->next) {
        const struct exec_node *from =
            is_link(v) ? node_find(x, v->first) : NULL;

        if (from && !from->done)
            return false;
    }
    return true;
}

/* Outputs first, in no particular order (contract 6.4). NULL: all done. */
static struct exec_node *
pick(struct run *x)
{
    struct exec_node *best = NULL;
    uint64_t outputs = 0;

    for (size_t i = 0; i < x->n; i++) {
        struct exec_node *k = &x->nodes[i];

        if (!is_ready(x, k))
            continue;
        if (k->class->output_node) {
            if (rand_below(++outputs) == 0)
                best = k;
        } else if (!best) {
            best = k;
        }
    }
    return best;
}

/* ---- one node ---- */

static void
call_links(struct run *x, struct exec_node *k, struct node_call *c)
{
    for (const struct py *v = k->inputs->first; v; v = v->next) {
        struct exec_node *from = is_link(v) ? node_find(x, v->first) : NULL;
        long double slot;

        if (!from || c->nlinks == NODE_LINKS)
            continue;
        slot = py_number(v->last);
        if (slot < 0)
            slot += (long double)from->class->outputs->n;
        if (slot < 0 || slot >= NODE_OUTPUTS)
            continue;
        c->links[c->nlinks++] =
            (struct node_link){v->key, &from->result->out[(int)slot]};
    }
}

/* Validation lets a number pass where a picture is wanted; Python finds out
 * at the first attribute. null for an optional input means none. */
static bool
pictures_are_there(const struct node_class *k, struct node_call *c)
{
    const struct py *dicts[] = {k->required, k->optional};

    for (size_t i = 0; i < 2; i++)
        for (const struct py *s = dicts[i] ? dicts[i]->first : NULL; s;
             s = s->next) {
            const struct py *v = py_get_str(c->inputs, s->key);
            const char *type = s->first->text.p;

            if (s->first->kind != PY_STR || !v ||
                (strcmp(type, "IMAGE") != 0 && strcmp(type, "MASK") != 0) ||
                node_image(c, s->key.p) || (i == 1 && v->kind == PY_NULL))
                continue;
            node_fail(c, "AttributeError",
                      "'%s' object has no attribute "
                      "'shape'",
                      py_type_name(v));
            return false;
        }
    return true;
}

static bool
node_call_run(struct run *x, struct exec_node *k, struct node_call *c)
{
    const struct exec_hooks *h = &x->job->hooks;

    if (h->fault && !is_loader(k->class) &&
        h->fault(h->ctx, &c->exception, &c->message))
        return false;
    return pictures_are_there(k->class, c) && k->class->fn(c) == 0;
}

static bool
node_run(struct run *x, struct exec_node *k)
{
    struct node_call c = {
        .a = arena_new(), .dirs = x->job->dirs, .inputs = k->inputs};
    struct buf text;
    bool ok;

    buf_init(&c.ui, NODE_UI_MAX);
    buf_init(&text, MESSAGES_MAX);
    if (k->class->output_node) {
        py_dumps(&text, x->job->prompt);
        c.prompt_text = buf_str(&text);
        c.extra_pnginfo = py_get(x->job->extra, "extra_pnginfo");
    }
    call_links(x, k, &c);
    x->r->executed++;
    ok = node_call_run(x, k, &c);
    if (ok) {
        k->result = cache_add(x->job->cache, k->signature, k->node->key, &c);
        k->done = k->ran = true;
    } else {
        run_message_error(x, k, &c);
        for (int i = 0; i < NODE_OUTPUTS; i++)
            tensor_unref(c.out[i].t);
    }
    buf_free(&text);
    buf_free(&c.ui);
    arena_free(c.a);
    return ok;
}

static bool
was_interrupted(struct run *x, const struct exec_node *k)
{
    const struct exec_hooks *h = &x->job->hooks;

    if (!h->interrupted || !h->interrupted(h->ctx))
        return false;
    run_message_interrupted(x, k);
    return true;
}

static enum exec_end
nodes_run(struct run *x, int64_t started)
{
    const struct exec_hooks *h = &x->job->hooks;
    struct exec_node *k;

    while ((k = pick(x))) {
        if (was_interrupted(x, k))
            return EXEC_INTERRUPTED;
        if (k->class->output_node && !x->paused && h->pause) {
            x->paused = true;
            h->pause(h->ctx, started);
            if (was_interrupted(x, k))
                return EXEC_INTERRUPTED;
        }
        if (!node_run(x, k))
            return EXEC_ERROR;
    }
    run_message_plain(x, "execution_success");
    return EXEC_SUCCESS;
}

/* ---- the prompt ---- */

/* False: ComfyUI's cache-key pass would raise and end the thread. */
static bool
nodes_prepare(struct run *x)
{
    const struct exec_job *job = x->job;
    size_t i = 0;

    x->n = job->prompt->n;
    x->nodes = ARENA_ARRAY(job->a, struct exec_node, x->n + 1);
    if (!py_is(job->extra, PY_DICT))
        return false;
    for (struct py *v = job->prompt->first; v; v = v->next) {
        struct exec_node *k = &x->nodes[i++];

        k->node = v;
        k->class = node_class_find(py_get(v, "class_type")->text);
        k->inputs = py_get(v, "inputs");
        assert(k->class);
        if (!py_is(k->inputs, PY_DICT))
            return false;
    }
    return true;
}

static void
cache_look(struct run *x)
{
    for (size_t i = 0; i < x->n; i++)
        mark_changed(x, &x->nodes[i]);
    for (size_t i = 0; i < x->n; i++)
        sign(x, &x->nodes[i], 0);
    cache_prune(x->job->cache, is_in_prompt, x);
    for (size_t i = 0; i < x->n; i++)
        x->nodes[i].result = cache_find(x->job->cache, x->nodes[i].signature);
    run_message_cached(x);
    for (const struct py *o = x->job->outputs->first; o; o = o->next) {
        struct exec_node *k = node_find(x, o);

        if (k)
            need(x, k);
    }
}

/* UI data of all nodes that have some, those from the cache included. */
static void
collect(struct run *x)
{
    struct buf *o = &x->r->outputs, *m = &x->r->meta;

    for (size_t i = 0; i < x->n; i++) {
        const struct exec_node *k = &x->nodes[i];

        if (!k->result || !k->result->ui)
            continue;
        buf_add_c(o, o->len > 1 ? ", " : "");
        py_dumps_str(o, k->node->key);
        buf_addf(o, ": %s", k->result->ui);
        buf_add_c(m, m->len > 1 ? ", " : "");
        py_dumps_str(m, k->node->key);
        buf_add_c(m, ": {\"node_id\": ");
        py_dumps_c(m, k->result->node_id);
        buf_add_c(m, ", \"display_node\": ");
        py_dumps_c(m, k->result->node_id);
        buf_add_c(m, ", \"parent_node\": null, \"real_node_id\": ");
        py_dumps_c(m, k->result->node_id);
        buf_add_c(m, "}");
    }
}

void
exec_run(const struct exec_job *job, struct exec_result *out)
{
    struct run x = {.job = job, .r = out};
    int64_t started = clock_mono_ms();

    *out = (struct exec_result){.started_ms = clock_wall_ms()};
    buf_init(&out->messages, MESSAGES_MAX);
    buf_init(&out->outputs, MESSAGES_MAX);
    buf_init(&out->meta, MESSAGES_MAX);
    buf_add_c(&out->messages, "[");
    buf_add_c(&out->outputs, "{");
    buf_add_c(&out->meta, "{");
    run_message_plain(&x, "execution_start");
    if (!nodes_prepare(&x)) {
        out->end = EXEC_DIED;
        return;
    }
    cache_look(&x);
    out->end = nodes_run(&x, started);
    collect(&x);
    buf_add_c(&out->messages, "]");
    buf_add_c(&out->outputs, "}");
    buf_add_c(&out->meta, "}");
    out->ended_ms = clock_wall_ms();
}

void
exec_result_free(struct exec_result *r)
{
    buf_free(&r->messages);
    buf_free(&r->outputs);
    buf_free(&r->meta);
    mem_free(r->error);
}

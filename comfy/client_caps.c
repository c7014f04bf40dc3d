/*
 * client_caps.c - what one server can run, and the memory of its answers.
 *
 * DESIGN. A start-up check asks for some ten classes for each of some twenty
 * presets, mostly the same ones; answers are kept as text for COMFY_CAPS_MS
 * and parsed per use, so that nothing is shared between threads but bytes.
 * /object_info without a class is megabytes and scans the model folders.
 */
#include <string.h>
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "comfy/client_int.h"

/* ---- the memory; all holding the lock ---- */

void
comfy_cache_drop(struct comfy *c)
{
    for (size_t i = 0; i < c->n_cached; i++) {
        mem_free(c->cache[i].path);
        mem_free(c->cache[i].body);
    }
    c->n_cached = 0;
}

static struct comfy_cached *
cache_find(struct comfy *c, const char *path)
{
    for (size_t i = 0; i < c->n_cached; i++)
        if (strcmp(c->cache[i].path, path) == 0)
            return &c->cache[i];
    return NULL;
}

static bool
cache_get(struct comfy *c, struct arena *a, const char *path, int *status,
          struct str *body)
{
    struct comfy_cached *k;
    bool fresh;

    pthread_mutex_lock(&c->lock);
    k = cache_find(c, path);
    fresh = k && clock_mono_ms() - k->at_ms < COMFY_CAPS_MS;
    if (fresh) {
        *status = k->status;
        *body = str_n(arena_strn(a, k->body, k->len), k->len);
    }
    pthread_mutex_unlock(&c->lock);
    return fresh;
}

static void
cache_put(struct comfy *c, const char *path, int status, struct str body)
{
    struct comfy_cached *k;

    pthread_mutex_lock(&c->lock);
    k = cache_find(c, path);
    if (!k) {
        if (!c->cache)
            c->cache = mem_calloc(COMFY_CACHE_MAX, sizeof(*c->cache));
        if (c->n_cached == COMFY_CACHE_MAX)
            comfy_cache_drop(c);
        k = &c->cache[c->n_cached++];
        k->path = mem_strdup(path);
        k->body = NULL;
    }
    mem_free(k->body);
    k->body = mem_strndup(body.p ? body.p : "", body.len);
    k->len = body.len;
    k->status = status;
    k->at_ms = clock_mono_ms();
    pthread_mutex_unlock(&c->lock);
}

/* ---- asking ---- */

static const cJSON *
tree_of_kind(struct arena *a, struct str body, bool array, struct err *e)
{
    const cJSON *j = comfy_json(a, body, e);

    if (!j || (array ? cJSON_IsArray(j) : cJSON_IsObject(j)))
        return j;
    err_set(e, ERR_BAD_INPUT, "it is no %s", array ? "array" : "object");
    return NULL;
}

/* *tree is the answer, which must be an object or an array; NULL for a 404.
 * Both are remembered, nothing else is. */
static int
ask(struct comfy *c, struct arena *a, const char *path, const char *op,
    bool array, const cJSON **tree, struct err *e)
{
    struct httpc_req q = {.method = "GET", .path = path, .op = op};
    struct httpc_res r = {0};
    struct str body;
    bool known = cache_get(c, a, path, &r.status, &body);
    int rc = 0;

    *tree = NULL;
    if (!known && comfy_call(c, &q, &r, e) != 0)
        return -1;
    if (!known)
        body = buf_str(&r.body);
    if (r.status == 200) {
        *tree = tree_of_kind(a, body, array, e);
        if (!*tree)
            rc = comfy_odd_answer(c, op, e);
    } else if (r.status != 404) {
        rc = comfy_status_error(c, op, r.status, e);
    }
    if (rc == 0 && !known)
        cache_put(c, path, r.status, body);
    httpc_res_free(&r);
    return rc;
}

int
comfy_object_info(struct comfy *c, struct arena *a, const char *class_type,
                  const cJSON **out, struct err *e)
{
    const char *path =
        arena_fmt(a, "/object_info/%s", httpc_escape(a, str_c(class_type)));
    const cJSON *answer;

    *out = NULL;
    if (ask(c, a, path, "object_info", false, &answer, e) != 0)
        return -1;
    if (!answer)
        return comfy_status_error(c, "object_info", 404, e);
    *out = comfy_class_entry(answer, class_type);
    return 0;
}

/* ---- one graph ---- */

/* A class that is used many times is asked for and parsed once. */
struct known {
    const char *class_type;
    const cJSON *entry; /* NULL: the server has no such class */
};

struct inquiry {
    struct comfy *c;
    struct arena *a;
    struct known *known;
    size_t n, cap;
    struct comfy_missing *missing; /* or NULL */
};

static int
learn(struct inquiry *q, const char *class_type, const cJSON **entry,
      struct err *e)
{
    for (size_t i = 0; i < q->n; i++)
        if (strcmp(q->known[i].class_type, class_type) == 0) {
            *entry = q->known[i].entry;
            return 0;
        }
    if (comfy_object_info(q->c, q->a, class_type, entry, e) != 0)
        return -1;
    if (q->n < q->cap)
        q->known[q->n++] = (struct known){class_type, *entry};
    if (!*entry && q->missing)
        comfy_missing_add(
            q->missing,
            arena_fmt(q->a, "node %s", comfy_clean(q->a, class_type, 80)));
    return 0;
}

static int
learn_graph(struct inquiry *q, const cJSON *graph, struct err *e)
{
    const cJSON *node, *entry;

    q->cap += (size_t)cJSON_GetArraySize(graph);
    q->known = ARENA_ARRAY(q->a, struct known, q->cap + 1);
    cJSON_ArrayForEach (node, graph) {
        const char *class_type = json_str(node, "class_type", NULL);
        if (!class_type)
            return err_set(e, ERR_BAD_INPUT, "a node has no class_type");
        if (learn(q, class_type, &entry, e) != 0)
            return -1;
        if (entry && q->missing)
            comfy_node_check(q->a, node, entry, q->missing);
    }
    return 0;
}

static const cJSON *
graph_parse(struct arena *a, struct str graph, struct err *e)
{
    const cJSON *j = json_parse_in(a, graph, 0, e);

    if (j && !cJSON_IsObject(j)) {
        err_set(e, ERR_BAD_INPUT, "the graph is no object");
        return NULL;
    }
    return j;
}

/* Folders that were renamed in 2024; the old names stand in older graphs. */
static const char *
folder_now(const char *folder)
{
    if (strcmp(folder, "unet") == 0)
        return "diffusion_models";
    return strcmp(folder, "clip") == 0 ? "text_encoders" : folder;
}

/* Servers without /models, or without this folder, may still offer the file
 * in a node's list. */
static int
model_check(struct inquiry *q, const char *model, struct err *e)
{
    const char *slash = strchr(model, '/'), *folder, *path;
    const cJSON *list;

    if (!slash)
        return err_set(e, ERR_BAD_INPUT, "model %s: not folder/file", model);
    folder = arena_strn(q->a, model, (size_t)(slash - model));
    path = arena_fmt(q->a, "/models/%s",
                     httpc_escape(q->a, str_c(folder_now(folder))));
    if (ask(q->c, q->a, path, "models", true, &list, e) != 0)
        return -1;
    if (list && comfy_models_have(list, slash + 1))
        return 0;
    for (size_t i = 0; !list && i < q->n; i++)
        if (comfy_class_offers(q->known[i].entry, slash + 1))
            return 0;
    comfy_missing_add(q->missing, arena_fmt(q->a, "model %s", model));
    return 0;
}

int
comfy_can_run(struct comfy *c, struct arena *a, const struct comfy_needs *needs,
              struct comfy_missing *out, struct err *e)
{
    struct inquiry q = {.c = c, .a = a, .missing = out};
    const cJSON *graph = NULL, *entry;

    out->n = 0;
    if (needs->graph.len > 0 && !(graph = graph_parse(a, needs->graph, e)))
        return -1;
    q.cap = needs->n_classes;
    if (learn_graph(&q, graph, e) != 0)
        return -1;
    for (size_t i = 0; i < needs->n_classes; i++)
        if (learn(&q, needs->classes[i], &entry, e) != 0)
            return -1;
    for (size_t i = 0; i < needs->n_models; i++)
        if (model_check(&q, needs->models[i], e) != 0)
            return -1;
    return 0;
}

static const cJSON *
known_entry(void *ctx, const char *class_type)
{
    const struct inquiry *q = ctx;

    for (size_t i = 0; i < q->n; i++)
        if (strcmp(q->known[i].class_type, class_type) == 0)
            return q->known[i].entry;
    return NULL;
}

char *
comfy_complete(struct comfy *c, struct arena *a, struct str graph,
               struct err *e)
{
    struct inquiry q = {.c = c, .a = a};
    const cJSON *j = graph_parse(a, graph, e);

    if (!j || learn_graph(&q, j, e) != 0)
        return NULL;
    return comfy_graph_complete(a, graph, known_entry, &q, e);
}

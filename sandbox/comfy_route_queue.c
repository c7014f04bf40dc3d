/*
 * comfy_route_queue.c - /queue, /interrupt, /history, /free (contract 1.5 to
 * 1.9, 1.16).
 */
#include <string.h>

#include "base/clock.h"
#include "sandbox/comfy_http.h"

void
route_queue_get(struct http_req *q, struct comfy *c)
{
    struct buf b;

    buf_init(&b, COMFY_TEXT_MAX);
    pthread_mutex_lock(&c->lock);
    buf_add_c(&b, "{\"queue_running\": [");
    if (c->running)
        buf_add_c(&b, c->running->json);
    buf_add_c(&b, "], \"queue_pending\": [");
    for (size_t i = 0; i < c->queue.n; i++) {
        buf_add_c(&b, i ? ", " : "");
        buf_add_c(&b, c->queue.heap[i]->json);
    }
    buf_add_c(&b, "]}");
    pthread_mutex_unlock(&c->lock);
    reply_json(q, 200, &b);
}

/* The ids of {"delete": [...]}, one by one. */
static const struct py *
delete_list(const struct py *body)
{
    const struct py *list = py_get(body, "delete");

    return list && list->first ? list->first : NULL;
}

static bool
wants_clear(const struct py *body)
{
    const struct py *clear = py_get(body, "clear");

    return clear && py_truth(clear);
}

void
route_queue_post(struct http_req *q, struct comfy *c)
{
    struct arena *a = http_arena(q);
    struct py *body = request_json(q, a);

    if (!body)
        return;
    pthread_mutex_lock(&c->lock);
    if (wants_clear(body))
        comfy_queue_clear(&c->queue);
    for (const struct py *v = delete_list(body); v; v = v->next)
        comfy_item_free(comfy_queue_remove(&c->queue, py_str_in(a, v)));
    pthread_mutex_unlock(&c->lock);
    reply_empty(q, 200);
}

/* Whatever is no JSON means everybody; JSON that is no object raises. */
void
route_interrupt(struct http_req *q, struct comfy *c)
{
    struct arena *a = http_arena(q);
    struct py *body = py_parse(a, http_body(q), NULL);
    const struct py *id = py_get(body, "prompt_id");

    if (body && body->kind != PY_DICT) {
        reply_crash(q);
        return;
    }
    if (comfy_fault_strikes(c, FAULT_interrupt_global, NULL))
        id = NULL;
    comfy_interrupt(c, id && py_truth(id) ? py_str_in(a, id) : NULL);
    reply_empty(q, 200);
}

static bool
is_hidden(const struct comfy_entry *k)
{
    return k->hidden_until && clock_mono_ms() < k->hidden_until;
}

/* False: int() would raise. */
static bool
query_int(struct http_req *q, const char *name, bool *given, int64_t *out)
{
    const char *z = http_query(q, name);
    struct py text = {.kind = PY_STR}, *n;
    const char *why;

    *given = z != NULL;
    if (!z)
        return true;
    text.text = str_c(z);
    return py_int(http_arena(q), &text, &n, &why) && str_to_i64(n->text, out);
}

static void
history_window(struct buf *b, const struct comfy *c, int64_t offset,
               bool limited, int64_t max)
{
    int64_t i = 0, shown = 0;

    if (offset < 0 && limited)
        offset = (int64_t)c->history.n - max;
    for (const struct comfy_entry *k = c->history.first; k; k = k->next, i++) {
        if (i < offset || is_hidden(k))
            continue;
        buf_add_c(b, shown++ ? ", " : "");
        comfy_entry_json(b, k);
        if (limited && shown >= max)
            return;
    }
}

void
route_history(struct http_req *q, struct comfy *c)
{
    int64_t max = 0, offset = -1;
    bool limited, given;
    struct buf b;

    if (!query_int(q, "max_items", &limited, &max) ||
        !query_int(q, "offset", &given, &offset)) {
        reply_crash(q);
        return;
    }
    buf_init(&b, COMFY_TEXT_MAX);
    buf_add_c(&b, "{");
    pthread_mutex_lock(&c->lock);
    history_window(&b, c, offset, limited, max);
    pthread_mutex_unlock(&c->lock);
    buf_add_c(&b, "}");
    reply_json(q, 200, &b);
}

void
route_history_one(struct http_req *q, struct comfy *c)
{
    const struct comfy_entry *k;
    struct buf b;

    buf_init(&b, COMFY_TEXT_MAX);
    buf_add_c(&b, "{");
    pthread_mutex_lock(&c->lock);
    k = comfy_history_find(&c->history, http_param(q, "id"));
    if (k && !is_hidden(k))
        comfy_entry_json(&b, k);
    pthread_mutex_unlock(&c->lock);
    buf_add_c(&b, "}");
    reply_json(q, 200, &b);
}

void
route_history_post(struct http_req *q, struct comfy *c)
{
    struct arena *a = http_arena(q);
    struct py *body = request_json(q, a);

    if (!body)
        return;
    pthread_mutex_lock(&c->lock);
    if (wants_clear(body))
        comfy_history_clear(&c->history);
    for (const struct py *v = delete_list(body); v; v = v->next)
        comfy_history_remove(&c->history, py_str_in(a, v));
    pthread_mutex_unlock(&c->lock);
    reply_empty(q, 200);
}

void
route_free(struct http_req *q, struct comfy *c)
{
    struct py *body = request_json(q, http_arena(q));
    const struct py *memory = py_get(body, "free_memory");

    if (!body)
        return;
    if (memory && py_truth(memory)) {
        pthread_mutex_lock(&c->lock);
        c->drop_cache = true;
        pthread_cond_broadcast(&c->changed);
        pthread_mutex_unlock(&c->lock);
    }
    reply_empty(q, 200);
}

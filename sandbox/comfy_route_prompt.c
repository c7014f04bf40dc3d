/*
 * comfy_route_prompt.c - POST /prompt: from a body to a prompt in the queue
 * (contract 1.2, 1.3).
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rand.h"
#include "sandbox/comfy_http.h"
#include "sandbox/comfy_validate.h"

/* The body, taken apart; everything lives in the item's arena. */
struct submission {
    struct arena *a;
    struct py *body;
    struct comfy_item *item;
    struct validation v;
};

static void
refuse(struct http_req *q, const char *error, const char *node_errors)
{
    struct buf b;

    buf_init(&b, COMFY_TEXT_MAX);
    buf_addf(&b, "{\"error\": %s, \"node_errors\": %s}", error, node_errors);
    reply_json(q, 400, &b);
}

/* number, front: which place in the queue. False: Python would raise. */
static bool
take_number(struct submission *s, struct comfy *c)
{
    const struct py *given = py_get(s->body, "number");
    const struct py *front = py_get(s->body, "front");
    struct comfy_item *item = s->item;
    const char *why;
    struct py *f;
    int64_t n;

    if (given) {
        if (!py_float(s->a, given, &f, &why))
            return false;
        item->number = f->num;
        item->number_text = py_str_in(s->a, f);
        return true;
    }
    pthread_mutex_lock(&c->lock);
    n = c->next_number++;
    pthread_mutex_unlock(&c->lock);
    if (front && py_truth(front))
        n = -n;
    item->number = n;
    item->number_text = arena_fmt(s->a, "%lld", (long long)n);
    return true;
}

/* False: it was answered. */
static bool
take_id(struct submission *s, struct comfy *c, struct http_req *q)
{
    const struct py *given = py_get(s->body, "prompt_id");
    char uuid[37];

    if (comfy_fault_strikes(c, FAULT_ignore_prompt_id, NULL))
        given = NULL;
    if (!given || (c->cfg.newer && given->kind == PY_NULL)) {
        rand_uuid(uuid);
        s->item->id = arena_strdup(s->a, uuid);
        return true;
    }
    s->item->id = py_str_in(s->a, given); /* 5 is "5", null is "None" */
    if (!c->cfg.newer || (given->kind == PY_STR && comfy_is_uuid(given->text)))
        return true;
    refuse(q,
           "{\"type\": \"invalid_prompt_id\", \"message\": \"prompt_id must be "
           "a valid UUID\", \"details\": \"prompt_id must be a UUID string in "
           "canonical lowercase hyphenated form; omit it to let the server "
           "generate one\", \"extra_info\": {}}",
           "{}");
    return false;
}

/* extra_data with client_id in it. False: raised. */
static bool
take_extra(struct submission *s, struct comfy *c)
{
    struct py *extra = py_get(s->body, "extra_data");
    struct py *client = py_get(s->body, "client_id");

    if (!extra)
        extra = py_parse(s->a, STR("{}"), NULL);
    if (client && extra->kind != PY_DICT)
        return false;
    if (client)
        py_set(s->a, extra, STR("client_id"), py_copy(s->a, client));
    if (c->cfg.newer && extra->kind != PY_DICT)
        return false;
    if (c->cfg.newer)
        py_set(
            s->a, extra, STR("create_time"),
            py_parse(s->a,
                     str_c(arena_fmt(s->a, "%lld", (long long)clock_wall_ms())),
                     NULL));
    s->item->extra = extra;
    return true;
}

static const char *
dumps_in(struct arena *a, const struct py *v)
{
    struct buf b;
    const char *z;

    buf_init(&b, COMFY_TEXT_MAX);
    py_dumps(&b, v);
    z = arena_strn(a, buf_cstr(&b), b.len);
    buf_free(&b);
    return z;
}

/* The texts that queue and history show; the tokens of API nodes are hidden
 * by newer servers. */
static void
item_texts(struct submission *s, const struct comfy *c)
{
    struct comfy_item *item = s->item;
    struct py *shown = item->extra;
    struct buf b;

    if (c->cfg.newer) {
        shown = py_parse(s->a, STR("{}"), NULL);
        for (const struct py *v = item->extra->first; v; v = v->next)
            if (!str_eq_c(v->key, "auth_token_comfy_org") &&
                !str_eq_c(v->key, "api_key_comfy_org"))
                py_set(s->a, shown, v->key, py_copy(s->a, v));
    }
    item->prompt_json = dumps_in(s->a, item->prompt);
    item->extra_json = dumps_in(s->a, shown);
    buf_init(&b, COMFY_TEXT_MAX);
    buf_addf(&b, "[%s, ", item->number_text);
    py_dumps_c(&b, item->id);
    buf_addf(&b, ", %s, %s, ", item->prompt_json, item->extra_json);
    py_dumps(&b, item->outputs);
    buf_add_c(&b, "]");
    item->json = arena_strn(s->a, buf_cstr(&b), b.len);
    buf_free(&b);
}

/* False: the heap could not compare; the item is in the queue all the same. */
static bool
enqueue(struct comfy *c, struct comfy_item *item)
{
    bool ok;

    pthread_mutex_lock(&c->lock);
    c->accepted++;
    ok = comfy_queue_push(&c->queue, item);
    if (ok)
        pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    return ok;
}

static bool
queue_is_full(struct comfy *c)
{
    bool full;

    pthread_mutex_lock(&c->lock);
    full = c->queue.n >= COMFY_QUEUE_MAX;
    pthread_mutex_unlock(&c->lock);
    return full;
}

/* What fault node_errors_200 says of the first output. */
static const char *
made_up_errors(struct submission *s)
{
    struct buf b;
    const char *z;

    buf_init(&b, 64 * 1024);
    buf_add_c(&b, "{");
    py_dumps(&b, s->v.outputs->first);
    buf_add_c(&b, ": {\"errors\": [{\"type\": \"value_bigger_than_max\", "
                  "\"message\": \"Value 99.0 bigger than max of 8.0\", "
                  "\"details\": \"scale_by\", \"extra_info\": {\"input_name\": "
                  "\"scale_by\"}}], \"dependent_outputs\": [");
    py_dumps(&b, s->v.outputs->first);
    buf_add_c(&b, "], \"class_type\": \"ImageScaleBy\"}}");
    z = arena_strn(s->a, buf_cstr(&b), b.len);
    buf_free(&b);
    return z;
}

static void
accept(struct submission *s, struct comfy *c, struct http_req *q)
{
    struct buf b;

    if (comfy_fault_strikes(c, FAULT_node_errors_200, NULL))
        s->v.node_errors = made_up_errors(s);
    s->item->outputs = s->v.outputs;
    s->item->created_ms = clock_wall_ms();
    item_texts(s, c);
    buf_init(&b, COMFY_TEXT_MAX);
    buf_add_c(&b, "{\"prompt_id\": ");
    py_dumps_c(&b, s->item->id);
    buf_addf(&b, ", \"number\": %s, \"node_errors\": %s}", s->item->number_text,
             s->v.node_errors);
    s->a = NULL; /* the queue's from here on */
    if (!enqueue(c, s->item)) {
        buf_free(&b);
        reply_crash(q);
        return;
    }
    if (comfy_fault_strikes(c, FAULT_die_after_accept, NULL))
        _exit(0);
    reply_json(q, 200, &b);
}

static void
submit(struct submission *s, struct comfy *c, struct http_req *q)
{
    const struct validate_rules rules = {&c->dirs, c->cfg.newer};
    enum verdict verdict;

    if (s->body->kind != PY_DICT && s->body->kind != PY_LIST) {
        reply_crash(q);
        return;
    }
    if (!take_number(s, c)) {
        reply_crash(q);
        return;
    }
    s->item->prompt = py_get(s->body, "prompt");
    if (!s->item->prompt) {
        refuse(q,
               "{\"type\": \"no_prompt\", \"message\": \"No prompt "
               "provided\", \"details\": \"No prompt provided\", "
               "\"extra_info\": {}}",
               "{}");
        return;
    }
    if (!take_id(s, c, q))
        return;
    verdict =
        comfy_validate(s->a, &rules, s->item->prompt,
                       py_get(s->body, "partial_execution_targets"), &s->v);
    if (verdict == VERDICT_CRASHED || !take_extra(s, c))
        reply_crash(q);
    else if (verdict == VERDICT_REFUSED)
        refuse(q, s->v.error, s->v.node_errors);
    else
        accept(s, c, q);
}

void
route_prompt_post(struct http_req *q, struct comfy *c)
{
    struct submission s = {.a = arena_new()};
    struct arena *mine = s.a;

    if (comfy_fault_strikes(c, FAULT_prompt_500, NULL) || queue_is_full(c)) {
        reply_crash(q);
    } else if (comfy_fault_strikes(c, FAULT_reject_prompt, NULL)) {
        refuse(q,
               "{\"type\": \"prompt_outputs_failed_validation\", "
               "\"message\": \"Prompt outputs failed validation\", "
               "\"details\": \"Custom validation failed for node: fault\", "
               "\"extra_info\": {}}",
               "{}");
    } else {
        s.body = request_json(q, s.a);
        if (s.body) {
            s.item = ARENA_NEW(s.a, struct comfy_item);
            s.item->a = s.a;
            submit(&s, c, q);
        }
    }
    if (s.a)
        arena_free(mine);
}

void
route_prompt_get(struct http_req *q, struct comfy *c)
{
    struct buf b;
    size_t n;

    pthread_mutex_lock(&c->lock);
    n = c->queue.n + (c->running ? 1 : 0);
    pthread_mutex_unlock(&c->lock);
    buf_init(&b, 256);
    buf_addf(&b, "{\"exec_info\": {\"queue_remaining\": %zu}}", n);
    reply_json(q, 200, &b);
}

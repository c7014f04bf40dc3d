/*
 * comfy_history.c - finished prompts, oldest first, found by id. Entries hold
 * ready JSON: they are never changed again, only shown.
 */
#include <string.h>

#include "base/mem.h"
#include "sandbox/comfy.h"

size_t
comfy_bucket_of(const char *id)
{
    size_t h = 5381;

    while (*id)
        h = h * 33 + (unsigned char)*id++;
    return h % COMFY_BUCKETS;
}

static void
entry_free_texts(struct comfy_entry *k)
{
    mem_free(k->item);
    mem_free(k->extra);
    mem_free(k->prompt);
    mem_free(k->outputs);
    mem_free(k->meta);
    mem_free(k->messages);
    mem_free(k->error);
    mem_free(k->number_text);
}

struct comfy_entry *
comfy_history_find(struct comfy_history *h, const char *id)
{
    for (struct comfy_entry *k = h->buckets[comfy_bucket_of(id)]; k; k = k->chain)
        if (strcmp(k->id, id) == 0)
            return k;
    return NULL;
}

bool
comfy_history_remove(struct comfy_history *h, const char *id)
{
    struct comfy_entry **at = &h->buckets[comfy_bucket_of(id)], *k;

    while (*at && strcmp((*at)->id, id) != 0)
        at = &(*at)->chain;
    k = *at;
    if (!k)
        return false;
    *at = k->chain;
    if (k->prev)
        k->prev->next = k->next;
    else
        h->first = k->next;
    if (k->next)
        k->next->prev = k->prev;
    else
        h->last = k->prev;
    h->n--;
    entry_free_texts(k);
    mem_free(k->id);
    mem_free(k);
    return true;
}

void
comfy_history_clear(struct comfy_history *h)
{
    while (h->first)
        comfy_history_remove(h, h->first->id);
}

static struct comfy_entry *
entry_new(struct comfy_history *h, const char *id)
{
    struct comfy_entry **bucket = &h->buckets[comfy_bucket_of(id)];
    struct comfy_entry *k = mem_calloc(1, sizeof(*k));

    k->id = mem_strdup(id);
    k->chain = *bucket;
    *bucket = k;
    k->prev = h->last;
    if (h->last)
        h->last->next = k;
    else
        h->first = k;
    h->last = k;
    h->n++;
    return k;
}

void
comfy_history_add(struct comfy_history *h, const struct comfy_item *i,
                  struct exec_result *r, int64_t hidden_until)
{
    struct comfy_entry *k;

    if (h->n > COMFY_HISTORY_MAX)
        comfy_history_remove(h, h->first->id);
    k = comfy_history_find(h, i->id);
    if (k)
        entry_free_texts(k);
    else
        k = entry_new(h, i->id);
    k->item = mem_strdup(i->json);
    k->extra = mem_strdup(i->extra_json);
    k->prompt = mem_strdup(i->prompt_json);
    k->number_text = mem_strdup(i->number_text);
    k->outputs = buf_take(&r->outputs, NULL);
    k->meta = buf_take(&r->meta, NULL);
    k->messages = buf_take(&r->messages, NULL);
    k->error = r->error;
    r->error = NULL;
    k->end = r->end;
    k->created_ms = i->created_ms;
    k->started_ms = r->started_ms;
    k->ended_ms = r->ended_ms;
    k->hidden_until = hidden_until;
}

void
comfy_entry_status(struct buf *b, const struct comfy_entry *k)
{
    bool good = k->end == EXEC_SUCCESS;

    buf_addf(b, "{\"status_str\": \"%s\", \"completed\": %s, \"messages\": ",
             good ? "success" : "error", good ? "true" : "false");
    buf_add_c(b, k->messages);
    buf_add_c(b, "}");
}

void
comfy_entry_json(struct buf *b, const struct comfy_entry *k)
{
    py_dumps_c(b, k->id);
    buf_add_c(b, ": {\"prompt\": ");
    buf_add_c(b, k->item);
    buf_add_c(b, ", \"outputs\": ");
    buf_add_c(b, k->outputs);
    buf_add_c(b, ", \"status\": ");
    comfy_entry_status(b, k);
    buf_add_c(b, ", \"meta\": ");
    buf_add_c(b, k->meta);
    buf_add_c(b, "}");
}

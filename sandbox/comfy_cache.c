/*
 * comfy_cache.c - results of nodes, kept for the next prompt.
 */
#include "sandbox/comfy_cache.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static void
cached_free(struct cached *k)
{
    for (int i = 0; i < NODE_OUTPUTS; i++)
        tensor_unref(k->out[i].t);
    mem_free(k->ui);
    mem_free(k->node_id);
    mem_free(k);
}

void
cache_clear(struct cache *c)
{
    while (c->first) {
        struct cached *k = c->first;

        c->first = k->next;
        cached_free(k);
    }
}

struct cached *
cache_find(struct cache *c, const char *signature)
{
    for (struct cached *k = c->first; k; k = k->next)
        if (strcmp(k->signature, signature) == 0)
            return k;
    return NULL;
}

struct cached *
cache_add(struct cache *c, const char *signature, struct str node_id,
          struct node_call *call)
{
    struct cached *k = mem_calloc(1, sizeof(*k));

    snprintf(k->signature, sizeof(k->signature), "%s", signature);
    for (int i = 0; i < NODE_OUTPUTS; i++) {
        k->out[i] = call->out[i];
        call->out[i] = (struct value){0};
    }
    if (call->ui.len > 0)
        k->ui = mem_strndup(call->ui.p, call->ui.len);
    k->node_id = mem_strndup(node_id.p, node_id.len);
    k->next = c->first;
    c->first = k;
    return k;
}

void
cache_prune(struct cache *c, bool (*keep)(void *ctx, const char *sig),
            void *ctx)
{
    struct cached **at = &c->first;

    while (*at) {
        struct cached *k = *at;

        if (keep(ctx, k->signature)) {
            at = &k->next;
            continue;
        }
        *at = k->next;
        cached_free(k);
    }
}

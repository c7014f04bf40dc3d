/*
 * comfy_cache.h - results of nodes, by signature (contract 3.5).
 *
 * A node's signature is the SHA-256 of its class, its inputs and its
 * ancestors' signatures; LoadImage's holds its file's hash. Kept are the
 * results that the latest prompt could use ("classic" caching). For the
 * executor's thread alone.
 */
#ifndef SANDBOX_COMFY_CACHE_H
#define SANDBOX_COMFY_CACHE_H

#include "base/hash.h"
#include "sandbox/comfy_node.h"

struct cached {
    struct cached *next;
    char signature[SHA256_HEX];
    struct value out[NODE_OUTPUTS];
    char *ui;      /* JSON, or NULL */
    char *node_id; /* of the prompt that ran it */
};

struct cache {
    struct cached *first;
};

void cache_clear(struct cache *c);
struct cached *cache_find(struct cache *c, const char *signature);
/* Takes the outputs out of the call. */
struct cached *cache_add(struct cache *c, const char *signature,
                         struct str node_id, struct node_call *call);
/* Drops what keep() does not name. */
void cache_prune(struct cache *c, bool (*keep)(void *ctx, const char *sig),
                 void *ctx);

#endif

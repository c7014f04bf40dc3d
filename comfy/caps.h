/*
 * caps.h - can this server run that graph? The pure half: /object_info/{class}
 * and /models/{folder} read, graphs held against them. comfy/client.h asks.
 *
 * A class's entry declares each input as [type, options]. A list of choices
 * comes in two shapes: [["a", "b"], {...}] and ["COMBO", {"options": [...]}].
 * The server fills in no defaults: every required input must stand in the
 * graph, so graphs are completed here before they are sent (newer servers want
 * inputs that older ones did not know, and ignore what they do not know).
 */
#ifndef COMFY_CAPS_H
#define COMFY_CAPS_H

#include "base/err.h"
#include "base/json.h"

#define COMFY_MISSING_MAX 32

/* What is missing, in words: "node ImageFoo", "model loras/x.safetensors",
 * "input TrainLoraNode.bucket_mode", "choice KSampler.scheduler: karras". */
struct comfy_missing {
    const char *items[COMFY_MISSING_MAX];
    size_t n; /* further ones are dropped */
};
/* Does nothing when it is known already. */
void comfy_missing_add(struct comfy_missing *m, const char *item);

/* The entry of a class in the answer to /object_info/{class}; NULL when the
 * server does not know it ({}) or the answer is odd. */
const cJSON *comfy_class_entry(const cJSON *answer, const char *class_type);

/*
 * Holds one node of a graph against its class: required inputs that neither
 * the node nor a default brings, choices that are not on the list. Choices of
 * uploads, of nodes that fetch their list, and links are not judged.
 */
void comfy_node_check(struct arena *a, const cJSON *node, const cJSON *entry,
                      struct comfy_missing *m);

/*
 * The value for a required input that a graph lacks, as JSON text: its
 * default, or the first choice. NULL when there is none.
 */
char *comfy_default_text(struct arena *a, const cJSON *config);

/* True when a list of choices of this class has the file: models on servers
 * whose folder is not listed under /models. */
bool comfy_class_offers(const cJSON *entry, const char *file);
/* The answer to /models/{folder}: an array of names. */
bool comfy_models_have(const cJSON *answer, const char *file);

/*
 * Writes the graph with all required inputs: entry(ctx, class) gives a class's
 * entry or NULL. Numbers keep their text. BAD_INPUT: not a graph.
 */
char *comfy_graph_complete(struct arena *a, struct str graph,
                           const cJSON *(*entry)(void *ctx, const char *class),
                           void *ctx, struct err *e);

#endif

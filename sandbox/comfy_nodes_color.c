/*
 * comfy_nodes_color.c - nodes that change each pixel by itself.
 */
#include <math.h>

#include "sandbox/comfy_node.h"

int
node_image_invert(struct node_call *c)
{
    const struct tensor *t = node_image(c, "image");
    struct tensor *r = tensor_like(t);
    size_t count = tensor_count(t);

    if (!r)
        return node_oom(c);
    for (size_t i = 0; i < count; i++)
        r->p[i] = 1.0f - t->p[i];
    return node_give_image(c, 0, r);
}

/*
 * comfy_nodes_scale.c - nodes that give a picture another size.
 */
#include <math.h>

#include "sandbox/comfy_node.h"

/* Python's round() and int() of a size; false: NaN or infinite, reported. */
static bool
whole(struct node_call *c, double x, bool rounds, int *out)
{
    if (isnan(x) || isinf(x)) {
        node_fail(c, isnan(x) ? "ValueError" : "OverflowError",
                  "cannot convert float %s to integer",
                  isnan(x) ? "NaN" : "infinity");
        return false;
    }
    x = rounds ? nearbyint(x) : trunc(x);
    *out = x > 1e9 ? 1000000000 : x < 0 ? 0 : (int)x;
    return true;
}

static bool
method_of(struct node_call *c, const char *name, enum resize_method *m)
{
    if (resize_method_parse(node_text(c, name), m))
        return true;
    node_fail(c, "NotImplementedError",
              "Input Error: Only 3D, 4D and 5D input Tensors supported (got "
              "4D) for the modes: nearest | linear | bilinear | bicubic | "
              "trilinear | area | nearest-exact (got %s)",
              node_text(c, name));
    return false;
}

/* Gives the picture scaled, or torch's complaint about an empty one. */
static int
give_scaled(struct node_call *c, struct tensor *t, int w, int h,
            const char *method, bool center)
{
    enum resize_method m;

    if (!method_of(c, method, &m))
        return -1;
    if (w <= 0 || h <= 0)
        return node_fail(c, "RuntimeError",
                         "Input and output sizes should be greater than 0, "
                         "but got input (H: %d, W: %d) output (H: %d, W: %d)",
                         t->h, t->w, h, w);
    return node_give_image(c, 0, resize_crop(t, w, h, m, center));
}

int
node_image_scale(struct node_call *c)
{
    static const char *const crops[] = {"disabled", "center", NULL};
    struct tensor *t = node_image(c, "image");
    int w = (int)node_int(c, "width", 0), h = (int)node_int(c, "height", 0);

    if (w == 0 && h == 0)
        return node_give_image(c, 0, tensor_ref(t));
    if (w == 0)
        w = round_even((double)t->w * h / t->h);
    else if (h == 0)
        h = round_even((double)t->h * w / t->w);
    return give_scaled(c, t, w > 0 ? w : 1, h > 0 ? h : 1, "upscale_method",
                       node_choice(c, "crop", crops) == 1);
}

int
node_image_scale_by(struct node_call *c)
{
    struct tensor *t = node_image(c, "image");
    double by = node_float(c, "scale_by", 1);
    int w, h;

    if (!whole(c, t->w * by, true, &w) || !whole(c, t->h * by, true, &h))
        return -1;
    return give_scaled(c, t, w, h, "upscale_method", false);
}

int
node_image_scale_to_max(struct node_call *c)
{
    struct tensor *t = node_image(c, "image");
    int side = (int)node_int(c, "largest_size", 512), w = side, h = side;

    if (t->h > t->w)
        w = round_even((double)t->w / t->h * side);
    else if (t->w > t->h)
        h = round_even((double)t->h / t->w * side);
    return give_scaled(c, t, w, h, "upscale_method", false);
}

int
node_image_scale_to_pixels(struct node_call *c)
{
    struct tensor *t = node_image(c, "image");
    double total = trunc(node_float(c, "megapixels", 1) * 1024 * 1024);
    double steps = (double)node_int(c, "resolution_steps", 1);
    double by = sqrt(total / ((double)t->w * t->h));
    int w, h;

    if (!whole(c, t->w * by / steps, true, &w) ||
        !whole(c, t->h * by / steps, true, &h))
        return -1;
    return give_scaled(c, t, w * (int)steps, h * (int)steps, "upscale_method",
                       false);
}

int
node_resize_and_pad(struct node_call *c)
{
    static const char *const colors[] = {"white", "black", NULL};
    struct tensor *t = node_image(c, "image"), *small, *r;
    int w = (int)node_int(c, "target_width", 512);
    int h = (int)node_int(c, "target_height", 512);
    double by = fmin((double)w / t->w, (double)h / t->h);
    int sw = (int)(t->w * by), sh = (int)(t->h * by);
    enum resize_method m;

    if (!method_of(c, "interpolation", &m))
        return -1;
    if (sw <= 0 || sh <= 0)
        return node_fail(c, "RuntimeError",
                         "Input and output sizes should be greater than 0");
    small = resize(t, sw, sh, m);
    r = small ? tensor_new(t->n, h, w, t->c) : NULL;
    if (r) {
        tensor_fill(r, node_choice(c, "padding_color", colors) == 0);
        tensor_paste(r, small, (w - sw) / 2, (h - sh) / 2);
    }
    tensor_unref(small);
    return node_give_image(c, 0, r);
}

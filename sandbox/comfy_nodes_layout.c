/*
 * comfy_nodes_layout.c - nodes that move pixels about without changing them.
 */
#include <stdlib.h>
#include <string.h>

#include "sandbox/comfy_node.h"

int
node_empty_image(struct node_call *c)
{
    int64_t color = node_int(c, "color", 0);
    struct tensor *t = tensor_new((int)node_int(c, "batch_size", 1),
                                  (int)node_int(c, "height", 512),
                                  (int)node_int(c, "width", 512), 3);
    float rgb[3];
    size_t count;

    if (!t)
        return node_oom(c);
    for (int i = 0; i < 3; i++)
        rgb[i] = (float)(color >> (16 - 8 * i) & 255) / 255.0f;
    count = tensor_count(t);
    for (size_t i = 0; i < count; i++)
        t->p[i] = rgb[i % 3];
    return node_give_image(c, 0, t);
}

int
node_get_image_size(struct node_call *c)
{
    const struct tensor *t = node_image(c, "image");

    node_give_int(c, 0, t->w);
    node_give_int(c, 1, t->h);
    node_give_int(c, 2, t->n);
    return 0;
}

int
node_image_crop(struct node_call *c)
{
    const struct tensor *t = node_image(c, "image");
    int64_t x = node_int(c, "x", 0), y = node_int(c, "y", 0);
    int64_t w = node_int(c, "width", 512), h = node_int(c, "height", 512);

    x = x < t->w ? x : t->w - 1;
    y = y < t->h ? y : t->h - 1;
    w = w < t->w - x ? w : t->w - x;
    h = h < t->h - y ? h : t->h - y;
    return node_give_image(c, 0, tensor_cut(t, (int)x, (int)y, (int)w, (int)h));
}

/* Writes t into r, each pixel where to() says: quarter turns clockwise after
 * mirroring. */
static void
turn(const struct tensor *t, struct tensor *r, int quarters, bool mirror_x,
     bool mirror_y)
{
    for (int n = 0; n < t->n; n++)
        for (int y = 0; y < t->h; y++) {
            const float *src = tensor_row_of(t, n, y);

            for (int x = 0; x < t->w; x++, src += t->c) {
                int fx = mirror_x ? t->w - 1 - x : x;
                int fy = mirror_y ? t->h - 1 - y : y;
                int ox = quarters == 0   ? fx
                         : quarters == 1 ? t->h - 1 - fy
                         : quarters == 2 ? t->w - 1 - fx
                                         : fy;
                int oy = quarters == 0   ? fy
                         : quarters == 1 ? fx
                         : quarters == 2 ? t->h - 1 - fy
                                         : t->w - 1 - fx;

                memcpy(tensor_row(r, n, oy) + (size_t)ox * (size_t)t->c, src,
                       (size_t)t->c * sizeof(float));
            }
        }
}

int
node_image_flip(struct node_call *c)
{
    const struct tensor *t = node_image(c, "image");
    bool upside_down = node_text(c, "flip_method")[0] == 'x';
    struct tensor *r = tensor_like(t);

    turn(t, r, 0, !upside_down, upside_down);
    return node_give_image(c, 0, r);
}

int
node_image_rotate(struct node_call *c)
{
    static const char *const turns[] = {"none", "90 degrees", "180 degrees",
                                        "270 degrees", NULL};
    const struct tensor *t = node_image(c, "image");
    int quarters = node_choice(c, "rotation", turns);
    bool swaps = quarters == 1 || quarters == 3;
    struct tensor *r =
        tensor_new(t->n, swaps ? t->w : t->h, swaps ? t->h : t->w, t->c);

    turn(t, r, quarters, false, false);
    return node_give_image(c, 0, r);
}

int
node_image_batch(struct node_call *c)
{
    struct tensor *x = node_image(c, "image1"), *y = node_image(c, "image2");
    int channels = x->c > y->c ? x->c : y->c;
    struct tensor *r = NULL, *scaled = NULL;

    x = tensor_channels(x, channels);
    y = tensor_channels(y, channels);
    if (x && y)
        scaled = resize_crop(y, x->w, x->h, RESIZE_BILINEAR, true);
    if (scaled)
        r = tensor_new(x->n + scaled->n, x->h, x->w, channels);
    if (r) {
        memcpy(r->p, x->p, tensor_count(x) * sizeof(float));
        memcpy(r->p + tensor_count(x), scaled->p,
               tensor_count(scaled) * sizeof(float));
    }
    tensor_unref(scaled);
    tensor_unref(x);
    tensor_unref(y);
    return node_give_image(c, 0, r);
}

/* ---- ImageStitch ---- */

struct stitch {
    bool sideways;     /* left or right, not up or down */
    bool second_first; /* left, up */
    int spacing;
    float rgb[3];
};

static void
stitch_read(struct node_call *c, struct stitch *s)
{
    static const char *const ways[] = {"right", "down", "left", "up", NULL};
    static const char *const colors[] = {"white", "black", "red",
                                         "green", "blue",  NULL};
    int way = node_choice(c, "direction", ways);
    int color = node_choice(c, "spacing_color", colors);

    s->sideways = way == 0 || way == 2;
    s->second_first = way >= 2;
    s->spacing = (int)node_int(c, "spacing_width", 0);
    s->spacing += s->spacing % 2;
    for (int i = 0; i < 3; i++)
        s->rgb[i] = color == 0 || color == 2 + i;
}

/* The second picture at the first one's height (or width). */
static struct tensor *
stitch_match(const struct stitch *s, struct tensor *x, struct tensor *y)
{
    double aspect = (double)y->w / y->h;
    int w = s->sideways ? (int)(x->h * aspect) : x->w;
    int h = s->sideways ? x->h : (int)(x->w / aspect);

    return resize(y, w, h, RESIZE_LANCZOS);
}

/* Centred on the longer side of both; coloured strips are black here, as in
 * ComfyUI. */
static struct tensor *
stitch_pad(const struct stitch *s, struct tensor *t, int w, int h)
{
    bool grey = s->rgb[0] == s->rgb[1] && s->rgb[1] == s->rgb[2];
    int full_w = s->sideways ? t->w : w, full_h = s->sideways ? h : t->h;
    struct tensor *r;

    if (full_w == t->w && full_h == t->h)
        return tensor_ref(t);
    r = tensor_new(t->n, full_h, full_w, t->c);
    if (r) {
        tensor_fill(r, grey ? s->rgb[0] : 0);
        tensor_paste(r, t, (full_w - t->w) / 2, (full_h - t->h) / 2);
    }
    return r;
}

static void
stitch_fill(const struct stitch *s, struct tensor *r)
{
    size_t count = tensor_count(r);

    for (size_t i = 0; i < count; i++) {
        size_t k = i % (size_t)r->c;

        r->p[i] = k < 3 ? s->rgb[k] : 1.0f;
    }
}

/* x and y have the same channels and batch; both references are taken. */
static struct tensor *
stitch_join(const struct stitch *s, struct tensor *x, struct tensor *y)
{
    int w = x->w > y->w ? x->w : y->w, h = x->h > y->h ? x->h : y->h;
    struct tensor *a = stitch_pad(s, x, w, h), *b = stitch_pad(s, y, w, h);
    struct tensor *first = s->second_first ? b : a;
    struct tensor *second = s->second_first ? a : b, *r = NULL;

    if (a && b)
        r = tensor_new(a->n, s->sideways ? a->h : a->h + b->h + s->spacing,
                       s->sideways ? a->w + b->w + s->spacing : a->w, a->c);
    if (r) {
        stitch_fill(s, r);
        tensor_paste(r, first, 0, 0);
        tensor_paste(r, second, s->sideways ? first->w + s->spacing : 0,
                     s->sideways ? 0 : first->h + s->spacing);
    }
    tensor_unref(a);
    tensor_unref(b);
    return r;
}

int
node_image_stitch(struct node_call *c)
{
    struct tensor *x = node_image(c, "image1"), *y = node_image(c, "image2");
    struct tensor *a, *b, *bx = NULL, *by = NULL, *m = NULL, *r = NULL;
    struct stitch s;
    int n, channels;

    if (!y)
        return node_give_image(c, 0, tensor_ref(x));
    stitch_read(c, &s);
    n = x->n > y->n ? x->n : y->n;
    channels = x->c > y->c ? x->c : y->c;
    a = tensor_batch(x, n);
    b = tensor_batch(y, n);
    if (a && b)
        m = node_bool(c, "match_image_size", true) ? stitch_match(&s, a, b)
                                                   : tensor_ref(b);
    if (m) {
        bx = tensor_channels(a, channels);
        by = tensor_channels(m, channels);
    }
    if (bx && by)
        r = stitch_join(&s, bx, by);
    tensor_unref(a);
    tensor_unref(b);
    tensor_unref(m);
    tensor_unref(bx);
    tensor_unref(by);
    return node_give_image(c, 0, r);
}

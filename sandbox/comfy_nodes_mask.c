/*
 * comfy_nodes_mask.c - masks, and pictures put together by them.
 */
#include "sandbox/comfy_node.h"

int
node_solid_mask(struct node_call *c)
{
    struct tensor *t = tensor_new(1, (int)node_int(c, "height", 512),
                                  (int)node_int(c, "width", 512), 1);

    if (t)
        tensor_fill(t, (float)node_float(c, "value", 1));
    return node_give_mask(c, 0, t);
}

int
node_invert_mask(struct node_call *c)
{
    struct tensor *r = tensor_inverted(node_image(c, "mask"));

    return r ? node_give_mask(c, 0, r) : node_oom(c);
}

static void
scale_column(struct tensor *t, int x, float rate)
{
    for (int n = 0; n < t->n; n++)
        for (int y = 0; y < t->h; y++)
            tensor_row(t, n, y)[x] *= rate;
}

static void
scale_row(struct tensor *t, int y, float rate)
{
    for (int n = 0; n < t->n; n++)
        for (int x = 0; x < t->w; x++)
            tensor_row(t, n, y)[x] *= rate;
}

/* The far sides count from index -0, which is the near side's first line:
 * ComfyUI's slip, kept because graphs were made with it. */
int
node_feather_mask(struct node_call *c)
{
    struct tensor *t = tensor_copy(node_image(c, "mask"));
    int left = (int)node_int(c, "left", 0), top = (int)node_int(c, "top", 0);
    int right = (int)node_int(c, "right", 0);
    int bottom = (int)node_int(c, "bottom", 0);

    left = left < t->w ? left : t->w;
    right = right < t->w ? right : t->w;
    top = top < t->h ? top : t->h;
    bottom = bottom < t->h ? bottom : t->h;
    for (int i = 0; i < left; i++)
        scale_column(t, i, (float)(i + 1) / (float)left);
    for (int i = 0; i < right; i++)
        scale_column(t, i ? t->w - i : 0, (float)(i + 1) / (float)right);
    for (int i = 0; i < top; i++)
        scale_row(t, i, (float)(i + 1) / (float)top);
    for (int i = 0; i < bottom; i++)
        scale_row(t, i ? t->h - i : 0, (float)(i + 1) / (float)bottom);
    return node_give_mask(c, 0, t);
}

static int
clamp_int(int64_t v, int low, int high)
{
    return v < low ? low : v > high ? high : (int)v;
}

static void
composite(struct tensor *dst, const struct tensor *src,
          const struct tensor *mask, int left, int top)
{
    int w = src->w < dst->w - left ? src->w : dst->w - left;
    int h = src->h < dst->h - top ? src->h : dst->h - top;

    for (int n = 0; n < dst->n; n++)
        for (int y = 0; y < h; y++) {
            float *d =
                tensor_row(dst, n, top + y) + (size_t)left * (size_t)dst->c;
            const float *s = tensor_row_of(src, n, y);
            const float *m = mask ? tensor_row_of(mask, n, y) : NULL;

            for (int x = 0; x < w; x++)
                for (int k = 0; k < dst->c; k++, d++, s++) {
                    float v = m ? m[x] : 1.0f;

                    *d = v * *s + (1.0f - v) * *d;
                }
        }
}

int
node_image_composite_masked(struct node_call *c)
{
    struct tensor *dst = node_image(c, "destination");
    struct tensor *src = node_image(c, "source"), *mask = node_image(c, "mask");
    struct tensor *r = tensor_copy(dst), *a, *b = NULL, *s = NULL, *m = NULL;
    struct tensor *m1 = NULL;
    int left, top;

    a = tensor_channels(src, dst->c);
    if (a)
        b = node_bool(c, "resize_source", false)
                ? resize(a, dst->w, dst->h, RESIZE_BILINEAR)
                : tensor_ref(a);
    if (b)
        s = tensor_batch(b, dst->n);
    if (s && mask) {
        m1 = resize(mask, s->w, s->h, RESIZE_BILINEAR);
        m = m1 ? tensor_batch(m1, s->n) : NULL;
    }
    if (s && (m || !mask)) {
        left = clamp_int(node_int(c, "x", 0), -s->w, dst->w);
        top = clamp_int(node_int(c, "y", 0), -s->h, dst->h);
        composite(r, s, m, left, top);
    } else {
        tensor_unref(r);
        r = NULL;
    }
    tensor_unref(a);
    tensor_unref(b);
    tensor_unref(s);
    tensor_unref(m1);
    tensor_unref(m);
    return node_give_image(c, 0, r);
}

int
node_join_alpha(struct node_call *c)
{
    struct tensor *t = node_image(c, "image"), *alpha = node_image(c, "alpha");
    struct tensor *m = resize(alpha, t->w, t->h, RESIZE_BILINEAR), *r = NULL;
    int n = t->n < alpha->n ? t->n : alpha->n;
    size_t plane = (size_t)t->w * (size_t)t->h;

    if (m)
        r = tensor_new(n, t->h, t->w, 4);
    for (int k = 0; r && k < n; k++) {
        const float *src = tensor_row_of(t, k, 0), *a = tensor_row_of(m, k, 0);
        float *out = tensor_row(r, k, 0);

        for (size_t i = 0; i < plane; i++, src += t->c, out += 4) {
            for (int ch = 0; ch < 3; ch++)
                out[ch] = src[ch];
            out[3] = 1.0f - a[i];
        }
    }
    tensor_unref(m);
    return node_give_image(c, 0, r);
}

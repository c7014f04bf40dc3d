/*
 * comfy_tensor.c - making, cutting and joining pictures.
 */
#include "sandbox/comfy_tensor.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

struct tensor *
tensor_new(int n, int h, int w, int c)
{
    struct tensor *t;
    size_t count;

    if (n <= 0 || h <= 0 || w <= 0 || c <= 0)
        return NULL;
    count = (size_t)h * (size_t)w; /* < 2^62 */
    if (count > TENSOR_FLOATS_MAX / ((size_t)n * (size_t)c))
        return NULL;
    count *= (size_t)n * (size_t)c;
    t = mem_alloc(sizeof(*t) + count * sizeof(float));
    t->refs = 1;
    t->n = n;
    t->h = h;
    t->w = w;
    t->c = c;
    return t;
}

struct tensor *
tensor_like(const struct tensor *t)
{
    return tensor_new(t->n, t->h, t->w, t->c);
}

struct tensor *
tensor_inverted(const struct tensor *t)
{
    struct tensor *r = tensor_like(t);
    size_t count = tensor_count(t);

    for (size_t i = 0; r && i < count; i++)
        r->p[i] = 1.0f - t->p[i];
    return r;
}

struct tensor *
tensor_ref(struct tensor *t)
{
    t->refs++;
    return t;
}

void
tensor_unref(struct tensor *t)
{
    if (!t)
        return;
    assert(t->refs > 0);
    if (--t->refs == 0)
        mem_free(t);
}

size_t
tensor_count(const struct tensor *t)
{
    return (size_t)t->n * tensor_plane(t);
}

size_t
tensor_plane(const struct tensor *t)
{
    return (size_t)t->h * (size_t)t->w * (size_t)t->c;
}

float *
tensor_row(struct tensor *t, int n, int y)
{
    return t->p + (size_t)n * tensor_plane(t) +
           (size_t)y * (size_t)t->w * (size_t)t->c;
}

const float *
tensor_row_of(const struct tensor *t, int n, int y)
{
    return t->p + (size_t)n * tensor_plane(t) +
           (size_t)y * (size_t)t->w * (size_t)t->c;
}

void
tensor_fill(struct tensor *t, float v)
{
    size_t count = tensor_count(t);

    for (size_t i = 0; i < count; i++)
        t->p[i] = v;
}

struct tensor *
tensor_copy(const struct tensor *t)
{
    struct tensor *c = tensor_like(t);

    memcpy(c->p, t->p, tensor_count(t) * sizeof(float));
    return c;
}

struct tensor *
tensor_channels(struct tensor *t, int c)
{
    struct tensor *r;
    size_t pixels;

    if (t->c == c)
        return tensor_ref(t);
    r = tensor_new(t->n, t->h, t->w, c);
    if (!r)
        return NULL;
    pixels = (size_t)t->n * (size_t)t->h * (size_t)t->w;
    for (size_t i = 0; i < pixels; i++)
        for (int k = 0; k < c; k++)
            r->p[i * (size_t)c + (size_t)k] =
                k < t->c ? t->p[i * (size_t)t->c + (size_t)k] : 1.0f;
    return r;
}

struct tensor *
tensor_batch(struct tensor *t, int n)
{
    struct tensor *r;

    if (t->n == n)
        return tensor_ref(t);
    r = tensor_new(n, t->h, t->w, t->c);
    if (!r)
        return NULL;
    for (int i = 0; i < n; i++)
        memcpy(tensor_row(r, i, 0),
               tensor_row_of(t, i < t->n ? i : t->n - 1, 0),
               tensor_plane(t) * sizeof(float));
    return r;
}

struct tensor *
tensor_cut(const struct tensor *t, int x, int y, int w, int h)
{
    struct tensor *r = tensor_new(t->n, h, w, t->c);

    if (!r)
        return NULL;
    assert(x >= 0 && y >= 0 && x + w <= t->w && y + h <= t->h);
    for (int n = 0; n < t->n; n++)
        for (int row = 0; row < h; row++)
            memcpy(tensor_row(r, n, row),
                   tensor_row_of(t, n, y + row) + (size_t)x * (size_t)t->c,
                   (size_t)w * (size_t)t->c * sizeof(float));
    return r;
}

void
tensor_paste(struct tensor *dst, const struct tensor *src, int x, int y)
{
    assert(src->c == dst->c && src->n == dst->n);
    assert(x >= 0 && y >= 0 && x + src->w <= dst->w && y + src->h <= dst->h);
    for (int n = 0; n < src->n; n++)
        for (int row = 0; row < src->h; row++)
            memcpy(tensor_row(dst, n, y + row) + (size_t)x * (size_t)dst->c,
                   tensor_row_of(src, n, row),
                   (size_t)src->w * (size_t)src->c * sizeof(float));
}

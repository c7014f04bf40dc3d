/*
 * comfy_nodes_color.c - nodes that change each pixel by itself.
 */
#include "sandbox/comfy_fast.h"

#include <math.h>

#include "sandbox/comfy_node.h"

int
node_image_invert(struct node_call *c)
{
    struct tensor *r = tensor_inverted(node_image(c, "image"));

    return r ? node_give_image(c, 0, r) : node_oom(c);
}

/* ---- ImageBlend ---- */

enum blend { NORMAL, MULTIPLY, SCREEN, OVERLAY, SOFT_LIGHT, DIFFERENCE };

static float
soft_light_g(float x)
{
    return x <= 0.25f ? ((16 * x - 12) * x + 4) * x : sqrtf(x);
}

static float
blend(enum blend mode, float a, float b)
{
    switch (mode) {
    case NORMAL:
        return b;
    case MULTIPLY:
        return a * b;
    case SCREEN:
        return 1 - (1 - a) * (1 - b);
    case OVERLAY:
        return a <= 0.5f ? 2 * a * b : 1 - 2 * (1 - a) * (1 - b);
    case SOFT_LIGHT:
        return b <= 0.5f ? a - (1 - 2 * b) * a * (1 - a)
                         : a + (2 * b - 1) * (soft_light_g(a) - a);
    case DIFFERENCE:
        return a - b; /* signed: negative ones are cut off */
    }
    return a;
}

static struct tensor *
blend_pictures(const struct tensor *x, const struct tensor *y, enum blend mode,
               float f)
{
    int n = x->n > y->n ? x->n : y->n;
    struct tensor *r = tensor_new(n, x->h, x->w, x->c);
    size_t plane = tensor_plane(x);

    if (!r)
        return NULL;
    for (int k = 0; k < n; k++) {
        const float *a = tensor_row_of(x, x->n == 1 ? 0 : k, 0);
        const float *b = tensor_row_of(y, y->n == 1 ? 0 : k, 0);
        float *o = tensor_row(r, k, 0);

        for (size_t i = 0; i < plane; i++)
            o[i] = clamp01(a[i] * (1 - f) + blend(mode, a[i], b[i]) * f);
    }
    return r;
}

int
node_image_blend(struct node_call *c)
{
    static const char *const modes[] = {"normal",  "multiply",   "screen",
                                        "overlay", "soft_light", "difference",
                                        NULL};
    struct tensor *x = node_image(c, "image1"), *y = node_image(c, "image2");
    int mode = node_choice(c, "blend_mode", modes);
    struct tensor *same, *scaled = NULL, *r = NULL;

    if (x->n != y->n && x->n != 1 && y->n != 1)
        return node_fail(c, "RuntimeError",
                         "The size of tensor a (%d) must match the size of "
                         "tensor b (%d) at non-singleton dimension 0",
                         x->n, y->n);
    if (mode < 0)
        return node_fail(c, "ValueError", "Unsupported blend mode: %s",
                         node_text(c, "blend_mode"));
    same = tensor_channels(y, x->c);
    if (same)
        scaled = resize_crop(same, x->w, x->h, RESIZE_BICUBIC, true);
    if (scaled)
        r = blend_pictures(x, scaled, (enum blend)mode,
                           (float)node_float(c, "blend_factor", 0.5));
    tensor_unref(same);
    tensor_unref(scaled);
    return node_give_image(c, 0, r);
}

/* ---- ImageAddNoise ---- */

static uint64_t
splitmix(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Two normal deviates (Box and Muller); the same for the same seed. */
static void
normal_pair(uint64_t *state, float out[2])
{
    float u = (float)(splitmix(state) >> 40) + 1.0f;
    float v = (float)(splitmix(state) >> 40);
    float radius = sqrtf(-2.0f * logf(u / 16777217.0f));
    float angle = 6.28318531f * v / 16777216.0f;

    out[0] = radius * cosf(angle);
    out[1] = radius * sinf(angle);
}

int
node_image_add_noise(struct node_call *c)
{
    const struct tensor *t = node_image(c, "image");
    const struct py *seed = py_get(c->inputs, "seed");
    float strength = (float)node_float(c, "strength", 0.5);
    uint64_t state = (uint64_t)node_int(c, "seed", 0);
    struct tensor *r = tensor_like(t);
    size_t count = tensor_count(t);
    float pair[2] = {0};

    if (!r)
        return node_oom(c);
    if (py_is(seed, PY_INT))
        py_to_u64(seed, &state);
    for (size_t i = 0; i < count; i++) {
        if (i % 2 == 0)
            normal_pair(&state, pair);
        r->p[i] = clamp01(t->p[i] + strength * pair[i % 2]);
    }
    return node_give_image(c, 0, r);
}

/* ---- YUV (kornia's YCbCr) ---- */

int
node_rgb_to_yuv(struct node_call *c)
{
    const struct tensor *t = node_image(c, "image");
    struct tensor *out[3];
    size_t pixels = (size_t)t->n * (size_t)t->h * (size_t)t->w;

    for (int k = 0; k < 3; k++) {
        out[k] = tensor_new(t->n, t->h, t->w, 3);
        if (node_give_image(c, k, out[k]) < 0)
            return -1;
    }
    for (size_t i = 0; i < pixels; i++) {
        const float *p = t->p + i * (size_t)t->c;
        float y = 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
        float yuv[3] = {y, (p[2] - y) * 0.564f + 0.5f,
                        (p[0] - y) * 0.713f + 0.5f};

        for (int k = 0; k < 3; k++)
            for (size_t j = 0; j < 3; j++)
                out[k]->p[i * 3 + j] = yuv[k];
    }
    return 0;
}

static float
mean_at(const struct tensor *t, size_t pixel)
{
    float sum = 0;

    for (size_t k = 0; k < (size_t)t->c; k++)
        sum += t->p[pixel * (size_t)t->c + k];
    return sum / (float)t->c;
}

static bool
same_size(const struct tensor *x, const struct tensor *y)
{
    return x->n == y->n && x->h == y->h && x->w == y->w;
}

int
node_yuv_to_rgb(struct node_call *c)
{
    const struct tensor *y = node_image(c, "Y"), *u = node_image(c, "U");
    const struct tensor *v = node_image(c, "V");
    size_t pixels = (size_t)y->n * (size_t)y->h * (size_t)y->w;
    struct tensor *r;

    if (!same_size(y, u) || !same_size(y, v))
        return node_fail(c, "RuntimeError",
                         "Sizes of tensors must match except in dimension 3. "
                         "Expected size %d but got size %d",
                         y->w, u->w != y->w ? u->w : v->w);
    r = tensor_new(y->n, y->h, y->w, 3);
    if (!r)
        return node_oom(c);
    for (size_t i = 0; i < pixels; i++) {
        float l = mean_at(y, i), cb = mean_at(u, i) - 0.5f;
        float cr = mean_at(v, i) - 0.5f;

        r->p[i * 3] = clamp01(l + 1.403f * cr);
        r->p[i * 3 + 1] = clamp01(l - 0.714f * cr - 0.344f * cb);
        r->p[i * 3 + 2] = clamp01(l + 1.773f * cb);
    }
    return node_give_image(c, 0, r);
}

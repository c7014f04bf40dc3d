/*
 * comfy_nodes_canny.c - edges as kornia finds them: grey, Gauss 5x5, Sobel,
 * thinning along the gradient, two thresholds, weak edges that touch strong
 * ones (contract 6.3).
 */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "sandbox/comfy_node.h"

struct edges {
    int w, h;
    float *grey, *blurred, *gx, *gy, *magnitude;
    uint8_t *kind; /* NONE, WEAK, STRONG */
    size_t *stack; /* strong pixels whose neighbours are to be seen */
};

enum { NONE, WEAK, STRONG };

static int
mirror(int i, int n)
{
    i = i < 0 ? -i : i;
    return i >= n ? 2 * n - 2 - i : i;
}

static int
edge(int i, int n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

static void
make_grey(struct edges *e, const struct tensor *t, int n)
{
    const float *p = tensor_row_of(t, n, 0);
    size_t count = (size_t)e->w * (size_t)e->h;

    for (size_t i = 0; i < count; i++, p += t->c)
        e->grey[i] = 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
}

/* Both passes of the 5-tap bell, sigma 1, margins mirrored. */
static void
make_blurred(struct edges *e)
{
    float k[5], sum = 0;
    float *mid = e->gx; /* not in use yet */

    for (int i = 0; i < 5; i++)
        sum += k[i] = expf(-0.5f * (float)((i - 2) * (i - 2)));
    for (int y = 0; y < e->h; y++)
        for (int x = 0; x < e->w; x++) {
            const float *row = e->grey + (size_t)y * (size_t)e->w;
            float v = 0;

            for (int i = 0; i < 5; i++)
                v += k[i] / sum * row[mirror(x + i - 2, e->w)];
            mid[(size_t)y * (size_t)e->w + (size_t)x] = v;
        }
    for (int y = 0; y < e->h; y++)
        for (int x = 0; x < e->w; x++) {
            float v = 0;

            for (int i = 0; i < 5; i++)
                v += k[i] / sum *
                     mid[(size_t)mirror(y + i - 2, e->h) * (size_t)e->w +
                         (size_t)x];
            e->blurred[(size_t)y * (size_t)e->w + (size_t)x] = v;
        }
}

/* Sobel without a factor; margins repeated. */
static void
make_gradient(struct edges *e)
{
    size_t w = (size_t)e->w;

    for (int y = 0; y < e->h; y++) {
        const float *r0 = e->blurred + (size_t)edge(y - 1, e->h) * w;
        const float *r1 = e->blurred + (size_t)y * w;
        const float *r2 = e->blurred + (size_t)edge(y + 1, e->h) * w;

        for (int x = 0; x < e->w; x++) {
            int l = edge(x - 1, e->w), r = edge(x + 1, e->w);
            size_t i = (size_t)y * w + (size_t)x;
            float gx = r0[r] - r0[l] + 2 * (r1[r] - r1[l]) + r2[r] - r2[l];
            float gy = r2[l] - r0[l] + 2 * (r2[x] - r0[x]) + r2[r] - r0[r];

            e->gx[i] = gx;
            e->gy[i] = gy;
            e->magnitude[i] = sqrtf(gx * gx + gy * gy + 1e-6f);
        }
    }
}

static float
magnitude_at(const struct edges *e, int x, int y)
{
    if (x < 0 || y < 0 || x >= e->w || y >= e->h)
        return 0;
    return e->magnitude[(size_t)y * (size_t)e->w + (size_t)x];
}

/* Strictly more than both neighbours along the gradient. */
static bool
is_crest(const struct edges *e, int x, int y)
{
    static const int dx[8] = {1, 1, 0, -1, -1, -1, 0, 1};
    static const int dy[8] = {0, 1, 1, 1, 0, -1, -1, -1};
    size_t i = (size_t)y * (size_t)e->w + (size_t)x;
    float eighth = 0.785398163f;
    int k = (int)nearbyintf(atan2f(e->gy[i], e->gx[i]) / eighth) & 7;
    float m = e->magnitude[i];

    return m > magnitude_at(e, x + dx[k], y + dy[k]) &&
           m > magnitude_at(e, x - dx[k], y - dy[k]);
}

/* Sorts pixels; strong ones onto the stack. Returns how many. */
static size_t
make_kinds(struct edges *e, float low, float high)
{
    size_t n = 0;

    for (int y = 0; y < e->h; y++)
        for (int x = 0; x < e->w; x++) {
            size_t i = (size_t)y * (size_t)e->w + (size_t)x;
            float m = e->magnitude[i];

            e->kind[i] = NONE;
            if (!(m > low) || !is_crest(e, x, y))
                continue;
            e->kind[i] = m > high ? STRONG : WEAK;
            if (e->kind[i] == STRONG)
                e->stack[n++] = i;
        }
    return n;
}

/* Weak pixels that touch a strong one become strong, and so on. */
static void
grow(struct edges *e, size_t n)
{
    while (n > 0) {
        size_t i = e->stack[--n];
        int x = (int)(i % (size_t)e->w), y = (int)(i / (size_t)e->w);

        for (int k = 0; k < 9; k++) {
            int nx = x + k % 3 - 1, ny = y + k / 3 - 1;
            size_t j = (size_t)ny * (size_t)e->w + (size_t)nx;

            if (nx < 0 || ny < 0 || nx >= e->w || ny >= e->h ||
                e->kind[j] != WEAK)
                continue;
            e->kind[j] = STRONG;
            e->stack[n++] = j;
        }
    }
}

static void
edges_init(struct edges *e, int w, int h)
{
    size_t count = (size_t)w * (size_t)h;

    e->w = w;
    e->h = h;
    e->grey = mem_calloc(count * 5, sizeof(float));
    e->blurred = e->grey + count;
    e->gx = e->grey + 2 * count;
    e->gy = e->grey + 3 * count;
    e->magnitude = e->grey + 4 * count;
    e->kind = mem_calloc(count, 1);
    e->stack = mem_calloc(count, sizeof(*e->stack));
}

static void
edges_fini(struct edges *e)
{
    mem_free(e->grey);
    mem_free(e->kind);
    mem_free(e->stack);
}

static int
refuse_thresholds(struct node_call *c, double low, double high)
{
    struct buf b;
    int rc;

    buf_init(&b, 128);
    py_repr_float(&b, low);
    buf_add_c(&b, ">");
    py_repr_float(&b, high);
    rc = node_fail(c, "kornia.core.exceptions.BaseError",
                   "Invalid input thresholds. low_threshold should be smaller "
                   "than or equal to the high_threshold. Got: %s",
                   buf_cstr(&b));
    buf_free(&b);
    return rc;
}

int
node_canny(struct node_call *c)
{
    const struct tensor *t = node_image(c, "image");
    double low = node_float(c, "low_threshold", 0.4);
    double high = node_float(c, "high_threshold", 0.8);
    size_t count = (size_t)t->w * (size_t)t->h;
    struct tensor *r;
    struct edges e;

    if (low > high)
        return refuse_thresholds(c, low, high);
    if (t->w < 3 || t->h < 3)
        return node_fail(c, "RuntimeError",
                         "Argument #4: Padding size should "
                         "be less than the corresponding input dimension, but "
                         "got: padding (2, 2) at dimension 3 of input "
                         "[%d, 1, %d, %d]",
                         t->n, t->h, t->w);
    r = tensor_new(t->n, t->h, t->w, 3);
    if (!r)
        return node_oom(c);
    edges_init(&e, t->w, t->h);
    for (int n = 0; n < t->n; n++) {
        float *out = tensor_row(r, n, 0);

        make_grey(&e, t, n);
        make_blurred(&e);
        make_gradient(&e);
        grow(&e, make_kinds(&e, (float)low, (float)high));
        for (size_t i = 0; i < count * 3; i++)
            out[i] = e.kind[i / 3] == STRONG;
    }
    edges_fini(&e);
    return node_give_image(c, 0, r);
}

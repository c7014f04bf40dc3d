/*
 * comfy_nodes_filter.c - nodes that look at a pixel's neighbours: blur,
 * sharpen, morphology.
 */
#include "sandbox/comfy_fast.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "sandbox/comfy_node.h"

#define KERNEL_SMALL 31

/* Reflected without repeating the edge: -1 is 1. */
static int
reflect(int i, int n)
{
    if (i < 0)
        i = -i;
    return i >= n ? 2 * n - 2 - i : i;
}

/* Bell over 2r+1 taps whose axis runs from -1 to 1, so that sigma is
 * relative to the radius. */
static float *
bell(int radius, double sigma)
{
    float *w = mem_calloc(2 * (size_t)radius + 1, sizeof(*w));
    double sum = 0;

    for (int i = -radius; i <= radius; i++) {
        double t = (double)i / radius;

        w[i + radius] = (float)exp(-t * t / (2 * sigma * sigma));
        sum += (double)w[i + radius];
    }
    for (int i = 0; i <= 2 * radius; i++)
        w[i] = (float)((double)w[i] / sum);
    return w;
}

/* Weighted sum of the rows (or of the columns of one row) around. */
static void
blur_rows(const struct tensor *t, struct tensor *r, const float *w, int radius)
{
    size_t len = (size_t)t->w * (size_t)t->c;

    for (int n = 0; n < t->n; n++)
        for (int y = 0; y < t->h; y++) {
            float *out = tensor_row(r, n, y);

            memset(out, 0, len * sizeof(float));
            for (int k = -radius; k <= radius; k++) {
                const float *row = tensor_row_of(t, n, reflect(y + k, t->h));
                float wk = w[k + radius];

                for (size_t i = 0; i < len; i++)
                    out[i] += wk * row[i];
            }
        }
}

/* The row with its reflected margins, so that the sums run straight. */
static void
margin_row(const struct tensor *t, const float *row, float *wide, int radius)
{
    size_t c = (size_t)t->c;

    for (int x = -radius; x < t->w + radius; x++)
        memcpy(wide + (size_t)(x + radius) * c,
               row + (size_t)reflect(x, t->w) * c, c * sizeof(float));
}

static void
blur_columns(const struct tensor *t, struct tensor *r, const float *w,
             int radius)
{
    size_t c = (size_t)t->c, len = (size_t)t->w * c;
    float *wide = mem_calloc(len + 2 * (size_t)radius * c, sizeof(*wide));

    for (int n = 0; n < t->n; n++)
        for (int y = 0; y < t->h; y++) {
            float *out = tensor_row(r, n, y);

            margin_row(t, tensor_row_of(t, n, y), wide, radius);
            memset(out, 0, len * sizeof(float));
            for (int k = 0; k <= 2 * radius; k++) {
                const float *from = wide + (size_t)k * c;
                float wk = w[k];

                for (size_t i = 0; i < len; i++)
                    out[i] += wk * from[i];
            }
        }
    mem_free(wide);
}

static struct tensor *
blur_relative(struct tensor *t, int radius, double sigma)
{
    struct tensor *mid = tensor_like(t), *r = tensor_like(t);
    float *w = bell(radius, sigma);

    if (mid && r) {
        blur_columns(t, mid, w, radius);
        blur_rows(mid, r, w, radius);
    }
    mem_free(w);
    tensor_unref(mid);
    return r;
}

/* False: the margin does not fit; torch's words. */
static bool
radius_fits(struct node_call *c, const struct tensor *t, int radius)
{
    int dimension = radius >= t->w ? 3 : 2;

    if (radius < t->w && radius < t->h)
        return true;
    node_fail(c, "RuntimeError",
              "Argument #4: Padding size should be less than the "
              "corresponding input dimension, but got: padding (%d, %d) at "
              "dimension %d of input [%d, %d, %d, %d]",
              radius, radius, dimension, t->n, t->c, t->h, t->w);
    return false;
}

int
node_image_blur(struct node_call *c)
{
    struct tensor *t = node_image(c, "image");
    int radius = (int)node_int(c, "blur_radius", 1);

    if (!radius_fits(c, t, radius))
        return -1;
    return node_give_image(c, 0,
                           blur_relative(t, radius, node_float(c, "sigma", 1)));
}

int
node_image_sharpen(struct node_call *c)
{
    struct tensor *t = node_image(c, "image"), *r;
    int radius = (int)node_int(c, "sharpen_radius", 1);
    float gain = 10.0f * (float)node_float(c, "alpha", 1);
    size_t count = tensor_count(t);

    if (!radius_fits(c, t, radius))
        return -1;
    r = blur_relative(t, radius, node_float(c, "sigma", 1));
    if (!r)
        return node_oom(c);
    for (size_t i = 0; i < count; i++)
        r->p[i] = clamp01(t->p[i] + gain * (t->p[i] - r->p[i]));
    return node_give_image(c, 0, r);
}

/* ---- Morphology ---- */

static inline float
pick(float x, float y, bool max)
{
    return max == (x > y) ? x : y;
}

/*
 * Running maximum (minimum) of a line of n values that stand `step` apart,
 * over `before` values before and `after` behind; what is outside does not
 * count. Van Herk: per block of k the maxima from its start and towards its
 * end; a window is one of each, whatever k is.
 */
static void
extreme_line(float *line, int n, size_t step, int before, int after, bool max,
             float *work)
{
    int k = before + after + 1, padded = n + before + after;
    float none = max ? -INFINITY : INFINITY;
    float *in = work, *left = work + padded, *right = work + 2 * padded;

    for (int i = 0; i < padded; i++)
        in[i] = i < before || i >= before + n
                    ? none
                    : line[(size_t)(i - before) * step];
    for (int i = 0; i < padded; i++)
        left[i] = i % k == 0 ? in[i] : pick(left[i - 1], in[i], max);
    for (int i = padded - 1; i >= 0; i--)
        right[i] = i == padded - 1 || (i + 1) % k == 0
                       ? in[i]
                       : pick(right[i + 1], in[i], max);
    for (int i = 0; i < n; i++)
        line[(size_t)i * step] = pick(right[i], left[i + k - 1], max);
}

/* Small kernels: k comparisons a pixel, in straight lines over whole rows,
 * are faster than two and a walk down the columns. */
static void
extreme_rows(const struct tensor *t, struct tensor *r, int before, int after,
             bool max)
{
    size_t len = (size_t)t->w * (size_t)t->c;

    for (int n = 0; n < t->n; n++)
        for (int y = 0; y < t->h; y++) {
            float *out = tensor_row(r, n, y);

            memcpy(out, tensor_row_of(t, n, y), len * sizeof(float));
            for (int k = y - before; k <= y + after; k++) {
                const float *row;

                if (k < 0 || k >= t->h || k == y)
                    continue;
                row = tensor_row_of(t, n, k);
                if (max)
                    for (size_t i = 0; i < len; i++)
                        out[i] = row[i] > out[i] ? row[i] : out[i];
                else
                    for (size_t i = 0; i < len; i++)
                        out[i] = row[i] < out[i] ? row[i] : out[i];
            }
        }
}

/* One row in place; wide has room for it and both margins. */
static void
extreme_row(float *row, float *wide, size_t len, size_t c, int before,
            int after, bool max)
{
    size_t left = (size_t)before * c, right = (size_t)after * c;
    float none = max ? -INFINITY : INFINITY;

    for (size_t i = 0; i < left; i++)
        wide[i] = none;
    memcpy(wide + left, row, len * sizeof(float));
    for (size_t i = 0; i < right; i++)
        wide[left + len + i] = none;
    for (int k = 0; k <= before + after; k++) {
        const float *from = wide + (size_t)k * c;

        if (max)
            for (size_t i = 0; i < len; i++)
                row[i] = from[i] > row[i] ? from[i] : row[i];
        else
            for (size_t i = 0; i < len; i++)
                row[i] = from[i] < row[i] ? from[i] : row[i];
    }
}

static struct tensor *
extreme_small(const struct tensor *t, int before, int after, bool max)
{
    struct tensor *r = tensor_like(t);
    size_t c = (size_t)t->c, len = (size_t)t->w * c;
    float *wide = mem_calloc(len + (size_t)(before + after) * c, sizeof(*wide));

    extreme_rows(t, r, before, after, max);
    for (int n = 0; n < t->n; n++)
        for (int y = 0; y < t->h; y++)
            extreme_row(tensor_row(r, n, y), wide, len, c, before, after, max);
    mem_free(wide);
    return r;
}

static struct tensor *
extreme_large(const struct tensor *t, int before, int after, bool max)
{
    struct tensor *r = tensor_copy(t);
    int side = t->w > t->h ? t->w : t->h;
    float *work =
        mem_calloc(3 * (size_t)(side + before + after + 1), sizeof(*work));
    size_t c = (size_t)t->c;

    for (int n = 0; n < t->n; n++)
        for (size_t ch = 0; ch < c; ch++) {
            for (int y = 0; y < t->h; y++)
                extreme_line(tensor_row(r, n, y) + ch, t->w, c, before, after,
                             max, work);
            for (int x = 0; x < t->w; x++)
                extreme_line(tensor_row(r, n, 0) + (size_t)x * c + ch, t->h,
                             (size_t)t->w * c, before, after, max, work);
        }
    mem_free(work);
    return r;
}

/* A flat square of k, its centre at k / 2. */
static struct tensor *
extreme(const struct tensor *t, int k, bool max)
{
    /* dilation mirrors the kernel; it matters for even k only */
    int before = max ? k - 1 - k / 2 : k / 2, after = k - 1 - before;

    return k <= KERNEL_SMALL ? extreme_small(t, before, after, max)
                             : extreme_large(t, before, after, max);
}

/* x - y, in x. */
static struct tensor *
subtract(struct tensor *x, const struct tensor *y)
{
    size_t count = tensor_count(x);

    for (size_t i = 0; i < count; i++)
        x->p[i] -= y->p[i];
    return x;
}

static struct tensor *
twice(const struct tensor *t, int k, bool max_first)
{
    struct tensor *mid = extreme(t, k, max_first);
    struct tensor *r = extreme(mid, k, !max_first);

    tensor_unref(mid);
    return r;
}

int
node_morphology(struct node_call *c)
{
    static const char *const ops[] = {"erode",   "dilate",   "open",
                                      "close",   "gradient", "bottom_hat",
                                      "top_hat", NULL};
    const struct tensor *t = node_image(c, "image");
    int k = (int)node_int(c, "kernel_size", 3);
    struct tensor *r = NULL, *other = NULL;

    switch (node_choice(c, "operation", ops)) {
    case 0:
        r = extreme(t, k, false);
        break;
    case 1:
        r = extreme(t, k, true);
        break;
    case 2:
        r = twice(t, k, false);
        break;
    case 3:
        r = twice(t, k, true);
        break;
    case 4:
        other = extreme(t, k, false);
        r = subtract(extreme(t, k, true), other);
        break;
    case 5:
        r = subtract(twice(t, k, true), t);
        break;
    case 6:
        other = twice(t, k, false);
        r = subtract(tensor_copy(t), other);
        break;
    default:
        return node_fail(c, "ValueError",
                         "Invalid operation %s for morphology. Must be one "
                         "of 'erode', 'dilate', 'open', 'close', 'gradient', "
                         "'tophat', 'bottomhat'",
                         node_text(c, "operation"));
    }
    tensor_unref(other);
    return node_give_image(c, 0, r);
}

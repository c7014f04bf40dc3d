/*
 * comfy_resize.c - the five ways of scaling (contract 6.3).
 *
 * DESIGN. All are separable: for each axis a table of taps says which source
 * positions make an output position and with which weights; then one pass
 * over the rows and one over the columns. Lanczos alone goes through 8 bits
 * with whole-number weights, rounded after each pass, as Pillow does it.
 */
#include "sandbox/comfy_fast.h"

#include "sandbox/comfy_tensor.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

#define LANCZOS_BITS 22 /* 32 - 8 for the value - 2 for overshoot */
#define PI 3.14159265358979323846

struct taps {
    int out;   /* positions made */
    int max;   /* most taps of one position */
    int *from; /* per position: the first source position */
    int *n;    /* per position: taps */
    double *w; /* per position: max weights */
    int *at;   /* per position: max source positions (clamped) */
};

int
round_even(double x)
{
    return (int)nearbyint(x); /* the default mode rounds half to even */
}

bool
resize_method_parse(const char *name, enum resize_method *out)
{
    static const char *const names[] = {[RESIZE_NEAREST] = "nearest-exact",
                                        [RESIZE_BILINEAR] = "bilinear",
                                        [RESIZE_AREA] = "area",
                                        [RESIZE_BICUBIC] = "bicubic",
                                        [RESIZE_LANCZOS] = "lanczos"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum resize_method)i;
            return true;
        }
    return false;
}

static void
taps_init(struct taps *t, int out, int max)
{
    size_t all = (size_t)out * (size_t)max;

    t->out = out;
    t->max = max;
    t->from = mem_calloc((size_t)out, sizeof(int));
    t->n = mem_calloc((size_t)out, sizeof(int));
    t->w = mem_calloc(all, sizeof(double));
    t->at = mem_calloc(all, sizeof(int));
}

static void
taps_fini(struct taps *t)
{
    mem_free(t->from);
    mem_free(t->n);
    mem_free(t->w);
    mem_free(t->at);
}

static void
taps_add(struct taps *t, int i, int at, int in, double w)
{
    size_t k = (size_t)i * (size_t)t->max + (size_t)t->n[i]++;

    t->at[k] = at < 0 ? 0 : at >= in ? in - 1 : at;
    t->w[k] = w;
}

/* Keys' cubic with a = -0.75, as torch has it. */
static double
cubic(double x)
{
    const double a = -0.75;

    x = fabs(x);
    if (x <= 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2)
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
    return 0;
}

static void
taps_area(struct taps *t, int in, int out)
{
    taps_init(t, out, in / out + 2);
    for (int i = 0; i < out; i++) {
        int from = (int)((int64_t)i * in / out);
        int to = (int)(((int64_t)(i + 1) * in + out - 1) / out);

        for (int k = from; k < to; k++)
            taps_add(t, i, k, in, 1.0 / (to - from));
    }
}

static void
taps_float(struct taps *t, int in, int out, enum resize_method m)
{
    double scale = (double)in / out;

    if (m == RESIZE_AREA) {
        taps_area(t, in, out);
        return;
    }
    taps_init(t, out, 4);
    for (int i = 0; i < out; i++) {
        double src = (i + 0.5) * scale - 0.5;
        int base = (int)floor(src);
        double f = src - base;

        if (m == RESIZE_NEAREST) {
            taps_add(t, i, (int)floor((i + 0.5) * scale), in, 1);
        } else if (m == RESIZE_BILINEAR) {
            if (src < 0) {
                base = 0;
                f = 0;
            }
            taps_add(t, i, base, in, 1 - f);
            taps_add(t, i, base + 1, in, f);
        } else {
            for (int k = -1; k <= 2; k++)
                taps_add(t, i, base + k, in, cubic(k - f));
        }
    }
}

/* One row of `out` pixels from one of `in`. */
static void
row_pass(const struct taps *t, const float *src, float *dst, int c)
{
    for (int i = 0; i < t->out; i++) {
        const int *at = t->at + (size_t)i * (size_t)t->max;
        const double *w = t->w + (size_t)i * (size_t)t->max;

        for (int k = 0; k < c; k++) {
            double sum = 0;

            for (int j = 0; j < t->n[i]; j++)
                sum += w[j] * (double)src[at[j] * c + k];
            dst[i * c + k] = (float)sum;
        }
    }
}

static void
column_pass(const struct taps *t, const struct tensor *src, struct tensor *dst,
            int n, int y)
{
    size_t len = (size_t)src->w * (size_t)src->c;
    float *out = tensor_row(dst, n, y);
    const int *at = t->at + (size_t)y * (size_t)t->max;
    const double *w = t->w + (size_t)y * (size_t)t->max;

    memset(out, 0, len * sizeof(float));
    for (int j = 0; j < t->n[y]; j++) {
        const float *row = tensor_row_of(src, n, at[j]);
        float wj = (float)w[j];

        for (size_t i = 0; i < len; i++)
            out[i] += wj * row[i];
    }
}

static struct tensor *
resize_float(struct tensor *t, int w, int h, enum resize_method m)
{
    struct tensor *mid = tensor_new(t->n, t->h, w, t->c);
    struct tensor *r = tensor_new(t->n, h, w, t->c);
    struct taps tx, ty;

    if (!mid || !r) {
        tensor_unref(mid);
        tensor_unref(r);
        return NULL;
    }
    taps_float(&tx, t->w, w, m);
    taps_float(&ty, t->h, h, m);
    for (int n = 0; n < t->n; n++) {
        for (int y = 0; y < t->h; y++)
            row_pass(&tx, tensor_row_of(t, n, y), tensor_row(mid, n, y), t->c);
        for (int y = 0; y < h; y++)
            column_pass(&ty, mid, r, n, y);
    }
    taps_fini(&tx);
    taps_fini(&ty);
    tensor_unref(mid);
    return r;
}

static double
lanczos3(double x)
{
    if (x == 0)
        return 1;
    if (x <= -3 || x >= 3)
        return 0;
    return sin(PI * x) / (PI * x) * (sin(PI * x / 3) / (PI * x / 3));
}

/* Normalised weights, scaled to whole numbers, in w; from and n name the
 * window. */
static void
taps_lanczos(struct taps *t, int in, int out)
{
    double scale = (double)in / out, filter = scale < 1 ? 1 : scale;
    double support = 3 * filter;

    taps_init(t, out, (int)ceil(support) * 2 + 1);
    for (int i = 0; i < out; i++) {
        double center = (i + 0.5) * scale, sum = 0;
        int from = (int)(center - support + 0.5);
        int to = (int)(center + support + 0.5);
        double *w = t->w + (size_t)i * (size_t)t->max;

        from = from < 0 ? 0 : from;
        to = to > in ? in : to;
        t->from[i] = from;
        t->n[i] = to - from;
        for (int k = 0; k < t->n[i]; k++) {
            w[k] = lanczos3((k + from - center + 0.5) / filter);
            sum += w[k];
        }
        for (int k = 0; k < t->n[i]; k++)
            w[k] = round(w[k] / sum * (1 << LANCZOS_BITS));
    }
}

/* 255 times the sum of the weights' sizes, below 1.6 * 2^22, fits. */
static uint8_t
clip8(int32_t sum)
{
    sum = (sum + (1 << (LANCZOS_BITS - 1))) >> LANCZOS_BITS;
    return sum < 0 ? 0 : sum > 255 ? 255 : (uint8_t)sum;
}

static void
lanczos_row(const struct taps *t, const int32_t *weights, const uint8_t *src,
            uint8_t *dst, int c)
{
    for (int i = 0; i < t->out; i++) {
        const int32_t *w = weights + (size_t)i * (size_t)t->max;
        const uint8_t *from = src + t->from[i] * c;

        for (int k = 0; k < c; k++) {
            int32_t sum = 0;

            for (int j = 0; j < t->n[i]; j++)
                sum += w[j] * from[j * c + k];
            dst[i * c + k] = clip8(sum);
        }
    }
}

static void
lanczos_column(const struct taps *t, const int32_t *weights, const uint8_t *src,
               size_t len, int y, int32_t *sums, float *out)
{
    const int32_t *w = weights + (size_t)y * (size_t)t->max;

    memset(sums, 0, len * sizeof(*sums));
    for (int j = 0; j < t->n[y]; j++) {
        const uint8_t *row = src + (size_t)(t->from[y] + j) * len;

        for (size_t i = 0; i < len; i++)
            sums[i] += w[j] * row[i];
    }
    for (size_t i = 0; i < len; i++)
        out[i] = (float)clip8(sums[i]) / 255.0f;
}

static int32_t *
taps_whole(const struct taps *t)
{
    size_t all = (size_t)t->out * (size_t)t->max;
    int32_t *w = mem_calloc(all, sizeof(*w));

    for (size_t i = 0; i < all; i++)
        w[i] = (int32_t)t->w[i];
    return w;
}

static uint8_t *
to_bytes(const struct tensor *t, int n)
{
    const float *p = tensor_row_of(t, n, 0);
    size_t len = tensor_plane(t);
    uint8_t *b = mem_alloc(len);

    for (size_t i = 0; i < len; i++) {
        float v = 255.0f * p[i];

        b[i] = v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)v;
    }
    return b;
}

static struct tensor *
resize_lanczos(struct tensor *t, int w, int h)
{
    struct tensor *r = tensor_new(t->n, h, w, t->c);
    size_t len = (size_t)w * (size_t)t->c;
    struct taps tx, ty;
    int32_t *wx, *wy;
    uint8_t *mid;
    int32_t *sums;

    if (!r)
        return NULL;
    taps_lanczos(&tx, t->w, w);
    taps_lanczos(&ty, t->h, h);
    wx = taps_whole(&tx);
    wy = taps_whole(&ty);
    mid = mem_alloc(len * (size_t)t->h);
    sums = mem_calloc(len, sizeof(*sums));
    for (int n = 0; n < t->n; n++) {
        uint8_t *bytes = to_bytes(t, n);

        for (int y = 0; y < t->h; y++)
            lanczos_row(&tx, wx,
                        bytes + (size_t)y * (size_t)t->w * (size_t)t->c,
                        mid + (size_t)y * len, t->c);
        for (int y = 0; y < h; y++)
            lanczos_column(&ty, wy, mid, len, y, sums, tensor_row(r, n, y));
        mem_free(bytes);
    }
    mem_free(mid);
    mem_free(sums);
    mem_free(wx);
    mem_free(wy);
    taps_fini(&tx);
    taps_fini(&ty);
    return r;
}

struct tensor *
resize(struct tensor *t, int w, int h, enum resize_method m)
{
    if (w <= 0 || h <= 0)
        return NULL;
    if (m == RESIZE_LANCZOS)
        return resize_lanczos(t, w, h);
    if (w == t->w && h == t->h)
        return tensor_ref(t);
    return resize_float(t, w, h, m);
}

struct tensor *
resize_crop(struct tensor *t, int w, int h, enum resize_method m, bool center)
{
    double old_aspect = (double)t->w / t->h, aspect = (double)w / h;
    struct tensor *cut, *r;
    int x = 0, y = 0;

    if (!center || w <= 0 || h <= 0)
        return resize(t, w, h, m);
    if (old_aspect > aspect)
        x = round_even((t->w - t->w * (aspect / old_aspect)) / 2);
    else if (old_aspect < aspect)
        y = round_even((t->h - t->h * (old_aspect / aspect)) / 2);
    if (x == 0 && y == 0)
        return resize(t, w, h, m);
    cut = tensor_cut(t, x, y, t->w - 2 * x, t->h - 2 * y);
    if (!cut)
        return NULL;
    r = resize(cut, w, h, m);
    tensor_unref(cut);
    return r;
}

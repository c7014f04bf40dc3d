/*
 * comfy_tensor.h - pictures and masks as ComfyUI holds them: float32 0..1,
 * batch x height x width x channels. A mask has one channel.
 *
 * Counted references, not for several threads: the executor alone has them.
 */
#ifndef SANDBOX_COMFY_TENSOR_H
#define SANDBOX_COMFY_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest input (LIM_INPUT_PIXELS) in four channels, and some; more is an
 * OOM. */
#define TENSOR_FLOATS_MAX ((size_t)200 * 1000 * 1000)

struct tensor {
    int refs;
    int n, h, w, c;
    float p[];
};

/* Not cleared. NULL when it would be over TENSOR_FLOATS_MAX or a size is not
 * positive; callers report an OOM. */
struct tensor *tensor_new(int n, int h, int w, int c);
struct tensor *tensor_like(const struct tensor *t);
struct tensor *tensor_inverted(const struct tensor *t); /* 1 - t */
struct tensor *tensor_ref(struct tensor *t);
void tensor_unref(struct tensor *t); /* NULL is fine */
size_t tensor_count(const struct tensor *t);
size_t tensor_plane(const struct tensor *t); /* floats of one picture */
float *tensor_row(struct tensor *t, int n, int y);
const float *tensor_row_of(const struct tensor *t, int n, int y);
void tensor_fill(struct tensor *t, float v);
struct tensor *tensor_copy(const struct tensor *t);
/* The first c channels; missing ones are 1 (alpha). */
struct tensor *tensor_channels(struct tensor *t, int c);
/* Batch of n: cut, or the last picture repeated. */
struct tensor *tensor_batch(struct tensor *t, int n);
/* A rectangle, which must lie inside. */
struct tensor *tensor_cut(const struct tensor *t, int x, int y, int w, int h);
/* Writes src over dst at x, y; it must fit. */
void tensor_paste(struct tensor *dst, const struct tensor *src, int x, int y);

static inline float
clamp01(float v)
{
    return v < 0.0f ? 0.0f : v > 1.0f ? 1.0f : v;
}

/* ---- comfy_resize.c ---- */
enum resize_method {
    RESIZE_NEAREST,
    RESIZE_BILINEAR,
    RESIZE_AREA,
    RESIZE_BICUBIC,
    RESIZE_LANCZOS
};

/* "nearest-exact" ...; false for other names. */
bool resize_method_parse(const char *name, enum resize_method *out);
struct tensor *resize(struct tensor *t, int w, int h, enum resize_method m);
/* crop "center": cuts the source to the target's aspect first. */
struct tensor *resize_crop(struct tensor *t, int w, int h, enum resize_method m,
                           bool center);
/* Python's round(): half to even. */
int round_even(double x);

#endif

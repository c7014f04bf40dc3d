/*
 * comfy_image.h - picture files to tensors and back (libgd).
 */
#ifndef SANDBOX_COMFY_IMAGE_H
#define SANDBOX_COMFY_IMAGE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "sandbox/comfy_tensor.h"

/* A tEXt chunk of a PNG; both are Latin-1. */
struct picture_text {
    const char *key;
    struct str value;
};

/*
 * PNG, JPEG (its EXIF orientation applied), WebP, GIF (first frame), BMP to
 * a tensor of four channels. *alpha: the file has an alpha channel or a
 * transparent colour. BAD_INPUT: not a picture; TOO_LARGE: too many pixels;
 * UNAVAILABLE: cut short or broken.
 */
struct tensor *picture_load(struct str bytes, bool *alpha, struct err *e);

/* A JPEG's EXIF orientation, 1..8; 1 when there is none to be read. */
int picture_orientation(struct str jpeg);

/* What SaveImage stores: trunc(clip(255 x, 0, 255)); three or four channels,
 * one is written as grey RGB. level: zlib's, 0..9. */
void picture_png(struct buf *out, const struct tensor *t, int n, int level,
                 const struct picture_text *texts, size_t ntexts);
void picture_jpeg(struct buf *out, const struct tensor *t, int n, int quality);
/* quality over 100: without loss. */
void picture_webp(struct buf *out, const struct tensor *t, int n, int quality);
/* All pictures of the batch as one animation. */
void picture_webp_animated(struct buf *out, const struct tensor *t,
                           int frame_ms, int quality);

#endif

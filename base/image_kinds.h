/*
 * image_kinds.h - reading bytes that may end anywhere, and what each kind of
 * picture can do. For the base/image*.c files; others use image.h.
 */
#ifndef BASE_IMAGE_KINDS_H
#define BASE_IMAGE_KINDS_H

#include "base/image.h"

/* All reading goes through it: a getter past the end gives 0 or NULL and sets
 * `cut`, which is asked once per step. */
struct image_cursor {
    const unsigned char *p;
    size_t left;
    bool cut;
};

struct image_cursor image_cursor_of(struct str s);
const unsigned char *image_take(struct image_cursor *c, size_t n);
uint32_t image_take_be(struct image_cursor *c, size_t n); /* n <= 4 */
uint32_t image_take_le(struct image_cursor *c, size_t n);
/* "a broken picture: <what>", BAD_INPUT. Returns -1. */
int image_broken(struct err *e, const char *what);

/*
 * bytes begin with the kind's magic. A probe fills size and animated; a strip
 * writes to out until it fails, image_strip() cleans up.
 */
int image_png_probe(struct str bytes, struct image_info *out, struct err *e);
int image_png_strip(struct str bytes, struct buf *out, struct err *e);
int image_jpeg_probe(struct str bytes, struct image_info *out, struct err *e);
int image_jpeg_strip(struct str bytes, struct buf *out, struct err *e);
int image_webp_probe(struct str bytes, struct image_info *out, struct err *e);
int image_webp_strip(struct str bytes, struct buf *out, struct err *e);

#endif

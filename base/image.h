/*
 * image.h - what a picture's header says, and its metadata taken out.
 *
 * Reads headers only, decodes nothing: bytes are hostile. PNG, JPEG, GIF,
 * WebP (three kinds), BMP.
 */
#ifndef BASE_IMAGE_H
#define BASE_IMAGE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum image_kind {
    IMAGE_NONE, /* not a picture that we know */
    IMAGE_PNG,
    IMAGE_JPEG,
    IMAGE_GIF,
    IMAGE_WEBP,
    IMAGE_BMP
};

struct image_info {
    enum image_kind kind;
    uint32_t width, height; /* as stored, before EXIF orientation */
    bool animated;          /* GIF with several frames, APNG, WebP ANIM */
};

const char *image_mime(enum image_kind k); /* "image/png"; NONE: octets */
const char *image_ext(enum image_kind k);  /* "png", "jpg"; NONE: "bin" */
/*
 * NOT a picture: kind NONE and BAD_INPUT, also when a side is 0. The first
 * 64 KiB are mostly enough; with only a part of the file `animated` may be
 * missed.
 */
int image_probe(struct str bytes, struct image_info *out, struct err *e);
/*
 * Copies bytes without PNG tEXt/zTXt/iTXt/eXIf/tIME, WebP EXIF/XMP, JPEG
 * APP1/APP13/COM, and without what follows the picture's end. Anything else,
 * other kinds and no pictures, is copied as it is. Broken chunk structure:
 * BAD_INPUT; over out's limit: TOO_LARGE; out is then empty. Idempotent.
 * EXIF orientation goes too: this is for results, not for people's photos.
 */
int image_strip(struct str bytes, struct buf *out, struct err *e);

#endif

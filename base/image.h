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
    IMAGE_PNG, IMAGE_JPEG, IMAGE_GIF, IMAGE_WEBP, IMAGE_BMP
};

struct image_info {
    enum image_kind kind;
    uint32_t width, height; /* as stored, before EXIF orientation */
    bool animated;          /* GIF with several frames, APNG, WebP ANIM */
};

const char *image_mime(enum image_kind k); /* "image/png" */
const char *image_ext(enum image_kind k);  /* "png" */
/* NOT a picture: kind NONE and BAD_INPUT. */
int image_probe(struct str bytes, struct image_info *out, struct err *e);
/*
 * Copies bytes without PNG tEXt/zTXt/iTXt/eXIf/tIME, WebP EXIF/XMP, JPEG
 * APP1/APP13/COM (protocols 9). Other kinds are copied as they are. Broken
 * chunk structure: BAD_INPUT, nothing usable in out. Idempotent.
 */
int image_strip(struct str bytes, struct buf *out, struct err *e);

#endif

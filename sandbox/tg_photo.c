/*
 * tg_photo.c - pixels: what Telegram does to a photo. It turns it upright,
 * scales it down, and writes a JPEG without metadata.
 *
 * libgd's loaders end at what they cannot read; dimensions were checked from
 * the header before anything is decoded here.
 */
#include "sandbox/tg.h"

#include <gd.h>
#include <limits.h>
#include <string.h>
#include "base/image.h"
#include "base/mem.h"

#define QUALITY 87

void
tgs_fit(int *w, int *h, int max_side)
{
    int longer = *w > *h ? *w : *h;

    if (longer <= max_side)
        return;
    *w = (int)((int64_t)*w * max_side / longer);
    *h = (int)((int64_t)*h * max_side / longer);
    *w = *w > 0 ? *w : 1;
    *h = *h > 0 ? *h : 1;
}

/* ---- EXIF ---- */

static unsigned
u16(const unsigned char *p, bool little)
{
    return little ? p[0] | (unsigned)p[1] << 8 : p[1] | (unsigned)p[0] << 8;
}

static size_t
u32(const unsigned char *p, bool little)
{
    return little ? u16(p, true) | (size_t)u16(p + 2, true) << 16
                  : u16(p + 2, false) | (size_t)u16(p, false) << 16;
}

/* p: the TIFF structure inside APP1. */
static int
tiff_orientation(const unsigned char *p, size_t n)
{
    bool little = n >= 8 && p[0] == 'I';
    size_t at = n >= 8 ? u32(p + 4, little) : n;
    unsigned count;

    if (at < 8 || at + 2 > n)
        return 1;
    count = u16(p + at, little);
    for (at += 2; count > 0 && at + 12 <= n; count--, at += 12)
        if (u16(p + at, little) == 0x0112) {
            unsigned v = u16(p + at + 8, little);
            return v >= 1 && v <= 8 ? (int)v : 1;
        }
    return 1;
}

int
tgs_exif_orientation(struct str jpeg)
{
    const unsigned char *p = (const unsigned char *)jpeg.p;
    size_t at = 2;

    if (jpeg.len < 4 || p[0] != 0xff || p[1] != 0xd8)
        return 1;
    while (at + 4 <= jpeg.len && p[at] == 0xff && p[at + 1] != 0xda) {
        size_t len = u16(p + at + 2, false);
        if (len < 2 || at + 2 + len > jpeg.len)
            return 1;
        if (p[at + 1] == 0xe1 && len >= 16 &&
            memcmp(p + at + 4, "Exif\0\0", 6) == 0)
            return tiff_orientation(p + at + 10, len - 8);
        at += 2 + len;
    }
    return 1;
}

/* ---- decoding and encoding ---- */

static gdImagePtr
decode(struct str b)
{
    struct image_info info;
    void *p;
    gdImagePtr img = NULL;
    int n = (int)b.len;

    if (b.len > INT_MAX || image_probe(b, &info, NULL) != 0)
        return NULL;
    p = mem_alloc(b.len); /* libgd wants it writable */
    memcpy(p, b.p, b.len);
    switch (info.kind) {
    case IMAGE_PNG:
        img = gdImageCreateFromPngPtr(n, p);
        break;
    case IMAGE_JPEG:
        img = gdImageCreateFromJpegPtr(n, p);
        break;
    case IMAGE_GIF:
        img = gdImageCreateFromGifPtr(n, p);
        break;
    case IMAGE_WEBP:
        img = gdImageCreateFromWebpPtr(n, p);
        break;
    case IMAGE_BMP:
        img = gdImageCreateFromBmpPtr(n, p);
        break;
    case IMAGE_NONE:
        break;
    }
    mem_free(p);
    return img;
}

/* A copy of w x h on white, for JPEG has no transparency. */
static gdImagePtr
scaled(gdImagePtr from, int w, int h)
{
    gdImagePtr to = gdImageCreateTrueColor(w, h);

    if (!to)
        return NULL;
    gdImageFilledRectangle(to, 0, 0, w - 1, h - 1, 0xffffff);
    gdImageAlphaBlending(to, 1);
    if (w == gdImageSX(from) && h == gdImageSY(from))
        gdImageCopy(to, from, 0, 0, 0, 0, w, h);
    else
        gdImageCopyResampled(to, from, 0, 0, 0, 0, w, h, gdImageSX(from),
                             gdImageSY(from));
    return to;
}

/* Turned upright; takes img. */
static gdImagePtr
upright(gdImagePtr img, int orientation)
{
    static const int degrees[] = {0, 0, 0, 180, 0, 90, 270, 270, 90};
    gdImagePtr turned;

    if (orientation == 2 || orientation == 5 || orientation == 7)
        gdImageFlipHorizontal(img);
    if (orientation == 4)
        gdImageFlipVertical(img);
    if (degrees[orientation] == 0)
        return img;
    turned = gdImageRotateInterpolated(img, (float)degrees[orientation], 0);
    gdImageDestroy(img);
    return turned;
}

static char *
encode(gdImagePtr img, size_t *len)
{
    int n = 0;
    void *jpeg = gdImageJpegPtr(img, &n, QUALITY);
    char *out = NULL;

    if (jpeg && n > 0) {
        *len = (size_t)n;
        out = mem_alloc(*len);
        memcpy(out, jpeg, *len);
    }
    gdFree(jpeg);
    return out;
}

char *
tgs_pixels_scale(struct str bytes, int max_side, int *w, int *h, size_t *len)
{
    gdImagePtr img = decode(bytes), small = NULL;
    char *out = NULL;

    if (!img)
        return NULL;
    *w = gdImageSX(img);
    *h = gdImageSY(img);
    tgs_fit(w, h, max_side);
    small = scaled(img, *w, *h);
    gdImageDestroy(img);
    if (small)
        small = upright(small, tgs_exif_orientation(bytes));
    if (small) {
        *w = gdImageSX(small);
        *h = gdImageSY(small);
        out = encode(small, len);
        gdImageDestroy(small);
    }
    return out;
}

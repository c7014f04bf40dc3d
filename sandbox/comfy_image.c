/*
 * comfy_image.c - decoding and encoding of pictures (libgd), EXIF
 * orientation, PNG text chunks, animated WebP.
 */
#include "sandbox/comfy_fast.h"

#include "sandbox/comfy_image.h"

#include <gd.h>
#include <stdlib.h>
#include <string.h>

#include "base/image.h"
#include "base/limits.h"
#include "base/mem.h"

/* libgd writes its complaints to stderr; the caller's error says enough. */
static void
gd_quiet(int priority, const char *fmt, va_list ap)
{
    (void)priority;
    (void)fmt;
    (void)ap;
}

static uint32_t
be32(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;

    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 |
           u[3];
}

/* ---- what the header says ---- */

static bool
png_has_alpha(struct str s)
{
    size_t at = 8;

    if (s.len < 33)
        return false;
    if (s.p[25] != 3) /* colour type: 4 and 6 have alpha */
        return s.p[25] & 4;
    while (at + 12 <= s.len) {
        uint32_t n = be32(s.p + at);

        if (memcmp(s.p + at + 4, "tRNS", 4) == 0)
            return true;
        if (memcmp(s.p + at + 4, "IDAT", 4) == 0 || n > s.len - at - 12)
            return false;
        at += 12 + (size_t)n;
    }
    return false;
}

static bool
webp_has_alpha(struct str s)
{
    if (s.len < 30)
        return false;
    if (memcmp(s.p + 12, "VP8X", 4) == 0)
        return s.p[20] & 0x10;
    return memcmp(s.p + 12, "VP8L", 4) == 0 && (s.p[24] & 0x10);
}

struct tiff {
    const unsigned char *p;
    size_t len;
    bool big;
};

static unsigned
tiff_u16(const struct tiff *t, size_t at)
{
    if (at + 2 > t->len)
        return 0;
    return t->big ? (unsigned)(t->p[at] << 8 | t->p[at + 1])
                  : (unsigned)(t->p[at + 1] << 8 | t->p[at]);
}

static size_t
tiff_u32(const struct tiff *t, size_t at)
{
    size_t first = tiff_u16(t, at), second = tiff_u16(t, at + 2);

    return t->big ? first << 16 | second : second << 16 | first;
}

/* 1..8; 1 when the text says nothing usable. */
static int
exif_orientation(struct str s)
{
    struct tiff t = {(const unsigned char *)s.p, s.len, false};
    size_t dir;
    unsigned n;

    if (s.len < 8)
        return 1;
    t.big = s.p[0] == 'M';
    dir = tiff_u32(&t, 4);
    if (dir + 2 > s.len)
        return 1;
    n = tiff_u16(&t, dir);
    for (unsigned i = 0; i < n; i++) {
        size_t at = dir + 2 + (size_t)i * 12;

        if (at + 12 > s.len)
            return 1;
        if (tiff_u16(&t, at) == 0x0112) {
            unsigned v = tiff_u16(&t, at + 8);

            return v >= 1 && v <= 8 ? (int)v : 1;
        }
    }
    return 1;
}

int
picture_orientation(struct str s)
{
    size_t at = 2;

    while (at + 4 <= s.len && (unsigned char)s.p[at] == 0xff) {
        unsigned char mark = (unsigned char)s.p[at + 1];
        size_t n = (size_t)((unsigned char)s.p[at + 2] << 8 |
                            (unsigned char)s.p[at + 3]);

        if (mark == 0xda || n < 2 || at + 2 + n > s.len)
            return 1;
        if (mark == 0xe1 && n > 8 && memcmp(s.p + at + 4, "Exif\0", 6) == 0)
            return exif_orientation(str_sub(s, at + 10, n - 8));
        at += 2 + n;
    }
    return 1;
}

/* ---- decoding ---- */

/* A copy of the chunks that make the pixels: colour profiles, texts and the
 * like only make libpng talk. Returns its length. */
static size_t
png_essence(struct str s, char *out)
{
    static const char *const kept[] = {"IHDR", "PLTE", "tRNS", "IDAT", "IEND"};
    size_t at = 8, len = 8;

    memcpy(out, s.p, 8);
    while (at + 12 <= s.len) {
        size_t n = be32(s.p + at);

        if (n > s.len - at - 12)
            n = s.len - at - 12; /* cut short: libpng will say so */
        for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
            if (memcmp(s.p + at + 4, kept[i], 4) == 0) {
                memcpy(out + len, s.p + at, 12 + n);
                len += 12 + n;
            }
        at += 12 + n;
    }
    return len;
}

static gdImagePtr
gd_decode(struct str s, enum image_kind kind)
{
    int n = (int)s.len;
    void *p = mem_alloc(s.len);
    gdImagePtr im = NULL;

    if (kind == IMAGE_PNG)
        n = (int)png_essence(s, p);
    else
        memcpy(p, s.p, s.len); /* libgd wants it writable */
    switch (kind) {
    case IMAGE_PNG:
        im = gdImageCreateFromPngPtr(n, p);
        break;
    case IMAGE_JPEG:
        im = gdImageCreateFromJpegPtrEx(n, p, 1);
        break;
    case IMAGE_GIF:
        im = gdImageCreateFromGifPtr(n, p);
        break;
    case IMAGE_WEBP:
        im = gdImageCreateFromWebpPtr(n, p);
        break;
    case IMAGE_BMP:
        im = gdImageCreateFromBmpPtr(n, p);
        break;
    case IMAGE_NONE:
        break;
    }
    mem_free(p);
    if (im && !gdImageTrueColor(im) && !gdImagePaletteToTrueColor(im)) {
        gdImageDestroy(im);
        return NULL;
    }
    return im;
}

/* EXIF 5..8 exchange the axes. Where the pixel at (x, y) of the stored
 * picture stands in the upright one. */
static void
upright(int orientation, int w, int h, int x, int y, int *ox, int *oy)
{
    bool turned = orientation >= 5;
    bool flip_x = orientation == 2 || orientation == 3 || orientation == 6 ||
                  orientation == 7;
    bool flip_y = orientation == 3 || orientation == 4 || orientation == 7 ||
                  orientation == 8;

    *ox = turned ? y : x;
    *oy = turned ? x : y;
    if (flip_x)
        *ox = (turned ? h : w) - 1 - *ox;
    if (flip_y)
        *oy = (turned ? w : h) - 1 - *oy;
}

static struct tensor *
from_gd(gdImagePtr im, int orientation)
{
    int w = gdImageSX(im), h = gdImageSY(im);
    bool turned = orientation >= 5;
    struct tensor *t = tensor_new(1, turned ? w : h, turned ? h : w, 4);
    float scale[256];

    if (!t)
        return NULL;
    for (int i = 0; i < 256; i++)
        scale[i] = (float)i / 255.0f;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            int c = gdImageTrueColorPixel(im, x, y), ox = x, oy = y;
            int a = 255 - gdTrueColorGetAlpha(c) * 2;
            float *p;

            if (orientation > 1)
                upright(orientation, w, h, x, y, &ox, &oy);
            p = tensor_row(t, 0, oy) + (size_t)ox * 4;
            p[0] = scale[gdTrueColorGetRed(c)];
            p[1] = scale[gdTrueColorGetGreen(c)];
            p[2] = scale[gdTrueColorGetBlue(c)];
            p[3] = scale[a < 2 ? 0 : a]; /* libgd has 7 bits: 127 is 0 */
        }
    return t;
}

struct tensor *
picture_load(struct str bytes, bool *alpha, struct err *e)
{
    struct image_info info;
    struct tensor *t;
    gdImagePtr im;

    if (image_probe(bytes, &info, e) < 0)
        return NULL;
    if ((uint64_t)info.width * info.height > LIM_INPUT_PIXELS) {
        err_set(e, ERR_TOO_LARGE,
                "Image size (%llu pixels) exceeds limit of "
                "%d pixels, could be decompression bomb DOS attack.",
                (unsigned long long)info.width * info.height, LIM_INPUT_PIXELS);
        return NULL;
    }
    gdSetErrorMethod(gd_quiet);
    im = gd_decode(bytes, info.kind);
    if (!im) {
        err_set(e, ERR_UNAVAILABLE, "image file is truncated");
        return NULL;
    }
    *alpha = info.kind == IMAGE_PNG    ? png_has_alpha(bytes)
             : info.kind == IMAGE_WEBP ? webp_has_alpha(bytes)
                                       : gdImageGetTransparent(im) >= 0;
    t = from_gd(im, info.kind == IMAGE_JPEG ? picture_orientation(bytes) : 1);
    gdImageDestroy(im);
    if (!t)
        err_set(e, ERR_TOO_LARGE, "too many pixels");
    return t;
}

/* ---- encoding ---- */

static int
to_byte(float v)
{
    v *= 255.0f;
    if (!(v > 0)) /* NaN too */
        return 0;
    return v >= 255.0f ? 255 : (int)v;
}

static gdImagePtr
to_gd(const struct tensor *t, int n)
{
    gdImagePtr im = gdImageCreateTrueColor(t->w, t->h);

    if (!im)
        abort(); /* out of memory */
    gdImageAlphaBlending(im, 0);
    gdImageSaveAlpha(im, t->c == 4);
    for (int y = 0; y < t->h; y++) {
        const float *p = tensor_row_of(t, n, y);

        for (int x = 0; x < t->w; x++, p += t->c) {
            int r = to_byte(p[0]);
            int g = t->c > 1 ? to_byte(p[1]) : r;
            int b = t->c > 2 ? to_byte(p[2]) : r;
            int a = t->c == 4 ? 127 - to_byte(p[3]) / 2 : 0;

            gdImageTrueColorPixel(im, x, y) = gdTrueColorAlpha(r, g, b, a);
        }
    }
    return im;
}

static void
add_be32(struct buf *b, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_add_byte(b, (char)(v >> shift & 255));
}

static uint32_t
crc32_png(const char *p, size_t n)
{
    uint32_t c = 0xffffffffu;

    while (n-- > 0) {
        c ^= (unsigned char)*p++;
        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
    }
    return ~c;
}

static void
add_text_chunk(struct buf *out, const struct picture_text *t)
{
    size_t key = strlen(t->key), from;

    add_be32(out, (uint32_t)(key + 1 + t->value.len));
    from = out->len;
    buf_add_c(out, "tEXt");
    buf_add(out, t->key, key + 1);
    buf_add_str(out, t->value);
    if (!out->failed)
        add_be32(out, crc32_png(out->p + from, out->len - from));
}

void
picture_png(struct buf *out, const struct tensor *t, int n, int level,
            const struct picture_text *texts, size_t ntexts)
{
    const size_t head = 8 + 12 + 13; /* signature and IHDR */
    gdImagePtr im = to_gd(t, n);
    int size = 0;
    char *png = gdImagePngPtrEx(im, &size, level);

    gdImageDestroy(im);
    if (!png)
        abort();
    buf_add(out, png, head);
    for (size_t i = 0; i < ntexts; i++)
        add_text_chunk(out, &texts[i]);
    buf_add(out, png + head, (size_t)size - head);
    gdFree(png);
}

void
picture_jpeg(struct buf *out, const struct tensor *t, int n, int quality)
{
    gdImagePtr im = to_gd(t, n);
    int size = 0;
    void *p = gdImageJpegPtr(im, &size, quality);

    gdImageDestroy(im);
    if (!p)
        abort();
    buf_add(out, p, (size_t)size);
    gdFree(p);
}

void
picture_webp(struct buf *out, const struct tensor *t, int n, int quality)
{
    gdImagePtr im = to_gd(t, n);
    int size = 0;
    void *p =
        gdImageWebpPtrEx(im, &size, quality > 100 ? gdWebpLossless : quality);

    gdImageDestroy(im);
    if (!p)
        abort();
    buf_add(out, p, (size_t)size);
    gdFree(p);
}

static void
add_le(struct buf *b, uint32_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_add_byte(b, (char)(v >> 8 * i & 255));
}

/* One frame: the still picture's chunks, without its RIFF header and VP8X. */
static void
add_frame(struct buf *out, const struct tensor *t, int n, int frame_ms,
          int quality)
{
    struct buf still;
    size_t at = 12;

    buf_init(&still, out->limit);
    picture_webp(&still, t, n, quality);
    if (still.len >= 30 && memcmp(still.p + 12, "VP8X", 4) == 0)
        at = 30;
    buf_add_c(out, "ANMF");
    add_le(out, (uint32_t)(16 + still.len - at), 4);
    add_le(out, 0, 3); /* x, y */
    add_le(out, 0, 3);
    add_le(out, (uint32_t)t->w - 1, 3);
    add_le(out, (uint32_t)t->h - 1, 3);
    add_le(out, (uint32_t)frame_ms, 3);
    add_le(out, 2, 1); /* do not blend with the frame before */
    buf_add(out, still.p + at, still.len - at);
    buf_free(&still);
}

void
picture_webp_animated(struct buf *out, const struct tensor *t, int frame_ms,
                      int quality)
{
    struct buf frames;

    buf_init(&frames, out->limit);
    for (int n = 0; n < t->n; n++)
        add_frame(&frames, t, n, frame_ms, quality);
    buf_add_c(out, "RIFF");
    add_le(out, (uint32_t)(4 + 18 + 14 + frames.len), 4);
    buf_add_c(out, "WEBPVP8X");
    add_le(out, 10, 4);
    add_le(out, t->c == 4 ? 0x12 : 0x02, 4); /* animation, alpha */
    add_le(out, (uint32_t)t->w - 1, 3);
    add_le(out, (uint32_t)t->h - 1, 3);
    buf_add_c(out, "ANIM");
    add_le(out, 6, 4);
    add_le(out, 0, 4); /* background */
    add_le(out, 0, 2); /* for ever */
    buf_add_str(out, buf_str(&frames));
    if (frames.failed)
        out->failed = true;
    buf_free(&frames);
}

/*
 * image.c - headers of pictures, and their metadata taken out.
 *
 * All reading goes through struct cursor, which knows where the bytes end:
 * a getter past the end gives 0 and sets `cut`, asked once per step.
 */
#include "base/image.h"

#include <stdint.h>
#include <string.h>

struct cursor {
    const unsigned char *p;
    size_t left;
    bool cut;
};

static struct cursor
cursor_of(struct str s)
{
    return (struct cursor){(const unsigned char *)s.p, s.len, false};
}

/* NULL when fewer than n bytes are left. */
static const unsigned char *
take(struct cursor *c, size_t n)
{
    const unsigned char *p = c->p;

    if (c->cut || c->left < n) {
        c->cut = true;
        return NULL;
    }
    if (n > 0) {
        c->p += n;
        c->left -= n;
    }
    return p;
}

static uint32_t
take_be(struct cursor *c, size_t n)
{
    const unsigned char *p = take(c, n);
    uint32_t v = 0;
    size_t i;

    for (i = 0; p != NULL && i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static uint32_t
take_le(struct cursor *c, size_t n)
{
    const unsigned char *p = take(c, n);
    uint32_t v = 0;
    size_t i;

    for (i = n; p != NULL && i > 0; i--)
        v = v << 8 | p[i - 1];
    return v;
}

static int
broken(struct err *e, const char *what)
{
    return err_set(e, ERR_BAD_INPUT, "a broken picture: %s", what);
}

/* ---- PNG: length, type, data, CRC ---- */

#define PNG_SIGN "\x89PNG\r\n\x1a\n"

struct png_chunk {
    struct str whole; /* with length and CRC */
    const unsigned char *type, *data;
    size_t len;
};

static bool
png_next(struct cursor *c, struct png_chunk *k)
{
    const unsigned char *from = c->p;

    k->len = take_be(c, 4);
    k->type = take(c, 4);
    if (k->len > INT32_MAX)
        return false;
    k->data = take(c, k->len);
    take(c, 4);
    k->whole = str_n((const char *)from, k->len + 12);
    return !c->cut;
}

static bool
png_is(const struct png_chunk *k, const char *type)
{
    return memcmp(k->type, type, 4) == 0;
}

static int
png_probe(struct str bytes, struct image_info *out, struct err *e)
{
    struct cursor c = cursor_of(str_sub(bytes, 8, bytes.len));
    struct png_chunk k;
    struct cursor head;

    if (!png_next(&c, &k) || !png_is(&k, "IHDR") || k.len != 13)
        return broken(e, "PNG without IHDR");
    head = (struct cursor){k.data, k.len, false};
    out->width = take_be(&head, 4);
    out->height = take_be(&head, 4);
    while (png_next(&c, &k) && !png_is(&k, "IDAT"))
        if (png_is(&k, "acTL"))
            out->animated = true;
    return 0;
}

static bool
png_is_metadata(const struct png_chunk *k)
{
    static const char types[][5] = {"tEXt", "zTXt", "iTXt", "eXIf", "tIME"};
    size_t i;

    for (i = 0; i < sizeof types / sizeof types[0]; i++)
        if (png_is(k, types[i]))
            return true;
    return false;
}

static int
png_strip(struct str bytes, struct buf *out, struct err *e)
{
    struct cursor c = cursor_of(str_sub(bytes, 8, bytes.len));
    struct png_chunk k;

    buf_add_str(out, str_sub(bytes, 0, 8));
    while (png_next(&c, &k)) {
        if (!png_is_metadata(&k))
            buf_add_str(out, k.whole);
        if (png_is(&k, "IEND"))
            return 0; /* what follows is no part of the picture */
    }
    return broken(e, "PNG chunks do not fit the file");
}

/* ---- JPEG: FF marker, length, data; entropy-coded bytes after SOS ---- */

enum jpeg_marker {
    JPEG_SOF0 = 0xc0, JPEG_DHT = 0xc4, JPEG_JPG = 0xc8, JPEG_DAC = 0xcc,
    JPEG_SOF15 = 0xcf, JPEG_RST0 = 0xd0, JPEG_RST7 = 0xd7, JPEG_SOI = 0xd8,
    JPEG_EOI = 0xd9, JPEG_SOS = 0xda, JPEG_APP1 = 0xe1, JPEG_APP13 = 0xed,
    JPEG_COM = 0xfe, JPEG_TEM = 0x01
};

struct jpeg_segment {
    struct str whole; /* with the marker */
    unsigned marker;
    const unsigned char *data; /* after the length; NULL without one */
    size_t len;
};

static bool
jpeg_has_length(unsigned m)
{
    return m != JPEG_TEM && (m < JPEG_RST0 || m > JPEG_EOI);
}

static bool
jpeg_next(struct cursor *c, struct jpeg_segment *g)
{
    const unsigned char *from = c->p;
    size_t len;

    if (take_be(c, 1) != 0xff)
        return false;
    do {
        g->marker = take_be(c, 1);
    } while (g->marker == 0xff); /* fill bytes */
    g->data = NULL;
    g->len = 0;
    if (c->cut || g->marker == 0)
        return false;
    if (jpeg_has_length(g->marker)) {
        len = take_be(c, 2);
        if (len < 2)
            return false;
        g->len = len - 2;
        g->data = take(c, g->len);
    }
    if (c->cut)
        return false;
    g->whole = str_n((const char *)from, (size_t)(c->p - from));
    return true;
}

/* Entropy-coded bytes: to the next marker that is no restart and no FF00. */
static struct str
jpeg_scan_bytes(struct cursor *c)
{
    const unsigned char *from = c->p;

    while (c->left > 0) {
        const unsigned char *ff = memchr(c->p, 0xff, c->left);
        size_t skip = ff != NULL ? (size_t)(ff - c->p) : c->left;

        take(c, skip);
        if (c->left < 2)
            break;
        if (c->p[1] != 0 &&
            (c->p[1] < JPEG_RST0 || c->p[1] > JPEG_RST7))
            break;
        take(c, 2);
    }
    return str_n((const char *)from, (size_t)(c->p - from));
}

static bool
jpeg_is_frame(unsigned m)
{
    return m >= JPEG_SOF0 && m <= JPEG_SOF15 && m != JPEG_DHT &&
           m != JPEG_JPG && m != JPEG_DAC;
}

static int
jpeg_probe(struct str bytes, struct image_info *out, struct err *e)
{
    struct cursor c = cursor_of(bytes);
    struct jpeg_segment g;

    while (jpeg_next(&c, &g) && g.marker != JPEG_SOS &&
           g.marker != JPEG_EOI) {
        struct cursor frame = {g.data, g.len, false};

        if (!jpeg_is_frame(g.marker))
            continue;
        take(&frame, 1);
        out->height = take_be(&frame, 2);
        out->width = take_be(&frame, 2);
        return frame.cut ? broken(e, "JPEG frame header is cut") : 0;
    }
    return broken(e, "JPEG without a frame header");
}

static int
jpeg_strip(struct str bytes, struct buf *out, struct err *e)
{
    struct cursor c = cursor_of(bytes);
    struct jpeg_segment g;

    while (jpeg_next(&c, &g)) {
        if (g.marker != JPEG_APP1 && g.marker != JPEG_APP13 &&
            g.marker != JPEG_COM)
            buf_add_str(out, g.whole);
        if (g.marker == JPEG_EOI)
            return 0; /* previews and thumbnails may follow */
        if (g.marker == JPEG_SOS)
            buf_add_str(out, jpeg_scan_bytes(&c));
    }
    return broken(e, "JPEG segments do not fit the file");
}

/* ---- GIF ---- */

/* Sub-blocks end with an empty one. */
static void
gif_skip_blocks(struct cursor *c)
{
    uint32_t n;

    while ((n = take_be(c, 1)) > 0)
        take(c, n);
}

static void
gif_skip_colours(struct cursor *c, uint32_t flags)
{
    if (flags & 0x80)
        take(c, (size_t)3 << ((flags & 7) + 1));
}

static int
gif_probe(struct str bytes, struct image_info *out, struct err *e)
{
    struct cursor c = cursor_of(str_sub(bytes, 6, bytes.len));
    uint32_t flags, block;
    unsigned frames = 0;

    out->width = take_le(&c, 2);
    out->height = take_le(&c, 2);
    flags = take_be(&c, 1);
    take(&c, 2);
    if (c.cut)
        return broken(e, "GIF header is cut");
    gif_skip_colours(&c, flags);
    while (!c.cut && frames < 2) {
        block = take_be(&c, 1);
        if (block == 0x21) {
            take(&c, 1);
        } else if (block == 0x2c) {
            take(&c, 8);
            flags = take_be(&c, 1);
            gif_skip_colours(&c, flags);
            take(&c, 1);
            frames += !c.cut;
        } else {
            break;
        }
        gif_skip_blocks(&c);
    }
    out->animated = frames > 1;
    return 0;
}

/* ---- WebP: RIFF, length, WEBP, then chunks padded to even ---- */

#define VP8X_EXIF 0x08
#define VP8X_XMP 0x04
#define VP8X_ANIM 0x02

struct webp_chunk {
    struct str whole; /* with its padding */
    const unsigned char *type, *data;
    size_t len;
};

static bool
webp_next(struct cursor *c, struct webp_chunk *k)
{
    const unsigned char *from = c->p;

    k->type = take(c, 4);
    k->len = take_le(c, 4);
    k->data = take(c, k->len);
    take(c, k->len & 1);
    if (c->cut)
        return false;
    k->whole = str_n((const char *)from, (size_t)(c->p - from));
    return true;
}

static bool
webp_is(const struct webp_chunk *k, const char *type)
{
    return memcmp(k->type, type, 4) == 0;
}

/* The bytes that the RIFF header speaks of; cut when it speaks of more. */
static struct cursor
webp_body(struct str bytes)
{
    struct cursor c = cursor_of(bytes);
    size_t size;

    take(&c, 4);
    size = take_le(&c, 4);
    take(&c, 4);
    if (size < 4 || size - 4 > c.left)
        c.cut = true;
    else
        c.left = size - 4;
    return c;
}

static void
webp_lossy_size(struct cursor *c, struct image_info *out)
{
    const unsigned char *start;

    take(c, 3);
    start = take(c, 3);
    if (start != NULL && memcmp(start, "\x9d\x01\x2a", 3) != 0)
        c->cut = true;
    out->width = take_le(c, 2) & 0x3fff;
    out->height = take_le(c, 2) & 0x3fff;
}

static void
webp_lossless_size(struct cursor *c, struct image_info *out)
{
    uint32_t bits;

    if (take_be(c, 1) != 0x2f)
        c->cut = true;
    bits = take_le(c, 4);
    out->width = (bits & 0x3fff) + 1;
    out->height = (bits >> 14 & 0x3fff) + 1;
}

static void
webp_extended_size(struct cursor *c, struct image_info *out)
{
    out->animated = (take_le(c, 4) & VP8X_ANIM) != 0;
    out->width = take_le(c, 3) + 1;
    out->height = take_le(c, 3) + 1;
}

static void
shorten(struct cursor *c, size_t left)
{
    if (c->left > left)
        c->left = left;
}

/* The bytes may be a part of the file: only the first chunk's header must be
 * there. */
static int
webp_probe(struct str bytes, struct image_info *out, struct err *e)
{
    struct cursor c = cursor_of(str_sub(bytes, 4, bytes.len));
    const unsigned char *type;

    shorten(&c, (size_t)take_le(&c, 4));
    take(&c, 4);
    type = take(&c, 4);
    shorten(&c, take_le(&c, 4));
    if (c.cut)
        return broken(e, "WebP without a chunk");
    if (memcmp(type, "VP8 ", 4) == 0)
        webp_lossy_size(&c, out);
    else if (memcmp(type, "VP8L", 4) == 0)
        webp_lossless_size(&c, out);
    else if (memcmp(type, "VP8X", 4) == 0)
        webp_extended_size(&c, out);
    else
        return broken(e, "WebP of an unknown kind");
    return c.cut ? broken(e, "WebP header is cut") : 0;
}

static int
webp_strip(struct str bytes, struct buf *out, struct err *e)
{
    struct cursor c = webp_body(bytes);
    size_t from = out->len, size;
    struct webp_chunk k;
    int i;

    buf_add_str(out, str_sub(bytes, 0, 12));
    while (!c.cut && c.left > 0 && webp_next(&c, &k)) {
        if (webp_is(&k, "EXIF") || webp_is(&k, "XMP "))
            continue;
        buf_add_str(out, k.whole);
        if (webp_is(&k, "VP8X") && k.len > 0 && !out->failed)
            out->p[out->len - k.whole.len + 8] &=
                (char)~(VP8X_EXIF | VP8X_XMP);
    }
    if (c.cut)
        return broken(e, "WebP chunks do not fit the file");
    if (out->failed)
        return -1;
    size = out->len - from - 8;
    for (i = 0; i < 4; i++)
        out->p[from + 4 + (size_t)i] = (char)(size >> (8 * i) & 0xff);
    return 0;
}

/* ---- BMP ---- */

static int
bmp_probe(struct str bytes, struct image_info *out, struct err *e)
{
    struct cursor c = cursor_of(str_sub(bytes, 14, bytes.len));
    uint32_t header = take_le(&c, 4);
    size_t wide = header == 12 ? 2 : 4;

    if (header != 12 && (header < 40 || header > 1024))
        return broken(e, "BMP of an unknown kind");
    out->width = take_le(&c, wide);
    out->height = take_le(&c, wide);
    if (wide == 4 && out->height > INT32_MAX)
        out->height = 0 - out->height; /* rows from the top */
    return c.cut ? broken(e, "BMP header is cut") : 0;
}

/* ---- all kinds ---- */

static const struct kind {
    enum image_kind kind;
    const char *mime, *ext;
    struct str magic;
    struct str magic_at_8;
    int (*probe)(struct str bytes, struct image_info *out, struct err *e);
    int (*strip)(struct str bytes, struct buf *out, struct err *e);
} kinds[] = {
    {IMAGE_PNG, "image/png", "png", {PNG_SIGN, 8}, {NULL, 0}, png_probe,
     png_strip},
    {IMAGE_JPEG, "image/jpeg", "jpg", {"\xff\xd8\xff", 3}, {NULL, 0},
     jpeg_probe, jpeg_strip},
    {IMAGE_GIF, "image/gif", "gif", {"GIF87a", 6}, {NULL, 0}, gif_probe,
     NULL},
    {IMAGE_GIF, "image/gif", "gif", {"GIF89a", 6}, {NULL, 0}, gif_probe,
     NULL},
    {IMAGE_WEBP, "image/webp", "webp", {"RIFF", 4}, {"WEBP", 4}, webp_probe,
     webp_strip},
    {IMAGE_BMP, "image/bmp", "bmp", {"BM", 2}, {NULL, 0}, bmp_probe, NULL},
};

static const struct kind *
kind_of(struct str bytes)
{
    size_t i;

    for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (str_starts(bytes, kinds[i].magic) &&
            (kinds[i].magic_at_8.len == 0 ||
             str_starts(str_sub(bytes, 8, bytes.len), kinds[i].magic_at_8)))
            return &kinds[i];
    return NULL;
}

const char *
image_mime(enum image_kind kind)
{
    size_t i;

    for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].kind == kind)
            return kinds[i].mime;
    return "application/octet-stream";
}

const char *
image_ext(enum image_kind kind)
{
    size_t i;

    for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].kind == kind)
            return kinds[i].ext;
    return "bin";
}

int
image_probe(struct str bytes, struct image_info *out, struct err *e)
{
    const struct kind *k = kind_of(bytes);
    struct image_info info = {.kind = IMAGE_NONE};

    memset(out, 0, sizeof *out);
    if (k == NULL)
        return err_set(e, ERR_BAD_INPUT, "not a picture of a known kind");
    if (k->probe(bytes, &info, e) != 0)
        return -1;
    if (info.width == 0 || info.height == 0 || info.width > INT32_MAX ||
        info.height > INT32_MAX)
        return broken(e, "a size that cannot be");
    info.kind = k->kind;
    *out = info;
    return 0;
}

int
image_strip(struct str bytes, struct buf *out, struct err *e)
{
    const struct kind *k = kind_of(bytes);
    int rc = 0;

    if (k != NULL && k->strip != NULL)
        rc = k->strip(bytes, out, e);
    else
        buf_add_str(out, bytes);
    if (out->failed)
        rc = err_set(e, ERR_TOO_LARGE, "a picture of %zu bytes, limit %zu",
                     bytes.len, out->limit);
    if (rc != 0)
        buf_clear(out);
    return rc;
}

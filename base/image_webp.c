/*
 * image_webp.c - WebP: RIFF, length, WEBP, then chunks padded to even.
 */
#include "base/image_kinds.h"

#include <string.h>

#define VP8X_EXIF 0x08
#define VP8X_XMP 0x04
#define VP8X_ANIM 0x02

struct webp_chunk {
    struct str whole; /* with its padding */
    const unsigned char *type, *data;
    size_t len;
};

static bool
webp_next(struct image_cursor *c, struct webp_chunk *k)
{
    const unsigned char *from = c->p;

    k->type = image_take(c, 4);
    k->len = image_take_le(c, 4);
    k->data = image_take(c, k->len);
    image_take(c, k->len & 1);
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
static struct image_cursor
webp_body(struct str bytes)
{
    struct image_cursor c = image_cursor_of(bytes);
    size_t size;

    image_take(&c, 4);
    size = image_take_le(&c, 4);
    image_take(&c, 4);
    if (size < 4 || size - 4 > c.left)
        c.cut = true;
    else
        c.left = size - 4;
    return c;
}

static void
webp_lossy_size(struct image_cursor *c, struct image_info *out)
{
    const unsigned char *start;

    image_take(c, 3);
    start = image_take(c, 3);
    if (start != NULL && memcmp(start, "\x9d\x01\x2a", 3) != 0)
        c->cut = true;
    out->width = image_take_le(c, 2) & 0x3fff;
    out->height = image_take_le(c, 2) & 0x3fff;
}

static void
webp_lossless_size(struct image_cursor *c, struct image_info *out)
{
    uint32_t bits;

    if (image_take_be(c, 1) != 0x2f)
        c->cut = true;
    bits = image_take_le(c, 4);
    out->width = (bits & 0x3fff) + 1;
    out->height = (bits >> 14 & 0x3fff) + 1;
}

static void
webp_extended_size(struct image_cursor *c, struct image_info *out)
{
    out->animated = (image_take_le(c, 4) & VP8X_ANIM) != 0;
    out->width = image_take_le(c, 3) + 1;
    out->height = image_take_le(c, 3) + 1;
}

static void
shorten(struct image_cursor *c, size_t left)
{
    if (c->left > left)
        c->left = left;
}

/* The bytes may be a part of the file: only the first chunk's header must be
 * there. */
int
image_webp_probe(struct str bytes, struct image_info *out, struct err *e)
{
    struct image_cursor c = image_cursor_of(str_sub(bytes, 4, bytes.len));
    const unsigned char *type;

    shorten(&c, (size_t)image_take_le(&c, 4));
    image_take(&c, 4);
    type = image_take(&c, 4);
    shorten(&c, image_take_le(&c, 4));
    if (c.cut)
        return image_broken(e, "WebP without a chunk");
    if (memcmp(type, "VP8 ", 4) == 0)
        webp_lossy_size(&c, out);
    else if (memcmp(type, "VP8L", 4) == 0)
        webp_lossless_size(&c, out);
    else if (memcmp(type, "VP8X", 4) == 0)
        webp_extended_size(&c, out);
    else
        return image_broken(e, "WebP of an unknown kind");
    return c.cut ? image_broken(e, "WebP header is cut") : 0;
}

int
image_webp_strip(struct str bytes, struct buf *out, struct err *e)
{
    struct image_cursor c = webp_body(bytes);
    size_t from = out->len, size;
    struct webp_chunk k;
    int i;

    buf_add_str(out, str_sub(bytes, 0, 12));
    while (!c.cut && c.left > 0 && webp_next(&c, &k)) {
        if (webp_is(&k, "EXIF") || webp_is(&k, "XMP "))
            continue;
        buf_add_str(out, k.whole);
        if (webp_is(&k, "VP8X") && k.len > 0 && !out->failed)
            out->p[out->len - k.whole.len + 8] &= (char)~(VP8X_EXIF | VP8X_XMP);
    }
    if (c.cut)
        return image_broken(e, "WebP chunks do not fit the file");
    if (out->failed)
        return -1;
    size = out->len - from - 8;
    for (i = 0; i < 4; i++)
        out->p[from + 4 + (size_t)i] = (char)(size >> (8 * i) & 0xff);
    return 0;
}

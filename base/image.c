/*
 * image.c - which kind a picture is; GIF and BMP; the table of kinds.
 */
#include "base/image_kinds.h"

#include <stdint.h>
#include <string.h>

struct image_cursor
image_cursor_of(struct str s)
{
    return (struct image_cursor){(const unsigned char *)s.p, s.len, false};
}

const unsigned char *
image_take(struct image_cursor *c, size_t n)
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

uint32_t
image_take_be(struct image_cursor *c, size_t n)
{
    const unsigned char *p = image_take(c, n);
    uint32_t v = 0;
    size_t i;

    for (i = 0; p != NULL && i < n; i++)
        v = v << 8 | p[i];
    return v;
}

uint32_t
image_take_le(struct image_cursor *c, size_t n)
{
    const unsigned char *p = image_take(c, n);
    uint32_t v = 0;
    size_t i;

    for (i = n; p != NULL && i > 0; i--)
        v = v << 8 | p[i - 1];
    return v;
}

int
image_broken(struct err *e, const char *what)
{
    return err_set(e, ERR_BAD_INPUT, "a broken picture: %s", what);
}

/* ---- GIF ---- */

/* Sub-blocks end with an empty one. */
static void
gif_skip_blocks(struct image_cursor *c)
{
    uint32_t n;

    while ((n = image_take_be(c, 1)) > 0)
        image_take(c, n);
}

static void
gif_skip_colours(struct image_cursor *c, uint32_t flags)
{
    if (flags & 0x80)
        image_take(c, (size_t)3 << ((flags & 7) + 1));
}

static int
gif_probe(struct str bytes, struct image_info *out, struct err *e)
{
    struct image_cursor c = image_cursor_of(str_sub(bytes, 6, bytes.len));
    uint32_t flags, block;
    unsigned frames = 0;

    out->width = image_take_le(&c, 2);
    out->height = image_take_le(&c, 2);
    flags = image_take_be(&c, 1);
    image_take(&c, 2);
    if (c.cut)
        return image_broken(e, "GIF header is cut");
    gif_skip_colours(&c, flags);
    while (!c.cut && frames < 2) {
        block = image_take_be(&c, 1);
        if (block == 0x21) {
            image_take(&c, 1);
        } else if (block == 0x2c) {
            image_take(&c, 8);
            flags = image_take_be(&c, 1);
            gif_skip_colours(&c, flags);
            image_take(&c, 1);
            frames += !c.cut;
        } else {
            break;
        }
        gif_skip_blocks(&c);
    }
    out->animated = frames > 1;
    return 0;
}

/* ---- BMP ---- */

static int
bmp_probe(struct str bytes, struct image_info *out, struct err *e)
{
    struct image_cursor c = image_cursor_of(str_sub(bytes, 14, bytes.len));
    uint32_t header = image_take_le(&c, 4);
    size_t wide = header == 12 ? 2 : 4;

    if (header != 12 && (header < 40 || header > 1024))
        return image_broken(e, "BMP of an unknown kind");
    out->width = image_take_le(&c, wide);
    out->height = image_take_le(&c, wide);
    if (wide == 4 && out->height > INT32_MAX)
        out->height = 0 - out->height; /* rows from the top */
    return c.cut ? image_broken(e, "BMP header is cut") : 0;
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
    {IMAGE_PNG,
     "image/png",
     "png",
     {"\x89PNG\r\n\x1a\n", 8},
     {NULL, 0},
     image_png_probe,
     image_png_strip},
    {IMAGE_JPEG,
     "image/jpeg",
     "jpg",
     {"\xff\xd8\xff", 3},
     {NULL, 0},
     image_jpeg_probe,
     image_jpeg_strip},
    {IMAGE_GIF, "image/gif", "gif", {"GIF87a", 6}, {NULL, 0}, gif_probe, NULL},
    {IMAGE_GIF, "image/gif", "gif", {"GIF89a", 6}, {NULL, 0}, gif_probe, NULL},
    {IMAGE_WEBP,
     "image/webp",
     "webp",
     {"RIFF", 4},
     {"WEBP", 4},
     image_webp_probe,
     image_webp_strip},
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
        return image_broken(e, "a size that cannot be");
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

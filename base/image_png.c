/*
 * image_png.c - PNG: length, type, data, CRC.
 */
#include "base/image_kinds.h"

#include <string.h>

struct png_chunk {
    struct str whole; /* with length and CRC */
    const unsigned char *type, *data;
    size_t len;
};

static bool
png_next(struct image_cursor *c, struct png_chunk *k)
{
    const unsigned char *from = c->p;

    k->len = image_take_be(c, 4);
    k->type = image_take(c, 4);
    if (k->len > INT32_MAX)
        return false;
    k->data = image_take(c, k->len);
    image_take(c, 4);
    k->whole = str_n((const char *)from, k->len + 12);
    return !c->cut;
}

static bool
png_is(const struct png_chunk *k, const char *type)
{
    return memcmp(k->type, type, 4) == 0;
}

int
image_png_probe(struct str bytes, struct image_info *out, struct err *e)
{
    struct image_cursor c = image_cursor_of(str_sub(bytes, 8, bytes.len));
    struct png_chunk k;
    struct image_cursor head;

    if (!png_next(&c, &k) || !png_is(&k, "IHDR") || k.len != 13)
        return image_broken(e, "PNG without IHDR");
    head = (struct image_cursor){k.data, k.len, false};
    out->width = image_take_be(&head, 4);
    out->height = image_take_be(&head, 4);
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

int
image_png_strip(struct str bytes, struct buf *out, struct err *e)
{
    struct image_cursor c = image_cursor_of(str_sub(bytes, 8, bytes.len));
    struct png_chunk k;

    buf_add_str(out, str_sub(bytes, 0, 8));
    while (png_next(&c, &k)) {
        if (!png_is_metadata(&k))
            buf_add_str(out, k.whole);
        if (png_is(&k, "IEND"))
            return 0; /* what follows is no part of the picture */
    }
    return image_broken(e, "PNG chunks do not fit the file");
}

/*
 * image_jpeg.c - JPEG: FF marker, length, data; entropy-coded bytes after SOS.
 */
#include "base/image_kinds.h"

#include <string.h>

enum jpeg_marker {
    JPEG_SOF0 = 0xc0,
    JPEG_DHT = 0xc4,
    JPEG_JPG = 0xc8,
    JPEG_DAC = 0xcc,
    JPEG_SOF15 = 0xcf,
    JPEG_RST0 = 0xd0,
    JPEG_RST7 = 0xd7,
    JPEG_SOI = 0xd8,
    JPEG_EOI = 0xd9,
    JPEG_SOS = 0xda,
    JPEG_APP1 = 0xe1,
    JPEG_APP13 = 0xed,
    JPEG_COM = 0xfe,
    JPEG_TEM = 0x01
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
jpeg_next(struct image_cursor *c, struct jpeg_segment *g)
{
    const unsigned char *from = c->p;
    size_t len;

    if (image_take_be(c, 1) != 0xff)
        return false;
    do {
        g->marker = image_take_be(c, 1);
    } while (g->marker == 0xff); /* fill bytes */
    g->data = NULL;
    g->len = 0;
    if (c->cut || g->marker == 0)
        return false;
    if (jpeg_has_length(g->marker)) {
        len = image_take_be(c, 2);
        if (len < 2)
            return false;
        g->len = len - 2;
        g->data = image_take(c, g->len);
    }
    if (c->cut)
        return false;
    g->whole = str_n((const char *)from, (size_t)(c->p - from));
    return true;
}

/* Entropy-coded bytes: to the next marker that is no restart and no FF00. */
static struct str
jpeg_scan_bytes(struct image_cursor *c)
{
    const unsigned char *from = c->p;

    while (c->left > 0) {
        const unsigned char *ff = memchr(c->p, 0xff, c->left);
        size_t skip = ff != NULL ? (size_t)(ff - c->p) : c->left;

        image_take(c, skip);
        if (c->left < 2)
            break;
        if (c->p[1] != 0 && (c->p[1] < JPEG_RST0 || c->p[1] > JPEG_RST7))
            break;
        image_take(c, 2);
    }
    return str_n((const char *)from, (size_t)(c->p - from));
}

static bool
jpeg_is_frame(unsigned m)
{
    return m >= JPEG_SOF0 && m <= JPEG_SOF15 && m != JPEG_DHT &&
           m != JPEG_JPG && m != JPEG_DAC;
}

int
image_jpeg_probe(struct str bytes, struct image_info *out, struct err *e)
{
    struct image_cursor c = image_cursor_of(bytes);
    struct jpeg_segment g;

    while (jpeg_next(&c, &g) && g.marker != JPEG_SOS && g.marker != JPEG_EOI) {
        struct image_cursor frame = {g.data, g.len, false};

        if (!jpeg_is_frame(g.marker))
            continue;
        image_take(&frame, 1);
        out->height = image_take_be(&frame, 2);
        out->width = image_take_be(&frame, 2);
        return frame.cut ? image_broken(e, "JPEG frame header is cut") : 0;
    }
    return image_broken(e, "JPEG without a frame header");
}

int
image_jpeg_strip(struct str bytes, struct buf *out, struct err *e)
{
    struct image_cursor c = image_cursor_of(bytes);
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
    return image_broken(e, "JPEG segments do not fit the file");
}

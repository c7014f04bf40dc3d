/* test_image.c - base/image.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/image.h"
#include "base/mem.h"

#define BYTES(lit)                                                             \
    {                                                                          \
        (lit), sizeof(lit) - 1                                                 \
    }

#define PNG_HEAD "\x89PNG\r\n\x1a\n"
#define PNG_IHDR "\0\0\0\x0dIHDR\0\0\2\x80\0\0\1\xe0\10\2\0\0\0crc."
#define PNG_IDAT "\0\0\0\4IDATdatacrc."
#define PNG_IEND "\0\0\0\0IEND\xae\x42\x60\x82"
#define PNG_ACTL "\0\0\0\10acTL\0\0\0\2\0\0\0\0crc."

#define JPG_APP0 "\xff\xe0\0\4JF"
#define JPG_APP1 "\xff\xe1\0\10Exif\0\0"
#define JPG_SOF2 "\xff\xc2\0\13\10\1\xe0\2\x80\1\1\x11\0"
#define JPG_SCAN                                                               \
    "\xff\xda\0\2ab\xff\0cd\xff\xd3"                                           \
    "ef"

#define GIF_HEAD "GIF89a\x40\1\xf0\0\x80\0\0rgbRGB"
#define GIF_CTRL "\x21\xf9\4\0\0\0\0\0"
#define GIF_FRAME "\x2c\0\0\0\0\1\0\1\0\0\2\2xy\0"

#define WEBP_LOSSY "RIFF\x16\0\0\0WEBPVP8 \12\0\0\0fff\x9d\1\x2a\x40\x41\xf0\0"
#define WEBP_LOSSLESS "RIFF\x12\0\0\0WEBPVP8L\5\0\0\0\x2f\x3f\xc1\x3b\0\0"
#define WEBP_X(flags) "VP8X\12\0\0\0" flags "\0\0\0\x3f\1\0\xef\0\0"

struct probed {
    struct str bytes;
    enum image_kind kind;
    uint32_t width, height;
    bool animated;
};

static const struct probed pictures[] = {
    {BYTES(PNG_HEAD PNG_IHDR PNG_IDAT PNG_IEND), IMAGE_PNG, 640, 480, false},
    {BYTES(PNG_HEAD PNG_IHDR), IMAGE_PNG, 640, 480, false},
    {BYTES(PNG_HEAD PNG_IHDR PNG_ACTL PNG_IDAT), IMAGE_PNG, 640, 480, true},
    {BYTES(PNG_HEAD PNG_IHDR PNG_IDAT PNG_ACTL), IMAGE_PNG, 640, 480, false},
    {BYTES("\xff\xd8" JPG_APP0 JPG_SOF2), IMAGE_JPEG, 640, 480, false},
    {BYTES("\xff\xd8" JPG_APP1 "\xff\xff\xff\xdb\0\3q" JPG_SOF2), IMAGE_JPEG,
     640, 480, false},
    {BYTES(GIF_HEAD GIF_CTRL GIF_FRAME ";"), IMAGE_GIF, 320, 240, false},
    {BYTES("GIF87a\x40\1\xf0\0\0\0\0" GIF_FRAME ";"), IMAGE_GIF, 320, 240,
     false},
    {BYTES(GIF_HEAD GIF_CTRL GIF_FRAME GIF_CTRL GIF_FRAME ";"), IMAGE_GIF, 320,
     240, true},
    {BYTES(GIF_HEAD), IMAGE_GIF, 320, 240, false},
    {BYTES(WEBP_LOSSY), IMAGE_WEBP, 320, 240, false},
    {BYTES(WEBP_LOSSLESS), IMAGE_WEBP, 320, 240, false},
    {BYTES("RIFF\x16\0\0\0WEBP" WEBP_X("\x10")), IMAGE_WEBP, 320, 240, false},
    {BYTES("RIFF\x16\0\0\0WEBP" WEBP_X("\2")), IMAGE_WEBP, 320, 240, true},
    {BYTES("BM____\0\0\0\0\0\0\0\0\x28\0\0\0\x40\1\0\0\xf0\0\0\0"), IMAGE_BMP,
     320, 240, false},
    {BYTES("BM____\0\0\0\0\0\0\0\0\x7c\0\0\0\x40\1\0\0\x10\xff\xff\xff"),
     IMAGE_BMP, 320, 240, false},
    {BYTES("BM____\0\0\0\0\0\0\0\0\x0c\0\0\0\x40\1\xf0\0"), IMAGE_BMP, 320, 240,
     false},
};

static const struct str no_pictures[] = {
    BYTES(""),
    BYTES("x"),
    BYTES("hello, world"),
    BYTES("%PDF-1.7"),
    BYTES("\x89PNG\r\n\x1a"),
    BYTES(PNG_HEAD),
    BYTES(PNG_HEAD PNG_IDAT),
    BYTES(PNG_HEAD "\0\0\0\x0dIHDR\0\0\2"),
    BYTES(PNG_HEAD "\0\0\0\x0cIHDR\0\0\2\x80\0\0\1\xe0\10\2\0\0crc."),
    BYTES(PNG_HEAD "\xff\xff\xff\xffIHDR\0\0\2\x80\0\0\1\xe0\10\2\0\0\0crc."),
    BYTES(PNG_HEAD "\0\0\0\x0dIHDR\0\0\0\0\0\0\1\xe0\10\2\0\0\0crc."),
    BYTES(PNG_HEAD "\0\0\0\x0dIHDR\0\0\1\0\x80\0\1\xe0\10\2\0\0\0crc."),
    BYTES("\xff\xd8\xff"),
    BYTES("\xff\xd8" JPG_APP0),
    BYTES("\xff\xd8" JPG_APP0 JPG_SCAN),
    BYTES("\xff\xd8\xff\xe0\0\1"),
    BYTES("\xff\xd8\xff\xc0\0\4\10\1"),
    BYTES("\xff\xd8\xff\xc0\xff\xff\10"),
    BYTES("\xff\xd8\xff\xc0\0\13\10\0\0\2\x80\1\1\x11\0"),
    BYTES("GIF89a"),
    BYTES("GIF89a\x40\1\xf0\0"),
    BYTES("GIF89a\0\0\xf0\0\0\0\0"),
    BYTES("RIFF\x16\0\0\0WEBP"),
    BYTES("RIFF\x16\0\0\0WAVEfmt "),
    BYTES("RIFF\x16\0\0\0WEBPVP8 \12\0\0\0fffnot\x40\1\xf0\0"),
    BYTES("RIFF\x16\0\0\0WEBPVP8L\5\0\0\0\x2e\x3f\xc1\x3b\0\0"),
    BYTES("RIFF\x16\0\0\0WEBPVP8L\5\0\0\0\x2f\x3f\xc1"),
    BYTES("RIFF\x16\0\0\0WEBPANIM\0\0\0\0"),
    BYTES("BM"),
    BYTES("BM____\0\0\0\0\0\0\0\0\x28\0\0\0\x40\1\0\0"),
    BYTES("BM____\0\0\0\0\0\0\0\0\xff\xff\xff\xff\x40\1\0\0\xf0\0\0\0"),
};

/* In memory that ends where the bytes end, so that ASan sees any step over. */
static int
probe_tight(struct str s, struct image_info *out, struct err *e)
{
    char *p = mem_alloc(s.len + 1);
    int rc;

    memcpy(p + 1, s.p, s.len);
    rc = image_probe(str_n(p + 1, s.len), out, e);
    mem_free(p);
    return rc;
}

static void
each_kind_tells_its_size(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof pictures / sizeof pictures[0]; i++) {
        const struct probed *p = &pictures[i];
        struct image_info info;
        struct err e;

        if (probe_tight(p->bytes, &info, &e) != 0)
            fail_msg("picture %zu: %s", i, e.msg);
        assert_int_equal(info.kind, p->kind);
        assert_int_equal(info.width, p->width);
        assert_int_equal(info.height, p->height);
        assert_int_equal(info.animated, p->animated);
    }
}

static void
what_is_no_picture_is_refused(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof no_pictures / sizeof no_pictures[0]; i++) {
        struct image_info info;
        struct err e;

        err_clear(&e);
        if (probe_tight(no_pictures[i], &info, &e) == 0)
            fail_msg("took no picture %zu", i);
        assert_int_equal(info.kind, IMAGE_NONE);
        assert_int_equal(e.code, ERR_BAD_INPUT);
    }
}

static void
every_prefix_and_every_changed_byte_is_survived(void **state)
{
    size_t i, n;

    (void)state;
    for (i = 0; i < sizeof pictures / sizeof pictures[0]; i++) {
        struct str s = pictures[i].bytes;
        struct image_info info;

        for (n = 0; n < s.len; n++) {
            char *copy = mem_alloc(s.len);

            probe_tight(str_sub(s, 0, n), &info, NULL);
            memcpy(copy, s.p, s.len);
            copy[n] = (char)(copy[n] ^ 0xff);
            probe_tight(str_n(copy, s.len), &info, NULL);
            mem_free(copy);
        }
    }
}

struct stripped {
    struct str in, out;
};

static const struct stripped strips[] = {
    {BYTES(PNG_HEAD PNG_IHDR
           "\0\0\0\3tEXta\0bcrc.\0\0\0\1zTXtzcrc." PNG_ACTL
           "\0\0\0\2iTXtabcrc.\0\0\0\0eXIfcrc." PNG_IDAT PNG_IDAT
           "\0\0\0\0tIMEcrc." PNG_IEND "appended"),
     BYTES(PNG_HEAD PNG_IHDR PNG_ACTL PNG_IDAT PNG_IDAT PNG_IEND)},
    {BYTES("\xff\xd8" JPG_APP0 JPG_APP1 "\xff\xed\0\5IPT" JPG_SOF2
           "\xff\xfe\0\7hello" JPG_SCAN "\xff\xc4\0\3h" JPG_SCAN
           "\xff\xfe\0\2\xff\xd9trailer"),
     BYTES("\xff\xd8" JPG_APP0 JPG_SOF2 JPG_SCAN "\xff\xc4\0\3h" JPG_SCAN
           "\xff\xd9")},
    {BYTES("RIFF\x38\0\0\0WEBP" WEBP_X("\x1e") "EXIF\3\0\0\0abc\0"
                                               "VP8L\4\0\0\0pixlXMP \2\0\0\0xy"
                                               "more"),
     BYTES("RIFF\x22\0\0\0WEBP" WEBP_X("\x12") "VP8L\4\0\0\0pixl")},
    {BYTES(GIF_HEAD GIF_FRAME ";"), BYTES(GIF_HEAD GIF_FRAME ";")},
    {BYTES("no picture at all"), BYTES("no picture at all")},
    {BYTES(""), BYTES("")},
};

static void
metadata_goes_and_pixels_stay(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof strips / sizeof strips[0]; i++) {
        struct buf once, twice;
        struct err e;

        buf_init(&once, 1000);
        buf_init(&twice, 1000);
        if (image_strip(strips[i].in, &once, &e) != 0)
            fail_msg("%zu: %s", i, e.msg);
        assert_int_equal(once.len, strips[i].out.len);
        if (once.len > 0)
            assert_memory_equal(once.p, strips[i].out.p, once.len);
        assert_int_equal(image_strip(buf_str(&once), &twice, &e), 0);
        assert_true(str_eq(buf_str(&once), buf_str(&twice)));
        buf_free(&once);
        buf_free(&twice);
    }
}

static void
broken_chunks_give_nothing(void **state)
{
    static const struct str t[] = {
        BYTES(PNG_HEAD),
        BYTES(PNG_HEAD PNG_IHDR PNG_IDAT),
        BYTES(PNG_HEAD PNG_IHDR "\x7f\xff\xff\xffIDATx"),
        BYTES(PNG_HEAD PNG_IHDR "\xff\xff\xff\xf4IDATx"),
        BYTES("\xff\xd8" JPG_APP0 JPG_SOF2 JPG_SCAN),
        BYTES("\xff\xd8" JPG_APP0 "junk\xff\xd9"),
        BYTES("\xff\xd8\xff\xe1\0\1\xff\xd9"),
        BYTES("\xff\xd8\xff\xe1\xff\xff\xff\xd9"),
        BYTES("\xff\xd8\xff\0\xff\xd9"),
        BYTES("RIFF\xff\xff\xff\xffWEBP" WEBP_X("\0")),
        BYTES("RIFF\3\0\0\0WEBP"),
        BYTES("RIFF\xf\0\0\0WEBPEXIF\3\0\0\0abc"),
        BYTES("RIFF\x16\0\0\0WEBPVP8X\xb\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct buf b;
        struct err e;

        buf_init(&b, 1000);
        if (image_strip(t[i], &b, &e) == 0)
            fail_msg("took %zu", i);
        assert_int_equal(e.code, ERR_BAD_INPUT);
        assert_int_equal(b.len, 0);
        buf_free(&b);
    }
}

static void
over_the_buffers_limit_is_too_large(void **state)
{
    size_t i, limit;

    (void)state;
    for (i = 0; i < 4; i++) {
        for (limit = 0; limit < strips[i].out.len; limit++) {
            struct buf b;
            struct err e;

            buf_init(&b, limit);
            assert_int_equal(image_strip(strips[i].in, &b, &e), -1);
            assert_int_equal(e.code, ERR_TOO_LARGE);
            assert_int_equal(b.len, 0);
            buf_free(&b);
        }
    }
}

static void
kinds_have_names(void **state)
{
    (void)state;
    assert_string_equal(image_mime(IMAGE_JPEG), "image/jpeg");
    assert_string_equal(image_ext(IMAGE_JPEG), "jpg");
    assert_string_equal(image_mime(IMAGE_WEBP), "image/webp");
    assert_string_equal(image_ext(IMAGE_NONE), "bin");
    assert_string_equal(image_mime(IMAGE_NONE), "application/octet-stream");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_tells_its_size),
        cmocka_unit_test(what_is_no_picture_is_refused),
        cmocka_unit_test(every_prefix_and_every_changed_byte_is_survived),
        cmocka_unit_test(metadata_goes_and_pixels_stay),
        cmocka_unit_test(broken_chunks_give_nothing),
        cmocka_unit_test(over_the_buffers_limit_is_too_large),
        cmocka_unit_test(kinds_have_names),
    };

    return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}

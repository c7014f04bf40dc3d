/* test_telegram_send.c - telegram/send.c: the two decisions that need no
 * server */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/limits.h"
#include "base/mem.h"
#include "telegram/send.h"

/* ---- photo or document ---- */

/* The head of a PNG: colour type 2 or 6, optionally tRNS, then IDAT. */
static size_t
png_head(unsigned char out[128], int colour, bool trns)
{
    static const unsigned char head[] = {
        0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I',
        'H',  'D', 'R', 0,   0,  1,  0,  0,  0, 1, 0, 8};
    size_t n = sizeof(head);

    memset(out, 0, 128);
    memcpy(out, head, n);
    out[n] = (unsigned char)colour;
    n += 1 + 3 + 4;
    if (trns) {
        out[n + 3] = 6;
        memcpy(out + n + 4, "tRNS", 4);
        n += 12 + 6;
    }
    memcpy(out + n + 4, "IDAT", 4);
    return n + 12;
}

static bool
photo(enum image_kind kind, uint32_t w, uint32_t h, size_t bytes)
{
    char *p = mem_calloc(1, bytes);
    struct image_info info = {.kind = kind, .width = w, .height = h};
    bool is = tg_is_photo(str_n(p, bytes), &info);

    mem_free(p);
    return is;
}

static void
sides_and_size_decide_what_may_be_a_photo(void **state)
{
    (void)state;
    assert_true(photo(IMAGE_JPEG, 1280, 800, 1000));
    assert_true(photo(IMAGE_JPEG, 5000, 5000, 1000));
    assert_false(photo(IMAGE_JPEG, 5001, 5000, 1000));
    assert_true(photo(IMAGE_JPEG, 2000, 100, 1000));
    assert_false(photo(IMAGE_JPEG, 2001, 100, 1000));
    assert_false(photo(IMAGE_JPEG, 100, 2001, 1000));
    assert_false(photo(IMAGE_JPEG, 0, 0, 1000));
    assert_true(photo(IMAGE_JPEG, 100, 100, LIM_PHOTO_BYTES));
    assert_false(photo(IMAGE_JPEG, 100, 100, LIM_PHOTO_BYTES + 1));
    assert_true(photo(IMAGE_PNG, 100, 100, 1000));
}

static void
kinds_that_a_photo_would_spoil_go_as_documents(void **state)
{
    unsigned char png[128];
    struct image_info info = {.kind = IMAGE_PNG, .width = 256, .height = 256};

    (void)state;
    assert_false(photo(IMAGE_GIF, 100, 100, 1000));
    assert_false(photo(IMAGE_WEBP, 100, 100, 1000));
    assert_false(photo(IMAGE_BMP, 100, 100, 1000));
    assert_false(photo(IMAGE_NONE, 100, 100, 1000));
    assert_true(
        tg_is_photo(str_n((char *)png, png_head(png, 2, false)), &info));
    assert_false(
        tg_is_photo(str_n((char *)png, png_head(png, 6, false)), &info));
    assert_false(
        tg_is_photo(str_n((char *)png, png_head(png, 4, false)), &info));
    assert_false(
        tg_is_photo(str_n((char *)png, png_head(png, 3, true)), &info));
    info.animated = true;
    assert_false(
        tg_is_photo(str_n((char *)png, png_head(png, 2, false)), &info));
}

static void
broken_chunks_are_read_within_the_bytes(void **state)
{
    unsigned char png[128];
    struct image_info info = {.kind = IMAGE_PNG, .width = 9, .height = 9};

    (void)state;
    for (size_t n = 0; n <= sizeof(png); n++) {
        char *p = mem_alloc(n);

        png_head(png, 2, true);
        png[8 + 3] = (unsigned char)n; /* a length that leads anywhere */
        memcpy(p, png, n);
        (void)tg_is_photo(str_n(p, n), &info);
        mem_free(p);
    }
}

/* ---- reports ---- */

static void
each_outcome_has_its_report(void **state)
{
    static const struct {
        enum tg_outcome outcome;
        const char *kind;
        int64_t attempt;
        enum delivery_state want;
        int64_t least_ms, most_ms;
    } t[] = {
        {TG_OK, "message", 1, DELIVERY_SENT, 0, 0},
        {TG_NOT_MODIFIED, "status", 1, DELIVERY_SENT, 0, 0},
        {TG_RATE_LIMITED, "message", 1, DELIVERY_QUEUED, 7000, 7250},
        {TG_RETRY, "message", 1, DELIVERY_QUEUED, 1000, 1250},
        {TG_RETRY, "message", 3, DELIVERY_QUEUED, 4000, 4250},
        {TG_RETRY, "message", 1000000, DELIVERY_QUEUED, 60000, 60250},
        {TG_CONFLICT, "message", 1, DELIVERY_QUEUED, 1000, 1250},
        {TG_UNAUTHORIZED, "result", 1, DELIVERY_QUEUED, 30000, 30000},
        {TG_BLOCKED, "result", 1, DELIVERY_WAITING_USER, 0, 0},
        {TG_UNKNOWN, "message", 1, DELIVERY_UNKNOWN, 0, 0},
        {TG_UNKNOWN, "result", 1, DELIVERY_UNKNOWN, 0, 0},
        {TG_UNKNOWN, "edit", 1, DELIVERY_QUEUED, 1000, 1250},
        {TG_UNKNOWN, "status", 2, DELIVERY_QUEUED, 2000, 2250},
        {TG_BAD_FILE, "album", 4, DELIVERY_QUEUED, 30000, 30000},
        {TG_BAD_FILE, "album", 5, DELIVERY_FAILED, 0, 0},
        {TG_GONE, "edit", 1, DELIVERY_FAILED, 0, 0},
        {TG_BAD_PHOTO, "result", 1, DELIVERY_FAILED, 0, 0},
        {TG_PARSE, "message", 1, DELIVERY_FAILED, 0, 0},
        {TG_TOO_LARGE, "result", 1, DELIVERY_FAILED, 0, 0},
        {TG_TOO_OLD, "message", 1, DELIVERY_FAILED, 0, 0},
        {TG_REFUSED, "message", 1, DELIVERY_FAILED, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        struct tg_delivery d = {
            .id = "d", .kind = t[i].kind, .attempt = t[i].attempt};
        struct tg_sent sent = {.outcome = t[i].outcome,
                               .message_id = 5,
                               .file_id = "F",
                               .error = "why",
                               .retry_after_ms = 7000};
        struct tg_report r;

        tg_sent_report(&d, &sent, &r);
        if (r.state != t[i].want)
            fail_msg("%s %s: %s", tg_outcome_name(t[i].outcome), t[i].kind,
                     delivery_state_name(r.state));
        assert_true(r.attempt == t[i].attempt);
        assert_in_range(r.retry_after_ms, t[i].least_ms, t[i].most_ms);
        assert_int_equal(r.rate_limited, t[i].outcome == TG_RATE_LIMITED);
        assert_int_equal(r.message_id, r.state == DELIVERY_SENT ? 5 : 0);
        assert_true(delivery_report_allowed(r.state));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sides_and_size_decide_what_may_be_a_photo),
        cmocka_unit_test(kinds_that_a_photo_would_spoil_go_as_documents),
        cmocka_unit_test(broken_chunks_are_read_within_the_bytes),
        cmocka_unit_test(each_outcome_has_its_report),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

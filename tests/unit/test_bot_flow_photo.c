/* test_bot_flow_photo.c - bot/flow_photo.c: pictures, albums, refusals */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/bot_talk.h"

static struct talk t;

static int
start(void **state)
{
    (void)state;
    talk_start(&t);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    talk_end(&t);
    return 0;
}

#define DOC(mime, name, more)                                                  \
    "\"document\":{\"file_id\":\"d1\",\"file_unique_id\":\"u\","               \
    "\"mime_type\":\"" mime "\",\"file_name\":\"" name "\"" more "}"

static void
what_is_no_picture_is_refused_politely(void **state)
{
    static const struct {
        const char *message, *want;
    } rows[] = {
        {"\"video\":{}", "message refuse_video"},
        {"\"video_note\":{}", "message refuse_video"},
        {"\"animation\":{},\"document\":{}", "message refuse_animation"},
        {"\"sticker\":{}", "message refuse_sticker"},
        {"\"voice\":{}", "message refuse_voice"},
        {"\"audio\":{}", "message refuse_voice"},
        {"\"contact\":{}", "message refuse_unsupported"},
        {"\"live_photo\":{}", "message refuse_unsupported"},
        {DOC("application/pdf", "a.pdf", ""), "message refuse_not_image"},
        {DOC("application/pdf", "a.jpg", ""), "message refuse_not_image"},
        {DOC("image/heic", "a.heic", ""), "message refuse_not_image"},
        {DOC("image/svg+xml", "a.svg", ""), "message refuse_not_image"},
        {DOC("", "noname", ""), "message refuse_not_image"},
        {DOC("image/png", "big.png", ",\"file_size\":20971521"),
         "message refuse_too_big"},
        {"\"photo\":[{\"file_id\":\"p\",\"file_unique_id\":\"u\","
         "\"width\":63,\"height\":900}]",
         "message refuse_too_small"},
        {"\"photo\":[{\"file_id\":\"p\",\"file_unique_id\":\"u\","
         "\"width\":10000,\"height\":4001}]",
         "message refuse_too_many_pixels"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        talk_message(&t, "%s", rows[i].message);
        assert_string_equal(t.said, rows[i].want);
        assert_int_equal(t.d.step, DIALOG_IDLE);
    }
}

static void
a_picture_sent_as_a_file_is_taken(void **state)
{
    static const char *const rows[] = {
        DOC("image/jpeg", "a.jpg", ",\"file_size\":20971520"),
        DOC("IMAGE/PNG", "a", ""),
        DOC("image/webp", "a.webp", ""),
        DOC("application/octet-stream", "IMG.JPEG", ""),
        DOC("", "scan.png", ""),
        "\"live_photo\":{},\"photo\":[{\"file_id\":\"d1\","
        "\"file_unique_id\":\"u\",\"width\":900,\"height\":900}]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        t.state = "";
        talk_message(&t, "%s", rows[i]);
        assert_string_equal(t.said, "message got_photo");
        assert_string_equal(t.d.photos.list[0].file_id, "d1");
    }
}

static void
an_album_is_collected_until_its_timer_rings(void **state)
{
    (void)state;
    talk_album(&t, "A", "f1", "a caption");
    assert_string_equal(t.said, "");
    assert_int_equal(flow_wake_ms(&t.f), DIALOG_ALBUM_MS);
    talk_album(&t, "A", "f2", "");
    talk_album(&t, "A", "f3", "");
    assert_string_equal(t.said, "");
    talk_wake(&t);
    assert_string_equal(t.said, "message got_photos");
    assert_int_equal(t.d.photos.n, 3);
    assert_string_equal(t.d.prompt, "a caption");
    assert_int_equal(flow_wake_ms(&t.f), -1);
    talk_wake(&t); /* a timer that rings twice changes nothing */
    assert_string_equal(t.said, "");
}

static void
an_album_for_a_one_photo_preset_is_one_offer_with_a_total(void **state)
{
    (void)state;
    talk_album(&t, "A", "f1", "");
    talk_album(&t, "A", "f2", "");
    talk_album(&t, "A", "f3", "");
    talk_wake(&t);
    talk_press(&t, "v1:preset:sepia");
    assert_string_equal(t.said, "edit card_album");
    assert_int_equal(t.f.n_offers, 1);
    assert_int_equal(
        cJSON_GetArraySize(json_parse_in(t.a, t.f.offers[0].items, 0, NULL)),
        3);
    assert_non_null(strstr(talk_shown(&t, 0, "en"), "3 × 5 = 15 credits"));
}

static void
an_album_of_two_fills_two_photo_inputs(void **state)
{
    (void)state;
    talk_album(&t, "A", "person", "");
    talk_album(&t, "A", "garment", "");
    talk_wake(&t);
    talk_press(&t, "v1:preset:pair");
    assert_string_equal(t.said, "edit ask_choice");
    talk_press(&t, talk_button(&t, "btn_choice"));
    assert_string_equal(t.said, "edit card");
    assert_non_null(strstr(t.f.offers[0].items.p,
                           "\"first\":{\"telegram_file_id\":\"person\""));
    assert_non_null(strstr(t.f.offers[0].items.p,
                           "\"second\":{\"telegram_file_id\":\"garment\""));
    assert_non_null(strstr(t.f.offers[0].items.p, "\"mode\":\"right\""));
}

static void
an_album_answers_the_form_of_a_preset_chosen_first(void **state)
{
    (void)state;
    talk_press(&t, "v1:preset:pair");
    assert_string_equal(t.said, "edit ask_photo");
    talk_album(&t, "A", "f1", "");
    talk_album(&t, "A", "f2", "");
    talk_album(&t, "A", "f3", "");
    talk_wake(&t);
    assert_string_equal(t.said, "message photos_extra, message ask_choice");
    assert_int_equal(t.d.photos.n, 2);
}

static void
a_late_item_joins_the_album_on_the_screen(void **state)
{
    (void)state;
    talk_album(&t, "A", "f1", "cap");
    talk_album(&t, "A", "f2", "");
    talk_wake(&t);
    talk_album(&t, "A", "f3", "");
    assert_string_equal(t.said, "");
    talk_wake(&t);
    assert_string_equal(t.said, "message got_photos");
    assert_int_equal(t.d.photos.n, 3);
    assert_string_equal(t.d.prompt, "cap");
}

static void
anything_else_ends_an_open_album_first(void **state)
{
    (void)state;
    talk_album(&t, "A", "f1", "");
    talk_album(&t, "A", "f2", "");
    talk_text(&t, "/help");
    assert_string_equal(t.said, "message got_photos, message help");
    talk_album(&t, "B", "f3", "");
    talk_album(&t, "C", "f4", "");
    assert_string_equal(t.said, "message got_photo");
    talk_wake(&t);
    assert_string_equal(t.said, "message got_photo");
    assert_string_equal(t.d.photos.list[0].file_id, "f4");
}

static void
other_things_in_an_album_are_told_once(void **state)
{
    (void)state;
    talk_album(&t, "A", "f1", "");
    talk_message(&t, "\"media_group_id\":\"A\",\"video\":{}");
    talk_message(&t, "\"media_group_id\":\"A\",\"video\":{}");
    assert_string_equal(t.said, "");
    talk_wake(&t);
    assert_string_equal(t.said,
                        "message refuse_album_mixed, message got_photo");
    talk_message(&t, "\"media_group_id\":\"V\",\"video\":{}");
    talk_message(&t, "\"media_group_id\":\"V\",\"video\":{}");
    talk_wake(&t);
    assert_string_equal(t.said, "message refuse_video");
}

static void
more_than_ten_photos_are_cut_with_a_word(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++)
        talk_album(&t, "A", "f", "");
    talk_wake(&t);
    assert_string_equal(t.said, "message got_photos_cut, message got_photos");
    assert_int_equal(t.d.photos.n, DIALOG_PHOTOS_MAX);
}

static void
a_new_photo_begins_anew_unless_the_form_has_one(void **state)
{
    (void)state;
    talk_photo(&t, "f1", "");
    talk_photo(&t, "f2", "");
    assert_string_equal(t.said, "message got_photo");
    assert_int_equal(t.d.photos.n, 1);
    assert_string_equal(t.d.photos.list[0].file_id, "f2");
    talk_press(&t, "v1:preset:restyle");
    assert_string_equal(t.said, "edit ask_text");
    talk_photo(&t, "f3", "in oil"); /* replaces the photo, answers the text */
    assert_string_equal(t.said, "message ask_number");
    assert_string_equal(t.d.photos.list[0].file_id, "f3");
    talk_press(&t, talk_button(&t, "btn_skip"));
    talk_press(&t, talk_button(&t, "btn_default"));
    assert_string_equal(t.said, "edit card");
    talk_photo(&t, "f4", ""); /* the card stays where it is */
    assert_string_equal(t.said, "message got_photo");
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, end)
    const struct CMUnitTest tests[] = {
        T(what_is_no_picture_is_refused_politely),
        T(a_picture_sent_as_a_file_is_taken),
        T(an_album_is_collected_until_its_timer_rings),
        T(an_album_for_a_one_photo_preset_is_one_offer_with_a_total),
        T(an_album_of_two_fills_two_photo_inputs),
        T(an_album_answers_the_form_of_a_preset_chosen_first),
        T(a_late_item_joins_the_album_on_the_screen),
        T(anything_else_ends_an_open_album_first),
        T(other_things_in_an_album_are_told_once),
        T(more_than_ten_photos_are_cut_with_a_word),
        T(a_new_photo_begins_anew_unless_the_form_has_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

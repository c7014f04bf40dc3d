/* test_bot_dialog.c - bot/dialog.c: the state as JSON, both ways */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "bot/dialog.h"

static struct arena *a;

static int
start(void **state)
{
    (void)state;
    a = arena_new();
    return 0;
}

static int
end(void **state)
{
    (void)state;
    arena_free(a);
    return 0;
}

static const char *
written(const struct dialog *d)
{
    struct buf b;
    const char *text;

    buf_init(&b, 1u << 20);
    dialog_write(d, &b);
    text = arena_strdup(a, buf_cstr(&b));
    buf_free(&b);
    return text;
}

static void
a_full_state_comes_back_as_it_was(void **state)
{
    struct dialog d, back;
    struct dialog_photo p = {.file_id = "f\"1",
                             .unique_id = "u",
                             .size = 0,
                             .width = 3,
                             .height = 4};

    (void)state;
    dialog_init(&d);
    d.step = DIALOG_CARD;
    d.preset = "sepia";
    d.offer = "off_1";
    d.prompt = "line\nline \xf0\x9f\x98\x80";
    d.form = 7;
    d.reply_to = 99;
    dialog_photo_add(&d.photos, &p);
    p.size = -1;
    dialog_photo_add(&d.photos, &p);
    dialog_value_set(&d, "n", "0.5");
    dialog_value_set(&d, "t", "\"x\"");
    dialog_value_set(&d, "skipped", "");
    dialog_value_set(&d, "n", "0.25");
    d.album_id = "A";
    d.album_open = true;
    dialog_photo_add(&d.album, &p);
    d.album_prompt = "cap";
    d.album_refused = "refuse_video";
    d.album_reply_to = 12;
    d.group_told = true;
    dialog_read(a, str_c(written(&d)), &back);
    assert_string_equal(written(&back), written(&d));
    assert_int_equal(back.step, DIALOG_CARD);
    assert_int_equal(back.n_values, 3);
    assert_string_equal(dialog_value_find(&back, "n")->json, "0.25");
    assert_string_equal(dialog_value_find(&back, "skipped")->json, "");
    assert_true(back.photos.list[0].size == 0);
    assert_true(back.photos.list[1].size == -1);
    assert_true(back.album_open && back.album.n == 1 && back.group_told);
}

static void
what_cannot_be_read_is_a_fresh_start(void **state)
{
    static const char *const rows[] = {
        "",
        "null",
        "[]",
        "17",
        "{",
        "\xff",
        "{\"step\":3}",
        "{\"step\":\"dancing\"}",
        "{\"photos\":{},\"values\":7,\"album\":[]}",
        "{\"step\":\"form\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dialog d;

        dialog_read(a, str_c(rows[i]), &d);
        assert_int_equal(d.step, DIALOG_IDLE);
        assert_string_equal(written(&d), "{\"step\":\"idle\"}");
    }
}

static void
more_than_its_limits_is_left_out(void **state)
{
    struct buf b;
    struct dialog d;

    (void)state;
    buf_init(&b, 1u << 20);
    buf_add_c(&b, "{\"step\":\"pick\",\"photos\":[");
    for (int i = 0; i < 30; i++)
        buf_addf(&b, "%s{\"id\":\"f%d\"}", i > 0 ? "," : "", i);
    buf_add_c(&b, "],\"values\":[");
    for (int i = 0; i < 30; i++)
        buf_addf(&b, "%s{\"name\":\"v%d\",\"value\":1}", i > 0 ? "," : "", i);
    buf_add_c(&b, "]}");
    dialog_read(a, buf_str(&b), &d);
    buf_free(&b);
    assert_int_equal(d.photos.n, DIALOG_PHOTOS_MAX);
    assert_int_equal(d.n_values, PRESET_INPUTS_MAX);
}

static void
a_reset_keeps_what_outlives_a_dialogue(void **state)
{
    struct dialog d;

    (void)state;
    dialog_init(&d);
    d.step = DIALOG_FORM;
    d.preset = "x";
    d.form = 4;
    d.album_id = "A";
    d.album_open = true;
    d.group_told = true;
    dialog_reset(&d);
    assert_int_equal(d.step, DIALOG_IDLE);
    assert_true(d.form == 4 && d.group_told && !d.album_open);
    assert_string_equal(d.album_id, "A");
    assert_string_equal(d.preset, "");
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, end)
    const struct CMUnitTest tests[] = {
        T(a_full_state_comes_back_as_it_was),
        T(what_cannot_be_read_is_a_fresh_start),
        T(more_than_its_limits_is_left_out),
        T(a_reset_keeps_what_outlives_a_dialogue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

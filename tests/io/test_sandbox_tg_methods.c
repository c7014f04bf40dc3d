/* The sandbox Telegram's methods over real HTTP; every result is checked
 * against the Bot API's specification. */
#include <gd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/image.h"
#include "base/mem.h"
#include "tests/support/files.h"
#include "tests/support/tg_call.h"

#define PHOTO "tests/data/comfy-recorded/pixels/in/photo.png"
#define EXIF6 "tests/data/comfy-recorded/pixels/in/exif6.jpg"
#define LL(v) ((long long)(v))

static int
setup(void **state)
{
    static const char *const args[] = {"--no-limits", NULL};

    return tg_room_enter(state, args);
}

static int64_t
say(struct tg_room *f, const char *text)
{
    const cJSON *m =
        tg_call_ok(&f->s, "sendMessage", "{\"chat_id\":%lld,\"text\":\"%s\"}",
                   LL(f->chat), text);

    return json_i64(m, "message_id", 0);
}

/* The chat's message as the sandbox keeps it. */
static const cJSON *
message(struct tg_room *f, int64_t id)
{
    const cJSON *j = tg_sandbox_ask(
        &f->s, "GET",
        arena_fmt(f->s.arena, "/sandbox/chats/%lld/messages?after=%lld&limit=1",
                  LL(f->chat), LL(id) - 1),
        NULL);
    const cJSON *m = json_path(j, "messages.0");

    assert_int_equal(json_i64(m, "message_id", 0), id);
    return m;
}

/* ---- who asks, and how ---- */

static void
only_the_token_opens_the_door(void **state)
{
    struct tg_room *f = *state;
    static const struct {
        const char *path;
        int status;
    } rows[] = {{"/bot4242:wrong/getMe", 401},
                {"/bot4242/getMe", 404},
                {"/botx:y/getMe", 404},
                {"/4242:x/getMe", 404},
                {"/bot" TG_SANDBOX_TOKEN "/getme", 200},
                {"/bot" TG_SANDBOX_TOKEN "/GETME", 200},
                {"/bot" TG_SANDBOX_TOKEN "/getNothing", 404},
                {"/file/bot4242:wrong/photos/file_1.jpg", 401},
                {"/file/bot" TG_SANDBOX_TOKEN "/photos/file_1.jpg", 404}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const cJSON *j = tg_sandbox_ask(&f->s, "GET", rows[i].path, NULL);
        assert_int_equal(f->s.status, rows[i].status);
        assert_int_equal(json_bool(j, "ok", false), rows[i].status == 200);
    }
    assert_int_equal(json_i64(tg_call_ok(&f->s, "getMe", "{}"), "id", 0), 4242);
}

static void
parameters_come_in_four_ways(void **state)
{
    struct tg_room *f = *state;
    char *chat = arena_fmt(f->s.arena, "%lld", LL(f->chat));
    struct httpc_part parts[] = {{.name = "chat_id", .data = str_c(chat)},
                                 {.name = "text", .data = STR("d d")}};
    const char *path = "/bot" TG_SANDBOX_TOKEN "/sendMessage";
    struct httpc_req form = {.method = "POST",
                             .path = path,
                             .op = "form",
                             .content_type =
                                 "application/x-www-form-urlencoded"};
    struct httpc_res r;
    struct err e;

    tg_sandbox_ask(
        &f->s, "GET",
        arena_fmt(f->s.arena, "%s?chat_id=%s&text=a%%20a", path, chat), NULL);
    assert_int_equal(f->s.status, 200);
    form.body =
        str_c(arena_fmt(f->s.arena, "chat_id=%s&text=b+b%%26%%D0%%BF", chat));
    assert_int_equal(httpc_do(f->s.http, &form, &r, &e), 0);
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(buf_cstr(&r.body), "\"b b&п\""));
    httpc_res_free(&r);
    say(f, "c c");
    tg_call_parts_ok(&f->s, "sendMessage", parts, 2);
}

/* ---- texts ---- */

struct refusal {
    const char *method, *params; /* %chat% stands for the chat */
    int code;
    const char *words;
};

static void
check_refusals(struct tg_room *f, const struct refusal *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *hole = strstr(rows[i].params, "%chat%");
        const char *params =
            hole ? arena_fmt(f->s.arena, "%.*s%lld%s",
                             (int)(hole - rows[i].params), rows[i].params,
                             LL(f->chat), hole + 6)
                 : rows[i].params;
        tg_call_bad(&f->s, rows[i].code, rows[i].words, rows[i].method, "%s",
                    params);
    }
}

#define CHECK_REFUSALS(f, rows)                                                \
    check_refusals((f), (rows), sizeof(rows) / sizeof(*(rows)))
#define KEYS(k) "{\"chat_id\":%chat%,\"text\":\"x\",\"reply_markup\":" k "}"

static void
what_is_wrong_is_refused_with_telegrams_words(void **state)
{
    struct tg_room *f = *state;
    static const struct refusal rows[] = {
        {"sendMessage", "{}", 400, "message text is empty"},
        {"sendMessage", "{\"text\":\"x\"}", 400, "chat_id is empty"},
        {"sendMessage", "{\"chat_id\":%chat%}", 400, "message text is empty"},
        {"sendMessage", "{\"chat_id\":%chat%,\"text\":\"  \"}", 400,
         "message text is empty"},
        {"sendMessage", "{\"chat_id\":1,\"text\":\"x\"}", 400,
         "chat not found"},
        {"sendMessage", "[1]", 400, "can't parse request body"},
        {"sendMessage", "{\"chat_id\":1,", 400, "can't parse request body"},
        {"sendMessage",
         "{\"chat_id\":%chat%,\"text\":\"<br>\",\"parse_mode\":\"HTML\"}", 400,
         "can't parse entities: Unsupported start tag \"br\" at byte offset 0"},
        {"sendMessage",
         "{\"chat_id\":%chat%,\"text\":\"x\",\"parse_mode\":\"BB\"}", 400,
         "unsupported parse_mode"},
        {"sendMessage",
         "{\"chat_id\":%chat%,\"text\":\"x\",\"reply_parameters\":"
         "{\"message_id\":5}}",
         400, "message to be replied not found"},
        {"sendMessage", KEYS("5"), 400, "object expected as reply markup"},
        {"sendMessage", KEYS("\"{\""), 400, "can't parse reply_markup"},
        {"sendMessage", KEYS("{}"), 400, "can't parse reply markup"},
        {"sendMessage", KEYS("{\"inline_keyboard\":[[{\"text\":\"a\"}]]}"), 400,
         "Text buttons are unallowed"},
        {"sendMessage",
         KEYS("{\"inline_keyboard\":[[{\"text\":\"\",\"url\":\"a.b\"}]]}"), 400,
         "text must be non-empty"},
        {"sendMessage",
         KEYS("{\"inline_keyboard\":[[{\"text\":\"a\",\"callback_data\":\"\"}]"
              "]}"),
         400, "BUTTON_DATA_INVALID"},
        {"sendMessage",
         KEYS("{\"inline_keyboard\":[[{\"text\":\"a\",\"callback_data\":"
              "\"0123456789012345678901234567890123456789012345678901234567"
              "8901234\"}]]}"),
         400, "BUTTON_DATA_INVALID"},
        {"sendMessage",
         KEYS("{\"inline_keyboard\":[[{\"text\":\"a\",\"url\":\"x y\"}]]}"),
         400, "URL 'x y' is invalid"},
        {"sendMessage", KEYS("{\"keyboard\":[[{\"text\":\"\"}]]}"), 400,
         "text must be non-empty"},
        {"sendPhoto", "{\"chat_id\":%chat%}", 400,
         "there is no photo in the request"},
        {"sendPhoto", "{\"chat_id\":%chat%,\"photo\":\"nonsense\"}", 400,
         "wrong file identifier"},
        {"sendPhoto", "{\"chat_id\":%chat%,\"photo\":\"http://a.b/c.png\"}",
         400, "failed to get HTTP URL content"},
        {"sendPhoto", "{\"chat_id\":%chat%,\"photo\":\"attach://a\"}", 400,
         "attached file is not found"},
        {"sendDocument", "{\"chat_id\":%chat%}", 400,
         "there is no document in the request"},
        {"sendMediaGroup", "{\"chat_id\":%chat%,\"media\":[]}", 400,
         "2-10 items"},
        {"sendChatAction", "{\"chat_id\":%chat%,\"action\":\"dance\"}", 400,
         "wrong parameter action"},
        {"answerCallbackQuery", "{\"callback_query_id\":\"1\"}", 400,
         "query is too old"},
        {"getFile", "{\"file_id\":\"x\"}", 400, "wrong file_id"},
        {"getChat", "{\"chat_id\":5}", 400, "chat not found"},
        {"editMessageText",
         "{\"chat_id\":%chat%,\"message_id\":1,\"text\":\"x\"}", 400,
         "message to edit not found"},
        {"deleteMessage", "{\"chat_id\":%chat%,\"message_id\":1}", 400,
         "message to delete not found"},
        {"copyMessage",
         "{\"chat_id\":%chat%,\"from_chat_id\":5,\"message_id\":1}", 400,
         "chat not found"},
        {"setMyCommands", "{\"commands\":[{\"command\":\"A\"}]}", 400,
         "BOT_COMMAND_INVALID"},
        {"setMyCommands", "{\"commands\":[{\"command\":\"a\"}]}", 400,
         "BOT_COMMAND_DESCRIPTION_INVALID"},
    };

    CHECK_REFUSALS(f, rows);
}

static void
lengths_are_code_points_after_parsing(void **state)
{
    struct tg_room *f = *state;
    struct buf b;

    buf_init(&b, 65536);
    for (int i = 0; i < 4096; i++)
        buf_add_c(&b, "п");
    tg_call_ok(&f->s, "sendMessage",
               "{\"chat_id\":%lld,\"text\":\"<b>%s</b>\","
               "\"parse_mode\":\"HTML\"}",
               LL(f->chat), buf_cstr(&b));
    tg_call_bad(&f->s, 400, "message is too long", "sendMessage",
                "{\"chat_id\":%lld,\"text\":\"%sx\"}", LL(f->chat),
                buf_cstr(&b));
    buf_free(&b);
}

static void
a_message_has_its_entities_and_its_reply(void **state)
{
    struct tg_room *f = *state;
    int64_t first = say(f, "first");
    const cJSON *m = tg_call_ok(
        &f->s, "sendMessage",
        "{\"chat_id\":%lld,\"text\":\"😀<b>x</b>\",\"parse_mode\":\"html\","
        "\"reply_parameters\":{\"message_id\":%lld},"
        "\"reply_markup\":{\"keyboard\":[[\"Menu\"]]}}",
        LL(f->chat), LL(first));
    const cJSON *chat;

    assert_string_equal(json_str(m, "text", ""), "😀x");
    assert_int_equal(json_i64(json_path(m, "entities.0"), "offset", -1), 2);
    assert_int_equal(json_i64(json_get(m, "reply_to_message"), "message_id", 0),
                     first);
    assert_null(json_get(m, "reply_markup"));
    chat = tg_sandbox_ask(
        &f->s, "GET", arena_fmt(f->s.arena, "/sandbox/chats/%lld", LL(f->chat)),
        NULL);
    assert_string_equal(json_path(chat, "keyboard.keyboard.0.0")->valuestring,
                        "Menu");
    tg_call_ok(&f->s, "sendMessage",
               "{\"chat_id\":%lld,\"text\":\"x\",\"reply_parameters\":{"
               "\"message_id\":5,\"allow_sending_without_reply\":true},"
               "\"reply_markup\":{\"remove_keyboard\":true}}",
               LL(f->chat));
    chat = tg_sandbox_ask(
        &f->s, "GET", arena_fmt(f->s.arena, "/sandbox/chats/%lld", LL(f->chat)),
        NULL);
    assert_null(json_get(chat, "keyboard"));
}

static void
who_blocked_or_never_wrote_gets_nothing(void **state)
{
    struct tg_room *f = *state;
    const char *path = arena_fmt(f->s.arena, "chats/%lld/block", LL(f->chat));
    const cJSON *j =
        tg_sandbox_do(&f->s, "users", "{\"name\":\"B\",\"started\":false}");
    int64_t shy = json_i64(json_get(j, "chat"), "id", 0);

    tg_sandbox_do(&f->s, path, "{}");
    tg_call_bad(&f->s, 403, "bot was blocked by the user", "sendMessage",
                "{\"chat_id\":%lld,\"text\":\"x\"}", LL(f->chat));
    tg_sandbox_do(
        &f->s, arena_fmt(f->s.arena, "chats/%lld/unblock", LL(f->chat)), "{}");
    say(f, "back");
    tg_call_bad(&f->s, 403, "bot can't initiate conversation with a user",
                "sendMessage", "{\"chat_id\":%lld,\"text\":\"x\"}", LL(shy));
    tg_sandbox_text(&f->s, shy, "/start");
    tg_call_ok(&f->s, "sendMessage", "{\"chat_id\":%lld,\"text\":\"x\"}",
               LL(shy));
    tg_sandbox_do(
        &f->s, arena_fmt(f->s.arena, "chats/%lld/deactivate", LL(shy)), "{}");
    tg_call_bad(&f->s, 403, "user is deactivated", "sendMessage",
                "{\"chat_id\":%lld,\"text\":\"x\"}", LL(shy));
}

/* ---- pictures ---- */

/* A PNG of one colour. */
static struct str
make_png(struct arena *a, int w, int h)
{
    gdImagePtr img = gdImageCreate(w, h);
    struct str s;
    void *p;
    int n;

    gdImageColorAllocate(img, 200, 30, 30);
    p = gdImagePngPtr(img, &n);
    s = arena_str(a, str_n(p, (size_t)n));
    gdFree(p);
    gdImageDestroy(img);
    return s;
}

static const cJSON *
send_photo(struct tg_room *f, struct str bytes, const char *caption)
{
    char *chat = arena_fmt(f->s.arena, "%lld", LL(f->chat));
    struct httpc_part parts[] = {
        {.name = "chat_id", .data = str_c(chat)},
        {.name = "photo", .filename = "p.png", .data = bytes},
        {.name = "caption", .data = str_c(caption)}};

    return tg_call_parts_ok(&f->s, "sendPhoto", parts, 3);
}

static const cJSON *
largest(const cJSON *m)
{
    const cJSON *sizes = json_get(m, "photo");

    return cJSON_GetArrayItem(sizes, cJSON_GetArraySize(sizes) - 1);
}

static void
check_picture(struct str bytes, enum image_kind kind, uint32_t w, uint32_t h)
{
    struct image_info info;
    struct err e;

    assert_int_equal(image_probe(bytes, &info, &e), 0);
    assert_int_equal(info.kind, kind);
    assert_int_equal(info.width, w);
    assert_int_equal(info.height, h);
}

static void
a_photo_comes_in_sizes_that_can_be_fetched(void **state)
{
    struct tg_room *f = *state;
    struct str png = make_png(f->s.arena, 2000, 1000);
    const cJSON *m = send_photo(f, png, "a caption"), *size, *file;
    const cJSON *kept = message(f, json_i64(m, "message_id", 0));

    assert_int_equal(cJSON_GetArraySize(json_get(m, "photo")), 4);
    cJSON_ArrayForEach (size, json_get(m, "photo")) {
        file = tg_call_ok(&f->s, "getFile", "{\"file_id\":\"%s\"}",
                          json_str(size, "file_id", ""));
        check_picture(
            tg_sandbox_bytes(&f->s,
                             arena_fmt(f->s.arena, "/file/bot%s/%s", f->s.token,
                                       json_str(file, "file_path", ""))),
            IMAGE_JPEG, (uint32_t)json_i64(size, "width", 0),
            (uint32_t)json_i64(size, "height", 0));
    }
    assert_int_equal(json_i64(largest(m), "width", 0), 1280);
    assert_string_equal(json_str(m, "caption", ""), "a caption");
    assert_true(
        str_eq(tg_sandbox_file(&f->s, json_str(json_get(kept, "sandbox"),
                                               "original_file_id", "")),
               png));
}

static void
a_file_id_sends_the_same_photo_again(void **state)
{
    struct tg_room *f = *state;
    struct str png = make_png(f->s.arena, 300, 200);
    const cJSON *first = send_photo(f, png, ""), *second, *third;
    const char *id = json_str(largest(first), "file_id", "");
    const char *unique = json_str(largest(first), "file_unique_id", "");

    second = tg_call_ok(&f->s, "sendPhoto",
                        "{\"chat_id\":%lld,\"photo\":\"%s\"}", LL(f->chat), id);
    third = send_photo(f, png, "");
    assert_string_equal(json_str(largest(second), "file_unique_id", ""),
                        unique);
    assert_string_equal(json_str(largest(third), "file_unique_id", ""), unique);
    tg_call_bad(&f->s, 400, "can't use file of type Photo as Document",
                "sendDocument", "{\"chat_id\":%lld,\"document\":\"%s\"}",
                LL(f->chat), id);
}

static void
a_turned_photo_is_set_upright_and_loses_its_metadata(void **state)
{
    struct tg_room *f = *state;
    struct str jpeg = test_file(f->s.arena, EXIF6);
    struct image_info before;
    struct str after;
    struct buf stripped;
    struct err e;
    const cJSON *m = send_photo(f, jpeg, "");

    assert_int_equal(image_probe(jpeg, &before, &e), 0);
    after = tg_sandbox_file(&f->s, json_str(largest(m), "file_id", ""));
    check_picture(after, IMAGE_JPEG, before.height, before.width);
    buf_init(&stripped, 1u << 20);
    assert_int_equal(image_strip(after, &stripped, &e), 0);
    assert_null(memmem(after.p, after.len, "Exif", 4));
    buf_free(&stripped);
}

static void
photos_beyond_telegrams_limits_are_refused(void **state)
{
    struct tg_room *f = *state;
    char *chat = arena_fmt(f->s.arena, "%lld", LL(f->chat));
    struct str wide = make_png(f->s.arena, 2100, 100);
    struct str huge = make_png(f->s.arena, 5100, 5000);
    struct str big = {mem_calloc(1, 10485761), 10485761};
    const struct {
        struct str bytes;
        const char *words;
    } rows[] = {{wide, "PHOTO_INVALID_DIMENSIONS"},
                {huge, "PHOTO_INVALID_DIMENSIONS"},
                {big, "too big for a photo"},
                {STR("no picture"), "IMAGE_PROCESS_FAILED"},
                {STR(""), "file must be non-empty"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct httpc_part parts[] = {
            {.name = "chat_id", .data = str_c(chat)},
            {.name = "photo", .filename = "p.png", .data = rows[i].bytes}};
        tg_call_parts_bad(&f->s, 400, rows[i].words, "sendPhoto", parts, 2);
    }
    mem_free((char *)(uintptr_t)big.p);
}

static void
a_document_keeps_its_bytes_and_its_name(void **state)
{
    struct tg_room *f = *state;
    char *chat = arena_fmt(f->s.arena, "%lld", LL(f->chat));
    struct str png = test_file(f->s.arena, PHOTO);
    struct httpc_part parts[] = {{.name = "chat_id", .data = str_c(chat)},
                                 {.name = "document",
                                  .filename = "result.png",
                                  .type = "image/png",
                                  .data = png}};
    const cJSON *d =
        json_get(tg_call_parts_ok(&f->s, "sendDocument", parts, 2), "document");

    assert_string_equal(json_str(d, "file_name", ""), "result.png");
    assert_string_equal(json_str(d, "mime_type", ""), "image/png");
    assert_true(
        str_eq(tg_sandbox_file(&f->s, json_str(d, "file_id", "")), png));
}

static void
an_album_is_one_group_of_messages(void **state)
{
    struct tg_room *f = *state;
    char *chat = arena_fmt(f->s.arena, "%lld", LL(f->chat));
    struct str one = make_png(f->s.arena, 100, 100);
    struct str two = make_png(f->s.arena, 120, 90);
    struct httpc_part parts[] = {
        {.name = "chat_id", .data = str_c(chat)},
        {.name = "media",
         .data = STR("[{\"type\":\"photo\",\"media\":\"attach://a\","
                     "\"caption\":\"<b>x</b>\",\"parse_mode\":\"HTML\"},"
                     "{\"type\":\"photo\",\"media\":\"attach://b\"}]")},
        {.name = "a", .filename = "a.png", .data = one},
        {.name = "b", .filename = "b.png", .data = two}};
    const cJSON *list = tg_call_parts_ok(&f->s, "sendMediaGroup", parts, 4);
    const char *group = json_str(json_path(list, "0"), "media_group_id", "");

    assert_int_equal(cJSON_GetArraySize(list), 2);
    assert_true(group[0]);
    assert_string_equal(json_str(json_path(list, "1"), "media_group_id", ""),
                        group);
    assert_string_equal(json_str(json_path(list, "0"), "caption", ""), "x");
    assert_non_null(json_path(list, "0.caption_entities.0"));
    parts[1].data = STR("[{\"type\":\"photo\",\"media\":\"attach://a\"},"
                        "{\"type\":\"document\",\"media\":\"attach://b\"}]");
    tg_call_parts_bad(&f->s, 400, "can't be mixed", "sendMediaGroup", parts, 4);
}

/* ---- edits ---- */

static void
an_edit_changes_the_message_and_takes_its_buttons(void **state)
{
    struct tg_room *f = *state;
    const cJSON *m = tg_call_ok(
        &f->s, "sendMessage",
        "{\"chat_id\":%lld,\"text\":\"one\",\"reply_markup\":{"
        "\"inline_keyboard\":[[{\"text\":\"a\",\"callback_data\":\"b\"}]]}}",
        LL(f->chat));
    long long id = json_i64(m, "message_id", 0), chat = f->chat;

    m = tg_call_ok(&f->s, "editMessageText",
                   "{\"chat_id\":%lld,\"message_id\":%lld,\"text\":\"two\"}",
                   chat, id);
    assert_string_equal(json_str(m, "text", ""), "two");
    assert_null(json_get(m, "reply_markup"));
    assert_true(json_i64(m, "edit_date", 0) > 0);
    tg_call_bad(&f->s, 400, "message is not modified", "editMessageText",
                "{\"chat_id\":%lld,\"message_id\":%lld,\"text\":\"two\"}", chat,
                id);
    tg_call_bad(
        &f->s, 400, "no caption in the message to edit", "editMessageCaption",
        "{\"chat_id\":%lld,\"message_id\":%lld,\"caption\":\"x\"}", chat, id);
    m = tg_call_ok(&f->s, "editMessageReplyMarkup",
                   "{\"chat_id\":%lld,\"message_id\":%lld,\"reply_markup\":{"
                   "\"inline_keyboard\":[[{\"text\":\"c\",\"callback_data\":"
                   "\"d\"}]]}}",
                   chat, id);
    assert_string_equal(json_str(m, "text", ""), "two");
    assert_non_null(json_get(m, "reply_markup"));
    assert_int_equal(json_i64(json_get(message(f, id), "sandbox"), "edits", 0),
                     2);
}

static void
a_text_can_become_a_photo(void **state)
{
    struct tg_room *f = *state;
    int64_t id = say(f, "working on it");
    struct str png = make_png(f->s.arena, 200, 200);
    char *chat = arena_fmt(f->s.arena, "%lld", LL(f->chat));
    char *message_id = arena_fmt(f->s.arena, "%lld", LL(id));
    struct httpc_part parts[] = {
        {.name = "chat_id", .data = str_c(chat)},
        {.name = "message_id", .data = str_c(message_id)},
        {.name = "media",
         .data = STR("{\"type\":\"photo\",\"media\":\"attach://p\","
                     "\"caption\":\"done\"}")},
        {.name = "p", .filename = "p.png", .data = png}};
    const cJSON *m = tg_call_parts_ok(&f->s, "editMessageMedia", parts, 4);

    assert_non_null(json_get(m, "photo"));
    assert_string_equal(json_str(m, "caption", ""), "done");
    assert_null(json_get(m, "text"));
    m = tg_call_ok(&f->s, "editMessageCaption",
                   "{\"chat_id\":%s,\"message_id\":%s,\"caption\":\"more\"}",
                   chat, message_id);
    assert_string_equal(json_str(m, "caption", ""), "more");
    tg_call_bad(&f->s, 400, "no text in the message to edit", "editMessageText",
                "{\"chat_id\":%s,\"message_id\":%s,\"text\":\"x\"}", chat,
                message_id);
}

static void
a_persons_message_cannot_be_edited(void **state)
{
    struct tg_room *f = *state;
    const cJSON *j = tg_sandbox_do(
        &f->s, arena_fmt(f->s.arena, "chats/%lld/text", LL(f->chat)),
        "{\"text\":\"mine\"}");

    tg_call_bad(&f->s, 400, "message can't be edited", "editMessageText",
                "{\"chat_id\":%lld,\"message_id\":%lld,\"text\":\"x\"}",
                LL(f->chat), LL(json_i64(j, "message_id", 0)));
}

static void
deleted_messages_are_gone_for_the_bot(void **state)
{
    struct tg_room *f = *state;
    long long a = say(f, "a"), b = say(f, "b"), c = say(f, "c");
    long long chat = f->chat;

    tg_call_ok(&f->s, "deleteMessage", "{\"chat_id\":%lld,\"message_id\":%lld}",
               chat, a);
    tg_call_bad(&f->s, 400, "message to delete not found", "deleteMessage",
                "{\"chat_id\":%lld,\"message_id\":%lld}", chat, a);
    tg_call_ok(&f->s, "deleteMessages",
               "{\"chat_id\":%lld,\"message_ids\":[%lld,%lld,1]}", chat, b, c);
    tg_call_bad(&f->s, 400, "message to edit not found", "editMessageText",
                "{\"chat_id\":%lld,\"message_id\":%lld,\"text\":\"x\"}", chat,
                b);
    assert_true(
        json_bool(json_get(message(f, c), "sandbox"), "deleted", false));
}

static void
a_copy_is_a_message_of_its_own(void **state)
{
    struct tg_room *f = *state;
    struct str png = make_png(f->s.arena, 100, 100);
    long long id = json_i64(send_photo(f, png, "old"), "message_id", 0);
    long long chat = f->chat;
    const cJSON *copy = tg_call_ok(&f->s, "copyMessage",
                                   "{\"chat_id\":%lld,\"from_chat_id\":%lld,"
                                   "\"message_id\":%lld,\"caption\":\"new\"}",
                                   chat, chat, id);
    const cJSON *m = message(f, json_i64(copy, "message_id", 0));

    assert_string_equal(json_str(m, "caption", ""), "new");
    assert_non_null(json_get(m, "photo"));
    tg_call_bad(&f->s, 400, "message to copy not found", "copyMessage",
                "{\"chat_id\":%lld,\"from_chat_id\":%lld,\"message_id\":1}",
                chat, chat);
}

static void
a_reaction_is_put_under_a_message(void **state)
{
    struct tg_room *f = *state;
    const cJSON *j = tg_sandbox_do(
        &f->s, arena_fmt(f->s.arena, "chats/%lld/text", LL(f->chat)),
        "{\"text\":\"mine\"}");
    long long id = json_i64(j, "message_id", 0);

    tg_call_ok(&f->s, "setMessageReaction",
               "{\"chat_id\":%lld,\"message_id\":%lld,\"reaction\":[{"
               "\"type\":\"emoji\",\"emoji\":\"👀\"}]}",
               LL(f->chat), id);
    assert_string_equal(
        json_str(json_path(message(f, id), "sandbox.reaction.0"), "emoji", ""),
        "👀");
    tg_call_bad(&f->s, 400, "message to react not found", "setMessageReaction",
                "{\"chat_id\":%lld,\"message_id\":1}", LL(f->chat));
}

/* ---- what the bot says about itself ---- */

static void
commands_are_kept_by_language_and_scope(void **state)
{
    struct tg_room *f = *state;
    const cJSON *list;

    tg_call_ok(&f->s, "setMyCommands",
               "{\"commands\":[{\"command\":\"start\",\"description\":"
               "\"Begin\"}]}");
    tg_call_ok(&f->s, "setMyCommands",
               "{\"commands\":[{\"command\":\"start\",\"description\":"
               "\"Начать\"}],\"language_code\":\"ru\"}");
    list = tg_call_ok(&f->s, "getMyCommands", "{\"language_code\":\"ru\"}");
    assert_string_equal(json_str(json_path(list, "0"), "description", ""),
                        "Начать");
    list = tg_call_ok(&f->s, "getMyCommands", "{}");
    assert_string_equal(json_str(json_path(list, "0"), "description", ""),
                        "Begin");
    tg_call_ok(&f->s, "deleteMyCommands", "{}");
    list = tg_call_ok(&f->s, "getMyCommands", "{}");
    assert_int_equal(cJSON_GetArraySize(list), 0);
    list = tg_call_ok(&f->s, "getMyCommands",
                      "{\"scope\":{\"type\":\"all_private_chats\"}}");
    assert_int_equal(cJSON_GetArraySize(list), 0);
}

static void
words_about_the_bot_are_kept_by_language(void **state)
{
    static const struct {
        const char *set, *get, *name;
    } rows[] = {{"setMyName", "getMyName", "name"},
                {"setMyDescription", "getMyDescription", "description"},
                {"setMyShortDescription", "getMyShortDescription",
                 "short_description"}};
    struct tg_room *f = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const cJSON *r;
        tg_call_ok(&f->s, rows[i].get, "{}");
        tg_call_ok(&f->s, rows[i].set,
                   "{\"%s\":\"Привет \\\"x\\\"\",\"language_code\":\"ru\"}",
                   rows[i].name);
        r = tg_call_ok(&f->s, rows[i].get, "{\"language_code\":\"ru\"}");
        assert_string_equal(json_str(r, rows[i].name, ""), "Привет \"x\"");
        r = tg_call_ok(&f->s, rows[i].get, "{}");
        assert_string_not_equal(json_str(r, rows[i].name, ""), "Привет \"x\"");
    }
}

static void
the_menu_button_the_chat_and_an_action_are_known(void **state)
{
    struct tg_room *f = *state;
    const cJSON *j;

    tg_call_ok(&f->s, "setChatMenuButton",
               "{\"menu_button\":{\"type\":\"commands\"}}");
    j = tg_call_ok(&f->s, "getChatMenuButton", "{}");
    assert_string_equal(json_str(j, "type", ""), "commands");
    j = tg_call_ok(&f->s, "getChat", "{\"chat_id\":%lld}", LL(f->chat));
    assert_string_equal(json_str(j, "first_name", ""), "Anna");
    tg_call_ok(&f->s, "sendChatAction",
               "{\"chat_id\":%lld,\"action\":\"upload_photo\"}", LL(f->chat));
    j = tg_sandbox_wait(&f->s, f->chat, 0, "kind=action");
    assert_string_equal(json_str(j, "action", ""), "upload_photo");
}

static int
free_spec(void **state)
{
    (void)state;
    tg_call_spec_free();
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, tg_room_leave)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_the_token_opens_the_door),
        TEST(parameters_come_in_four_ways),
        TEST(what_is_wrong_is_refused_with_telegrams_words),
        TEST(lengths_are_code_points_after_parsing),
        TEST(a_message_has_its_entities_and_its_reply),
        TEST(who_blocked_or_never_wrote_gets_nothing),
        TEST(a_photo_comes_in_sizes_that_can_be_fetched),
        TEST(a_file_id_sends_the_same_photo_again),
        TEST(a_turned_photo_is_set_upright_and_loses_its_metadata),
        TEST(photos_beyond_telegrams_limits_are_refused),
        TEST(a_document_keeps_its_bytes_and_its_name),
        TEST(an_album_is_one_group_of_messages),
        TEST(an_edit_changes_the_message_and_takes_its_buttons),
        TEST(a_text_can_become_a_photo),
        TEST(a_persons_message_cannot_be_edited),
        TEST(deleted_messages_are_gone_for_the_bot),
        TEST(a_copy_is_a_message_of_its_own),
        TEST(a_reaction_is_put_under_a_message),
        TEST(commands_are_kept_by_language_and_scope),
        TEST(words_about_the_bot_are_kept_by_language),
        TEST(the_menu_button_the_chat_and_an_action_are_known),
    };

    return cmocka_run_group_tests(tests, NULL, free_spec);
}

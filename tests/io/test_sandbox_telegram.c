/* The sandbox Telegram as a program: waiting, faults, limits, the record of
 * calls, files on disk, its end. */
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/thread.h"
#include "sandbox/sandbox.h"
#include "tests/support/files.h"
#include "tests/support/rawhttp.h"
#include "tests/support/tg_call.h"

#define PHOTO "tests/data/comfy-recorded/pixels/in/photo.png"
#define LL(v) ((long long)(v))

static int
setup(void **state)
{
    static const char *const args[] = {"--no-limits", NULL};

    return tg_room_enter(state, args);
}

static int
setup_limited(void **state)
{
    return tg_room_enter(state, NULL);
}

static long long
say(struct tg_room *f, const char *text)
{
    return json_i64(tg_call_ok(&f->s, "sendMessage",
                               "{\"chat_id\":%lld,\"text\":\"%s\"}",
                               LL(f->chat), text),
                    "message_id", 0);
}

/* ---- waiting ---- */

static void
waiting_finds_what_already_happened(void **state)
{
    struct tg_room *f = *state;
    const cJSON *v;
    long long id = say(f, "first one");

    say(f, "second one");
    v = tg_sandbox_wait(&f->s, f->chat, 0, "kind=text");
    assert_int_equal(json_i64(v, "message_id", 0), id);
    v = tg_sandbox_wait(&f->s, f->chat, json_i64(v, "seq", 0), "kind=text");
    assert_string_equal(json_str(json_get(v, "message"), "text", ""),
                        "second one");
    v = tg_sandbox_wait(&f->s, f->chat, 0, "contains=second");
    assert_string_equal(json_str(json_get(v, "message"), "text", ""),
                        "second one");
}

static void
an_event_shows_the_message_as_it_was_then(void **state)
{
    struct tg_room *f = *state;
    long long id = say(f, "one");
    const cJSON *v;

    tg_call_ok(&f->s, "editMessageText",
               "{\"chat_id\":%lld,\"message_id\":%lld,\"text\":\"two\","
               "\"reply_markup\":{\"inline_keyboard\":[[{\"text\":\"Go\","
               "\"callback_data\":\"v1:go\"}]]}}",
               LL(f->chat), id);
    tg_call_ok(&f->s, "editMessageText",
               "{\"chat_id\":%lld,\"message_id\":%lld,\"text\":\"three\"}",
               LL(f->chat), id);
    v = tg_sandbox_wait(&f->s, f->chat, 0, "kind=edit&contains=two");
    assert_string_equal(json_str(json_get(v, "message"), "text", ""), "two");
    v = tg_sandbox_wait(&f->s, f->chat, 0, "button=v1:go");
    assert_string_equal(json_str(json_get(v, "message"), "text", ""), "two");
    v = tg_sandbox_wait(&f->s, f->chat, 0,
                        arena_fmt(f->s.arena, "message_id=%lld", id));
    assert_string_equal(json_str(v, "event", ""), "message");
    tg_call_ok(&f->s, "deleteMessage", "{\"chat_id\":%lld,\"message_id\":%lld}",
               LL(f->chat), id);
    v = tg_sandbox_wait(&f->s, f->chat, 0, "kind=delete");
    assert_int_equal(json_i64(v, "message_id", 0), id);
}

/* Another thread says something once somebody waits. */
static void *
say_later(void *arg)
{
    struct tg_room *f = arg;
    struct httpc_config cfg = {.label = "later", .base = f->s.url};
    struct err e;
    struct httpc *http = httpc_new(&cfg, &e);
    struct httpc_res r;
    char body[128];
    struct httpc_req q = {.method = "POST",
                          .path = "/bot" TG_SANDBOX_TOKEN "/sendMessage",
                          .op = "later"};

    for (int i = 0; i < 3; i++) {
        snprintf(body, sizeof(body), "{\"chat_id\":%lld,\"text\":\"later %d\"}",
                 LL(f->chat), i);
        q.body = str_c(body);
        if (httpc_do(http, &q, &r, &e) == 0)
            httpc_res_free(&r);
    }
    httpc_free(http);
    return NULL;
}

static void
waiting_ends_when_it_happens(void **state)
{
    struct tg_room *f = *state;
    pthread_t other;
    const cJSON *v;

    thread_start(&other, "later", say_later, f);
    v = tg_sandbox_wait(&f->s, f->chat, 0, "contains=later%202");
    thread_join(other);
    assert_string_equal(json_str(json_get(v, "message"), "text", ""),
                        "later 2");
}

static void
waiting_in_vain_ends_with_408(void **state)
{
    struct tg_room *f = *state;

    tg_sandbox_ask(&f->s, "GET", "/sandbox/wait?chat=5&timeout_ms=20", NULL);
    assert_int_equal(f->s.status, 408);
    tg_sandbox_ask(&f->s, "GET", "/sandbox/wait", NULL);
    assert_int_equal(f->s.status, 400);
}

/* ---- faults ---- */

static void
faults_before_any_effect_have_none(void **state)
{
    static const struct {
        const char *kind;
        int status;
    } rows[] = {{"429", 429}, {"500", 500}, {"502", 502},
                {"401", 401}, {"403", 403}, {"drop", 0}};
    struct tg_room *f = *state;
    const cJSON *j;

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        tg_sandbox_fault(&f->s, "sendMessage", rows[i].kind, 1,
                         ",\"retry_after\":7");
        j = tg_sandbox_botf(&f->s, "sendMessage",
                            "{\"chat_id\":%lld,\"text\":\"x\"}", LL(f->chat));
        assert_int_equal(f->s.status, rows[i].status);
        if (rows[i].status == 429)
            assert_int_equal(
                json_i64(json_get(j, "parameters"), "retry_after", 0), 7);
    }
    j = tg_sandbox_ask(
        &f->s, "GET",
        arena_fmt(f->s.arena, "/sandbox/chats/%lld/messages", LL(f->chat)),
        NULL);
    assert_int_equal(cJSON_GetArraySize(json_get(j, "messages")), 0);
    say(f, "now it works");
}

static void
a_lost_answer_had_its_effect(void **state)
{
    struct tg_room *f = *state;
    const cJSON *j;

    tg_sandbox_fault(&f->s, "sendMessage", "lost", 1, "");
    tg_sandbox_botf(&f->s, "sendMessage", "{\"chat_id\":%lld,\"text\":\"a\"}",
                    LL(f->chat));
    assert_int_equal(f->s.status, 0);
    tg_sandbox_fault(&f->s, "*", "lost_502", 1, "");
    tg_sandbox_botf(&f->s, "sendMessage", "{\"chat_id\":%lld,\"text\":\"b\"}",
                    LL(f->chat));
    assert_int_equal(f->s.status, 502);
    j = tg_sandbox_ask(
        &f->s, "GET",
        arena_fmt(f->s.arena, "/sandbox/chats/%lld/messages", LL(f->chat)),
        NULL);
    assert_int_equal(cJSON_GetArraySize(json_get(j, "messages")), 2);
    j = tg_sandbox_calls(&f->s);
    assert_true(json_bool(json_path(j, "0"), "lost", false));
    assert_int_equal(json_i64(json_path(j, "0"), "status", 0), 200);
}

static void
a_delay_comes_before_the_effect(void **state)
{
    struct tg_room *f = *state;
    int64_t begin = clock_mono_ms();

    tg_sandbox_fault(&f->s, "sendMessage", "delay", 1, ",\"ms\":50");
    say(f, "slow");
    assert_true(clock_mono_ms() - begin >= 50);
}

static void
a_fault_strikes_only_what_it_names(void **state)
{
    struct tg_room *f = *state;
    int64_t other = tg_sandbox_user(&f->s, "Boris", "ru");
    const cJSON *list;

    tg_sandbox_fault(&f->s, "sendMessage", "500", -1,
                     arena_fmt(f->s.arena, ",\"chat\":%lld", LL(other)));
    say(f, "not for me");
    for (int i = 0; i < 3; i++)
        tg_call_bad(&f->s, 500, "Internal Server Error", "sendMessage",
                    "{\"chat_id\":%lld,\"text\":\"x\"}", LL(other));
    list = tg_sandbox_ask(&f->s, "GET", "/sandbox/faults", NULL);
    assert_int_equal(json_i64(json_path(list, "faults.0"), "hits", 0), 3);
    tg_sandbox_ask(&f->s, "DELETE", "/sandbox/faults", NULL);
    tg_call_ok(&f->s, "sendMessage", "{\"chat_id\":%lld,\"text\":\"x\"}",
               LL(other));
    tg_sandbox_ask(&f->s, "POST", "/sandbox/faults",
                   "{\"method\":\"sendNothing\",\"kind\":\"500\"}");
    assert_int_equal(f->s.status, 400);
    tg_sandbox_ask(&f->s, "POST", "/sandbox/faults",
                   "{\"method\":\"*\",\"kind\":\"flood\"}");
    assert_int_equal(f->s.status, 400);
}

static void
downloads_fail_on_demand(void **state)
{
    struct tg_room *f = *state;
    struct str png = test_file(f->s.arena, PHOTO);
    const cJSON *list, *file;
    char *path;

    tg_sandbox_photo(&f->s, f->chat, png, NULL);
    list = tg_call_ok(&f->s, "getUpdates", "{}");
    file = tg_call_ok(
        &f->s, "getFile", "{\"file_id\":\"%s\"}",
        json_str(json_path(list, "0.message.photo.0"), "file_id", ""));
    path = arena_fmt(f->s.arena, "/file/bot%s/%s", f->s.token,
                     json_str(file, "file_path", ""));
    tg_sandbox_fault(&f->s, "file", "502", 1, "");
    tg_sandbox_ask(&f->s, "GET", path, NULL);
    assert_int_equal(f->s.status, 502);
    /* libcurl repeats a GET whose kept connection was closed */
    tg_sandbox_fault(&f->s, "file", "drop", -1, "");
    tg_sandbox_ask(&f->s, "GET", path, NULL);
    assert_int_equal(f->s.status, 0);
    tg_sandbox_ask(&f->s, "DELETE", "/sandbox/faults", NULL);
    assert_true(tg_sandbox_bytes(&f->s, path).len > 100);
}

/* ---- limits ---- */

static void
sending_too_fast_is_limited_by_chat(void **state)
{
    struct tg_room *f = *state;
    int64_t other = tg_sandbox_user(&f->s, "Boris", "ru");
    const cJSON *j = NULL;
    int passed = 0;

    for (; passed < 50; passed++) {
        j = tg_sandbox_botf(&f->s, "sendMessage",
                            "{\"chat_id\":%lld,\"text\":\"x\"}", LL(f->chat));
        if (f->s.status != 200)
            break;
    }
    assert_true(passed >= 5 && passed < 50);
    assert_int_equal(f->s.status, 429);
    assert_true(json_i64(json_get(j, "parameters"), "retry_after", 0) >= 1);
    tg_call_ok(&f->s, "sendMessage", "{\"chat_id\":%lld,\"text\":\"x\"}",
               LL(other));
    tg_sandbox_do(&f->s, "switches", "{\"rate_limits\":false}");
    say(f, "without limits");
}

static void
sending_too_fast_is_limited_over_all(void **state)
{
    struct tg_room *f = *state;
    int limited = 0;

    for (int i = 0; i < 200 && !limited; i++) {
        tg_sandbox_botf(&f->s, "sendMessage",
                        "{\"chat_id\":%lld,\"text\":\"x\"}",
                        LL(tg_sandbox_user(&f->s, "P", "en")));
        limited = f->s.status == 429;
    }
    assert_true(limited);
}

/* ---- the record of calls ---- */

static void
calls_are_recorded_and_fit_the_specification(void **state)
{
    struct tg_room *f = *state;
    struct str png = test_file(f->s.arena, PHOTO);
    char *chat = arena_fmt(f->s.arena, "%lld", LL(f->chat));
    struct httpc_part parts[] = {
        {.name = "chat_id", .data = str_c(chat)},
        {.name = "photo", .filename = "p.png", .data = png},
        {.name = "reply_markup",
         .data = STR("{\"inline_keyboard\":[[{\"text\":\"a\","
                     "\"callback_data\":\"b\"}]]}")}};
    const cJSON *calls, *c;
    struct err e;

    tg_call_ok(&f->s, "getMe", "{}");
    say(f, "hello");
    tg_call_parts_ok(&f->s, "sendPhoto", parts, 3);
    tg_sandbox_botf(&f->s, "sendMessage",
                    "{\"chat_id\":%s,\"text\":\"x\",\"colour\":1}", chat);
    calls = tg_sandbox_calls(&f->s);
    assert_int_equal(cJSON_GetArraySize(calls), 4);
    cJSON_ArrayForEach (c, calls) {
        const cJSON *params = json_get(c, "params");
        int rc = tg_spec_check_call(tg_call_spec(), json_str(c, "method", ""),
                                    params, &e);
        assert_int_equal(rc != 0, json_get(params, "colour") != NULL);
    }
    c = json_path(calls, "2");
    assert_int_equal(json_i64(c, "chat_id", 0), f->chat);
    assert_int_equal(json_i64(json_path(c, "params.photo"), "size", 0),
                     png.len);
    tg_sandbox_ask(&f->s, "DELETE", "/sandbox/calls", NULL);
    assert_int_equal(cJSON_GetArraySize(tg_sandbox_calls(&f->s)), 0);
}

static void
what_the_bot_set_can_be_seen(void **state)
{
    struct tg_room *f = *state;
    const cJSON *j;

    tg_call_ok(&f->s, "setMyCommands",
               "{\"commands\":[{\"command\":\"a\",\"description\":\"b\"}],"
               "\"language_code\":\"ru\"}");
    j = tg_sandbox_ask(&f->s, "GET", "/sandbox/bot", NULL);
    assert_string_equal(json_str(json_path(json_get(json_get(j, "settings"),
                                                    "commands:default:0:ru"),
                                           "0"),
                                 "command", ""),
                        "a");
}

/* ---- people ---- */

static void
an_id_belongs_to_one_person(void **state)
{
    struct tg_room *f = *state;

    tg_sandbox_do(&f->s, "users", "{\"name\":\"C\",\"id\":123456789012}");
    tg_sandbox_ask(&f->s, "POST", "/sandbox/users", "{\"id\":123456789012}");
    assert_int_equal(f->s.status, 409);
    tg_sandbox_text(&f->s, 123456789012, "hi");
    tg_sandbox_ask(&f->s, "POST", "/sandbox/chats/55/text", "{\"text\":\"x\"}");
    assert_int_equal(f->s.status, 404);
}

static void
names_and_texts_are_only_data(void **state)
{
    struct tg_room *f = *state;
    int64_t chat = tg_sandbox_user(&f->s, "\"},{\"<b>\\", "en");
    const cJSON *list, *u;

    tg_sandbox_text(&f->s, chat, "\"}]}\n\\ <b> \u0416");
    list = tg_call_ok(&f->s, "getUpdates", "{}");
    u = json_path(list, "0.message");
    assert_string_equal(json_str(json_get(u, "from"), "first_name", ""),
                        "\"},{\"<b>\\");
    assert_string_equal(json_str(u, "text", ""), "\"}]}\n\\ <b> \u0416");
}

static void
broken_requests_get_400(void **state)
{
    static const struct {
        const char *type, *body;
    } rows[] = {{"application/json", "{"},
                {"application/json", "\"x\""},
                {"application/json", "{\"chat_id\":1,\"text\":\"\xff\"}"},
                {"multipart/form-data; boundary=x", "--x\r\nno end"},
                {"application/x-www-form-urlencoded", "text=%ff&chat_id=1"},
                {"application/x-www-form-urlencoded", "%zz=%&&=&a"},
                {"text/plain", "text=a"}};
    struct tg_room *f = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct httpc_req q = {.method = "POST",
                              .path = "/bot" TG_SANDBOX_TOKEN "/sendMessage",
                              .op = "broken",
                              .content_type = rows[i].type,
                              .body = str_c(rows[i].body)};
        struct httpc_res r;
        struct err e;
        assert_int_equal(httpc_do(f->s.http, &q, &r, &e), 0);
        assert_int_equal(r.status, 400);
        httpc_res_free(&r);
    }
}

/* ---- the program ---- */

static size_t
count_files(const char *dir, const char *folder)
{
    char path[128];
    struct dirent *d;
    size_t n = 0;
    DIR *handle;

    snprintf(path, sizeof(path), "%s/%s", dir, folder);
    handle = opendir(path);
    assert_non_null(handle);
    while ((d = readdir(handle)))
        n += d->d_name[0] != '.';
    closedir(handle);
    return n;
}

static void
files_lie_in_the_folder(void **state)
{
    struct tmp_dir dir;
    struct tg_sandbox s;
    const cJSON *list;
    int64_t chat;

    (void)state;
    tmp_dir_make(&dir);
    tg_sandbox_start(&s, (const char *const[]){"--dir", dir.path, NULL});
    chat = tg_sandbox_user(&s, "Anna", "en");
    tg_sandbox_photo(&s, chat, test_file(s.arena, PHOTO), NULL);
    list = tg_call_ok(&s, "getUpdates", "{}");
    assert_int_equal(count_files(dir.path, "photos"), 1);
    assert_true(
        tg_sandbox_file(
            &s, json_str(json_path(list, "0.message.photo.0"), "file_id", ""))
            .len > 100);
    assert_int_equal(count_files(dir.path, "photos"), 2);
    tg_sandbox_stop(&s);
    tmp_dir_remove(&dir);
}

static void
without_pixels_photos_stay_as_they_come(void **state)
{
    struct tg_room *f = *state;
    struct str png = test_file(f->s.arena, PHOTO);
    const cJSON *list, *sizes;

    tg_sandbox_do(&f->s, "switches", "{\"pixels\":false}");
    tg_sandbox_photo(&f->s, f->chat, png, NULL);
    list = tg_call_ok(&f->s, "getUpdates", "{}");
    sizes = json_path(list, "0.message.photo");
    assert_true(str_eq(
        tg_sandbox_file(
            &f->s,
            json_str(cJSON_GetArrayItem(sizes, cJSON_GetArraySize(sizes) - 1),
                     "file_id", "")),
        png));
}

static void
it_ends_while_somebody_waits(void **state)
{
    struct tg_sandbox s;
    int64_t until;
    int fd;

    (void)state;
    tg_sandbox_start(&s, NULL);
    fd = raw_connect(s.port);
    raw_sends(fd, "GET /bot" TG_SANDBOX_TOKEN
                  "/getUpdates?timeout=50 HTTP/1.1\r\nHost: h\r\n\r\n");
    until = clock_mono_ms() + RAW_WAIT_MS;
    while (tg_sandbox_stat(&s, "pollers") != 1) {
        assert_true(clock_mono_ms() < until);
        clock_sleep_ms(2);
    }
    tg_sandbox_stop(&s);
    close(fd);
}

static int
run_with(const char *const *args)
{
    int argc = 1, status;
    const char *argv[8] = {"telegram"};
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        for (; args[argc - 1]; argc++)
            argv[argc] = args[argc - 1];
        if (!freopen("/dev/null", "w", stderr))
            _exit(99);
        _exit(sandbox_telegram_main(argc, (char **)(uintptr_t)argv));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
wrong_arguments_and_a_taken_port_are_named(void **state)
{
    struct tg_sandbox s;
    char listen[32];

    (void)state;
    assert_int_equal(run_with((const char *const[]){"--colour", "x", NULL}), 2);
    assert_int_equal(run_with((const char *const[]){"--token", NULL}), 2);
    assert_int_equal(run_with((const char *const[]){"--token", "x", NULL}), 2);
    assert_int_equal(
        run_with((const char *const[]){"--retry-scale", "2", NULL}), 2);
    assert_int_equal(
        run_with((const char *const[]){"--dir", "/dev/null/x", NULL}), 1);
    tg_sandbox_start(&s, NULL);
    snprintf(listen, sizeof(listen), "127.0.0.1:%d", s.port);
    assert_int_equal(run_with((const char *const[]){"--listen", listen, NULL}),
                     1);
    tg_sandbox_stop(&s);
}

static int
free_spec(void **state)
{
    (void)state;
    tg_call_spec_free();
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, tg_room_leave)
#define LIMITED(name)                                                          \
    cmocka_unit_test_setup_teardown(name, setup_limited, tg_room_leave)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(waiting_finds_what_already_happened),
        TEST(an_event_shows_the_message_as_it_was_then),
        TEST(waiting_ends_when_it_happens),
        TEST(waiting_in_vain_ends_with_408),
        TEST(faults_before_any_effect_have_none),
        TEST(a_lost_answer_had_its_effect),
        TEST(a_delay_comes_before_the_effect),
        TEST(a_fault_strikes_only_what_it_names),
        TEST(downloads_fail_on_demand),
        LIMITED(sending_too_fast_is_limited_by_chat),
        LIMITED(sending_too_fast_is_limited_over_all),
        TEST(calls_are_recorded_and_fit_the_specification),
        TEST(what_the_bot_set_can_be_seen),
        TEST(an_id_belongs_to_one_person),
        TEST(names_and_texts_are_only_data),
        TEST(broken_requests_get_400),
        cmocka_unit_test(files_lie_in_the_folder),
        TEST(without_pixels_photos_stay_as_they_come),
        cmocka_unit_test(it_ends_while_somebody_waits),
        cmocka_unit_test(wrong_arguments_and_a_taken_port_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, free_spec);
}

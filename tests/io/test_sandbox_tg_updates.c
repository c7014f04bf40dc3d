/* How the sandbox Telegram gives its updates: getUpdates and webhook. Every
 * update is checked against the Bot API's specification. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/thread.h"
#include "tests/support/files.h"
#include "tests/support/tg_call.h"
#include "tests/support/tg_hook.h"

#define PHOTO "tests/data/comfy-recorded/pixels/in/photo.png"
#define LL(v) ((long long)(v))
#define WAIT_MS 30000

static int
setup(void **state)
{
    static const char *const args[] = {"--no-limits", "--retry-scale",
                                       "0.01",        "--webhook-timeout-ms",
                                       "20000",       NULL};

    return tg_room_enter(state, args);
}

static const char *
chat_path(struct tg_room *f, int64_t chat, const char *what)
{
    return arena_fmt(f->s.arena, "chats/%lld/%s", LL(chat), what);
}

static const char *
text_of(const cJSON *update)
{
    return json_str(json_get(update, "message"), "text", "");
}

/* ---- getUpdates ---- */

static const cJSON *
poll(struct tg_room *f, int64_t offset, int timeout_s)
{
    return tg_call_ok(&f->s, "getUpdates", "{\"offset\":%lld,\"timeout\":%d}",
                      LL(offset), timeout_s);
}

static int64_t
last_id(const cJSON *list)
{
    int n = cJSON_GetArraySize(list);

    return json_i64(cJSON_GetArrayItem(list, n - 1), "update_id", 0);
}

static void
updates_stay_until_they_are_confirmed(void **state)
{
    struct tg_room *f = *state;
    const cJSON *list;
    int64_t first;

    tg_sandbox_text(&f->s, f->chat, "one");
    tg_sandbox_text(&f->s, f->chat, "two");
    list = poll(f, 0, 0);
    assert_int_equal(cJSON_GetArraySize(list), 2);
    first = json_i64(json_path(list, "0"), "update_id", 0);
    assert_int_equal(last_id(list), first + 1);
    assert_int_equal(cJSON_GetArraySize(poll(f, 0, 0)), 2);
    list = poll(f, first + 1, 0);
    assert_int_equal(cJSON_GetArraySize(list), 1);
    assert_string_equal(text_of(json_path(list, "0")), "two");
    assert_int_equal(cJSON_GetArraySize(poll(f, first + 2, 0)), 0);
    assert_int_equal(tg_sandbox_stat(&f->s, "polled"), 2);
}

static void
limit_and_negative_offset_choose(void **state)
{
    struct tg_room *f = *state;
    const cJSON *list;

    for (int i = 0; i < 5; i++)
        tg_sandbox_text(&f->s, f->chat, arena_fmt(f->s.arena, "number %d", i));
    list = tg_call_ok(&f->s, "getUpdates", "{\"limit\":2}");
    assert_int_equal(cJSON_GetArraySize(list), 2);
    list = poll(f, -2, 0);
    assert_int_equal(cJSON_GetArraySize(list), 2);
    assert_string_equal(text_of(json_path(list, "0")), "number 3");
    assert_int_equal(cJSON_GetArraySize(poll(f, 0, 0)), 2);
}

/* A getUpdates on a thread of its own, with a client of its own. */
struct poller {
    struct httpc *http;
    pthread_t thread;
    int status;
    char body[65536];
};

static void *
poller_run(void *arg)
{
    struct poller *p = arg;
    struct httpc_req q = {.method = "POST",
                          .path = "/bot" TG_SANDBOX_TOKEN "/getUpdates",
                          .op = "poll",
                          .body = STR("{\"timeout\":30}"),
                          .timeout_ms = 60000};
    struct httpc_res r;
    struct err e;

    if (httpc_do(p->http, &q, &r, &e) == 0) {
        p->status = r.status;
        snprintf(p->body, sizeof(p->body), "%s", buf_cstr(&r.body));
        httpc_res_free(&r);
    }
    return NULL;
}

static void
poller_start(struct tg_room *f, struct poller *p)
{
    struct err e;

    memset(p, 0, sizeof(*p));
    p->http = httpc_new(
        &(struct httpc_config){.label = "poller", .base = f->s.url}, &e);
    thread_start(&p->thread, "poller", poller_run, p);
}

static void
poller_end(struct poller *p)
{
    thread_join(p->thread);
    httpc_free(p->http);
}

/* Until the sandbox has a poll that waits. */
static void
wait_for_pollers(struct tg_room *f, int64_t n)
{
    int64_t until = clock_mono_ms() + WAIT_MS;

    while (tg_sandbox_stat(&f->s, "pollers") != n) {
        assert_true(clock_mono_ms() < until);
        clock_sleep_ms(2);
    }
}

static void
a_long_poll_wakes_when_something_comes(void **state)
{
    struct tg_room *f = *state;
    struct poller p;

    poller_start(f, &p);
    wait_for_pollers(f, 1);
    tg_sandbox_text(&f->s, f->chat, "wake up");
    poller_end(&p);
    assert_int_equal(p.status, 200);
    assert_non_null(strstr(p.body, "wake up"));
}

static void
a_second_poller_ends_the_first(void **state)
{
    struct tg_room *f = *state;
    struct poller p;

    poller_start(f, &p);
    wait_for_pollers(f, 1);
    poll(f, 0, 0);
    poller_end(&p);
    assert_int_equal(p.status, 409);
    assert_non_null(strstr(p.body, "terminated by other getUpdates request"));
}

static void
setting_a_webhook_ends_polling(void **state)
{
    struct tg_room *f = *state;
    struct tg_hook h;
    struct poller p;

    poller_start(f, &p);
    wait_for_pollers(f, 1);
    tg_hook_start(&h);
    tg_call_ok(&f->s, "setWebhook", "{\"url\":\"%s\"}", h.url);
    poller_end(&p);
    assert_int_equal(p.status, 409);
    assert_non_null(strstr(p.body, "terminated by setWebhook request"));
    tg_call_bad(&f->s, 409, "can't use getUpdates method while webhook is",
                "getUpdates", "{}");
    tg_call_ok(&f->s, "deleteWebhook", "{}");
    poll(f, 0, 0);
    tg_hook_stop(&h);
}

static void
allowed_updates_are_kept_until_they_are_given_anew(void **state)
{
    struct tg_room *f = *state;
    const cJSON *list;

    tg_call_ok(&f->s, "getUpdates",
               "{\"allowed_updates\":[\"my_chat_member\",\"poll\"]}");
    tg_sandbox_text(&f->s, f->chat, "not wanted");
    tg_sandbox_do(&f->s, chat_path(f, f->chat, "block"), "{}");
    list = poll(f, 0, 0);
    assert_int_equal(cJSON_GetArraySize(list), 1);
    assert_string_equal(
        json_str(json_path(list, "0.my_chat_member.new_chat_member"), "status",
                 ""),
        "kicked");
    list =
        json_get(tg_call_ok(&f->s, "getWebhookInfo", "{}"), "allowed_updates");
    assert_int_equal(cJSON_GetArraySize(list), 2);
    tg_call_ok(&f->s, "getUpdates", "{\"allowed_updates\":[]}");
    tg_sandbox_do(&f->s, chat_path(f, f->chat, "unblock"), "{}");
    tg_sandbox_text(&f->s, f->chat, "wanted");
    assert_int_equal(cJSON_GetArraySize(poll(f, 0, 0)), 3);
}

static void
an_update_can_be_given_again_with_the_same_id(void **state)
{
    struct tg_room *f = *state;
    const cJSON *list;
    int64_t id;

    tg_sandbox_text(&f->s, f->chat, "again");
    list = poll(f, 0, 0);
    id = last_id(list);
    poll(f, id + 1, 0);
    tg_sandbox_do(&f->s, arena_fmt(f->s.arena, "updates/%lld/again", LL(id)),
                  "{}");
    list = poll(f, id + 1, 0);
    assert_int_equal(cJSON_GetArraySize(list), 1);
    assert_int_equal(last_id(list), id);
    assert_int_equal(cJSON_GetArraySize(poll(f, id + 1, 0)), 0);
}

/* ---- what people do, as updates ---- */

static const cJSON *
next(struct tg_room *f)
{
    const cJSON *list = poll(f, 0, 0);

    assert_int_equal(cJSON_GetArraySize(list), 1);
    poll(f, last_id(list) + 1, 0);
    return json_path(list, "0");
}

static void
people_send_texts_pictures_and_files(void **state)
{
    struct tg_room *f = *state;
    struct str png = test_file(f->s.arena, PHOTO);
    struct httpc_part parts[] = {{.name = "document",
                                  .filename = "photo.png",
                                  .type = "image/png",
                                  .data = png},
                                 {.name = "caption", .data = STR("file")}};
    const cJSON *u;

    tg_sandbox_text(&f->s, f->chat, "/start deep_link");
    u = next(f);
    assert_string_equal(
        json_str(json_path(u, "message.entities.0"), "type", ""),
        "bot_command");
    tg_sandbox_photo(&f->s, f->chat, png, "more light");
    u = next(f);
    assert_string_equal(json_str(json_get(u, "message"), "caption", ""),
                        "more light");
    assert_true(cJSON_GetArraySize(json_path(u, "message.photo")) >= 2);
    tg_sandbox_parts(
        &f->s,
        arena_fmt(f->s.arena, "/sandbox/%s", chat_path(f, f->chat, "document")),
        parts, 2);
    u = next(f);
    assert_string_equal(
        json_str(json_path(u, "message.document"), "mime_type", ""),
        "image/png");
    tg_sandbox_do(&f->s, chat_path(f, f->chat, "other"),
                  "{\"message\":{\"location\":{\"latitude\":1.5,"
                  "\"longitude\":2}}}");
    u = next(f);
    assert_non_null(json_path(u, "message.location"));
}

static void
an_album_is_several_messages_of_one_group(void **state)
{
    struct tg_room *f = *state;
    struct str png = test_file(f->s.arena, PHOTO);
    struct httpc_part parts[] = {
        {.name = "photo", .filename = "a.png", .data = png},
        {.name = "photo", .filename = "b.png", .data = png},
        {.name = "photo", .filename = "c.png", .data = png},
        {.name = "caption", .data = STR("all of them")}};
    const cJSON *list, *u;
    const char *group;

    tg_sandbox_parts(
        &f->s,
        arena_fmt(f->s.arena, "/sandbox/%s", chat_path(f, f->chat, "album")),
        parts, 4);
    list = poll(f, 0, 0);
    assert_int_equal(cJSON_GetArraySize(list), 3);
    group = json_str(json_path(list, "0.message"), "media_group_id", "");
    assert_true(group[0]);
    cJSON_ArrayForEach (u, list)
        assert_string_equal(
            json_str(json_get(u, "message"), "media_group_id", ""), group);
    assert_string_equal(json_str(json_path(list, "0.message"), "caption", ""),
                        "all of them");
    assert_null(json_path(list, "1.message.caption"));
}

static void
an_edit_of_a_person_is_an_update(void **state)
{
    struct tg_room *f = *state;
    const cJSON *j = tg_sandbox_do(&f->s, chat_path(f, f->chat, "text"),
                                   "{\"text\":\"before\"}");
    const cJSON *u;

    next(f);
    tg_sandbox_do(&f->s, chat_path(f, f->chat, "edit"),
                  "{\"message_id\":%lld,\"text\":\"after\"}",
                  LL(json_i64(j, "message_id", 0)));
    u = next(f);
    assert_string_equal(json_str(json_get(u, "edited_message"), "text", ""),
                        "after");
}

static long long
send_button(struct tg_room *f)
{
    return json_i64(
        tg_call_ok(&f->s, "sendMessage",
                   "{\"chat_id\":%lld,\"text\":\"card\",\"reply_markup\":{"
                   "\"inline_keyboard\":[[{\"text\":\"Buy\","
                   "\"callback_data\":\"v1:buy:7\"},{\"text\":\"No\","
                   "\"callback_data\":\"v1:no:7\"}]]}}",
                   LL(f->chat)),
        "message_id", 0);
}

static void
a_press_carries_its_message_and_is_answered_once(void **state)
{
    struct tg_room *f = *state;
    long long id = send_button(f);
    int64_t seq = tg_sandbox_press(&f->s, f->chat, "Buy");
    const cJSON *k = json_get(next(f), "callback_query"), *v;
    const char *query = json_str(k, "id", "");

    assert_string_equal(json_str(k, "data", ""), "v1:buy:7");
    assert_int_equal(json_i64(json_get(k, "message"), "message_id", 0), id);
    assert_int_equal(json_i64(json_get(k, "from"), "id", 0), f->chat);
    assert_true(json_str(k, "chat_instance", "")[0]);
    tg_call_ok(&f->s, "answerCallbackQuery",
               "{\"callback_query_id\":\"%s\",\"text\":\"Thanks\"}", query);
    tg_call_ok(&f->s, "answerCallbackQuery",
               "{\"callback_query_id\":\"%s\",\"text\":\"Twice\"}", query);
    v = tg_sandbox_wait(&f->s, f->chat, seq, "kind=callback_answer");
    assert_string_equal(json_str(json_get(v, "answer"), "text", ""), "Thanks");
    v = tg_sandbox_ask(&f->s, "GET",
                       arena_fmt(f->s.arena,
                                 "/sandbox/events?chat=%lld&kind="
                                 "callback_answer",
                                 LL(f->chat)),
                       NULL);
    assert_int_equal(cJSON_GetArraySize(json_get(v, "events")), 1);
}

static void
old_and_forged_buttons_can_be_pressed(void **state)
{
    struct tg_room *f = *state;
    long long id = send_button(f);
    const cJSON *k;

    tg_call_ok(&f->s, "deleteMessage", "{\"chat_id\":%lld,\"message_id\":%lld}",
               LL(f->chat), id);
    tg_sandbox_ask(
        &f->s, "POST",
        arena_fmt(f->s.arena, "/sandbox/%s", chat_path(f, f->chat, "press")),
        "{\"text\":\"Buy\"}");
    assert_int_equal(f->s.status, 404);
    tg_sandbox_do(&f->s, chat_path(f, f->chat, "press"),
                  "{\"force\":true,\"message_id\":%lld,\"data\":\"forged\"}",
                  id);
    k = json_get(next(f), "callback_query");
    assert_string_equal(json_str(k, "data", ""), "forged");
    assert_int_equal(json_i64(json_get(k, "message"), "date", -1), 0);
}

static void
any_update_can_be_made_by_hand(void **state)
{
    struct tg_room *f = *state;
    const cJSON *j, *list;

    j = tg_sandbox_do(&f->s, "updates",
                      "{\"update\":{\"message\":{\"deep\":[[[1]]]}}}");
    list = json_get(tg_sandbox_bot(&f->s, "getUpdates", "{}"), "result");
    assert_int_equal(last_id(list), json_i64(j, "update_id", 0));
    assert_non_null(json_path(list, "0.message.deep.0.0.0"));
}

/* ---- webhook ---- */

static void
set_hook(struct tg_room *f, const struct tg_hook *h, const char *more)
{
    tg_call_ok(&f->s, "setWebhook", "{\"url\":\"%s\"%s}", h->url, more);
}

static void
a_post_has_the_secret_and_one_update(void **state)
{
    struct tg_room *f = *state;
    struct tg_hook h;
    struct err e;

    tg_hook_start(&h);
    set_hook(f, &h, ",\"secret_token\":\"s3cret-token\"");
    tg_sandbox_text(&f->s, f->chat, "hello");
    tg_hook_wait(&h, 1);
    assert_string_equal(h.posts[0].secret, "s3cret-token");
    assert_string_equal(h.posts[0].type, "application/json");
    assert_string_equal(text_of(h.posts[0].update), "hello");
    if (tg_spec_check_type(tg_call_spec(), "Update", h.posts[0].update, &e))
        fail_msg("%s", e.msg);
    set_hook(f, &h, "");
    tg_sandbox_text(&f->s, f->chat, "without");
    tg_hook_wait(&h, 2);
    assert_string_equal(h.posts[1].secret, "");
    tg_hook_stop(&h);
}

static void
a_webhook_is_checked_before_it_is_set(void **state)
{
    struct tg_room *f = *state;
    struct tg_hook h;
    const cJSON *j;

    tg_hook_start(&h);
    tg_call_bad(&f->s, 400, "An HTTPS URL must be provided", "setWebhook",
                "{\"url\":\"http://198.51.100.1/x\"}");
    tg_call_bad(&f->s, 400, "An HTTPS URL must be provided", "setWebhook",
                "{\"url\":\"ftp://127.0.0.1/x\"}");
    tg_call_bad(&f->s, 400, "unallowed characters", "setWebhook",
                "{\"url\":\"%s\",\"secret_token\":\"a b\"}", h.url);
    tg_call_bad(&f->s, 400, "can't parse allowed_updates", "setWebhook",
                "{\"url\":\"%s\",\"allowed_updates\":\"[\"}", h.url);
    set_hook(f, &h,
             ",\"max_connections\":7,\"allowed_updates\":"
             "[\"message\"]");
    j = tg_sandbox_botf(&f->s, "setWebhook",
                        "{\"url\":\"%s\",\"max_connections\":7}", h.url);
    assert_string_equal(json_str(j, "description", ""),
                        "Webhook is already set");
    j = tg_call_ok(&f->s, "getWebhookInfo", "{}");
    assert_string_equal(json_str(j, "url", ""), h.url);
    assert_int_equal(json_i64(j, "max_connections", 0), 7);
    assert_int_equal(cJSON_GetArraySize(json_get(j, "allowed_updates")), 1);
    set_hook(f, &h, "");
    j = tg_call_ok(&f->s, "getWebhookInfo", "{}");
    assert_int_equal(json_i64(j, "max_connections", 0), 40);
    assert_int_equal(cJSON_GetArraySize(json_get(j, "allowed_updates")), 1);
    tg_call_ok(&f->s, "setWebhook", "{\"url\":\"\"}");
    j = tg_call_ok(&f->s, "getWebhookInfo", "{}");
    assert_string_equal(json_str(j, "url", "x"), "");
    tg_hook_stop(&h);
}

static void
setting_webhooks_too_fast_is_limited(void **state)
{
    struct tg_room *f = *state;
    const cJSON *j;

    tg_sandbox_do(&f->s, "switches", "{\"rate_limits\":true}");
    tg_call_ok(&f->s, "setWebhook", "{\"url\":\"http://127.0.0.1:%d/a\"}",
               free_port());
    j = tg_call_bad(&f->s, 429, "retry after 1", "setWebhook",
                    "{\"url\":\"http://127.0.0.1:%d/b\"}", free_port());
    assert_int_equal(json_i64(json_get(j, "parameters"), "retry_after", 0), 1);
}

static void
failures_are_retried_in_order(void **state)
{
    struct tg_room *f = *state;
    struct tg_hook h;
    const cJSON *info;

    tg_hook_start(&h);
    tg_hook_plan(&h, 500);
    tg_hook_plan(&h, 302);
    tg_hook_plan(&h, 404);
    set_hook(f, &h, "");
    for (int i = 0; i < 3; i++)
        tg_sandbox_text(&f->s, f->chat, arena_fmt(f->s.arena, "%d", i));
    tg_hook_wait(&h, 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(text_of(h.posts[i].update), i < 4   ? "0"
                                                        : i < 5 ? "1"
                                                                : "2");
    info = tg_call_ok(&f->s, "getWebhookInfo", "{}");
    assert_string_equal(json_str(info, "last_error_message", ""),
                        "Wrong response from the webhook: 404 Not Found");
    assert_int_equal(tg_sandbox_stat(&f->s, "failures"), 3);
    tg_hook_stop(&h);
}

static void
retry_after_is_obeyed(void **state)
{
    struct tg_room *f = *state;
    struct tg_hook h;

    tg_hook_start(&h);
    h.retry_after = "30"; /* times 0.01 */
    tg_hook_plan(&h, 503);
    set_hook(f, &h, "");
    tg_sandbox_text(&f->s, f->chat, "x");
    tg_hook_wait(&h, 2);
    assert_true(h.posts[1].at_ms - h.posts[0].at_ms >= 300);
    tg_hook_stop(&h);
}

static void
a_failing_chat_does_not_hold_up_another(void **state)
{
    struct tg_room *f = *state;
    int64_t other = tg_sandbox_user(&f->s, "Boris", "ru");
    struct tg_hook h;

    tg_hook_start(&h);
    tg_hook_plan(&h, 0); /* held: the first message of the first chat */
    set_hook(f, &h, "");
    tg_sandbox_text(&f->s, f->chat, "held");
    tg_hook_wait_inside(&h, 1);
    tg_sandbox_text(&f->s, f->chat, "behind it");
    tg_sandbox_text(&f->s, other, "a");
    tg_sandbox_text(&f->s, other, "b");
    tg_hook_wait(&h, 2);
    assert_string_equal(text_of(h.posts[0].update), "a");
    assert_string_equal(text_of(h.posts[1].update), "b");
    tg_hook_let_go(&h);
    tg_hook_wait(&h, 4);
    assert_string_equal(text_of(h.posts[2].update), "held");
    assert_string_equal(text_of(h.posts[3].update), "behind it");
    tg_hook_stop(&h);
}

static void
a_press_may_overtake_a_message(void **state)
{
    struct tg_room *f = *state;
    struct tg_hook h;

    send_button(f);
    tg_hook_start(&h);
    tg_hook_plan(&h, 0);
    set_hook(f, &h, "");
    tg_sandbox_text(&f->s, f->chat, "held");
    tg_hook_wait_inside(&h, 1);
    tg_sandbox_press(&f->s, f->chat, "Buy");
    tg_hook_wait(&h, 1);
    assert_non_null(json_get(h.posts[0].update, "callback_query"));
    tg_hook_stop(&h);
}

static void
no_more_than_max_connections_run_at_once(void **state)
{
    struct tg_room *f = *state;
    struct tg_hook h;

    tg_hook_start(&h);
    h.hold_all = true;
    set_hook(f, &h, ",\"max_connections\":3");
    for (int i = 0; i < 8; i++)
        tg_sandbox_text(&f->s, tg_sandbox_user(&f->s, "P", "en"), "x");
    tg_hook_wait_inside(&h, 3);
    tg_hook_let_go(&h);
    tg_hook_wait(&h, 8);
    assert_int_equal(h.most_inside, 3);
    tg_hook_stop(&h);
}

static void
a_webhook_that_is_away_gets_its_updates_later(void **state)
{
    struct tg_room *f = *state;
    int64_t until = clock_mono_ms() + WAIT_MS;
    struct tg_hook h;

    tg_call_ok(&f->s, "setWebhook", "{\"url\":\"http://127.0.0.1:%d/x\"}",
               free_port());
    tg_sandbox_text(&f->s, f->chat, "patience");
    while (tg_sandbox_stat(&f->s, "failures") < 3) {
        assert_true(clock_mono_ms() < until);
        clock_sleep_ms(5);
    }
    assert_int_equal(tg_sandbox_stat(&f->s, "pending"), 1);
    tg_hook_start(&h);
    set_hook(f, &h, "");
    tg_hook_wait(&h, 1);
    assert_string_equal(text_of(h.posts[0].update), "patience");
    tg_hook_stop(&h);
}

static void
dropping_pending_updates_loses_them(void **state)
{
    struct tg_room *f = *state;

    tg_sandbox_text(&f->s, f->chat, "lost");
    tg_call_ok(&f->s, "deleteWebhook", "{\"drop_pending_updates\":true}");
    assert_int_equal(cJSON_GetArraySize(poll(f, 0, 0)), 0);
}

static void
faults_double_lose_and_refuse_deliveries(void **state)
{
    struct tg_room *f = *state;
    struct tg_hook h;
    const cJSON *list;

    tg_hook_start(&h);
    set_hook(f, &h, "");
    tg_sandbox_fault(&f->s, "webhook", "twice", 1, "");
    tg_sandbox_text(&f->s, f->chat, "a");
    tg_hook_wait(&h, 2);
    tg_sandbox_fault(&f->s, "webhook", "lost", 1, "");
    tg_sandbox_text(&f->s, f->chat, "b");
    tg_hook_wait(&h, 4);
    tg_sandbox_fault(&f->s, "webhook", "drop", 1, "");
    tg_sandbox_text(&f->s, f->chat, "c");
    tg_hook_wait(&h, 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(text_of(h.posts[i].update), i < 2   ? "a"
                                                        : i < 4 ? "b"
                                                                : "c");
    assert_int_equal(json_i64(h.posts[0].update, "update_id", 0),
                     json_i64(h.posts[1].update, "update_id", 1));
    tg_sandbox_do(&f->s,
                  arena_fmt(f->s.arena, "updates/%lld/again",
                            LL(json_i64(h.posts[0].update, "update_id", 0))),
                  "{}");
    tg_hook_wait(&h, 6);
    assert_string_equal(text_of(h.posts[5].update), "a");
    list = json_get(tg_sandbox_ask(&f->s, "GET", "/sandbox/updates", NULL),
                    "updates");
    assert_int_equal(cJSON_GetArraySize(list), 3);
    assert_int_equal(json_i64(json_path(list, "0"), "attempts", 0), 3);
    tg_hook_stop(&h);
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
        TEST(updates_stay_until_they_are_confirmed),
        TEST(limit_and_negative_offset_choose),
        TEST(a_long_poll_wakes_when_something_comes),
        TEST(a_second_poller_ends_the_first),
        TEST(setting_a_webhook_ends_polling),
        TEST(allowed_updates_are_kept_until_they_are_given_anew),
        TEST(an_update_can_be_given_again_with_the_same_id),
        TEST(people_send_texts_pictures_and_files),
        TEST(an_album_is_several_messages_of_one_group),
        TEST(an_edit_of_a_person_is_an_update),
        TEST(a_press_carries_its_message_and_is_answered_once),
        TEST(old_and_forged_buttons_can_be_pressed),
        TEST(any_update_can_be_made_by_hand),
        TEST(a_post_has_the_secret_and_one_update),
        TEST(a_webhook_is_checked_before_it_is_set),
        TEST(setting_webhooks_too_fast_is_limited),
        TEST(failures_are_retried_in_order),
        TEST(retry_after_is_obeyed),
        TEST(a_failing_chat_does_not_hold_up_another),
        TEST(a_press_may_overtake_a_message),
        TEST(no_more_than_max_connections_run_at_once),
        TEST(a_webhook_that_is_away_gets_its_updates_later),
        TEST(dropping_pending_updates_loses_them),
        TEST(faults_double_lose_and_refuse_deliveries),
    };

    return cmocka_run_group_tests(tests, NULL, free_spec);
}

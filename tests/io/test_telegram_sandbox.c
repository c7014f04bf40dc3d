/* test_telegram_sandbox.c - telegram/ against the sandbox Telegram, and each
 * call that it made against the specification of the Bot API */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/limits.h"
#include "base/thread.h"
#include "telegram/sender.h"
#include "telegram/setup.h"
#include "telegram/update.h"
#include "tests/support/files.h"
#include "tests/support/tg_sandbox.h"
#include "tests/support/tg_spec.h"

#define WAIT_MS 20000
#define PNG "tests/data/comfy-recorded/pixels/out/09-sepia_photo_n9_0.png"

static struct tg_sandbox sandbox;
static struct tg *tg;
static int64_t chat;
static struct arena *arena;
static struct str picture; /* in the arena */

/* ---- one sender, one report at a time ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static struct tg_report last;
static char last_file[TG_FILE_ID_MAX], last_error[300];
static int reports;
static struct str object;

static int
on_report(void *ctx, const struct tg_report *r, struct err *e)
{
    (void)ctx;
    (void)e;
    pthread_mutex_lock(&lock);
    last = *r;
    snprintf(last_file, sizeof(last_file), "%s", r->file_id);
    snprintf(last_error, sizeof(last_error), "%s", r->error);
    reports++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return 0;
}

static int
on_object(void *ctx, const char *id, struct buf *out, struct err *e)
{
    (void)ctx;
    (void)id;
    (void)e;
    buf_add_str(out, object);
    return 0;
}

static const struct tg_sender_ops ops = {.report = on_report,
                                         .object = on_object};

static struct tg_report
sent(struct tg_delivery d)
{
    struct tg_sender_config cfg = {.tg = tg, .ops = &ops, .threads = 1};
    struct tg_sender *s = tg_sender_new(&cfg);
    int64_t until = clock_mono_ms() + WAIT_MS;

    reports = 0;
    tg_sender_send(s, &d);
    pthread_mutex_lock(&lock);
    while (reports == 0 && clock_mono_ms() < until)
        cond_wait_ms(&changed, &lock, 100);
    pthread_mutex_unlock(&lock);
    tg_sender_free(s);
    assert_int_equal(reports, 1);
    return last;
}

static struct tg_delivery
delivery(const char *kind, const char *body)
{
    return (struct tg_delivery){.id = "dlv_1",
                                .kind = kind,
                                .job_id = "",
                                .language = "ru",
                                .chat_id = chat,
                                .attempt = 1,
                                .body = str_c(body),
                                .object = {"", "", "", 0, 0, 0}};
}

static struct tg_report
sent_ok(struct tg_delivery d)
{
    struct tg_report r = sent(d);

    if (r.state != DELIVERY_SENT)
        fail_msg("%s: %s", delivery_state_name(r.state), last_error);
    assert_true(r.message_id > 0);
    return r;
}

/* ---- set-up ---- */

static int
start(void **state)
{
    static const char *const no_limits[] = {"--no-limits", NULL};
    struct err e;

    (void)state;
    cond_init(&changed);
    tg_sandbox_start(&sandbox, no_limits);
    tg = tg_new(sandbox.url, sandbox.token, &e);
    assert_non_null(tg);
    arena = arena_new();
    picture = test_file(arena, PNG);
    chat = tg_sandbox_user(&sandbox, "Анна <b>", "ru");
    return 0;
}

/* Whatever the tests sent: the calls that were accepted are as the
 * specification has them. */
static int
stop(void **state)
{
    struct tg_spec *spec = tg_spec_load();
    const cJSON *calls = tg_sandbox_calls(&sandbox);
    const cJSON *c;
    struct err e;
    int n = 0;

    (void)state;
    cJSON_ArrayForEach (c, calls) {
        if (tg_spec_check_call(spec, json_str(c, "method", ""),
                               json_get(c, "params"), &e) != 0)
            fail_msg("%s", e.msg);
        n++;
    }
    assert_true(n > 20);
    tg_spec_free(spec);
    arena_free(arena);
    tg_free(tg);
    tg_sandbox_stop(&sandbox);
    return 0;
}

/* The next updates, each checked by the parser; the last one in *out. */
static int64_t
poll_updates(int64_t offset, struct tg_update *out)
{
    struct tg_answer ans;
    const cJSON *u;
    struct err e;

    if (tg_get_updates(tg, offset, 10, &ans, &e) != 0)
        fail_msg("%s", e.msg);
    assert_non_null(ans.result->child);
    cJSON_ArrayForEach (u, ans.result) {
        if (tg_update_read(arena, u, out, &e) != 0)
            fail_msg("%s", e.msg);
        offset = out->update_id + 1;
    }
    tg_answer_free(&ans);
    return offset;
}

/* ---- tests ---- */

static void
a_bot_sets_itself_up(void **state)
{
    struct tg_me me;
    struct tg_webhook_info info;
    struct err e;

    (void)state;
    assert_int_equal(tg_get_me(tg, &me, &e), 0);
    assert_string_equal(me.username, "tintype_sandbox_bot");
    assert_int_equal(tg_set_commands(tg, &e), 0);
    assert_int_equal(tg_get_webhook_info(tg, &info, &e), 0);
    assert_string_equal(info.url, "");
    assert_int_equal(tg_delete_webhook(tg, &e), 0);
}

static void
what_people_do_comes_as_updates_and_files(void **state)
{
    struct tg_update u;
    struct buf b;
    struct err e;
    int64_t offset;

    (void)state;
    tg_sandbox_text(&sandbox, chat, "/start promo");
    offset = poll_updates(0, &u);
    assert_int_equal(u.kind, TG_UPDATE_MESSAGE);
    assert_string_equal(u.command, "start");
    assert_string_equal(u.args, "promo");
    assert_true(u.chat_id == chat && u.from.id == chat);
    assert_string_equal(u.from.language_code, "ru");
    tg_sandbox_photo(&sandbox, chat, picture, "подпись");
    offset = poll_updates(offset, &u);
    assert_int_equal(u.content, TG_CONTENT_PHOTO);
    assert_string_equal(u.text, "подпись");
    buf_init(&b, LIM_DOWNLOAD_BYTES);
    if (tg_download(tg, u.file.file_id, LIM_DOWNLOAD_BYTES, &b, &e) != 0)
        fail_msg("%s", e.msg);
    assert_true(u.file.size == -1 || b.len == (size_t)u.file.size);
    assert_true(b.len > 100);
    assert_int_equal(tg_download(tg, u.file.file_id, 10, &b, &e), -1);
    assert_int_equal(e.code, ERR_TOO_LARGE);
    assert_int_equal(tg_download(tg, "no-such-file", 10, &b, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    buf_free(&b);
}

#define CARD                                                                       \
    "{\"text\":\"card\",\"args\":{\"title\":{\"ru\":\"<Сепия> & Co\",\"en\":" \
    "\"Sepia\"},\"price\":5,\"balance\":60,\"eta\":40},\"keyboard\":[[{"           \
    "\"text\":\"btn_buy\",\"args\":{\"price\":5},\"data\":\"v1:buy:off_1\"}"       \
    ",{\"text\":\"btn_topup\",\"url\":\"https://example.org/\"}]]}"

static void
cards_are_sent_pressed_and_edited(void **state)
{
    struct tg_report r;
    struct tg_update u;
    struct tg_delivery d;
    struct err e;
    int64_t id;

    (void)state;
    sent_ok(delivery("message", "{\"text\":\"start\",\"args\":{\"name\":"
                                "\"Анна <b>\",\"balance\":60,\"notice\":{"
                                "\"text\":\"sandbox_notice\"}},\"menu\":true,"
                                "\"reply_to\":999999}"));
    id = sent_ok(delivery("message", CARD)).message_id;
    tg_sandbox_press(&sandbox, chat, "✅ Сделать за 5 💎");
    (void)poll_updates(0, &u);
    assert_int_equal(u.kind, TG_UPDATE_CALLBACK);
    assert_string_equal(u.data, "v1:buy:off_1");
    assert_true(u.accessible && u.message_id == id);
    assert_int_equal(
        tg_answer_callback(tg, u.callback_id, "Заказ принят!", false, &e), 0);
    assert_int_equal(tg_answer_callback(tg, "12345", NULL, false, &e), 0);
    d = delivery("status", "{\"text\":\"status_rendering\",\"args\":{"
                           "\"title\":\"T\",\"progress\":42}}");
    d.message_id = id;
    r = sent_ok(d);
    assert_true(r.message_id == id);
    r = sent_ok(d); /* not modified */
    assert_true(r.message_id == id);
    d.message_id = 7; /* was never there: a new one */
    r = sent_ok(d);
    assert_true(r.message_id > id);
}

static struct tg_delivery
result(const char *content_type, const char *file_id)
{
    struct tg_delivery d = delivery(
        "result", "{\"text\":\"result_caption\",\"args\":{\"title\":\"T\"},"
                  "\"keyboard\":[[{\"text\":\"btn_repeat\",\"data\":"
                  "\"v1:repeat:j\"}]]}");

    d.object =
        (struct tg_object){"obj_1", content_type, file_id, 1000, 640, 480};
    return d;
}

static void
pictures_go_as_photos_or_documents_and_once_more_by_id(void **state)
{
    char photo[TG_FILE_ID_MAX], document[TG_FILE_ID_MAX], body[1000];

    (void)state;
    object = picture;
    sent_ok(result("image/png", ""));
    snprintf(photo, sizeof(photo), "%s", last_file);
    assert_true(photo[0] != '\0');
    object = STR("GIF89a is no photo");
    sent_ok(result("image/gif", ""));
    snprintf(document, sizeof(document), "%s", last_file);
    assert_true(document[0] != '\0');
    object = (struct str){NULL, 0}; /* from here on nothing is uploaded */
    sent_ok(result("image/png", photo));
    sent_ok(result("image/gif", document));
    snprintf(body, sizeof(body),
             "{\"text\":\"menu_help\",\"photos\":[{\"file_id\":\"%s\"},"
             "{\"file_id\":\"%s\"}]}",
             photo, photo);
    sent_ok(delivery("album", body));
    snprintf(body, sizeof(body), "{\"photos\":[{\"file_id\":\"%s\"}]}", photo);
    sent_ok(delivery("album", body));
    snprintf(body, sizeof(body), "{\"text\":\"menu_help\",\"photo\":\"%s\"}",
             photo);
    sent_ok(delivery("message", body));
    /* an id that is of no use: uploaded after all */
    object = picture;
    sent_ok(result("image/png", "no-such-file"));
}

static void
faults_become_the_reports_of_the_protocol(void **state)
{
    static const struct {
        const char *fault, *more;
        enum delivery_state want;
    } t[] = {
        {"429", "", DELIVERY_QUEUED},       {"403", "", DELIVERY_WAITING_USER},
        {"401", "", DELIVERY_QUEUED},       {"lost", "", DELIVERY_UNKNOWN},
        {"lost_502", "", DELIVERY_UNKNOWN}, {"502", "", DELIVERY_UNKNOWN},
        {"500", "", DELIVERY_UNKNOWN},      {"drop", "", DELIVERY_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        struct tg_report r;

        tg_sandbox_fault(&sandbox, "sendMessage", t[i].fault, 1, t[i].more);
        r = sent(delivery("message", CARD));
        if (r.state != t[i].want)
            fail_msg("%s: %s %s", t[i].fault, delivery_state_name(r.state),
                     last_error);
        assert_int_equal(r.rate_limited, strcmp(t[i].fault, "429") == 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bot_sets_itself_up),
        cmocka_unit_test(what_people_do_comes_as_updates_and_files),
        cmocka_unit_test(cards_are_sent_pressed_and_edited),
        cmocka_unit_test(
            pictures_go_as_photos_or_documents_and_once_more_by_id),
        cmocka_unit_test(faults_become_the_reports_of_the_protocol),
    };

    return cmocka_run_group_tests(tests, start, stop);
}

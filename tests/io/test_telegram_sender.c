/* test_telegram_sender.c - telegram/sender.c and send.c: the backend is a
 * script in this file, Telegram a tape */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "telegram/sender.h"
#include "tests/support/tape.h"

#define TOKEN "123456:ABC-def_GHI"
#define CALL(method) "POST /bot" TOKEN "/" method " "
#define JSON "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
#define STATUS(n) "HTTP/1.1 " n " X\r\nConnection: close\r\n\r\n"
#define REFUSAL(n, text)                                                       \
    T_SEND(STATUS(n) "{\"ok\":false,\"error_code\":" n                         \
                     ",\"description\":\"" text "\"}"),                        \
        T_CLOSE
#define SENT(id)                                                               \
    T_SEND(JSON "{\"ok\":true,\"result\":{\"message_id\":" id ",\"date\":1,"   \
                "\"chat\":{\"id\":111,\"type\":\"private\"}}}"),               \
        T_CLOSE
#define ASK(method) T_ACCEPT, T_REQUEST(CALL(method))
#define WAIT_MS 10000
#define REPORTS_MAX 16

/* ---- a backend ---- */

struct seen {
    char id[32], file_id[64], error[300];
    enum delivery_state state;
    int64_t attempt, message_id, retry_after_ms;
    bool rate_limited;
};

struct backend {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct tg_delivery give[4]; /* what the next claims hand out */
    int ngive, most;            /* most: largest max that was asked for */
    bool woken;
    struct seen seen[REPORTS_MAX];
    int nseen;
    struct str object;    /* bytes of every object; p NULL: not found */
    char asked[200];      /* ids of objects in the order of asking */
    const char *wait_for; /* object "a1" waits until this one was asked */
};

static int
on_claim(void *ctx, const char *lane, int64_t wait_ms, int max, struct arena *a,
         struct tg_delivery **list, size_t *n, struct err *e)
{
    struct backend *b = ctx;

    (void)lane;
    (void)e;
    *n = 0;
    *list = ARENA_ARRAY(a, struct tg_delivery, 4);
    pthread_mutex_lock(&b->lock);
    if (max > b->most)
        b->most = max;
    if (b->ngive == 0 && !b->woken)
        cond_wait_ms(&b->changed, &b->lock, wait_ms);
    while (b->ngive > 0 && (int)*n < max) {
        (*list)[(*n)++] = b->give[0];
        memmove(b->give, b->give + 1, sizeof(b->give) - sizeof(b->give[0]));
        b->ngive--;
    }
    pthread_mutex_unlock(&b->lock);
    return 0;
}

static int
on_report(void *ctx, const struct tg_report *r, struct err *e)
{
    struct backend *b = ctx;
    struct seen *s;

    (void)e;
    pthread_mutex_lock(&b->lock);
    assert_true(b->nseen < REPORTS_MAX);
    s = &b->seen[b->nseen++];
    snprintf(s->id, sizeof(s->id), "%s", r->id);
    snprintf(s->file_id, sizeof(s->file_id), "%s", r->file_id);
    snprintf(s->error, sizeof(s->error), "%s", r->error);
    s->state = r->state;
    s->attempt = r->attempt;
    s->message_id = r->message_id;
    s->retry_after_ms = r->retry_after_ms;
    s->rate_limited = r->rate_limited;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
    return 0;
}

static int
on_object(void *ctx, const char *id, struct buf *out, struct err *e)
{
    struct backend *b = ctx;
    int64_t until = clock_mono_ms() + WAIT_MS;

    pthread_mutex_lock(&b->lock);
    strncat(b->asked, id, sizeof(b->asked) - strlen(b->asked) - 1);
    pthread_cond_broadcast(&b->changed);
    while (b->wait_for != NULL && strcmp(id, "a1") == 0 &&
           strstr(b->asked, b->wait_for) == NULL && clock_mono_ms() < until)
        cond_wait_ms(&b->changed, &b->lock, 100);
    pthread_mutex_unlock(&b->lock);
    if (b->object.p == NULL)
        return err_set(e, ERR_NOT_FOUND, "object %s is gone", id);
    buf_add_str(out, b->object);
    return 0;
}

static void
on_wake(void *ctx)
{
    struct backend *b = ctx;

    pthread_mutex_lock(&b->lock);
    b->woken = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

static void
wait_reports(struct backend *b, int n)
{
    int64_t until = clock_mono_ms() + WAIT_MS;

    pthread_mutex_lock(&b->lock);
    while (b->nseen < n && clock_mono_ms() < until)
        cond_wait_ms(&b->changed, &b->lock, 100);
    n -= b->nseen;
    pthread_mutex_unlock(&b->lock);
    assert_true(n <= 0);
}

static void
backend_init(struct backend *b)
{
    memset(b, 0, sizeof(*b));
    pthread_mutex_init(&b->lock, NULL);
    cond_init(&b->changed);
}

/* ---- one sender ---- */

struct bench {
    struct backend b;
    struct tg_sender_ops ops;
    struct tg *tg;
    struct tg_sender *s;
    struct tape *tape;
};

static void
start_at(struct bench *x, const char *url, int threads,
         const char *const *lanes)
{
    struct err e;
    struct tg_sender_config cfg = {
        .ops = &x->ops, .lanes = lanes, .threads = threads};

    x->ops =
        (struct tg_sender_ops){&x->b, on_claim, on_report, on_object, on_wake};
    x->tg = tg_new(url, TOKEN, &e);
    assert_non_null(x->tg);
    cfg.tg = x->tg;
    x->s = tg_sender_new(&cfg);
}

static void
start(struct bench *x, const struct tape_step *steps, size_t n)
{
    backend_init(&x->b);
    x->tape = tape_play(steps, n);
    start_at(x, tape_url(x->tape), 1, NULL);
}
#define START(x, steps) start((x), (steps), sizeof(steps) / sizeof(*(steps)))

static void
finish(struct bench *x)
{
    tg_sender_free(x->s);
    tg_free(x->tg);
    if (x->tape != NULL)
        tape_end(x->tape);
    pthread_cond_destroy(&x->b.changed);
    pthread_mutex_destroy(&x->b.lock);
}

static struct tg_delivery
delivery(const char *id, const char *kind, const char *body)
{
    return (struct tg_delivery){.id = id,
                                .kind = kind,
                                .job_id = "job_1",
                                .language = "en",
                                .chat_id = 111,
                                .attempt = 1,
                                .body = str_c(body),
                                .object = {"", "", "", 0, 0, 0}};
}

#define TEXT_BODY "{\"text\":\"balance\",\"args\":{\"balance\":7}}"

/* Sends it; gives the only report. */
static struct seen
send_and_see(struct bench *x, struct tg_delivery d)
{
    tg_sender_send(x->s, &d);
    wait_reports(&x->b, 1);
    finish(x);
    assert_int_equal(x->b.nseen, 1);
    assert_string_equal(x->b.seen[0].id, d.id);
    assert_true(x->b.seen[0].attempt == d.attempt);
    return x->b.seen[0];
}

/* ---- texts ---- */

static void
a_claimed_message_is_sent_and_reported(void **state)
{
    static const char *const lanes[] = {"chat", "job", NULL};
    static const struct tape_step steps[] = {ASK("sendMessage"),
                                             T_HAS("\"chat_id\":111"),
                                             T_HAS("You have <b>7</b> credits."),
                                             SENT("55"),
                                             ASK("sendMessage"),
                                             SENT("56")};
    struct bench x = {0};

    (void)state;
    backend_init(&x.b);
    x.b.give[0] = delivery("d1", "message", TEXT_BODY);
    x.b.give[1] = delivery("d2", "message", TEXT_BODY);
    x.b.ngive = 2;
    x.tape = TAPE_PLAY(steps);
    start_at(&x, tape_url(x.tape), 1, lanes);
    wait_reports(&x.b, 2);
    finish(&x);
    assert_int_equal(x.b.seen[0].state, DELIVERY_SENT);
    assert_true(x.b.seen[0].message_id == 55);
    assert_string_equal(x.b.seen[0].file_id, "");
    assert_string_equal(x.b.seen[0].error, "");
    assert_true(x.b.seen[1].message_id == 56);
    assert_int_equal(x.b.most, 1); /* never more than there are threads */
}

static void
a_status_whose_message_is_gone_becomes_a_new_one(void **state)
{
    static const struct tape_step steps[] = {
        ASK("editMessageText"),
        T_HAS("\"message_id\":40"),
        REFUSAL("400", "Bad Request: message to edit not found"),
        ASK("sendMessage"),
        T_HAS_NOT("\"message_id\":40"),
        SENT("56")};
    struct bench x;
    struct tg_delivery d = delivery("d1", "status", TEXT_BODY);
    struct seen s;

    (void)state;
    START(&x, steps);
    d.message_id = 40;
    s = send_and_see(&x, d);
    assert_int_equal(s.state, DELIVERY_SENT);
    assert_true(s.message_id == 56);
}

static void
a_status_that_says_the_same_is_sent(void **state)
{
    static const struct tape_step steps[] = {
        ASK("editMessageText"),
        REFUSAL("400", "Bad Request: message is not modified: specified new "
                       "message content and reply markup are exactly the "
                       "same")};
    struct bench x;
    struct tg_delivery d = delivery("d1", "status", TEXT_BODY);
    struct seen s;

    (void)state;
    START(&x, steps);
    d.message_id = 40;
    s = send_and_see(&x, d);
    assert_int_equal(s.state, DELIVERY_SENT);
    assert_true(s.message_id == 40);
}

static void
html_that_telegram_refuses_goes_out_as_plain_text(void **state)
{
    static const struct tape_step steps[] = {
        ASK("sendMessage"),
        T_HAS("\"parse_mode\":\"HTML\""),
        REFUSAL("400", "Bad Request: can't parse entities: x"),
        ASK("sendMessage"),
        T_HAS_NOT("parse_mode"),
        T_HAS("\"text\":\"💎 You have 7 credits.\""),
        SENT("5")};
    struct bench x;

    (void)state;
    START(&x, steps);
    assert_int_equal(
        send_and_see(&x, delivery("d1", "message", TEXT_BODY)).state,
        DELIVERY_SENT);
}

static void
refusals_become_the_states_of_the_protocol(void **state)
{
    static const struct tape_step limited[] = {
        ASK("sendMessage"),
        T_SEND(STATUS(
            "429") "{\"ok\":false,\"error_code\":429,"
                   "\"description\":\"Too Many Requests: retry after 7\","
                   "\"parameters\":{\"retry_after\":7}}"),
        T_CLOSE};
    static const struct tape_step blocked[] = {
        ASK("sendMessage"),
        REFUSAL("403", "Forbidden: bot was blocked by the user")};
    static const struct tape_step refused[] = {
        ASK("sendMessage"), REFUSAL("400", "Bad Request: BUTTON_DATA_INVALID")};
    struct bench x;
    struct seen s;

    (void)state;
    START(&x, limited);
    s = send_and_see(&x, delivery("d1", "message", TEXT_BODY));
    assert_int_equal(s.state, DELIVERY_QUEUED);
    assert_true(s.rate_limited);
    assert_in_range(s.retry_after_ms, 7000, 7250);
    START(&x, blocked);
    s = send_and_see(&x, delivery("d1", "result", TEXT_BODY));
    assert_int_equal(s.state, DELIVERY_WAITING_USER);
    START(&x, refused);
    s = send_and_see(&x, delivery("d1", "message", TEXT_BODY));
    assert_int_equal(s.state, DELIVERY_FAILED);
    assert_string_equal(s.error, "telegram sendMessage: Bad Request: "
                                 "BUTTON_DATA_INVALID (400 refused)");
}

static void
an_unknown_outcome_is_unknown_but_for_edits(void **state)
{
    static const struct tape_step sent[] = {ASK("sendMessage"), T_RESET};
    static const struct tape_step edited[] = {
        ASK("editMessageText"), T_SEND(STATUS("502") "<html>"), T_CLOSE};
    struct bench x;
    struct tg_delivery d = delivery("d1", "edit", TEXT_BODY);
    struct seen s;

    (void)state;
    START(&x, sent);
    s = send_and_see(&x, delivery("d1", "message", TEXT_BODY));
    assert_int_equal(s.state, DELIVERY_UNKNOWN);
    START(&x, edited);
    d.message_id = 40;
    s = send_and_see(&x, d);
    assert_int_equal(s.state, DELIVERY_QUEUED);
    assert_false(s.rate_limited);
}

static void
while_telegram_is_away_nothing_counts_as_sent(void **state)
{
    static const struct tape_step none[] = {T_ACCEPT, T_CLOSE};
    struct tape *t = TAPE_PLAY(none);
    char url[64];
    struct bench x = {0};
    struct seen s;
    struct tg *probe;
    struct tg_answer ans;
    struct err e;

    (void)state;
    /* a port on which nobody listens any more */
    snprintf(url, sizeof(url), "%s", tape_url(t));
    probe = tg_new(url, TOKEN, &e);
    (void)tg_call(probe, "getMe", STR(""), false, &ans, &e);
    tg_answer_free(&ans);
    tg_free(probe);
    tape_end(t);
    backend_init(&x.b);
    start_at(&x, url, 1, NULL);
    s = send_and_see(&x, delivery("d1", "message", TEXT_BODY));
    assert_int_equal(s.state, DELIVERY_QUEUED);
    assert_in_range(s.retry_after_ms, 1000, 1250);
}

static void
a_body_that_is_a_bug_fails_without_a_call(void **state)
{
    struct bench x = {0};
    struct seen s;

    (void)state;
    backend_init(&x.b);
    start_at(&x, "http://127.0.0.1:1", 1, NULL);
    s = send_and_see(&x, delivery("d1", "message", "{\"args\":{}}"));
    assert_int_equal(s.state, DELIVERY_FAILED);
    assert_string_equal(s.error, "body of message d1: a message without text");
}

static void
a_refused_token_stops_all_sending(void **state)
{
    static const struct tape_step steps[] = {ASK("sendMessage"),
                                             REFUSAL("401", "Unauthorized")};
    struct bench x;
    struct tg_delivery d1 = delivery("d1", "message", TEXT_BODY);
    struct tg_delivery d2 = delivery("d2", "message", TEXT_BODY);

    (void)state;
    START(&x, steps);
    tg_sender_send(x.s, &d1);
    tg_sender_send(x.s, &d2);
    wait_reports(&x.b, 1);
    finish(&x);
    assert_int_equal(x.b.seen[0].state, DELIVERY_QUEUED);
    assert_true(x.b.seen[0].retry_after_ms == 30000);
    assert_int_equal(x.b.nseen, 2);
    assert_string_equal(x.b.seen[1].id, "d2");
    assert_int_equal(x.b.seen[1].state, DELIVERY_QUEUED);
    assert_string_equal(x.b.seen[1].error, "handed back unsent");
}

/* ---- pictures ---- */

static struct str
picture(void)
{
    static char bytes[4096];
    FILE *f = fopen("tests/fuzz/corpus/image/a.png", "rb");
    size_t n;

    assert_non_null(f);
    n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    assert_true(n > 40);
    return str_n(bytes, n);
}

static struct tg_delivery
result(const char *id, const char *object, const char *file_id)
{
    struct tg_delivery d = delivery(id, "result",
                                    "{\"text\":\"result_caption\",\"args\":{"
                                    "\"title\":\"T\"}}");

    d.object = (struct tg_object){object, "image/jpeg", file_id, 100, 64, 64};
    return d;
}

#define PHOTO_SENT                                                             \
    T_SEND(JSON "{\"ok\":true,\"result\":{\"message_id\":8,\"photo\":[{"       \
                "\"file_id\":\"small\",\"width\":9,\"height\":9},{"            \
                "\"file_id\":\"big\",\"width\":90,\"height\":90}]}}"),         \
        T_CLOSE
#define DOCUMENT_SENT                                                          \
    T_SEND(JSON "{\"ok\":true,\"result\":{\"message_id\":8,\"document\":{"     \
                "\"file_id\":\"doc\"}}}"),                                     \
        T_CLOSE

static void
a_picture_that_telegram_has_is_sent_by_its_id(void **state)
{
    static const struct tape_step steps[] = {
        ASK("sendPhoto"), T_HAS("\"photo\":\"F1\""),
        T_HAS("\"caption\":\"<b>T</b>\""), PHOTO_SENT};
    struct bench x;
    struct seen s;

    (void)state;
    START(&x, steps);
    s = send_and_see(&x, result("d1", "o1", "F1"));
    assert_int_equal(s.state, DELIVERY_SENT);
    assert_string_equal(s.file_id, "big");
    assert_string_equal(x.b.asked, "");
}

/* By id, then as a photo, then as a document; each once. */
static void
a_picture_that_telegram_refuses_goes_another_way(void **state)
{
    static const struct tape_step steps[] = {
        ASK("sendPhoto"),
        T_HAS("\"photo\":\"F1\""),
        REFUSAL("400", "Bad Request: wrong file_id or the file is temporarily "
                       "unavailable"),
        ASK("sendPhoto"),
        T_HAS("filename=\"tintype.png\""),
        T_HAS("name=\"parse_mode\"\r\n\r\nHTML"),
        REFUSAL("400", "Bad Request: PHOTO_INVALID_DIMENSIONS"),
        ASK("sendDocument"),
        T_HAS("name=\"document\"; filename="),
        DOCUMENT_SENT};
    struct bench x;
    struct seen s;

    (void)state;
    START(&x, steps);
    x.b.object = picture();
    s = send_and_see(&x, result("d1", "o1", "F1"));
    assert_int_equal(s.state, DELIVERY_SENT);
    assert_string_equal(s.file_id, "doc");
    assert_string_equal(x.b.asked, "o1");
}

static void
what_is_no_photo_is_uploaded_as_a_document(void **state)
{
    static const struct tape_step steps[] = {
        ASK("sendDocument"), T_HAS("filename=\"tintype.bin\""),
        T_HAS("\r\n\r\nnot a picture\r\n"), DOCUMENT_SENT};
    struct bench x;

    (void)state;
    START(&x, steps);
    x.b.object = STR("not a picture");
    assert_int_equal(send_and_see(&x, result("d1", "o1", "")).state,
                     DELIVERY_SENT);
}

static void
a_file_that_is_gone_fails_its_delivery(void **state)
{
    struct bench x = {0};
    struct seen s;

    (void)state;
    backend_init(&x.b);
    start_at(&x, "http://127.0.0.1:1", 1, NULL);
    s = send_and_see(&x, result("d1", "o1", ""));
    assert_int_equal(s.state, DELIVERY_FAILED);
    assert_string_equal(s.error, "object o1 is gone");
}

/* ---- order and end ---- */

/* Two threads: while a1 is under way, a2 of the same chat must wait and b1 of
 * another one must not. */
static void
one_chat_is_served_in_order_and_holds_up_no_other(void **state)
{
    struct bench x = {0};
    struct tg_delivery d[] = {result("d1", "a1", ""), result("d2", "a2", ""),
                              result("d3", "b1", "")};

    (void)state;
    d[2].chat_id = 222;
    backend_init(&x.b);
    x.b.wait_for = "b1";
    start_at(&x, "http://127.0.0.1:1", 2, NULL);
    for (int i = 0; i < 3; i++)
        tg_sender_send(x.s, &d[i]);
    wait_reports(&x.b, 3);
    finish(&x);
    assert_string_equal(x.b.asked, "a1b1a2");
}

static void
what_comes_after_the_stop_is_handed_back(void **state)
{
    struct bench x = {0};
    struct tg_delivery d = delivery("d1", "message", TEXT_BODY);

    (void)state;
    backend_init(&x.b);
    start_at(&x, "http://127.0.0.1:1", 3, NULL);
    tg_sender_stop(x.s);
    tg_sender_send(x.s, &d);
    finish(&x);
    assert_int_equal(x.b.nseen, 1);
    assert_int_equal(x.b.seen[0].state, DELIVERY_QUEUED);
    assert_true(x.b.seen[0].retry_after_ms == 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_claimed_message_is_sent_and_reported),
        cmocka_unit_test(a_status_whose_message_is_gone_becomes_a_new_one),
        cmocka_unit_test(a_status_that_says_the_same_is_sent),
        cmocka_unit_test(html_that_telegram_refuses_goes_out_as_plain_text),
        cmocka_unit_test(refusals_become_the_states_of_the_protocol),
        cmocka_unit_test(an_unknown_outcome_is_unknown_but_for_edits),
        cmocka_unit_test(while_telegram_is_away_nothing_counts_as_sent),
        cmocka_unit_test(a_body_that_is_a_bug_fails_without_a_call),
        cmocka_unit_test(a_refused_token_stops_all_sending),
        cmocka_unit_test(a_picture_that_telegram_has_is_sent_by_its_id),
        cmocka_unit_test(a_picture_that_telegram_refuses_goes_another_way),
        cmocka_unit_test(what_is_no_photo_is_uploaded_as_a_document),
        cmocka_unit_test(a_file_that_is_gone_fails_its_delivery),
        cmocka_unit_test(one_chat_is_served_in_order_and_holds_up_no_other),
        cmocka_unit_test(what_comes_after_the_stop_is_handed_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

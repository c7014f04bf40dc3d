/*
 * test_backend_delivery.c - messages out: lanes, order, budgets, outcomes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "backend/backend.h"
#include "base/clock.h"
#include "tests/support/desk.h"

#define CHAT 600
#define WAIT_MS 20000

static struct ans
claim(struct desk *s, const char *lane, const char *sender, int max,
      int64_t wait_ms)
{
    struct ans a =
        ask(s, "POST /api/deliveries/claim",
            "{\"lane\":\"%s\",\"sender\":\"%s\",\"boot\":\"b1\",\"max\":%d,"
            "\"wait_ms\":%lld}",
            lane, sender, max, (long long)wait_ms);
    ans_must(&a, 200);
    return a;
}

/* Exactly n deliveries at once. */
static struct ans
claim_n(struct desk *s, const char *lane, int n)
{
    struct ans a =
        claim(s, lane, strcmp(lane, "job") == 0 ? "w1" : "bot", 32, 0);
    if (ans_len(&a, "deliveries") != n)
        fail_msg("not %d deliveries: %s", n, a.body.p);
    return a;
}

static struct ans
report(struct desk *s, const struct ans *a, int n, const char *members)
{
    char id[32], attempt[48];
    snprintf(id, sizeof id, "deliveries.%d.id", n);
    snprintf(attempt, sizeof attempt, "deliveries.%d.attempt", n);
    return ask(s, desk_text(s, "PATCH /api/deliveries/%s", ans_str(a, id)),
               "{\"sender\":\"x\",\"boot\":\"b1\",\"attempt\":%lld,%s}",
               (long long)ans_i64(a, attempt), members);
}

static void
report_ok(struct desk *s, const struct ans *a, int n, const char *members)
{
    struct ans r = report(s, a, n, members);
    ans_must(&r, 200);
}

/* A message into a chat by the finish of an update; what the finish claimed
 * is the answer. */
static struct ans
say(struct desk *s, int64_t chat, const char *user, const char *texts[],
    size_t n)
{
    struct buf b;
    buf_init(&b, 65536);
    buf_addf(&b, ",\"user_id\":\"%s\",\"deliveries\":[", user);
    for (size_t i = 0; i < n; i++)
        buf_addf(&b,
                 "%s{\"kind\":\"message\",\"chat_id\":%lld,"
                 "\"body\":{\"text\":\"%s\"}}",
                 i > 0 ? "," : "", (long long)chat, texts[i]);
    buf_add_c(&b, "]");
    struct ans a = desk_turn(s, chat, buf_cstr(&b));
    buf_free(&b);
    ans_must(&a, 200);
    return a;
}

static struct ans
say_one(struct desk *s, int64_t chat, const char *user)
{
    const char *texts[] = {"hello"};
    return say(s, chat, user, texts, 1);
}

/* ---- status and result ---- */

static void
a_job_s_status_is_one_message(void **state)
{
    struct desk *s = *state;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    const char *job = desk_buy(s, user, CHAT);
    struct ans a = claim_n(s, "job", 1);
    assert_string_equal(ans_str(&a, "deliveries.0.kind"), "status");
    assert_string_equal(ans_str(&a, "deliveries.0.job_id"), job);
    assert_string_equal(ans_str(&a, "deliveries.0.language"), "en");
    assert_string_equal(ans_str(&a, "deliveries.0.body.text"), "status_queued");
    assert_string_equal(ans_str(&a, "deliveries.0.body.keyboard.0.0.data"),
                        desk_text(s, "v1:cancel:%s", job));
    assert_false(ans_has(&a, "deliveries.0.message_id"));
    assert_false(ans_is(&a, "deliveries.0.final"));
    report_ok(s, &a, 0, "\"state\":\"sent\",\"message_id\":77");
    claim_n(s, "job", 0);
    struct ans t = desk_claim(s); /* processing: a new revision, after 3 s */
    ans_must(&t, 200);
    claim_n(s, "job", 0);
    a = claim(s, "job", "w1", 32, WAIT_MS);
    assert_int_equal(ans_len(&a, "deliveries"), 1);
    assert_int_equal(ans_i64(&a, "deliveries.0.message_id"), 77);
    assert_int_equal(ans_i64(&a, "deliveries.0.revision"), 2);
}

static void
the_card_becomes_the_status_of_the_first_job(void **state)
{
    struct desk *s = *state;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    const char *offer = desk_offer(s, user, CHAT, 2);
    struct ans a = ask(s, "POST /api/jobs/create",
                       "{\"offer\":\"%s\",\"card_message_id\":55}", offer);
    ans_must(&a, 201);
    const char *first = ans_str(&a, "jobs.0.id");
    a = claim_n(s, "job", 2);
    assert_string_equal(ans_str(&a, "deliveries.0.job_id"), first);
    assert_int_equal(ans_i64(&a, "deliveries.0.message_id"), 55);
    assert_false(ans_has(&a, "deliveries.1.message_id"));
}

static void
the_newest_revision_wins(void **state)
{
    struct desk *s = *state;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    desk_buy(s, user, CHAT);
    struct ans st = claim_n(s, "job", 1);
    struct ans t = desk_claim(s);
    ans_must(&t, 200);
    for (int i = 1; i <= 3; i++) {
        struct ans a = ask(
            s, desk_text(s, "POST /api/tasks/%s/heartbeat", ans_str(&t, "id")),
            "{\"worker\":\"w1\",\"boot\":\"b1\",\"attempt\":1,"
            "\"stage\":\"rendering\",\"progress\":%d}",
            i * 10);
        ans_must(&a, 200);
    }
    claim_n(s, "job", 0); /* it is in flight */
    report_ok(s, &st, 0, "\"state\":\"sent\",\"message_id\":7");
    st = claim(s, "job", "w1", 32, WAIT_MS);
    assert_int_equal(ans_len(&st, "deliveries"), 1);
    assert_int_equal(ans_i64(&st, "deliveries.0.revision"), 5);
    assert_int_equal(ans_i64(&st, "deliveries.0.body.args.progress"), 30);
    report_ok(s, &st, 0, "\"state\":\"sent\",\"message_id\":7");
    claim_n(s, "job", 0);
}

/* A PNG of 1 x 1. */
static const char png[] =
    "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\10\0\0\0\0\x3a\x7e\x9b\x55"
    "\0\0\0\nIDATx\x9c\x63\x60\0\0\0\2\0\1\x48\xaf\xa4\x71\0\0\0\0IEND\xae"
    "\x42\x60\x82";

/* Stores a result of the claimed task; its object id. */
static const char *
put_result(struct desk *s, const struct ans *t, int n)
{
    char call[200];
    snprintf(call, sizeof call, "PUT /api/objects?task=%s&n=%d",
             ans_str(t, "id"), n);
    struct ans a = ask_with(s, call, (struct str){png, sizeof png - 1}, NULL);
    ans_must(&a, 201);
    return arena_strdup(s->a, ans_str(&a, "id"));
}

static void
the_last_status_comes_at_once_and_before_the_pictures(void **state)
{
    struct desk *s = *state;
    char members[200];
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    desk_buy(s, user, CHAT);
    struct ans st = claim_n(s, "job", 1);
    report_ok(s, &st, 0, "\"state\":\"sent\",\"message_id\":7");
    struct ans t = desk_claim(s);
    const char *one = put_result(s, &t, 0), *two = put_result(s, &t, 1);
    snprintf(members, sizeof members,
             "\"status\":\"success\",\"files\":[\"%s\",\"%s\"]", one, two);
    for (int i = 0; i < 2; i++) { /* the first answer may be lost */
        struct ans a = desk_report(s, &t, members);
        ans_must(&a, 200);
        /* the chat's budget has two left of its three */
        assert_int_equal(ans_len(&a, "deliveries"), 2);
        assert_string_equal(ans_str(&a, "deliveries.0.kind"), "status");
        assert_true(ans_is(&a, "deliveries.0.final"));
        assert_int_equal(ans_i64(&a, "deliveries.0.message_id"), 7);
        assert_string_equal(ans_str(&a, "deliveries.0.body.text"),
                            "status_done");
        assert_string_equal(ans_str(&a, "deliveries.1.kind"), "result");
        assert_string_equal(ans_str(&a, "deliveries.1.object.id"), one);
        assert_int_equal(ans_i64(&a, "deliveries.1.attempt"), 1);
        st = a;
    }
    claim_n(s, "job", 0); /* one message in flight */
    report_ok(s, &st, 0, "\"state\":\"sent\"");
    report_ok(s, &st, 1,
              "\"state\":\"sent\",\"message_id\":8,"
              "\"file_id\":\"TG1\"");
    struct ans a = claim(s, "job", "w1", 32, WAIT_MS);
    assert_int_equal(ans_len(&a, "deliveries"), 1);
    assert_string_equal(ans_str(&a, "deliveries.0.object.id"), two);
    report_ok(s, &a, 0, "\"state\":\"sent\"");
    a = ask(s, desk_text(s, "GET /api/jobs/%s", ans_str(&t, "job_id")), NULL);
    assert_int_equal(ans_len(&a, "files"), 2);
    assert_string_equal(ans_str(&a, "files.0.file_id"), "TG1");
    /* told: a third finish has nothing to hand out */
    a = desk_report(s, &t, members);
    ans_must(&a, 200);
    assert_false(ans_has(&a, "deliveries"));
}

static void
a_result_waits_for_the_last_status(void **state)
{
    struct desk *s = *state;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    desk_buy(s, user, CHAT);
    struct ans st = claim_n(s, "job", 1);
    struct ans t = desk_claim(s);
    char members[100];
    snprintf(members, sizeof members,
             "\"status\":\"success\",\"result_ref\":\"%s\"",
             put_result(s, &t, 0));
    /* the first status is in flight: nothing is handed out */
    struct ans a = desk_report(s, &t, members);
    ans_must(&a, 200);
    assert_false(ans_has(&a, "deliveries"));
    claim_n(s, "job", 0);
    report_ok(s, &st, 0, "\"state\":\"sent\",\"message_id\":7");
    st = claim_n(s, "job", 1);
    assert_string_equal(ans_str(&st, "deliveries.0.kind"), "status");
    assert_true(ans_is(&st, "deliveries.0.final"));
    claim_n(s, "job", 0);
    report_ok(s, &st, 0, "\"state\":\"sent\",\"message_id\":7");
    a = claim_n(s, "job", 1);
    assert_string_equal(ans_str(&a, "deliveries.0.kind"), "result");
}

static void
a_failed_job_says_why(void **state)
{
    struct desk *s = *state;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    desk_buy(s, user, CHAT);
    struct ans a =
        desk_run(s, "\"status\":\"failed\",\"error_class\":\"input\"");
    ans_must(&a, 200);
    assert_int_equal(ans_len(&a, "deliveries"), 1);
    assert_string_equal(ans_str(&a, "deliveries.0.body.text"), "status_failed");
    assert_string_equal(ans_str(&a, "deliveries.0.body.args.reason.text"),
                        "fail_input");
    assert_string_equal(ans_str(&a, "deliveries.0.body.keyboard.0.0.text"),
                        "btn_retry");
}

static void
a_refund_is_told(void **state)
{
    struct desk *s = *state;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    const char *job = desk_buy(s, user, CHAT);
    struct ans a = desk_run(s, "\"status\":\"success\"");
    report_ok(s, &a, 0, "\"state\":\"sent\",\"message_id\":7");
    a = ask(s, desk_text(s, "POST /api/jobs/%s/refund", job),
            "{\"reason\":\"ugly\"}");
    ans_must(&a, 200);
    a = claim_n(s, "job", 1);
    assert_string_equal(ans_str(&a, "deliveries.0.kind"), "note");
    assert_string_equal(ans_str(&a, "deliveries.0.body.text"), "refunded");
}

/* ---- lanes ---- */

static void
the_bot_sends_jobs_only_while_no_worker_lives(void **state)
{
    struct desk *s = *state;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    desk_buy(s, user, CHAT);
    struct ans a = claim(s, "job", "bot", 32, 0);
    assert_int_equal(ans_len(&a, "deliveries"), 0);
    claim_n(s, "job", 1);
    a = ask(s, "POST /api/deliveries/claim",
            "{\"lane\":\"night\",\"sender\":\"x\",\"boot\":\"b\"}");
    ans_must(&a, 400);
}

static void
the_bot_sends_jobs_when_workers_are_away(void **state)
{
    static const struct db_sql age = {
        "test.age", "UPDATE workers SET seen_at = seen_at - 40000", ""};
    struct desk *s = *state;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    desk_buy(s, user, CHAT);
    desk_stop(s);
    assert_int_equal(desk_sql(s, &age), 1);
    desk_again(s);
    struct ans a = claim(s, "job", "bot", 32, 0);
    assert_int_equal(ans_len(&a, "deliveries"), 1);
}

/* ---- order ---- */

static void
a_chat_s_messages_go_one_by_one(void **state)
{
    struct desk *s = *state;
    const char *user = desk_user(s, CHAT);
    const char *other = desk_user(s, CHAT + 1);
    const char *texts[] = {"one", "two", "three"};
    struct ans a = say(s, CHAT, user, texts, 3);
    assert_int_equal(ans_len(&a, "deliveries"), 1);
    assert_string_equal(ans_str(&a, "deliveries.0.body.text"), "one");
    claim_n(s, "chat", 0);
    struct ans b = say_one(s, CHAT + 1, other);
    assert_int_equal(ans_len(&b, "deliveries"), 1);
    report_ok(s, &a, 0, "\"state\":\"sent\",\"message_id\":1");
    a = claim_n(s, "chat", 1);
    assert_string_equal(ans_str(&a, "deliveries.0.body.text"), "two");
    /* handed back: it stays before the third */
    report_ok(s, &a, 0, "\"state\":\"queued\"");
    a = claim_n(s, "chat", 1);
    assert_string_equal(ans_str(&a, "deliveries.0.body.text"), "two");
    assert_int_equal(ans_i64(&a, "deliveries.0.attempt"), 2);
    assert_false(ans_is(&a, "deliveries.0.repeated"));
    report_ok(s, &a, 0, "\"state\":\"failed\",\"error\":\"400\"");
    a = claim(s, "chat", "bot", 32, WAIT_MS);
    assert_string_equal(ans_str(&a, "deliveries.0.body.text"), "three");
}

static void
a_lost_finish_gives_its_messages_again(void **state)
{
    struct desk *s = *state;
    desk_user(s, CHAT);
    struct ans a =
        ask(s, "POST /api/updates",
            "{\"bot_id\":\"" DESK_BOT "\",\"take\":true,\"bot\":\"bot\","
            "\"boot\":\"b1\",\"update\":{\"update_id\":1,\"message\":{"
            "\"chat\":{\"id\":600},\"from\":{\"id\":600}}}}");
    int64_t seq = ans_i64(&a, "seq");
    const char *id = NULL;
    for (int i = 0; i < 2; i++) {
        a = ask(
            s, arena_fmt(s->a, "POST /api/updates/%lld/finish", (long long)seq),
            "{\"attempt\":1,\"bot_id\":\"" DESK_BOT "\",\"bot\":\"bot\","
            "\"boot\":\"b1\",\"deliveries\":[{\"kind\":\"message\","
            "\"chat_id\":600,\"body\":{\"text\":\"x\"}}]}");
        ans_must(&a, 200);
        assert_int_equal(ans_len(&a, "deliveries"), 1);
        assert_int_equal(ans_i64(&a, "deliveries.0.attempt"), 1);
        if (i == 1)
            assert_string_equal(ans_str(&a, "deliveries.0.id"), id);
        id = arena_strdup(s->a, ans_str(&a, "deliveries.0.id"));
    }
    report_ok(s, &a, 0, "\"state\":\"sent\",\"message_id\":1");
    claim_n(s, "chat", 0);
}

/* ---- outcomes ---- */

static void
an_unknown_outcome_is_tried_once_more(void **state)
{
    struct desk *s = *state;
    const char *user = desk_user(s, CHAT);
    struct ans a = say_one(s, CHAT, user);
    report_ok(s, &a, 0, "\"state\":\"unknown\",\"error\":\"timeout\"");
    a = claim_n(s, "chat", 1);
    assert_true(ans_is(&a, "deliveries.0.repeated"));
    report_ok(s, &a, 0, "\"state\":\"unknown\"");
    claim_n(s, "chat", 0);
    struct ans r = report(s, &a, 0, "\"state\":\"unknown\"");
    ans_must(&r, 200); /* told before */
}

static void
an_unknown_edit_is_simply_sent_again(void **state)
{
    struct desk *s = *state;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    desk_buy(s, user, CHAT);
    for (int i = 1; i <= 3; i++) {
        struct ans a = claim(s, "job", "w1", 32, WAIT_MS);
        assert_int_equal(ans_len(&a, "deliveries"), 1);
        assert_int_equal(ans_i64(&a, "deliveries.0.attempt"), i);
        report_ok(s, &a, 0, "\"state\":\"unknown\"");
    }
}

static void
a_sender_s_new_boot_makes_its_sends_unknown(void **state)
{
    struct desk *s = *state;
    const char *user = desk_user(s, CHAT);
    say_one(s, CHAT, user); /* claimed by bot, boot b1 */
    struct ans a =
        ask(s, "POST /api/deliveries/claim",
            "{\"lane\":\"chat\",\"sender\":\"bot\",\"boot\":\"b2\"}");
    ans_must(&a, 200);
    assert_int_equal(ans_len(&a, "deliveries"), 1);
    assert_true(ans_is(&a, "deliveries.0.repeated"));
    assert_int_equal(ans_i64(&a, "deliveries.0.attempt"), 2);
}

static void
a_lease_that_ends_makes_a_send_unknown(void **state)
{
    static const struct db_sql age = {
        "test.age", "UPDATE deliveries SET lease_until = now_ms() - 1", ""};
    struct desk *s = *state;
    const char *user = desk_user(s, CHAT);
    say_one(s, CHAT, user);
    desk_stop(s);
    assert_int_equal(desk_sql(s, &age), 1);
    desk_again(s);
    struct ans a = claim(s, "chat", "other", 1, WAIT_MS);
    assert_int_equal(ans_len(&a, "deliveries"), 1);
    assert_true(ans_is(&a, "deliveries.0.repeated"));
}

static void
an_old_report_changes_nothing(void **state)
{
    struct desk *s = *state;
    const char *user = desk_user(s, CHAT);
    struct ans old = say_one(s, CHAT, user);
    report_ok(s, &old, 0, "\"state\":\"queued\"");
    struct ans a = claim_n(s, "chat", 1);
    struct ans r = report(s, &old, 0, "\"state\":\"sent\"");
    ans_must_code(&r, 409, "stale_attempt");
    assert_int_equal(ans_i64(&r, "attempt"), 2);
    r = report(s, &old, 0,
               "\"state\":\"queued\",\"rate_limited\":true,"
               "\"retry_after_ms\":60000");
    ans_must(&r, 409);
    r = report(s, &old, 0, "\"state\":\"waiting_user\"");
    ans_must(&r, 409);
    assert_int_equal(desk_balance(s, user, "balance"), 60);
    r = ask(s, desk_text(s, "GET /api/users/%s", user), NULL);
    assert_true(ans_is(&r, "reachable"));
    report_ok(s, &a, 0, "\"state\":\"queued\"");
    claim_n(s, "chat", 1); /* no pause came of the old 429 */
    r = ask(s, "PATCH /api/deliveries/dlv_none",
            "{\"sender\":\"x\",\"boot\":\"b\",\"attempt\":1,"
            "\"state\":\"sent\"}");
    ans_must(&r, 404);
    r = report(s, &a, 0, "\"state\":\"sending\"");
    ans_must(&r, 400);
}

static void
messages_wait_for_a_person_who_blocked_the_bot(void **state)
{
    struct desk *s = *state;
    const char *user = desk_user(s, CHAT);
    struct ans a = say_one(s, CHAT, user);
    report_ok(s, &a, 0, "\"state\":\"waiting_user\",\"error\":\"403\"");
    claim_n(s, "chat", 0);
    a = ask(s, desk_text(s, "GET /api/users/%s", user), NULL);
    assert_false(ans_is(&a, "reachable"));
    a = desk_turn(s, CHAT,
                  desk_text(s,
                            ",\"user_id\":\"%s\",\"account\":{"
                            "\"reachable\":1}",
                            user));
    ans_must(&a, 200);
    a = claim_n(s, "chat", 1);
    assert_string_equal(ans_str(&a, "deliveries.0.body.text"), "hello");
    assert_false(ans_is(&a, "deliveries.0.repeated"));
}

/* ---- the budget ---- */

static void
a_chat_gets_three_at_once_then_one_a_second(void **state)
{
    struct desk *s = *state;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    const char *offer = desk_offer(s, user, CHAT, 5);
    struct ans a = ask(s, "POST /api/jobs/create", "{\"offer\":\"%s\"}", offer);
    ans_must(&a, 201);
    int64_t from = clock_mono_ms();
    claim_n(s, "job", 3);
    claim_n(s, "job", 0);
    for (int i = 0; i < 2; i++) {
        a = claim(s, "job", "w1", 32, WAIT_MS);
        assert_int_equal(ans_len(&a, "deliveries"), 1);
    }
    assert_true(clock_mono_ms() - from >= 1900);
}

static void
the_bot_has_a_budget_for_all_chats(void **state)
{
    struct desk *s = *state;
    desk_stop(s);
    desk_set(s, "TELEGRAM_RATE=4");
    desk_again(s);
    desk_open(s);
    for (int i = 0; i < 9; i++)
        desk_buy(s, desk_user(s, CHAT + i), CHAT + i);
    int64_t from = clock_mono_ms();
    /* one second ahead, and the first; a millisecond that passes inside the
     * statement (PostgreSQL's clock goes on) may cost the last of them */
    struct ans first = claim(s, "job", "w1", 32, 0);
    int n = ans_len(&first, "deliveries");
    assert_in_range(n, 4, 5);
    while (n < 9) {
        struct ans a = claim(s, "job", "w1", 32, WAIT_MS);
        n += ans_len(&a, "deliveries");
    }
    assert_int_equal(n, 9);
    assert_true(clock_mono_ms() - from >= 900);
}

static void
a_429_pauses_its_chat(void **state)
{
    struct desk *s = *state;
    const char *user = desk_user(s, CHAT);
    const char *other = desk_user(s, CHAT + 1);
    const char *texts[] = {"one", "two"};
    struct ans a = say(s, CHAT, user, texts, 2);
    int64_t from = clock_mono_ms();
    report_ok(s, &a, 0,
              "\"state\":\"queued\",\"rate_limited\":true,"
              "\"retry_after_ms\":1500");
    a = say_one(s, CHAT + 1, other);
    assert_int_equal(ans_len(&a, "deliveries"), 1);
    claim_n(s, "chat", 0);
    a = claim(s, "chat", "bot", 32, WAIT_MS);
    assert_string_equal(ans_str(&a, "deliveries.0.body.text"), "one");
    assert_true(clock_mono_ms() - from >= 1400);
}

static void
a_429_of_a_second_chat_pauses_the_bot(void **state)
{
    static const char limited[] = "\"state\":\"queued\",\"rate_limited\":true,"
                                  "\"retry_after_ms\":1500";
    struct desk *s = *state;
    struct ans a[3];
    const char *users[3];
    for (int i = 0; i < 3; i++)
        users[i] = desk_user(s, CHAT + i);
    for (int i = 0; i < 2; i++)
        a[i] = say_one(s, CHAT + i, users[i]);
    int64_t from = clock_mono_ms();
    for (int i = 0; i < 2; i++)
        report_ok(s, &a[i], 0, limited);
    a[2] = say_one(s, CHAT + 2, users[2]);
    assert_int_equal(ans_len(&a[2], "deliveries"), 0);
    a[2] = claim(s, "chat", "bot", 1, WAIT_MS);
    assert_int_equal(ans_len(&a[2], "deliveries"), 1);
    assert_true(clock_mono_ms() - from >= 1400);
}

int
main(int argc, char **argv)
{
    if (desk_is_backend(argc, argv))
        return backend_main(argc, argv);
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_job_s_status_is_one_message),
        ON_BOTH(the_card_becomes_the_status_of_the_first_job),
        ON_BOTH(the_newest_revision_wins),
        ON_BOTH(the_last_status_comes_at_once_and_before_the_pictures),
        ON_BOTH(a_result_waits_for_the_last_status),
        ON_BOTH(a_failed_job_says_why),
        ON_BOTH(a_refund_is_told),
        ON_BOTH(the_bot_sends_jobs_only_while_no_worker_lives),
        ON_BOTH(the_bot_sends_jobs_when_workers_are_away),
        ON_BOTH(a_chat_s_messages_go_one_by_one),
        ON_BOTH(a_lost_finish_gives_its_messages_again),
        ON_BOTH(an_unknown_outcome_is_tried_once_more),
        ON_BOTH(an_unknown_edit_is_simply_sent_again),
        ON_BOTH(a_sender_s_new_boot_makes_its_sends_unknown),
        ON_BOTH(a_lease_that_ends_makes_a_send_unknown),
        ON_BOTH(an_old_report_changes_nothing),
        ON_BOTH(messages_wait_for_a_person_who_blocked_the_bot),
        ON_BOTH(a_chat_gets_three_at_once_then_one_a_second),
        ON_BOTH(the_bot_has_a_budget_for_all_chats),
        ON_BOTH(a_429_pauses_its_chat),
        ON_BOTH(a_429_of_a_second_chat_pauses_the_bot),
    };
    desk_servers_start();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    desk_servers_stop();
    return failed;
}

/*
 * test_backend_inbox.c - updates in, one per chat out, dialogues, offers, over
 * HTTP.
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
#include "base/limits.h"
#include "tests/support/desk.h"

#define CHAT 900
#define WAIT_MS 20000

static struct ans
post(struct desk *s, int64_t update_id, int64_t chat, bool take)
{
    return ask(s, "POST /api/updates",
               "{\"bot_id\":\"" DESK_BOT "\",%s\"update\":{\"update_id\":%lld,"
               "\"message\":{\"message_id\":1,\"from\":{\"id\":%lld},"
               "\"chat\":{\"id\":%lld},\"text\":\"x\"}}}",
               take ? "\"take\":true,\"bot\":\"bot\",\"boot\":\"b\"," : "",
               (long long)update_id, (long long)chat, (long long)chat);
}

static struct ans
claim(struct desk *s, const char *boot, int64_t wait_ms)
{
    return ask(s, "POST /api/updates/claim",
               "{\"bot_id\":\"" DESK_BOT "\",\"bot\":\"bot\",\"boot\":\"%s\","
               "\"wait_ms\":%lld}",
               boot, (long long)wait_ms);
}

static struct ans
finish(struct desk *s, int64_t seq, int64_t attempt, const char *members)
{
    return ask(s,
               arena_fmt(s->a, "POST /api/updates/%lld/finish", (long long)seq),
               "{\"attempt\":%lld,\"bot_id\":\"" DESK_BOT "\",\"bot\":\"bot\","
               "\"boot\":\"b\"%s}",
               (long long)attempt, members);
}

static struct ans
fail_it(struct desk *s, int64_t seq, int64_t attempt, bool outage)
{
    return ask(s,
               arena_fmt(s->a, "POST /api/updates/%lld/fail", (long long)seq),
               "{\"attempt\":%lld,\"error\":\"it broke\"%s}",
               (long long)attempt, outage ? ",\"outage\":true" : "");
}

/* A claim that gets this update. */
static struct ans
claim_must(struct desk *s, int64_t seq, int64_t attempt)
{
    struct ans a = claim(s, "b", WAIT_MS);
    ans_must(&a, 200);
    assert_int_equal(ans_i64(&a, "seq"), seq);
    assert_int_equal(ans_i64(&a, "attempt"), attempt);
    return a;
}

/* ---- in ---- */

static void
an_update_is_stored_once(void **state)
{
    struct desk *s = *state;
    struct ans a = post(s, 1, CHAT, false);
    ans_must(&a, 201);
    struct ans b = post(s, 1, CHAT, false);
    ans_must(&b, 200);
    assert_true(ans_is(&b, "duplicate"));
    assert_int_equal(ans_i64(&b, "seq"), ans_i64(&a, "seq"));
    b = post(s, 2, CHAT, false);
    ans_must(&b, 201);
    assert_true(ans_i64(&b, "seq") > ans_i64(&a, "seq"));
}

static void
an_update_is_taken_as_it_is_stored(void **state)
{
    struct desk *s = *state;
    const char *user = desk_user(s, CHAT);
    struct ans a = post(s, 1, CHAT, true);
    ans_must(&a, 201);
    assert_int_equal(ans_i64(&a, "work.attempt"), 1);
    assert_int_equal(ans_i64(&a, "work.chat_id"), CHAT);
    assert_int_equal(ans_i64(&a, "work.update.update_id"), 1);
    assert_int_equal(ans_i64(&a, "work.dialog.version"), 0);
    assert_string_equal(ans_str(&a, "work.user.id"), user);
    assert_int_equal(ans_i64(&a, "work.user.balance"), 60);
    /* a repeat gives nothing while it is held */
    struct ans b = post(s, 1, CHAT, true);
    ans_must(&b, 200);
    assert_false(ans_has(&b, "work"));
    /* the next of the chat waits, another chat's does not */
    b = post(s, 2, CHAT, true);
    ans_must(&b, 201);
    assert_false(ans_has(&b, "work"));
    b = post(s, 3, CHAT + 1, true);
    assert_true(ans_has(&b, "work"));
    assert_false(ans_has(&b, "work.user"));
}

static void
what_is_no_update_becomes_a_dead_letter(void **state)
{
    static const char *const dead[] = {
        "\"update\":[]", "\"update\":7", "\"update\":{\"message\":{}}",
        "\"update\":{\"update_id\":\"1\"}", "\"base64\":\"/w==\""};
    struct desk *s = *state;
    for (size_t i = 0; i < 5; i++) {
        for (int k = 0; k < 2; k++) {
            struct ans a = ask(s, "POST /api/updates",
                               "{\"bot_id\":\"" DESK_BOT "\",\"take\":true,"
                               "\"bot\":\"bot\",\"boot\":\"b\",%s}",
                               dead[i]);
            ans_must(&a, k == 0 ? 201 : 200);
            assert_false(ans_has(&a, "work"));
        }
    }
    struct ans a = claim(s, "b", 0);
    ans_must(&a, 204);
    a = ask(s, "POST /api/updates", "{\"bot_id\":\"1\"}");
    ans_must(&a, 400);
    a = ask(s, "POST /api/updates", "{\"update\":{}}");
    ans_must(&a, 400);
    a = ask(s, "POST /api/updates",
            "{\"bot_id\":\"1\",\"take\":true,\"update\":{\"update_id\":5}}");
    ans_must(&a, 400);
}

static void
updates_without_a_chat_do_not_wait_for_each_other(void **state)
{
    struct desk *s = *state;
    for (int i = 1; i <= 2; i++) {
        struct ans a = ask(s, "POST /api/updates",
                           "{\"bot_id\":\"" DESK_BOT "\",\"take\":true,"
                           "\"bot\":\"bot\",\"boot\":\"b\",\"update\":{"
                           "\"update_id\":%d,\"poll\":{\"id\":\"7\"}}}",
                           i);
        ans_must(&a, 201);
        assert_true(ans_has(&a, "work"));
        assert_false(ans_has(&a, "work.chat_id"));
    }
}

/* ---- out ---- */

static void
a_chat_s_updates_come_in_order_one_at_a_time(void **state)
{
    struct desk *s = *state;
    int64_t seq[4];
    struct ans a;
    for (int i = 0; i < 3; i++) {
        a = post(s, 10 + i, CHAT, false);
        seq[i] = ans_i64(&a, "seq");
    }
    a = post(s, 20, CHAT + 1, false);
    seq[3] = ans_i64(&a, "seq");
    claim_must(s, seq[0], 1);
    claim_must(s, seq[3], 1);
    a = claim(s, "b", 0);
    ans_must(&a, 204);
    a = finish(s, seq[0], 1, "");
    ans_must(&a, 200);
    claim_must(s, seq[1], 1);
    a = finish(s, seq[1], 1, "");
    ans_must(&a, 200);
    claim_must(s, seq[2], 1);
}

static void
a_finish_may_be_repeated_but_not_by_an_older_attempt(void **state)
{
    struct desk *s = *state;
    struct ans a = post(s, 1, CHAT, true);
    int64_t seq = ans_i64(&a, "seq");
    a = fail_it(s, seq, 1, false);
    ans_must(&a, 200);
    claim_must(s, seq, 2);
    a = finish(s, seq, 1, "");
    ans_must_code(&a, 409, "stale_attempt");
    assert_int_equal(ans_i64(&a, "attempt"), 2);
    a = finish(s, seq, 2, "");
    ans_must(&a, 200);
    a = finish(s, seq, 2, "");
    ans_must(&a, 200);
    a = finish(s, seq, 1, "");
    ans_must_code(&a, 409, "stale_attempt");
    a = fail_it(s, seq, 2, false);
    ans_must_code(&a, 409, "stale_attempt");
    a = finish(s, 999999, 1, "");
    ans_must(&a, 404);
    a = fail_it(s, 999999, 1, false);
    ans_must(&a, 404);
    a = ask(s, "POST /api/updates/x/fail", "{\"attempt\":1,\"error\":\"\"}");
    ans_must(&a, 404);
}

static void
the_fifth_failure_parks_an_update_and_frees_its_chat(void **state)
{
    struct desk *s = *state;
    struct ans a = post(s, 1, CHAT, true);
    int64_t seq = ans_i64(&a, "seq");
    a = post(s, 2, CHAT, false);
    int64_t next = ans_i64(&a, "seq");
    for (int i = 1; i <= LIM_UPDATE_ATTEMPTS; i++) {
        if (i > 1)
            claim_must(s, seq, i);
        for (int k = 0; k < 2; k++) { /* a lost answer counts nothing */
            a = fail_it(s, seq, i, false);
            ans_must(&a, 200);
        }
    }
    claim_must(s, next, 1);
}

static void
an_outage_parks_nothing(void **state)
{
    struct desk *s = *state;
    struct ans a = post(s, 1, CHAT, true);
    int64_t seq = ans_i64(&a, "seq");
    for (int i = 1; i <= LIM_UPDATE_ATTEMPTS + 1; i++) {
        if (i > 1)
            claim_must(s, seq, i);
        a = fail_it(s, seq, i, true);
        ans_must(&a, 200);
    }
    claim_must(s, seq, LIM_UPDATE_ATTEMPTS + 2);
}

static void
an_update_that_kills_its_bot_is_parked(void **state)
{
    struct desk *s = *state;
    char boot[16];
    struct ans a = post(s, 1, CHAT, false);
    int64_t seq = ans_i64(&a, "seq");
    for (int i = 1; i <= LIM_UPDATE_ATTEMPTS; i++) {
        snprintf(boot, sizeof boot, "boot%d", i);
        a = claim(s, boot, 0);
        ans_must(&a, 200);
        assert_int_equal(ans_i64(&a, "seq"), seq);
        assert_int_equal(ans_i64(&a, "attempt"), i);
    }
    a = claim(s, "last", 0);
    ans_must(&a, 204);
}

static void
a_lease_that_ends_gives_the_update_to_another(void **state)
{
    static const struct db_sql age = {
        "test.age",
        "UPDATE updates SET lease_until = now_ms() - 1 WHERE state = 'open'",
        ""};
    static const struct db_sql failures = {"test.failures",
                                           "SELECT failures FROM updates", ""};
    struct desk *s = *state;
    struct ans a = post(s, 1, CHAT, true);
    int64_t seq = ans_i64(&a, "seq");
    desk_stop(s);
    assert_int_equal(desk_sql(s, &age), 1);
    desk_again(s);
    claim_must(s, seq, 2);
    assert_int_equal(desk_number(s, &failures), 0); /* the backend was away */
}

/* ---- dialogues ---- */

static void
a_dialogue_has_versions(void **state)
{
    struct desk *s = *state;
    struct ans a = ask(s, "GET /api/dialogs/900", NULL);
    ans_must(&a, 200);
    assert_int_equal(ans_i64(&a, "version"), 0);
    a = desk_turn(s, CHAT,
                  ",\"dialog\":{\"chat_id\":900,\"version\":0,"
                  "\"state\":{\"step\":\"photo\"}}");
    ans_must(&a, 200);
    a = ask(s, "GET /api/dialogs/900", NULL);
    assert_int_equal(ans_i64(&a, "version"), 1);
    assert_string_equal(ans_str(&a, "state.step"), "photo");
    a = post(s, 2, CHAT, true);
    int64_t seq = ans_i64(&a, "seq");
    assert_int_equal(ans_i64(&a, "work.dialog.version"), 1);
    assert_string_equal(ans_str(&a, "work.dialog.state.step"), "photo");
    a = finish(s, seq, 1,
               ",\"dialog\":{\"chat_id\":900,\"version\":0,\"state\":{}}");
    ans_must_code(&a, 409, "dialog_version");
    a = ask(s, "GET /api/dialogs/900", NULL);
    assert_string_equal(ans_str(&a, "state.step"), "photo");
    a = finish(s, seq, 1,
               ",\"dialog\":{\"chat_id\":900,\"version\":1,"
               "\"state\":{\"step\":\"menu\"}}");
    ans_must(&a, 200);
    a = ask(s, "GET /api/dialogs/900", NULL);
    assert_int_equal(ans_i64(&a, "version"), 2);
    a = ask(s, "GET /api/dialogs/x", NULL);
    ans_must(&a, 400);
}

static void
a_timer_becomes_an_update(void **state)
{
    struct desk *s = *state;
    struct ans a = desk_turn(s, CHAT,
                             ",\"dialog\":{\"chat_id\":900,\"version\":0,"
                             "\"state\":{\"album\":1},\"wake_ms\":50}");
    ans_must(&a, 200);
    a = claim(s, "b", WAIT_MS);
    ans_must(&a, 200);
    assert_true(ans_is(&a, "update.wake"));
    assert_int_equal(ans_i64(&a, "chat_id"), CHAT);
    assert_int_equal(ans_i64(&a, "dialog.version"), 1);
    a = finish(s, ans_i64(&a, "seq"), 1,
               ",\"dialog\":{\"chat_id\":900,\"version\":1,\"state\":{},"
               "\"wake_ms\":1}");
    ans_must(&a, 200);
    a = claim(s, "b", WAIT_MS); /* again, under an id of its own */
    ans_must(&a, 200);
    assert_true(ans_is(&a, "update.wake"));
    a = finish(s, ans_i64(&a, "seq"), 1, "");
    ans_must(&a, 200);
    a = claim(s, "b", 0);
    ans_must(&a, 204);
}

static void
a_newer_dialogue_forgets_the_timer(void **state)
{
    struct desk *s = *state;
    struct ans a = desk_turn(s, CHAT,
                             ",\"dialog\":{\"chat_id\":900,\"version\":0,"
                             "\"state\":{},\"wake_ms\":700}");
    ans_must(&a, 200);
    a = desk_turn(s, CHAT,
                  ",\"dialog\":{\"chat_id\":900,\"version\":1,\"state\":{}}");
    ans_must(&a, 200);
    a = claim(s, "b", 2500);
    ans_must(&a, 204);
}

/* ---- what a finish brings ---- */

static void
a_finish_writes_offers_and_messages_once(void **state)
{
    static const struct db_sql rows = {
        "test.rows",
        "SELECT (SELECT count(*) FROM offers) * 100 + count(*) FROM deliveries",
        ""};
    struct desk *s = *state;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    char members[900];
    snprintf(members, sizeof members,
             ",\"user_id\":\"%s\",\"offers\":[{\"id\":"
             "\"off_01234567890123456789012345\",\"user_id\":\"%s\","
             "\"chat_id\":900,\"preset\":\"sepia\",\"price\":%lld,"
             "\"items\":[{\"photo\":{\"telegram_file_id\":\"F\"}}]}],"
             "\"deliveries\":[{\"kind\":\"message\",\"chat_id\":900,"
             "\"body\":{\"text\":\"card\"}}]",
             user, user, (long long)s->price);
    struct ans a = post(s, 1, CHAT, true);
    int64_t seq = ans_i64(&a, "seq");
    a = finish(s, seq, 1, members);
    ans_must(&a, 200);
    assert_int_equal(ans_len(&a, "deliveries"), 1);
    assert_string_equal(ans_str(&a, "deliveries.0.body.text"), "card");
    assert_string_equal(ans_str(&a, "deliveries.0.lane"), "chat");
    a = finish(s, seq, 1, members);
    ans_must(&a, 200);
    assert_int_equal(desk_number(s, &rows), 101);
    a = ask(s, "GET /api/offers/off_01234567890123456789012345", NULL);
    ans_must(&a, 200);
    assert_string_equal(ans_str(&a, "status"), "open");
    assert_int_equal(ans_i64(&a, "total"), s->price);
}

static void
offers_that_make_no_sense_stop_the_finish(void **state)
{
    static const struct {
        const char *offer;
        int status;
    } rows[] = {
        {"\"preset\":\"nothing\",\"price\":5,\"items\":[]", 409},
        {"\"preset\":\"sepia\",\"price\":1,\"items\":[]", 409},
        {"\"preset\":\"sepia\",\"price\":5", 422},
        {"\"preset\":\"sepia\",\"price\":5,\"items\":[]", 422},
        {"\"preset\":\"sepia\",\"price\":5,\"items\":{}", 422},
        {"\"preset\":\"sepia\",\"price\":5,\"items\":[{}]", 422},
        {"\"preset\":\"sepia\",\"price\":5,\"from_job\":\"job_x\"", 404},
        {"\"preset\":\"sepia\",\"price\":5,\"from_offer\":\"off_x\"", 404},
    };
    struct desk *s = *state;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    assert_int_equal(s->price, 5);
    struct ans a = post(s, 1, CHAT, true);
    int64_t seq = ans_i64(&a, "seq");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char members[600];
        snprintf(members, sizeof members,
                 ",\"offers\":[{\"id\":\"off_01234567890123456789012345\","
                 "\"user_id\":\"%s\",\"chat_id\":900,%s}]",
                 user, rows[i].offer);
        a = finish(s, seq, 1, members);
        if (a.status != rows[i].status)
            fail_msg("%s: %d %s", rows[i].offer, a.status, a.body.p);
    }
    a = finish(s, seq, 1,
               ",\"deliveries\":[{\"kind\":\"status\",\"chat_id\":900,"
               "\"body\":{}}]");
    ans_must(&a, 422);
    a = finish(s, seq, 1, ",\"account\":{\"language\":\"de\"}");
    ans_must(&a, 422);
    a = finish(s, seq, 1, "");
    ans_must(&a, 200);
}

static void
an_offer_repeats_a_job_or_an_offer(void **state)
{
    struct desk *s = *state;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    const char *thief = desk_user(s, CHAT + 1);
    const char *job = desk_buy(s, user, CHAT);
    const char *offer = desk_offer(s, user, CHAT, 2);
    char members[600];
    for (int i = 0; i < 2; i++) {
        snprintf(members, sizeof members,
                 ",\"offers\":[{\"id\":\"off_0123456789012345678901234%d\","
                 "\"user_id\":\"%s\",\"chat_id\":900,\"preset\":\"sepia\","
                 "\"price\":%lld,\"%s\":\"%s\"}]",
                 i, user, (long long)s->price,
                 i == 0 ? "from_job" : "from_offer", i == 0 ? job : offer);
        struct ans a = desk_turn(s, CHAT, members);
        ans_must(&a, 200);
        snprintf(members, sizeof members,
                 "GET /api/offers/off_0123456789012345678901234%d", i);
        a = ask(s, members, NULL);
        assert_int_equal(ans_len(&a, "items"), i + 1);
        assert_int_equal(ans_i64(&a, "total"), (i + 1) * s->price);
    }
    snprintf(members, sizeof members,
             ",\"offers\":[{\"id\":\"off_01234567890123456789012348\","
             "\"user_id\":\"%s\",\"chat_id\":900,\"preset\":\"sepia\","
             "\"price\":%lld,\"from_job\":\"%s\"}]",
             thief, (long long)s->price, job);
    struct ans a = desk_turn(s, CHAT, members);
    ans_must(&a, 404);
}

static void
language_and_reach_change_with_the_finish(void **state)
{
    struct desk *s = *state;
    const char *user = desk_user(s, CHAT);
    const char *get = desk_text(s, "GET /api/users/%s", user);
    const char *fmt = ",\"user_id\":\"%s\",\"account\":{\"language\":\"ru\","
                      "\"reachable\":0}";
    struct ans a = desk_turn(s, CHAT, desk_text(s, fmt, user));
    ans_must(&a, 200);
    a = ask(s, get, NULL);
    assert_string_equal(ans_str(&a, "language"), "ru");
    assert_false(ans_is(&a, "reachable"));
    fmt = ",\"user_id\":\"%s\",\"account\":{\"reachable\":1}";
    a = desk_turn(s, CHAT, desk_text(s, fmt, user));
    ans_must(&a, 200);
    a = ask(s, get, NULL);
    assert_string_equal(ans_str(&a, "language"), "ru");
    assert_true(ans_is(&a, "reachable"));
}

int
main(int argc, char **argv)
{
    if (desk_is_backend(argc, argv))
        return backend_main(argc, argv);
    const struct CMUnitTest tests[] = {
        ON_BOTH(an_update_is_stored_once),
        ON_BOTH(an_update_is_taken_as_it_is_stored),
        ON_BOTH(what_is_no_update_becomes_a_dead_letter),
        ON_BOTH(updates_without_a_chat_do_not_wait_for_each_other),
        ON_BOTH(a_chat_s_updates_come_in_order_one_at_a_time),
        ON_BOTH(a_finish_may_be_repeated_but_not_by_an_older_attempt),
        ON_BOTH(the_fifth_failure_parks_an_update_and_frees_its_chat),
        ON_BOTH(an_outage_parks_nothing),
        ON_BOTH(an_update_that_kills_its_bot_is_parked),
        ON_BOTH(a_lease_that_ends_gives_the_update_to_another),
        ON_BOTH(a_dialogue_has_versions),
        ON_BOTH(a_timer_becomes_an_update),
        ON_BOTH(a_newer_dialogue_forgets_the_timer),
        ON_BOTH(a_finish_writes_offers_and_messages_once),
        ON_BOTH(offers_that_make_no_sense_stop_the_finish),
        ON_BOTH(an_offer_repeats_a_job_or_an_offer),
        ON_BOTH(language_and_reach_change_with_the_finish),
    };
    desk_servers_start();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    desk_servers_stop();
    return failed;
}

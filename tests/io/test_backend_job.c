/*
 * test_backend_job.c - buying, listing, cancelling, giving back, over HTTP.
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
#include "base/id.h"
#include "tests/support/desk.h"

#define CHAT 700
#define PHOTO "{\"photo\":{\"telegram_file_id\":\"F\"}}"

/* A worker and a customer of 60 credits. */
static const char *
open_desk(struct desk *s)
{
    desk_open(s);
    return desk_user(s, CHAT);
}

/* ---- registration ---- */

static struct ans
register_ann(struct desk *s, const char *name)
{
    return ask(s, "POST /api/users/register",
               "{\"telegram_id\":5,\"full_name\":\"%s\","
               "\"language_code\":\"ru-RU\",\"username\":\"ann\"}",
               name);
}

static void
a_person_is_registered_once(void **state)
{
    struct desk *s = *state;
    struct ans a = register_ann(s, "Анна");
    ans_must(&a, 201);
    assert_true(ans_is(&a, "new_account"));
    assert_string_equal(ans_str(&a, "language"), "ru");
    assert_int_equal(ans_i64(&a, "balance"), 60);
    assert_int_equal(ans_i64(&a, "telegram_id"), 5);
    struct ans b = register_ann(s, "Анна К");
    ans_must(&b, 200);
    assert_string_equal(ans_str(&b, "id"), ans_str(&a, "id"));
    assert_string_equal(ans_str(&b, "full_name"), "Анна К");
    assert_int_equal(ans_i64(&b, "balance"), 60);
    b = ask(s, "GET /api/users/by-telegram-id/5", NULL);
    ans_must(&b, 200);
    assert_string_equal(ans_str(&b, "id"), ans_str(&a, "id"));
    assert_string_equal(ans_str(&b, "full_name"), "Анна К");
}

static void
a_register_that_makes_no_sense_is_refused(void **state)
{
    static const struct {
        const char *body, *has;
    } rows[] = {
        {"{}", "/telegram_id"},
        {"{\"telegram_id\":0}", "/telegram_id"},
        {"{\"telegram_id\":-5}", "/telegram_id"},
        {"{\"telegram_id\":\"5\"}", "/telegram_id"},
        {"{\"telegram_id\":1.5}", "/telegram_id"},
        {"[]", "object"},
        {"{", ""},
        {"{\"telegram_id\":5,\"full_name\":7}", "/full_name"},
        {"{\"telegram_id\":5,\"full_name\":\"a\\u0000b\"}", ""},
    };
    struct desk *s = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ans a = ask(s, "POST /api/users/register", "%s", rows[i].body);
        ans_must(&a, 400);
        if (strstr(ans_str(&a, "detail"), rows[i].has) == NULL)
            fail_msg("%s: %s", rows[i].body, ans_str(&a, "detail"));
    }
    struct ans a = ask(s, "GET /api/users/by-telegram-id/5", NULL);
    ans_must(&a, 404);
    a = ask(s, "GET /api/users/by-telegram-id/x", NULL);
    ans_must(&a, 404);
    a = ask(s, "GET /api/users/usr_none", NULL);
    ans_must(&a, 404);
}

/* ---- presets ---- */

static void
presets_are_hidden_until_a_worker_can_run_them(void **state)
{
    struct desk *s = *state;
    struct ans a = ask(s, "GET /api/presets", NULL);
    ans_must(&a, 200);
    assert_int_equal(ans_len(&a, "presets"), 0);
    const char *revision = ans_str(&a, "revision");
    a = ask(s, "GET /api/scenarios", NULL);
    ans_must(&a, 200);
    assert_true(ans_len(&a, "scenarios") >= 10);
    desk_open(s);
    a = ask(s, "GET /api/presets", NULL);
    assert_true(ans_len(&a, "presets") >= 10);
    assert_string_not_equal(ans_str(&a, "revision"), revision);
    assert_true(cJSON_IsString(json_path(a.json, "presets.0.title.ru")));
    assert_true(ans_len(&a, "presets.0.inputs") >= 1);
}

static void
a_scenario_is_given_with_its_workflow(void **state)
{
    struct desk *s = *state;
    char path[200];
    snprintf(path, sizeof path, "GET /api/scenarios/sepia/%s",
             desk_version(s, "sepia"));
    struct ans a = ask(s, path, NULL);
    ans_must(&a, 200);
    assert_true(cJSON_IsObject(json_get(a.json, "workflow")));
    assert_true(cJSON_IsObject(json_get(a.json, "body")));
    a = ask(s, "GET /api/scenarios/sepia/0000", NULL);
    ans_must(&a, 404);
}

/* ---- buying by a card ---- */

static void
a_press_makes_one_job_and_the_next_press_the_same(void **state)
{
    struct desk *s = *state;
    const char *user = open_desk(s);
    const char *offer = desk_offer(s, user, CHAT, 1);
    struct ans a = ask(s, "POST /api/jobs/create",
                       "{\"offer\":\"%s\",\"card_message_id\":9}", offer);
    ans_must(&a, 201);
    assert_int_equal(ans_i64(&a, "balance"), 60 - s->price);
    assert_int_equal(ans_len(&a, "jobs"), 1);
    assert_string_equal(ans_str(&a, "status"), "queued");
    assert_int_equal(ans_i64(&a, "position"), 1);
    assert_true(ans_i64(&a, "eta_seconds") >= 1);
    struct ans b = ask(s, "POST /api/jobs/create",
                       "{\"offer\":\"%s\",\"card_message_id\":9}", offer);
    ans_must(&b, 200);
    assert_string_equal(ans_str(&b, "id"), ans_str(&a, "id"));
    assert_int_equal(desk_balance(s, user, "balance"), 60 - s->price);
    assert_int_equal(desk_balance(s, user, "held"), s->price);
    a = ask(s, desk_text(s, "GET /api/offers/%s", offer), NULL);
    ans_must(&a, 200);
    assert_string_equal(ans_str(&a, "status"), "used");
}

static void
an_album_is_one_offer_and_all_its_jobs(void **state)
{
    struct desk *s = *state;
    const char *user = open_desk(s);
    const char *offer = desk_offer(s, user, CHAT, 4);
    struct ans a = ask(s, "POST /api/jobs/create", "{\"offer\":\"%s\"}", offer);
    ans_must(&a, 201);
    assert_int_equal(ans_len(&a, "jobs"), 4);
    assert_false(ans_has(&a, "id"));
    assert_int_equal(ans_i64(&a, "balance"), 60 - 4 * s->price);
    for (int i = 0; i < 4; i++) {
        char path[64], file[16];
        snprintf(path, sizeof path, "jobs.%d.inputs.photo.telegram_file_id", i);
        snprintf(file, sizeof file, "F%d", i);
        assert_string_equal(ans_str(&a, path), file);
    }
    struct ans b = ask(s, "POST /api/jobs/create", "{\"offer\":\"%s\"}", offer);
    ans_must(&b, 200);
    assert_int_equal(ans_len(&b, "jobs"), 4);
    assert_string_equal(ans_str(&b, "jobs.3.id"), ans_str(&a, "jobs.3.id"));
}

static void
too_little_money_sells_nothing_of_an_album(void **state)
{
    struct desk *s = *state;
    const char *user = open_desk(s);
    int n = 10;
    desk_buy(s, user, 0);
    const char *offer = desk_offer(s, user, CHAT, n);
    while (n * s->price <= 60 - s->price) { /* the price may change */
        desk_buy(s, user, 0);
        if (desk_balance(s, user, "balance") < n * s->price)
            break;
    }
    int64_t before = desk_balance(s, user, "balance");
    struct ans a = ask(s, "POST /api/jobs/create", "{\"offer\":\"%s\"}", offer);
    ans_must_code(&a, 402, "insufficient_credits");
    assert_int_equal(ans_i64(&a, "balance"), before);
    assert_int_equal(ans_i64(&a, "price"), n * s->price);
    assert_int_equal(desk_balance(s, user, "balance"), before);
    a = ask(s, desk_text(s, "GET /api/offers/%s", offer), NULL);
    assert_string_equal(ans_str(&a, "status"), "open");
}

static void
an_expired_offer_sells_nothing(void **state)
{
    static const struct db_sql age = {
        "test.age", "UPDATE offers SET expires_at = now_ms() - 1", ""};
    struct desk *s = *state;
    const char *user = open_desk(s);
    const char *offer = desk_offer(s, user, CHAT, 1);
    desk_stop(s);
    assert_int_equal(desk_sql(s, &age), 1);
    desk_again(s);
    desk_wait_sale(s, "sepia");
    struct ans a = ask(s, "POST /api/jobs/create", "{\"offer\":\"%s\"}", offer);
    ans_must_code(&a, 409, "offer_expired");
    assert_int_equal(desk_balance(s, user, "balance"), 60);
}

static void
a_changed_price_makes_the_card_void(void **state)
{
    static const struct db_sql dearer = {
        "test.dearer", "UPDATE offers SET price = price - 1, total = total - 1",
        ""};
    struct desk *s = *state;
    const char *user = open_desk(s);
    const char *offer = desk_offer(s, user, CHAT, 1);
    desk_stop(s);
    assert_int_equal(desk_sql(s, &dearer), 1);
    desk_again(s);
    desk_wait_sale(s, "sepia");
    struct ans a = ask(s, "POST /api/jobs/create", "{\"offer\":\"%s\"}", offer);
    ans_must_code(&a, 409, "price_changed");
    assert_int_equal(ans_i64(&a, "price"), s->price);
    assert_int_equal(desk_balance(s, user, "balance"), 60);
}

static void
a_preset_that_is_away_sells_nothing(void **state)
{
    static const struct db_sql age = {
        "test.away", "UPDATE workers SET seen_at = seen_at - 70000", ""};
    struct desk *s = *state;
    const char *user = open_desk(s);
    const char *offer = desk_offer(s, user, CHAT, 1);
    desk_stop(s);
    assert_int_equal(desk_sql(s, &age), 1);
    desk_again(s);
    struct ans a = ask(s, "POST /api/jobs/create", "{\"offer\":\"%s\"}", offer);
    ans_must_code(&a, 409, "preset_away");
    a = ask(s, "POST /api/jobs/create",
            "{\"user_id\":\"%s\",\"preset\":\"sepia\",\"inputs\":" PHOTO "}",
            user);
    ans_must_code(&a, 409, "preset_away");
    a = ask(s, "GET /api/presets", NULL);
    assert_true(ans_len(&a, "presets") >= 10);
    assert_false(ans_is(&a, "presets.0.available"));
    assert_int_equal(desk_balance(s, user, "balance"), 60);
}

static void
a_press_on_a_stranger_is_refused(void **state)
{
    struct desk *s = *state;
    open_desk(s);
    struct ans a = ask(s, "POST /api/jobs/create",
                       "{\"offer\":\"off_00000000000000000000000000\"}");
    ans_must(&a, 404);
    a = ask(s, "POST /api/jobs/create", "{}");
    ans_must(&a, 422);
}

/* ---- buying without a card ---- */

static void
inputs_are_checked_against_the_form(void **state)
{
    static const struct {
        const char *inputs, *pointer;
    } rows[] = {
        {"{}", "/photo"},
        {"{\"photo\":7}", "/photo"},
        {"{\"photo\":{\"telegram_file_id\":7}}", "/photo"},
        {"{\"photo\":{\"telegram_file_id\":\"F\"},\"more\":1}", "/more"},
        {"[]", ""},
    };
    struct desk *s = *state;
    const char *user = open_desk(s);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ans a = ask(s, "POST /api/jobs/create",
                           "{\"user_id\":\"%s\",\"preset\":\"sepia\","
                           "\"inputs\":%s}",
                           user, rows[i].inputs);
        ans_must(&a, 422);
        if (rows[i].pointer[0] != '\0')
            assert_non_null(strstr(ans_str(&a, "pointer"), rows[i].pointer));
    }
    struct ans a = ask(s, "POST /api/jobs/create",
                       "{\"user_id\":\"%s\",\"preset\":\"nothing\"}", user);
    ans_must(&a, 404);
    assert_int_equal(desk_balance(s, user, "balance"), 60);
}

static void
an_idempotency_key_gives_the_same_job(void **state)
{
    static const char *const key[] = {"Idempotency-Key: k-1", NULL};
    struct desk *s = *state;
    const char *user = open_desk(s);
    const char *other = desk_user(s, 8);
    const char *fmt = "{\"user_id\":\"%s\",\"preset\":\"sepia\","
                      "\"inputs\":" PHOTO "}";
    struct str body = str_c(desk_text(s, fmt, user));
    struct ans a = ask_with(s, "POST /api/jobs/create", body, key);
    ans_must(&a, 201);
    struct ans b = ask_with(s, "POST /api/jobs/create", body, key);
    ans_must(&b, 200);
    assert_string_equal(ans_str(&b, "id"), ans_str(&a, "id"));
    b = ask_with(s, "POST /api/jobs/create",
                 str_c(desk_text(s,
                                 "{\"user_id\":\"%s\",\"preset\":\"sepia\", "
                                 "\"inputs\":" PHOTO "}",
                                 user)),
                 key);
    ans_must(&b, 422);
    assert_string_equal(ans_str(&b, "code"), "idempotency_mismatch");
    /* scoped to the caller */
    b = ask_with(s, "POST /api/jobs/create", str_c(desk_text(s, fmt, other)),
                 key);
    ans_must(&b, 201);
    assert_string_not_equal(ans_str(&b, "id"), ans_str(&a, "id"));
    assert_int_equal(desk_balance(s, user, "balance"), 60 - s->price);
}

static void
a_refusal_is_not_remembered_under_its_key(void **state)
{
    static const char *const key[] = {"Idempotency-Key: k", NULL};
    static const struct db_sql
        poor = {"test.poor", "UPDATE balances SET available = available - 58",
                ""},
        poor_entry = {"test.poor_entry",
                      "UPDATE ledger_entries SET amount = amount - 58 WHERE "
                      "amount > 0",
                      ""},
        poor_other = {"test.poor_other",
                      "UPDATE ledger_entries SET amount = amount + 58 WHERE "
                      "amount < 0",
                      ""},
        rich = {"test.rich", "UPDATE balances SET available = available + 58",
                ""},
        rich_entry = {"test.rich_entry",
                      "UPDATE ledger_entries SET amount = amount + 58 WHERE "
                      "amount > 0",
                      ""},
        rich_other = {"test.rich_other",
                      "UPDATE ledger_entries SET amount = amount - 58 WHERE "
                      "amount < 0",
                      ""};
    struct desk *s = *state;
    const char *user = open_desk(s);
    struct str body =
        str_c(desk_text(s,
                        "{\"user_id\":\"%s\",\"preset\":\"sepia\","
                        "\"inputs\":" PHOTO "}",
                        user));
    desk_stop(s);
    desk_sql(s, &poor);
    desk_sql(s, &poor_entry);
    desk_sql(s, &poor_other);
    desk_again(s);
    desk_wait_sale(s, "sepia");
    struct ans a = ask_with(s, "POST /api/jobs/create", body, key);
    ans_must(&a, 402);
    desk_stop(s);
    desk_sql(s, &rich);
    desk_sql(s, &rich_entry);
    desk_sql(s, &rich_other);
    desk_again(s);
    desk_wait_sale(s, "sepia");
    a = ask_with(s, "POST /api/jobs/create", body, key);
    ans_must(&a, 201);
}

static void
bad_keys_are_refused(void **state)
{
    static const char *const empty[] = {"Idempotency-Key;", NULL};
    static const char *const twice[] = {"Idempotency-Key: a",
                                        "Idempotency-Key: b", NULL};
    char longest[400] = "Idempotency-Key: ";
    const char *const too_long[] = {longest, NULL};
    struct desk *s = *state;
    const char *user = open_desk(s);
    struct str body =
        str_c(desk_text(s,
                        "{\"user_id\":\"%s\",\"preset\":\"sepia\","
                        "\"inputs\":" PHOTO "}",
                        user));
    memset(longest + 17, 'k', 256);
    struct ans a = ask_with(s, "POST /api/jobs/create", body, empty);
    ans_must(&a, 400);
    a = ask_with(s, "POST /api/jobs/create", body, twice);
    ans_must(&a, 400);
    a = ask_with(s, "POST /api/jobs/create", body, too_long);
    ans_must(&a, 400);
    longest[17 + 255] = '\0';
    a = ask_with(s, "POST /api/jobs/create", body, too_long);
    ans_must(&a, 201);
}

/* ---- the end ---- */

static void
a_finished_job_is_captured_and_delivered(void **state)
{
    struct desk *s = *state;
    const char *user = open_desk(s);
    const char *job = desk_buy(s, user, CHAT);
    struct ans a = desk_run(s, "\"status\":\"success\",\"result_ref\":\"r\"");
    ans_must(&a, 200);
    assert_string_equal(ans_str(&a, "status"), "success");
    assert_string_equal(ans_str(&a, "job_status"), "completed");
    a = ask(s, desk_text(s, "GET /api/jobs/%s", job), NULL);
    ans_must(&a, 200);
    assert_string_equal(ans_str(&a, "status"), "completed");
    assert_string_equal(ans_str(&a, "result_ref"), "r");
    assert_int_equal(desk_balance(s, user, "balance"), 60 - s->price);
    assert_int_equal(desk_balance(s, user, "held"), 0);
}

static void
a_queued_job_is_cancelled_at_once(void **state)
{
    struct desk *s = *state;
    const char *user = open_desk(s);
    const char *job = desk_buy(s, user, CHAT);
    const char *call = desk_text(s, "POST /api/jobs/%s/cancel", job);
    struct ans a = ask(s, call, NULL);
    ans_must(&a, 200);
    assert_string_equal(ans_str(&a, "status"), "cancelled");
    assert_int_equal(desk_balance(s, user, "balance"), 60);
    assert_int_equal(desk_balance(s, user, "held"), 0);
    a = ask(s, call, NULL);
    ans_must(&a, 200);
    a = desk_claim(s);
    ans_must(&a, 204);
}

static void
a_running_job_is_cancelled_by_its_worker(void **state)
{
    struct desk *s = *state;
    const char *user = open_desk(s);
    const char *job = desk_buy(s, user, CHAT);
    struct ans t = desk_claim(s);
    ans_must(&t, 200);
    struct ans a = ask(s, desk_text(s, "POST /api/jobs/%s/cancel", job), NULL);
    ans_must(&a, 202);
    assert_string_equal(ans_str(&a, "status"), "processing");
    assert_true(ans_is(&a, "cancel_requested"));
    a = ask(s, desk_text(s, "POST /api/tasks/%s/heartbeat", ans_str(&t, "id")),
            "{\"worker\":\"w1\",\"boot\":\"b1\",\"attempt\":1}");
    ans_must(&a, 200);
    assert_true(ans_is(&a, "cancel_requested"));
    a = ask(s, desk_text(s, "PATCH /api/tasks/%s/status", ans_str(&t, "id")),
            "{\"status\":\"failed\",\"attempt\":1,"
            "\"error_class\":\"cancelled\"}");
    ans_must(&a, 200);
    assert_string_equal(ans_str(&a, "job_status"), "cancelled");
    assert_int_equal(ans_i64(&a, "balance"), 60);
    a = ask(s, desk_text(s, "POST /api/jobs/%s/cancel", job), NULL);
    ans_must(&a, 200);
}

static void
a_finish_that_commits_first_wins_over_the_cancel(void **state)
{
    struct desk *s = *state;
    const char *user = open_desk(s);
    const char *job = desk_buy(s, user, CHAT);
    struct ans t = desk_claim(s);
    struct ans a = ask(s, desk_text(s, "POST /api/jobs/%s/cancel", job), NULL);
    ans_must(&a, 202);
    a = ask(s, desk_text(s, "PATCH /api/tasks/%s/status", ans_str(&t, "id")),
            "{\"status\":\"success\",\"attempt\":1}");
    ans_must(&a, 200);
    assert_string_equal(ans_str(&a, "job_status"), "completed");
    a = ask(s, desk_text(s, "POST /api/jobs/%s/cancel", job), NULL);
    ans_must_code(&a, 409, "already_ended");
    assert_string_equal(ans_str(&a, "state"), "completed");
    assert_int_equal(desk_balance(s, user, "balance"), 60 - s->price);
}

static void
a_retry_is_a_new_job_with_a_new_hold(void **state)
{
    static const char *const key[] = {"Idempotency-Key: again", NULL};
    struct desk *s = *state;
    const char *user = open_desk(s);
    const char *job = desk_buy(s, user, CHAT);
    const char *call = desk_text(s, "POST /api/jobs/%s/retry", job);
    struct ans a = desk_run(s, "\"status\":\"failed\","
                               "\"error_class\":\"input\",\"error\":\"no\"");
    ans_must(&a, 200);
    assert_string_equal(ans_str(&a, "job_status"), "failed");
    assert_int_equal(ans_i64(&a, "balance"), 60);
    a = ask_with(s, call, STR(""), key);
    ans_must(&a, 201);
    assert_string_not_equal(ans_str(&a, "id"), job);
    assert_int_equal(ans_i64(&a, "balance"), 60 - s->price);
    assert_string_equal(ans_str(&a, "jobs.0.inputs.photo.telegram_file_id"),
                        "F");
    struct ans b = ask_with(s, call, STR(""), key);
    ans_must(&b, 200);
    assert_string_equal(ans_str(&b, "id"), ans_str(&a, "id"));
    /* the same key on another job is not the same request */
    b = ask_with(s, desk_text(s, "POST /api/jobs/%s/retry", ans_str(&a, "id")),
                 STR(""), key);
    ans_must(&b, 422);
    b = ask(s, "POST /api/jobs/job_none/retry", NULL);
    ans_must(&b, 404);
}

static void
a_refund_is_given_once(void **state)
{
    struct desk *s = *state;
    const char *user = open_desk(s);
    const char *job = desk_buy(s, user, CHAT);
    const char *call = desk_text(s, "POST /api/jobs/%s/refund", job);
    struct ans a = ask(s, call, "{\"reason\":\"ugly\"}");
    ans_must_code(&a, 409, "not_captured");
    a = desk_run(s, "\"status\":\"success\"");
    ans_must(&a, 200);
    a = ask(s, call, "{}");
    ans_must(&a, 400);
    a = ask(s, call, "{\"reason\":\"ugly\"}");
    ans_must(&a, 200);
    assert_true(ans_is(&a, "refunded"));
    assert_int_equal(desk_balance(s, user, "balance"), 60);
    a = ask(s, call, "{\"reason\":\"ugly\"}");
    ans_must(&a, 200);
    assert_int_equal(desk_balance(s, user, "balance"), 60);
    a = ask(s, "POST /api/jobs/job_none/refund", "{\"reason\":\"x\"}");
    ans_must(&a, 404);
}

static void
an_overdue_job_fails_and_is_released(void **state)
{
    struct desk *s = *state;
    const char *user = open_desk(s);
    desk_stop(s);
    desk_set(s, "JOB_MAX_WAIT=1");
    desk_set(s, "LEASE_MS=400");
    desk_set(s, "HEARTBEAT_MS=100");
    desk_again(s);
    desk_open(s);
    const char *queued = desk_buy(s, user, CHAT);
    const char *running = desk_buy(s, user, CHAT);
    struct ans t = desk_claim(s);
    ans_must(&t, 200);
    int64_t until = clock_mono_ms() + 20000;
    while (desk_balance(s, user, "held") > 0 && clock_mono_ms() < until)
        clock_sleep_ms(20);
    assert_int_equal(desk_balance(s, user, "balance"), 60);
    for (int i = 0; i < 2; i++) {
        struct ans a =
            ask(s, desk_text(s, "GET /api/jobs/%s", i == 0 ? queued : running),
                NULL);
        assert_string_equal(ans_str(&a, "status"), "failed");
        assert_string_equal(ans_str(&a, "error_class"), "timeout");
    }
    struct ans a =
        ask(s, desk_text(s, "PATCH /api/tasks/%s/status", ans_str(&t, "id")),
            "{\"status\":\"success\",\"attempt\":%lld}",
            (long long)ans_i64(&t, "attempt"));
    ans_must(&a, 409);
}

/* ---- looking ---- */

static void
jobs_are_listed_newest_first_page_by_page(void **state)
{
    struct desk *s = *state;
    const char *user = open_desk(s);
    const char *jobs[5];
    char call[300];
    for (int i = 0; i < 5; i++)
        jobs[i] = desk_buy(s, user, 0);
    snprintf(call, sizeof call, "GET /api/jobs?user_id=%s&limit=2", user);
    struct ans a = ask(s, call, NULL);
    ans_must(&a, 200);
    assert_string_equal(ans_str(&a, "jobs.0.id"), jobs[4]);
    assert_string_equal(ans_str(&a, "jobs.1.id"), jobs[3]);
    snprintf(call, sizeof call, "GET /api/jobs?user_id=%s&limit=2&cursor=%s",
             user, ans_str(&a, "next_cursor"));
    a = ask(s, call, NULL);
    assert_string_equal(ans_str(&a, "jobs.0.id"), jobs[2]);
    snprintf(call, sizeof call, "GET /api/jobs?user_id=%s&limit=2&cursor=%s",
             user, ans_str(&a, "next_cursor"));
    a = ask(s, call, NULL);
    assert_int_equal(ans_len(&a, "jobs"), 1);
    assert_string_equal(ans_str(&a, "jobs.0.id"), jobs[0]);
    assert_false(ans_has(&a, "next_cursor"));
    a = ask(s, "GET /api/jobs?telegram_id=700", NULL);
    assert_int_equal(ans_len(&a, "jobs"), 5);
    assert_int_equal(ans_i64(&a, "jobs.4.position"), 1);
    assert_int_equal(ans_i64(&a, "jobs.0.position"), 5);
}

static void
a_list_with_bad_words_is_refused(void **state)
{
    struct desk *s = *state;
    const char *user = open_desk(s);
    static const char *const bad[] = {"limit=0", "limit=101", "limit=x",
                                      "cursor=job_none"};
    for (size_t i = 0; i < 4; i++) {
        char call[300];
        snprintf(call, sizeof call, "GET /api/jobs?user_id=%s&%s", user,
                 bad[i]);
        struct ans a = ask(s, call, NULL);
        ans_must(&a, 400);
    }
    struct ans a = ask(s, "GET /api/jobs", NULL);
    ans_must(&a, 400);
    a = ask(s, "GET /api/jobs?user_id=usr_none", NULL);
    ans_must(&a, 404);
    a = ask(s, "GET /api/jobs/job_none", NULL);
    ans_must(&a, 404);
}

int
main(int argc, char **argv)
{
    if (desk_is_backend(argc, argv))
        return backend_main(argc, argv);
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_person_is_registered_once),
        ON_BOTH(a_register_that_makes_no_sense_is_refused),
        ON_BOTH(presets_are_hidden_until_a_worker_can_run_them),
        ON_BOTH(a_scenario_is_given_with_its_workflow),
        ON_BOTH(a_press_makes_one_job_and_the_next_press_the_same),
        ON_BOTH(an_album_is_one_offer_and_all_its_jobs),
        ON_BOTH(too_little_money_sells_nothing_of_an_album),
        ON_BOTH(an_expired_offer_sells_nothing),
        ON_BOTH(a_changed_price_makes_the_card_void),
        ON_BOTH(a_preset_that_is_away_sells_nothing),
        ON_BOTH(a_press_on_a_stranger_is_refused),
        ON_BOTH(inputs_are_checked_against_the_form),
        ON_BOTH(an_idempotency_key_gives_the_same_job),
        ON_BOTH(a_refusal_is_not_remembered_under_its_key),
        ON_BOTH(bad_keys_are_refused),
        ON_BOTH(a_finished_job_is_captured_and_delivered),
        ON_BOTH(a_queued_job_is_cancelled_at_once),
        ON_BOTH(a_running_job_is_cancelled_by_its_worker),
        ON_BOTH(a_finish_that_commits_first_wins_over_the_cancel),
        ON_BOTH(a_retry_is_a_new_job_with_a_new_hold),
        ON_BOTH(a_refund_is_given_once),
        ON_BOTH(an_overdue_job_fails_and_is_released),
        ON_BOTH(jobs_are_listed_newest_first_page_by_page),
        ON_BOTH(a_list_with_bad_words_is_refused),
    };
    desk_servers_start();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    desk_servers_stop();
    return failed;
}

/*
 * test_backend_task.c - hand-out, lease and fence of tasks, over HTTP.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "backend/backend.h"
#include "base/clock.h"
#include "base/limits.h"
#include "tests/support/desk.h"

#define CHAT 800
#define WAIT_MS 20000

/* Short leases and no pauses. */
static const char *const quick[] = {"LEASE_MS=400", "HEARTBEAT_MS=100",
                                    "RETRY_DELAYS=0", "TAKEOVER_WAIT=1", NULL};

static int
setup_quick_sqlite(void **state)
{
    *state = desk_new(DB_SQLITE, quick);
    return 0;
}

static int
setup_quick_pg(void **state)
{
    *state = desk_new(DB_POSTGRES, quick);
    return 0;
}

#define ON_BOTH_QUICK(fn)                                                      \
    {#fn "_sqlite", fn, setup_quick_sqlite, desk_teardown, NULL},              \
    {                                                                          \
#fn "_postgres", fn, setup_quick_pg, desk_teardown, NULL               \
    }

/* A worker, a customer, one job; its task. */
static struct ans
open_with_job(struct desk *s, const char **user, const char **job)
{
    desk_open(s);
    *user = desk_user(s, CHAT);
    *job = desk_buy(s, *user, CHAT);
    struct ans a = ask(s, desk_text(s, "GET /api/jobs/%s", *job), NULL);
    ans_must(&a, 200);
    return a;
}

static struct ans
claim_as(struct desk *s, const char *worker, const char *boot,
         const char *address)
{
    return ask(s, "POST /api/tasks/claim",
               "{\"worker\":\"%s\",\"boot\":\"%s\",\"address\":\"%s\"}", worker,
               boot, address);
}

static struct ans
beat(struct desk *s, const struct ans *t, const char *worker, const char *boot,
     int64_t attempt)
{
    return ask(s,
               desk_text(s, "POST /api/tasks/%s/heartbeat", ans_str(t, "id")),
               "{\"worker\":\"%s\",\"boot\":\"%s\",\"attempt\":%lld}", worker,
               boot, (long long)attempt);
}

static struct ans
task_now(struct desk *s, const char *id)
{
    struct ans a = ask(s, desk_text(s, "GET /api/tasks/%s", id), NULL);
    ans_must(&a, 200);
    return a;
}

static void
wait_status(struct desk *s, const char *task, const char *status)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    for (;;) {
        struct ans a = task_now(s, task);
        if (strcmp(ans_str(&a, "status"), status) == 0)
            return;
        if (clock_mono_ms() > until)
            fail_msg("task %s is %s, not %s", task, ans_str(&a, "status"),
                     status);
        clock_sleep_ms(20);
    }
}

/* ---- claims ---- */

static void
a_claim_carries_all_that_a_run_needs(void **state)
{
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    struct ans t = desk_claim(s);
    ans_must(&t, 200);
    assert_string_equal(ans_str(&t, "status"), "processing");
    assert_string_equal(ans_str(&t, "job_id"), job);
    assert_string_equal(ans_str(&t, "service"), "image-service");
    assert_string_equal(ans_str(&t, "scenario"), "sepia");
    assert_string_equal(ans_str(&t, "version"), desk_version(s, "sepia"));
    assert_string_equal(ans_str(&t, "inputs.photo.telegram_file_id"), "F");
    assert_string_equal(ans_str(&t, "language"), "en");
    assert_int_equal(ans_i64(&t, "attempt"), 1);
    assert_int_equal(ans_i64(&t, "chat_id"), CHAT);
    assert_int_equal(ans_i64(&t, "lease_ms"), 6000);
    assert_in_range(ans_i64(&t, "remaining_ms"), 1, 3600000);
    assert_true(ans_i64(&t, "eta_ms") > 0);
    assert_false(ans_has(&t, "comfy_url"));
    struct ans a = ask(s, desk_text(s, "GET /api/jobs/%s", job), NULL);
    assert_string_equal(ans_str(&a, "status"), "processing");
    a = desk_claim(s);
    ans_must(&a, 204);
}

static void
a_hint_is_followed_and_a_useless_one_ignored(void **state)
{
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    const char *second = desk_buy(s, user, CHAT);
    desk_buy(s, user, CHAT);
    desk_buy(s, user, CHAT);
    struct ans t = desk_claim(s);
    assert_string_equal(ans_str(&t, "job_id"), job);
    /* the fairest would be the second: hint the third by its task */
    struct ans third = {0};
    struct ans list = ask(s, "GET /api/jobs?telegram_id=800", NULL);
    const char *third_job = ans_str(&list, "jobs.1.id");
    struct db *db = desk_db(s);
    static const struct db_sql of_job = {
        "test.of_job", "SELECT id FROM tasks WHERE job = ?1", "t"};
    struct db_rows r;
    struct err e = {0};
    assert_int_equal(db_read(db, s->a, &of_job, &r, &e, 1, V_STR(third_job)),
                     0);
    db_close(db);
    third = ask(s, "POST /api/tasks/claim",
                "{\"worker\":\"w1\",\"boot\":\"b1\",\"address\":\"http://c1\","
                "\"hint\":\"%s\"}",
                db_str(&r, 0, 0));
    ans_must(&third, 200);
    assert_string_equal(ans_str(&third, "job_id"), third_job);
    static const char *const useless[] = {"00000000", "no such thing", "",
                                          "\\u0022{}"};
    struct ans a =
        ask(s, "POST /api/tasks/claim",
            "{\"worker\":\"w1\",\"boot\":\"b1\",\"address\":\"http://c1\","
            "\"hint\":\"%s\"}",
            useless[0]);
    ans_must(&a, 200);
    assert_string_equal(ans_str(&a, "job_id"), second);
    for (size_t i = 1; i < 4; i++) {
        a = ask(s, "POST /api/tasks/claim",
                "{\"worker\":\"w1\",\"boot\":\"b1\","
                "\"address\":\"http://c1\",\"hint\":\"%s\"}",
                useless[i]);
        if (a.status != 200 && a.status != 204)
            fail_msg("hint %s: %d", useless[i], a.status);
    }
}

static void
a_task_is_claimed_by_its_id_once(void **state)
{
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    struct ans t = desk_claim(s);
    struct ans a = desk_report(s, &t, "\"status\":\"pending\"");
    ans_must(&a, 200);
    const char *call =
        desk_text(s, "POST /api/tasks/%s/claim", ans_str(&t, "id"));
    const char *body = "{\"worker\":\"w2\",\"boot\":\"b\","
                       "\"address\":\"http://c2\"}";
    a = ask_with(s, call, str_c(body), NULL);
    ans_must(&a, 200);
    assert_int_equal(ans_i64(&a, "attempt"), 2);
    a = ask_with(s, call, str_c(body), NULL);
    ans_must_code(&a, 409, "not_claimable");
    assert_int_equal(ans_i64(&a, "attempt"), 2);
    assert_string_equal(ans_str(&a, "state"), "processing");
    a = ask_with(s, "POST /api/tasks/00000000/claim", str_c(body), NULL);
    ans_must(&a, 404);
}

static void
tasks_are_spoken_of_without_api_in_front(void **state)
{
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    struct ans t = desk_claim(s);
    json_free(s->openapi); /* describes the other path */
    s->openapi = NULL;
    struct ans a =
        ask(s, desk_text(s, "GET /tasks/%s", ans_str(&t, "id")), NULL);
    ans_must(&a, 200);
    a = ask(s, desk_text(s, "PATCH /tasks/%s/status", ans_str(&t, "id")),
            "{\"status\":\"success\",\"attempt\":1}");
    ans_must(&a, 200);
}

struct poll {
    struct desk_client c;
    struct ans a;
    bool ok;
    int64_t ms;
};

static void *
poll_run(void *arg)
{
    struct poll *p = arg;
    int64_t from = clock_mono_ms();
    p->ok = desk_say(&p->c, "POST /api/tasks/claim",
                     STR("{\"worker\":\"w1\",\"boot\":\"b1\",\"wait_ms\":15000"
                         ",\"address\":\"http://c1\"}"),
                     NULL, &p->a);
    p->ms = clock_mono_ms() - from;
    return NULL;
}

static void
a_waiting_claim_gets_the_next_job(void **state)
{
    struct desk *s = *state;
    struct poll p;
    pthread_t t;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    desk_client_init(&p.c, s);
    thread_start(&t, "poll", poll_run, &p);
    const char *job = desk_buy(s, user, CHAT);
    thread_join(t);
    if (!p.ok)
        fail_msg("%s", p.c.trouble);
    ans_must(&p.a, 200);
    assert_string_equal(ans_str(&p.a, "job_id"), job);
    assert_true(p.ms < 15000);
    desk_client_fini(&p.c);
}

static void
a_claim_that_waits_ends_empty_when_the_backend_stops(void **state)
{
    struct desk *s = *state;
    struct poll p;
    pthread_t t;
    desk_open(s);
    desk_client_init(&p.c, s);
    thread_start(&t, "poll", poll_run, &p);
    clock_sleep_ms(200);
    desk_stop(s);
    thread_join(t);
    if (!p.ok)
        fail_msg("%s", p.c.trouble);
    ans_must(&p.a, 204);
    assert_true(p.ms < 15000);
    desk_client_fini(&p.c);
}

static void
nobody_waits_behind_a_greedy_one(void **state)
{
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    for (int i = 0; i < 5; i++)
        desk_buy(s, user, CHAT);
    const char *other = desk_user(s, CHAT + 1);
    const char *theirs = desk_buy(s, other, CHAT + 1);
    struct ans a = ask(s, desk_text(s, "GET /api/jobs/%s", theirs), NULL);
    assert_int_equal(ans_i64(&a, "position"), 2);
    struct ans t = desk_claim(s);
    assert_string_equal(ans_str(&t, "job_id"), job);
    t = desk_claim(s);
    assert_string_equal(ans_str(&t, "job_id"), theirs);
    /* somebody who comes later still comes next */
    desk_claim(s);
    const char *third = desk_user(s, CHAT + 2);
    theirs = desk_buy(s, third, CHAT + 2);
    a = ask(s, desk_text(s, "GET /api/jobs/%s", theirs), NULL);
    assert_in_range(ans_i64(&a, "position"), 1, 2);
    struct ans first = desk_claim(s), second = desk_claim(s);
    assert_true(strcmp(ans_str(&first, "job_id"), theirs) == 0 ||
                strcmp(ans_str(&second, "job_id"), theirs) == 0);
    a = desk_claim(s);
    ans_must(&a, 200);
}

/* ---- the fence ---- */

static void
heartbeats_of_strangers_are_fenced_off(void **state)
{
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    struct ans t = desk_claim(s);
    struct ans a = beat(s, &t, "w1", "b1", 1);
    ans_must(&a, 200);
    assert_string_equal(ans_str(&a, "status"), "processing");
    assert_int_equal(ans_i64(&a, "lease_ms"), 6000);
    static const struct {
        const char *worker, *boot;
        int64_t attempt;
    } wrong[] = {
        {"w2", "b1", 1}, {"w1", "b2", 1}, {"w1", "b1", 0}, {"w1", "b1", 2}};
    for (size_t i = 0; i < 4; i++) {
        a = beat(s, &t, wrong[i].worker, wrong[i].boot, wrong[i].attempt);
        ans_must_code(&a, 409, "stale_attempt");
        assert_int_equal(ans_i64(&a, "attempt"), 1);
        assert_string_equal(ans_str(&a, "state"), "processing");
    }
    a = ask(s, "POST /api/tasks/00000000/heartbeat",
            "{\"worker\":\"w\",\"boot\":\"b\",\"attempt\":1}");
    ans_must(&a, 404);
}

static void
progress_shows_in_the_job(void **state)
{
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    struct ans t = desk_claim(s);
    struct ans a =
        ask(s, desk_text(s, "POST /api/tasks/%s/heartbeat", ans_str(&t, "id")),
            "{\"worker\":\"w1\",\"boot\":\"b1\",\"attempt\":1,"
            "\"stage\":\"rendering\",\"progress\":40,\"position\":2}");
    ans_must(&a, 200);
    a = ask(s, desk_text(s, "GET /api/jobs/%s", job), NULL);
    assert_string_equal(ans_str(&a, "stage"), "rendering");
    assert_int_equal(ans_i64(&a, "progress"), 40);
    assert_int_equal(ans_i64(&a, "position"), 2);
    /* what a heartbeat leaves out stays */
    a = beat(s, &t, "w1", "b1", 1);
    ans_must(&a, 200);
    a = ask(s, desk_text(s, "GET /api/jobs/%s", job), NULL);
    assert_string_equal(ans_str(&a, "stage"), "rendering");
    assert_int_equal(ans_i64(&a, "progress"), 40);
}

static void
a_run_is_stored_before_it_starts_and_given_to_the_next(void **state)
{
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    struct ans t = desk_claim(s);
    struct ans a = desk_report(s, &t, "\"status\":\"processing\"");
    ans_must(&a, 422);
    a = desk_report(s, &t,
                    "\"status\":\"processing\",\"comfy_url\":\"http://c1\","
                    "\"prompt_id\":\"p-1\"");
    ans_must(&a, 200);
    a = desk_report(s, &t, "\"status\":\"pending\"");
    ans_must(&a, 200);
    assert_string_equal(ans_str(&a, "status"), "pending");
    /* another address waits for that one */
    desk_worker(s, "w2", "b", "http://c2");
    a = claim_as(s, "w2", "b", "http://c2");
    ans_must(&a, 204);
    t = desk_claim(s);
    ans_must(&t, 200);
    assert_string_equal(ans_str(&t, "comfy_url"), "http://c1");
    assert_string_equal(ans_str(&t, "prompt_id"), "p-1");
    assert_int_equal(ans_i64(&t, "attempt"), 2);
    /* that run is known to have failed */
    a = desk_report(s, &t, "\"status\":\"pending\",\"forget_run\":true");
    ans_must(&a, 200);
    t = claim_as(s, "w2", "b", "http://c2");
    ans_must(&t, 200);
    assert_false(ans_has(&t, "comfy_url"));
}

static void
an_old_attempt_changes_nothing(void **state)
{
    static const char *const writes[] = {
        "\"status\":\"success\"", "\"status\":\"pending\"",
        "\"status\":\"failed\",\"error_class\":\"input\"",
        "\"status\":\"processing\",\"comfy_url\":\"http://x\","
        "\"prompt_id\":\"p\""};
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    struct ans old = desk_claim(s);
    struct ans a = desk_report(s, &old, "\"status\":\"pending\"");
    ans_must(&a, 200);
    struct ans t = desk_claim(s);
    assert_int_equal(ans_i64(&t, "attempt"), 2);
    for (size_t i = 0; i < 4; i++) {
        a = desk_report(s, &old, writes[i]);
        ans_must_code(&a, 409, "stale_attempt");
        assert_int_equal(ans_i64(&a, "attempt"), 2);
    }
    a = task_now(s, ans_str(&t, "id"));
    assert_string_equal(ans_str(&a, "status"), "processing");
    assert_false(ans_has(&a, "comfy_url"));
    a = desk_report(s, &t, "\"status\":\"success\"");
    ans_must(&a, 200);
}

/* ---- ends ---- */

static void
a_finish_may_be_repeated(void **state)
{
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    struct ans t = desk_claim(s);
    for (int i = 0; i < 3; i++) {
        struct ans a = desk_report(s, &t,
                                   "\"status\":\"success\","
                                   "\"run_ms\":1234");
        ans_must(&a, 200);
        assert_string_equal(ans_str(&a, "status"), "success");
        assert_string_equal(ans_str(&a, "job_status"), "completed");
    }
    struct ans a = desk_report(s, &t, "\"status\":\"failed\"");
    ans_must(&a, 409);
    assert_string_equal(ans_str(&a, "state"), "success");
    a = beat(s, &t, "w1", "b1", 1);
    ans_must(&a, 409);
    assert_int_equal(desk_balance(s, user, "balance"), 60 - s->price);
}

static void
a_failure_may_be_repeated_at_every_retry(void **state)
{
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    for (int run = 1; run <= 4; run++) {
        struct ans t = desk_claim(s);
        ans_must(&t, 200);
        assert_int_equal(ans_i64(&t, "attempt"), run);
        assert_int_equal(ans_i64(&t, "failures"), run - 1);
        for (int i = 0; i < 2; i++) {
            struct ans a = desk_report(
                s, &t, "\"status\":\"failed\",\"error_class\":\"oom\"");
            ans_must(&a, 200);
            assert_string_equal(ans_str(&a, "status"),
                                run < 4 ? "pending" : "failed");
            assert_string_equal(ans_str(&a, "job_status"),
                                run < 4 ? "processing" : "failed");
            assert_int_equal(ans_has(&a, "balance"), run == 4);
        }
    }
    struct ans a = desk_claim(s);
    ans_must(&a, 204);
    assert_int_equal(desk_balance(s, user, "balance"), 60);
    a = ask(s, desk_text(s, "GET /api/jobs/%s", job), NULL);
    assert_string_equal(ans_str(&a, "error_class"), "oom");
}

static void
retries_wait_for_their_pause(void **state)
{
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    struct ans a =
        desk_run(s, "\"status\":\"failed\",\"error_class\":\"internal\"");
    ans_must(&a, 200);
    assert_string_equal(ans_str(&a, "status"), "pending");
    a = desk_claim(s); /* RETRY_DELAYS is 5, 10, 20 */
    ans_must(&a, 204);
}

static void
an_outage_costs_nobody_a_retry(void **state)
{
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    for (int i = 0; i < 10; i++) {
        struct ans a =
            desk_run(s, "\"status\":\"failed\",\"error_class\":\"comfy_lost\"");
        ans_must(&a, 200);
        assert_string_equal(ans_str(&a, "status"), "pending");
    }
    struct ans t = desk_claim(s);
    ans_must(&t, 200);
    assert_int_equal(ans_i64(&t, "failures"), 0);
}

static void
a_photo_that_kills_comfyui_fails_after_three_losses(void **state)
{
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    for (int i = 1; i <= LIM_TASK_LOSSES; i++) {
        struct ans a = desk_run(s, "\"status\":\"failed\",\"error_class\":"
                                   "\"gpu\",\"was_running\":true");
        ans_must(&a, 200);
        assert_string_equal(ans_str(&a, "status"),
                            i < LIM_TASK_LOSSES ? "pending" : "failed");
    }
    assert_int_equal(desk_balance(s, user, "balance"), 60);
}

static void
bad_reports_are_refused(void **state)
{
    static const char *const bad[] = {
        "\"status\":\"done\"",
        "\"status\":\"failed\",\"error_class\":\"bad luck\""};
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    struct ans t = desk_claim(s);
    for (size_t i = 0; i < 2; i++) {
        struct ans a = desk_report(s, &t, bad[i]);
        ans_must(&a, 422);
    }
    struct ans a = ask(s, "PATCH /api/tasks/00000000/status",
                       "{\"status\":\"success\",\"attempt\":1}");
    ans_must(&a, 404);
    a = ask(s, desk_text(s, "PATCH /api/tasks/%s/status", ans_str(&t, "id")),
            "{\"attempt\":1}");
    ans_must(&a, 400);
}

/* ---- consumers that are not ours ---- */

static void
a_foreign_consumer_claims_and_ends_without_attempts(void **state)
{
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    struct ans t = desk_claim(s);
    struct ans a = desk_report(s, &t, "\"status\":\"pending\"");
    const char *call =
        desk_text(s, "PATCH /api/tasks/%s/status", ans_str(&t, "id"));
    a = ask(s, call, "{\"status\":\"success\"}");
    ans_must_code(&a, 409, "not_claimed");
    a = ask(s, call, "{\"status\":\"processing\"}");
    ans_must(&a, 200);
    a = ask(s, call, "{\"status\":\"processing\"}");
    ans_must_code(&a, 409, "held");
    a = desk_claim(s);
    ans_must(&a, 204);
    for (int i = 0; i < 2; i++) {
        a = ask(s, call, "{\"status\":\"success\",\"result_ref\":\"x\"}");
        ans_must(&a, 200);
        assert_string_equal(ans_str(&a, "job_status"), "completed");
    }
    assert_int_equal(desk_balance(s, user, "balance"), 60 - s->price);
}

static void
a_foreign_consumer_may_not_end_what_ours_runs(void **state)
{
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    struct ans t = desk_claim(s);
    const char *call =
        desk_text(s, "PATCH /api/tasks/%s/status", ans_str(&t, "id"));
    struct ans a = ask(s, call, "{\"status\":\"processing\"}");
    ans_must_code(&a, 409, "held");
    a = ask(s, call, "{\"status\":\"success\"}");
    ans_must_code(&a, 409, "not_claimed");
    a = ask(s, call, "{\"status\":\"failed\"}");
    ans_must_code(&a, 409, "not_claimed");
}

static void
a_job_is_reported_like_its_task(void **state)
{
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    const char *put = desk_text(s, "PUT /api/jobs/%s", job);
    const char *patch = desk_text(s, "PATCH /api/jobs/%s", job);
    struct ans a = ask(s, put, "{\"status\":\"completed\"}");
    ans_must_code(&a, 409, "not_claimed");
    a = ask(s, patch, "{\"status\":\"processing\"}");
    ans_must(&a, 200);
    assert_string_equal(ans_str(&a, "status"), "processing");
    a = ask(s, put, "{\"status\":\"completed\",\"result_ref\":\"r\"}");
    ans_must(&a, 200);
    assert_string_equal(ans_str(&a, "status"), "completed");
    assert_string_equal(ans_str(&a, "result_ref"), "r");
    a = ask(s, put, "{\"status\":\"completed\",\"result_ref\":\"r\"}");
    ans_must(&a, 200);
    a = ask(s, "PUT /api/jobs/job_none", "{\"status\":\"completed\"}");
    ans_must(&a, 404);
    a = ask(s, put, "{\"status\":\"nonsense\"}");
    ans_must(&a, 422);
}

/* ---- leases ---- */

static void
a_silent_worker_loses_its_task(void **state)
{
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    struct ans t = desk_claim(s);
    wait_status(s, ans_str(&t, "id"), "pending");
    struct ans a = desk_report(s, &t, "\"status\":\"success\"");
    ans_must(&a, 409);
    t = desk_claim(s);
    ans_must(&t, 200);
    assert_int_equal(ans_i64(&t, "attempt"), 2);
    assert_int_equal(ans_i64(&t, "failures"), 0);
}

static void
heartbeats_keep_a_task(void **state)
{
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    struct ans t = desk_claim(s);
    int64_t until = clock_mono_ms() + 3000;
    while (clock_mono_ms() < until) {
        struct ans a = beat(s, &t, "w1", "b1", 1);
        ans_must(&a, 200);
        clock_sleep_ms(50);
    }
    struct ans a = desk_report(s, &t, "\"status\":\"success\"");
    ans_must(&a, 200);
}

static void
a_new_boot_frees_what_the_old_one_held(void **state)
{
    struct desk *s = *state;
    const char *user, *job;
    char boot[16];
    open_with_job(s, &user, &job);
    for (int i = 0; i < LIM_TASK_CRASHES; i++) {
        snprintf(boot, sizeof boot, "boot%d", i);
        struct ans t = claim_as(s, "w9", boot, "http://c1");
        ans_must(&t, 200);
        assert_int_equal(ans_i64(&t, "attempt"), i + 1);
    }
    /* a task that has killed five workers is not handed out again */
    struct ans a = claim_as(s, "w9", "last", "http://c1");
    ans_must(&a, 204);
    a = ask(s, desk_text(s, "GET /api/jobs/%s", job), NULL);
    assert_string_equal(ans_str(&a, "status"), "failed");
    assert_int_equal(desk_balance(s, user, "balance"), 60);
}

static void
a_silent_worker_s_cancelled_job_ends(void **state)
{
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    struct ans t = desk_claim(s);
    struct ans a = ask(s, desk_text(s, "POST /api/jobs/%s/cancel", job), NULL);
    ans_must(&a, 202);
    wait_status(s, ans_str(&t, "id"), "failed");
    a = ask(s, desk_text(s, "GET /api/jobs/%s", job), NULL);
    assert_string_equal(ans_str(&a, "status"), "cancelled");
    assert_int_equal(desk_balance(s, user, "balance"), 60);
}

static void
an_address_that_is_gone_is_taken_over(void **state)
{
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    struct ans t = desk_claim(s);
    struct ans a =
        desk_report(s, &t,
                    "\"status\":\"processing\",\"comfy_url\":\"http://c1\","
                    "\"prompt_id\":\"p-1\"");
    ans_must(&a, 200);
    a = desk_report(s, &t, "\"status\":\"pending\"");
    int64_t until = clock_mono_ms() + WAIT_MS;
    do {
        clock_sleep_ms(50);
        desk_worker(s, "w2", "b", "http://c2");
        a = claim_as(s, "w2", "b", "http://c2");
    } while (a.status == 204 && clock_mono_ms() < until);
    ans_must(&a, 200);
    assert_int_equal(ans_i64(&a, "attempt"), 2);
    assert_false(ans_has(&a, "comfy_url"));
}

static void
an_address_gets_only_what_it_can_run(void **state)
{
    struct desk *s = *state;
    const char *user, *job;
    open_with_job(s, &user, &job);
    struct ans a = ask(
        s, "POST /api/workers/w2/heartbeat",
        "{\"boot\":\"b\",\"services\":[\"image-service\"],\"slots\":1,"
        "\"free\":1,\"addresses\":[{\"address\":\"http://c2\","
        "\"healthy\":true,\"runs_known\":true,\"runs\":[{\"name\":\"sepia\","
        "\"version\":\"other\"}]}]}");
    ans_must(&a, 200);
    int64_t until = clock_mono_ms() + WAIT_MS;
    for (;;) { /* until the catalog knows it */
        a = ask(s, "GET /metrics", NULL);
        if (strstr(a.body.p, "tintype_workers 2") != NULL)
            break;
        if (clock_mono_ms() > until)
            fail_msg("%s", a.body.p);
        clock_sleep_ms(20);
    }
    a = claim_as(s, "w2", "b", "http://c2");
    ans_must(&a, 204);
    a = desk_claim(s);
    ans_must(&a, 200);
}

int
main(int argc, char **argv)
{
    if (desk_is_backend(argc, argv))
        return backend_main(argc, argv);
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_claim_carries_all_that_a_run_needs),
        ON_BOTH(a_hint_is_followed_and_a_useless_one_ignored),
        ON_BOTH(a_task_is_claimed_by_its_id_once),
        ON_BOTH(tasks_are_spoken_of_without_api_in_front),
        ON_BOTH(a_waiting_claim_gets_the_next_job),
        ON_BOTH(a_claim_that_waits_ends_empty_when_the_backend_stops),
        ON_BOTH(nobody_waits_behind_a_greedy_one),
        ON_BOTH(heartbeats_of_strangers_are_fenced_off),
        ON_BOTH(progress_shows_in_the_job),
        ON_BOTH(a_run_is_stored_before_it_starts_and_given_to_the_next),
        ON_BOTH(an_old_attempt_changes_nothing),
        ON_BOTH(a_finish_may_be_repeated),
        ON_BOTH_QUICK(a_failure_may_be_repeated_at_every_retry),
        ON_BOTH(retries_wait_for_their_pause),
        ON_BOTH(an_outage_costs_nobody_a_retry),
        ON_BOTH(a_photo_that_kills_comfyui_fails_after_three_losses),
        ON_BOTH(bad_reports_are_refused),
        ON_BOTH(a_foreign_consumer_claims_and_ends_without_attempts),
        ON_BOTH(a_foreign_consumer_may_not_end_what_ours_runs),
        ON_BOTH(a_job_is_reported_like_its_task),
        ON_BOTH_QUICK(a_silent_worker_loses_its_task),
        ON_BOTH_QUICK(heartbeats_keep_a_task),
        ON_BOTH(a_new_boot_frees_what_the_old_one_held),
        ON_BOTH_QUICK(a_silent_worker_s_cancelled_job_ends),
        ON_BOTH_QUICK(an_address_that_is_gone_is_taken_over),
        ON_BOTH(an_address_gets_only_what_it_can_run),
    };
    desk_servers_start();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    desk_servers_stop();
    return failed;
}

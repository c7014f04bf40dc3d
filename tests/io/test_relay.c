/*
 * test_relay.c - what the backend writes to Redis, and that nothing rests on
 * it (protocols 5, 10): a real Redis that is emptied, killed and restarted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/backend.h"
#include "base/clock.h"
#include "io/redis.h"
#include "tests/support/desk.h"

#define CHAT 300
#define WAIT_MS 30000
#define QUEUE "queue:image-service"

static struct redis_server server;
static struct redis *redis;

static struct redis_reply
command(struct arena *a, const char *const *words, size_t n)
{
    struct str w[8];
    struct redis_reply r;
    struct err e = {0};
    int64_t until = clock_mono_ms() + WAIT_MS;
    assert_true(n <= 8);
    for (size_t i = 0; i < n; i++)
        w[i] = str_c(words[i]);
    while (redis_cmd(redis, a, 5000, n, w, &r, &e) != 0) {
        /* it has just been started */
        if (e.code != ERR_UNAVAILABLE || clock_mono_ms() > until)
            fail_msg("%s", e.msg);
        clock_sleep_ms(20);
    }
    return r;
}
#define REDIS(s, ...)                                                          \
    command((s)->main.a, (const char *const[]){__VA_ARGS__},                   \
            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void
wait_len(struct desk *s, int64_t n)
{
    int64_t until = clock_mono_ms() + WAIT_MS, len;
    while ((len = REDIS(s, "LLEN", QUEUE).i) != n) {
        if (clock_mono_ms() > until)
            fail_msg("%lld hints, not %lld", (long long)len, (long long)n);
        clock_sleep_ms(10);
    }
}

static void
wait_field(struct desk *s, const char *key, const char *field,
           const char *value)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    struct str got;
    while (!str_eq_c(got = REDIS(s, "HGET", key, field).s, value)) {
        if (clock_mono_ms() > until)
            fail_msg("%s %s is " STR_FMT ", not %s", key, field, STR_ARG(got),
                     value);
        clock_sleep_ms(10);
    }
}

/* The oldest hint, taken out. */
static const cJSON *
pop_hint(struct desk *s)
{
    struct err e = {0};
    struct redis_reply r;
    int64_t until = clock_mono_ms() + WAIT_MS;
    while ((r = REDIS(s, "RPOP", QUEUE)).type != REDIS_STRING) {
        if (clock_mono_ms() > until)
            fail_msg("no hint came");
        clock_sleep_ms(10);
    }
    cJSON *j = json_parse_in(s->main.a, r.s, 0, &e);
    if (j == NULL)
        fail_msg("%s", e.msg);
    return j;
}

/* ---- fixtures ---- */

static void
redis_ready(void)
{
    struct redis_config cfg;
    struct err e = {0};
    char url[100];
    struct arena *a = arena_new();
    if (server.pid == 0)
        redis_server_again(&server);
    snprintf(url, sizeof url, "unix:%s", server.socket);
    if (redis_url_parse(url, &cfg, &e) != 0)
        fail_msg("%s", e.msg);
    redis_free(redis);
    redis = redis_new(&cfg);
    const char *const flush[] = {"FLUSHALL"};
    command(a, flush, 1);
    arena_free(a);
}

static struct desk *
desk_with_redis(enum db_kind kind, const char *const *more)
{
    const char *env[8] = {NULL};
    char url[100];
    size_t n = 0;
    redis_ready();
    snprintf(url, sizeof url, "REDIS_URL=unix:%s", server.socket);
    env[n++] = url;
    for (size_t i = 0; more != NULL && more[i] != NULL; i++)
        env[n++] = more[i];
    return desk_new(kind, env);
}

static int
setup_sqlite(void **state)
{
    *state = desk_with_redis(DB_SQLITE, NULL);
    return 0;
}

static int
setup_pg(void **state)
{
    *state = desk_with_redis(DB_POSTGRES, NULL);
    return 0;
}

/* Nobody of ours serves: consumers that are not ours do. */
static int
setup_foreign(void **state)
{
    static const char *const foreign[] = {"FOREIGN_SERVICES=image-service",
                                          "QUEUE_MIN=3", NULL};
    *state = desk_with_redis(DB_SQLITE, foreign);
    return 0;
}

/* ---- hints ---- */

static void
a_bought_job_becomes_a_hint(void **state)
{
    struct desk *s = *state;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    const char *job = desk_buy(s, user, CHAT);
    const cJSON *h = pop_hint(s);
    assert_string_equal(json_str(h, "job_id", ""), job);
    assert_string_equal(json_str(h, "scenario_id", ""), job);
    assert_string_equal(json_str(h, "service", ""), "image-service");
    assert_string_equal(json_str(h, "queue", ""), QUEUE);
    assert_string_equal(json_str(h, "status", ""), "pending");
    assert_int_equal(json_i64(h, "attempt", -1), 0);
    assert_string_equal(
        json_str(json_path(h, "inputs.photo"), "telegram_file_id", ""), "F");
    assert_true(cJSON_IsArray(json_get(h, "consumers")));
    assert_true(cJSON_IsObject(json_get(h, "params")));
    assert_true(cJSON_IsNull(json_get(h, "result_ref")));
    assert_int_equal(strlen(json_str(h, "id", "")), 8);
    assert_true(json_i64(h, "created_at", 0) > 0);
    /* nobody claimed it: it comes again */
    const cJSON *again = pop_hint(s);
    assert_string_equal(json_str(again, "id", ""), json_str(h, "id", ""));
    struct ans t =
        ask(s, "POST /api/tasks/claim",
            "{\"worker\":\"w1\",\"boot\":\"b1\",\"address\":\"http://c1\","
            "\"hint\":\"%s\"}",
            json_str(h, "id", ""));
    ans_must(&t, 200);
}

static void
two_hints_a_slot_are_handed_out(void **state)
{
    struct desk *s = *state;
    desk_open(s); /* two slots */
    const char *user = desk_user(s, CHAT);
    for (int i = 0; i < 7; i++)
        desk_buy(s, user, 0);
    wait_len(s, 4);
    for (int i = 0; i < 2; i++) {
        const cJSON *h = pop_hint(s);
        struct ans t = ask(s, "POST /api/tasks/claim",
                           "{\"worker\":\"w1\",\"boot\":\"b1\","
                           "\"address\":\"http://c1\",\"hint\":\"%s\"}",
                           json_str(h, "id", ""));
        ans_must(&t, 200);
    }
    wait_len(s, 4);
}

static void
an_emptied_redis_is_filled_again(void **state)
{
    struct desk *s = *state;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    for (int i = 0; i < 3; i++)
        desk_buy(s, user, 0);
    wait_len(s, 3);
    struct ans list = ask(s, "GET /api/jobs?telegram_id=300", NULL);
    const char *key = desk_text(s, "scenario:%s", ans_str(&list, "jobs.0.id"));
    wait_field(s, key, "status", "queued");
    REDIS(s, "FLUSHALL");
    wait_len(s, 3);
    wait_field(s, key, "status", "queued");
}

static void
a_redis_that_died_is_filled_again(void **state)
{
    struct desk *s = *state;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    for (int i = 0; i < 3; i++)
        desk_buy(s, user, 0);
    wait_len(s, 3);
    redis_server_kill(&server);
    desk_buy(s, user, 0);
    redis_server_again(&server);
    wait_len(s, 4);
}

static void
a_dead_redis_stops_nobody(void **state)
{
    struct desk *s = *state;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    redis_server_kill(&server);
    const char *job = desk_buy(s, user, CHAT);
    struct ans a = desk_run(s, "\"status\":\"success\"");
    ans_must(&a, 200);
    a = ask(s, desk_text(s, "GET /api/jobs/%s", job), NULL);
    assert_string_equal(ans_str(&a, "status"), "completed");
    a = ask(s, "GET /ready", NULL);
    ans_must(&a, 503);
    redis_server_again(&server);
    wait_field(s, desk_text(s, "scenario:%s", job), "status", "completed");
}

static void
a_key_of_the_wrong_type_stops_only_its_queue(void **state)
{
    struct desk *s = *state;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    REDIS(s, "SET", QUEUE, "not a list");
    const char *job = desk_buy(s, user, CHAT);
    wait_field(s, desk_text(s, "scenario:%s", job), "status", "queued");
    REDIS(s, "DEL", QUEUE);
    wait_len(s, 1);
}

static void
a_full_redis_is_caught_up_with(void **state)
{
    struct desk *s = *state;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    REDIS(s, "CONFIG", "SET", "maxmemory", "1");
    const char *job = desk_buy(s, user, CHAT);
    struct ans a = desk_run(s, "\"status\":\"success\"");
    ans_must(&a, 200);
    clock_sleep_ms(1500); /* a pass of the relay or two fail meanwhile */
    REDIS(s, "CONFIG", "SET", "maxmemory", "0");
    wait_field(s, desk_text(s, "scenario:%s", job), "status", "completed");
}

/* ---- projections ---- */

static void
a_task_is_shown_as_it_goes(void **state)
{
    struct desk *s = *state;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    const char *job = desk_buy(s, user, CHAT);
    const char *of_job = desk_text(s, "scenario:%s", job);
    const cJSON *h = pop_hint(s);
    const char *key = desk_text(s, "task:%s", json_str(h, "id", ""));
    wait_field(s, key, "status", "pending");
    wait_field(s, of_job, "status", "queued");
    struct ans t = desk_claim(s);
    ans_must(&t, 200);
    wait_field(s, key, "status", "processing");
    wait_field(s, key, "attempt", "1");
    wait_field(s, of_job, "status", "processing");
    struct ans a =
        desk_report(s, &t, "\"status\":\"success\",\"result_ref\":\"r\"");
    ans_must(&a, 200);
    wait_field(s, key, "status", "success");
    wait_field(s, key, "result_ref", "r");
    wait_field(s, key, "job_id", job);
    wait_field(s, key, "service", "image-service");
    wait_field(s, of_job, "status", "completed");
}

static void
ends_without_a_worker_are_shown(void **state)
{
    struct desk *s = *state;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    const char *job = desk_buy(s, user, CHAT);
    const char *key = desk_text(s, "task:%s", json_str(pop_hint(s), "id", ""));
    wait_field(s, key, "status", "pending");
    struct ans a = ask(s, desk_text(s, "POST /api/jobs/%s/cancel", job), NULL);
    ans_must(&a, 200);
    wait_field(s, key, "status", "failed");
    wait_field(s, desk_text(s, "scenario:%s", job), "status", "cancelled");
}

/* ---- consumers that are not ours ---- */

static void
a_foreign_queue_is_kept_filled(void **state)
{
    struct desk *s = *state;
    desk_wait_sale(s, "sepia");
    const char *user = desk_user(s, CHAT);
    for (int i = 0; i < 5; i++)
        desk_buy(s, user, 0);
    wait_len(s, 3);
    const cJSON *h = pop_hint(s);
    const char *first = json_str(h, "id", "");
    struct ans a = ask(s, desk_text(s, "PATCH /api/tasks/%s/status", first),
                       "{\"status\":\"processing\"}");
    ans_must(&a, 200);
    wait_len(s, 3);
    for (int i = 0; i < 3; i++) /* what was popped is not pushed again */
        assert_string_not_equal(json_str(pop_hint(s), "id", ""), first);
}

/* Output of a program, first line. */
static const char *
shell(struct desk *s, const char *line)
{
    char out[4096];
    FILE *p = popen(line, "r");
    assert_non_null(p);
    size_t n = fread(out, 1, sizeof out - 1, p);
    out[n] = '\0';
    assert_int_equal(pclose(p), 0);
    return arena_strdup(s->a, out);
}

static void
redis_cli_and_curl_are_enough_for_a_worker(void **state)
{
    static const struct db_sql pictures = {
        "test.pictures",
        "SELECT count(*) FROM deliveries WHERE kind = 'result'", ""};
    struct desk *s = *state;
    struct err e = {0};
    char line[1024];
    desk_wait_sale(s, "sepia");
    const char *user = desk_user(s, CHAT);
    const char *job = desk_buy(s, user, CHAT);
    snprintf(line, sizeof line,
             "redis-cli -s %s BRPOP " QUEUE " 20 | tail -n 1", server.socket);
    const char *hint = shell(s, line);
    cJSON *h = json_parse_in(s->a, str_trim(str_c(hint)), 0, &e);
    if (h == NULL)
        fail_msg("%s: %s", e.msg, hint);
    const char *task = json_str(h, "id", "");
    const char *curl = "curl -sf -H 'Authorization: Bearer " DESK_TOKEN "'";
    snprintf(line, sizeof line,
             "%s -X PATCH -d '{\"status\":\"processing\"}' "
             "%s/tasks/%s/status",
             curl, s->url, task);
    assert_non_null(strstr(shell(s, line), "\"processing\""));
    snprintf(line, sizeof line,
             "printf 'a picture' | %s -T - '%s/api/objects?task=%s'", curl,
             s->url, task);
    cJSON *o = json_parse_in(s->a, str_c(shell(s, line)), 0, &e);
    snprintf(line, sizeof line,
             "%s -X PATCH -d '{\"status\":\"success\",\"result_ref\":\"%s\"}'"
             " %s/tasks/%s/status",
             curl, json_str(o, "id", ""), s->url, task);
    for (int i = 0; i < 2; i++)
        assert_non_null(strstr(shell(s, line), "\"completed\""));
    struct ans a = ask(s, desk_text(s, "GET /api/jobs/%s", job), NULL);
    assert_string_equal(ans_str(&a, "status"), "completed");
    assert_int_equal(ans_len(&a, "files"), 1);
    assert_int_equal(desk_balance(s, user, "balance"), 60 - s->price);
    assert_int_equal(desk_balance(s, user, "held"), 0);
    assert_int_equal(desk_number(s, &pictures), 1);
}

#define ON(setup, name, fn)                                                    \
    {                                                                          \
#fn name, fn, setup, desk_teardown, NULL                               \
    }

int
main(int argc, char **argv)
{
    if (desk_is_backend(argc, argv))
        return backend_main(argc, argv);
    const struct CMUnitTest tests[] = {
        ON(setup_sqlite, "_sqlite", a_bought_job_becomes_a_hint),
        ON(setup_pg, "_postgres", a_bought_job_becomes_a_hint),
        ON(setup_sqlite, "", two_hints_a_slot_are_handed_out),
        ON(setup_sqlite, "_sqlite", an_emptied_redis_is_filled_again),
        ON(setup_pg, "_postgres", an_emptied_redis_is_filled_again),
        ON(setup_sqlite, "", a_redis_that_died_is_filled_again),
        ON(setup_sqlite, "", a_dead_redis_stops_nobody),
        ON(setup_sqlite, "", a_full_redis_is_caught_up_with),
        ON(setup_sqlite, "", a_key_of_the_wrong_type_stops_only_its_queue),
        ON(setup_sqlite, "_sqlite", a_task_is_shown_as_it_goes),
        ON(setup_pg, "_postgres", a_task_is_shown_as_it_goes),
        ON(setup_sqlite, "", ends_without_a_worker_are_shown),
        ON(setup_foreign, "", a_foreign_queue_is_kept_filled),
        ON(setup_foreign, "", redis_cli_and_curl_are_enough_for_a_worker),
    };
    desk_servers_start();
    redis_server_start(&server, NULL, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    redis_free(redis);
    if (server.pid != 0)
        redis_server_stop(&server);
    desk_servers_stop();
    return failed;
}

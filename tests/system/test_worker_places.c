/*
 * The worker with other surroundings: two ComfyUIs of which one goes away, a
 * Redis without BLMOVE, folders shared with ComfyUI.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "tests/support/shop.h"

#define PRESET "negative"
#define END_MS 60000

static void
job_must_be(struct shop *s, struct person *p, const char *status)
{
    int64_t until = clock_mono_ms() + END_MS;

    while (strcmp(json_str(shop_job(s, p, 0), "status", ""), status) != 0) {
        if (clock_mono_ms() > until)
            fail_msg("the job is %s, not %s",
                     json_str(shop_job(s, p, 0), "status", ""), status);
        clock_sleep_ms(20);
    }
}

static size_t
files_in(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *it;
    size_t n = 0;

    assert_non_null(d);
    while ((it = readdir(d)) != NULL)
        n += it->d_name[0] != '.';
    closedir(d);
    return n;
}

static int64_t
accepted(struct comfy_sandbox *c)
{
    struct raw_answer r;
    int64_t n;
    cJSON *j;

    comfy_sandbox_ask(c, "GET", "/sandbox/state", NULL, &r);
    j = json_parse(str_n(r.body, r.body_len), 0, NULL);
    n = json_i64(j, "accepted", -1);
    json_free(j);
    raw_answer_free(&r);
    return n;
}

static void
a_task_whose_comfyui_went_away_is_done_by_the_other(void **state)
{
    struct comfy_sandbox c[2];
    struct shop s;
    struct person anna;
    char urls[160];
    int64_t until = clock_mono_ms() + END_MS;
    int busy;

    (void)state;
    comfy_sandbox_start(&c[0], NULL);
    comfy_sandbox_start(&c[1], NULL);
    snprintf(urls, sizeof(urls), "COMFYUI_URL=%s, %s/", c[0].url, c[1].url);
    shop_start(&s, &(struct shop_config){
                       .env = {urls, "LEASE_MS=1500", "HEARTBEAT_MS=200",
                               "TAKEOVER_WAIT=1", "COMFYUI_DEPTH=1", NULL}});
    shop_person(&s, &anna, "Anna", "en");
    comfy_sandbox_fault(&c[0], "hang", 1, 0);
    comfy_sandbox_fault(&c[1], "hang", 1, 0);
    shop_buy(&anna, shop_photo(0), PRESET);
    while (accepted(&c[0]) + accepted(&c[1]) == 0) {
        assert_true(clock_mono_ms() < until);
        clock_sleep_ms(10);
    }
    busy = accepted(&c[0]) > 0 ? 0 : 1;
    comfy_sandbox_fault(&c[1 - busy], "clear", 1, 0);
    comfy_sandbox_kill(&c[busy]);
    shop_picture(&anna, NULL);
    job_must_be(&s, &anna, "completed");
    assert_int_equal(accepted(&c[1 - busy]), 1);
    assert_int_equal(shop_held(&s, &anna), 0);
    person_fini(&anna);
    shop_stop(&s);
    comfy_sandbox_stop(&c[0]);
    comfy_sandbox_stop(&c[1]);
}

static void
shared_folders_and_an_old_redis_are_served(void **state)
{
    static const char *const dead[] = {"KEYS", "inflight:*", NULL};
    struct comfy_sandbox c;
    struct tmp_dir results;
    struct shop s;
    struct person anna;
    char url[80], input[128], in_env[160], out_env[80];
    const char *key, *result;

    (void)state;
    comfy_sandbox_start(&c, NULL);
    tmp_dir_make(&results);
    tmp_dir_file(&c.dir, "input", input, sizeof(input));
    snprintf(url, sizeof(url), "COMFYUI_URL=%s", c.url);
    snprintf(in_env, sizeof(in_env), "COMFYUI_INPUT_DIR=%s", input);
    snprintf(out_env, sizeof(out_env), "RESULTS_DIR=%s", results.path);
    shop_start(&s, &(struct shop_config){
                       .env = {url, in_env, out_env, "QUEUE_POP=brpop", NULL}});
    shop_person(&s, &anna, "Anna", "en");
    size_t before = files_in(input);
    shop_buy(&anna, shop_photo(0), PRESET);
    shop_picture(&anna, NULL);
    job_must_be(&s, &anna, "completed");
    /* the copy of the photo goes with the run, the result's stays */
    int64_t until = clock_mono_ms() + END_MS;
    while (files_in(input) != before) {
        assert_true(clock_mono_ms() < until);
        clock_sleep_ms(20);
    }
    assert_int_equal(files_in(results.path), 1);
    assert_string_equal(shop_redis(&s, dead), "");
    key = json_str(shop_job(&s, &anna, 0), "id", "");
    char job[64];
    snprintf(job, sizeof(job), "%s", key);
    static const char *const keys[] = {"EVAL",
                                       "local k = redis.call('KEYS', "
                                       "'result:*') return redis.call('GET', "
                                       "k[1])",
                                       "0", NULL};
    result = shop_redis(&s, keys);
    assert_non_null(strstr(result, "\"status\":\"success\""));
    assert_non_null(strstr(result, job));
    person_fini(&anna);
    shop_stop(&s);
    tmp_dir_remove(&results);
    comfy_sandbox_stop(&c);
}

/* A worker of its own, with no Redis. */
static pid_t
lonely_worker(struct shop *s, const char *comfy_url, const char *log)
{
    const char *bin = getenv("TINTYPE_TEST_BIN");
    char vars[7][400];
    const char *argv[] = {"env",
                          "-u",
                          "REDIS_URL",
                          vars[0],
                          vars[1],
                          vars[2],
                          vars[3],
                          vars[4],
                          vars[5],
                          vars[6],
                          bin != NULL ? bin : "build/asan/tintype",
                          "worker",
                          NULL};

    snprintf(vars[0], sizeof(vars[0]), "BOT_TOKEN=%s",
             json_str(shop_get(s, "telegram:/sandbox/bot"), "token", ""));
    snprintf(vars[1], sizeof(vars[1]), "BACKEND_URL=%s", s->backend);
    snprintf(vars[2], sizeof(vars[2]), "SERVICE_TOKEN=%s", s->service_token);
    snprintf(vars[3], sizeof(vars[3]), "TELEGRAM_API_URL=%s", s->telegram);
    snprintf(vars[4], sizeof(vars[4]), "COMFYUI_URL=%s", comfy_url);
    snprintf(vars[5], sizeof(vars[5]), "DATA_DIR=%s", s->data);
    snprintf(vars[6], sizeof(vars[6]), "WORKER_ID=lonely");
    return server_spawn(argv, log, 0, 0);
}

/* Until then its open long poll is handed messages, as to one that lives. */
static void
wait_until_given_up(struct shop *s)
{
    int64_t until = clock_mono_ms() + END_MS;
    const cJSON *d;
    bool there = true;

    while (there) {
        const cJSON *ready = shop_call(s, "GET", "/ready", NULL, &(int){0});

        assert_true(clock_mono_ms() < until);
        cJSON_ArrayForEach (d, json_get(ready, "dependencies"))
            if (strcmp(json_str(d, "name", ""), "worker") == 0)
                there = json_bool(d, "ok", false);
        clock_sleep_ms(20);
    }
}

static void
wait_until_sold(struct shop *s)
{
    int64_t until = clock_mono_ms() + END_MS;
    const cJSON *p;

    for (;;) {
        const cJSON *all = json_get(shop_get(s, "/api/presets"), "presets");

        assert_true(clock_mono_ms() < until);
        cJSON_ArrayForEach (p, all)
            if (strcmp(json_str(p, "name", ""), PRESET) == 0 &&
                json_bool(p, "available", false))
                return;
        clock_sleep_ms(20);
    }
}

static void
a_worker_without_redis_does_the_work_of_one_that_hangs(void **state)
{
    struct comfy_sandbox c;
    struct shop s;
    struct person anna;
    char log[128];
    pid_t hanging, lonely;

    (void)state;
    comfy_sandbox_start(&c, NULL);
    tmp_dir_file(&c.dir, "worker.log", log, sizeof(log));
    shop_start(&s, &(struct shop_config){
                       .env = {"LEASE_MS=1500", "HEARTBEAT_MS=200", NULL}});
    shop_person(&s, &anna, "Anna", "en");
    hanging = shop_pid(&s, "worker");
    kill(hanging, SIGSTOP);
    wait_until_given_up(&s);
    lonely = lonely_worker(&s, c.url, log);
    wait_until_sold(&s);
    shop_buy(&anna, shop_photo(0), PRESET);
    shop_picture(&anna, NULL);
    job_must_be(&s, &anna, "completed");
    assert_int_equal(accepted(&c), 1);
    assert_int_equal(shop_comfy_runs(&s), 0);
    kill(hanging, SIGCONT);
    server_signal_wait(lonely, SIGTERM);
    shop_check(&s);
    person_fini(&anna);
    shop_stop(&s);
    comfy_sandbox_stop(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_whose_comfyui_went_away_is_done_by_the_other),
        cmocka_unit_test(shared_folders_and_an_old_redis_are_served),
        cmocka_unit_test(
            a_worker_without_redis_does_the_work_of_one_that_hangs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

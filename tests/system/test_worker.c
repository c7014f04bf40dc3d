/*
 * The worker against a ComfyUI that fails in every way it knows, in one shop:
 * what must be retried is, what must not be is not, and each purchase ends
 * with one charge or none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "tests/support/shop.h"

#define PRESET "negative"
#define END_MS 60000

static struct shop shop;
static struct person anna;

static int
open_shop(void **state)
{
    (void)state;
    shop_start(&shop,
               &(struct shop_config){
                   .no_limits = true,
                   .env = {"LEASE_MS=1500", "HEARTBEAT_MS=200",
                           "RETRY_DELAYS=0", "COMFYUI_TIMEOUT=4",
                           "INITIAL_BALANCE=100000", "TELEGRAM_RATE=100000",
                           "TELEGRAM_CHAT_RATE=100000", NULL}});
    shop_person(&shop, &anna, "Anna", "en");
    shop_buy(&anna, shop_photo(0), PRESET); /* and is known from now on */
    shop_picture(&anna, NULL);
    return 0;
}

static int
close_shop(void **state)
{
    (void)state;
    person_fini(&anna);
    shop_stop(&shop);
    return 0;
}

static int
no_faults(void **state)
{
    (void)state;
    shop_comfy_fault(&shop, "{\"fault\":\"clear\"}");
    return 0;
}

/* ---- what happens to a purchase ---- */

static void
wait_status(const char *const *wanted)
{
    int64_t until = clock_mono_ms() + END_MS;

    for (;;) {
        const char *now = json_str(shop_job(&shop, &anna, 0), "status", "");

        for (size_t i = 0; wanted[i] != NULL; i++)
            if (strcmp(now, wanted[i]) == 0)
                return;
        if (clock_mono_ms() > until)
            fail_msg("the job is %s", now);
        clock_sleep_ms(20);
    }
}

static int64_t
comfy_state(const char *name)
{
    return json_i64(shop_get(&shop, "comfy:/sandbox/state"), name, -1);
}

static void
wait_accepted(int64_t before)
{
    int64_t until = clock_mono_ms() + END_MS;

    while (comfy_state("accepted") <= before) {
        assert_true(clock_mono_ms() < until);
        clock_sleep_ms(5);
    }
}

static void
must_end(int64_t before, const char *status, const char *class)
{
    static const char *const ends[] = {"completed", "failed", "cancelled",
                                       NULL};
    const cJSON *job;
    int64_t price;

    wait_status(ends);
    job = shop_job(&shop, &anna, 0);
    if (strcmp(json_str(job, "status", ""), status) != 0)
        fail_msg("%s", json_text(shop.arena, job));
    assert_string_equal(json_str(job, "error_class", ""), class);
    price = strcmp(status, "completed") == 0 ? json_i64(job, "price", -1) : 0;
    assert_true(price >= 0);
    assert_int_equal(shop_held(&shop, &anna), 0);
    assert_int_equal(shop_balance(&shop, &anna), before - price);
}

/* Returns when the job is there. */
static void
buy(void)
{
    int64_t until = clock_mono_ms() + END_MS;
    char last[64];

    snprintf(last, sizeof(last), "%s",
             json_str(shop_job(&shop, &anna, 0), "id", ""));
    shop_buy(&anna, shop_photo(0), PRESET);
    while (strcmp(json_str(shop_job(&shop, &anna, 0), "id", ""), last) == 0) {
        assert_true(clock_mono_ms() < until);
        clock_sleep_ms(5);
    }
}

/* Buys with a fault set, and looks at the end. */
static int64_t
buy_with(const char *fault, const char *status, const char *class)
{
    int64_t balance = shop_balance(&shop, &anna);
    int64_t runs = shop_comfy_runs(&shop);

    shop_comfy_fault(&shop, fault);
    buy();
    must_end(balance, status, class);
    return shop_comfy_runs(&shop) - runs;
}

/* ---- tests ---- */

static void
a_run_out_of_memory_is_retried(void **state)
{
    (void)state;
    assert_int_equal(buy_with("{\"fault\":\"oom\"}", "completed", ""), 2);
}

static void
retries_have_an_end_and_the_money_comes_back(void **state)
{
    (void)state;
    assert_int_equal(
        buy_with("{\"fault\":\"oom\",\"count\":-1}", "failed", "oom"), 4);
}

static void
a_failing_gpu_costs_no_retry(void **state)
{
    (void)state;
    assert_int_equal(
        buy_with("{\"fault\":\"gpu_error\",\"count\":2}", "completed", ""), 3);
}

static void
a_photo_that_kills_the_gpu_three_times_is_given_up(void **state)
{
    (void)state;
    assert_int_equal(
        buy_with("{\"fault\":\"gpu_error\",\"count\":-1}", "failed", "gpu"), 3);
}

static void
a_graph_that_is_refused_fails_at_once(void **state)
{
    (void)state;
    assert_int_equal(buy_with("{\"fault\":\"reject_prompt\",\"count\":-1}",
                              "failed", "workflow"),
                     0);
    shop_comfy_fault(&shop, "{\"fault\":\"clear\"}");
    buy_with("{\"fault\":\"node_errors_200\"}", "failed", "workflow");
}

static void
an_upload_that_is_too_large_is_the_inputs_fault(void **state)
{
    (void)state;
    assert_int_equal(buy_with("{\"fault\":\"upload_413\"}", "failed", "input"),
                     0);
}

static void
a_post_of_unknown_outcome_runs_once(void **state)
{
    (void)state;
    assert_int_equal(buy_with("{\"fault\":\"prompt_500\"}", "completed", ""),
                     1);
}

static void
an_old_server_with_its_own_ids_is_followed(void **state)
{
    (void)state;
    assert_int_equal(
        buy_with("{\"fault\":\"ignore_prompt_id\"}", "completed", ""), 1);
}

static void
a_run_that_does_not_end_is_interrupted_and_retried(void **state)
{
    (void)state;
    assert_int_equal(buy_with("{\"fault\":\"hang\"}", "completed", ""), 2);
}

static void
results_are_fetched_again_when_the_answer_breaks_off(void **state)
{
    (void)state;
    assert_int_equal(
        buy_with("{\"fault\":\"truncated_view\"}", "completed", ""), 1);
    assert_int_equal(
        buy_with("{\"fault\":\"slow_view\",\"ms\":1000}", "completed", ""), 1);
}

static void
a_result_that_is_not_there_is_drawn_anew(void **state)
{
    (void)state;
    assert_int_equal(buy_with("{\"fault\":\"view_404\"}", "completed", ""), 2);
}

static void
a_moment_in_neither_list_is_not_the_end(void **state)
{
    (void)state;
    assert_int_equal(
        buy_with("{\"fault\":\"history_late\",\"ms\":1000}", "completed", ""),
        1);
}

static void
a_server_that_restarts_at_once_has_lost_the_run(void **state)
{
    int64_t balance = shop_balance(&shop, &anna);
    int64_t before = comfy_state("accepted");

    (void)state;
    shop_comfy_fault(&shop, "{\"fault\":\"hang\"}");
    buy();
    wait_accepted(before);
    shop_comfy_fault(&shop, "{\"fault\":\"restart\"}");
    must_end(balance, "completed", "");
}

static void
a_server_that_dies_gets_the_prompt_again(void **state)
{
    int64_t balance = shop_balance(&shop, &anna);

    (void)state;
    shop_comfy_fault(&shop, "{\"fault\":\"die_after_accept\"}");
    buy();
    must_end(balance, "completed", "");
}

static void
a_dead_executor_keeps_the_address_away_until_it_is_restarted(void **state)
{
    int64_t balance = shop_balance(&shop, &anna);
    int64_t until = clock_mono_ms() + END_MS;
    const cJSON *ready;
    char text[4096] = "";

    (void)state;
    shop_comfy_fault(&shop, "{\"fault\":\"executor_dead\"}");
    buy();
    while (strstr(text, "does not end") == NULL) {
        assert_true(clock_mono_ms() < until);
        clock_sleep_ms(100);
        ready = shop_call(&shop, "GET", "/ready", NULL, &(int){0});
        snprintf(text, sizeof(text), "%s", json_text(shop.arena, ready));
    }
    shop_kill(&shop, "comfyui");
    must_end(balance, "completed", "");
}

static void
a_cancelled_run_is_stopped_and_paid_back(void **state)
{
    int64_t balance = shop_balance(&shop, &anna);
    int64_t before = comfy_state("accepted");
    char path[128];

    (void)state;
    shop_comfy_fault(&shop, "{\"fault\":\"hang\"}");
    buy();
    wait_accepted(before);
    snprintf(path, sizeof(path), "/api/jobs/%s/cancel",
             json_str(shop_job(&shop, &anna, 0), "id", ""));
    shop_call(&shop, "POST", path, "{}", NULL);
    must_end(balance, "cancelled", "cancelled");
    int64_t until = clock_mono_ms() + END_MS;
    while (json_str(shop_get(&shop, "comfy:/sandbox/state"), "running", NULL)) {
        assert_true(clock_mono_ms() < until);
        clock_sleep_ms(20);
    }
}

static void
a_stopped_worker_leaves_the_run_to_the_next(void **state)
{
    int64_t balance = shop_balance(&shop, &anna);
    int64_t before = comfy_state("accepted");
    int64_t runs = shop_comfy_runs(&shop);

    (void)state;
    shop_comfy_fault(&shop,
                     "{\"fault\":\"delay_all\",\"count\":-1,\"ms\":100}");
    buy();
    wait_accepted(before);
    shop_signal(&shop, "worker", SIGTERM);
    must_end(balance, "completed", "");
    assert_int_equal(shop_comfy_runs(&shop), runs + 1);
}

static void
garbage_in_the_queue_goes_to_the_dead_list(void **state)
{
    static const char *const push[] = {"LPUSH", "queue:image-service",
                                       "{\"id\":\"ffffffff\"}", "<junk>", NULL};
    static const char *const clear[] = {"DEL", "dead:image-service", NULL};
    static const char *const look[] = {"LLEN", "dead:image-service", NULL};
    int64_t until = clock_mono_ms() + END_MS;

    (void)state;
    shop_redis(&shop, clear);
    shop_redis(&shop, push);
    while (strcmp(shop_redis(&shop, look), "2") != 0) {
        assert_true(clock_mono_ms() < until);
        clock_sleep_ms(20);
    }
}

static void
a_redis_that_is_emptied_or_killed_in_mid_job_costs_nothing(void **state)
{
    static const char *const flush[] = {"FLUSHALL", NULL};
    int64_t balance = shop_balance(&shop, &anna);
    int64_t runs = shop_comfy_runs(&shop);

    (void)state;
    buy();
    shop_redis(&shop, flush);
    must_end(balance, "completed", "");
    balance = shop_balance(&shop, &anna);
    buy();
    shop_kill(&shop, "redis");
    must_end(balance, "completed", "");
    assert_int_equal(shop_comfy_runs(&shop), runs + 2);
}

#define T(f) cmocka_unit_test_setup(f, no_faults)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_run_out_of_memory_is_retried),
        T(retries_have_an_end_and_the_money_comes_back),
        T(a_failing_gpu_costs_no_retry),
        T(a_photo_that_kills_the_gpu_three_times_is_given_up),
        T(a_graph_that_is_refused_fails_at_once),
        T(an_upload_that_is_too_large_is_the_inputs_fault),
        T(a_post_of_unknown_outcome_runs_once),
        T(an_old_server_with_its_own_ids_is_followed),
        T(a_run_that_does_not_end_is_interrupted_and_retried),
        T(results_are_fetched_again_when_the_answer_breaks_off),
        T(a_result_that_is_not_there_is_drawn_anew),
        T(a_moment_in_neither_list_is_not_the_end),
        T(a_server_that_restarts_at_once_has_lost_the_run),
        T(a_server_that_dies_gets_the_prompt_again),
        T(a_dead_executor_keeps_the_address_away_until_it_is_restarted),
        T(a_cancelled_run_is_stopped_and_paid_back),
        T(a_stopped_worker_leaves_the_run_to_the_next),
        T(garbage_in_the_queue_goes_to_the_dead_list),
        T(a_redis_that_is_emptied_or_killed_in_mid_job_costs_nothing),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}

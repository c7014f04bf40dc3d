/*
 * Whatever is killed, emptied, restarted or cancelled in the middle of a job:
 * one picture, one charge, one run of ComfyUI. (What ComfyUI itself does wrong
 * is in test_worker.c, what Telegram does in test_faults_telegram.c.)
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
#include "tests/support/guest.h"

#define END_MS 60000
#define PRESET "negative" /* one credit */

static struct shop shop;
static struct guest anna;
static int64_t balance, runs;
static size_t pictures;

static int
open_shop(void **state)
{
    (void)state;
    shop_start(&shop, &(struct shop_config){
                          .no_limits = true,
                          .env = {"LEASE_MS=1500", "HEARTBEAT_MS=200",
                                  "SANDBOX_RENDER_MS=1000",
                                  "INITIAL_BALANCE=1000", NULL}});
    guest_in(&anna, &shop, "Anna", "en");
    return 0;
}

static int
close_shop(void **state)
{
    (void)state;
    guest_out(&anna);
    shop_stop(&shop);
    return 0;
}

static int
remember(void **state)
{
    (void)state;
    balance = shop_balance(&shop, &anna.p);
    runs = shop_comfy_runs(&shop);
    pictures = guest_pictures(&anna);
    return 0;
}

/* ---- what must be so in the end ---- */

/* One picture more, one credit less, one run more, promises kept. */
static void
bought_once(void)
{
    guest_gets(&anna, NULL);
    guest_job_is(&anna, 0, "completed");
    guest_has(&anna, balance - 1);
    assert_int_equal(shop_comfy_runs(&shop), runs + 1);
    shop_check(&shop);
    /* nothing comes late: a later message of the chat is here */
    guest_says(&anna, "/help");
    guest_sees(&anna, "How it works");
    assert_int_equal(guest_pictures(&anna), pictures + 1);
}

static const cJSON *
comfy(void)
{
    return shop_get(&shop, "comfy:/sandbox/state");
}

static void
until_running(void)
{
    int64_t until_ms = clock_mono_ms() + END_MS;

    while (json_str(comfy(), "running", NULL) == NULL) {
        if (clock_mono_ms() > until_ms)
            guest_fail(&anna, "ComfyUI got nothing");
        clock_sleep_ms(5);
    }
}

static void
buy_until_running(void)
{
    guest_buys(&anna, 0, PRESET);
    until_running();
}

/* ---- kill -9 ---- */

static void
a_bot_killed_in_mid_job(void **state)
{
    (void)state;
    buy_until_running();
    shop_kill(&shop, "bot");
    bought_once();
}

static void
a_backend_killed_in_mid_job(void **state)
{
    (void)state;
    buy_until_running();
    shop_kill(&shop, "backend");
    bought_once();
}

static void
a_worker_killed_in_mid_job(void **state)
{
    (void)state;
    buy_until_running();
    shop_kill(&shop, "worker");
    bought_once();
}

static void
all_three_killed_at_once(void **state)
{
    (void)state;
    buy_until_running();
    kill(shop_pid(&shop, "bot"), SIGKILL);
    kill(shop_pid(&shop, "worker"), SIGKILL);
    shop_kill(&shop, "backend");
    bought_once();
}

/* In the moment of the press: it is somewhere between Telegram and ComfyUI. */
static void
each_killed_right_after_the_press(void **state)
{
    static const char *const parts[] = {"bot", "backend", "worker"};

    for (size_t i = 0; i < 3; i++) {
        remember(state);
        guest_card(&anna, (int)i, PRESET);
        guest_presses(&anna, "v1:buy:");
        shop_kill(&shop, parts[i]);
        bought_once();
    }
}

/* In the moment in which the picture is finished and sent. */
static void
a_backend_killed_when_the_run_ends(void **state)
{
    int64_t until_ms = clock_mono_ms() + END_MS;

    (void)state;
    buy_until_running();
    while (json_str(comfy(), "running", NULL) != NULL) {
        assert_true(clock_mono_ms() < until_ms);
        clock_sleep_ms(1);
    }
    shop_kill(&shop, "backend");
    bought_once();
}

/* A worker that does not answer any more is not waited for; when it wakes up
 * it is refused and touches nothing. */
static void
a_worker_that_sleeps_through_its_lease(void **state)
{
    int64_t until_ms = clock_mono_ms() + END_MS;
    pid_t pid;

    (void)state;
    buy_until_running();
    pid = shop_pid(&shop, "worker");
    kill(pid, SIGSTOP);
    while (strcmp(json_str(shop_job(&shop, &anna.p, 0), "status", ""),
                  "queued") != 0 &&
           shop_number(&shop,
                       "SELECT count(*) FROM tasks WHERE state = "
                       "'processing'") > 0) {
        assert_true(clock_mono_ms() < until_ms);
        clock_sleep_ms(50);
    }
    kill(pid, SIGCONT);
    bought_once();
}

/* ---- deploys ---- */

static void
each_role_restarted_in_mid_job(void **state)
{
    static const char *const parts[] = {"worker", "backend", "bot"};

    for (size_t i = 0; i < 3; i++) {
        remember(state);
        buy_until_running();
        shop_signal(&shop, parts[i], SIGTERM);
        bought_once();
    }
}

static void
everything_restarted_in_mid_job(void **state)
{
    static const char *const slow[] = {"--render-ms", "1500", NULL};
    struct shop s;
    struct guest bob;
    int64_t until_ms = clock_mono_ms() + END_MS;

    (void)state;
    shop_start(&s, &(struct shop_config){.outside = true,
                                         .comfy_args = slow,
                                         .no_limits = true});
    guest_in(&bob, &s, "Bob", "en");
    guest_buys(&bob, 0, PRESET);
    while (comfy_sandbox_runs(&s.comfy_outside, NULL) == 0) {
        assert_true(clock_mono_ms() < until_ms);
        clock_sleep_ms(5);
    }
    shop_down(&s);
    shop_up(&s);
    guest_gets(&bob, NULL);
    guest_has(&bob, GUEST_START - 1);
    guest_job_is(&bob, 0, "completed");
    assert_int_equal(guest_pictures(&bob), 1);
    assert_int_equal(comfy_sandbox_runs(&s.comfy_outside, NULL), 1);
    guest_out(&bob);
    shop_stop(&s);
}

/* ---- Redis ---- */

#define REDIS(...) shop_redis(&shop, (const char *[]){__VA_ARGS__, NULL})

static void
task_must_be(const char *key, const char *status)
{
    int64_t until_ms = clock_mono_ms() + END_MS;

    while (strcmp(REDIS("HGET", key, "status"), status) != 0) {
        if (clock_mono_ms() > until_ms)
            guest_fail(&anna, "%s is %s, not %s", key,
                       REDIS("HGET", key, "status"), status);
        clock_sleep_ms(5);
    }
}

static void
redis_shows_each_state_of_a_task(void **state)
{
    int64_t until_ms = clock_mono_ms() + END_MS;
    char key[64] = "", result[80];
    pid_t worker = shop_pid(&shop, "worker");

    (void)state;
    kill(worker, SIGSTOP);
    guest_buys(&anna, 0, PRESET);
    while (key[0] == '\0') {
        const char *id = shop_cell(
            &shop, "SELECT id FROM tasks WHERE state = 'pending'");
        if (id[0] != '\0')
            snprintf(key, sizeof key, "task:%s", id);
        assert_true(clock_mono_ms() < until_ms);
        clock_sleep_ms(5);
    }
    task_must_be(key, "pending");
    kill(worker, SIGCONT);
    task_must_be(key, "processing");
    task_must_be(key, "success");
    bought_once();
    snprintf(result, sizeof result, "result:%s", key + strlen("task:"));
    assert_non_null(strstr(REDIS("GET", result), "\"status\":\"success\""));
}

static void
redis_emptied_in_mid_job(void **state)
{
    (void)state;
    buy_until_running();
    assert_string_equal(REDIS("FLUSHALL"), "OK");
    bought_once();
}

static void
redis_emptied_while_the_job_waits(void **state)
{
    pid_t worker = shop_pid(&shop, "worker");
    int64_t until_ms = clock_mono_ms() + END_MS;

    (void)state;
    kill(worker, SIGSTOP);
    guest_buys(&anna, 0, PRESET);
    while (strcmp(REDIS("LLEN", "queue:image-service"), "0") == 0) {
        if (clock_mono_ms() > until_ms)
            break; /* it is in the hands of the worker that sleeps */
        clock_sleep_ms(5);
        if (strstr(REDIS("KEYS", "inflight:*"), "inflight") != NULL)
            break;
    }
    REDIS("FLUSHALL");
    kill(worker, SIGCONT);
    bought_once();
}

static void
redis_killed_in_mid_job(void **state)
{
    (void)state;
    buy_until_running();
    shop_kill(&shop, "redis");
    bought_once();
}

/* ---- cancelling by the button ---- */

static void
status_button(char *out, size_t size)
{
    int64_t until_ms = clock_mono_ms() + END_MS;
    struct person_event ev;

    do {
        assert_true(clock_mono_ms() < until_ms);
        ev = guest_sees(&anna, "");
    } while (person_button(&ev, "v1:cancel:") == NULL);
    guest_button(&anna, &ev, "v1:cancel:", out, size);
}

static void
nothing_at_comfy(void)
{
    int64_t until_ms = clock_mono_ms() + END_MS;

    while (json_str(comfy(), "running", NULL) != NULL ||
           json_i64(comfy(), "pending", -1) != 0) {
        assert_true(clock_mono_ms() < until_ms);
        clock_sleep_ms(5);
    }
}

static void
a_running_job_cancelled_by_its_button(void **state)
{
    char cancel[80];

    (void)state;
    shop_comfy_fault(&shop, "{\"fault\":\"hang\"}");
    buy_until_running();
    status_button(cancel, sizeof cancel);
    guest_presses(&anna, cancel);
    guest_is_told(&anna, "Cancelling…");
    guest_sees(&anna, "Cancelled. 1 credit is back on your balance.");
    guest_job_is(&anna, 0, "cancelled");
    guest_has(&anna, balance);
    nothing_at_comfy();
    shop_check(&shop);
    assert_int_equal(guest_pictures(&anna), pictures);
}

static void
a_waiting_job_cancelled_by_its_button(void **state)
{
    char cancel[80];
    pid_t worker = shop_pid(&shop, "worker");

    (void)state;
    kill(worker, SIGSTOP);
    guest_buys(&anna, 0, PRESET);
    guest_job_is(&anna, 0, "queued");
    snprintf(cancel, sizeof cancel, "v1:cancel:%s",
             json_str(shop_job(&shop, &anna.p, 0), "id", ""));
    guest_forces(&anna, anna.message_id, cancel);
    guest_job_is(&anna, 0, "cancelled");
    guest_has(&anna, balance);
    kill(worker, SIGCONT);
    guest_sees(&anna, "Cancelled. 1 credit is back on your balance.");
    guest_says(&anna, "/cancel");
    guest_sees(&anna, "There is nothing to cancel");
    assert_int_equal(shop_comfy_runs(&shop), runs);
    assert_int_equal(guest_pictures(&anna), pictures);
    shop_check(&shop);
}

#define FAULT_TEST(fn) cmocka_unit_test_setup(fn, remember)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FAULT_TEST(a_bot_killed_in_mid_job),
        FAULT_TEST(a_backend_killed_in_mid_job),
        FAULT_TEST(a_worker_killed_in_mid_job),
        FAULT_TEST(all_three_killed_at_once),
        FAULT_TEST(each_killed_right_after_the_press),
        FAULT_TEST(a_backend_killed_when_the_run_ends),
        FAULT_TEST(a_worker_that_sleeps_through_its_lease),
        FAULT_TEST(each_role_restarted_in_mid_job),
        FAULT_TEST(everything_restarted_in_mid_job),
        FAULT_TEST(redis_shows_each_state_of_a_task),
        FAULT_TEST(redis_emptied_in_mid_job),
        FAULT_TEST(redis_emptied_while_the_job_waits),
        FAULT_TEST(redis_killed_in_mid_job),
        FAULT_TEST(a_running_job_cancelled_by_its_button),
        FAULT_TEST(a_waiting_job_cancelled_by_its_button),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}

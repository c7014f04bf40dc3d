/*
 * The ComfyUI client against a server that fails on request: what went wrong
 * has its class, and what may have happened is never called a failure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "comfy/client.h"
#include "tests/support/comfy_sandbox.h"

#define WAIT_MS 60000

static struct comfy_sandbox server;
static struct comfy *c;
static struct arena *a;
static struct err e;
static char id[37];

static const char *const node9[] = {"9"};

/* Another picture each time, or the cache answers. */
static struct str
graph(void)
{
    return str_c(arena_fmt(
        a,
        "{\"1\":{\"class_type\":\"EmptyImage\",\"inputs\":{\"width\":32,"
        "\"height\":32,\"batch_size\":1,\"color\":%u}},"
        "\"9\":{\"class_type\":\"SaveImage\",\"inputs\":{\"images\":[\"1\",0],"
        "\"filename_prefix\":\"%s\"}}}",
        (unsigned)rand_below(1 << 24), id));
}

static int
submit(struct comfy_submitted *s)
{
    rand_uuid(id);
    return comfy_submit(c, a, graph(), id, NULL, s, &e);
}

static struct comfy_look
await_state(const char *prompt_id, enum comfy_state state)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    struct comfy_look l;

    do {
        assert_true(clock_mono_ms() < until);
        if (comfy_look(c, a, prompt_id, node9, 1, &l, &e) != 0)
            fail_msg("%s", e.msg);
        clock_sleep_ms(5);
    } while (l.state != state);
    return l;
}

static struct comfy_result
run(void)
{
    struct comfy_submitted s;

    if (submit(&s) != 0)
        fail_msg("%s", e.msg);
    return await_state(s.prompt_id, COMFY_FINISHED).result;
}

/* ---- submitting ---- */

static void
a_server_that_dies_after_accepting_leaves_the_outcome_unknown(void **state)
{
    struct comfy_submitted s;
    struct comfy_look l;

    (void)state;
    comfy_sandbox_fault(&server, "die_after_accept", 1, 0);
    assert_int_equal(submit(&s), -1);
    assert_int_equal(e.code, ERR_TIMEOUT);
    comfy_sandbox_wait(&server);
    assert_int_equal(submit(&s), -1);
    assert_int_equal(e.code, ERR_UNAVAILABLE);
    assert_int_equal(comfy_look(c, a, id, node9, 1, &l, &e), -1);
    assert_int_equal(e.code, ERR_UNAVAILABLE);
    comfy_sandbox_again(&server);
    assert_int_equal(comfy_look(c, a, id, node9, 1, &l, &e), 0);
    assert_int_equal(l.state, COMFY_UNKNOWN);
    assert_int_equal(run().end, COMFY_END_SUCCESS);
}

static void
a_500_may_have_queued_the_prompt_and_a_400_has_not(void **state)
{
    struct comfy_submitted s;

    (void)state;
    comfy_sandbox_fault(&server, "prompt_500", 1, 0);
    assert_int_equal(submit(&s), -1);
    assert_int_equal(e.code, ERR_TIMEOUT);
    comfy_sandbox_fault(&server, "reject_prompt", 1, 0);
    assert_int_equal(submit(&s), -1);
    assert_int_equal(e.code, ERR_BAD_INPUT);
    assert_int_equal(s.fault, COMFY_FAULT_workflow);
}

static void
an_old_servers_own_id_is_told_and_works(void **state)
{
    struct comfy_submitted s;

    (void)state;
    comfy_sandbox_fault(&server, "ignore_prompt_id", 1, 0);
    assert_int_equal(submit(&s), 0);
    assert_true(s.accepted && s.other_id);
    assert_string_not_equal(s.prompt_id, id);
    assert_int_equal(await_state(s.prompt_id, COMFY_FINISHED).result.end,
                     COMFY_END_SUCCESS);
}

static void
acceptance_with_node_errors_is_a_refusal(void **state)
{
    struct comfy_submitted s;

    (void)state;
    comfy_sandbox_fault(&server, "node_errors_200", 1, 0);
    assert_int_equal(submit(&s), -1);
    assert_int_equal(e.code, ERR_BAD_INPUT);
    assert_int_equal(s.fault, COMFY_FAULT_workflow);
    assert_string_equal(s.prompt_id, id);
    assert_false(s.accepted);
}

/* ---- running ---- */

static void
memory_and_driver_faults_are_told_apart(void **state)
{
    struct comfy_result r;

    (void)state;
    comfy_sandbox_fault(&server, "oom", 1, 0);
    r = run();
    assert_int_equal(r.end, COMFY_END_FAILED);
    assert_int_equal(r.fault, COMFY_FAULT_oom);
    comfy_sandbox_fault(&server, "gpu_error", 1, 0);
    r = run();
    assert_int_equal(r.end, COMFY_END_FAILED);
    assert_int_equal(r.fault, COMFY_FAULT_gpu);
}

/* Queue and history are lost by a restart; the run is unknown, not failed. */
static void
a_restart_makes_a_run_unknown(void **state)
{
    struct comfy_submitted s;

    (void)state;
    comfy_sandbox_fault(&server, "hang", 1, 0);
    assert_int_equal(submit(&s), 0);
    await_state(id, COMFY_RUNNING);
    comfy_sandbox_fault(&server, "restart", 1, 0);
    await_state(id, COMFY_UNKNOWN);
}

static void
a_run_that_hangs_is_running_until_it_is_cancelled(void **state)
{
    struct comfy_submitted s;
    bool stoppable;

    (void)state;
    comfy_sandbox_fault(&server, "hang", 1, 0);
    assert_int_equal(submit(&s), 0);
    await_state(id, COMFY_RUNNING);
    assert_int_equal(comfy_cancel(c, id, &stoppable, &e), 0);
    assert_true(stoppable);
    assert_int_equal(await_state(id, COMFY_FINISHED).result.end,
                     COMFY_END_INTERRUPTED);
}

static void
an_evicted_run_is_unknown(void **state)
{
    (void)state;
    assert_int_equal(run().end, COMFY_END_SUCCESS);
    comfy_sandbox_fault(&server, "evict_history", -1, 0);
    await_state(id, COMFY_UNKNOWN);
}

/* ---- files ---- */

static void
a_picture_that_breaks_off_is_an_error_and_then_comes_whole(void **state)
{
    struct comfy_result r = run();
    struct buf b;

    (void)state;
    comfy_sandbox_fault(&server, "truncated_view", 1, 0);
    assert_int_equal(comfy_fetch(c, &r.files[0], 1 << 20, &b, &e), -1);
    assert_int_equal(e.code, ERR_TIMEOUT);
    buf_free(&b);
    comfy_sandbox_fault(&server, "view_404", 1, 0);
    assert_int_equal(comfy_fetch(c, &r.files[0], 1 << 20, &b, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    buf_free(&b);
    assert_int_equal(comfy_fetch(c, &r.files[0], 1 << 20, &b, &e), 0);
    assert_memory_equal(b.p, "\x89PNG", 4);
    assert_memory_equal(b.p + b.len - 8, "IEND", 4);
    buf_free(&b);
}

static void
an_upload_that_is_too_large_says_so(void **state)
{
    const char *input;

    (void)state;
    comfy_sandbox_fault(&server, "upload_413", 1, 0);
    assert_int_equal(comfy_upload(c, a, STR("bytes"), "a.png", &input, &e), -1);
    assert_int_equal(e.code, ERR_TOO_LARGE);
    assert_null(input);
    assert_int_equal(comfy_upload(c, a, STR("bytes"), "a.png", &input, &e), 0);
}

static void
a_server_that_answers_late_is_unhealthy(void **state)
{
    struct comfy_stats s;

    (void)state;
    comfy_sandbox_fault(&server, "delay_all", 1, 3000);
    assert_int_equal(comfy_health(c, 50, &s, &e), -1);
    assert_int_equal(e.code, ERR_TIMEOUT);
    assert_int_equal(comfy_health(c, 30000, &s, &e), 0);
}

/* ---- newer servers ---- */

static void
newer_servers_cancel_by_their_own_route(void **state)
{
    static const char *const newer[] = {"--profile", "0.38", NULL};
    struct comfy_sandbox old = server;
    struct comfy_submitted s;
    bool stoppable = false;

    (void)state;
    comfy_sandbox_start(&server, newer);
    comfy_free(c);
    c = comfy_new(server.url, NULL, &e);
    comfy_sandbox_fault(&server, "hang", 1, 0);
    assert_int_equal(submit(&s), 0);
    await_state(id, COMFY_RUNNING);
    assert_int_equal(comfy_cancel(c, id, &stoppable, &e), 0);
    assert_true(stoppable);
    assert_int_equal(await_state(id, COMFY_FINISHED).result.end,
                     COMFY_END_INTERRUPTED);
    comfy_sandbox_stop(&server);
    server = old;
}

/* ---- the stage ---- */

static int
server_start(void **state)
{
    (void)state;
    log_init("test", LOG_ERROR, false);
    comfy_sandbox_start(&server, NULL);
    return 0;
}

static int
server_stop(void **state)
{
    (void)state;
    comfy_sandbox_stop(&server);
    return 0;
}

static int
begin(void **state)
{
    (void)state;
    a = arena_new();
    c = comfy_new(server.url, NULL, &e);
    return c == NULL;
}

static int
end(void **state)
{
    (void)state;
    comfy_free(c);
    arena_free(a);
    return 0;
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(a_server_that_dies_after_accepting_leaves_the_outcome_unknown),
        T(a_500_may_have_queued_the_prompt_and_a_400_has_not),
        T(an_old_servers_own_id_is_told_and_works),
        T(acceptance_with_node_errors_is_a_refusal),
        T(memory_and_driver_faults_are_told_apart),
        T(a_restart_makes_a_run_unknown),
        T(a_run_that_hangs_is_running_until_it_is_cancelled),
        T(an_evicted_run_is_unknown),
        T(a_picture_that_breaks_off_is_an_error_and_then_comes_whole),
        T(an_upload_that_is_too_large_says_so),
        T(a_server_that_answers_late_is_unhealthy),
        T(newer_servers_cancel_by_their_own_route),
    };

    return cmocka_run_group_tests(tests, server_start, server_stop);
}

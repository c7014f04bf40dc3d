/* test_worker_redis.c - worker/queue.c and worker/gpu.c against a real Redis */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/json.h"
#include "base/mem.h"
#include "tests/support/servers.h"
#include "worker/gpu.h"
#include "worker/queue.h"

#define MS 5000

static struct redis_server server;
static struct redis_config config;
static struct redis *cli;
static struct arena *a;

static int
start(void **state)
{
    char url[128];
    struct err e;

    (void)state;
    redis_server_start(&server, NULL, 0);
    snprintf(url, sizeof(url), "unix:%s", server.socket);
    assert_int_equal(redis_url_parse(url, &config, &e), 0);
    cli = redis_new(&config);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    redis_free(cli);
    redis_server_stop(&server);
    return 0;
}

static struct redis_reply
run(const char *fmt, const char *arg)
{
    struct redis_reply r = {.type = REDIS_NIL};
    struct err e = {0};

    if (redis_cmdf(cli, a, MS, &r, &e, fmt, arg) != 0)
        fail_msg("%s: %s", fmt, e.msg);
    return r;
}

static int
fresh(void **state)
{
    (void)state;
    a = arena_new();
    run("FLUSHALL%s", "");
    return 0;
}

static int
done(void **state)
{
    (void)state;
    arena_free(a);
    return 0;
}

static struct queue *
queue_of(const char *worker, bool brpop)
{
    return queue_new(&(struct queue_config){.redis = &config,
                                            .service = "image-service",
                                            .worker = worker,
                                            .brpop = brpop});
}

static int64_t
length(const char *key)
{
    return run("LLEN %s", key).i;
}

static void
must_get(struct queue *q, struct str *raw, const char *want)
{
    struct err e = {0};

    if (queue_take(q, a, MS, raw, &e) != QUEUE_GOT)
        fail_msg("nothing came: %s", e.msg);
    assert_true(str_eq_c(*raw, want));
}

static void
hints_come_in_the_order_in_which_they_were_pushed(void **state)
{
    struct queue *q = queue_of("w1", false);
    struct str raw;

    (void)state;
    run("LPUSH queue:image-service %s", "one");
    run("LPUSH queue:image-service %s", "two");
    must_get(q, &raw, "one");
    assert_int_equal(length("inflight:image-service:w1"), 1);
    queue_done(q, a, raw);
    assert_int_equal(length("inflight:image-service:w1"), 0);
    must_get(q, &raw, "two");
    queue_done(q, a, raw);
    queue_free(q);
}

static void
an_empty_queue_ends_the_wait(void **state)
{
    struct queue *q = queue_of("w1", false);
    struct str raw;
    struct err e;

    (void)state;
    assert_int_equal(queue_take(q, a, 20, &raw, &e), QUEUE_NONE);
    queue_free(q);
}

static void
what_a_dead_worker_had_in_flight_is_looked_at_first(void **state)
{
    struct queue *q = queue_of("w1", false);
    struct str raw;

    (void)state;
    run("LPUSH inflight:image-service:w1 %s", "left");
    run("LPUSH queue:image-service %s", "new");
    must_get(q, &raw, "left");
    queue_done(q, a, raw);
    must_get(q, &raw, "new");
    queue_done(q, a, raw);
    queue_free(q);
}

static void
a_hint_that_goes_back_is_next(void **state)
{
    struct queue *q = queue_of("w1", false), *other = queue_of("w2", false);
    struct str raw;

    (void)state;
    run("LPUSH queue:image-service %s", "one");
    run("LPUSH queue:image-service %s", "two");
    must_get(q, &raw, "one");
    queue_back(q, a, raw);
    assert_int_equal(length("inflight:image-service:w1"), 0);
    must_get(other, &raw, "one");
    queue_done(other, a, raw);
    queue_free(q);
    queue_free(other);
}

static void
garbage_goes_to_the_dead_list_with_its_reason(void **state)
{
    static const char bytes[] = "\xff<junk>\x01\"\n";
    struct queue *q = queue_of("w1", false);
    const struct str junk = str_n(bytes, sizeof(bytes) - 1);
    const struct str words[] = {STR("LPUSH"), STR("queue:image-service"), junk};
    struct redis_reply r;
    struct str raw;
    struct err e;
    cJSON *j;

    (void)state;
    assert_int_equal(redis_cmd(cli, a, MS, 3, words, &r, &e), 0);
    assert_int_equal(queue_take(q, a, MS, &raw, &e), QUEUE_GOT);
    assert_true(str_eq(raw, junk));
    queue_dead(q, a, raw, "no task id in it");
    assert_int_equal(length("inflight:image-service:w1"), 0);
    r = run("LINDEX %s 0", "dead:image-service");
    j = json_parse(r.s, 0, &e);
    assert_non_null(j);
    assert_string_equal(json_str(j, "reason", ""), "no task id in it");
    assert_non_null(strstr(json_str(j, "message", ""), "<junk>"));
    assert_int_equal(json_i64(j, "bytes", 0), junk.len);
    json_free(j);
    queue_free(q);
}

static void
the_dead_list_is_capped(void **state)
{
    struct queue *q = queue_of("w1", false);

    (void)state;
    for (int i = 0; i < QUEUE_DEAD_MAX + 10; i++) {
        queue_dead(q, a, STR("x"), "test");
        if (i % 100 == 0)
            arena_reset(a);
    }
    assert_int_equal(length("dead:image-service"), QUEUE_DEAD_MAX);
    queue_free(q);
}

static void
a_redis_without_blmove_is_served_by_brpop(void **state)
{
    struct queue *q = queue_of("w1", true);
    struct str raw;
    struct err e;

    (void)state;
    run("LPUSH queue:image-service %s", "one");
    must_get(q, &raw, "one");
    assert_int_equal(length("inflight:image-service:w1"), 0);
    queue_done(q, a, raw);
    assert_int_equal(queue_take(q, a, 100, &raw, &e), QUEUE_NONE);
    queue_free(q);
}

static void
results_have_an_end(void **state)
{
    struct queue *q = queue_of("w1", false);
    int64_t ttl;

    (void)state;
    queue_result(q, a, "1a2b3c4d", STR("{\"status\":\"success\"}"), 77);
    assert_true(str_eq_c(run("GET %s", "result:1a2b3c4d").s,
                         "{\"status\":\"success\"}"));
    ttl = run("TTL %s", "result:1a2b3c4d").i;
    assert_in_range(ttl, 1, 77);
    queue_free(q);
}

static void
a_redis_that_was_away_is_used_again(void **state)
{
    struct queue *q = queue_of("w1", false);
    int64_t until = clock_mono_ms() + 20000;
    enum queue_taken taken;
    struct str raw;
    struct err e;

    (void)state;
    run("LPUSH queue:image-service %s", "one");
    must_get(q, &raw, "one"); /* and nobody says done */
    redis_server_kill(&server);
    assert_int_equal(queue_take(q, a, 50, &raw, &e), QUEUE_AWAY);
    queue_done(q, a, STR("one")); /* no harm */
    redis_server_again(&server);
    while ((taken = queue_take(q, a, 50, &raw, &e)) == QUEUE_AWAY) {
        assert_true(clock_mono_ms() < until);
        clock_sleep_ms(10);
    }
    /* the look at inflight after the error finds it (or fsync was not yet:
     * then it is lost, which the backend's relay mends) */
    if (taken == QUEUE_GOT)
        assert_true(str_eq_c(raw, "one"));
    queue_free(q);
}

/* ---- the lock of an address ---- */

static const struct gpu_owner anna = {"anna", "1", 60000};
static const struct gpu_owner anna_again = {"anna", "2", 60000};
static const struct gpu_owner ann = {"ann", "1", 60000};

static const char *
holder_for(const struct gpu_owner *me)
{
    const char *holder;
    struct err e = {0};

    if (gpu_lock(cli, a, me, "box/http://x", &holder, &e) != 0)
        fail_msg("%s", e.msg);
    return holder;
}

static void
one_worker_has_an_address(void **state)
{
    struct err e;

    (void)state;
    assert_null(holder_for(&anna));
    assert_null(holder_for(&anna)); /* renewed */
    assert_string_equal(holder_for(&ann), "anna 1");
    assert_in_range(run("PTTL %s", "gpu:box/http://x").i, 1, 60000);
    assert_int_equal(gpu_unlock(cli, a, &ann, "box/http://x", &e), 0);
    assert_string_equal(holder_for(&ann), "anna 1");
    assert_int_equal(gpu_unlock(cli, a, &anna, "box/http://x", &e), 0);
    assert_null(holder_for(&ann));
}

static void
a_new_boot_takes_over_from_its_old_one(void **state)
{
    struct err e;

    (void)state;
    assert_null(holder_for(&anna));
    assert_null(holder_for(&anna_again));
    /* the old boot, if it still lives, lets nothing go */
    assert_int_equal(gpu_unlock(cli, a, &anna, "box/http://x", &e), 0);
    assert_string_equal(holder_for(&ann), "anna 2");
}

static void
after_flushall_the_holder_has_it_again(void **state)
{
    (void)state;
    assert_null(holder_for(&anna));
    run("FLUSHALL%s", "");
    assert_null(holder_for(&anna));
    assert_string_equal(holder_for(&ann), "anna 1");
}

#define T(f) cmocka_unit_test_setup_teardown(f, fresh, done)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(hints_come_in_the_order_in_which_they_were_pushed),
        T(an_empty_queue_ends_the_wait),
        T(what_a_dead_worker_had_in_flight_is_looked_at_first),
        T(a_hint_that_goes_back_is_next),
        T(garbage_goes_to_the_dead_list_with_its_reason),
        T(the_dead_list_is_capped),
        T(a_redis_without_blmove_is_served_by_brpop),
        T(results_have_an_end),
        T(one_worker_has_an_address),
        T(a_new_boot_takes_over_from_its_old_one),
        T(after_flushall_the_holder_has_it_again),
        T(a_redis_that_was_away_is_used_again),
    };
    log_init("test", LOG_ERROR, false);
    return cmocka_run_group_tests(tests, start, stop);
}

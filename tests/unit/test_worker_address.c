/* test_worker_address.c - worker/address*.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "worker/address.h"

static struct addresses *
made(const char *urls, int depth)
{
    struct err e;
    struct addresses *as = addresses_new(urls, "box", depth, &e);

    assert_non_null(as);
    return as;
}

static void
ready(struct addresses *as, size_t i)
{
    struct address *ad = addresses_at(as, i);
    const struct comfy_stats stats = {.version = "0.3.64"};

    address_lock_set(ad, ADDRESS_LOCK_MACHINE, NULL);
    address_lock_set(ad, ADDRESS_LOCK_REDIS, NULL);
    address_answers(ad, &stats);
    assert_true(address_is_healthy(ad));
}

static void
loopback_addresses_carry_the_machine(void **state)
{
    static const struct {
        const char *url, *want;
    } cases[] = {
        {"http://127.0.0.1:8188", "box/http://127.0.0.1:8188"},
        {"http://LocalHost:8188/", "box/http://localhost:8188"},
        {"http://Gpu.Example.com:80/", "http://gpu.example.com"},
        {"https://gpu:443/comfy/", "https://gpu/comfy"},
    };
    struct arena *a = arena_new();
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *name = address_name(a, cases[i].url, "box", &e);

        assert_non_null(name);
        assert_string_equal(name, cases[i].want);
    }
    assert_null(address_name(a, "ftp://x", "box", &e));
    assert_null(address_name(a, "http://me:secret@x", "box", &e));
    arena_free(a);
}

static void
a_list_with_a_bad_address_is_refused_by_its_number(void **state)
{
    struct err e;

    (void)state;
    assert_null(addresses_new("http://a,nonsense", "box", 2, &e));
    assert_non_null(strstr(e.msg, "address 2"));
    assert_null(addresses_new("http://a/,http://A:80", "box", 2, &e));
    assert_non_null(strstr(e.msg, "twice"));
    assert_null(addresses_new(" , ", "box", 2, &e));
    struct addresses *as = made(" http://a , http://b,", 2);
    assert_int_equal(addresses_count(as), 2);
    addresses_free(as);
}

static void
nothing_is_healthy_before_it_answered_and_its_locks_are_ours(void **state)
{
    struct addresses *as = made("http://a", 2);
    struct address *ad = addresses_at(as, 0);
    int64_t slots, free;

    (void)state;
    address_answers(ad, NULL);
    assert_false(address_is_healthy(ad));
    address_lock_set(ad, ADDRESS_LOCK_MACHINE, NULL);
    assert_false(address_is_healthy(ad));
    address_lock_set(ad, ADDRESS_LOCK_REDIS, "worker x uses it");
    assert_false(address_is_healthy(ad));
    slots_count(as, &slots, &free);
    assert_int_equal(slots, 0);
    address_lock_set(ad, ADDRESS_LOCK_REDIS, NULL);
    assert_true(address_is_healthy(ad));
    slots_count(as, &slots, &free);
    assert_int_equal(slots, 2);
    assert_int_equal(free, 2);
    addresses_free(as);
}

static void
tasks_go_to_the_emptiest_healthy_address(void **state)
{
    struct addresses *as = made("http://a,http://b,http://c", 2);
    struct address *first, *second, *third;

    (void)state;
    ready(as, 0);
    ready(as, 1);
    assert_true(slots_wait(as));
    assert_true(slots_wait(as));
    assert_true(slots_wait(as));
    first = slots_take(as, 0);
    second = slots_take(as, 0);
    assert_ptr_not_equal(first, second);
    third = slots_take(as, 0);
    assert_non_null(third);
    assert_true(slots_wait(as));
    /* a has two, b one; b cannot run this one, c is not healthy */
    assert_null(slots_take(as, slot_bit(addresses_at(as, 1))));
    slots_leave(as);
    slots_give(third);
    assert_ptr_equal(slots_take(as, slot_bit(addresses_at(as, 1))),
                     addresses_at(as, 0));
    slots_give(first);
    slots_give(second);
    slots_give(addresses_at(as, 0));
    addresses_free(as);
}

struct waiter {
    struct addresses *as;
    pthread_mutex_t lock;
    int admitted, ended;
};

static void *
wait_for_slot(void *arg)
{
    struct waiter *w = arg;
    bool in = slots_wait(w->as);

    pthread_mutex_lock(&w->lock);
    w->admitted += in;
    w->ended += !in;
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static int
seen(struct waiter *w, const int *what)
{
    pthread_mutex_lock(&w->lock);
    int n = *what;
    pthread_mutex_unlock(&w->lock);
    return n;
}

static void
no_more_wait_for_work_than_there_are_slots(void **state)
{
    struct waiter w = {.as = made("http://a", 2),
                       .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t t[3];
    int64_t until = clock_mono_ms() + 10000;

    (void)state;
    for (int i = 0; i < 3; i++)
        thread_start(&t[i], "waiter", wait_for_slot, &w);
    ready(w.as, 0);
    while (seen(&w, &w.admitted) < 2) {
        assert_true(clock_mono_ms() < until);
        clock_sleep_ms(1);
    }
    /* one finds a task: its slot is taken, the third still waits */
    struct address *ad = slots_take(w.as, 0);
    assert_non_null(ad);
    slots_leave(w.as);
    while (seen(&w, &w.admitted) < 3) {
        assert_true(clock_mono_ms() < until);
        clock_sleep_ms(1);
    }
    pthread_t last;
    thread_start(&last, "waiter", wait_for_slot, &w);
    addresses_stop(w.as);
    thread_join(last);
    assert_int_equal(seen(&w, &w.ended), 1);
    for (int i = 0; i < 3; i++)
        thread_join(t[i]);
    slots_give(ad);
    addresses_free(w.as);
}

static void
a_stuck_prompt_keeps_its_address_away_until_it_is_gone(void **state)
{
    struct addresses *as = made("http://a", 1);
    struct address *ad = addresses_at(as, 0);
    char id[COMFY_ID_MAX];

    (void)state;
    ready(as, 0);
    assert_false(address_is_stuck(ad, id));
    address_stuck(ad, "p1");
    address_answers(ad, NULL); /* HTTP is fine all the time */
    assert_false(address_is_healthy(ad));
    assert_true(address_is_stuck(ad, id));
    assert_string_equal(id, "p1");
    address_unstuck(ad);
    assert_true(address_is_healthy(ad));
    addresses_free(as);
}

static void
losses_in_a_row_keep_it_away_for_longer_each_time(void **state)
{
    struct addresses *as = made("http://a", 1);
    struct address *ad = addresses_at(as, 0);
    static const int64_t away_ms[] = {0, 500, 1000, 2000};

    (void)state;
    clock_test_set(1000, 1000);
    ready(as, 0);
    for (size_t i = 0; i < sizeof(away_ms) / sizeof(*away_ms); i++) {
        address_fails_run(ad, "disk full");
        assert_false(address_is_healthy(ad));
        if (away_ms[i] > 0) {
            clock_sleep_ms(away_ms[i] - 1);
            address_answers(ad, NULL);
            assert_false(address_is_healthy(ad));
            clock_sleep_ms(1);
        }
        address_answers(ad, NULL);
        assert_true(address_is_healthy(ad));
    }
    address_ends_run(ad); /* a good one: as new */
    address_fails_run(ad, "disk full");
    address_answers(ad, NULL);
    assert_true(address_is_healthy(ad));
    for (int i = 0; i < 100; i++)
        address_fails_run(ad, "disk full");
    clock_sleep_ms(ADDRESS_PENALTY_MS);
    address_answers(ad, NULL);
    assert_true(address_is_healthy(ad));
    clock_test_off();
    addresses_free(as);
}

static void
count(void *ctx)
{
    (*(int *)ctx)++;
}

static void
each_turn_of_health_is_told_once(void **state)
{
    struct addresses *as = made("http://a", 1);
    struct address *ad = addresses_at(as, 0);
    int turns = 0;

    (void)state;
    addresses_on_change(as, count, &turns);
    ready(as, 0);
    assert_int_equal(turns, 1);
    address_answers(ad, NULL);
    assert_int_equal(turns, 1);
    address_lost(ad, "gone");
    address_lost(ad, "still gone");
    assert_int_equal(turns, 2);
    address_answers(ad, NULL);
    assert_int_equal(turns, 3);
    addresses_free(as);
}

static void
the_heartbeat_tells_health_and_what_can_run(void **state)
{
    struct addresses *as = made("http://a,http://b", 1);
    struct arena *a = arena_new(), *caps = arena_new();
    struct address_run *runs = ARENA_ARRAY(caps, struct address_run, 2);
    struct comfy_queue q = {.running = 1, .pending = 3};
    struct api_worker_address *list;
    uint64_t pass, before = addresses_caps_pass(as);
    size_t n;

    (void)state;
    ready(as, 0);
    address_lost(addresses_at(as, 1), "refused");
    address_queue_note(addresses_at(as, 0), &q);
    runs[0] = (struct address_run){"sepia", "v1", "{\"1\":{}}"};
    runs[1] = (struct address_run){"glow", "v2", NULL};
    address_caps_put(addresses_at(as, 0), caps, runs, 2);
    assert_int_not_equal(addresses_caps_pass(as), before);
    addresses_fill(as, a, true, &list, &n, &pass);
    assert_int_equal(n, 2);
    assert_true(list[0].healthy && list[0].runs_known);
    assert_int_equal(list[0].n_runs, 2);
    assert_string_equal(list[0].runs[1].version, "v2");
    assert_int_equal(list[0].pending, 3);
    assert_string_equal(list[0].version, "0.3.64");
    assert_false(list[1].healthy || list[1].runs_known);
    assert_true(list[1].unhealthy_ms >= 0);
    addresses_fill(as, a, false, &list, &n, &pass);
    assert_false(list[0].runs_known);
    assert_int_equal(pass, addresses_caps_pass(as));
    assert_string_equal(address_graph(addresses_at(as, 0), a, "sepia", "v1"),
                        "{\"1\":{}}");
    assert_null(address_graph(addresses_at(as, 0), a, "glow", "v2"));
    assert_null(address_graph(addresses_at(as, 1), a, "sepia", "v1"));
    arena_free(a);
    addresses_free(as);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loopback_addresses_carry_the_machine),
        cmocka_unit_test(a_list_with_a_bad_address_is_refused_by_its_number),
        cmocka_unit_test(
            nothing_is_healthy_before_it_answered_and_its_locks_are_ours),
        cmocka_unit_test(tasks_go_to_the_emptiest_healthy_address),
        cmocka_unit_test(no_more_wait_for_work_than_there_are_slots),
        cmocka_unit_test(
            a_stuck_prompt_keeps_its_address_away_until_it_is_gone),
        cmocka_unit_test(losses_in_a_row_keep_it_away_for_longer_each_time),
        cmocka_unit_test(each_turn_of_health_is_told_once),
        cmocka_unit_test(the_heartbeat_tells_health_and_what_can_run),
    };
    log_init("test", LOG_ERROR, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

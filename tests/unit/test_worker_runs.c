/* test_worker_runs.c - worker/runs.c, worker/cache.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "base/clock.h"
#include "worker/cache.h"
#include "worker/runs.h"

static struct ticket_view *
only(struct runs *rs, struct arena *a)
{
    struct ticket_view *list;

    assert_int_equal(runs_list(rs, a, &list), 1);
    return list;
}

static void
the_heartbeat_tells_only_what_has_changed(void **state)
{
    struct runs *rs = runs_new();
    struct arena *a = arena_new();
    struct ticket *t = runs_add(rs, "1a2b3c4d", "job_1", 3, 0);
    struct ticket_view *v = only(rs, a);

    (void)state;
    assert_string_equal(v->task, "1a2b3c4d");
    assert_int_equal(v->attempt, 3);
    assert_string_equal(v->stage, "starting");
    runs_told(rs, v, false);
    assert_null(only(rs, a)->stage);
    ticket_stage(t, "queued", 4);
    v = only(rs, a);
    assert_string_equal(v->stage, "queued");
    assert_int_equal(v->position, 4);
    /* it changes again before the answer is here */
    ticket_stage(t, "queued", 3);
    runs_told(rs, v, false);
    assert_int_equal(only(rs, a)->position, 3);
    runs_remove(t);
    assert_int_equal(runs_count(rs), 0);
    runs_free(rs);
    arena_free(a);
}

static void
progress_comes_in_steps_of_ten(void **state)
{
    struct runs *rs = runs_new();
    struct arena *a = arena_new();
    struct ticket *t = runs_add(rs, "1a2b3c4d", "job_1", 1, 10000);
    struct ticket_view *v;

    (void)state;
    clock_test_set(1000, 1000);
    ticket_stage(t, "rendering", 0);
    v = only(rs, a);
    assert_int_equal(v->progress, -1);
    runs_told(rs, v, false);
    clock_sleep_ms(900);
    assert_int_equal(only(rs, a)->progress, -1);
    clock_sleep_ms(600);
    v = only(rs, a);
    assert_int_equal(v->progress, 15);
    runs_told(rs, v, false);
    clock_sleep_ms(500);
    assert_int_equal(only(rs, a)->progress, -1);
    clock_sleep_ms(100000);
    assert_int_equal(only(rs, a)->progress, 95);
    ticket_stage(t, "fetching", 0);
    assert_int_equal(only(rs, a)->progress, -1);
    clock_test_off();
    runs_remove(t);
    runs_free(rs);
    arena_free(a);
}

static void
the_backends_answer_is_the_slots_word(void **state)
{
    struct runs *rs = runs_new();
    struct arena *a = arena_new();
    struct ticket *t = runs_add(rs, "1a2b3c4d", "job_1", 1, 0);

    (void)state;
    assert_int_equal(ticket_word(t), TICKET_GO);
    assert_int_equal(ticket_pause(t, 1), TICKET_GO);
    runs_stop(rs);
    assert_int_equal(ticket_pause(t, 60000), TICKET_STOP);
    runs_told(rs, only(rs, a), true);
    assert_int_equal(ticket_pause(t, 60000), TICKET_CANCEL);
    runs_told(rs, only(rs, a), false); /* once said, it stays */
    assert_int_equal(ticket_word(t), TICKET_CANCEL);
    runs_refused(rs, only(rs, a));
    assert_int_equal(ticket_pause(t, 60000), TICKET_DROP);
    runs_remove(t);
    runs_free(rs);
    arena_free(a);
}

static void
an_answer_for_an_older_attempt_moves_nothing(void **state)
{
    struct runs *rs = runs_new();
    struct arena *a = arena_new();
    struct ticket *old = runs_add(rs, "1a2b3c4d", "job_1", 1, 0);
    struct ticket_view *v = only(rs, a);
    struct ticket *t;

    (void)state;
    runs_remove(old);
    t = runs_add(rs, "1a2b3c4d", "job_1", 2, 0);
    runs_refused(rs, v);
    runs_told(rs, v, true);
    assert_int_equal(ticket_word(t), TICKET_GO);
    runs_remove(t);
    runs_free(rs);
    arena_free(a);
}

struct poker {
    struct runs *rs;
    struct ticket_view v;
};

static void *
refuse(void *arg)
{
    struct poker *p = arg;

    runs_refused(p->rs, &p->v);
    return NULL;
}

static void
a_pause_ends_when_the_word_comes(void **state)
{
    struct poker p = {.rs = runs_new()};
    struct arena *a = arena_new();
    struct ticket *t = runs_add(p.rs, "1a2b3c4d", "job_1", 1, 0);
    pthread_t thread;

    (void)state;
    p.v = *only(p.rs, a);
    thread_start(&thread, "refuse", refuse, &p);
    assert_int_equal(ticket_pause(t, 3600000), TICKET_DROP);
    thread_join(thread);
    runs_remove(t);
    runs_free(p.rs);
    arena_free(a);
}

/* ---- cache ---- */

static void
put(struct cache *c, const char *id, size_t n)
{
    struct buf b;

    buf_init(&b, n);
    while (b.len < n)
        buf_add(&b, "xxxxxxxx", n - b.len < 8 ? n - b.len : 8);
    cache_put(c, id, &b);
    assert_int_equal(b.len, 0);
}

static void
bytes_are_taken_once(void **state)
{
    struct cache *c = cache_new();
    struct buf out;

    (void)state;
    put(c, "obj_a", 100);
    put(c, "obj_b", 50);
    buf_init(&out, 1000);
    assert_true(cache_take(c, "obj_b", &out));
    assert_int_equal(out.len, 50);
    assert_false(cache_take(c, "obj_b", &out));
    assert_true(cache_take(c, "obj_a", &out));
    assert_int_equal(out.len, 150);
    buf_free(&out);
    cache_free(c);
}

static void
the_oldest_bytes_go_when_there_are_too_many(void **state)
{
    struct cache *c = cache_new();
    struct buf out;

    (void)state;
    put(c, "obj_a", 1000);
    put(c, "obj_b", CACHE_BYTES - 500);
    buf_init(&out, CACHE_BYTES);
    assert_false(cache_take(c, "obj_a", &out));
    assert_true(cache_take(c, "obj_b", &out));
    buf_free(&out);
    cache_free(c);
}

static void
bytes_that_nobody_takes_go_after_a_while(void **state)
{
    struct cache *c = cache_new();
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    clock_test_set(1000, 1000);
    put(c, "obj_a", 100);
    clock_sleep_ms(CACHE_MS - 1);
    put(c, "obj_b", 100);
    cache_tidy(c);
    clock_sleep_ms(2);
    cache_tidy(c);
    clock_test_off();
    assert_false(cache_take(c, "obj_a", &out));
    assert_true(cache_take(c, "obj_b", &out));
    buf_free(&out);
    cache_free(c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_heartbeat_tells_only_what_has_changed),
        cmocka_unit_test(progress_comes_in_steps_of_ten),
        cmocka_unit_test(the_backends_answer_is_the_slots_word),
        cmocka_unit_test(an_answer_for_an_older_attempt_moves_nothing),
        cmocka_unit_test(a_pause_ends_when_the_word_comes),
        cmocka_unit_test(bytes_are_taken_once),
        cmocka_unit_test(the_oldest_bytes_go_when_there_are_too_many),
        cmocka_unit_test(bytes_that_nobody_takes_go_after_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

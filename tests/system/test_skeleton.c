/*
 * The main job, whole: photo -> menu -> card -> press -> hold -> queue ->
 * worker -> ComfyUI -> picture -> capture; and with a worker that is killed in
 * the middle.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "base/clock.h"
#include "base/image.h"
#include "tests/support/shop.h"

#define PRESET "negative"

static void
job_must_be(struct shop *s, struct person *p, const char *status)
{
    int64_t until_ms = clock_mono_ms() + 30000;
    while (strcmp(json_str(shop_job(s, p, 0), "status", ""), status) != 0) {
        if (clock_mono_ms() > until_ms)
            fail_msg("the job is %s, not %s",
                     json_str(shop_job(s, p, 0), "status", ""), status);
        clock_sleep_ms(20);
    }
}

static void
a_photo_becomes_a_paid_picture(void **state)
{
    struct shop s;
    struct person anna;
    struct buf picture;
    struct image_info info;
    struct err e;
    (void)state;
    shop_start(&s, &(struct shop_config){0});
    shop_person(&s, &anna, "Anna <b>&", "en");
    buf_init(&picture, 50u << 20);
    shop_buy(&anna, shop_photo(0), PRESET);
    shop_picture(&anna, &picture);
    job_must_be(&s, &anna, "completed");
    int64_t price = json_i64(shop_job(&s, &anna, 0), "price", -1);
    assert_true(price > 0);
    assert_int_equal(shop_balance(&s, &anna), 60 - price);
    assert_int_equal(shop_held(&s, &anna), 0);
    assert_int_equal(image_probe(buf_str(&picture), &info, &e), 0);
    assert_false(str_eq(buf_str(&picture), shop_photo(0)));
    assert_int_equal(shop_comfy_runs(&s), 1);
    buf_free(&picture);
    person_fini(&anna);
    shop_stop(&s);
}

static void
a_worker_killed_in_mid_job_costs_one_run_and_one_charge(void **state)
{
    struct shop s;
    struct person anna;
    (void)state;
    shop_start(&s, &(struct shop_config){
                       .env = {"LEASE_MS=1500", "HEARTBEAT_MS=300",
                               "SANDBOX_RENDER_MS=2500", NULL}});
    shop_person(&s, &anna, "Anna", "ru");
    shop_buy(&anna, shop_photo(1), PRESET);
    int64_t until_ms = clock_mono_ms() + 30000;
    while (json_i64(shop_get(&s, "comfy:/sandbox/state"), "accepted", 0) == 0) {
        assert_true(clock_mono_ms() < until_ms);
        clock_sleep_ms(10);
    }
    shop_kill(&s, "worker");
    shop_picture(&anna, NULL);
    job_must_be(&s, &anna, "completed");
    int64_t price = json_i64(shop_job(&s, &anna, 0), "price", -1);
    assert_int_equal(shop_balance(&s, &anna), 60 - price);
    assert_int_equal(shop_held(&s, &anna), 0);
    assert_int_equal(shop_comfy_runs(&s), 1);
    person_fini(&anna);
    shop_stop(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_photo_becomes_a_paid_picture),
        cmocka_unit_test(
            a_worker_killed_in_mid_job_costs_one_run_and_one_charge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

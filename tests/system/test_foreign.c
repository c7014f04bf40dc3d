/*
 * Consumers and producers that are not ours, with nothing but Redis commands
 * and HTTP: a picture is sold whose work somebody else's program does, and
 * what strangers push into the queue does no harm.
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
#include "base/image.h"
#include "tests/support/guest.h"

#define END_MS 60000
#define QUEUE "queue:image-service"
#define REDIS(s, ...) shop_redis(s, (const char *[]){__VA_ARGS__, NULL})

/* ---- a consumer ---- */

/* What a program that is not ours knows of a task. */
struct work {
    char id[32], job[64], file_id[300];
};

/* BRPOP, and the message taken apart. */
static void
pop(struct shop *s, struct work *w)
{
    int64_t until_ms = clock_mono_ms() + END_MS;
    const char *text;
    struct err e;

    do {
        if (clock_mono_ms() > until_ms)
            fail_msg("nothing is in " QUEUE);
        text = REDIS(s, "BRPOP", QUEUE, "2");
    } while (strcmp(text, "(nil)") == 0);
    assert_true(strncmp(text, QUEUE "\n", strlen(QUEUE) + 1) == 0);
    text += strlen(QUEUE) + 1;
    cJSON *j = json_parse(str_c(text), 0, &e);
    if (j == NULL)
        fail_msg("%s: %s", e.msg, text);
    snprintf(w->id, sizeof w->id, "%s", json_str(j, "id", ""));
    snprintf(w->job, sizeof w->job, "%s", json_str(j, "job_id", ""));
    snprintf(w->file_id, sizeof w->file_id, "%s",
             json_str(json_path(j, "inputs.photo"), "telegram_file_id", ""));
    assert_string_equal(json_str(j, "service", ""), "image-service");
    assert_string_equal(json_str(j, "status", ""), "pending");
    assert_string_equal(json_str(j, "scenario_id", "-"),
                        json_str(j, "job_id", "+"));
    assert_non_null(json_get(j, "consumers"));
    assert_non_null(json_get(j, "params"));
    assert_true(json_i64(j, "created_at", 0) > 0);
    json_free(j);
}

/* With or without /api in front, as foreign programs have it. */
static int
patch(struct shop *s, const char *prefix, const struct work *w,
      const char *body)
{
    char path[96];
    int status;

    snprintf(path, sizeof path, "%s/tasks/%s/status", prefix, w->id);
    shop_call(s, "PATCH", path, body, &status);
    return status;
}

static const char *
bot_token(struct shop *s)
{
    char path[400], line[256];
    static char token[128];

    snprintf(path, sizeof path, "%s/secrets", s->data);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "SANDBOX_BOT_TOKEN=", 18) == 0)
            snprintf(token, sizeof token, "%.*s",
                     (int)strcspn(line + 18, "\n"), line + 18);
    }
    fclose(f);
    return token;
}

/* getFile, then the file, with the bot token. */
static void
fetch(struct shop *s, const struct work *w, struct buf *out)
{
    struct httpc_res res;
    struct err e;
    char path[500];
    struct httpc *h = httpc_new(
        &(struct httpc_config){.label = "telegram", .base = s->telegram}, &e);

    snprintf(path, sizeof path, "telegram:/bot%s/getFile?file_id=%s",
             bot_token(s), w->file_id);
    const cJSON *file = json_get(shop_get(s, path), "result");
    snprintf(path, sizeof path, "/file/bot%s/%s", bot_token(s),
             json_str(file, "file_path", ""));
    struct httpc_req q = {.method = "GET", .path = path, .op = "file"};
    if (httpc_do(h, &q, &res, &e) != 0)
        fail_msg("%s", e.msg);
    assert_int_equal(res.status, 200);
    buf_add_str(out, buf_str(&res.body));
    httpc_res_free(&res);
    httpc_free(h);
}

/* PUT /api/objects: the id. */
static void
store(struct shop *s, const struct work *w, struct str bytes, char *id,
      size_t size)
{
    struct httpc_res res;
    struct err e;
    char path[96];

    snprintf(path, sizeof path, "/api/objects?task=%s&n=0", w->id);
    struct httpc_req q = {.method = "PUT",
                          .path = path,
                          .op = "object",
                          .content_type = "image/jpeg",
                          .body = bytes};
    if (httpc_do(s->api, &q, &res, &e) != 0)
        fail_msg("%s", e.msg);
    if (res.status != 201)
        fail_msg("PUT: %d %s", res.status, buf_cstr(&res.body));
    cJSON *j = json_parse(buf_str(&res.body), 0, &e);
    snprintf(id, size, "%s", json_str(j, "id", ""));
    json_free(j);
    httpc_res_free(&res);
}

static void
succeed(struct shop *s, const char *prefix, const struct work *w)
{
    struct buf photo;
    char id[64], body[300];

    buf_init(&photo, 50u << 20);
    fetch(s, w, &photo);
    store(s, w, buf_str(&photo), id, sizeof id);
    snprintf(body, sizeof body,
             "{\"status\":\"success\",\"result_ref\":\"%s\"}", id);
    assert_int_equal(patch(s, prefix, w, body), 200);
    assert_int_equal(patch(s, prefix, w, body), 200); /* told twice */
    buf_free(&photo);
}

static void
open_without_worker(struct shop *s, const char *lease)
{
    shop_start(s, &(struct shop_config){
                      .no_limits = true,
                      .words = {"--without", "worker"},
                      .env = {"FOREIGN_SERVICES=image-service", lease}});
}

static void
redis_and_http_are_enough_for_a_worker(void **state)
{
    struct shop s;
    struct guest g;
    struct work w;
    struct buf picture;
    struct image_info info;
    struct err e;

    (void)state;
    buf_init(&picture, 50u << 20);
    open_without_worker(&s, NULL);
    guest_in(&g, &s, "Anna", "en");
    guest_buys(&g, 0, "negative");
    pop(&s, &w);
    assert_int_equal(
        patch(&s, "/api", &w, "{\"status\":\"processing\"}"), 200);
    guest_job_is(&g, 0, "processing");
    succeed(&s, "/api", &w);
    guest_job_is(&g, 0, "completed");
    guest_gets(&g, &picture);
    assert_int_equal(image_probe(buf_str(&picture), &info, &e), 0);
    guest_has(&g, GUEST_START - 1);
    shop_check(&s);
    /* and once more, by the other names of the routes */
    guest_buys(&g, 1, "negative");
    pop(&s, &w);
    assert_int_equal(patch(&s, "", &w, "{\"status\":\"processing\"}"), 200);
    succeed(&s, "", &w);
    guest_gets(&g, NULL);
    guest_has(&g, GUEST_START - 2);
    assert_int_equal(guest_pictures(&g), 2);
    guest_out(&g);
    shop_stop(&s);
    buf_free(&picture);
}

static void
a_consumer_that_fails_gives_the_money_back(void **state)
{
    struct shop s;
    struct guest g;
    struct work w;

    (void)state;
    open_without_worker(&s, NULL);
    guest_in(&g, &s, "Anna", "en");
    guest_buys(&g, 0, "sepia");
    pop(&s, &w);
    assert_int_equal(
        patch(&s, "/api", &w, "{\"status\":\"processing\"}"), 200);
    assert_int_equal(patch(&s, "/api", &w,
                           "{\"status\":\"failed\",\"error_class\":\"input\","
                           "\"error\":\"no face\"}"),
                     200);
    guest_sees(&g, "5 credits are back on your balance");
    guest_has(&g, GUEST_START);
    /* what comes after the end changes nothing */
    assert_int_equal(
        patch(&s, "/api", &w,
              "{\"status\":\"success\",\"result_ref\":\"x\"}"),
        409);
    guest_job_is(&g, 0, "failed");
    guest_out(&g);
    shop_stop(&s);
}

/* It popped the task and was never heard of again. */
static void
what_was_popped_and_not_reported_is_handed_out_again(void **state)
{
    struct shop s;
    struct guest g;
    struct work first, second;

    (void)state;
    open_without_worker(&s, "FOREIGN_LEASE=1");
    guest_in(&g, &s, "Anna", "en");
    guest_buys(&g, 0, "negative");
    pop(&s, &first);
    pop(&s, &second);
    assert_string_equal(first.id, second.id);
    /* and one that began, and then died */
    assert_int_equal(
        patch(&s, "/api", &second, "{\"status\":\"processing\"}"), 200);
    pop(&s, &first);
    assert_string_equal(first.id, second.id);
    assert_int_equal(
        patch(&s, "/api", &first, "{\"status\":\"processing\"}"), 200);
    succeed(&s, "/api", &first);
    guest_gets(&g, NULL);
    guest_has(&g, GUEST_START - 1);
    assert_int_equal(guest_pictures(&g), 1);
    guest_out(&g);
    shop_stop(&s);
}

/* ---- a producer ---- */

static void
dead_holds(struct shop *s, const char *what)
{
    int64_t until_ms = clock_mono_ms() + END_MS;

    while (strstr(REDIS(s, "LRANGE", "dead:image-service", "0", "-1"),
                  what) == NULL) {
        if (clock_mono_ms() > until_ms)
            fail_msg("%s is not in the dead list: %s", what,
                     REDIS(s, "LRANGE", "dead:image-service", "0", "-1"));
        clock_sleep_ms(20);
    }
}

static void
what_strangers_push_does_no_harm(void **state)
{
    struct shop s;
    struct guest g;
    char id[32];
    pid_t worker;

    (void)state;
    shop_start(&s, &(struct shop_config){.no_limits = true});
    guest_in(&g, &s, "Anna", "en");
    worker = shop_pid(&s, "worker");
    kill(worker, SIGSTOP);
    guest_buys(&g, 0, "negative");
    guest_job_is(&g, 0, "queued");
    snprintf(id, sizeof id, "%s", shop_cell(&s, "SELECT id FROM tasks"));
    REDIS(&s, "LPUSH", QUEUE, "{\"id\":\"", "\xff\xfe garbage", "");
    REDIS(&s, "LPUSH", QUEUE, "00000000", "{\"id\":\"ffffffff\"}");
    REDIS(&s, "LPUSH", QUEUE, id, id, "{\"id\":7}", "[[[[]]]]");
    kill(worker, SIGCONT);
    guest_gets(&g, NULL);
    guest_job_is(&g, 0, "completed");
    dead_holds(&s, "garbage");
    dead_holds(&s, "00000000");
    dead_holds(&s, "ffffffff");
    REDIS(&s, "LPUSH", QUEUE, id); /* after its end, too */
    guest_buys(&g, 1, "negative");
    guest_gets(&g, NULL);
    guest_has(&g, GUEST_START - 2);
    assert_int_equal(guest_pictures(&g), 2);
    assert_int_equal(shop_comfy_runs(&s), 2);
    guest_out(&g);
    shop_stop(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redis_and_http_are_enough_for_a_worker),
        cmocka_unit_test(a_consumer_that_fails_gives_the_money_back),
        cmocka_unit_test(what_was_popped_and_not_reported_is_handed_out_again),
        cmocka_unit_test(what_strangers_push_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

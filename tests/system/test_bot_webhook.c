/*
 * test_bot_webhook.c - updates by webhook: what is answered, what is kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/mem.h"
#include "tests/support/shop.h"

static struct shop shop;
static char webhook[64]; /* "http://127.0.0.1:PORT" */
static char secret[100];

/* The webhook's base and the secret, as Telegram was told. */
static void
find_webhook(void)
{
    const cJSON *calls = json_get(
        shop_get(&shop, "telegram:/sandbox/calls?method=setWebhook"), "calls");
    const cJSON *params = json_get(calls->child, "params");
    const char *url = json_str(params, "url", "");
    const char *path = strstr(url, "/hook");

    assert_non_null(path);
    snprintf(webhook, sizeof(webhook), "%.*s", (int)(path - url), url);
    snprintf(secret, sizeof(secret), "%s",
             json_str(params, "secret_token", ""));
    assert_true(strlen(secret) > 20);
    assert_int_equal(cJSON_GetArraySize(json_get(params, "allowed_updates")),
                     7);
}

static int
open_shop(void **state)
{
    (void)state;
    shop_start(&shop,
               &(struct shop_config){.no_limits = true, .webhook = true});
    find_webhook();
    return 0;
}

static int
close_shop(void **state)
{
    (void)state;
    shop_stop(&shop);
    return 0;
}

static int
post(const char *path, const char *with_secret, struct str body)
{
    char header[200];
    const char *headers[] = {header, NULL};
    struct httpc_res res;
    struct err e;
    struct httpc *h = httpc_new(
        &(struct httpc_config){.label = "webhook", .base = webhook}, &e);
    struct httpc_req q = {.method = "POST",
                          .path = path,
                          .op = "test",
                          .idempotent = true,
                          .body = body,
                          .headers = with_secret != NULL ? headers : NULL};
    int status;

    snprintf(header, sizeof(header), "X-Telegram-Bot-Api-Secret-Token: %s",
             with_secret != NULL ? with_secret : "");
    if (httpc_do(h, &q, &res, &e) != 0)
        fail_msg("%s", e.msg);
    status = res.status;
    assert_true(status != 200 || res.body.len == 0);
    httpc_res_free(&res);
    httpc_free(h);
    return status;
}

static int64_t
dead_letters(void)
{
    return shop_number(&shop,
                       "SELECT count(*) FROM updates WHERE state = 'dead'");
}

static void
a_picture_is_sold_by_webhook(void **state)
{
    struct person p;

    (void)state;
    shop_person(&shop, &p, "Anna", "en");
    shop_buy(&p, shop_photo(0), "negative");
    shop_picture(&p, NULL);
    person_fini(&p);
}

static void
only_telegram_is_let_in(void **state)
{
    char almost[100];

    (void)state;
    snprintf(almost, sizeof(almost), "%s", secret);
    almost[0] = almost[0] == 'a' ? 'b' : 'a';
    assert_int_equal(post("/hook", NULL, STR("{}")), 401);
    assert_int_equal(post("/hook", "", STR("{}")), 401);
    assert_int_equal(post("/hook", almost, STR("{}")), 401);
    assert_int_equal(post("/webhook", NULL, STR("{}")), 401);
    assert_int_equal(post("/telegram/webhook", NULL, STR("{}")), 401);
    assert_int_equal(post("/elsewhere", secret, STR("{}")), 404);
}

static void
every_path_of_the_webhook_takes_updates(void **state)
{
    static const char *const paths[] = {"/hook", "/webhook",
                                        "/telegram/webhook"};

    (void)state;
    for (int i = 0; i < 3; i++) {
        char *body = arena_fmt(shop.arena, "{\"update_id\":%d}", 900 + i);

        assert_int_equal(post(paths[i], secret, str_c(body)), 200);
    }
    assert_int_equal(shop_number(&shop, "SELECT count(*) FROM updates WHERE "
                                        "update_id BETWEEN 900 AND 902"),
                     3);
}

static void
what_is_odd_is_kept_as_a_dead_letter(void **state)
{
    static const struct str rows[] = {
        {"", 0},
        {"not json", 8},
        {"{\"update_id\":\"\xff\"}", 18},
        {"{\"update_id\":1,\"x\":\"\\u0000\"}", 28},
        {"[1,2]", 5},
        {"{\"no_id\":true}", 14},
        {"\0\0\0", 3},
    };
    int64_t before = dead_letters();
    struct buf deep;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(post("/hook", secret, rows[i]), 200);
    buf_init(&deep, 1u << 20);
    for (int i = 0; i < 100000; i++)
        buf_add_c(&deep, "[");
    assert_int_equal(post("/hook", secret, buf_str(&deep)), 200);
    buf_free(&deep);
    assert_true(dead_letters() == before + 8);
}

static void
a_body_over_its_limit_is_refused(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 4u << 20);
    for (int i = 0; i < (1 << 20) + 1; i++)
        buf_add_byte(&b, ' ');
    assert_int_equal(post("/hook", secret, buf_str(&b)), 413);
    b.len--;
    assert_int_equal(post("/hook", secret, buf_str(&b)), 200);
    buf_free(&b);
}

static void
the_same_update_twice_takes_effect_once(void **state)
{
    struct person p;
    struct person_event ev;
    struct err e;
    char body[600];

    (void)state;
    shop_person(&shop, &p, "Anna", "en");
    snprintf(body, sizeof(body),
             "{\"update_id\":77001,\"message\":{\"message_id\":1,\"date\":1,"
             "\"chat\":{\"id\":%lld,\"type\":\"private\"},\"from\":{\"id\":"
             "%lld,\"is_bot\":false,\"first_name\":\"A\"},\"text\":\"/help\"}}",
             (long long)p.chat, (long long)p.chat);
    for (int i = 0; i < 3; i++)
        assert_int_equal(post("/hook", secret, str_c(body)), 200);
    assert_int_equal(
        person_wait(&p, &(struct person_want){.contains = "How it works"}, &ev,
                    &e),
        0);
    /* what comes after it shows that nothing came between */
    assert_int_equal(person_text(&p, "/terms", &e), 0);
    assert_int_equal(
        person_wait(&p, &(struct person_want){.kind = "message"}, &ev, &e), 0);
    assert_non_null(strstr(ev.text, "Terms"));
    person_fini(&p);
}

/* @ stands for the chat. */
static void
put_chat(char *out, size_t cap, const char *row, int64_t chat)
{
    const char *at = strchr(row, '@');

    if (at == NULL)
        snprintf(out, cap, "%s", row);
    else
        snprintf(out, cap, "%.*s%lld%s", (int)(at - row), row, (long long)chat,
                 at + 1);
}

static void
hostile_updates_block_nobody(void **state)
{
    static const char *const rows[] = {
        "{\"update_id\":88001,\"message\":7}",
        "{\"update_id\":88002,\"message\":{\"chat\":{\"id\":\"x\"}}}",
        "{\"update_id\":88003,\"message\":{\"message_id\":1,\"chat\":{\"id\":%"
        "lld"
        ",\"type\":\"private\"},\"from\":{\"id\":-3}}}",
        "{\"update_id\":88004,\"callback_query\":{\"id\":\"x\",\"from\":{"
        "\"id\":"
        "@}}}",
        "{\"update_id\":88005,\"message\":{\"message_id\":1,\"chat\":{\"id\":%"
        "lld"
        ",\"type\":\"private\"},\"from\":{\"id\":5},\"photo\":[]}}",
        "{\"update_id\":88006,\"wake\":true}",
        "{\"update_id\":9223372036854775807}",
        "{\"update_id\":88008,\"pre_checkout_query\":{\"id\":\"q\",\"from\":"
        "{\"id\":@},\"currency\":\"XTR\",\"total_amount\":1,"
        "\"invoice_payload\":\"p\"}}",
    };
    struct person p;
    struct person_event ev;
    struct err e;

    (void)state;
    shop_person(&shop, &p, "Anna", "en");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char body[400];

        put_chat(body, sizeof(body), rows[i], p.chat);
        assert_int_equal(post("/hook", secret, str_c(body)), 200);
    }
    assert_int_equal(person_text(&p, "/help", &e), 0);
    assert_int_equal(
        person_wait(&p, &(struct person_want){.contains = "How it works"}, &ev,
                    &e),
        0);
    assert_int_equal(shop_number(&shop, "SELECT count(*) FROM updates WHERE "
                                        "update_id = 88008"),
                     0); /* it is answered, not stored */
    person_fini(&p);
}

static void
a_backend_that_restarts_costs_no_update(void **state)
{
    struct person p;
    struct person_event ev;
    struct err e;

    (void)state;
    shop_person(&shop, &p, "Anna", "en");
    shop_kill(&shop, "backend");
    assert_int_equal(person_text(&p, "/help", &e), 0);
    assert_int_equal(
        person_wait(&p, &(struct person_want){.contains = "How it works"}, &ev,
                    &e),
        0);
    shop_kill(&shop, "bot");
    assert_int_equal(person_text(&p, "/terms", &e), 0);
    assert_int_equal(
        person_wait(&p, &(struct person_want){.contains = "Terms"}, &ev, &e),
        0);
    person_fini(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_is_sold_by_webhook),
        cmocka_unit_test(only_telegram_is_let_in),
        cmocka_unit_test(every_path_of_the_webhook_takes_updates),
        cmocka_unit_test(what_is_odd_is_kept_as_a_dead_letter),
        cmocka_unit_test(a_body_over_its_limit_is_refused),
        cmocka_unit_test(the_same_update_twice_takes_effect_once),
        cmocka_unit_test(hostile_updates_block_nobody),
        cmocka_unit_test(a_backend_that_restarts_costs_no_update),
    };

    return cmocka_run_group_tests(tests, open_shop, close_shop);
}

/*
 * The ways to run the shop: webhook or polling, SQLite or PostgreSQL, all
 * roles by `up` or each alone with only the settings that it needs; and what
 * a start that cannot work says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "tests/support/command.h"
#include "tests/support/guest.h"
#include "tests/support/servers.h"

static struct pg_server pg;
static char pg_env[200]; /* "DATABASE_URL=…" of the last database */

static int
servers_start(void **state)
{
    (void)state;
    pg_server_start(&pg);
    return 0;
}

static int
servers_stop(void **state)
{
    (void)state;
    pg_server_stop(&pg);
    return 0;
}

static const char *
new_database(void)
{
    char url[160];

    pg_server_database(&pg, url, sizeof url);
    snprintf(pg_env, sizeof pg_env, "DATABASE_URL=%s", url);
    return pg_env;
}

/* ---- a picture is sold ---- */

/* What the person does, and once more the same update; its update_id. */
static void
says_twice(struct guest *g, const char *act, const char *body)
{
    char path[96];
    const cJSON *j;
    struct err e;

    snprintf(path, sizeof path, "/sandbox/chats/%lld/%s",
             (long long)g->p.chat, act);
    if (person_call(&g->p, "POST", path, str_c(body), &j, &e) != 0)
        guest_fail(g, "%s", e.msg);
    snprintf(path, sizeof path, "/sandbox/updates/%lld/again",
             (long long)json_i64(j, "update_id", 0));
    if (person_call(&g->p, "POST", path, STR("{}"), &j, &e) != 0)
        guest_fail(g, "%s", e.msg);
}

static void
sells(const struct shop_config *cfg, const char *language)
{
    struct shop s;
    struct guest g;
    struct person_event ev;
    char buy[80], body[200];

    shop_start(&s, cfg);
    guest_in(&g, &s, "Анна", language);
    ev = guest_card(&g, 0, "negative");
    guest_button(&g, &ev, "v1:buy:", buy, sizeof buy);
    snprintf(body, sizeof body, "{\"data\":\"%s\"}", buy);
    says_twice(&g, "press", body);
    guest_gets(&g, NULL);
    guest_job_is(&g, 0, "completed");
    says_twice(&g, "text", "{\"text\":\"/terms\"}");
    guest_says(&g, "/help");
    guest_sees(&g, "❓");
    assert_int_equal(guest_seen(&g, "📄"), 1);
    assert_int_equal(guest_jobs(&g), 1);
    assert_int_equal(guest_pictures(&g), 1);
    guest_has(&g, GUEST_START - 1);
    guest_out(&g);
    shop_stop(&s);
}

static void
a_picture_is_sold_by_polling(void **state)
{
    (void)state;
    sells(&(struct shop_config){.no_limits = true}, "en");
}

static void
a_picture_is_sold_by_webhook(void **state)
{
    (void)state;
    sells(&(struct shop_config){.no_limits = true, .webhook = true}, "ru");
}

static void
a_picture_is_sold_by_polling_on_postgresql(void **state)
{
    (void)state;
    sells(&(struct shop_config){.no_limits = true, .env = {new_database()}},
          "ru");
}

static void
a_picture_is_sold_by_webhook_on_postgresql(void **state)
{
    (void)state;
    sells(&(struct shop_config){.no_limits = true,
                                .webhook = true,
                                .env = {new_database()}},
          "en");
}

/* With a token and a ComfyUI of its own, and over a deploy. */
static void
a_shop_of_its_own_outlives_a_deploy(void **state)
{
    struct shop s;
    struct guest g;

    (void)state;
    shop_start(&s, &(struct shop_config){.outside = true, .no_limits = true});
    guest_in(&g, &s, "Anna", "en");
    assert_int_equal(guest_seen(&g, "sandbox"), 0); /* says nothing of it */
    guest_card(&g, 0, "negative");
    shop_down(&s);
    guest_says(&g, "/balance"); /* while nobody is there */
    shop_up(&s);
    guest_sees(&g, "You have 60 credits");
    guest_presses(&g, "v1:buy:");
    guest_gets(&g, NULL);
    guest_has(&g, GUEST_START - 1);
    guest_out(&g);
    shop_stop(&s);
}

/* ---- each role alone ---- */

/* Where everything is, as settings. */
struct places {
    struct tmp_dir dir;
    struct tg_sandbox tg;
    struct comfy_sandbox comfy;
    struct redis_server redis;
    struct command backend, bot, worker;
    char text[12][200];
    size_t n;
};

static const char *__attribute__((format(printf, 2, 3)))
setting(struct places *w, const char *fmt, ...)
{
    char *out = w->text[w->n++];
    va_list ap;

    assert_true(w->n <= sizeof w->text / sizeof w->text[0]);
    va_start(ap, fmt);
    vsnprintf(out, sizeof w->text[0], fmt, ap);
    va_end(ap);
    return out;
}

/* Each knows only what it needs. */
static void
roles_start(struct places *w)
{
    const char *dir = setting(w, "DATA_DIR=%s", w->dir.path);
    const char *service = "SERVICE_TOKEN=only-for-this-test";
    const char *redis = setting(w, "REDIS_URL=unix:%s", w->redis.socket);
    const char *token = setting(w, "BOT_TOKEN=%s", w->tg.token);
    const char *telegram = setting(w, "TELEGRAM_API_URL=%s", w->tg.url);
    const char *comfy = setting(w, "COMFYUI_URL=%s", w->comfy.url);
    const char *const backend_env[] = {dir, service, redis, token,
                                       "BACKEND_LISTEN=127.0.0.1:0", NULL};

    command_start(&w->backend, backend_env, COMMAND("backend"));
    const char *url =
        setting(w, "BACKEND_URL=http://127.0.0.1:%d", w->backend.port);
    const char *const bot_env[] = {dir, service, token, telegram, url, NULL};
    const char *const worker_env[] = {dir,   service,  redis, comfy,
                                      token, telegram, url,   NULL};
    command_start(&w->worker, worker_env, COMMAND("worker"));
    command_start(&w->bot, bot_env, COMMAND("bot"));
}

/* Is something on sale? The worker tells it after its start. */
static bool
is_open(struct httpc *h)
{
    struct httpc_req q = {.method = "GET", .path = "/api/presets",
                          .op = "presets"};
    struct httpc_res res;
    struct err e;

    if (httpc_do(h, &q, &res, &e) != 0)
        fail_msg("%s", e.msg);
    bool open = strstr(buf_cstr(&res.body), "\"available\":true") != NULL;
    httpc_res_free(&res);
    return open;
}

static void
wait_open(struct places *w)
{
    int64_t until_ms = clock_mono_ms() + 30000;
    char url[64];
    struct err e;

    snprintf(url, sizeof url, "http://127.0.0.1:%d", w->backend.port);
    struct httpc *h = httpc_new(
        &(struct httpc_config){.label = "backend",
                               .base = url,
                               .bearer = "only-for-this-test"},
        &e);
    assert_non_null(h);
    while (!is_open(h)) {
        assert_true(clock_mono_ms() < until_ms);
        clock_sleep_ms(20);
    }
    httpc_free(h);
}

/* A person of a Telegram that no shop_start() knows of. */
static void
buys(struct places *w)
{
    struct person p;
    struct person_event ev;
    struct err e;

    wait_open(w);
    assert_int_equal(person_init(&p, w->tg.url, "Anna", "en", &e), 0);
    shop_buy(&p, shop_photo(0), "negative");
    do {
        if (person_wait(&p, &(struct person_want){.timeout_ms = 60000}, &ev,
                        &e) != 0)
            fail_msg("%s", e.msg);
    } while (ev.file_id[0] == '\0');
    person_fini(&p);
}

static void
each_role_runs_without_what_it_must_not_need(void **state)
{
    struct places w;
    struct buf out;

    (void)state;
    memset(&w, 0, sizeof w);
    tmp_dir_make(&w.dir);
    tg_sandbox_start(&w.tg, NULL);
    comfy_sandbox_start(&w.comfy, NULL);
    redis_server_start(&w.redis, NULL, 0);
    roles_start(&w);
    buys(&w);
    assert_int_equal(command_stop(&w.bot), 0);
    assert_int_equal(command_stop(&w.worker), 0);
    assert_int_equal(command_stop(&w.backend), 0);
    buf_init(&out, 1u << 20);
    const char *const env[] = {w.text[0], w.text[2], NULL};
    if (command_run(env, COMMAND("check"), &out) != 0)
        fail_msg("check: %s", buf_cstr(&out));
    buf_free(&out);
    redis_server_stop(&w.redis);
    comfy_sandbox_stop(&w.comfy);
    tg_sandbox_stop(&w.tg);
    tmp_dir_remove(&w.dir);
}

/* ---- starts that cannot work ---- */

#define TOKEN "BOT_TOKEN=4242:secret-of-the-bot"
#define SERVICE "SERVICE_TOKEN=secret-of-the-shop"
#define HERE "BACKEND_LISTEN=127.0.0.1:0"

static const struct {
    const char *role;
    const char *env[8];
    const char *named; /* stands in what it says */
} refused[] = {
    {"backend", {HERE}, "SERVICE_TOKEN is not set"},
    {"bot", {SERVICE}, "BOT_TOKEN is not set"},
    {"bot", {TOKEN}, "SERVICE_TOKEN is not set"},
    {"bot", {"BOT_TOKEN=nonsense", SERVICE}, "BOT_TOKEN"},
    {"worker", {TOKEN, SERVICE}, "COMFYUI_URL is not set"},
    {"worker", {TOKEN, "COMFYUI_URL=http://127.0.0.1:9"},
     "SERVICE_TOKEN is not set"},
    {"worker", {SERVICE, "COMFYUI_URL=http://127.0.0.1:9"},
     "BOT_TOKEN is not set"},
    {"worker",
     {TOKEN, SERVICE, "COMFYUI_URL=ftp://x", NULL},
     "COMFYUI_URL"},
    {"worker",
     {TOKEN, SERVICE, "COMFYUI_URL=http://127.0.0.1:9",
      "REDIS_URL=rediss://secret-of-redis@h"},
     "TLS"},
    {"backend", {SERVICE, HERE, "LEASE_MS=soon"}, "LEASE_MS"},
    {"backend", {SERVICE, HERE, "LEASE_MS=1"}, "LEASE_MS"},
    {"backend", {SERVICE, HERE, "TINTYPE_SPEED=11"}, "TINTYPE_SPEED"},
    {"backend", {SERVICE, HERE, "DATABASE_URL=mysql://x"}, "DATABASE_URL"},
    {"backend",
     {SERVICE, HERE,
      "DATABASE_URL=postgresql://u:secret-of-pg@127.0.0.1:9/x"},
     "cannot reach PostgreSQL"},
    {"backend", {SERVICE, HERE, "PRESETS_DIR=/nowhere"}, "PRESETS_DIR"},
    {"backend", {SERVICE, "BACKEND_LISTEN=here"}, "BACKEND_LISTEN"},
    {"bot", {TOKEN, SERVICE, "BACKEND_URL=nowhere"}, "BACKEND_URL"},
    {"bot",
     {TOKEN, SERVICE, "BACKEND_URL=http://127.0.0.1:1",
      "BACKEND_API_URL=http://127.0.0.1:2"},
     "BACKEND_API_URL"},
    {"up", {"REDIS_URL=redis://a:1", "REDIS_HOST=b"}, "REDIS_HOST"},
    {"up", {"DATA_DIR=/proc/nowhere"}, "DATA_DIR"},
};

/* One sentence that names it, no secret, exit code not 0. */
static void
must_refuse(const char *role, const char *const *env, const char *named)
{
    struct buf out;
    int code;

    buf_init(&out, 1u << 20);
    code = command_run(env, COMMAND(role), &out);
    if (code == 0 || code > 2)
        fail_msg("%s ended with %d: %s", role, code, buf_cstr(&out));
    if (strstr(buf_cstr(&out), named) == NULL)
        fail_msg("%s does not name %s: %s", role, named, buf_cstr(&out));
    if (strstr(buf_cstr(&out), "secret-of") != NULL)
        fail_msg("%s tells a secret: %s", role, buf_cstr(&out));
    buf_free(&out);
}

static void
a_start_that_cannot_work_says_why(void **state)
{
    struct tmp_dir dir;
    char data[64];

    (void)state;
    tmp_dir_make(&dir);
    snprintf(data, sizeof data, "DATA_DIR=%s", dir.path);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const char *env[10] = {NULL};
        size_t n = 0;
        while (refused[i].env[n] != NULL) {
            env[n] = refused[i].env[n];
            n++;
        }
        env[n] = data; /* the first one counts where it is given, too */
        must_refuse(refused[i].role, env, refused[i].named);
    }
    tmp_dir_remove(&dir);
}

static void
one_database_has_one_backend_and_one_kind(void **state)
{
    struct tmp_dir dir;
    struct command first;
    char data[64], port[40], pid[32];

    (void)state;
    tmp_dir_make(&dir);
    snprintf(data, sizeof data, "DATA_DIR=%s", dir.path);
    const char *const env[] = {data, SERVICE, HERE, NULL};
    command_start(&first, env, COMMAND("backend"));
    snprintf(pid, sizeof pid, "%ld", (long)first.pid);
    must_refuse("backend", env, pid); /* the same SQLite file */
    snprintf(port, sizeof port, "BACKEND_LISTEN=127.0.0.1:%d", first.port);
    char other[80];
    struct tmp_dir second;
    tmp_dir_make(&second);
    snprintf(other, sizeof other, "DATA_DIR=%s", second.path);
    const char *const taken[] = {other, SERVICE, port, NULL};
    must_refuse("backend", taken, "BACKEND_LISTEN: ");
    must_refuse("backend", taken, "is taken");
    assert_int_equal(command_stop(&first), 0);
    const char *const real[] = {data, SERVICE, HERE, TOKEN, NULL};
    must_refuse("backend", real, "sandbox"); /* it was stamped so */
    tmp_dir_remove(&second);
    tmp_dir_remove(&dir);
}

static void
a_postgresql_database_has_one_kind_too(void **state)
{
    struct tmp_dir dir;
    struct command first;
    char data[64];

    (void)state;
    tmp_dir_make(&dir);
    snprintf(data, sizeof data, "DATA_DIR=%s", dir.path);
    const char *const real[] = {data, SERVICE, HERE, TOKEN, new_database(),
                                NULL};
    command_start(&first, real, COMMAND("backend"));
    assert_int_equal(command_stop(&first), 0);
    const char *const practice[] = {data, SERVICE, HERE, pg_env, NULL};
    must_refuse("backend", practice, "4242");
    tmp_dir_remove(&dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_is_sold_by_polling),
        cmocka_unit_test(a_picture_is_sold_by_webhook),
        cmocka_unit_test(a_picture_is_sold_by_polling_on_postgresql),
        cmocka_unit_test(a_picture_is_sold_by_webhook_on_postgresql),
        cmocka_unit_test(a_shop_of_its_own_outlives_a_deploy),
        cmocka_unit_test(each_role_runs_without_what_it_must_not_need),
        cmocka_unit_test(a_start_that_cannot_work_says_why),
        cmocka_unit_test(one_database_has_one_backend_and_one_kind),
        cmocka_unit_test(a_postgresql_database_has_one_kind_too),
    };
    return cmocka_run_group_tests(tests, servers_start, servers_stop);
}

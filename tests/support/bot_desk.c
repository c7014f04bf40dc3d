/*
 * bot_desk.c - see bot_desk.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "tests/support/bot_desk.h"

#define WAIT_MS 30000
#define TOPIC "bot_desk"
#define USER                                                                   \
    "{\"id\":\"usr_1\",\"telegram_id\":111,\"language\":\"en\","               \
    "\"balance\":60,\"held\":0,\"reachable\":true,\"created_at\":1}"
#define SEPIA                                                                  \
    "{\"revision\":\"r\",\"presets\":[{\"name\":\"sepia\",\"version\":\"v\","  \
    "\"title\":{\"ru\":\"Сепия\",\"en\":\"Sepia\"},\"price\":5,"          \
    "\"available\":true,\"inputs\":[{\"name\":\"photo\",\"kind\":\"photo\","   \
    "\"title\":{\"ru\":\"Фото\",\"en\":\"Photo\"},\"required\":true}]}]}"

/* ---- the backend ---- */

static void
note(struct bot_desk *d, const char *name, struct http_req *q)
{
    struct str body = http_body(q);

    pthread_mutex_lock(&d->lock);
    assert_true(d->n_calls < BOT_DESK_CALLS);
    d->calls[d->n_calls++] = (struct bot_desk_call){
        .name = name, .body = arena_strn(d->arena, body.p, body.len)};
    pthread_cond_broadcast(&d->moved);
    pthread_mutex_unlock(&d->lock);
}

/* Notes the call; answers as planned, or 200 with `dflt`. */
static void
answer(struct http_req *q, struct bot_desk *d, const char *name,
       const char *dflt)
{
    struct bot_desk_plan *p = NULL;

    note(d, name, q);
    pthread_mutex_lock(&d->lock);
    while (d->hold && strcmp(name, "finish") == 0)
        cond_wait_ms(&d->moved, &d->lock, WAIT_MS);
    for (size_t i = 0; i < d->n_plans && p == NULL; i++) {
        if (!d->plans[i].used && strcmp(d->plans[i].name, name) == 0)
            p = &d->plans[i];
    }
    if (p != NULL)
        p->used = true;
    pthread_mutex_unlock(&d->lock);
    http_reply(q, p != NULL ? p->status : 200, NULL,
               str_c(p != NULL ? p->body : dflt));
}

static void
on_ready(struct http_req *q, void *ctx)
{
    struct bot_desk *d = ctx;

    http_reply(q, 200, NULL,
               str_c(arena_fmt(http_arena(q),
                               "{\"status\":\"ready\",\"kind\":\"%s\","
                               "\"dependencies\":[]}",
                               d->kind)));
}

static void
on_presets(struct http_req *q, void *ctx)
{
    answer(q, ctx, "presets", SEPIA);
}

static void
on_claim(struct http_req *q, void *ctx)
{
    struct bot_desk *d = ctx;
    uint64_t seen = http_topic(d->http, TOPIC);
    const char *body = NULL;

    pthread_mutex_lock(&d->lock);
    if (d->update != NULL)
        body = arena_fmt(http_arena(q),
                         "{\"seq\":%lld,\"attempt\":1,\"chat_id\":111,"
                         "\"update\":%s,\"user\":" USER
                         ",\"dialog\":{\"chat_id\":111,\"version\":1}}",
                         (long long)++d->seq, d->update);
    d->update = NULL;
    pthread_mutex_unlock(&d->lock);
    if (body != NULL)
        http_reply(q, 200, NULL, str_c(body));
    else if (httpd_stopping(d->http))
        http_reply(q, 204, NULL, STR(""));
    else
        http_park(q, TOPIC, seen, clock_mono_ms() + WAIT_MS);
}

static void
on_deliveries(struct http_req *q, void *ctx)
{
    struct bot_desk *d = ctx;

    if (httpd_stopping(d->http) || http_user(q) != NULL) {
        http_reply(q, 200, NULL, STR("{\"deliveries\":[]}"));
        return;
    }
    http_user_set(q, d);
    http_park(q, "none", http_topic(d->http, "none"), clock_mono_ms() + 4000);
}

static void
on_finish(struct http_req *q, void *ctx)
{
    answer(q, ctx, "finish", "{\"deliveries\":[]}");
}

static void
on_fail(struct http_req *q, void *ctx)
{
    answer(q, ctx, "fail", "{}");
}

static void
on_dialog(struct http_req *q, void *ctx)
{
    answer(q, ctx, "dialog", "{\"chat_id\":111,\"version\":5}");
}

static void
on_store(struct http_req *q, void *ctx)
{
    answer(q, ctx, "store", "{\"seq\":1}");
}

static void
on_job(struct http_req *q, void *ctx)
{
    answer(q, ctx, "job", "{\"jobs\":[],\"balance\":55}");
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/ready", .fn = on_ready},
    {.method = "GET", .path = "/api/presets", .fn = on_presets},
    {.method = "POST", .path = "/api/updates", .fn = on_store},
    {.method = "POST", .path = "/api/updates/claim", .fn = on_claim},
    {.method = "POST", .path = "/api/updates/{seq}/finish", .fn = on_finish},
    {.method = "POST", .path = "/api/updates/{seq}/fail", .fn = on_fail},
    {.method = "GET", .path = "/api/dialogs/{chat}", .fn = on_dialog},
    {.method = "POST", .path = "/api/deliveries/claim", .fn = on_deliveries},
    {.method = "POST", .path = "/api/jobs/create", .fn = on_job},
};

/* ---- life ---- */

void
bot_desk_open(struct bot_desk *d)
{
    struct httpd_config cfg = {.label = "backend",
                               .listen = "127.0.0.1:0",
                               .routes = routes,
                               .nroutes = sizeof(routes) / sizeof(routes[0]),
                               .ctx = d,
                               .threads = 8};
    struct err e;

    memset(d, 0, sizeof(*d));
    tg_sandbox_start(&d->tg, NULL);
    tmp_dir_make(&d->dir);
    tmp_dir_file(&d->dir, "log", d->log, sizeof(d->log));
    d->arena = arena_new();
    d->kind = "sandbox";
    pthread_mutex_init(&d->lock, NULL);
    cond_init(&d->moved);
    d->http = httpd_start(&cfg, &e);
    if (d->http == NULL)
        fail_msg("%s", e.msg);
}

void
bot_desk_close(struct bot_desk *d)
{
    if (d->pid != 0)
        assert_int_equal(bot_desk_stop(d), 0);
    bot_desk_let_go(d);
    httpd_stop(d->http, 1000);
    tg_sandbox_stop(&d->tg);
    tmp_dir_remove(&d->dir);
    arena_free(d->arena);
    pthread_cond_destroy(&d->moved);
    pthread_mutex_destroy(&d->lock);
}

void
bot_desk_spawn(struct bot_desk *d, const char *more)
{
    const char *bin = getenv("TINTYPE_TEST_BIN");
    char url[64], data[64], backend[80], telegram[80], token[80];
    const char *argv[16] = {"env", "-i"};
    size_t n = 2;

    tmp_dir_file(&d->dir, "data", url, sizeof(url));
    snprintf(data, sizeof(data), "DATA_DIR=%.50s", url);
    snprintf(backend, sizeof(backend), "BACKEND_URL=http://127.0.0.1:%d",
             httpd_port(d->http));
    snprintf(telegram, sizeof(telegram), "TELEGRAM_API_URL=%.60s", d->tg.url);
    snprintf(token, sizeof(token), "BOT_TOKEN=%.60s", d->tg.token);
    argv[n++] = data;
    argv[n++] = backend;
    argv[n++] = telegram;
    argv[n++] = token;
    argv[n++] = "SERVICE_TOKEN=service-token-of-the-test";
    argv[n++] = "SANDBOX=1";
    argv[n++] = "BOT_LISTEN=127.0.0.1:0";
    argv[n++] = "LOG_FORMAT=text";
    if (more != NULL)
        argv[n++] = more;
    argv[n++] = bin != NULL ? bin : "build/asan/tintype";
    argv[n++] = "bot";
    d->pid = server_spawn(argv, d->log, 0, 0);
}

static int
wait_end(struct bot_desk *d)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;
    int status = 0;

    while (waitpid(d->pid, &status, WNOHANG) == 0) {
        if (clock_mono_ms() > until_ms)
            fail_msg("the bot does not end");
        clock_sleep_ms(5);
    }
    d->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

bool
bot_desk_logged(struct bot_desk *d, const char *words)
{
    char line[8192];
    bool found = false;
    FILE *f = fopen(d->log, "re");

    while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
        found = strstr(line, words) != NULL;
    if (f != NULL)
        fclose(f);
    return found;
}

void
bot_desk_start(struct bot_desk *d, const char *more)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;

    bot_desk_spawn(d, more);
    while (!bot_desk_logged(d, "bot.ready")) {
        if (clock_mono_ms() > until_ms || kill(d->pid, 0) != 0)
            fail_msg("the bot does not come up, see %s", d->log);
        clock_sleep_ms(5);
    }
}

int
bot_desk_run(struct bot_desk *d, const char *more)
{
    pid_t other = d->pid;
    int status;

    bot_desk_spawn(d, more);
    status = wait_end(d);
    d->pid = other;
    return status;
}

int
bot_desk_stop(struct bot_desk *d)
{
    kill(d->pid, SIGTERM);
    return wait_end(d);
}

/* ---- what happens ---- */

void
bot_desk_plan(struct bot_desk *d, const char *name, int status,
              const char *body)
{
    pthread_mutex_lock(&d->lock);
    assert_true(d->n_plans < BOT_DESK_PLANS);
    d->plans[d->n_plans++] =
        (struct bot_desk_plan){.name = name, .status = status, .body = body};
    pthread_mutex_unlock(&d->lock);
}

void
bot_desk_update(struct bot_desk *d, const char *update)
{
    pthread_mutex_lock(&d->lock);
    d->update = update;
    pthread_mutex_unlock(&d->lock);
    http_wake(d->http, TOPIC, 0);
}

static const char *
nth(struct bot_desk *d, const char *name, size_t n)
{
    for (size_t i = 0; i < d->n_calls; i++) {
        if (strcmp(d->calls[i].name, name) == 0 && --n == 0)
            return d->calls[i].body;
    }
    return NULL;
}

const char *
bot_desk_wait(struct bot_desk *d, const char *name, size_t n)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;
    const char *body;

    pthread_mutex_lock(&d->lock);
    while ((body = nth(d, name, n)) == NULL && clock_mono_ms() < until_ms)
        cond_wait_ms(&d->moved, &d->lock, 100);
    pthread_mutex_unlock(&d->lock);
    if (body == NULL)
        fail_msg("%s was not called %zu times", name, n);
    return body;
}

size_t
bot_desk_count(struct bot_desk *d, const char *name)
{
    size_t n = 0;

    pthread_mutex_lock(&d->lock);
    while (nth(d, name, n + 1) != NULL)
        n++;
    pthread_mutex_unlock(&d->lock);
    return n;
}

void
bot_desk_hold(struct bot_desk *d)
{
    pthread_mutex_lock(&d->lock);
    d->hold = true;
    pthread_mutex_unlock(&d->lock);
}

void
bot_desk_let_go(struct bot_desk *d)
{
    pthread_mutex_lock(&d->lock);
    d->hold = false;
    pthread_cond_broadcast(&d->moved);
    pthread_mutex_unlock(&d->lock);
}

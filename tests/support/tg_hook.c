/*
 * tg_hook.c - a webhook receiver for tests.
 */
#include "tests/support/tg_hook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"

#define WAIT_MS 30000

static void
keep(struct tg_hook *h, struct http_req *q, int status)
{
    const char *secret =
        http_header(q, "X-Telegram-Bot-Api-Secret-Token", NULL);
    const char *type = http_header(q, "Content-Type", NULL);
    struct tg_hook_post *p = &h->posts[h->n];

    if (h->n == TG_HOOK_POSTS)
        return;
    p->update = json_parse_in(h->arena, http_body(q), 0, NULL);
    snprintf(p->secret, sizeof(p->secret), "%s", secret ? secret : "");
    snprintf(p->type, sizeof(p->type), "%s", type ? type : "");
    p->status = status;
    p->at_ms = clock_mono_ms();
    h->n++;
    pthread_cond_broadcast(&h->moved);
}

static int
next_plan(struct tg_hook *h)
{
    int status = h->taken < h->nplans ? h->plans[h->taken++] : 200;

    while ((status == 0 || h->hold_all) && !h->let_go)
        pthread_cond_wait(&h->moved, &h->lock);
    return status ? status : 200;
}

static void
receive(struct http_req *q, void *ctx)
{
    struct tg_hook *h = ctx;
    int status;

    pthread_mutex_lock(&h->lock);
    h->inside++;
    if (h->inside > h->most_inside)
        h->most_inside = h->inside;
    pthread_cond_broadcast(&h->moved);
    status = next_plan(h);
    h->inside--;
    keep(h, q, status);
    if (status >= 300 && h->retry_after)
        http_set_header(q, "Retry-After", h->retry_after);
    pthread_mutex_unlock(&h->lock);
    http_reply(q, status, NULL, STR(""));
}

void
tg_hook_start(struct tg_hook *h)
{
    static const struct http_route routes[] = {
        {.method = "POST", .path = "/hook/{name}", .fn = receive}};
    struct err e = {0};

    memset(h, 0, sizeof(*h));
    pthread_mutex_init(&h->lock, NULL);
    cond_init(&h->moved);
    h->arena = arena_new();
    h->server = httpd_start(&(struct httpd_config){.label = "hook",
                                                   .listen = "127.0.0.1:0",
                                                   .routes = routes,
                                                   .nroutes = 1,
                                                   .ctx = h,
                                                   .threads = 16},
                            &e);
    if (!h->server)
        fail_msg("%s", e.msg);
    snprintf(h->url, sizeof(h->url), "http://127.0.0.1:%d/hook/x",
             httpd_port(h->server));
}

void
tg_hook_stop(struct tg_hook *h)
{
    tg_hook_let_go(h);
    httpd_stop(h->server, 1000);
    arena_free(h->arena);
    pthread_cond_destroy(&h->moved);
    pthread_mutex_destroy(&h->lock);
}

void
tg_hook_plan(struct tg_hook *h, int status)
{
    pthread_mutex_lock(&h->lock);
    assert_true(h->nplans < TG_HOOK_PLANS);
    h->plans[h->nplans++] = status;
    pthread_mutex_unlock(&h->lock);
}

void
tg_hook_let_go(struct tg_hook *h)
{
    pthread_mutex_lock(&h->lock);
    h->let_go = true;
    pthread_cond_broadcast(&h->moved);
    pthread_mutex_unlock(&h->lock);
}

void
tg_hook_wait(struct tg_hook *h, size_t n)
{
    int64_t until = clock_mono_ms() + WAIT_MS;

    pthread_mutex_lock(&h->lock);
    while (h->n < n && clock_mono_ms() < until)
        cond_wait_ms(&h->moved, &h->lock, 100);
    pthread_mutex_unlock(&h->lock);
    assert_true(h->n >= n);
}

void
tg_hook_wait_inside(struct tg_hook *h, int n)
{
    int64_t until = clock_mono_ms() + WAIT_MS;

    pthread_mutex_lock(&h->lock);
    while (h->inside < n && clock_mono_ms() < until)
        cond_wait_ms(&h->moved, &h->lock, 100);
    pthread_mutex_unlock(&h->lock);
    assert_true(h->most_inside >= n);
}

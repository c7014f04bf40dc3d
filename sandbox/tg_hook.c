/*
 * tg_hook.c - how the bot gets its updates: getUpdates, or a webhook.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "io/httpc.h"
#include "sandbox/tg_call.h"

#define POLL_MAX_S 50
#define POLL_BYTES (4u << 20) /* of an answer */
#define SET_PAUSE_MS 1000

/* ---- getUpdates ---- */

/* Confirms what lies before offset; negative: all but the last -offset. */
static void
confirm(struct tg *t, int64_t offset)
{
    struct tgs_update *u = t->first_pending, *next;
    size_t keep = offset < 0 ? (size_t)-offset : 0;

    for (; u; u = next) {
        bool old = offset < 0 ? t->npending > keep : u->id < offset;
        next = u->next;
        if (!old || u->again)
            continue;
        tgs_update_settle(t, u);
        t->stats.polled++;
    }
}

/* An update that was sent again by hand is shown once. */
static size_t
show_updates(struct tg *t, int64_t limit, struct jw *w)
{
    struct tgs_update *u = t->first_pending, *next;
    size_t n = 0;

    jw_arr(w);
    for (; u && (int64_t)n < limit && w->b->len < POLL_BYTES; u = next) {
        next = u->next;
        jw_raw(w, str_c(u->json));
        n++;
        u->attempts++;
        if (u->again) {
            u->again = false;
            tgs_update_settle(t, u);
        }
    }
    jw_end(w);
    return n;
}

static enum tgs_rc
conflict(struct tgs_call *c, const char *why)
{
    return tgs_fail(c, 409, "Conflict: %s", why);
}

/* With the lock held: the newest poller is the only one. */
static enum tgs_rc
check_poller(struct tg *t, struct tgs_call *c)
{
    bool first = c->poller == 0;

    if (t->webhook.hook)
        return conflict(c, first ? "can't use getUpdates method while webhook "
                                   "is active; use deleteWebhook to delete the "
                                   "webhook first"
                                 : "terminated by setWebhook request");
    if (!first && c->poller != t->poller)
        return conflict(c, "terminated by other getUpdates request; make sure "
                           "that only one bot instance is running");
    return TG_OK;
}

static int64_t
clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

static void
begin_poll(struct tg *t, struct tgs_call *c)
{
    bool bad = false;
    const cJSON *allowed = tgs_arg_json(c, "allowed_updates", &bad);
    int64_t s = clamp(tgs_arg_i64(c, "timeout", 0), 0, POLL_MAX_S);

    c->until_ms = clock_mono_ms() + s * 1000;
    c->poller = ++t->poller;
    if (allowed && !bad)
        tgs_allowed_set(t, allowed);
    confirm(t, tgs_arg_i64(c, "offset", 0));
    http_wake(t->server, "updates", 0); /* ends the one before */
}

/* What one look finds: an answer, or a reason to wait on. */
static enum tgs_rc
poll(struct tg *t, struct tgs_call *c)
{
    int64_t limit = clamp(tgs_arg_i64(c, "limit", 100), 1, 100);

    if (check_poller(t, c) != TG_OK)
        return TG_FAIL;
    if (c->poller == 0)
        begin_poll(t, c);
    tgs_updates_expire(t);
    if (!t->first_pending && clock_mono_ms() < c->until_ms &&
        !httpd_stopping(t->server))
        return TG_PARK;
    show_updates(t, limit, &c->w);
    return TG_OK;
}

enum tgs_rc
tgs_get_updates(struct tg *t, struct tgs_call *c)
{
    enum tgs_rc rc;

    pthread_mutex_lock(&t->lock);
    rc = poll(t, c);
    pthread_mutex_unlock(&t->lock);
    return rc;
}

/* ---- setWebhook ---- */

static enum tgs_rc
bad_hook(struct tgs_call *c, const char *why)
{
    return tgs_fail(c, 400, "Bad Request: bad webhook: %s", why);
}

static enum tgs_rc
check_secret(struct tgs_call *c, const char *z)
{
    if (z && strlen(z) > 256)
        return tgs_fail(c, 400, "Bad Request: secret token is too long");
    for (; z && *z; z++)
        if (!isalnum((unsigned char)*z) && *z != '_' && *z != '-')
            return tgs_fail(c, 400,
                            "Bad Request: secret token contains "
                            "unallowed characters");
    return TG_OK;
}

static enum tgs_rc
check_url(struct tgs_call *c, const char *url)
{
    bool http = strncmp(url, "http://", 7) == 0;

    if (!http && strncmp(url, "https://", 8) != 0)
        return bad_hook(c, "An HTTPS URL must be provided for webhook");
    if (http && !httpc_is_loopback(url))
        return bad_hook(c, "An HTTPS URL must be provided for webhook");
    return TG_OK;
}

/* The part of an address behind scheme and host. */
static size_t
host_end(const char *url)
{
    const char *host = strstr(url, "://") + 3;

    return (size_t)(host - url) + strcspn(host, "/?#");
}

static struct tgs_hook *
hook_new(struct tgs_call *c, const char *url)
{
    size_t end = host_end(url);
    struct tgs_hook *h = mem_calloc(1, sizeof(*h));
    const char *base = arena_strn(c->a, url, end);
    struct err e;

    h->refs = 1;
    h->http =
        httpc_new(&(struct httpc_config){.label = "webhook", .base = base}, &e);
    if (!h->http) {
        tgs_hook_unref(h);
        bad_hook(c, "Failed to resolve host");
        return NULL;
    }
    h->url = mem_strdup(url);
    h->path = mem_strdup(url[end] == '/' ? url + end : "/");
    tgs_text_set(&h->secret, tgs_arg(c, "secret_token"));
    tgs_text_set(&h->ip_address, tgs_arg(c, "ip_address"));
    return h;
}

static bool
same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool
is_set_already(const struct tg *t, const struct tgs_hook *h, int64_t max,
               const char *allowed)
{
    const struct tgs_hook *old = t->webhook.hook;

    return old && same(old->url, h->url) && same(old->secret, h->secret) &&
           same(old->ip_address, h->ip_address) &&
           t->webhook.max_connections == max &&
           (!allowed || same(allowed, t->allowed));
}

static void
hook_put(struct tg *t, struct tgs_hook *h)
{
    tgs_hook_unref(t->webhook.hook);
    t->webhook.hook = h;
    t->webhook.error_date = 0;
    t->webhook.error[0] = '\0';
    t->first_failure_ms = 0;
    t->webhook.set_ms = clock_mono_ms();
    http_wake(t->server, "updates", 0); /* pollers learn of it */
}

/* With the lock held. Takes h. */
static enum tgs_rc
set_webhook(struct tg *t, struct tgs_call *c, struct tgs_hook *h,
            const cJSON *allowed)
{
    int64_t max =
        clamp(tgs_arg_i64(c, "max_connections", 40), 1, TG_CONNECTIONS_MAX);
    char *list = allowed ? json_text(c->a, allowed) : NULL;

    if (is_set_already(t, h, max, list)) {
        tgs_hook_unref(h);
        c->note = "Webhook is already set";
    } else if (t->limits_on && t->webhook.hook &&
               clock_mono_ms() - t->webhook.set_ms < SET_PAUSE_MS) {
        tgs_hook_unref(h);
        return tgs_fail_retry(c, 1);
    } else {
        t->webhook.max_connections = (int)max;
        if (allowed)
            tgs_allowed_set(t, allowed);
        hook_put(t, h);
        c->note = "Webhook was set";
    }
    if (tgs_arg_bool(c, "drop_pending_updates"))
        tgs_updates_drop(t);
    tgs_lanes_hurry(t);
    return tgs_true(c);
}

enum tgs_rc
tgs_set_webhook(struct tg *t, struct tgs_call *c)
{
    const char *url = tgs_arg(c, "url");
    bool bad = false;
    const cJSON *allowed = tgs_arg_json(c, "allowed_updates", &bad);
    struct tgs_hook *h;
    enum tgs_rc rc;

    if (!url)
        return tgs_delete_webhook(t, c);
    if (bad || check_url(c, url) != TG_OK ||
        check_secret(c, tgs_arg(c, "secret_token")) != TG_OK ||
        !(h = hook_new(c, url)))
        return TG_FAIL;
    pthread_mutex_lock(&t->lock);
    rc = set_webhook(t, c, h, allowed);
    pthread_mutex_unlock(&t->lock);
    return rc;
}

enum tgs_rc
tgs_delete_webhook(struct tg *t, struct tgs_call *c)
{
    pthread_mutex_lock(&t->lock);
    c->note =
        t->webhook.hook ? "Webhook was deleted" : "Webhook is already deleted";
    hook_put(t, NULL);
    if (tgs_arg_bool(c, "drop_pending_updates"))
        tgs_updates_drop(t);
    pthread_mutex_unlock(&t->lock);
    return tgs_true(c);
}

static void
show_webhook(const struct tg *t, struct jw *w)
{
    const struct tgs_hook *h = t->webhook.hook;

    jw_obj(w);
    jw_kstr(w, "url", h ? h->url : "");
    jw_kbool(w, "has_custom_certificate", false);
    jw_ki64(w, "pending_update_count", (int64_t)t->npending);
    if (t->webhook.error_date) {
        jw_ki64(w, "last_error_date", t->webhook.error_date);
        jw_kstr(w, "last_error_message", t->webhook.error);
    }
    if (h) {
        jw_ki64(w, "max_connections", t->webhook.max_connections);
        jw_kstr(w, "ip_address", h->ip_address ? h->ip_address : "127.0.0.1");
    }
    if (t->allowed) {
        jw_key(w, "allowed_updates");
        jw_raw(w, str_c(t->allowed));
    }
    jw_end(w);
}

enum tgs_rc
tgs_get_webhook_info(struct tg *t, struct tgs_call *c)
{
    pthread_mutex_lock(&t->lock);
    show_webhook(t, &c->w);
    pthread_mutex_unlock(&t->lock);
    return TG_OK;
}

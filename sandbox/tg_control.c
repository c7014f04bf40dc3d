/*
 * tg_control.c - the control API's routes, and what concerns the sandbox as
 * a whole: faults, switches, the record of calls, files.
 */
#include "sandbox/tg_control.h"

#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"

#define CALLS_LIMIT 1000

/* ---- one request ---- */

static void
reply_error(struct tgs_call *c)
{
    struct buf b;
    struct jw w;

    buf_init(&b, 4096);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, "error", c->description);
    jw_end(&w);
    http_reply(c->req, c->status, NULL, buf_str(&b));
    buf_free(&b);
}

/* The call lives in the request's arena, which goes with the answer. */
static void
reply_ok(struct tgs_call *c)
{
    struct buf out = c->out;

    http_reply(c->req, 200, c->note, buf_str(&out));
    buf_free(&out);
}

static void
run(struct tg *t, struct tgs_call *c)
{
    const struct tgs_control *control = http_route(c->req)->user;
    const char *topic = tgs_wait_topic(tgs_arg_i64(c, "chat", 0));
    uint64_t seen = http_topic(http_server(c->req), topic);
    enum tgs_rc rc;

    buf_init(&c->out, TG_JSON_MAX);
    jw_init(&c->w, &c->out);
    rc = control->fn(t, c);
    if (rc == TG_OK) {
        reply_ok(c);
        return;
    }
    buf_free(&c->out);
    if (rc == TG_PARK)
        http_park(c->req, topic, seen, c->until_ms);
    else
        reply_error(c);
}

/* The path's parameters come first: nothing behind them overrides them. */
static struct tgs_call *
call_new(struct http_req *q)
{
    static const char *const names[] = {"chat", "id"};
    struct tgs_call *c = ARENA_NEW(http_arena(q), struct tgs_call);

    c->req = q;
    c->a = http_arena(q);
    for (size_t i = 0; i < 2; i++)
        if (http_param(q, names[i]))
            c->params[c->n++] = (struct tgs_param){
                .name = names[i], .text = str_c(http_param(q, names[i]))};
    http_user_set(q, c);
    return c;
}

static void
control_request(struct http_req *q, void *ctx)
{
    struct tgs_call *c = http_user(q);

    if (!c) {
        c = call_new(q);
        if (tgs_params_read(c) != 0) {
            reply_error(c);
            return;
        }
    }
    run(ctx, c);
}

struct tgs_chat *
tgs_control_chat(struct tg *t, struct tgs_call *c)
{
    struct tgs_chat *chat = tgs_chat_find(t, tgs_arg_i64(c, "chat", 0));

    if (!chat)
        tgs_fail(c, 404, "there is no such chat");
    return chat;
}

void
tgs_control_done(struct tgs_call *c, int64_t seq, int64_t update_id,
                 int64_t message_id)
{
    jw_obj(&c->w);
    jw_ki64(&c->w, "seq", seq);
    jw_ki64(&c->w, "update_id", update_id);
    if (message_id)
        jw_ki64(&c->w, "message_id", message_id);
    jw_end(&c->w);
}

static enum tgs_rc
done(struct tgs_call *c)
{
    jw_obj(&c->w);
    jw_kbool(&c->w, "ok", true);
    jw_end(&c->w);
    return TG_OK;
}

/* ---- the sandbox as a whole ---- */

enum tgs_rc
tgs_do_stats(struct tg *t, struct tgs_call *c)
{
    struct jw *w = &c->w;

    pthread_mutex_lock(&t->lock);
    jw_obj(w);
    jw_ki64(w, "seq", t->next_seq - 1);
    jw_ki64(w, "chats", (int64_t)t->nchats);
    jw_ki64(w, "files", (int64_t)t->nfiles);
    jw_ki64(w, "calls", (int64_t)t->stats.calls);
    jw_ki64(w, "errors", (int64_t)t->stats.errors);
    jw_ki64(w, "limited", (int64_t)t->stats.limited);
    jw_ki64(w, "updates", (int64_t)t->stats.updates);
    jw_ki64(w, "pending", (int64_t)t->npending);
    jw_ki64(w, "delivered", (int64_t)t->stats.delivered);
    jw_ki64(w, "polled", (int64_t)t->stats.polled);
    jw_ki64(w, "pollers", (int64_t)http_parked(t->server, "updates"));
    jw_ki64(w, "failures", (int64_t)t->stats.failures);
    jw_ki64(w, "expired", (int64_t)t->stats.expired);
    jw_ki64(w, "dropped", (int64_t)t->stats.dropped);
    jw_ki64(w, "webhook_bodies", (int64_t)t->stats.bodies);
    jw_kbool(w, "rate_limits", t->limits_on);
    jw_kbool(w, "pixels", t->pixels_on);
    jw_end(w);
    pthread_mutex_unlock(&t->lock);
    return TG_OK;
}

enum tgs_rc
tgs_do_switches(struct tg *t, struct tgs_call *c)
{
    pthread_mutex_lock(&t->lock);
    if (tgs_arg(c, "rate_limits"))
        t->limits_on = tgs_arg_bool(c, "rate_limits");
    if (tgs_arg(c, "pixels"))
        t->pixels_on = tgs_arg_bool(c, "pixels");
    pthread_mutex_unlock(&t->lock);
    return tgs_do_stats(t, c);
}

/* All that the bot set about itself, as key and value. */
enum tgs_rc
tgs_do_bot(struct tg *t, struct tgs_call *c)
{
    struct jw *w = &c->w;

    pthread_mutex_lock(&t->lock);
    jw_obj(w);
    jw_key(w, "bot");
    tgs_show_bot(t, w);
    jw_kstr(w, "token", t->cfg.token);
    jw_key(w, "settings");
    jw_obj(w);
    for (const struct tgs_setting *s = t->settings; s; s = s->next) {
        jw_key(w, s->key);
        jw_raw(w, str_c(s->json));
    }
    jw_end(w);
    jw_end(w);
    pthread_mutex_unlock(&t->lock);
    return TG_OK;
}

enum tgs_rc
tgs_do_file(struct tg *t, struct tgs_call *c)
{
    struct tgs_file *f;
    bool ok;

    pthread_mutex_lock(&t->lock);
    f = tgs_file_find(t, tgs_arg(c, "id"));
    ok = f && tgs_file_read(t, f, &c->out);
    if (ok)
        c->note = arena_strdup(c->a, f->mime);
    pthread_mutex_unlock(&t->lock);
    return ok ? TG_OK : tgs_fail(c, 404, "there is no such file");
}

/* ---- faults ---- */

enum tgs_rc
tgs_do_fault_add(struct tg *t, struct tgs_call *c)
{
    const char *method = tgs_arg(c, "method"), *kind = tgs_arg(c, "kind");
    struct tgs_fault_rule r = {.chat_id = tgs_arg_i64(c, "chat", 0),
                               .left = tgs_arg_i64(c, "count", 1),
                               .ms = tgs_arg_i64(c, "ms", 0),
                               .retry_after = tgs_arg_i64(c, "retry_after", 1)};
    bool added;

    if (!kind || !tgs_fault_parse(kind, &r.kind))
        return tgs_fail(c, 400,
                        "kind is one of: 429 500 502 401 403 drop "
                        "lost lost_502 delay twice");
    snprintf(r.method, sizeof(r.method), "%s", method ? method : "*");
    if (strcmp(r.method, "*") != 0 && strcmp(r.method, "webhook") != 0 &&
        strcmp(r.method, "file") != 0 && !tgs_method_find(r.method))
        return tgs_fail(c, 400,
                        "method is a method's name, webhook, file, "
                        "or * for every method");
    pthread_mutex_lock(&t->lock);
    added = tgs_fault_add(t, &r);
    pthread_mutex_unlock(&t->lock);
    return added ? done(c) : tgs_fail(c, 409, "too many faults");
}

enum tgs_rc
tgs_do_fault_list(struct tg *t, struct tgs_call *c)
{
    struct jw *w = &c->w;

    pthread_mutex_lock(&t->lock);
    jw_obj(w);
    jw_key(w, "faults");
    jw_arr(w);
    for (const struct tgs_fault_rule *r = t->faults; r; r = r->next) {
        jw_obj(w);
        jw_kstr(w, "method", r->method);
        jw_kstr(w, "kind", tgs_fault_name(r->kind));
        jw_ki64(w, "left", r->left);
        jw_ki64(w, "hits", r->hits);
        jw_end(w);
    }
    jw_end(w);
    jw_end(w);
    pthread_mutex_unlock(&t->lock);
    return TG_OK;
}

enum tgs_rc
tgs_do_fault_clear(struct tg *t, struct tgs_call *c)
{
    pthread_mutex_lock(&t->lock);
    tgs_faults_clear(t);
    pthread_mutex_unlock(&t->lock);
    return done(c);
}

/* ---- calls ---- */

static void
show_call(const struct tgs_call_record *r, struct jw *w)
{
    jw_obj(w);
    jw_ki64(w, "seq", r->seq);
    jw_ki64(w, "at_ms", r->at_ms);
    jw_ki64(w, "us", r->us);
    jw_kstr(w, "method", r->method);
    jw_ki64(w, "chat_id", r->chat_id);
    jw_ki64(w, "status", r->status);
    jw_kbool(w, "lost", r->lost);
    jw_kstr(w, "description", r->description);
    jw_key(w, "params");
    if (r->params)
        jw_raw(w, str_c(r->params));
    else
        jw_null(w);
    jw_end(w);
}

enum tgs_rc
tgs_do_calls(struct tg *t, struct tgs_call *c)
{
    const char *method = tgs_arg(c, "method");
    int64_t after = tgs_arg_i64(c, "after", 0);
    int64_t limit = tgs_arg_i64(c, "limit", CALLS_LIMIT), n = 0;
    size_t i;

    pthread_mutex_lock(&t->lock);
    i = t->ncalls > TG_CALLS_MAX ? t->ncalls - TG_CALLS_MAX : 0;
    jw_obj(&c->w);
    jw_ki64(&c->w, "seq", t->next_seq - 1);
    jw_key(&c->w, "calls");
    jw_arr(&c->w);
    for (; i < t->ncalls && n < limit; i++) {
        const struct tgs_call_record *r = &t->calls[i % TG_CALLS_MAX];
        if (r->seq <= after || (method && strcmp(method, r->method) != 0))
            continue;
        show_call(r, &c->w);
        n++;
    }
    jw_end(&c->w);
    jw_end(&c->w);
    pthread_mutex_unlock(&t->lock);
    return TG_OK;
}

enum tgs_rc
tgs_do_calls_clear(struct tg *t, struct tgs_call *c)
{
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < TG_CALLS_MAX; i++) {
        mem_free(t->calls[i].params);
        mem_free(t->calls[i].description);
        t->calls[i] = (struct tgs_call_record){0};
    }
    t->ncalls = 0;
    pthread_mutex_unlock(&t->lock);
    return done(c);
}

/* ---- updates ---- */

enum tgs_rc
tgs_do_update(struct tg *t, struct tgs_call *c)
{
    bool bad = false;
    const cJSON *u = tgs_arg_json(c, "update", &bad);
    const char *json = u ? json_text(c->a, u) : "";
    size_t n = strlen(json);
    int64_t id, seq;

    if (bad || !cJSON_IsObject(u) || !u->child)
        return tgs_fail(c, 400, "update is an object without update_id");
    pthread_mutex_lock(&t->lock);
    seq = t->next_seq - 1;
    id = tgs_update_add(t, TG_UP_OTHER, tgs_arg_i64(c, "key", 0),
                        str_n(json + 1, n - 2));
    pthread_mutex_unlock(&t->lock);
    tgs_control_done(c, seq, id, 0);
    return TG_OK;
}

/* What can be delivered again, oldest first. */
enum tgs_rc
tgs_do_updates(struct tg *t, struct tgs_call *c)
{
    int64_t after = tgs_arg_i64(c, "after", 0);
    int64_t limit = tgs_arg_i64(c, "limit", CALLS_LIMIT), n = 0;
    struct jw *w = &c->w;
    size_t i;

    pthread_mutex_lock(&t->lock);
    i = t->nring > TG_UPDATES_MAX ? t->nring - TG_UPDATES_MAX : 0;
    jw_obj(w);
    jw_key(w, "updates");
    jw_arr(w);
    for (; i < t->nring && n < limit; i++) {
        const struct tgs_update *u = t->ring[i % TG_UPDATES_MAX];
        if (u->id <= after)
            continue;
        jw_obj(w);
        jw_kstr(w, "kind", tgs_update_kind_name(u->kind));
        jw_kbool(w, "pending", u->pending);
        jw_ki64(w, "attempts", u->attempts);
        jw_key(w, "update");
        jw_raw(w, str_c(u->json));
        jw_end(w);
        n++;
    }
    jw_end(w);
    jw_end(w);
    pthread_mutex_unlock(&t->lock);
    return TG_OK;
}

enum tgs_rc
tgs_do_update_again(struct tg *t, struct tgs_call *c)
{
    bool known;

    pthread_mutex_lock(&t->lock);
    known = tgs_update_again(t, tgs_arg_i64(c, "id", 0));
    pthread_mutex_unlock(&t->lock);
    return known ? done(c) : tgs_fail(c, 404, "this update is forgotten");
}

/* ---- the routes ---- */

#define ROUTE(verb, where, name)                                               \
    {                                                                          \
        .method = verb, .path = where, .fn = control_request,                  \
        .body_limit = TG_BODY_MAX, .user = &(const struct tgs_control)         \
        {                                                                      \
            tgs_do_##name                                                      \
        }                                                                      \
    }

const struct http_route tgs_routes[] = {
    {.method = "GET", .path = "/{bot}/{method}", .fn = tgs_bot_request},
    {.method = "POST",
     .path = "/{bot}/{method}",
     .fn = tgs_bot_request,
     .body_limit = TG_BODY_MAX},
    {.method = "GET",
     .path = "/file/{bot}/{folder}/{name}",
     .fn = tgs_file_request},
    ROUTE("GET", "/sandbox/stats", stats),
    ROUTE("POST", "/sandbox/switches", switches),
    ROUTE("GET", "/sandbox/bot", bot),
    ROUTE("POST", "/sandbox/faults", fault_add),
    ROUTE("GET", "/sandbox/faults", fault_list),
    ROUTE("DELETE", "/sandbox/faults", fault_clear),
    ROUTE("GET", "/sandbox/calls", calls),
    ROUTE("DELETE", "/sandbox/calls", calls_clear),
    ROUTE("GET", "/sandbox/files/{id}", file),
    ROUTE("POST", "/sandbox/updates", update),
    ROUTE("GET", "/sandbox/updates", updates),
    ROUTE("POST", "/sandbox/updates/{id}/again", update_again),
    ROUTE("POST", "/sandbox/users", user),
    ROUTE("GET", "/sandbox/users", users),
    ROUTE("GET", "/sandbox/chats/{chat}", chat),
    ROUTE("POST", "/sandbox/chats/{chat}/text", text),
    ROUTE("POST", "/sandbox/chats/{chat}/photo", photo),
    ROUTE("POST", "/sandbox/chats/{chat}/document", document),
    ROUTE("POST", "/sandbox/chats/{chat}/album", album),
    ROUTE("POST", "/sandbox/chats/{chat}/other", other),
    ROUTE("POST", "/sandbox/chats/{chat}/press", press),
    ROUTE("POST", "/sandbox/chats/{chat}/edit", edit),
    ROUTE("POST", "/sandbox/chats/{chat}/block", block),
    ROUTE("POST", "/sandbox/chats/{chat}/unblock", unblock),
    ROUTE("POST", "/sandbox/chats/{chat}/deactivate", deactivate),
    ROUTE("GET", "/sandbox/chats/{chat}/messages", messages),
    ROUTE("GET", "/sandbox/events", events),
    ROUTE("GET", "/sandbox/wait", wait),
};
const size_t tgs_nroutes = sizeof(tgs_routes) / sizeof(*tgs_routes);

/*
 * handle.c - one update: dialogue, calls, finish.
 *
 * What the backend says about a finish decides how it goes on:
 *
 *   200               the messages of the finish go to the sender
 *   stale_attempt     somebody else handles it by now: drop ours
 *   dialog_version    the dialogue has moved on: read it, think again
 *   price_changed, preset_gone    fresh catalogue, think again
 *   404, 422          our offer does not fit: think again without one
 *   away              fail as an outage: handed out again, not counted
 *   anything else     fail: counts towards parking
 */
#include <string.h>

#include "base/log.h"
#include "bot/bot_int.h"

#define TRIES 6
#define CALL_MS 12000 /* two of them fit into LIM_UPDATE_LEASE_MS */

enum verdict { DONE, AGAIN, FAILED };

/* One update under way. */
struct handling {
    struct bot *b;
    struct arena *a;
    const struct api_update_work *work;
    struct tg_update update;
    bool is_wake;
    struct api_dialog dialog; /* as it was read last */
    bool fresh, refused;      /* of the next try */
    bool answered;            /* the press */
};

static int
call_backend(void *ctx, enum api_route route, const struct api_args *args,
             struct arena *a, struct api_answer *ans, struct err *e)
{
    struct bot *b = ctx;
    struct api_args mine = *args;

    mine.deadline_ms = CALL_MS;
    return api_call(b->api, route, &mine, a, ans, e);
}

/* ---- before ---- */

/* False: nothing that we understand; the update ends without effect. */
static bool
read_update(struct handling *h)
{
    struct err e;
    const cJSON *j = json_parse_in(h->a, h->work->update, 0, &e);

    h->is_wake = json_bool(j, "wake", false);
    if (h->is_wake)
        return true;
    if (j != NULL && tg_update_read(h->a, j, &h->update, &e) == 0)
        return true;
    log_warn("bot", "unreadable_update", "seq=%lld %s", (long long)h->work->seq,
             e.msg);
    return false;
}

static void
read_dialog(struct handling *h)
{
    if (h->work->dialog != NULL) {
        h->dialog = *h->work->dialog;
        return;
    }
    api_init(&api_shape_dialog, &h->dialog);
    h->dialog.chat_id = h->work->chat_id != API_UNSET ? h->work->chat_id : 0;
    h->dialog.version = 0;
}

static void
answer_press(struct handling *h, const struct flow *f)
{
    struct flow_toast t;
    struct buf text;

    if (h->answered || h->is_wake || h->update.kind != TG_UPDATE_CALLBACK)
        return;
    h->answered = true;
    t = flow_toast(f);
    buf_init(&text, TEXT_BYTES);
    if (t.key != NULL)
        text_plain(&text, t.lang, t.key, NULL, TEXT_TOAST_POINTS);
    answers_put(h->b->answers, h->update.callback_id, buf_cstr(&text));
    buf_free(&text);
}

/* ---- the finish ---- */

static const char *
dialog_text(struct arena *a, const struct dialog *d)
{
    struct buf b;
    const char *text;

    buf_init(&b, LIM_JSON_BYTES);
    dialog_write(d, &b);
    text = arena_strdup(a, buf_cstr(&b));
    buf_free(&b);
    return text;
}

static void
finish_fill(struct handling *h, const struct flow *f, const char *before,
            struct api_update_finish *in)
{
    const char *after = dialog_text(h->a, &f->d);
    struct bot *b = h->b;

    api_init(&api_shape_update_finish, in);
    in->attempt = h->work->attempt;
    in->bot_id = b->bot_id;
    in->bot = b->id;
    in->boot = b->boot;
    if (f->user != NULL)
        in->user_id = f->user->id;
    if (h->dialog.chat_id != 0 && strcmp(before, after) != 0) {
        struct api_dialog *d = ARENA_NEW(h->a, struct api_dialog);

        *d = h->dialog;
        d->state = str_c(after);
        d->wake_ms = flow_wake_ms(f);
        in->dialog = d;
    }
    if (f->language != NULL || f->reachable != API_UNSET) {
        in->account = ARENA_NEW(h->a, struct api_account_change);
        api_init(&api_shape_account_change, in->account);
        in->account->language = f->language;
        in->account->reachable = f->reachable;
    }
}

static enum verdict
reread_dialog(struct handling *h, struct err *e)
{
    char *chat = arena_fmt(h->a, "%lld", (long long)h->dialog.chat_id);
    struct api_args args = {.path = {chat}, .out = &h->dialog};
    struct api_answer ans;

    return call_backend(h->b, API_ROUTE_dialog_get, &args, h->a, &ans, e) == 0
               ? AGAIN
               : FAILED;
}

/* The finish was refused. */
static enum verdict
judge(struct handling *h, const struct flow *f, const struct api_answer *ans,
      struct err *e)
{
    const char *code = ans->problem.code;

    if (strcmp(code, "stale_attempt") == 0) {
        log_info("bot", "stale", "seq=%lld %s", (long long)h->work->seq,
                 e->msg);
        return DONE;
    }
    if (strcmp(code, "dialog_version") == 0)
        return reread_dialog(h, e);
    if (strcmp(code, "price_changed") == 0 ||
        strcmp(code, "preset_gone") == 0) {
        h->fresh = true;
        return AGAIN;
    }
    if ((ans->status == 404 || ans->status == 422) && f->n_offers > 0 &&
        !h->refused) {
        log_warn("bot", "offer_refused", "seq=%lld %s", (long long)h->work->seq,
                 e->msg);
        h->refused = true;
        return AGAIN;
    }
    return FAILED;
}

static enum verdict
finish(struct handling *h, struct flow *f, const char *before, struct err *e)
{
    struct api_update_finish in;
    struct api_delivery_list out = {0};
    char *seq = arena_fmt(h->a, "%lld", (long long)h->work->seq);
    struct api_args args = {.path = {seq}, .in = &in, .out = &out};
    struct api_answer ans;

    finish_fill(h, f, before, &in);
    in.offers = f->offers;
    in.n_offers = f->n_offers;
    in.deliveries = f->deliveries;
    in.n_deliveries = f->n_deliveries;
    if (call_backend(h->b, API_ROUTE_update_finish, &args, h->a, &ans, e) != 0)
        return judge(h, f, &ans, e);
    send_put(h->b, out.deliveries, out.n_deliveries);
    return DONE;
}

/* ---- one try ---- */

static enum verdict
run(struct handling *h, const struct bot_catalog *catalog, struct err *e)
{
    struct flow f;
    const char *before;

    flow_init(&f, h->a);
    f.conf = &h->b->conf;
    f.catalog = catalog;
    f.call = call_backend;
    f.call_ctx = h->b;
    f.u = h->is_wake ? NULL : &h->update;
    f.chat_id = h->dialog.chat_id;
    f.user = h->work->user;
    f.refused = h->refused;
    dialog_read(h->a, h->dialog.state, &f.d);
    before = dialog_text(h->a, &f.d);
    answer_press(h, &f);
    if (flow_run(&f, e) != 0)
        return FAILED;
    if (f.catalog_is_old)
        bot_shop_expire(h->b->shop);
    return finish(h, &f, before, e);
}

static enum verdict
try_once(struct handling *h, struct err *e)
{
    const struct bot_catalog *c = bot_shop_get(h->b->shop, h->fresh, e);
    enum verdict v;

    if (c == NULL)
        return FAILED;
    v = run(h, c, e);
    bot_shop_put(h->b->shop, c);
    return v;
}

/* ---- failing ---- */

static void
fail(struct bot *b, struct arena *a, const struct api_update_work *work,
     const char *why, bool outage)
{
    struct api_update_fail in;
    char *seq = arena_fmt(a, "%lld", (long long)work->seq);
    struct api_args args = {.path = {seq}, .in = &in, .deadline_ms = CALL_MS};
    struct err e;

    api_init(&api_shape_update_fail, &in);
    in.attempt = work->attempt;
    in.error = why;
    in.outage = outage;
    if (api_call(b->api, API_ROUTE_update_fail, &args, a, NULL, &e) != 0)
        log_info("bot", "fail_untold", "seq=%lld %s", (long long)work->seq,
                 e.msg); /* its lease ends by itself */
}

void
handle_back(struct bot *b, struct arena *a, const struct api_update_work *work)
{
    fail(b, a, work, "handed back: the bot stops", true);
}

/* An update that cannot be read ends without effect. */
static enum verdict
finish_unread(struct handling *h, struct err *e)
{
    struct flow f;

    flow_init(&f, h->a);
    return finish(h, &f, dialog_text(h->a, &f.d), e);
}

void
handle(struct bot *b, struct arena *a, const struct api_update_work *work)
{
    struct handling h = {.b = b, .a = a, .work = work};
    enum verdict v = AGAIN;
    struct err e;

    err_clear(&e);
    read_dialog(&h);
    if (!read_update(&h)) {
        v = finish_unread(&h, &e);
    } else {
        for (int i = 0; i < TRIES && v == AGAIN; i++)
            v = try_once(&h, &e);
    }
    if (v == DONE)
        return;
    log_warn("bot", "update_failed", "seq=%lld attempt=%lld %s",
             (long long)work->seq, (long long)work->attempt, e.msg);
    fail(b, a, work, e.msg[0] != '\0' ? e.msg : "no end of conflicts",
         e.code == ERR_UNAVAILABLE || e.code == ERR_TIMEOUT);
}

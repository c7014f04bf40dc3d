/*
 * route_update.c - the inbox (protocols 2): updates in, one per chat out.
 */
#include <string.h>
#include "backend/backend_int.h"
#include "backend/catalog.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/rand.h"
#include "store/job.h"
#include "store/update.h"

/* What the inbox must know of an update; the rest is the bot's business. */
struct facts {
    int64_t update_id, chat_id, telegram_id;
    const char *kind;
};

/* The first member besides update_id is what the update is about. */
static void
facts_find(const cJSON *update, struct facts *f)
{
    const cJSON *m;
    f->kind = "unknown";
    cJSON_ArrayForEach(m, update)
    {
        if (strcmp(m->string, "update_id") == 0 || !cJSON_IsObject(m))
            continue;
        const cJSON *chat = json_get(m, "chat");
        if (chat == NULL)
            chat = json_path(m, "message.chat");
        f->kind = m->string;
        f->telegram_id = json_i64(json_get(m, "from"), "id", 0);
        f->chat_id = json_i64(chat, "id", f->telegram_id);
        return;
    }
}

/* A dead letter's id comes from its bytes, so that a repeat is one row. */
static int64_t
dead_id(struct str bytes)
{
    char hex[SHA256_HEX];
    int64_t id = 0;
    sha256_hex(bytes, hex);
    for (int i = 0; i < 12; i++)
        id = id * 16 + (hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10);
    return INT64_MIN / 2 - id;
}

static struct update_taker
taker_of(const char *bot_id, const char *bot, const char *boot)
{
    return (struct update_taker){.bot_id = bot_id,
                                 .bot = bot,
                                 .boot = boot,
                                 .lease_ms = LIM_UPDATE_LEASE_MS};
}

static void
work_fill(struct call *c, struct api_update_work *out,
          const struct update_work *w)
{
    api_init(&api_shape_update_work, out);
    out->seq = w->seq;
    out->attempt = w->attempt;
    out->update = str_c(w->body);
    if (w->chat_id != 0) {
        out->chat_id = w->chat_id;
        out->dialog = ARENA_NEW(c->a, struct api_dialog);
        api_init(&api_shape_dialog, out->dialog);
        out->dialog->chat_id = w->chat_id;
        out->dialog->version = w->dialog_version;
        out->dialog->state = str_c(w->dialog_state);
    }
    if (w->has_account) {
        out->user = ARENA_NEW(c->a, struct api_user);
        api_init(&api_shape_user, out->user);
        user_fill(out->user, &w->account);
    }
}

/* Body and facts of what is to be stored; 0 or a refusal. */
static int
update_read(struct call *c, const struct api_update_post *in,
            struct update_new *u)
{
    struct err e;
    u->bot_id = in->bot_id;
    if (in->update.len == 0 && in->base64 == NULL)
        return call_refuse(c, 400, "bad_input", "give update or base64");
    if (in->update.len == 0) {
        *u = (struct update_new){.bot_id = in->bot_id,
                                 .body = in->base64,
                                 .base64 = true,
                                 .dead = true,
                                 .kind = "dead",
                                 .update_id = dead_id(str_c(in->base64))};
        return 0;
    }
    struct facts f = {0};
    cJSON *j = json_parse_in(c->a, in->update, 0, &e);
    u->body = arena_strn(c->a, in->update.p, in->update.len);
    if (j == NULL || !cJSON_IsObject(j) ||
        !json_to_i64(json_get(j, "update_id"), &f.update_id)) {
        u->dead = true;
        u->kind = "dead";
        u->update_id = dead_id(in->update);
        return 0;
    }
    facts_find(j, &f);
    u->update_id = f.update_id;
    u->chat_id = f.chat_id;
    u->telegram_id = f.telegram_id;
    u->kind = f.kind;
    return 0;
}

int
route_update_post(struct call *c, void *out)
{
    const struct api_update_post *in = c->in;
    struct api_update_stored *stored = out;
    struct update_new u = {0};
    struct update_work work;
    struct err e;
    bool taken = false;
    int status = update_read(c, in, &u);
    if (status != 0)
        return status;
    bool take = in->take && !u.dead;
    if (take && (in->bot == NULL || in->boot == NULL))
        return call_refuse(c, 400, "bad_input", "take needs bot and boot");
    struct update_taker t = taker_of(in->bot_id, in->bot, in->boot);
    if (update_put(c->b->db, c->a, &u, take ? &t : NULL, &stored->seq,
                   &stored->duplicate, &taken, &work, &e) != 0)
        return call_error(c, &e);
    if (u.dead)
        log_warn("inbox", "dead_letter", "seq=%lld", (long long)stored->seq);
    if (taken) {
        stored->work = ARENA_NEW(c->a, struct api_update_work);
        work_fill(c, stored->work, &work);
    } else if (!stored->duplicate && !u.dead) {
        backend_wake(c->b, TOPIC_UPDATES);
    }
    return stored->duplicate ? 200 : 201;
}

int
route_update_claim(struct call *c, void *out)
{
    const struct api_update_claim *in = c->in;
    struct update_work work;
    struct err e;
    bool taken = false;
    int64_t wait_ms = in->wait_ms == API_UNSET ? 0 : in->wait_ms;
    if (wait_ms > LIM_LONG_POLL_MS)
        wait_ms = LIM_LONG_POLL_MS;
    uint64_t seen = http_topic(c->b->http, TOPIC_UPDATES);
    if (boots_changed(c->b, in->bot, in->boot) &&
        update_free_boot(c->b->db, c->a, in->bot, in->boot, &e) != 0)
        return call_error(c, &e);
    struct update_taker t = taker_of(in->bot_id, in->bot, in->boot);
    if (update_take(c->b->db, c->a, &t, &taken, &work, &e) != 0)
        return call_error(c, &e);
    if (taken) {
        work_fill(c, out, &work);
        return 200;
    }
    return call_park(c, TOPIC_UPDATES, seen, wait_ms) ? CALL_REPLIED : 204;
}

/* ---- finish ----------------------------------------------------------- */

static int
seq_of_path(struct call *c, int64_t *seq)
{
    if (str_to_i64(str_c(http_param(c->q, "seq")), seq))
        return 0;
    return call_refuse(c, 404, "not_found", "seq is a whole number");
}

/* Items of an offer: given, or those of an older offer or job. */
static int
offer_items(struct call *c, const struct api_offer_new *in,
            struct update_offer *o)
{
    struct offer old;
    struct job j;
    struct err e;
    if (in->items.len > 0) {
        o->items = arena_strn(c->a, in->items.p, in->items.len);
    } else if (in->from_offer != NULL) {
        if (offer_get(c->b->db, c->a, in->from_offer, &old, &e) != 0)
            return call_error(c, &e);
        if (strcmp(old.account, in->user_id) != 0)
            return call_refuse(c, 404, "not_found", "no such offer of theirs");
        o->items = old.items;
    } else if (in->from_job != NULL) {
        if (job_get(c->b->db, c->a, in->from_job, &j, &e) != 0)
            return call_error(c, &e);
        if (strcmp(j.account, in->user_id) != 0)
            return call_refuse(c, 404, "not_found", "no such job of theirs");
        o->items = arena_fmt(c->a, "[%s]", j.inputs);
    } else {
        return call_refuse(c, 422, "bad_input",
                           "an offer needs items, from_offer or from_job");
    }
    return 0;
}

static int
items_check(struct call *c, struct update_offer *o, const struct preset *p)
{
    struct err e;
    const cJSON *item;
    cJSON *items = json_parse_in(c->a, str_c(o->items), 0, &e);
    if (items == NULL || !cJSON_IsArray(items))
        return call_refuse(c, 422, "bad_inputs", "items must be a list");
    o->n_items = cJSON_GetArraySize(items);
    if (o->n_items < 1 || o->n_items > LIM_OFFER_ITEMS)
        return call_refuse(c, 422, "bad_inputs", "an offer has 1 to %d items",
                           LIM_OFFER_ITEMS);
    cJSON_ArrayForEach(item, items)
    {
        if (preset_inputs_check(p, item, &e) != 0)
            return call_refuse(c, 422, "bad_inputs", "%s", e.msg);
    }
    return 0;
}

static int
offer_take(struct call *c, const struct catalog *cat,
           const struct api_offer_new *in, struct update_offer *o)
{
    const struct catalog_item *item = catalog_find(cat, in->preset);
    if (item == NULL || !item->enabled)
        return call_refuse(c, 409, "preset_gone",
                           "preset %.60s is not sold any more", in->preset);
    if (item->price != in->price) {
        c->problem.price = item->price;
        return call_refuse(c, 409, "price_changed",
                           "the price is %lld credits now",
                           (long long)item->price);
    }
    *o = (struct update_offer){.id = in->id,
                               .account = in->user_id,
                               .preset = arena_strdup(c->a, item->name),
                               .scenario = arena_strdup(c->a, item->scenario),
                               .version = arena_strdup(c->a, item->version),
                               .chat_id = in->chat_id,
                               .price = in->price};
    if (in->reply_to != API_UNSET)
        o->reply_to = in->reply_to;
    if (!id_is(str_c(in->id), "off"))
        return call_refuse(c, 422, "bad_input", "/offers: id must be off_...");
    int status = offer_items(c, in, o);
    return status != 0 ? status : items_check(c, o, item->preset);
}

static int
offers_take(struct call *c, const struct api_update_finish *in,
            struct update_done *d)
{
    struct update_offer *offers =
        ARENA_ARRAY(c->a, struct update_offer, in->n_offers + 1);
    const struct catalog *cat = catalog_get(c->b);
    int status = 0;
    for (size_t i = 0; i < in->n_offers && status == 0; i++)
        status = offer_take(c, cat, &in->offers[i], &offers[i]);
    catalog_put(c->b, cat);
    d->offers = offers;
    d->noffers = in->n_offers;
    return status;
}

static int
deliveries_take(struct call *c, const struct api_update_finish *in,
                struct update_done *d)
{
    struct update_delivery *rows =
        ARENA_ARRAY(c->a, struct update_delivery, in->n_deliveries + 1);
    for (size_t i = 0; i < in->n_deliveries; i++) {
        const struct api_delivery_new *n = &in->deliveries[i];
        char *id = arena_alloc(c->a, ID_MAX);
        if (strcmp(n->kind, "message") != 0 && strcmp(n->kind, "edit") != 0 &&
            strcmp(n->kind, "album") != 0)
            return call_refuse(c, 422, "bad_input",
                               "/deliveries/%zu/kind: message, edit or album",
                               i);
        id_new(id, "dlv");
        rows[i] = (struct update_delivery){
            .id = id,
            .kind = n->kind,
            .body = arena_strn(c->a, n->body.p, n->body.len),
            .chat_id = n->chat_id,
            .message_id = n->message_id == API_UNSET ? 0 : n->message_id};
    }
    d->deliveries = rows;
    d->ndeliveries = in->n_deliveries;
    return 0;
}

static int
finish_read(struct call *c, struct update_done *d)
{
    const struct api_update_finish *in = c->in;
    d->attempt = in->attempt;
    d->bot_id = in->bot_id;
    d->version = -1;
    d->wake_ms = -1;
    d->reachable = -1;
    d->account = in->user_id;
    d->offer_ttl_ms = setting_int(c->b->set, SET_OFFER_TTL) * 1000;
    if (in->dialog != NULL) {
        struct str s = in->dialog->state;
        d->chat_id = in->dialog->chat_id;
        d->version = in->dialog->version;
        d->state = s.len > 0 ? arena_strn(c->a, s.p, s.len) : "{}";
        if (in->dialog->wake_ms != API_UNSET)
            d->wake_ms = in->dialog->wake_ms;
    }
    if (in->account != NULL) {
        const char *l = in->account->language;
        if (l != NULL && strcmp(l, "ru") != 0 && strcmp(l, "en") != 0)
            return call_refuse(c, 422, "bad_input",
                               "/account/language: ru or en");
        d->language = l;
        if (in->account->reachable != API_UNSET)
            d->reachable = in->account->reachable != 0;
    }
    int status = offers_take(c, in, d);
    return status != 0 ? status : deliveries_take(c, in, d);
}

/* Done before under this attempt: the same answer; else who is right. */
static int
finish_look(struct call *c, const struct update_done *d)
{
    struct update_state s;
    struct err e;
    if (update_get(c->b->db, c->a, d->seq, &s, &e) != 0)
        return call_error(c, &e);
    c->problem.attempt = s.attempt;
    c->problem.state = s.state;
    if (s.attempt == d->attempt && strcmp(s.state, "done") == 0)
        return 0;
    if (s.attempt != d->attempt || strcmp(s.state, "open") != 0)
        return call_refuse(c, 409, "stale_attempt",
                           "update %lld is %s at attempt %lld: drop yours",
                           (long long)d->seq, s.state, (long long)s.attempt);
    return call_refuse(c, 409, "dialog_version",
                       "the dialogue has moved on: read it again");
}

int
route_update_finish(struct call *c, void *out)
{
    const struct api_update_finish *in = c->in;
    struct api_delivery_list *list = out;
    struct update_done d = {0};
    struct err e;
    bool done;
    int status = seq_of_path(c, &d.seq);
    if (status == 0)
        status = finish_read(c, &d);
    if (status != 0)
        return status;
    if (update_finish(c->b->db, c->a, &d, &done, &e) != 0)
        return call_error(c, &e);
    status = done ? 0 : finish_look(c, &d);
    if (status != 0)
        return status;
    backend_wake(c->b, TOPIC_UPDATES);
    if (d.wake_ms >= 0)
        watch_wake(c->b);
    if (in->n_deliveries > 0 &&
        delivery_claim_dialog(c->b, c->a, in->deliveries[0].chat_id, d.seq,
                              in->bot, in->boot, &list->deliveries,
                              &list->n_deliveries, &e) != 0)
        log_warn("delivery", "claim_failed", "%s", e.msg);
    if (list->n_deliveries < in->n_deliveries)
        backend_wake(c->b, TOPIC_CHAT);
    if (d.reachable == 1)
        backend_wake(c->b, TOPIC_JOB);
    return 200;
}

/* Told before under this attempt, or is it somebody else's by now? */
static int
fail_look(struct call *c, int64_t seq, int64_t attempt)
{
    struct update_state s;
    struct err e;
    if (update_get(c->b->db, c->a, seq, &s, &e) != 0)
        return call_error(c, &e);
    if (s.attempt == attempt && strcmp(s.state, "done") != 0)
        return 200;
    c->problem.attempt = s.attempt;
    c->problem.state = s.state;
    return call_refuse(c, 409, "stale_attempt",
                       "update %lld is %s at attempt %lld: drop yours",
                       (long long)seq, s.state, (long long)s.attempt);
}

int
route_update_fail(struct call *c, void *out)
{
    const struct api_update_fail *in = c->in;
    struct err e;
    int64_t seq;
    bool done;
    (void)out;
    int status = seq_of_path(c, &seq);
    if (status != 0)
        return status;
    if (update_fail(c->b->db, c->a, seq, in->attempt, in->error, !in->outage,
                    &done, &e) != 0)
        return call_error(c, &e);
    if (!done)
        return fail_look(c, seq, in->attempt);
    log_warn("inbox", "failed", "seq=%lld %s", (long long)seq, in->error);
    backend_wake(c->b, TOPIC_UPDATES); /* the chat's next one, if it parked */
    return 200;
}

int
route_dialog_get(struct call *c, void *out)
{
    struct api_dialog *dialog = out;
    struct dialog d;
    struct err e;
    int64_t chat;
    if (!str_to_i64(str_c(http_param(c->q, "chat_id")), &chat))
        return call_refuse(c, 400, "bad_input", "chat_id is a whole number");
    if (dialog_get(c->b->db, c->a, chat, &d, &e) != 0)
        return call_error(c, &e);
    dialog->chat_id = chat;
    dialog->version = d.version;
    dialog->state = str_c(d.state);
    return 200;
}

int
route_offer_get(struct call *c, void *out)
{
    struct api_offer *offer = out;
    struct offer o;
    struct err e;
    if (offer_get(c->b->db, c->a, http_param(c->q, "id"), &o, &e) != 0)
        return call_error(c, &e);
    offer->id = o.id;
    offer->user_id = o.account;
    offer->preset = o.preset;
    offer->price = o.price;
    offer->total = o.total;
    offer->items = str_c(o.items);
    offer->status = o.used ? "used" : o.expired ? "expired" : "open";
    return 200;
}

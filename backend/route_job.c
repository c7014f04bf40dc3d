/*
 * route_job.c - buying, listing, cancelling, giving back.
 *
 * DESIGN of a creation: everything that can be said no to is looked at first
 * for a good answer; then one list decides (store/job.c). When it refuses,
 * the same look is taken again, now knowing that something changed.
 */
#include <stdio.h>
#include <string.h>
#include "backend/backend_int.h"
#include "backend/catalog.h"
#include "backend/relay.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/utf8.h"
#include "store/account.h"
#include "store/job.h"
#include "store/preset.h"

#define TASKS_MAX 16
#define PAGE_DEFAULT 20
#define PAGE_MAX 100

/* ---- answers ---------------------------------------------------------- */

static int
answer_jobs(struct call *c, struct api_job_created *out,
            const struct job *jobs, size_t n, int status)
{
    struct account acc;
    struct err e;
    out->jobs = ARENA_ARRAY(c->a, struct api_job, n + 1);
    out->n_jobs = n;
    for (size_t i = 0; i < n; i++) {
        if (job_fill(c->b, c->a, &out->jobs[i], &jobs[i], &e) != 0)
            return call_error(c, &e);
    }
    if (account_by_id(c->b->db, c->a, jobs[0].account, &acc, &e) != 0)
        return call_error(c, &e);
    out->balance = acc.available;
    if (n == 1) {
        out->id = out->jobs[0].id;
        out->status = out->jobs[0].status;
        out->price = out->jobs[0].price;
        out->position = out->jobs[0].position;
        out->eta_seconds = out->jobs[0].eta_seconds;
    }
    return status;
}

static int
refuse_money(struct call *c, const char *account, int64_t total)
{
    struct account acc;
    struct err e;
    if (account_by_id(c->b->db, c->a, account, &acc, &e) != 0)
        return call_error(c, &e);
    c->problem.balance = acc.available;
    c->problem.price = total;
    return call_refuse(c, 402, "insufficient_credits",
                       "%lld credits are needed, %lld are there",
                       (long long)total, (long long)acc.available);
}

/* The list said no although the look before it said yes: the money went
 * elsewhere meanwhile, or the preset changed. */
static int
refuse_late(struct call *c, const char *account, const char *preset,
            int64_t total)
{
    struct account acc;
    struct preset_row *rows;
    struct err e;
    size_t n;
    if (account_by_id(c->b->db, c->a, account, &acc, &e) != 0)
        return call_error(c, &e);
    if (acc.available < total)
        return refuse_money(c, account, total);
    if (preset_all(c->b->db, c->a, &rows, &n, &e) != 0)
        return call_error(c, &e);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(rows[i].name, preset) == 0)
            c->problem.price = rows[i].price;
    }
    return call_refuse(c, 409, "price_changed",
                       "preset %s has just changed: look at it again", preset);
}

static int
refuse_away(struct call *c, const char *preset)
{
    return call_refuse(c, 409, "preset_away",
                       "preset %s is temporarily away: no worker can run it",
                       preset);
}

/* ---- the order -------------------------------------------------------- */

static void
order_tasks(struct job_order *o, const struct preset *p,
            struct job_task_new tasks[TASKS_MAX])
{
    o->ntasks = p->n_tasks < TASKS_MAX ? p->n_tasks : TASKS_MAX;
    for (size_t i = 0; i < o->ntasks; i++)
        tasks[i] = (struct job_task_new){.service = p->tasks[i].service,
                                         .name = p->tasks[i].name};
    o->tasks = tasks;
}

/* The items of an offer as texts. */
static int
offer_inputs(struct call *c, const struct offer *f, struct job_order *o)
{
    struct err e;
    cJSON *items = json_parse_in(c->a, str_c(f->items), 0, &e);
    if (items == NULL || !cJSON_IsArray(items))
        return call_refuse(c, 500, "internal", "offer %s: items are broken",
                           f->id);
    o->n = (size_t)cJSON_GetArraySize(items);
    const char **texts = ARENA_ARRAY(c->a, const char *, o->n + 1);
    size_t i = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, items) texts[i++] = json_text(c->a, item);
    o->inputs = texts;
    return 0;
}

/* Jobs that this offer made already; 0 when there are none. */
static int
offer_done(struct call *c, const struct offer *f, struct api_job_created *out)
{
    struct job *jobs;
    size_t n;
    struct err e;
    if (job_by_offer(c->b->db, c->a, f->id, &jobs, &n, &e) != 0)
        return call_error(c, &e);
    return n == 0 ? 0 : answer_jobs(c, out, jobs, n, 200);
}

/* Why an offer cannot be bought; 0 when it can. */
static int
offer_look(struct call *c, const struct offer *f,
           const struct catalog_item *item)
{
    if (f->expired)
        return call_refuse(c, 409, "offer_expired",
                           "the offer has expired, make a new card");
    if (item == NULL || !item->enabled)
        return call_refuse(c, 409, "preset_gone",
                           "preset %s is not sold any more", f->preset);
    if (item->price != f->price) {
        c->problem.price = item->price;
        return call_refuse(c, 409, "price_changed",
                           "the price is %lld credits now",
                           (long long)item->price);
    }
    return item->available ? 0 : refuse_away(c, f->preset);
}

static int
create_run(struct call *c, struct job_order *o, bool *created)
{
    struct err e;
    if (job_create(c->b->db, c->a, o, created, &e) == 0)
        return 0;
    if (e.code != ERR_CONFLICT)
        return call_error(c, &e);
    *created = false; /* the same offer or key won elsewhere */
    return 0;
}

static void
created_wake(struct call *c)
{
    relay_wake(c->b);
    backend_wake(c->b, TOPIC_TASKS);
    backend_wake(c->b, TOPIC_JOB);
}

static int
create_from_offer(struct call *c, const struct api_job_create *in,
                  const struct catalog *cat, struct api_job_created *out)
{
    struct offer f;
    struct err e;
    struct job_task_new tasks[TASKS_MAX];
    bool created;
    if (offer_get(c->b->db, c->a, in->offer, &f, &e) != 0)
        return call_error(c, &e);
    if (in->user_id != NULL && strcmp(in->user_id, f.account) != 0)
        return call_refuse(c, 404, "not_found",
                           "the offer is somebody else's");
    int status = f.used ? offer_done(c, &f, out) : 0;
    if (status != 0)
        return status;
    const struct catalog_item *item = catalog_find(cat, f.preset);
    status = offer_look(c, &f, item);
    if (status != 0)
        return status;
    const struct preset *p =
        catalog_scenario(c->b, f.scenario, f.version, &e);
    if (p == NULL)
        return call_error(c, &e);
    struct job_order o = {
        .account = f.account,
        .chat_id = f.chat_id,
        .reply_to = f.reply_to,
        .preset = f.preset,
        .scenario = f.scenario,
        .version = f.version,
        .bindings = f.bindings[0] != '\0' ? f.bindings : NULL,
        .price = f.price,
        .offer = f.id,
        .card_message_id =
            in->card_message_id == API_UNSET ? 0 : in->card_message_id,
        .max_wait_ms = setting_int(c->b->set, SET_JOB_MAX_WAIT) * 1000,
    };
    order_tasks(&o, p, tasks);
    status = offer_inputs(c, &f, &o);
    if (status == 0)
        status = create_run(c, &o, &created);
    if (status != 0)
        return status;
    if (created)
        created_wake(c);
    struct job *jobs;
    size_t n;
    if (job_by_offer(c->b->db, c->a, f.id, &jobs, &n, &e) != 0)
        return call_error(c, &e);
    if (n > 0)
        return answer_jobs(c, out, jobs, n, created ? 201 : 200);
    if (offer_get(c->b->db, c->a, in->offer, &f, &e) != 0)
        return call_error(c, &e);
    return f.expired ? offer_look(c, &f, item)
                     : refuse_late(c, f.account, f.preset, f.total);
}

/* ---- without a card --------------------------------------------------- */

static int
buyer(struct call *c, const struct api_job_create *in, struct account *acc)
{
    struct err e;
    int rc;
    if (in->user_id != NULL)
        rc = account_by_id(c->b->db, c->a, in->user_id, acc, &e);
    else if (in->telegram_id != API_UNSET)
        rc = account_by_telegram(c->b->db, c->a, in->telegram_id, acc, &e);
    else
        return call_refuse(c, 422, "bad_input",
                           "give offer, or user_id or telegram_id");
    return rc == 0 ? 0 : call_error(c, &e);
}

/* The inputs checked against the form, as text. */
static int
inputs_check(struct call *c, const struct api_job_create *in,
             const struct preset *p, const char **text)
{
    struct err e;
    struct str raw = in->inputs.len > 0 ? in->inputs : STR("{}");
    cJSON *inputs = json_parse_in(c->a, raw, 0, &e);
    if (inputs == NULL || preset_inputs_check(p, inputs, &e) != 0) {
        size_t n = strcspn(e.msg, ":");
        if (e.msg[0] == '/')
            c->problem.pointer = arena_strn(c->a, e.msg, n);
        return call_refuse(c, 422, "bad_inputs", "%s", e.msg);
    }
    *text = json_text(c->a, inputs);
    return 0;
}

static int
key_done(struct call *c, const struct job_order *o,
         struct api_job_created *out)
{
    const char *hash, *id;
    struct job j;
    struct err e;
    if (job_key_get(c->b->db, c->a, o->caller, o->key, &hash, &id, &e) != 0)
        return e.code == ERR_NOT_FOUND ? 0 : call_error(c, &e);
    if (strcmp(hash, o->hash) != 0)
        return call_refuse(c, 422, "idempotency_mismatch",
                           "this Idempotency-Key was used with another body");
    if (job_get(c->b->db, c->a, id, &j, &e) != 0)
        return call_error(c, &e);
    return answer_jobs(c, out, &j, 1, 200);
}

/* What a key stands for: the route with its ids, and the body. */
static char *
request_hash(struct call *c)
{
    unsigned char sum[SHA256_LEN];
    char *hex = arena_alloc(c->a, SHA256_HEX);
    const char *path = http_path(c->q);
    struct str body = http_body(c->q);
    struct sha256 *h = sha256_new();
    sha256_add(h, path, strlen(path) + 1);
    sha256_add(h, body.p, body.len);
    sha256_end(h, sum);
    hex_encode(sum, SHA256_LEN, hex);
    return hex;
}

/* Idempotency-Key, scoped to the buyer; 0 or a refusal. */
static int
key_take(struct call *c, struct job_order *o)
{
    bool twice = false;
    const char *key = http_header(c->q, "Idempotency-Key", &twice);
    if (twice || (key != NULL && (key[0] == '\0' || strlen(key) > 255)))
        return call_refuse(c, 400, "bad_input",
                           "Idempotency-Key: one, of 1 to 255 characters");
    if (key == NULL || o->account == NULL)
        return 0;
    if (!utf8_valid(str_c(key)))
        return call_refuse(c, 400, "bad_input",
                           "Idempotency-Key: must be UTF-8");
    o->key = key;
    o->caller = o->account;
    o->hash = request_hash(c);
    return 0;
}

static int
bought(struct call *c, const struct job_order *o, bool created,
       struct api_job_created *out)
{
    struct job j;
    struct err e;
    if (!created) {
        int status = o->key != NULL ? key_done(c, o, out) : 0;
        return status != 0
                   ? status
                   : refuse_late(c, o->account, o->preset, o->price);
    }
    created_wake(c);
    if (job_get(c->b->db, c->a, o->first_id, &j, &e) != 0)
        return call_error(c, &e);
    return answer_jobs(c, out, &j, 1, 201);
}

static int
create_direct(struct call *c, const struct api_job_create *in,
              const struct catalog *cat, struct api_job_created *out)
{
    struct account acc;
    struct job_task_new tasks[TASKS_MAX];
    const char *inputs;
    bool created;
    if (in->preset == NULL)
        return call_refuse(c, 422, "bad_input", "give offer, or preset");
    int status = buyer(c, in, &acc);
    if (status != 0)
        return status;
    struct job_order o = {
        .account = acc.id,
        .max_wait_ms = setting_int(c->b->set, SET_JOB_MAX_WAIT) * 1000};
    status = key_take(c, &o);
    if (status == 0 && o.key != NULL)
        status = key_done(c, &o, out);
    if (status != 0)
        return status;
    const struct catalog_item *item = catalog_find(cat, in->preset);
    if (item == NULL || !item->enabled)
        return call_refuse(c, 404, "not_found", "there is no preset %.60s",
                           in->preset);
    status = inputs_check(c, in, item->preset, &inputs);
    if (status != 0)
        return status;
    if (!item->available)
        return refuse_away(c, item->name);
    o.chat_id = in->chat_id == API_UNSET ? 0 : in->chat_id;
    o.reply_to = in->reply_to == API_UNSET ? 0 : in->reply_to;
    o.preset = item->name;
    o.scenario = item->scenario;
    o.version = item->version;
    o.price = item->price;
    o.inputs = &inputs;
    o.n = 1;
    order_tasks(&o, item->preset, tasks);
    status = create_run(c, &o, &created);
    return status != 0 ? status : bought(c, &o, created, out);
}

int
route_job_create(struct call *c, void *out)
{
    const struct api_job_create *in = c->in;
    const struct catalog *cat = catalog_get(c->b);
    int status = in->offer != NULL ? create_from_offer(c, in, cat, out)
                                   : create_direct(c, in, cat, out);
    catalog_put(c->b, cat);
    return status;
}

/* ---- looking ---------------------------------------------------------- */

static int
job_of_path(struct call *c, struct job *j)
{
    struct err e;
    if (job_get(c->b->db, c->a, http_param(c->q, "id"), j, &e) != 0)
        return call_error(c, &e);
    log_job_set(j->id);
    return 0;
}

static int
answer_job(struct call *c, const char *id, void *out, int status)
{
    struct job j;
    struct err e;
    if (job_get(c->b->db, c->a, id, &j, &e) != 0 ||
        job_fill(c->b, c->a, out, &j, &e) != 0)
        return call_error(c, &e);
    return status;
}

int
route_job_get(struct call *c, void *out)
{
    return answer_job(c, http_param(c->q, "id"), out, 200);
}

static int
list_account(struct call *c, struct account *acc)
{
    const char *user = http_query(c->q, "user_id");
    const char *tg = http_query(c->q, "telegram_id");
    struct err e;
    int64_t id;
    int rc;
    if (user != NULL)
        rc = account_by_id(c->b->db, c->a, user, acc, &e);
    else if (tg != NULL && str_to_i64(str_c(tg), &id))
        rc = account_by_telegram(c->b->db, c->a, id, acc, &e);
    else
        return call_refuse(c, 400, "bad_input",
                           "give ?user_id= or ?telegram_id=");
    return rc == 0 ? 0 : call_error(c, &e);
}

int
route_job_list(struct call *c, void *out)
{
    struct api_job_list *list = out;
    const char *cursor = http_query(c->q, "cursor");
    const char *limit_text = http_query(c->q, "limit");
    int64_t limit = PAGE_DEFAULT;
    struct account acc;
    struct job before, *jobs;
    struct err e;
    size_t n;
    if (limit_text != NULL &&
        (!str_to_i64(str_c(limit_text), &limit) || limit < 1 ||
         limit > PAGE_MAX))
        return call_refuse(c, 400, "bad_input", "?limit= must be 1 to %d",
                           PAGE_MAX);
    int status = list_account(c, &acc);
    if (status != 0)
        return status;
    if (cursor != NULL && job_get(c->b->db, c->a, cursor, &before, &e) != 0)
        return call_refuse(c, 400, "bad_input", "?cursor= is not one of ours");
    if (job_by_account(c->b->db, c->a, acc.id, cursor ? &before : NULL,
                       limit + 1, &jobs, &n, &e) != 0)
        return call_error(c, &e);
    if ((int64_t)n > limit) {
        n = (size_t)limit;
        list->next_cursor = jobs[n - 1].id;
    }
    list->jobs = ARENA_ARRAY(c->a, struct api_job, n + 1);
    list->n_jobs = n;
    for (size_t i = 0; i < n; i++) {
        if (job_fill(c->b, c->a, &list->jobs[i], &jobs[i], &e) != 0)
            return call_error(c, &e);
    }
    return 200;
}

/* ---- ending ----------------------------------------------------------- */

int
route_job_cancel(struct call *c, void *out)
{
    struct job j;
    struct err e;
    bool done = false;
    int status = job_of_path(c, &j);
    if (status != 0)
        return status;
    if (job_cancel_queued(c->b->db, c->a, &j, &done, &e) != 0)
        return call_error(c, &e);
    if (done) {
        backend_wake(c->b, TOPIC_JOB);
        return answer_job(c, j.id, out, 200);
    }
    if (job_cancel_running(c->b->db, c->a, &j, &e) != 0 ||
        job_get(c->b->db, c->a, j.id, &j, &e) != 0)
        return call_error(c, &e);
    if (j.state == JOB_CANCELLED)
        return answer_job(c, j.id, out, 200);
    if (!job_state_is_final(j.state))
        return answer_job(c, j.id, out, 202);
    c->problem.state = job_state_name(j.state);
    return call_refuse(c, 409, "already_ended", "the job is %s",
                       job_state_name(j.state));
}

/* What the same order costs and needs now; 0 or a refusal. */
static int
retry_order(struct call *c, const struct catalog *cat, const struct job *j,
            struct job_order *o, struct job_task_new tasks[TASKS_MAX])
{
    struct err e;
    const struct catalog_item *item = catalog_find(cat, j->preset);
    if (item == NULL || !item->enabled)
        return call_refuse(c, 409, "preset_gone",
                           "preset %s is not sold any more", j->preset);
    if (!item->available)
        return refuse_away(c, j->preset);
    cJSON *inputs = json_parse_in(c->a, str_c(j->inputs), 0, &e);
    if (inputs == NULL || preset_inputs_check(item->preset, inputs, &e) != 0)
        return call_refuse(c, 422, "bad_inputs",
                           "preset %s asks for other inputs now: %s",
                           j->preset, e.msg);
    o->chat_id = j->chat_id;
    o->reply_to = j->reply_to;
    o->preset = j->preset;
    o->inputs = &j->inputs;
    o->n = 1;
    o->scenario = item->scenario;
    o->version = item->version;
    o->price = item->price;
    o->max_wait_ms = setting_int(c->b->set, SET_JOB_MAX_WAIT) * 1000;
    order_tasks(o, item->preset, tasks);
    return 0;
}

int
route_job_retry(struct call *c, void *out)
{
    struct job j;
    struct job_task_new tasks[TASKS_MAX];
    bool created;
    int status = job_of_path(c, &j);
    if (status != 0)
        return status;
    struct job_order o = {.account = j.account};
    status = key_take(c, &o);
    if (status == 0 && o.key != NULL)
        status = key_done(c, &o, out);
    if (status != 0)
        return status;
    const struct catalog *cat = catalog_get(c->b);
    status = retry_order(c, cat, &j, &o, tasks);
    if (status == 0)
        status = create_run(c, &o, &created);
    if (status == 0)
        status = bought(c, &o, created, out);
    catalog_put(c->b, cat);
    return status;
}

int
route_job_refund(struct call *c, void *out)
{
    const struct api_refund *in = c->in;
    struct job j;
    struct err e;
    bool done = false;
    int status = job_of_path(c, &j);
    if (status != 0)
        return status;
    if (job_refund(c->b->db, c->a, &j, c->admin ? "admin" : "service",
                   in->reason, &done, &e) != 0)
        return call_error(c, &e);
    if (done) {
        backend_wake(c->b, TOPIC_JOB);
        return answer_job(c, j.id, out, 200);
    }
    if (job_get(c->b->db, c->a, j.id, &j, &e) != 0)
        return call_error(c, &e);
    if (j.refunded_at != 0)
        return answer_job(c, j.id, out, 200);
    c->problem.state = job_state_name(j.state);
    return call_refuse(c, 409, "not_captured",
                       "only a completed job can be refunded, this one is %s",
                       job_state_name(j.state));
}

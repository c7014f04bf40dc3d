/*
 * route_delivery.c - messages out: claims and reports (protocols 7).
 *
 * A status body is computed here from its job at the moment it is claimed, so
 * that the newest state always wins.
 */
#include <stdio.h>
#include <string.h>
#include "backend/backend_int.h"
#include "backend/catalog.h"
#include "backend/fleet.h"
#include "base/limits.h"
#include "base/log.h"
#include "store/delivery.h"
#include "store/job.h"
#include "store/object.h"

#define SEND_LEASE_MS (120000 + 30000) /* an upload's time-out, and 30 s */
#define CLAIM_MAX 32
#define WORKER_AWAY_MS 30000

/* ---- bodies ----------------------------------------------------------- */

static void
add_button(struct jw *w, const char *text, const char *verb, const char *id)
{
    char data[80];
    snprintf(data, sizeof data, "v1:%s:%s", verb, id);
    jw_obj(w);
    jw_kstr(w, "text", text);
    jw_kstr(w, "data", data);
    jw_end(w);
}

static void
add_keyboard(struct jw *w, const struct api_job *j)
{
    bool open = strcmp(j->status, "queued") == 0 ||
                strcmp(j->status, "processing") == 0;
    if (open && j->cancel_requested)
        return;
    jw_key(w, "keyboard");
    jw_arr(w);
    jw_arr(w);
    if (open) {
        add_button(w, "btn_cancel_job", "cancel", j->id);
    } else if (strcmp(j->status, "completed") != 0) {
        add_button(w, "btn_retry", "repeat", j->id);
        add_button(w, "btn_other", "other", j->id);
    }
    jw_end(w);
    jw_end(w);
}

static const char *
status_text(const struct api_job *j)
{
    if (strcmp(j->status, "completed") == 0)
        return "status_done";
    if (strcmp(j->status, "failed") == 0)
        return "status_failed";
    if (strcmp(j->status, "cancelled") == 0)
        return "status_cancelled";
    if (j->cancel_requested)
        return "status_cancelling";
    if (j->stage != NULL && strcmp(j->stage, "rendering") == 0)
        return "status_rendering";
    if (j->stage != NULL && strcmp(j->stage, "fetching") == 0)
        return "status_fetching";
    if (j->stage != NULL && strcmp(j->stage, "starting") == 0)
        return "status_starting";
    return j->retries != API_UNSET ? "status_retry" : "status_queued";
}

static void
add_title(struct jw *w, const struct api_job *j)
{
    jw_key(w, "title");
    if (j->title.len > 0)
        jw_raw(w, j->title);
    else
        jw_str(w, j->preset);
}

static void
add_args(struct jw *w, const struct api_job *j)
{
    jw_key(w, "args");
    jw_obj(w);
    add_title(w, j);
    jw_ki64(w, "price", j->price);
    if (j->position != API_UNSET)
        jw_ki64(w, "position", j->position);
    if (j->eta_seconds != API_UNSET)
        jw_ki64(w, "eta", j->eta_seconds);
    if (j->progress != API_UNSET)
        jw_ki64(w, "progress", j->progress);
    if (j->error_class != NULL && strcmp(j->status, "failed") == 0) {
        char key[64];
        snprintf(key, sizeof key, "fail_%.50s", j->error_class);
        jw_key(w, "reason");
        jw_obj(w);
        jw_kstr(w, "text", key);
        jw_end(w);
    }
    jw_end(w);
}

static struct str
body_done(struct arena *a, struct buf *b)
{
    struct str s = arena_str(a, buf_str(b));
    buf_free(b);
    return s;
}

static int
status_body(struct backend *b, struct arena *a, const struct job *job,
            struct str *body, struct err *e)
{
    struct api_job j;
    struct buf out;
    struct jw w;
    if (job_fill(b, a, &j, job, e) != 0)
        return -1;
    buf_init(&out, 65536);
    jw_init(&w, &out);
    jw_obj(&w);
    jw_kstr(&w, "text", status_text(&j));
    add_args(&w, &j);
    add_keyboard(&w, &j);
    if (job->reply_to != 0)
        jw_ki64(&w, "reply_to", job->reply_to);
    jw_end(&w);
    *body = body_done(a, &out);
    return 0;
}

static int
result_body(struct backend *b, struct arena *a, const struct job *job,
            struct str *body, struct err *e)
{
    struct api_job j;
    struct buf out;
    struct jw w;
    if (job_fill(b, a, &j, job, e) != 0)
        return -1;
    buf_init(&out, 65536);
    jw_init(&w, &out);
    jw_obj(&w);
    jw_kstr(&w, "text", "result_caption");
    add_args(&w, &j);
    if (job->reply_to != 0)
        jw_ki64(&w, "reply_to", job->reply_to);
    jw_key(&w, "keyboard");
    jw_arr(&w);
    jw_arr(&w);
    add_button(&w, "btn_repeat", "repeat", j.id);
    add_button(&w, "btn_other", "other", j.id);
    jw_end(&w);
    jw_end(&w);
    jw_end(&w);
    *body = body_done(a, &out);
    return 0;
}

static int
fill_object(struct backend *b, struct arena *a, const struct delivery *d,
            struct api_delivery *out, struct err *e)
{
    struct object o;
    if (d->object[0] == '\0')
        return 0;
    if (object_get(b->db, a, d->object, &o, e) != 0)
        return -1;
    out->object = ARENA_NEW(a, struct api_object);
    object_fill(out->object, &o);
    return 0;
}

static int
delivery_fill(struct backend *b, struct arena *a, const struct delivery *d,
              struct api_delivery *out, struct err *e)
{
    struct job j;
    bool status = strcmp(d->kind, "status") == 0;
    bool result = strcmp(d->kind, "result") == 0;
    api_init(&api_shape_delivery, out);
    out->id = d->id;
    out->lane = d->lane;
    out->kind = d->kind;
    out->chat_id = d->chat_id;
    out->language = d->language;
    out->body = str_c(d->body);
    out->attempt = d->attempt;
    out->repeated = d->unknowns > 0;
    out->final = d->final;
    if (d->message_id != 0)
        out->message_id = d->message_id;
    if (d->job[0] == '\0')
        return 0;
    out->job_id = d->job;
    out->revision = d->revision;
    if ((status || result) && job_get(b->db, a, d->job, &j, e) != 0)
        return -1;
    if (status)
        return status_body(b, a, &j, &out->body, e);
    if (result && result_body(b, a, &j, &out->body, e) != 0)
        return -1;
    return fill_object(b, a, d, out, e);
}

static int
deliveries_fill(struct backend *b, struct arena *a, const struct delivery *d,
                size_t n, struct api_delivery **out, struct err *e)
{
    *out = ARENA_ARRAY(a, struct api_delivery, n + 1);
    for (size_t i = 0; i < n; i++) {
        if (delivery_fill(b, a, &d[i], &(*out)[i], e) != 0)
            return -1;
    }
    return 0;
}

/* ---- claims ----------------------------------------------------------- */

static struct delivery_sender
sender_of(struct backend *b, const char *sender, const char *boot)
{
    return (struct delivery_sender){
        .sender = sender,
        .boot = boot,
        .lease_ms = SEND_LEASE_MS,
        .rate = setting_int(b->set, SET_TELEGRAM_RATE),
        .chat_rate = setting_int(b->set, SET_TELEGRAM_CHAT_RATE)};
}

int
delivery_claim_job(struct backend *b, struct arena *a, const char *job,
                   int64_t attempt, const char *sender, const char *boot,
                   struct api_delivery **out, size_t *n, struct err *e)
{
    struct delivery_sender s = sender_of(b, sender, boot);
    struct delivery *d;
    if (delivery_claim_end(b->db, a, &s, job, attempt, &d, n, e) != 0)
        return -1;
    return deliveries_fill(b, a, d, *n, out, e);
}

int
delivery_claim_dialog(struct backend *b, struct arena *a, int64_t chat_id,
                      int64_t seq, const char *sender, const char *boot,
                      struct api_delivery **out, size_t *n, struct err *e)
{
    struct delivery_sender s = sender_of(b, sender, boot);
    struct delivery *d;
    if (delivery_claim_chat(b->db, a, &s, chat_id, seq, &d, n, e) != 0)
        return -1;
    return deliveries_fill(b, a, d, *n, out, e);
}

/* The job lane is the workers'; others only while none is live. */
static bool
lane_is_theirs(struct backend *b, const char *lane, const char *sender)
{
    return strcmp(lane, "job") != 0 || fleet_worker_live(b, sender) ||
           fleet_away_ms(b) >= WORKER_AWAY_MS;
}

static int
claim_lane(struct call *c, const struct delivery_sender *s, const char *lane,
           int64_t max, struct api_delivery_list *list, struct err *e)
{
    struct delivery *d;
    size_t n;
    if (delivery_claim_lane(c->b->db, c->a, s, lane,
                            max > CLAIM_MAX ? CLAIM_MAX : max, &d, &n, e) !=
            0 ||
        deliveries_fill(c->b, c->a, d, n, &list->deliveries, e) != 0)
        return -1;
    list->n_deliveries = n;
    return 0;
}

int
route_delivery_claim(struct call *c, void *out)
{
    const struct api_delivery_claim *in = c->in;
    struct api_delivery_list *list = out;
    struct delivery_sender s = sender_of(c->b, in->sender, in->boot);
    struct err e;
    size_t n;
    int64_t next_ms = -1;
    bool job = strcmp(in->lane, "job") == 0;
    int64_t wait_ms = in->wait_ms == API_UNSET ? 0 : in->wait_ms;
    int64_t max = in->max == API_UNSET || in->max < 1 ? 1 : in->max;
    if (!job && strcmp(in->lane, "chat") != 0)
        return call_refuse(c, 400, "bad_input", "/lane: chat or job");
    const char *topic = job ? TOPIC_JOB : TOPIC_CHAT;
    uint64_t seen = http_topic(c->b->http, topic);
    if (boots_changed(c->b, in->sender, in->boot) &&
        delivery_sweep(c->b->db, c->a, in->sender, in->boot, &n, &e) != 0)
        return call_error(c, &e);
    if (lane_is_theirs(c->b, in->lane, in->sender)) {
        if (delivery_next(c->b->db, c->a, &s, in->lane, &next_ms, &e) != 0)
            return call_error(c, &e);
        if (next_ms == 0 && claim_lane(c, &s, in->lane, max, list, &e) != 0)
            return call_error(c, &e);
    }
    if (list->n_deliveries > 0)
        return 200;
    if (wait_ms > LIM_LONG_POLL_MS)
        wait_ms = LIM_LONG_POLL_MS;
    if (next_ms > 0)
        watch_at(c->b, topic, next_ms);
    return call_park(c, topic, seen, wait_ms) ? CALL_REPLIED : 200;
}

/* ---- reports ---------------------------------------------------------- */

static int
report_look(struct call *c, const char *id, int64_t attempt)
{
    struct delivery_row d;
    struct err e;
    if (delivery_get(c->b->db, c->a, id, &d, &e) != 0)
        return call_error(c, &e);
    c->problem.state = delivery_state_name(d.state);
    c->problem.attempt = d.attempt;
    if (d.attempt == attempt && d.state != DELIVERY_SENDING)
        return 200; /* told before */
    return call_refuse(c, 409, "stale_attempt",
                       "delivery is %s at attempt %lld",
                       delivery_state_name(d.state), (long long)d.attempt);
}

int
route_delivery_patch(struct call *c, void *out)
{
    const struct api_delivery_patch *in = c->in;
    const char *id = http_param(c->q, "id");
    struct delivery_row d;
    struct err e;
    bool done;
    (void)out;
    struct delivery_report r = {
        .attempt = in->attempt,
        .message_id = in->message_id == API_UNSET ? 0 : in->message_id,
        .file_id = in->file_id,
        .retry_after_ms =
            in->retry_after_ms == API_UNSET ? 0 : in->retry_after_ms,
        .rate_limited = in->rate_limited,
        .error = in->error,
        .chat_rate = setting_int(c->b->set, SET_TELEGRAM_CHAT_RATE)};
    if (!delivery_state_parse(in->state, &r.state) ||
        !delivery_report_allowed(r.state))
        return call_refuse(c, 400, "bad_input",
                           "/state: sent, queued, waiting_user, unknown or "
                           "failed");
    if (delivery_get(c->b->db, c->a, id, &d, &e) != 0 ||
        delivery_report(c->b->db, c->a, &d, &r, &done, &e) != 0)
        return call_error(c, &e);
    if (d.job[0] != '\0')
        log_job_set(d.job);
    if (!done)
        return report_look(c, id, in->attempt);
    backend_wake(c->b, d.job[0] != '\0' ? TOPIC_JOB : TOPIC_CHAT);
    return 200;
}

/*
 * send.c - the sender's view of the backend (telegram/sender.h).
 *
 * Lane chat is ours. Lane job is the workers'; the backend gives us of it only
 * when none of them has been live for a while.
 */
#include <string.h>

#include "bot/bot_int.h"

#define REPORT_MS 30000 /* how long to go on telling what Telegram answered */
#define OBJECT_MS 20000

static const char *
text_or_empty(const char *z)
{
    return z != NULL ? z : "";
}

static int64_t
i64_or_zero(int64_t v)
{
    return v != API_UNSET ? v : 0;
}

static void
convert(const struct api_delivery *from, struct tg_delivery *to)
{
    const struct api_object *o = from->object;

    *to = (struct tg_delivery){.id = from->id,
                               .kind = from->kind,
                               .job_id = text_or_empty(from->job_id),
                               .language = from->language,
                               .chat_id = from->chat_id,
                               .message_id = i64_or_zero(from->message_id),
                               .attempt = from->attempt,
                               .body = from->body};
    to->object =
        (struct tg_object){.id = "", .content_type = "", .file_id = ""};
    if (o != NULL)
        to->object = (struct tg_object){.id = o->id,
                                        .content_type = o->content_type,
                                        .file_id = text_or_empty(o->file_id),
                                        .size = i64_or_zero(o->size),
                                        .width = i64_or_zero(o->width),
                                        .height = i64_or_zero(o->height)};
}

void
send_put(struct bot *b, const struct api_delivery *list, size_t n)
{
    struct tg_delivery d;

    for (size_t i = 0; i < n; i++) {
        convert(&list[i], &d);
        tg_sender_send(b->sender, &d);
    }
}

/* ---- what the sender asks ---- */

static int
op_claim(void *ctx, const char *lane, int64_t wait_ms, int max, struct arena *a,
         struct tg_delivery **list, size_t *n, struct err *e)
{
    struct bot *b = ctx;
    struct api_delivery_claim in;
    struct api_delivery_list out = {0};
    struct api_args args = {
        .in = &in, .out = &out, .wait_ms = wait_ms, .deadline_ms = -1};

    api_init(&api_shape_delivery_claim, &in);
    in.lane = lane;
    in.sender = b->id;
    in.boot = b->boot;
    in.wait_ms = wait_ms;
    in.max = max;
    if (api_call(b->polls, API_ROUTE_delivery_claim, &args, a, NULL, e) != 0)
        return -1;
    *list = ARENA_ARRAY(a, struct tg_delivery, out.n_deliveries + 1);
    *n = out.n_deliveries;
    for (size_t i = 0; i < *n; i++)
        convert(&out.deliveries[i], &(*list)[i]);
    return 0;
}

static int
op_report(void *ctx, const struct tg_report *r, struct err *e)
{
    struct bot *b = ctx;
    struct arena *a = arena_new();
    struct api_delivery_patch in;
    struct api_args args = {
        .path = {r->id}, .in = &in, .deadline_ms = REPORT_MS};
    int rc;

    api_init(&api_shape_delivery_patch, &in);
    in.sender = b->id;
    in.boot = b->boot;
    in.attempt = r->attempt;
    in.state = delivery_state_name(r->state);
    if (r->message_id != 0)
        in.message_id = r->message_id;
    if (r->file_id[0] != '\0')
        in.file_id = r->file_id;
    if (r->state == DELIVERY_QUEUED)
        in.retry_after_ms = r->retry_after_ms;
    in.rate_limited = r->rate_limited;
    if (r->error[0] != '\0')
        in.error = r->error;
    rc = api_call(b->api, API_ROUTE_delivery_patch, &args, a, NULL, e);
    arena_free(a);
    return rc;
}

static int
op_object(void *ctx, const char *object_id, struct buf *out, struct err *e)
{
    struct bot *b = ctx;
    struct arena *a = arena_new();
    struct api_args args = {
        .path = {object_id}, .out_bytes = out, .deadline_ms = OBJECT_MS};
    int rc = api_call(b->api, API_ROUTE_object_get, &args, a, NULL, e);

    arena_free(a);
    return rc;
}

static void
op_wake(void *ctx)
{
    struct bot *b = ctx;

    api_client_stop(b->polls);
}

struct tg_sender *
send_start(struct bot *b)
{
    static const char *const lanes[] = {"chat", "job", NULL};
    static struct tg_sender_ops ops = {.claim = op_claim,
                                       .report = op_report,
                                       .object = op_object,
                                       .wake = op_wake};
    struct tg_sender_config cfg = {.tg = b->tg, .ops = &ops, .lanes = lanes};

    ops.ctx = b;
    return tg_sender_new(&cfg);
}

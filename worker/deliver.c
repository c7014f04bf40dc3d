/*
 * deliver.c - see deliver.h.
 */
#include "worker/deliver.h"

#include <string.h>
#include "base/limits.h"
#include "base/mem.h"
#include "telegram/sender.h"
#include "worker/cache.h"

/* A stop waits for the running claim: a claim that is cut off may have been
 * granted, and what it took would be out until its lease ends. */
#define CLAIM_WAIT_MS 2000
#define REPORT_MS 60000
#define THREADS 4

struct deliver {
    struct worker *w;
    struct cache *cache;
    struct tg_sender_ops ops;
    struct tg_sender *sender;
};

static const char *
text(const char *z)
{
    return z != NULL ? z : "";
}

static int64_t
number(int64_t v)
{
    return v == API_UNSET ? 0 : v;
}

static void
delivery_read(const struct api_delivery *in, struct tg_delivery *out)
{
    *out = (struct tg_delivery){.id = in->id,
                                .kind = in->kind,
                                .job_id = text(in->job_id),
                                .language = in->language,
                                .chat_id = in->chat_id,
                                .message_id = number(in->message_id),
                                .attempt = in->attempt,
                                .body = in->body,
                                .object = {"", "", "", 0, 0, 0}};
    if (in->object == NULL)
        return;
    out->object = (struct tg_object){.id = in->object->id,
                                     .content_type = in->object->content_type,
                                     .file_id = text(in->object->file_id),
                                     .size = number(in->object->size),
                                     .width = number(in->object->width),
                                     .height = number(in->object->height)};
}

/* ---- what the sender asks of the backend ---- */

static int
claim(void *ctx, const char *lane, int64_t wait_ms, int max, struct arena *a,
      struct tg_delivery **list, size_t *n, struct err *e)
{
    struct deliver *d = ctx;
    struct api_delivery_claim in;
    struct api_delivery_list out;
    struct api_args args = {.in = &in, .out = &out, .deadline_ms = -1};

    *n = 0;
    api_init(&api_shape_delivery_claim, &in);
    api_init(&api_shape_delivery_list, &out);
    in.lane = lane;
    in.sender = d->w->id;
    in.boot = d->w->boot;
    in.max = max;
    in.wait_ms = wait_ms < CLAIM_WAIT_MS ? wait_ms : CLAIM_WAIT_MS;
    args.wait_ms = in.wait_ms;
    if (api_call(d->w->api, API_ROUTE_delivery_claim, &args, a, NULL, e) != 0)
        return -1;
    *list = ARENA_ARRAY(a, struct tg_delivery, out.n_deliveries + 1);
    for (; *n < out.n_deliveries; (*n)++)
        delivery_read(&out.deliveries[*n], &(*list)[*n]);
    return 0;
}

static int
report(void *ctx, const struct tg_report *r, struct err *e)
{
    struct deliver *d = ctx;
    struct arena *a = arena_new();
    struct api_delivery_patch in;
    struct api_args args = {
        .path = {r->id}, .in = &in, .deadline_ms = REPORT_MS};
    int rc;

    api_init(&api_shape_delivery_patch, &in);
    in.sender = d->w->id;
    in.boot = d->w->boot;
    in.attempt = r->attempt;
    in.state = delivery_state_name(r->state);
    in.rate_limited = r->rate_limited;
    if (r->message_id != 0)
        in.message_id = r->message_id;
    if (r->file_id[0] != '\0')
        in.file_id = r->file_id;
    if (r->retry_after_ms > 0)
        in.retry_after_ms = r->retry_after_ms;
    if (r->error[0] != '\0')
        in.error = r->error;
    rc = api_call(d->w->api, API_ROUTE_delivery_patch, &args, a, NULL, e);
    arena_free(a);
    return rc;
}

static int
object(void *ctx, const char *object_id, struct buf *out, struct err *e)
{
    struct deliver *d = ctx;
    struct arena *a;
    struct api_args args = {.path = {object_id}, .out_bytes = out};
    int rc;

    if (cache_take(d->cache, object_id, out))
        return 0;
    a = arena_new();
    rc = api_call(d->w->api, API_ROUTE_object_get, &args, a, NULL, e);
    arena_free(a);
    return rc;
}

/* ---- public ---- */

struct deliver *
deliver_new(struct worker *w)
{
    static const char *const lanes[] = {"job", NULL};
    struct deliver *d = mem_calloc(1, sizeof(*d));

    d->w = w;
    d->cache = cache_new();
    d->ops = (struct tg_sender_ops){
        .ctx = d, .claim = claim, .report = report, .object = object};
    d->sender = tg_sender_new(&(struct tg_sender_config){
        .tg = w->tg, .ops = &d->ops, .lanes = lanes, .threads = THREADS});
    return d;
}

void
deliver_stop(struct deliver *d)
{
    tg_sender_stop(d->sender);
}

void
deliver_free(struct deliver *d)
{
    if (d == NULL)
        return;
    tg_sender_free(d->sender);
    cache_free(d->cache);
    mem_free(d);
}

void
deliver_send(struct deliver *d, const struct api_delivery *list, size_t n)
{
    struct tg_delivery one;

    for (size_t i = 0; i < n; i++) {
        delivery_read(&list[i], &one);
        tg_sender_send(d->sender, &one);
    }
}

void
deliver_keep(struct deliver *d, const char *object_id, struct buf *bytes)
{
    cache_put(d->cache, object_id, bytes);
}

void
deliver_tidy(struct deliver *d)
{
    cache_tidy(d->cache);
}

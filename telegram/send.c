/*
 * send.c - one delivery, sent.
 *
 * Refusals have no effect, so that a refused try may be followed by another
 * one; as soon as an outcome is unknown nothing is tried again here.
 */
#include "telegram/send.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/rand.h"

#define TRIES_MAX 6      /* fresh, plain, upload, document: each once */
#define BAD_FILE_TRIES 5 /* it also stands for passing trouble of Telegram */
#define BAD_FILE_PAUSE_MS 30000
#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS 60000
#define UNAUTHORIZED_PAUSE_MS 30000
#define JITTER_MS 250

/* One delivery under way. */
struct sending {
    struct tg *tg;
    const struct tg_sender_ops *ops;
    struct arena *a;
    const struct tg_delivery *d;
    struct tg_sent *out;
    struct tg_how how;
    int64_t deadline;        /* monotonic */
    struct tg_object object; /* id "": it is a text */
    struct buf bytes;        /* of the object, once loaded */
    struct image_info image;
    char filename[32];
};

static void
give_up(struct sending *x, enum tg_outcome outcome, const char *why)
{
    x->out->outcome = outcome;
    x->out->error = arena_strdup(x->a, why);
}

/* ---- one call ---- */

/* The largest size of a photo, or the document. */
static const char *
file_id_of(const cJSON *message)
{
    const cJSON *photo = json_get(message, "photo");
    const cJSON *size;
    const char *best = "";
    int64_t most = -1;

    cJSON_ArrayForEach (size, photo) {
        int64_t px = json_i64(size, "width", 0) * json_i64(size, "height", 0);

        if (px > most) {
            most = px;
            best = json_str(size, "file_id", "");
        }
    }
    if (best[0] == '\0')
        best = json_str(json_get(message, "document"), "file_id", "");
    if (best[0] == '\0')
        best = json_str(json_get(message, "animation"), "file_id", "");
    return best;
}

static void
note_answer(struct sending *x, const struct tg_answer *ans, const struct err *e)
{
    const cJSON *message = ans->result;

    x->out->outcome = ans->outcome;
    x->out->retry_after_ms = ans->retry_after_ms;
    x->out->error = "";
    if (!tg_answer_is_ok(ans)) {
        x->out->error = arena_strdup(x->a, e->msg);
        return;
    }
    if (cJSON_IsArray(message))
        message = message->child;
    x->out->message_id = json_i64(message, "message_id", x->d->message_id);
    x->out->file_id = arena_strdup(x->a, file_id_of(message));
}

static void
send_once(struct sending *x)
{
    struct tg_message m;
    struct tg_answer ans;
    struct err e;
    struct tg_part part = {.field = x->how.field,
                           .filename = x->filename,
                           .type = image_mime(x->image.kind),
                           .bytes = buf_str(&x->bytes)};
    bool uploads = x->how.field != NULL && x->how.file_id == NULL;
    int64_t left = x->deadline - clock_mono_ms();
    int64_t most = uploads ? TG_UPLOAD_MS : TG_CALL_MS;

    if (tg_render(x->a, x->d, &x->how, &m, &e) != 0) {
        log_error("telegram", "bad_body", "%s", e.msg);
        give_up(x, TG_REFUSED, e.msg);
        return;
    }
    if (left < 1000) {
        give_up(x, TG_RETRY, "no time was left to send it");
        return;
    }
    struct tg_request q = {.method = m.method,
                           .params = m.params,
                           .idempotent = m.edits,
                           .file = uploads ? &part : NULL,
                           .timeout_ms = left < most ? left : most};
    (void)tg_do(x->tg, &q, &ans, &e);
    note_answer(x, &ans, &e);
    tg_answer_free(&ans);
}

/* ---- files ---- */

/* IHDR's colour type says alpha, or a tRNS chunk stands before the pixels. */
static bool
png_is_transparent(struct str png)
{
    const unsigned char *p = (const unsigned char *)png.p;
    size_t at = 8;

    if (png.len < 33)
        return false;
    if (p[25] == 4 || p[25] == 6)
        return true;
    while (png.len - at >= 12) {
        size_t len = (size_t)p[at] << 24 | (size_t)p[at + 1] << 16 |
                     (size_t)p[at + 2] << 8 | p[at + 3];

        if (memcmp(p + at + 4, "tRNS", 4) == 0)
            return true;
        if (memcmp(p + at + 4, "IDAT", 4) == 0 || len > png.len - at - 12)
            return false;
        at += len + 12;
    }
    return false;
}

static bool
sides_fit_photo(int64_t w, int64_t h)
{
    return w > 0 && h > 0 && w + h <= LIM_PHOTO_DIM_SUM &&
           w <= h * LIM_PHOTO_RATIO && h <= w * LIM_PHOTO_RATIO;
}

bool
tg_is_photo(struct str bytes, const struct image_info *info)
{
    if (bytes.len > LIM_PHOTO_BYTES || info->animated ||
        !sides_fit_photo(info->width, info->height))
        return false;
    if (info->kind == IMAGE_PNG)
        return !png_is_transparent(bytes);
    return info->kind == IMAGE_JPEG;
}

/* Of a file that Telegram has already, by what is known without its bytes. */
static const char *
field_by_facts(const struct tg_object *o)
{
    bool kind = strcmp(o->content_type, "image/jpeg") == 0 ||
                strcmp(o->content_type, "image/png") == 0;

    return kind && o->size <= LIM_PHOTO_BYTES &&
                   sides_fit_photo(o->width, o->height)
               ? "photo"
               : "document";
}

/* Gets the bytes and decides how they go. False: given up. */
static bool
load_object(struct sending *x)
{
    struct err e;

    x->how.file_id = NULL;
    if (x->ops->object(x->ops->ctx, x->object.id, &x->bytes, &e) != 0) {
        give_up(x,
                e.code == ERR_NOT_FOUND || e.code == ERR_TOO_LARGE ? TG_REFUSED
                                                                   : TG_RETRY,
                e.msg);
        return false;
    }
    if (x->bytes.failed || x->bytes.len == 0) {
        give_up(x, TG_REFUSED, "the file is empty or over 50 MB");
        return false;
    }
    (void)image_probe(buf_str(&x->bytes), &x->image, NULL);
    snprintf(x->filename, sizeof(x->filename), "tintype.%s",
             image_ext(x->image.kind));
    x->how.field =
        tg_is_photo(buf_str(&x->bytes), &x->image) ? "photo" : "document";
    return true;
}

/* ---- the tries ---- */

/* What a refusal allows to do differently. False: the answer stands. */
static bool
try_otherwise(struct sending *x)
{
    bool by_id = x->how.field != NULL && x->how.file_id != NULL;
    bool photo = x->how.field != NULL && strcmp(x->how.field, "photo") == 0;

    switch (x->out->outcome) {
    case TG_GONE:
        if (x->how.fresh || x->d->message_id == 0)
            return false;
        x->how.fresh = true;
        return true;
    case TG_PARSE:
        log_error("telegram", "html_refused", "delivery=%s %s", x->d->id,
                  x->out->error);
        if (x->how.plain)
            return false;
        x->how.plain = true;
        return true;
    case TG_BAD_FILE:
        return by_id && load_object(x);
    case TG_BAD_PHOTO:
    case TG_TOO_LARGE:
        if (by_id)
            return load_object(x);
        if (!photo)
            return false;
        x->how.field = "document";
        return true;
    case TG_OK:
    case TG_NOT_MODIFIED:
    case TG_RATE_LIMITED:
    case TG_BLOCKED:
    case TG_TOO_OLD:
    case TG_UNAUTHORIZED:
    case TG_CONFLICT:
    case TG_RETRY:
    case TG_UNKNOWN:
    case TG_REFUSED:
        return false;
    }
    return false;
}

static bool
prepare(struct sending *x)
{
    if (!tg_render_object(x->a, x->d, &x->object))
        return true;
    if (x->object.file_id[0] == '\0')
        return load_object(x);
    x->how.field = field_by_facts(&x->object);
    x->how.file_id = x->object.file_id;
    return true;
}

void
tg_send_delivery(struct tg *tg, const struct tg_sender_ops *ops,
                 struct arena *a, const struct tg_delivery *d,
                 struct tg_sent *out)
{
    struct sending x = {.tg = tg,
                        .ops = ops,
                        .a = a,
                        .d = d,
                        .out = out,
                        .deadline = clock_mono_ms() + TG_SEND_MS};

    *out = (struct tg_sent){.file_id = "", .error = "", .retry_after_ms = -1};
    buf_init(&x.bytes, LIM_UPLOAD_BYTES);
    if (prepare(&x)) {
        int tries = 0;

        do
            send_once(&x);
        while (++tries < TRIES_MAX && try_otherwise(&x));
    }
    buf_free(&x.bytes);
}

/* ---- reports ---- */

static int64_t
backoff_ms(int64_t attempt)
{
    int64_t ms = BACKOFF_FIRST_MS;

    for (int64_t i = 1; i < attempt && ms < BACKOFF_MAX_MS; i++)
        ms *= 2;
    if (ms > BACKOFF_MAX_MS)
        ms = BACKOFF_MAX_MS;
    return ms + (int64_t)rand_below(JITTER_MS);
}

static void
queue_again(struct tg_report *r, int64_t after_ms)
{
    r->state = DELIVERY_QUEUED;
    r->retry_after_ms = after_ms;
}

void
tg_sent_report(const struct tg_delivery *d, const struct tg_sent *sent,
               struct tg_report *out)
{
    *out = (struct tg_report){.id = d->id,
                              .attempt = d->attempt,
                              .state = DELIVERY_FAILED,
                              .file_id = sent->file_id,
                              .error = sent->error};
    switch (sent->outcome) {
    case TG_OK:
    case TG_NOT_MODIFIED:
        out->state = DELIVERY_SENT;
        out->message_id = sent->message_id;
        break;
    case TG_RATE_LIMITED:
        queue_again(out, sent->retry_after_ms + (int64_t)rand_below(JITTER_MS));
        out->rate_limited = true;
        break;
    case TG_RETRY:
    case TG_CONFLICT:
        queue_again(out, backoff_ms(d->attempt));
        break;
    case TG_UNAUTHORIZED:
        queue_again(out, UNAUTHORIZED_PAUSE_MS);
        break;
    case TG_BLOCKED:
        out->state = DELIVERY_WAITING_USER;
        break;
    case TG_UNKNOWN:
        if (delivery_is_repeatable(d->kind))
            queue_again(out, backoff_ms(d->attempt));
        else
            out->state = DELIVERY_UNKNOWN;
        break;
    case TG_BAD_FILE:
        if (d->attempt < BAD_FILE_TRIES)
            queue_again(out, BAD_FILE_PAUSE_MS);
        break;
    case TG_GONE:
    case TG_BAD_PHOTO:
    case TG_PARSE:
    case TG_TOO_LARGE:
    case TG_TOO_OLD:
    case TG_REFUSED:
        break;
    }
}

/*
 * sender.h - takes deliveries and makes Telegram accept them.
 *
 *   lanes ----claim----> queue ----> threads: render, send ----> report
 *   tg_sender_send() ----^
 *
 * The backend owns the budget and the states (protocols 7, model/delivery.h);
 * the sender does what it is handed, one message of a chat at a time and in
 * the order in which it came, and reports what Telegram answered:
 *
 *   taken, or not modified         sent, with message and file id
 *   429                            queued, not before retry_after
 *   nothing was sent, "restart"    queued, later each time
 *   403, chat not found            waiting_user
 *   outcome unknown                queued for edits and statuses, else unknown
 *   message to edit is gone        a new message is sent instead
 *   HTML that Telegram refuses     sent again without tags; logged as a bug
 *   file_id that Telegram refuses  uploaded
 *   no photo for Telegram          sent as a document
 *   token refused                  queued; nothing is sent for 30 s
 *   anything else                  failed
 *
 * It knows the backend only as struct tg_sender_ops, for telegram/ stands
 * below api/; all its calls may come from several threads at once.
 */
#ifndef TELEGRAM_SENDER_H
#define TELEGRAM_SENDER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/delivery.h"
#include "telegram/client.h"
#include "telegram/render.h"

#define TG_SEND_MS                                                             \
    120000 /* all tries of one delivery together; its                          \
              lease must be longer */
#define TG_SENDER_THREADS_MAX 32
#define TG_SENDER_QUEUE_MAX 256 /* more are handed back */
#define TG_SENDER_WAIT_MS 5000  /* long poll of a claim */

struct tg_report {
    const char *id;
    int64_t attempt;
    enum delivery_state state; /* anything but sending */
    int64_t message_id;        /* of sent; 0: none */
    const char *file_id;       /* of sent; "" when it has no file */
    int64_t retry_after_ms;    /* of queued: not before */
    bool rate_limited;         /* of queued: because of a 429 */
    const char *error;         /* "" when sent */
};

struct tg_sender_ops {
    void *ctx;
    /*
     * At most max deliveries of this lane, waiting up to wait_ms for the first
     * one; list and texts in the arena. None is success with *n = 0.
     */
    int (*claim)(void *ctx, const char *lane, int64_t wait_ms, int max,
                 struct arena *a, struct tg_delivery **list, size_t *n,
                 struct err *e);
    /* Repeats itself as long as that makes sense. CONFLICT and NOT_FOUND: the
     * delivery is somebody else's by now. */
    int (*report)(void *ctx, const struct tg_report *r, struct err *e);
    /* Appends the bytes of one of our objects. NOT_FOUND: it is gone. */
    int (*object)(void *ctx, const char *object_id, struct buf *out,
                  struct err *e);
    /* Ends running claims soon; NULL: a stop may take TG_SENDER_WAIT_MS. */
    void (*wake)(void *ctx);
};

struct tg_sender_config {
    struct tg *tg;                   /* borrowed */
    const struct tg_sender_ops *ops; /* borrowed */
    const char *const *lanes;        /* "chat", "job"; NULL at the end */
    int threads;                     /* 1 to TG_SENDER_THREADS_MAX; 0: 3 */
};

struct tg_sender;

/* Starts the threads, one more for each lane. */
struct tg_sender *tg_sender_new(const struct tg_sender_config *cfg);
/* Sends a delivery that was handed out already claimed (the answer to a
 * finish); copies it and returns at once. Not after tg_sender_free. */
void tg_sender_send(struct tg_sender *s, const struct tg_delivery *d);
/* Stops claiming; returns at once. Running sends go on. */
void tg_sender_stop(struct tg_sender *s);
/* Stops, waits for the running sends and hands back what was not sent. */
void tg_sender_free(struct tg_sender *s);

#endif

/*
 * delivery.h - rows of `deliveries` and the send budget (protocols 7,
 * model/delivery.h has the states).
 *
 * The budget is two rows of send_budget, 'bot' and 'chat:<id>', moved inside
 * the claim's list: next_at is when the next message may go at the plain
 * rate, and a burst may run ahead of it (1 s of the bot, 3 messages of a
 * chat). So any number of backends share one budget.
 */
#ifndef STORE_DELIVERY_H
#define STORE_DELIVERY_H

#include "model/delivery.h"
#include "store/list.h"

/* ---- written by other lists ---- */

/* The one status row of a job; message_id 0: it makes its own message. */
void delivery_add_status(struct arena *a, struct db_list *l, struct guard g,
                         const char *account, int64_t chat_id,
                         int64_t message_id);
/* The status wants a new look; final: nothing edits after it. */
void delivery_add_status_bump(struct db_list *l, struct guard g, bool final);
/* Picture n of the job. */
void delivery_add_result(struct arena *a, struct db_list *l, struct guard g,
                         const char *account, int64_t chat_id, int64_t n,
                         const char *object_id);
/* A sentence about the job (body as in model/delivery.h). n tells notes of
 * one job apart. */
void delivery_add_note(struct arena *a, struct db_list *l, struct guard g,
                       const char *account, int64_t chat_id, int64_t n,
                       const char *body);
/* A dialogue's message, with the finish of update seq. */
struct update_delivery;
void delivery_add_dialog(struct db_list *l, int64_t seq, const char *list,
                         const char *account, const struct update_delivery *d);

/* ---- claims ---- */

struct delivery_sender {
    const char *sender, *boot; /* borrowed */
    int64_t lease_ms;          /* total HTTP time-out + 30 s */
    int64_t rate, chat_rate;   /* TELEGRAM_RATE, TELEGRAM_CHAT_RATE */
};
struct delivery {
    const char *id, *lane, *kind, *job, *account, *body, *object, *language;
    int64_t chat_id, revision, message_id, attempt, unknowns;
    bool final; /* of a status: its last revision */
};
/* Of a lane; of one job's end (lane job), with the finish of its task under
 * this attempt; of one chat's dialogue, with the finish of update seq. In the
 * order in which they are to be sent. With a finish that is repeated comes
 * what the first one claimed and is still in flight. */
int delivery_claim_lane(struct db *db, struct arena *a,
                        const struct delivery_sender *s, const char *lane,
                        int64_t max, struct delivery **out, size_t *n,
                        struct err *e);
int delivery_claim_end(struct db *db, struct arena *a,
                       const struct delivery_sender *s, const char *job,
                       int64_t attempt, struct delivery **out, size_t *n,
                       struct err *e);
int delivery_claim_chat(struct db *db, struct arena *a,
                        const struct delivery_sender *s, int64_t chat_id,
                        int64_t seq, struct delivery **out, size_t *n,
                        struct err *e);
/* Milliseconds until one of the lane may go out, 0: now (if none of its chat
 * is in flight); -1: none waits. A read: ask it before a claim. */
int delivery_next(struct db *db, struct arena *a,
                  const struct delivery_sender *s, const char *lane,
                  int64_t *ms, struct err *e);

/* ---- reports ---- */

struct delivery_row {
    const char *id, *kind, *account, *object, *job;
    enum delivery_state state;
    int64_t attempt, chat_id, unknowns, claimed, wanted, final_rev, message_id;
};
int delivery_get(struct db *db, struct arena *a, const char *id,
                 struct delivery_row *out, struct err *e);

struct delivery_report {
    int64_t attempt;
    enum delivery_state state; /* what the sender says */
    int64_t message_id;        /* 0: none */
    const char *file_id;       /* NULL: none */
    int64_t retry_after_ms;
    bool rate_limited;
    const char *error; /* NULL: none */
    int64_t chat_rate;
};
/* *done false: another attempt or ended before. */
int delivery_report(struct db *db, struct arena *a,
                    const struct delivery_row *d,
                    const struct delivery_report *r, bool *done,
                    struct err *e);
/* Sending rows whose lease is over (boot NULL), or which an older boot of the
 * sender holds: their outcome is unknown. *n moved. */
int delivery_sweep(struct db *db, struct arena *a, const char *sender,
                   const char *boot, size_t *n, struct err *e);

#endif

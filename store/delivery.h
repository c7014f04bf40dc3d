/*
 * delivery.h - rows of `deliveries` and the send budget (protocols 7,
 * model/delivery.h).
 */
#ifndef STORE_DELIVERY_H
#define STORE_DELIVERY_H

#include "model/delivery.h"
#include "store/list.h"

/* The one status row of a job; message_id 0: it makes its own message. */
void delivery_add_status(struct db_list *l, struct guard g,
                         const char *account, int64_t chat_id,
                         int64_t message_id);
/* The status wants a new look; final: nothing edits after it. */
void delivery_add_status_bump(struct db_list *l, struct guard g, bool final);
/* Picture n of the job. */
void delivery_add_result(struct db_list *l, struct guard g,
                         const char *account, int64_t chat_id, int64_t n,
                         const char *object_id);
/* A sentence about the job: text key and args as a body. n tells notes of one
 * job apart. */
void delivery_add_note(struct db_list *l, struct guard g, const char *account,
                       int64_t chat_id, int64_t n, const char *body);

#endif

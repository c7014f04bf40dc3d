/*
 * ledger.h - double entry: credits move between accounts, never appear.
 *
 * The functions append to a list (store/list.h) whose earlier statement moved
 * the job's state and wrote the guard; what they add stands only if it did.
 * Balance rows and entries change in the same transaction, so that a balance
 * always equals the sum of its entries (P4).
 *
 *   hold     available:<acc> -> held:<acc>      at creation (queued)
 *   capture  held:<acc>      -> revenue         when completed
 *   release  held:<acc>      -> available:<acc> when failed or cancelled
 *   refund   revenue         -> available:<acc> after a capture, once
 */
#ifndef STORE_LEDGER_H
#define STORE_LEDGER_H

#include "store/list.h"

/* The txn alone: the balance was moved by the list's deciding statement. */
void ledger_add_hold(struct arena *a, struct db_list *l, struct guard g,
                     const char *account, int64_t credits);
void ledger_add_capture(struct arena *a, struct db_list *l, struct guard g,
                        const char *account, int64_t credits);
void ledger_add_release(struct arena *a, struct db_list *l, struct guard g,
                        const char *account, int64_t credits);
void ledger_add_refund(struct arena *a, struct db_list *l, struct guard g,
                       const char *account, int64_t credits,
                       const char *reason);

#endif

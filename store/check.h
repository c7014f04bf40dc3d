/*
 * check.h - the promises P2 to P5 and P7 as questions to the database
 * (design, section 6). Each statement of check_sql.def lists violators.
 */
#ifndef STORE_CHECK_H
#define STORE_CHECK_H

#include "store/list.h"

typedef void (*check_found)(void *ctx, const char *promise, const char *who,
                            const char *what);

/* All rows; *n violations. */
int check_all(struct db *db, struct arena *a, check_found found, void *ctx,
              size_t *n, struct err *e);
/* What was touched since *since (the database's now_ms(); 0 the first time),
 * which is moved on. */
int check_recent(struct db *db, struct arena *a, int64_t *since,
                 check_found found, void *ctx, struct err *e);

#endif

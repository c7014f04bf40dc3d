/*
 * account_row.h - a row of ACCOUNT_COLUMNS (account_sql.def) as a struct.
 */
#ifndef STORE_ACCOUNT_ROW_H
#define STORE_ACCOUNT_ROW_H

#include "store/account.h"

void account_row_take(const struct db_rows *r, size_t i, struct account *out);

#endif

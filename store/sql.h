/*
 * sql.h - every SQL statement of the product by name: sql_job_insert, ...
 *
 * SQL(name, types, text) rows stand in one file per noun, next to the noun's
 * C file; ?N placeholders, types one letter a placeholder (io/db.h).
 */
#ifndef STORE_SQL_H
#define STORE_SQL_H

#include "io/db.h"

#define SQL(name, types, text) extern const struct db_sql sql_##name;
#include "store/sql.def"
#undef SQL

#endif

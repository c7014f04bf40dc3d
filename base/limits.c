/*
 * limits.c - the table of limits for the docs.
 */
#include "base/limits.h"

static const struct {
    const char *name;
    long long value;
    const char *unit, *reason;
} rows[] = {
#define LIMIT(name, value, unit, reason) {#name, (value), unit, reason},
#include "base/limits.def"
#undef LIMIT
};

void
limits_markdown(struct buf *out)
{
    buf_add_c(out, "| limit | value | unit | reason |\n|---|---:|---|---|\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        buf_addf(out, "| %s | %lld | %s | %s |\n", rows[i].name,
                 rows[i].value, rows[i].unit, rows[i].reason);
}

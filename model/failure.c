/*
 * failure.c - the failure classes.
 */
#include <string.h>
#include "base/str.h"
#include "model/failure.h"

const struct failure_row failure_table[FAILURE_COUNT] = {
#define FAILURE(name, counted, retry, unhealthy, loss, what)                  \
    {#name, counted, retry, unhealthy, loss, what},
#include "model/failure.def"
#undef FAILURE
};

bool
failure_parse(const char *name, enum failure *out)
{
    for (int i = 0; i < FAILURE_COUNT; i++) {
        if (strcmp(failure_table[i].name, name) == 0) {
            *out = (enum failure)i;
            return true;
        }
    }
    return false;
}

int64_t
failure_delay_ms(const char *delays, int64_t n, int64_t jitter)
{
    struct str rest = str_c(delays), part;
    int64_t seconds = 0, s;
    for (int64_t i = 0; i < n && str_split(&rest, ',', &part); i++) {
        if (str_to_i64(str_trim(part), &s) && s >= 0)
            seconds = s;
    }
    int64_t ms = seconds * 1000;
    return ms + ms * jitter / 10000;
}

static const char *
yes(bool b)
{
    return b ? "yes" : "";
}

void
failure_markdown(struct buf *out)
{
    buf_add_c(out, "| class | meaning | retried | counts towards MAX_RETRIES |"
                   " address unhealthy | counts as a loss |\n"
                   "|---|---|---|---|---|---|\n");
    for (int i = 0; i < FAILURE_COUNT; i++) {
        const struct failure_row *f = &failure_table[i];
        buf_addf(out, "| `%s` | %s | %s | %s | %s | %s |\n", f->name, f->what,
                 yes(f->retry), yes(f->counted), yes(f->unhealthy),
                 yes(f->loss));
    }
}

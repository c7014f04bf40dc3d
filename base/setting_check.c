/*
 * setting_check.c - what a setting's value may be.
 */
#include "base/setting_check.h"

#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "base/utf8.h"

#define RETRY_DELAYS_MAX 20     /* as MAX_RETRIES */
#define RETRY_DELAY_MAX_S 86400 /* seconds */

static int
check_one_of(enum setting_id id, const char *value, const char *list,
             struct err *e)
{
    struct str rest = str_c(list);
    struct str word;

    while (str_split(&rest, ' ', &word)) {
        if (str_eq_c(word, value))
            return 0;
    }
    return err_set(e, ERR_BAD_INPUT, "%s: '%.40s' is none of: %s",
                   setting_table[id].name, value, list);
}

static int
check_retry_delays(const char *value, struct err *e)
{
    struct str rest = str_c(value);
    struct str part;
    size_t n = 0;

    while (str_split(&rest, ',', &part)) {
        int64_t s;

        if (!str_to_i64(str_trim(part), &s) || s < 0 ||
            s > RETRY_DELAY_MAX_S)
            return err_set(e, ERR_BAD_INPUT,
                           "RETRY_DELAYS: '%.40s' is no list of seconds "
                           "from 0 to %d, such as 5,10,20",
                           value, RETRY_DELAY_MAX_S);
        if (++n > RETRY_DELAYS_MAX)
            return err_set(e, ERR_BAD_INPUT,
                           "RETRY_DELAYS: more than %d numbers",
                           RETRY_DELAYS_MAX);
    }
    return 0;
}

/* Telegram's rule for setWebhook's secret_token. */
static int
check_webhook_secret(const char *value, struct err *e)
{
    size_t n = strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "abcdefghijklmnopqrstuvwxyz0123456789_-");

    if (n <= 256 && value[n] == '\0')
        return 0;
    return err_set(e, ERR_BAD_INPUT,
                   "WEBHOOK_SECRET: 1 to 256 of A-Z, a-z, 0-9, _ and - are "
                   "allowed");
}

static int
check_special(enum setting_id id, const char *value, struct err *e)
{
    if (id == SET_LOG_LEVEL)
        return check_one_of(id, value, "debug info warn error", e);
    if (id == SET_LOG_FORMAT)
        return check_one_of(id, value, "text json", e);
    if (id == SET_QUEUE_POP)
        return check_one_of(id, value, "blmove brpop", e);
    if (id == SET_RETRY_DELAYS)
        return check_retry_delays(value, e);
    if (id == SET_WEBHOOK_SECRET)
        return check_webhook_secret(value, e);
    return 0;
}

static int
check_bytes(enum setting_id id, const char *value, struct err *e)
{
    for (const char *p = value; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return err_set(e, ERR_BAD_INPUT, "%s: holds a control byte",
                           setting_table[id].name);
    }
    if (!utf8_valid(str_c(value)))
        return err_set(e, ERR_BAD_INPUT, "%s: is not UTF-8",
                       setting_table[id].name);
    return 0;
}

static int
read_bool(const struct setting_row *row, const char *value, int64_t *out,
          struct err *e)
{
    static const char *const yes[] = {"true", "1", "yes", "on"};
    static const char *const no[] = {"false", "0", "no", "off"};

    for (size_t i = 0; i < 4; i++) {
        if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
            *out = strcmp(value, yes[i]) == 0;
            return 0;
        }
    }
    return err_set(e, ERR_BAD_INPUT, "%s: '%.40s' is neither true nor false",
                   row->name, value);
}

static int
read_number(enum setting_id id, const char *value, int64_t *out,
            struct err *e)
{
    const struct setting_row *row = &setting_table[id];

    if (row->type == SETTING_BOOL)
        return read_bool(row, value, out, e);
    if (row->type != SETTING_INT)
        return 0;
    if (str_to_i64(str_c(value), out) && *out >= row->min && *out <= row->max)
        return 0;
    return err_set(e, ERR_BAD_INPUT,
                   "%s: '%.40s' is no whole number from %" PRId64
                   " to %" PRId64,
                   row->name, value, row->min, row->max);
}

int
setting_check(enum setting_id id, const char *value, int64_t *number,
              struct err *e)
{
    *number = 0;
    if (check_bytes(id, value, e) != 0 || check_special(id, value, e) != 0)
        return -1;
    return read_number(id, value, number, e);
}

/*
 * env_file.c - the grammar of a .env file.
 */
#include "base/env_file.h"

#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/utf8.h"

static bool
is_key(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];

        if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_')
            continue;
        if (i == 0 || c < '0' || c > '9')
            return false;
    }
    return s.len > 0;
}

/* s starts with the quote. *after is what stands behind the closing one. */
static int
unquote(struct str s, struct buf *value, struct str *after, struct err *e)
{
    char quote = s.p[0];

    for (size_t i = 1; i < s.len; i++) {
        char c = s.p[i];
        char next = i + 1 < s.len ? s.p[i + 1] : '\0';

        if (c == quote) {
            *after = str_trim(str_sub(s, i + 1, s.len));
            return 0;
        }
        if (c == '\\' && quote == '"' && (next == '"' || next == '\\')) {
            c = next;
            i++;
        }
        buf_add_byte(value, c);
    }
    return err_set(e, ERR_BAD_INPUT, "the quote %c is not closed", quote);
}

static int
value_read(struct str s, struct buf *value, struct err *e)
{
    struct str after = {0};

    if (s.len > 0 && (s.p[0] == '"' || s.p[0] == '\'')) {
        if (unquote(s, value, &after, e) != 0)
            return -1;
        if (after.len > 0 && after.p[0] != '#')
            return err_set(e, ERR_BAD_INPUT,
                           "text behind the closing quote");
        return 0;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '#' &&
            (i == 0 || s.p[i - 1] == ' ' || s.p[i - 1] == '\t'))
            s.len = i;
    }
    buf_add_str(value, str_trim(s));
    return 0;
}

static int
line_read(struct str line, struct buf *key, struct buf *value, struct err *e)
{
    ptrdiff_t at;

    if (str_starts(line, STR("export ")) || str_starts(line, STR("export\t")))
        line = str_trim(str_sub(line, 7, line.len));
    at = str_find(line, '=');
    if (at < 0)
        return err_set(e, ERR_BAD_INPUT, "KEY=value is wanted");
    buf_clear(key);
    buf_clear(value);
    buf_add_str(key, str_trim(str_sub(line, 0, (size_t)at)));
    if (!is_key(buf_str(key)))
        return err_set(e, ERR_BAD_INPUT,
                       "the key may hold A-Z, a-z, 0-9 and _ only");
    return value_read(str_trim(str_sub(line, (size_t)at + 1, line.len)),
                      value, e);
}

static int
line_check(struct str line, struct err *e)
{
    if (str_find(line, '\0') >= 0)
        return err_set(e, ERR_BAD_INPUT, "a NUL byte");
    if (str_find(line, '\r') >= 0)
        return err_set(e, ERR_BAD_INPUT, "a CR inside the line");
    if (!utf8_valid(line))
        return err_set(e, ERR_BAD_INPUT, "not UTF-8");
    return 0;
}

int
env_file_parse(struct str text, env_file_fn *fn, void *ctx, struct err *e)
{
    struct buf key, value;
    struct str line;
    int number = 0;
    int rc = 0;

    buf_init(&key, LIM_ENV_FILE);
    buf_init(&value, LIM_ENV_FILE);
    if (text.len > LIM_ENV_FILE)
        return err_set(e, ERR_TOO_LARGE, "%zu bytes; at most %d are read",
                       text.len, LIM_ENV_FILE);
    if (str_starts(text, STR("\xef\xbb\xbf")))
        text = str_sub(text, 3, text.len);
    while (rc == 0 && str_split(&text, '\n', &line)) {
        number++;
        if (line.len > 0 && line.p[line.len - 1] == '\r')
            line.len--;
        rc = line_check(line, e);
        line = str_trim(line);
        if (rc != 0 || line.len == 0 || line.p[0] == '#')
            continue;
        rc = line_read(line, &key, &value, e);
        if (rc == 0)
            rc = fn(ctx, buf_cstr(&key), buf_cstr(&value), e);
    }
    buf_free(&key);
    buf_free(&value);
    return rc == 0 ? 0 : err_wrap(e, "line %d", number);
}

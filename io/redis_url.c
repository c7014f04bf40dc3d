/*
 * redis_url.c - where Redis is: addresses and settings.
 *
 * No sentence quotes an address, for it may hold the password.
 */
#include "io/redis.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define PORT_DEFAULT 6379
#define DB_MAX 1024
#define UNIX_PATH_MAX_BYTES (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

/* False when it does not fit, is malformed, or holds a NUL. */
static bool
percent_decode(struct str s, char *out, size_t cap)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        int c = (unsigned char)s.p[i];

        if (c == '%') {
            int hi = i + 2 < s.len ? str_hex_digit(s.p[i + 1]) : -1;
            int lo = i + 2 < s.len ? str_hex_digit(s.p[i + 2]) : -1;

            if (hi < 0 || lo < 0)
                return false;
            c = hi * 16 + lo;
            i += 2;
        }
        if (c == 0 || n + 1 >= cap)
            return false;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return true;
}

static int
db_parse(struct str s, int *out, struct err *e)
{
    int64_t v;

    if (!str_to_i64(s, &v) || v < 0 || v > DB_MAX)
        return err_set(e, ERR_BAD_INPUT,
                       "REDIS_URL: the database must be a number from 0 to "
                       "%d",
                       DB_MAX);
    *out = (int)v;
    return 0;
}

static int
path_put(struct redis_config *out, struct str path, struct err *e)
{
    if (path.len == 0 || path.p[0] != '/' || path.len > UNIX_PATH_MAX_BYTES)
        return err_set(e, ERR_BAD_INPUT,
                       "a Redis socket must be an absolute path of at most "
                       "%zu bytes",
                       UNIX_PATH_MAX_BYTES);
    snprintf(out->host, sizeof(out->host), STR_FMT, STR_ARG(path));
    out->port = 0;
    return 0;
}

static int
unix_parse(struct str rest, struct redis_config *out, struct err *e)
{
    struct str path = rest;
    ptrdiff_t q = str_find(rest, '?');

    if (q >= 0) {
        struct str query = str_sub(rest, (size_t)q + 1, rest.len);

        path = str_sub(rest, 0, (size_t)q);
        if (!str_starts(query, STR("db=")))
            return err_set(e, ERR_BAD_INPUT,
                           "REDIS_URL: after the path only ?db=N is known");
        if (db_parse(str_sub(query, 3, query.len), &out->db, e) != 0)
            return -1;
    }
    return path_put(out, path, e);
}

static int
login_parse(struct str s, struct redis_config *out, struct err *e)
{
    ptrdiff_t colon = str_find(s, ':');

    if (colon >= 0 &&
        percent_decode(str_sub(s, 0, (size_t)colon), out->user,
                       sizeof(out->user)) &&
        percent_decode(str_sub(s, (size_t)colon + 1, s.len), out->password,
                       sizeof(out->password)))
        return 0;
    return err_set(e, ERR_BAD_INPUT,
                   "REDIS_URL: before the @ it must have user:password or "
                   ":password, special characters as %%XX");
}

/* host, host:port, [v6], [v6]:port */
static int
host_parse(struct str s, struct redis_config *out, struct err *e)
{
    struct str host = s, port = STR("");
    ptrdiff_t end = -1;
    int64_t v = PORT_DEFAULT;

    if (str_starts(s, STR("["))) {
        end = str_find(s, ']');
        host = str_sub(s, 1, end > 0 ? (size_t)end - 1 : 0);
        port = str_sub(s, (size_t)(end + 1), s.len);
    } else if ((end = str_find(s, ':')) >= 0) {
        host = str_sub(s, 0, (size_t)end);
        port = str_sub(s, (size_t)end, s.len);
    }
    if (port.len > 0 &&
        (port.p[0] != ':' || !str_to_i64(str_sub(port, 1, port.len), &v)))
        v = 0;
    if (host.len == 0 || host.len >= sizeof(out->host) || v < 1 || v > 65535)
        return err_set(e, ERR_BAD_INPUT,
                       "REDIS_URL: it must have a host, and a port from 1 to "
                       "65535 if any");
    snprintf(out->host, sizeof(out->host), STR_FMT, STR_ARG(host));
    out->port = (int)v;
    return 0;
}

static int
tcp_parse(struct str rest, struct redis_config *out, struct err *e)
{
    ptrdiff_t at = -1, slash;

    for (size_t i = 0; i < rest.len; i++) /* the last one */
        if (rest.p[i] == '@')
            at = (ptrdiff_t)i;
    if (at >= 0 && login_parse(str_sub(rest, 0, (size_t)at), out, e) != 0)
        return -1;
    rest = str_sub(rest, (size_t)(at + 1), rest.len);
    slash = str_find(rest, '/');
    if (slash >= 0 && (size_t)slash + 1 < rest.len &&
        db_parse(str_sub(rest, (size_t)slash + 1, rest.len), &out->db, e) != 0)
        return -1;
    if (slash >= 0)
        rest = str_sub(rest, 0, (size_t)slash);
    return host_parse(rest, out, e);
}

int
redis_url_parse(const char *url, struct redis_config *out, struct err *e)
{
    struct str s = str_c(url);

    *out = (struct redis_config){0};
    if (str_starts(s, STR("redis://")))
        return tcp_parse(str_sub(s, 8, s.len), out, e);
    if (str_starts(s, STR("unix:")))
        return unix_parse(str_sub(s, 5, s.len), out, e);
    if (str_starts(s, STR("rediss://")))
        return err_set(e, ERR_BAD_INPUT,
                       "REDIS_URL: rediss:// cannot be used, for the Redis "
                       "library of this system (hiredis 0.14) has no TLS: "
                       "use redis:// over a private network or a tunnel");
    return err_set(e, ERR_BAD_INPUT,
                   "REDIS_URL must be redis://[:password@]host:port/db or "
                   "unix:PATH");
}

/* ---- settings ---- */

static int
differ(const char *name, struct err *e)
{
    return err_set(e, ERR_BAD_INPUT,
                   "REDIS_URL and %s are both set and say different things: "
                   "remove one of them",
                   name);
}

/* What is set besides REDIS_URL must say the same. */
static int
config_compare(const struct settings *s, struct redis_config *c, struct err *e)
{
    const char *password = setting_str(s, SET_REDIS_PASSWORD);

    if (setting_str(s, SET_REDIS_HOST)[0] != '\0' &&
        strcmp(setting_str(s, SET_REDIS_HOST), c->host) != 0)
        return differ("REDIS_HOST", e);
    if (c->port != 0 && setting_is_set(s, SET_REDIS_PORT) &&
        setting_int(s, SET_REDIS_PORT) != c->port)
        return differ("REDIS_PORT", e);
    if (setting_is_set(s, SET_REDIS_DB) &&
        setting_int(s, SET_REDIS_DB) != c->db)
        return differ("REDIS_DB", e);
    if (password[0] == '\0')
        return 0;
    if (c->password[0] != '\0' && strcmp(password, c->password) != 0)
        return differ("REDIS_PASSWORD", e);
    if (strlen(password) >= sizeof(c->password))
        return err_set(e, ERR_BAD_INPUT, "REDIS_PASSWORD is too long");
    snprintf(c->password, sizeof(c->password), "%s", password);
    return 0;
}

static int
config_parts(const struct settings *s, struct redis_config *out, struct err *e)
{
    const char *host = setting_str(s, SET_REDIS_HOST);

    *out = (struct redis_config){0};
    out->db = (int)setting_int(s, SET_REDIS_DB);
    out->port = (int)setting_int(s, SET_REDIS_PORT);
    if (host[0] == '/')
        return path_put(out, str_c(host), e);
    if (strlen(host) >= sizeof(out->host))
        return err_set(e, ERR_BAD_INPUT, "REDIS_HOST is too long");
    snprintf(out->host, sizeof(out->host), "%s", host);
    return 0;
}

int
redis_config_from(const struct settings *s, struct redis_config *out,
                  struct err *e)
{
    const char *url = setting_str(s, SET_REDIS_URL);
    int rc;

    if (url[0] == '\0' && setting_str(s, SET_REDIS_HOST)[0] == '\0')
        return err_set(e, ERR_NOT_FOUND,
                       "neither REDIS_URL nor REDIS_HOST is set");
    rc =
        url[0] != '\0' ? redis_url_parse(url, out, e) : config_parts(s, out, e);
    return rc == 0 ? config_compare(s, out, e) : -1;
}

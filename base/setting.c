/*
 * setting.c - the settings: loading, showing.
 */
#include "base/setting.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/env_file.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/setting_check.h"
#include "base/str.h"

struct settings {
    struct {
        char *value; /* NULL: the default */
        int64_t number;
    } rows[SETTING_COUNT];
};

const struct setting_row setting_table[SETTING_COUNT] = {
#define SETTING(id, type, dflt, min, max, roles, text)                        \
    [SET_##id] = {#id, SETTING_##type, dflt, min, max, roles, text},
#include "base/setting.def"
#undef SETTING
};

/* --- secrets --- */

/* The password in scheme://user:password@host, as written; else empty. */
static struct str
url_password(struct str url)
{
    const char *at = memmem(url.p, url.len, "://", 3);
    struct str host;
    size_t n = 0;
    size_t end = 0;
    ptrdiff_t colon;

    if (at == NULL)
        return str_c(NULL);
    host = str_sub(url, (size_t)(at - url.p) + 3, url.len);
    for (; n < host.len && strchr("/?#", host.p[n]) == NULL; n++) {
        if (host.p[n] == '@')
            end = n;
    }
    host = str_sub(host, 0, end);
    colon = str_find(host, ':');
    return colon < 0 ? str_c(NULL)
                     : str_sub(host, (size_t)colon + 1, host.len);
}

/* The value of password= in the URL's query, which libpq takes too. */
static struct str
query_password(struct str url)
{
    static const char key[] = "password=";
    const char *at = memmem(url.p, url.len, key, sizeof(key) - 1);
    struct str rest;
    size_t n = 0;

    if (at == NULL || at == url.p || (at[-1] != '?' && at[-1] != '&'))
        return str_c(NULL);
    rest = str_sub(url, (size_t)(at - url.p) + sizeof(key) - 1, url.len);
    while (n < rest.len && rest.p[n] != '&' && rest.p[n] != '#')
        n++;
    return str_sub(rest, 0, n);
}

/* The log masks encoded forms of what it knows: it wants the decoded one. */
static void
password_register(struct str password)
{
    char *text = mem_strndup(password.p == NULL ? "" : password.p,
                             password.len);
    char *to = text;

    for (const char *p = text; *p != '\0'; p++) {
        int hi = *p == '%' ? str_hex_digit(p[1]) : -1;
        int lo = hi < 0 ? -1 : str_hex_digit(p[2]);

        if (lo >= 0) {
            *to++ = (char)(hi * 16 + lo);
            p += 2;
        } else {
            *to++ = *p;
        }
    }
    *to = '\0';
    log_secret(text);
    mem_free(text);
}

/* Of DATABASE_URL and REDIS_URL only the password is secret: the rest are
 * paths and host names that stand in many lines. */
static bool
is_url_secret(enum setting_id id)
{
    return id == SET_DATABASE_URL || id == SET_REDIS_URL;
}

/* A database given in any other form is taken for secret as a whole. */
static bool
is_url(const char *value)
{
    return strstr(value, "://") != NULL ||
           str_starts(str_c(value), STR("sqlite:")) ||
           str_starts(str_c(value), STR("unix:"));
}

static void
secrets_register(enum setting_id id, const char *value)
{
    struct str rest = str_c(value);
    struct str part;

    if (setting_table[id].type == SETTING_SECRET &&
        !(is_url_secret(id) && is_url(value))) {
        log_secret(value);
        return;
    }
    password_register(query_password(rest));
    if (is_url_secret(id)) {
        password_register(url_password(rest)); /* may hold a comma */
        return;
    }
    while (str_split(&rest, ',', &part)) /* COMFYUI_URL is a list */
        password_register(url_password(part));
}

/* --- loading --- */

static int
setting_find(const char *name)
{
    for (int id = 0; id < SETTING_COUNT; id++) {
        if (strcmp(setting_table[id].name, name) == 0)
            return id;
    }
    return -1;
}

int
setting_put(struct settings *s, enum setting_id id, const char *value,
            struct err *e)
{
    int64_t number = 0;

    if (value[0] == '\0') {
        mem_free(s->rows[id].value);
        s->rows[id].value = NULL;
        value = setting_table[id].dflt;
        if (value[0] == '\0')
            return 0;
        return setting_check(id, value, &s->rows[id].number, e);
    }
    if (setting_check(id, value, &number, e) != 0)
        return -1;
    mem_free(s->rows[id].value);
    s->rows[id].value = mem_strdup(value);
    s->rows[id].number = number;
    secrets_register(id, value);
    return 0;
}

static int
load_defaults(struct settings *s, struct err *e)
{
    for (int id = 0; id < SETTING_COUNT; id++) {
        if (setting_put(s, (enum setting_id)id, "", e) != 0)
            return err_wrap(e, "base/setting.def");
    }
    return 0;
}

static int
put_line(void *ctx, const char *key, const char *value, struct err *e)
{
    int id = setting_find(key);

    if (id < 0)
        return err_set(e, ERR_BAD_INPUT, "%.60s is no setting of tintype",
                       key);
    return setting_put(ctx, (enum setting_id)id, value, e);
}

static int
load_file(struct settings *s, const char *path, struct err *e)
{
    FILE *f = fopen(path, "re");
    char *text = NULL;
    size_t n;
    int rc = 0;

    if (f == NULL && errno == ENOENT)
        return 0;
    if (f == NULL)
        return err_set(e, ERR_BAD_INPUT, "cannot read %s: %s", path,
                       strerror(errno));
    text = mem_alloc(LIM_ENV_FILE + 1); /* one more: then it is too large */
    n = fread(text, 1, LIM_ENV_FILE + 1, f);
    if (ferror(f))
        rc = err_set(e, ERR_BAD_INPUT, "cannot read %s", path);
    else if (env_file_parse(str_n(text, n), put_line, s, e) != 0)
        rc = err_wrap(e, "%s", path);
    fclose(f);
    mem_free(text);
    return rc;
}

/* Names with our prefix are ours: one that nobody knows is a typing error.
 * `up` tells its roles TINTYPE_READY_FD (base/role.h). */
static int
check_prefixed(const char *entry, struct err *e)
{
    struct str name = str_sub(str_c(entry), 0, strcspn(entry, "="));

    if (!str_starts(name, STR("TINTYPE_")) || str_eq_c(name, "TINTYPE_DEPS") ||
        str_eq_c(name, "TINTYPE_READY_FD") ||
        str_starts(name, STR("TINTYPE_TEST_")))
        return 0;
    return err_set(e, ERR_BAD_INPUT,
                   "environment: " STR_FMT " is no setting of tintype "
                   "(settings have no prefix)",
                   STR_ARG(name));
}

static int
load_environment(struct settings *s, struct err *e)
{
    for (char **at = environ; at != NULL && *at != NULL; at++) {
        if (check_prefixed(*at, e) != 0)
            return -1;
    }
    for (int id = 0; id < SETTING_COUNT; id++) {
        const char *value = getenv(setting_table[id].name);

        if (value != NULL && setting_put(s, (enum setting_id)id, value, e) != 0)
            return err_wrap(e, "environment");
    }
    return 0;
}

/* --- what several settings say together --- */

static int
join_backend_url(struct settings *s, struct err *e)
{
    const char *url = s->rows[SET_BACKEND_URL].value;
    const char *other = s->rows[SET_BACKEND_API_URL].value;

    if (other == NULL)
        return 0;
    if (url == NULL)
        return setting_put(s, SET_BACKEND_URL, other, e);
    if (strcmp(url, other) == 0)
        return 0;
    return err_set(e, ERR_BAD_INPUT,
                   "BACKEND_URL and BACKEND_API_URL are one setting, but "
                   "have different values: set one of them");
}

static int
check_together(struct settings *s, struct err *e)
{
    int64_t beat = setting_int(s, SET_HEARTBEAT_MS);
    int64_t lease = setting_int(s, SET_LEASE_MS);

    if (join_backend_url(s, e) != 0)
        return -1;
    if (beat * 2 <= lease)
        return 0;
    return err_set(e, ERR_BAD_INPUT,
                   "HEARTBEAT_MS (%" PRId64 ") is more than half of LEASE_MS "
                   "(%" PRId64 "): one lost heartbeat would end the lease",
                   beat, lease);
}

struct settings *
settings_load(const char *env_file, struct err *e)
{
    struct settings *s = mem_calloc(1, sizeof(*s));

    if (load_defaults(s, e) == 0 &&
        (env_file == NULL || load_file(s, env_file, e) == 0) &&
        load_environment(s, e) == 0 && check_together(s, e) == 0)
        return s;
    settings_free(s);
    return NULL;
}

void
settings_free(struct settings *s)
{
    if (s == NULL)
        return;
    for (int id = 0; id < SETTING_COUNT; id++)
        mem_free(s->rows[id].value);
    mem_free(s);
}

/* --- reading --- */

const char *
setting_str(const struct settings *s, enum setting_id id)
{
    const char *value = s->rows[id].value;

    return value == NULL ? setting_table[id].dflt : value;
}

int64_t
setting_int(const struct settings *s, enum setting_id id)
{
    assert(setting_table[id].type == SETTING_INT);
    return s->rows[id].number;
}

bool
setting_bool(const struct settings *s, enum setting_id id)
{
    assert(setting_table[id].type == SETTING_BOOL);
    return s->rows[id].number != 0;
}

bool
setting_is_set(const struct settings *s, enum setting_id id)
{
    return s->rows[id].value != NULL;
}

/* --- showing --- */

/* The part's own password, if it has one, as ***. */
static void
dump_masked(struct buf *out, struct str s)
{
    struct str password = url_password(s);
    size_t at;

    if (query_password(s).len > 0) {
        buf_add_c(out, "***");
        return;
    }
    if (password.len == 0) {
        buf_add_str(out, s);
        return;
    }
    at = (size_t)(password.p - s.p);
    buf_add_str(out, str_sub(s, 0, at));
    buf_add_c(out, "***");
    buf_add_str(out, str_sub(s, at + password.len, s.len));
}

static void
dump_value(struct buf *out, enum setting_id id, const char *value)
{
    struct str rest = str_c(value);
    struct str part;

    if (setting_table[id].type == SETTING_SECRET &&
        !(is_url_secret(id) && is_url(value))) {
        buf_add_c(out, value[0] == '\0' ? "" : "***");
        return;
    }
    if (is_url_secret(id)) {
        dump_masked(out, rest);
        return;
    }
    for (bool first = true; str_split(&rest, ',', &part); first = false) {
        if (!first)
            buf_add_byte(out, ',');
        dump_masked(out, part);
    }
}

void
settings_dump(const struct settings *s, struct buf *out)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum setting_id id = (enum setting_id)i;

        buf_addf(out, "%s=", setting_table[id].name);
        dump_value(out, id, setting_str(s, id));
        buf_add_byte(out, '\n');
    }
}

static void
markdown_row(struct buf *out, const struct setting_row *row)
{
    buf_addf(out, "| `%s` | ", row->name);
    if (row->dflt[0] != '\0')
        buf_addf(out, "`%s`", row->dflt);
    buf_add_c(out, " | ");
    if (row->type == SETTING_INT)
        buf_addf(out, "%" PRId64 " to %" PRId64, row->min, row->max);
    else if (row->type == SETTING_SECRET)
        buf_add_c(out, "secret");
    else if (row->type == SETTING_BOOL)
        buf_add_c(out, "true or false");
    buf_addf(out, " | %s | %s |\n", row->roles, row->text);
}

void
settings_markdown(struct buf *out)
{
    buf_add_c(out, "| setting | default | values | read by | meaning |\n"
                   "|---|---|---|---|---|\n");
    for (int id = 0; id < SETTING_COUNT; id++)
        markdown_row(out, &setting_table[id]);
}

/*
 * tg_call.c - parameters of a request and the ways in which it fails.
 */
#include "sandbox/tg_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/mem.h"
#include "base/utf8.h"

#define LOGGED_BYTES (256u << 10)

/* ---- failing ---- */

enum tgs_rc
tgs_fail(struct tgs_call *c, int status, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(c->description, sizeof(c->description), fmt, ap);
    va_end(ap);
    c->status = status;
    return TG_FAIL;
}

enum tgs_rc
tgs_fail_retry(struct tgs_call *c, int seconds)
{
    c->retry_after = seconds;
    return tgs_fail(c, 429, "Too Many Requests: retry after %d", seconds);
}

enum tgs_rc
tgs_true(struct tgs_call *c)
{
    jw_bool(&c->w, true);
    return TG_OK;
}

/* ---- reading the request ---- */

static int
bad(struct tgs_call *c, const char *why)
{
    tgs_fail(c, 400, "Bad Request: %s", why);
    return 400;
}

static int
add(struct tgs_call *c, struct tgs_param p)
{
    if (c->n == TG_PARAMS_MAX)
        return bad(c, "too many parameters");
    if (!p.is_file && !p.json &&
        (!utf8_valid(p.text) || str_find(p.text, '\0') >= 0))
        return bad(c, "strings must be encoded in UTF-8");
    c->params[c->n++] = p;
    return 0;
}

static int
add_text(struct tgs_call *c, struct str name, struct str value)
{
    return add(c, (struct tgs_param){.name = arena_strn(c->a, name.p, name.len),
                                     .text = arena_str(c->a, value)});
}

static int
read_query(struct tgs_call *c)
{
    struct str name, value;
    int rc = 0;

    for (size_t i = 0; rc == 0 && http_query_at(c->req, i, &name, &value); i++)
        rc = add_text(c, name, value);
    return rc;
}

static int
read_json(struct tgs_call *c, struct str body)
{
    struct err e;
    const cJSON *j = json_parse_in(c->a, body, 0, &e), *m;
    int rc = 0;

    if (!j || !cJSON_IsObject(j))
        return bad(c, "can't parse request body as JSON object");
    for (m = j->child; m && rc == 0; m = m->next)
        rc = add(c, (struct tgs_param){.name = m->string, .json = m});
    return rc;
}

static struct str
form_decode(struct arena *a, struct str s)
{
    char *to = arena_alloc(a, s.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        int hi = i + 2 < s.len ? str_hex_digit(s.p[i + 1]) : -1;
        int lo = i + 2 < s.len ? str_hex_digit(s.p[i + 2]) : -1;
        if (s.p[i] == '%' && hi >= 0 && lo >= 0) {
            to[n++] = (char)(hi * 16 + lo);
            i += 2;
        } else {
            to[n++] = s.p[i] == '+' ? ' ' : s.p[i];
        }
    }
    return str_n(to, n);
}

int
tgs_form_read(struct tgs_call *c, struct str rest)
{
    struct str field, name;
    int rc = 0;

    while (rc == 0 && rest.len > 0 && str_split(&rest, '&', &field)) {
        if (!str_split(&field, '=', &name))
            continue;
        rc = add_text(c, form_decode(c->a, name), form_decode(c->a, field));
    }
    return rc;
}

static const char *
optional(struct arena *a, struct str s)
{
    return s.p ? arena_strn(a, s.p, s.len) : NULL;
}

static int
read_parts(struct tgs_call *c)
{
    struct http_part p;
    int rc = 0;

    for (size_t i = 0; rc == 0 && http_part(c->req, i, &p); i++) {
        bool is_file = p.filename.p != NULL;
        rc = add(c, (struct tgs_param){
                        .name = arena_strn(c->a, p.name.p, p.name.len),
                        .text = is_file ? p.data : arena_str(c->a, p.data),
                        .is_file = is_file,
                        .filename = optional(c->a, p.filename),
                        .mime = optional(c->a, p.type)});
    }
    return rc;
}

static bool
is_type(const char *given, const char *type)
{
    return strncasecmp(given, type, strlen(type)) == 0;
}

int
tgs_params_read(struct tgs_call *c)
{
    const char *type = http_header(c->req, "content-type", NULL);
    struct str body = http_body(c->req);
    int rc = read_query(c);

    if (rc != 0 || body.len == 0)
        return rc;
    if (type && is_type(type, "application/json"))
        return read_json(c, body);
    if (type && is_type(type, "multipart/form-data"))
        return read_parts(c);
    if (type && is_type(type, "application/x-www-form-urlencoded"))
        return tgs_form_read(c, body);
    return 0; /* other types: the real one ignores the body too */
}

/* ---- parameters ---- */

const struct tgs_param *
tgs_param(const struct tgs_call *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->params[i].name, name) == 0)
            return &c->params[i];
    return NULL;
}

const char *
tgs_arg(struct tgs_call *c, const char *name)
{
    const struct tgs_param *p = tgs_param(c, name);
    const char *z;

    if (!p || p->is_file || (p->json && cJSON_IsNull(p->json)))
        return NULL;
    if (!p->json)
        z = p->text.p;
    else if (cJSON_IsString(p->json))
        z = p->json->valuestring;
    else
        z = json_text(c->a, p->json);
    return z && z[0] ? z : NULL;
}

int64_t
tgs_arg_i64(struct tgs_call *c, const char *name, int64_t dflt)
{
    const char *z = tgs_arg(c, name);
    int64_t v;

    return z && str_to_i64(str_c(z), &v) ? v : dflt;
}

bool
tgs_arg_bool(struct tgs_call *c, const char *name)
{
    const char *z = tgs_arg(c, name);

    return z && (strcasecmp(z, "true") == 0 || strcasecmp(z, "yes") == 0 ||
                 strcmp(z, "1") == 0);
}

const cJSON *
tgs_arg_json(struct tgs_call *c, const char *name, bool *failed)
{
    const struct tgs_param *p = tgs_param(c, name);
    const char *z = tgs_arg(c, name);
    const cJSON *j;

    if (!p || !z)
        return NULL;
    if (p->json && !cJSON_IsString(p->json))
        return p->json;
    j = json_parse_in(c->a, str_c(z), 0, NULL);
    if (!j) {
        tgs_fail(c, 400, "Bad Request: can't parse %s JSON object", name);
        *failed = true;
    }
    return j;
}

static void
show_param(const struct tgs_param *p, struct jw *w)
{
    jw_key(w, p->name);
    if (p->json) {
        jw_tree(w, p->json);
    } else if (!p->is_file) {
        jw_text(w, p->text);
    } else {
        jw_obj(w);
        jw_kstr(w, "file", p->filename);
        jw_kstr(w, "type", p->mime);
        jw_ki64(w, "size", (int64_t)p->text.len);
        jw_end(w);
    }
}

char *
tgs_params_json(const struct tgs_call *c)
{
    struct buf b;
    struct jw w;

    buf_init(&b, LOGGED_BYTES);
    jw_init(&w, &b);
    jw_obj(&w);
    for (size_t i = 0; i < c->n; i++)
        show_param(&c->params[i], &w);
    jw_end(&w);
    if (b.failed) {
        buf_free(&b);
        return NULL;
    }
    return buf_take(&b, NULL);
}

/* ---- shared by methods ---- */

struct tgs_chat *
tgs_call_chat(struct tg *t, struct tgs_call *c)
{
    struct tgs_chat *chat;

    if (!tgs_arg(c, "chat_id")) {
        tgs_fail(c, 400, "Bad Request: chat_id is empty");
        return NULL;
    }
    chat = tgs_chat_find(t, tgs_arg_i64(c, "chat_id", 0));
    if (!chat)
        tgs_fail(c, 400, "Bad Request: chat not found");
    else if (chat->deactivated)
        tgs_fail(c, 403, "Forbidden: user is deactivated");
    else if (chat->blocked)
        tgs_fail(c, 403, "Forbidden: bot was blocked by the user");
    else if (!chat->started)
        tgs_fail(c, 403,
                 "Forbidden: bot can't initiate conversation with a user");
    else
        return chat;
    return NULL;
}

int
tgs_call_text(struct tgs_call *c, const char *text, const char *mode,
              const cJSON *entities, size_t limit, struct tgs_text *out)
{
    struct str s = str_c(text);
    struct err e;
    int rc;

    if (mode && strcasecmp(mode, "HTML") == 0) {
        rc = tgs_html_parse(c->a, s, out, &e);
    } else if (mode && strcasecmp(mode, "None") != 0) {
        err_set(&e, ERR_BAD_INPUT, "unsupported parse_mode");
        rc = -1;
    } else {
        rc = tgs_plain_parse(c->a, s, entities, out, &e);
    }
    if (rc != 0) {
        tgs_fail(c, 400, "Bad Request: %s", e.msg);
        return -1;
    }
    if (out->points <= limit)
        return 0;
    tgs_fail(c, 400, "Bad Request: message %sis too long",
             limit == 4096 ? "" : "caption ");
    return -1;
}

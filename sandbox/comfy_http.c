/*
 * comfy_http.c - from the table of routes to a server; what every request
 * goes through; answers as aiohttp words them (contract 1.1).
 */
#include "sandbox/comfy_http.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define HTTP_THREADS 8
#define STOP_MS 2000
#define JSON_TYPE "application/json; charset=utf-8"
#define TEXT_TYPE "text/plain; charset=utf-8"
/* Bodies a little over the limit are read, to be refused in ComfyUI's words;
 * larger ones httpd refuses in its own. */
#define BODY_READ_MAX ((size_t)COMFY_BODY_MAX + ((size_t)24 << 20))

enum when { ALWAYS, NEWER, BARE };

struct route {
    const char *method, *path;
    void (*fn)(struct http_req *q, struct comfy *c);
    enum when when;
};

static const struct route routes[] = {
#define ROUTE(method, path, fn, when) {method, path, fn, when},
#include "sandbox/comfy_routes.def"
#undef ROUTE
};

#define NROUTES (sizeof(routes) / sizeof(routes[0]))

static const char *const methods[] = {"GET",    "POST",  "PUT",
                                      "DELETE", "PATCH", "OPTIONS"};

#define NMETHODS (sizeof(methods) / sizeof(methods[0]))

struct comfy_http {
    struct httpd *server;
    struct arena *a; /* paths */
    struct http_route *table;
    size_t n;
};

/* ---- answers ---- */

void
reply_json(struct http_req *q, int status, struct buf *b)
{
    if (b->failed)
        reply_crash(q);
    else
        http_reply(q, status, JSON_TYPE, buf_str(b));
    buf_free(b);
}

void
reply_empty(struct http_req *q, int status)
{
    http_reply(q, status, NULL, STR(""));
}

void
reply_text(struct http_req *q, int status, const char *text)
{
    http_reply(q, status, TEXT_TYPE, str_c(text));
}

void
reply_crash(struct http_req *q)
{
    http_set_header(q, "Connection", "close");
    reply_text(q, 500,
               "500 Internal Server Error\n\n"
               "Server got itself in trouble");
}

void
reply_too_large(struct http_req *q)
{
    reply_text(q, 413, "Maximum request body size 104857600 exceeded.");
}

struct py *
request_json(struct http_req *q, struct arena *a)
{
    struct py *v;

    if (http_body(q).len >= COMFY_BODY_MAX) {
        reply_too_large(q);
        return NULL;
    }
    v = py_parse(a, http_body(q), NULL);
    if (!v)
        reply_crash(q);
    return v;
}

bool
comfy_is_uuid(struct str s)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    if (s.len != sizeof(form) - 1)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (form[i] == '-' ? s.p[i] != '-'
                           : !s.p[i] || !strchr("0123456789abcdef", s.p[i]))
            return false;
    return true;
}

/* ---- what every request goes through ---- */

static struct str
host_without_port(struct str s)
{
    for (size_t i = s.len; i-- > 0;) {
        if (s.p[i] == ']')
            break;
        if (s.p[i] == ':')
            return str_sub(s, 0, i);
    }
    return s;
}

static bool
is_loopback(struct str host)
{
    return str_starts(host, STR("127.")) ||
           str_eq_nocase(host, STR("localhost")) || str_eq_c(host, "[::1]");
}

/* A page of another origin that speaks to a loopback server (contract 3.11). */
static bool
is_cross_origin(struct http_req *q, const struct comfy *c)
{
    const char *host = http_header(q, "Host", NULL);
    const char *origin = http_header(q, "Origin", NULL);
    const char *site = http_header(q, "Sec-Fetch-Site", NULL);
    struct str h, o;
    const char *at;

    if (c->cfg.newer && site && strcmp(site, "cross-site") == 0)
        return true;
    if (!host || !origin)
        return false;
    h = str_c(host);
    at = strstr(origin, "://");
    o = str_c(at ? at + 3 : "");
    if (str_find(o, '/') >= 0)
        o = str_sub(o, 0, (size_t)str_find(o, '/'));
    if (!is_loopback(host_without_port(h)) || o.len == 0)
        return false;
    if (host_without_port(o).len == o.len)
        h = host_without_port(h);
    return !str_eq_nocase(h, o);
}

static void
dispatch(struct http_req *q, void *ctx)
{
    struct comfy *c = ctx;
    const struct route *r = http_route(q)->user;
    int64_t ms = 0;

    if (r->when != BARE) {
        if (comfy_fault_strikes(c, FAULT_delay_all, &ms))
            clock_sleep_ms(ms);
        if (is_cross_origin(q, c)) {
            reply_empty(q, 403);
            return;
        }
    }
    r->fn(q, c);
}

/* No such route: the static file handler of "/" takes GET and HEAD. */
static void
fallback(struct http_req *q, void *ctx)
{
    const char *m = http_method(q);

    (void)ctx;
    if (strcmp(m, "OPTIONS") == 0) {
        reply_empty(q, 200);
    } else if (strcmp(m, "GET") == 0 || strcmp(m, "HEAD") == 0) {
        http_reply(q, 404, "application/octet-stream", STR(""));
    } else {
        http_set_header(q, "Allow", "GET,HEAD");
        reply_text(q, 405, "405: Method Not Allowed");
    }
}

/* ---- start and stop ---- */

static bool
is_served(const char *method, const char *path)
{
    for (size_t i = 0; i < NROUTES; i++)
        if (strcmp(routes[i].path, path) == 0 &&
            strcmp(routes[i].method, method) == 0)
            return true;
    return false;
}

static void
table_add(struct comfy_http *h, const char *method, const char *path,
          const struct route *r)
{
    h->table[h->n++] = (struct http_route){.method = method,
                                           .path = path,
                                           .fn = r ? dispatch : fallback,
                                           .body_limit = BODY_READ_MAX,
                                           .user = r};
}

/* httpd answers other methods of a known path by itself; ComfyUI does it in
 * other words, so those get routes too. */
static void
table_add_others(struct comfy_http *h, const struct route *r, const char *path)
{
    for (const struct route *k = routes; k < r; k++)
        if (strcmp(k->path, r->path) == 0)
            return; /* done with the path's first row */
    for (size_t m = 0; m < NMETHODS; m++)
        if (!is_served(methods[m], r->path))
            table_add(h, methods[m], path, NULL);
}

static void
table_make(struct comfy_http *h, bool newer)
{
    h->table =
        ARENA_ARRAY(h->a, struct http_route, NROUTES * 2 * (NMETHODS + 1));
    for (size_t i = 0; i < NROUTES; i++) {
        const struct route *r = &routes[i];
        const char *api = arena_fmt(h->a, "/api%s", r->path);

        if (r->when == NEWER && !newer)
            continue;
        if (r->when != NEWER) {
            table_add(h, r->method, r->path, r);
            table_add_others(h, r, r->path);
        }
        if (r->when != BARE) {
            table_add(h, r->method, api, r);
            table_add_others(h, r, api);
        }
    }
}

struct comfy_http *
comfy_http_start(struct comfy *c, const char *listen, struct err *e)
{
    struct comfy_http *h = mem_calloc(1, sizeof(*h));

    h->a = arena_new();
    table_make(h, c->cfg.newer);
    h->server = httpd_start(&(struct httpd_config){.label = "sandbox-comfy",
                                                   .listen = listen,
                                                   .routes = h->table,
                                                   .nroutes = h->n,
                                                   .ctx = c,
                                                   .threads = HTTP_THREADS,
                                                   .fallback = fallback},
                            e);
    if (h->server)
        return h;
    arena_free(h->a);
    mem_free(h);
    return NULL;
}

int
comfy_http_port(const struct comfy_http *h)
{
    return httpd_port(h->server);
}

void
comfy_http_stop(struct comfy_http *h)
{
    httpd_stop(h->server, STOP_MS);
    arena_free(h->a);
    mem_free(h);
}

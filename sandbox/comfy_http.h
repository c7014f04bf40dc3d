/*
 * comfy_http.h - the sandbox ComfyUI's routes.
 *
 * comfy_routes.def is the table: every row stands at its path and at /api +
 * path. Handlers get the request and the server; they answer once.
 */
#ifndef SANDBOX_COMFY_HTTP_H
#define SANDBOX_COMFY_HTTP_H

#include "io/httpd.h"
#include "sandbox/comfy.h"

struct comfy_http;

/* NULL: the address is taken or malformed. c must outlive it. */
struct comfy_http *comfy_http_start(struct comfy *c, const char *listen,
                                    struct err *e);
int comfy_http_port(const struct comfy_http *h);
void comfy_http_stop(struct comfy_http *h);

/* ---- answers, as aiohttp gives them ---- */
void reply_json(struct http_req *q, int status, struct buf *b); /* frees b */
void reply_empty(struct http_req *q, int status);
void reply_text(struct http_req *q, int status, const char *text);
void reply_crash(struct http_req *q); /* a Python exception: 500 */
void reply_too_large(struct http_req *q);

/* await request.json(): NULL when it was answered (413, 500). */
struct py *request_json(struct http_req *q, struct arena *a);

/* Canonical: lower case, hyphens. */
bool comfy_is_uuid(struct str s);

#define COMFY_TEXT_MAX ((size_t)512 << 20) /* of one JSON answer */

/* ---- handlers ---- */
#define ROUTE(method, path, fn, when)                                          \
    void fn(struct http_req *q, struct comfy *c);
#include "sandbox/comfy_routes.def"
#undef ROUTE

#endif

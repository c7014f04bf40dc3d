/*
 * httpd_req.c - what handlers see of a request, and their answers.
 */
#include "io/httpd_int.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

const char *
http_method(const struct http_req *q)
{
    return q->method;
}

const char *
http_path(const struct http_req *q)
{
    return q->target.path;
}

struct str
http_body(const struct http_req *q)
{
    return buf_str(&q->body);
}

const char *
http_param(const struct http_req *q, const char *name)
{
    for (size_t i = 0; i < q->match.nparams; i++)
        if (str_eq_c(q->match.params[i].name, name))
            return q->match.params[i].value.p;
    return NULL;
}

const char *
http_query(const struct http_req *q, const char *name)
{
    for (size_t i = 0; i < q->target.nquery; i++)
        if (str_eq_c(q->target.query[i].name, name))
            return q->target.query[i].value.p;
    return NULL;
}

bool
http_query_at(const struct http_req *q, size_t n, struct str *name,
              struct str *value)
{
    if (n >= q->target.nquery)
        return false;
    *name = q->target.query[n].name;
    *value = q->target.query[n].value;
    return true;
}

const char *
http_header(const struct http_req *q, const char *name, bool *twice)
{
    const char *found = NULL;
    unsigned n = 0;

    for (size_t i = 0; i < q->nheaders; i++)
        if (str_eq_nocase(q->headers[i].name, str_c(name))) {
            found = q->headers[i].value.p;
            n++;
        }
    if (twice)
        *twice = n > 1;
    return n == 1 ? found : NULL;
}

const char *
http_peer(const struct http_req *q)
{
    return q->peer;
}

struct arena *
http_arena(struct http_req *q)
{
    return q->arena;
}

const struct http_route *
http_route(const struct http_req *q)
{
    return q->match.route;
}

int64_t
http_started_us(const struct http_req *q)
{
    return q->started_us;
}

void *
http_user(const struct http_req *q)
{
    return q->user;
}

void
http_user_set(struct http_req *q, void *p)
{
    q->user = p;
}

struct httpd *
http_server(struct http_req *q)
{
    return q->server;
}

static void
read_parts(struct http_req *q)
{
    const char *type = http_header(q, "content-type", NULL);
    struct multipart *m;
    struct str boundary;

    q->parts_read = true;
    if (!type || !multipart_boundary(str_c(type), &boundary))
        return;
    m = ARENA_NEW(q->arena, struct multipart);
    if (multipart_parse(q->arena, http_body(q), boundary, m, NULL) == 0)
        q->parts = m;
}

bool
http_part(struct http_req *q, size_t n, struct http_part *out)
{
    if (!q->parts_read)
        read_parts(q);
    if (!q->parts || n >= q->parts->n)
        return false;
    const struct multipart_part *p = &q->parts->parts[n];
    *out = (struct http_part){.name = p->name,
                              .filename = p->filename,
                              .type = p->type,
                              .data = p->data};
    return true;
}

/* What would become a header of its own, or end the head, must not get here:
 * whoever builds headers from a stranger's text checks it first (P11). */
static bool
is_header_value(const char *z)
{
    for (; *z; z++)
        if (((unsigned char)*z < 0x20 && *z != '\t') || *z == 0x7f)
            return false;
    return true;
}

void
http_set_header(struct http_req *q, const char *name, const char *value)
{
    struct http_out_header *h = ARENA_NEW(q->arena, struct http_out_header);

    assert(is_header_value(name) && is_header_value(value));
    h->name = arena_strdup(q->arena, name);
    h->value = arena_strdup(q->arena, value);
    h->next = q->out;
    q->out = h;
}

static void
add_headers(struct http_req *q, const char *type)
{
    if (type)
        MHD_add_response_header(q->response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                type);
    for (struct http_out_header *h = q->out; h; h = h->next)
        MHD_add_response_header(q->response, h->name, h->value);
    if (httpd_stopping(q->server))
        MHD_add_response_header(q->response, MHD_HTTP_HEADER_CONNECTION,
                                "close");
}

/* Takes the response; after this only sending is left. */
static void
set_answer(struct http_req *q, int status, const char *type, uint64_t bytes,
           struct MHD_Response *response)
{
    const struct httpd_config *cfg = &q->server->cfg;

    assert(response && !q->response);
    q->response = response;
    q->status = status;
    q->answer_bytes = bytes;
    add_headers(q, type);
    if (cfg->done)
        cfg->done(q->match.route, status, clock_mono_us() - q->started_us,
                  cfg->ctx);
}

static struct MHD_Response *
copy_response(struct str body)
{
    if (body.len == 0)
        return MHD_create_response_from_buffer(0, NULL,
                                               MHD_RESPMEM_PERSISTENT);
    void *p = mem_alloc(body.len);
    memcpy(p, body.p, body.len);
    return MHD_create_response_from_buffer_with_free_callback(body.len, p,
                                                              mem_free);
}

/* Hands the request back to libmicrohttpd's thread; q is gone after it. */
void
httpd_req_resume(struct http_req *q)
{
    struct MHD_Connection *mhd = q->mhd;

    assert(q->stage == REQ_HANDED);
    q->stage = REQ_ANSWERED;
    httpd_pool_settled(q);
    MHD_resume_connection(mhd);
}

void
http_reply(struct http_req *q, int status, const char *type, struct str body)
{
    bool empty = status == 204 || status == 304 || body.len == 0;

    if (empty)
        body.len = 0;
    set_answer(q, status, type ? type : empty ? NULL : "application/json",
               body.len, copy_response(body));
    httpd_req_resume(q);
}

void
http_reply_fd(struct http_req *q, int status, const char *type, int fd,
              uint64_t size)
{
    set_answer(q, status, type ? type : "application/json", size,
               MHD_create_response_from_fd64(size, fd));
    httpd_req_resume(q);
}

void
http_drop(struct http_req *q)
{
    q->dropped = true;
    httpd_req_resume(q);
}

struct problem {
    int status;
    const char *title, *code;
};

static const struct problem problems[] = {
    {400, "Bad Request", "bad_request"},
    {401, "Unauthorized", "unauthorized"},
    {404, "Not Found", "not_found"},
    {405, "Method Not Allowed", "method_not_allowed"},
    {413, "Content Too Large", "too_large"},
    {431, "Request Header Fields Too Large", "too_large"},
    {500, "Internal Server Error", "internal"},
    {503, "Service Unavailable", "unavailable"},
    {505, "HTTP Version Not Supported", "bad_request"},
};

void
httpd_req_problem(struct http_req *q, int status, const char *why)
{
    const struct problem *p = problems;
    struct buf b;
    struct jw w;

    while (p->status != status)
        assert(++p < problems + sizeof(problems) / sizeof(*problems));
    buf_init(&b, 4096);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, "type", "about:blank");
    jw_kstr(&w, "title", p->title);
    jw_ki64(&w, "status", status);
    jw_kstr(&w, "code", p->code);
    if (why)
        jw_kstr(&w, "detail", why);
    jw_end(&w);
    set_answer(q, status, "application/problem+json", b.len,
               copy_response(buf_str(&b)));
    buf_free(&b);
}

void
httpd_req_empty(struct http_req *q, int status)
{
    set_answer(q, status, NULL, 0, copy_response(STR("")));
}

void
httpd_req_free(struct http_req *q)
{
    if (q->response)
        MHD_destroy_response(q->response);
    buf_free(&q->body);
    arena_free(q->arena);
    mem_free(q);
}

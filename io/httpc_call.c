/*
 * httpc_call.c - one request as curl options, and what curl calls meanwhile.
 */
#include "io/httpc_int.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include "base/mem.h"

#define LOW_SPEED_BYTES 1024L

/* ---- what curl calls ---- */

static size_t
on_read(char *out, size_t size, size_t n, void *arg)
{
    struct source *s = arg;
    size_t left = s->data.len - s->at, take = size * n;

    if (take > left)
        take = left;
    if (take > 0)
        memcpy(out, s->data.p + s->at, take);
    s->at += take;
    s->call->body_left = true;
    return take;
}

/* Only requests that may happen twice have it. */
static int
on_seek(void *arg, curl_off_t offset, int origin)
{
    struct source *s = arg;

    if (origin != SEEK_SET || offset < 0 || (size_t)offset > s->data.len)
        return CURL_SEEKFUNC_FAIL;
    s->at = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static size_t
on_answer(char *p, size_t size, size_t n, void *arg)
{
    struct call *k = arg;

    buf_add(&k->r->body, p, size * n);
    if (!k->r->body.failed)
        return size * n;
    k->too_large = true;
    return 0;
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
    struct call *k = arg;
    struct str line = str_n(p, size * n), name = STR("retry-after:");
    int64_t s;

    if (str_starts(line, STR("HTTP/"))) /* a 100 Continue came before it */
        k->r->retry_after_s = -1;
    if (line.len > name.len &&
        str_eq_nocase(str_sub(line, 0, name.len), name) &&
        str_to_i64(str_trim(str_sub(line, name.len, line.len)), &s) &&
        s >= 0 && s <= INT32_MAX)
        k->r->retry_after_s = (int)s;
    return size * n;
}

/* Programs that are started meanwhile must not inherit it. */
static int
on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    (void)arg;
    (void)purpose;
    return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? CURL_SOCKOPT_OK
                                               : CURL_SOCKOPT_ERROR;
}

static int
on_progress(void *arg, curl_off_t dt, curl_off_t dn, curl_off_t ut,
            curl_off_t un)
{
    struct call *k = arg;

    (void)dt;
    (void)dn;
    (void)ut;
    (void)un;
    return k->c->stopped;
}

/* ---- building the request ---- */

static int
add_header(struct call *k, const char *line, struct err *e)
{
    if (!httpc_is_clean(line))
        return err_set(e, ERR_BAD_INPUT, "%s %s: a header holds control bytes",
                       k->c->label, k->q->op);
    k->headers = curl_slist_append(k->headers, line);
    assert(k->headers);
    return 0;
}

static int
add_content_type(struct call *k, struct err *e)
{
    struct buf b;
    int rc;

    buf_init(&b, 1024);
    buf_addf(&b, "Content-Type: %s",
             k->q->content_type ? k->q->content_type : "application/json");
    rc = b.failed ? err_set(e, ERR_BAD_INPUT, "content type is too long")
                  : add_header(k, buf_cstr(&b), e);
    buf_free(&b);
    return rc;
}

static int
build_headers(struct call *k, bool has_body, struct err *e)
{
    const char *const *h = k->q->headers;

    if (add_header(k, "Expect:", e) != 0)
        return -1;
    if (k->c->bearer && add_header(k, k->c->bearer, e) != 0)
        return -1;
    if (has_body && add_content_type(k, e) != 0)
        return -1;
    for (; h && *h; h++)
        if (add_header(k, *h, e) != 0)
            return -1;
    curl_easy_setopt(k->h, CURLOPT_HTTPHEADER, k->headers);
    return 0;
}

static int
build_url(struct call *k, struct err *e)
{
    const char *path = k->q->path;
    struct buf b;

    for (const char *p = path; *p; p++)
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f)
            return err_set(e, ERR_BAD_INPUT,
                           "%s %s: the path is not escaped", k->c->label,
                           k->q->op);
    assert(path[0] == '/');
    buf_init(&b, 64 * 1024);
    buf_add_c(&b, k->c->origin);
    buf_add_c(&b, path);
    if (b.failed) {
        buf_free(&b);
        return err_set(e, ERR_BAD_INPUT, "%s %s: the path is too long",
                       k->c->label, k->q->op);
    }
    k->url = buf_take(&b, NULL);
    curl_easy_setopt(k->h, CURLOPT_URL, k->url);
    return 0;
}

/* Names are escaped by libcurl, types are not. */
static int
build_part(struct call *k, size_t i, struct err *e)
{
    const struct httpc_part *p = &k->q->parts[i];
    curl_mimepart *m = curl_mime_addpart(k->mime);

    assert(m);
    if (p->type && !httpc_is_clean(p->type))
        return err_set(e, ERR_BAD_INPUT, "%s %s: a type holds control bytes",
                       k->c->label, k->q->op);
    k->parts[i] = (struct source){.data = p->data, .call = k};
    curl_mime_name(m, p->name);
    if (p->filename)
        curl_mime_filename(m, p->filename);
    if (p->type)
        curl_mime_type(m, p->type);
    curl_mime_data_cb(m, (curl_off_t)p->data.len, on_read,
                      k->once ? NULL : on_seek, NULL, &k->parts[i]);
    return 0;
}

static int
build_multipart(struct call *k, struct err *e)
{
    k->mime = curl_mime_init(k->h);
    k->parts = mem_calloc(k->q->nparts, sizeof(*k->parts));
    assert(k->mime);
    for (size_t i = 0; i < k->q->nparts; i++)
        if (build_part(k, i, e) != 0)
            return -1;
    curl_easy_setopt(k->h, CURLOPT_MIMEPOST, k->mime);
    return 0;
}

static void
build_body(struct call *k)
{
    curl_off_t len = (curl_off_t)k->body.data.len;

    curl_easy_setopt(k->h, CURLOPT_POST, 1L);
    curl_easy_setopt(k->h, CURLOPT_POSTFIELDSIZE_LARGE, len);
    if (k->once) {
        curl_easy_setopt(k->h, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(k->h, CURLOPT_READDATA, &k->body);
    } else {
        curl_easy_setopt(k->h, CURLOPT_POSTFIELDS,
                         len > 0 ? k->body.data.p : "");
    }
}

static int
build_method(struct call *k, struct err *e)
{
    const struct httpc_req *q = k->q;
    bool is_get = strcmp(q->method, "GET") == 0;
    bool has_body;

    k->once = !q->idempotent && !is_get;
    k->body = (struct source){.data = q->body, .call = k};
    if (k->once && q->body.len == 0)
        k->body.data = STR("{}");
    has_body = k->body.data.len > 0 || !(is_get || q->idempotent) ||
               strcmp(q->method, "POST") == 0 || strcmp(q->method, "PUT") == 0;
    if (q->nparts > 0) {
        has_body = false;
        if (build_multipart(k, e) != 0)
            return -1;
    } else if (has_body) {
        build_body(k);
    } else {
        curl_easy_setopt(k->h, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(k->h, CURLOPT_CUSTOMREQUEST, q->method);
    return build_headers(k, has_body, e);
}

static void
build_limits(struct call *k)
{
    const struct httpc_req *q = k->q;
    int64_t total = q->timeout_ms > 0 ? q->timeout_ms : LIM_HTTP_CALL_MS;

    buf_init(&k->r->body, q->max_answer ? q->max_answer : LIM_HTTP_ANSWER_MAX);
    curl_easy_setopt(k->h, CURLOPT_TIMEOUT_MS, (long)total);
    curl_easy_setopt(k->h, CURLOPT_CONNECTTIMEOUT_MS, (long)k->c->connect_ms);
    curl_easy_setopt(k->h, CURLOPT_MAXAGE_CONN, (long)LIM_HTTP_KEPT_S);
    curl_easy_setopt(k->h, CURLOPT_MAXCONNECTS, 1L);
    if (q->low_speed_s > 0) {
        curl_easy_setopt(k->h, CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED_BYTES);
        curl_easy_setopt(k->h, CURLOPT_LOW_SPEED_TIME, (long)q->low_speed_s);
    }
}

static void
build_transport(struct call *k)
{
    curl_easy_setopt(k->h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(k->h, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(k->h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(k->h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(k->h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(k->h, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(k->h, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(k->h, CURLOPT_PATH_AS_IS, 1L);
    if (k->c->unix_path)
        curl_easy_setopt(k->h, CURLOPT_UNIX_SOCKET_PATH, k->c->unix_path);
    if (k->c->loopback) /* whatever http_proxy says */
        curl_easy_setopt(k->h, CURLOPT_PROXY, "");
    curl_easy_setopt(k->h, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(k->h, CURLOPT_WRITEDATA, k);
    curl_easy_setopt(k->h, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(k->h, CURLOPT_HEADERDATA, k);
    curl_easy_setopt(k->h, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(k->h, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(k->h, CURLOPT_XFERINFODATA, k);
}

int
httpc_call_build(struct call *k, struct err *e)
{
    build_limits(k);
    build_transport(k);
    return build_url(k, e) != 0 ? -1 : build_method(k, e);
}

void
httpc_call_fini(struct call *k)
{
    curl_mime_free(k->mime);
    curl_slist_free_all(k->headers);
    mem_free(k->parts);
    mem_free(k->url);
}

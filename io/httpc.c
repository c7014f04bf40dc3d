/*
 * httpc.c - HTTP client (libcurl), one struct per upstream.
 *
 * DESIGN. A request that must not happen twice gives its body by a read
 * callback that cannot seek. When a re-used connection dies before the first
 * byte of the answer, libcurl wants to send again, cannot rewind, and answers
 * CURLE_SEND_FAIL_REWIND (65) instead of sending twice (protocols 11). That
 * works only if there are bytes to rewind, so an empty body is sent as "{}".
 *
 * Whether a failure had an effect is judged by what has left this process: a
 * request without .idempotent cannot act before its body is complete, so one
 * whose callback was never asked had none; of others it is the request line.
 */
#include "io/httpc.h"

#include <assert.h>
#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "io/hostport.h"

#define LOW_SPEED_BYTES 1024L

struct httpc {
    char *label;
    char *origin;    /* "http://host:port/prefix", no slash at the end */
    char *unix_path; /* or NULL */
    char *bearer;    /* whole header line, or NULL */
    int64_t connect_ms;
    bool loopback;
    _Atomic bool stopped;
    pthread_mutex_t lock;
    CURL *kept[LIM_HTTP_KEPT] GUARDED_BY(lock); /* last used on top */
    size_t nkept GUARDED_BY(lock);
};

/* What is read from while curl sends: the body or one part. */
struct source {
    struct str data;
    size_t at;
    struct call *call;
};

struct call {
    struct httpc *c;
    const struct httpc_req *q;
    struct httpc_res *r;
    CURL *h;
    struct curl_slist *headers;
    curl_mime *mime;
    char *url;
    struct source body;
    struct source *parts;
    bool once;      /* may not happen twice */
    bool body_left; /* bytes of the body were given to curl */
    bool too_large;
};

/* ---- making one ---- */

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void
curl_start(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
        log_error("httpc", "start", "libcurl did not start");
        abort();
    }
}

static bool
is_clean(const char *z)
{
    for (; *z; z++)
        if ((unsigned char)*z < 0x20 || *z == 0x7f)
            return false;
    return true;
}

static int
set_base(struct httpc *c, const char *base, struct err *e)
{
    struct arena *a = NULL;
    const char *url;
    int rc = -1;

    if (strncmp(base, "unix:", 5) == 0) {
        struct hostport hp;
        if (hostport_parse(base, &hp, e) != 0)
            return -1;
        c->unix_path = mem_strdup(hp.unix_path);
        c->origin = mem_strdup("http://localhost");
        c->loopback = true;
        return 0;
    }
    a = arena_new();
    url = httpc_normalise(a, base, e);
    if (url) {
        c->origin = mem_strdup(url);
        c->loopback = httpc_is_loopback(url);
        rc = 0;
    }
    arena_free(a);
    return rc;
}

static int
set_bearer(struct httpc *c, const char *bearer, struct err *e)
{
    struct buf b;

    if (!bearer || !*bearer)
        return 0;
    if (!is_clean(bearer))
        return err_set(e, ERR_BAD_INPUT, "%s: the token holds control bytes",
                       c->label);
    buf_init(&b, 8192);
    buf_addf(&b, "Authorization: Bearer %s", bearer);
    c->bearer = buf_take(&b, NULL);
    return 0;
}

struct httpc *
httpc_new(const struct httpc_config *cfg, struct err *e)
{
    struct httpc *c = mem_calloc(1, sizeof(*c));

    pthread_once(&curl_once, curl_start);
    pthread_mutex_init(&c->lock, NULL);
    c->label = mem_strdup(cfg->label);
    c->connect_ms = cfg->connect_ms > 0 ? cfg->connect_ms : LIM_HTTP_CONNECT_MS;
    if (set_base(c, cfg->base, e) != 0 || set_bearer(c, cfg->bearer, e) != 0) {
        err_wrap(e, "%s", cfg->label);
        httpc_free(c);
        return NULL;
    }
    return c;
}

void
httpc_free(struct httpc *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->nkept; i++)
        curl_easy_cleanup(c->kept[i]);
    pthread_mutex_destroy(&c->lock);
    mem_free(c->label);
    mem_free(c->origin);
    mem_free(c->unix_path);
    mem_free(c->bearer);
    mem_free(c);
}

void
httpc_stop(struct httpc *c)
{
    c->stopped = true;
}

static CURL *
handle_take(struct httpc *c)
{
    CURL *h = NULL;

    pthread_mutex_lock(&c->lock);
    if (c->nkept > 0)
        h = c->kept[--c->nkept];
    pthread_mutex_unlock(&c->lock);
    if (!h)
        h = curl_easy_init();
    assert(h);
    return h;
}

static void
handle_give(struct httpc *c, CURL *h)
{
    pthread_mutex_lock(&c->lock);
    if (c->nkept < LIM_HTTP_KEPT) {
        c->kept[c->nkept++] = h;
        h = NULL;
    }
    pthread_mutex_unlock(&c->lock);
    if (h)
        curl_easy_cleanup(h);
}

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
    if (!is_clean(line))
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
    if (p->type && !is_clean(p->type))
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

/* ---- the outcome ---- */

static bool
was_sent(const struct call *k)
{
    long request_bytes = 0;

    if (k->once)
        return k->body_left;
    curl_easy_getinfo(k->h, CURLINFO_REQUEST_SIZE, &request_bytes);
    return request_bytes > 0;
}

static enum err_code
classify(const struct call *k, CURLcode rc)
{
    switch ((int)rc) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: /* also an answer in HTTP/0.9 */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
        return ERR_BAD_INPUT;
    case CURLE_WRITE_ERROR:
        return k->too_large ? ERR_TOO_LARGE : ERR_BAD_INPUT;
    case CURLE_SEND_FAIL_REWIND:
        return ERR_TIMEOUT;
    default:
        return was_sent(k) ? ERR_TIMEOUT : ERR_UNAVAILABLE;
    }
}

static int
fail(struct call *k, CURLcode rc, struct err *e)
{
    enum err_code code = classify(k, rc);
    const char *what = curl_easy_strerror(rc);

    if (code == ERR_TOO_LARGE)
        return err_set(e, code, "%s %s: the answer is over %zu bytes",
                       k->c->label, k->q->op, k->r->body.limit);
    if (rc == CURLE_ABORTED_BY_CALLBACK)
        what = "this program is stopping";
    return err_set(e, code, "%s %s: %s%s", k->c->label, k->q->op, what,
                   code == ERR_TIMEOUT ? " (the outcome is unknown)" : "");
}

static void
read_content_type(struct call *k)
{
    char *z = NULL;
    struct str s, type;

    curl_easy_getinfo(k->h, CURLINFO_CONTENT_TYPE, &z);
    s = str_c(z);
    if (!z || !str_split(&s, ';', &type))
        return;
    type = str_trim(type);
    if (type.len >= sizeof(k->r->content_type))
        return;
    for (size_t i = 0; i < type.len; i++)
        k->r->content_type[i] = (char)tolower((unsigned char)type.p[i]);
}

static int
perform(struct call *k, struct err *e)
{
    CURLcode rc = curl_easy_perform(k->h);
    long status = 0;

    if (rc != CURLE_OK)
        return fail(k, rc, e);
    curl_easy_getinfo(k->h, CURLINFO_RESPONSE_CODE, &status);
    k->r->status = (int)status;
    read_content_type(k);
    return 0;
}

int
httpc_do(struct httpc *c, const struct httpc_req *q, struct httpc_res *r,
         struct err *e)
{
    struct call k = {.c = c, .q = q, .r = r, .h = handle_take(c)};
    int64_t start = clock_mono_ms();
    int rc = -1;

    memset(r, 0, sizeof(*r));
    r->retry_after_s = -1;
    build_limits(&k);
    build_transport(&k);
    if (build_url(&k, e) != 0 || build_method(&k, e) != 0)
        goto out;
    rc = perform(&k, e);
    log_debug("httpc", "call", "to=%s op=%s status=%d ms=%lld", c->label,
              q->op, r->status, (long long)(clock_mono_ms() - start));
out:
    curl_easy_reset(k.h); /* options are forgotten, the connection is kept */
    curl_mime_free(k.mime);
    curl_slist_free_all(k.headers);
    mem_free(k.parts);
    mem_free(k.url);
    handle_give(c, k.h);
    if (rc != 0)
        httpc_res_free(r);
    return rc;
}

void
httpc_res_free(struct httpc_res *r)
{
    buf_free(&r->body);
}

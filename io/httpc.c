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
 * whose callback was never asked had none; of others, and of multipart ones
 * (whose delimiters are bytes too), it is the request line.
 */
#include "io/httpc_int.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/hostport.h"

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

bool
httpc_is_clean(const char *z)
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
    if (!httpc_is_clean(bearer))
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

/* ---- the outcome ---- */

static bool
was_sent(const struct call *k)
{
    long request_bytes = 0;

    if (k->once && k->q->nparts == 0)
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
    int rc;

    memset(r, 0, sizeof(*r));
    r->retry_after_s = -1;
    rc = httpc_call_build(&k, e);
    if (rc == 0)
        rc = perform(&k, e);
    log_debug("httpc", "call", "to=%s op=%s status=%d ms=%lld", c->label,
              q->op, r->status, (long long)(clock_mono_ms() - start));
    curl_easy_reset(k.h); /* options are forgotten, the connection is kept */
    httpc_call_fini(&k);
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

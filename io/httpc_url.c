/*
 * httpc_url.c - escaping, comparing and judging addresses.
 */
#include "io/httpc.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

char *
httpc_escape(struct arena *a, struct str s)
{
    static const char hex[] = "0123456789ABCDEF";
    char *out = arena_alloc(a, s.len * 3 + 1), *w = out;

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (isalnum(c) || (c && strchr("-._~", c))) {
            *w++ = (char)c;
            continue;
        }
        *w++ = '%';
        *w++ = hex[c >> 4];
        *w++ = hex[c & 15];
    }
    *w = '\0';
    return out;
}

static char *
url_part(CURLU *u, CURLUPart part)
{
    char *z = NULL;

    return curl_url_get(u, part, &z, 0) == CURLUE_OK ? z : NULL;
}

static bool
is_default_port(const char *scheme, const char *port)
{
    return strcmp(port, strcmp(scheme, "https") == 0 ? "443" : "80") == 0;
}

static void
add_lower(struct buf *b, const char *z)
{
    for (; *z; z++)
        buf_add_byte(b, (char)tolower((unsigned char)*z));
}

static char *
url_print(struct arena *a, const char *scheme, const char *host,
          const char *port, const char *path)
{
    size_t len = path ? strlen(path) : 0;
    struct buf b;
    char *out;

    while (len > 0 && path[len - 1] == '/')
        len--;
    buf_init(&b, 8192);
    add_lower(&b, scheme);
    buf_add_c(&b, "://");
    add_lower(&b, host);
    if (port && !is_default_port(scheme, port))
        buf_addf(&b, ":%s", port);
    if (len > 0)
        buf_add(&b, path, len);
    out = b.failed ? NULL : arena_strn(a, b.p, b.len);
    buf_free(&b);
    return out;
}

char *
httpc_normalise(struct arena *a, const char *url, struct err *e)
{
    CURLU *u = curl_url();
    char *part[6] = {NULL}, *out = NULL;

    assert(u);
    if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK) {
        err_set(e, ERR_BAD_INPUT, "an address is no http:// or https:// URL");
        goto out;
    }
    part[0] = url_part(u, CURLUPART_SCHEME);
    part[1] = url_part(u, CURLUPART_HOST);
    part[2] = url_part(u, CURLUPART_PORT);
    part[3] = url_part(u, CURLUPART_PATH);
    part[4] = url_part(u, CURLUPART_USER);
    part[5] = url_part(u, CURLUPART_PASSWORD);
    if (!part[0] || !part[1] ||
        (strcmp(part[0], "http") != 0 && strcmp(part[0], "https") != 0))
        err_set(e, ERR_BAD_INPUT, "an address must begin with http:// or "
                                  "https://");
    else if (part[4] || part[5])
        err_set(e, ERR_BAD_INPUT,
                "an address must not carry a user or password");
    else if (strchr(url, '?') || strchr(url, '#'))
        err_set(e, ERR_BAD_INPUT, "an address must not carry ? or #");
    else if (!(out = url_print(a, part[0], part[1], part[2], part[3])))
        err_set(e, ERR_BAD_INPUT, "an address is too long");
out:
    for (size_t i = 0; i < 6; i++)
        curl_free(part[i]);
    curl_url_cleanup(u);
    return out;
}

/* As curl gives it: IPv6 in brackets. */
static bool
is_loopback_host(const char *host)
{
    struct in_addr v4;

    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

bool
httpc_is_loopback(const char *url)
{
    CURLU *u;
    char *host = NULL;
    bool yes;

    if (strncmp(url, "unix:", 5) == 0)
        return true;
    u = curl_url();
    assert(u);
    if (curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK)
        host = url_part(u, CURLUPART_HOST);
    yes = host && is_loopback_host(host);
    curl_free(host);
    curl_url_cleanup(u);
    return yes;
}

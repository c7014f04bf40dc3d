/*
 * httpc_int.h - what httpc.c (the client, outcomes) and httpc_call.c (one
 * request as curl options) share; nobody else includes it.
 */
#ifndef IO_HTTPC_INT_H
#define IO_HTTPC_INT_H

#include <curl/curl.h>
#include <stdatomic.h>
#include "base/limits.h"
#include "base/thread.h"
#include "io/httpc.h"

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

/* No control bytes: may stand in a header. */
bool httpc_is_clean(const char *z);
/* Sets all options for k->q on k->h. BAD_INPUT: nothing may be sent. */
int httpc_call_build(struct call *k, struct err *e);
void httpc_call_fini(struct call *k); /* what build made; not the handle */

#endif

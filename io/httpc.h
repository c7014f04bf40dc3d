/*
 * httpc.h - HTTP client (libcurl), one struct per upstream.
 *
 *     struct httpc *c = httpc_new(&(struct httpc_config){
 *         .label = "comfyui", .base = "http://127.0.0.1:8188"});
 *     struct httpc_res r;
 *     if (httpc_do(c, &(struct httpc_req){.method = "GET", .path = "/queue",
 *             .op = "queue", .timeout_ms = 5000}, &r, &e) == 0) ...
 *     httpc_res_free(&r);
 *
 * Blocking; safe from many threads (each call borrows a connection). No
 * redirects, no Expect:, no signals, TLS verified, at most `max_answer` bytes
 * are read. Kept connections are at most 15 s old (CURLOPT_MAXAGE_CONN).
 * URLs never reach a log or an error: label and op do (P10).
 *
 * Re-sending (protocols 11): libcurl repeats a request by itself when a
 * re-used connection dies. Requests without .idempotent give their body by a
 * read callback without seek, so that curl answers 65 instead: TIMEOUT.
 *
 * Errors: UNAVAILABLE = never reached the server, no effect; TIMEOUT = sent,
 * outcome unknown; TOO_LARGE = the answer is over max_answer; BAD_INPUT = the
 * answer breaks HTTP. Every HTTP status, 500 too, is success here.
 */
#ifndef IO_HTTPC_H
#define IO_HTTPC_H

#include <stdio.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct httpc;

struct httpc_config {
    const char *label;  /* stands for the URL in logs and errors */
    const char *base;   /* "http://host:port[/prefix]" or "unix:/path" */
    const char *bearer; /* NULL or token for Authorization: Bearer */
    int64_t connect_ms; /* 0: 5000 */
};

/* One multipart part. Data is borrowed during the call. */
struct httpc_part {
    const char *name;
    const char *filename; /* NULL: a plain field */
    const char *type;     /* NULL: curl's default */
    struct str data;
};

struct httpc_req {
    const char *method; /* "GET" "POST" "PUT" "PATCH" "DELETE" */
    const char *path;   /* begins with /; query included, already escaped */
    const char *op;     /* short name for logs: "sendPhoto" */
    bool idempotent;    /* may happen twice; GET always may */
    const char *content_type; /* of body; NULL: application/json */
    struct str body;
    const struct httpc_part *parts; /* instead of body */
    size_t nparts;
    const char *const *headers; /* "Name: value", NULL-terminated, or NULL */
    int64_t timeout_ms;  /* total; 0: 30000 */
    int64_t low_speed_s; /* give up after so long under 1 KiB/s; 0: never */
    size_t max_answer;   /* 0: LIM_HTTP_ANSWER_MAX */
};

struct httpc_res {
    int status;
    struct buf body;
    char content_type[64]; /* lower case, parameters cut off; "" if absent */
    int retry_after_s;     /* -1 when absent or not a number */
};

/* NULL with BAD_INPUT for an address that is no http(s) or unix one. */
struct httpc *httpc_new(const struct httpc_config *cfg, struct err *e);
void httpc_free(struct httpc *c);
/* Ends running and later calls within about a second (UNAVAILABLE or
 * TIMEOUT), so that a long poll does not hold up the program's end. */
void httpc_stop(struct httpc *c);
int httpc_do(struct httpc *c, const struct httpc_req *q, struct httpc_res *r,
             struct err *e);
void httpc_res_free(struct httpc_res *r);
/* Percent-encodes everything but unreserved characters. */
char *httpc_escape(struct arena *a, struct str s);
/* "http://Host:80/x/" -> "http://host/x": lower case host, default port and
 * trailing slash gone, user info refused. NULL with BAD_INPUT. */
char *httpc_normalise(struct arena *a, const char *url, struct err *e);
bool httpc_is_loopback(const char *url);

#endif

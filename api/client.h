/*
 * client.h - the backend, called by bot and worker over HTTP.
 *
 *     struct api_client *c = api_client_new(url, token, &e);
 *     struct api_user u;
 *     struct api_answer ans;
 *     int rc = api_call(c, API_ROUTE_user_register,
 *                       &(struct api_args){.in = &reg, .out = &u}, arena,
 *                       &ans, &e);
 *
 * Every route is idempotent by an id, key, attempt or version that the caller
 * gives, so calls are repeated with back-off (50 ms doubling to 1 s) while the
 * backend is away, until the deadline: a backend that restarts is an extra
 * second, never an error to a user (protocols 11). Safe from many threads.
 */
#ifndef API_CLIENT_H
#define API_CLIENT_H

#include "api/route.h"
#include "base/thread.h"

struct api_client;

/* token is copied. stop may be NULL; once set, calls are not repeated. */
struct api_client *api_client_new(const char *base_url, const char *token,
                                  struct stop *stop, struct err *e);
void api_client_free(struct api_client *c);
/* Ends running and later calls within about a second: give long polls a client
 * of their own. */
void api_client_stop(struct api_client *c);

struct api_args {
    const char *path[3];  /* values of {…} in order; escaped here */
    const char *query;    /* "cursor=x&limit=5", escaped by the caller */
    const void *in;       /* struct of the route's request, or NULL */
    void *out;            /* struct of the route's answer, or NULL */
    struct str bytes;     /* instead of in: raw body (PUT /api/objects) */
    const char *bytes_type;
    struct buf *out_bytes; /* instead of out: raw answer */
    const char *idempotency_key;
    int64_t wait_ms;      /* a long poll's own wait, added to the timeout */
    int64_t deadline_ms;  /* how long to go on trying, and at most to wait for
                             one answer; 0: 30000; <0: once */
};

struct api_answer {
    int status; /* 0 when nobody answered */
    struct api_problem problem; /* of a status >= 400; code "" if unreadable */
};

/*
 * 0 when the status is one of the route's ok ones (204: out untouched).
 * Else -1 and e: 404 NOT_FOUND, 402/409/422 CONFLICT, 413 TOO_LARGE, 400/401
 * BAD_INPUT, away until the deadline UNAVAILABLE, 5xx INTERNAL; ans->problem
 * has the details. ans may be NULL.
 */
int api_call(struct api_client *c, enum api_route route,
             const struct api_args *args, struct arena *a,
             struct api_answer *ans, struct err *e);

#endif

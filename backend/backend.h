/*
 * backend.h - the REST service: the only one with the database and the files.
 *
 * A request goes: httpd (its own threads) -> call_dispatch() finds the row of
 * api/routes.def, checks the token, parses the body by its shape -> the
 * handler route_<id>() -> its answer struct is written by its shape. Handlers
 * may block on a commit; long polls park (io/httpd.h).
 *
 * Beside the requests run, where db_leader() says so: the relay (hands ready
 * tasks to Redis, keeps projections), the reaper (leases), the reconciler,
 * the janitor, the continuous check.
 */
#ifndef BACKEND_BACKEND_H
#define BACKEND_BACKEND_H

#include "api/route.h"
#include "base/setting.h"
#include "base/thread.h"
#include "io/db.h"
#include "io/httpd.h"
#include "io/objects.h"

struct catalog_state;
struct relay;
struct reaper;
struct watch; /* timers, sweeps, janitor, check: backend/watch.h */

struct backend {
    const struct settings *set;
    struct db *db;
    struct objects *objects;
    struct httpd *http;
    struct stop stop;
    struct catalog_state *catalog;
    struct relay *relay;
    struct reaper *reaper;
    struct watch *watch;
    struct boots *boots; /* who runs since when: backend/boots.c */
    char kind[32];      /* "sandbox" or the bot's id */
    char id[32];        /* process id and boot number of this backend */
    int64_t lease_ms;
    int64_t started_ms; /* clock_mono_ms */
    int64_t up_since;   /* the database's now_ms() at start */
};

/* Topics for long polls; woken after the commit (backend_wake). */
#define TOPIC_UPDATES "updates"
#define TOPIC_TASKS "tasks"
#define TOPIC_CHAT "deliveries.chat"
#define TOPIC_JOB "deliveries.job"

/* Wakes the long polls here and in the other backends. */
void backend_wake(struct backend *b, const char *topic);

/* One request on its way through a handler. */
struct call {
    struct backend *b;
    struct http_req *q;
    struct arena *a;
    const struct api_route_row *route;
    const void *in;     /* struct of the route's request shape, or NULL */
    bool admin;         /* the admin's token was given */
    struct api_problem problem; /* extra members of a refusal */
};

/*
 * Fills *out (struct of the route's answer shape, api_init'ed) and returns
 * the HTTP status: 2xx writes *out; CALL_REPLIED when it answered or parked
 * by itself; otherwise what call_refuse() or call_error() returned.
 */
typedef int (*route_fn)(struct call *c, void *out);
#define CALL_REPLIED 0

extern const route_fn backend_routes[API_ROUTE_COUNT]; /* backend/routes.c */

/* problem+json with a stable code and one sentence; returns status. Fill
 * c->problem's other members before if there are any. */
int call_refuse(struct call *c, int status, const char *code, const char *fmt,
                ...) __attribute__((format(printf, 4, 5)));
/* From an error of db, objects, parsers: BAD_INPUT 400, NOT_FOUND 404,
 * CONFLICT 409, TOO_LARGE 413, UNAVAILABLE and TIMEOUT 503, INTERNAL 500. */
int call_error(struct call *c, const struct err *e);
/* Long poll: true when the request was parked (return CALL_REPLIED); false
 * when its time is over or the backend stops: answer empty. `seen` was taken
 * with http_topic() before looking. */
bool call_park(struct call *c, const char *topic, uint64_t seen,
               int64_t wait_ms);

int backend_main(int argc, char **argv); /* tintype backend */

#endif

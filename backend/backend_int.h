/*
 * backend_int.h - what the files of backend/ share beside backend.h.
 */
#ifndef BACKEND_BACKEND_INT_H
#define BACKEND_BACKEND_INT_H

#include "backend/backend.h"

struct account;
struct job;
struct object;
struct preset_text;
struct task;

/* All routes as httpd wants them; out holds 2 * API_ROUTE_COUNT. */
size_t call_routes(struct http_route *out);

/* The handlers: one per row of api/routes.def. */
#define ROUTE(id, method, path, auth, request, ok, answer, others, summary)   \
    int route_##id(struct call *c, void *out);
#include "api/routes.def"
#undef ROUTE

/* Rows of store/ as bodies of the interface. */
void user_fill(struct api_user *out, const struct account *acc);
void task_fill(struct api_task *out, const struct task *t, int64_t lease_ms);
void object_fill(struct api_object *out, const struct object *o);
struct str text_json(struct arena *a, const struct preset_text *t);
/* With place and estimate while it is open. */
int job_fill(struct backend *b, struct arena *a, struct api_job *out,
             const struct job *j, struct err *e);

/* Deliveries of one job that may go out now, claimed for a sender: what the
 * finish of a task under this attempt hands back at once. */
int delivery_claim_job(struct backend *b, struct arena *a, const char *job,
                       int64_t attempt, const char *sender, const char *boot,
                       struct api_delivery **out, size_t *n, struct err *e);

/* The same for the dialogue of a chat, after the finish of update seq. */
int delivery_claim_dialog(struct backend *b, struct arena *a, int64_t chat_id,
                          int64_t seq, const char *sender, const char *boot,
                          struct api_delivery **out, size_t *n,
                          struct err *e);

/* Remembers the boot number of a process id; true when it is new to this
 * backend: what an older boot held must be freed. */
struct boots;
struct boots *boots_new(void);
void boots_free(struct boots *t);
bool boots_changed(struct backend *b, const char *id, const char *boot);

/* A timer or a retry was set: the watch thread looks when it is due. */
void watch_wake(struct backend *b);
/* Wakes a topic after ms: a message whose budget or pause ends then. */
void watch_at(struct backend *b, const char *topic, int64_t ms);

#endif

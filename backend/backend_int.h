/*
 * backend_int.h - what the files of backend/ share beside backend.h.
 */
#ifndef BACKEND_BACKEND_INT_H
#define BACKEND_BACKEND_INT_H

#include "backend/backend.h"

/* All routes as httpd wants them; out holds 2 * API_ROUTE_COUNT. */
size_t call_routes(struct http_route *out);

/* The handlers: one per row of api/routes.def. */
#define ROUTE(id, method, path, auth, request, ok, answer, others, summary)   \
    int route_##id(struct call *c, void *out);
#include "api/routes.def"
#undef ROUTE

#endif

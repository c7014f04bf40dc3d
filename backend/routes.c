/*
 * routes.c - route -> handler, in the order of api/routes.def.
 */
#include "backend/backend_int.h"

const route_fn backend_routes[API_ROUTE_COUNT] = {
#define ROUTE(id, method, path, auth, request, ok, answer, others, summary)   \
    route_##id,
#include "api/routes.def"
#undef ROUTE
};

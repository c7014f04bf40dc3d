/*
 * route.h - api/routes.def as data.
 */
#ifndef API_ROUTE_H
#define API_ROUTE_H

#include "api/shape.h"

enum api_auth { API_PUBLIC, API_SERVICE, API_CLIENT, API_ADMIN };

enum api_route {
#define ROUTE(id, method, path, auth, request, ok, answer, others, summary)   \
    API_ROUTE_##id,
#include "api/routes.def"
#undef ROUTE
    API_ROUTE_COUNT
};

struct api_route_row {
    const char *id;
    const char *method;
    const char *path;
    enum api_auth auth;
    const struct api_shape *request; /* api_shape_none: no body */
    const char *ok;                  /* "200 201" */
    const struct api_shape *answer;  /* api_shape_none: no JSON body */
    const char *others;              /* "402 404" */
    const char *summary;
};
extern const struct api_route_row api_routes[API_ROUTE_COUNT];

/* True when status stands in the row's ok: its body is the answer. */
bool api_route_is_ok(const struct api_route_row *r, int status);

#endif

/*
 * route.c - the route table.
 */
#include <string.h>
#include "api/route.h"

const struct api_route_row api_routes[API_ROUTE_COUNT] = {
#define ROUTE(id, method, path, auth, request, ok, answer, others, summary)   \
    {#id, #method, path, API_##auth, &api_shape_##request, ok,                \
     &api_shape_##answer, others, summary},
#include "api/routes.def"
#undef ROUTE
};

static bool
list_has(const char *list, int status)
{
    struct str rest = str_c(list), part;
    int64_t n;
    while (str_split(&rest, ' ', &part)) {
        if (str_to_i64(part, &n) && n == status)
            return true;
    }
    return false;
}

bool
api_route_is_ok(const struct api_route_row *r, int status)
{
    return list_has(r->ok, status);
}

bool
api_route_may(const struct api_route_row *r, int status)
{
    return list_has(r->ok, status) || list_has(r->others, status) ||
           list_has("400 401 413 500 503", status);
}

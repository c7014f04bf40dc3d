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

bool
api_route_is_ok(const struct api_route_row *r, int status)
{
    struct str rest = str_c(r->ok), part;
    int64_t n;
    while (str_split(&rest, ' ', &part)) {
        if (str_to_i64(part, &n) && n == status)
            return true;
    }
    return false;
}

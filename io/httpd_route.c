/*
 * httpd_route.c - finding the route of a path.
 *
 * Routes are tried one by one; of those that fit, the one that is literal
 * furthest to the left wins, so "/api/jobs/create" beats "/api/jobs/{id}"
 * wherever they stand in the table.
 */
#include "io/httpd_int.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"

struct pattern {
    const struct http_route *route;
    size_t nsegs;
    struct str segs[HTTPD_SEGMENTS]; /* of the route's own text */
    unsigned params; /* bit i, counted from the left: a parameter */
};

struct httpd_routes {
    size_t n;
    struct pattern patterns[];
};

static bool
is_param(struct str seg)
{
    return seg.len > 2 && seg.p[0] == '{' && seg.p[seg.len - 1] == '}';
}

static void
pattern_init(struct pattern *p, const struct http_route *r)
{
    struct str rest = str_c(r->path), seg;

    assert(r->path[0] == '/' && r->fn && r->method);
    p->route = r;
    str_split(&rest, '/', &seg);
    while (str_split(&rest, '/', &seg)) {
        assert(p->nsegs < HTTPD_SEGMENTS);
        if (is_param(seg))
            p->params |= 1u << (HTTPD_SEGMENTS - 1 - p->nsegs);
        p->segs[p->nsegs++] = seg;
    }
}

struct httpd_routes *
httpd_routes_new(const struct http_route *r, size_t n)
{
    struct httpd_routes *rs =
        mem_calloc(1, sizeof(*rs) + n * sizeof(struct pattern));

    rs->n = n;
    for (size_t i = 0; i < n; i++)
        pattern_init(&rs->patterns[i], &r[i]);
    return rs;
}

void
httpd_routes_free(struct httpd_routes *rs)
{
    mem_free(rs);
}

static bool
pattern_fits(const struct pattern *p, const struct http_target *t)
{
    if (p->nsegs != t->nsegs)
        return false;
    for (size_t i = 0; i < p->nsegs; i++) {
        bool param = p->params >> (HTTPD_SEGMENTS - 1 - i) & 1u;
        if (param ? t->segs[i].len == 0 : !str_eq(p->segs[i], t->segs[i]))
            return false;
    }
    return true;
}

static bool
method_fits(const struct http_route *r, const char *method)
{
    return strcmp(r->method, method) == 0 ||
           (strcmp(r->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

static void
allow_add(struct httpd_match *m, const char *method)
{
    size_t len = strlen(m->allow);

    if (!strstr(m->allow, method))
        snprintf(m->allow + len, sizeof(m->allow) - len, "%s%s",
                 len ? ", " : "", method);
}

static void
params_fill(struct httpd_match *m, const struct pattern *p,
            const struct http_target *t)
{
    m->nparams = 0;
    for (size_t i = 0; i < p->nsegs; i++)
        if (is_param(p->segs[i]))
            m->params[m->nparams++] = (struct http_field){
                .name = str_sub(p->segs[i], 1, p->segs[i].len - 2),
                .value = t->segs[i]};
}

void
httpd_routes_match(const struct httpd_routes *rs, const char *method,
                   const struct http_target *t, struct httpd_match *out)
{
    const struct pattern *best = NULL;

    out->route = NULL;
    out->nparams = 0;
    out->path_known = false;
    out->allow[0] = '\0';
    for (size_t i = 0; i < rs->n; i++) {
        const struct pattern *p = &rs->patterns[i];
        if (!pattern_fits(p, t))
            continue;
        out->path_known = true;
        if (!method_fits(p->route, method)) {
            allow_add(out, p->route->method);
            continue;
        }
        if (!best || p->params < best->params)
            best = p;
    }
    if (!best)
        return;
    out->route = best->route;
    params_fill(out, best, t);
}

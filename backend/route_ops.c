/*
 * route_ops.c - for operators: liveness, readiness, metrics, description.
 */
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include "api/openapi.h"
#include "backend/backend_int.h"
#include "backend/catalog.h"
#include "backend/metrics.h"
#include "backend/relay.h"

#define DEPENDENCIES_MAX 40
#define PING_MS 1000
#define DISK_MIN_BYTES (64u * 1024 * 1024)

int
route_health(struct call *c, void *out)
{
    struct api_health *h = out;
    (void)c;
    h->status = "ok";
    h->version = TINTYPE_VERSION;
    return 200;
}

/* ---- ready ------------------------------------------------------------ */

static void
depends(struct call *c, struct api_ready *r, const char *name,
        const char *trouble)
{
    if (r->n_dependencies == DEPENDENCIES_MAX)
        return;
    struct api_dependency *d = &r->dependencies[r->n_dependencies++];
    api_init(&api_shape_dependency, d);
    d->name = name;
    d->ok = trouble == NULL;
    d->detail = trouble != NULL ? arena_strdup(c->a, trouble) : NULL;
}

static const char *
disk_trouble(struct call *c)
{
    struct statvfs v;
    const char *dir = setting_str(c->b->set, SET_DATA_DIR);
    if (statvfs(dir, &v) != 0)
        return "DATA_DIR cannot be read";
    if ((v.f_flag & ST_RDONLY) != 0)
        return "DATA_DIR is on a read-only file system";
    uint64_t bytes = (uint64_t)v.f_bavail * v.f_frsize;
    if (bytes >= DISK_MIN_BYTES)
        return NULL;
    return arena_fmt(c->a, "only %llu MiB are free under DATA_DIR: make room",
                     (unsigned long long)(bytes >> 20));
}

static void
ready_workers(struct call *c, struct api_ready *r)
{
    const struct catalog *cat = catalog_get(c->b);
    size_t live = 0;
    for (size_t i = 0; i < cat->nworkers; i++) {
        const struct fleet_worker *w = &cat->workers[i];
        if (!w->live)
            continue;
        live++;
        for (size_t k = 0; k < w->beat->n_addresses; k++) {
            const struct api_worker_address *a = &w->beat->addresses[k];
            const char *why = a->error != NULL ? a->error : "is unhealthy";
            depends(c, r, arena_fmt(c->a, "comfyui %s", a->address),
                    a->healthy ? NULL : why);
        }
    }
    catalog_put(c->b, cat);
    depends(c, r, "worker",
            live > 0 ? NULL
                     : "no worker is live: start `tintype worker` with "
                       "COMFYUI_URL and the same SERVICE_TOKEN");
}

int
route_ready(struct call *c, void *out)
{
    struct api_ready *r = out;
    struct err e;
    bool ok = true;
    r->kind = c->b->kind;
    r->dependencies =
        ARENA_ARRAY(c->a, struct api_dependency, DEPENDENCIES_MAX);
    depends(c, r, "database",
            db_ping(c->b->db, PING_MS, &e) == 0 ? NULL : e.msg);
    depends(c, r, "redis", relay_trouble(c->b, c->a));
    depends(c, r, "disk", disk_trouble(c));
    ready_workers(c, r);
    for (size_t i = 0; i < r->n_dependencies; i++)
        ok = ok && r->dependencies[i].ok;
    r->status = ok ? "ready" : "not_ready";
    return ok ? 200 : 503;
}

/* ---- text answers ----------------------------------------------------- */

int
route_metrics(struct call *c, void *out)
{
    struct buf b;
    struct err e;
    (void)out;
    buf_init(&b, 1u << 20);
    if (metrics_write(c->b, c->a, &b, &e) != 0) {
        buf_free(&b);
        return call_error(c, &e);
    }
    http_reply(c->q, 200, "text/plain; version=0.0.4", buf_str(&b));
    buf_free(&b);
    return CALL_REPLIED;
}

int
route_openapi(struct call *c, void *out)
{
    struct buf b;
    (void)out;
    buf_init(&b, 1u << 20);
    openapi_write(&b);
    http_reply(c->q, 200, NULL, buf_str(&b));
    buf_free(&b);
    return CALL_REPLIED;
}

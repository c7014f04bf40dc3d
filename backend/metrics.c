/*
 * metrics.c - see metrics.h. Requests are counted in memory, what is in the
 * database is asked for when Prometheus comes.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include "backend/backend_int.h"
#include "backend/catalog.h"
#include "backend/metrics.h"
#include "backend/watch.h"
#include "store/gauge.h"

#define CLASSES 5 /* 1xx .. 5xx */

static atomic_llong requests[API_ROUTE_COUNT][CLASSES];
static atomic_llong request_us[API_ROUTE_COUNT];

void
metrics_request(const struct http_route *r, int status, int64_t us, void *ctx)
{
    (void)ctx;
    if (r == NULL || r->user == NULL || status < 100 || status > 599)
        return;
    const struct api_route_row *row = r->user;
    size_t i = (size_t)(row - api_routes);
    atomic_fetch_add_explicit(&requests[i][status / 100 - 1], 1,
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&request_us[i], us, memory_order_relaxed);
}

static void
family(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_addf(out, "# HELP tintype_%s %s\n# TYPE tintype_%s %s\n", name, help,
             name, type);
}

static void
write_requests(struct buf *out)
{
    family(out, "http_requests_total", "counter", "Answered requests.");
    for (size_t i = 0; i < API_ROUTE_COUNT; i++) {
        for (size_t k = 0; k < CLASSES; k++) {
            long long n = atomic_load(&requests[i][k]);
            if (n > 0)
                buf_addf(out,
                         "tintype_http_requests_total{route=\"%s\","
                         "class=\"%zuxx\"} %lld\n",
                         api_routes[i].id, k + 1, n);
        }
    }
    family(out, "http_request_seconds_total", "counter",
           "Time between a request and its answer, long polls included.");
    for (size_t i = 0; i < API_ROUTE_COUNT; i++) {
        long long us = atomic_load(&request_us[i]);
        if (us > 0)
            buf_addf(out,
                     "tintype_http_request_seconds_total{route=\"%s\"} "
                     "%.6f\n",
                     api_routes[i].id, (double)us / 1e6);
    }
}

static void
write_gauges(struct buf *out, const struct gauge *g, size_t n)
{
    const char *last = "";
    for (size_t i = 0; i < n; i++) {
        if (strcmp(last, g[i].name) != 0)
            family(out, g[i].name, "gauge", g[i].help);
        last = g[i].name;
        buf_addf(out, "tintype_%s{state=\"%s\"} %lld\n", g[i].name,
                 g[i].state, (long long)g[i].value);
    }
}

static void
write_fleet(struct backend *b, struct buf *out)
{
    const struct catalog *c = catalog_get(b);
    size_t live = 0, healthy = 0, addresses = 0;
    family(out, "preset_available", "gauge",
           "1 while a live worker can run the preset.");
    for (size_t i = 0; i < c->n; i++)
        buf_addf(out, "tintype_preset_available{preset=\"%s\"} %d\n",
                 c->items[i].name, c->items[i].available);
    for (size_t i = 0; i < c->nworkers; i++) {
        if (!c->workers[i].live)
            continue;
        live++;
        for (size_t k = 0; k < c->workers[i].beat->n_addresses; k++) {
            addresses++;
            healthy += c->workers[i].beat->addresses[k].healthy;
        }
    }
    catalog_put(b, c);
    family(out, "workers", "gauge", "Workers heard of within LEASE_MS.");
    buf_addf(out, "tintype_workers %zu\n", live);
    family(out, "comfyui_addresses", "gauge", "Addresses of live workers.");
    buf_addf(out,
             "tintype_comfyui_addresses{state=\"healthy\"} %zu\n"
             "tintype_comfyui_addresses{state=\"unhealthy\"} %zu\n",
             healthy, addresses - healthy);
}

int
metrics_write(struct backend *b, struct arena *a, struct buf *out,
              struct err *e)
{
    struct gauge *g;
    size_t n;
    if (gauges_read(b->db, a, &g, &n, e) != 0)
        return -1;
    write_requests(out);
    write_gauges(out, g, n);
    write_fleet(b, out);
    family(out, "violations_total", "counter",
           "Broken promises found by the continuous check; must stay 0.");
    buf_addf(out, "tintype_violations_total %lld\n",
             (long long)watch_violations(b));
    return 0;
}

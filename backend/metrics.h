/*
 * metrics.h - /metrics: Prometheus text.
 */
#ifndef BACKEND_METRICS_H
#define BACKEND_METRICS_H

#include "backend/backend.h"

/* Counts an answered request (httpd's done callback). */
void metrics_request(const struct http_route *r, int status, int64_t us,
                     void *ctx);
int metrics_write(struct backend *b, struct arena *a, struct buf *out,
                  struct err *e);

#endif

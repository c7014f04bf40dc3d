/*
 * openapi.h - /openapi.json, from the route table and the shapes.
 */
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include "base/buf.h"

void openapi_write(struct buf *out); /* OpenAPI 3.1.0 */

#endif

/*
 * shape.h - one struct and its JSON, both ways, from one table.
 *
 * api/shapes.def lists every body that goes over our REST interface. It is
 * expanded here into `struct api_NAME`, and in shape.c into a table of fields
 * from which parsing, writing and /openapi.json come: adding a line is the
 * whole change.
 *
 *     struct api_user u;
 *     if (api_parse(&api_shape_user, tree, &u, arena, &e)) ...
 *     api_write(&api_shape_user, &u, &buf);
 *
 * Absent values: text NULL, number API_UNSET / NAN, raw {NULL,0}, object
 * NULL, list of 0; they are left out when written. Everything parsed lives in
 * the arena. Unknown members are ignored (old and new versions talk).
 */
#ifndef API_SHAPE_H
#define API_SHAPE_H

#include <math.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

#define API_UNSET INT64_MIN

enum api_type {
    API_STR,  /* const char * */
    API_I64,  /* int64_t, API_UNSET = absent */
    API_NUM,  /* double, NAN = absent */
    API_BOOL, /* bool, absent = false */
    API_RAW,  /* struct str: any JSON value as text */
    API_OBJ,  /* struct api_X * */
    API_LIST, /* struct api_X *items; size_t n_items */
    API_STRS  /* const char **items; size_t n_items */
};

enum api_need { OPT, REQ };

struct api_shape;
struct api_field {
    const char *name;
    enum api_type type;
    enum api_need need;
    size_t offset;
    size_t offset_n; /* of lists: where the count is */
    const struct api_shape *sub;
    const char *text; /* for OpenAPI */
};
struct api_shape {
    const char *name;
    size_t size;
    const struct api_field *fields;
    size_t nfields;
};

/* The structs. */
#define SHAPE(name) struct api_##name {
#define F_STR(S, f, need, text) const char *f;
#define F_I64(S, f, need, text) int64_t f;
#define F_NUM(S, f, need, text) double f;
#define F_BOOL(S, f, need, text) bool f;
#define F_RAW(S, f, need, text) struct str f;
#define F_OBJ(S, f, sub, need, text) struct api_##sub *f;
#define F_LIST(S, f, sub, need, text) struct api_##sub *f; size_t n_##f;
#define F_STRS(S, f, need, text) const char **f; size_t n_##f;
#define SHAPE_END(name) };
#include "api/shapes.def"

/* The tables: api_shape_user, ... */
#define SHAPE(name) extern const struct api_shape api_shape_##name;
#include "api/shapes.def"

extern const struct api_shape *const api_shapes[];
extern const size_t api_nshapes;

/* All values absent; do it before filling in by hand. */
void api_init(const struct api_shape *s, void *obj);
/* BAD_INPUT with a JSON pointer in front: "/jobs/0/price: must be a whole
 * number". Required members must be there and not null. */
int api_parse(const struct api_shape *s, const cJSON *j, void *out,
              struct arena *a, struct err *e);
/* Text -> struct in one go (base/json's check and limits included). */
int api_read(const struct api_shape *s, struct str json, void *out,
             struct arena *a, struct err *e);
void api_write(const struct api_shape *s, const void *obj, struct buf *out);
/* Members only, inside an object that the caller has open. */
void api_write_members(const struct api_shape *s, const void *obj,
                       struct jw *w);

#endif

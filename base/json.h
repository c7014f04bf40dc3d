/*
 * json.h - reading and writing JSON that others wrote.
 *
 * Reading: an RFC 8259 check (strict grammar, UTF-8, depth, no U+0000 in
 * strings, no duplicate-key games: the last one wins as everywhere) stands
 * before cJSON. Integers beyond 2^53 and numbers that a double would change
 * keep their text: they come back exactly from json_i64/json_num_text and are
 * printed as they came. With JSON_NAN the tokens NaN, Infinity, -Infinity
 * (Python's json.dumps, ComfyUI contract §1.1) read as null.
 *
 * Writing: struct jw appends straight to a buf.
 *
 *     struct jw w; jw_init(&w, &buf);
 *     jw_obj(&w); jw_key(&w, "id"); jw_str(&w, id); jw_end(&w);
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <cjson/cJSON.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define JSON_DEPTH_MAX 64
/* Values in one document: a node is 64 bytes, "0," is two. More: TOO_LARGE. */
#define JSON_VALUES_MAX 1000000

enum json_flags {
    JSON_NAN = 1,      /* NaN and infinities are taken as null */
    JSON_NUL_DROP = 2, /* \u0000 in strings is dropped, not refused */
    /* Half a surrogate pair reads as U+FFFD, not refused (Python writes file
     * names that are not UTF-8 so). */
    JSON_LONE_FFFD = 4
};

/* Only the check. Names line:column and what is wrong. */
int json_check(struct str text, int flags, struct err *e);
/* NULL on error (BAD_INPUT). Free with json_free. */
cJSON *json_parse(struct str text, int flags, struct err *e);
void json_free(cJSON *j);
/* As json_parse, but tied to the arena: freed with it. Read only: taking
 * nodes out, replacing or json_free() would free the arena's memory. */
cJSON *json_parse_in(struct arena *a, struct str text, int flags,
                     struct err *e);
/* Compact text of a tree; exact numbers kept. */
void json_print(struct buf *b, const cJSON *j);
char *json_text(struct arena *a, const cJSON *j);

/* Access. A NULL object, a missing member or a wrong type gives the default;
 * names are case sensitive. Texts are borrowed from the tree. */
cJSON *json_get(const cJSON *o, const char *name);
/* "a.b.0.c": members and indexes. */
cJSON *json_path(const cJSON *o, const char *path);
const char *json_str(const cJSON *o, const char *name, const char *dflt);
int64_t json_i64(const cJSON *o, const char *name, int64_t dflt);
double json_num(const cJSON *o, const char *name, double dflt);
bool json_bool(const cJSON *o, const char *name, bool dflt);
/* A number, exact ones (which cJSON_IsNumber does not know) included. */
bool json_is_num(const cJSON *v);
/* Of the value itself. False unless it is a whole number in range. */
bool json_to_i64(const cJSON *v, int64_t *out);
bool json_to_num(const cJSON *v, double *out); /* false if not a finite one */
/* A number node's exact text (into out when it must be made). */
struct str json_num_text(const cJSON *v, char out[32]);

/* Misuse (a value without a key, two documents, more than 63 levels) asserts;
 * trees written by jw_tree do not count as levels. */
struct jw {
    struct buf *b;
    unsigned depth;
    bool keyed;                 /* a key is written, its value is due */
    bool comma[JSON_DEPTH_MAX]; /* a comma is due before the next item */
    bool arr[JSON_DEPTH_MAX];
};

void jw_init(struct jw *w, struct buf *b);
void jw_obj(struct jw *w);
void jw_arr(struct jw *w);
void jw_end(struct jw *w); /* closes the innermost object or array */
void jw_key(struct jw *w, const char *name);
/* NULL writes null; bad UTF-8 becomes U+FFFD. */
void jw_str(struct jw *w, const char *z);
void jw_text(struct jw *w, struct str s);
void jw_i64(struct jw *w, int64_t v);
void jw_u64(struct jw *w, uint64_t v);
/* The shortest form that reads back; NaN and infinities write null. */
void jw_num(struct jw *w, double v);
void jw_bool(struct jw *w, bool v);
void jw_null(struct jw *w);
void jw_raw(struct jw *w, struct str json); /* ready JSON, trusted */
void jw_tree(struct jw *w, const cJSON *j); /* NULL writes null */
/* key + value */
void jw_kstr(struct jw *w, const char *k, const char *z);
void jw_ki64(struct jw *w, const char *k, int64_t v);
void jw_kbool(struct jw *w, const char *k, bool v);
void jw_knum(struct jw *w, const char *k, double v);
void jw_ktree(struct jw *w, const char *k, const cJSON *j);

#endif

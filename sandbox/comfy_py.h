/*
 * comfy_py.h - JSON as Python sees it: json.loads, json.dumps, repr.
 *
 * base/json.h is for our own side; here the difference between 1 and 1.0,
 * NaN, integers of any length and the order of keys must survive, for the
 * sandbox ComfyUI echoes them as a Python program does (contract 1.1, 1.2).
 *
 * All values live in an arena and are linked lists: documents are graphs of
 * some dozen nodes.
 */
#ifndef SANDBOX_COMFY_PY_H
#define SANDBOX_COMFY_PY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define PY_DEPTH_MAX 300       /* Python gives up at about 1000 */
#define PY_VALUES_MAX 500000   /* one value takes 96 bytes */
#define PY_INT_DIGITS_MAX 4300 /* sys.int_info.default_max_str_digits */

enum py_kind { PY_NULL, PY_BOOL, PY_INT, PY_FLOAT, PY_STR, PY_LIST, PY_DICT };

struct py {
    enum py_kind kind;
    bool b;                  /* PY_BOOL */
    double num;              /* PY_FLOAT; NaN and infinities occur */
    struct str text;         /* PY_STR, or the digits of a PY_INT */
    struct py *first, *last; /* items of a list or a dict, in order */
    size_t n;
    struct py *next;
    struct str key; /* within a dict */
};

/* json.loads: NaN, Infinity, -Infinity are taken; a key that stands twice
 * keeps its first place and its last value. NULL: BAD_INPUT. */
struct py *py_parse(struct arena *a, struct str text, struct err *e);

struct py *py_get(const struct py *dict, const char *key); /* NULL: absent */
struct py *py_get_str(const struct py *dict, struct str key);
struct py *py_at(const struct py *list, size_t i);
bool py_is(const struct py *v, enum py_kind kind); /* false for NULL */
bool py_truth(const struct py *v);
/* "NoneType", "int", ... */
const char *py_type_name(const struct py *v);
struct py *py_copy(struct arena *a, const struct py *v);
/* Adds or replaces; v is linked in, not copied. */
void py_set(struct arena *a, struct py *dict, struct str key, struct py *v);
struct py *py_new_str(struct arena *a, struct str s);
struct py *py_new_list(struct arena *a);
void py_append(struct py *list, struct py *v);

/* int(), float(): false with Python's sentence in the arena. */
bool py_int(struct arena *a, const struct py *v, struct py **out,
            const char **why);
bool py_float(struct arena *a, const struct py *v, struct py **out,
              const char **why);
/* A number's value; exact up to 64 bits. NaN for what is no number. */
long double py_number(const struct py *v);
bool py_to_u64(const struct py *v, uint64_t *out); /* low bits of an int */

void py_dumps(struct buf *b, const struct py *v); /* json.dumps */
void py_dumps_str(struct buf *b, struct str s);   /* one string, quoted */
void py_dumps_c(struct buf *b, const char *z);
void py_repr(struct buf *b, const struct py *v);
void py_repr_str(struct buf *b, struct str s);
void py_str(struct buf *b, const struct py *v); /* str(): texts unquoted */
void py_repr_float(struct buf *b, double x);
const char *py_str_in(struct arena *a, const struct py *v);

#endif

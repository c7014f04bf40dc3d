/*
 * str.h - borrowed text: a pointer and a length, not terminated by NUL.
 *
 * Whoever holds a struct str owns nothing; the bytes live as long as what it
 * was taken from. p may be NULL when len is 0.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
    const char *p;
    size_t len;
};

#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).len, ((s).p ? (s).p : "")

struct str str_c(const char *z); /* NULL gives the empty text */
struct str str_n(const char *p, size_t len);
struct str str_sub(struct str s, size_t from, size_t len); /* clamped */
bool str_eq(struct str a, struct str b);
bool str_eq_c(struct str a, const char *z);
bool str_eq_nocase(struct str a, struct str b); /* ASCII only */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
struct str str_trim(struct str s); /* ASCII white space at both ends */
/* Index of the first byte c, or -1. */
ptrdiff_t str_find(struct str s, char c);
/*
 * Cuts the part before the first sep off *rest; false when *rest is used up.
 * "a,b," gives "a", "b", "".
 */
bool str_split(struct str *rest, char sep, struct str *part);
/* Whole text as a decimal number, sign allowed; false on anything else,
 * overflow included. */
bool str_to_i64(struct str s, int64_t *out);
bool str_to_u64(struct str s, uint64_t *out);
int str_hex_digit(char c); /* 0 to 15; -1: it is none */

#endif

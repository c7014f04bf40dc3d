/*
 * utf8.h - text from people: validity, length in code points, cutting.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/arena.h"
#include "base/str.h"

bool utf8_valid(struct str s);     /* strict; no surrogates, no overlongs */
size_t utf8_count(struct str s);   /* code points of a valid text */
/* Reads the code point at the start of s into *cp and gives its bytes (1-4);
 * 0 when s is empty or starts with bad bytes. */
size_t utf8_step(struct str s, uint32_t *cp);
/* The longest prefix of at most max_points code points that ends neither
 * inside a code point nor before a combining mark, ZWJ or variation sign. */
struct str utf8_cut(struct str s, size_t max_points);
/* As utf8_cut, but "…" takes the last place when something was cut. */
char *utf8_ellipsis(struct arena *a, struct str s, size_t max_points);
/* A valid copy: bad bytes become U+FFFD; U+0000-U+001F (except \n and \t
 * when keep_newlines) and bidi controls are dropped (telegram contract §4). */
char *utf8_clean(struct arena *a, struct str s, bool keep_newlines);

#endif

/*
 * json_number.h - decimal numbers of JSON: which survive a double, and how a
 * double is written. For the base/json*.c files; others use json.h.
 */
#ifndef BASE_JSON_NUMBER_H
#define BASE_JSON_NUMBER_H

#include "base/str.h"

#define JSON_NUMBER_MAX 32 /* bytes of any double's text, with NUL */

/* Beyond it not every whole number has a double of its own: 2^53. */
#define JSON_WHOLE_MAX 9007199254740992.0

/*
 * text is a number by RFC 8259's grammar. True when a double holds its value
 * and json_number_format() writes that value again; a whole number beyond
 * JSON_WHOLE_MAX never does.
 */
bool json_number_fits(struct str text);
/* In the C locale, whatever the process or thread has set. Out of range gives
 * an infinity. */
double json_number_double(struct str text);
/* The value when it is whole and in range, however written: 1e3, 20.0. */
bool json_number_i64(struct str text, int64_t *out);
/* This thread's locale is "C" from true to false (cJSON asks for it). */
void json_number_locale(bool on);
/* The shortest text that reads back as v; v must be finite. */
void json_number_format(double v, char out[JSON_NUMBER_MAX]);

#endif

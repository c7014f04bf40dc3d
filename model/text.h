/*
 * text.h - every text that a user reads, in Russian and English: one table,
 * model/text.def.
 *
 *     struct buf b;
 *     buf_init(&b, TEXT_BYTES);
 *     text_html(&b, TEXT_RU, "card", args, TEXT_POINTS);
 *
 * Placeholders in the table (args is a JSON object):
 *
 *   {name}             a text: escaped; a number: as it stands; an object with
 *                      ru and en: by language, then escaped; an object
 *                      {"text": key, "args": {…}}: that text, rendered; a list
 *                      of these: one under the other
 *   {n|one|few|many}   a word that fits the number n (Russian; the number
 *                      itself is not printed), {n|one|many} (English)
 *   {s:time}           seconds as people say them: "40 s", "2 min"
 *   {t:date}           milliseconds UTC as a date
 *   {?name}…{/name}    only when name is given (not null, false, "" or [])
 *   {!name}…{/name}    only when it is not
 *
 * Sections do not nest. A key or an argument that is missing shows as [key]
 * and is logged. Keys by prefix: cmd_ descriptions of commands, menu_ labels
 * of the menu keyboard, btn_ buttons, toast_ answers to a press (plain, at
 * most 200 code points), ask_ questions, fail_ what a failure class tells the
 * user, refuse_ refusals, status_ the status message, state_ words for states.
 */
#ifndef MODEL_TEXT_H
#define MODEL_TEXT_H

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"

#define TEXT_BYTES 32768 /* Telegram refuses longer raw texts */
#define TEXT_POINTS 4096 /* a message, after parsing */
#define TEXT_CAPTION_POINTS 1024
#define TEXT_BUTTON_POINTS 64
#define TEXT_TOAST_POINTS 200

enum text_lang { TEXT_RU, TEXT_EN };

/* "ru" of an account; an IETF tag such as "ru-RU" or "en". Languages whose
 * people mostly read Russian give Russian, all others English. */
enum text_lang text_lang_of(const char *tag);
const char *text_lang_name(enum text_lang l); /* "ru" or "en" */

/* For messages and captions: HTML. Over max_points visible code points (0: no
 * limit) the arguments are cut, before they are escaped, until it fits. */
void text_html(struct buf *out, enum text_lang l, const char *key,
               const cJSON *args, size_t max_points);
/* For buttons, toasts and commands, whose texts have no tags: nothing is
 * escaped, and at most max_points code points (0: no limit) remain. */
void text_plain(struct buf *out, enum text_lang l, const char *key,
                const cJSON *args, size_t max_points);

bool text_is_known(const char *key);
/* Walks the keys with a prefix in the table's order: start with *i = 0, NULL
 * at the end. */
const char *text_next(const char *prefix, size_t *i);
/* The key with this prefix whose text, in either language, is exactly what was
 * said (a press on the menu keyboard); NULL when there is none. */
const char *text_match(const char *prefix, struct str said);
/* The unrendered text, for tests and lists. */
const char *text_raw(const char *key, enum text_lang l);

#endif

/*
 * tg_text_int.h - what tg_text.c and tg_html.c share.
 */
#ifndef SANDBOX_TG_TEXT_INT_H
#define SANDBOX_TG_TEXT_INT_H

#include "sandbox/tg_text.h"

/* Raw text: valid UTF-8, no NUL, at most 32768 bytes. */
int tgs_text_check(struct str raw, struct err *e);
/* Trims, sorts entities, finds commands, counts code points. */
void tgs_text_finish(struct arena *a, struct tgs_text *t);

#endif

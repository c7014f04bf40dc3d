/*
 * flow_int.h - what the files of the dialogue share beside flow.h.
 *
 * All return 0, or -1 with e when the backend could not be asked. edit: the
 * message to change in place; 0: a new one.
 */
#ifndef BOT_FLOW_INT_H
#define BOT_FLOW_INT_H

#include "bot/flow.h"
#include "bot/say.h"

/* ---- flow.c ---- */

/* Calls the backend: 0; 1 when it refused (4xx, see *ans); -1. */
int flow_ask(struct flow *f, enum api_route route, const struct api_args *args,
             struct api_answer *ans, struct err *e);
/* Makes sure that f->user is there. payload: of /start, or NULL. */
int flow_register(struct flow *f, const char *payload, struct err *e);
/* A short message of a key without arguments. */
void flow_tell(struct flow *f, const char *key);

/* ---- flow_commands.c ---- */

/* The name of a command, or of a label of the menu keyboard; "" for none. */
const char *flow_command_of(const struct tg_update *u);
int flow_command(struct flow *f, const char *name, struct err *e);
void flow_topup(struct flow *f);
void flow_set_language(struct flow *f, const char *language);

/* ---- flow_photo.c ---- */

/* A message with something that is, or is not, a picture. */
int flow_photo(struct flow *f, struct err *e);
/* Is it the next item of the album that is being collected? */
bool flow_is_album_item(const struct flow *f);
/* What was collected is taken; nothing happens when no album is open. */
int flow_album_end(struct flow *f, struct err *e);
/* There are more photos than this preset takes. */
void flow_tell_extra(struct flow *f, const struct preset *p);

/* ---- flow_menu.c ---- */

/* What can be done: sections, or presets when they are few. */
void flow_menu(struct flow *f, int64_t edit);
void flow_menu_sections(struct flow *f, size_t page, int64_t edit);
/* section "" shows all. */
void flow_menu_page(struct flow *f, const char *section, size_t page,
                    int64_t edit);
void flow_tell_away(struct flow *f, const struct preset *p);
/* It is not sold any more: says so, and shows what is. */
void flow_tell_gone(struct flow *f);
/* A preset was pressed. */
int flow_menu_pick(struct flow *f, const char *name, int64_t edit,
                   struct err *e);

/* ---- flow_form.c ---- */

/* Asks for the next field, or shows the card. */
int flow_form_next(struct flow *f, int64_t edit, struct err *e);
/* Is a photo what the form waits for? */
bool flow_form_wants_photo(const struct flow *f);
/* A text in the middle of a form. */
int flow_form_text(struct flow *f, struct err *e);
/* Presses on a question's buttons. field and choice count from 0. */
int flow_form_choose(struct flow *f, size_t field, size_t choice, int64_t edit,
                     struct err *e);
int flow_form_skip(struct flow *f, size_t field, int64_t edit, struct err *e);

/* ---- flow_card.c ---- */

/* The price card of the filled form. */
int flow_card(struct flow *f, const struct bot_preset *p, int64_t edit,
              struct err *e);
int flow_card_buy(struct flow *f, const char *offer, struct err *e);
int flow_card_drop(struct flow *f, const char *offer, struct err *e);
/* Another card for the same photos: "repeat" and "other" under a job, "other"
 * on a card. */
int flow_card_repeat(struct flow *f, const char *job, struct err *e);
int flow_card_other(struct flow *f, const char *id, struct err *e);

/* ---- flow_history.c ---- */

/* cursor: of the page; "" for the first. */
int flow_history(struct flow *f, const char *cursor, struct err *e);
int flow_history_again(struct flow *f, const char *job, struct err *e);
int flow_cancel(struct flow *f, struct err *e); /* /cancel */
int flow_cancel_job(struct flow *f, const char *job, struct err *e);
/* *found false: there is no such job, or it is somebody else's. */
int flow_job(struct flow *f, const char *id, struct api_job *job, bool *found,
             struct err *e);

/* ---- flow_press.c ---- */

int flow_press(struct flow *f, struct err *e);
/* The message under the pressed button, when it can be edited; else 0. */
int64_t flow_pressed(const struct flow *f);
/* Says that the button no longer works, and takes its row away. */
void flow_press_old(struct flow *f);

#endif

/*
 * say.h - building a delivery's body (model/delivery.h).
 *
 *     struct say s;
 *     say_new(&s, f, "card");
 *     say_i64(&s, "price", 5);
 *     say_row(&s);
 *     say_button(&s, "btn_buy");
 *     say_i64(&s, "price", 5);
 *     say_data(&s, "v1:buy:%s", offer);
 *     say_end(&s);
 *
 * Arguments come first, then rows of buttons, whose own arguments stand
 * between say_button and say_data. User texts are arguments, never keys.
 */
#ifndef BOT_SAY_H
#define BOT_SAY_H

#include "base/json.h"
#include "bot/flow.h"

struct say {
    struct flow *f;
    struct buf b;
    struct jw w;
    int64_t message_id;               /* of an edit; 0: a new message */
    bool args, keyboard, row, button; /* what is open */
    bool menu; /* set by the caller: the menu keyboard goes with it */
};

void say_new(struct say *s, struct flow *f, const char *text);
/* message_id 0: as say_new. */
void say_edit(struct say *s, struct flow *f, int64_t message_id,
              const char *text);
void say_i64(struct say *s, const char *name, int64_t v);
void say_num(struct say *s, const char *name, double v);
void say_flag(struct say *s, const char *name);
/* "" is left out. */
void say_str(struct say *s, const char *name, const char *z);
/* {ru, en}; left out when both are empty. */
void say_text(struct say *s, const char *name, const struct preset_text *t);
void say_raw(struct say *s, const char *name, struct str json);
/* {"text": key}: a text of the table inside this one. */
void say_key(struct say *s, const char *name, const char *key);
void say_row(struct say *s);
void say_button(struct say *s, const char *text);
void say_data(struct say *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A row of its own with a button without arguments. */
void say_line(struct say *s, const char *text, const char *data);
/* A member of the body itself, beside text and args: an "object". */
void say_member(struct say *s, const char *name, struct str json);
void say_end(struct say *s);
/* Takes the buttons off a message; 0: does nothing. */
void say_strip(struct flow *f, int64_t message_id);

#endif

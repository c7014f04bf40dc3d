/*
 * render.h - a delivery (model/delivery.h) as a call of the Bot API, in its
 * reader's language.
 *
 * Texts are HTML, link previews are off, answers still go out when what they
 * answer is gone. What is over a limit of Telegram has its arguments cut;
 * nothing is cut after escaping.
 *
 * Body members, by kind:
 *
 *   message, note, status, edit
 *             text, args, keyboard; reply_to and menu of new messages.
 *             An edit without text changes the keyboard only.
 *   message   with "photo" or "document": a file_id, sent with the text as
 *             its caption; with "object": {id, file_id, content_type, size,
 *             width, height}: a result sent again
 *   result    text, args: its caption; keyboard; reply_to
 *   album     photos: [{file_id, document: true, text, args}], 1 to 10; the
 *             body's own text is the first one's caption. Telegram takes no
 *             keyboard with an album (with a single photo it does).
 *
 * Buttons: {"text": key, "args": {…}, "data": "…"} or "url". menu: the
 * persistent reply keyboard of the menu_ texts; a message with a keyboard of
 * its own cannot carry it.
 */
#ifndef TELEGRAM_RENDER_H
#define TELEGRAM_RENDER_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* A file of ours. Texts are "" when not known. */
struct tg_object {
    const char *id, *content_type, *file_id;
    int64_t size, width, height; /* 0: not known */
};

/* What a sender was handed. Texts are never NULL. */
struct tg_delivery {
    const char *id, *kind, *job_id, *language;
    int64_t chat_id;
    int64_t message_id;      /* of an edit or status: what to edit; 0: new */
    int64_t attempt;         /* fence of its report */
    struct str body;         /* JSON */
    struct tg_object object; /* of a result; id "" when there is none */
};

/* How to send it, decided by the sender from one try to the next. */
struct tg_how {
    bool fresh;          /* a new message, though it could be edited */
    bool plain;          /* without tags: Telegram could not read our HTML */
    const char *field;   /* "photo" or "document": a file; NULL: a text */
    const char *file_id; /* that Telegram has; NULL: goes as an upload */
};

struct tg_message {
    const char *method; /* static */
    struct str params;  /* JSON, in the arena */
    bool edits;         /* may be repeated */
};

/* BAD_INPUT: a body that cannot be sent; a bug of whoever wrote it. */
int tg_render(struct arena *a, const struct tg_delivery *d,
              const struct tg_how *how, struct tg_message *out, struct err *e);
/* The file that a delivery is about: its own, or its body's "object" (read
 * into the arena). False when there is none. */
bool tg_render_object(struct arena *a, const struct tg_delivery *d,
                      struct tg_object *out);

#endif

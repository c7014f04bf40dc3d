/*
 * person.h - somebody who uses the bot in the sandbox Telegram, over its
 * control API (docs/SANDBOX.md): for the sample job, tests and benchmarks.
 *
 *     struct person p;
 *     person_init(&p, "http://127.0.0.1:4711", "Anna", "en", &e);
 *     person_photo(&p, jpeg, NULL, &e);
 *     person_wait(&p, &(struct person_want){.button_data = "v1:..."}, &ev, &e)
 *     person_press(&p, &ev, "✅ ...", &e);
 *     person_fini(&p);
 *
 * Waiting goes forward only: each event is seen once, in order. One thread at
 * a time per person.
 */
#ifndef SANDBOX_PERSON_H
#define SANDBOX_PERSON_H

#include "base/json.h"
#include "io/httpc.h"

struct person {
    struct httpc *http;
    struct arena *arena; /* of the last event; reset by the next call */
    int64_t chat;        /* also the person's Telegram id */
    int64_t seq;         /* events up to this one were seen */
};

int person_init(struct person *p, const char *telegram_url, const char *name,
                const char *language, struct err *e);
void person_fini(struct person *p);

int person_text(struct person *p, const char *text, struct err *e);
int person_photo(struct person *p, struct str bytes, const char *caption,
                 struct err *e);
int person_document(struct person *p, struct str bytes, const char *name,
                    const char *mime, struct err *e);
/* 2 to 10 photos as one album, the caption on the first. */
int person_album(struct person *p, const struct str *photos, size_t n,
                 const char *caption, struct err *e);
/* Another kind of message: its members as JSON, {"sticker": {...}}. */
int person_other(struct person *p, const char *members, struct err *e);
int person_block(struct person *p, bool block, struct err *e);

/* What the bot did. Lives until the next call. */
struct person_event {
    int64_t seq, message_id;
    const char *event;   /* message, edit, delete, callback_answer, action */
    const char *text;    /* or caption; "" */
    const char *file_id; /* of the largest photo or the document; "" */
    const cJSON *json;   /* all of it */
};
struct person_want {
    const char *kind;     /* text, photo, document, message, edit, ...; NULL */
    const char *contains; /* in text or caption; NULL: anything */
    const char *button;   /* text or data of an inline button; NULL */
    int64_t message_id;   /* 0: any */
    int64_t timeout_ms;   /* 0: 20000 */
};
/* The next event that fits; TIMEOUT when none comes. */
int person_wait(struct person *p, const struct person_want *want,
                struct person_event *out, struct err *e);
/* Presses the newest button with this text, or this callback data (a prefix
 * is enough when it ends in ':'). message_id 0: in any message. */
int person_press(struct person *p, int64_t message_id, const char *button,
                 struct err *e);
/* Presses data that need not be there: an old, deleted or forged button. */
int person_force(struct person *p, int64_t message_id, const char *data,
                 struct err *e);
/*
 * From a sent photo to the price card of a preset that asks for nothing else:
 * waits for the menu, presses v1:preset:NAME on it (as a remembered button,
 * whatever page it is on), waits for the card. The event is the card's.
 */
int person_choose(struct person *p, const char *preset,
                  struct person_event *card, struct err *e);
/* First button of an event whose data starts with prefix; NULL: none. */
const char *person_button(const struct person_event *ev, const char *prefix);
/* The bytes of a file, appended. */
int person_file(struct person *p, const char *file_id, struct buf *out,
                struct err *e);
/* Any request to the control API; the answer's tree lives in p's arena. */
int person_call(struct person *p, const char *method, const char *path,
                struct str body, const cJSON **out, struct err *e);

#endif

/*
 * bot_talk.h - a conversation with the dialogue (bot/flow.h) without any
 * server: updates in, and what it decided out.
 *
 *     struct talk t;
 *     talk_start(&t);
 *     talk_photo(&t, "file1", "");
 *     assert_string_equal(t.said, "message got_photo");
 *     talk_answer(&t, "job_create", 201, "{…}");
 *     talk_press(&t, talk_button(&t, "btn_buy"));
 *     talk_end(&t);
 *
 * The state goes through JSON between two updates, as in the bot. Every
 * message is rendered in both languages by the sender's code; one that
 * Telegram would refuse, or in which an argument is missing, fails the test.
 */
#ifndef TESTS_SUPPORT_BOT_TALK_H
#define TESTS_SUPPORT_BOT_TALK_H

#include "bot/flow.h"

#define TALK_CHAT 111
#define TALK_ANSWERS 16

struct talk_answer {
    const char *route; /* "job_create" */
    int status;        /* 0: the backend is away */
    const char *json;
};

struct talk {
    struct arena *a; /* of the whole talk */
    struct flow_conf conf;
    struct bot_catalog catalog;
    struct api_user user;
    bool known;   /* the person is registered */
    bool refused; /* of the next update: flow.refused */
    const char *state;

    struct talk_answer answers[TALK_ANSWERS];
    size_t n_answers, used;
    const char *asked; /* the last call: "job_create {…}" or "… /id" */

    int64_t message_id; /* of the last update */
    bool inaccessible;  /* presses: the message is too old to edit */
    struct flow f;      /* after the last update */
    struct dialog d;    /* the state that it left */
    const char *said;   /* "message got_photo, edit card" */
    const char *toast;  /* key, "" when there was none */
    int rc;
};

void talk_start(struct talk *t);
void talk_end(struct talk *t); /* every answer must have been used */
/* Replaces the catalogue: members of "presets", as GET /api/presets has it. */
void talk_sell(struct talk *t, const char *presets);
/* The next call of the backend must be this one, and gets this. */
void talk_answer(struct talk *t, const char *route, int status,
                 const char *json);

void talk_update(struct talk *t, const char *json);
/* A message in the private chat with these members. */
void talk_message(struct talk *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void talk_text(struct talk *t, const char *text);
/* album "": a single one. */
void talk_photo(struct talk *t, const char *file_id, const char *caption);
void talk_album(struct talk *t, const char *album, const char *file_id,
                const char *caption);
void talk_press(struct talk *t, const char *data);
void talk_wake(struct talk *t);

/* Data of the first button with this text's key in the last messages; fails
 * the test when there is none. */
const char *talk_button(struct talk *t, const char *key);
size_t talk_buttons(struct talk *t, const char *key); /* how many */
/* Body of the n-th message, as a tree. */
const cJSON *talk_body(struct talk *t, size_t n);
/* The n-th message as people read it. */
const char *talk_shown(struct talk *t, size_t n, const char *language);

#endif

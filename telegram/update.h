/*
 * update.h - an update of Telegram as a struct.
 *
 * tg_update_parse() checks every field that we use and names the first one
 * that is wrong; unknown fields and kinds are no error. After it, code trusts
 * the struct: texts are valid UTF-8 without NUL, never NULL ("" when absent),
 * and live in the arena; ids that must be there are not 0.
 */
#ifndef TELEGRAM_UPDATE_H
#define TELEGRAM_UPDATE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

enum tg_update_kind {
    TG_UPDATE_MESSAGE,
    TG_UPDATE_EDITED,   /* the same fields as a message */
    TG_UPDATE_CALLBACK, /* a press */
    TG_UPDATE_MEMBER,   /* blocked or unblocked us, see reachable */
    TG_UPDATE_PRE_CHECKOUT,
    TG_UPDATE_OTHER /* only update_id is set */
};

enum tg_chat_type {
    TG_CHAT_NONE, /* the update has no chat */
    TG_CHAT_PRIVATE,
    TG_CHAT_GROUP, /* group, supergroup */
    TG_CHAT_CHANNEL
};

/* What a message is made of. Special kinds win over the photo or document
 * that Telegram sets beside them. */
enum tg_content {
    TG_CONTENT_TEXT,
    TG_CONTENT_PHOTO,      /* file: the largest size */
    TG_CONTENT_IMAGE,      /* a document whose type says image/... */
    TG_CONTENT_DOCUMENT,   /* any other document; file is set too */
    TG_CONTENT_LIVE_PHOTO, /* file: its still picture, when given */
    TG_CONTENT_VIDEO,      /* video, round video, story */
    TG_CONTENT_ANIMATION,
    TG_CONTENT_STICKER,
    TG_CONTENT_VOICE,   /* voice, audio */
    TG_CONTENT_PAYMENT, /* successful_payment */
    TG_CONTENT_REFUND,  /* refunded_payment */
    TG_CONTENT_SERVICE, /* joined, pinned, title changed...: no answer */
    TG_CONTENT_OTHER    /* contact, location, poll, dice... */
};

struct tg_person {
    int64_t id;
    bool is_bot;
    const char *first_name, *last_name, *username, *language_code;
    const char *full_name; /* first and last, in one */
};

struct tg_file {
    const char *file_id, *unique_id; /* "" when there is no file */
    const char *mime, *name;         /* of a document; the sender's words */
    int64_t width, height;           /* of a photo; else 0 */
    int64_t size;                    /* bytes; -1 when not told */
};

struct tg_update {
    int64_t update_id;
    enum tg_update_kind kind;
    /* Updates of one queue are handled in order: the chat, or without one the
     * person; 0: none. */
    int64_t queue;
    int64_t chat_id; /* 0 when there is none */
    enum tg_chat_type chat_type;
    struct tg_person from; /* id 0 when there is none (channels) */
    int64_t date;          /* Unix seconds of the message; 0: none */
    int64_t message_id;    /* of the message, or under the pressed button */

    /* message, edited */
    enum tg_content content;
    const char *text; /* text or caption */
    bool is_caption;
    const char *command;     /* "start" of "/start@bot x"; "" when it is none */
    const char *command_bot; /* "bot" of it */
    const char *args;        /* what stands behind the command, trimmed */
    struct tg_file file;
    const char *album; /* media_group_id */

    /* callback */
    const char *callback_id, *data;
    bool accessible; /* message_id may be edited; else send a new one */

    /* member */
    bool reachable;

    /* pre_checkout, and PAYMENT and REFUND of a message */
    const char *query_id, *currency, *payload, *charge_id;
    int64_t amount;
};

/* BAD_INPUT names the field. update_id is set whenever it could be read. */
int tg_update_parse(struct arena *a, struct str json, struct tg_update *out,
                    struct err *e);
/* The same from a tree, which is only read. */
int tg_update_read(struct arena *a, const cJSON *tree, struct tg_update *out,
                   struct err *e);

#endif

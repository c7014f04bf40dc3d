/*
 * dialog.h - what a chat is in the middle of: the bot's own JSON in `dialogs`.
 *
 *   IDLE --photo--> PICK --preset--> FORM --last field--> CARD --bought--> IDLE
 *     |                               ^                    |
 *     +---------- preset -------------+                    +-- photo --> PICK
 *
 * An album is collected beside the step: its items wait in `album` until no
 * new one has come for DIALOG_ALBUM_MS. Texts are never NULL and live in the
 * arena of the update.
 */
#ifndef BOT_DIALOG_H
#define BOT_DIALOG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"
#include "model/preset.h"

#define DIALOG_ALBUM_MS 1200 /* after an album's last item */
#define DIALOG_PHOTOS_MAX LIM_OFFER_ITEMS

enum dialog_step {
    DIALOG_IDLE,
    DIALOG_PICK, /* photos are here, a preset is not */
    DIALOG_FORM, /* a preset is chosen, its form is being filled in */
    DIALOG_CARD  /* the price is shown */
};

struct dialog_photo {
    const char *file_id, *unique_id;
    int64_t size;          /* -1: not told */
    int64_t width, height; /* 0: not told */
};

struct dialog_photos {
    struct dialog_photo list[DIALOG_PHOTOS_MAX];
    size_t n;
};

/* An answer to a field that is no photo. */
struct dialog_value {
    const char *name;
    const char *json; /* "" when it was skipped */
};

struct dialog {
    enum dialog_step step;
    const char *preset; /* of FORM and CARD */
    const char *offer;  /* of CARD: the newest one */
    const char *prompt; /* a caption, for the first text that is asked for */
    int64_t form;       /* number of the form: old buttons carry another */
    int64_t reply_to;   /* message of the first photo; 0: none */
    struct dialog_photos photos;
    struct dialog_value values[PRESET_INPUTS_MAX];
    size_t n_values;

    const char *album_id;       /* of the album seen last; "" none */
    bool album_open;            /* more of it may come */
    struct dialog_photos album; /* its photos so far */
    const char *album_prompt;
    int64_t album_reply_to;
    const char *album_refused; /* why an item was left out: a text's key */

    bool group_told; /* a group was told that we do not work there */
};

/* Nothing is going on. */
void dialog_init(struct dialog *d);
/* Back to IDLE; the number of the form and the album's id stay. */
void dialog_reset(struct dialog *d);
/* What cannot be read (older, newer or broken) is left out; never fails. */
void dialog_read(struct arena *a, struct str json, struct dialog *d);
void dialog_write(const struct dialog *d, struct buf *out);

const struct dialog_value *dialog_value_find(const struct dialog *d,
                                             const char *name);
/* Sets or replaces; no room (a form has PRESET_INPUTS_MAX fields): dropped. */
void dialog_value_set(struct dialog *d, const char *name, const char *json);
/* False: there are DIALOG_PHOTOS_MAX already. */
bool dialog_photo_add(struct dialog_photos *p, const struct dialog_photo *add);

#endif

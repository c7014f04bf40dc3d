/*
 * tg_text.h - texts with entities, as the Bot API parses them.
 *
 * HTML mode follows tdlib's parser (telegram contract 4): the same tags, the
 * same errors with their byte offsets, offsets of entities in UTF-16 units.
 * The visible text is trimmed at both ends, and commands in it are found.
 */
#ifndef SANDBOX_TG_TEXT_H
#define SANDBOX_TG_TEXT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

struct tgs_entity {
    const char *type;       /* "bold" ...; a literal */
    int64_t offset, length; /* UTF-16 units */
    const char *arg_name;   /* "url" "language" ...; NULL: none */
    const char *arg;        /* its value */
    int64_t user_id;        /* text_mention */
};

struct tgs_text {
    struct str text; /* ends with NUL */
    size_t points;   /* code points */
    size_t n;
    struct tgs_entity *entities;
};

/* All memory is the arena's. On -1, e->msg is what Telegram says behind
 * "Bad Request: ". */
int tgs_html_parse(struct arena *a, struct str html, struct tgs_text *out,
                   struct err *e);
/* Text as it is, with the entities of a request (NULL: none). */
int tgs_plain_parse(struct arena *a, struct str text, const cJSON *entities,
                    struct tgs_text *out, struct err *e);
/* The entities as JSON array; NULL when there are none. */
char *tgs_entities_json(struct arena *a, const struct tgs_text *t);

#endif

/*
 * preset_field.h - members of a preset's mappings. For model/preset_read.c.
 *
 * Each function reads the member `key` of o and, when it is not what it must
 * be, writes the sentence with the member's whole path and returns -1; what is
 * kept lies in the arena. base is the path of o, "" for the document.
 */
#ifndef MODEL_PRESET_FIELD_H
#define MODEL_PRESET_FIELD_H

#include "model/preset_read.h"

#define FIELD_TITLE_MAX 64        /* code points */
#define FIELD_DESCRIPTION_MAX 500 /* code points: fits a caption twice */
#define FIELD_ITEM_MAX 200        /* bytes of a list's text */

struct fields {
    struct arena *a;
    bool strict; /* unknown keys are faults */
    char *path;  /* PRESET_PATH_MAX bytes: where it failed */
    struct err *e;
};

/* Returns -1. key may be "": base itself is wrong. */
int field_fail(struct fields *r, const char *base, const char *key,
               const char *what);
char *field_path(const struct fields *r, const char *base, const char *key);
/* s consists of a-z 0-9 and the extra bytes, is short, starts with a letter
 * or digit. */
bool field_is_word(const char *s, const char *extra);

/* o is an object with none but these members (separated by spaces). */
int field_keys(struct fields *r, const cJSON *o, const char *base,
               const char *keys);
/* A text of 1..max code points. */
int field_str(struct fields *r, const cJSON *o, const char *base,
              const char *key, size_t max, const char **out);
int field_word(struct fields *r, const cJSON *o, const char *base,
               const char *key, const char *extra, const char **out);
/* {ru, en}; opt: left out it is "". */
int field_text(struct fields *r, const cJSON *o, const char *base,
               const char *key, size_t max, struct preset_text *out);
int field_text_opt(struct fields *r, const cJSON *o, const char *base,
                   const char *key, size_t max, struct preset_text *out);
/* A whole number; left out: *out stays. */
int field_i64(struct fields *r, const cJSON *o, const char *base,
              const char *key, int64_t min, int64_t max, int64_t *out);
int field_num(struct fields *r, const cJSON *o, const char *base,
              const char *key, bool *has, double *out);
/* A list of texts, at least `least`; *out has n of them. */
int field_list(struct fields *r, const cJSON *o, const char *base,
               const char *key, size_t least, const char *const **out,
               size_t *n);

#endif

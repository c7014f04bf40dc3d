/*
 * preset_field.c - one member of a mapping, read and judged.
 */
#include "model/preset_field.h"

#include <stdio.h>
#include <string.h>
#include "base/utf8.h"

#define LIST_MAX 64

char *
field_path(const struct fields *r, const char *base, const char *key)
{
    return *base == '\0' ? arena_strdup(r->a, key)
                         : arena_fmt(r->a, "%s.%s", base, key);
}

int
field_fail(struct fields *r, const char *base, const char *key,
           const char *what)
{
    const char *path = *key != '\0' ? field_path(r, base, key) : base;

    snprintf(r->path, PRESET_PATH_MAX, "%s", path);
    return err_set(r->e, ERR_BAD_INPUT, "%.150s: %.200s", path, what);
}

/* s consists of a-z 0-9 and the extra bytes, is short, starts with a letter
 * or digit. */
bool
field_is_word(const char *s, const char *extra)
{
    size_t i;

    for (i = 0; s[i] != '\0'; i++) {
        bool plain =
            (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9');

        if (!plain && (i == 0 || strchr(extra, s[i]) == NULL))
            return false;
    }
    return i > 0 && i <= PRESET_NAME_MAX;
}

static bool
word_in(const char *words, const char *word)
{
    struct str rest = str_c(words), w;

    while (str_split(&rest, ' ', &w))
        if (str_eq_c(w, word))
            return true;
    return false;
}

/* o is an object with none but these members. */
int
field_keys(struct fields *r, const cJSON *o, const char *base, const char *keys)
{
    const cJSON *m;

    if (!cJSON_IsObject(o))
        return field_fail(r, *base != '\0' ? base : "the document", "",
                          "must be a mapping");
    if (!r->strict)
        return 0;
    cJSON_ArrayForEach (m, o)
        if (!word_in(keys, m->string))
            return field_fail(r, base, m->string, "this key is not known here");
    return 0;
}

static bool
text_is_plain(const char *s, bool newlines)
{
    for (; *s != '\0'; s++)
        if ((unsigned char)*s < 0x20 && !(newlines && *s == '\n'))
            return false;
    return true;
}

/* A text of 1..max code points into the arena. */
int
field_str(struct fields *r, const cJSON *o, const char *base, const char *key,
          size_t max, const char **out)
{
    const cJSON *v = json_get(o, key);

    if (v == NULL)
        return field_fail(r, base, key, "is missing");
    if (!cJSON_IsString(v))
        return field_fail(r, base, key, "must be a text (quote it)");
    if (!text_is_plain(v->valuestring, max >= FIELD_DESCRIPTION_MAX))
        return field_fail(r, base, key, "control characters in a text");
    if (str_trim(str_c(v->valuestring)).len == 0)
        return field_fail(r, base, key, "must not be empty");
    if (utf8_count(str_c(v->valuestring)) > max)
        return field_fail(r, base, key, "is too long");
    *out = arena_strdup(r->a, v->valuestring);
    return 0;
}

int
field_word(struct fields *r, const cJSON *o, const char *base, const char *key,
           const char *extra, const char **out)
{
    if (field_str(r, o, base, key, PRESET_NAME_MAX, out) != 0)
        return -1;
    if (!field_is_word(*out, extra))
        return field_fail(r, base, key, "must consist of a-z, 0-9 and hyphens");
    return 0;
}

/* {ru, en}. */
int
field_text(struct fields *r, const cJSON *o, const char *base, const char *key,
           size_t max, struct preset_text *out)
{
    const char *path = field_path(r, base, key);
    const cJSON *v = json_get(o, key);

    if (v == NULL)
        return field_fail(r, base, key, "is missing");
    if (field_keys(r, v, path, "ru en") != 0 ||
        field_str(r, v, path, "ru", max, &out->ru) != 0 ||
        field_str(r, v, path, "en", max, &out->en) != 0)
        return -1;
    return 0;
}

int
field_text_opt(struct fields *r, const cJSON *o, const char *base,
               const char *key, size_t max, struct preset_text *out)
{
    if (json_get(o, key) != NULL)
        return field_text(r, o, base, key, max, out);
    out->ru = out->en = "";
    return 0;
}

/* A whole number; left out: dflt stands. */
int
field_i64(struct fields *r, const cJSON *o, const char *base, const char *key,
          int64_t min, int64_t max, int64_t *out)
{
    const cJSON *v = json_get(o, key);
    char what[80];
    int64_t n;

    if (v == NULL)
        return 0;
    if (!json_to_i64(v, &n) || n < min || n > max) {
        snprintf(what, sizeof what, "must be a whole number from %lld to %lld",
                 (long long)min, (long long)max);
        return field_fail(r, base, key, what);
    }
    *out = n;
    return 0;
}

int
field_num(struct fields *r, const cJSON *o, const char *base, const char *key,
          bool *has, double *out)
{
    const cJSON *v = json_get(o, key);

    *has = v != NULL;
    if (v != NULL && !json_to_num(v, out))
        return field_fail(r, base, key, "must be a number");
    return 0;
}

/* A list of texts, at least `least`; *out has n of them. */
int
field_list(struct fields *r, const cJSON *o, const char *base, const char *key,
           size_t least, const char *const **out, size_t *n)
{
    const cJSON *list = json_get(o, key), *v;
    const char **items;
    size_t count;

    if (!cJSON_IsArray(list))
        return field_fail(r, base, key,
                          list == NULL ? "is missing" : "must be a list");
    count = (size_t)cJSON_GetArraySize(list);
    if (count < least)
        return field_fail(r, base, key, "must not be empty");
    if (count > LIST_MAX)
        return field_fail(r, base, key, "is too long");
    items = ARENA_ARRAY(r->a, const char *, count);
    *n = 0;
    cJSON_ArrayForEach (v, list) {
        if (!cJSON_IsString(v) || *v->valuestring == '\0')
            return field_fail(r, base, key,
                              "must hold texts only (quote them)");
        if (strlen(v->valuestring) > FIELD_ITEM_MAX)
            return field_fail(r, base, key, "holds a text that is too long");
        items[(*n)++] = arena_strdup(r->a, v->valuestring);
    }
    *out = items;
    return 0;
}

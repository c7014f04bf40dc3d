/*
 * preset_inputs.c - what a buyer gave, against the preset's form.
 */
#include "model/preset.h"

#include <stdio.h>
#include <string.h>
#include "base/id.h"
#include "base/utf8.h"

#define FILE_ID_MAX 256 /* Telegram's are under 100 bytes */

static int
bad(struct err *e, const char *path, const char *what)
{
    return err_set(e, ERR_BAD_INPUT, "%.200s: %.200s", path, what);
}

static int
photo_check(const cJSON *v, const char *path, struct err *e)
{
    const char *file = json_str(v, "telegram_file_id", NULL);
    const char *object = json_str(v, "object_id", NULL);

    if (!cJSON_IsObject(v))
        return bad(e, path,
                   "must be an object with telegram_file_id "
                   "or object_id");
    if ((file != NULL) == (object != NULL))
        return bad(e, path,
                   "must have one of telegram_file_id and "
                   "object_id");
    if (file != NULL && (*file == '\0' || strlen(file) > FILE_ID_MAX))
        return bad(e, path, "has a telegram_file_id that is none");
    if (object != NULL && !id_is(str_c(object), "obj"))
        return bad(e, path, "has an object_id that is none");
    return 0;
}

static int
text_check(const struct preset_input *in, const cJSON *v, const char *path,
           struct err *e)
{
    struct str s;
    char what[64];

    if (!cJSON_IsString(v))
        return bad(e, path, "must be a text");
    s = str_c(v->valuestring);
    if (!utf8_valid(s))
        return bad(e, path, "is not UTF-8");
    if (in->required && str_trim(s).len == 0)
        return bad(e, path, "must not be empty");
    if (utf8_count(s) <= (size_t)in->max_length)
        return 0;
    snprintf(what, sizeof what, "must have at most %lld characters",
             (long long)in->max_length);
    return bad(e, path, what);
}

static int
choice_check(const struct preset_input *in, const cJSON *v, const char *path,
             struct err *e)
{
    size_t i;

    for (i = 0; cJSON_IsString(v) && i < in->n_choices; i++)
        if (strcmp(v->valuestring, in->choices[i].value) == 0)
            return 0;
    return bad(e, path, "is not one of the choices");
}

static int
number_check(const struct preset_input *in, const cJSON *v, const char *path,
             struct err *e)
{
    char what[64];
    int64_t whole;
    double d;

    if (!json_to_num(v, &d))
        return bad(e, path, "must be a number");
    if (in->whole && !json_to_i64(v, &whole))
        return bad(e, path, "must be a whole number");
    if (in->has_min && d < in->min) {
        snprintf(what, sizeof what, "must be at least %g", in->min);
        return bad(e, path, what);
    }
    if (in->has_max && d > in->max) {
        snprintf(what, sizeof what, "must be at most %g", in->max);
        return bad(e, path, what);
    }
    return 0;
}

int
preset_value_check(const struct preset_input *in, const cJSON *value,
                   const char *path, struct err *e)
{
    switch (in->kind) {
    case PRESET_PHOTO:
        return photo_check(value, path, e);
    case PRESET_TEXT:
        return text_check(in, value, path, e);
    case PRESET_CHOICE:
        return choice_check(in, value, path, e);
    case PRESET_NUMBER:
        return number_check(in, value, path, e);
    }
    return bad(e, path, "is of no kind");
}

/* "/inputs/" + name, with ~ and / escaped as RFC 6901 says. */
static void
pointer_to(const char *name, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "/inputs/");

    for (; *name != '\0' && n + 3 < size; name++) {
        if (*name == '~' || *name == '/') {
            out[n++] = '~';
            out[n++] = *name == '~' ? '0' : '1';
        } else {
            out[n++] = *name;
        }
    }
    out[n] = '\0';
}

int
preset_inputs_check(const struct preset *p, const cJSON *inputs, struct err *e)
{
    const cJSON *v;
    char path[128];
    size_t i;

    if (!cJSON_IsObject(inputs))
        return bad(e, "/inputs", "must be an object");
    cJSON_ArrayForEach (v, inputs) {
        pointer_to(v->string, path, sizeof path);
        if (preset_input_find(p, v->string) == NULL)
            return bad(e, path, "is no input of this preset");
    }
    for (i = 0; i < p->n_inputs; i++) {
        const struct preset_input *in = &p->inputs[i];

        pointer_to(in->name, path, sizeof path);
        v = json_get(inputs, in->name);
        if (v == NULL && in->required)
            return bad(e, path, "is missing");
        if (v != NULL && preset_value_check(in, v, path, e) != 0)
            return -1;
    }
    return 0;
}

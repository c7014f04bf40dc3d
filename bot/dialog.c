/*
 * dialog.c - the state of a dialogue as JSON, both ways.
 */
#include "bot/dialog.h"

#include <string.h>

#include "base/json.h"

#define FILE_ID_MAX 256 /* Telegram's are under 100 bytes */

static const char *const steps[] = {
    [DIALOG_IDLE] = "idle",
    [DIALOG_PICK] = "pick",
    [DIALOG_FORM] = "form",
    [DIALOG_CARD] = "card",
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

void
dialog_init(struct dialog *d)
{
    memset(d, 0, sizeof(*d));
    d->preset = d->offer = d->prompt = "";
    d->album_id = d->album_prompt = d->album_refused = "";
}

void
dialog_reset(struct dialog *d)
{
    int64_t form = d->form;
    const char *album_id = d->album_id;
    bool told = d->group_told;

    dialog_init(d);
    d->form = form;
    d->album_id = album_id;
    d->group_told = told;
}

/* ---- reading ---- */

static enum dialog_step
read_step(const char *name)
{
    for (size_t i = 0; i < STEPS; i++) {
        if (strcmp(steps[i], name) == 0)
            return (enum dialog_step)i;
    }
    return DIALOG_IDLE;
}

static const char *
read_str(struct arena *a, const cJSON *o, const char *name)
{
    return arena_strdup(a, json_str(o, name, ""));
}

static void
read_photos(struct arena *a, const cJSON *list, struct dialog_photos *out)
{
    const cJSON *o;

    if (!cJSON_IsArray(list))
        return;
    cJSON_ArrayForEach (o, list) {
        struct dialog_photo p = {.file_id = read_str(a, o, "id"),
                                 .unique_id = read_str(a, o, "unique"),
                                 .size = json_i64(o, "size", -1),
                                 .width = json_i64(o, "w", 0),
                                 .height = json_i64(o, "h", 0)};

        if (p.file_id[0] != '\0' && strlen(p.file_id) <= FILE_ID_MAX)
            dialog_photo_add(out, &p);
    }
}

static void
read_values(struct arena *a, const cJSON *list, struct dialog *d)
{
    const cJSON *o;

    if (!cJSON_IsArray(list))
        return;
    cJSON_ArrayForEach (o, list) {
        const char *name = read_str(a, o, "name");
        const cJSON *v = json_get(o, "value");

        if (name[0] != '\0')
            dialog_value_set(d, name, v != NULL ? json_text(a, v) : "");
    }
}

void
dialog_read(struct arena *a, struct str json, struct dialog *d)
{
    const cJSON *j = NULL, *album;

    dialog_init(d);
    if (json.len > 0)
        j = json_parse_in(a, json, 0, NULL);
    if (!cJSON_IsObject(j))
        return;
    d->step = read_step(json_str(j, "step", ""));
    d->preset = read_str(a, j, "preset");
    d->offer = read_str(a, j, "offer");
    d->prompt = read_str(a, j, "prompt");
    d->form = json_i64(j, "form", 0);
    d->reply_to = json_i64(j, "reply_to", 0);
    d->group_told = json_bool(j, "group_told", false);
    read_photos(a, json_get(j, "photos"), &d->photos);
    read_values(a, json_get(j, "values"), d);
    album = json_get(j, "album");
    d->album_id = read_str(a, album, "id");
    d->album_open = json_bool(album, "open", false);
    d->album_prompt = read_str(a, album, "prompt");
    d->album_refused = read_str(a, album, "refused");
    d->album_reply_to = json_i64(album, "reply_to", 0);
    read_photos(a, json_get(album, "photos"), &d->album);
    if ((d->step == DIALOG_FORM || d->step == DIALOG_CARD) &&
        d->preset[0] == '\0')
        d->step = d->photos.n > 0 ? DIALOG_PICK : DIALOG_IDLE;
}

/* ---- writing ---- */

static void
write_str(struct jw *w, const char *name, const char *z)
{
    if (z[0] != '\0')
        jw_kstr(w, name, z);
}

static void
write_i64(struct jw *w, const char *name, int64_t v)
{
    if (v != 0)
        jw_ki64(w, name, v);
}

static void
write_photos(struct jw *w, const struct dialog_photos *p)
{
    if (p->n == 0)
        return;
    jw_key(w, "photos");
    jw_arr(w);
    for (size_t i = 0; i < p->n; i++) {
        const struct dialog_photo *f = &p->list[i];

        jw_obj(w);
        jw_kstr(w, "id", f->file_id);
        write_str(w, "unique", f->unique_id);
        if (f->size >= 0)
            jw_ki64(w, "size", f->size);
        write_i64(w, "w", f->width);
        write_i64(w, "h", f->height);
        jw_end(w);
    }
    jw_end(w);
}

static void
write_values(struct jw *w, const struct dialog *d)
{
    if (d->n_values == 0)
        return;
    jw_key(w, "values");
    jw_arr(w);
    for (size_t i = 0; i < d->n_values; i++) {
        jw_obj(w);
        jw_kstr(w, "name", d->values[i].name);
        if (d->values[i].json[0] != '\0') {
            jw_key(w, "value");
            jw_raw(w, str_c(d->values[i].json));
        }
        jw_end(w);
    }
    jw_end(w);
}

static void
write_album(struct jw *w, const struct dialog *d)
{
    if (d->album_id[0] == '\0')
        return;
    jw_key(w, "album");
    jw_obj(w);
    jw_kstr(w, "id", d->album_id);
    if (d->album_open) {
        jw_kbool(w, "open", true);
        write_str(w, "prompt", d->album_prompt);
        write_str(w, "refused", d->album_refused);
        write_i64(w, "reply_to", d->album_reply_to);
        write_photos(w, &d->album);
    }
    jw_end(w);
}

void
dialog_write(const struct dialog *d, struct buf *out)
{
    struct jw w;

    jw_init(&w, out);
    jw_obj(&w);
    jw_kstr(&w, "step", steps[d->step]);
    write_str(&w, "preset", d->preset);
    write_str(&w, "offer", d->offer);
    write_str(&w, "prompt", d->prompt);
    write_i64(&w, "form", d->form);
    write_i64(&w, "reply_to", d->reply_to);
    write_photos(&w, &d->photos);
    write_values(&w, d);
    write_album(&w, d);
    if (d->group_told)
        jw_kbool(&w, "group_told", true);
    jw_end(&w);
}

/* ---- parts ---- */

const struct dialog_value *
dialog_value_find(const struct dialog *d, const char *name)
{
    for (size_t i = 0; i < d->n_values; i++) {
        if (strcmp(d->values[i].name, name) == 0)
            return &d->values[i];
    }
    return NULL;
}

void
dialog_value_set(struct dialog *d, const char *name, const char *json)
{
    size_t i = 0;

    while (i < d->n_values && strcmp(d->values[i].name, name) != 0)
        i++;
    if (i == PRESET_INPUTS_MAX)
        return;
    if (i == d->n_values)
        d->n_values++;
    d->values[i] = (struct dialog_value){.name = name, .json = json};
}

bool
dialog_photo_add(struct dialog_photos *p, const struct dialog_photo *add)
{
    if (p->n == DIALOG_PHOTOS_MAX)
        return false;
    p->list[p->n++] = *add;
    return true;
}

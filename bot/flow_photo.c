/*
 * flow_photo.c - pictures, single and in albums; what is none is refused.
 */
#include <string.h>

#include "bot/flow_int.h"

#define MB (1024 * 1024)
#define MP 1000000

/* ---- can it be used? ---- */

static bool
ends_with_nocase(const char *z, const char *end)
{
    size_t n = strlen(z), m = strlen(end);

    return n >= m && str_eq_nocase(str_c(z + n - m), str_c(end));
}

static bool
is_taken_type(const char *mime)
{
    static const char *const types[] = {"image/jpeg",  "image/jpg",
                                        "image/pjpeg", "image/png",
                                        "image/x-png", "image/webp"};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (str_eq_nocase(str_c(mime), str_c(types[i])))
            return true;
    }
    return false;
}

/* A document whose type says nothing may still have a picture's name; what it
 * really is shows when its bytes are read. */
static bool
is_taken_name(const struct tg_file *file)
{
    static const char *const ends[] = {".jpg", ".jpeg", ".png", ".webp"};

    if (file->mime[0] != '\0' &&
        strcmp(file->mime, "application/octet-stream") != 0)
        return false;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (ends_with_nocase(file->name, ends[i]))
            return true;
    }
    return false;
}

static const char *
refuse_size(const struct tg_file *file)
{
    if (file->size > LIM_DOWNLOAD_BYTES)
        return "refuse_too_big";
    if (file->width <= 0 || file->height <= 0)
        return NULL; /* not told: the worker looks */
    if (file->width < LIM_INPUT_SIDE_MIN || file->height < LIM_INPUT_SIDE_MIN)
        return "refuse_too_small";
    if (file->width * file->height > LIM_INPUT_PIXELS)
        return "refuse_too_many_pixels";
    return NULL;
}

/* Why the message holds no picture for us: a text's key; NULL: it does. */
static const char *
refuse_why(const struct tg_update *u)
{
    switch (u->content) {
    case TG_CONTENT_PHOTO:
        return refuse_size(&u->file);
    case TG_CONTENT_LIVE_PHOTO:
        if (u->file.file_id[0] == '\0')
            return "refuse_unsupported";
        return refuse_size(&u->file);
    case TG_CONTENT_IMAGE:
    case TG_CONTENT_DOCUMENT:
        if (!is_taken_type(u->file.mime) && !is_taken_name(&u->file))
            return "refuse_not_image";
        return refuse_size(&u->file);
    case TG_CONTENT_VIDEO:
        return "refuse_video";
    case TG_CONTENT_ANIMATION:
        return "refuse_animation";
    case TG_CONTENT_STICKER:
        return "refuse_sticker";
    case TG_CONTENT_VOICE:
        return "refuse_voice";
    case TG_CONTENT_TEXT:
    case TG_CONTENT_PAYMENT:
    case TG_CONTENT_REFUND:
    case TG_CONTENT_SERVICE:
    case TG_CONTENT_OTHER:
        break;
    }
    return "refuse_unsupported";
}

static void
refuse(struct flow *f, const char *key)
{
    struct say s;

    say_new(&s, f, key);
    say_i64(&s, "mb", LIM_DOWNLOAD_BYTES / MB);
    say_i64(&s, "mp", LIM_INPUT_PIXELS / MP);
    say_i64(&s, "px", LIM_INPUT_SIDE_MIN);
    say_end(&s);
}

/* ---- taking photos ---- */

struct taken {
    const struct dialog_photos *photos;
    const char *prompt; /* caption; "" when there is none */
    int64_t reply_to;
};

/* No preset yet, or the last card is done with: what shall be made of it? */
static void
take_for_menu(struct flow *f, const struct taken *t)
{
    const char *prompt = t->prompt;

    dialog_reset(&f->d);
    f->d.step = DIALOG_PICK;
    f->d.photos = *t->photos;
    f->d.prompt = prompt;
    f->d.reply_to = t->reply_to;
    flow_menu(f, 0);
}

void
flow_tell_extra(struct flow *f, const struct preset *p)
{
    struct say s;

    say_new(&s, f, "photos_extra");
    say_text(&s, "title", &p->title);
    say_i64(&s, "n", (int64_t)preset_photos(p));
    say_end(&s);
}

/* The form goes on: one-photo presets make a job of each photo, others take
 * the photos one after another. */
static int
take_for_form(struct flow *f, const struct preset *p, const struct taken *t,
              struct err *e)
{
    size_t want = preset_photos(p);
    bool extra = false;

    if (want == 1)
        f->d.photos.n = 0;
    for (size_t i = 0; i < t->photos->n; i++) {
        if (want > 1 && f->d.photos.n == want)
            extra = true;
        else
            dialog_photo_add(&f->d.photos, &t->photos->list[i]);
    }
    if (t->prompt[0] != '\0')
        f->d.prompt = t->prompt;
    if (f->d.reply_to == 0)
        f->d.reply_to = t->reply_to;
    if (extra)
        flow_tell_extra(f, p);
    return flow_form_next(f, 0, e);
}

static int
take(struct flow *f, const struct taken *t, struct err *e)
{
    const struct bot_preset *p = bot_catalog_find(f->catalog, f->d.preset);
    /* In the middle of its other fields a new photo replaces the only one. */
    bool replaces =
        f->d.step == DIALOG_FORM && p != NULL && preset_photos(&p->p) == 1;

    if (p != NULL && (replaces || flow_form_wants_photo(f)))
        return take_for_form(f, &p->p, t, e);
    take_for_menu(f, t);
    return 0;
}

/* ---- albums ---- */

bool
flow_is_album_item(const struct flow *f)
{
    const struct tg_update *u = f->u;

    return f->d.album_open && u->kind == TG_UPDATE_MESSAGE &&
           u->album[0] != '\0' && strcmp(u->album, f->d.album_id) == 0;
}

/* A late item of the album whose menu is on the screen joins the others. */
static void
album_begin(struct flow *f)
{
    struct dialog *d = &f->d;
    bool late = strcmp(f->u->album, d->album_id) == 0 && d->step == DIALOG_PICK;

    d->album_id = f->u->album;
    d->album_open = true;
    d->album_refused = "";
    d->album.n = 0;
    d->album_prompt = late ? d->prompt : "";
    d->album_reply_to = late ? d->reply_to : 0;
    if (late)
        d->album = d->photos;
}

static void
album_add(struct flow *f, const struct dialog_photo *photo, const char *why)
{
    struct dialog *d = &f->d;

    if (!d->album_open)
        album_begin(f);
    if (f->u->text[0] != '\0' && d->album_prompt[0] == '\0')
        d->album_prompt = f->u->text;
    if (why != NULL)
        d->album_refused = why;
    else if (!dialog_photo_add(&d->album, photo))
        d->album_refused = "got_photos_cut";
    else if (d->album_reply_to == 0)
        d->album_reply_to = f->u->message_id;
}

static void
album_tell_refused(struct flow *f, const char *why, size_t taken)
{
    struct say s;

    if (why[0] == '\0')
        return;
    if (strcmp(why, "got_photos_cut") == 0) {
        say_new(&s, f, why);
        say_i64(&s, "max", DIALOG_PHOTOS_MAX);
        say_end(&s);
    } else if (taken == 0) {
        refuse(f, why);
    } else {
        flow_tell(f, "refuse_album_mixed");
    }
}

int
flow_album_end(struct flow *f, struct err *e)
{
    struct dialog *d = &f->d;
    struct dialog_photos photos = d->album;
    struct taken t = {.photos = &photos,
                      .prompt = d->album_prompt,
                      .reply_to = d->album_reply_to};

    if (!d->album_open)
        return 0;
    album_tell_refused(f, d->album_refused, photos.n);
    d->album_open = false;
    d->album.n = 0;
    d->album_prompt = d->album_refused = "";
    d->album_reply_to = 0;
    return photos.n > 0 ? take(f, &t, e) : 0;
}

/* ---- a message ---- */

int
flow_photo(struct flow *f, struct err *e)
{
    const struct tg_update *u = f->u;
    const char *why = refuse_why(u);
    struct dialog_photos one = {.n = 1};
    struct taken t = {
        .photos = &one, .prompt = u->text, .reply_to = u->message_id};

    one.list[0] = (struct dialog_photo){.file_id = u->file.file_id,
                                        .unique_id = u->file.unique_id,
                                        .size = u->file.size,
                                        .width = u->file.width,
                                        .height = u->file.height};
    if (u->album[0] != '\0') {
        album_add(f, &one.list[0], why);
        return 0;
    }
    if (why != NULL) {
        refuse(f, why);
        return 0;
    }
    return take(f, &t, e);
}

/*
 * tg_media.c - what a message shows besides text: photos and documents, by
 * file_id or by their bytes.
 */
#include <string.h>
#include "base/limits.h"
#include "sandbox/tg_call.h"

static enum tgs_rc
bad(struct tgs_call *c, const char *why)
{
    return tgs_fail(c, 400, "Bad Request: %s", why);
}

static enum tgs_rc
take_known(struct tg *t, struct tgs_call *c, enum tgs_kind kind, const char *id,
           struct tgs_content *out)
{
    struct tgs_file *f;

    pthread_mutex_lock(&t->lock);
    f = tgs_file_find(t, id);
    pthread_mutex_unlock(&t->lock);
    if (!f)
        return bad(c, "wrong file identifier/HTTP URL specified");
    if ((f->photo != NULL) != (kind == TG_PHOTO))
        return tgs_fail(c, 400, "Bad Request: can't use file of type %s as %s",
                        f->photo ? "Photo" : "Document",
                        f->photo ? "Document" : "Photo");
    out->photo = f->photo;
    out->doc = f->photo ? NULL : f;
    return TG_OK;
}

static enum tgs_rc
take_bytes(struct tg *t, struct tgs_call *c, enum tgs_kind kind,
           const struct tgs_param *p, struct tgs_content *out)
{
    struct err e;

    if (p->text.len == 0)
        return bad(c, "file must be non-empty");
    if (p->text.len > LIM_UPLOAD_BYTES)
        return tgs_fail(c, 413, "Request Entity Too Large");
    if (kind == TG_PHOTO) {
        if (tgs_photo_put(t, p->text, &out->photo, &e) != 0)
            return bad(c, e.msg);
        return TG_OK;
    }
    pthread_mutex_lock(&t->lock);
    out->doc = tgs_document_add(t, p->text, p->filename, p->mime);
    pthread_mutex_unlock(&t->lock);
    return out->doc ? TG_OK : bad(c, "the sandbox is full of files");
}

enum tgs_rc
tgs_media_take(struct tg *t, struct tgs_call *c, enum tgs_kind kind,
               const char *value, const struct tgs_param *file,
               struct tgs_content *out)
{
    out->kind = kind;
    if (file && !file->is_file)
        file = NULL;
    if (!file && value && strncmp(value, "attach://", 9) == 0) {
        file = tgs_param(c, value + 9);
        if (!file || !file->is_file)
            return bad(c, "attached file is not found");
    }
    if (file)
        return take_bytes(t, c, kind, file, out);
    if (!value)
        return tgs_fail(c, 400, "Bad Request: there is no %s in the request",
                        kind == TG_PHOTO ? "photo" : "document");
    if (strstr(value, "://"))
        return bad(c, "failed to get HTTP URL content");
    return take_known(t, c, kind, value, out);
}

static enum tgs_rc
read_caption(struct tgs_call *c, const cJSON *media, struct tgs_content *out)
{
    struct tgs_text text;

    if (tgs_call_text(c, json_str(media, "caption", ""),
                      json_str(media, "parse_mode", NULL),
                      json_get(media, "caption_entities"), 1024, &text) != 0)
        return TG_FAIL;
    tgs_text_set(&out->text, text.text.p ? text.text.p : "");
    tgs_text_set(&out->entities, tgs_entities_json(c->a, &text));
    out->spoiler = json_bool(media, "has_spoiler", false);
    out->above = json_bool(media, "show_caption_above_media", false);
    return TG_OK;
}

enum tgs_rc
tgs_media_read(struct tg *t, struct tgs_call *c, const cJSON *media,
               struct tgs_content *out)
{
    const char *type = json_str(media, "type", "");
    enum tgs_kind kind;

    if (strcmp(type, "photo") == 0)
        kind = TG_PHOTO;
    else if (strcmp(type, "document") == 0)
        kind = TG_DOCUMENT;
    else
        return bad(c, "can't parse InputMedia: the sandbox knows photo and "
                      "document");
    if (!json_str(media, "media", NULL))
        return bad(c, "can't parse InputMedia: media not found");
    if (read_caption(c, media, out) != TG_OK)
        return TG_FAIL;
    return tgs_media_take(t, c, kind, json_str(media, "media", NULL), NULL,
                          out);
}

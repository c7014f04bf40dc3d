/*
 * comfy_route_upload.c - /upload/image and /upload/mask (contract 1.11, 1.12).
 */
#include <string.h>

#include "base/hash.h"
#include "io/file.h"
#include "sandbox/comfy_http.h"
#include "sandbox/comfy_image.h"

#define UPLOAD_NAMES_MAX 10000 /* "photo (9999).png" */

struct upload {
    struct http_part image; /* name.p NULL: absent */
    struct str overwrite, type, subfolder, original_ref;
    bool too_large;
};

static void
upload_read(struct http_req *q, struct upload *u)
{
    struct http_part p;

    *u = (struct upload){.type = STR("input"), .subfolder = STR("")};
    for (size_t n = 0; http_part(q, n, &p); n++) {
        if (p.data.len > COMFY_BODY_MAX)
            u->too_large = true;
        if (str_eq_c(p.name, "image"))
            u->image = p;
        else if (str_eq_c(p.name, "overwrite"))
            u->overwrite = p.data;
        else if (str_eq_c(p.name, "type"))
            u->type = p.data;
        else if (str_eq_c(p.name, "subfolder"))
            u->subfolder = p.data;
        else if (str_eq_c(p.name, "original_ref"))
            u->original_ref = p.data;
    }
}

static bool
has_same_bytes(const char *path, struct str bytes)
{
    char x[SHA256_HEX], y[SHA256_HEX];
    struct buf b;
    bool same = false;

    buf_init(&b, COMFY_FILE_MAX);
    if (file_read(path, &b, NULL) == 0) {
        sha256_hex(buf_str(&b), x);
        sha256_hex(bytes, y);
        same = strcmp(x, y) == 0;
    }
    buf_free(&b);
    return same;
}

/* "photo.png" is taken by other bytes: "photo (1).png" ... */
static const char *
free_name(struct arena *a, const char *dir, const char *name, struct str bytes,
          bool *duplicate)
{
    const char *dot = strrchr(name, '.'), *slash = strrchr(name, '/');
    const char *base = slash ? slash + 1 : name, *tried = name;
    int stem;

    if (!dot || dot <= base)
        dot = name + strlen(name);
    stem = (int)(dot - name);
    *duplicate = false;
    for (int i = 1; i < UPLOAD_NAMES_MAX; i++) {
        const char *path = arena_fmt(a, "%s/%s", dir, tried);

        if (!path_exists(path))
            return tried;
        if (has_same_bytes(path, bytes)) {
            *duplicate = true;
            return tried;
        }
        tried = arena_fmt(a, "%.*s (%d)%s", stem, name, i, dot);
    }
    return tried;
}

/* aiohttp gives up on a header value with so many semicolons. */
static bool
confuses_aiohttp(struct str filename)
{
    size_t n = 0;

    for (size_t i = 0; i < filename.len; i++)
        n += filename.p[i] == ';';
    return n >= 2;
}

/* Where it was stored: *name; or a status. */
static int
upload_store(struct arena *a, const char *dir, const struct upload *u,
             const char **name)
{
    const char *given =
        arena_strn(a, u->image.filename.p, u->image.filename.len);
    const char *sub = arena_strn(a, u->subfolder.p, u->subfolder.len);
    const char *folder;
    bool duplicate = false;

    while (*given == '/')
        given++;
    folder = path_inside(a, dir, sub);
    if (!folder || !path_inside(a, dir, arena_fmt(a, "%s/%s", folder, given)))
        return 400;
    if (path_make_dirs(folder, NULL) < 0)
        return 500;
    *name = given;
    if (!str_eq_c(u->overwrite, "true") && !str_eq_c(u->overwrite, "1"))
        *name = free_name(a, folder, given, u->image.data, &duplicate);
    if (duplicate)
        return 200;
    return file_write(arena_fmt(a, "%s/%s", folder, *name), u->image.data,
                      0644, NULL) < 0
               ? 500 /* "a/b.png" and no folder a */
               : 200;
}

static int
upload_image(struct http_req *q, const struct comfy *c, const struct upload *u,
             const char **name)
{
    struct arena *a = http_arena(q);
    const char *type = arena_strn(a, u->type.p, u->type.len);
    const char *dir = comfy_dir_of(&c->dirs, type);

    if (!dir)
        return 500;
    if (!u->image.name.p)
        return 400;
    if (!u->image.filename.p)
        return u->image.data.len > 0 ? 500 : 400;
    if (u->image.filename.len == 0 || confuses_aiohttp(u->image.filename))
        return 500;
    return upload_store(a, dir, u, name);
}

/* ---- /upload/mask ---- */

/* The picture that the mask is for; NULL: there is none to be had. */
static struct tensor *
original(struct http_req *q, const struct comfy *c, const struct py *ref)
{
    struct arena *a = http_arena(q);
    const struct py *type = py_get(ref, "type"),
                    *sub = py_get(ref, "subfolder");
    const struct py *name = py_get(ref, "filename");
    const char *dir, *path;
    struct tensor *t = NULL;
    struct buf b;
    bool alpha;

    dir = comfy_dir_of(&c->dirs, type ? py_str_in(a, type) : "output");
    if (!dir || !py_is(name, PY_STR))
        return NULL;
    path = path_inside(
        a, dir,
        arena_fmt(a, "%s/%s", sub ? py_str_in(a, sub) : "", name->text.p));
    buf_init(&b, COMFY_FILE_MAX);
    if (path && file_read(path, &b, NULL) == 0)
        t = picture_load(buf_str(&b), &alpha, NULL);
    buf_free(&b);
    return t;
}

/* The mask's alpha on the original, as PNG bytes in the request's arena. */
static bool
masked(struct http_req *q, const struct comfy *c, struct upload *u,
       const struct py *ref)
{
    struct tensor *t = original(q, c, ref), *mask = NULL, *fit = NULL;
    bool alpha, ok = false;
    size_t pixels;
    struct buf png;

    if (t)
        mask = picture_load(u->image.data, &alpha, NULL);
    if (mask)
        fit = resize(mask, t->w, t->h, RESIZE_NEAREST);
    if (fit) {
        pixels = (size_t)t->w * (size_t)t->h;
        for (size_t i = 0; i < pixels; i++)
            t->p[i * 4 + 3] = fit->p[i * 4 + 3];
        buf_init(&png, COMFY_FILE_MAX);
        picture_png(&png, t, 0, 1, NULL, 0);
        u->image.data = arena_str(http_arena(q), buf_str(&png));
        buf_free(&png);
        ok = true;
    }
    tensor_unref(t);
    tensor_unref(mask);
    tensor_unref(fit);
    return ok;
}

/* ---- both ---- */

static void
upload(struct http_req *q, struct comfy *c, bool mask)
{
    struct upload u;
    const char *name = NULL;
    const struct py *ref = NULL;
    struct buf b;
    int status;

    upload_read(q, &u);
    if (u.too_large || comfy_fault_strikes(c, FAULT_upload_413, NULL)) {
        reply_too_large(q);
        return;
    }
    if (mask && !(ref = py_parse(http_arena(q), u.original_ref, NULL))) {
        reply_crash(q);
        return;
    }
    /* Without an original nothing is saved, and the answer is the same. */
    if (mask && u.image.filename.p && !masked(q, c, &u, ref)) {
        name =
            arena_strn(http_arena(q), u.image.filename.p, u.image.filename.len);
        status = 200;
    } else {
        status = upload_image(q, c, &u, &name);
    }
    if (status == 500) {
        reply_crash(q);
        return;
    }
    if (status != 200) {
        reply_empty(q, status);
        return;
    }
    buf_init(&b, 64 * 1024);
    buf_add_c(&b, "{\"name\": ");
    py_dumps_c(&b, name);
    buf_add_c(&b, ", \"subfolder\": ");
    py_dumps_str(&b, u.subfolder);
    buf_add_c(&b, ", \"type\": ");
    py_dumps_str(&b, u.type);
    buf_add_c(&b, "}");
    reply_json(q, 200, &b);
}

void
route_upload_image(struct http_req *q, struct comfy *c)
{
    upload(q, c, false);
}

void
route_upload_mask(struct http_req *q, struct comfy *c)
{
    upload(q, c, true);
}

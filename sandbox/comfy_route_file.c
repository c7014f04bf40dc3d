/*
 * comfy_route_file.c - /view and /upload/image (contract 1.10, 1.11).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "sandbox/comfy_http.h"
#include "sandbox/comfy_image.h"

#define UPLOAD_NAMES_MAX 10000 /* "photo (9999).png" */

/* ---- /view ---- */

static const char *
mime_of(const char *name)
{
    static const struct {
        const char *ext, *type;
    } types[] = {
        {".png", "image/png"},   {".jpg", "image/jpeg"},
        {".jpeg", "image/jpeg"}, {".webp", "image/webp"},
        {".gif", "image/gif"},   {".mp4", "video/mp4"},
        {".webm", "video/webm"}, {".txt", "text/plain"},
        {".wav", "audio/x-wav"}, {".json", "application/json"},
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (str_ends(str_c(name), str_c(types[i].ext)))
            return types[i].type;
    return "application/octet-stream";
}

static bool
has_control(const char *z)
{
    for (; *z; z++)
        if ((unsigned char)*z < 0x20 || *z == 0x7f)
            return true;
    return false;
}

/* The checks in ComfyUI's order. 0 and *path, or a status. */
static int
view_find(struct http_req *q, const struct comfy *c, const char **path,
          const char **name)
{
    struct arena *a = http_arena(q);
    const char *file = http_query(q, "filename");
    const char *type = http_query(q, "type");
    const char *sub = http_query(q, "subfolder");
    const char *dir, *rest, *slash;

    if (!file)
        return 404;
    dir = comfy_annotated(&c->dirs, a, str_c(file), NULL, &rest);
    if (!*rest || rest[0] == '/' || strstr(rest, "..") || has_control(rest))
        return 400;
    if (!dir)
        dir = comfy_dir_of(&c->dirs, type ? type : "output");
    if (!dir)
        return 400;
    if (sub && !(dir = path_inside(a, dir, sub)))
        return 403;
    slash = strrchr(rest, '/');
    *name = slash ? slash + 1 : rest;
    *path = arena_fmt(a, "%s/%s", dir, *name);
    return path_is_file(*path) ? 0 : 404;
}

static void
disposition(struct http_req *q, const char *name, bool newer)
{
    struct arena *a = http_arena(q);
    struct buf b;

    buf_init(&b, 4096);
    for (; *name; name++) {
        if (newer && (*name == '"' || *name == '\\'))
            buf_add_c(&b, "\\");
        buf_add_byte(&b, *name);
    }
    http_set_header(q, "Content-Disposition",
                    arena_fmt(a, "filename=\"%s\"", buf_cstr(&b)));
    if (newer)
        http_set_header(q, "X-Content-Type-Options", "nosniff");
    buf_free(&b);
}

static void
last_modified(const struct stat *st, char out[64])
{
    struct tm tm;

    gmtime_r(&st->st_mtime, &tm);
    strftime(out, 64, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

static bool
is_unchanged(struct http_req *q, const char *etag, const char *modified)
{
    const char *match = http_header(q, "If-None-Match", NULL);
    const char *since = http_header(q, "If-Modified-Since", NULL);

    if (match)
        return strcmp(match, etag) == 0 || strcmp(match, "*") == 0;
    return since && strcmp(since, modified) == 0;
}

/* "bytes=0-99", "bytes=100-", "bytes=-5". False: not satisfiable. */
static bool
range_parse(const char *z, uint64_t size, uint64_t *from, uint64_t *len)
{
    struct str rest = str_c(z), first;
    uint64_t x = 0, y = 0;

    rest = str_sub(rest, 6, rest.len);
    str_split(&rest, '-', &first);
    if (first.len == 0) {
        if (!str_to_u64(rest, &y) || y == 0)
            return false;
        *len = y < size ? y : size;
        *from = size - *len;
        return true;
    }
    if (!str_to_u64(first, &x) || x >= size)
        return false;
    *from = x;
    *len = size - x;
    if (rest.len > 0) {
        if (!str_to_u64(rest, &y) || y < x)
            return false;
        *len = y - x + 1 < *len ? y - x + 1 : *len;
    }
    return true;
}

static void
reply_range(struct http_req *q, const char *type, int fd, uint64_t size,
            const char *range)
{
    struct arena *a = http_arena(q);
    uint64_t from, len;
    char *part;
    ssize_t n;

    if (!range_parse(range, size, &from, &len)) {
        http_set_header(q, "Content-Range",
                        arena_fmt(a, "bytes */%llu", (unsigned long long)size));
        close(fd);
        http_reply(q, 416, type, STR(""));
        return;
    }
    part = arena_alloc(a, len);
    n = pread(fd, part, len, (off_t)from);
    close(fd);
    http_set_header(q, "Content-Range",
                    arena_fmt(a, "bytes %llu-%llu/%llu",
                              (unsigned long long)from,
                              (unsigned long long)(from + len - 1),
                              (unsigned long long)size));
    http_reply(q, 206, type, str_n(part, n < 0 ? 0 : (size_t)n));
}

/* Announces the whole file and sends half of it. */
static void
reply_truncated(struct http_req *q, const char *type, int fd, uint64_t size)
{
    int half = memfd_create("half", MFD_CLOEXEC);
    char block[4096];
    uint64_t left = size / 2;
    ssize_t n;

    while (left > 0 &&
           (n = read(fd, block, left < sizeof(block) ? left
                                                     : sizeof(block))) > 0) {
        if (write(half, block, (size_t)n) != n)
            break;
        left -= (uint64_t)n;
    }
    close(fd);
    http_reply_fd(q, 200, type, half, size);
}

static void
reply_file(struct http_req *q, struct comfy *c, const char *path,
           const char *name)
{
    const char *type = mime_of(name), *range = http_header(q, "Range", NULL);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char etag[64], modified[64];
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        if (fd >= 0)
            close(fd);
        reply_empty(q, 404);
        return;
    }
    snprintf(etag, sizeof(etag), "\"%llx-%llx\"",
             (unsigned long long)st.st_mtim.tv_sec * 1000000000ull +
                 (unsigned long long)st.st_mtim.tv_nsec,
             (unsigned long long)st.st_size);
    last_modified(&st, modified);
    disposition(q, name, c->cfg.newer);
    http_set_header(q, "ETag", etag);
    http_set_header(q, "Last-Modified", modified);
    http_set_header(q, "Accept-Ranges", "bytes");
    if (is_unchanged(q, etag, modified)) {
        close(fd);
        http_reply(q, 304, type, STR(""));
    } else if (range && strncmp(range, "bytes=", 6) == 0) {
        reply_range(q, type, fd, (uint64_t)st.st_size, range);
    } else if (comfy_fault_strikes(c, FAULT_truncated_view, NULL)) {
        reply_truncated(q, type, fd, (uint64_t)st.st_size);
    } else {
        http_reply_fd(q, 200, type, fd, (uint64_t)st.st_size);
    }
}

/* channel=rgb drops alpha; channel=a shows it on black. */
static struct tensor *
channel_of(struct tensor *t, bool alpha_only)
{
    struct tensor *r;
    size_t pixels = (size_t)t->w * (size_t)t->h;

    if (!alpha_only)
        return tensor_channels(t, 3);
    r = tensor_copy(t);
    for (size_t i = 0; i < pixels; i++)
        r->p[i * 4] = r->p[i * 4 + 1] = r->p[i * 4 + 2] = 0;
    return r;
}

/* preview=jpeg;70 or channel=a: decoded and written anew. */
static void
reply_remade(struct http_req *q, struct comfy *c, const char *path,
             const char *name, const char *preview, const char *channel)
{
    const char *semicolon = preview ? strchr(preview, ';') : NULL;
    bool jpeg = preview && strncmp(preview, "jpeg", 4) == 0, alpha = false;
    int quality = semicolon ? atoi(semicolon + 1) : 90;
    struct tensor *t = NULL, *shown = NULL;
    struct buf bytes, out;

    buf_init(&bytes, COMFY_FILE_MAX);
    buf_init(&out, COMFY_FILE_MAX);
    if (file_read(path, &bytes, NULL) == 0)
        t = picture_load(buf_str(&bytes), &alpha, NULL);
    if (t)
        shown = channel ? channel_of(t, strcmp(channel, "a") == 0)
                        : tensor_channels(t, alpha && !jpeg ? 4 : 3);
    if (!shown) {
        reply_crash(q);
    } else {
        if (channel)
            picture_png(&out, shown, 0, 6, NULL, 0);
        else if (jpeg)
            picture_jpeg(&out, shown, 0, quality);
        else
            picture_webp(&out, shown, 0, quality);
        disposition(q, name, c->cfg.newer);
        http_reply(q, 200, channel ? "image/png"
                           : jpeg  ? "image/jpeg"
                                   : "image/webp", buf_str(&out));
    }
    tensor_unref(shown);
    tensor_unref(t);
    buf_free(&bytes);
    buf_free(&out);
}

void
route_view(struct http_req *q, struct comfy *c)
{
    const char *path, *name, *preview = http_query(q, "preview");
    const char *channel = http_query(q, "channel");
    int64_t ms = 0;
    int status;

    if (comfy_fault_strikes(c, FAULT_slow_view, &ms))
        clock_sleep_ms(ms);
    status = view_find(q, c, &path, &name);
    if (status == 0 && comfy_fault_strikes(c, FAULT_view_404, NULL))
        status = 404;
    if (status != 0) {
        reply_empty(q, status);
        return;
    }
    if (channel && strcmp(channel, "a") != 0 && strcmp(channel, "rgb") != 0)
        channel = NULL;
    if (preview || channel)
        reply_remade(q, c, path, name, preview, preview ? NULL : channel);
    else
        reply_file(q, c, path, name);
}

/* ---- /upload/image ---- */

struct upload {
    struct http_part image; /* name.p NULL: absent */
    struct str overwrite, type, subfolder;
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
    const char *given = arena_strn(a, u->image.filename.p,
                                   u->image.filename.len);
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
                      NULL) < 0
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

void
route_upload_image(struct http_req *q, struct comfy *c)
{
    struct upload u;
    const char *name = NULL;
    struct buf b;
    int status;

    upload_read(q, &u);
    if (u.too_large || comfy_fault_strikes(c, FAULT_upload_413, NULL)) {
        reply_too_large(q);
        return;
    }
    status = upload_image(q, c, &u, &name);
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

/*
 * comfy_route_view.c - /view (contract 1.10).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/file.h"
#include "sandbox/comfy_http.h"
#include "sandbox/comfy_image.h"

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

/* Announces the whole file and breaks off: what is sent is a pipe, which
 * cannot be read at an offset, so libmicrohttpd closes after the headers. */
static void
reply_truncated(struct http_req *q, const char *type, int fd, uint64_t size)
{
    int ends[2];

    close(fd);
    if (pipe2(ends, O_CLOEXEC) < 0) {
        reply_crash(q);
        return;
    }
    close(ends[1]);
    http_reply_fd(q, 200, type, ends[0], size);
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
        http_reply(q, 200,
                   channel ? "image/png"
                   : jpeg  ? "image/jpeg"
                           : "image/webp",
                   buf_str(&out));
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

/*
 * tg_files.c - files by id, photos in their sizes.
 *
 * Bytes lie in --dir, or in memory up to TG_FILE_MEMORY (then the oldest are
 * forgotten, their ids stay known). The same bytes sent twice are one photo:
 * file_unique_id is then the same, as it is when a file_id is sent again. A
 * smaller size is made when somebody asks for its bytes, for most never do.
 */
#include "sandbox/tg.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "base/image.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "io/file.h"

#define LARGEST_SIDE 1280
#define PATH_BYTES 4096

static const int smaller_sides[] = {90, 320, 800};

/* ---- one file ---- */

static void
full_path(const struct tg *t, const struct tgs_file *f, char *out)
{
    snprintf(out, PATH_BYTES, "%s/%s", t->cfg.dir, f->path);
}

static bool
disk_write(const struct tg *t, const struct tgs_file *f, struct str bytes)
{
    char path[PATH_BYTES];

    full_path(t, f, path);
    return file_write(path, bytes, 0600, NULL) == 0;
}

static bool
disk_read(const struct tg *t, const struct tgs_file *f, struct buf *out)
{
    char path[PATH_BYTES];

    full_path(t, f, path);
    return file_read(path, out, NULL) == 0 && out->len == f->size;
}

static void
forget_oldest(struct tg *t)
{
    while (t->file_memory > TG_FILE_MEMORY && t->file_oldest < t->nfiles) {
        struct tgs_file *f = t->files[t->file_oldest++];
        if (!f->bytes)
            continue;
        t->file_memory -= f->size;
        mem_free(f->bytes);
        f->bytes = NULL;
        f->gone = true;
    }
}

static void
bytes_put(struct tg *t, struct tgs_file *f, struct str bytes)
{
    f->size = bytes.len;
    if (t->cfg.dir) {
        f->on_disk = disk_write(t, f, bytes);
        f->gone = !f->on_disk;
        if (f->gone)
            log_error("telegram", "file", "%s was not written: %s", f->path,
                      strerror(errno));
        return;
    }
    f->bytes = mem_alloc(bytes.len);
    memcpy(f->bytes, bytes.p, bytes.len);
    t->file_memory += bytes.len;
    forget_oldest(t);
}

static void
name_ids(struct tgs_file *f, const char *kind, const char *hash, char size)
{
    char secret[25];

    rand_hex(secret, 24);
    snprintf(f->id, sizeof(f->id), "%s%08llx%s", kind, (unsigned long long)f->n,
             secret);
    snprintf(f->unique, sizeof(f->unique), "AQAD%.14s%c", hash, size);
}

static struct tgs_file *
file_new(struct tg *t)
{
    struct tgs_file *f;

    if (t->nfiles == TG_FILES_MAX)
        return NULL;
    if (t->nfiles == t->files_cap) {
        t->files_cap = t->files_cap ? t->files_cap * 2 : 64;
        t->files =
            mem_realloc(t->files, t->files_cap * sizeof(struct tgs_file *));
    }
    f = mem_calloc(1, sizeof(*f));
    t->files[t->nfiles++] = f;
    f->n = (int64_t)t->nfiles;
    return f;
}

struct tgs_file *
tgs_file_find(struct tg *t, const char *id)
{
    char digits[9] = "";
    unsigned long long n;

    if (!id || strlen(id) < 7 + 8 + 24)
        return NULL;
    memcpy(digits, id + 7, 8);
    n = strtoull(digits, NULL, 16);
    if (n == 0 || n > t->nfiles || strcmp(t->files[n - 1]->id, id) != 0)
        return NULL;
    return t->files[n - 1];
}

struct tgs_file *
tgs_file_by_path(struct tg *t, const char *path)
{
    const char *digits = strstr(path, "/file_");
    unsigned long long n = digits ? strtoull(digits + 6, NULL, 10) : 0;

    if (n == 0 || n > t->nfiles || strcmp(t->files[n - 1]->path, path) != 0)
        return NULL;
    return t->files[n - 1];
}

struct tgs_file *
tgs_document_add(struct tg *t, struct str bytes, const char *name,
                 const char *mime)
{
    struct tgs_file *f = file_new(t);
    struct image_info info = {.kind = IMAGE_NONE};
    char hash[SHA256_HEX];

    if (!f)
        return NULL;
    image_probe(bytes, &info, NULL);
    sha256_hex(bytes, hash);
    name_ids(f, "BQACAgI", hash, 'd');
    snprintf(f->path, sizeof(f->path), "documents/file_%lld.%s",
             (long long)f->n, image_ext(info.kind));
    f->mime = mem_strdup(mime ? mime : image_mime(info.kind));
    f->name = name ? mem_strdup(name) : NULL;
    bytes_put(t, f, bytes);
    return f;
}

/* ---- photos ---- */

/* A picture on its way to become a photo. */
struct upload {
    struct str bytes; /* as uploaded */
    char hash[SHA256_HEX];
    enum image_kind kind;
    int width, height; /* of the largest size */
    struct str largest;
    char *made; /* owns largest; NULL: largest is bytes */
    struct buf stripped;
};

static struct tgs_file *
photo_largest(const struct tgs_photo *p)
{
    return p->sizes[p->n - 1];
}

static size_t
photo_bucket(const char *hash)
{
    char digits[9] = "";

    memcpy(digits, hash, 8);
    return strtoul(digits, NULL, 16) % TG_BUCKETS;
}

static struct tgs_photo *
photo_known(struct tg *t, const char *hash)
{
    struct tgs_photo *p = t->photos[photo_bucket(hash)];

    while (p && (strcmp(p->hash, hash) != 0 || photo_largest(p)->gone))
        p = p->next;
    return p;
}

static int
upload_check(struct upload *u, struct err *e)
{
    struct image_info info;
    uint64_t longer, shorter;

    if (u->bytes.len > LIM_PHOTO_BYTES)
        return err_set(e, ERR_TOO_LARGE,
                       "file of size %zu bytes is too big for a photo; the "
                       "maximum size is %d bytes",
                       u->bytes.len, LIM_PHOTO_BYTES);
    if (image_probe(u->bytes, &info, NULL) != 0)
        return err_set(e, ERR_BAD_INPUT, "IMAGE_PROCESS_FAILED");
    longer = info.width > info.height ? info.width : info.height;
    shorter = info.width + (uint64_t)info.height - longer;
    if (longer + shorter > LIM_PHOTO_DIM_SUM ||
        longer > shorter * LIM_PHOTO_RATIO)
        return err_set(e, ERR_BAD_INPUT, "PHOTO_INVALID_DIMENSIONS");
    u->kind = info.kind;
    u->width = (int)info.width;
    u->height = (int)info.height;
    u->largest = u->bytes;
    sha256_hex(u->bytes, u->hash);
    return 0;
}

/* What is already as Telegram makes it only loses its metadata. */
static bool
is_telegrams(const struct upload *u)
{
    return u->kind == IMAGE_JPEG && u->width <= LARGEST_SIDE &&
           u->height <= LARGEST_SIDE && tgs_exif_orientation(u->bytes) == 1;
}

static int
upload_make(struct upload *u, struct err *e)
{
    if (is_telegrams(u)) {
        if (image_strip(u->bytes, &u->stripped, NULL) != 0)
            return err_set(e, ERR_BAD_INPUT, "IMAGE_PROCESS_FAILED");
        u->largest = buf_str(&u->stripped);
        return 0;
    }
    u->made = tgs_pixels_scale(u->bytes, LARGEST_SIDE, &u->width, &u->height,
                               &u->largest.len);
    u->largest.p = u->made;
    return u->made ? 0 : err_set(e, ERR_BAD_INPUT, "IMAGE_PROCESS_FAILED");
}

static struct tgs_file *
size_add(struct tg *t, struct tgs_photo *p, int w, int h, char letter)
{
    struct tgs_file *f = file_new(t);

    if (!f)
        return NULL;
    name_ids(f, "AgACAgI", p->hash, letter);
    snprintf(f->path, sizeof(f->path), "photos/file_%lld.jpg", (long long)f->n);
    f->mime = mem_strdup("image/jpeg");
    f->width = w;
    f->height = h;
    f->photo = p;
    p->sizes[p->n++] = f;
    return f;
}

static void
smaller_add(struct tg *t, struct tgs_photo *p, const struct upload *u)
{
    int longer = u->width > u->height ? u->width : u->height;

    for (size_t i = 0; i < sizeof(smaller_sides) / sizeof(*smaller_sides); i++)
        if (smaller_sides[i] < longer) {
            int w = u->width, h = u->height;
            tgs_fit(&w, &h, smaller_sides[i]);
            size_add(t, p, w, h, "smx"[i]);
        }
}

static struct tgs_photo *
photo_add(struct tg *t, const struct upload *u)
{
    struct tgs_photo **bucket = &t->photos[photo_bucket(u->hash)];
    struct tgs_photo *p;

    if (t->nfiles + TG_SIZES_MAX + 1 > TG_FILES_MAX)
        return NULL;
    p = mem_calloc(1, sizeof(*p));
    memcpy(p->hash, u->hash, sizeof(p->hash));
    smaller_add(t, p, u);
    bytes_put(t, size_add(t, p, u->width, u->height, 'y'), u->largest);
    p->original = photo_largest(p);
    if (!str_eq(u->largest, u->bytes))
        p->original = tgs_document_add(t, u->bytes, NULL, NULL);
    p->next = *bucket;
    *bucket = p;
    return p;
}

int
tgs_photo_put(struct tg *t, struct str bytes, struct tgs_photo **out,
              struct err *e)
{
    struct upload u = {.bytes = bytes};
    bool pixels;
    int rc = -1;

    buf_init(&u.stripped, LIM_PHOTO_BYTES);
    if (upload_check(&u, e) != 0)
        return -1;
    pthread_mutex_lock(&t->lock);
    pixels = t->pixels_on;
    *out = photo_known(t, u.hash);
    pthread_mutex_unlock(&t->lock);
    if (*out)
        return 0;
    if (pixels && upload_make(&u, e) != 0)
        goto out;
    pthread_mutex_lock(&t->lock);
    *out = photo_add(t, &u);
    pthread_mutex_unlock(&t->lock);
    rc = *out ? 0 : err_set(e, ERR_TOO_LARGE, "the sandbox is full of files");
out:
    mem_free(u.made);
    buf_free(&u.stripped);
    return rc;
}

/* ---- reading ---- */

/* Makes a smaller size from the largest; the lock is away meanwhile. */
static bool
size_make(struct tg *t, struct tgs_file *f)
{
    int side = f->width > f->height ? f->width : f->height, w, h;
    struct str made = {0};
    struct buf from;
    char *p = NULL;

    buf_init(&from, TG_BODY_MAX);
    if (tgs_file_read(t, photo_largest(f->photo), &from)) {
        pthread_mutex_unlock(&t->lock);
        p = tgs_pixels_scale(buf_str(&from), side, &w, &h, &made.len);
        pthread_mutex_lock(&t->lock);
    }
    made.p = p;
    if (p && f->size == 0)
        bytes_put(t, f, made);
    mem_free(p);
    buf_free(&from);
    return f->size > 0;
}

bool
tgs_file_read(struct tg *t, struct tgs_file *f, struct buf *out)
{
    if (f->gone || (f->size == 0 && f->photo && !size_make(t, f)))
        return false;
    if (f->on_disk)
        return disk_read(t, f, out);
    if (!f->bytes)
        return f->size == 0 && !f->photo;
    buf_add(out, f->bytes, f->size);
    return !out->failed;
}

void
tgs_files_free(struct tg *t)
{
    for (size_t i = 0; i < TG_BUCKETS; i++)
        while (t->photos[i]) {
            struct tgs_photo *p = t->photos[i];
            t->photos[i] = p->next;
            mem_free(p);
        }
    for (size_t i = 0; i < t->nfiles; i++) {
        mem_free(t->files[i]->bytes);
        mem_free(t->files[i]->name);
        mem_free(t->files[i]->mime);
        mem_free(t->files[i]);
    }
    mem_free(t->files);
}

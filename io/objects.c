/*
 * objects.c - the bytes of files, in a folder.
 *
 * A file appears whole or not at all: it is written under a temporary name in
 * .tmp/, made durable, renamed, and the rename made durable by an fsync of
 * its folder. New folders on the way are made durable, too. What a crash
 * leaves in .tmp/ is removed when the folder is opened the next time; it is
 * locked while in use, so that nobody removes what another one writes.
 *
 * All paths are opened relative to the folder's descriptor and without
 * following a link in the last place.
 */
#include "io/objects.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "io/file.h"

#define KEY_MAX 200
#define TMP_DIR ".tmp"
#define TMP_NAME_MAX 32
#define PLACE_TRIES 8

struct objects {
    char *dir; /* for sentences */
    int fd;
    int tmp_fd;
};

/* ---- keys ---- */

static bool
key_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

/* A segment that starts with a dot is "..", or hidden, or our own. */
static bool
segment_valid(struct str s)
{
    if (s.len == 0 || s.p[0] == '.')
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!key_byte(s.p[i]))
            return false;
    return true;
}

static int
key_check(const char *key, struct err *e)
{
    struct str rest = str_c(key), part;
    bool ok = rest.len > 0 && rest.len <= KEY_MAX;

    while (ok && str_split(&rest, '/', &part))
        ok = segment_valid(part);
    if (ok && key[strlen(key) - 1] != '/')
        return 0;
    return err_set(e, ERR_BAD_INPUT,
                   "an object's key must be segments of A-Za-z0-9_.- that do "
                   "not start with a dot, joined by /, %d bytes at most",
                   KEY_MAX);
}

/* ---- errors ---- */

static int
disk_error(const struct objects *o, const char *what, const char *key,
           struct err *e)
{
    int code = errno;

    if (code == ENOENT || code == ENOTDIR)
        return err_set(e, ERR_NOT_FOUND, "there is no object %s", key);
    if (code == ENOSPC || code == EDQUOT)
        return err_set(e, ERR_UNAVAILABLE,
                       "%s object %s: the disk with %s is full: free some "
                       "space",
                       what, key, o->dir);
    if (code == EROFS || code == EACCES || code == EPERM)
        return err_set(e, ERR_UNAVAILABLE,
                       "%s object %s: %s is read-only: make it writable for "
                       "user id %u",
                       what, key, o->dir, (unsigned)geteuid());
    return err_set(e, ERR_UNAVAILABLE, "%s object %s in %s: %s", what, key,
                   o->dir, strerror(code));
}

/* After a failed fsync the kernel may have thrown the bytes away and a second
 * one says all is well: nothing that this process believes about the disk
 * holds any more. */
static int
sync_or_end(int fd, const char *key)
{
    if (fsync(fd) == 0 || errno == EINVAL) /* EINVAL: it cannot, ever */
        return 0;
    if (errno != EIO)
        return -1;
    log_error("objects", "fsync_failed",
              "key=%s: the disk lost data; the "
              "process ends",
              key);
    _exit(70);
}

/* ---- folders ---- */

/* The folder of the key's last segment, from o->fd down; makes missing ones.
 * -1: errno. */
static int
parent_open(const struct objects *o, const char *key, bool make)
{
    int at = dup(o->fd);
    struct str rest = str_c(key), part;

    while (at >= 0 && str_find(rest, '/') >= 0 &&
           str_split(&rest, '/', &part)) {
        char name[KEY_MAX + 1];
        int next;

        snprintf(name, sizeof(name), STR_FMT, STR_ARG(part));
        if (make && mkdirat(at, name, 0700) == 0 && sync_or_end(at, key) != 0) {
            close(at);
            return -1;
        }
        next =
            openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0) {
            int code = errno;

            close(at);
            errno = code;
            return -1;
        }
        close(at);
        at = next;
    }
    return at;
}

static const char *
key_last(const char *key)
{
    const char *slash = strrchr(key, '/');

    return slash == NULL ? key : slash + 1;
}

static int
tmp_clean(const struct objects *o)
{
    int fd = openat(o->tmp_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *f;

    if (d == NULL)
        return -1;
    while ((f = readdir(d)) != NULL)
        if (f->d_name[0] != '.')
            unlinkat(o->tmp_fd, f->d_name, 0);
    closedir(d);
    return 0;
}

static int
folder_make(const char *path)
{
    char *p = mem_strdup(path);
    int rc = 0;

    for (char *slash = strchr(p + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(p, 0700); /* the last one tells what is wrong */
        *slash = '/';
    }
    if (mkdir(p, 0700) != 0 && errno != EEXIST)
        rc = -1;
    mem_free(p);
    return rc;
}

/* Backends on one machine may share the folder: all hold a shared lock, and
 * only who is alone cleans up. */
static int
objects_open_tmp(struct objects *o)
{
    if (mkdirat(o->fd, TMP_DIR, 0700) != 0 && errno != EEXIST)
        return -1;
    o->tmp_fd =
        openat(o->fd, TMP_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (o->tmp_fd < 0)
        return -1;
    if (flock(o->tmp_fd, LOCK_EX | LOCK_NB) == 0 && tmp_clean(o) != 0)
        return -1;
    return flock(o->tmp_fd, LOCK_SH);
}

struct objects *
objects_open(const char *dir, struct err *e)
{
    struct objects *o = mem_calloc(1, sizeof(*o));

    o->dir = mem_strdup(dir);
    o->fd = o->tmp_fd = -1;
    errno = ENOENT;
    if (dir[0] != '\0' && folder_make(dir) == 0)
        o->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (o->fd >= 0 && objects_open_tmp(o) == 0)
        return o;
    err_set(e, ERR_UNAVAILABLE,
            "cannot use the folder %s for files: %s: make it writable for "
            "user id %u",
            dir, strerror(errno), (unsigned)geteuid());
    objects_close(o);
    return NULL;
}

void
objects_close(struct objects *o)
{
    if (o == NULL)
        return;
    if (o->tmp_fd >= 0)
        close(o->tmp_fd);
    if (o->fd >= 0)
        close(o->fd);
    mem_free(o->dir);
    mem_free(o);
}

/* ---- writing ---- */

/* A durable file of these bytes in .tmp; -1: errno, and no file. */
static int
tmp_write(const struct objects *o, const char *name, struct str bytes,
          const char *key)
{
    int fd =
        openat(o->tmp_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc = -1, code;

    if (fd < 0)
        return -1;
    if (file_write_fd(fd, bytes) == 0 && sync_or_end(fd, key) == 0)
        rc = 0;
    code = errno;
    close(fd);
    if (rc != 0)
        unlinkat(o->tmp_fd, name, 0);
    errno = code;
    return rc;
}

static int
tmp_rename(const struct objects *o, const char *name, const char *key)
{
    int dir = parent_open(o, key, true), rc = -1, code;

    if (dir < 0)
        return -1;
    if (renameat(o->tmp_fd, name, dir, key_last(key)) == 0)
        rc = sync_or_end(dir, key);
    code = errno;
    close(dir);
    errno = code;
    return rc;
}

/* A folder may be removed, for it was empty, between its making and the
 * rename: then once more. */
static int
tmp_place(const struct objects *o, const char *name, const char *key)
{
    int rc = -1;

    for (int i = 0; i < PLACE_TRIES && rc != 0; i++) {
        rc = tmp_rename(o, name, key);
        if (rc != 0 && errno != ENOENT)
            break;
    }
    return rc;
}

/* errno as a sentence; a name that is missing here is a folder that somebody
 * removed, not an object. */
static int
put_error(const struct objects *o, const char *key, struct err *e)
{
    if (errno == ENOENT || errno == ENOTDIR || errno == EISDIR)
        return err_set(e, ERR_UNAVAILABLE, "cannot write object %s in %s: %s",
                       key, o->dir, strerror(errno));
    return disk_error(o, "cannot write", key, e);
}

int
objects_put(struct objects *o, const char *key, struct str bytes, struct err *e)
{
    char name[TMP_NAME_MAX];

    if (key_check(key, e) != 0)
        return -1;
    rand_hex(name, 24);
    if (tmp_write(o, name, bytes, key) != 0)
        return put_error(o, key, e);
    if (tmp_place(o, name, key) == 0)
        return 0;
    put_error(o, key, e);
    unlinkat(o->tmp_fd, name, 0);
    return -1;
}

/* ---- reading ---- */

int
objects_open_fd(struct objects *o, const char *key, uint64_t *size,
                struct err *e)
{
    struct stat st;
    int dir, fd;

    if (key_check(key, e) != 0)
        return -1;
    dir = parent_open(o, key, false);
    if (dir < 0)
        return disk_error(o, "cannot read", key, e);
    fd = openat(dir, key_last(key), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        disk_error(o, "cannot read", key, e);
    close(dir);
    if (fd >= 0 && S_ISREG(st.st_mode)) {
        *size = (uint64_t)st.st_size;
        return fd;
    }
    if (fd >= 0) {
        close(fd);
        err_set(e, ERR_NOT_FOUND, "there is no object %s", key);
    }
    return -1;
}

static int
read_all(int fd, struct buf *out)
{
    char block[16 * 1024];
    ssize_t n;

    while ((n = read(fd, block, sizeof(block))) != 0) {
        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0)
            buf_add(out, block, (size_t)n);
        if (out->failed)
            break;
    }
    return 0;
}

int
objects_get(struct objects *o, const char *key, size_t limit, struct buf *out,
            struct err *e)
{
    uint64_t size;
    int fd, rc = 0;

    buf_init(out, limit);
    fd = objects_open_fd(o, key, &size, e);
    if (fd < 0)
        return -1;
    if (size <= limit && read_all(fd, out) != 0)
        rc = disk_error(o, "cannot read", key, e);
    else if (size > limit || out->failed)
        rc = err_set(e, ERR_TOO_LARGE,
                     "object %s has %" PRIu64 " bytes, more than %zu", key,
                     size, limit);
    close(fd);
    if (rc != 0)
        buf_free(out);
    return rc;
}

/* ---- deleting ---- */

/* The folders that became empty, but for the first one of the key: a million
 * jobs would leave two million of them. */
static void
parents_remove(const struct objects *o, const char *key)
{
    char path[KEY_MAX + 1];
    char *slash;

    snprintf(path, sizeof(path), "%s", key);
    while ((slash = strrchr(path, '/')) != NULL) {
        *slash = '\0';
        if (strchr(path, '/') == NULL ||
            unlinkat(o->fd, path, AT_REMOVEDIR) != 0)
            return;
    }
}

int
objects_delete(struct objects *o, const char *key, struct err *e)
{
    int dir, rc = 0;

    if (key_check(key, e) != 0)
        return -1;
    dir = parent_open(o, key, false);
    if (dir < 0)
        return errno == ENOENT ? 0 : disk_error(o, "cannot delete", key, e);
    if (unlinkat(dir, key_last(key), 0) != 0 && errno != ENOENT)
        rc = disk_error(o, "cannot delete", key, e);
    close(dir);
    if (rc == 0)
        parents_remove(o, key);
    return rc;
}

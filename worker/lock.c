/*
 * lock.c - see lock.h.
 */
#include "worker/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/hash.h"
#include "base/role.h"

#define NUMBERS_MAX 1000 /* workers on one machine and data folder */
#define TMP "/tmp"

static long
holder_of(int fd)
{
    char text[24] = "";
    long pid = 0;

    if (pread(fd, text, sizeof(text) - 1, 0) > 0)
        (void)sscanf(text, "%ld", &pid);
    return pid;
}

static void
holder_write(int fd)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

    /* only for people to read: the lock is what counts */
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
        return;
}

static int
lock_open(const char *path, struct err *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

    if (fd < 0)
        return err_set(e, ERR_INTERNAL, "cannot open %s: %s", path,
                       strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (errno == EWOULDBLOCK)
        err_set(e, ERR_CONFLICT, "process %ld holds %s", holder_of(fd), path);
    else
        err_set(e, ERR_INTERNAL, "cannot lock %s: %s", path, strerror(errno));
    close(fd);
    return -1;
}

/* A holder that ends removes the file: what we locked may have no name any
 * more, and then somebody else can lock a new one. */
static int
lock_take(const char *path, struct err *e)
{
    for (;;) {
        struct stat st;
        int fd = lock_open(path, e);

        if (fd < 0)
            return -1;
        if (fstat(fd, &st) == 0 && st.st_nlink > 0) {
            holder_write(fd);
            return fd;
        }
        close(fd);
    }
}

/* What an id may have: it stands in file names, keys and paths. */
static void
id_clean(char *id)
{
    for (; *id != '\0'; id++) {
        char c = *id;

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_')
            *id = '-';
    }
}

static int
id_lock(const char *dir, const char *id, struct err *e)
{
    char name[80];

    snprintf(name, sizeof(name), "worker-%s", id);
    return role_lock(dir, name, e);
}

int
lock_worker_id(const char *dir, const char *want, const char *host, char id[64],
               struct err *e)
{
    if (want[0] != '\0') {
        snprintf(id, 64, "%s", want);
        id_clean(id);
        return id_lock(dir, id, e);
    }
    for (int n = 1; n <= NUMBERS_MAX; n++) {
        snprintf(id, 64, "%.50s-%d", host, n);
        id_clean(id);
        if (id_lock(dir, id, e) == 0)
            return 0;
        if (e->code != ERR_CONFLICT)
            return -1;
    }
    return err_wrap(e, "%d workers run here already", NUMBERS_MAX);
}

static void
address_path(const char *address, char path[64])
{
    char hash[SHA256_HEX];

    sha256_hex(str_c(address), hash);
    snprintf(path, 64, TMP "/tintype-gpu-%.16s.lock", hash);
}

/*
 * In /tmp, for workers of one machine may have different data folders. A file
 * of another user that cannot be opened is somebody else's worker, or was:
 * then there is no machine lock, and the one in Redis stands alone.
 */
int
lock_address(const char *address, struct err *e)
{
    char path[64];

    address_path(address, path);
    return lock_take(path, e);
}

void
lock_address_drop(int fd, const char *address)
{
    char path[64];

    if (fd < 0)
        return;
    address_path(address, path);
    unlink(path);
    close(fd);
}

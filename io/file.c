/*
 * file.c - see file.h.
 */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int
fault(const char *what, const char *path, struct err *e)
{
    enum err_code code = errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND
                                                             : ERR_UNAVAILABLE;

    return err_set(e, code, "%s %s: %s", what, path, strerror(errno));
}

int
file_read(const char *path, struct buf *out, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char chunk[16384];
    ssize_t n;

    if (fd < 0)
        return fault("cannot read", path, e);
    while ((n = read(fd, chunk, sizeof(chunk))) > 0 && !out->failed)
        buf_add(out, chunk, (size_t)n);
    if (n < 0)
        fault("cannot read", path, e);
    close(fd);
    if (n < 0)
        return -1;
    if (out->failed)
        return err_set(e, ERR_TOO_LARGE, "%s is over %zu bytes", path,
                       out->limit);
    return 0;
}

int
file_write_fd(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.p, bytes.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        bytes = str_sub(bytes, (size_t)n, bytes.len);
    }
    return 0;
}

int
file_write(const char *path, struct str bytes, mode_t mode, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    int rc = 0;

    if (fd < 0)
        return fault("cannot write", path, e);
    if (file_write_fd(fd, bytes) != 0)
        rc = fault("cannot write", path, e);
    if (close(fd) != 0 && rc == 0)
        rc = fault("cannot write", path, e);
    return rc;
}

int
file_put(const char *path, struct str bytes, mode_t mode, struct err *e)
{
    char part[FILE_PATH_MAX];
    int n = snprintf(part, sizeof(part), "%s.part", path);

    if (n < 0 || (size_t)n >= sizeof(part))
        return err_set(e, ERR_BAD_INPUT, "cannot write %.100s...: the path "
                       "is too long", path);
    if (file_write(part, bytes, mode, e) != 0) {
        unlink(part);
        return -1;
    }
    if (rename(part, path) != 0) {
        fault("cannot make", path, e);
        unlink(part);
        return -1;
    }
    return 0;
}

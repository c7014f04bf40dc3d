/*
 * file.c - see file.h.
 */
#include "worker/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int
write_all(int fd, struct str bytes)
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
file_put(const char *dir, const char *name, struct str bytes, struct err *e)
{
    char path[4096], part[4096 + 16];
    int fd, n = snprintf(path, sizeof(path), "%s/%s", dir, name);

    if (n < 0 || (size_t)n >= sizeof(path))
        return err_set(e, ERR_BAD_INPUT, "the path is too long");
    snprintf(part, sizeof(part), "%s.part", path);
    fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_set(e, ERR_INTERNAL, "cannot write %s: %s", part,
                       strerror(errno));
    if (write_all(fd, bytes) != 0) {
        err_set(e, ERR_INTERNAL, "cannot write %s: %s", part,
                strerror(errno));
        close(fd);
        unlink(part);
        return -1;
    }
    if (close(fd) != 0 || rename(part, path) != 0) {
        err_set(e, ERR_INTERNAL, "cannot make %s: %s", path, strerror(errno));
        unlink(part);
        return -1;
    }
    return 0;
}

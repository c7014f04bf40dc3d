/*
 * secrets.c - see secrets.h. The caller holds the folder's lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/log.h"
#include "base/rand.h"
#include "cmd/secrets.h"

#define FILE_MAX 8192

static int
secrets_read(int fd, struct buf *out)
{
    char chunk[1024];
    ssize_t n;
    while ((n = read(fd, chunk, sizeof chunk)) > 0)
        buf_add(out, chunk, (size_t)n);
    return n < 0 || out->failed ? -1 : 0;
}

static bool
secrets_find(struct str text, const char *name, char *out, size_t size)
{
    struct str line;
    while (str_split(&text, '\n', &line)) {
        ptrdiff_t eq = str_find(line, '=');
        if (eq < 0 || !str_eq_c(str_sub(line, 0, (size_t)eq), name))
            continue;
        struct str value = str_sub(line, (size_t)eq + 1, line.len);
        snprintf(out, size, STR_FMT, STR_ARG(value));
        return true;
    }
    return false;
}

int
secret_get(const char *dir, const char *name, const char *prefix,
           unsigned digits, char *out, size_t size, struct err *e)
{
    char path[4200], hex[129];
    struct buf text;
    int rc = -1;
    snprintf(path, sizeof path, "%s/secrets", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
                  0600);
    if (fd < 0)
        return err_set(e, ERR_UNAVAILABLE, "%s: %s", path, strerror(errno));
    buf_init(&text, FILE_MAX);
    if (secrets_read(fd, &text) != 0) {
        err_set(e, ERR_INTERNAL, "%s: cannot be read", path);
        goto out;
    }
    if (!secrets_find(buf_str(&text), name, out, size)) {
        rand_hex(hex, digits < 128 ? digits : 128);
        snprintf(out, size, "%s%s", prefix, hex);
        if (dprintf(fd, "%s=%s\n", name, out) < 0 || fsync(fd) != 0) {
            err_set(e, ERR_UNAVAILABLE, "%s: %s", path, strerror(errno));
            goto out;
        }
    }
    log_secret(out);
    rc = 0;
out:
    buf_free(&text);
    close(fd);
    return rc;
}

/*
 * hostport.c - parsing listen addresses and opening their sockets.
 */
#include "io/hostport.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 1024
#define UNIX_MODE 0660

static int
parse_unix(struct str path, const char *text, struct hostport *out,
           struct err *e)
{
    if (path.len == 0 || path.p[0] != '/')
        return err_set(e, ERR_BAD_INPUT,
                       "address \"%.100s\": unix: wants an absolute path",
                       text);
    if (path.len > HOSTPORT_UNIX_MAX)
        return err_set(e, ERR_BAD_INPUT,
                       "address \"%.150s\": a socket's path has at most %zu "
                       "bytes, this one has %zu",
                       text, HOSTPORT_UNIX_MAX, path.len);
    memcpy(out->unix_path, path.p, path.len);
    return 0;
}

/* Cuts "[::1]:80" or "host:80" at its last colon. */
static bool
split_host(struct str s, struct str *host, struct str *port)
{
    size_t i = s.len;
    while (i > 0 && s.p[i - 1] != ':')
        i--;
    if (i == 0)
        return false;
    *host = str_sub(s, 0, i - 1);
    *port = str_sub(s, i, s.len - i);
    if (host->len >= 2 && host->p[0] == '[') {
        if (host->p[host->len - 1] != ']')
            return false;
        *host = str_sub(*host, 1, host->len - 2);
        return true;
    }
    return str_find(*host, ':') < 0; /* IPv6 wants its brackets */
}

int
hostport_parse(const char *text, struct hostport *out, struct err *e)
{
    struct str s = str_c(text), host, port;
    int64_t n;

    memset(out, 0, sizeof(*out));
    if (str_starts(s, STR("unix:")))
        return parse_unix(str_sub(s, 5, s.len), text, out, e);
    if (!split_host(s, &host, &port) || host.len >= sizeof(out->host))
        return err_set(e, ERR_BAD_INPUT,
                       "address \"%.100s\" is not host:port or unix:/path",
                       text);
    if (!str_to_i64(port, &n) || n < 0 || n > 65535)
        return err_set(e, ERR_BAD_INPUT,
                       "address \"%.100s\": the port must be 0 to 65535",
                       text);
    if (host.len > 0)
        memcpy(out->host, host.p, host.len);
    out->port = (int)n;
    return 0;
}

/* True when a file of that name is a socket on which nobody listens. */
static bool
unix_is_stale(const struct sockaddr_un *sa)
{
    struct stat st;
    int fd, rc;

    if (lstat(sa->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    rc = connect(fd, (const struct sockaddr *)sa, sizeof(*sa));
    rc = rc != 0 ? errno : 0;
    close(fd);
    return rc == ECONNREFUSED;
}

static int
listen_unix(const char *path, int *out, struct err *e)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd;

    memcpy(sa.sun_path, path, strlen(path) + 1);
    if (unix_is_stale(&sa))
        unlink(path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(e, ERR_UNAVAILABLE, "socket: %s", strerror(errno));
    /* Linux gives the file the mode that the descriptor had at bind, so that
     * it never stands open to everybody, not even for a moment. */
    if (fchmod(fd, UNIX_MODE) != 0 ||
        bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) != 0 ||
        listen(fd, BACKLOG) != 0) {
        err_set(e, ERR_UNAVAILABLE,
                errno == EADDRINUSE
                    ? "address unix:%s is taken; another process listens there"
                    : "cannot listen on unix:%s: %m",
                path);
        close(fd);
        return -1;
    }
    *out = fd;
    return 0;
}

static int
try_listen(const struct addrinfo *ai)
{
    int one = 1, saved;
    int fd = socket(ai->ai_family,
                    ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
        bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static int
bound_port(int fd)
{
    struct sockaddr_storage ss = {0};
    socklen_t len = sizeof(ss);

    if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
        return 0;
    if (ss.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)&ss)->sin_port);
    return ntohs(((struct sockaddr_in6 *)&ss)->sin6_port);
}

int
hostport_listen(const struct hostport *hp, int *fd, int *port, struct err *e)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    char service[8];
    int rc;

    *port = 0;
    if (hp->unix_path[0])
        return listen_unix(hp->unix_path, fd, e);
    snprintf(service, sizeof(service), "%d", hp->port);
    rc = getaddrinfo(hp->host[0] ? hp->host : NULL, service, &hints, &list);
    if (rc != 0)
        return err_set(e, ERR_UNAVAILABLE, "cannot listen on %s: %s", hp->host,
                       gai_strerror(rc));
    *fd = -1;
    for (const struct addrinfo *ai = list; ai && *fd < 0; ai = ai->ai_next)
        *fd = try_listen(ai);
    rc = errno;
    freeaddrinfo(list);
    if (*fd < 0)
        return err_set(e, ERR_UNAVAILABLE,
                       rc == EADDRINUSE
                           ? "address %s:%d is taken; another process "
                             "listens there (%s)"
                           : "cannot listen on %s:%d: %s",
                       hp->host, hp->port, strerror(rc));
    *port = bound_port(*fd);
    return 0;
}

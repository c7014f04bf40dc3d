/*
 * hostport.h - the address a server listens on.
 *
 *     "127.0.0.1:8080"  "[::1]:0"  "localhost:80"  ":8080" (every address)
 *     "unix:/path"
 */
#ifndef IO_HOSTPORT_H
#define IO_HOSTPORT_H

#include <sys/un.h>
#include "base/err.h"
#include "base/str.h"

/* The longest path a unix socket takes, without the NUL. */
#define HOSTPORT_UNIX_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

struct hostport {
    char host[256]; /* without brackets; "" = every address */
    int port;       /* 0: any free one */
    char unix_path[HOSTPORT_UNIX_MAX + 1]; /* "" unless unix: */
};

/* BAD_INPUT with a sentence that quotes the text. */
int hostport_parse(const char *text, struct hostport *out, struct err *e);
/* A listening, non-blocking, close-on-exec socket and its port (0 for unix).
 * A unix socket's file is replaced when nobody listens on it, and is made
 * with mode 0660. UNAVAILABLE when the address is taken or not ours. */
int hostport_listen(const struct hostport *hp, int *fd, int *port,
                    struct err *e);

#endif

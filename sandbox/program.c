/*
 * program.c - see program.h.
 */
#include "sandbox/program.h"

#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "base/role.h"
#include "io/file.h"

int
program_usage(const struct program *p, const char *what)
{
    fprintf(stderr,
            "sandbox %s: %s\noptions: --listen HOST:PORT --port-file FILE "
            "--quiet\n         %s\n",
            p->name, what, p->usage);
    return -1;
}

static int
set_common(struct program *p, const char *name, const char *value)
{
    if (strcmp(name, "--quiet") == 0) {
        p->quiet = true;
        return 1;
    }
    if (strcmp(name, "--listen") == 0)
        p->listen = value;
    else if (strcmp(name, "--port-file") == 0)
        p->port_file = value;
    else
        return 0;
    return 2;
}

int
program_options(struct program *p, int argc, char **argv, program_set_fn *set,
                void *ctx)
{
    int i = 1;

    while (i < argc) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        int words = set_common(p, argv[i], value);

        if (words == 0)
            words = set(ctx, argv[i], value);
        if (words < 0)
            return -1;
        i += words;
    }
    return i == argc ? 0 : program_usage(p, "an option lacks its value");
}

int
program_tell(const struct program *p, int port)
{
    struct err e;
    char text[16];
    int n = snprintf(text, sizeof(text), "%d\n", port);

    if (!p->quiet) {
        printf("%s listening on http://127.0.0.1:%d\n", p->name, port);
        fflush(stdout);
    }
    role_ready(port);
    if (p->port_file == NULL ||
        file_put(p->port_file, str_n(text, (size_t)n), 0644, &e) == 0)
        return 0;
    log_error(p->name, "port_file", "%s", e.msg);
    return -1;
}

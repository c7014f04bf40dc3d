/*
 * program.h - what the two sandboxes share as programs: options, the word
 * that they listen.
 *
 *     struct program p = {.name = "comfy", .usage = "...", .listen = "..."};
 *     if (program_options(&p, argc, argv, set_option, &o) != 0)
 *         return 2;
 *     role_block_signals();
 *     ... start ...
 *     if (program_tell(&p, port) == 0)
 *         role_wait_stop();
 */
#ifndef SANDBOX_PROGRAM_H
#define SANDBOX_PROGRAM_H

#include <stdbool.h>

struct program {
    const char *name;
    const char *usage;             /* its options, for program_usage() */
    const char *listen;            /* default, then --listen */
    const char *port_file;         /* --port-file, or NULL */
    bool quiet;                    /* --quiet */
};

/* Takes one option: 1 for a flag, 2 with its value, -1 after
 * program_usage(). value is "" where the words end. */
typedef int program_set_fn(void *ctx, const char *name, const char *value);

/* -1 after a sentence on stderr. */
int program_options(struct program *p, int argc, char **argv,
                    program_set_fn *set, void *ctx);
/* What is wrong, and the options, on stderr; -1. */
int program_usage(const struct program *p, const char *what);
/* It serves: says so on stdout, to TINTYPE_READY_FD and in the port file. */
int program_tell(const struct program *p, int port);

#endif

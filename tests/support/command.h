/*
 * command.h - the program with settings of the test's own: a command to its
 * end, or a role that stays.
 *
 *     const char *env[] = {"DATA_DIR=/tmp/x", "SERVICE_TOKEN=t", NULL};
 *     struct buf out; buf_init(&out, 1u << 20);
 *     assert_int_equal(command_run(env, COMMAND("check"), &out), 0);
 *
 *     struct command c;
 *     command_start(&c, env, COMMAND("backend"));    until it serves
 *     ... c.port ...
 *     assert_int_equal(command_stop(&c), 0);
 *
 * The environment is PATH, HOME, the sanitizers' options, and what is given;
 * the current folder is one without an .env. What stays ends with the test.
 */
#ifndef TESTS_SUPPORT_COMMAND_H
#define TESTS_SUPPORT_COMMAND_H

#include <sys/types.h>
#include "base/buf.h"

#define COMMAND(...) ((const char *const[]){__VA_ARGS__, NULL})
#define COMMAND_MS 60000

struct command {
    pid_t pid;
    int port;     /* as it told */
    int log_fd;   /* its output, stdout and stderr */
    char log[64]; /* path */
};

/* Exit code, its output appended to out; 128 + n when signal n ended it, after
 * COMMAND_MS SIGKILL does. */
int command_run(const char *const *env, const char *const *words,
                struct buf *out);
/* Fails the test with the output when it ends, or does not serve in time. */
void command_start(struct command *c, const char *const *env,
                   const char *const *words);
void command_output(const struct command *c, struct buf *out);
int command_stop(struct command *c); /* SIGTERM; exit code as above */

#endif

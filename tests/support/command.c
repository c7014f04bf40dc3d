/*
 * command.c - see command.h.
 */
#include "tests/support/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"

#define ENV_MAX 64
#define WORDS_MAX 16
#define STEP_MS 10

/* The binary's whole path, for the current folder changes. */
static const char *
binary(void)
{
    static char path[4096];
    const char *bin = getenv("TINTYPE_TEST_BIN");

    if (realpath(bin != NULL ? bin : "build/asan/tintype", path) == NULL)
        fail_msg("there is no program: %s", strerror(errno));
    return path;
}

/* ---- the child ---- */

static size_t
env_kept(const char **env, size_t n, const char *name, char *text, size_t size)
{
    const char *value = getenv(name);

    if (value == NULL)
        return n;
    snprintf(text, size, "%s=%s", name, value);
    env[n++] = text;
    return n;
}

static _Noreturn void
child(const char *path, const char *const *env, const char *const *words,
      int out_fd, int ready_fd)
{
    static char kept[4][1024], ready[64];
    static const char *const names[] = {"PATH", "HOME", "ASAN_OPTIONS",
                                        "UBSAN_OPTIONS"};
    const char *all[ENV_MAX + 8], *argv[WORDS_MAX + 2] = {"tintype"};
    size_t n = 0;

    for (size_t i = 0; i < 4; i++)
        n = env_kept(all, n, names[i], kept[i], sizeof kept[i]);
    for (size_t i = 0; env[i] != NULL && i < ENV_MAX; i++)
        all[n++] = env[i];
    if (ready_fd >= 0) {
        snprintf(ready, sizeof ready, "TINTYPE_READY_FD=%d", ready_fd);
        all[n++] = ready;
    }
    all[n] = NULL;
    for (size_t i = 0; words[i] != NULL && i < WORDS_MAX; i++)
        argv[i + 1] = words[i];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out_fd, 1);
    dup2(out_fd, 2);
    if (chdir("/") == 0)
        execve(path, (char **)(uintptr_t)argv, (char **)(uintptr_t)all);
    _exit(127);
}

static void
spawn(struct command *c, const char *const *env, const char *const *words,
      int ready_fd)
{
    const char *path = binary();

    snprintf(c->log, sizeof c->log, "/tmp/tintype-command-XXXXXX");
    c->log_fd = mkostemp(c->log, O_CLOEXEC | O_APPEND);
    assert_true(c->log_fd >= 0);
    unlink(c->log);
    fflush(NULL);
    c->pid = fork();
    assert_true(c->pid >= 0);
    if (c->pid == 0)
        child(path, env, words, c->log_fd, ready_fd);
}

/* ---- its end ---- */

static int
code_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
wait_end(struct command *c)
{
    int64_t until_ms = clock_mono_ms() + COMMAND_MS;
    int status = 0;
    pid_t pid;

    while ((pid = waitpid(c->pid, &status, WNOHANG)) == 0) {
        if (clock_mono_ms() > until_ms)
            kill(c->pid, SIGKILL);
        clock_sleep_ms(STEP_MS);
    }
    assert_int_equal(pid, c->pid);
    return code_of(status);
}

void
command_output(const struct command *c, struct buf *out)
{
    char chunk[4096];
    off_t at = 0;
    ssize_t n;

    while ((n = pread(c->log_fd, chunk, sizeof chunk, at)) > 0) {
        buf_add(out, chunk, (size_t)n);
        at += n;
    }
}

int
command_run(const char *const *env, const char *const *words, struct buf *out)
{
    struct command c;
    int code;

    spawn(&c, env, words, -1);
    code = wait_end(&c);
    command_output(&c, out);
    close(c.log_fd);
    return code;
}

/* ---- a role ---- */

static _Noreturn void
not_up(struct command *c, const char *what)
{
    struct buf out;

    buf_init(&out, 1u << 20);
    command_output(c, &out);
    fprintf(stderr, "%s\n", buf_cstr(&out));
    buf_free(&out);
    kill(c->pid, SIGKILL);
    fail_msg("%s does not serve", what);
    abort();
}

void
command_start(struct command *c, const char *const *env,
              const char *const *words)
{
    int fds[2];
    char text[32] = "";

    assert_int_equal(pipe2(fds, 0), 0);
    fcntl(fds[0], F_SETFD, FD_CLOEXEC);
    spawn(c, env, words, fds[1]);
    close(fds[1]);
    struct pollfd p = {.fd = fds[0], .events = POLLIN};
    if (poll(&p, 1, COMMAND_MS) != 1 ||
        read(fds[0], text, sizeof text - 1) <= 0)
        not_up(c, words[0]);
    c->port = atoi(text);
    close(fds[0]);
}

int
command_stop(struct command *c)
{
    int code;

    kill(c->pid, SIGTERM);
    code = wait_end(c);
    close(c->log_fd);
    return code;
}

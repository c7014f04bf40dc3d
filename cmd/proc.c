/*
 * proc.c - see proc.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "cmd/proc.h"

#define READY_FD 3

void
proc_env(struct proc *p, const char *key, const char *fmt, ...)
{
    struct buf b;
    va_list ap;
    size_t n = strlen(key), i;
    buf_init(&b, 8192);
    buf_addf(&b, "%s=", key);
    va_start(ap, fmt);
    buf_addv(&b, fmt, ap);
    va_end(ap);
    for (i = 0; i < p->nenv; i++) {
        if (strncmp(p->env[i], key, n) == 0 && p->env[i][n] == '=')
            break;
    }
    if (i == PROC_ENV_MAX) {
        buf_free(&b);
        return;
    }
    if (i == p->nenv)
        p->nenv++;
    else
        mem_free(p->env[i]);
    p->env[i] = buf_take(&b, NULL);
}

static _Noreturn void
child_run(const struct proc *p, int ready_fd, pid_t parent)
{
    char self[4096];
    sigset_t none;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0); /* a Ctrl-C is for the parent, which stops in order */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(70);
    for (size_t i = 0; i < p->nenv; i++)
        putenv(p->env[i]);
    if (ready_fd >= 0) {
        if (ready_fd != READY_FD) {
            dup2(ready_fd, READY_FD);
            close(ready_fd);
        } else {
            fcntl(READY_FD, F_SETFD, 0);
        }
        setenv("TINTYPE_READY_FD", "3", 1);
    } else {
        unsetenv("TINTYPE_READY_FD");
    }
    const char *path = p->argv[0];
    const char *argv[PROC_ARGS_MAX];
    memcpy(argv, p->argv, sizeof argv);
    if (path == NULL && n > 0) {
        self[n] = '\0';
        path = self;
        argv[0] = "tintype";
    }
    char *const *args;
    const char *const *view = argv;
    memcpy(&args, &view, sizeof args);
    execvp(path, args);
    dprintf(2, "cannot run %s: %s\n", path, strerror(errno));
    _exit(127);
}

/* The child's word: its port. */
static int
ready_wait(struct proc *p, int fd, int64_t wait_ms, struct err *e)
{
    char text[32] = "";
    struct pollfd pf = {.fd = fd, .events = POLLIN};
    int64_t port;
    int rc = poll(&pf, 1, (int)wait_ms);
    ssize_t n = rc > 0 ? read(fd, text, sizeof text - 1) : -1;
    if (rc == 0)
        return err_set(e, ERR_TIMEOUT, "%s does not come up", p->name);
    if (n <= 0)
        return err_set(e, ERR_UNAVAILABLE,
                       "%s ended while it started: see its lines above",
                       p->name);
    if (!str_to_i64(str_trim(str_c(text)), &port))
        return err_set(e, ERR_INTERNAL, "%s told no port", p->name);
    p->port = (int)port;
    return 0;
}

int
proc_start(struct proc *p, int64_t wait_ms, struct err *e)
{
    int fds[2] = {-1, -1};
    pid_t parent = getpid();
    if (p->tells && pipe2(fds, O_CLOEXEC) != 0)
        return err_set(e, ERR_UNAVAILABLE, "pipe: %s", strerror(errno));
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        child_run(p, fds[1], parent);
    if (fds[1] >= 0)
        close(fds[1]);
    if (pid < 0) {
        if (fds[0] >= 0)
            close(fds[0]);
        return err_set(e, ERR_UNAVAILABLE, "fork: %s", strerror(errno));
    }
    p->pid = pid;
    p->started_ms = clock_mono_ms();
    p->again_ms = 0;
    int rc = p->tells ? ready_wait(p, fds[0], wait_ms, e) : 0;
    if (fds[0] >= 0)
        close(fds[0]);
    return rc;
}

void
proc_stop(struct proc *p, int64_t wait_ms)
{
    int64_t until_ms = clock_mono_ms() + wait_ms;
    if (p->pid == 0)
        return;
    kill(p->pid, SIGTERM);
    while (waitpid(p->pid, NULL, WNOHANG) == 0) {
        if (clock_mono_ms() >= until_ms) {
            log_warn("up", "killed", "%s did not stop in time", p->name);
            kill(p->pid, SIGKILL);
            waitpid(p->pid, NULL, 0);
            break;
        }
        clock_sleep_ms(10);
    }
    p->pid = 0;
}

void
proc_fini(struct proc *p)
{
    for (size_t i = 0; i < p->nenv; i++)
        mem_free(p->env[i]);
    p->nenv = 0;
}

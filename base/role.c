/*
 * role.c - see role.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "base/rand.h"
#include "base/role.h"

static sigset_t stop_signals;
static char boot[17];
static pthread_once_t boot_once = PTHREAD_ONCE_INIT;

void
role_block_signals(void)
{
    sigemptyset(&stop_signals);
    sigaddset(&stop_signals, SIGTERM);
    sigaddset(&stop_signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop_signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

struct settings *
role_start(const char *role, struct err *e)
{
    enum log_level level = LOG_INFO;
    role_block_signals();
    prctl(PR_SET_DUMPABLE, 0);
    struct settings *s = settings_load(".env", e);
    if (s == NULL)
        return NULL;
    log_level_parse(setting_str(s, SET_LOG_LEVEL), &level);
    const char *format = setting_str(s, SET_LOG_FORMAT);
    bool json = format[0] == '\0' ? !isatty(2) : strcmp(format, "json") == 0;
    log_init(role, level, json);
    return s;
}

void
role_ready(int port)
{
    const char *text = getenv("TINTYPE_READY_FD");
    int64_t fd;
    if (text == NULL || !str_to_i64(str_c(text), &fd))
        return;
    dprintf((int)fd, "%d\n", port);
    close((int)fd);
}

void
role_wait_stop(void)
{
    int signal_number;
    while (sigwait(&stop_signals, &signal_number) != 0)
        ;
    log_info("role", "signal", "%s", strsignal(signal_number));
}

static void
boot_make(void)
{
    rand_hex(boot, sizeof boot - 1);
}

const char *
role_boot(void)
{
    pthread_once(&boot_once, boot_make);
    return boot;
}

int
role_lock(const char *dir, const char *name, struct err *e)
{
    char path[4300], pid[32] = "";
    mkdir(dir, 0700);
    snprintf(path, sizeof path, "%s/%s.lock", dir, name);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set(e, ERR_UNAVAILABLE, "%s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        ssize_t n = read(fd, pid, sizeof pid - 1);
        pid[n > 0 ? n : 0] = '\0';
        close(fd);
        return err_set(e, ERR_CONFLICT, "%s runs already, as process %s "
                       "(lock %s)", name, pid[0] ? pid : "?", path);
    }
    /* the descriptor stays open, and with it the lock, until the end */
    if (ftruncate(fd, 0) == 0)
        dprintf(fd, "%ld", (long)getpid());
    return 0;
}

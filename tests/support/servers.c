/*
 * servers.c - private folders, PostgreSQL and Redis servers for tests.
 */
#include "tests/support/servers.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STEP_MS 10 /* between two looks */

static _Noreturn void __attribute__((format(printf, 1, 2)))
give_up(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fprintf(stderr, "tests/support/servers: ");
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\n");
    va_end(ap);
    exit(99);
}

/* Real time, even when a test froze the clocks of base/. */
static int64_t
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
step(void)
{
    struct timespec t = {.tv_nsec = STEP_MS * 1000000L};

    nanosleep(&t, NULL);
}

/* ---- folders ---- */

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
    (void)st;
    (void)flag;
    (void)f;
    remove(path);
    return 0;
}

static bool
tree_remove(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return access(path, F_OK) != 0;
}

/* Waits for the end of the test program and cleans up behind it; servers
 * that are about to end may still write for a moment. */
static _Noreturn void
keeper_main(const char *path, int fd)
{
    int64_t until;
    char c;

    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    while (read(fd, &c, 1) < 0 && errno == EINTR)
        continue;
    until = now_ms() + 5000;
    while (!tree_remove(path) && now_ms() < until)
        step();
    _exit(0);
}

void
tmp_dir_make(struct tmp_dir *d)
{
    int fds[2];

    snprintf(d->path, sizeof(d->path), "/tmp/tintype-XXXXXX");
    if (mkdtemp(d->path) == NULL || pipe2(fds, O_CLOEXEC) != 0)
        give_up("cannot make %s: %s", d->path, strerror(errno));
    d->keeper = fork();
    if (d->keeper < 0)
        give_up("fork: %s", strerror(errno));
    if (d->keeper == 0) {
        close(fds[1]);
        keeper_main(d->path, fds[0]);
    }
    close(fds[0]);
    d->alive_fd = fds[1];
}

void
tmp_dir_remove(struct tmp_dir *d)
{
    int64_t until = now_ms() + SERVER_WAIT_MS;

    while (!tree_remove(d->path) && now_ms() < until)
        step();
    close(d->alive_fd);
    /* another keeper may hold a copy of the pipe: do not wait for it */
    kill(d->keeper, SIGKILL);
    waitpid(d->keeper, NULL, 0);
}

void
tmp_dir_file(const struct tmp_dir *d, const char *name, char *out, size_t cap)
{
    if ((size_t)snprintf(out, cap, "%s/%s", d->path, name) >= cap)
        give_up("path too long: %s", name);
}

/* ---- processes ---- */

int
free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        give_up("no free port: %s", strerror(errno));
    close(fd);
    return ntohs(a.sin_port);
}

static void
child_log(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);

    if (fd < 0)
        return;
    dup2(fd, 1);
    dup2(fd, 2);
    close(fd);
}

/* The signal must be asked for after the user changed, which clears it; one
 * that servers know how to end on. */
static _Noreturn void
child_exec(const char *const argv[], const char *log_path, uid_t uid, gid_t gid,
           pid_t parent)
{
    char *const *args = (char *const *)(uintptr_t)argv; /* execvp's type */

    child_log(log_path);
    if (uid != 0 &&
        (setgroups(0, NULL) != 0 || setgid(gid) != 0 || setuid(uid) != 0))
        _exit(126);
    prctl(PR_SET_PDEATHSIG, uid != 0 ? SIGQUIT : SIGKILL);
    if (getppid() != parent)
        _exit(125);
    execvp(argv[0], args);
    fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

pid_t
server_spawn(const char *const argv[], const char *log_path, uid_t uid,
             gid_t gid)
{
    pid_t parent = getpid(), pid = fork();

    if (pid < 0)
        give_up("fork: %s", strerror(errno));
    if (pid == 0)
        child_exec(argv, log_path, uid, gid, parent);
    return pid;
}

static int
wait_for(pid_t pid)
{
    int64_t until = now_ms() + SERVER_WAIT_MS;
    int status;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (now_ms() > until)
            give_up("process %d does not end", (int)pid);
        step();
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int
server_run(const char *const argv[], const char *log_path, uid_t uid, gid_t gid)
{
    return wait_for(server_spawn(argv, log_path, uid, gid));
}

void
server_signal_wait(pid_t pid, int sig)
{
    kill(pid, sig);
    wait_for(pid);
}

static void
log_show(const char *path)
{
    char line[512];
    FILE *f = fopen(path, "r");

    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        fprintf(stderr, "  | %s", line);
    if (f != NULL)
        fclose(f);
}

/* ---- PostgreSQL ---- */

static void
pg_find(struct pg_server *s)
{
    glob_t g;

    if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &g) != 0)
        give_up("no PostgreSQL under /usr/lib/postgresql");
    snprintf(s->bin, sizeof(s->bin), "%s", g.gl_pathv[g.gl_pathc - 1]);
    globfree(&g);
}

static void
pg_user(struct pg_server *s)
{
    struct passwd *p = geteuid() == 0 ? getpwnam("postgres") : NULL;

    if (geteuid() != 0)
        return;
    if (p == NULL)
        give_up("PostgreSQL refuses to run as root and there is no user "
                "postgres");
    s->uid = p->pw_uid;
    s->gid = p->pw_gid;
    if (chown(s->dir.path, s->uid, s->gid) != 0)
        give_up("chown %s: %s", s->dir.path, strerror(errno));
}

static int
pg_tool(struct pg_server *s, const char *tool, const char *const *args)
{
    const char *argv[16];
    char path[96], log[64];
    size_t n = 1;

    snprintf(path, sizeof(path), "%s/%s", s->bin, tool);
    tmp_dir_file(&s->dir, "tools.log", log, sizeof(log));
    argv[0] = path;
    for (; *args != NULL && n < 15; args++)
        argv[n++] = *args;
    argv[n] = NULL;
    return server_run(argv, log, s->uid, s->gid);
}

static void
pg_wait_ready(struct pg_server *s)
{
    const char *args[] = {"-q", "-h", s->dir.path, NULL};
    int64_t until = now_ms() + SERVER_WAIT_MS;
    char log[64];

    tmp_dir_file(&s->dir, "server.log", log, sizeof(log));
    while (pg_tool(s, "pg_isready", args) != 0) {
        if (now_ms() > until || waitpid(s->pid, NULL, WNOHANG) != 0) {
            log_show(log);
            give_up("PostgreSQL does not start");
        }
        step();
    }
}

void
pg_server_again(struct pg_server *s)
{
    char path[96], data[64], log[64], socket_dir[96];
    const char *argv[] = {path,
                          "-D",
                          data,
                          "-c",
                          socket_dir,
                          "-c",
                          "listen_addresses=",
                          "-c",
                          "shared_buffers=16MB",
                          "-c",
                          "max_connections=60",
                          "-c",
                          "deadlock_timeout=50ms",
                          NULL};

    snprintf(path, sizeof(path), "%s/postgres", s->bin);
    tmp_dir_file(&s->dir, "data", data, sizeof(data));
    tmp_dir_file(&s->dir, "server.log", log, sizeof(log));
    snprintf(socket_dir, sizeof(socket_dir), "unix_socket_directories=%s",
             s->dir.path);
    s->pid = server_spawn(argv, log, s->uid, s->gid);
    pg_wait_ready(s);
}

void
pg_server_start(struct pg_server *s)
{
    char data[64], log[64];
    const char *args[] = {"-D", data,   "-U",         "postgres", "-A", "trust",
                          "-E", "UTF8", "--locale=C", "-N",       NULL};

    *s = (struct pg_server){0};
    tmp_dir_make(&s->dir);
    pg_find(s);
    pg_user(s);
    tmp_dir_file(&s->dir, "data", data, sizeof(data));
    tmp_dir_file(&s->dir, "tools.log", log, sizeof(log));
    if (pg_tool(s, "initdb", args) != 0) {
        log_show(log);
        give_up("initdb failed");
    }
    pg_server_again(s);
}

void
pg_server_kill(struct pg_server *s)
{
    server_signal_wait(s->pid, SIGQUIT);
}

void
pg_server_stop(struct pg_server *s)
{
    server_signal_wait(s->pid, SIGINT);
    tmp_dir_remove(&s->dir);
}

bool
pg_server_psql(struct pg_server *s, const char *url, const char *sql)
{
    const char *args[] = {"-X", "-q", "-v", "ON_ERROR_STOP=1",
                          "-c", sql,  url,  NULL};

    return pg_tool(s, "psql", args) == 0;
}

void
pg_server_database(struct pg_server *s, char *url, size_t cap)
{
    char sql[64];

    snprintf(url, cap, "postgresql:///postgres?host=%s&user=postgres",
             s->dir.path);
    snprintf(sql, sizeof(sql), "CREATE DATABASE t%d", ++s->databases);
    if (!pg_server_psql(s, url, sql))
        give_up("cannot create a database");
    snprintf(url, cap, "postgresql:///t%d?host=%s&user=postgres", s->databases,
             s->dir.path);
}

/* ---- Redis ---- */

/* It has loaded its file and answers; one that still loads says so. */
static bool
redis_answers(const struct redis_server *s)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval wait = {.tv_sec = 1};
    char ask[128], got[256] = "";
    size_t n = 0;
    ssize_t r;

    snprintf(a.sun_path, sizeof(a.sun_path), "%s", s->socket);
    snprintf(ask, sizeof(ask), "%s%s%sPING\r\nQUIT\r\n",
             s->password[0] != '\0' ? "AUTH " : "", s->password,
             s->password[0] != '\0' ? "\r\n" : "");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
        write(fd, ask, strlen(ask)) == (ssize_t)strlen(ask))
        while (n < sizeof(got) - 1 &&
               (r = read(fd, got + n, sizeof(got) - 1 - n)) > 0)
            n += (size_t)r;
    close(fd);
    return strstr(got, "+PONG") != NULL;
}

void
redis_server_again(struct redis_server *s)
{
    int64_t until = now_ms() + SERVER_WAIT_MS;
    char port[16], log[64];
    const char *argv[] = {"redis-server",
                          "--port",
                          port,
                          "--bind",
                          "127.0.0.1",
                          "--unixsocket",
                          s->socket,
                          "--dir",
                          s->dir.path,
                          "--save",
                          "",
                          "--appendonly",
                          "yes",
                          "--appendfsync",
                          "always",
                          s->password[0] != '\0' ? "--requirepass" : NULL,
                          s->password,
                          NULL};

    snprintf(port, sizeof(port), "%d", s->port);
    tmp_dir_file(&s->dir, "server.log", log, sizeof(log));
    unlink(s->socket); /* of the one before */
    s->pid = server_spawn(argv, log, 0, 0);
    while (!redis_answers(s)) {
        if (now_ms() > until || waitpid(s->pid, NULL, WNOHANG) != 0) {
            log_show(log);
            give_up("Redis does not start");
        }
        step();
    }
}

void
redis_server_start(struct redis_server *s, const char *password, int port)
{
    *s = (struct redis_server){.port = port};
    if (password != NULL)
        snprintf(s->password, sizeof(s->password), "%s", password);
    tmp_dir_make(&s->dir);
    tmp_dir_file(&s->dir, "redis.sock", s->socket, sizeof(s->socket));
    redis_server_again(s);
}

void
redis_server_kill(struct redis_server *s)
{
    server_signal_wait(s->pid, SIGKILL);
}

void
redis_server_stop(struct redis_server *s)
{
    redis_server_kill(s);
    tmp_dir_remove(&s->dir);
}

/*
 * tg_main.c - the sandbox Telegram as a program.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/role.h"
#include "sandbox/sandbox.h"
#include "sandbox/tg.h"

#define THREADS 8
#define STOP_MS 2000
/* All bodies in memory at once: a few albums of full size. */
#define BODIES (512u << 20)

struct options {
    struct tgs_config cfg;
    const char *listen, *port_file;
    bool quiet, limits_off;
    char token[64]; /* made when none is given */
};

static int
usage(const char *what)
{
    fprintf(stderr,
            "sandbox telegram: %s\n"
            "options: --listen HOST:PORT --port-file FILE --token TOKEN "
            "--dir DIR\n         --retry-scale X --webhook-timeout-ms N "
            "--no-limits --quiet\n",
            what);
    return -1;
}

static bool
is_token(const char *z)
{
    size_t digits = strspn(z, "0123456789");

    return digits > 0 && digits < 16 && z[digits] == ':' && z[digits + 1] &&
           strlen(z) < 200 && !strpbrk(z, "/?#% ");
}

static int
set_option(struct options *o, const char *name, const char *value)
{
    char *end;

    if (strcmp(name, "--listen") == 0) {
        o->listen = value;
    } else if (strcmp(name, "--port-file") == 0) {
        o->port_file = value;
    } else if (strcmp(name, "--dir") == 0) {
        o->cfg.dir = value;
    } else if (strcmp(name, "--token") == 0) {
        o->cfg.token = value;
        if (!is_token(value))
            return usage("--token is <digits>:<secret>");
    } else if (strcmp(name, "--retry-scale") == 0) {
        o->cfg.retry_scale = strtod(value, &end);
        if (*end || end == value || !(o->cfg.retry_scale >= 0) ||
            o->cfg.retry_scale > 1)
            return usage("--retry-scale is a number from 0 to 1");
    } else if (strcmp(name, "--webhook-timeout-ms") == 0) {
        if (!str_to_i64(str_c(value), &o->cfg.webhook_timeout_ms) ||
            o->cfg.webhook_timeout_ms < 1 || o->cfg.webhook_timeout_ms > 60000)
            return usage("--webhook-timeout-ms is a number from 1 to 60000");
    } else {
        return usage("unknown option");
    }
    return 0;
}

static int
read_options(int argc, char **argv, struct options *o)
{
    *o =
        (struct options){.cfg = {.retry_scale = 1, .webhook_timeout_ms = 60000},
                         .listen = "127.0.0.1:8082"};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quiet") == 0) {
            o->quiet = true;
            continue;
        }
        if (strcmp(argv[i], "--no-limits") == 0) {
            o->limits_off = true;
            continue;
        }
        if (i + 1 == argc)
            return usage("an option lacks its value");
        if (set_option(o, argv[i], argv[i + 1]) < 0)
            return -1;
        i++;
    }
    return 0;
}

/* Looks like a real one: digits, colon, 35 characters. */
static void
make_token(struct options *o)
{
    char secret[36];

    rand_hex(secret, 35);
    snprintf(o->token, sizeof(o->token), "%llu:%s",
             7000000000ULL + rand_below(1000000000), secret);
    o->cfg.token = o->token;
}

static int
make_folder(const char *path)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    fprintf(stderr, "sandbox telegram: folder %s: %s\n", path, strerror(errno));
    return -1;
}

static int
make_folders(const char *dir)
{
    char path[4096];

    if (!dir)
        return 0;
    if (make_folder(dir) < 0)
        return -1;
    snprintf(path, sizeof(path), "%s/photos", dir);
    if (make_folder(path) < 0)
        return -1;
    snprintf(path, sizeof(path), "%s/documents", dir);
    return make_folder(path);
}

/* Whole or not at all: who waits for the file reads a port. */
static int
write_port_file(const char *path, int port)
{
    char tmp[4096];
    FILE *f;
    bool ok;

    snprintf(tmp, sizeof(tmp), "%s.new", path);
    f = fopen(tmp, "we");
    ok = f && fprintf(f, "%d\n", port) > 0;
    if (f && fclose(f) != 0)
        ok = false;
    if (ok && rename(tmp, path) == 0)
        return 0;
    fprintf(stderr, "sandbox telegram: --port-file %s: %s\n", path,
            strerror(errno));
    return -1;
}

static int
tell(const struct options *o, int port)
{
    if (!o->quiet) {
        printf("telegram listening on http://127.0.0.1:%d\n", port);
        if (o->cfg.token == o->token)
            printf("telegram token %s\n", o->token);
        fflush(stdout);
    }
    role_ready(port);
    return o->port_file ? write_port_file(o->port_file, port) : 0;
}

/* The lock is held until the server is known: a first request waits. */
static int
serve(struct tg *t, const char *listen, struct err *e)
{
    pthread_mutex_lock(&t->lock);
    t->server = httpd_start(&(struct httpd_config){.label = "telegram",
                                                   .listen = listen,
                                                   .routes = tgs_routes,
                                                   .nroutes = tgs_nroutes,
                                                   .ctx = t,
                                                   .threads = THREADS,
                                                   .bodies = BODIES},
                            e);
    pthread_mutex_unlock(&t->lock);
    return t->server ? 0 : -1;
}

int
sandbox_telegram_main(int argc, char **argv)
{
    struct options o;
    struct err e = {0};
    struct tg *t;
    sigset_t signals;
    int sig, rc = 1;

    if (read_options(argc, argv, &o) < 0)
        return 2;
    if (make_folders(o.cfg.dir) < 0)
        return 1;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (!o.cfg.token)
        make_token(&o);
    log_secret(o.cfg.token);
    t = tgs_new(&o.cfg);
    t->limits_on = !o.limits_off;
    if (serve(t, o.listen, &e) < 0) {
        log_error("telegram", "start", "%s", e.msg);
        tgs_free(t);
        return 1;
    }
    if (tell(&o, httpd_port(t->server)) == 0) {
        sigwait(&signals, &sig);
        rc = 0;
    }
    tgs_deliver_stop(t);
    httpd_stop(t->server, STOP_MS);
    tgs_free(t);
    return rc;
}

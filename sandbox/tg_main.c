/*
 * tg_main.c - the sandbox Telegram as a program.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/role.h"
#include "sandbox/program.h"
#include "sandbox/sandbox.h"
#include "sandbox/tg.h"

#define THREADS 8
#define STOP_MS 2000
/* All bodies in memory at once: a few albums of full size. */
#define BODIES (512u << 20)

struct options {
    struct tgs_config cfg;
    struct program program;
    bool limits_off;
    char token[64]; /* made when none is given */
};

static bool
is_token(const char *z)
{
    size_t digits = strspn(z, "0123456789");

    return digits > 0 && digits < 16 && z[digits] == ':' && z[digits + 1] &&
           strlen(z) < 200 && !strpbrk(z, "/?#% ");
}

static int
set_option(void *ctx, const char *name, const char *value)
{
    struct options *o = ctx;
    char *end;

    if (strcmp(name, "--no-limits") == 0) {
        o->limits_off = true;
        return 1;
    }
    if (strcmp(name, "--dir") == 0) {
        o->cfg.dir = value;
    } else if (strcmp(name, "--token") == 0) {
        o->cfg.token = value;
        if (!is_token(value))
            return program_usage(&o->program, "--token is <digits>:<secret>");
    } else if (strcmp(name, "--retry-scale") == 0) {
        o->cfg.retry_scale = strtod(value, &end);
        if (*end || end == value || !(o->cfg.retry_scale >= 0) ||
            o->cfg.retry_scale > 1)
            return program_usage(&o->program,
                                 "--retry-scale is a number from 0 to 1");
    } else if (strcmp(name, "--webhook-timeout-ms") == 0) {
        if (!str_to_i64(str_c(value), &o->cfg.webhook_timeout_ms) ||
            o->cfg.webhook_timeout_ms < 1 || o->cfg.webhook_timeout_ms > 60000)
            return program_usage(
                &o->program,
                "--webhook-timeout-ms is a number from 1 to 60000");
    } else {
        return program_usage(&o->program, "unknown option");
    }
    return 2;
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
    struct options o = {
        .cfg = {.retry_scale = 1, .webhook_timeout_ms = 60000},
        .program = {.name = "telegram",
                    .usage = "--token TOKEN --dir DIR --retry-scale X "
                             "--webhook-timeout-ms N --no-limits",
                    .listen = "127.0.0.1:8082"}};
    struct err e = {0};
    struct tg *t;
    int rc = 1;

    if (program_options(&o.program, argc, argv, set_option, &o) != 0)
        return 2;
    if (make_folders(o.cfg.dir) < 0)
        return 1;
    role_block_signals();
    if (!o.cfg.token)
        make_token(&o);
    log_secret(o.cfg.token);
    t = tgs_new(&o.cfg);
    t->limits_on = !o.limits_off;
    if (serve(t, o.program.listen, &e) < 0) {
        log_error("telegram", "start", "%s", e.msg);
        tgs_free(t);
        return 1;
    }
    if (o.cfg.token == o.token && !o.program.quiet)
        printf("telegram token %s\n", o.token);
    if (program_tell(&o.program, httpd_port(t->server)) == 0) {
        role_wait_stop();
        rc = 0;
    }
    tgs_deliver_stop(t);
    httpd_stop(t->server, STOP_MS);
    tgs_free(t);
    return rc;
}

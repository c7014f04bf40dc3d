/*
 * comfy_main.c - the sandbox ComfyUI as a program.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/role.h"
#include "sandbox/comfy_http.h"
#include "sandbox/sandbox.h"

#define RENDER_MS_MAX 3600000

struct options {
    struct comfy_config cfg;
    const char *listen, *port_file;
    bool quiet;
};

/* Of a profile that is none, too. */
static int
usage(const char *what)
{
    fprintf(stderr,
            "sandbox comfy: %s\n"
            "options: --listen HOST:PORT --port-file FILE --dir DIR "
            "--models DIR\n         --profile 0.3.64|0.38 --render-ms N "
            "--quiet\n",
            what);
    return -1;
}

static int
set_option(struct options *o, const char *name, const char *value)
{
    if (strcmp(name, "--listen") == 0) {
        o->listen = value;
    } else if (strcmp(name, "--port-file") == 0) {
        o->port_file = value;
    } else if (strcmp(name, "--dir") == 0) {
        o->cfg.dir = value;
    } else if (strcmp(name, "--models") == 0) {
        o->cfg.models = value;
    } else if (strcmp(name, "--profile") == 0) {
        o->cfg.newer = strcmp(value, "0.38") == 0;
        if (!o->cfg.newer && strcmp(value, "0.3.64") != 0)
            return usage("--profile is 0.3.64 or 0.38");
    } else if (strcmp(name, "--render-ms") == 0) {
        if (!str_to_i64(str_c(value), &o->cfg.render_ms) ||
            o->cfg.render_ms < 0 || o->cfg.render_ms > RENDER_MS_MAX)
            return usage("--render-ms is a number from 0 to 3600000");
    } else {
        return usage("unknown option");
    }
    return 0;
}

static int
read_options(int argc, char **argv, struct options *o)
{
    *o = (struct options){.cfg = {.dir = "comfy-sandbox"},
                          .listen = "127.0.0.1:8188"};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quiet") == 0) {
            o->quiet = true;
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

static int
tell_port(const struct options *o, int port)
{
    char text[16];
    int n = snprintf(text, sizeof(text), "%d\n", port);
    struct err e = {0};

    if (!o->quiet) {
        printf("comfy listening on http://127.0.0.1:%d\n", port);
        fflush(stdout);
    }
    role_ready(port);
    if (o->port_file &&
        file_write(o->port_file, str_n(text, (size_t)n), &e) < 0) {
        log_error("comfy", "port-file", "%s", e.msg);
        return -1;
    }
    return 0;
}

/* argv[0] is the word of the command. */
int
sandbox_comfy_main(int argc, char **argv)
{
    struct options o;
    struct comfy_http *http;
    static struct comfy c; /* large */
    struct err e = {0};
    sigset_t signals;
    int sig, rc = 1;

    if (read_options(argc, argv, &o) < 0)
        return 2;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (comfy_start(&c, &o.cfg, &e) < 0) {
        log_error("comfy", "start", "%s", e.msg);
        return 1;
    }
    http = comfy_http_start(&c, o.listen, &e);
    if (!http) {
        log_error("comfy", "start", "%s", e.msg);
        comfy_stop(&c);
        return 1;
    }
    if (tell_port(&o, comfy_http_port(http)) == 0) {
        sigwait(&signals, &sig);
        rc = 0;
    }
    comfy_http_stop(http);
    comfy_stop(&c);
    return rc;
}

/*
 * comfy_main.c - the sandbox ComfyUI as a program.
 */
#include <string.h>

#include "base/log.h"
#include "base/role.h"
#include "sandbox/comfy_http.h"
#include "sandbox/program.h"
#include "sandbox/sandbox.h"

#define RENDER_MS_MAX 3600000

struct options {
    struct comfy_config cfg;
    struct program program;
};

static int
set_option(void *ctx, const char *name, const char *value)
{
    struct options *o = ctx;

    if (strcmp(name, "--dir") == 0) {
        o->cfg.dir = value;
    } else if (strcmp(name, "--models") == 0) {
        o->cfg.models = value;
    } else if (strcmp(name, "--profile") == 0) {
        o->cfg.newer = strcmp(value, "0.38") == 0;
        if (!o->cfg.newer && strcmp(value, "0.3.64") != 0)
            return program_usage(&o->program,
                                 "--profile is 0.3.64 or 0.38");
    } else if (strcmp(name, "--render-ms") == 0) {
        if (!str_to_i64(str_c(value), &o->cfg.render_ms) ||
            o->cfg.render_ms < 0 || o->cfg.render_ms > RENDER_MS_MAX)
            return program_usage(
                &o->program, "--render-ms is a number from 0 to 3600000");
    } else {
        return program_usage(&o->program, "unknown option");
    }
    return 2;
}

/* argv[0] is the word of the command. */
int
sandbox_comfy_main(int argc, char **argv)
{
    struct options o = {
        .cfg = {.dir = "comfy-sandbox"},
        .program = {.name = "comfy",
                    .usage = "--dir DIR --models DIR --profile 0.3.64|0.38 "
                             "--render-ms N",
                    .listen = "127.0.0.1:8188"}};
    struct comfy_http *http;
    static struct comfy c; /* large */
    struct err e = {0};
    int rc = 1;

    if (program_options(&o.program, argc, argv, set_option, &o) != 0)
        return 2;
    role_block_signals();
    if (comfy_start(&c, &o.cfg, &e) < 0) {
        log_error("comfy", "start", "%s", e.msg);
        return 1;
    }
    http = comfy_http_start(&c, o.program.listen, &e);
    if (!http) {
        log_error("comfy", "start", "%s", e.msg);
        comfy_stop(&c);
        return 1;
    }
    if (program_tell(&o.program, comfy_http_port(http)) == 0) {
        role_wait_stop();
        rc = 0;
    }
    comfy_http_stop(http);
    comfy_stop(&c);
    return rc;
}

/*
 * demo.c - `tintype demo`: one job from photo to picture through all parts.
 *
 * Always the sandbox: its own Telegram, ComfyUI, Redis, database, in a folder
 * of its own, whatever the settings say; a real shop is never touched.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/log.h"
#include "base/role.h"
#include "cmd/cmd.h"
#include "cmd/sample.h"
#include "cmd/stack.h"

#define STOP_MS 15000

/* What would lead to real servers is taken out of the environment and
 * overruled for .env. */
static void
force_sandbox(const char *dir)
{
    static const char *const keys[] = {
        "BOT_TOKEN",  "COMFYUI_URL", "DATABASE_URL",  "REDIS_URL",
        "REDIS_HOST", "WEBHOOK_URL", "SERVICE_TOKEN", "ADMIN_TOKEN",
        "REDIS_PASSWORD", "WORKER_ID", "COMFYUI_INPUT_DIR"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        setenv(keys[i], "", 1);
    setenv("DATA_DIR", dir, 1);
    setenv("LOG_LEVEL", getenv("LOG_LEVEL") ? getenv("LOG_LEVEL") : "warn",
           1);
}

int
cmd_demo(int argc, char **argv)
{
    static struct stack s;
    char work[] = "/tmp/tintype-demo-XXXXXX", command[64], picture[4200];
    char keep[4096];
    struct err e;
    int rc = 1;
    (void)argc;
    (void)argv;
    const char *data = getenv("DATA_DIR");
    snprintf(keep, sizeof keep, "%s",
             data != NULL && data[0] != '\0' ? data : "./data");
    if (mkdtemp(work) == NULL) {
        fprintf(stderr, "tintype demo: /tmp cannot be written\n");
        return 1;
    }
    force_sandbox(work);
    struct settings *set = role_start("demo", &e);
    s.any_port = true;
    if (set == NULL || stack_start(&s, set, &e) != 0) {
        fprintf(stderr, "tintype demo: %s\n", e.msg);
        goto out;
    }
    printf("SANDBOX: practice Telegram %s, practice ComfyUI %s\n",
           s.telegram_url, s.comfy_url);
    fflush(stdout);
    mkdir(keep, 0700);
    rc = sample_run(&s, keep, picture, sizeof picture, &e) == 0 ? 0 : 1;
    if (rc == 0)
        printf("photo sent, preset bought, picture delivered: %s\n", picture);
    else
        fprintf(stderr, "tintype demo: %s\n", e.msg);
    stack_stop(&s, STOP_MS);
out:
    if (set != NULL)
        settings_free(set);
    snprintf(command, sizeof command, "rm -rf -- %s", work);
    if (system(command) != 0)
        fprintf(stderr, "tintype demo: %s remains\n", work);
    return rc;
}

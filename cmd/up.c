/*
 * up.c - `tintype up`: everything on this machine.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include "base/log.h"
#include "base/role.h"
#include "cmd/cmd.h"
#include "cmd/sample.h"
#include "cmd/stack.h"

#define WATCH_NS (100 * 1000 * 1000)

static void
print_where(const struct stack *s)
{
    printf("\nTintype %s is up.\n", TINTYPE_VERSION);
    printf("  backend   %s  (health: /health, ready: /ready, API: "
           "/openapi.json)\n", s->backend_url);
    printf("  Telegram  %s%s\n", s->telegram_url,
           s->sandbox ? "  (SANDBOX: no real Telegram, no real money)" : "");
    printf("  ComfyUI   %s%s\n", s->comfy_url,
           s->sandbox_comfy ? "  (SANDBOX: computes simple filters itself)"
                            : "");
    printf("  data      %s\n", s->dir);
    if (s->sandbox)
        printf("\nNext: put BOT_TOKEN=... (from @BotFather) and "
               "COMFYUI_URL=http://... into .env\nand start again for a real "
               "shop; `tintype doctor` says what is missing.\n");
    printf("Stop with Ctrl-C.\n\n");
    fflush(stdout);
}

/* One sample job when a practice shop starts for the first time; in a process
 * of its own, so that what dies meanwhile is started again. */
static void
sample_tell(const struct stack *s, const char *mark)
{
    char picture[4200];
    struct err e;
    printf("Running one sample job ...\n");
    fflush(stdout);
    if (sample_run(s, s->dir, picture, sizeof picture, &e) != 0) {
        printf("The sample job did not end well: %s\n", e.msg);
    } else {
        FILE *f = fopen(mark, "we");
        if (f != NULL)
            fclose(f);
        printf("Sample job: photo sent, paid, rendered and delivered. The "
               "picture: %s\n", picture);
    }
    fflush(stdout);
}

static void
first_sample(struct stack *s)
{
    char mark[4200];
    pid_t parent = getpid();
    snprintf(mark, sizeof mark, "%s/sample.done", s->dir);
    if (!s->sandbox || access(mark, F_OK) == 0)
        return;
    fflush(NULL);
    s->sample = fork();
    if (s->sample != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent)
        sample_tell(s, mark);
    _exit(0);
}

/* Watches the children until a signal asks to stop. */
static void
watch_until_stop(struct stack *s)
{
    sigset_t set;
    struct timespec pause = {.tv_nsec = WATCH_NS};
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    while (sigtimedwait(&set, NULL, &pause) < 0)
        stack_watch(s);
}

/* --without worker|bot, --any-port, --no-sample; false: something else. */
static bool
words_take(struct stack *s, int argc, char **argv, bool *sample)
{
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--any-port") == 0) {
            s->any_port = true;
        } else if (strcmp(argv[i], "--no-sample") == 0) {
            *sample = false;
        } else if (strcmp(argv[i], "--without") == 0 &&
                   (strcmp(next, "worker") == 0 || strcmp(next, "bot") == 0)) {
            s->without[next[0] == 'w' ? STACK_WORKER : STACK_BOT] = true;
            *sample = false;
            i++;
        } else {
            fprintf(stderr,
                    "usage: tintype up [--any-port] [--no-sample] "
                    "[--without worker|bot]\n");
            return false;
        }
    }
    return true;
}

int
cmd_up(int argc, char **argv)
{
    static struct stack s;
    struct err e;
    bool sample = true;
    if (!words_take(&s, argc, argv, &sample))
        return 2;
    struct settings *set = role_start("up", &e);
    if (set == NULL) {
        fprintf(stderr, "tintype up: %s\n", e.msg);
        return 2;
    }
    if (stack_start(&s, set, &e) != 0) {
        fprintf(stderr, "tintype up: %s\n", e.msg);
        settings_free(set);
        return 1;
    }
    print_where(&s);
    if (sample)
        first_sample(&s);
    watch_until_stop(&s);
    log_info("up", "stopping", "bot, worker, backend, redis");
    stack_stop(&s, setting_int(set, SET_SHUTDOWN_S) * 1000);
    settings_free(set);
    return 0;
}

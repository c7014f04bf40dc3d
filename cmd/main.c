/*
 * main.c - `tintype COMMAND`: one table.
 */
#include <stdio.h>
#include <string.h>
#include "backend/backend.h"
#include "base/buf.h"
#include "base/setting.h"
#include "bot/bot.h"
#include "cmd/cmd.h"
#include "worker/worker.h"

static int cmd_version(int argc, char **argv);
static int cmd_help(int argc, char **argv);

static const struct {
    const char *name;
    int (*fn)(int argc, char **argv);
    const char *text;
} commands[] = {
    {"up", cmd_up, "start everything on this machine, restart what dies"},
    {"demo", cmd_demo, "one job from photo to picture, in the sandbox"},
    {"backend", backend_main, "the REST service: database, money, scheduling"},
    {"bot", bot_main, "the conversation: Telegram's updates"},
    {"worker", worker_main, "takes tasks, drives ComfyUI, delivers"},
    {"migrate", cmd_migrate, "bring the database to this version's schema"},
    {"check", cmd_check, "prove the promises on the database; exit 1 if broken"},
    {"doctor", cmd_doctor, "look at everything and say what to do"},
    {"preset", cmd_preset, "preset lint DIR...: say what is wrong with presets"},
    {"sandbox", cmd_sandbox, "sandbox telegram|comfy: practice servers"},
    {"version", cmd_version, "print the version"},
    {"help", cmd_help, "this list; `help settings` lists the settings"},
};
#define NCOMMANDS (sizeof commands / sizeof commands[0])

static int
cmd_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("tintype %s\n", TINTYPE_VERSION);
    return 0;
}

static void
help_settings(void)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        const struct setting_row *s = &setting_table[i];
        printf("%-20s %s%s%s%s\n", s->name, s->text,
               s->dflt[0] != '\0' ? " [" : "", s->dflt,
               s->dflt[0] != '\0' ? "]" : "");
    }
}

static int
cmd_help(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "settings") == 0) {
        help_settings();
        return 0;
    }
    printf("usage: tintype COMMAND\n\n");
    for (size_t i = 0; i < NCOMMANDS; i++)
        printf("  %-9s %s\n", commands[i].name, commands[i].text);
    printf("\nSettings come from the environment, over .env, over defaults: "
           "tintype help settings\n");
    return 0;
}

int
main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        name = "version";
    for (size_t i = 0; i < NCOMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].fn(argc - 1, argv + 1);
    }
    fprintf(stderr, "tintype: there is no command %.40s; see `tintype help`\n",
            name);
    return 2;
}

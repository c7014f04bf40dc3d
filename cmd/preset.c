/*
 * preset.c - `tintype preset lint DIR...`.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/buf.h"
#include "cmd/cmd.h"
#include "io/file.h"
#include "model/preset.h"

#define FILE_MAX (4 * 1024 * 1024)

static bool
read_file(const char *dir, const char *name, struct buf *out)
{
    char path[4200];
    struct err e;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (file_read(path, out, &e) == 0)
        return true;
    printf("%s\n", e.msg);
    return false;
}

/* How many things are wrong with one folder; each is printed. */
static size_t
lint_folder(const char *dir)
{
    struct buf yaml, workflow, report;
    size_t wrong = 1;
    buf_init(&yaml, FILE_MAX);
    buf_init(&workflow, FILE_MAX);
    buf_init(&report, 1u << 20);
    if (read_file(dir, "preset.yaml", &yaml) &&
        read_file(dir, "workflow.json", &workflow)) {
        wrong = preset_lint(buf_str(&yaml), buf_str(&workflow), &report);
        struct str rest = buf_str(&report), line;
        while (str_split(&rest, '\n', &line)) {
            if (line.len > 0)
                printf("%s/" STR_FMT "\n", dir, STR_ARG(line));
        }
        if (wrong == 0)
            printf("%s: ok\n", dir);
    }
    buf_free(&yaml);
    buf_free(&workflow);
    buf_free(&report);
    return wrong;
}

/* A preset's folder, or a folder of presets. */
static size_t
lint(const char *path)
{
    char sub[4200];
    struct dirent *d;
    size_t wrong = 0, n = 0;
    snprintf(sub, sizeof sub, "%s/preset.yaml", path);
    if (access(sub, F_OK) == 0)
        return lint_folder(path);
    DIR *dir = opendir(path);
    if (dir == NULL) {
        printf("%s: %s\n", path, strerror(errno));
        return 1;
    }
    while ((d = readdir(dir)) != NULL) {
        snprintf(sub, sizeof sub, "%s/%s/preset.yaml", path, d->d_name);
        if (d->d_name[0] == '.' || access(sub, F_OK) != 0)
            continue;
        snprintf(sub, sizeof sub, "%s/%s", path, d->d_name);
        wrong += lint_folder(sub);
        n++;
    }
    closedir(dir);
    if (n == 0)
        printf("%s: no preset.yaml in it or one level below\n", path);
    return n == 0 ? 1 : wrong;
}

int
cmd_preset(int argc, char **argv)
{
    size_t wrong = 0;
    if (argc < 3 || strcmp(argv[1], "lint") != 0) {
        fprintf(stderr, "usage: tintype preset lint DIR...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++)
        wrong += lint(argv[i]);
    if (wrong > 0)
        printf("%zu wrong.\n", wrong);
    return wrong > 0;
}

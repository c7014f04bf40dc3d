/*
 * import.c - preset folders into scenario_templates and presets.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "backend/backend.h"
#include "backend/catalog.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/file.h"
#include "store/preset.h"

#define FILE_MAX (4 * 1024 * 1024)
#define POSITION_CATEGORY 100000 /* category order, then order inside it */

static int
preset_store(struct backend *b, struct arena *a, const struct preset *p,
             struct err *e)
{
    char version[SHA256_HEX];
    struct buf body;
    buf_init(&body, FILE_MAX);
    preset_to_json(p, &body);
    preset_version(p, version);
    struct preset_new row = {
        .name = p->name,
        .version = version,
        .body = buf_cstr(&body),
        .workflow = p->workflow,
        .category = p->category_id,
        .price = p->price,
        .position = p->category_order * POSITION_CATEGORY + p->order};
    int rc = preset_put(b->db, a, &row, e);
    buf_free(&body);
    return rc;
}

static int
folder_import(struct backend *b, const char *dir, const char *name,
              struct err *e)
{
    struct arena *a = arena_new();
    struct buf yaml, workflow;
    struct preset *p;
    buf_init(&yaml, FILE_MAX);
    buf_init(&workflow, FILE_MAX);
    int rc = -1;
    if (file_read(arena_fmt(a, "%s/%s/preset.yaml", dir, name), &yaml, e) !=
            0 ||
        file_read(arena_fmt(a, "%s/%s/workflow.json", dir, name), &workflow,
                  e) != 0)
        goto out;
    if (preset_parse(a, buf_str(&yaml), buf_str(&workflow), &p, e) != 0) {
        err_wrap(e, "%s/%s", dir, name);
        goto out;
    }
    if (strcmp(p->name, name) != 0) {
        err_set(e, ERR_BAD_INPUT, "%s/%s/preset.yaml: name is %s, the folder "
                "is called otherwise", dir, name, p->name);
        goto out;
    }
    rc = preset_store(b, a, p, e);
out:
    buf_free(&yaml);
    buf_free(&workflow);
    arena_free(a);
    return rc;
}

static bool
folder_is_preset(const char *dir, const char *name)
{
    char path[8192];
    if (name[0] == '.')
        return false;
    snprintf(path, sizeof path, "%s/%s/preset.yaml", dir, name);
    return access(path, R_OK) == 0;
}

/* Presets whose folder is gone are not sold any more. */
static int
mark_absent(struct backend *b, const char *dir, struct err *e)
{
    struct arena *a = arena_new();
    struct preset_row *rows;
    size_t n;
    int rc = preset_all(b->db, a, &rows, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (rows[i].present && !folder_is_preset(dir, rows[i].name)) {
            log_info("preset", "gone", "name=%s", rows[i].name);
            rc = preset_absent(b->db, a, rows[i].name, e);
        }
    }
    arena_free(a);
    return rc;
}

/* PRESETS_DIR, or: here, beside the source tree's binary, installed. */
static const char *
presets_dir(struct backend *b, char *out, size_t size)
{
    static const char *const places[] = {"../../presets",
                                         "../share/tintype/presets"};
    char self[4096];
    const char *given = setting_str(b->set, SET_PRESETS_DIR);
    if (given[0] != '\0' || access("presets", R_OK | X_OK) == 0)
        return given[0] != '\0' ? given : "presets";
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return "presets";
    self[n] = '\0';
    *strrchr(self, '/') = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(out, size, "%s/%s", self, places[i]);
        if (access(out, R_OK | X_OK) == 0)
            return out;
    }
    return "presets";
}

int
catalog_import(struct backend *b, struct err *e)
{
    char place[4200];
    const char *dir = presets_dir(b, place, sizeof place);
    struct dirent *d;
    size_t n = 0;
    DIR *folder = opendir(dir);
    if (folder == NULL)
        return err_set(e, ERR_NOT_FOUND,
                       "PRESETS_DIR %s: %s: set it to a folder with presets",
                       dir, strerror(errno));
    while ((d = readdir(folder)) != NULL) {
        struct err bad;
        if (!folder_is_preset(dir, d->d_name))
            continue;
        if (folder_import(b, dir, d->d_name, &bad) == 0) {
            n++;
        } else if (bad.code == ERR_UNAVAILABLE || bad.code == ERR_TIMEOUT) {
            closedir(folder);
            *e = bad;
            return -1;
        } else {
            log_error("preset", "refused", "%s", bad.msg);
        }
    }
    closedir(folder);
    log_info("preset", "imported", "n=%zu dir=%s", n, dir);
    return mark_absent(b, dir, e);
}

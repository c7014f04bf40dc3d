/*
 * comfy_files.c - folders, safe names, and file names by counting.
 */
#include "sandbox/comfy_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/file.h"
#include "sandbox/comfy_image.h"

#define EXAMPLE_SIDE 768
#define NAME_PARTS 256 /* folders in a path */
#define DEPTH_MAX 4    /* folders below a models folder */

char *
path_abs(struct arena *a, const char *path)
{
    struct str parts[NAME_PARTS] = {{0}}, rest, part;
    size_t n = 0, len = 1;
    char cwd[4096], *out;

    if (path[0] != '/' && getcwd(cwd, sizeof(cwd)))
        path = arena_fmt(a, "%s/%s", cwd, path);
    rest = str_c(path);
    while (str_split(&rest, '/', &part)) {
        if (part.len == 0 || str_eq_c(part, "."))
            continue;
        if (str_eq_c(part, "..")) {
            n -= n > 0;
            continue;
        }
        if (n < NAME_PARTS)
            parts[n++] = part;
    }
    out = arena_alloc(a, strlen(path) + 2);
    out[0] = '/';
    len = 0;
    for (size_t i = 0; i < n; i++) {
        out[len++] = '/';
        memcpy(out + len, parts[i].p, parts[i].len);
        len += parts[i].len;
    }
    out[len > 0 ? len : 1] = '\0';
    return out;
}

static bool
is_inside(const char *dir, const char *path)
{
    size_t n = strlen(dir);

    return strncmp(dir, path, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

char *
path_inside(struct arena *a, const char *dir, const char *sub)
{
    char *p =
        path_abs(a, sub[0] == '/' ? sub : arena_fmt(a, "%s/%s", dir, sub));

    return is_inside(dir, p) ? p : NULL;
}

int
path_make_dirs(const char *path, struct err *e)
{
    char *p = mem_strdup(path);
    int rc = 0;

    for (char *s = p + 1;; s++) {
        char was = *s;

        if (was != '/' && was != '\0')
            continue;
        *s = '\0';
        if (mkdir(p, 0777) < 0 && errno != EEXIST)
            rc =
                err_set(e, ERR_UNAVAILABLE, "mkdir %s: %s", p, strerror(errno));
        if (rc < 0 || was == '\0')
            break;
        *s = was;
    }
    mem_free(p);
    return rc;
}

bool
path_is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool
path_exists(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0;
}

static int
by_name(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

struct names {
    struct arena *a;
    const char **list;
    size_t n, cap;
};

static void
names_add(struct names *l, const char *name)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        const char **more = ARENA_ARRAY(l->a, const char *, cap);

        if (l->n > 0)
            memcpy(more, l->list, l->n * sizeof(*more));
        l->list = more;
        l->cap = cap;
    }
    l->list[l->n++] = name;
}

/* depth: levels of sub-folders that are entered. */
static void
names_walk(struct names *l, const char *dir, const char *prefix, int depth)
{
    DIR *d = opendir(dir);
    struct dirent *de;

    while (d && (de = readdir(d))) {
        const char *path = arena_fmt(l->a, "%s/%s", dir, de->d_name);
        const char *name = arena_fmt(l->a, "%s%s", prefix, de->d_name);

        if (path_is_file(path))
            names_add(l, name);
        else if (depth > 0 && de->d_name[0] != '.')
            names_walk(l, path, arena_fmt(l->a, "%s/", name), depth - 1);
    }
    if (d)
        closedir(d);
}

static size_t
names_of(struct arena *a, const char *dir, int depth, const char ***names)
{
    struct names l = {.a = a};

    names_walk(&l, dir, "", depth);
    if (l.n > 0)
        qsort(l.list, l.n, sizeof(*l.list), by_name);
    *names = l.list;
    return l.n;
}

size_t
dir_list(struct arena *a, const char *dir, const char ***names)
{
    return names_of(a, dir, 0, names);
}

size_t
dir_list_deep(struct arena *a, const char *dir, const char ***names)
{
    return names_of(a, dir, DEPTH_MAX, names);
}

/* Removes what is in the folder, not the folder. */
static void
dir_empty(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *de;
    char path[4096];
    struct stat st;

    if (!d)
        return;
    while ((de = readdir(d))) {
        if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
            continue;
        if (snprintf(path, sizeof(path), "%s/%s", dir, de->d_name) >=
            (int)sizeof(path))
            continue;
        if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
            dir_empty(path);
            rmdir(path);
        } else {
            unlink(path);
        }
    }
    closedir(d);
}

/* A landscape of our own: sky, sun, hills; something to look at when no
 * photo was uploaded. */
static int
draw_example(const char *path, struct err *e)
{
    struct tensor *t = tensor_new(1, EXAMPLE_SIDE, EXAMPLE_SIDE, 3);
    struct buf png;
    int rc;

    for (int y = 0; y < EXAMPLE_SIDE; y++) {
        float *row = tensor_row(t, 0, y);

        for (int x = 0; x < EXAMPLE_SIDE; x++, row += 3) {
            int dx = x - 540, dy = y - 190;
            int hill = 480 + (x - 300) * (x - 300) / 1600;
            int near = 620 + (x - 560) * (x - 560) / 2600;
            bool sun = dx * dx + dy * dy < 90 * 90;
            float down = (float)y / EXAMPLE_SIDE;

            row[0] = sun ? 1.0f : 0.35f + 0.4f * down;
            row[1] = sun ? 0.85f : 0.58f + 0.25f * down;
            row[2] = sun ? 0.4f : 0.95f - 0.2f * down;
            if (y > near || y > hill) {
                row[0] = y > near ? 0.15f : 0.25f;
                row[1] = y > near ? 0.40f : 0.52f;
                row[2] = y > near ? 0.20f : 0.35f;
            }
        }
    }
    buf_init(&png, COMFY_FILE_MAX);
    picture_png(&png, t, 0, 4, NULL, 0);
    rc = file_write(path, buf_str(&png), 0644, e);
    buf_free(&png);
    tensor_unref(t);
    return rc;
}

static char *
dir_open(const char *base, const char *name, struct err *e)
{
    size_t n = strlen(base) + strlen(name) + 2;
    char *p = mem_alloc(n);

    snprintf(p, n, "%s/%s", base, name);
    if (path_make_dirs(p, e) < 0) {
        mem_free(p);
        return NULL;
    }
    return p;
}

int
comfy_dirs_open(struct comfy_dirs *d, const char *base, struct err *e)
{
    struct arena *a = arena_new();
    const char *example;
    int rc = -1;

    *d = (struct comfy_dirs){0};
    d->base = mem_strdup(path_abs(a, base));
    d->input = dir_open(d->base, "input", e);
    d->output = d->input ? dir_open(d->base, "output", e) : NULL;
    d->temp = d->output ? dir_open(d->base, "temp", e) : NULL;
    if (!d->temp)
        goto out;
    dir_empty(d->temp);
    example = arena_fmt(a, "%s/example.png", d->input);
    rc = path_exists(example) ? 0 : draw_example(example, e);
out:
    arena_free(a);
    return rc;
}

void
comfy_dirs_close(struct comfy_dirs *d)
{
    if (d->temp)
        dir_empty(d->temp);
    mem_free(d->base);
    mem_free(d->input);
    mem_free(d->output);
    mem_free(d->temp);
}

const char *
comfy_dir_of(const struct comfy_dirs *d, const char *type)
{
    if (strcmp(type, "input") == 0)
        return d->input;
    if (strcmp(type, "output") == 0)
        return d->output;
    return strcmp(type, "temp") == 0 ? d->temp : NULL;
}

const char *
comfy_annotated(const struct comfy_dirs *d, struct arena *a, struct str name,
                const char *dflt, const char **rest)
{
    static const char *const types[] = {"output", "input", "temp"};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        const char *mark = arena_fmt(a, "[%s]", types[i]);
        size_t cut = strlen(mark) + 1; /* with the blank before it */

        if (!str_ends(name, str_c(mark)))
            continue;
        *rest = arena_strn(a, name.p, name.len < cut ? 0 : name.len - cut);
        return comfy_dir_of(d, types[i]);
    }
    *rest = arena_strn(a, name.p, name.len);
    return dflt;
}

/* %width% %year% ... as ComfyUI's own variables, not the web page's. */
static const char *
expand_prefix(struct arena *a, const char *prefix, int width, int height)
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm tm;
    struct buf b;
    const char *out;

    if (!strchr(prefix, '%'))
        return prefix;
    localtime_r(&now, &tm);
    const struct {
        const char *name;
        int value, digits;
    } vars[] = {
        {"%width%", width, 1},
        {"%height%", height, 1},
        {"%year%", tm.tm_year + 1900, 1},
        {"%month%", tm.tm_mon + 1, 2},
        {"%day%", tm.tm_mday, 2},
        {"%hour%", tm.tm_hour, 2},
        {"%minute%", tm.tm_min, 2},
        {"%second%", tm.tm_sec, 2},
    };
    buf_init(&b, 64 * 1024);
    while (*prefix) {
        size_t i, n = sizeof(vars) / sizeof(vars[0]);

        for (i = 0; i < n; i++)
            if (strncmp(prefix, vars[i].name, strlen(vars[i].name)) == 0)
                break;
        if (i == n) {
            buf_add_byte(&b, *prefix++);
            continue;
        }
        buf_addf(&b, "%0*d", vars[i].digits, vars[i].value);
        prefix += strlen(vars[i].name);
    }
    out = arena_strn(a, buf_cstr(&b), b.len);
    buf_free(&b);
    return out;
}

/* The number of NAME_00012_.png for this name, or -1. */
static long
counter_of(const char *file, const char *name)
{
    size_t n = strlen(name);
    char *end;
    long v;

    if (strncmp(file, name, n) != 0 || file[n] != '_')
        return -1;
    v = strtol(file + n + 1, &end, 10);
    return end != file + n + 1 && (*end == '_' || *end == '\0') && v >= 0 &&
                   v < 100000000
               ? v
               : 0;
}

static int
next_counter(const char *folder, const char *name)
{
    DIR *d = opendir(folder);
    struct dirent *de;
    long top = 0;

    if (!d)
        return 1;
    while ((de = readdir(d))) {
        long v = counter_of(de->d_name, name);

        top = v > top ? v : top;
    }
    closedir(d);
    return (int)top + 1;
}

int
save_place_find(struct arena *a, const char *dir, const char *prefix, int width,
                int height, struct save_place *out, struct err *e)
{
    char *full, *slash;

    prefix = expand_prefix(a, prefix, width, height);
    full = path_abs(a, prefix[0] == '/' ? prefix
                                        : arena_fmt(a, "%s/%s", dir, prefix));
    slash = strrchr(full, '/');
    out->name = slash + 1;
    *slash = '\0';
    if (!is_inside(dir, full)) {
        char *common = arena_strdup(a, dir);

        while (!is_inside(common, full) && strrchr(common, '/'))
            *strrchr(common, '/') = '\0';
        return err_set(e, ERR_BAD_INPUT,
                       "**** ERROR: Saving image outside the output folder "
                       "is not allowed.\n full_output_folder: %s\n"
                       "         output_dir: %s\n         commonpath: %s",
                       *full ? full : "/", dir, *common ? common : "/");
    }
    out->folder = full;
    out->subfolder = full[strlen(dir)] ? full + strlen(dir) + 1 : "";
    if (path_make_dirs(full, e) < 0)
        return -1;
    out->counter = next_counter(full, out->name);
    return 0;
}

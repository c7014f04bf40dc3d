/*
 * comfy_files.h - the sandbox's folders, and names inside them.
 */
#ifndef SANDBOX_COMFY_FILES_H
#define SANDBOX_COMFY_FILES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define COMFY_FILE_MAX ((size_t)128 << 20) /* bytes read of one file */

struct comfy_dirs {
    char *base, *input, *output, *temp; /* absolute, without a slash behind */
};

/* Makes the folders, empties temp, draws input/example.png when absent. */
int comfy_dirs_open(struct comfy_dirs *d, const char *base, struct err *e);
void comfy_dirs_close(struct comfy_dirs *d); /* empties temp */

/* "input" "output" "temp"; NULL for other words. */
const char *comfy_dir_of(const struct comfy_dirs *d, const char *type);
/* "a/b.png [temp]" -> the folder and "a/b.png"; dflt without an annotation. */
const char *comfy_annotated(const struct comfy_dirs *d, struct arena *a,
                            struct str name, const char *dflt,
                            const char **rest);
/* os.path.abspath: "//", "." and ".." resolved in the text alone. */
char *path_abs(struct arena *a, const char *path);
/* dir/sub as path_abs; NULL when it is not inside dir. */
char *path_inside(struct arena *a, const char *dir, const char *sub);
int path_make_dirs(const char *path, struct err *e); /* mkdir -p */
bool path_is_file(const char *path);
bool path_exists(const char *path);

/* Names of plain files of the folder, sorted. */
size_t dir_list(struct arena *a, const char *dir, const char ***names);
/* Those of its sub-folders too, as "sub/name". */
size_t dir_list_deep(struct arena *a, const char *dir, const char ***names);

/* Where SaveImage puts its next file (contract 3.9). */
struct save_place {
    const char *folder;    /* exists */
    const char *subfolder; /* below the output folder, "" for itself */
    const char *name;      /* without "_00001_.png" */
    int counter;
};
/* BAD_INPUT: outside the folder; the sentence is ComfyUI's. */
int save_place_find(struct arena *a, const char *dir, const char *prefix,
                    int width, int height, struct save_place *out,
                    struct err *e);

#endif

/*
 * replay_main.c - a main for fuzz targets without libFuzzer: feeds every file
 * of the folders and files named to the target, and says how many there were.
 * A finding ends the process by assert or sanitizer, after the file's name.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long fed;

static void
die(const char *what, const char *path)
{
    fprintf(stderr, "replay: %s %s: %s\n", what, path, strerror(errno));
    exit(2);
}

/* The copy has exactly size bytes: reading one more is found. */
static void
feed_file(const char *path, size_t size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = malloc(size == 0 ? 1 : size);

    if (f == NULL || bytes == NULL)
        die("cannot open", path);
    if (fread(bytes, 1, size, f) != size)
        die("cannot read", path);
    fclose(f);
    fprintf(stderr, "%s\n", path);
    (void)LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    fed++;
}

static void
feed_path(const char *path)
{
    struct stat st;
    struct dirent **names;
    int n;

    if (stat(path, &st) != 0)
        die("cannot find", path);
    if (!S_ISDIR(st.st_mode)) {
        feed_file(path, (size_t)st.st_size);
        return;
    }
    n = scandir(path, &names, NULL, alphasort);
    if (n < 0)
        die("cannot list", path);
    for (int i = 0; i < n; i++) {
        char child[4096];

        snprintf(child, sizeof(child), "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            feed_path(child);
        free(names[i]);
    }
    free(names);
}

/* The last line is cmocka's, so that tests/run counts replays as tests. */
int
main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        feed_path(argv[i]);
    if (fed == 0) {
        fprintf(stderr, "replay: nothing to feed\n");
        return 2;
    }
    printf("[  PASSED  ] 1 test(s). %lu inputs replayed\n", fed);
    return 0;
}

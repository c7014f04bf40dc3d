/*
 * comfy_runs.c - how often each prompt id was handed to the executor.
 *
 * Tests prove with it that a GPU second is not spent twice, also over a
 * server that was killed: each run is a line in a file that the next process
 * reads.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "sandbox/comfy.h"

#define RUNS_MAX 200000 /* ids remembered; the total goes on counting */

struct comfy_run {
    struct comfy_run *chain;
    int64_t n;
    char id[];
};

static void
count_one(struct comfy_runs *r, const char *id)
{
    struct comfy_run **at = &r->buckets[comfy_bucket_of(id)];
    size_t len = strlen(id) + 1;

    r->total++;
    while (*at && strcmp((*at)->id, id) != 0)
        at = &(*at)->chain;
    if (!*at) {
        if (r->n == RUNS_MAX)
            return;
        r->n++;
        *at = mem_calloc(1, sizeof(**at) + len);
        memcpy((*at)->id, id, len);
    }
    (*at)->n++;
}

void
comfy_runs_open(struct comfy_runs *r, const char *path)
{
    char line[256];
    FILE *f = fopen(path, "r");

    *r = (struct comfy_runs){.fd = -1};
    while (f && fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        count_one(r, line);
    }
    if (f)
        fclose(f);
    r->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
}

void
comfy_runs_close(struct comfy_runs *r)
{
    for (size_t i = 0; i < COMFY_BUCKETS; i++)
        while (r->buckets[i]) {
            struct comfy_run *k = r->buckets[i];

            r->buckets[i] = k->chain;
            mem_free(k);
        }
    if (r->fd >= 0)
        close(r->fd);
}

void
comfy_runs_add(struct comfy_runs *r, const char *id)
{
    char line[256];
    int n = snprintf(line, sizeof(line), "%.200s\n", id);

    line[n - 1] = '\0';
    count_one(r, line);
    line[n - 1] = '\n';
    if (r->fd >= 0 && write(r->fd, line, (size_t)n) < 0)
        r->fd = -1; /* a full disk: the count in memory must do */
}

void
comfy_runs_json(struct buf *b, const struct comfy_runs *r)
{
    bool first = true;

    buf_add_c(b, "{");
    for (size_t i = 0; i < COMFY_BUCKETS; i++)
        for (const struct comfy_run *k = r->buckets[i]; k; k = k->chain) {
            buf_add_c(b, first ? "" : ", ");
            first = false;
            py_dumps_c(b, k->id);
            buf_addf(b, ": %lld", (long long)k->n);
        }
    buf_add_c(b, "}");
}

/*
 * sample.c - see sample.h.
 */
#include <stdio.h>
#include <string.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/image.h"
#include "base/limits.h"
#include "cmd/sample.h"
#include "io/file.h"
#include "sandbox/person.h"

#define PICTURE_MS 60000

/* The sample photograph (sandbox/media/LICENCES.md), inside the binary. */
__asm__(".section .rodata\n"
        ".global sample_jpeg\n.global sample_jpeg_end\n"
        "sample_jpeg: .incbin \"sandbox/media/astronaut.jpg\"\n"
        "sample_jpeg_end:\n.byte 0\n.previous\n");
extern const char sample_jpeg[], sample_jpeg_end[];

struct str
sample_photo(void)
{
    return str_n(sample_jpeg, (size_t)(sample_jpeg_end - sample_jpeg));
}

/* The menu may be two levels deep: categories, then presets. */
static int
choose(struct person *p, struct err *e)
{
    struct person_event ev;
    if (person_wait(p, &(struct person_want){.kind = "text"}, &ev, e) != 0)
        return -1;
    while (person_button(&ev, "v1:buy:") == NULL) {
        const char *data = person_button(&ev, "v1:preset:sepia");
        if (data == NULL)
            data = person_button(&ev, "v1:menu:");
        if (data == NULL)
            data = person_button(&ev, "v1:preset:");
        char kept[80];
        if (data == NULL) { /* a greeting, a notice: the menu comes next */
            if (person_wait(p, &(struct person_want){.kind = NULL}, &ev, e) !=
                0)
                return -1;
            continue;
        }
        snprintf(kept, sizeof kept, "%s", data);
        if (person_press(p, 0, kept, e) != 0 ||
            person_wait(p, &(struct person_want){.button = NULL}, &ev, e) !=
                0)
            return -1;
    }
    return person_press(p, 0, "v1:buy:", e);
}

static int
picture_store(struct person *p, const char *file_id, const char *dir,
              char *path, size_t size, struct err *e)
{
    struct buf b;
    struct image_info info;
    int rc = -1;
    buf_init(&b, LIM_UPLOAD_BYTES);
    if (person_file(p, file_id, &b, e) != 0)
        goto out;
    if (image_probe(buf_str(&b), &info, e) != 0)
        goto out;
    if (str_eq(buf_str(&b), sample_photo())) {
        err_set(e, ERR_INTERNAL, "the picture is the photo, unchanged");
        goto out;
    }
    snprintf(path, size, "%s/sample.%s", dir, image_ext(info.kind));
    rc = file_write(path, buf_str(&b), 0644, e);
out:
    buf_free(&b);
    return rc;
}

/* A first photo that comes before the worker has told what it can run would
 * meet an empty menu. */
static int
wait_until_sold(const struct stack *s, struct err *e)
{
    int64_t until_ms = clock_mono_ms() + PICTURE_MS;
    struct httpc *h = httpc_new(
        &(struct httpc_config){.label = "backend",
                               .base = s->backend_url,
                               .bearer = s->service_token},
        e);
    if (h == NULL)
        return -1;
    bool sold = false;
    while (!sold && clock_mono_ms() < until_ms) {
        struct httpc_res res;
        struct httpc_req q = {.method = "GET", .path = "/api/presets",
                              .op = "presets"};
        if (httpc_do(h, &q, &res, e) == 0) {
            cJSON *j = json_parse(buf_str(&res.body), 0, e);
            const cJSON *p;
            cJSON_ArrayForEach(p, json_get(j, "presets"))
            {
                sold = sold || json_bool(p, "available", false);
            }
            json_free(j);
            httpc_res_free(&res);
        }
        if (!sold)
            clock_sleep_ms(50);
    }
    httpc_free(h);
    return sold ? 0
                : err_set(e, ERR_UNAVAILABLE,
                          "no preset is on sale: see the worker's log");
}

int
sample_run(const struct stack *s, const char *dir, char *picture, size_t size,
           struct err *e)
{
    struct person p;
    struct person_event ev;
    char file_id[300];
    if (wait_until_sold(s, e) != 0)
        return -1;
    int rc = person_init(&p, s->telegram_url, "Sample", "en", e);
    if (rc == 0)
        rc = person_photo(&p, sample_photo(), NULL, e);
    if (rc == 0)
        rc = choose(&p, e);
    while (rc == 0) {
        rc = person_wait(&p, &(struct person_want){.timeout_ms = PICTURE_MS},
                         &ev, e);
        if (rc == 0 && ev.file_id[0] != '\0')
            break;
    }
    if (rc == 0) {
        snprintf(file_id, sizeof file_id, "%s", ev.file_id);
        rc = picture_store(&p, file_id, dir, picture, size, e);
    }
    person_fini(&p);
    return rc;
}

/*
 * comfy_nodes_file.c - nodes that read and write picture files.
 */
#include <stdio.h>
#include <string.h>

#include "base/rand.h"
#include "io/file.h"
#include "sandbox/comfy_image.h"
#include "sandbox/comfy_node.h"

/* ComfyUI has 4 for outputs; nobody keeps these, and 1 takes half the time. */
#define PNG_LEVEL 1
#define PNG_TEXTS_MAX 16

/* The file that the input "image" names, as four channels. */
static struct tensor *
load(struct node_call *c, bool *alpha)
{
    const char *rest, *dir, *path;
    struct buf bytes;
    struct err e = {0};
    struct tensor *t = NULL;

    dir = comfy_annotated(c->dirs, c->a, str_c(node_text(c, "image")),
                          c->dirs->input, &rest);
    path = path_inside(c->a, dir, rest);
    buf_init(&bytes, COMFY_FILE_MAX);
    if (!path || file_read(path, &bytes, &e) < 0) {
        node_fail(c, "FileNotFoundError",
                  "[Errno 2] No such file or directory: '%s/%s'", dir, rest);
        goto out;
    }
    t = picture_load(buf_str(&bytes), alpha, &e);
    if (t)
        goto out;
    if (e.code == ERR_BAD_INPUT)
        node_fail(c, "PIL.UnidentifiedImageError",
                  "cannot identify image file '%s'", path);
    else if (e.code == ERR_TOO_LARGE)
        node_fail(c, "PIL.Image.DecompressionBombError", "%s", e.msg);
    else
        node_fail(c, "OSError", "%s", e.msg);
out:
    buf_free(&bytes);
    return t;
}

/* One channel as a mask; inverted: 1 - v. */
static struct tensor *
channel_mask(const struct tensor *t, int channel, bool inverted)
{
    struct tensor *m = tensor_new(t->n, t->h, t->w, 1);
    size_t count;

    if (!m)
        return NULL;
    count = tensor_count(m);
    for (size_t i = 0; i < count; i++) {
        float v = t->p[i * (size_t)t->c + (size_t)channel];

        m->p[i] = inverted ? 1.0f - v : v;
    }
    return m;
}

int
node_load_image(struct node_call *c)
{
    struct tensor *t, *mask;
    bool alpha = false;
    int rc;

    t = load(c, &alpha);
    if (!t)
        return -1;
    if (alpha) {
        mask = channel_mask(t, 3, true);
    } else { /* nothing transparent: a mask of zeros, always 64x64 */
        mask = tensor_new(1, 64, 64, 1);
        tensor_fill(mask, 0);
    }
    rc = node_give_image(c, 0, tensor_channels(t, 3));
    if (rc == 0)
        rc = node_give_mask(c, 1, mask);
    else
        tensor_unref(mask);
    tensor_unref(t);
    return rc;
}

int
node_load_image_mask(struct node_call *c)
{
    static const char *const channels[] = {"red", "green", "blue", "alpha",
                                           NULL};
    int channel = node_choice(c, "channel", channels);
    bool alpha = false;
    struct tensor *t = load(c, &alpha);
    int rc;

    if (!t)
        return -1;
    rc = node_give_mask(c, 0, channel_mask(t, channel, channel == 3));
    tensor_unref(t);
    return rc;
}

static void
ui_file(struct node_call *c, bool first, const char *name,
        const char *subfolder, const char *type)
{
    buf_add_c(&c->ui, first ? "{\"filename\": " : ", {\"filename\": ");
    py_dumps_c(&c->ui, name);
    buf_add_c(&c->ui, ", \"subfolder\": ");
    py_dumps_c(&c->ui, subfolder);
    buf_addf(&c->ui, ", \"type\": \"%s\"}", type);
}

/* The prompt and each key of extra_pnginfo. */
static size_t
png_texts(const struct node_call *c, struct picture_text *texts,
          struct buf *memory)
{
    size_t n = 0;

    texts[n++] = (struct picture_text){"prompt", c->prompt_text};
    if (!py_is(c->extra_pnginfo, PY_DICT))
        return n;
    for (const struct py *v = c->extra_pnginfo->first; v && n < PNG_TEXTS_MAX;
         v = v->next) {
        buf_clear(memory);
        py_dumps(memory, v);
        texts[n].key = arena_strn(c->a, v->key.p, v->key.len);
        texts[n++].value = arena_str(c->a, buf_str(memory));
    }
    return n;
}

/* "a%batch_num%" of picture 2 -> "a2". */
static const char *
with_batch_number(struct arena *a, const char *name, int n)
{
    const char *at = strstr(name, "%batch_num%");

    if (!at)
        return name;
    return arena_fmt(a, "%.*s%d%s", (int)(at - name), name, n,
                     at + strlen("%batch_num%"));
}

static int
save_pictures(struct node_call *c, const char *dir, const char *type,
              const char *prefix, int level)
{
    struct tensor *t = node_image(c, "images");
    struct picture_text texts[PNG_TEXTS_MAX];
    struct save_place at;
    struct buf png, memory;
    struct err e = {0};
    size_t ntexts;
    int rc = 0;

    if (save_place_find(c->a, dir, prefix, t->w, t->h, &at, &e) < 0)
        return node_fail(c, "Exception", "%s", e.msg);
    buf_init(&memory, NODE_UI_MAX);
    ntexts = png_texts(c, texts, &memory);
    buf_free(&memory);
    buf_add_c(&c->ui, "{\"images\": [");
    for (int n = 0; n < t->n && rc == 0; n++) {
        const char *file =
            arena_fmt(c->a, "%s_%05d_.png", with_batch_number(c->a, at.name, n),
                      at.counter + n);

        buf_init(&png, COMFY_FILE_MAX);
        picture_png(&png, t, n, level, texts, ntexts);
        rc = file_write(arena_fmt(c->a, "%s/%s", at.folder, file),
                        buf_str(&png), 0644, &e);
        buf_free(&png);
        ui_file(c, n == 0, file, at.subfolder, type);
    }
    buf_add_c(&c->ui, "]}");
    return rc < 0 ? node_fail(c, "OSError", "%s", e.msg) : 0;
}

int
node_save_image(struct node_call *c)
{
    return save_pictures(c, c->dirs->output, "output",
                         node_text(c, "filename_prefix"), PNG_LEVEL);
}

int
node_preview_image(struct node_call *c)
{
    char prefix[] = "ComfyUI_temp_xxxxx";

    for (size_t i = sizeof(prefix) - 6; i < sizeof(prefix) - 1; i++)
        prefix[i] = "abcdefghijklmnopqrstuvwxyz"[rand_below(26)];
    return save_pictures(c, c->dirs->temp, "temp", prefix, PNG_LEVEL);
}

int
node_save_animated_webp(struct node_call *c)
{
    struct tensor *t = node_image(c, "images");
    bool lossless = node_bool(c, "lossless", true);
    double fps = node_float(c, "fps", 6);
    struct save_place at;
    struct err e = {0};
    const char *file;
    struct buf webp;
    int rc;

    if (save_place_find(c->a, c->dirs->output, node_text(c, "filename_prefix"),
                        t->w, t->h, &at, &e) < 0)
        return node_fail(c, "Exception", "%s", e.msg);
    file = arena_fmt(c->a, "%s_%05d_.webp", with_batch_number(c->a, at.name, 0),
                     at.counter);
    buf_init(&webp, COMFY_FILE_MAX);
    picture_webp_animated(&webp, t, (int)(1000.0 / (fps > 0 ? fps : 1)),
                          lossless ? 101 : (int)node_int(c, "quality", 80));
    rc = file_write(arena_fmt(c->a, "%s/%s", at.folder, file), buf_str(&webp),
                    0644, &e);
    buf_free(&webp);
    buf_add_c(&c->ui, "{\"images\": [");
    ui_file(c, true, file, at.subfolder, "output");
    buf_addf(&c->ui, "], \"animated\": [%s]}", t->n > 1 ? "true" : "false");
    return rc < 0 ? node_fail(c, "OSError", "%s", e.msg) : 0;
}

/* str() of numbers and texts, JSON of what JSON knows. */
int
node_preview_any(struct node_call *c)
{
    const struct py *v = py_get(c->inputs, "source");
    struct tensor *t = node_image(c, "source");
    struct buf text;

    buf_init(&text, NODE_UI_MAX);
    if (t)
        buf_addf(&text, "tensor(%d, %d, %d, %d)", t->n, t->h, t->w, t->c);
    else if (py_is(v, PY_LIST)) /* a link, to a number */
        buf_addf(&text, "%lld", (long long)node_int(c, "source", 0));
    else if (py_is(v, PY_DICT))
        py_dumps(&text, v);
    else
        py_str(&text, v);
    buf_add_c(&c->ui, "{\"text\": [");
    py_dumps_str(&c->ui, buf_str(&text));
    buf_add_c(&c->ui, "]}");
    buf_free(&text);
    return 0;
}

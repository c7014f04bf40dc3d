/*
 * comfy_route_info.c - what the server says of itself: /system_stats,
 * /object_info, /features, /models, /embeddings (contract 1.13 to 1.17).
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "sandbox/comfy_http.h"

static const char *const model_folders[] = {
    "checkpoints",   "configs",          "loras",         "vae",
    "text_encoders", "diffusion_models", "clip_vision",   "style_models",
    "embeddings",    "diffusers",        "vae_approx",    "controlnet",
    "gligen",        "upscale_models",   "custom_nodes",  "hypernetworks",
    "photomaker",    "classifiers",      "model_patches", "audio_encoders"};

#define NFOLDERS (sizeof(model_folders) / sizeof(model_folders[0]))

void
route_system_stats(struct http_req *q, struct comfy *c)
{
    struct sysinfo si = {0};
    unsigned long long total, avail;
    struct buf b;

    sysinfo(&si);
    total = (unsigned long long)si.totalram * si.mem_unit;
    avail = (unsigned long long)(si.freeram + si.bufferram) * si.mem_unit;
    buf_init(&b, 64 * 1024);
    buf_addf(&b,
             "{\"system\": {\"os\": \"%s\", \"ram_total\": %llu, "
             "\"ram_free\": %llu, \"comfyui_version\": \"%s\", "
             "\"required_frontend_version\": \"1.27.10\", "
             "\"installed_templates_version\": \"0.1.95\", "
             "\"required_templates_version\": \"0.1.95\", \"python_version\": "
             "\"3.11.7 (tintype sandbox)\", \"pytorch_version\": \"2.15.0\", "
             "\"embedded_python\": false, \"argv\": [\"main.py\", \"--cpu\"]",
             c->cfg.newer ? "linux" : "posix", total, avail,
             c->cfg.newer ? "0.38.1" : "0.3.64");
    if (c->cfg.newer)
        buf_add_c(&b, ", \"comfy_package_versions\": [], "
                      "\"deploy_environment\": \"local-git\"");
    buf_addf(&b,
             "}, \"devices\": [{\"name\": \"cpu\", \"type\": \"cpu\", "
             "\"index\": null, \"vram_total\": %llu, \"vram_free\": %llu, "
             "\"torch_vram_total\": %llu, \"torch_vram_free\": %llu}]}",
             total, avail, total, avail);
    reply_json(q, 200, &b);
}

void
route_features(struct http_req *q, struct comfy *c)
{
    struct buf b;

    buf_init(&b, 1024);
    buf_addf(&b,
             "{\"supports_preview_metadata\": true, \"max_upload_size\": "
             "%d",
             COMFY_BODY_MAX);
    if (c->cfg.newer)
        buf_add_c(&b, ", \"supports_model_type_tags\": true, \"extension\": "
                      "{}, \"node_replacements\": true, \"assets\": false");
    buf_add_c(&b, "}");
    reply_json(q, 200, &b);
}

/* ---- /object_info ---- */

static bool
is_picture_name(const char *name)
{
    static const char *const exts[] = {".png",  ".jpg", ".jpeg",
                                       ".webp", ".gif", ".bmp"};
    struct str s = str_c(name);

    for (size_t i = 0; i < sizeof(exts) / sizeof(exts[0]); i++)
        if (str_ends(s, str_c(exts[i])))
            return true;
    return false;
}

/* LoadImage offers what is in the top of input/ now. */
static void
fill_files(struct arena *a, const struct comfy *c, struct py *info)
{
    struct py *image =
        py_get(py_get(py_get(info, "input"), "required"), "image");
    struct py *files = image->first;
    const char **names;
    size_t n = dir_list(a, c->dirs.input, &names);

    files->first = files->last = NULL;
    files->n = 0;
    for (size_t i = 0; i < n; i++)
        if (is_picture_name(names[i]))
            py_append(files, py_new_str(a, str_c(names[i])));
}

/* Newer servers want one more input here (contract 3.14). */
static void
fill_newer(struct arena *a, struct py *info)
{
    struct py *required = py_get(py_get(info, "input"), "required");
    struct py *order = py_get(py_get(info, "input_order"), "required");

    py_set(a, required, STR("resolution_steps"),
           py_parse(a,
                    STR("[\"INT\", {\"default\": 1, \"min\": 1, \"max\": "
                        "256, \"step\": 1}]"),
                    NULL));
    py_append(order, py_new_str(a, STR("resolution_steps")));
}

static void
info_add(struct buf *b, struct arena *a, const struct comfy *c,
         const struct node_class *k)
{
    struct py *info = py_copy(a, k->info);

    if (strncmp(k->name, "LoadImage", 9) == 0)
        fill_files(a, c, info);
    if (c->cfg.newer && strcmp(k->name, "ImageScaleToTotalPixels") == 0)
        fill_newer(a, info);
    py_dumps_c(b, k->name);
    buf_add_c(b, ": ");
    py_dumps(b, info);
}

void
route_object_info(struct http_req *q, struct comfy *c)
{
    struct buf b;

    buf_init(&b, COMFY_TEXT_MAX);
    buf_add_c(&b, "{");
    for (size_t i = 0; i < node_class_count(); i++) {
        buf_add_c(&b, i ? ", " : "");
        info_add(&b, http_arena(q), c, node_class_at(i));
    }
    buf_add_c(&b, "}");
    reply_json(q, 200, &b);
}

void
route_object_info_one(struct http_req *q, struct comfy *c)
{
    const struct node_class *k = node_class_find(str_c(http_param(q, "class")));
    struct buf b;

    buf_init(&b, COMFY_TEXT_MAX);
    buf_add_c(&b, "{");
    if (k)
        info_add(&b, http_arena(q), c, k);
    buf_add_c(&b, "}");
    reply_json(q, 200, &b);
}

/* ---- models ---- */

static void
reply_names(struct http_req *q, const char *const *names, size_t n, bool stems)
{
    struct buf b;

    buf_init(&b, COMFY_TEXT_MAX);
    buf_add_c(&b, "[");
    for (size_t i = 0; i < n; i++) {
        const char *dot = stems ? strrchr(names[i], '.') : NULL;

        buf_add_c(&b, i ? ", " : "");
        py_dumps_str(&b, dot ? str_n(names[i], (size_t)(dot - names[i]))
                             : str_c(names[i]));
    }
    buf_add_c(&b, "]");
    reply_json(q, 200, &b);
}

void
route_models(struct http_req *q, struct comfy *c)
{
    (void)c;
    reply_names(q, model_folders, NFOLDERS, false);
}

static size_t
models_in(struct http_req *q, const struct comfy *c, const char *folder,
          const char ***names)
{
    struct arena *a = http_arena(q);

    *names = NULL;
    if (!c->cfg.models)
        return 0;
    return dir_list_deep(a, arena_fmt(a, "%s/%s", c->cfg.models, folder),
                         names);
}

void
route_models_folder(struct http_req *q, struct comfy *c)
{
    const char *folder = http_param(q, "folder"), **names;
    size_t n;

    for (size_t i = 0; i < NFOLDERS; i++)
        if (strcmp(model_folders[i], folder) == 0) {
            n = models_in(q, c, folder, &names);
            reply_names(q, names, n, false);
            return;
        }
    reply_empty(q, 404);
}

void
route_embeddings(struct http_req *q, struct comfy *c)
{
    const char **names;
    size_t n = models_in(q, c, "embeddings", &names);

    reply_names(q, names, n, true);
}

/* No WebSocket here (io/httpd has no upgrade): what aiohttp says to a request
 * that does not ask for one. Clients then poll. */
void
route_ws(struct http_req *q, struct comfy *c)
{
    (void)c;
    reply_text(q, 400,
               "No WebSocket UPGRADE hdr: None\n"
               " Can \"Upgrade\" only to \"WebSocket\".");
}

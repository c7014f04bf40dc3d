/*
 * outputs.c - the part "outputs" of a history entry.
 *
 * A node's output is {"images": [{filename, subfolder, type}], ...}. The keys
 * tell little (videos come as "images", custom nodes make up their own), so
 * every object with a filename in any list is a file; lists also hold strings,
 * numbers and null. What /view would refuse or give from elsewhere is left
 * out. Answers may be hostile: lists have ends, lookups a bounded length.
 */
#include "comfy/outputs.h"

#include <string.h>
#include "base/utf8.h"
#include "comfy/answer.h"

#define LOOKUP_MAX COMFY_NODES_MAX
#define TEXT_POINTS_MAX 4096

struct gather {
    struct arena *a;
    struct comfy_file *files;
    struct comfy_text *texts;
    size_t n_files, n_texts;
    const char *node; /* whose outputs are read */
};

/* ---- kinds ---- */

static const struct {
    const char *end;
    enum comfy_kind kind;
} kinds[] = {
    {".png", COMFY_IMAGE},      {".jpg", COMFY_IMAGE},
    {".jpeg", COMFY_IMAGE},     {".webp", COMFY_IMAGE},
    {".bmp", COMFY_IMAGE},      {".tif", COMFY_IMAGE},
    {".tiff", COMFY_IMAGE},     {".avif", COMFY_IMAGE},
    {".apng", COMFY_ANIMATION}, {".gif", COMFY_ANIMATION},
    {".mp4", COMFY_VIDEO},      {".webm", COMFY_VIDEO},
    {".mov", COMFY_VIDEO},      {".mkv", COMFY_VIDEO},
    {".avi", COMFY_VIDEO},      {".wav", COMFY_AUDIO},
    {".mp3", COMFY_AUDIO},      {".flac", COMFY_AUDIO},
    {".ogg", COMFY_AUDIO},      {".opus", COMFY_AUDIO},
    {".m4a", COMFY_AUDIO},
};

static enum comfy_kind
kind_of(const char *filename, bool animated)
{
    struct str name = str_c(filename);

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        struct str end = str_c(kinds[i].end);
        struct str tail = name.len < end.len
                              ? name
                              : str_sub(name, name.len - end.len, end.len);
        if (!str_eq_nocase(tail, end))
            continue;
        return kinds[i].kind == COMFY_IMAGE && animated ? COMFY_ANIMATION
                                                        : kinds[i].kind;
    }
    return COMFY_OTHER;
}

const char *
comfy_kind_name(enum comfy_kind k)
{
    static const char *const names[] = {"image", "animation", "video", "audio",
                                        "other"};
    return names[k];
}

/* ---- files ---- */

static bool
is_clean(const char *z)
{
    for (; *z; z++)
        if ((unsigned char)*z < 0x20 || *z == 0x7f)
            return false;
    return true;
}

/* Contract 1.10: what /view takes as it stands. */
static bool
is_viewable(const char *filename, const char *subfolder)
{
    return *filename && strlen(filename) < COMFY_NAME_MAX &&
           !strchr(filename, '/') && !strchr(filename, '\\') &&
           !strstr(filename, "..") && is_clean(filename) &&
           strlen(subfolder) < 4 * COMFY_NAME_MAX && is_clean(subfolder);
}

static bool
is_known(const struct gather *g, const char *filename, const char *subfolder)
{
    for (size_t i = 0; i < g->n_files; i++)
        if (strcmp(g->files[i].filename, filename) == 0 &&
            strcmp(g->files[i].subfolder, subfolder) == 0)
            return true;
    return false;
}

static void
file_add(struct gather *g, const cJSON *item, bool animated)
{
    const char *filename = json_str(item, "filename", "");
    const char *subfolder = json_str(item, "subfolder", "");

    if (strcmp(json_str(item, "type", "output"), "output") != 0 ||
        !is_viewable(filename, subfolder) || g->n_files == COMFY_FILES_MAX ||
        is_known(g, filename, subfolder))
        return;
    g->files[g->n_files++] =
        (struct comfy_file){.node = g->node,
                            .filename = arena_strdup(g->a, filename),
                            .subfolder = arena_strdup(g->a, subfolder),
                            .type = "output",
                            .kind = kind_of(filename, animated)};
}

static void
text_add(struct gather *g, const cJSON *item)
{
    struct str text;

    if (!cJSON_IsString(item) || g->n_texts == COMFY_TEXTS_MAX)
        return;
    text = str_sub(str_c(item->valuestring), 0, TEXT_POINTS_MAX * 4);
    text = str_c(utf8_clean(g->a, text, true));
    g->texts[g->n_texts++] = (struct comfy_text){
        g->node, utf8_ellipsis(g->a, text, TEXT_POINTS_MAX)};
}

/* ---- nodes ---- */

static void
node_read(struct gather *g, const cJSON *output)
{
    const cJSON *list, *item;
    const cJSON *flag = json_get(output, "animated");
    bool animated = cJSON_IsTrue(flag) ||
                    (cJSON_IsArray(flag) && cJSON_IsTrue(flag->child));

    if (!cJSON_IsObject(output))
        return;
    cJSON_ArrayForEach (list, output) {
        bool text = strcmp(list->string, "text") == 0;
        if (text)
            text_add(g, list);
        if (!cJSON_IsArray(list))
            continue;
        cJSON_ArrayForEach (item, list) {
            if (cJSON_IsObject(item))
                file_add(g, item, animated);
            else if (text)
                text_add(g, item);
        }
    }
}

/* json_get() over the first LOOKUP_MAX members. */
static const cJSON *
lookup(const cJSON *o, const char *name)
{
    const cJSON *m = cJSON_IsObject(o) ? o->child : NULL;

    for (size_t i = 0; m && i < LOOKUP_MAX; i++, m = m->next)
        if (strcmp(m->string, name) == 0)
            return m;
    return NULL;
}

static bool
belongs_to(const cJSON *output, const cJSON *meta, const char *wanted)
{
    if (strcmp(output->string, wanted) == 0)
        return true;
    return strcmp(json_str(lookup(meta, output->string), "display_node", ""),
                  wanted) == 0;
}

void
comfy_outputs_read(struct arena *a, const cJSON *entry,
                   const char *const *wanted, size_t n,
                   struct comfy_result *out)
{
    const cJSON *outputs = json_get(entry, "outputs");
    const cJSON *meta = json_get(entry, "meta");
    struct gather g = {
        .a = a,
        .files = ARENA_ARRAY(a, struct comfy_file, COMFY_FILES_MAX),
        .texts = ARENA_ARRAY(a, struct comfy_text, COMFY_TEXTS_MAX)};

    for (size_t w = 0; w < (n ? n : 1); w++) {
        const cJSON *o = cJSON_IsObject(outputs) ? outputs->child : NULL;
        for (size_t i = 0; o && i < COMFY_NODES_MAX; i++, o = o->next) {
            if (n && !belongs_to(o, meta, wanted[w]))
                continue;
            g.node =
                n ? arena_strdup(a, wanted[w]) : arena_strdup(a, o->string);
            node_read(&g, o);
        }
    }
    out->files = g.files;
    out->n_files = g.n_files;
    out->texts = g.texts;
    out->n_texts = g.n_texts;
}

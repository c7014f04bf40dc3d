/*
 * fault.c - what an exception on a ComfyUI server means for the job.
 */
#include "comfy/fault.h"

#include <ctype.h>
#include <string.h>
#include "base/utf8.h"

static const char *const labels[COMFY_FAULT_COUNT] = {
#define COMFY_FAULT(name, what) #name,
#include "comfy/fault.def"
#undef COMFY_FAULT
};

/* All that is named must match: type and text anywhere, node at its start. */
struct pattern {
    enum comfy_fault fault;
    const char *type, *text, *node;
};

#define ANY NULL

static const struct pattern patterns[] = {
    {COMFY_FAULT_interrupted, "InterruptProcessingException", ANY, ANY},

    /* Before the GPU's: "CUDA error: out of memory". The text of ComfyUI's
     * own tip says it too, whatever the type is called (torch renamed it). */
    {COMFY_FAULT_oom, "OutOfMemoryError", ANY, ANY},
    {COMFY_FAULT_oom, "MemoryError", ANY, ANY},
    {COMFY_FAULT_oom, ANY, "out of memory", ANY},
    {COMFY_FAULT_oom, ANY, "not enough memory", ANY},
    {COMFY_FAULT_oom, ANY, "can't allocate memory", ANY},
    {COMFY_FAULT_oom, ANY, "cannot allocate memory", ANY},
    {COMFY_FAULT_oom, ANY, "_STATUS_ALLOC_FAILED", ANY},

    {COMFY_FAULT_gpu, "AcceleratorError", ANY, ANY},
    {COMFY_FAULT_gpu, ANY, "CUDA error", ANY},
    {COMFY_FAULT_gpu, ANY, "CUDA driver", ANY},
    {COMFY_FAULT_gpu, ANY, "CUDA unknown error", ANY},
    {COMFY_FAULT_gpu, ANY, "No CUDA GPUs are available", ANY},
    {COMFY_FAULT_gpu, ANY, "no NVIDIA driver", ANY},
    {COMFY_FAULT_gpu, ANY, "device-side assert", ANY},
    {COMFY_FAULT_gpu, ANY, "CUBLAS_STATUS_", ANY},
    {COMFY_FAULT_gpu, ANY, "CUDNN_STATUS_", ANY},
    {COMFY_FAULT_gpu, ANY, "cuDNN error", ANY},
    {COMFY_FAULT_gpu, ANY, "cuFFT error", ANY},
    {COMFY_FAULT_gpu, ANY, "HIP error", ANY},
    {COMFY_FAULT_gpu, ANY, "NVML", ANY},
    {COMFY_FAULT_gpu, ANY, "ECC error", ANY},
    {COMFY_FAULT_gpu, ANY, "GPU is lost", ANY},
    {COMFY_FAULT_gpu, ANY, "fallen off the bus", ANY},

    /* The texts of the nodes that ask paid services. */
    {COMFY_FAULT_moderation, ANY, "request moderated", ANY},
    {COMFY_FAULT_moderation, ANY, "content moderated", ANY},
    {COMFY_FAULT_moderation, ANY, "moderation", ANY},
    {COMFY_FAULT_moderation, ANY, "content filtered", ANY},
    {COMFY_FAULT_moderation, ANY, "content policy", ANY},
    {COMFY_FAULT_moderation, ANY, "safety system", ANY},
    {COMFY_FAULT_moderation, ANY, "nsfw content", ANY},

    /* The server's disk, not the graph. An upload that was there when the
     * prompt was taken and is gone now went with the temp folder. */
    {COMFY_FAULT_lost, ANY, "No space left on device", ANY},
    {COMFY_FAULT_lost, ANY, "Too many open files", ANY},
    {COMFY_FAULT_lost, ANY, "Read-only file system", ANY},
    {COMFY_FAULT_lost, "FileNotFoundError", ANY, "LoadImage"},

    {COMFY_FAULT_input, "UnidentifiedImageError", ANY, ANY},
    {COMFY_FAULT_input, "DecompressionBomb", ANY, ANY},
    {COMFY_FAULT_input, "av.error.", ANY, ANY},
    {COMFY_FAULT_input, ANY, "Invalid image file", ANY},
    {COMFY_FAULT_input, ANY, "cannot identify image file", ANY},
    {COMFY_FAULT_input, ANY, "image file is truncated", ANY},
    {COMFY_FAULT_input, ANY, "broken PNG file", ANY},
    {COMFY_FAULT_input, ANY, "broken data stream", ANY},
    /* Whatever else these raise, it is about the file that we gave them. */
    {COMFY_FAULT_input, ANY, ANY, "LoadImage"},
    {COMFY_FAULT_input, ANY, ANY, "LoadVideo"},
    {COMFY_FAULT_input, ANY, ANY, "LoadAudio"},
    {COMFY_FAULT_input, ANY, ANY, "VHS_Load"},

    {COMFY_FAULT_timeout, "TimeoutError", ANY, ANY},
    {COMFY_FAULT_timeout, ANY, "timed out", ANY},
};

#undef ANY

const char *
comfy_fault_label(enum comfy_fault f)
{
    return f < COMFY_FAULT_COUNT ? labels[f] : "?";
}

static bool
pattern_fits(const struct pattern *p, const char *type, const char *text,
             const char *node)
{
    if (p->type && !strstr(type, p->type))
        return false;
    if (p->text && !strcasestr(text, p->text))
        return false;
    return !p->node || strncmp(node, p->node, strlen(p->node)) == 0;
}

enum comfy_fault
comfy_fault_of(const char *type, const char *text, const char *node_class)
{
    type = type ? type : "";
    text = text ? text : "";
    node_class = node_class ? node_class : "";
    for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++)
        if (pattern_fits(&patterns[i], type, text, node_class))
            return patterns[i].fault;
    return COMFY_FAULT_workflow;
}

char *
comfy_clean(struct arena *a, const char *text, size_t max_points)
{
    struct str s = str_c(text);
    char *clean, *to;

    /* Work on what can be left of it: a text may have megabytes. */
    s = str_sub(s, 0, max_points * 8);
    clean = utf8_clean(a, s, true);
    to = clean;
    for (const char *p = clean; *p; p++) {
        bool space = isspace((unsigned char)*p);
        if (space && (to == clean || to[-1] == ' '))
            continue;
        *to++ = space ? ' ' : *p;
    }
    while (to > clean && to[-1] == ' ')
        to--;
    return utf8_ellipsis(a, str_n(clean, (size_t)(to - clean)), max_points);
}

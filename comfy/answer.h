/*
 * answer.h - the small answers of a ComfyUI server become structs.
 *
 * Pure: bytes in, struct out, nothing trusted. -1 with BAD_INPUT means: this
 * is not what ComfyUI answers there (TOO_LARGE: more than base/json takes).
 * What is found lies in the arena.
 */
#ifndef COMFY_ANSWER_H
#define COMFY_ANSWER_H

#include "base/err.h"
#include "base/json.h"
#include "comfy/fault.h"

#define COMFY_ID_MAX 65    /* of a prompt id, with its NUL */
#define COMFY_NAME_MAX 256 /* bytes of a file's name, with its NUL */

/* ComfyUI's JSON: NaN, NULs in strings and lone surrogates occur. NULL and
 * BAD_INPUT when it is none; the tree lies in the arena. */
cJSON *comfy_json(struct arena *a, struct str body, struct err *e);

/* [A-Za-z0-9_-], 1 to 64 bytes: what we send and what we take as an id. */
bool comfy_id_ok(const char *id);

/* The answer to POST /prompt. */
struct comfy_submitted {
    bool accepted;                /* the whole graph will run */
    char prompt_id[COMFY_ID_MAX]; /* the server's; "" when it gave none */
    /* The server made its own id: older than 0.3.45. Ask for prompt_id. */
    bool other_id;
    /* When not accepted: why. prompt_id set here means that a part of the
     * graph runs all the same (200 with node_errors). */
    enum comfy_fault fault;
    const char *type;              /* "value_not_in_list"; "" when unknown */
    const char *node, *node_class; /* "" when it is not about one node */
    const char *text; /* "node 2 (ImageScale): Value not in list: ..." */
};

/*
 * Reads a 200 or 400. BAD_INPUT when neither an id nor an error is in it: the
 * GET /prompt answer behind a redirecting proxy, a page in HTML, half a text.
 */
int comfy_answer_prompt(struct arena *a, int status, struct str body,
                        const char *prompt_id, struct comfy_submitted *out,
                        struct err *e);

/* The answer to POST /upload/image: how LoadImage names the file:
 * "p.png [temp]", "folder/p.png [temp]", "p.png" (type input). */
int comfy_answer_upload(struct arena *a, struct str body, const char **input,
                        struct err *e);

/* The answer to GET /system_stats. On "cpu" vram is the machine's memory. */
struct comfy_stats {
    char version[32]; /* "0.3.64"; "" when the server does not say */
    char device[96];  /* of the first device; "" when there is none */
    char device_type[16];
    int64_t vram_total, vram_free, ram_total, ram_free; /* bytes; -1 unknown */
};
int comfy_answer_stats(struct str body, struct comfy_stats *out, struct err *e);

/* max_upload_size of GET /features, in bytes; -1 when it is not there. */
int64_t comfy_answer_max_upload(struct str body);

/* "cancelled" of POST /api/jobs/{id}/cancel; false when not understood. */
bool comfy_answer_cancelled(struct str body);

/* True when version ("0.3.57", "v0.4", "0.3.64-3") is at least this one. */
bool comfy_version_from(const char *version, int major, int minor, int patch);

#endif

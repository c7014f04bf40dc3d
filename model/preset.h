/*
 * preset.h - what is sold: a form, a price, a ComfyUI graph.
 *
 * A preset folder is presets/<name>/preset.yaml + workflow.json. It is stored
 * as a scenario version: a JSON body (preset_to_json) and the graph's text,
 * both named by their SHA-256. Everything here is pure: callers bring texts.
 *
 *     name: sepia                  a-z 0-9 -, the folder's name
 *     title: {ru: Сепия, en: Sepia}
 *     description: {ru: ..., en: ...}              optional
 *     category: {id: photo, ru: Фото, en: Photo, order: 1}   order optional
 *     icon: "📷"                                  optional
 *     order: 10                                    optional, in the category
 *     price: 5                     credits, 0 .. 1000000
 *     seconds: 2                   expected run on a usual machine
 *     inputs:                      JSON Schema (draft 2020-12) of an object
 *       type: object
 *       required: [photo]
 *       properties:                in the order in which they are asked for
 *         photo: {type: string, format: image, title: {ru: .., en: ..}}
 *         prompt: {type: string, maxLength: 500, title: ..}
 *         strength: {type: number, minimum: 0, maximum: 1, default: 0.5, ..}
 *         style: {type: string, enum: [a, b], enumTitles: {a: {ru, en}, ..}}
 *     tasks:                       one, in this version of the format
 *       - name: image
 *         service: image-service
 *         workflow: workflow.json
 *         slots:
 *           photo: "1.image"
 *           prefix: "9.filename_prefix"
 *         result: ["9"]            nodes whose files are delivered
 *         needs: {models: [checkpoints/x.safetensors]}          optional
 *
 * A slot is "node id.input name" or a list of such. Slots `seed` and `prefix`
 * are filled by the worker; each other is an input's name. `prefix` must cover
 * every result node: ComfyUI serves an identical prompt from its cache, with
 * the old file's name. A photo is always required; what else is neither given
 * nor has a default leaves the graph's own value.
 */
#ifndef MODEL_PRESET_H
#define MODEL_PRESET_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/json.h"

#define PRESET_INPUTS_MAX 10
#define PRESET_CHOICES_MAX 24
#define PRESET_NAME_MAX 40 /* bytes; stands in callback data */
#define PRESET_SLOT_SEED "seed"
#define PRESET_SLOT_PREFIX "prefix"

enum preset_kind { PRESET_PHOTO, PRESET_TEXT, PRESET_CHOICE, PRESET_NUMBER };

struct preset_text {
    const char *ru, *en; /* never NULL; "" when there is none */
};

struct preset_choice {
    const char *value;
    struct preset_text title;
};

struct preset_input {
    const char *name;
    enum preset_kind kind;
    struct preset_text title;
    struct preset_text description; /* "" when there is none */
    bool required;                  /* and no default stands in for it */
    bool whole;                     /* number: integers only */
    bool has_min, has_max;          /* number */
    double min, max;
    int64_t max_length; /* text: code points, > 0 */
    const char *dflt;   /* JSON text; NULL when there is none */
    const struct preset_choice *choices;
    size_t n_choices;
};

struct preset_slot {
    const char *name; /* an input's name, "seed" or "prefix" */
    const char *node, *input;
};

struct preset_task {
    const char *name, *service;
    const char *workflow;            /* file name in the folder */
    const struct preset_slot *slots; /* a name with several targets repeats */
    size_t n_slots;
    const char *const *results; /* node ids */
    size_t n_results;
    const char *const *models; /* "folder/file" as ComfyUI lists them */
    size_t n_models;
};

/* Unchanging once made; owned by its arena whole, so shared between threads
 * freely. */
struct preset {
    const char *name;
    struct preset_text title, description;
    const char *category_id;
    struct preset_text category;
    int64_t category_order;
    const char *icon; /* "" when there is none */
    int64_t order;
    int64_t price;
    double seconds;
    const struct preset_input *inputs; /* the form, in order */
    size_t n_inputs;
    const struct preset_task *tasks;
    size_t n_tasks;
    const char *const *classes; /* node classes of the graph, sorted */
    size_t n_classes;
    const char *schema;   /* JSON text of `inputs` */
    const char *workflow; /* compact JSON text; NULL when read without it */
};

/*
 * Reads a folder's two texts and lints the graph. 0, or -1 and a sentence
 * such as "preset.yaml: line 12: tasks.0.slots.photo: ..." or
 * "workflow.json: node 3 (ImageBlur): ...".
 */
int preset_parse(struct arena *a, struct str yaml, struct str workflow,
                 struct preset **out, struct err *e);
/* Names all that preset_parse() would refuse, a line each; how many. */
size_t preset_lint(struct str yaml, struct str workflow, struct buf *report);

/* The stored body. Canonical: equal presets give equal bytes. */
void preset_to_json(const struct preset *p, struct buf *out);
/*
 * Reads a body back. workflow may be empty (the bot needs no graph). Members
 * that this version does not know are ignored.
 */
int preset_from_json(struct arena *a, struct str body, struct str workflow,
                     struct preset **out, struct err *e);
/* SHA-256 over body and graph; p->workflow must be there. */
void preset_version(const struct preset *p, char out[SHA256_HEX]);

/* lang: "ru..." gives Russian, all else (NULL too) English. */
const char *preset_text_in(const struct preset_text *t, const char *lang);
const char *preset_kind_name(enum preset_kind kind); /* "photo" ... */
const struct preset_input *preset_input_find(const struct preset *p,
                                             const char *name);
size_t preset_photos(const struct preset *p); /* how many photo inputs */

/*
 * A job's inputs against the form. -1 with BAD_INPUT and the JSON pointer of
 * the first bad one: "/inputs/strength: must be at most 1". A photo is
 * {"telegram_file_id": ".."} or {"object_id": "obj_.."}; what else stands in
 * that object is not looked at.
 */
int preset_inputs_check(const struct preset *p, const cJSON *inputs,
                        struct err *e);
/* One value against its input: the same rules; path goes in front. */
int preset_value_check(const struct preset_input *in, const cJSON *value,
                       const char *path, struct err *e);

#endif

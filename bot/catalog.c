/*
 * catalog.c - what is on sale: read from the backend's answer, and kept.
 */
#include "bot/catalog.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"

#define ASK_MS 5000   /* how long to go on trying while the backend is away */
#define AGAIN_MS 1000 /* then the old catalogue serves on for so long */

/* ---- reading ---- */

/* {ru, en} as a struct. */
static struct preset_text
read_text(struct arena *a, struct str raw)
{
    const cJSON *j = raw.len > 0 ? json_parse_in(a, raw, 0, NULL) : NULL;

    return (struct preset_text){.ru = arena_strdup(a, json_str(j, "ru", "")),
                                .en = arena_strdup(a, json_str(j, "en", ""))};
}

static bool
read_kind(const char *name, enum preset_kind *out)
{
    static const enum preset_kind all[] = {PRESET_PHOTO, PRESET_TEXT,
                                           PRESET_CHOICE, PRESET_NUMBER};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(preset_kind_name(all[i]), name) == 0) {
            *out = all[i];
            return true;
        }
    }
    return false;
}

static void
read_choices(struct arena *a, const struct api_preset_input *from,
             struct preset_input *in)
{
    struct preset_choice *list =
        ARENA_ARRAY(a, struct preset_choice, from->n_choices + 1);

    for (size_t i = 0; i < from->n_choices; i++)
        list[i] = (struct preset_choice){
            .value = from->choices[i].value,
            .title = read_text(a, from->choices[i].title)};
    in->choices = list;
    in->n_choices = from->n_choices;
}

/* Whole numbers are told by the schema alone. */
static bool
is_whole(const cJSON *schema, const char *name)
{
    const cJSON *o = json_get(json_get(schema, "properties"), name);

    return strcmp(json_str(o, "type", ""), "integer") == 0;
}

static bool
read_input(struct arena *a, const struct api_preset_input *from,
           const cJSON *schema, struct preset_input *in)
{
    static const struct preset_text none = {"", ""};

    if (!read_kind(from->kind, &in->kind))
        return false;
    in->name = from->name;
    in->title = read_text(a, from->title);
    in->description = none;
    in->required = from->required;
    in->whole = is_whole(schema, from->name);
    in->has_min = !isnan(from->min);
    in->has_max = !isnan(from->max);
    in->min = in->has_min ? from->min : 0;
    in->max = in->has_max ? from->max : 0;
    in->max_length =
        from->max_length > 0 ? from->max_length : LIM_PROMPT_POINTS;
    if (from->default_value.len > 0)
        in->dflt = from->default_value.p;
    read_choices(a, from, in);
    return in->kind != PRESET_CHOICE || in->n_choices > 0;
}

static bool
read_preset(struct arena *a, const struct api_preset *from,
            struct bot_preset *out)
{
    const cJSON *schema = NULL, *category = NULL;
    struct preset_input *inputs =
        ARENA_ARRAY(a, struct preset_input, from->n_inputs + 1);
    struct preset *p = &out->p;

    if (from->schema.len > 0)
        schema = json_parse_in(a, from->schema, 0, NULL);
    if (from->category.len > 0)
        category = json_parse_in(a, from->category, 0, NULL);
    p->name = from->name;
    p->title = read_text(a, from->title);
    p->description = read_text(a, from->description);
    p->category_id = arena_strdup(a, json_str(category, "id", "other"));
    p->category = read_text(a, from->category);
    p->icon = from->icon != NULL ? from->icon : "";
    p->order = from->order != API_UNSET ? from->order : 0;
    p->price = from->price;
    p->seconds = isnan(from->seconds) ? 0 : from->seconds;
    p->schema = "";
    p->inputs = inputs;
    p->n_inputs = from->n_inputs;
    out->available = from->available;
    if (from->n_inputs > PRESET_INPUTS_MAX ||
        strlen(p->name) > PRESET_NAME_MAX ||
        strlen(p->category_id) > PRESET_NAME_MAX)
        return false;
    for (size_t i = 0; i < from->n_inputs; i++) {
        if (!read_input(a, &from->inputs[i], schema, &inputs[i]))
            return false;
    }
    return true;
}

/* Puts the presets of one category side by side, in the order in which the
 * categories first come. */
static void
sort_in(struct arena *a, const struct bot_preset *all, size_t n,
        struct bot_catalog *out)
{
    struct bot_preset *items = ARENA_ARRAY(a, struct bot_preset, n + 1);
    struct bot_category *cats = ARENA_ARRAY(a, struct bot_category, n + 1);

    out->items = items;
    out->categories = cats;
    for (size_t i = 0; i < n; i++) {
        struct bot_category *c = &cats[out->n_categories];

        if (bot_catalog_category(out, all[i].p.category_id) != NULL)
            continue;
        *c = (struct bot_category){.id = all[i].p.category_id,
                                   .title = all[i].p.category,
                                   .icon = all[i].p.icon};
        out->n_categories++;
        for (size_t k = i; k < n; k++) {
            if (strcmp(all[k].p.category_id, c->id) != 0)
                continue;
            items[out->n++] = all[k];
            c->n++;
        }
    }
}

void
bot_catalog_read(struct arena *a, const struct api_preset_list *list,
                 struct bot_catalog *out)
{
    struct bot_preset *all =
        ARENA_ARRAY(a, struct bot_preset, list->n_presets + 1);
    size_t n = 0;

    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < list->n_presets; i++) {
        memset(&all[n], 0, sizeof(all[n]));
        if (read_preset(a, &list->presets[i], &all[n]))
            n++;
        else
            log_warn("catalog", "unreadable", "preset=%s",
                     list->presets[i].name);
    }
    sort_in(a, all, n, out);
}

const struct bot_preset *
bot_catalog_find(const struct bot_catalog *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++) {
        if (strcmp(c->items[i].p.name, name) == 0)
            return &c->items[i];
    }
    return NULL;
}

const struct bot_category *
bot_catalog_category(const struct bot_catalog *c, const char *id)
{
    for (size_t i = 0; i < c->n_categories; i++) {
        if (strcmp(c->categories[i].id, id) == 0)
            return &c->categories[i];
    }
    return NULL;
}

/* ---- the cache ---- */

/* A catalogue in use; it goes with its last user. */
struct bot_kept {
    struct bot_catalog c;
    struct arena *arena; /* holds this too */
    int refs;            /* under the shop's lock */
};

struct bot_shop {
    struct api_client *api;
    pthread_mutex_t lock;
    pthread_cond_t asked;         /* a question has ended */
    bool asking GUARDED_BY(lock); /* by one thread at a time */
    struct bot_kept *now GUARDED_BY(lock);
    int64_t young_until GUARDED_BY(lock); /* monotonic */
};

struct bot_shop *
bot_shop_new(struct api_client *api)
{
    struct bot_shop *s = mem_calloc(1, sizeof(*s));

    s->api = api;
    pthread_mutex_init(&s->lock, NULL);
    cond_init(&s->asked);
    return s;
}

void
bot_shop_free(struct bot_shop *s)
{
    if (s == NULL)
        return;
    if (s->now != NULL)
        bot_shop_put(s, &s->now->c);
    pthread_cond_destroy(&s->asked);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

static struct bot_kept *
ask(struct bot_shop *s, struct err *e)
{
    struct arena *a = arena_new();
    struct bot_kept *k = ARENA_NEW(a, struct bot_kept);
    struct api_preset_list list = {0};
    struct api_args args = {.out = &list, .deadline_ms = ASK_MS};

    if (api_call(s->api, API_ROUTE_preset_list, &args, a, NULL, e) != 0) {
        arena_free(a);
        return NULL;
    }
    bot_catalog_read(a, &list, &k->c);
    k->c.own = k;
    k->arena = a;
    k->refs = 1;
    return k;
}

/* Asks without the lock, which is held before and after. */
static int
renew(struct bot_shop *s, struct err *e)
{
    struct bot_kept *made, *old;

    s->asking = true;
    pthread_mutex_unlock(&s->lock);
    made = ask(s, e);
    pthread_mutex_lock(&s->lock);
    old = s->now;
    if (made != NULL)
        s->now = made;
    s->young_until =
        clock_mono_ms() + (made != NULL ? CATALOG_AGE_MS : AGAIN_MS);
    s->asking = false;
    pthread_cond_broadcast(&s->asked);
    if (made != NULL && old != NULL && --old->refs == 0)
        arena_free(old->arena);
    return made != NULL ? 0 : -1;
}

static bool
is_young(const struct bot_shop *s)
{
    return s->now != NULL && clock_mono_ms() < s->young_until;
}

const struct bot_catalog *
bot_shop_get(struct bot_shop *s, bool fresh, struct err *e)
{
    const struct bot_catalog *c = NULL;

    pthread_mutex_lock(&s->lock);
    while (s->asking && (s->now == NULL || fresh))
        cond_wait_ms(&s->asked, &s->lock, -1);
    if ((fresh || !is_young(s)) && !s->asking && renew(s, e) != 0 &&
        s->now != NULL)
        log_warn("catalog", "old", "%s", e->msg);
    if (s->now != NULL) {
        s->now->refs++;
        c = &s->now->c;
    }
    pthread_mutex_unlock(&s->lock);
    return c;
}

void
bot_shop_expire(struct bot_shop *s)
{
    pthread_mutex_lock(&s->lock);
    s->young_until = 0;
    pthread_mutex_unlock(&s->lock);
}

void
bot_shop_put(struct bot_shop *s, const struct bot_catalog *c)
{
    bool last;

    pthread_mutex_lock(&s->lock);
    last = --c->own->refs == 0;
    pthread_mutex_unlock(&s->lock);
    if (last)
        arena_free(c->own->arena);
}

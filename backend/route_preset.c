/*
 * route_preset.c - what is sold, scenarios for workers, their heartbeats.
 */
#include <stdlib.h>
#include <string.h>
#include "backend/backend_int.h"
#include "backend/catalog.h"
#include "backend/reaper.h"
#include "backend/relay.h"
#include "store/delivery.h"
#include "store/preset.h"

/* ---- presets ---------------------------------------------------------- */

static void
choices_fill(struct call *c, struct api_preset_input *out,
             const struct preset_input *in)
{
    out->choices = ARENA_ARRAY(c->a, struct api_choice, in->n_choices + 1);
    out->n_choices = in->n_choices;
    for (size_t i = 0; i < in->n_choices; i++) {
        out->choices[i].value = in->choices[i].value;
        out->choices[i].title = text_json(c->a, &in->choices[i].title);
    }
}

static void
input_fill(struct call *c, struct api_preset_input *out,
           const struct preset_input *in)
{
    api_init(&api_shape_preset_input, out);
    out->name = in->name;
    out->kind = preset_kind_name(in->kind);
    out->title = text_json(c->a, &in->title);
    out->required = in->required;
    if (in->has_min)
        out->min = in->min;
    if (in->has_max)
        out->max = in->max;
    if (in->kind == PRESET_TEXT)
        out->max_length = in->max_length;
    if (in->dflt != NULL)
        out->default_value = str_c(in->dflt);
    choices_fill(c, out, in);
}

static struct str
category_json(struct call *c, const struct preset *p)
{
    struct buf b;
    struct jw w;
    buf_init(&b, 4096);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, "id", p->category_id);
    jw_kstr(&w, "ru", p->category.ru);
    jw_kstr(&w, "en", p->category.en);
    jw_end(&w);
    struct str s = arena_str(c->a, buf_str(&b));
    buf_free(&b);
    return s;
}

static void
preset_fill(struct call *c, struct api_preset *out,
            const struct catalog_item *it)
{
    const struct preset *p = it->preset;
    api_init(&api_shape_preset, out);
    out->name = arena_strdup(c->a, it->name);
    out->version = arena_strdup(c->a, it->version);
    out->title = text_json(c->a, &p->title);
    out->description = text_json(c->a, &p->description);
    out->category = category_json(c, p);
    out->icon = p->icon;
    out->order = p->order;
    out->price = it->price;
    out->seconds = (double)it->run_ms / 1000;
    out->available = it->available;
    out->schema = str_c(p->schema);
    out->inputs = ARENA_ARRAY(c->a, struct api_preset_input, p->n_inputs + 1);
    out->n_inputs = p->n_inputs;
    for (size_t i = 0; i < p->n_inputs; i++)
        input_fill(c, &out->inputs[i], &p->inputs[i]);
}

int
route_preset_list(struct call *c, void *out)
{
    struct api_preset_list *list = out;
    const struct catalog *cat = catalog_get(c->b);
    list->revision = arena_strdup(c->a, cat->revision);
    list->presets = ARENA_ARRAY(c->a, struct api_preset, cat->n + 1);
    for (size_t i = 0; i < cat->n; i++) {
        const struct catalog_item *it = &cat->items[i];
        if (it->enabled && it->shown)
            preset_fill(c, &list->presets[list->n_presets++], it);
    }
    catalog_put(c->b, cat);
    return 200;
}

/* ---- scenarios -------------------------------------------------------- */

int
route_scenario_list(struct call *c, void *out)
{
    struct api_scenario_list *list = out;
    struct scenario_name *names;
    struct err e;
    size_t n;
    const struct catalog *cat = catalog_get(c->b);
    list->revision = arena_strdup(c->a, cat->revision);
    catalog_put(c->b, cat);
    if (preset_scenarios_open(c->b->db, c->a, &names, &n, &e) != 0)
        return call_error(c, &e);
    list->scenarios = ARENA_ARRAY(c->a, struct api_scenario_ref, n + 1);
    list->n_scenarios = n;
    for (size_t i = 0; i < n; i++) {
        list->scenarios[i].name = names[i].name;
        list->scenarios[i].version = names[i].version;
    }
    return 200;
}

int
route_scenario_get(struct call *c, void *out)
{
    struct api_scenario *s = out;
    const char *body, *workflow;
    struct err e;
    s->name = http_param(c->q, "name");
    s->version = http_param(c->q, "version");
    if (preset_scenario_get(c->b->db, c->a, s->name, s->version, &body,
                            &workflow, &e) != 0)
        return call_error(c, &e);
    s->body = str_c(body);
    s->workflow = str_c(workflow);
    return 200;
}

/* ---- workers ---------------------------------------------------------- */

/* What addresses can run stands in a column of its own: it comes only at
 * start, on change and each minute, the rest every two seconds. */
static const char *
runs_text(struct call *c, const struct api_worker_heartbeat *in)
{
    struct api_worker_heartbeat only;
    struct buf b;
    bool known = false;
    for (size_t i = 0; i < in->n_addresses; i++)
        known = known || in->addresses[i].runs_known;
    if (!known)
        return NULL;
    api_init(&api_shape_worker_heartbeat, &only);
    only.boot = in->boot;
    only.services = in->services;
    only.n_services = in->n_services;
    only.slots = in->slots;
    only.free = in->free;
    only.addresses = in->addresses;
    only.n_addresses = in->n_addresses;
    buf_init(&b, 1u << 20);
    api_write(&api_shape_worker_heartbeat, &only, &b);
    const char *text = arena_strdup(c->a, buf_cstr(&b));
    buf_free(&b);
    return text;
}

static const char *
beat_text(struct call *c, const struct api_worker_heartbeat *in)
{
    struct api_worker_heartbeat copy = *in;
    struct buf b;
    copy.addresses =
        ARENA_ARRAY(c->a, struct api_worker_address, in->n_addresses + 1);
    for (size_t i = 0; i < in->n_addresses; i++) {
        copy.addresses[i] = in->addresses[i];
        copy.addresses[i].n_runs = 0;
    }
    buf_init(&b, 1u << 20);
    api_write(&api_shape_worker_heartbeat, &copy, &b);
    const char *text = arena_strdup(c->a, buf_cstr(&b));
    buf_free(&b);
    return text;
}

int
route_worker_heartbeat(struct call *c, void *out)
{
    const struct api_worker_heartbeat *in = c->in;
    struct api_worker_state *state = out;
    const char *id = http_param(c->q, "id");
    struct err e;
    size_t freed;
    struct worker_row w = {.id = id,
                           .boot = in->boot,
                           .body = beat_text(c, in),
                           .runs = runs_text(c, in),
                           .stopping = in->stopping};
    if (id[0] == '\0' || strlen(id) > 63 || strlen(in->boot) > 63)
        return call_refuse(c, 400, "bad_input",
                           "worker id and boot: 1 to 63 characters");
    if (boots_changed(c->b, id, in->boot) &&
        (delivery_sweep(c->b->db, c->a, id, in->boot, &freed, &e) != 0 ||
         reaper_free_old_boot(c->b, c->a, id, in->boot, &e) != 0))
        return call_error(c, &e);
    if (worker_put(c->b->db, c->a, &w, &e) != 0)
        return call_error(c, &e);
    if (w.runs != NULL || in->stopping)
        catalog_wake(c->b);
    const struct catalog *cat = catalog_get(c->b);
    state->scenarios_revision = arena_strdup(c->a, cat->revision);
    catalog_put(c->b, cat);
    state->lease_ms = c->b->lease_ms;
    relay_wake(c->b);
    return 200;
}

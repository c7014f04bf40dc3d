/*
 * flow_card.c - the price card, its offer, and what its buttons do.
 *
 * Every card carries an offer that the bot names and the finish stores: the
 * price and the inputs of all its items are frozen there, so a press buys what
 * the card shows, once.
 */
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "bot/flow_int.h"

/* What a card shows and its offer freezes. */
struct card {
    const struct preset *p;
    const char *items; /* JSON list; or one of the two below */
    const char *from_offer, *from_job;
    size_t n;           /* items */
    const char *prompt; /* of the first item; "" when there is none */
    int64_t price;      /* of one item */
    int64_t reply_to;   /* 0: none */
};

/* ---- the offer ---- */

static const char *
offer_add(struct flow *f, const struct card *c)
{
    struct api_offer_new *o = &f->offers[f->n_offers++];
    char *id = arena_alloc(f->a, ID_MAX);

    id_new(id, "off");
    api_init(&api_shape_offer_new, o);
    o->id = id;
    o->user_id = f->user->id;
    o->chat_id = f->chat_id;
    o->preset = c->p->name;
    o->price = c->price;
    if (c->items != NULL)
        o->items = str_c(c->items);
    o->from_offer = c->from_offer;
    o->from_job = c->from_job;
    if (c->reply_to != 0)
        o->reply_to = c->reply_to;
    return id;
}

static void
write_photo(struct jw *w, const char *name, const struct dialog_photo *p)
{
    jw_key(w, name);
    jw_obj(w);
    jw_kstr(w, "telegram_file_id", p->file_id);
    if (p->unique_id[0] != '\0')
        jw_kstr(w, "file_unique_id", p->unique_id);
    if (p->size >= 0)
        jw_ki64(w, "size", p->size);
    if (p->width > 0 && p->height > 0) {
        jw_ki64(w, "width", p->width);
        jw_ki64(w, "height", p->height);
    }
    jw_end(w);
}

/* The form's answers as one item whose photos begin with the first one. */
static void
write_item(struct jw *w, const struct flow *f, const struct preset *p,
           size_t first)
{
    jw_obj(w);
    for (size_t i = 0; i < p->n_inputs; i++) {
        const struct preset_input *in = &p->inputs[i];
        const struct dialog_value *v = dialog_value_find(&f->d, in->name);

        if (in->kind == PRESET_PHOTO) {
            write_photo(w, in->name, &f->d.photos.list[first++]);
        } else if (v != NULL && v->json[0] != '\0') {
            jw_key(w, in->name);
            jw_raw(w, str_c(v->json));
        }
    }
    jw_end(w);
}

static const char *
items_of(struct flow *f, const struct preset *p, size_t n)
{
    struct buf b;
    struct jw w;
    const char *text;

    buf_init(&b, LIM_JSON_BYTES);
    jw_init(&w, &b);
    jw_arr(&w);
    for (size_t i = 0; i < n; i++)
        write_item(&w, f, p, i);
    jw_end(&w);
    text = arena_strdup(f->a, buf_cstr(&b));
    buf_free(&b);
    return text;
}

/* ---- the card ---- */

/* The text that people typed, from an item. */
static const char *
prompt_of(const struct preset *p, const cJSON *item)
{
    for (size_t i = 0; i < p->n_inputs; i++) {
        if (p->inputs[i].kind == PRESET_TEXT)
            return json_str(item, p->inputs[i].name, "");
    }
    return "";
}

static void
say_facts(struct flow *f, struct say *s, const struct card *c)
{
    double eta = c->p->seconds * (double)c->n;

    say_str(s, "icon", c->p->icon);
    say_text(s, "title", &c->p->title);
    say_text(s, "description", &c->p->description);
    say_str(s, "prompt", c->prompt);
    say_i64(s, "price", c->price);
    say_i64(s, "balance", f->user->balance);
    say_i64(s, "n", (int64_t)c->n);
    say_i64(s, "total", c->price * (int64_t)c->n);
    if (eta > 0)
        say_i64(s, "eta", (int64_t)(eta + 0.999));
}

static const char *
card_show(struct flow *f, const struct card *c, int64_t edit)
{
    const char *offer = offer_add(f, c);
    struct say s;

    say_edit(&s, f, edit, c->n > 1 ? "card_album" : "card");
    say_facts(f, &s, c);
    say_row(&s);
    say_button(&s, c->n > 1 ? "btn_buy_album" : "btn_buy");
    say_i64(&s, "price", c->price);
    say_i64(&s, "n", (int64_t)c->n);
    say_i64(&s, "total", c->price * (int64_t)c->n);
    say_data(&s, "v1:buy:%s", offer);
    say_row(&s);
    say_button(&s, "btn_other");
    say_data(&s, "v1:other:%s", offer);
    say_button(&s, "btn_cancel");
    say_data(&s, "v1:drop:%s", offer);
    say_end(&s);
    return offer;
}

/* An offer that the backend would not take: its inputs do not fit any more. */
static void
tell_refused(struct flow *f)
{
    dialog_reset(&f->d);
    flow_tell(f, "offer_gone");
}

int
flow_card(struct flow *f, const struct bot_preset *p, int64_t edit,
          struct err *e)
{
    size_t photos = preset_photos(&p->p);
    struct card c = {.p = &p->p,
                     .n = photos == 1 ? f->d.photos.n : 1,
                     .price = p->p.price,
                     .reply_to = f->d.reply_to};
    const cJSON *items;

    if (f->refused) {
        tell_refused(f);
        return 0;
    }
    if (!p->available) {
        flow_tell_away(f, &p->p);
        return 0;
    }
    c.items = items_of(f, &p->p, c.n);
    items = json_parse_in(f->a, str_c(c.items), 0, e);
    if (items == NULL)
        return -1;
    c.prompt = prompt_of(&p->p, items->child);
    f->d.offer = card_show(f, &c, edit);
    f->d.step = DIALOG_CARD;
    return 0;
}

/* ---- offers of earlier cards ---- */

/* *offer NULL: there is no such offer, or it is somebody else's. */
static int
offer_look(struct flow *f, const char *id, struct api_offer **offer,
           struct err *e)
{
    struct api_offer *o = ARENA_NEW(f->a, struct api_offer);
    struct api_args args = {.path = {id}, .out = o};
    struct api_answer ans;
    int rc = flow_ask(f, API_ROUTE_offer_get, &args, &ans, e);

    *offer =
        rc == 0 && (o->user_id == NULL || strcmp(o->user_id, f->user->id) == 0)
            ? o
            : NULL;
    return rc < 0 ? -1 : 0;
}

static const cJSON *
parse(struct flow *f, struct str json)
{
    return json.len > 0 ? json_parse_in(f->a, json, 0, NULL) : NULL;
}

/* The card cannot be bought as it is: it says why and a new one follows. */
static int
card_again(struct flow *f, const char *old, const char *why, int64_t price,
           struct err *e)
{
    struct api_offer *o;
    const struct bot_preset *p;
    const cJSON *items;
    struct say s;

    if (offer_look(f, old, &o, e) != 0)
        return -1;
    p = o != NULL ? bot_catalog_find(f->catalog, o->preset) : NULL;
    if (o == NULL || f->refused) {
        tell_refused(f);
        return 0;
    }
    if (p == NULL) {
        flow_tell_gone(f);
        return 0;
    }
    items = parse(f, o->items);
    struct card c = {.p = &p->p,
                     .from_offer = o->id,
                     .n = (size_t)cJSON_GetArraySize(items),
                     .prompt = prompt_of(&p->p, items ? items->child : NULL),
                     .price = price != API_UNSET ? price : p->p.price};
    say_edit(&s, f, flow_pressed(f), why);
    say_text(&s, "title", &p->p.title);
    say_i64(&s, "price", c.price);
    say_end(&s);
    const char *offer = card_show(f, &c, 0);
    if (strcmp(f->d.offer, old) == 0)
        f->d.offer = offer;
    return 0;
}

/* ---- buying ---- */

static void
tell_not_enough(struct flow *f, const struct api_problem *p)
{
    struct say s;

    say_new(&s, f, "not_enough");
    say_i64(&s, "price", p->price != API_UNSET ? p->price : 0);
    say_i64(&s, "balance",
            p->balance != API_UNSET ? p->balance : f->user->balance);
    say_line(&s, "btn_topup", "v1:topup");
    say_end(&s);
}

static int
tell_offer_away(struct flow *f, const char *offer, struct err *e)
{
    struct api_offer *o;
    const struct bot_preset *p;

    if (offer_look(f, offer, &o, e) != 0)
        return -1;
    p = o != NULL ? bot_catalog_find(f->catalog, o->preset) : NULL;
    if (p == NULL)
        flow_tell_gone(f);
    else
        flow_tell_away(f, &p->p);
    return 0;
}

static int
not_bought(struct flow *f, const char *offer, const struct api_answer *ans,
           struct err *e)
{
    const char *code = ans->problem.code;

    f->catalog_is_old = ans->status == 409;
    if (ans->status == 402) {
        tell_not_enough(f, &ans->problem);
        return 0;
    }
    if (strcmp(code, "price_changed") == 0)
        return card_again(f, offer, "price_changed", ans->problem.price, e);
    if (strcmp(code, "offer_expired") == 0)
        return card_again(f, offer, "offer_expired", API_UNSET, e);
    if (strcmp(code, "preset_away") == 0)
        return tell_offer_away(f, offer, e);
    if (strcmp(code, "preset_gone") == 0) {
        flow_tell_gone(f);
        return 0;
    }
    say_strip(f, flow_pressed(f));
    flow_tell(f, "offer_gone");
    return 0;
}

int
flow_card_buy(struct flow *f, const char *offer, struct err *e)
{
    struct api_job_create in;
    struct api_job_created *out = ARENA_NEW(f->a, struct api_job_created);
    struct api_args args = {.in = &in, .out = out};
    struct api_answer ans;
    int rc;

    api_init(&api_shape_job_create, &in);
    in.offer = offer;
    in.user_id = f->user->id;
    if (flow_pressed(f) != 0)
        in.card_message_id = flow_pressed(f);
    rc = flow_ask(f, API_ROUTE_job_create, &args, &ans, e);
    if (rc < 0)
        return -1;
    if (rc > 0)
        return not_bought(f, offer, &ans, e);
    if (f->d.step == DIALOG_CARD && strcmp(f->d.offer, offer) == 0)
        dialog_reset(&f->d);
    return 0; /* the card is the job's status message now */
}

int
flow_card_drop(struct flow *f, const char *offer, struct err *e)
{
    struct api_offer *o;
    const struct bot_preset *p;
    struct say s;

    if (offer_look(f, offer, &o, e) != 0)
        return -1;
    p = o != NULL ? bot_catalog_find(f->catalog, o->preset) : NULL;
    if (f->d.step == DIALOG_CARD && strcmp(f->d.offer, offer) == 0)
        dialog_reset(&f->d);
    if (p == NULL || strcmp(o->status, "used") == 0) {
        flow_press_old(f);
        return 0;
    }
    say_edit(&s, f, flow_pressed(f), "card_cancelled");
    say_text(&s, "title", &p->p.title);
    say_end(&s);
    return 0;
}

/* ---- once more ---- */

int
flow_card_repeat(struct flow *f, const char *id, struct err *e)
{
    struct api_job job;
    const struct bot_preset *p;
    bool found;

    if (flow_job(f, id, &job, &found, e) != 0)
        return -1;
    p = found ? bot_catalog_find(f->catalog, job.preset) : NULL;
    if (!found) {
        flow_press_old(f);
    } else if (p == NULL) {
        flow_tell_gone(f);
    } else if (!p->available) {
        flow_tell_away(f, &p->p);
    } else if (f->refused) {
        tell_refused(f);
    } else {
        struct card c = {.p = &p->p,
                         .from_job = job.id,
                         .n = 1,
                         .prompt = prompt_of(&p->p, parse(f, job.inputs)),
                         .price = p->p.price};

        (void)card_show(f, &c, 0);
    }
    return 0;
}

/* Photos and the description of one item, whatever preset it was made for. */
static void
take_item(struct flow *f, const char *preset, const cJSON *item)
{
    const struct bot_preset *was = bot_catalog_find(f->catalog, preset);
    const cJSON *v;

    if (was != NULL && f->d.prompt[0] == '\0')
        f->d.prompt = prompt_of(&was->p, item);
    cJSON_ArrayForEach (v, item) {
        struct dialog_photo p = {.file_id = json_str(v, "telegram_file_id", ""),
                                 .unique_id = json_str(v, "file_unique_id", ""),
                                 .size = json_i64(v, "size", -1),
                                 .width = json_i64(v, "width", 0),
                                 .height = json_i64(v, "height", 0)};

        if (p.file_id[0] != '\0')
            dialog_photo_add(&f->d.photos, &p);
    }
}

static void
menu_again(struct flow *f, int64_t edit)
{
    f->d.step = f->d.photos.n > 0 ? DIALOG_PICK : DIALOG_IDLE;
    flow_menu(f, edit);
}

/* The card turns into the menu. */
static int
other_of_offer(struct flow *f, const char *id, struct err *e)
{
    struct api_offer *o;
    const cJSON *items, *item;

    if (offer_look(f, id, &o, e) != 0)
        return -1;
    if (o == NULL) {
        flow_press_old(f);
        return 0;
    }
    items = parse(f, o->items);
    dialog_reset(&f->d);
    cJSON_ArrayForEach (item, items)
        take_item(f, o->preset, item);
    menu_again(f, strcmp(o->status, "used") == 0 ? 0 : flow_pressed(f));
    return 0;
}

/* Under a result the menu is a new message. */
static int
other_of_job(struct flow *f, const char *id, struct err *e)
{
    struct api_job job;
    bool found;

    if (flow_job(f, id, &job, &found, e) != 0)
        return -1;
    if (!found) {
        flow_press_old(f);
        return 0;
    }
    dialog_reset(&f->d);
    take_item(f, job.preset, parse(f, job.inputs));
    menu_again(f, 0);
    return 0;
}

int
flow_card_other(struct flow *f, const char *id, struct err *e)
{
    return id_is(str_c(id), "off") ? other_of_offer(f, id, e)
                                   : other_of_job(f, id, e);
}

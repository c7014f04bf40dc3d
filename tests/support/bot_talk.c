/*
 * bot_talk.c - see bot_talk.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "model/html.h"
#include "telegram/render.h"
#include "tests/support/bot_talk.h"

#define T2(ru, en) "{\"ru\":\"" ru "\",\"en\":\"" en "\"}"
#define PHOTO_INPUT(name)                                                      \
    "{\"name\":\"" name                                                        \
    "\",\"kind\":\"photo\",\"title\":" T2("Фото", name) ",\"required\":true}"
#define PRESET(name, title, category, price, more)                             \
    "{\"name\":\"" name "\",\"version\":\"v\",\"title\":" T2(                  \
        title, name) ",\"category\":{\"id\":\"" category                       \
                     "\",\"ru\":\"Раздел\",\"en\":\"" category                 \
                     "\"},\"icon\":\"*\",\"order\":1,\"price\":" price         \
                     ",\"seconds\":2," more "}"
#define ON "\"available\":true,"

/* One of each kind of form. */
static const char shop[] =
    PRESET("sepia", "Сепия", "photo", "5", ON "\"description\":" T2("Тёплая", "Warm") ",\"inputs\":[" PHOTO_INPUT("photo") "]") "," PRESET(
        "away", "Ушёл", "photo", "7",
        "\"available\":false,\"inputs\":[" PHOTO_INPUT(
            "photo") "]") "," PRESET("pair", "Пара", "collage", "6",
                                     ON
                                     "\"inputs\":[" PHOTO_INPUT("first") "," PHOTO_INPUT("second") ",{\"name\":\"mode\",\"kind\":\"choice\",\"title\":" T2(
                                         "Вид",
                                         "Mode") ",\"required\":false,"
                                                 "\"default_value\":\"right\","
                                                 "\"choices\":["
                                                 "{\"value\":\"right\","
                                                 "\"title\":" T2("Рядом", "Side"
                                                                          " by "
                                                                          "sid"
                                                                          "e") "},{\"value\":\"down\",\"title\":" T2(
                                                     "Вниз",
                                                     "Below") "}]}]") "," PRESET("restyle",
                                                                                 "Стиль",
                                                                                 "art",
                                                                                 "20",
                                                                                 ON
                                                                                 "\"inputs\":[" PHOTO_INPUT("photo") ",{\"name\":\"prompt\",\"kind\":\"text\",\"title\":" T2(
                                                                                     "Описание",
                                                                                     "Prompt") ",\"required\":true,\"max_length\":20},"
                                                                                               "{\"name\":\"strength\",\"kind\":\"number\",\"title\":" T2(
                                                                                                   "Сила",
                                                                                                   "Strength") ",\"required\":false,\"min\":0,\"max\":1},"
                                                                                                               "{\"name\":\"count\",\"kind\":\"number\",\"title\":" T2(
                                                                                                                   "Число",
                                                                                                                   "Count") ",\"required\":false,\"min\":1,\"max\":9,\"default_value\":3}],"
                                                                                                                            "\"schema\":{\"properties\":{\"count\":{\"type\":\"integer\"}}}");

/* ---- life ---- */

void
talk_sell(struct talk *t, const char *presets)
{
    struct api_preset_list list;
    struct err e;
    char *json =
        arena_fmt(t->a, "{\"revision\":\"r\",\"presets\":[%s]}", presets);

    if (api_read(&api_shape_preset_list, str_c(json), &list, t->a, &e) != 0)
        fail_msg("presets: %s", e.msg);
    bot_catalog_read(t->a, &list, &t->catalog);
}

void
talk_start(struct talk *t)
{
    memset(t, 0, sizeof(*t));
    t->a = arena_new();
    t->conf = (struct flow_conf){.contact = "@owner", .file_days = 30};
    api_init(&api_shape_user, &t->user);
    t->user.id = "usr_1";
    t->user.language = "en";
    t->user.balance = 60;
    t->user.held = 0;
    t->user.reachable = true;
    t->known = true;
    t->state = "";
    t->asked = "";
    t->message_id = 100;
    talk_sell(t, shop);
}

void
talk_end(struct talk *t)
{
    if (t->used != t->n_answers)
        fail_msg("%s was not called", t->answers[t->used].route);
    arena_free(t->a);
}

/* ---- the backend ---- */

void
talk_answer(struct talk *t, const char *route, int status, const char *json)
{
    assert_true(t->n_answers < TALK_ANSWERS);
    t->answers[t->n_answers++] =
        (struct talk_answer){.route = route, .status = status, .json = json};
}

static void
note_asked(struct talk *t, const struct api_route_row *r,
           const struct api_args *args)
{
    struct buf b;

    buf_init(&b, 1u << 20);
    buf_add_c(&b, r->id);
    for (int i = 0; i < 3 && args->path[i] != NULL; i++)
        buf_addf(&b, " /%s", args->path[i]);
    if (args->query != NULL)
        buf_addf(&b, " ?%s", args->query);
    if (args->in != NULL) {
        buf_add_byte(&b, ' ');
        api_write(r->request, args->in, &b);
    }
    t->asked = arena_strdup(t->a, buf_cstr(&b));
    buf_free(&b);
}

static int
called(void *ctx, enum api_route route, const struct api_args *args,
       struct arena *a, struct api_answer *ans, struct err *e)
{
    struct talk *t = ctx;
    const struct api_route_row *r = &api_routes[route];
    const struct talk_answer *x = &t->answers[t->used];

    note_asked(t, r, args);
    if (t->used == t->n_answers)
        fail_msg("unexpected call: %s", t->asked);
    if (strcmp(r->id, x->route) != 0)
        fail_msg("%s was called, %s expected", t->asked, x->route);
    t->used++;
    memset(ans, 0, sizeof(*ans));
    api_init(&api_shape_problem, &ans->problem);
    ans->problem.code = "";
    ans->status = x->status;
    if (x->status == 0)
        return err_set(e, ERR_UNAVAILABLE, "the backend is away");
    if (x->status >= 400) {
        if (api_read(&api_shape_problem, str_c(x->json), &ans->problem, a, e) !=
            0)
            fail_msg("%s: %s", x->json, e->msg);
        return err_set(e, ERR_CONFLICT, "%s: %d", r->id, x->status);
    }
    if (api_read(r->answer, str_c(x->json), args->out, a, e) != 0)
        fail_msg("%s: %s", x->json, e->msg);
    return 0;
}

/* ---- what it said ---- */

static void
render_one(struct talk *t, const struct api_delivery_new *n, const char *lang,
           struct tg_message *m)
{
    struct tg_delivery d = {.id = "dlv",
                            .kind = n->kind,
                            .job_id = "",
                            .language = lang,
                            .chat_id = n->chat_id,
                            .message_id =
                                n->message_id != API_UNSET ? n->message_id : 0,
                            .body = n->body};
    struct tg_object o;
    struct tg_how how = {0};
    struct err e;

    if (tg_render_object(t->a, &d, &o))
        how = (struct tg_how){.field = "photo", .file_id = o.file_id};
    if (tg_render(t->a, &d, &how, m, &e) != 0)
        fail_msg("%s: %s", n->body.p, e.msg);
    if (strstr(m->params.p, "[") != NULL) {
        const cJSON *p = json_parse_in(t->a, m->params, 0, &e);
        const char *text = json_str(p, "text", json_str(p, "caption", ""));

        if (strchr(text, '[') != NULL)
            fail_msg("an argument or a text is missing: %s", text);
    }
}

const char *
talk_shown(struct talk *t, size_t n, const char *language)
{
    struct tg_message m;
    struct buf plain;
    const char *text;
    const cJSON *p;
    struct err e;

    assert_true(n < t->f.n_deliveries);
    render_one(t, &t->f.deliveries[n], language, &m);
    p = json_parse_in(t->a, m.params, 0, &e);
    buf_init(&plain, 1u << 20);
    html_plain(&plain, str_c(json_str(p, "text", json_str(p, "caption", ""))));
    text = arena_strdup(t->a, buf_cstr(&plain));
    buf_free(&plain);
    return text;
}

const cJSON *
talk_body(struct talk *t, size_t n)
{
    struct err e;
    const cJSON *j;

    assert_true(n < t->f.n_deliveries);
    j = json_parse_in(t->a, t->f.deliveries[n].body, 0, &e);
    if (j == NULL)
        fail_msg("body: %s", e.msg);
    return j;
}

static void
note_said(struct talk *t)
{
    struct buf b;

    buf_init(&b, 1u << 16);
    for (size_t i = 0; i < t->f.n_deliveries; i++) {
        const struct api_delivery_new *d = &t->f.deliveries[i];
        struct tg_message m;

        render_one(t, d, "ru", &m);
        render_one(t, d, "en", &m);
        buf_addf(&b, "%s%s %s", i > 0 ? ", " : "", d->kind,
                 json_str(talk_body(t, i), "text", "-"));
    }
    t->said = arena_strdup(t->a, buf_cstr(&b));
    buf_free(&b);
}

static size_t
buttons_in(const cJSON *body, const char *key, const char **data)
{
    const cJSON *row, *button;
    size_t n = 0;

    cJSON_ArrayForEach (row, json_get(body, "keyboard")) {
        cJSON_ArrayForEach (button, row) {
            if (strcmp(json_str(button, "text", ""), key) != 0)
                continue;
            if (n++ == 0 && *data == NULL)
                *data = json_str(button, "data", "");
        }
    }
    return n;
}

size_t
talk_buttons(struct talk *t, const char *key)
{
    const char *data = NULL;
    size_t n = 0;

    for (size_t i = 0; i < t->f.n_deliveries; i++)
        n += buttons_in(talk_body(t, i), key, &data);
    return n;
}

const char *
talk_button(struct talk *t, const char *key)
{
    const char *data = NULL;

    for (size_t i = 0; i < t->f.n_deliveries; i++)
        (void)buttons_in(talk_body(t, i), key, &data);
    if (data == NULL)
        fail_msg("no button %s in: %s", key, t->said);
    return data;
}

/* ---- what is said to it ---- */

static void
run(struct talk *t, const struct tg_update *u)
{
    struct flow *f = &t->f;
    struct flow_toast toast = {NULL, TEXT_EN};
    struct buf b;
    struct err e;

    flow_init(f, t->a);
    f->conf = &t->conf;
    f->catalog = &t->catalog;
    f->call = called;
    f->call_ctx = t;
    f->u = u;
    f->chat_id = u != NULL ? u->chat_id : TALK_CHAT;
    f->user = t->known ? &t->user : NULL;
    f->refused = t->refused;
    dialog_read(t->a, str_c(t->state), &f->d);
    if (u != NULL && u->kind == TG_UPDATE_CALLBACK)
        toast = flow_toast(f);
    t->toast = toast.key != NULL ? toast.key : "";
    t->rc = flow_run(f, &e);
    t->said = "";
    if (t->rc != 0)
        return;
    buf_init(&b, 1u << 20);
    dialog_write(&f->d, &b);
    t->state = arena_strdup(t->a, buf_cstr(&b));
    buf_free(&b);
    dialog_read(t->a, str_c(t->state), &t->d);
    note_said(t);
}

void
talk_update(struct talk *t, const char *json)
{
    struct tg_update *u = ARENA_NEW(t->a, struct tg_update);
    struct err e;

    if (tg_update_parse(t->a, str_c(json), u, &e) != 0)
        fail_msg("%s: %s", json, e.msg);
    run(t, u);
}

#define PEOPLE                                                                 \
    "\"chat\":{\"id\":111,\"type\":\"private\"},\"from\":{\"id\":111,"         \
    "\"is_bot\":false,\"first_name\":\"Ann <b>\",\"language_code\":\"en\"}"

void
talk_message(struct talk *t, const char *fmt, ...)
{
    struct buf b;
    va_list ap;

    t->message_id++;
    buf_init(&b, 1u << 20);
    buf_addf(&b,
             "{\"update_id\":%lld,\"message\":{\"message_id\":%lld,"
             "\"date\":1790000000," PEOPLE ",",
             (long long)t->message_id, (long long)t->message_id);
    va_start(ap, fmt);
    buf_addv(&b, fmt, ap);
    va_end(ap);
    buf_add_c(&b, "}}");
    talk_update(t, buf_cstr(&b));
    buf_free(&b);
}

/* A text as JSON, in the arena. */
static const char *
quoted(struct talk *t, const char *text)
{
    struct buf b;
    struct jw w;
    const char *json;

    buf_init(&b, 1u << 16);
    jw_init(&w, &b);
    jw_str(&w, text);
    json = arena_strdup(t->a, buf_cstr(&b));
    buf_free(&b);
    return json;
}

void
talk_text(struct talk *t, const char *text)
{
    talk_message(t, "\"text\":%s", quoted(t, text));
}

void
talk_album(struct talk *t, const char *album, const char *file_id,
           const char *caption)
{
    talk_message(t,
                 "%s%s%s\"caption\":%s,\"photo\":[{\"file_id\":\"%s\","
                 "\"file_unique_id\":\"u\",\"width\":800,\"height\":600,"
                 "\"file_size\":5000}]",
                 album[0] != '\0' ? "\"media_group_id\":\"" : "", album,
                 album[0] != '\0' ? "\"," : "", quoted(t, caption), file_id);
}

void
talk_photo(struct talk *t, const char *file_id, const char *caption)
{
    talk_album(t, "", file_id, caption);
}

void
talk_press(struct talk *t, const char *data)
{
    char *json = arena_fmt(
        t->a,
        "{\"update_id\":%lld,\"callback_query\":{\"id\":\"cb\",\"data\":%s,"
        "\"from\":{\"id\":111,\"is_bot\":false,\"first_name\":\"Ann\"},"
        "\"message\":{\"message_id\":50,\"date\":%d,"
        "\"chat\":{\"id\":111,\"type\":\"private\"}}}}",
        (long long)++t->message_id, quoted(t, data), t->inaccessible ? 0 : 9);

    talk_update(t, json);
}

void
talk_wake(struct talk *t)
{
    run(t, NULL);
}

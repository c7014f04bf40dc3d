/*
 * fuzz_bot_dialog.c - any conversation from any state: the dialogue never
 * ends the process, and what it decides can be finished and sent.
 *
 * The first line is the state's JSON. Each further line is one thing that
 * happens: {…} an update, m a text, c a press with this data, p a photo, a an
 * item of an album (the rest is the caption), w the timer, s0 … s9 how the
 * backend answers from now on.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/id.h"
#include "bot/flow.h"
#include "model/html.h"
#include "telegram/render.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define T2(ru, en) "{\"ru\":\"" ru "\",\"en\":\"" en "\"}"
#define PHOTO(name)                                                            \
    "{\"name\":\"" name                                                        \
    "\",\"kind\":\"photo\",\"title\":" T2("ф", name) ",\"required\":true}"
#define PRESET(name, inputs)                                                   \
    "{\"name\":\"" name "\",\"version\":\"v\",\"title\":" T2(                  \
        "п", name) ",\"category\":{\"id\":\"c\",\"ru\":\"к\",\"en\":\"c\"},"  \
                   "\"price\":5,"                                              \
                   "\"seconds\":2,\"available\":true,\"inputs\":[" inputs "]}"

static const char shop[] = "{\"revision\":\"r\",\"presets\":[" PRESET("one", PHOTO("photo")) "," PRESET(
    "two",
    PHOTO("a") "," PHOTO(
        "b")) "," PRESET("all",
                         PHOTO("photo") ",{\"name\":\"text\",\"kind\":\"text\","
                                        "\"title\":" T2(
                                            "т",
                                            "t") ",\"required\":true,\"max_"
                                                 "length\":20},"
                                                 "{\"name\":\"n\",\"kind\":"
                                                 "\"number\",\"title\":" T2(
                                                     "ч",
                                                     "n") ",\"required\":false,"
                                                          "\"min\":0,\"max\":9}"
                                                          ","
                                                          "{\"name\":\"w\","
                                                          "\"kind\":\"number\","
                                                          "\"title\":" T2(
                                                              "ц",
                                                              "w") ",\"required"
                                                                   "\":true},"
                                                                   "{\"name\":"
                                                                   "\"c\","
                                                                   "\"kind\":"
                                                                   "\"choice\","
                                                                   "\"title\""
                                                                   ":" T2(
                                                                       "в",
                                                                       "c") ","
                                                                            "\""
                                                                            "re"
                                                                            "qu"
                                                                            "ir"
                                                                            "ed"
                                                                            "\""
                                                                            ":f"
                                                                            "al"
                                                                            "se"
                                                                            ","
                                                                            "\""
                                                                            "de"
                                                                            "fa"
                                                                            "ul"
                                                                            "t_"
                                                                            "va"
                                                                            "lu"
                                                                            "e"
                                                                            "\""
                                                                            ":"
                                                                            "\""
                                                                            "x"
                                                                            "\""
                                                                            ","
                                                                            "\""
                                                                            "ch"
                                                                            "oi"
                                                                            "ce"
                                                                            "s"
                                                                            "\""
                                                                            ":["
                                                                            "{"
                                                                            "\""
                                                                            "va"
                                                                            "lu"
                                                                            "e"
                                                                            "\""
                                                                            ":"
                                                                            "\""
                                                                            "x"
                                                                            "\""
                                                                            ","
                                                                            "\""
                                                                            "ti"
                                                                            "tl"
                                                                            "e"
                                                                            "\""
                                                                            ":" T2(
                                                                                "х",
                                                                                "x") "},"
                                                                                     "{\"value\":\"y\",\"title\":" T2(
                                                                                         "у",
                                                                                         "y") "}]}") "]}";

#define JOB                                                                    \
    "{\"id\":\"job_01arz3ndektsv4rrffq69g5fav\",\"status\":\"queued\","        \
    "\"price\":5,\"user_id\":\"usr_1\",\"preset\":\"all\",\"inputs\":"         \
    "{\"photo\":{\"telegram_file_id\":\"f\"},\"text\":\"<b>\"},"               \
    "\"files\":[{\"id\":\"obj_1\",\"content_type\":\"image/png\","             \
    "\"size\":9,\"sha256\":\"x\",\"file_id\":\"T\"}],\"created_at\":1}"
#define USER                                                                   \
    "{\"id\":\"usr_1\",\"language\":\"ru\",\"balance\":60,\"held\":0,"         \
    "\"reachable\":true,\"created_at\":1}"

struct talk {
    struct arena *a;
    struct bot_catalog catalog;
    struct api_user user;
    int mood; /* how the backend answers */
};

/* ---- the backend ---- */

static const char *
answer_of(enum api_route route)
{
    if (route == API_ROUTE_job_get || route == API_ROUTE_job_cancel)
        return JOB;
    if (route == API_ROUTE_job_list)
        return "{\"jobs\":[" JOB "],\"next_cursor\":"
               "\"job_01arz3ndektsv4rrffq69g5fav\"}";
    if (route == API_ROUTE_offer_get)
        return "{\"id\":\"off_01arz3ndektsv4rrffq69g5fav\",\"preset\":\"one\","
               "\"price\":5,\"total\":10,\"status\":\"open\",\"items\":["
               "{\"photo\":{\"telegram_file_id\":\"f\"}},"
               "{\"photo\":{\"telegram_file_id\":\"g\"}}]}";
    if (route == API_ROUTE_job_create)
        return "{\"jobs\":[" JOB "],\"balance\":5}";
    return USER;
}

static int
called(void *ctx, enum api_route route, const struct api_args *args,
       struct arena *a, struct api_answer *ans, struct err *e)
{
    static const struct {
        int status;
        const char *code;
    } moods[] = {{200, ""},
                 {0, ""},
                 {402, "insufficient_credits"},
                 {409, "price_changed"},
                 {409, "offer_expired"},
                 {409, "preset_away"},
                 {409, "preset_gone"},
                 {404, "not_found"},
                 {500, "internal"},
                 {202, ""}};
    struct talk *t = ctx;
    int rc;

    memset(ans, 0, sizeof(*ans));
    api_init(&api_shape_problem, &ans->problem);
    ans->status = moods[t->mood].status;
    ans->problem.code = moods[t->mood].code;
    if (route != API_ROUTE_job_create && ans->status == 409)
        ans->status = 200; /* the card that follows can be made */
    if (ans->status == 0 || ans->status >= 400)
        return err_set(e, ERR_UNAVAILABLE, "no");
    rc = api_read(api_routes[route].answer, str_c(answer_of(route)), args->out,
                  a, e);
    assert(rc == 0);
    return 0;
}

/* ---- what was decided ---- */

static void
check_delivery(struct talk *t, const struct api_delivery_new *n)
{
    struct tg_delivery d = {.id = "d",
                            .kind = n->kind,
                            .job_id = "",
                            .language = "ru",
                            .chat_id = n->chat_id,
                            .body = n->body};
    struct tg_how how = {0};
    struct tg_object o;
    struct tg_message m;
    struct err e;

    assert(n->chat_id != 0);
    d.message_id = n->message_id != API_UNSET ? n->message_id : 0;
    if (tg_render_object(t->a, &d, &o))
        how = (struct tg_how){.field = "photo", .file_id = o.file_id};
    if (tg_render(t->a, &d, &how, &m, &e) != 0)
        abort();
    const cJSON *p = json_parse_in(t->a, m.params, 0, &e);
    const char *text = json_str(p, "text", json_str(p, "caption", ""));

    assert(p != NULL);
    if (json_get(p, "parse_mode") != NULL)
        assert(html_check(str_c(text), &e) == 0);
    assert(html_visible(str_c(text)) <= 4096);
}

static void
check_offer(struct talk *t, const struct api_offer_new *o)
{
    const struct bot_preset *p = bot_catalog_find(&t->catalog, o->preset);
    const cJSON *items, *item;
    struct err e;

    assert(p != NULL && id_is(str_c(o->id), "off"));
    assert((o->items.len > 0) + (o->from_offer != NULL) +
               (o->from_job != NULL) ==
           1);
    if (o->items.len == 0)
        return;
    items = json_parse_in(t->a, o->items, 0, &e);
    assert(cJSON_GetArraySize(items) >= 1 &&
           cJSON_GetArraySize(items) <= LIM_OFFER_ITEMS);
    cJSON_ArrayForEach (item, items)
        assert(preset_inputs_check(&p->p, item, &e) == 0);
}

static struct str
written(struct talk *t, const struct dialog *d)
{
    struct buf b;
    struct str s;

    buf_init(&b, 1u << 22);
    dialog_write(d, &b);
    assert(!b.failed);
    s = arena_str(t->a, buf_str(&b));
    buf_free(&b);
    return s;
}

/* One update: the state after it. */
static struct str
step(struct talk *t, struct str state, const struct tg_update *u)
{
    static const struct flow_conf conf = {
        .contact = "<@x>", .file_days = 30, .sandbox = true};
    struct flow f;
    struct dialog back;
    struct err e;

    flow_init(&f, t->a);
    f.conf = &conf;
    f.catalog = &t->catalog;
    f.call = called;
    f.call_ctx = t;
    f.u = u;
    f.chat_id = u != NULL ? u->chat_id : 111;
    f.user = &t->user;
    f.refused = t->mood == 8;
    dialog_read(t->a, state, &f.d);
    if (u != NULL && u->kind == TG_UPDATE_CALLBACK)
        (void)flow_toast(&f);
    if (flow_run(&f, &e) != 0)
        return state;
    for (size_t i = 0; i < f.n_deliveries; i++)
        check_delivery(t, &f.deliveries[i]);
    for (size_t i = 0; i < f.n_offers; i++)
        check_offer(t, &f.offers[i]);
    state = written(t, &f.d);
    dialog_read(t->a, state, &back);
    assert(str_eq(state, written(t, &back)));
    return state;
}

/* ---- lines ---- */

#define CHAT "\"chat\":{\"id\":111,\"type\":\"private\"}"
#define FROM "\"from\":{\"id\":111,\"is_bot\":false,\"first_name\":\"<A&\"}"

static void
write_update(struct buf *b, char kind, struct str rest)
{
    struct jw w;

    buf_add_c(b, kind == 'c' ? "{\"update_id\":1,\"callback_query\":{\"id\":"
                               "\"x\"," FROM ",\"message\":{\"message_id\":5,"
                               "\"date\":9," CHAT "},\"data\":"
                             : "{\"update_id\":1,\"message\":{\"message_id\":"
                               "5,\"date\":9," CHAT "," FROM ",");
    if (kind == 'a')
        buf_add_c(b, "\"media_group_id\":\"A\",");
    if (kind == 'p' || kind == 'a')
        buf_add_c(b, "\"photo\":[{\"file_id\":\"f\",\"file_unique_id\":\"u\","
                     "\"width\":800,\"height\":600}],\"caption\":");
    if (kind == 'm')
        buf_add_c(b, "\"text\":");
    jw_init(&w, b);
    jw_text(&w, rest);
    buf_add_c(b, "}}");
}

static struct str
on_line(struct talk *t, struct str state, struct str line)
{
    struct tg_update *u = ARENA_NEW(t->a, struct tg_update);
    struct str rest = str_sub(line, 1, line.len);
    struct buf b;
    struct err e;
    int rc;

    if (line.len == 0)
        return state;
    if (line.p[0] == 's') {
        t->mood = rest.len > 0 && rest.p[0] >= '0' && rest.p[0] <= '9'
                      ? rest.p[0] - '0'
                      : 0;
        return state;
    }
    if (line.p[0] == 'w')
        return step(t, state, NULL);
    if (line.p[0] == '{') {
        rc = tg_update_parse(t->a, line, u, &e);
        return rc == 0 ? step(t, state, u) : state;
    }
    if (strchr("mcpa", line.p[0]) == NULL)
        return state;
    buf_init(&b, 1u << 22);
    write_update(&b, line.p[0], rest);
    rc = tg_update_parse(t->a, buf_str(&b), u, &e);
    buf_free(&b);
    return rc == 0 ? step(t, state, u) : state;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct talk t = {.a = arena_new()};
    struct api_preset_list list;
    struct str rest = str_n((const char *)data, size), line;
    struct str state = {NULL, 0};
    struct err e;
    int lines = 0;

    if (api_read(&api_shape_preset_list, str_c(shop), &list, t.a, &e) != 0)
        abort();
    bot_catalog_read(t.a, &list, &t.catalog);
    if (api_read(&api_shape_user, str_c(USER), &t.user, t.a, &e) != 0)
        abort();
    if (str_split(&rest, '\n', &line))
        state = arena_str(t.a, line);
    while (lines++ < 40 && str_split(&rest, '\n', &line))
        state = on_line(&t, state, line);
    arena_free(t.a);
    return 0;
}

/*
 * What a real ComfyUI answered (tests/data/comfy-recorded), played to the
 * client: each of the recorded exchanges becomes one line that says what the
 * client makes of it, and comfy_recorded.def says what it has to make of it.
 *
 * Routes that the client never asks (GET /prompt, /free, unknown paths...)
 * are played as the answer to GET /queue: it must not take them for one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/log.h"
#include "comfy/client.h"
#include "tests/support/files.h"
#include "tests/support/tape.h"

#define DATA "tests/data/comfy-recorded/"
#define OUR_ID "00000000-0000-4000-8000-000000000001"
#define STEPS_MAX 24

static const char *const files[] = {
    DATA "routes-uploads-presets.json", DATA "errors-queue-cancel-view.json",
    DATA "restart-dead-executor.json", DATA "temp-inputs.json"};

static struct arena *all; /* the recordings, as long as the program runs */
static cJSON *recorded[4];

static const struct {
    const char *name, *line;
} wants[] = {
#define WANT(name, line) {name, line},
#include "tests/io/comfy_recorded.def"
#undef WANT
};

/* One exchange on its way: the tape, the client, the line. */
struct play {
    struct arena *a;
    struct tape_step steps[STEPS_MAX];
    size_t n;
    struct tape *tape;
    struct comfy *c;
    struct err e;
    struct buf line;
};

/* ---- recordings ---- */

static int
load(void **state)
{
    struct err e;

    (void)state;
    log_init("test", LOG_ERROR, false);
    all = arena_new();
    for (size_t i = 0; i < 4; i++) {
        recorded[i] = json_parse_in(all, test_file(all, files[i]), JSON_NAN, &e);
        if (!recorded[i])
            fail_msg("%s: %s", files[i], e.msg);
    }
    return 0;
}

static int
unload(void **state)
{
    (void)state;
    arena_free(all);
    return 0;
}

static const cJSON *
exchange(const char *name)
{
    for (size_t i = 0; i < 4; i++)
        if (json_get(recorded[i], name))
            return json_get(recorded[i], name);
    fail_msg("there is no exchange %s", name);
    return NULL;
}

static const char *
body_text(const cJSON *x)
{
    return json_str(json_get(x, "response"), "body_text", "");
}

static const char *
at(const cJSON *list, int i)
{
    const cJSON *v = cJSON_GetArrayItem(list, i);

    return cJSON_IsString(v) ? v->valuestring : "";
}

/* The answer's bytes. Of bodies that were not kept, length and hash are; as
 * many bytes are sent. */
static struct str
wire(struct arena *a, const cJSON *x)
{
    const cJSON *r = json_get(x, "response"), *h;
    int64_t bytes = json_i64(r, "body_bytes", -1);
    struct buf b;
    struct str out;

    buf_init(&b, 16 << 20);
    buf_addf(&b, "HTTP/1.1 %d Recorded\r\n", (int)json_i64(r, "status", 0));
    cJSON_ArrayForEach (h, json_get(r, "headers")) {
        if (strcasecmp(at(h, 0), "Transfer-Encoding") != 0 &&
            strcasecmp(at(h, 0), "Content-Length") != 0 &&
            strcasecmp(at(h, 0), "Connection") != 0)
            buf_addf(&b, "%s: %s\r\n", at(h, 0), at(h, 1));
    }
    if (bytes < 0)
        bytes = (int64_t)strlen(body_text(x));
    buf_addf(&b, "Connection: close\r\nContent-Length: %d\r\n\r\n%s",
             (int)bytes, body_text(x));
    for (size_t n = strlen(body_text(x)); n < (size_t)bytes; n++)
        buf_add_byte(&b, 'x');
    out = str_n(arena_strn(a, b.p, b.len), b.len);
    buf_free(&b);
    return out;
}

/* ---- playing ---- */

static void
step(struct play *p, enum tape_what what, struct str text)
{
    assert_true(p->n < STEPS_MAX);
    p->steps[p->n++] = (struct tape_step){what, text.p, text.len};
}

/* The client will ask for this, and gets what was recorded. */
static void
expect(struct play *p, const char *request, const cJSON *x)
{
    step(p, TAPE_ACCEPT, (struct str){0});
    step(p, TAPE_REQUEST, str_c(arena_strdup(p->a, request)));
    step(p, TAPE_SEND, wire(p->a, x));
    step(p, TAPE_CLOSE, (struct str){0});
}

static struct comfy *
start(struct play *p)
{
    p->tape = tape_play(p->steps, p->n);
    p->c = comfy_new(tape_url(p->tape), NULL, &p->e);
    assert_non_null(p->c);
    return p->c;
}

static void
say_error(struct play *p)
{
    buf_addf(&p->line, "error %s", err_code_name(p->e.code));
}

/* ---- a line for each route ---- */

/* Each id in the answer is looked for. */
static void
line_of_queue(struct play *p, const cJSON *x)
{
    static const char *const lists[] = {"queue_running", "queue_pending"};
    const cJSON *j, *item;
    struct comfy_queue q;

    expect(p, "GET /queue ", x);
    if (comfy_queue_summary(start(p), NULL, &q, &p->e) != 0) {
        say_error(p);
        return;
    }
    buf_addf(&p->line, "running=%zu pending=%zu", q.running, q.pending);
    j = json_parse_in(p->a, str_c(body_text(x)), 0, NULL);
    for (int i = 0; i < 2; i++)
        cJSON_ArrayForEach (item, json_get(j, lists[i])) {
            assert_int_equal(
                comfy_queue_parse(str_c(body_text(x)), at(item, 1), &q, &p->e),
                0);
            buf_addf(&p->line, " %.8s:%s", at(item, 1),
                     comfy_state_name(q.state));
            if (q.state == COMFY_PENDING)
                buf_addf(&p->line, "+%zu", q.ahead);
        }
}

static void
say_result(struct play *p, const struct comfy_result *r)
{
    static const char *const ends[] = {"none", "success", "failed",
                                       "interrupted"};

    buf_add_c(&p->line, ends[r->end]);
    if (r->end == COMFY_END_FAILED)
        buf_addf(&p->line, " %s", comfy_fault_label(r->fault));
    if (r->node[0])
        buf_addf(&p->line, " %s:%s", r->node, r->node_class);
    if (r->exception[0])
        buf_addf(&p->line, " %s", r->exception);
    for (size_t i = 0; i < r->n_files; i++)
        buf_addf(&p->line, " %s/%s", r->files[i].subfolder,
                 r->files[i].filename);
    for (size_t i = 0; i < r->n_texts; i++)
        buf_addf(&p->line, " \"%s\"", r->texts[i].text);
    assert_true(r->end == COMFY_END_NONE || r->started_ms > 0);
}

static void
line_of_history(struct play *p, const cJSON *x, const char *path)
{
    static const char *const node9[] = {"9"};
    const char *id = path + strlen("/history");
    struct comfy_result r;
    const cJSON *j;

    if (*id == '/')
        id++;
    else { /* all of them: one is looked for */
        j = comfy_json(p->a, str_c(body_text(x)), NULL);
        id = cJSON_IsObject(j) && j->child ? j->child->string : OUR_ID;
    }
    expect(p, arena_fmt(p->a, "GET /history/%s ", id), x);
    if (comfy_history(start(p), p->a, id, node9, 1, &r, &p->e) == 0)
        say_result(p, &r);
    else
        say_error(p);
}

static void
line_of_prompt(struct play *p, const cJSON *x)
{
    const cJSON *body = json_get(json_get(x, "request"), "body");
    const cJSON *j = comfy_json(p->a, str_c(body_text(x)), NULL);
    const char *id = json_str(body, "prompt_id", OUR_ID);
    struct comfy_submitted s;

    expect(p, "POST /prompt ", x);
    if (j && json_get(j, "node_errors")->child && json_get(j, "prompt_id")) {
        id = json_str(j, "prompt_id", "");
        expect(p, arena_fmt(p->a, "POST /api/jobs/%s/cancel ", id),
               exchange("jobs_cancel_on_0364"));
        expect(p, "POST /queue ", exchange("queue_delete_pending"));
        expect(p, "GET /system_stats ", exchange("system_stats"));
        expect(p, "POST /interrupt ", exchange("interrupt_idle_unknown_id"));
    }
    if (comfy_submit(start(p), p->a, STR("{}"), id, "worker", &s, &p->e) == 0) {
        buf_add_c(&p->line, "accepted");
        if (s.other_id)
            buf_addf(&p->line, " as %.8s", s.prompt_id);
        return;
    }
    say_error(p);
    if (p->e.code != ERR_BAD_INPUT)
        return;
    buf_addf(&p->line, " %s %s", comfy_fault_label(s.fault), s.type);
    if (s.node[0])
        buf_addf(&p->line, " %s:%s", s.node, s.node_class);
    if (s.prompt_id[0])
        buf_add_c(&p->line, " cancelled");
}

static void
line_of_view(struct play *p, const cJSON *x)
{
    const struct comfy_file f = {"9", "a b&c+\xc3\xa9.png", "x/y", "output",
                                 COMFY_IMAGE};
    struct buf b;

    expect(p,
           "GET /view?filename=a%20b%26c%2B%C3%A9.png&subfolder=x%2Fy&"
           "type=output ",
           x);
    if (comfy_fetch(start(p), &f, 1 << 20, &b, &p->e) == 0)
        buf_addf(&p->line, "%zu bytes", b.len);
    else
        say_error(p);
    buf_free(&b);
}

static void
line_of_upload(struct play *p, const cJSON *features, const cJSON *x)
{
    const char *input;

    expect(p, "GET /features ", features);
    expect(p, "POST /upload/image ", x);
    if (comfy_upload(start(p), p->a, STR("bytes"), "a.png", &input, &p->e) == 0)
        buf_add_c(&p->line, input);
    else
        say_error(p);
}

static void
line_of_cancel(struct play *p, const cJSON *queue, const cJSON *interrupt,
               bool to_the_end)
{
    bool stoppable;

    expect(p, "POST /api/jobs/" OUR_ID "/cancel ",
           exchange("jobs_cancel_on_0364"));
    expect(p, "POST /queue ", queue);
    if (to_the_end) {
        expect(p, "GET /system_stats ", exchange("system_stats"));
        expect(p, "POST /interrupt ", interrupt);
    }
    if (comfy_cancel(start(p), OUR_ID, &stoppable, &p->e) == 0)
        buf_addf(&p->line, "cancelled%s", stoppable ? "" : ", but runs");
    else
        say_error(p);
}

static void
line_of_forget(struct play *p, const cJSON *x)
{
    expect(p, "POST /history ", x);
    if (comfy_forget(start(p), OUR_ID, &p->e) == 0)
        buf_add_c(&p->line, "forgotten");
    else
        say_error(p);
}

static void
line_of_stats(struct play *p, const cJSON *x)
{
    struct comfy_stats s;

    expect(p, "GET /system_stats ", x);
    if (comfy_health(start(p), 5000, &s, &p->e) == 0)
        buf_addf(&p->line, "%s on %s (%s) ram=%lld", s.version, s.device,
                 s.device_type, (long long)s.ram_total);
    else
        say_error(p);
}

static void
line_of_class(struct play *p, const cJSON *x, const char *class_type)
{
    const cJSON *entry, *i;

    expect(p, arena_fmt(p->a, "GET /object_info/%s ", class_type), x);
    if (comfy_object_info(start(p), p->a, class_type, &entry, &p->e) != 0)
        say_error(p);
    else if (!entry)
        buf_add_c(&p->line, "no such class");
    else
        cJSON_ArrayForEach (i, json_path(entry, "input.required")) {
            const char *dflt = comfy_default_text(p->a, i);
            buf_addf(&p->line, "%s%s=%s", i->prev->next ? " " : "", i->string,
                     dflt ? dflt : "?");
        }
}

static void
line_of_models(struct play *p, const cJSON *x, const char *folder)
{
    const char *const model[] = {arena_fmt(p->a, "%s/x.safetensors", folder)};
    const struct comfy_needs needs = {.models = model, .n_models = 1};
    struct comfy_missing m;

    expect(p, arena_fmt(p->a, "GET /models/%s ", folder), x);
    if (comfy_can_run(start(p), p->a, &needs, &m, &p->e) != 0)
        say_error(p);
    for (size_t i = 0; i < m.n; i++)
        buf_addf(&p->line, "missing %s", m.items[i]);
}

static bool
is(const char *path, const char *prefix)
{
    size_t n = strlen(prefix);

    return strncmp(path, prefix, n) == 0 &&
           (path[n] == '\0' || path[n] == '/' || path[n] == '?');
}

static void
line_of(struct play *p, const cJSON *x)
{
    const cJSON *q = json_get(x, "request");
    const char *path = json_str(q, "path", "");
    bool post = strcmp(json_str(q, "method", ""), "POST") == 0;

    if (post && is(path, "/prompt"))
        line_of_prompt(p, x);
    else if (post && is(path, "/upload/image"))
        line_of_upload(p, exchange("features"), x);
    else if (post && is(path, "/queue"))
        line_of_cancel(p, x, exchange("interrupt_idle_unknown_id"),
                       json_i64(json_get(x, "response"), "status", 0) == 200);
    else if (post && is(path, "/interrupt"))
        line_of_cancel(p, exchange("queue_delete_pending"), x, true);
    else if (post && is(path, "/api/jobs/x/cancel"))
        line_of_cancel(p, exchange("queue_delete_pending"),
                       exchange("interrupt_idle_unknown_id"), true);
    else if (post && is(path, "/history"))
        line_of_forget(p, x);
    else if (!post && is(path, "/history"))
        line_of_history(p, x, path);
    else if (is(path, "/view"))
        line_of_view(p, x);
    else if (is(path, "/features"))
        line_of_upload(p, x, exchange("upload_temp"));
    else if (is(path, "/system_stats") || is(path, "/api/system_stats"))
        line_of_stats(p, x);
    else if (is(path, "/object_info"))
        line_of_class(p, x, path + strlen("/object_info/"));
    else if (strncmp(path, "/models/", 8) == 0)
        line_of_models(p, x, path + 8);
    else
        line_of_queue(p, x);
}

/* True when the line is the one that is wanted. */
static bool
play(const char *name, const cJSON *x, const char *want)
{
    struct play p = {.a = arena_new()};
    bool right;

    buf_init(&p.line, 65536);
    line_of(&p, x);
    comfy_free(p.c);
    tape_end(p.tape);
    right = want && strcmp(buf_cstr(&p.line), want) == 0;
    if (!right)
        print_message("WANT(\"%s\", \"%s\")\n", name, buf_cstr(&p.line));
    buf_free(&p.line);
    arena_free(p.a);
    return right;
}

static const char *
want_of(const char *name)
{
    for (size_t i = 0; i < sizeof(wants) / sizeof(*wants); i++)
        if (strcmp(wants[i].name, name) == 0)
            return wants[i].line;
    return NULL;
}

static void
every_recorded_answer_is_understood_as_it_was_meant(void **state)
{
    const cJSON *x;
    size_t played = 0, wrong = 0;

    (void)state;
    for (size_t i = 0; i < 4; i++)
        cJSON_ArrayForEach (x, recorded[i]) {
            played++;
            wrong += !play(x->string, x, want_of(x->string));
        }
    assert_int_equal(wrong, 0);
    assert_int_equal(played, sizeof(wants) / sizeof(*wants));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recorded_answer_is_understood_as_it_was_meant)};

    return cmocka_run_group_tests(tests, load, unload);
}

/*
 * The sandbox ComfyUI against what a real one answered: the requests of
 * tests/data/comfy-recorded are sent again, status, type and body compared.
 *
 * Compared after normalising what differs between any two runs: times,
 * numbers, random names, orders of Python's sets, the server's folder, and
 * what a traceback or a printed tensor says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "io/file.h"
#include "sandbox/comfy_files.h"
#include "sandbox/comfy_py.h"
#include "tests/support/comfy_sandbox.h"
#include "tests/support/files.h"

#define RECORDED "tests/data/comfy-recorded/"
#define WAIT_MS 20000
#define BOUNDARY "----rec7f3a"

struct stage {
    struct comfy_sandbox s;
    struct arena *a;
};

/* ---- the stage: files that the recorded requests speak of ---- */

static void
put(struct stage *x, const char *name, struct str bytes)
{
    char path[256];
    char *slash;
    struct err e = {0};

    tmp_dir_file(&x->s.dir, name, path, sizeof(path));
    slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(path_make_dirs(path, &e), 0);
    *slash = '/';
    if (file_write(path, bytes, 0600, &e) < 0)
        fail_msg("%s", e.msg);
}

static int
setup(void **state)
{
    static const char photo[] = RECORDED "pixels/in/photo.png";
    static const char *const copies[] = {
        "input/px/photo.png",       "input/example_small.png",
        "input/jobs/abc/p.png",     "temp/task_ab12cd34.png",
        "temp/tintype/task_ef.png", "output/cachetest_00001_.png"};
    struct stage *x = calloc(1, sizeof(*x));

    x->a = arena_new();
    comfy_sandbox_start(&x->s, NULL);
    for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++)
        put(x, copies[i], test_file(x->a, photo));
    put(x, "input/garbage.png", STR("not a picture"));
    put(x, "input/zero.png", STR(""));
    *state = x;
    return 0;
}

static int
teardown(void **state)
{
    struct stage *x = *state;

    comfy_sandbox_stop(&x->s);
    arena_free(x->a);
    free(x);
    return 0;
}

static struct py *
recorded(struct stage *x, const char *name)
{
    struct str text =
        test_file(x->a, arena_fmt(x->a, RECORDED "%s.json", name));
    struct err e = {0};
    struct py *v = py_parse(x->a, text, &e);

    if (!v)
        fail_msg("%s: %s", name, e.msg);
    return v;
}

/* ---- requests ---- */

static const char *
text_of(const struct py *v, const char *key)
{
    const struct py *t = py_get(v, key);

    return py_is(t, PY_STR) ? t->text.p : NULL;
}

/* The recorded body; false: only its length was kept. */
static bool
body_of(struct stage *x, const struct py *request, struct str *out)
{
    const struct py *body = py_get(request, "body");
    const struct py *text = py_get(request, "body_text");
    const struct py *base64 = py_get(request, "body_base64");
    struct buf b;

    *out = STR("");
    if (base64)
        return base64_decode(x->a, base64->text, out);
    if (text) {
        *out = text->text;
        return true;
    }
    if (!body)
        return !py_get(request, "body_bytes");
    buf_init(&b, COMFY_FILE_MAX);
    py_dumps(&b, body);
    *out = arena_str(x->a, buf_str(&b));
    buf_free(&b);
    return true;
}

static void
exchange(struct stage *x, const struct py *request, struct str body,
         struct raw_answer *out)
{
    const struct py *headers = py_get(request, "headers");
    int fd = raw_connect(x->s.port);
    struct buf b;

    buf_init(&b, COMFY_FILE_MAX);
    buf_addf(&b,
             "%s %s HTTP/1.1\r\nHost: 127.0.0.1:8188\r\n"
             "Connection: close\r\n",
             text_of(request, "method"), text_of(request, "path"));
    if (strcmp(text_of(request, "method"), "POST") == 0)
        buf_addf(&b, "Content-Length: %zu\r\n", body.len);
    for (const struct py *h = headers ? headers->first : NULL; h; h = h->next)
        buf_addf(&b, STR_FMT ": " STR_FMT "\r\n", STR_ARG(h->key),
                 STR_ARG(h->text));
    buf_add_c(&b, "\r\n");
    buf_add_str(&b, body);
    raw_send(fd, b.p, b.len);
    raw_read(fd, out, strcmp(text_of(request, "method"), "HEAD") == 0);
    close(fd);
    buf_free(&b);
}

/* ---- normalising ---- */

static int
by_text(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static const char *
dumps(struct stage *x, const struct py *v)
{
    struct buf b;
    const char *z;

    buf_init(&b, COMFY_FILE_MAX);
    py_dumps(&b, v);
    z = arena_strn(x->a, buf_cstr(&b), b.len);
    buf_free(&b);
    return z;
}

/* Python's sets have no order. */
static void
sort_list(struct stage *x, struct py *list)
{
    const char **texts = ARENA_ARRAY(x->a, const char *, list->n + 1);
    size_t n = 0;

    for (const struct py *v = list->first; v; v = v->next)
        texts[n++] = dumps(x, v);
    qsort(texts, n, sizeof(*texts), by_text);
    list->first = list->last = NULL;
    list->n = 0;
    for (size_t i = 0; i < n; i++)
        py_append(list, py_parse(x->a, str_c(texts[i]), NULL));
}

static void
empty_list(struct py *list)
{
    list->first = list->last = NULL;
    list->n = 0;
}

/* Whatever folder the server has, and whatever letters it threw. */
static struct str
plain_text(struct stage *x, struct str s)
{
    static const char temp[] = "ComfyUI_temp_";
    const char *dir = x->s.dir.path;
    struct buf b;
    struct str out;

    buf_init(&b, COMFY_FILE_MAX);
    for (size_t i = 0; i < s.len; i++) {
        struct str rest = str_sub(s, i, s.len);

        if (str_starts(rest, str_c("/opt/ComfyUI"))) {
            buf_add_c(&b, dir);
            i += strlen("/opt/ComfyUI") - 1;
        } else if (str_starts(rest, str_c(temp))) {
            buf_addf(&b, "%sxxxxx", temp);
            i += strlen(temp) + 5 - 1;
        } else {
            buf_add_byte(&b, s.p[i]);
        }
    }
    out = arena_str(x->a, buf_str(&b));
    buf_free(&b);
    return out;
}

static bool
is_one_of(struct str key, const char *const *names)
{
    for (; *names; names++)
        if (str_eq_c(key, *names))
            return true;
    return false;
}

static void
normalise(struct stage *x, struct py *v)
{
    static const char *const unordered[] = {
        "executed", "current_outputs", "errors", "dependent_outputs", NULL};
    static const char *const silent[] = {"traceback", "current_inputs", "nodes",
                                         NULL};

    if (v->kind == PY_STR)
        v->text = plain_text(x, v->text);
    if (is_one_of(v->key, silent))
        empty_list(v);
    for (struct py *k = v->first; k; k = k->next)
        normalise(x, k);
    if (v->kind == PY_LIST && is_one_of(v->key, unordered))
        sort_list(x, v);
    if (str_eq_c(v->key, "timestamp") || str_eq_c(v->key, "number"))
        v->text = STR("0");
    if (str_eq_c(v->key, "prompt") && v->kind == PY_LIST && v->n == 5) {
        v->first->text = STR("0"); /* a history entry's number */
        sort_list(x, v->last);     /* and its outputs */
    }
    if (str_eq_c(v->key, "full_output_folder"))
        v->text = STR("");
}

/* Objects by sorted keys: node ids come in any order. */
static void
sort_keys(struct stage *x, struct py *v)
{
    const char **keys = ARENA_ARRAY(x->a, const char *, v->n + 1);
    struct py sorted = {.kind = PY_DICT};
    size_t n = 0;

    for (struct py *k = v->first; k; k = k->next)
        sort_keys(x, k);
    if (v->kind != PY_DICT)
        return;
    for (const struct py *k = v->first; k; k = k->next)
        keys[n++] = arena_strn(x->a, k->key.p, k->key.len);
    qsort(keys, n, sizeof(*keys), by_text);
    for (size_t i = 0; i < n; i++)
        py_set(x->a, &sorted, str_c(keys[i]),
               py_copy(x->a, py_get(v, keys[i])));
    v->first = sorted.first;
    v->last = sorted.last;
}

static const char *
canonical(struct stage *x, struct str json, bool ordered)
{
    struct err e = {0};
    struct py *v = py_parse(x->a, json, &e);

    if (!v)
        fail_msg("%s in %.200s", e.msg, json.p);
    normalise(x, v);
    if (!ordered)
        sort_keys(x, v);
    return dumps(x, v);
}

/* ---- comparing ---- */

static const char *
recorded_header(const struct py *response, const char *name)
{
    const struct py *headers = py_get(response, "headers");

    for (const struct py *h = headers ? headers->first : NULL; h; h = h->next)
        if (str_eq_nocase(h->first->text, str_c(name)))
            return h->last->text.p;
    return NULL;
}

static void
compare_header(const char *name, const struct py *response,
               const struct raw_answer *r, const char *header)
{
    const char *want = recorded_header(response, header);
    char got[256] = "";

    if (!want)
        return;
    if (!raw_header(r, header, got, sizeof(got)) || strcmp(got, want) != 0)
        fail_msg("%s: %s is '%s', not '%s'", name, header, got, want);
}

static void
compare(struct stage *x, const char *name, const struct py *response,
        const struct raw_answer *r)
{
    static const char *const headers[] = {
        "Content-Type", "Allow", "Content-Disposition", "Accept-Ranges"};
    const struct py *text = py_get(response, "body_text");
    const char *want, *got;

    if (r->status != (int)py_number(py_get(response, "status")))
        fail_msg("%s: status %d, not %s: %.300s", name, r->status,
                 py_str_in(x->a, py_get(response, "status")), r->body);
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        compare_header(name, response, r, headers[i]);
    if (!text)
        return;
    if (text->text.len == 0 || !strchr("[{", text->text.p[0])) {
        assert_string_equal(r->body, text->text.p);
        return;
    }
    want = canonical(x, text->text, false);
    got = canonical(x, str_n(r->body, r->body_len), false);
    if (strcmp(want, got) != 0)
        fail_msg("%s:\n got %s\nwant %s", name, got, want);
}

static bool
is_finished(const struct raw_answer *r)
{
    return strcmp(r->body, "{}") != 0;
}

/* Sends the recorded request and compares; a history that is to hold
 * something is asked for until it does. */
static void
replay(struct stage *x, const struct py *entry, const char *name)
{
    const struct py *request = py_get(entry, "request");
    const struct py *response = py_get(entry, "response");
    const char *want = text_of(response, "body_text");
    bool waits =
        strncmp(name, "history_", 8) == 0 && want && strcmp(want, "{}") != 0;
    int64_t until = clock_mono_ms() + WAIT_MS;
    struct raw_answer r;
    struct str body;

    assert_non_null(request);
    if (!body_of(x, request, &body))
        fail_msg("%s: its body was not recorded", name);
    exchange(x, request, body, &r);
    while (waits && !is_finished(&r) && clock_mono_ms() < until) {
        raw_answer_free(&r);
        clock_sleep_ms(10);
        exchange(x, request, body, &r);
    }
    compare(x, name, response, &r);
    raw_answer_free(&r);
}

/* ---- tests ---- */

static void
routes_answer_as_recorded(void **state)
{
    static const char *const names[] = {"prompt_get_idle",
                                        "queue_idle",
                                        "features",
                                        "models",
                                        "models_checkpoints",
                                        "models_unknown_folder",
                                        "embeddings",
                                        "object_info_v1",
                                        "object_info_v3",
                                        "object_info_unknown",
                                        "get_unknown_path",
                                        "post_unknown_path",
                                        "jobs_cancel_on_0364",
                                        "options",
                                        "head_prompt",
                                        "history_empty",
                                        "history_unknown",
                                        "origin_mismatch",
                                        "origin_localhost_vs_127",
                                        "interrupt_idle_empty",
                                        "interrupt_idle_unknown_id",
                                        "interrupt_body_list",
                                        "queue_delete_unknown",
                                        "queue_not_json",
                                        "history_delete_unknown",
                                        "free",
                                        "free_no_body",
                                        "upload_no_image_part",
                                        "upload_zero_bytes",
                                        "upload_garbage",
                                        "upload_wrong_content_type"};
    struct stage *x = *state;
    struct py *all = recorded(x, "routes-uploads-presets");

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        replay(x, py_get(all, names[i]), names[i]);
}

static void
every_preset_runs_as_recorded(void **state)
{
    struct stage *x = *state;
    struct py *all = recorded(x, "routes-uploads-presets");

    for (int i = 1; i <= 18; i++) {
        const char *name = arena_fmt(x->a, "prompt_ok_%02d", i);

        replay(x, py_get(all, name), name);
        name = arena_fmt(x->a, "history_ok_%02d", i);
        replay(x, py_get(all, name), name);
    }
}

static void
errors_are_worded_as_recorded(void **state)
{
    static const char *const names[] = {"prompt_90",
                                        "history_90",
                                        "prompt_91",
                                        "history_91",
                                        "prompt_92",
                                        "prompt_95",
                                        "prompt_96",
                                        "prompt_97",
                                        "history_97",
                                        "prompt_98",
                                        "prompt_99",
                                        "prompt_no_prompt_key",
                                        "prompt_not_json",
                                        "prompt_list_body",
                                        "prompt_is_list",
                                        "prompt_empty_graph",
                                        "prompt_node_is_number",
                                        "prompt_no_class_type",
                                        "prompt_number_not_numeric",
                                        "prompt_id_number",
                                        "prompt_id_null",
                                        "prompt_id_free_text",
                                        "prompt_cycle",
                                        "prompt_v3_bad_combo",
                                        "history_v3_bad_combo",
                                        "prompt_garbage_image",
                                        "history_garbage_image",
                                        "prompt_nan",
                                        "history_nan",
                                        "prompt_seed_u64_max",
                                        "history_seed_u64_max",
                                        "prompt_prefix_outside",
                                        "prompt_partial_targets",
                                        "history_partial_targets",
                                        "prompt_partial_targets_empty"};
    struct stage *x = *state;
    struct py *all = recorded(x, "errors-queue-cancel-view");

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        replay(x, py_get(all, names[i]), names[i]);
}

static void
views_answer_as_recorded(void **state)
{
    static const char *const names[] = {
        "view_ok",          "view_ok_full",        "view_no_filename",
        "view_empty_name",  "view_dotdot",         "view_two_dots_inside",
        "view_absolute",    "view_bad_type",       "view_subfolder_outside",
        "view_missing",     "view_preview_webp",   "view_preview_jpeg",
        "view_channel_rgb", "view_channel_a",      "view_range",
        "view_range_bad",   "view_input_subfolder"};
    struct stage *x = *state;
    struct py *all = recorded(x, "errors-queue-cancel-view");

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        replay(x, py_get(all, names[i]), names[i]);
}

static void
inputs_in_temp_are_used_as_recorded(void **state)
{
    static const char *const names[] = {
        "prompt_with_temp_input", "history_with_temp_input",
        "prompt_with_temp_subfolder_input", "prompt_with_missing_temp_input"};
    struct stage *x = *state;
    struct py *all = recorded(x, "temp-inputs");

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        replay(x, py_get(all, names[i]), names[i]);
}

/* A prompt can end the thread that executes, and HTTP does not notice. */
static void
a_dead_executor_looks_as_recorded(void **state)
{
    struct stage *x = *state;
    struct py *all = recorded(x, "restart-dead-executor");
    int64_t until = clock_mono_ms() + WAIT_MS;
    struct raw_answer r = {0};

    replay(x, py_get(all, "prompt_that_kills_the_executor"), "killer");
    do {
        raw_answer_free(&r);
        clock_sleep_ms(5);
        comfy_sandbox_ask(&x->s, "GET", "/sandbox/state", NULL, &r);
    } while (!strstr(r.body, "\"executor_alive\": false") &&
             clock_mono_ms() < until);
    raw_answer_free(&r);
    replay(x, py_get(all, "dead_executor_history"), "dead_executor_history");
    replay(x, py_get(all, "dead_executor_interrupt"),
           "dead_executor_interrupt");
    comfy_sandbox_ask(&x->s, "GET", "/queue", NULL, &r);
    assert_non_null(strstr(r.body, "{\"queue_running\": [[0, \"add96361-"));
    raw_answer_free(&r);
    assert_int_equal(comfy_sandbox_status(&x->s, "GET", "/prompt", NULL), 200);
}

static void
an_upload_of_a_hundred_megabytes_is_refused(void **state)
{
    struct stage *x = *state;
    struct py *all = recorded(x, "routes-uploads-presets");
    const struct py *entry = py_get(all, "body_too_large");
    size_t len =
        (size_t)py_number(py_get(py_get(entry, "request"), "body_bytes"));
    char *body = malloc(len);
    struct raw_answer r;

    memset(body, ' ', len);
    exchange(x, py_get(entry, "request"), str_n(body, len), &r);
    compare(x, "body_too_large", py_get(entry, "response"), &r);
    raw_answer_free(&r);
    free(body);
}

int
main(void)
{
#define STAGED(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        STAGED(routes_answer_as_recorded),
        STAGED(every_preset_runs_as_recorded),
        STAGED(errors_are_worded_as_recorded),
        STAGED(views_answer_as_recorded),
        STAGED(inputs_in_temp_are_used_as_recorded),
        STAGED(a_dead_executor_looks_as_recorded),
        STAGED(an_upload_of_a_hundred_megabytes_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

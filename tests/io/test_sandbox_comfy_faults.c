/*
 * What the sandbox ComfyUI does under orders: faults, queue, cancelling,
 * uploads, the newer profile.
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
#include "io/file.h"
#include "sandbox/comfy_files.h"
#include "sandbox/comfy_py.h"
#include "tests/support/comfy_sandbox.h"

#define WAIT_MS 20000
#define ID_A "11111111-1111-4111-8111-111111111111"
#define ID_B "22222222-2222-4222-8222-222222222222"
#define ID_C "33333333-3333-4333-8333-333333333333"
#define BOUNDARY "xxBOUNDARYxx"

struct stage {
    struct comfy_sandbox s;
    struct arena *a;
};

static int
setup_with(void **state, const char *const *args)
{
    struct stage *x = calloc(1, sizeof(*x));

    x->a = arena_new();
    comfy_sandbox_start(&x->s, args);
    *state = x;
    return 0;
}

static int
setup(void **state)
{
    return setup_with(state, NULL);
}

static int
setup_newer(void **state)
{
    static const char *const args[] = {"--profile", "0.38", NULL};

    return setup_with(state, args);
}

static int
setup_slow(void **state)
{
    static const char *const args[] = {"--render-ms", "150", NULL};

    return setup_with(state, args);
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

/* The answer's body, in the arena. */
static const char *
ask(struct stage *x, const char *method, const char *path, const char *json,
    int status)
{
    struct raw_answer r;
    const char *body;

    comfy_sandbox_ask(&x->s, method, path, json, &r);
    if (r.status != status)
        fail_msg("%s %s: %d %s", method, path, r.status, r.body);
    body = arena_strn(x->a, r.body, r.body_len);
    raw_answer_free(&r);
    return body;
}

/* A graph that needs no file; prefix and colour make it unlike others. */
static const char *
graph(struct stage *x, const char *id, const char *prefix, int color,
      const char *more)
{
    return arena_fmt(
        x->a,
        "{\"prompt_id\": \"%s\", \"client_id\": \"t\"%s, \"prompt\": {\"1\": "
        "{\"class_type\": \"EmptyImage\", \"inputs\": {\"width\": 16, "
        "\"height\": 16, \"batch_size\": 1, \"color\": %d}}, \"2\": "
        "{\"class_type\": \"ImageInvert\", \"inputs\": {\"image\": [\"1\", "
        "0]}}, \"9\": {\"class_type\": \"SaveImage\", \"inputs\": "
        "{\"images\": [\"2\", 0], \"filename_prefix\": \"%s\"}}}}",
        id, more, color, prefix);
}

static const char *
post(struct stage *x, const char *id, const char *prefix)
{
    return ask(x, "POST", "/prompt", graph(x, id, prefix, 1, ""), 200);
}

/* Asks until the body holds the text. */
static const char *
wait_for(struct stage *x, const char *path, const char *text)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    const char *body;

    do {
        body = ask(x, "GET", path, NULL, 200);
        if (strstr(body, text))
            return body;
        clock_sleep_ms(5);
    } while (clock_mono_ms() < until);
    fail_msg("%s never held %s: %s", path, text, body);
    return NULL;
}

static const char *
history(struct stage *x, const char *id)
{
    return wait_for(x, arena_fmt(x->a, "/history/%s", id), "\"status_str\"");
}

static bool
has(const char *body, const char *text)
{
    return strstr(body, text) != NULL;
}

/* ---- faults ---- */

static void
a_prompt_runs_once_and_is_counted(void **state)
{
    struct stage *x = *state;

    post(x, ID_A, "a");
    history(x, ID_A);
    assert_int_equal(comfy_sandbox_runs(&x->s, ID_A), 1);
    post(x, ID_A, "a");
    wait_for(x, "/sandbox/state", "\"total_runs\": 2");
    assert_int_equal(comfy_sandbox_runs(&x->s, ID_A), 2);
    assert_int_equal(comfy_sandbox_runs(&x->s, ID_B), 0);
}

static void
runs_are_counted_over_a_killed_process(void **state)
{
    struct stage *x = *state;

    post(x, ID_A, "a");
    history(x, ID_A);
    comfy_sandbox_kill(&x->s);
    comfy_sandbox_again(&x->s);
    assert_string_equal(ask(x, "GET", "/history/" ID_A, NULL, 200), "{}");
    assert_int_equal(comfy_sandbox_runs(&x->s, ID_A), 1);
    post(x, ID_A, "a");
    assert_true(has(history(x, ID_A), "\"a_00002_.png\""));
}

static void
dying_after_accepting_gives_no_answer(void **state)
{
    struct stage *x = *state;
    struct raw_answer r;

    comfy_sandbox_fault(&x->s, "die_after_accept", 1, 0);
    comfy_sandbox_ask(&x->s, "POST", "/prompt", graph(x, ID_A, "a", 1, ""), &r);
    assert_int_equal(r.status, 0);
    raw_answer_free(&r);
    comfy_sandbox_wait(&x->s);
    comfy_sandbox_again(&x->s);
    assert_true(has(post(x, ID_B, "b"), "\"number\": 0"));
}

static void
a_restart_forgets_queue_history_and_numbers(void **state)
{
    struct stage *x = *state;

    post(x, ID_A, "a");
    history(x, ID_A);
    comfy_sandbox_fault(&x->s, "hang", 1, 0);
    post(x, ID_B, "b");
    wait_for(x, "/sandbox/state", "\"running\": \"" ID_B);
    post(x, ID_C, "c");
    comfy_sandbox_fault(&x->s, "restart", 1, 0);
    assert_string_equal(ask(x, "GET", "/queue", NULL, 200),
                        "{\"queue_running\": [], \"queue_pending\": []}");
    assert_string_equal(ask(x, "GET", "/history", NULL, 200), "{}");
    assert_true(has(post(x, ID_C, "c"), "\"number\": 0"));
    assert_true(has(history(x, ID_C), "\"success\""));
    assert_string_equal(ask(x, "GET", "/history/" ID_B, NULL, 200), "{}");
}

static void
a_dead_executor_stays_dead_until_a_restart(void **state)
{
    struct stage *x = *state;

    comfy_sandbox_fault(&x->s, "executor_dead", 1, 0);
    post(x, ID_A, "a");
    wait_for(x, "/sandbox/state", "\"executor_alive\": false");
    post(x, ID_B, "b");
    ask(x, "POST", "/interrupt", "{\"prompt_id\": \"" ID_A "\"}", 200);
    assert_true(
        has(ask(x, "GET", "/prompt", NULL, 200), "\"queue_remaining\": 2"));
    comfy_sandbox_fault(&x->s, "restart", 1, 0);
    post(x, ID_B, "b");
    assert_true(has(history(x, ID_B), "\"success\""));
}

static void
errors_of_the_gpu_end_one_prompt(void **state)
{
    struct stage *x = *state;

    comfy_sandbox_fault(&x->s, "oom", 1, 0);
    post(x, ID_A, "a");
    assert_true(has(history(x, ID_A), "\"torch.OutOfMemoryError\""));
    comfy_sandbox_fault(&x->s, "gpu_error", 1, 0);
    post(x, ID_B, "b");
    assert_true(has(history(x, ID_B), "CUDA error"));
    assert_true(has(history(x, ID_B), "\"status_str\": \"error\""));
    post(x, ID_C, "c");
    assert_true(has(history(x, ID_C), "\"success\""));
}

static void
a_late_history_leaves_a_gap(void **state)
{
    struct stage *x = *state;

    comfy_sandbox_fault(&x->s, "history_late", 1, 600000);
    post(x, ID_A, "a");
    wait_for(x, "/sandbox/state", "\"history\": 1");
    assert_string_equal(ask(x, "GET", "/history/" ID_A, NULL, 200), "{}");
    assert_false(has(ask(x, "GET", "/queue", NULL, 200), ID_A));
    comfy_sandbox_fault(&x->s, "history_late", 1, 100);
    post(x, ID_B, "b");
    assert_true(has(history(x, ID_B), "\"success\""));
}

static void
history_is_evicted_oldest_first(void **state)
{
    struct stage *x = *state;

    post(x, ID_A, "a");
    history(x, ID_A);
    post(x, ID_B, "b");
    history(x, ID_B);
    comfy_sandbox_fault(&x->s, "evict_history", 1, 0);
    assert_string_equal(ask(x, "GET", "/history/" ID_A, NULL, 200), "{}");
    assert_true(has(ask(x, "GET", "/history", NULL, 200), ID_B));
    comfy_sandbox_fault(&x->s, "evict_history", -1, 0);
    assert_string_equal(ask(x, "GET", "/history", NULL, 200), "{}");
}

static void
answers_to_a_prompt_can_go_wrong(void **state)
{
    struct stage *x = *state;
    const char *body = graph(x, ID_A, "a", 1, "");

    comfy_sandbox_fault(&x->s, "prompt_500", 1, 0);
    assert_true(has(ask(x, "POST", "/prompt", body, 500),
                    "Server got itself in trouble"));
    comfy_sandbox_fault(&x->s, "reject_prompt", 1, 0);
    assert_true(has(ask(x, "POST", "/prompt", body, 400),
                    "prompt_outputs_failed_validation"));
    assert_int_equal(comfy_sandbox_runs(&x->s, NULL), 0);
    comfy_sandbox_fault(&x->s, "node_errors_200", 1, 0);
    assert_true(has(ask(x, "POST", "/prompt", body, 200),
                    "\"node_errors\": {\"9\": {\"errors\""));
    comfy_sandbox_fault(&x->s, "ignore_prompt_id", 1, 0);
    assert_false(has(ask(x, "POST", "/prompt", body, 200), ID_A));
}

static void
views_can_go_wrong(void **state)
{
    static const char path[] = "/view?filename=a_00001_.png";
    struct stage *x = *state;
    struct raw_answer whole, cut;
    char length[32];

    post(x, ID_A, "a");
    history(x, ID_A);
    comfy_sandbox_ask(&x->s, "GET", path, NULL, &whole);
    assert_int_equal(whole.status, 200);
    comfy_sandbox_fault(&x->s, "view_404", 1, 0);
    assert_int_equal(comfy_sandbox_status(&x->s, "GET", path, NULL), 404);
    comfy_sandbox_fault(&x->s, "truncated_view", 1, 0);
    comfy_sandbox_ask(&x->s, "GET", path, NULL, &cut);
    assert_true(raw_header(&cut, "Content-Length", length, sizeof(length)));
    assert_int_equal(strtoul(length, NULL, 10), whole.body_len);
    assert_true(cut.body_len < whole.body_len);
    raw_answer_free(&cut);
    comfy_sandbox_fault(&x->s, "slow_view", 1, 120);
    int64_t before = clock_mono_ms();
    assert_int_equal(comfy_sandbox_status(&x->s, "GET", path, NULL), 200);
    assert_true(clock_mono_ms() - before >= 120);
    raw_answer_free(&whole);
}

static void
every_answer_can_be_delayed_and_faults_cleared(void **state)
{
    struct stage *x = *state;
    int64_t before = clock_mono_ms();

    comfy_sandbox_fault(&x->s, "delay_all", -1, 100);
    assert_int_equal(comfy_sandbox_status(&x->s, "GET", "/prompt", NULL), 200);
    assert_int_equal(comfy_sandbox_status(&x->s, "GET", "/queue", NULL), 200);
    assert_true(clock_mono_ms() - before >= 200);
    comfy_sandbox_fault(&x->s, "clear", 0, 0);
    assert_true(
        has(ask(x, "GET", "/sandbox/state", NULL, 200), "\"faults\": {}"));
    assert_int_equal(comfy_sandbox_status(&x->s, "POST", "/sandbox/faults",
                                          "{\"fault\": \"nosuch\"}"),
                     400);
}

/* ---- queue and cancelling ---- */

/* Position of each id in queue_pending, as text "bca". */
static void
pending_order(struct stage *x, char out[8])
{
    struct py *q =
        py_parse(x->a, str_c(ask(x, "GET", "/queue", NULL, 200)), NULL);
    size_t n = 0;

    for (const struct py *i = py_get(q, "queue_pending")->first; i; i = i->next)
        out[n++] = (char)('a' + py_at(i, 1)->text.p[0] - '1');
    out[n] = '\0';
}

static void
hang_with(struct stage *x, const char *id)
{
    comfy_sandbox_fault(&x->s, "hang", 1, 0);
    post(x, id, "hang");
    wait_for(x, "/sandbox/state", arena_fmt(x->a, "\"running\": \"%s", id));
}

static void
the_queue_is_a_heap_by_number(void **state)
{
    struct stage *x = *state;
    char order[8];

    hang_with(x, "00000000-0000-4000-8000-000000000000");
    ask(x, "POST", "/prompt", graph(x, ID_A, "a", 1, ", \"number\": 7"), 200);
    ask(x, "POST", "/prompt", graph(x, ID_B, "b", 1, ", \"number\": 3.5"), 200);
    ask(x, "POST", "/prompt", graph(x, ID_C, "c", 1, ", \"front\": true"), 200);
    pending_order(x, order);
    assert_string_equal(order, "cab");
    assert_int_equal(
        comfy_sandbox_status(&x->s, "POST", "/prompt",
                             graph(x, ID_A, "other", 1, ", \"number\": 7")),
        500);
    ask(x, "POST", "/queue", "{\"delete\": [\"" ID_C "\"]}", 200);
    pending_order(x, order);
    assert_int_equal(order[0], 'b');
    ask(x, "POST", "/queue", "{\"clear\": true}", 200);
    pending_order(x, order);
    assert_string_equal(order, "");
}

static void
an_interrupt_names_its_prompt(void **state)
{
    struct stage *x = *state;

    hang_with(x, ID_A);
    ask(x, "POST", "/interrupt", "{\"prompt_id\": \"" ID_B "\"}", 200);
    assert_string_equal(ask(x, "GET", "/history/" ID_A, NULL, 200), "{}");
    ask(x, "POST", "/interrupt", "{\"prompt_id\": \"" ID_A "\"}", 200);
    assert_true(has(history(x, ID_A), "[\"execution_interrupted\", "));
    hang_with(x, ID_B);
    comfy_sandbox_fault(&x->s, "interrupt_global", 1, 0);
    ask(x, "POST", "/interrupt", "{\"prompt_id\": \"" ID_A "\"}", 200);
    assert_true(has(history(x, ID_B), "[\"execution_interrupted\", "));
    hang_with(x, ID_C);
    ask(x, "POST", "/interrupt", "not json", 200);
    assert_true(has(history(x, ID_C), "[\"execution_interrupted\", "));
}

static void
a_rendering_lasts_as_long_as_asked(void **state)
{
    struct stage *x = *state;
    int64_t before = clock_mono_ms();

    post(x, ID_A, "a");
    history(x, ID_A);
    assert_true(clock_mono_ms() - before >= 150);
}

static void
history_pages_from_the_newest(void **state)
{
    struct stage *x = *state;
    const char *body;

    post(x, ID_A, "a");
    post(x, ID_B, "b");
    post(x, ID_C, "c");
    history(x, ID_C);
    body = ask(x, "GET", "/history?max_items=2", NULL, 200);
    assert_true(!has(body, ID_A) && has(body, ID_B) && has(body, ID_C));
    body = ask(x, "GET", "/history?max_items=1&offset=1", NULL, 200);
    assert_true(!has(body, ID_A) && has(body, ID_B) && !has(body, ID_C));
    assert_string_equal(ask(x, "GET", "/history?max_items=0", NULL, 200), "{}");
    body = ask(x, "GET", "/history?max_items=0&offset=0", NULL, 200);
    assert_true(has(body, ID_A) && !has(body, ID_B));
    ask(x, "GET", "/history?max_items=x", NULL, 500);
    ask(x, "POST", "/history", "{\"delete\": [\"" ID_B "\"]}", 200);
    assert_string_equal(ask(x, "GET", "/history/" ID_B, NULL, 200), "{}");
}

static void
freeing_memory_forgets_results(void **state)
{
    struct stage *x = *state;

    post(x, ID_A, "a");
    assert_true(has(history(x, ID_A), "\"a_00001_.png\""));
    post(x, ID_B, "a");
    assert_true(has(history(x, ID_B), "\"a_00001_.png\""));
    ask(x, "POST", "/free", "{\"free_memory\": true}", 200);
    post(x, ID_C, "a");
    assert_true(has(history(x, ID_C), "\"a_00002_.png\""));
}

/* ---- uploads ---- */

static const char *
part(struct stage *x, const char *disposition, const char *data)
{
    return arena_fmt(x->a,
                     "--" BOUNDARY "\r\nContent-Disposition: form-data; "
                     "%s\r\n\r\n%s\r\n",
                     disposition, data);
}

static const char *
image_part(struct stage *x, const char *filename, const char *data)
{
    return part(x, arena_fmt(x->a, "name=\"image\"; filename=\"%s\"", filename),
                data);
}

static const char *
upload(struct stage *x, const char *parts, int status)
{
    const char *body = arena_fmt(x->a, "%s--" BOUNDARY "--\r\n", parts);
    int fd = raw_connect(x->s.port);
    struct raw_answer r;

    raw_sends(
        fd,
        arena_fmt(
            x->a,
            "POST /upload/image HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            "Content-Type: multipart/form-data; boundary=" BOUNDARY "\r\n"
            "Content-Length: %zu\r\n\r\n%s",
            strlen(body), body));
    raw_read(fd, &r, false);
    close(fd);
    if (r.status != status)
        fail_msg("%d, not %d: %s", r.status, status, r.body);
    body = arena_strn(x->a, r.body, r.body_len);
    raw_answer_free(&r);
    return body;
}

static void
uploads_of_one_name_are_told_apart_by_content(void **state)
{
    struct stage *x = *state;
    const char *over = part(x, "name=\"overwrite\"", "true");

    assert_string_equal(upload(x, image_part(x, "p.png", "one"), 200),
                        "{\"name\": \"p.png\", \"subfolder\": \"\", "
                        "\"type\": \"input\"}");
    assert_true(
        has(upload(x, image_part(x, "p.png", "one"), 200), "\"p.png\""));
    assert_true(
        has(upload(x, image_part(x, "p.png", "two"), 200), "\"p (1).png\""));
    assert_true(
        has(upload(x, image_part(x, "p.png", "two"), 200), "\"p (1).png\""));
    assert_true(
        has(upload(x, image_part(x, "p.png", "six"), 200), "\"p (2).png\""));
    assert_true(has(
        upload(x, arena_fmt(x->a, "%s%s", over, image_part(x, "p.png", "new")),
               200),
        "\"p.png\""));
    assert_string_equal(
        ask(x, "GET", "/view?type=input&filename=p.png", NULL, 200), "new");
}

static void
uploads_go_where_they_are_told_and_not_outside(void **state)
{
    struct stage *x = *state;
    const char *image = image_part(x, "p.png", "one");
    const char *sub = part(x, "name=\"subfolder\"", "jobs/abc");
    const char *temp = part(x, "name=\"type\"", "temp");
    const char *outside = part(x, "name=\"subfolder\"", "../..");

    assert_string_equal(
        upload(x, arena_fmt(x->a, "%s%s%s", sub, temp, image), 200),
        "{\"name\": \"p.png\", \"subfolder\": \"jobs/abc\", \"type\": "
        "\"temp\"}");
    assert_string_equal(
        ask(x, "GET", "/view?type=temp&subfolder=jobs%2Fabc&filename=p.png",
            NULL, 200),
        "one");
    upload(x, arena_fmt(x->a, "%s%s", outside, image), 400);
    upload(x, image_part(x, "../x.png", "one"), 400);
    upload(x, image_part(x, "nosuch/x.png", "one"), 500);
    upload(x, image_part(x, "a;b;c.png", "one"), 500);
    upload(x, part(x, "name=\"image\"", "one"), 500);
    upload(x, temp, 400);
    upload(x, arena_fmt(x->a, "%s%s", part(x, "name=\"type\"", "bad"), image),
           500);
    assert_true(
        has(upload(x, image_part(x, "\u043a\u043e\u0442.png", "one"), 200),
            "\"\\u043a\\u043e\\u0442.png\""));
    comfy_sandbox_fault(&x->s, "upload_413", 1, 0);
    upload(x, image, 413);
}

/* ---- models ---- */

static void
models_are_listed_from_a_folder(void **state)
{
    const char *args[] = {"--models", NULL, NULL};
    struct stage x = {.a = arena_new()};
    struct tmp_dir models;

    (void)state;
    tmp_dir_make(&models);
    assert_int_equal(
        path_make_dirs(arena_fmt(x.a, "%s/loras/sdxl", models.path), NULL), 0);
    assert_int_equal(
        file_write(arena_fmt(x.a, "%s/loras/b.safetensors", models.path),
                   STR(""), 0600, NULL),
        0);
    assert_int_equal(
        file_write(arena_fmt(x.a, "%s/loras/sdxl/a.safetensors", models.path),
                   STR(""), 0600, NULL),
        0);
    args[1] = models.path;
    comfy_sandbox_start(&x.s, args);
    assert_string_equal(ask(&x, "GET", "/models/loras", NULL, 200),
                        "[\"b.safetensors\", \"sdxl/a.safetensors\"]");
    assert_string_equal(ask(&x, "GET", "/models/vae", NULL, 200), "[]");
    ask(&x, "GET", "/models/nosuch", NULL, 404);
    comfy_sandbox_stop(&x.s);
    tmp_dir_remove(&models);
    arena_free(x.a);
}

/* ---- profile 0.38 ---- */

static void
newer_servers_want_uuids(void **state)
{
    struct stage *x = *state;

    assert_true(has(ask(x, "POST", "/prompt", graph(x, "a", "a", 1, ""), 400),
                    "\"invalid_prompt_id\""));
    assert_true(has(
        ask(x, "POST", "/prompt",
            graph(x, "AAAAAAAA-1111-4111-8111-111111111111", "a", 1, ""), 400),
        "\"invalid_prompt_id\""));
    assert_true(has(post(x, ID_A, "a"), ID_A));
    ask(x, "POST", "/prompt", graph(x, ID_B, "b", 1, ", \"extra_data\": 5"),
        500);
}

static void
newer_servers_name_missing_nodes_and_check_all_options(void **state)
{
    struct stage *x = *state;

    assert_true(
        has(ask(x, "POST", "/prompt",
                "{\"prompt\": {\"1\": {\"class_type\": "
                "\"Nope\", \"inputs\": {}}}}",
                400),
            "{\"type\": \"missing_node_type\", \"message\": \"Node 'Nope' not "
            "found."));
    assert_true(has(
        ask(x, "POST", "/prompt",
            "{\"prompt\": {\"1\": {\"class_type\": \"LoadImage\", \"inputs\": "
            "{\"image\": \"example.png\"}}, \"2\": {\"class_type\": "
            "\"ImageQuantize\", \"inputs\": {\"image\": [\"1\", 0], "
            "\"colors\": 4, \"dither\": \"magic\"}}, \"9\": {\"class_type\": "
            "\"SaveImage\", \"inputs\": {\"images\": [\"2\", 0], "
            "\"filename_prefix\": \"x\"}}}}",
            400),
        "\"value_not_in_list\""));
    assert_true(
        has(ask(x, "GET", "/object_info/ImageScaleToTotalPixels", NULL, 200),
            "\"resolution_steps\""));
}

static void
newer_servers_name_cycles(void **state)
{
    struct stage *x = *state;

    assert_true(has(
        ask(x, "POST", "/prompt",
            "{\"prompt\": {\"1\": {\"class_type\": \"ImageInvert\", "
            "\"inputs\": {\"image\": [\"2\", 0]}}, \"2\": {\"class_type\": "
            "\"ImageInvert\", \"inputs\": {\"image\": [\"1\", 0]}}, \"9\": "
            "{\"class_type\": \"SaveImage\", \"inputs\": {\"images\": [\"1\", "
            "0], \"filename_prefix\": \"x\"}}}}",
            400),
        "\"details\": \"1 (ImageInvert) -> 2 (ImageInvert) -> 1 "
        "(ImageInvert)\""));
}

static void
jobs_tell_their_state_in_one_call(void **state)
{
    struct stage *x = *state;
    const char *body;

    ask(x, "GET", "/api/jobs/" ID_A, NULL, 404);
    post(x, ID_A, "a");
    body = wait_for(x, "/api/jobs/" ID_A, "\"status\": \"completed\"");
    assert_true(has(body, "\"preview_output\": {\"filename\": "
                          "\"a_00001_.png\""));
    assert_true(has(body, "\"nodeId\": \"9\", \"mediaType\": \"images\"}"));
    hang_with(x, ID_B);
    post(x, ID_C, "c");
    assert_true(
        has(ask(x, "GET", "/api/jobs/" ID_B, NULL, 200), "\"in_progress\""));
    assert_true(
        has(ask(x, "GET", "/api/jobs/" ID_C, NULL, 200), "\"pending\""));
    body = ask(x, "GET", "/api/jobs?status=pending,in_progress&limit=1", NULL,
               200);
    assert_true(has(body, "\"total\": 2, \"has_more\": true"));
    ask(x, "GET", "/api/jobs?status=nosuch", NULL, 400);
    ask(x, "GET", "/api/jobs?limit=0", NULL, 400);
}

static void
jobs_are_cancelled_wherever_they_are(void **state)
{
    struct stage *x = *state;

    hang_with(x, ID_A);
    post(x, ID_B, "b");
    assert_true(has(ask(x, "POST", "/api/jobs/" ID_B "/cancel", NULL, 200),
                    "{\"cancelled\": true}"));
    assert_true(has(ask(x, "POST", "/api/jobs/" ID_B "/cancel", NULL, 200),
                    "{\"cancelled\": false}"));
    assert_true(has(ask(x, "POST", "/api/jobs/cancel",
                        "{\"job_ids\": [\"" ID_A "\"]}", 200),
                    "{\"cancelled\": true}"));
    wait_for(x, "/api/jobs/" ID_A, "\"status\": \"cancelled\"");
    assert_true(has(
        ask(x, "POST", "/api/jobs/cancel", "{\"job_ids\": [\"nope\", 5]}", 400),
        "\"invalid_ids\": [\"nope\", 5]"));
}

int
main(void)
{
#define STAGED(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define NEWER(fn) cmocka_unit_test_setup_teardown(fn, setup_newer, teardown)
    const struct CMUnitTest tests[] = {
        STAGED(a_prompt_runs_once_and_is_counted),
        STAGED(runs_are_counted_over_a_killed_process),
        STAGED(dying_after_accepting_gives_no_answer),
        STAGED(a_restart_forgets_queue_history_and_numbers),
        STAGED(a_dead_executor_stays_dead_until_a_restart),
        STAGED(errors_of_the_gpu_end_one_prompt),
        STAGED(a_late_history_leaves_a_gap),
        STAGED(history_is_evicted_oldest_first),
        STAGED(answers_to_a_prompt_can_go_wrong),
        STAGED(views_can_go_wrong),
        STAGED(every_answer_can_be_delayed_and_faults_cleared),
        STAGED(the_queue_is_a_heap_by_number),
        STAGED(an_interrupt_names_its_prompt),
        cmocka_unit_test_setup_teardown(a_rendering_lasts_as_long_as_asked,
                                        setup_slow, teardown),
        STAGED(history_pages_from_the_newest),
        STAGED(freeing_memory_forgets_results),
        STAGED(uploads_of_one_name_are_told_apart_by_content),
        STAGED(uploads_go_where_they_are_told_and_not_outside),
        cmocka_unit_test(models_are_listed_from_a_folder),
        NEWER(newer_servers_want_uuids),
        NEWER(newer_servers_name_missing_nodes_and_check_all_options),
        NEWER(newer_servers_name_cycles),
        NEWER(jobs_tell_their_state_in_one_call),
        NEWER(jobs_are_cancelled_wherever_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

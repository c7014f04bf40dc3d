/*
 * The ComfyUI client against servers that run graphs: the sandbox's, and a
 * real one when TEST_COMFYUI_URL names it (else those tests are skipped).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/image.h"
#include "base/log.h"
#include "base/rand.h"
#include "comfy/client.h"
#include "tests/support/comfy_sandbox.h"

#define WAIT_MS 60000
#define VIEW_MAX ((size_t)16 << 20)

static char url[128]; /* "" : there is no such server */
static struct comfy *c;
static struct arena *a;
static struct err e;

/* ---- graphs; %s is a prefix of file names that no other run has ---- */

#define SAVE(from)                                                             \
    "\"9\":{\"class_type\":\"SaveImage\",\"inputs\":{\"images\":[\"" from      \
    "\",0],\"filename_prefix\":\"%s\"}}"
#define EMPTY(w, h)                                                            \
    "\"1\":{\"class_type\":\"EmptyImage\",\"inputs\":{\"width\":" #w           \
    ",\"height\":" #h ",\"batch_size\":1,\"color\":255}}"
#define LOAD(name)                                                             \
    "\"1\":{\"class_type\":\"LoadImage\",\"inputs\":{\"image\":\"" name "\"}}"
#define INVERT                                                                 \
    "\"2\":{\"class_type\":\"ImageInvert\",\"inputs\":{\"image\":[\"1\",0]}}"
#define BLUR(n, from, sigma)                                                   \
    "\"" n "\":{\"class_type\":\"ImageBlur\",\"inputs\":{\"image\":[\"" from   \
    "\",0],\"blur_radius\":15,\"sigma\":" sigma "}}"

/* clang-format off */
static const char invert[] = "{" EMPTY(40, 30) "," INVERT "," SAVE("2") "}";
static const char slow[] =
    "{" EMPTY(1024, 1024) ","
    BLUR("2", "1", "1.0") "," BLUR("3", "2", "1.1") ","
    BLUR("4", "3", "1.2") "," BLUR("5", "4", "1.3") ","
    BLUR("6", "5", "1.4") "," BLUR("7", "6", "1.5") ","
    BLUR("8", "7", "1.6") "," BLUR("10", "8", "1.7") ","
    BLUR("11", "10", "1.8") "," BLUR("12", "11", "1.9") ","
    SAVE("12") "}";
/* clang-format on */

static const char *const node9[] = {"9"};

/* ---- help ---- */

static struct str
graph(const char *format)
{
    char id[37];

    rand_uuid(id);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    return str_c(arena_fmt(a, format, id));
#pragma GCC diagnostic pop
}

static const char *
new_id(void)
{
    char id[37];

    rand_uuid(id);
    return arena_strdup(a, id);
}

static const char *
submit(struct str g)
{
    struct comfy_submitted s;
    const char *id = new_id();

    if (comfy_submit(c, a, g, id, NULL, &s, &e) != 0)
        fail_msg("%s", e.msg);
    assert_true(s.accepted);
    assert_false(s.other_id);
    assert_string_equal(s.prompt_id, id);
    return id;
}

/* Refused: with the fault, and out of the queue. */
static struct comfy_submitted
refused(struct str g, enum comfy_fault fault)
{
    struct comfy_submitted s;

    assert_int_equal(comfy_submit(c, a, g, new_id(), NULL, &s, &e), -1);
    assert_int_equal(e.code, ERR_BAD_INPUT);
    assert_string_equal(comfy_fault_label(s.fault), comfy_fault_label(fault));
    assert_non_null(strstr(e.msg, s.text));
    return s;
}

static struct comfy_look
look(const char *id, const char *const *wanted, size_t n)
{
    struct comfy_look l;

    if (comfy_look(c, a, id, wanted, n, &l, &e) != 0)
        fail_msg("%s", e.msg);
    return l;
}

static struct comfy_look
await_state(const char *id, enum comfy_state state, const char *const *wanted,
            size_t n)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    struct comfy_look l = look(id, wanted, n);

    while (l.state != state) {
        assert_true(clock_mono_ms() < until);
        clock_sleep_ms(10);
        l = look(id, wanted, n);
    }
    return l;
}

static struct comfy_result
run(struct str g, const char *const *wanted, size_t n)
{
    return await_state(submit(g), COMFY_FINISHED, wanted, n).result;
}

static void
fetched_is(const struct comfy_file *f, uint32_t width, uint32_t height)
{
    struct image_info info;
    struct buf b;

    if (comfy_fetch(c, f, VIEW_MAX, &b, &e) != 0)
        fail_msg("%s", e.msg);
    assert_int_equal(image_probe(buf_str(&b), &info, &e), 0);
    assert_int_equal(info.kind, IMAGE_PNG);
    assert_int_equal(info.width, width);
    assert_int_equal(info.height, height);
    buf_free(&b);
}

static const char *
upload(struct str bytes, const char *name)
{
    const char *input;

    if (comfy_upload(c, a, bytes, name, &input, &e) != 0)
        fail_msg("%s", e.msg);
    return input;
}

/* ---- what is checked ---- */

static void
a_healthy_server_tells_its_version(void **state)
{
    struct comfy_stats s;

    (void)state;
    assert_int_equal(comfy_health(c, 30000, &s, &e), 0);
    assert_true(comfy_version_from(s.version, 0, 3, 45));
    assert_string_equal(s.device_type, "cpu");
    assert_true(s.ram_total > 0);
}

static void
a_graph_runs_and_its_picture_is_fetched(void **state)
{
    struct comfy_result r = run(graph(invert), node9, 1);

    (void)state;
    assert_int_equal(r.end, COMFY_END_SUCCESS);
    assert_int_equal(r.n_files, 1);
    assert_string_equal(r.files[0].node, "9");
    assert_int_equal(r.files[0].kind, COMFY_IMAGE);
    assert_true(r.ended_ms >= r.started_ms && r.started_ms > 0);
    fetched_is(&r.files[0], 40, 30);
}

/* The whole way of a job: its picture goes up and comes back. */
static void
an_uploaded_picture_goes_through_a_graph(void **state)
{
    static const char load[] =
        "{" LOAD("live_input.png [temp]") "," INVERT "," SAVE("2") "}";
    struct comfy_result r = run(graph(invert), node9, 1);
    struct buf png;
    const char *input;

    (void)state;
    assert_int_equal(comfy_fetch(c, &r.files[0], VIEW_MAX, &png, &e), 0);
    input = upload(buf_str(&png), "live_input.png");
    assert_string_equal(input, "live_input.png [temp]");
    assert_string_equal(upload(buf_str(&png), "live_input.png"), input);
    r = run(graph(load), node9, 1);
    assert_int_equal(r.end, COMFY_END_SUCCESS);
    fetched_is(&r.files[0], 40, 30);
    buf_free(&png);
}

static void
bytes_that_are_no_picture_are_the_inputs_fault(void **state)
{
    static const char load[] =
        "{" LOAD("live_garbage.png [temp]") "," SAVE("1") "}";
    struct comfy_result r;

    (void)state;
    upload(STR("these bytes are no picture at all"), "live_garbage.png");
    r = run(graph(load), node9, 1);
    assert_int_equal(r.end, COMFY_END_FAILED);
    assert_int_equal(r.fault, COMFY_FAULT_input);
    assert_string_equal(r.node, "1");
    assert_string_equal(r.node_class, "LoadImage");
}

static void
an_upload_that_is_gone_is_a_loss_and_not_the_users_fault(void **state)
{
    static const char load[] =
        "{" LOAD("live_never_sent.png [temp]") "," SAVE("1") "}";
    struct comfy_submitted s = refused(graph(load), COMFY_FAULT_lost);

    (void)state;
    assert_string_equal(s.node, "1");
    assert_string_equal(s.prompt_id, "");
}

static void
a_node_that_raises_is_the_workflows_fault(void **state)
{
    static const char bad[] = "{" EMPTY(16, 16) "," BLUR(
        "2", "1", "1.0") ","
                         "\"3\":{\"class_type\":\"ImageBlur\",\"inputs\":{"
                         "\"image\":[\"2\",0],"
                         "\"blur_radius\":31,\"sigma\":1.0}}," SAVE("3") "}";
    struct comfy_result r = run(graph(bad), node9, 1);

    (void)state;
    assert_int_equal(r.end, COMFY_END_FAILED);
    assert_int_equal(r.fault, COMFY_FAULT_workflow);
    assert_string_equal(r.node, "3");
    assert_string_equal(r.exception, "RuntimeError");
    assert_non_null(strstr(r.text, "Padding size"));
}

static void
bad_values_and_unknown_classes_are_refused(void **state)
{
    static const char value[] = "{" EMPTY(99999, 16) "," SAVE("1") "}";
    static const char class[] =
        "{\"1\":{\"class_type\":\"NoSuchNodeClass\",\"inputs\":{}}," SAVE(
            "1") "}";
    struct comfy_submitted s = refused(graph(value), COMFY_FAULT_workflow);

    (void)state;
    assert_string_equal(s.type, "value_bigger_than_max");
    assert_string_equal(s.node, "1");
    s = refused(graph(class), COMFY_FAULT_workflow);
    assert_non_null(strstr(s.text, "NoSuchNodeClass"));
}

/* 200 with node_errors: what is good of the graph would run to no use. */
static void
a_graph_that_is_taken_in_part_is_cancelled(void **state)
{
    static const char part[] =
        "{" EMPTY(16, 16) ","
                          "\"2\":{\"class_type\":\"ImageScaleBy\",\"inputs\":{"
                          "\"image\":[\"1\","
                          "0],\"upscale_method\":\"area\",\"scale_by\":99.0}},"
                          "\"8\":{\"class_type\":\"PreviewImage\",\"inputs\":{"
                          "\"images\":[\"1\","
                          "0]}}," SAVE("2") "}";
    const char *before = submit(graph(slow));
    struct comfy_submitted s = refused(graph(part), COMFY_FAULT_workflow);

    (void)state;
    assert_string_not_equal(s.prompt_id, "");
    assert_int_equal(look(s.prompt_id, NULL, 0).state, COMFY_UNKNOWN);
    assert_int_equal(comfy_cancel(c, before, NULL, &e), 0);
    await_state(before, COMFY_FINISHED, NULL, 0);
}

static void
the_queue_tells_places_and_cancel_takes_out_only_its_own(void **state)
{
    const char *first = submit(graph(slow)), *second = submit(graph(slow));
    const char *third = submit(graph(invert));
    struct comfy_queue q;
    struct comfy_look l;
    bool stoppable = false;

    (void)state;
    l = await_state(first, COMFY_RUNNING, node9, 1);
    assert_int_equal(l.queue.running, 1);
    assert_int_equal(comfy_queue_summary(c, third, &q, &e), 0);
    assert_int_equal(q.state, COMFY_PENDING);
    assert_int_equal(q.ahead, 1);
    assert_int_equal(q.pending, 2);
    assert_int_equal(comfy_cancel(c, second, &stoppable, &e), 0);
    assert_true(stoppable);
    assert_int_equal(look(second, node9, 1).state, COMFY_UNKNOWN);
    assert_int_equal(look(first, node9, 1).state, COMFY_RUNNING);
    assert_int_equal(comfy_cancel(c, first, &stoppable, &e), 0);
    l = await_state(first, COMFY_FINISHED, node9, 1);
    assert_int_equal(l.result.end, COMFY_END_INTERRUPTED);
    assert_int_equal(l.result.fault, COMFY_FAULT_interrupted);
    l = await_state(third, COMFY_FINISHED, node9, 1);
    assert_int_equal(l.result.end, COMFY_END_SUCCESS);
}

static void
a_forgotten_run_is_unknown_and_forgetting_may_be_repeated(void **state)
{
    const char *id = submit(graph(invert));

    (void)state;
    await_state(id, COMFY_FINISHED, node9, 1);
    assert_int_equal(comfy_forget(c, id, &e), 0);
    assert_int_equal(look(id, node9, 1).state, COMFY_UNKNOWN);
    assert_int_equal(comfy_forget(c, id, &e), 0);
    assert_int_equal(look(new_id(), node9, 1).state, COMFY_UNKNOWN);
}

/* An identical graph comes from the cache: the old file's name, at once. */
static void
the_same_graph_again_names_the_same_file(void **state)
{
    struct str g = graph(invert);
    struct comfy_result one = run(g, node9, 1), two = run(g, node9, 1);

    (void)state;
    assert_int_equal(two.end, COMFY_END_SUCCESS);
    assert_string_equal(one.files[0].filename, two.files[0].filename);
}

static void
texts_and_files_come_in_the_order_asked_for_without_previews(void **state)
{
    static const char *const wanted[] = {"9", "7"};
    static const char kinds[] =
        "{" EMPTY(24, 16) ","
                          "\"3\":{\"class_type\":\"GetImageSize\",\"inputs\":{"
                          "\"image\":[\"1\","
                          "0]}},"
                          "\"7\":{\"class_type\":\"PreviewAny\",\"inputs\":{"
                          "\"source\":[\"3\","
                          "0]}},"
                          "\"8\":{\"class_type\":\"PreviewImage\",\"inputs\":{"
                          "\"images\":[\"1\","
                          "0]}}," SAVE("1") "}";
    struct comfy_result r = run(graph(kinds), wanted, 2);

    (void)state;
    assert_int_equal(r.end, COMFY_END_SUCCESS);
    assert_int_equal(r.n_files, 1);
    assert_int_equal(r.n_texts, 1);
    assert_string_equal(r.texts[0].node, "7");
    assert_string_equal(r.texts[0].text, "24");
}

static void
a_file_that_the_server_does_not_have_is_not_found(void **state)
{
    struct comfy_file f = {"9", "no such (file) & more.png", "", "output",
                           COMFY_IMAGE};
    struct comfy_result r = run(graph(invert), node9, 1);
    struct buf b;

    (void)state;
    assert_int_equal(comfy_fetch(c, &f, VIEW_MAX, &b, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    buf_free(&b);
    assert_int_equal(comfy_fetch(c, &r.files[0], 20, &b, &e), -1);
    assert_int_equal(e.code, ERR_TOO_LARGE);
    buf_free(&b);
}

static void
what_a_server_cannot_run_is_named(void **state)
{
    static const char *const classes[] = {"ImageInvert", "NoSuchNodeClass"};
    static const char *const models[] = {"checkpoints/no_such.safetensors"};
    static const char choice[] = "{" EMPTY(
        16, 16) ","
                "\"2\":{\"class_type\":\"ImageScaleBy\",\"inputs\":{\"image\":["
                "\"1\","
                "0],\"upscale_method\":\"magic\",\"scale_by\":2.0}},"
                "\"3\":{\"class_type\":\"ImageBlend\",\"inputs\":{\"image1\":["
                "\"1\","
                "0],\"image2\":[\"2\",0],\"blend_factor\":0.5,"
                "\"blend_mode\":\"magic\"}},"
                "\"4\":{\"class_type\":\"ImageInvert\",\"inputs\":{}}," SAVE(
                    "3") "}";
    struct comfy_needs needs = {.graph = graph(invert)};
    struct comfy_missing m;

    (void)state;
    assert_int_equal(comfy_can_run(c, a, &needs, &m, &e), 0);
    assert_int_equal(m.n, 0);
    needs = (struct comfy_needs){
        .classes = classes, .n_classes = 2, .models = models, .n_models = 1};
    assert_int_equal(comfy_can_run(c, a, &needs, &m, &e), 0);
    assert_int_equal(m.n, 2);
    assert_string_equal(m.items[0], "node NoSuchNodeClass");
    assert_string_equal(m.items[1], "model checkpoints/no_such.safetensors");
    needs = (struct comfy_needs){.graph = graph(choice)};
    assert_int_equal(comfy_can_run(c, a, &needs, &m, &e), 0);
    assert_int_equal(m.n, 3);
    assert_string_equal(m.items[0],
                        "choice ImageScaleBy.upscale_method: magic");
    assert_string_equal(m.items[1], "choice ImageBlend.blend_mode: magic");
    assert_string_equal(m.items[2], "input ImageInvert.image");
}

/* The server fills in nothing: what a graph lacks is refused, or filled. */
static void
a_graph_that_lacks_inputs_with_defaults_is_completed(void **state)
{
    static const char lacking[] =
        "{" EMPTY(40, 30) ","
                          "\"2\":{\"class_type\":\"ImageScale\",\"inputs\":{"
                          "\"image\":[\"1\",0],"
                          "\"width\":20,\"height\":18}},"
                          "\"3\":{\"class_type\":\"ImageAddNoise\",\"inputs\":{"
                          "\"image\":[\"2\","
                          "0],\"seed\":18446744073709551615}}," SAVE("3") "}";
    struct str g = graph(lacking);
    struct comfy_result r;
    const char *full;

    (void)state;
    refused(g, COMFY_FAULT_workflow);
    full = comfy_complete(c, a, g, &e);
    if (!full)
        fail_msg("%s", e.msg);
    assert_non_null(strstr(full, "18446744073709551615"));
    r = run(str_c(full), node9, 1);
    assert_int_equal(r.end, COMFY_END_SUCCESS);
    fetched_is(&r.files[0], 20, 18);
}

/* ---- the servers ---- */

static struct comfy_sandbox sandbox;

static int
sandbox_start(void **state)
{
    (void)state;
    comfy_sandbox_start(&sandbox, NULL);
    snprintf(url, sizeof(url), "%s", sandbox.url);
    return 0;
}

static int
sandbox_stop(void **state)
{
    (void)state;
    comfy_sandbox_stop(&sandbox);
    return 0;
}

static int
real_find(void **state)
{
    const char *set = getenv("TEST_COMFYUI_URL");

    (void)state;
    if (!set)
        print_message("TEST_COMFYUI_URL is not set: the real ComfyUI is not "
                      "asked\n");
    snprintf(url, sizeof(url), "%s", set ? set : "");
    return 0;
}

static int
begin(void **state)
{
    (void)state;
    a = arena_new();
    c = url[0] ? comfy_new(url, "comfyui", &e) : NULL;
    return url[0] && !c;
}

static int
end(void **state)
{
    (void)state;
    comfy_free(c);
    arena_free(a);
    return 0;
}

/* Each test is there twice: for the sandbox, and skipped without a real one. */
#define REAL(name)                                                             \
    static void name##_really(void **state)                                    \
    {                                                                          \
        if (!url[0])                                                           \
            skip();                                                            \
        name(state);                                                           \
    }
#define EACH(X)                                                                \
    X(a_healthy_server_tells_its_version)                                      \
    X(a_graph_runs_and_its_picture_is_fetched)                                 \
    X(an_uploaded_picture_goes_through_a_graph)                                \
    X(bytes_that_are_no_picture_are_the_inputs_fault)                          \
    X(an_upload_that_is_gone_is_a_loss_and_not_the_users_fault)                \
    X(a_node_that_raises_is_the_workflows_fault)                               \
    X(bad_values_and_unknown_classes_are_refused)                              \
    X(a_graph_that_is_taken_in_part_is_cancelled)                              \
    X(the_queue_tells_places_and_cancel_takes_out_only_its_own)                \
    X(a_forgotten_run_is_unknown_and_forgetting_may_be_repeated)               \
    X(the_same_graph_again_names_the_same_file)                                \
    X(texts_and_files_come_in_the_order_asked_for_without_previews)            \
    X(a_file_that_the_server_does_not_have_is_not_found)                       \
    X(what_a_server_cannot_run_is_named)                                       \
    X(a_graph_that_lacks_inputs_with_defaults_is_completed)
EACH(REAL)

int
main(void)
{
#define IN_SANDBOX(name) cmocka_unit_test_setup_teardown(name, begin, end),
#define FOR_REAL(name)                                                         \
    cmocka_unit_test_setup_teardown(name##_really, begin, end),
    const struct CMUnitTest in_sandbox[] = {EACH(IN_SANDBOX)};
    const struct CMUnitTest for_real[] = {EACH(FOR_REAL)};
    int failed;

    log_init("test", LOG_ERROR, false);
    failed = cmocka_run_group_tests(in_sandbox, sandbox_start, sandbox_stop);
    return failed + cmocka_run_group_tests(for_real, real_find, NULL);
}

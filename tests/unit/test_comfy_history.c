/* comfy/history.c and comfy/outputs.c: ends of runs and what they left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/buf.h"
#include "comfy/history.h"

#define OK "\"status_str\":\"success\",\"completed\":true"
#define BAD "\"status_str\":\"error\",\"completed\":false"
#define FILE9                                                                  \
    "\"9\":{\"images\":[{\"filename\":\"a.png\",\"subfolder\":\"j\","          \
    "\"type\":\"output\"}]}"
#define RUN(status, outputs)                                                   \
    "{\"x\":{\"status\":{" status "},\"outputs\":{" outputs "}}}"
#define MESSAGES(m) ",\"messages\":[" m "]"
#define START "[\"execution_start\",{\"timestamp\":1000}]"

static struct arena *a;
static struct err e;
static const char *const node9[] = {"9"};

static int
setup(void **state)
{
    (void)state;
    a = arena_new();
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    arena_free(a);
    return 0;
}

static struct comfy_result
read_for(const char *body, const char *const *wanted, size_t n)
{
    struct comfy_result r;

    if (comfy_history_parse(a, str_c(body), "x", wanted, n, &r, &e) != 0)
        fail_msg("%s: %s", body, e.msg);
    return r;
}

/* ---- ends ---- */

static void
status_messages_and_files_together_make_the_end(void **state)
{
    static const struct {
        const char *body;
        enum comfy_end end;
        enum comfy_fault fault;
    } t[] = {
        {"{}", COMFY_END_NONE, COMFY_FAULT_none},
        {"{\"y\":{}}", COMFY_END_NONE, COMFY_FAULT_none},
        {RUN(OK, FILE9), COMFY_END_SUCCESS, COMFY_FAULT_none},
        /* servers before 2024 */
        {"{\"x\":{\"outputs\":{" FILE9 "}}}", COMFY_END_SUCCESS,
         COMFY_FAULT_none},
        {"{\"x\":{\"outputs\":{},\"status\":null}}", COMFY_END_FAILED,
         COMFY_FAULT_workflow},
        /* a success without the file is none */
        {RUN(OK, ""), COMFY_END_FAILED, COMFY_FAULT_workflow},
        {RUN(OK, "\"8\":{\"images\":[{\"filename\":\"a.png\",\"type\":"
                 "\"temp\"}]}"),
         COMFY_END_FAILED, COMFY_FAULT_workflow},
        /* files of a failed run do not make it a success */
        {RUN(BAD, FILE9), COMFY_END_FAILED, COMFY_FAULT_workflow},
        {RUN(BAD MESSAGES(START ",[\"execution_error\",{\"exception_type\":"
                                "\"torch.OutOfMemoryError\"}]"),
             FILE9),
         COMFY_END_FAILED, COMFY_FAULT_oom},
        {RUN(BAD MESSAGES("[\"execution_interrupted\",{\"node_id\":\"2\"}]"),
             FILE9),
         COMFY_END_INTERRUPTED, COMFY_FAULT_interrupted},
        /* the known hole: a cycle found while running leaves "success" */
        {RUN(OK MESSAGES("[\"execution_error\",{\"exception_type\":"
                         "\"graph.DependencyCycleError\","
                         "\"current_inputs\":[]}]"),
             FILE9),
         COMFY_END_FAILED, COMFY_FAULT_workflow},
        /* not the end of a run */
        {RUN(OK MESSAGES("[\"execution_error\",{\"exception_type\":"
                         "\"ExecutionBlocked\"}],[\"execution_success\",{}]"),
             FILE9),
         COMFY_END_SUCCESS, COMFY_FAULT_none},
        /* odd messages are passed over */
        {RUN(OK MESSAGES("null,5,[],[7,{}],\"x\",[\"execution_success\"]"),
             FILE9),
         COMFY_END_SUCCESS, COMFY_FAULT_none},
        {RUN("\"status_str\":7", FILE9), COMFY_END_SUCCESS, COMFY_FAULT_none},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
        struct comfy_result r = read_for(t[i].body, node9, 1);
        if (r.end != t[i].end || r.fault != t[i].fault)
            fail_msg("%s: end %d, %s", t[i].body, (int)r.end,
                     comfy_fault_label(r.fault));
    }
}

static void
an_error_is_told_in_one_line_with_times(void **state)
{
    struct comfy_result r = read_for(
        RUN(BAD MESSAGES(
                START
                ",[\"execution_error\",{\"node_id\":\"2\",\"node_type\":"
                "\"ImageBlur\",\"exception_type\":\"RuntimeError\","
                "\"exception_message\":\"Padding\\nsize \\u0007 NaN\\n\","
                "\"current_inputs\":{\"sigma\":[NaN]},\"timestamp\":1234}]"),
            ""),
        node9, 1);

    (void)state;
    assert_string_equal(r.node, "2");
    assert_string_equal(r.node_class, "ImageBlur");
    assert_string_equal(r.exception, "RuntimeError");
    assert_string_equal(r.text, "Padding size NaN");
    assert_int_equal(r.started_ms, 1000);
    assert_int_equal(r.ended_ms, 1234);
}

static void
what_is_no_history_is_bad_input(void **state)
{
    static const char *const bodies[] = {"",          "[]",         "null",
                                         "{\"x\":5}", "{\"x\":[]}", "{\"x\":"};
    struct comfy_result r;

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        assert_int_equal(
            comfy_history_parse(a, str_c(bodies[i]), "x", node9, 1, &r, &e),
            -1);
        assert_int_equal(e.code, ERR_BAD_INPUT);
        assert_int_equal(r.end, COMFY_END_NONE);
    }
}

/* ---- files ---- */

static void
only_saved_files_of_wanted_nodes_count(void **state)
{
    static const char *const wanted[] = {"12", "9"};
    static const char body[] =
        RUN(OK, FILE9
            ",\"8\":{\"images\":[{\"filename\":\"t.png\",\"type\":\"temp\"}]}"
            ",\"7\":{\"text\":[\"unasked\"]}"
            ",\"12\":{\"gifs\":[{\"filename\":\"v.mp4\",\"subfolder\":\"\","
            "\"type\":\"output\",\"format\":\"video/h264-mp4\"}],"
            "\"text\":[\"one\\ntwo\"]}");
    struct comfy_result r = read_for(body, wanted, 2);

    (void)state;
    /* in the order of the wanted nodes, whatever order the server has */
    assert_int_equal(r.n_files, 2);
    assert_string_equal(r.files[0].filename, "v.mp4");
    assert_string_equal(r.files[0].node, "12");
    assert_int_equal(r.files[0].kind, COMFY_VIDEO);
    assert_string_equal(r.files[1].filename, "a.png");
    assert_string_equal(r.files[1].subfolder, "j");
    assert_int_equal(r.n_texts, 1);
    assert_string_equal(r.texts[0].text, "one\ntwo");
    assert_int_equal(read_for(body, NULL, 0).n_files, 2);
}

static void
a_wanted_node_without_a_file_fails_the_run_by_name(void **state)
{
    static const char *const wanted[] = {"9", "10"};
    struct comfy_result r = read_for(RUN(OK, FILE9), wanted, 2);

    (void)state;
    assert_int_equal(r.end, COMFY_END_FAILED);
    assert_string_equal(r.node, "10");
    assert_int_equal(r.n_files, 1);
}

static void
a_node_owns_what_its_subgraph_shows(void **state)
{
    struct comfy_result r = read_for(
        "{\"x\":{\"status\":{" OK "},\"outputs\":{\"9.0.0.1\":{\"images\":"
        "[{\"filename\":\"a.png\",\"type\":\"output\"}]}},\"meta\":"
        "{\"9.0.0.1\":{\"node_id\":\"9.0.0.1\",\"display_node\":\"9\"}}}}",
        node9, 1);

    (void)state;
    assert_int_equal(r.end, COMFY_END_SUCCESS);
    assert_string_equal(r.files[0].node, "9");
}

static void
odd_elements_and_names_that_view_refuses_are_passed_over(void **state)
{
    struct comfy_result r = read_for(
        RUN(OK, "\"9\":{\"images\":[null,\"a.png\",5,[],{},"
                "{\"filename\":5},{\"filename\":\"\"},"
                "{\"filename\":\"../a.png\"},{\"filename\":\"/etc/passwd\"},"
                "{\"filename\":\"b\\\\c.png\"},{\"filename\":\"a\\nb.png\"},"
                "{\"filename\":\"good (1).png\",\"subfolder\":null,"
                "\"metadata\":{}},{\"filename\":\"good (1).png\"}],"
                "\"result\":[\"m.glb\",{\"camera\":1}],\"n\":5}"),
        node9, 1);

    (void)state;
    assert_int_equal(r.n_files, 1);
    assert_string_equal(r.files[0].filename, "good (1).png");
    assert_string_equal(r.files[0].subfolder, "");
    assert_string_equal(r.files[0].type, "output");
}

static void
kinds_come_from_the_names_end(void **state)
{
    static const struct {
        const char *name, *animated;
        enum comfy_kind want;
    } t[] = {{"a.png", "", COMFY_IMAGE},
             {"a.PNG", "", COMFY_IMAGE},
             {"a.webp", "", COMFY_IMAGE},
             {"a.webp", ",\"animated\":[true]", COMFY_ANIMATION},
             {"a.png", ",\"animated\":[false]", COMFY_IMAGE},
             {"a.gif", "", COMFY_ANIMATION},
             {"a.mp4", ",\"animated\":[true]", COMFY_VIDEO},
             {"a.webm", "", COMFY_VIDEO},
             {"a.flac", "", COMFY_AUDIO},
             {"a.safetensors", "", COMFY_OTHER},
             {"png", "", COMFY_OTHER}};

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
        struct comfy_result r = read_for(
            arena_fmt(a,
                      RUN(OK, "\"9\":{\"images\":[{\"filename\":\"%s\"}]%s}"),
                      t[i].name, t[i].animated),
            node9, 1);
        assert_string_equal(comfy_kind_name(r.files[0].kind),
                            comfy_kind_name(t[i].want));
    }
}

static void
more_files_than_the_limit_are_left_out(void **state)
{
    struct comfy_result r;
    struct buf b;

    (void)state;
    buf_init(&b, 1 << 20);
    buf_add_c(&b, "{\"x\":{\"outputs\":{\"9\":{\"images\":[0");
    for (int i = 0; i < COMFY_FILES_MAX + 50; i++)
        buf_addf(&b, ",{\"filename\":\"%d.png\"}", i);
    buf_add_c(&b, "],\"text\":[0");
    for (int i = 0; i < COMFY_TEXTS_MAX + 50; i++)
        buf_addf(&b, ",\"%d\"", i);
    buf_add_c(&b, "]}}}}");
    r = read_for(buf_cstr(&b), node9, 1);
    assert_int_equal(r.n_files, COMFY_FILES_MAX);
    assert_int_equal(r.n_texts, COMFY_TEXTS_MAX);
    assert_string_equal(r.files[COMFY_FILES_MAX - 1].filename, "999.png");
    buf_free(&b);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(status_messages_and_files_together_make_the_end),
        T(an_error_is_told_in_one_line_with_times),
        T(what_is_no_history_is_bad_input),
        T(only_saved_files_of_wanted_nodes_count),
        T(a_wanted_node_without_a_file_fails_the_run_by_name),
        T(a_node_owns_what_its_subgraph_shows),
        T(odd_elements_and_names_that_view_refuses_are_passed_over),
        T(kinds_come_from_the_names_end),
        T(more_files_than_the_limit_are_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

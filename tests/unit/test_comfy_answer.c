/* comfy/answer.c and comfy/queue.c: small answers, odd ones too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "comfy/answer.h"
#include "comfy/queue.h"

static struct arena *a;
static struct err e;

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

/* ---- prompt ---- */

static struct comfy_submitted
answered(int status, const char *body)
{
    struct comfy_submitted s;

    if (comfy_answer_prompt(a, status, str_c(body), "our-id", &s, &e) != 0)
        fail_msg("%s: %s", body, e.msg);
    return s;
}

static void
node_errors_decide_whether_a_200_is_an_acceptance(void **state)
{
    struct comfy_submitted s;

    (void)state;
    assert_true(answered(200, "{\"prompt_id\":\"our-id\"}").accepted);
    s = answered(200, "{\"prompt_id\":\"our-id\",\"node_errors\":[]}");
    assert_true(s.accepted);
    s = answered(200, "{\"prompt_id\":\"our-id\",\"node_errors\":null}");
    assert_true(s.accepted);
    s = answered(200, "{\"prompt_id\":\"theirs\",\"node_errors\":{}}");
    assert_true(s.accepted && s.other_id);
    assert_string_equal(s.prompt_id, "theirs");
    s = answered(200, "{\"prompt_id\":\"our-id\",\"node_errors\":{\"3\":{}}}");
    assert_false(s.accepted);
    assert_string_equal(s.text, "no reason given");
    s = answered(200, "{\"prompt_id\":\"our-id\",\"node_errors\":true}");
    assert_false(s.accepted);
}

static void
a_refusal_names_node_and_reason(void **state)
{
    static const char many[] =
        "{\"error\":{\"type\":\"prompt_outputs_failed_validation\"},"
        "\"node_errors\":{\"1\":{\"errors\":[{\"type\":"
        "\"custom_validation_failed\",\"details\":\"image - Invalid image "
        "file: a.png [temp]\"}],\"class_type\":\"LoadImage\"},"
        "\"2\":{\"errors\":[{\"type\":\"value_not_in_list\",\"message\":"
        "\"Value not in list\",\"details\":\"upscale_method: 'magic'\"},"
        "null],\"class_type\":\"ImageScale\"}}}";
    struct comfy_submitted s = answered(400, many);

    (void)state;
    /* the upload that is gone is told only when nothing else is wrong */
    assert_int_equal(s.fault, COMFY_FAULT_workflow);
    assert_string_equal(s.type, "value_not_in_list");
    assert_string_equal(s.node, "2");
    assert_string_equal(s.text, "node 2 (ImageScale): Value not in list: "
                                "upscale_method: 'magic' (and 2 more)");
    s = answered(400, "{\"error\":{\"type\":\"missing_node_type\",\"message\":"
                      "\"Node 'X' not found.\",\"extra_info\":{\"node_id\":"
                      "\"5\",\"class_type\":\"X\"}},\"node_errors\":{}}");
    assert_string_equal(s.node, "5");
    assert_string_equal(s.node_class, "X");
    s = answered(400, "{\"error\":\"just a text\"}");
    assert_string_equal(s.text, "just a text");
}

static void
validation_that_meets_a_broken_gpu_is_the_gpus_fault(void **state)
{
    struct comfy_submitted s = answered(
        400, "{\"error\":{},\"node_errors\":{\"1\":{\"errors\":[{\"type\":"
             "\"exception_during_validation\",\"details\":\"CUDA error: "
             "unknown\",\"extra_info\":{\"exception_type\":\"RuntimeError\"}"
             "}]}}}");

    (void)state;
    assert_int_equal(s.fault, COMFY_FAULT_gpu);
}

static void
what_is_no_answer_to_a_prompt_is_not_taken_for_one(void **state)
{
    static const char *const bodies[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"prompt_id\":\"\"}",
        "{\"prompt_id\":[]}",
        "{\"prompt_id\":\"a b\"}",
        "{\"prompt_id\":\"a\\n\"}",
        "{\"exec_info\":{\"queue_remaining\":0}}",
        "{\"prompt_id\":\"x\""};
    struct comfy_submitted s;

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        assert_int_equal(
            comfy_answer_prompt(a, 200, str_c(bodies[i]), "x", &s, &e), -1);
        assert_int_equal(e.code, ERR_BAD_INPUT);
        assert_int_equal(
            comfy_answer_prompt(a, 400, str_c(bodies[i]), "x", &s, &e), -1);
        assert_false(s.accepted);
    }
}

static void
ids_are_short_and_plain(void **state)
{
    (void)state;
    assert_true(comfy_id_ok("3f0c1c5e-5b0f-4d6e-9a52-8d5c0f1c2a11"));
    assert_false(comfy_id_ok(NULL));
    assert_false(comfy_id_ok(""));
    assert_false(comfy_id_ok("a/b"));
    assert_true(comfy_id_ok("0123456789012345678901234567890123456789"
                            "012345678901234567890123"));
    assert_false(comfy_id_ok("0123456789012345678901234567890123456789"
                             "0123456789012345678901234"));
}

/* ---- uploads, stats ---- */

static void
an_upload_is_named_as_loadimage_takes_it(void **state)
{
    static const struct {
        const char *body, *want; /* NULL: not taken */
    } t[] = {
        {"{\"name\":\"p.png\",\"subfolder\":\"\",\"type\":\"temp\"}",
         "p.png [temp]"},
        {"{\"name\":\"p.png\",\"subfolder\":\"a/b\",\"type\":\"temp\"}",
         "a/b/p.png [temp]"},
        {"{\"name\":\"p (1).png\"}", "p (1).png"},
        {"{\"name\":\"p.png\",\"type\":\"output\"}", "p.png [output]"},
        {"{\"name\":\"p.png\",\"type\":\"secret\"}", NULL},
        {"{\"name\":\"p\\n.png\"}", NULL},
        {"{\"name\":\"\"}", NULL},
        {"{\"name\":5}", NULL},
        {"[]", NULL},
    };
    const char *input;

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
        int rc = comfy_answer_upload(a, str_c(t[i].body), &input, &e);
        assert_int_equal(rc, t[i].want ? 0 : -1);
        if (t[i].want)
            assert_string_equal(input, t[i].want);
    }
}

static void
stats_without_devices_or_versions_are_stats(void **state)
{
    struct comfy_stats s;

    (void)state;
    assert_int_equal(comfy_answer_stats(STR("{\"system\":{}}"), &s, &e), 0);
    assert_string_equal(s.version, "");
    assert_int_equal(s.vram_free, -1);
    assert_int_equal(
        comfy_answer_stats(STR("{\"system\":{\"comfyui_version\":null,"
                               "\"ram_total\":\"x\"},\"devices\":[null]}"),
                           &s, &e),
        0);
    assert_int_equal(s.ram_total, -1);
    assert_int_equal(comfy_answer_stats(STR("{}"), &s, &e), -1);
    assert_int_equal(comfy_answer_stats(STR("500 Internal"), &s, &e), -1);
}

static void
versions_are_compared_as_numbers(void **state)
{
    static const struct {
        const char *version;
        bool want; /* from 0.3.57 */
    } t[] = {{"0.3.57", true},   {"0.3.64", true},   {"0.3.100", true},
             {"0.38.1", true},   {"1.0", true},      {"v0.4", true},
             {"0.4", true},      {"0.3.56", false},  {"0.3", false},
             {"0.3.9", false},   {"0.2.99", false},  {"", false},
             {"nightly", false}, {"0.3.57-1", true}, {"-1.2", false}};

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
        assert_int_equal(comfy_version_from(t[i].version, 0, 3, 57), t[i].want);
}

static void
an_upload_limit_may_be_a_float_or_missing(void **state)
{
    (void)state;
    assert_int_equal(
        comfy_answer_max_upload(STR("{\"max_upload_size\": 52428800.0}")),
        52428800);
    assert_int_equal(comfy_answer_max_upload(STR("{}")), -1);
    assert_int_equal(comfy_answer_max_upload(STR("{\"max_upload_size\": -5}")),
                     -1);
    assert_int_equal(
        comfy_answer_max_upload(STR("{\"max_upload_size\": 1e300}")), -1);
    assert_int_equal(comfy_answer_max_upload(STR("{\"max_upload_size\": NaN}")),
                     -1);
}

/* ---- the queue ---- */

#define QUEUE                                                                  \
    "{\"queue_running\": [[5, \"run\", {}, {}, []]], \"queue_pending\": ["     \
    "[7.0, \"c\"], [9, \"a\"], [8, \"b\"], [8, \"aa\"], [\"x\", \"odd\"], "    \
    "null, [], [6]]}"

static struct comfy_queue
place(const char *id)
{
    struct comfy_queue q;

    if (comfy_queue_parse(STR(QUEUE), id, &q, &e) != 0)
        fail_msg("%s", e.msg);
    return q;
}

/* The pending list is a heap: its order is not the order of running. */
static void
a_place_counts_lower_numbers_and_then_lower_ids(void **state)
{
    (void)state;
    assert_int_equal(place(NULL).running, 1);
    assert_int_equal(place(NULL).pending, 8);
    assert_int_equal(place("run").state, COMFY_RUNNING);
    assert_int_equal(place("c").state, COMFY_PENDING);
    assert_int_equal(place("c").ahead, 1);
    assert_int_equal(place("aa").ahead, 2);
    assert_int_equal(place("b").ahead, 3);
    assert_int_equal(place("a").ahead, 4);
    assert_int_equal(place("none").state, COMFY_UNKNOWN);
    assert_int_equal(place("").state, COMFY_UNKNOWN);
}

static void
a_queue_without_its_two_lists_is_none(void **state)
{
    static const char *const bodies[] = {
        "",
        "{}",
        "[]",
        "{\"queue_running\": []}",
        "{\"queue_running\": [], \"queue_pending\": {}}",
        "{\"queue_running\": 1, \"queue_pending\": []}"};
    struct comfy_queue q;

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
        assert_int_equal(comfy_queue_parse(str_c(bodies[i]), "x", &q, &e), -1);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(node_errors_decide_whether_a_200_is_an_acceptance),
        T(a_refusal_names_node_and_reason),
        T(validation_that_meets_a_broken_gpu_is_the_gpus_fault),
        T(what_is_no_answer_to_a_prompt_is_not_taken_for_one),
        T(ids_are_short_and_plain),
        T(an_upload_is_named_as_loadimage_takes_it),
        T(stats_without_devices_or_versions_are_stats),
        T(versions_are_compared_as_numbers),
        T(an_upload_limit_may_be_a_float_or_missing),
        T(a_place_counts_lower_numbers_and_then_lower_ids),
        T(a_queue_without_its_two_lists_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

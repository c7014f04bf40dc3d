/* test_model_workflow.c - model/workflow*.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "model/workflow.h"

#define SAVE                                                                   \
    "\"9\":{\"class_type\":\"SaveImage\",\"inputs\":"                          \
    "{\"images\":[\"2\",0],\"filename_prefix\":\"x\"}}"
#define LOAD                                                                   \
    "\"1\":{\"class_type\":\"LoadImage\",\"inputs\":"                          \
    "{\"image\":\"x.png\"}}"
#define INVERT                                                                 \
    "\"2\":{\"class_type\":\"ImageInvert\",\"inputs\":"                        \
    "{\"image\":[\"1\",0]}}"

struct linted {
    const char *graph, *report;
};

static void
check_lint(const char *graph, const struct preset *p, const char *report)
{
    struct err e;
    struct buf b;
    cJSON *j = json_parse(str_c(graph), 0, &e);
    size_t faults, lines = 0;
    const char *at;

    if (j == NULL)
        fail_msg("%s: %s", graph, e.msg);
    buf_init(&b, 10000);
    faults = workflow_lint(j, p, &b);
    assert_string_equal(buf_cstr(&b), report);
    for (at = report; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(faults, lines);
    buf_free(&b);
    json_free(j);
}

static void
each_fault_of_a_graph_is_named(void **state)
{
    static const struct linted t[] = {
        {"{" LOAD "," INVERT "," SAVE "}", ""},
        {"[]", "the graph is not an object\n"},
        {"{}", "the graph is empty\n"},
        {"{\"nodes\":[],\"links\":[]}",
         "this is the editor's format; export the graph with "
         "\"Export (API)\"\n"},
        {"{" LOAD "," INVERT ",\"9\":{\"class_type\":\"SaveImage\","
         "\"inputs\":{\"images\":[\"404\",0]}}}",
         "node 9 (SaveImage): images: links to node 404, which does not "
         "exist\n"
         "node 1 (LoadImage): no output depends on it\n"
         "node 2 (ImageInvert): no output depends on it\n"},
        {"{" LOAD "," INVERT "}",
         "the graph has no output node (SaveImage ...)\n"},
        {"{" LOAD "," INVERT "," SAVE ",\"5\":{\"class_type\":\"X\"}}",
         "node 5 (X): has no inputs; that can kill ComfyUI's executor "
         "(write \"inputs\": {})\n"
         "node 5 (X): no output depends on it\n"},
        {"{" LOAD ",\"2\":{\"class_type\":\"X\",\"inputs\":[\"1\",0]}," SAVE
         "}",
         "node 2 (X): has no inputs; that can kill ComfyUI's executor "
         "(write \"inputs\": {})\n"
         "node 1 (LoadImage): no output depends on it\n"},
        {"{" LOAD ",\"2\":{\"class_type\":5,\"inputs\":{\"a\":[\"1\",0]}}," SAVE
         "}",
         "node 2 (?): has no class_type\n"},
        {"{" LOAD ",\"2\":{\"class_type\":\"X\",\"is_changed\":[1],"
         "\"inputs\":{\"a\":[\"1\",0]}}," SAVE "}",
         "node 2 (X): has is_changed, which is a key of ComfyUI's cache\n"},
        {"{\"2\":5," SAVE "}", "node 2 (?): is not an object\n"},
        {"{" LOAD ",\"2\":{\"class_type\":\"X\",\"inputs\":"
         "{\"a\":[\"1\",0],\"b\":[\"1\"],\"c\":[1,0],\"d\":[\"1\",\"0\"],"
         "\"e\":[\"1\",-1],\"f\":[\"1\",0.5],\"g\":[],"
         "\"h\":{\"__value__\":[1,2,3]}}}," SAVE "}",
         "node 2 (X): b: a list is a link, [\"node id\", output]; a plain "
         "list needs {\"__value__\": [...]}\n"
         "node 2 (X): c: a link's node id must be a text\n"
         "node 2 (X): d: a link's output must be 0, 1, 2 ...\n"
         "node 2 (X): e: a link's output must be 0, 1, 2 ...\n"
         "node 2 (X): f: a link's output must be 0, 1, 2 ...\n"
         "node 2 (X): g: a list is a link, [\"node id\", output]; a plain "
         "list needs {\"__value__\": [...]}\n"},
        {"{" LOAD "," INVERT "," SAVE ",\"8\":{\"class_type\":"
         "\"PreviewImage\",\"inputs\":{\"images\":[\"1\",0]}}}",
         ""},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof t / sizeof t[0]; i++)
        check_lint(t[i].graph, NULL, t[i].report);
}

static void
cycles_are_named_with_their_nodes(void **state)
{
    static const struct linted t[] = {
        {"{\"2\":{\"class_type\":\"A\",\"inputs\":{\"x\":[\"2\",0]}}," SAVE "}",
         "cycle: 2 (A) needs 2\n"},
        {"{\"2\":{\"class_type\":\"A\",\"inputs\":{\"x\":[\"3\",0]}},"
         "\"3\":{\"class_type\":\"B\",\"inputs\":{\"x\":[\"4\",0]}},"
         "\"4\":{\"class_type\":\"C\",\"inputs\":{\"x\":[\"3\",0]}}," SAVE "}",
         "cycle: 3 (B) needs 4 (C) needs 3\n"},
        /* a diamond is none */
        {"{" LOAD ",\"2\":{\"class_type\":\"A\",\"inputs\":"
         "{\"x\":[\"3\",0],\"y\":[\"4\",0]}},"
         "\"3\":{\"class_type\":\"B\",\"inputs\":{\"x\":[\"1\",0]}},"
         "\"4\":{\"class_type\":\"B\",\"inputs\":{\"x\":[\"1\",0]}}," SAVE "}",
         ""},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof t / sizeof t[0]; i++)
        check_lint(t[i].graph, NULL, t[i].report);
}

static void
long_chains_and_too_many_nodes_are_survived(void **state)
{
    struct buf b, report;
    cJSON *j;
    int i;

    (void)state;
    buf_init(&b, 10000000);
    buf_init(&report, 1000);
    buf_add_c(&b, "{\"0\":{\"class_type\":\"SaveImage\",\"inputs\":"
                  "{\"images\":[\"1\",0]}}");
    for (i = 1; i + 1 < WORKFLOW_NODES_MAX; i++)
        buf_addf(&b,
                 ",\"%d\":{\"class_type\":\"X\",\"inputs\":"
                 "{\"a\":[\"%d\",0]}}",
                 i, i + 1);
    buf_addf(&b, ",\"%d\":{\"class_type\":\"X\",\"inputs\":{}}", i);
    buf_add_c(&b, "}");
    j = json_parse(buf_str(&b), 0, NULL);
    assert_int_equal(workflow_lint(j, NULL, &report), 0);
    cJSON_AddItemToObject(j, "more", cJSON_CreateObject());
    assert_int_equal(workflow_lint(j, NULL, &report), 1);
    assert_string_equal(buf_cstr(&report),
                        "the graph has 2001 nodes, limit 2000\n");
    json_free(j);
    buf_free(&b);
    buf_free(&report);
}

/* A preset with one of each kind of input, made by hand. */
static const struct preset_choice numbers[] = {{"4", {"4", "4"}},
                                               {"8", {"8", "8"}}};
static const struct preset_choice words[] = {{"none", {"-", "-"}},
                                             {"8", {"8", "8"}}};
static const struct preset_input inputs[] = {
    {.name = "photo", .kind = PRESET_PHOTO},
    {.name = "prompt", .kind = PRESET_TEXT},
    {.name = "strength", .kind = PRESET_NUMBER},
    {.name = "colors",
     .kind = PRESET_CHOICE,
     .choices = numbers,
     .n_choices = 2},
    {.name = "mode", .kind = PRESET_CHOICE, .choices = words, .n_choices = 2},
};

static void
check_preset_lint(const struct preset_slot *slots, size_t n, const char *result,
                  const char *model, const char *graph, const char *report)
{
    struct preset_task task = {.slots = slots,
                               .n_slots = n,
                               .results = &result,
                               .n_results = 1,
                               .models = &model,
                               .n_models = model != NULL ? 1 : 0};
    struct preset p = {.inputs = inputs,
                       .n_inputs = sizeof inputs / sizeof inputs[0],
                       .tasks = &task,
                       .n_tasks = 1};

    check_lint(graph, &p, report);
}

static const char full[] =
    "{" LOAD ",\"2\":{\"class_type\":\"X\",\"inputs\":{\"in\":[\"1\",0],"
    "\"text\":\"\",\"num\":0.5,\"seed\":0,\"colors\":8,\"flag\":true,"
    "\"ckpt\":\"sub/a.safetensors\"}}," SAVE
    ",\"8\":{\"class_type\":\"PreviewImage\",\"inputs\":"
    "{\"images\":[\"2\",0]}}}";

static const struct preset_slot good_slots[] = {
    {"photo", "1", "image"},   {"prompt", "2", "text"},
    {"strength", "2", "num"},  {"seed", "2", "seed"},
    {"colors", "2", "colors"}, {"prefix", "9", "filename_prefix"},
};
#define N_GOOD (sizeof good_slots / sizeof good_slots[0])

static void
slots_results_and_models_are_judged(void **state)
{
    static const struct preset_slot bad_slots[] = {
        {"photo", "7", "image"},   {"prompt", "2", "txt"},
        {"prompt", "2", "in"},     {"prompt", "2", "num"},
        {"strength", "2", "text"}, {"mode", "2", "colors"},
        {"colors", "2", "flag"},   {"seed", "2", "text"},
    };
    const char *model = "checkpoints/sub/a.safetensors";

    (void)state;
    check_preset_lint(good_slots, N_GOOD, "9", model, full, "");
    check_preset_lint(good_slots, N_GOOD, "9", NULL, full,
                      "node 2 (X): ckpt: sub/a.safetensors is not in "
                      "needs.models\n");
    check_preset_lint(good_slots, N_GOOD, "9", "vae/b.pt", full,
                      "node 2 (X): ckpt: sub/a.safetensors is not in "
                      "needs.models\n"
                      "needs.models: no node uses vae/b.pt\n");
    check_preset_lint(good_slots, N_GOOD, "7", model, full,
                      "result: there is no node 7\n");
    check_preset_lint(good_slots, N_GOOD, "8", model, full,
                      "node 8 (PreviewImage): is a result, but saves "
                      "nothing\n");
    check_preset_lint(good_slots, N_GOOD - 1, "9", model, full,
                      "node 9 (SaveImage): is a result, but the slot prefix "
                      "does not fill its filename_prefix (a repeated job "
                      "would get the cached file of another)\n");
    check_preset_lint(good_slots + 1, N_GOOD - 1, "9", model, full,
                      "node 1 (LoadImage): loads a picture that no slot "
                      "fills\n");
    check_preset_lint(
        bad_slots, sizeof bad_slots / sizeof bad_slots[0], "7", model, full,
        "slot photo: there is no node 7\n"
        "node 2 (X): slot prompt: there is no input txt\n"
        "node 2 (X): slot prompt: in is a link\n"
        "node 2 (X): slot prompt: num holds a value of another type\n"
        "node 2 (X): slot strength: text holds a value of another type\n"
        "node 2 (X): slot mode: colors holds a value of another type\n"
        "node 2 (X): slot colors: flag holds a value of another type\n"
        "node 2 (X): slot seed: text holds a value of another type\n"
        "result: there is no node 7\n"
        "node 1 (LoadImage): loads a picture that no slot fills\n");
}

static void
classes_are_sorted_and_once(void **state)
{
    struct arena *a = arena_new();
    cJSON *j =
        json_parse(STR("{" SAVE "," LOAD "," INVERT ",\"3\":{\"class_type\":"
                       "\"LoadImage\"},\"4\":{},\"5\":7}"),
                   0, NULL);
    const char *const *classes = NULL;

    (void)state;
    assert_int_equal(workflow_classes(a, j, &classes), 3);
    json_free(j);
    assert_string_equal(classes[0], "ImageInvert");
    assert_string_equal(classes[1], "LoadImage");
    assert_string_equal(classes[2], "SaveImage");
    arena_free(a);
}

static const struct preset_task fill_task = {.slots = good_slots,
                                             .n_slots = N_GOOD};

static void
slots_are_filled_in_the_tree(void **state)
{
    static const char graph[] =
        "{\"1\":{\"class_type\":\"L\",\"inputs\":{\"image\":\"x\"}},"
        "\"2\":{\"class_type\":\"X\",\"inputs\":{\"in\":[\"1\",0],"
        "\"text\":\"\",\"num\":0.5,\"seed\":0,\"colors\":8,"
        "\"big\":9007199254740993}},"
        "\"9\":{\"class_type\":\"S\",\"inputs\":{\"filename_prefix\":\"x\"},"
        "\"_meta\":{\"title\":\"x\"}}}";
    struct arena *a = arena_new();
    cJSON *num = json_parse(STR("0.25"), 0, NULL);
    cJSON *choice = json_parse(STR("\"16\""), 0, NULL);
    struct workflow_value v[] = {
        {.slot = "photo", .type = WORKFLOW_STR, .str = "a.png [temp]"},
        {.slot = "prompt",
         .type = WORKFLOW_STR,
         .str = "\"}, \"9\": {\"x\": {{photo}} \\ \n %date%"},
        {.slot = "strength", .type = WORKFLOW_TREE, .tree = num},
        {.slot = "colors", .type = WORKFLOW_TREE, .tree = choice},
        {.slot = "seed", .type = WORKFLOW_U64, .u64 = UINT64_MAX},
        {.slot = "prefix", .type = WORKFLOW_STR, .str = "job_1/t"},
    };
    struct err e;
    char *text = workflow_fill(a, STR(graph), &fill_task, v, 6, &e);

    (void)state;
    if (text == NULL)
        fail_msg("%s", e.msg);
    assert_string_equal(
        text,
        "{\"1\":{\"class_type\":\"L\",\"inputs\":{\"image\":"
        "\"a.png [temp]\"}},"
        "\"2\":{\"class_type\":\"X\",\"inputs\":{\"in\":[\"1\",0],"
        "\"text\":\"\\\"}, \\\"9\\\": {\\\"x\\\": {{photo}} \\\\ \\n "
        "%date%\",\"num\":0.25,\"seed\":18446744073709551615,\"colors\":16,"
        "\"big\":9007199254740993}},"
        "\"9\":{\"class_type\":\"S\",\"inputs\":{\"filename_prefix\":"
        "\"job_1/t\"},\"_meta\":{\"title\":\"x\"}}}");
    json_free(num);
    json_free(choice);
    arena_free(a);
}

static void
a_slot_without_value_leaves_what_stands_there(void **state)
{
    struct arena *a = arena_new();
    struct workflow_value v = {
        .slot = "prefix", .type = WORKFLOW_STR, .str = "p"};
    struct err e;
    char *text = workflow_fill(a, STR(full), &fill_task, &v, 1, &e);

    (void)state;
    assert_non_null(text);
    assert_non_null(strstr(text, "\"num\":0.5,\"seed\":0,\"colors\":8"));
    assert_non_null(strstr(text, "\"filename_prefix\":\"p\""));
    arena_free(a);
}

static void
what_does_not_fit_is_refused(void **state)
{
    static const struct preset_slot lost[] = {{"prompt", "77", "text"}};
    static const struct preset_slot link[] = {{"prompt", "2", "in"}};
    static const struct preset_task lost_task = {.slots = lost, .n_slots = 1};
    static const struct preset_task link_task = {.slots = link, .n_slots = 1};
    static const struct {
        const char *graph;
        const struct preset_task *task;
        struct workflow_value v;
        const char *error;
    } t[] = {
        {full,
         &fill_task,
         {"mode", WORKFLOW_STR, "x", 0, NULL},
         "no slot named mode"},
        {full,
         &fill_task,
         {"colors", WORKFLOW_STR, "many", 0, NULL},
         "slot colors: the value does not fit colors of node 2"},
        {full,
         &fill_task,
         {"colors", WORKFLOW_STR, "[1]", 0, NULL},
         "slot colors: the value does not fit colors of node 2"},
        {full,
         &fill_task,
         {"strength", WORKFLOW_TREE, NULL, 0, NULL},
         "slot strength: the value does not fit num of node 2"},
        {full,
         &lost_task,
         {"prompt", WORKFLOW_STR, "x", 0, NULL},
         "slot prompt: node 77 has no value text"},
        {full,
         &link_task,
         {"prompt", WORKFLOW_STR, "x", 0, NULL},
         "slot prompt: node 2 has no value in"},
        {"{",
         &fill_task,
         {"prompt", WORKFLOW_STR, "x", 0, NULL},
         "1:2: the text ends too early"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct arena *a = arena_new();
        struct err e;

        assert_null(
            workflow_fill(a, str_c(t[i].graph), t[i].task, &t[i].v, 1, &e));
        assert_string_equal(e.msg, t[i].error);
        assert_int_equal(e.code, ERR_BAD_INPUT);
        arena_free(a);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_of_a_graph_is_named),
        cmocka_unit_test(cycles_are_named_with_their_nodes),
        cmocka_unit_test(long_chains_and_too_many_nodes_are_survived),
        cmocka_unit_test(slots_results_and_models_are_judged),
        cmocka_unit_test(classes_are_sorted_and_once),
        cmocka_unit_test(slots_are_filled_in_the_tree),
        cmocka_unit_test(a_slot_without_value_leaves_what_stands_there),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };

    return cmocka_run_group_tests_name("workflow", tests, NULL, NULL);
}

/*
 * comfy/caps.c: graphs held against classes, ours against those of a real
 * server (tests/data/object_info.min.json).
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/buf.h"
#include "comfy/answer.h"
#include "comfy/caps.h"
#include "tests/support/files.h"

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

static const cJSON *
tree(struct str text)
{
    const cJSON *j = comfy_json(a, text, &e);

    if (!j)
        fail_msg("%s", e.msg);
    return j;
}

/* A node of class X with these inputs, held against this entry. */
static struct comfy_missing
checked(const char *inputs, const char *entry)
{
    struct comfy_missing m = {.n = 0};
    const char *node =
        arena_fmt(a, "{\"class_type\":\"X\",\"inputs\":%s}", inputs);

    comfy_node_check(a, tree(str_c(node)), tree(str_c(entry)), &m);
    return m;
}

static void
choices_are_read_in_both_shapes(void **state)
{
    static const char old[] = "{\"input\":{\"required\":{\"mode\":[[\"a\","
                              "\"b\",3,true]]},\"optional\":{\"m2\":[[\"a\"],"
                              "{}]}}}";
    static const char new[] =
        "{\"input\":{\"required\":{\"mode\":[\"COMBO\",{\"multiselect\":false,"
        "\"options\":[\"a\",\"b\",3,true]}]},\"optional\":{\"m2\":[\"COMBO\","
        "{\"options\":[\"a\"]}]}}}";
    const char *const entries[] = {old, new};
    struct comfy_missing m;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(checked("{\"mode\":\"b\"}", entries[i]).n, 0);
        assert_int_equal(checked("{\"mode\":3}", entries[i]).n, 0);
        assert_int_equal(checked("{\"mode\":true}", entries[i]).n, 0);
        assert_int_equal(checked("{\"mode\":[\"7\",0]}", entries[i]).n, 0);
        m = checked("{\"mode\":\"c\",\"m2\":\"z\"}", entries[i]);
        assert_int_equal(m.n, 2);
        assert_string_equal(m.items[0], "choice X.mode: c");
        assert_string_equal(m.items[1], "choice X.m2: z");
        assert_int_equal(checked("{\"mode\":4}", entries[i]).n, 1);
        assert_int_equal(checked("{\"mode\":false}", entries[i]).n, 1);
    }
}

/* LoadImage takes any file that is there: subfolders, "x.png [temp]". */
static void
open_lists_take_any_name(void **state)
{
    (void)state;
    assert_int_equal(
        checked("{\"image\":\"t/x.png [temp]\"}",
                "{\"input\":{\"required\":{\"image\":[[\"example.png\"],"
                "{\"image_upload\":true}]}}}")
            .n,
        0);
    assert_int_equal(checked("{\"m\":\"y\"}",
                             "{\"input\":{\"required\":{\"m\":[\"COMBO\","
                             "{\"remote\":{\"route\":\"/x\"}}]}}}")
                         .n,
                     0);
    assert_int_equal(
        checked("{\"image\":\"y.png\"}",
                "{\"input\":{\"required\":{\"image\":[[\"example.png\"],"
                "{\"image_upload\":false}]}}}")
            .n,
        1);
}

static void
a_required_input_must_stand_there_or_have_a_default(void **state)
{
    static const char entry[] =
        "{\"input\":{\"required\":{\"image\":[\"IMAGE\"],\"width\":[\"INT\","
        "{\"default\":5}],\"crop\":[[\"no\",\"yes\"]],\"none\":[[]],"
        "\"text\":[\"STRING\",{\"multiline\":true}]},\"optional\":"
        "{\"mask\":[\"MASK\"]}}}";
    struct comfy_missing m = checked("{}", entry);

    (void)state;
    assert_int_equal(m.n, 3);
    assert_string_equal(m.items[0], "input X.image");
    assert_string_equal(m.items[1], "input X.none");
    assert_string_equal(m.items[2], "input X.text");
    assert_int_equal(checked("{\"image\":[\"1\",0],\"none\":[\"2\",0],"
                             "\"text\":\"\"}",
                             entry)
                         .n,
                     0);
}

static void
odd_entries_ask_for_nothing(void **state)
{
    static const char *const entries[] = {
        "{}", "{\"input\":5}", "{\"input\":[]}",
        "{\"input\":{\"required\":[]}}",
        "{\"input\":{\"required\":null,\"optional\":{\"a\":null,\"b\":[]}}}"};

    (void)state;
    for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++)
        assert_int_equal(checked("{\"a\":\"x\",\"b\":1}", entries[i]).n, 0);
    assert_null(comfy_class_entry(tree(STR("{}")), "X"));
    assert_null(comfy_class_entry(tree(STR("{\"X\":[]}")), "X"));
    assert_null(comfy_class_entry(NULL, "X"));
}

static void
models_are_found_by_their_whole_name(void **state)
{
    const cJSON *list = tree(STR("[\"sd/a.safetensors\",null,5]"));
    const cJSON *entry = tree(
        STR("{\"input\":{\"required\":{\"a\":[[\"x.pt\"]]},\"optional\":{\"b\":"
            "[\"COMBO\",{\"options\":[\"y.pt\"]}]},\"hidden\":[\"z.pt\"]}}"));

    (void)state;
    assert_true(comfy_models_have(list, "sd/a.safetensors"));
    assert_false(comfy_models_have(list, "a.safetensors"));
    assert_false(comfy_models_have(tree(STR("{\"a\":\"b\"}")), "b"));
    assert_true(comfy_class_offers(entry, "x.pt"));
    assert_true(comfy_class_offers(entry, "y.pt"));
    assert_false(comfy_class_offers(entry, "z.pt"));
}

static void
what_is_missing_is_named_once_and_not_without_end(void **state)
{
    struct comfy_missing m = {.n = 0};

    (void)state;
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < COMFY_MISSING_MAX + 5; k++)
            comfy_missing_add(&m, arena_fmt(a, "node N%d", k));
    assert_int_equal(m.n, COMFY_MISSING_MAX);
    assert_string_equal(m.items[1], "node N1");
}

/* ---- completing ---- */

static const cJSON *
entry_of(void *ctx, const char *class_type)
{
    return comfy_class_entry(ctx, class_type);
}

static cJSON *
real_classes(void)
{
    return comfy_json(a, test_file(a, "tests/data/object_info.min.json"), &e);
}

static void
a_graph_gets_the_defaults_of_what_it_lacks_and_nothing_else(void **state)
{
    static const char graph[] =
        "{\"1\":{\"class_type\":\"ImageScale\",\"inputs\":{\"image\":[\"2\",0],"
        "\"width\":18446744073709551615},\"_meta\":{\"title\":\"T\"}},"
        "\"2\":{\"class_type\":\"Unknown\",\"inputs\":{\"a\":0.5}}}";
    static const char want[] =
        "{\"1\":{\"class_type\":\"ImageScale\",\"_meta\":{\"title\":\"T\"},"
        "\"inputs\":{\"image\":[\"2\",0],\"width\":18446744073709551615,"
        "\"upscale_method\":\"nearest-exact\",\"height\":512,"
        "\"crop\":\"disabled\"}},"
        "\"2\":{\"class_type\":\"Unknown\",\"inputs\":{\"a\":0.5}}}";
    char *full =
        comfy_graph_complete(a, STR(graph), entry_of, real_classes(), &e);

    (void)state;
    assert_non_null(full);
    assert_string_equal(full, want);
    assert_null(comfy_graph_complete(a, STR("[]"), entry_of, NULL, &e));
    assert_null(comfy_graph_complete(a, STR("{\"1\":{}}"), entry_of, NULL, &e));
    assert_null(comfy_graph_complete(a, STR("{\"1\":5}"), entry_of, NULL, &e));
}

/* ---- the presets that ship ---- */

static size_t
preset_check(const char *name, const cJSON *classes)
{
    const cJSON *node, *entry;
    struct comfy_missing m = {.n = 0};
    const char *path = arena_fmt(a, "presets/%s/workflow.json", name);
    size_t held = 0;

    cJSON_ArrayForEach (node, tree(test_file(a, path))) {
        entry = comfy_class_entry(classes, json_str(node, "class_type", ""));
        if (!entry)
            return 0; /* it needs models: the table has the 33 without */
        comfy_node_check(a, node, entry, &m);
        held++;
    }
    if (m.n > 0)
        fail_msg("preset %s: %s", name, m.items[0]);
    return held;
}

static void
a_real_server_can_run_the_presets_that_need_no_model(void **state)
{
    const cJSON *classes = real_classes();
    struct dirent *d;
    DIR *dir = opendir("presets");
    size_t presets = 0;

    (void)state;
    assert_non_null(dir);
    while ((d = readdir(dir)) != NULL)
        if (d->d_name[0] != '.')
            presets += preset_check(d->d_name, classes) > 0;
    closedir(dir);
    assert_true(presets >= 10);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(choices_are_read_in_both_shapes),
        T(open_lists_take_any_name),
        T(a_required_input_must_stand_there_or_have_a_default),
        T(odd_entries_ask_for_nothing),
        T(models_are_found_by_their_whole_name),
        T(what_is_missing_is_named_once_and_not_without_end),
        T(a_graph_gets_the_defaults_of_what_it_lacks_and_nothing_else),
        T(a_real_server_can_run_the_presets_that_need_no_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

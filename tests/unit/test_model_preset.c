/* test_model_preset.c - model/preset*.c, and the presets that ship */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/mem.h"
#include "model/preset.h"
#include "tests/support/files.h"

static const char good_yaml[] =
    "name: test-it\n"
    "title: {ru: Проба, en: Test}\n"
    "category: {id: photo, ru: Фото, en: Photo, order: 3}\n"
    "icon: \"📷\"\n"
    "order: 7\n"
    "price: 5\n"
    "seconds: 2.5\n"
    "inputs:\n"
    "  type: object\n"
    "  required: [photo, prompt]\n"
    "  properties:\n"
    "    photo: {type: string, format: image, title: {ru: Ф, en: P}}\n"
    "    prompt: {type: string, maxLength: 5, title: {ru: Т, en: T}}\n"
    "    strength: {type: number, minimum: 0, maximum: 1, default: 0.5,\n"
    "               title: {ru: С, en: S}}\n"
    "    steps: {type: integer, minimum: 1, title: {ru: Ш, en: N}}\n"
    "    colors: {type: string, enum: [\"4\", \"8\"], default: \"8\",\n"
    "             enumTitles: {\"4\": {ru: ч, en: four}},\n"
    "             title: {ru: Ц, en: C}}\n"
    "tasks:\n"
    "  - name: image\n"
    "    service: image-service\n"
    "    workflow: workflow.json\n"
    "    slots:\n"
    "      photo: [\"1.image\", \"2.image\"]\n"
    "      prompt: \"3.text\"\n"
    "      strength: \"4.strength\"\n"
    "      steps: \"4.steps\"\n"
    "      colors: \"5.colors\"\n"
    "      seed: \"4.seed\"\n"
    "      prefix: \"9.filename_prefix\"\n"
    "    result: [\"9\"]\n"
    "    needs: {models: [checkpoints/a.ckpt]}\n";

static const char good_graph[] =
    "{\"1\":{\"class_type\":\"LoadImage\",\"inputs\":{\"image\":\"x\"}},"
    "\"2\":{\"class_type\":\"LoadImage\",\"inputs\":{\"image\":\"x\"}},"
    "\"3\":{\"class_type\":\"Text\",\"inputs\":{\"text\":\"\"}},"
    "\"4\":{\"class_type\":\"Sample\",\"inputs\":{\"a\":[\"1\",0],"
    "\"b\":[\"2\",0],\"t\":[\"3\",0],\"strength\":1.0,\"steps\":3,"
    "\"seed\":18446744073709551615,\"model\":\"a.ckpt\"}},"
    "\"5\":{\"class_type\":\"Quantize\",\"inputs\":{\"image\":[\"4\",0],"
    "\"colors\":8}},"
    "\"9\":{\"class_type\":\"SaveImage\",\"inputs\":{\"images\":[\"5\",0],"
    "\"filename_prefix\":\"x\"}}}";

/* A copy of text with the one place `from` written as `to`. */
static char *
edited(struct arena *a, const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);

    if (at == NULL)
        fail_msg("no \"%s\" in the text", from);
    return arena_fmt(a, "%.*s%s%s", (int)(at - text), text, to,
                     at + strlen(from));
}

static struct preset *
parse_good(struct arena *a)
{
    struct preset *p = NULL;
    struct err e;

    if (preset_parse(a, STR(good_yaml), STR(good_graph), &p, &e) != 0)
        fail_msg("%s", e.msg);
    return p;
}

static void
check_input(const struct preset_input *in, const char *name,
            enum preset_kind kind, bool required)
{
    assert_string_equal(in->name, name);
    assert_int_equal(in->kind, kind);
    assert_int_equal(in->required, required);
}

static void
a_folder_becomes_a_struct(void **state)
{
    struct arena *a = arena_new();
    struct preset *p = parse_good(a);
    const struct preset_task *t = &p->tasks[0];

    (void)state;
    assert_string_equal(p->name, "test-it");
    assert_string_equal(preset_text_in(&p->title, "ru-RU"), "Проба");
    assert_string_equal(preset_text_in(&p->title, "de"), "Test");
    assert_string_equal(preset_text_in(&p->title, NULL), "Test");
    assert_string_equal(p->description.ru, "");
    assert_string_equal(p->category_id, "photo");
    assert_int_equal(p->category_order, 3);
    assert_int_equal(p->order, 7);
    assert_int_equal(p->price, 5);
    assert_true(p->seconds == 2.5);
    assert_int_equal(p->n_inputs, 5);
    check_input(&p->inputs[0], "photo", PRESET_PHOTO, true);
    check_input(&p->inputs[1], "prompt", PRESET_TEXT, true);
    assert_int_equal(p->inputs[1].max_length, 5);
    check_input(&p->inputs[2], "strength", PRESET_NUMBER, false);
    assert_string_equal(p->inputs[2].dflt, "0.5");
    assert_true(p->inputs[2].has_min && p->inputs[2].has_max);
    check_input(&p->inputs[3], "steps", PRESET_NUMBER, false);
    assert_true(p->inputs[3].whole && !p->inputs[3].has_max);
    assert_null(p->inputs[3].dflt);
    check_input(&p->inputs[4], "colors", PRESET_CHOICE, false);
    assert_int_equal(p->inputs[4].n_choices, 2);
    assert_string_equal(p->inputs[4].choices[0].title.en, "four");
    assert_string_equal(p->inputs[4].choices[1].title.en, "8");
    assert_int_equal(preset_photos(p), 1);
    assert_ptr_equal(preset_input_find(p, "steps"), &p->inputs[3]);
    assert_null(preset_input_find(p, "seed"));
    assert_string_equal(preset_kind_name(PRESET_CHOICE), "choice");
    assert_int_equal(p->n_tasks, 1);
    assert_string_equal(t->service, "image-service");
    assert_int_equal(t->n_slots, 8);
    assert_string_equal(t->slots[1].name, "photo");
    assert_string_equal(t->slots[1].node, "2");
    assert_string_equal(t->slots[7].input, "filename_prefix");
    assert_string_equal(t->results[0], "9");
    assert_string_equal(t->models[0], "checkpoints/a.ckpt");
    assert_int_equal(p->n_classes, 5);
    assert_string_equal(p->classes[0], "LoadImage");
    assert_string_equal(p->classes[4], "Text");
    arena_free(a);
}

struct edit {
    const char *from, *to, *error;
};

static void
faults_are_named_with_line_and_key(void **state)
{
    static const struct edit t[] = {
        {"name: test-it", "name: Test", "line 1: name: must consist of"},
        {"name: test-it\n", "", "line 1: name: is missing"},
        {"name: test-it", "nome: x", "line 1: nome: this key is not known"},
        {"{ru: Проба, en: Test}", "{ru: Проба}",
         "line 2: title.en: is missing"},
        {"{ru: Проба, en: Test}", "Test", "line 2: title: must be a mapping"},
        {"en: Test}", "en: 5}", "line 2: title.en: must be a text"},
        {"en: Test}", "en: \"a\\nb\"}", "line 2: title.en: control"},
        {"en: Test}", "en: \" \"}", "line 2: title.en: must not be empty"},
        {"order: 3}", "order: x}", "line 3: category.order: must be a whole"},
        {"id: photo,", "", "line 3: category.id: is missing"},
        {"icon: \"📷\"", "icon: abcdefghi", "line 4: icon: is too long"},
        {"price: 5", "price: 5.5", "line 6: price: must be a whole number"},
        {"price: 5", "price: -1", "line 6: price: must be a whole number"},
        {"price: 5", "price: 1000001", "line 6: price: must be a whole"},
        {"price: 5", "price: \"5\"", "line 6: price: must be a whole number"},
        {"price: 5\n", "", "line 1: price: is missing"},
        {"seconds: 2.5", "seconds: 0", "line 7: seconds: must be a number"},
        {"  type: object", "  type: array", "line 9: inputs.type: must be"},
        {"[photo, prompt]", "[photo, promp]",
         "line 10: inputs.required: names no input"},
        {"[photo, prompt]", "[prompt]",
         "line 12: inputs.properties.photo: a photo must stand in"},
        {"format: image", "format: email",
         "line 12: inputs.properties.photo.format: must be image"},
        {"maxLength: 5", "maxlength: 5",
         "line 13: inputs.properties.prompt.maxlength: this key is not"},
        {"maxLength: 5", "maxLength: 0",
         "line 13: inputs.properties.prompt.maxLength: must be a whole"},
        {"default: 0.5", "default: 2",
         "line 14: inputs.properties.strength.default: must be at most 1"},
        {"minimum: 0", "minimum: 3",
         "line 14: inputs.properties.strength.minimum: is greater than"},
        {"type: integer", "type: boolean",
         "line 16: inputs.properties.steps.type: must be string, number"},
        {"    steps:", "    Steps:",
         "line 16: inputs.properties.Steps: an input is named with"},
        {"    steps:", "    seed:",
         "line 16: inputs.properties.seed: an input is named with"},
        {"[\"4\", \"8\"]", "[4, 8]",
         "line 17: inputs.properties.colors.enum: must hold texts only"},
        {"[\"4\", \"8\"]", "[\"8\", \"8\"]",
         "line 17: inputs.properties.colors.enum: has a choice twice"},
        {"default: \"8\"", "default: \"5\"",
         "line 17: inputs.properties.colors.default: is not one of"},
        {"{\"4\": {ru: ч, en: four}}", "{\"5\": {ru: ч, en: four}}",
         "line 18: inputs.properties.colors.enumTitles: names no choice"},
        {"tasks:\n", "tasks:\n  - {}\n", "line 20: tasks: must be a list"},
        {"workflow: workflow.json", "workflow: ../x.json",
         "line 23: tasks.0.workflow: must be workflow.json"},
        {"\"3.text\"", "3", "line 26: tasks.0.slots.prompt: must be a text"},
        {"\"3.text\"", "\"3\"",
         "line 26: tasks.0.slots.prompt: must look like"},
        {"prompt: \"3.text\"", "promt: \"3.text\"",
         "line 26: tasks.0.slots.promt: is no input"},
        {"      prompt: \"3.text\"\n", "",
         "line 24: tasks.0.slots: the input prompt has no slot"},
        {"      prefix: \"9.filename_prefix\"\n", "",
         "line 24: tasks.0.slots: the slot prefix is missing"},
        {"[\"9\"]", "[9]", "line 32: tasks.0.result: must hold texts only"},
        {"[\"9\"]", "[]", "line 32: tasks.0.result: must not be empty"},
        {"checkpoints/a.ckpt", "a.ckpt",
         "line 33: tasks.0.needs.models: each must look like"},
        {"price: 5", "price: 5\nprice: 6",
         "line 7: price: this key stands twice"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct arena *a = arena_new();
        struct preset *p = NULL;
        char *yaml = edited(a, good_yaml, t[i].from, t[i].to);
        char *want = arena_fmt(a, "preset.yaml: %s", t[i].error);
        struct err e;

        if (preset_parse(a, str_c(yaml), STR(good_graph), &p, &e) == 0)
            fail_msg("took %s", t[i].to);
        if (strncmp(e.msg, want, strlen(want)) != 0)
            assert_string_equal(e.msg, want);
        assert_int_equal(e.code, ERR_BAD_INPUT);
        arena_free(a);
    }
}

static void
a_faulty_graph_is_refused_by_node(void **state)
{
    static const struct edit t[] = {
        {"\"class_type\":\"Text\",", "",
         "workflow.json: node 3 (?): has no class_type"},
        {"{\"1\"", "[\"1\"", "workflow.json: 1:5: expected ',' or ']'"},
        {"\"colors\":8", "\"colours\":8",
         "workflow.json: node 5 (Quantize): slot colors: there is no input "
         "colors"},
        {"\"seed\":18446744073709551615", "\"seed\":\"x\"",
         "workflow.json: node 4 (Sample): slot seed: seed holds a value of "
         "another type"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct arena *a = arena_new();
        struct preset *p = NULL;
        char *graph = edited(a, good_graph, t[i].from, t[i].to);
        struct err e;

        assert_int_equal(preset_parse(a, STR(good_yaml), str_c(graph), &p, &e),
                         -1);
        assert_string_equal(e.msg, t[i].error);
        arena_free(a);
    }
}

static void
lint_names_faults_of_both_files(void **state)
{
    struct arena *a = arena_new();
    struct buf b;
    char *yaml = edited(a, good_yaml, "price: 5", "price: no");
    char *graph = edited(a, good_graph, "[\"3\",0]", "[\"33\",0]");

    (void)state;
    buf_init(&b, 10000);
    assert_int_equal(preset_lint(STR(good_yaml), STR(good_graph), &b), 0);
    assert_int_equal(b.len, 0);
    assert_int_equal(preset_lint(str_c(yaml), str_c(graph), &b), 3);
    assert_string_equal(
        buf_cstr(&b),
        "preset.yaml: line 6: price: must be a whole number from 0 to "
        "1000000\n"
        "node 4 (Sample): t: links to node 33, which does not exist\n"
        "node 3 (Text): no output depends on it\n");
    buf_free(&b);
    arena_free(a);
}

static void
the_stored_body_reads_back_the_same(void **state)
{
    struct arena *a = arena_new();
    struct preset *p = parse_good(a), *back = NULL;
    char version[SHA256_HEX], again[SHA256_HEX];
    struct buf one, two;
    struct err e;

    (void)state;
    buf_init(&one, 100000);
    buf_init(&two, 100000);
    preset_to_json(p, &one);
    assert_false(one.failed);
    if (preset_from_json(a, buf_str(&one), str_c(p->workflow), &back, &e))
        fail_msg("%s", e.msg);
    preset_to_json(back, &two);
    assert_string_equal(buf_cstr(&one), buf_cstr(&two));
    preset_version(p, version);
    preset_version(back, again);
    assert_string_equal(version, again);
    assert_int_equal(strlen(version), 64);
    assert_non_null(strstr(p->workflow, "18446744073709551615"));
    /* without its graph, for those who only ask and sell */
    assert_int_equal(preset_from_json(a, buf_str(&one), str_c(""), &back, &e),
                     0);
    assert_null(back->workflow);
    assert_int_equal(back->n_classes, 5);
    buf_free(&one);
    buf_free(&two);
    arena_free(a);
}

static void
later_members_in_a_stored_body_are_ignored(void **state)
{
    struct arena *a = arena_new();
    struct preset *p = parse_good(a), *back = NULL;
    struct buf b;
    struct err e;
    char *body;

    (void)state;
    buf_init(&b, 100000);
    preset_to_json(p, &b);
    body = edited(a, buf_cstr(&b), "{\"name\":", "{\"later\":[1],\"name\":");
    assert_int_equal(preset_from_json(a, str_c(body), str_c(""), &back, &e), 0);
    body = edited(a, buf_cstr(&b), "\"price\":5", "\"price\":-5");
    assert_int_equal(preset_from_json(a, str_c(body), str_c(""), &back, &e),
                     -1);
    assert_string_equal(e.msg, "a stored preset: price: must be a whole "
                               "number from 0 to 1000000");
    assert_int_equal(
        preset_from_json(a, STR("{\"name\":"), str_c(""), &back, &e), -1);
    buf_free(&b);
    arena_free(a);
}

static void
the_version_follows_content_and_nothing_else(void **state)
{
    struct arena *a = arena_new();
    struct preset *p = parse_good(a), *q = NULL;
    char version[SHA256_HEX], other[SHA256_HEX];
    char *yaml, *graph;
    struct err e;

    (void)state;
    preset_version(p, version);
    yaml = edited(a, good_yaml, "price: 5", "# cheap\nprice:   0x5");
    graph = edited(a, good_graph, "\"1\":{", " \"1\" :\n{ ");
    assert_int_equal(preset_parse(a, str_c(yaml), str_c(graph), &q, &e), 0);
    preset_version(q, other);
    assert_string_equal(version, other);
    graph = edited(a, good_graph, "\"steps\":3", "\"steps\":4");
    assert_int_equal(preset_parse(a, STR(good_yaml), str_c(graph), &q, &e), 0);
    preset_version(q, other);
    assert_string_not_equal(version, other);
    yaml = edited(a, good_yaml, "price: 5", "price: 6");
    assert_int_equal(preset_parse(a, str_c(yaml), STR(good_graph), &q, &e), 0);
    preset_version(q, other);
    assert_string_not_equal(version, other);
    arena_free(a);
}

static void
inputs_are_checked_against_the_form(void **state)
{
    static const struct {
        const char *inputs, *error; /* NULL: fine */
    } t[] = {
        {"{\"photo\":{\"telegram_file_id\":\"AgAC\",\"size\":5},"
         "\"prompt\":\"abc\"}",
         NULL},
        {"{\"photo\":{\"object_id\":\"obj_0123456789abcdefghjkmnpqrs\"},"
         "\"prompt\":\"абвгд\",\"strength\":1,\"steps\":5,\"colors\":\"4\"}",
         NULL},
        {"{\"photo\":{\"telegram_file_id\":\"A\"},\"prompt\":\"a\","
         "\"steps\":2.0}",
         NULL},
        {"[]", "/inputs: must be an object"},
        {"null", "/inputs: must be an object"},
        {"{\"prompt\":\"x\"}", "/inputs/photo: is missing"},
        {"{\"photo\":{\"telegram_file_id\":\"A\"}}",
         "/inputs/prompt: is missing"},
        {"{\"a/b~c\":1}", "/inputs/a~1b~0c: is no input of this preset"},
        {"{\"photo\":\"x\"}",
         "/inputs/photo: must be an object with telegram_file_id or "
         "object_id"},
        {"{\"photo\":{}}", "/inputs/photo: must have one of telegram_file_id "
                           "and object_id"},
        {"{\"photo\":{\"telegram_file_id\":\"A\",\"object_id\":\"x\"}}",
         "/inputs/photo: must have one of telegram_file_id and object_id"},
        {"{\"photo\":{\"telegram_file_id\":5}}",
         "/inputs/photo: must have one of telegram_file_id and object_id"},
        {"{\"photo\":{\"telegram_file_id\":\"\"}}",
         "/inputs/photo: has a telegram_file_id that is none"},
        {"{\"photo\":{\"object_id\":\"../x\"}}",
         "/inputs/photo: has an object_id that is none"},
        {"{\"photo\":{\"telegram_file_id\":\"A\"},\"prompt\":\" \\n\"}",
         "/inputs/prompt: must not be empty"},
        {"{\"photo\":{\"telegram_file_id\":\"A\"},\"prompt\":\"абвгде\"}",
         "/inputs/prompt: must have at most 5 characters"},
        {"{\"photo\":{\"telegram_file_id\":\"A\"},\"prompt\":5}",
         "/inputs/prompt: must be a text"},
        {"{\"photo\":{\"telegram_file_id\":\"A\"},\"prompt\":\"a\","
         "\"strength\":1.01}",
         "/inputs/strength: must be at most 1"},
        {"{\"photo\":{\"telegram_file_id\":\"A\"},\"prompt\":\"a\","
         "\"strength\":-1e400}",
         "/inputs/strength: must be a number"},
        {"{\"photo\":{\"telegram_file_id\":\"A\"},\"prompt\":\"a\","
         "\"strength\":\"1\"}",
         "/inputs/strength: must be a number"},
        {"{\"photo\":{\"telegram_file_id\":\"A\"},\"prompt\":\"a\","
         "\"steps\":0}",
         "/inputs/steps: must be at least 1"},
        {"{\"photo\":{\"telegram_file_id\":\"A\"},\"prompt\":\"a\","
         "\"steps\":1.5}",
         "/inputs/steps: must be a whole number"},
        {"{\"photo\":{\"telegram_file_id\":\"A\"},\"prompt\":\"a\","
         "\"colors\":\"5\"}",
         "/inputs/colors: is not one of the choices"},
        {"{\"photo\":{\"telegram_file_id\":\"A\"},\"prompt\":\"a\","
         "\"colors\":4}",
         "/inputs/colors: is not one of the choices"},
    };
    struct arena *a = arena_new();
    struct preset *p = parse_good(a);
    size_t i;

    (void)state;
    for (i = 0; i < sizeof t / sizeof t[0]; i++) {
        cJSON *inputs = json_parse(str_c(t[i].inputs), 0, NULL);
        struct err e;
        int rc;

        err_clear(&e);
        rc = preset_inputs_check(p, inputs, &e);
        json_free(inputs);
        if (t[i].error == NULL && rc != 0)
            fail_msg("%s: %s", t[i].inputs, e.msg);
        if (t[i].error == NULL)
            continue;
        assert_int_equal(rc, -1);
        assert_string_equal(e.msg, t[i].error);
        assert_int_equal(e.code, ERR_BAD_INPUT);
    }
    arena_free(a);
}

/* ---- presets that ship ---- */

static void
check_shipped(const char *folder, size_t *of_kind, size_t *two_photos)
{
    struct arena *a = arena_new();
    struct str yaml = test_file(
        a, arena_fmt(a, "presets/%s/preset.yaml", folder));
    struct str graph = test_file(
        a, arena_fmt(a, "presets/%s/workflow.json", folder));
    struct preset *p = NULL;
    struct buf report;
    struct err e;
    size_t i;

    buf_init(&report, 10000);
    if (preset_lint(yaml, graph, &report) != 0)
        fail_msg("%s: %s", folder, buf_cstr(&report));
    if (preset_parse(a, yaml, graph, &p, &e) != 0)
        fail_msg("%s: %s", folder, e.msg);
    assert_string_equal(p->name, folder);
    assert_true(*p->description.ru != '\0');
    assert_true(*p->icon != '\0');
    for (i = 0; i < p->n_inputs; i++)
        of_kind[p->inputs[i].kind]++;
    *two_photos += preset_photos(p) == 2;
    buf_free(&report);
    arena_free(a);
}

static void
every_shipped_preset_lints_clean(void **state)
{
    DIR *dir = opendir("presets");
    size_t of_kind[4] = {0}, two_photos = 0, n = 0;
    struct dirent *d;

    (void)state;
    assert_non_null(dir);
    while ((d = readdir(dir)) != NULL) {
        if (d->d_name[0] == '.')
            continue;
        check_shipped(d->d_name, of_kind, &two_photos);
        n++;
    }
    closedir(dir);
    assert_true(n >= 8);
    assert_true(two_photos >= 1);
    assert_true(of_kind[PRESET_TEXT] >= 1 && of_kind[PRESET_CHOICE] >= 1 &&
                of_kind[PRESET_NUMBER] >= 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_becomes_a_struct),
        cmocka_unit_test(faults_are_named_with_line_and_key),
        cmocka_unit_test(a_faulty_graph_is_refused_by_node),
        cmocka_unit_test(lint_names_faults_of_both_files),
        cmocka_unit_test(the_stored_body_reads_back_the_same),
        cmocka_unit_test(later_members_in_a_stored_body_are_ignored),
        cmocka_unit_test(the_version_follows_content_and_nothing_else),
        cmocka_unit_test(inputs_are_checked_against_the_form),
        cmocka_unit_test(every_shipped_preset_lints_clean),
    };

    return cmocka_run_group_tests_name("preset", tests, NULL, NULL);
}

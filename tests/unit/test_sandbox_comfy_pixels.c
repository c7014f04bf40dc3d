/*
 * The sandbox's node classes against pictures that a real ComfyUI made: the
 * recorded graphs on the recorded inputs (tests/data/comfy-recorded/pixels).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/image.h"
#include "io/file.h"
#include "sandbox/comfy_exec.h"
#include "sandbox/comfy_image.h"
#include "sandbox/comfy_validate.h"
#include "tests/support/servers.h"

#define RECORDED "tests/data/comfy-recorded"
#define MEAN_DIFF 2.0 /* of 255, per channel */
#define GRID_DIFF 8.0 /* quantised and noisy pictures: 8x8 mean colours */

struct bench {
    struct tmp_dir tmp;
    struct comfy_dirs dirs;
    struct arena *a;
    struct py *recorded; /* routes-uploads-presets.json */
    struct cache cache;
};

static void
read_all(const char *path, struct buf *b)
{
    struct err e = {0};

    buf_init(b, COMFY_FILE_MAX);
    if (file_read(path, b, &e) < 0)
        fail_msg("%s", e.msg);
}

static void
copy_inputs(struct bench *x)
{
    static const char *const names[] = {"photo.png", "alpha.png", "gray.png",
                                        "exif6.jpg"};

    for (size_t i = 0; i < 4; i++) {
        struct buf b;

        read_all(arena_fmt(x->a, RECORDED "/pixels/in/%s", names[i]), &b);
        assert_int_equal(
            file_write(arena_fmt(x->a, "%s/%s", x->dirs.input, names[i]),
                       buf_str(&b), 0600, NULL),
            0);
        buf_free(&b);
    }
}

static int
setup(void **state)
{
    struct bench *x = calloc(1, sizeof(*x));
    struct buf b;

    tmp_dir_make(&x->tmp);
    x->a = arena_new();
    assert_int_equal(comfy_dirs_open(&x->dirs, x->tmp.path, NULL), 0);
    node_classes_init();
    copy_inputs(x);
    read_all(RECORDED "/routes-uploads-presets.json", &b);
    x->recorded = py_parse(x->a, buf_str(&b), NULL);
    buf_free(&b);
    assert_non_null(x->recorded);
    *state = x;
    return 0;
}

static int
teardown(void **state)
{
    struct bench *x = *state;

    cache_clear(&x->cache);
    comfy_dirs_close(&x->dirs);
    node_classes_fini();
    arena_free(x->a);
    tmp_dir_remove(&x->tmp);
    free(x);
    return 0;
}

/* The recorded graph NN with another input picture. */
static struct py *
graph(struct bench *x, const char *number, const char *input)
{
    const struct py *e =
        py_get(x->recorded, arena_fmt(x->a, "prompt_ok_%s", number));
    struct py *g =
        py_copy(x->a, py_get(py_get(py_get(e, "request"), "body"), "prompt"));

    for (struct py *n = g->first; n; n = n->next) {
        struct py *inputs = py_get(n, "inputs");

        if (py_get(inputs, "image") && py_get(inputs, "image")->kind == PY_STR)
            py_set(x->a, inputs, STR("image"), py_new_str(x->a, str_c(input)));
    }
    return g;
}

/* Runs the graph and gives the file that the node saved. */
static const char *
run(struct bench *x, struct py *g, const char *node)
{
    const struct validate_rules rules = {&x->dirs, false};
    struct validation v;
    struct exec_result r;
    struct py *ui, *file;
    const char *path = NULL;

    assert_int_equal(comfy_validate(x->a, &rules, g, NULL, &v),
                     VERDICT_ACCEPTED);
    exec_run(&(struct exec_job){.prompt_id = "p",
                                .prompt = g,
                                .extra = py_parse(x->a, STR("{}"), NULL),
                                .outputs = v.outputs,
                                .dirs = &x->dirs,
                                .cache = &x->cache,
                                .a = x->a},
             &r);
    if (r.end != EXEC_SUCCESS)
        fail_msg("%s", buf_cstr(&r.messages));
    ui = py_parse(x->a, buf_str(&r.outputs), NULL);
    file = py_get(py_get(ui, node), "images");
    if (file)
        path = arena_fmt(
            x->a, "%s/%s/%s",
            comfy_dir_of(&x->dirs, py_get(file->first, "type")->text.p),
            py_get(file->first, "subfolder")->text.p,
            py_get(file->first, "filename")->text.p);
    exec_result_free(&r);
    return path;
}

static struct tensor *
picture(const char *path, bool *alpha)
{
    struct err e = {0};
    struct tensor *t;
    struct buf b;

    read_all(path, &b);
    t = picture_load(buf_str(&b), alpha, &e);
    if (!t)
        fail_msg("%s: %s", path, e.msg);
    buf_free(&b);
    return t;
}

/* Mean absolute difference of one channel, of 255. */
static double
mean_diff(const struct tensor *x, const struct tensor *y, int channel)
{
    size_t n = (size_t)x->w * (size_t)x->h;
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += fabs((double)x->p[i * 4 + (size_t)channel] -
                    (double)y->p[i * 4 + (size_t)channel]);
    return sum * 255 / (double)n;
}

static double
cell_mean(const struct tensor *t, int cx, int cy, int channel)
{
    int x0 = cx * t->w / 8, x1 = (cx + 1) * t->w / 8;
    int y0 = cy * t->h / 8, y1 = (cy + 1) * t->h / 8;
    double sum = 0;

    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++)
            sum += (double)tensor_row_of(t, 0, y)[x * 4 + channel];
    return sum * 255 / ((x1 - x0) * (y1 - y0));
}

static double
grid_diff(const struct tensor *x, const struct tensor *y, int channel)
{
    double worst = 0;

    for (int cy = 0; cy < 8; cy++)
        for (int cx = 0; cx < 8; cx++)
            worst = fmax(worst, fabs(cell_mean(x, cx, cy, channel) -
                                     cell_mean(y, cx, cy, channel)));
    return worst;
}

static bool
is_approximate(const char *number)
{
    return strcmp(number, "04") == 0 || strcmp(number, "05") == 0 ||
           strcmp(number, "08") == 0;
}

static void
compare(struct bench *x, const char *name, const char *mine)
{
    bool alpha_x = false, alpha_y = false;
    struct tensor *real =
        picture(arena_fmt(x->a, RECORDED "/pixels/out/%s", name), &alpha_x);
    struct tensor *made = picture(mine, &alpha_y);
    bool rough = is_approximate(arena_strn(x->a, name, 2));

    assert_int_equal(made->w, real->w);
    assert_int_equal(made->h, real->h);
    assert_int_equal(alpha_x, alpha_y);
    for (int c = 0; c < 4; c++) {
        double d = rough ? grid_diff(real, made, c) : mean_diff(real, made, c);

        if (getenv("SHOW"))
            print_message("%s channel %d: %.3f\n", name, c, d);
        if (d > (rough ? GRID_DIFF : MEAN_DIFF))
            fail_msg("%s: channel %d differs by %.2f", name, c, d);
    }
    tensor_unref(real);
    tensor_unref(made);
}

/* "01-invert_alpha_n9_0.png" */
static void
check_recorded(struct bench *x, const char *name)
{
    const char *in = strchr(name, '_') + 1, *at = strstr(in, "_n");
    const char *number = arena_strn(x->a, name, 2);
    const char *input = arena_fmt(x->a, "%.*s.%s", (int)(at - in), in,
                                  strncmp(in, "exif6", 5) == 0 ? "jpg" : "png");
    const char *node = arena_strn(x->a, at + 2, strcspn(at + 2, "_"));
    const char *mine = run(x, graph(x, number, input), node);

    assert_non_null(mine);
    compare(x, name, mine);
}

static void
every_recorded_picture_is_made_again(void **state)
{
    struct bench *x = *state;
    DIR *d = opendir(RECORDED "/pixels/out");
    struct dirent *de;
    int n = 0;

    assert_non_null(d);
    while ((de = readdir(d))) {
        if (!strstr(de->d_name, ".png"))
            continue;
        check_recorded(x, de->d_name);
        n++;
    }
    closedir(d);
    assert_int_equal(n, 33);
}

static void
inverting_truncates_as_float32_does(void **state)
{
    static const int from[] = {0, 64, 65, 66, 67, 100, 127, 128, 254, 255};
    static const int to[] = {255, 191, 189, 189, 187, 155, 127, 126, 0, 0};
    struct tensor *t = tensor_new(1, 1, 10, 3), *back;
    bool alpha;
    struct buf png;

    (void)state;
    for (size_t i = 0; i < 30; i++)
        t->p[i] = 1.0f - (float)from[i / 3] / 255.0f;
    buf_init(&png, 100000);
    picture_png(&png, t, 0, 1, NULL, 0);
    back = picture_load(buf_str(&png), &alpha, NULL);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(lroundf(back->p[i * 4] * 255.0f), to[i]);
    tensor_unref(back);
    tensor_unref(t);
    buf_free(&png);
}

static void
saved_pictures_carry_the_prompt(void **state)
{
    struct bench *x = *state;
    const char *mine = run(x, graph(x, "01", "photo.png"), "9");
    struct buf b;

    read_all(mine, &b);
    assert_non_null(
        memmem(b.p, b.len, "tEXtprompt\0{\"1\": {\"class_type\"", 30));
    assert_non_null(memmem(b.p, b.len, "\"is_changed\": [\"", 16));
    buf_free(&b);
}

static void
animations_have_all_frames(void **state)
{
    struct bench *x = *state;
    const char *mine = run(x, graph(x, "17", "photo.png"), "9");
    struct image_info info;
    struct buf b;
    size_t frames = 0;

    read_all(mine, &b);
    assert_int_equal(image_probe(buf_str(&b), &info, NULL), 0);
    assert_true(info.animated);
    assert_int_equal(info.width, 96);
    assert_int_equal(info.height, 64);
    for (const char *p = b.p;
         (p = memmem(p, b.len - (size_t)(p - b.p), "ANMF", 4)); p++)
        frames++;
    assert_int_equal(frames, 2);
    buf_free(&b);
}

static void
the_same_prompt_again_gives_the_old_file(void **state)
{
    struct bench *x = *state;
    const char *first = run(x, graph(x, "03", "photo.png"), "9");
    const char *again = run(x, graph(x, "03", "photo.png"), "9");

    assert_string_equal(first, again);
    cache_clear(&x->cache);
    again = run(x, graph(x, "03", "photo.png"), "9");
    assert_string_not_equal(first, again);
}

/* Runs "photo.png", then Morphology with each of the kernels in turn. */
static struct tensor *
dilated(struct bench *x, const char *operation, int k1, int k2)
{
    const char *json = arena_fmt(
        x->a,
        "{\"1\": {\"class_type\": \"LoadImage\", \"inputs\": {\"image\": "
        "\"photo.png\"}}, \"2\": {\"class_type\": \"Morphology\", "
        "\"inputs\": {\"image\": [\"1\", 0], \"operation\": \"%s\", "
        "\"kernel_size\": %d}}, \"3\": {\"class_type\": \"Morphology\", "
        "\"inputs\": {\"image\": [\"2\", 0], \"operation\": \"%s\", "
        "\"kernel_size\": %d}}, \"9\": {\"class_type\": \"SaveImage\", "
        "\"inputs\": {\"images\": [\"%d\", 0], \"filename_prefix\": "
        "\"m\"}}}",
        operation, k1, operation, k2 ? k2 : 3, k2 ? 3 : 2);
    bool alpha;

    return picture(run(x, py_parse(x->a, str_c(json), NULL), "9"), &alpha);
}

/* Two ways of finding a maximum: small kernels directly, large ones by runs. */
static void
a_large_kernel_is_two_small_ones(void **state)
{
    static const char *const operations[] = {"dilate", "erode"};
    struct bench *x = *state;

    for (size_t i = 0; i < 2; i++) {
        struct tensor *large = dilated(x, operations[i], 41, 0);
        struct tensor *twice = dilated(x, operations[i], 21, 21);

        assert_memory_equal(large->p, twice->p,
                            tensor_count(large) * sizeof(float));
        tensor_unref(large);
        tensor_unref(twice);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_recorded_picture_is_made_again,
                                        setup, teardown),
        cmocka_unit_test(inverting_truncates_as_float32_does),
        cmocka_unit_test_setup_teardown(saved_pictures_carry_the_prompt, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(animations_have_all_frames, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_large_kernel_is_two_small_ones, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            the_same_prompt_again_gives_the_old_file, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_tree.c - the tree checks itself: who includes whom (tools/lint), and
 * docs/OPERATING.md against the tables of base/.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/limits.h"
#include "base/setting.h"
#include "model/failure.h"

#define OUTPUT_MAX (1 << 20)

static const char *
root(void)
{
    const char *set = getenv("TINTYPE_TEST_ROOT");

    return set == NULL ? "." : set;
}

/* Runs tools/lint --CHECK over a tree; its exit code, its words in out. */
static int
lint(const char *check, const char *tree, struct buf *out)
{
    char command[1024], piece[4096];
    FILE *f;
    size_t n;
    int status;

    snprintf(command, sizeof(command),
             "python3 '%s/tools/lint' --%s --root '%s' 2>&1", root(), check,
             tree);
    f = popen(command, "re");
    assert_non_null(f);
    buf_init(out, OUTPUT_MAX);
    while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
        buf_add(out, piece, n);
    status = pclose(f);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
lint_is_quiet(const char *check)
{
    struct buf out;

    if (lint(check, root(), &out) != 0)
        fail_msg("%s", buf_cstr(&out));
    buf_free(&out);
}

/* Lint of the tree names each of these. The tree is removed. */
static void
lint_finds(const char *check, const char *tree, const char *const *want,
           size_t n)
{
    char command[128];
    struct buf out;

    assert_int_equal(lint(check, tree, &out), 1);
    snprintf(command, sizeof(command), "rm -r '%s'", tree);
    assert_int_equal(system(command), 0);
    for (size_t i = 0; i < n; i++) {
        if (strstr(buf_cstr(&out), want[i]) == NULL)
            fail_msg("missing: %s\nin:\n%s", want[i], buf_cstr(&out));
    }
    buf_free(&out);
}

static void
every_folder_includes_only_what_it_may(void **state)
{
    (void)state;
    lint_is_quiet("layers");
}

static void
functions_texts_settings_and_limits_are_all_used(void **state)
{
    (void)state;
    lint_is_quiet("unused");
}

static void
write_file(const char *folder, const char *name, const char *text)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void
make_folder(const char *folder, const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

/* Without this the check above could be one that finds nothing, ever. */
static void
wrong_includes_are_found(void **state)
{
    static const char *const want[] = {
        "base/a.c:2: \"io/b.h\": base/ may include nothing, not io/",
        "base/a.c:3: <sqlite3.h> belongs to io/, not base/",
        "io/b.h:1: <cjson/cJSON.h> belongs to base/, not io/",
        "io/b.h:2: <nobody/knows.h>: no folder has this library",
        "bot/c.c:1: \"b.h\": write \"folder/file.h\"",
        "bot/c.c:2: \"store/d.h\": bot/ may include",
        "bot/c.c:3: \"api/e_int.h\" is internal to api/",
        "bot/c.c:4: \"bot/none.h\" does not exist",
        "lint: 8 findings",
    };
    char tree[] = "/tmp/tintype-tree-XXXXXX";

    (void)state;
    assert_non_null(mkdtemp(tree));
    make_folder(tree, "base");
    make_folder(tree, "io");
    make_folder(tree, "bot");
    make_folder(tree, "api");
    make_folder(tree, "store");
    write_file(tree, "base/a.c", "#include <stdio.h>\n#include \"io/b.h\"\n"
                                 "#  include <sqlite3.h>\n");
    write_file(tree, "io/b.h", "#include <cjson/cJSON.h>\n"
                               "#include <nobody/knows.h>\n"
                               "#include <sqlite3.h>\n");
    write_file(tree, "bot/c.c", "#include \"b.h\"\n#include \"store/d.h\"\n"
                                "#include \"api/e_int.h\"\n"
                                "#include \"bot/none.h\"\n"
                                "#include \"api/f.h\"\n");
    write_file(tree, "store/d.h", "");
    write_file(tree, "api/e_int.h", "");
    write_file(tree, "api/f.h", "#include \"api/e_int.h\"\n");
    lint_finds("layers", tree, want, sizeof(want) / sizeof(want[0]));
}

static void
what_nobody_uses_is_found(void **state)
{
    static const char *const want[] = {
        "base/a.h: a_left() is not used",
        "base/limits.def: FORGOTTEN is not used",
        "model/text.def: hello is not used",
        "lint: 3 findings",
    };
    char tree[] = "/tmp/tintype-tree-XXXXXX";

    (void)state;
    assert_non_null(mkdtemp(tree));
    make_folder(tree, "base");
    make_folder(tree, "model");
    write_file(tree, "base/a.h", "/* a_left() */\nint a_used(int x);\n"
                                 "void a_left(void); /* no */\n");
    write_file(tree, "base/a.c", "int\na_used(int x)\n{\n"
                                 "    return a_used(x) + LIM_USED;\n}\n"
                                 "void\na_left(void)\n{\n}\n");
    write_file(tree, "base/limits.def", "LIMIT(USED, 1, \"\", \"\")\n"
                                        "LIMIT(FORGOTTEN, 2, \"\", \"\")\n");
    write_file(tree, "model/text.def", "TEXT(bye, \"a\", \"b\")\n"
                                       "TEXT(hello, \"a\", \"b\")\n"
                                       "TEXT(fail_gpu, \"a\", \"b\")\n");
    write_file(tree, "model/m.c", "const char *m = \"{\\\"text\\\":"
                                  "\\\"bye\\\"}\";\n");
    lint_finds("unused", tree, want, sizeof(want) / sizeof(want[0]));
}

/* The document's text between <!-- name --> and <!-- /name -->. */
static void
document_part(const char *document, const char *name, struct buf *out)
{
    static char text[OUTPUT_MAX];
    char path[512], mark[64];
    const char *start, *end;
    FILE *f;
    size_t n;

    snprintf(path, sizeof(path), "%s/docs/%s", root(), document);
    f = fopen(path, "re");
    assert_non_null(f);
    n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    fclose(f);
    snprintf(mark, sizeof(mark), "<!-- %s -->\n", name);
    start = strstr(text, mark);
    assert_non_null(start);
    start += strlen(mark);
    snprintf(mark, sizeof(mark), "<!-- /%s -->", name);
    end = strstr(start, mark);
    assert_non_null(end);
    buf_init(out, OUTPUT_MAX);
    buf_add(out, start, (size_t)(end - start));
}

static void
check_part(const char *document, const char *name,
           void (*table)(struct buf *out))
{
    struct buf is, wanted;

    document_part(document, name, &is);
    buf_init(&wanted, OUTPUT_MAX);
    table(&wanted);
    if (!str_eq(buf_str(&is), buf_str(&wanted)))
        fail_msg("docs/%s: table '%s' is out of date; run tools/doc-tables",
                 document, name);
    buf_free(&is);
    buf_free(&wanted);
}

static void
the_documents_have_the_tables_of_the_sources(void **state)
{
    (void)state;
    check_part("OPERATING.md", "settings", settings_markdown);
    check_part("OPERATING.md", "limits", limits_markdown);
    check_part("ARCHITECTURE.md", "failures", failure_markdown);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_folder_includes_only_what_it_may),
        cmocka_unit_test(wrong_includes_are_found),
        cmocka_unit_test(functions_texts_settings_and_limits_are_all_used),
        cmocka_unit_test(what_nobody_uses_is_found),
        cmocka_unit_test(the_documents_have_the_tables_of_the_sources),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

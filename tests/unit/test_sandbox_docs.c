/* test_sandbox_docs.c - docs/SANDBOX.md against the sandbox's tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "sandbox/tg_call.h"
#include "tests/support/files.h"
#include "tests/support/tg_call.h"

static struct arena *arena;
static struct str docs;

static int
load(void **state)
{
    (void)state;
    arena = arena_new();
    docs = test_file(arena, "docs/SANDBOX.md");
    return 0;
}

static int
unload(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static bool
says(const char *text)
{
    return memmem(docs.p, docs.len, text, strlen(text)) != NULL;
}

static void
each_fault_is_in_the_docs(void **state)
{
    static const char *const rows[] = {
#define FAULT(name, text) "| `" #name "` | " text " |",
#include "sandbox/tg_faults.def"
#undef FAULT
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (!says(rows[i]))
            fail_msg("docs/SANDBOX.md lacks: %s", rows[i]);
}

/* The path alone stands in the docs, or its tail after an ellipsis. */
static bool
has_route(const struct http_route *r)
{
    char path[128];

    snprintf(path, sizeof(path), "%s`", r->path);
    if (says(path))
        return true;
    snprintf(path, sizeof(path), "`…%s`", strrchr(r->path, '/'));
    return says(path);
}

static void
each_route_is_in_the_docs(void **state)
{
    (void)state;
    for (size_t i = 0; i < tgs_nroutes; i++)
        if (strncmp(tgs_routes[i].path, "/sandbox/", 9) == 0 &&
            !has_route(&tgs_routes[i]))
            fail_msg("docs/SANDBOX.md lacks: %s", tgs_routes[i].path);
}

static void
each_method_is_in_the_docs_and_in_the_specification(void **state)
{
    const struct tg_spec *spec = tg_call_spec();
    const struct tgs_method *m;

    (void)state;
    for (size_t i = 0; (m = tgs_method_at(i)); i++) {
        struct err e;
        const char *name = m->name;
        /* "(and their get...)" stands for the readers of what is set */
        bool reader = strncmp(name, "getMy", 5) == 0;
        if (!says(name) && !reader)
            fail_msg("docs/SANDBOX.md lacks: %s", name);
        if (tg_spec_check_call(spec, name, NULL, &e) == 0 ||
            strstr(e.msg, "is no method"))
            fail_msg("%s", e.msg);
    }
    tg_call_spec_free();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_is_in_the_docs),
        cmocka_unit_test(each_route_is_in_the_docs),
        cmocka_unit_test(each_method_is_in_the_docs_and_in_the_specification),
    };

    return cmocka_run_group_tests(tests, load, unload);
}

/* fuzz_tg_params.c - a form of the bot, its keyboard and its numbers. */
#include <assert.h>
#include <string.h>
#include "base/mem.h"
#include "base/utf8.h"
#include "sandbox/tg_call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is refused has a reason; a keyboard that is kept is JSON. */
static void
check(struct tgs_call *c)
{
    bool bad = false;
    const char *markup = tgs_call_markup(c, false, &bad);
    char *all = tgs_params_json(c);

    assert(!bad || (c->status == 400 && c->description[0]));
    assert(!markup || json_check(str_c(markup), 0, NULL) == 0);
    assert(!all || json_check(str_c(all), 0, NULL) == 0);
    tgs_arg_i64(c, "chat_id", 0);
    tgs_arg_bool(c, "a");
    mem_free(all);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tgs_call c = {.a = arena_new()};

    if (tgs_form_read(&c, str_n((const char *)data, size)) == 0)
        check(&c);
    else
        assert(c.status == 400);
    for (size_t i = 0; i < c.n; i++)
        assert(utf8_valid(c.params[i].text));
    arena_free(c.a);
    return 0;
}

/*
 * fuzz_tg_update.c - an update is taken or refused with a sentence; what is
 * taken keeps the promises of telegram/update.h.
 */
#include <assert.h>
#include <string.h>
#include "base/utf8.h"
#include "telegram/update.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_texts(const struct tg_update *u)
{
    const char *const texts[] = {u->text,           u->command,
                                 u->command_bot,    u->args,
                                 u->album,          u->callback_id,
                                 u->data,           u->query_id,
                                 u->currency,       u->payload,
                                 u->charge_id,      u->from.full_name,
                                 u->from.username,  u->file.file_id,
                                 u->file.unique_id, u->file.mime,
                                 u->file.name,      u->from.first_name,
                                 u->from.last_name, u->from.language_code};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert(utf8_valid(str_c(texts[i])) && texts[i] != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    struct tg_update u;
    struct err e;

    err_clear(&e);
    if (tg_update_parse(a, str_n((const char *)data, size), &u, &e) == 0) {
        if (u.kind == TG_UPDATE_MESSAGE || u.kind == TG_UPDATE_MEMBER)
            assert(u.chat_id != 0 && u.queue == u.chat_id);
        if (u.kind == TG_UPDATE_CALLBACK || u.kind == TG_UPDATE_PRE_CHECKOUT)
            assert(u.from.id > 0 && u.queue != 0);
        if (u.content == TG_CONTENT_PHOTO || u.content == TG_CONTENT_IMAGE)
            assert(u.file.file_id[0] != '\0');
    } else {
        assert(e.code == ERR_BAD_INPUT || e.code == ERR_TOO_LARGE);
        assert(e.msg[0] != '\0');
    }
    check_texts(&u);
    arena_free(a);
    return 0;
}

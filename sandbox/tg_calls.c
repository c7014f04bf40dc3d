/*
 * tg_calls.c - what the bot called: a ring that tests compare with the Bot
 * API's specification.
 */
#include "sandbox/tg_call.h"

#include <stdio.h>
#include "base/clock.h"
#include "base/mem.h"

void
tgs_call_record(struct tg *t, struct tgs_call *c, int status, bool lost)
{
    struct tgs_call_record *r = &t->calls[t->ncalls++ % TG_CALLS_MAX];
    const char *name = c->method ? c->method->name : c->name;

    mem_free(r->params);
    mem_free(r->description);
    *r = (struct tgs_call_record){
        .seq = t->next_seq++,
        .at_ms = clock_wall_ms(),
        .us = clock_mono_us() - http_started_us(c->req),
        .chat_id = tgs_arg_i64(c, "chat_id", 0),
        .status = status,
        .lost = lost,
        .params = tgs_params_json(c),
        .description = status != 200 && c->description[0]
                           ? mem_strdup(c->description)
                           : NULL};
    snprintf(r->method, sizeof(r->method), "%s", name);
    t->stats.calls++;
    t->stats.errors += status != 200;
}

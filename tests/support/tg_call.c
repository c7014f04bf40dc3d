/*
 * tg_call.c - calls of the Bot API in tests.
 */
#include "tests/support/tg_call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/mem.h"

static struct tg_spec *spec;

const struct tg_spec *
tg_call_spec(void)
{
    if (!spec)
        spec = tg_spec_load();
    return spec;
}

void
tg_call_spec_free(void)
{
    tg_spec_free(spec);
    spec = NULL;
}

static const cJSON *
check_ok(struct tg_sandbox *s, const char *method, const cJSON *answer)
{
    const cJSON *result = json_get(answer, "result");
    struct err e;

    if (s->status != 200 || !json_bool(answer, "ok", false) || !result)
        fail_msg("%s: %d %s", method, s->status,
                 json_str(answer, "description", "no answer"));
    if (tg_spec_check_result(tg_call_spec(), method, result, &e) != 0)
        fail_msg("result of %s", e.msg);
    return result;
}

static const cJSON *
check_bad(struct tg_sandbox *s, int code, const char *words, const char *method,
          const cJSON *answer)
{
    const char *description = json_str(answer, "description", "");

    if (s->status != code || json_bool(answer, "ok", true) ||
        json_i64(answer, "error_code", 0) != code ||
        !strstr(description, words))
        fail_msg("%s: %d %s, not %d %s", method, s->status, description, code,
                 words);
    return answer;
}

static char *format(const char *fmt, va_list ap)
    __attribute__((format(printf, 1, 0)));

static char *
format(const char *fmt, va_list ap)
{
    char *z = NULL;

    assert_true(vasprintf(&z, fmt, ap) >= 0);
    return z;
}

const cJSON *
tg_call_ok(struct tg_sandbox *s, const char *method, const char *fmt, ...)
{
    const cJSON *answer;
    va_list ap;
    char *json;

    va_start(ap, fmt);
    json = format(fmt, ap);
    va_end(ap);
    answer = tg_sandbox_bot(s, method, json);
    free(json);
    return check_ok(s, method, answer);
}

const cJSON *
tg_call_bad(struct tg_sandbox *s, int code, const char *words,
            const char *method, const char *fmt, ...)
{
    const cJSON *answer;
    va_list ap;
    char *json;

    va_start(ap, fmt);
    json = format(fmt, ap);
    va_end(ap);
    answer = tg_sandbox_bot(s, method, json);
    free(json);
    return check_bad(s, code, words, method, answer);
}

static const cJSON *
send_parts(struct tg_sandbox *s, const char *method,
           const struct httpc_part *parts, size_t n)
{
    return tg_sandbox_parts(
        s, arena_fmt(s->arena, "/bot%s/%s", s->token, method), parts, n);
}

const cJSON *
tg_call_parts_ok(struct tg_sandbox *s, const char *method,
                 const struct httpc_part *parts, size_t n)
{
    return check_ok(s, method, send_parts(s, method, parts, n));
}

const cJSON *
tg_call_parts_bad(struct tg_sandbox *s, int code, const char *words,
                  const char *method, const struct httpc_part *parts, size_t n)
{
    return check_bad(s, code, words, method, send_parts(s, method, parts, n));
}

int
tg_room_enter(void **state, const char *const *args)
{
    struct tg_room *room = mem_calloc(1, sizeof(*room));

    tg_sandbox_start(&room->s, args);
    room->chat = tg_sandbox_user(&room->s, "Anna", "en");
    *state = room;
    return 0;
}

int
tg_room_leave(void **state)
{
    struct tg_room *room = *state;

    tg_sandbox_stop(&room->s);
    mem_free(room);
    return 0;
}

/*
 * tg_call.h - calls of the Bot API in tests: each success is checked against
 * the specification, each failure by its code and words.
 */
#ifndef TESTS_SUPPORT_TG_CALL_H
#define TESTS_SUPPORT_TG_CALL_H

#include "tests/support/tg_sandbox.h"
#include "tests/support/tg_spec.h"

/* The result; anything but success, and a result that is not as specified,
 * fails the test. */
const cJSON *tg_call_ok(struct tg_sandbox *s, const char *method,
                        const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
const cJSON *tg_call_parts_ok(struct tg_sandbox *s, const char *method,
                              const struct httpc_part *parts, size_t n);
/* The call must fail with this code and a description that contains this.
 * Returns the answer. */
const cJSON *tg_call_bad(struct tg_sandbox *s, int code, const char *words,
                         const char *method, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
const cJSON *tg_call_parts_bad(struct tg_sandbox *s, int code,
                               const char *words, const char *method,
                               const struct httpc_part *parts, size_t n);
const struct tg_spec *tg_call_spec(void); /* loaded once */
void tg_call_spec_free(void);

/* A sandbox with one person in it, as a fixture of a test. */
struct tg_room {
    struct tg_sandbox s;
    int64_t chat;
};
int tg_room_enter(void **state, const char *const *args); /* as _start() */
int tg_room_leave(void **state);

#endif

/*
 * tg_spec.h - the Bot API as its machine-readable specification has it
 * (tests/data/telegram-bot-api.json), to check calls and objects against.
 *
 *     struct tg_spec *spec = tg_spec_load();
 *     if (tg_spec_check_call(spec, "sendMessage", params, &e) != 0)
 *         fail_msg("%s", e.msg);
 *     tg_spec_free(spec);
 *
 * Parameters are taken as they came: in forms and multipart, numbers, truth
 * values, objects and arrays are texts. A file is {"file", "type", "size"},
 * as the sandbox records it; a file that some "attach://NAME" names is known.
 */
#ifndef TESTS_SUPPORT_TG_SPEC_H
#define TESTS_SUPPORT_TG_SPEC_H

#include "base/json.h"

struct tg_spec;

struct tg_spec *tg_spec_load(void); /* ends the program when it cannot */
void tg_spec_free(struct tg_spec *s);
/* Known method, known parameters, required ones there, types right, down to
 * the last field. e names the first thing that is wrong. */
int tg_spec_check_call(const struct tg_spec *s, const char *method,
                       const cJSON *params, struct err *e);
/* An object of the Bot API, "Update" or "Array of Message". */
int tg_spec_check_type(const struct tg_spec *s, const char *type,
                       const cJSON *value, struct err *e);
/* The result of a method: one of its "returns". */
int tg_spec_check_result(const struct tg_spec *s, const char *method,
                         const cJSON *result, struct err *e);

#endif

/*
 * fuzz_tg_answer.c - any answer has an outcome, a clean short description and
 * a result exactly when it is ok. The first two bytes choose the HTTP status.
 */
#include <assert.h>
#include <string.h>
#include "base/utf8.h"
#include "telegram/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 400, 401, 403, 404,
                                   409, 413, 429, 500, 502};
    struct tg_answer a;
    struct err e;

    if (size < 2)
        return 0;
    tg_answer_read(&a, statuses[data[0] % 10],
                   str_n((const char *)data + 2, size - 2), data[1] % 4 - 1);
    assert((a.outcome == TG_OK) == (a.result != NULL));
    assert((a.outcome == TG_RATE_LIMITED) == (a.retry_after_ms >= 0));
    assert(utf8_valid(str_c(a.description)));
    assert((tg_answer_err(&a, "x", &e) == 0) == tg_answer_is_ok(&a));
    tg_answer_free(&a);
    return 0;
}

/*
 * err.c - one error.
 */
#include "base/err.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Both build in a copy: the arguments may be e's own sentence. */
int
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    char msg[ERR_MSG_MAX];
    va_list ap;

    if (e == NULL)
        return -1;
    va_start(ap, fmt);
    if (vsnprintf(msg, sizeof(msg), fmt, ap) < 0)
        msg[0] = '\0';
    va_end(ap);
    e->code = code;
    memcpy(e->msg, msg, sizeof(e->msg));
    return -1;
}

int
err_wrap(struct err *e, const char *fmt, ...)
{
    char msg[2 * ERR_MSG_MAX + 2];
    size_t len;
    va_list ap;

    if (e == NULL)
        return -1;
    va_start(ap, fmt);
    if (vsnprintf(msg, ERR_MSG_MAX, fmt, ap) < 0)
        msg[0] = '\0';
    va_end(ap);
    len = strlen(msg);
    snprintf(msg + len, sizeof(msg) - len, ": %s", e->msg);
    msg[ERR_MSG_MAX - 1] = '\0';
    memcpy(e->msg, msg, sizeof(e->msg));
    return -1;
}

void
err_clear(struct err *e)
{
    if (e == NULL)
        return;
    e->code = ERR_NONE;
    e->msg[0] = '\0';
}

const char *
err_code_name(enum err_code code)
{
    switch (code) {
    case ERR_NONE:
        return "none";
    case ERR_BAD_INPUT:
        return "bad_input";
    case ERR_NOT_FOUND:
        return "not_found";
    case ERR_CONFLICT:
        return "conflict";
    case ERR_TOO_LARGE:
        return "too_large";
    case ERR_TIMEOUT:
        return "timeout";
    case ERR_UNAVAILABLE:
        return "unavailable";
    case ERR_INTERNAL:
        return "internal";
    }
    return "unknown";
}

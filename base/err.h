/*
 * err.h - one error: a code that callers decide on, a sentence for people.
 *
 * The place that sees the failure writes the sentence with its numbers; those
 * above add context with err_wrap() or act on the code; whoever stops passing
 * it on logs it, once. Sentences never hold secrets or whole URLs.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_code {
    ERR_NONE = 0,
    ERR_BAD_INPUT,   /* the caller's data; repeating it is useless */
    ERR_NOT_FOUND,
    ERR_CONFLICT,    /* state or version differs from what was expected */
    ERR_TOO_LARGE,   /* a limit of base/limits.def */
    ERR_TIMEOUT,     /* OUTCOME UNKNOWN: it may have happened */
    ERR_UNAVAILABLE, /* known to have had no effect; try again later */
    ERR_INTERNAL
};

#define ERR_MSG_MAX 512

struct err {
    enum err_code code;
    char msg[ERR_MSG_MAX];
};

/* Returns -1, so that `return err_set(e, ...)` reads well. e may be NULL. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts "context: " in front of the sentence; keeps the code. Returns -1. */
int err_wrap(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void err_clear(struct err *e);
const char *err_code_name(enum err_code code); /* "timeout" ... */

#endif

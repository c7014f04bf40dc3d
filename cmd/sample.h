/*
 * sample.h - one job as a person would buy it, in the sandbox.
 */
#ifndef CMD_SAMPLE_H
#define CMD_SAMPLE_H

#include "cmd/stack.h"

/*
 * A person of the sandbox Telegram sends a sample photo, presses the first
 * preset, buys, and gets the picture, which is stored in dir; its path goes to
 * picture. Fails when no picture comes within a minute, or when it equals the
 * photo.
 */
int sample_run(const struct stack *s, const char *dir, char *picture,
               size_t size, struct err *e);

/* The photograph that is sent; inside the binary. */
struct str sample_photo(void);

#endif

/*
 * role.h - what the main function of every role does the same way.
 *
 *     struct settings *s = role_start("backend", &e);
 *     ... start ...
 *     role_ready(port);
 *     role_wait_stop();      until SIGTERM or SIGINT
 *     ... drain ...
 */
#ifndef BASE_ROLE_H
#define BASE_ROLE_H

#include "base/setting.h"

/* SIGTERM and SIGINT for all threads to come: role_wait_stop() takes them.
 * SIGPIPE is ignored. */
void role_block_signals(void);
/*
 * Blocks the signals, loads the settings (environment over .env over
 * defaults), starts the log. NULL with a sentence on bad settings. Core dumps
 * are off: they would hold secrets (P10).
 */
struct settings *role_start(const char *role, struct err *e);
/*
 * The role serves now. When the environment names TINTYPE_READY_FD, a line
 * "port\n" goes there: whoever started it waits for that.
 */
void role_ready(int port);
/* Returns when the process is asked to stop; the signals are blocked. */
void role_wait_stop(void);
/* Random, new at each start: "boot" of claims and heartbeats. */
const char *role_boot(void);
/*
 * Takes the lock file `<dir>/<name>.lock`, for as long as the process lives.
 * CONFLICT names the process that has it.
 */
int role_lock(const char *dir, const char *name, struct err *e);

#endif

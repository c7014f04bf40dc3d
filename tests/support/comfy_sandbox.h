/*
 * comfy_sandbox.h - a sandbox ComfyUI as a process of its own, for tests.
 *
 *     struct comfy_sandbox s;
 *     comfy_sandbox_start(&s, NULL);
 *     ... s.url, s.port, s.dir ...
 *     comfy_sandbox_fault(&s, "oom", 1, 0);
 *     comfy_sandbox_stop(&s);
 *
 * Start it from the main thread (it dies with that) and before the test has
 * threads of its own. What goes wrong fails the test.
 */
#ifndef TESTS_SUPPORT_COMFY_SANDBOX_H
#define TESTS_SUPPORT_COMFY_SANDBOX_H

#include <stdint.h>
#include "tests/support/rawhttp.h"
#include "tests/support/servers.h"

#define COMFY_SANDBOX_ARGS 16

struct comfy_sandbox {
    struct tmp_dir dir; /* has input/, output/, temp/ */
    pid_t pid;          /* 0: does not run */
    int port;
    char url[64]; /* "http://127.0.0.1:PORT" */
    const char *args[COMFY_SANDBOX_ARGS];
};

/* More options of sandbox_comfy_main, NULL-terminated and borrowed, or NULL. */
void comfy_sandbox_start(struct comfy_sandbox *s, const char *const *args);
void comfy_sandbox_stop(struct comfy_sandbox *s);  /* and removes its folder */
void comfy_sandbox_kill(struct comfy_sandbox *s);  /* SIGKILL */
void comfy_sandbox_again(struct comfy_sandbox *s); /* same folder and port */
/* Waits until it has ended by itself (fault die_after_accept). */
void comfy_sandbox_wait(struct comfy_sandbox *s);

/* One request; json may be NULL. Free the answer. */
void comfy_sandbox_ask(struct comfy_sandbox *s, const char *method,
                       const char *path, const char *json,
                       struct raw_answer *out);
int comfy_sandbox_status(struct comfy_sandbox *s, const char *method,
                         const char *path, const char *json);
void comfy_sandbox_fault(struct comfy_sandbox *s, const char *fault,
                         int64_t count, int64_t ms);
/* How often the prompt was handed to the executor, over all processes that
 * used this folder; NULL: all prompts together. */
int64_t comfy_sandbox_runs(struct comfy_sandbox *s, const char *prompt_id);

#endif

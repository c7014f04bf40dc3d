/*
 * tg_sandbox.h - a sandbox Telegram as a process of its own, for tests.
 *
 *     struct tg_sandbox s;
 *     tg_sandbox_start(&s, NULL);
 *     int64_t chat = tg_sandbox_user(&s, "Anna", "en");
 *     tg_sandbox_text(&s, chat, "/start");
 *     ... the bot at work, with s.url and s.token ...
 *     tg_sandbox_wait(&s, chat, 0, "kind=text&contains=Hello");
 *     tg_sandbox_stop(&s);
 *
 * Start it from the main thread (it dies with that) and before the test has
 * threads of its own. What goes wrong fails the test. Answers live until the
 * sandbox is stopped.
 */
#ifndef TESTS_SUPPORT_TG_SANDBOX_H
#define TESTS_SUPPORT_TG_SANDBOX_H

#include "base/json.h"
#include "io/httpc.h"
#include "tests/support/servers.h"

#define TG_SANDBOX_TOKEN "4242:AAsandbox-token-for-tests"
#define TG_SANDBOX_ARGS 16

struct tg_sandbox {
    struct tmp_dir dir;
    pid_t pid; /* 0: does not run */
    int port;
    char url[64]; /* "http://127.0.0.1:PORT" */
    const char *token;
    struct httpc *http;
    struct arena *arena; /* of the answers */
    int status;          /* of the last answer; 0: none came */
};

/* More options of sandbox_telegram_main, NULL-terminated, or NULL. */
void tg_sandbox_start(struct tg_sandbox *s, const char *const *args);
void tg_sandbox_stop(struct tg_sandbox *s);

/* One request with its answer as JSON; NULL when none came (s->status 0) or
 * when it is no JSON. json may be NULL. */
const cJSON *tg_sandbox_ask(struct tg_sandbox *s, const char *method,
                            const char *path, const char *json);
/* POST /bot<TOKEN>/<method>: the whole answer. */
const cJSON *tg_sandbox_bot(struct tg_sandbox *s, const char *method,
                            const char *json);
const cJSON *tg_sandbox_botf(struct tg_sandbox *s, const char *method,
                             const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
const cJSON *tg_sandbox_parts(struct tg_sandbox *s, const char *path,
                              const struct httpc_part *parts, size_t n);
/* POST /sandbox/<path>; must be answered with 200. */
const cJSON *tg_sandbox_do(struct tg_sandbox *s, const char *path,
                           const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Bytes of an address, or of a file by its id; must be 200. */
struct str tg_sandbox_bytes(struct tg_sandbox *s, const char *path);
struct str tg_sandbox_file(struct tg_sandbox *s, const char *file_id);

int64_t tg_sandbox_user(struct tg_sandbox *s, const char *name,
                        const char *language);
/* What the person does; the event number from which on to wait. */
int64_t tg_sandbox_text(struct tg_sandbox *s, int64_t chat, const char *text);
int64_t tg_sandbox_photo(struct tg_sandbox *s, int64_t chat, struct str bytes,
                         const char *caption);
int64_t tg_sandbox_press(struct tg_sandbox *s, int64_t chat,
                         const char *button_text);
/* The first event behind `after` that fits; fails after 30 s. filter: more
 * of the query, "kind=photo&contains=x", or "". */
const cJSON *tg_sandbox_wait(struct tg_sandbox *s, int64_t chat, int64_t after,
                             const char *filter);
/* kind: a fault of sandbox/tg_faults.def; more: ",\"ms\":5" or "". */
void tg_sandbox_fault(struct tg_sandbox *s, const char *method,
                      const char *kind, int64_t count, const char *more);
/* All calls so far, as /sandbox/calls shows them. */
const cJSON *tg_sandbox_calls(struct tg_sandbox *s);
int64_t tg_sandbox_stat(struct tg_sandbox *s, const char *name);

#endif

/*
 * tg_sandbox.c - a sandbox Telegram as a process of its own.
 */
#include "tests/support/tg_sandbox.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/mem.h"
#include "sandbox/sandbox.h"

#define ASK_MS 60000
#define WAIT_QUERY_MS 30000

/* ---- the process ---- */

static void
serve(const struct tg_sandbox *s, const char *port_file,
      const char *const *args)
{
    const char *argv[TG_SANDBOX_ARGS + 8] = {
        "telegram", "--quiet", "--listen",    "127.0.0.1:0",
        "--token",  s->token,  "--port-file", port_file};
    int argc = 8;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; args && args[i] && i < TG_SANDBOX_ARGS; i++)
        argv[argc++] = args[i];
    _exit(sandbox_telegram_main(argc, (char **)(uintptr_t)argv));
}

static int
read_port(const char *path)
{
    FILE *f = fopen(path, "r");
    int port = 0;

    if (f) {
        if (fscanf(f, "%d", &port) != 1)
            port = 0;
        fclose(f);
    }
    return port;
}

static void
wait_for_port(struct tg_sandbox *s, const char *path)
{
    int64_t until = clock_mono_ms() + SERVER_WAIT_MS;

    while ((s->port = read_port(path)) == 0) {
        if (waitpid(s->pid, NULL, WNOHANG) != 0 || clock_mono_ms() > until)
            fail_msg("the sandbox Telegram did not start");
        clock_sleep_ms(2);
    }
}

void
tg_sandbox_start(struct tg_sandbox *s, const char *const *args)
{
    char path[64];
    struct err e;

    *s = (struct tg_sandbox){.token = TG_SANDBOX_TOKEN};
    tmp_dir_make(&s->dir);
    tmp_dir_file(&s->dir, "port", path, sizeof(path));
    fflush(NULL);
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0)
        serve(s, path, args);
    wait_for_port(s, path);
    snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d", s->port);
    s->arena = arena_new();
    s->http = httpc_new(
        &(struct httpc_config){.label = "sandbox", .base = s->url}, &e);
    assert_non_null(s->http);
}

void
tg_sandbox_stop(struct tg_sandbox *s)
{
    int status = 0;

    httpc_free(s->http);
    arena_free(s->arena);
    if (s->pid) {
        kill(s->pid, SIGTERM);
        assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    }
    s->pid = 0;
    tmp_dir_remove(&s->dir);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- requests ---- */

/* The answer's bytes, in the arena. */
static struct str
ask(struct tg_sandbox *s, struct httpc_req *q)
{
    struct httpc_res r;
    struct str body = STR("");
    struct err e;

    q->op = "ask";
    q->timeout_ms = ASK_MS;
    s->status = 0;
    if (httpc_do(s->http, q, &r, &e) != 0)
        return body;
    s->status = r.status;
    body = arena_str(s->arena, buf_str(&r.body));
    httpc_res_free(&r);
    return body;
}

static const cJSON *
ask_json(struct tg_sandbox *s, struct httpc_req *q)
{
    struct str body = ask(s, q);

    return body.len ? json_parse_in(s->arena, body, 0, NULL) : NULL;
}

const cJSON *
tg_sandbox_ask(struct tg_sandbox *s, const char *method, const char *path,
               const char *json)
{
    struct httpc_req q = {.method = method, .path = path, .body = str_c(json)};

    return ask_json(s, &q);
}

static const char *
bot_path(struct tg_sandbox *s, const char *method)
{
    return arena_fmt(s->arena, "/bot%s/%s", s->token, method);
}

const cJSON *
tg_sandbox_bot(struct tg_sandbox *s, const char *method, const char *json)
{
    return tg_sandbox_ask(s, "POST", bot_path(s, method), json);
}

static char *format(struct tg_sandbox *s, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static char *
format(struct tg_sandbox *s, const char *fmt, va_list ap)
{
    char *z = NULL, *copy;

    assert_true(vasprintf(&z, fmt, ap) >= 0);
    copy = arena_strdup(s->arena, z);
    free(z);
    return copy;
}

const cJSON *
tg_sandbox_botf(struct tg_sandbox *s, const char *method, const char *fmt, ...)
{
    const char *json;
    va_list ap;

    va_start(ap, fmt);
    json = format(s, fmt, ap);
    va_end(ap);
    return tg_sandbox_bot(s, method, json);
}

const cJSON *
tg_sandbox_parts(struct tg_sandbox *s, const char *path,
                 const struct httpc_part *parts, size_t n)
{
    struct httpc_req q = {
        .method = "POST", .path = path, .parts = parts, .nparts = n};

    return ask_json(s, &q);
}

const cJSON *
tg_sandbox_do(struct tg_sandbox *s, const char *path, const char *fmt, ...)
{
    const cJSON *j;
    const char *json;
    va_list ap;

    va_start(ap, fmt);
    json = format(s, fmt, ap);
    va_end(ap);
    j = tg_sandbox_ask(s, "POST", arena_fmt(s->arena, "/sandbox/%s", path),
                       json);
    if (s->status != 200)
        fail_msg("/sandbox/%s: %d %s", path, s->status,
                 json_str(j, "error", ""));
    return j;
}

struct str
tg_sandbox_bytes(struct tg_sandbox *s, const char *path)
{
    struct httpc_req q = {.method = "GET", .path = path};
    struct str body = ask(s, &q);

    assert_int_equal(s->status, 200);
    return body;
}

struct str
tg_sandbox_file(struct tg_sandbox *s, const char *file_id)
{
    return tg_sandbox_bytes(s,
                            arena_fmt(s->arena, "/sandbox/files/%s", file_id));
}

/* ---- people ---- */

/* A JSON text of z, quotes included. */
static const char *
quoted(struct tg_sandbox *s, const char *z)
{
    struct buf b;
    struct jw w;
    char *text;

    buf_init(&b, 1u << 20);
    jw_init(&w, &b);
    jw_str(&w, z);
    text = arena_strdup(s->arena, buf_cstr(&b));
    buf_free(&b);
    return text;
}

int64_t
tg_sandbox_user(struct tg_sandbox *s, const char *name, const char *language)
{
    const cJSON *j =
        tg_sandbox_do(s, "users", "{\"name\":%s,\"language_code\":%s}",
                      quoted(s, name), quoted(s, language));

    return json_i64(json_get(j, "chat"), "id", 0);
}

static const char *
chat_path(struct tg_sandbox *s, int64_t chat, const char *what)
{
    return arena_fmt(s->arena, "chats/%lld/%s", (long long)chat, what);
}

int64_t
tg_sandbox_text(struct tg_sandbox *s, int64_t chat, const char *text)
{
    const cJSON *j = tg_sandbox_do(s, chat_path(s, chat, "text"),
                                   "{\"text\":%s}", quoted(s, text));

    return json_i64(j, "seq", -1);
}

int64_t
tg_sandbox_photo(struct tg_sandbox *s, int64_t chat, struct str bytes,
                 const char *caption)
{
    struct httpc_part parts[] = {
        {.name = "photo", .filename = "photo.jpg", .data = bytes},
        {.name = "caption", .data = str_c(caption)}};
    const cJSON *j = tg_sandbox_parts(
        s, arena_fmt(s->arena, "/sandbox/%s", chat_path(s, chat, "photo")),
        parts, caption ? 2 : 1);

    if (s->status != 200)
        fail_msg("photo: %d %s", s->status, json_str(j, "error", ""));
    return json_i64(j, "seq", -1);
}

int64_t
tg_sandbox_press(struct tg_sandbox *s, int64_t chat, const char *button_text)
{
    const cJSON *j = tg_sandbox_do(s, chat_path(s, chat, "press"),
                                   "{\"text\":%s}", quoted(s, button_text));

    return json_i64(j, "seq", -1);
}

const cJSON *
tg_sandbox_wait(struct tg_sandbox *s, int64_t chat, int64_t after,
                const char *filter)
{
    const cJSON *j = tg_sandbox_ask(
        s, "GET",
        arena_fmt(s->arena,
                  "/sandbox/wait?chat=%lld&after=%lld&timeout_ms=%d&%s",
                  (long long)chat, (long long)after, WAIT_QUERY_MS, filter),
        NULL);

    if (s->status != 200)
        fail_msg("waiting for %s: %d %s", filter, s->status,
                 json_str(j, "error", ""));
    return j;
}

/* ---- the sandbox itself ---- */

void
tg_sandbox_fault(struct tg_sandbox *s, const char *method, const char *kind,
                 int64_t count, const char *more)
{
    tg_sandbox_do(s, "faults",
                  "{\"method\":\"%s\",\"kind\":\"%s\",\"count\":%lld%s}",
                  method, kind, (long long)count, more);
}

const cJSON *
tg_sandbox_calls(struct tg_sandbox *s)
{
    return json_get(
        tg_sandbox_ask(s, "GET", "/sandbox/calls?limit=10000", NULL), "calls");
}

int64_t
tg_sandbox_stat(struct tg_sandbox *s, const char *name)
{
    return json_i64(tg_sandbox_ask(s, "GET", "/sandbox/stats", NULL), name, -1);
}

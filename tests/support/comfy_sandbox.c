/*
 * comfy_sandbox.c - a sandbox ComfyUI as a process of its own.
 */
#include "tests/support/comfy_sandbox.h"

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
#include "base/json.h"
#include "sandbox/sandbox.h"

static void
serve(struct comfy_sandbox *s, const char *port_file)
{
    char listen[32];
    const char *argv[COMFY_SANDBOX_ARGS + 8] = {
        "comfy",    "--quiet", "--dir",       s->dir.path,
        "--listen", listen,    "--port-file", port_file};
    int argc = 8;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(listen, sizeof(listen), "127.0.0.1:%d", s->port);
    for (size_t i = 0; s->args[i]; i++)
        argv[argc++] = s->args[i];
    _exit(sandbox_comfy_main(argc, (char **)(uintptr_t)argv));
}

static void
wait_for_port(struct comfy_sandbox *s, const char *port_file)
{
    int64_t until = clock_mono_ms() + SERVER_WAIT_MS;

    for (;;) {
        FILE *f = fopen(port_file, "r");
        char line[32] = "";
        bool read = f && fgets(line, sizeof(line), f);

        if (f)
            fclose(f);
        if (read && strchr(line, '\n')) {
            s->port = atoi(line);
            break;
        }
        if (waitpid(s->pid, NULL, WNOHANG) != 0 || clock_mono_ms() > until)
            fail_msg("the sandbox ComfyUI did not start");
        clock_sleep_ms(5);
    }
    unlink(port_file);
}

static void
launch(struct comfy_sandbox *s)
{
    char port_file[256];

    tmp_dir_file(&s->dir, "port", port_file, sizeof(port_file));
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0)
        serve(s, port_file);
    wait_for_port(s, port_file);
    snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d", s->port);
}

void
comfy_sandbox_start(struct comfy_sandbox *s, const char *const *args)
{
    *s = (struct comfy_sandbox){0};
    for (size_t i = 0; args && args[i]; i++) {
        assert_true(i + 1 < COMFY_SANDBOX_ARGS);
        s->args[i] = args[i];
    }
    tmp_dir_make(&s->dir);
    launch(s);
}

void
comfy_sandbox_again(struct comfy_sandbox *s)
{
    assert_int_equal(s->pid, 0);
    launch(s);
}

void
comfy_sandbox_wait(struct comfy_sandbox *s)
{
    if (s->pid)
        assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
    s->pid = 0;
}

void
comfy_sandbox_kill(struct comfy_sandbox *s)
{
    if (s->pid)
        kill(s->pid, SIGKILL);
    comfy_sandbox_wait(s);
}

void
comfy_sandbox_stop(struct comfy_sandbox *s)
{
    if (s->pid)
        kill(s->pid, SIGTERM);
    comfy_sandbox_wait(s);
    tmp_dir_remove(&s->dir);
}

void
comfy_sandbox_ask(struct comfy_sandbox *s, const char *method, const char *path,
                  const char *json, struct raw_answer *out)
{
    int fd = raw_connect(s->port);
    char head[2048];
    int n = snprintf(head, sizeof(head),
                     "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                     "Connection: close\r\nContent-Length: %zu\r\n\r\n",
                     method, path, s->port, json ? strlen(json) : 0);

    assert_true(n > 0 && (size_t)n < sizeof(head));
    raw_send(fd, head, (size_t)n);
    if (json)
        raw_sends(fd, json);
    raw_read(fd, out, strcmp(method, "HEAD") == 0);
    close(fd);
}

int
comfy_sandbox_status(struct comfy_sandbox *s, const char *method,
                     const char *path, const char *json)
{
    struct raw_answer r;
    int status;

    comfy_sandbox_ask(s, method, path, json, &r);
    status = r.status;
    raw_answer_free(&r);
    return status;
}

void
comfy_sandbox_fault(struct comfy_sandbox *s, const char *fault, int64_t count,
                    int64_t ms)
{
    char json[256];

    snprintf(json, sizeof(json),
             "{\"fault\": \"%s\", \"count\": %lld, \"ms\": %lld}", fault,
             (long long)count, (long long)ms);
    assert_int_equal(comfy_sandbox_status(s, "POST", "/sandbox/faults", json),
                     200);
}

int64_t
comfy_sandbox_runs(struct comfy_sandbox *s, const char *prompt_id)
{
    struct raw_answer r;
    struct err e = {0};
    int64_t n;
    cJSON *j;

    comfy_sandbox_ask(s, "GET", "/sandbox/state", NULL, &r);
    assert_int_equal(r.status, 200);
    j = json_parse(str_n(r.body, r.body_len), 0, &e);
    if (!j)
        fail_msg("%s", e.msg);
    n = prompt_id ? json_i64(json_get(j, "runs"), prompt_id, 0)
                  : json_i64(j, "total_runs", -1);
    json_free(j);
    raw_answer_free(&r);
    return n;
}

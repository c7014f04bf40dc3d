/*
 * shop.c - see shop.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "io/db.h"
#include "io/redis.h"
#include "tests/support/servers.h"
#include "tests/support/shop.h"

#define START_MS 60000
#define STEP_MS 20

static const char *
binary(void)
{
    const char *bin = getenv("TINTYPE_TEST_BIN");
    return bin != NULL ? bin : "build/asan/tintype";
}

/* ---- files of the folder ------------------------------------------------ */

static void
file_text(struct shop *s, const char *name, struct buf *out)
{
    char path[600], chunk[4096];
    size_t n;
    snprintf(path, sizeof path, "%s/%s", s->data, name);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_add(out, chunk, n);
    fclose(f);
}

static cJSON *
run_file(struct shop *s)
{
    struct buf b;
    buf_init(&b, 65536);
    file_text(s, "run.json", &b);
    cJSON *j = b.len > 0 ? json_parse(buf_str(&b), 0, NULL) : NULL;
    buf_free(&b);
    return j;
}

static void
secret(struct shop *s, const char *name, char *out, size_t size)
{
    struct buf b;
    struct str rest, line;
    buf_init(&b, 65536);
    file_text(s, "secrets", &b);
    rest = buf_str(&b);
    out[0] = '\0';
    while (str_split(&rest, '\n', &line)) {
        size_t n = strlen(name);
        if (line.len > n && memcmp(line.p, name, n) == 0 && line.p[n] == '=')
            snprintf(out, size, STR_FMT,
                     STR_ARG(str_sub(line, n + 1, line.len)));
    }
    buf_free(&b);
}

static void
log_show(struct shop *s)
{
    char command[400];
    snprintf(command, sizeof command, "tail -n 60 %s/log >&2", s->dir);
    if (system(command) != 0)
        fprintf(stderr, "no log\n");
}

/* ---- life --------------------------------------------------------------- */

static _Noreturn void
up_run(struct shop *s, pid_t parent)
{
    char path[300];
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(70);
    snprintf(path, sizeof path, "%s/log", s->dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, 1);
    dup2(fd, 2);
    for (char **e = s->env; *e != NULL; e++)
        putenv(*e);
    const char *argv[SHOP_WORDS_MAX + 4] = {"tintype", "up", "--any-port"};
    for (size_t i = 0; i < SHOP_WORDS_MAX && s->words[i] != NULL; i++)
        argv[3 + i] = s->words[i];
    execv(binary(), (char **)(uintptr_t)argv);
    _exit(127);
}

static size_t
env_outside(struct shop *s, const char *const *comfy_args, size_t n)
{
    char text[600];
    tg_sandbox_start(&s->tg, NULL);
    comfy_sandbox_start(&s->comfy_outside, comfy_args);
    snprintf(text, sizeof text, "BOT_TOKEN=%s", s->tg.token);
    s->env[n++] = mem_strdup(text);
    snprintf(text, sizeof text, "TELEGRAM_API_URL=%s", s->tg.url);
    s->env[n++] = mem_strdup(text);
    snprintf(text, sizeof text, "COMFYUI_URL=%s", s->comfy_outside.url);
    s->env[n++] = mem_strdup(text);
    return n;
}

/* "PRESETS_DIR=...": what ships, tests/data/presets, and many-01 to 40. */
static char *
presets_make(struct shop *s)
{
    char command[1200], text[600];
    const char *root = getenv("TINTYPE_TEST_ROOT");
    snprintf(command, sizeof command,
             "mkdir %s/presets && cd %s && cp -r presets/* "
             "tests/data/presets/* %s/presets && cd %s/presets && "
             "for i in $(seq -w 1 40); do cp -r negative many-$i && "
             "sed -i -e \"s/^name: .*/name: many-$i/\" "
             "-e \"s/^title: .*/title: {ru: Много $i, en: Many $i}/\" "
             "-e \"s/^category: .*/category: {id: many, ru: Много, en: Many, "
             "order: 80}/\" -e \"s/^order: .*/order: $i/\" "
             "many-$i/preset.yaml; done",
             s->dir, root ? root : ".", s->dir, s->dir);
    if (system(command) != 0)
        fail_msg("the presets of the test cannot be copied");
    snprintf(text, sizeof text, "PRESETS_DIR=%s/presets", s->dir);
    return mem_strdup(text);
}

static void
env_make(struct shop *s, const struct shop_config *cfg)
{
    char text[600];
    size_t n = 0;
    s->env = mem_calloc(SHOP_ENV_MAX + 16, sizeof *s->env);
    snprintf(text, sizeof text, "DATA_DIR=%s", s->dir);
    s->env[n++] = mem_strdup(text);
    s->env[n++] = mem_strdup("LOG_FORMAT=text");
    for (size_t i = 0; i < SHOP_ENV_MAX && cfg->env[i] != NULL; i++)
        s->env[n++] = mem_strdup(cfg->env[i]);
    if (cfg->no_limits) {
        s->env[n++] = mem_strdup("TELEGRAM_RATE=100000");
        s->env[n++] = mem_strdup("TELEGRAM_CHAT_RATE=100000");
    }
    if (cfg->many_presets)
        s->env[n++] = presets_make(s);
    if (cfg->outside)
        n = env_outside(s, cfg->comfy_args, n);
    if (cfg->webhook) {
        int port = free_port();
        snprintf(text, sizeof text, "WEBHOOK_URL=http://127.0.0.1:%d/hook",
                 port);
        s->env[n++] = mem_strdup(text);
        snprintf(text, sizeof text, "BOT_LISTEN=127.0.0.1:%d", port);
        s->env[n++] = mem_strdup(text);
    }
    s->env[n] = NULL;
}

static void
addresses_take(struct shop *s, const cJSON *run)
{
    snprintf(s->telegram, sizeof s->telegram, "%s",
             json_str(run, "telegram_url", ""));
    snprintf(s->comfy, sizeof s->comfy, "%s", json_str(run, "comfy_url", ""));
    snprintf(s->backend, sizeof s->backend, "%s",
             json_str(run, "backend_url", ""));
    snprintf(s->redis, sizeof s->redis, "%s", json_str(run, "redis_url", ""));
}

static void
wait_for_run_file(struct shop *s)
{
    int64_t until_ms = clock_mono_ms() + START_MS;
    int status;
    for (;;) {
        cJSON *run = run_file(s);
        if (run != NULL) {
            addresses_take(s, run);
            json_free(run);
            return;
        }
        if (waitpid(s->pid, &status, WNOHANG) == s->pid ||
            clock_mono_ms() > until_ms) {
            log_show(s);
            fail_msg("tintype up did not come up");
        }
        clock_sleep_ms(STEP_MS);
    }
}

/* Presets are on sale once the worker has told what it can run. */
static void
wait_until_sold(struct shop *s)
{
    int64_t until_ms = clock_mono_ms() + START_MS;
    const cJSON *p;
    for (;;) {
        cJSON_ArrayForEach(
            p, json_get(shop_get(s, "/api/presets"), "presets"))
        {
            if (json_bool(p, "available", false))
                return;
        }
        if (clock_mono_ms() > until_ms) {
            log_show(s);
            fail_msg("no preset is on sale");
        }
        clock_sleep_ms(STEP_MS);
    }
}

void
shop_up(struct shop *s)
{
    struct err e;
    pid_t parent = getpid();
    fflush(NULL);
    s->pid = fork();
    if (s->pid == 0)
        up_run(s, parent);
    wait_for_run_file(s);
    secret(s, "SERVICE_TOKEN", s->service_token, sizeof s->service_token);
    secret(s, "ADMIN_TOKEN", s->admin_token, sizeof s->admin_token);
    s->api = httpc_new(&(struct httpc_config){.label = "backend",
                                              .base = s->backend,
                                              .bearer = s->service_token},
                       &e);
    assert_non_null(s->api);
    wait_until_sold(s);
}

void
shop_start(struct shop *s, const struct shop_config *cfg)
{
    char dir[] = "/tmp/tintype-shop-XXXXXX";
    memset(s, 0, sizeof *s);
    if (cfg->dir == NULL && mkdtemp(dir) == NULL)
        fail_msg("mkdtemp: %s", strerror(errno));
    snprintf(s->dir, sizeof s->dir, "%s", cfg->dir ? cfg->dir : dir);
    snprintf(s->data, sizeof s->data, "%s%s", s->dir,
             cfg->outside ? "" : "/sandbox");
    s->arena = arena_new();
    s->outside = cfg->outside;
    memcpy(s->words, cfg->words, sizeof cfg->words);
    for (size_t i = 0; !cfg->sample && i < SHOP_WORDS_MAX; i++) {
        if (s->words[i] == NULL) {
            s->words[i] = "--no-sample";
            break;
        }
    }
    env_make(s, cfg);
    shop_up(s);
    if (cfg->no_limits)
        shop_call(s, "POST", "telegram:/sandbox/switches",
                  "{\"rate_limits\":false}", NULL);
}

static int
run_check(struct shop *s)
{
    int status = -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        for (char **e = s->env; *e != NULL; e++)
            putenv(*e);
        execl(binary(), "tintype", "check", (char *)NULL);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void
shop_check(struct shop *s)
{
    int rc = run_check(s);
    if (rc != 0) {
        log_show(s);
        fail_msg("tintype check ended with %d", rc);
    }
}

void
shop_down(struct shop *s)
{
    int status = 0;
    httpc_free(s->api);
    s->api = NULL;
    kill(s->pid, SIGTERM);
    int64_t until_ms = clock_mono_ms() + START_MS;
    while (waitpid(s->pid, &status, WNOHANG) == 0) {
        if (clock_mono_ms() > until_ms) {
            kill(s->pid, SIGKILL);
            log_show(s);
            fail_msg("tintype up does not stop");
        }
        clock_sleep_ms(STEP_MS);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        log_show(s);
        fail_msg("tintype up ended with status %d", status);
    }
}

void
shop_stop(struct shop *s)
{
    char command[400];
    shop_down(s);
    shop_check(s);
    if (s->outside) {
        tg_sandbox_stop(&s->tg);
        comfy_sandbox_stop(&s->comfy_outside);
    }
    snprintf(command, sizeof command, "rm -rf -- %s", s->dir);
    if (system(command) != 0)
        fprintf(stderr, "%s remains\n", s->dir);
    for (char **e = s->env; *e != NULL; e++)
        mem_free(*e);
    mem_free(s->env);
    arena_free(s->arena);
}

pid_t
shop_pid(struct shop *s, const char *part)
{
    cJSON *run = run_file(s);
    pid_t pid = (pid_t)json_i64(json_get(run, part), "pid", 0);
    json_free(run);
    if (pid <= 0)
        fail_msg("%s does not run", part);
    return pid;
}

void
shop_kill(struct shop *s, const char *part)
{
    shop_signal(s, part, SIGKILL);
}

void
shop_signal(struct shop *s, const char *part, int sig)
{
    pid_t old = shop_pid(s, part);
    int64_t until_ms = clock_mono_ms() + START_MS;
    kill(old, sig);
    while (shop_pid(s, part) == old) {
        if (clock_mono_ms() > until_ms) {
            log_show(s);
            fail_msg("%s was not started anew", part);
        }
        clock_sleep_ms(STEP_MS);
    }
}

/* ---- asking ------------------------------------------------------------- */

const cJSON *
shop_call(struct shop *s, const char *method, const char *path,
          const char *body, int *status)
{
    struct httpc_res res;
    struct err e;
    struct httpc *h = s->api, *other = NULL;
    if (strncmp(path, "telegram:", 9) == 0)
        other = httpc_new(&(struct httpc_config){.label = "telegram",
                                                 .base = s->telegram}, &e);
    else if (strncmp(path, "comfy:", 6) == 0)
        other = httpc_new(&(struct httpc_config){.label = "comfy",
                                                 .base = s->comfy}, &e);
    if (other != NULL) {
        h = other;
        path = strchr(path, ':') + 1;
    }
    struct httpc_req q = {.method = method, .path = path, .op = "test",
                          .idempotent = true, .body = str_c(body)};
    int64_t until_ms = clock_mono_ms() + START_MS;
    while (httpc_do(h, &q, &res, &e) != 0) {
        if (clock_mono_ms() > until_ms) {
            log_show(s);
            fail_msg("%s %s: %s", method, path, e.msg);
        }
        clock_sleep_ms(STEP_MS); /* it restarts */
    }
    arena_reset(s->arena);
    cJSON *j = res.body.len > 0
                   ? json_parse_in(s->arena, buf_str(&res.body), 0, &e)
                   : NULL;
    if (status != NULL)
        *status = res.status;
    else if (res.status >= 400)
        fail_msg("%s %s: %d %s", method, path, res.status,
                 buf_cstr(&res.body));
    httpc_res_free(&res);
    if (other != NULL)
        httpc_free(other);
    return j;
}

const cJSON *
shop_get(struct shop *s, const char *path)
{
    return shop_call(s, "GET", path, NULL, NULL);
}

static const cJSON *
account(struct shop *s, const struct person *p)
{
    char path[128];
    snprintf(path, sizeof path, "/api/users/by-telegram-id/%lld",
             (long long)p->chat);
    return shop_get(s, path);
}

int64_t
shop_balance(struct shop *s, const struct person *p)
{
    return json_i64(account(s, p), "balance", -1);
}

int64_t
shop_held(struct shop *s, const struct person *p)
{
    return json_i64(account(s, p), "held", -1);
}

const cJSON *
shop_job(struct shop *s, const struct person *p, int n)
{
    char path[128];
    snprintf(path, sizeof path, "/api/jobs?telegram_id=%lld&limit=%d",
             (long long)p->chat, n + 1);
    const cJSON *jobs = json_get(shop_get(s, path), "jobs");
    if (cJSON_GetArraySize(jobs) <= n)
        fail_msg("there is no job %d", n);
    return cJSON_GetArrayItem(jobs, n);
}

static const char *
env_value(const struct shop *s, const char *name, const char *dflt)
{
    size_t n = strlen(name);
    for (char **e = s->env; *e != NULL; e++) {
        if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
            return *e + n + 1;
    }
    return dflt;
}

static const char *
cell(struct shop *s, const char *text)
{
    struct db_sql sql = {.name = "test", .text = text, .types = ""};
    struct db_rows rows;
    struct err e;
    char url[400];
    snprintf(url, sizeof url, "sqlite:%s/tintype.db", s->data);
    struct db *db = db_open(
        &(struct db_config){.url = env_value(s, "DATABASE_URL", url),
                            .readers = 1,
                            .read_only = true},
        &e);
    if (db == NULL)
        fail_msg("%s", e.msg);
    arena_reset(s->arena);
    int rc = db_read(db, s->arena, &sql, &rows, &e, 0);
    db_close(db);
    if (rc != 0)
        fail_msg("%s: %s", text, e.msg);
    return rows.nrows > 0 ? db_str(&rows, 0, 0) : "";
}

const char *
shop_cell(struct shop *s, const char *fmt, ...)
{
    char text[2000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return cell(s, text);
}

int64_t
shop_number(struct shop *s, const char *fmt, ...)
{
    char text[2000];
    int64_t n = -1;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    const char *z = cell(s, text);
    if (!str_to_i64(str_c(z), &n))
        fail_msg("%s gave \"%s\", no number", text, z);
    return n;
}

static const char *
reply_text(struct arena *a, const struct redis_reply *r)
{
    const char *lines = "";
    switch (r->type) {
    case REDIS_INT:
        return arena_fmt(a, "%lld", (long long)r->i);
    case REDIS_NIL:
        return "(nil)";
    case REDIS_LIST:
        for (size_t i = 0; i < r->nitems; i++)
            lines = arena_fmt(a, "%s%s%s", lines, i > 0 ? "\n" : "",
                              reply_text(a, &r->items[i]));
        return lines;
    case REDIS_STRING:
    case REDIS_STATUS:
        break;
    }
    return arena_strn(a, r->s.p, r->s.len);
}

const char *
shop_redis(struct shop *s, const char *const *words)
{
    struct redis_config cfg;
    struct redis_reply reply;
    struct err e;
    struct str w[16];
    size_t n = 0;
    while (words[n] != NULL && n < 16) {
        w[n] = str_c(words[n]);
        n++;
    }
    arena_reset(s->arena);
    if (redis_url_parse(s->redis, &cfg, &e) != 0)
        fail_msg("%s", e.msg);
    struct redis *r = redis_new(&cfg);
    int rc = redis_cmd(r, s->arena, 5000, n, w, &reply, &e);
    redis_free(r);
    if (rc != 0)
        fail_msg("%s", e.msg);
    return reply_text(s->arena, &reply);
}

int64_t
shop_comfy_runs(struct shop *s)
{
    return json_i64(shop_get(s, "comfy:/sandbox/state"), "total_runs", -1);
}

void
shop_telegram_fault(struct shop *s, const char *json)
{
    shop_call(s, "POST", "telegram:/sandbox/faults", json, NULL);
}

void
shop_comfy_fault(struct shop *s, const char *json)
{
    shop_call(s, "POST", "comfy:/sandbox/faults", json, NULL);
}

/* ---- persons ------------------------------------------------------------ */

void
shop_person(struct shop *s, struct person *p, const char *name,
            const char *language)
{
    struct err e;
    if (person_init(p, s->telegram, name, language, &e) != 0)
        fail_msg("%s", e.msg);
}

struct str
shop_photo(int n)
{
    static const char *const names[] = {"astronaut", "cat", "coffee"};
    static struct buf photos[3];
    char path[300], chunk[16384];
    size_t got;
    const char *root = getenv("TINTYPE_TEST_ROOT");
    if (photos[n].len > 0)
        return buf_str(&photos[n]);
    snprintf(path, sizeof path, "%s/sandbox/media/%s.jpg", root ? root : ".",
             names[n]);
    buf_init(&photos[n], 1u << 20);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    while ((got = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_add(&photos[n], chunk, got);
    fclose(f);
    return buf_str(&photos[n]);
}

static void
must(int rc, const struct err *e)
{
    if (rc != 0)
        fail_msg("%s", e->msg);
}

void
shop_buy(struct person *p, struct str photo, const char *preset)
{
    struct person_event ev;
    struct err e;
    must(person_photo(p, photo, NULL, &e), &e);
    must(person_choose(p, preset, &ev, &e), &e);
    must(person_press(p, 0, "v1:buy:", &e), &e);
}

void
shop_picture(struct person *p, struct buf *out)
{
    struct person_event ev;
    struct err e;
    char file_id[300];
    do {
        must(person_wait(p, &(struct person_want){.timeout_ms = 60000}, &ev,
                         &e), &e);
    } while (ev.file_id[0] == '\0');
    snprintf(file_id, sizeof file_id, "%s", ev.file_id);
    if (out != NULL)
        must(person_file(p, file_id, out, &e), &e);
}

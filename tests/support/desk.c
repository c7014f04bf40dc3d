/*
 * desk.c - see desk.h.
 */
#include "tests/support/desk.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/id.h"
#include "io/httpc.h"
#include "store/check.h"
#include "tests/support/contract.h"

#define START_MS 60000
#define STOP_MS 60000

static struct pg_server pg;

bool
desk_is_backend(int argc, char **argv)
{
    return argc > 1 && strcmp(argv[1], "backend") == 0;
}

void
desk_servers_start(void)
{
    pg_server_start(&pg);
}

void
desk_servers_stop(void)
{
    pg_server_stop(&pg);
}

/* ---- the process ---- */

void
desk_set(struct desk *s, const char *setting)
{
    size_t name = strcspn(setting, "=") + 1;
    for (size_t i = 0; i < s->nenv; i++) {
        if (strncmp(s->env[i], setting, name) == 0) {
            s->env[i] = arena_strdup(s->a, setting);
            return;
        }
    }
    assert_true(s->nenv < DESK_ENV);
    s->env[s->nenv++] = arena_strdup(s->a, setting);
}

static _Noreturn void
child_run(struct desk *s, pid_t parent, int ready_fd)
{
    char name[32];
    char self[] = "tintype", role[] = "backend";
    char *argv[] = {self, role, NULL};
    snprintf(name, sizeof name, "TINTYPE_READY_FD=%d", ready_fd);
    desk_set(s, name);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent)
        execve("/proc/self/exe", argv, s->env);
    _exit(127);
}

/* The line "port\n"; fails when the process ends before it. */
static int
port_read(int fd)
{
    char line[16] = "";
    size_t n = 0;
    int64_t until = clock_mono_ms() + START_MS;
    while (n < sizeof line - 1 && strchr(line, '\n') == NULL) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, (int)(until - clock_mono_ms())) != 1)
            fail_msg("the backend is not ready after %d ms", START_MS);
        ssize_t got = read(fd, line + n, sizeof line - 1 - n);
        if (got <= 0)
            fail_msg("the backend ended at its start");
        n += (size_t)got;
    }
    return atoi(line);
}

static void
openapi_load(struct desk *s)
{
    struct ans a = {0};
    struct err e = {0};
    json_free(s->openapi);
    s->openapi = NULL;
    if (!desk_say(&s->main, "GET /openapi.json", STR(""), NULL, &a))
        fail_msg("%s", s->main.trouble);
    s->openapi = json_parse(a.body, 0, &e);
    if (s->openapi == NULL)
        fail_msg("/openapi.json: %s", e.msg);
}

void
desk_again(struct desk *s)
{
    int fds[2];
    pid_t parent = getpid();
    assert_int_equal(s->pid, 0);
    assert_int_equal(pipe(fds), 0);
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        close(fds[0]);
        child_run(s, parent, fds[1]);
    }
    close(fds[1]);
    s->port = port_read(fds[0]);
    close(fds[0]);
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d", s->port);
    if (s->main.a != NULL)
        desk_client_fini(&s->main);
    desk_client_init(&s->main, s);
    openapi_load(s);
}

static int
end_wait(pid_t pid)
{
    int status;
    int64_t until = clock_mono_ms() + STOP_MS;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (clock_mono_ms() > until)
            fail_msg("the backend does not end");
        clock_sleep_ms(5);
    }
    return status;
}

void
desk_kill(struct desk *s)
{
    kill(s->pid, SIGKILL);
    end_wait(s->pid);
    s->pid = 0;
}

void
desk_stop(struct desk *s)
{
    kill(s->pid, SIGTERM);
    int status = end_wait(s->pid);
    s->pid = 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("the backend ended with status %d, signal %d",
                 WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                 WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

struct desk *
desk_new(enum db_kind kind, const char *const *more)
{
    struct desk *s = calloc(1, sizeof *s);
    const char *root = getenv("TINTYPE_TEST_ROOT");
    const char *level = getenv("TEST_LOG_LEVEL");
    assert_non_null(s);
    s->kind = kind;
    s->a = arena_new();
    tmp_dir_make(&s->dir);
    if (kind == DB_POSTGRES)
        pg_server_database(&pg, s->db_url, sizeof s->db_url);
    else
        snprintf(s->db_url, sizeof s->db_url, "sqlite:%s/t.db", s->dir.path);
    desk_set(s, "SERVICE_TOKEN=" DESK_TOKEN);
    desk_set(s, "ADMIN_TOKEN=" DESK_ADMIN);
    desk_set(s, "BACKEND_LISTEN=127.0.0.1:0");
    desk_set(s, "LOG_FORMAT=text");
    desk_set(s, desk_text(s, "LOG_LEVEL=%s", level ? level : "error"));
    desk_set(s, desk_text(s, "DATA_DIR=%s", s->dir.path));
    desk_set(s, desk_text(s, "DATABASE_URL=%s", s->db_url));
    desk_set(s, desk_text(s, "PRESETS_DIR=%s/presets", root ? root : "."));
    desk_set(s, "ASAN_OPTIONS=detect_leaks=1");
    for (size_t i = 0; more != NULL && more[i] != NULL; i++)
        desk_set(s, more[i]);
    desk_again(s);
    return s;
}

void
desk_free(struct desk *s)
{
    if (s->pid != 0)
        desk_stop(s);
    desk_check(s);
    desk_client_fini(&s->main);
    json_free(s->openapi);
    tmp_dir_remove(&s->dir);
    arena_free(s->a);
    free(s);
}

/* ---- its database ---- */

static struct db *
db_connect(struct desk *s, bool read_only)
{
    struct err e = {0};
    struct db_config cfg = {
        .url = s->db_url, .readers = 1, .read_only = read_only};
    struct db *db = db_open(&cfg, &e);
    if (db == NULL)
        fail_msg("%s", e.msg);
    return db;
}

struct db *
desk_db(struct desk *s)
{
    return db_connect(s, true);
}

int64_t
desk_sql(struct desk *s, const struct db_sql *sql)
{
    struct err e = {0};
    assert_int_equal(s->pid, 0);
    struct db *db = db_connect(s, false);
    struct arena *a = arena_new();
    struct db_list *l = db_list_new(a, "");
    db_add(l, sql, 0);
    if (db_run(db, l, &e) != 0)
        fail_msg("%s", e.msg);
    int64_t n = db_count(l, 0);
    arena_free(a);
    db_close(db);
    return n;
}

int64_t
desk_number(struct desk *s, const struct db_sql *sql)
{
    struct err e = {0};
    struct db_rows r;
    struct db *db = desk_db(s);
    struct arena *a = arena_new();
    if (db_read(db, a, sql, &r, &e, 0) != 0)
        fail_msg("%s", e.msg);
    assert_int_equal(r.nrows, 1);
    int64_t n = db_int(&r, 0, 0);
    arena_free(a);
    db_close(db);
    return n;
}

static void
violation(void *ctx, const char *promise, const char *who, const char *what)
{
    (void)ctx;
    print_error("%s is broken: %s %s\n", promise, who, what);
}

void
desk_check(struct desk *s)
{
    struct err e = {0};
    size_t n = 0;
    struct db *db = desk_db(s);
    struct arena *a = arena_new();
    if (check_all(db, a, violation, NULL, &n, &e) != 0)
        fail_msg("%s", e.msg);
    arena_free(a);
    db_close(db);
    assert_int_equal(n, 0);
}

/* ---- asking ---- */

void
desk_client_init(struct desk_client *c, struct desk *s)
{
    struct err e = {0};
    *c = (struct desk_client){.desk = s, .a = arena_new()};
    c->http = httpc_new(&(struct httpc_config){.label = "desk",
                                               .base = s->url,
                                               .bearer = DESK_TOKEN},
                        &e);
    if (c->http == NULL)
        fail_msg("%s", e.msg);
}

void
desk_client_fini(struct desk_client *c)
{
    httpc_free(c->http);
    arena_free(c->a);
    *c = (struct desk_client){0};
}

static bool
say_check(struct desk_client *c, const char *method, const char *path,
          const struct ans *a)
{
    struct err e = {0};
    struct contract_answer ca = {.method = method,
                                 .path =
                                     arena_strn(c->a, path, strcspn(path, "?")),
                                 .status = a->status,
                                 .type = a->type,
                                 .body = a->body};
    if (c->desk->openapi == NULL ||
        contract_check(c->desk->openapi, &ca, &e) == 0)
        return true;
    snprintf(c->trouble, sizeof c->trouble, "%.300s: %.180s", e.msg,
             a->body.p != NULL ? a->body.p : "");
    return false;
}

bool
desk_say(struct desk_client *c, const char *call, struct str body,
         const char *const *headers, struct ans *out)
{
    struct err e = {0};
    struct httpc_res r;
    const char *path = strchr(call, ' ') + 1;
    char *method = arena_strn(c->a, call, (size_t)(path - call) - 1);
    struct httpc_req q = {.method = method,
                          .path = path,
                          .op = method,
                          .idempotent = true,
                          .body = body,
                          .headers = headers,
                          .timeout_ms = 60000};
    *out = (struct ans){0};
    if (httpc_do(c->http, &q, &r, &e) != 0) {
        snprintf(c->trouble, sizeof c->trouble, "%.100s: %.300s", call, e.msg);
        return false;
    }
    out->status = r.status;
    out->body = arena_str(c->a, buf_str(&r.body));
    snprintf(out->type, sizeof out->type, "%s", r.content_type);
    httpc_res_free(&r);
    if (strstr(out->type, "json") != NULL)
        out->json = json_parse_in(c->a, out->body, 0, &e);
    return say_check(c, method, path, out);
}

struct ans
ask_with(struct desk *s, const char *call, struct str body,
         const char *const *headers)
{
    struct ans a;
    if (!desk_say(&s->main, call, body, headers, &a))
        fail_msg("%s", s->main.trouble);
    return a;
}

struct ans
ask(struct desk *s, const char *call, const char *fmt, ...)
{
    struct buf b;
    va_list ap;
    buf_init(&b, 1u << 20);
    if (fmt != NULL) {
        va_start(ap, fmt);
        buf_addv(&b, fmt, ap);
        va_end(ap);
    }
    struct str body = arena_str(s->main.a, buf_str(&b));
    buf_free(&b);
    return ask_with(s, call, body, NULL);
}

static const cJSON *
member(const struct ans *a, const char *path)
{
    const cJSON *v = json_path(a->json, path);
    if (v == NULL)
        fail_msg("%s is not in %d %s", path, a->status,
                 a->body.p != NULL ? a->body.p : "");
    return v;
}

const char *
ans_str(const struct ans *a, const char *path)
{
    const cJSON *v = member(a, path);
    assert_true(cJSON_IsString(v));
    return v->valuestring;
}

int64_t
ans_i64(const struct ans *a, const char *path)
{
    int64_t n = 0;
    assert_true(json_to_i64(member(a, path), &n));
    return n;
}

bool
ans_is(const struct ans *a, const char *path)
{
    const cJSON *v = json_path(a->json, path);
    return v != NULL && cJSON_IsTrue(v);
}

bool
ans_has(const struct ans *a, const char *path)
{
    return json_path(a->json, path) != NULL;
}

int
ans_len(const struct ans *a, const char *path)
{
    return cJSON_GetArraySize(member(a, path));
}

void
ans_must(const struct ans *a, int status)
{
    if (a->status != status)
        fail_msg("status %d, not %d: %s", a->status, status,
                 a->body.p != NULL ? a->body.p : "");
}

void
ans_must_code(const struct ans *a, int status, const char *code)
{
    ans_must(a, status);
    assert_string_equal(ans_str(a, "code"), code);
}

/* ---- what most tests need ---- */

const char *
desk_text(struct desk *s, const char *fmt, const char *x)
{
    const char *at = strstr(fmt, "%s");
    assert_non_null(at);
    return arena_fmt(s->a, "%.*s%s%s", (int)(at - fmt), fmt, x, at + 2);
}

const char *
desk_user(struct desk *s, int64_t telegram_id)
{
    struct ans a = ask(s, "POST /api/users/register",
                       "{\"telegram_id\":%lld,\"full_name\":\"Ann\","
                       "\"language_code\":\"en\"}",
                       (long long)telegram_id);
    ans_must(&a, 201);
    return arena_strdup(s->a, ans_str(&a, "id"));
}

int64_t
desk_balance(struct desk *s, const char *user, const char *name)
{
    struct ans a = ask(s, desk_text(s, "GET /api/users/%s", user), NULL);
    ans_must(&a, 200);
    return ans_i64(&a, name);
}

void
desk_worker(struct desk *s, const char *worker, const char *boot,
            const char *address)
{
    struct ans a = ask(s, "GET /api/scenarios", NULL);
    ans_must(&a, 200);
    const char *runs = json_text(s->a, json_get(a.json, "scenarios"));
    a = ask(s, desk_text(s, "POST /api/workers/%s/heartbeat", worker),
            "{\"boot\":\"%s\",\"services\":[\"image-service\"],\"slots\":2,"
            "\"free\":2,\"addresses\":[{\"address\":\"%s\",\"healthy\":true,"
            "\"runs_known\":true,\"runs\":%s}]}",
            boot, address, runs);
    ans_must(&a, 200);
}

void
desk_wait_sale(struct desk *s, const char *preset)
{
    int64_t until = clock_mono_ms() + 10000;
    for (;;) {
        const cJSON *p;
        struct ans a = ask(s, "GET /api/presets", NULL);
        ans_must(&a, 200);
        cJSON_ArrayForEach (p, json_get(a.json, "presets")) {
            if (strcmp(json_str(p, "name", ""), "sepia") == 0)
                s->price = json_i64(p, "price", 0);
            if (strcmp(json_str(p, "name", ""), preset) == 0 &&
                json_bool(p, "available", false))
                return;
        }
        if (clock_mono_ms() > until)
            fail_msg("%s is not on sale: %.300s", preset, a.body.p);
        clock_sleep_ms(10);
    }
}

void
desk_open(struct desk *s)
{
    desk_worker(s, "w1", "b1", "http://c1");
    desk_wait_sale(s, "sepia");
}

const char *
desk_version(struct desk *s, const char *preset)
{
    const cJSON *p;
    struct ans a = ask(s, "GET /api/scenarios", NULL);
    ans_must(&a, 200);
    cJSON_ArrayForEach (p, json_get(a.json, "scenarios")) {
        if (strcmp(json_str(p, "name", ""), preset) == 0)
            return arena_strdup(s->a, json_str(p, "version", ""));
    }
    fail_msg("there is no scenario %s", preset);
    return NULL;
}

const char *
desk_buy(struct desk *s, const char *user, int64_t chat_id)
{
    char chat[48] = "";
    if (chat_id != 0)
        snprintf(chat, sizeof chat, ",\"chat_id\":%lld", (long long)chat_id);
    struct ans a = ask(s, "POST /api/jobs/create",
                       "{\"user_id\":\"%s\",\"preset\":\"sepia\"%s,"
                       "\"inputs\":{\"photo\":{\"telegram_file_id\":\"F\"}}}",
                       user, chat);
    ans_must(&a, 201);
    return arena_strdup(s->a, ans_str(&a, "id"));
}

struct ans
desk_turn(struct desk *s, int64_t chat_id, const char *members)
{
    static int64_t update_id = 1000;
    struct ans a =
        ask(s, "POST /api/updates",
            "{\"bot_id\":\"" DESK_BOT "\",\"take\":true,\"bot\":\"bot\","
            "\"boot\":\"b1\",\"update\":{\"update_id\":%lld,\"message\":{"
            "\"message_id\":1,\"from\":{\"id\":%lld},\"chat\":{\"id\":%lld},"
            "\"text\":\"x\"}}}",
            (long long)++update_id, (long long)chat_id, (long long)chat_id);
    ans_must(&a, 201);
    return ask(s,
               arena_fmt(s->a, "POST /api/updates/%lld/finish",
                         (long long)ans_i64(&a, "seq")),
               "{\"attempt\":%lld,\"bot_id\":\"" DESK_BOT "\",\"bot\":\"bot\","
               "\"boot\":\"b1\"%s}",
               (long long)ans_i64(&a, "work.attempt"), members);
}

const char *
desk_offer(struct desk *s, const char *user, int64_t chat_id, int n)
{
    struct buf items;
    char id[ID_MAX];
    id_new(id, "off");
    buf_init(&items, 65536);
    for (int i = 0; i < n; i++)
        buf_addf(&items, "%s{\"photo\":{\"telegram_file_id\":\"F%d\"}}",
                 i > 0 ? "," : "", i);
    char *members = arena_fmt(
        s->a,
        ",\"offers\":[{\"id\":\"%s\",\"user_id\":\"%s\",\"chat_id\":%lld,"
        "\"preset\":\"sepia\",\"price\":%lld,\"items\":[%s]}]",
        id, user, (long long)chat_id, (long long)s->price, buf_cstr(&items));
    buf_free(&items);
    struct ans a = desk_turn(s, chat_id, members);
    ans_must(&a, 200);
    return arena_strdup(s->a, id);
}

struct ans
desk_claim(struct desk *s)
{
    return ask(s, "POST /api/tasks/claim",
               "{\"worker\":\"w1\",\"boot\":\"b1\",\"address\":\"http://c1\"}");
}

struct ans
desk_report(struct desk *s, const struct ans *task, const char *members)
{
    return ask(s,
               desk_text(s, "PATCH /api/tasks/%s/status", ans_str(task, "id")),
               "{\"worker\":\"w1\",\"boot\":\"b1\",\"attempt\":%lld,%s}",
               (long long)ans_i64(task, "attempt"), members);
}

struct ans
desk_run(struct desk *s, const char *members)
{
    struct ans t = desk_claim(s);
    ans_must(&t, 200);
    return desk_report(s, &t, members);
}

/* ---- fixtures ---- */

int
desk_setup_sqlite(void **state)
{
    *state = desk_new(DB_SQLITE, NULL);
    return 0;
}

int
desk_setup_pg(void **state)
{
    *state = desk_new(DB_POSTGRES, NULL);
    return 0;
}

int
desk_teardown(void **state)
{
    desk_free(*state);
    return 0;
}

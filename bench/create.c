/*
 * create.c - creating jobs, in one run: over HTTP by many connections against
 * the same list of SQL without HTTP (reliability B1 and B3; report only).
 *
 *     build/release/bench/create [DATABASE_URL [FOLDER]]
 *
 * 1. POST /api/jobs/create by 64 connections on 500 accounts, with a real
 *    `tintype backend`; no chat, so no deliveries; no Redis.
 * 2. After its end, on the same database, one commit a job: SQLite by
 *    store/job.c from one thread; PostgreSQL by pgbench with the statements of
 *    store/job_sql.def, 32 clients, one pipeline a job.
 *
 * The clients are of this process and take their share of the processors.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "io/db.h"
#include "io/httpc.h"
#include "store/job.h"
#include "store/sql.h"

#define CONNECTIONS 64
#define ACCOUNTS 500
#define RUN_MS 4000
#define TOKEN "bench-service-token"
#define PRESET "bench"
#define SERVICE "image-service"
#define INPUTS "{\"photo\":{\"telegram_file_id\":\"bench\"}}"

struct shop {
    char dir[64], url[512], base[64];
    int port;
    pid_t pid;
    struct arena *a;
    struct httpc *http;
    const char *version; /* of the preset */
};

static _Noreturn void
die(const char *what, const struct err *e)
{
    fprintf(stderr, "bench: create: %s: %s\n", what, e != NULL ? e->msg : "");
    exit(1);
}

/* ---- the backend --------------------------------------------------------- */

static _Noreturn void
backend_run(const struct shop *s, int ready_fd)
{
    char bin[4096], text[512], fd[16];
    ssize_t n = readlink("/proc/self/exe", bin, sizeof bin - 1);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (n <= 0)
        _exit(127);
    bin[n] = '\0';
    strcpy(strstr(bin, "/bench/create"), "/tintype");
    snprintf(fd, sizeof fd, "%d", ready_fd);
    snprintf(text, sizeof text, "%s", s->dir);
    setenv("TINTYPE_READY_FD", fd, 1);
    setenv("DATA_DIR", text, 1);
    setenv("DATABASE_URL", s->url, 1);
    setenv("PRESETS_DIR", "bench/presets", 1);
    setenv("SERVICE_TOKEN", TOKEN, 1);
    setenv("BACKEND_LISTEN", "127.0.0.1:0", 1);
    setenv("INITIAL_BALANCE", "1000000000", 1);
    setenv("LOG_LEVEL", "error", 1);
    execl(bin, "tintype", "backend", (char *)NULL);
    _exit(127);
}

static void
backend_start(struct shop *s)
{
    char line[16] = "";
    struct err e;
    int fds[2];
    if (pipe(fds) != 0 || (s->pid = fork()) < 0)
        die("start", NULL);
    if (s->pid == 0)
        backend_run(s, fds[1]);
    close(fds[1]);
    if (read(fds[0], line, sizeof line - 1) <= 0)
        die("the backend does not start", NULL);
    close(fds[0]);
    s->port = atoi(line);
    snprintf(s->base, sizeof s->base, "http://127.0.0.1:%d", s->port);
    s->http = httpc_new(&(struct httpc_config){.label = "backend",
                                               .base = s->base,
                                               .bearer = TOKEN},
                        &e);
    if (s->http == NULL)
        die("client", &e);
}

static void
backend_stop(struct shop *s)
{
    kill(s->pid, SIGTERM);
    waitpid(s->pid, NULL, 0);
    httpc_free(s->http);
}

/* A call that must succeed; its answer as a tree of the arena. */
static cJSON *
call(struct shop *s, const char *method, const char *path, const char *body)
{
    struct httpc_res res;
    struct err e = {0};
    if (httpc_do(s->http, &(struct httpc_req){.method = method,
                                              .path = path,
                                              .op = "call",
                                              .body = str_c(body)},
                 &res, &e) != 0)
        die(path, &e);
    cJSON *j = json_parse_in(s->a, buf_str(&res.body), 0, &e);
    if (res.status >= 300 || j == NULL)
        die(path, &e);
    httpc_res_free(&res);
    return j;
}

/* Accounts, and a worker that can run the preset. */
static void
shop_fill(struct shop *s)
{
    char body[256];
    for (int i = 1; i <= ACCOUNTS; i++) {
        snprintf(body, sizeof body,
                 "{\"telegram_id\":%d,\"full_name\":\"Bench\"}", i);
        call(s, "POST", "/api/users/register", body);
    }
    cJSON *list = json_get(call(s, "GET", "/api/scenarios", ""), "scenarios");
    s->version = json_str(cJSON_GetArrayItem(list, 0), "version", "");
    call(s, "POST", "/api/workers/w1/heartbeat",
         arena_fmt(s->a,
                   "{\"boot\":\"b1\",\"services\":[\"" SERVICE "\"],"
                   "\"slots\":2,\"free\":2,\"addresses\":[{\"address\":"
                   "\"http://c1\",\"healthy\":true,\"runs_known\":true,"
                   "\"runs\":%s}]}",
                   json_text(s->a, list)));
    clock_sleep_ms(1500); /* the catalogue sees it */
}

/* ---- over HTTP ----------------------------------------------------------- */

struct client {
    pthread_t thread;
    const struct shop *s;
    int first;
    int64_t until_ms, jobs, refused;
};

static int
client_connect(const struct shop *s)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)s->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof sa) != 0)
        die("connect", NULL);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* Reads one answer to its end; its status. */
static int
client_answer(int fd)
{
    char text[8192];
    size_t n = 0, want = sizeof text - 1;
    while (n < want) {
        ssize_t got = read(fd, text + n, sizeof text - 1 - n);
        if (got <= 0)
            die("the backend closed a connection", NULL);
        n += (size_t)got;
        text[n] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        const char *length = strcasestr(text, "\r\ncontent-length:");
        if (end != NULL && length != NULL)
            want = (size_t)(end + 4 - text) +
                   strtoul(length + strlen("\r\ncontent-length:"), NULL, 10);
    }
    return atoi(text + strlen("HTTP/1.1 "));
}

static void *
client_run(void *arg)
{
    struct client *c = arg;
    char body[256], text[1024];
    int fd = client_connect(c->s);
    for (int i = c->first; clock_mono_ms() < c->until_ms; i += CONNECTIONS) {
        int nbody = snprintf(body, sizeof body,
                             "{\"telegram_id\":%d,\"preset\":\"" PRESET "\","
                             "\"inputs\":" INPUTS "}",
                             i % ACCOUNTS + 1);
        int n = snprintf(text, sizeof text,
                         "POST /api/jobs/create HTTP/1.1\r\nHost: b\r\n"
                         "Authorization: Bearer " TOKEN "\r\n"
                         "Content-Type: application/json\r\n"
                         "Content-Length: %d\r\n\r\n%s",
                         nbody, body);
        if (write(fd, text, (size_t)n) != n)
            die("write", NULL);
        if (client_answer(fd) == 201)
            c->jobs++;
        else
            c->refused++;
    }
    close(fd);
    return NULL;
}

static double
run_http(struct shop *s)
{
    static struct client clients[CONNECTIONS];
    int64_t start = clock_mono_ms(), jobs = 0, refused = 0;
    for (int i = 0; i < CONNECTIONS; i++) {
        clients[i] = (struct client){
            .s = s, .first = i, .until_ms = start + RUN_MS};
        thread_start(&clients[i].thread, "client", client_run, &clients[i]);
    }
    for (int i = 0; i < CONNECTIONS; i++) {
        thread_join(clients[i].thread);
        jobs += clients[i].jobs;
        refused += clients[i].refused;
    }
    double rate = (double)jobs * 1000 / (double)(clock_mono_ms() - start);
    printf("create: HTTP, %d connections, %d accounts: %.0f jobs/s (%lld "
           "jobs, %lld refused)\n",
           CONNECTIONS, ACCOUNTS, rate, (long long)jobs, (long long)refused);
    return rate;
}

/* ---- the same list, one commit a job, in process -------------------------- */

static double
run_loop(struct shop *s)
{
    static const struct db_sql accounts = {
        "bench.accounts", "SELECT account FROM balances", ""};
    const char *inputs = INPUTS;
    struct job_task_new task = {.service = SERVICE, .name = "image"};
    struct db_rows rows;
    struct err e;
    int64_t jobs = 0;
    struct db *db = db_open(&(struct db_config){.url = s->url}, &e);
    if (db == NULL || db_read(db, s->a, &accounts, &rows, &e, 0) != 0)
        die("database", &e);
    int64_t start = clock_mono_ms();
    for (; clock_mono_ms() < start + RUN_MS; jobs++) {
        struct arena *a = arena_new();
        bool created;
        struct job_order o = {
            .account = db_str(&rows, (size_t)jobs % rows.nrows, 0),
            .preset = PRESET,
            .scenario = PRESET,
            .version = s->version,
            .price = 1,
            .inputs = &inputs,
            .n = 1,
            .tasks = &task,
            .ntasks = 1,
            .max_wait_ms = 3600000};
        if (job_create(db, a, &o, &created, &e) != 0 || !created)
            die("job_create", &e);
        arena_free(a);
    }
    double rate = (double)jobs * 1000 / (double)(clock_mono_ms() - start);
    db_close(db);
    printf("create: one thread, one commit a job, in process: %.0f jobs/s\n",
           rate);
    return rate;
}

/* ---- the same statements by pgbench --------------------------------------- */

/* Placeholder ?N becomes the N-th text. */
static void
script_add(FILE *f, const struct db_sql *sql, const char *const *vals)
{
    for (const char *p = sql->text; *p != '\0'; p++) {
        if (*p != '?') {
            fputc(*p, f);
            continue;
        }
        char *end;
        unsigned long n = strtoul(p + 1, &end, 10);
        fputs(vals[n - 1], f);
        p = end - 1;
    }
    fputs(";\n", f);
}

#define ACCOUNT "('bench' || :u)"
#define LIST "('l' || :r)"
#define JOB "('job_' || :r)"
#define TXN "('txn_' || :r)"
#define TASK "('t' || :r)"
#define NONE "NULL::bigint"
#define NO_TEXT "NULL::text"

/* What job_create() puts together for one job without a chat. */
static void
script_write(const struct shop *s, const char *path)
{
    char *version = arena_fmt(s->a, "'%s'", s->version);
    FILE *f = fopen(path, "we");
    if (f == NULL)
        die(path, NULL);
    fprintf(f,
            "\\set u random(1, %d)\n"
            "\\set r random(1, 9000000000000000000)\n"
            "\\startpipeline\nBEGIN;\n",
            ACCOUNTS);
    script_add(f, &sql_job_hold_preset,
               (const char *[]){ACCOUNT, "1", LIST, "'" PRESET "'",
                                "'" PRESET "'", version});
    script_add(f, &sql_job_insert,
               (const char *[]){JOB, NONE, NONE, "'" PRESET "'",
                                "'" PRESET "'", version, NO_TEXT,
                                "'" INPUTS "'", ACCOUNT, "1", NO_TEXT, "0",
                                LIST, "3600000"});
    script_add(f, &sql_ledger_hold,
               (const char *[]){TXN, JOB, ACCOUNT, NO_TEXT, LIST});
    script_add(f, &sql_ledger_entries,
               (const char *[]){TXN, "('available:' || " ACCOUNT ")",
                                "('held:' || " ACCOUNT ")", "1"});
    script_add(f, &sql_job_task_insert,
               (const char *[]){TASK, "'" SERVICE "'", "'image'", NO_TEXT, "0",
                                JOB, LIST});
    script_add(f, &sql_outbox_add,
               (const char *[]){"'tasks'", "'task.pending'", TASK, "'{}'", JOB,
                                LIST});
    fputs("COMMIT;\n\\endpipeline\n", f);
    fclose(f);
}

/* Accounts that pgbench can name. */
static void
accounts_add(struct shop *s)
{
    static const struct db_sql add[] = {
        {"bench.accounts",
         "INSERT INTO accounts (id, full_name, language, created_at) SELECT "
         "'bench' || g, 'Bench', 'en', 1 FROM generate_series(1, 500) g",
         ""},
        {"bench.balances",
         "INSERT INTO balances (account, available, held, updated_at) SELECT "
         "'bench' || g, 1000000000, 0, 1 FROM generate_series(1, 500) g",
         ""}};
    struct err e;
    struct db *db = db_open(&(struct db_config){.url = s->url}, &e);
    if (db == NULL)
        die("database", &e);
    struct db_list *l = db_list_new(s->a, NULL);
    db_add(l, &add[0], 0);
    db_add(l, &add[1], 0);
    if (db_run(db, l, &e) != 0)
        die("accounts", &e);
    db_close(db);
}

static double
run_pgbench(struct shop *s)
{
    char line[512], *at;
    char *path = arena_fmt(s->a, "%s/create.pgbench", s->dir);
    double rate = 0;
    accounts_add(s);
    script_write(s, path);
    FILE *out = popen(arena_fmt(s->a,
                                "pgbench -n -M prepared -c 32 -j 2 -T %d "
                                "-f %s '%s' 2>&1",
                                RUN_MS / 1000, path, s->url),
                      "r");
    if (out == NULL)
        die("pgbench", NULL);
    while (fgets(line, sizeof line, out) != NULL) {
        if (strstr(line, "ERROR") != NULL || strstr(line, "error:") != NULL)
            fputs(line, stderr);
        if ((at = strstr(line, "tps = ")) != NULL)
            rate = strtod(at + 6, NULL);
    }
    if (pclose(out) != 0 || rate <= 0)
        die("pgbench", NULL);
    printf("create: pgbench -M prepared -c 32, one commit a job, one pipeline: "
           "%.0f jobs/s\n",
           rate);
    return rate;
}

int
main(int argc, char **argv)
{
    struct shop s = {.dir = "/tmp/tintype-create-XXXXXX"};
    char command[128];
    bool pg = argc > 1;
    log_init("bench", LOG_WARN, false);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (mkdtemp(s.dir) == NULL)
        die("folder", NULL);
    s.a = arena_new();
    snprintf(s.url, sizeof s.url, "%s", pg ? argv[1] : "sqlite:");
    if (!pg)
        snprintf(s.url, sizeof s.url, "sqlite:%s/bench.db", s.dir);
    backend_start(&s);
    shop_fill(&s);
    double http = run_http(&s);
    backend_stop(&s);
    double raw = pg ? run_pgbench(&s) : run_loop(&s);
    printf("create: HTTP / %s = %.2f\n", pg ? "pgbench" : "one-commit loop",
           http / raw);
    arena_free(s.a);
    snprintf(command, sizeof command, "rm -rf -- %s", s.dir);
    return system(command) == 0 ? 0 : 1;
}

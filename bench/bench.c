/*
 * bench.c - the first figures, in one run: overhead per job, CPU and memory of
 * our roles, 500 confirmations at the same moment.
 *
 *     build/release/bench/bench [DATABASE_URL]
 *
 * Runs `tintype up` with the practice servers on loopback, a fixed render time
 * and both send rates raised (TELEGRAM_RATE, TELEGRAM_CHAT_RATE) and the
 * practice Telegram's limits off: Telegram itself would allow 30 messages a
 * second. What persons do here costs CPU on the same machine.
 */
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
#include "base/thread.h"
#include "sandbox/person.h"

#define RENDER_MS 50
#define ALONE 40
#define CROWD 500     /* users who confirm at once */
#define PRESET "bench"
#define ROLES 3

static const char *const roles[ROLES] = {"bot", "backend", "worker"};

struct bench {
    char dir[64];
    pid_t pid;
    char telegram[64], comfy[64];
    int64_t pids[ROLES];
};

static _Noreturn void
die(const char *what, const struct err *e)
{
    fprintf(stderr, "bench: %s: %s\n", what, e != NULL ? e->msg : "");
    exit(1);
}

/* Small, so that the practice ComfyUI is done within RENDER_MS. */
static struct str
photo(void)
{
    static char bytes[65536];
    static size_t n;
    if (n == 0) {
        FILE *f = fopen("sandbox/media/cat.jpg", "re");
        if (f == NULL)
            die("run it in the project's folder", NULL);
        n = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
    }
    return str_n(bytes, n);
}

/* ---- the shop ------------------------------------------------------------ */

static cJSON *
run_file(struct bench *b)
{
    char path[128], text[8192];
    snprintf(path, sizeof path, "%s/sandbox/run.json", b->dir);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return NULL;
    size_t n = fread(text, 1, sizeof text, f);
    fclose(f);
    return json_parse(str_n(text, n), 0, NULL);
}

static void
shop_start(struct bench *b, const char *database)
{
    char bin[4096], render[16];
    ssize_t n = readlink("/proc/self/exe", bin, sizeof bin - 1);
    strcpy(b->dir, "/tmp/tintype-bench-XXXXXX");
    if (n <= 0 || mkdtemp(b->dir) == NULL)
        die("start", NULL);
    bin[n] = '\0';
    strcpy(strstr(bin, "/bench/bench"), "/tintype");
    snprintf(render, sizeof render, "%d", RENDER_MS);
    b->pid = fork();
    if (b->pid == 0) {
        char log[128];
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        snprintf(log, sizeof log, "%s/log", b->dir);
        int fd = open(log, O_WRONLY | O_CREAT, 0600);
        dup2(fd, 1);
        dup2(fd, 2);
        setenv("DATA_DIR", b->dir, 1);
        setenv("PRESETS_DIR", "bench/presets", 1);
        setenv("DATABASE_URL", database, 1);
        setenv("SANDBOX_RENDER_MS", render, 1);
        setenv("TELEGRAM_RATE", "100000", 1);
        setenv("TELEGRAM_CHAT_RATE", "100000", 1);
        setenv("INITIAL_BALANCE", "1000000", 1);
        setenv("LOG_LEVEL", "warn", 1);
        execl(bin, "tintype", "up", "--any-port", "--no-sample",
              (char *)NULL);
        _exit(127);
    }
    cJSON *run = NULL;
    for (int i = 0; i < 600 && (run = run_file(b)) == NULL; i++)
        clock_sleep_ms(50);
    if (run == NULL)
        die("the shop does not come up; see its log", NULL);
    snprintf(b->telegram, sizeof b->telegram, "%s",
             json_str(run, "telegram_url", ""));
    snprintf(b->comfy, sizeof b->comfy, "%s", json_str(run, "comfy_url", ""));
    for (int i = 0; i < ROLES; i++)
        b->pids[i] = json_i64(json_get(run, roles[i]), "pid", 0);
    json_free(run);
    clock_sleep_ms(3000); /* the first heartbeats */
}

static void
shop_stop(struct bench *b)
{
    char command[128];
    kill(b->pid, SIGTERM);
    waitpid(b->pid, NULL, 0);
    snprintf(command, sizeof command, "rm -rf -- %s", b->dir);
    if (system(command) != 0)
        fprintf(stderr, "%s remains\n", b->dir);
}

/* ---- figures of processes ------------------------------------------------ */

static double
cpu_ms(int64_t pid)
{
    char path[64], text[1024] = "";
    unsigned long long user = 0, sys = 0;
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    const char *p = strrchr(text, ')');
    if (p == NULL || sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u "
                            "%*u %llu %llu", &user, &sys) != 2)
        return 0;
    return (double)(user + sys) * 1000.0 / (double)sysconf(_SC_CLK_TCK);
}

static double
memory_mb(int64_t pid, const char *what)
{
    char path[64], line[256];
    long long kb = 0;
    snprintf(path, sizeof path, "/proc/%lld/smaps_rollup", (long long)pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    while (fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, what, strlen(what)) == 0)
            sscanf(line + strlen(what), ": %lld", &kb);
    }
    fclose(f);
    return (double)kb / 1024;
}

static void
print_memory(struct bench *b, const char *when)
{
    double pss = 0, rss = 0;
    printf("memory %-6s", when);
    for (int i = 0; i < ROLES; i++) {
        double m = memory_mb(b->pids[i], "Pss");
        pss += m;
        rss += memory_mb(b->pids[i], "Rss");
        printf("  %s %.1f", roles[i], m);
    }
    printf("  = PSS %.1f MB, RSS %.1f MB\n", pss, rss);
}

static void
cpu_take(struct bench *b, double out[ROLES])
{
    for (int i = 0; i < ROLES; i++)
        out[i] = cpu_ms(b->pids[i]);
}

static void
print_cpu(struct bench *b, const double from[ROLES], int jobs)
{
    double now[ROLES], sum = 0;
    cpu_take(b, now);
    printf("CPU per job  ");
    for (int i = 0; i < ROLES; i++) {
        sum += now[i] - from[i];
        printf("  %s %.2f", roles[i], (now[i] - from[i]) / jobs);
    }
    printf("  = %.2f ms\n", sum / jobs);
}

/* ---- persons ------------------------------------------------------------- */

static void
card(struct person *p)
{
    struct person_event ev;
    struct err e;
    if (person_photo(p, photo(), NULL, &e) != 0)
        die("photo", &e);
    if (person_choose(p, PRESET, &ev, &e) != 0)
        die("card", &e);
}

static int
press_buy(struct person *p, struct err *e)
{
    return person_press(p, 0, "v1:buy:", e);
}

/* 0 when the picture came. */
static int
picture(struct person *p, struct err *e)
{
    struct person_event ev;
    do {
        if (person_wait(p, &(struct person_want){.timeout_ms = 120000}, &ev,
                        e) != 0)
            return -1;
    } while (ev.file_id[0] == '\0');
    return 0;
}

static int
by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* ---- 1: alone ------------------------------------------------------------ */

static void
bench_alone(struct bench *b)
{
    struct person p;
    struct err e;
    double ms[ALONE], cpu[ROLES];
    if (person_init(&p, b->telegram, "Alone", "en", &e) != 0)
        die("person", &e);
    cpu_take(b, cpu);
    for (int i = 0; i < ALONE; i++) {
        card(&p);
        clock_sleep_ms(20); /* the dialogue's own reports are over */
        int64_t t = clock_mono_us();
        if (press_buy(&p, &e) != 0 || picture(&p, &e) != 0)
            die("job", &e);
        ms[i] = (double)(clock_mono_us() - t) / 1000 - RENDER_MS;
    }
    qsort(ms, ALONE, sizeof ms[0], by_value);
    printf("alone: press -> picture minus %d ms render: p50 %.1f  p90 %.1f  "
           "max %.1f ms (%d jobs)\n", RENDER_MS, ms[ALONE / 2],
           ms[ALONE * 9 / 10], ms[ALONE - 1], ALONE);
    print_cpu(b, cpu, ALONE);
    person_fini(&p);
}

/* ---- 2: the crowd: 500 at once, and a queue that stays full -------------------------------------------------------- */

struct user {
    pthread_t thread;
    struct bench *b;
    struct person p;
    int jobs, done;
};

static pthread_barrier_t gate;

static void *
crowd_user(void *arg)
{
    struct user *u = arg;
    struct err e;
    struct person_event ev;
    card(&u->p);
    pthread_barrier_wait(&gate);
    if (press_buy(&u->p, &e) != 0)
        return NULL;
    /* served: the card turns into the status of a job */
    u->done = person_wait(&u->p, &(struct person_want){.kind = "edit",
                                                       .timeout_ms = 60000},
                          &ev, &e) == 0;
    if (u->done && picture(&u->p, &e) == 0)
        u->jobs = 1;
    return NULL;
}

static void
bench_crowd(struct bench *b)
{
    static struct user users[CROWD];
    struct err e;
    int served = 0, pictures = 0;
    double cpu[ROLES];
    for (int i = 0; i < CROWD; i++) {
        users[i] = (struct user){.b = b};
        if (person_init(&users[i].p, b->telegram, "Crowd", "ru", &e) != 0)
            die("person", &e);
    }
    pthread_barrier_init(&gate, NULL, CROWD + 1);
    for (int i = 0; i < CROWD; i++)
        thread_start(&users[i].thread, "user", crowd_user, &users[i]);
    pthread_barrier_wait(&gate);
    cpu_take(b, cpu);
    int64_t t = clock_mono_ms();
    for (int i = 0; i < CROWD; i++) {
        thread_join(users[i].thread);
        served += users[i].done;
        pictures += users[i].jobs;
        person_fini(&users[i].p);
    }
    double ms = (double)(clock_mono_ms() - t);
    printf("crowd: %d users confirm at once: %d served, %d pictures in %.1f s = "
           "%.1f jobs/s; queue full: %.1f ms a job beyond %d ms render\n",
           CROWD, served, pictures, ms / 1000, pictures * 1000 / ms,
           ms / pictures - RENDER_MS, RENDER_MS);
    print_cpu(b, cpu, pictures);
}

int
main(int argc, char **argv)
{
    struct bench b = {0};
    const char *database = argc > 1 ? argv[1] : "";
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("== %s\n", database[0] != '\0' ? "PostgreSQL" : "SQLite");
    shop_start(&b, database);
    struct httpc *h = httpc_new(&(struct httpc_config){.label = "telegram",
                                                       .base = b.telegram},
                                &(struct err){0});
    struct httpc_res res;
    struct err e;
    if (httpc_do(h, &(struct httpc_req){.method = "POST",
                                        .path = "/sandbox/switches",
                                        .op = "switches",
                                        .body = STR("{\"rate_limits\":false,\"pixels\":false}")},
                 &res, &e) != 0)
        die("switches", &e);
    httpc_res_free(&res);
    httpc_free(h);
    print_memory(&b, "idle");
    bench_alone(&b);
    bench_crowd(&b);
    print_memory(&b, "loaded");
    shop_stop(&b);
    return 0;
}

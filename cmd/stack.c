/*
 * stack.c - see stack.h.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/role.h"
#include "cmd/secrets.h"
#include "cmd/stack.h"
#include "io/file.h"
#include "io/redis.h"

#define START_MS 30000
#define BOT_START_MS 8000 /* it goes on trying when Telegram is away */
#define PAUSE_FIRST_MS 100
#define PAUSE_LAST_MS 5000
#define STEADY_MS 10000 /* a child that lived so long starts at once again */

static const char *const names[STACK_PARTS] = {
    "redis", "telegram", "comfyui", "backend", "worker", "bot"};

/* ---- folder and secrets ------------------------------------------------ */

static int
dir_make(const char *path, struct err *e)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    return err_set(e, ERR_UNAVAILABLE, "DATA_DIR %s: %s", path,
                   strerror(errno));
}

static int
folder_open(struct stack *s, struct err *e)
{
    char real[4096];
    const char *data = setting_str(s->set, SET_DATA_DIR);
    if (dir_make(data, e) != 0)
        return -1;
    if (realpath(data, real) == NULL)
        return err_set(e, ERR_UNAVAILABLE, "DATA_DIR %s: %s", data,
                       strerror(errno));
    if (snprintf(s->dir, sizeof s->dir, "%s%s", real,
                 s->sandbox ? "/sandbox" : "") >= (int)sizeof s->dir)
        return err_set(e, ERR_BAD_INPUT, "DATA_DIR: the path is too long");
    if (dir_make(s->dir, e) != 0)
        return -1;
    return role_lock(s->dir, "up", e);
}

static int
secret_or(struct stack *s, enum setting_id id, const char *name,
          const char *prefix, unsigned digits, char *out, size_t size,
          struct err *e)
{
    const char *given = setting_str(s->set, id);
    if (given[0] != '\0') {
        snprintf(out, size, "%s", given);
        return 0;
    }
    return secret_get(s->dir, name, prefix, digits, out, size, e);
}

static int
secrets_open(struct stack *s, struct err *e)
{
    if (secret_or(s, SET_SERVICE_TOKEN, "SERVICE_TOKEN", "", 48,
                  s->service_token, sizeof s->service_token, e) != 0 ||
        secret_or(s, SET_ADMIN_TOKEN, "ADMIN_TOKEN", "", 48, s->admin_token,
                  sizeof s->admin_token, e) != 0 ||
        secret_or(s, SET_WEBHOOK_SECRET, "WEBHOOK_SECRET", "", 48,
                  s->webhook_secret, sizeof s->webhook_secret, e) != 0)
        return -1;
    return s->sandbox
               ? secret_get(s->dir, "SANDBOX_BOT_TOKEN", "4242:", 35,
                            s->bot_token, sizeof s->bot_token, e)
               : secret_or(s, SET_BOT_TOKEN, "BOT_TOKEN", "", 1, s->bot_token,
                           sizeof s->bot_token, e);
}

/* ---- parts ------------------------------------------------------------- */

static struct proc *
part(struct stack *s, enum stack_part which, bool tells)
{
    struct proc *p = &s->parts[which];
    p->name = names[which];
    p->tells = tells;
    p->pause_ms = PAUSE_FIRST_MS;
    s->used[which] = true;
    return p;
}

static void
args(struct proc *p, size_t n, const char *const *words)
{
    for (size_t i = 0; i < n && i < PROC_ARGS_MAX - 1; i++)
        p->argv[i] = words[i];
}
#define ARGS(p, ...)                                                          \
    args(p, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),           \
         (const char *[]){__VA_ARGS__})

/* A socket's path has at most 107 bytes: a deep folder gets it elsewhere. */
static int
redis_socket(struct stack *s, char *out, size_t size, struct err *e)
{
    char dir[] = "/tmp/tintype-XXXXXX";
    struct sockaddr_un un;
    size_t longest = sizeof un.sun_path < size ? sizeof un.sun_path : size;
    if (snprintf(out, longest, "%s/redis.sock", s->dir) < (int)longest)
        return 0;
    if (mkdtemp(dir) == NULL)
        return err_set(e, ERR_UNAVAILABLE, "%s: %s", dir, strerror(errno));
    snprintf(out, size, "%s/redis.sock", dir);
    return 0;
}

static int
redis_wait(const char *url, struct err *e)
{
    struct redis_config cfg;
    struct redis_reply reply;
    struct str ping[] = {STR("PING")};
    int64_t until_ms = clock_mono_ms() + START_MS;
    struct arena *a = arena_new();
    int rc = redis_url_parse(url, &cfg, e);
    if (rc == 0) {
        struct redis *r = redis_new(&cfg);
        do {
            rc = redis_cmd(r, a, 500, 1, ping, &reply, e);
            if (rc != 0)
                clock_sleep_ms(20);
        } while (rc != 0 && clock_mono_ms() < until_ms);
        redis_free(r);
    }
    arena_free(a);
    return rc;
}

static int
redis_start(struct stack *s, struct err *e)
{
    static char socket[128], dir[4200];
    const char *url = setting_str(s->set, SET_REDIS_URL);
    if (url[0] != '\0' || setting_str(s->set, SET_REDIS_HOST)[0] != '\0') {
        snprintf(s->redis_url, sizeof s->redis_url, "%s", url);
        return 0;
    }
    snprintf(dir, sizeof dir, "%s/redis", s->dir);
    if (dir_make(dir, e) != 0 ||
        redis_socket(s, socket, sizeof socket, e) != 0)
        return -1;
    snprintf(s->redis_url, sizeof s->redis_url, "unix:%s", socket);
    struct proc *p = part(s, STACK_REDIS, false);
    ARGS(p, "redis-server", "--port", "0", "--unixsocket", socket,
         "--unixsocketperm", "600", "--dir", dir, "--appendonly", "yes",
         "--save", "", "--maxmemory-policy", "noeviction", "--loglevel",
         "warning", "--logfile", "redis.log");
    if (proc_start(p, START_MS, e) != 0)
        return -1;
    if (redis_wait(s->redis_url, e) != 0)
        return err_wrap(e, "redis-server does not answer (is the package "
                           "redis-server installed?)");
    return 0;
}

/* A practice server: any port at first, the same one after a restart. */
static int
sandbox_start(struct stack *s, enum stack_part which, const char *command,
              char *url, size_t size, struct err *e)
{
    static char dirs[STACK_PARTS][4200], listen[STACK_PARTS][32];
    static char render_ms[24];
    struct proc *p = part(s, which, true);
    snprintf(dirs[which], sizeof dirs[which], "%s/%s", s->dir, p->name);
    snprintf(listen[which], sizeof listen[which], "127.0.0.1:0");
    snprintf(render_ms, sizeof render_ms, "%lld",
             (long long)setting_int(s->set, SET_SANDBOX_RENDER_MS));
    if (dir_make(dirs[which], e) != 0)
        return -1;
    if (which == STACK_TELEGRAM)
        ARGS(p, NULL, "sandbox", command, "--listen", listen[which], "--dir",
             dirs[which], "--quiet", "--token", s->bot_token);
    else
        ARGS(p, NULL, "sandbox", command, "--listen", listen[which], "--dir",
             dirs[which], "--quiet", "--render-ms", render_ms);
    if (proc_start(p, START_MS, e) != 0)
        return -1;
    snprintf(listen[which], sizeof listen[which], "127.0.0.1:%d", p->port);
    snprintf(url, size, "http://127.0.0.1:%d", p->port);
    return 0;
}

static void
role_env(struct stack *s, struct proc *p)
{
    proc_env(p, "DATA_DIR", "%s", s->dir);
    proc_env(p, "SERVICE_TOKEN", "%s", s->service_token);
    proc_env(p, "SANDBOX", "%d", s->sandbox);
    proc_env(p, "SANDBOX_COMFYUI", "%d", s->sandbox_comfy);
    proc_env(p, "BOT_TOKEN", "%s", s->bot_token);
    proc_env(p, "TELEGRAM_API_URL", "%s", s->telegram_url);
    if (s->backend_url[0] != '\0')
        proc_env(p, "BACKEND_URL", "%s", s->backend_url);
    if (s->redis_url[0] != '\0')
        proc_env(p, "REDIS_URL", "%s", s->redis_url);
}

static int
backend_start(struct stack *s, struct err *e)
{
    struct proc *p = part(s, STACK_BACKEND, true);
    ARGS(p, NULL, "backend");
    role_env(s, p);
    proc_env(p, "ADMIN_TOKEN", "%s", s->admin_token);
    if (s->any_port)
        proc_env(p, "BACKEND_LISTEN", "127.0.0.1:0");
    if (proc_start(p, START_MS, e) != 0)
        return -1;
    snprintf(s->backend_url, sizeof s->backend_url, "http://127.0.0.1:%d",
             p->port);
    proc_env(p, "BACKEND_LISTEN", "127.0.0.1:%d", p->port);
    return 0;
}

static int
worker_start(struct stack *s, struct err *e)
{
    struct proc *p = part(s, STACK_WORKER, true);
    ARGS(p, NULL, "worker");
    role_env(s, p);
    proc_env(p, "COMFYUI_URL", "%s", s->comfy_url);
    return proc_start(p, START_MS, e);
}

static int
bot_start(struct stack *s, struct err *e)
{
    struct proc *p = part(s, STACK_BOT, true);
    ARGS(p, NULL, "bot");
    role_env(s, p);
    proc_env(p, "WEBHOOK_SECRET", "%s", s->webhook_secret);
    if (s->any_port && !setting_is_set(s->set, SET_BOT_LISTEN))
        proc_env(p, "BOT_LISTEN", "127.0.0.1:0");
    if (proc_start(p, BOT_START_MS, e) != 0 && e->code != ERR_TIMEOUT)
        return -1;
    if (p->port > 0)
        proc_env(p, "BOT_LISTEN", "127.0.0.1:%d", p->port);
    return 0;
}

/* ---- run.json ---------------------------------------------------------- */

static void
run_file_write(struct stack *s)
{
    char path[4200];
    struct buf b;
    struct jw w;
    struct err e;
    buf_init(&b, 65536);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, "backend_url", s->backend_url);
    jw_kstr(&w, "telegram_url", s->telegram_url);
    jw_kstr(&w, "comfy_url", s->comfy_url);
    jw_kstr(&w, "redis_url", s->redis_url);
    for (int i = 0; i < STACK_PARTS; i++) {
        if (!s->used[i])
            continue;
        jw_key(&w, names[i]);
        jw_obj(&w);
        jw_ki64(&w, "pid", s->parts[i].pid);
        jw_ki64(&w, "port", s->parts[i].port);
        jw_end(&w);
    }
    jw_end(&w);
    snprintf(path, sizeof path, "%s/run.json", s->dir);
    if (file_put(path, buf_str(&b), 0600, &e) != 0)
        log_warn("up", "run_file", "%s", e.msg);
    buf_free(&b);
}

/* ---- life -------------------------------------------------------------- */

static int
servers_start(struct stack *s, struct err *e)
{
    const char *comfy = setting_str(s->set, SET_COMFYUI_URL);
    snprintf(s->telegram_url, sizeof s->telegram_url, "%s",
             setting_str(s->set, SET_TELEGRAM_API_URL));
    if (s->sandbox && sandbox_start(s, STACK_TELEGRAM, "telegram",
                                    s->telegram_url, sizeof s->telegram_url,
                                    e) != 0)
        return -1;
    if (s->sandbox_comfy)
        return sandbox_start(s, STACK_COMFY, "comfy", s->comfy_url,
                             sizeof s->comfy_url, e);
    snprintf(s->comfy_url, sizeof s->comfy_url, "%s", comfy);
    return 0;
}

int
stack_start(struct stack *s, const struct settings *set, struct err *e)
{
    struct stack asked = *s;
    memset(s, 0, sizeof *s);
    s->any_port = asked.any_port;
    memcpy(s->without, asked.without, sizeof s->without);
    s->set = set;
    s->sandbox = setting_str(set, SET_BOT_TOKEN)[0] == '\0';
    s->sandbox_comfy = setting_str(set, SET_COMFYUI_URL)[0] == '\0';
    if (folder_open(s, e) != 0 || secrets_open(s, e) != 0)
        return -1;
    if (redis_start(s, e) != 0 || servers_start(s, e) != 0 ||
        backend_start(s, e) != 0 ||
        (!s->without[STACK_WORKER] && worker_start(s, e) != 0) ||
        (!s->without[STACK_BOT] && bot_start(s, e) != 0)) {
        stack_stop(s, 5000);
        return -1;
    }
    run_file_write(s);
    return 0;
}

static struct proc *
part_by_pid(struct stack *s, pid_t pid)
{
    for (int i = 0; i < STACK_PARTS; i++) {
        if (s->used[i] && s->parts[i].pid == pid)
            return &s->parts[i];
    }
    return NULL;
}

static void
part_died(struct proc *p, int status)
{
    int64_t now = clock_mono_ms();
    if (now - p->started_ms >= STEADY_MS)
        p->pause_ms = PAUSE_FIRST_MS;
    log_warn("up", "died", "%s %s %d; starting it again in %lld ms", p->name,
             WIFSIGNALED(status) ? "by signal" : "with exit code",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
             (long long)p->pause_ms);
    p->pid = 0;
    p->again_ms = now + p->pause_ms;
    p->pause_ms = p->pause_ms * 2 < PAUSE_LAST_MS ? p->pause_ms * 2
                                                  : PAUSE_LAST_MS;
}

void
stack_watch(struct stack *s)
{
    int status;
    pid_t pid;
    bool changed = false;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct proc *p = part_by_pid(s, pid);
        if (p != NULL)
            part_died(p, status);
        else if (pid == s->sample)
            s->sample = 0;
    }
    for (int i = 0; i < STACK_PARTS; i++) {
        struct proc *p = &s->parts[i];
        struct err e;
        if (!s->used[i] || p->pid != 0 || p->again_ms == 0 ||
            clock_mono_ms() < p->again_ms)
            continue;
        if (proc_start(p, START_MS, &e) != 0)
            log_error("up", "start_failed", "%s", e.msg);
        changed = true;
    }
    if (changed)
        run_file_write(s);
}

void
stack_stop(struct stack *s, int64_t ms)
{
    static const enum stack_part order[] = {STACK_BOT,   STACK_WORKER,
                                            STACK_BACKEND, STACK_REDIS,
                                            STACK_COMFY, STACK_TELEGRAM};
    char path[4200];
    int64_t until_ms = clock_mono_ms() + ms;
    if (s->sample > 0)
        kill(s->sample, SIGKILL);
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        int64_t left = until_ms - clock_mono_ms();
        if (s->used[order[i]])
            proc_stop(&s->parts[order[i]], left > 1000 ? left : 1000);
        proc_fini(&s->parts[order[i]]);
    }
    snprintf(path, sizeof path, "%s/run.json", s->dir);
    unlink(path);
}

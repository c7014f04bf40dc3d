/*
 * doctor.c - `tintype doctor`: looks at everything and says what to do.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/log.h"
#include "base/role.h"
#include "cmd/cmd.h"
#include "comfy/client.h"
#include "io/db.h"
#include "io/httpc.h"
#include "io/redis.h"
#include "store/preset.h"
#include "telegram/client.h"
#include "telegram/setup.h"

#define LOOK_MS 3000
#define DISK_MIN_MIB 500
#define WEBHOOK_ERROR_S 3600 /* an error younger than this is a worry */

struct doctor {
    const struct settings *set;
    struct arena *a;
    size_t bad, warn;
};

static void say(struct doctor *d, const char *mark, const char *what,
                const char *fmt, va_list ap)
    __attribute__((format(printf, 4, 0)));

static void
say(struct doctor *d, const char *mark, const char *what, const char *fmt,
    va_list ap)
{
    char text[1024];
    (void)d;
    vsnprintf(text, sizeof text, fmt, ap);
    log_redact(text);
    printf("%-4s %-10s %s\n", mark, what, text);
}

static void __attribute__((format(printf, 3, 4)))
good(struct doctor *d, const char *what, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(d, "ok", what, fmt, ap);
    va_end(ap);
}

static void __attribute__((format(printf, 3, 4)))
worry(struct doctor *d, const char *what, const char *fmt, ...)
{
    va_list ap;
    d->warn++;
    va_start(ap, fmt);
    say(d, "warn", what, fmt, ap);
    va_end(ap);
}

static void __attribute__((format(printf, 3, 4)))
wrong(struct doctor *d, const char *what, const char *fmt, ...)
{
    va_list ap;
    d->bad++;
    va_start(ap, fmt);
    say(d, "BAD", what, fmt, ap);
    va_end(ap);
}

/* ---- looks ------------------------------------------------------------- */

static void
look_disk(struct doctor *d)
{
    const char *dir = setting_str(d->set, SET_DATA_DIR);
    struct statvfs v;
    if (mkdir(dir, 0700) != 0 && access(dir, W_OK) != 0) {
        wrong(d, "disk", "DATA_DIR %s cannot be written: make it or set "
              "another one", dir);
        return;
    }
    if (statvfs(dir, &v) != 0) {
        wrong(d, "disk", "DATA_DIR %s cannot be looked at", dir);
        return;
    }
    unsigned long long mib =
        (unsigned long long)v.f_bavail * v.f_frsize >> 20;
    if (mib < DISK_MIN_MIB)
        worry(d, "disk", "only %llu MiB are free under %s: make room", mib,
              dir);
    else
        good(d, "disk", "%llu MiB free under %s", mib, dir);
}

static void
look_database(struct doctor *d)
{
    char url[4200];
    const char *given = setting_str(d->set, SET_DATABASE_URL), *kind;
    const char *dir = setting_str(d->set, SET_DATA_DIR);
    bool practice = setting_str(d->set, SET_BOT_TOKEN)[0] == '\0';
    struct err e;
    snprintf(url, sizeof url, "sqlite:%s%s/tintype.db", dir,
             practice ? "/sandbox" : "");
    if (given[0] == '\0' && access(url + 7, F_OK) != 0) {
        good(d, "database", "none yet: the first start makes %s", url + 7);
        return;
    }
    struct db *db = db_open(
        &(struct db_config){.url = given[0] != '\0' ? given : url,
                            .readers = 1,
                            .read_only = true},
        &e);
    if (db == NULL) {
        wrong(d, "database", "%s", e.msg);
        return;
    }
    if (meta_kind(db, d->a, &kind, &e) == 0)
        good(d, "database", "%s, of kind %s",
             db_kind(db) == DB_POSTGRES ? "PostgreSQL" : "SQLite", kind);
    else if (e.code == ERR_NOT_FOUND)
        good(d, "database", "reachable and empty");
    else
        wrong(d, "database", "%s (run `tintype migrate`)", e.msg);
    db_close(db);
}

static void
look_redis(struct doctor *d)
{
    struct redis_config cfg;
    struct redis_reply reply;
    struct err e;
    struct str ping[] = {STR("PING")};
    if (redis_config_from(d->set, &cfg, &e) != 0) {
        if (e.code != ERR_NOT_FOUND)
            wrong(d, "redis", "%s", e.msg);
        else if (access("/usr/bin/redis-server", X_OK) == 0)
            good(d, "redis", "REDIS_URL is not set: `tintype up` starts its "
                 "own redis-server");
        else
            wrong(d, "redis", "REDIS_URL is not set and redis-server is not "
                  "installed: run tools/deps, or set REDIS_URL");
        return;
    }
    struct redis *r = redis_new(&cfg);
    if (redis_cmd(r, d->a, LOOK_MS, 1, ping, &reply, &e) != 0)
        wrong(d, "redis", "%s", e.msg);
    else
        good(d, "redis", "answers");
    redis_free(r);
}

static void
look_webhook(struct doctor *d, struct tg *tg)
{
    struct tg_webhook_info info;
    struct err e;
    const char *want = setting_str(d->set, SET_WEBHOOK_URL);
    if (tg_get_webhook_info(tg, &info, &e) != 0) {
        worry(d, "webhook", "%s", e.msg);
        return;
    }
    if (strcmp(info.url, want) != 0)
        worry(d, "webhook", "Telegram has %s, WEBHOOK_URL says %s: the bot "
              "sets it at its start", info.url[0] ? info.url : "none",
              want[0] ? want : "none (polling)");
    else if (info.last_error_s > time(NULL) - WEBHOOK_ERROR_S)
        worry(d, "webhook", "Telegram's last try failed: %s",
              info.last_error);
    else
        good(d, "webhook", "%s, %lld updates wait",
             want[0] ? "set" : "none: the bot polls",
             (long long)info.pending);
}

static void
look_telegram(struct doctor *d)
{
    const char *token = setting_str(d->set, SET_BOT_TOKEN);
    struct tg_me me;
    struct err e;
    if (token[0] == '\0') {
        worry(d, "telegram", "BOT_TOKEN is not set: the sandbox Telegram is "
              "used. Get a token from @BotFather and put BOT_TOKEN=... into "
              ".env");
        return;
    }
    struct tg *tg =
        tg_new(setting_str(d->set, SET_TELEGRAM_API_URL), token, &e);
    if (tg == NULL || tg_get_me(tg, &me, &e) != 0) {
        wrong(d, "telegram", "%s", e.msg);
    } else {
        good(d, "telegram", "bot @%s", me.username);
        look_webhook(d, tg);
    }
    if (tg != NULL)
        tg_free(tg);
}

static void
look_comfy_one(struct doctor *d, const char *url)
{
    struct comfy_stats stats;
    struct err e;
    struct comfy *c = comfy_new(url, url, &e);
    if (c == NULL || comfy_health(c, LOOK_MS, &stats, &e) != 0)
        wrong(d, "comfyui", "%s: %s. Start ComfyUI there, with --listen when "
              "it is another machine", url, e.msg);
    else
        good(d, "comfyui", "%s: version %s, %s", url,
             stats.version[0] ? stats.version : "unknown", stats.device);
    if (c != NULL)
        comfy_free(c);
}

static void
look_comfy(struct doctor *d)
{
    struct str rest = str_c(setting_str(d->set, SET_COMFYUI_URL)), part;
    if (rest.len == 0) {
        worry(d, "comfyui", "COMFYUI_URL is not set: the sandbox ComfyUI is "
              "used, which has no models");
        return;
    }
    while (str_split(&rest, ',', &part)) {
        part = str_trim(part);
        if (part.len > 0)
            look_comfy_one(d, arena_strn(d->a, part.p, part.len));
    }
}

/* What a running backend says of itself. */
static void
look_backend(struct doctor *d)
{
    struct httpc_res res;
    struct err e;
    struct httpc *h = httpc_new(
        &(struct httpc_config){.label = "backend",
                               .base = setting_str(d->set, SET_BACKEND_URL)},
        &e);
    if (h == NULL) {
        wrong(d, "backend", "BACKEND_URL: %s", e.msg);
        return;
    }
    struct httpc_req q = {.method = "GET", .path = "/ready", .op = "ready",
                          .timeout_ms = LOOK_MS};
    if (httpc_do(h, &q, &res, &e) != 0) {
        worry(d, "backend", "does not run at BACKEND_URL: start it with "
              "`tintype up` or `tintype backend`");
    } else {
        cJSON *j = json_parse_in(d->a, buf_str(&res.body), 0, &e);
        const cJSON *dep;
        cJSON_ArrayForEach(dep, json_get(j, "dependencies"))
        {
            if (!json_bool(dep, "ok", true))
                wrong(d, "backend", "%s: %s", json_str(dep, "name", "?"),
                      json_str(dep, "detail", ""));
        }
        if (res.status == 200)
            good(d, "backend", "ready");
        httpc_res_free(&res);
    }
    httpc_free(h);
}

static void
print_settings(const struct settings *set)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    settings_dump(set, &b);
    fputs(buf_cstr(&b), stdout);
    buf_free(&b);
}

int
cmd_doctor(int argc, char **argv)
{
    struct err e;
    struct settings *set = role_start("doctor", &e);
    if (set == NULL) {
        printf("BAD  settings   %s\n", e.msg);
        return 1;
    }
    if (argc > 1 && strcmp(argv[1], "settings") == 0) {
        print_settings(set);
        settings_free(set);
        return 0;
    }
    struct doctor d = {.set = set, .a = arena_new()};
    good(&d, "settings", "read (environment over .env over defaults)");
    look_disk(&d);
    look_database(&d);
    look_redis(&d);
    look_telegram(&d);
    look_comfy(&d);
    look_backend(&d);
    printf("\n%s\n", d.bad > 0    ? "Mend what is BAD first."
                     : d.warn > 0 ? "It can run; see the warnings."
                                  : "All is well.");
    arena_free(d.a);
    settings_free(set);
    return d.bad > 0;
}

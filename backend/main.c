/*
 * main.c - `tintype backend`: start, wait for the stop, drain.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "backend/backend_int.h"
#include "backend/catalog.h"
#include "backend/metrics.h"
#include "backend/reaper.h"
#include "backend/relay.h"
#include "backend/watch.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/role.h"
#include "store/preset.h"

#define APP_VERSION 1 /* what migrations' min_app is compared with */

void
backend_wake(struct backend *b, const char *topic)
{
    /* an update is for one handler; the others would look in vain. Before
     * the server is there nobody waits. */
    if (b->http != NULL)
        http_wake(b->http, topic, strcmp(topic, TOPIC_UPDATES) == 0 ? 1 : 0);
    if (db_kind(b->db) == DB_POSTGRES)
        db_notify(b->db, topic);
}

/* Another backend woke a topic. */
static void
heard(void *ctx, const char *topic)
{
    static const char *const topics[] = {TOPIC_UPDATES, TOPIC_TASKS,
                                         TOPIC_CHAT, TOPIC_JOB};
    struct backend *b = ctx;
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        if (strcmp(topics[i], topic) == 0 && b->http != NULL)
            http_wake(b->http, topics[i], 0);
    }
}

/* sandbox without a token, else the bot's id. */
static void
kind_of(const struct settings *s, char out[32])
{
    const char *token = setting_str(s, SET_BOT_TOKEN);
    size_t n = strcspn(token, ":");
    if (token[0] == '\0' || setting_bool(s, SET_SANDBOX) || n >= 32)
        strcpy(out, "sandbox");
    else
        snprintf(out, 32, "%.*s", (int)n, token);
}

static int
open_database(struct backend *b, struct err *e)
{
    struct arena *a = arena_new();
    char url[4200];
    const char *given = setting_str(b->set, SET_DATABASE_URL);
    snprintf(url, sizeof url, "sqlite:%s/tintype.db",
             setting_str(b->set, SET_DATA_DIR));
    struct db_config cfg = {.url = given[0] != '\0' ? given : url,
                            .readers = 4};
    int rc = -1;
    b->db = db_open(&cfg, e);
    if (b->db != NULL &&
        db_migrate(b->db, db_migrations, db_nmigrations, APP_VERSION, e) ==
            0 &&
        meta_claim_kind(b->db, a, b->kind, e) == 0 &&
        meta_now(b->db, a, &b->up_since, e) == 0)
        rc = 0;
    arena_free(a);
    return rc;
}

static int
open_objects(struct backend *b, struct err *e)
{
    char dir[4200];
    snprintf(dir, sizeof dir, "%s/objects", setting_str(b->set, SET_DATA_DIR));
    b->objects = objects_open(dir, e);
    return b->objects != NULL ? 0 : -1;
}

static int
start_http(struct backend *b, struct err *e)
{
    static struct http_route routes[2 * API_ROUTE_COUNT];
    struct httpd_config cfg = {
        .label = "backend",
        .listen = setting_str(b->set, SET_BACKEND_LISTEN),
        .routes = routes,
        .nroutes = call_routes(routes),
        .ctx = b,
        .threads = (int)setting_int(b->set, SET_BACKEND_THREADS),
        .self = &b->http,
        .done = metrics_request};
    return httpd_start(&cfg, e) != NULL ? 0 : err_wrap(e, "BACKEND_LISTEN");
}

static int
backend_start(struct backend *b, struct err *e)
{
    if (setting_str(b->set, SET_SERVICE_TOKEN)[0] == '\0')
        return err_set(e, ERR_BAD_INPUT,
                       "SERVICE_TOKEN is not set: give the backend, the bot "
                       "and the workers the same long random text");
    kind_of(b->set, b->kind);
    b->lease_ms = setting_int(b->set, SET_LEASE_MS);
    b->started_ms = clock_mono_ms();
    b->boots = boots_new();
    stop_init(&b->stop);
    if (open_database(b, e) != 0 || open_objects(b, e) != 0 ||
        catalog_start(b, e) != 0)
        return -1;
    watch_start(b);
    db_listen(b->db, heard, b);
    if (start_http(b, e) != 0 || relay_start(b, e) != 0)
        return -1;
    b->reaper = reaper_start(b);
    return 0;
}

static void
backend_stop(struct backend *b)
{
    stop_set(&b->stop);
    relay_stop(b);
    reaper_stop(b->reaper);
    if (b->http != NULL)
        httpd_stop(b->http, setting_int(b->set, SET_SHUTDOWN_S) * 1000 / 2);
    watch_stop(b);
    catalog_stop(b);
    db_close(b->db);
    objects_close(b->objects);
    boots_free(b->boots);
}

int
backend_main(int argc, char **argv)
{
    struct backend *b = mem_calloc(1, sizeof *b);
    struct err e;
    int rc = 1;
    (void)argc;
    (void)argv;
    struct settings *set = role_start("backend", &e);
    if (set == NULL) {
        fprintf(stderr, "tintype backend: %s\n", e.msg);
        mem_free(b);
        return 2;
    }
    b->set = set;
    if (backend_start(b, &e) == 0) {
        log_info("backend", "ready", "port=%d kind=%s", httpd_port(b->http),
                 b->kind);
        role_ready(httpd_port(b->http));
        role_wait_stop();
        log_info("backend", "stopping", "draining");
        rc = 0;
    } else {
        log_error("backend", "start_failed", "%s", e.msg);
    }
    backend_stop(b);
    settings_free(set);
    mem_free(b);
    return rc;
}

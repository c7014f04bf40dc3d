/*
 * desk.h - a backend as a process of its own with a fresh database, and a
 * client that holds every answer against /openapi.json.
 *
 * The test program starts itself again: its main() begins with
 *
 *     if (desk_is_backend(argc, argv))
 *         return backend_main(argc, argv);
 *
 *     struct desk *s = desk_new(DB_SQLITE, NULL);
 *     struct ans a = ask(s, "POST /api/users/register",
 *                        "{\"telegram_id\":%d}", 7);
 *     ans_must(&a, 201);
 *     ... ans_str(&a, "id") ...
 *     desk_free(s);      the database passes `check` and the process ends
 *                        by itself, without a leak
 *
 * What goes wrong fails the test. One thread per client.
 */
#ifndef TESTS_SUPPORT_DESK_H
#define TESTS_SUPPORT_DESK_H

#include "base/arena.h"
#include "base/json.h"
#include "io/db.h"
#include "tests/support/servers.h"

#define DESK_ENV 32
#define DESK_TOKEN "test-service-token"
#define DESK_ADMIN "test-admin-token"
#define DESK_BOT "4242" /* bot_id of updates */

struct httpc;

struct desk_client {
    struct desk *desk;
    struct arena *a;
    struct httpc *http;
    char trouble[512]; /* of desk_say: why the last answer is not right */
};

struct desk {
    enum db_kind kind;
    struct tmp_dir dir;
    char url[64];     /* "http://127.0.0.1:PORT" */
    char db_url[256]; /* as DATABASE_URL has it */
    int port;
    pid_t pid;     /* 0: does not run */
    int64_t price; /* of sepia, once desk_wait_sale() saw it */
    char *env[DESK_ENV + 1];
    size_t nenv;
    cJSON *openapi;
    struct arena *a;
    struct desk_client main;
};

bool desk_is_backend(int argc, char **argv);
/* One cluster for all tests of a program; before the first desk of kind
 * DB_POSTGRES. */
void desk_servers_start(void);
void desk_servers_stop(void);

/* more: "NAME=value", NULL-terminated, or NULL. */
struct desk *desk_new(enum db_kind kind, const char *const *more);
void desk_free(struct desk *s);
void desk_stop(struct desk *s); /* SIGTERM; must end with 0 */
void desk_kill(struct desk *s); /* SIGKILL */
/* Starts it again on the same data, with the settings as they are now. */
void desk_again(struct desk *s);
void desk_set(struct desk *s, const char *setting); /* "NAME=value" */
/* Promises P2 to P5 and P7: no violation in the whole database. */
void desk_check(struct desk *s);
/* Another connection, reading only. Close it. */
struct db *desk_db(struct desk *s);
/* A statement by a foreign hand, while the backend stands still: tests age
 * rows with it. Rows changed. */
int64_t desk_sql(struct desk *s, const struct db_sql *sql);
/* The one number that a query without parameters gives. */
int64_t desk_number(struct desk *s, const struct db_sql *sql);

struct ans {
    int status;
    struct str body;
    char type[64];
    const cJSON *json; /* NULL when the body is not JSON */
};
/* call: "POST /api/jobs/create"; fmt NULL: no body. */
struct ans ask(struct desk *s, const char *call, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
struct ans ask_with(struct desk *s, const char *call, struct str body,
                    const char *const *headers);
/* Without failing: false and c->trouble when nobody answered or the answer is
 * not as described. For threads. */
bool desk_say(struct desk_client *c, const char *call, struct str body,
              const char *const *headers, struct ans *out);
void desk_client_init(struct desk_client *c, struct desk *s);
void desk_client_fini(struct desk_client *c);

/* Members by path "jobs.0.id"; a missing one fails the test. */
const char *ans_str(const struct ans *a, const char *path);
int64_t ans_i64(const struct ans *a, const char *path);
bool ans_is(const struct ans *a, const char *path); /* true, not false */
bool ans_has(const struct ans *a, const char *path);
int ans_len(const struct ans *a, const char *path);
/* Fails with the body when the status is another one. */
void ans_must(const struct ans *a, int status);
void ans_must_code(const struct ans *a, int status, const char *code);

/* ---- what most tests need; texts live as long as the desk ---- */

/* "GET /api/jobs/%s" with x put in. */
const char *desk_text(struct desk *s, const char *fmt, const char *x);
/* A registered person; account id. */
const char *desk_user(struct desk *s, int64_t telegram_id);
int64_t desk_balance(struct desk *s, const char *user, const char *member);
/* A heartbeat of a worker whose address can run all that is on sale. */
void desk_worker(struct desk *s, const char *worker, const char *boot,
                 const char *address);
/* Waits until the preset can be bought. */
void desk_wait_sale(struct desk *s, const char *preset);
/* Worker w1, boot b1, address http://c1; all on sale. */
void desk_open(struct desk *s);
/* Version of a preset. */
const char *desk_version(struct desk *s, const char *preset);
/* Buys one `sepia` without a card; id of the job. chat_id 0: none. */
const char *desk_buy(struct desk *s, const char *user, int64_t chat_id);
/* Takes an update of the chat in as bot `bot`, boot b1, and finishes it with
 * these members of update_finish ("" or ",\"offers\":[...]"). */
struct ans desk_turn(struct desk *s, int64_t chat_id, const char *members);
/* An offer of n sepia items for this user, made by an update of the chat. */
const char *desk_offer(struct desk *s, const char *user, int64_t chat_id,
                       int n);
/* The fairest task, claimed by worker w1, boot b1, address http://c1. */
struct ans desk_claim(struct desk *s);
/* Reports the task of that claim; members after its attempt. */
struct ans desk_report(struct desk *s, const struct ans *task,
                       const char *members);
/* Claims the fairest one and reports it; the answer of the report. */
struct ans desk_run(struct desk *s, const char *members);

/* Both databases: an array row for each. */
int desk_setup_sqlite(void **state);
int desk_setup_pg(void **state);
int desk_teardown(void **state);
#define ON_BOTH(fn)                                                            \
    {#fn "_sqlite", fn, desk_setup_sqlite, desk_teardown, NULL},               \
    {                                                                          \
#fn "_postgres", fn, desk_setup_pg, desk_teardown, NULL                \
    }

#endif

/*
 * test_store_lists.c - every list of store/ is all or nothing (protocols 4):
 *
 *   refused   its first statement says no: nothing changes in any table
 *   raised    statement k raises, for k = 1, 2, 3 ...: nothing changes either
 *   run       then it does what it is for
 *
 * on both databases, while other lists touch the same rows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "store/account.h"
#include "store/check.h"
#include "store/delivery.h"
#include "store/event.h"
#include "store/job.h"
#include "store/object.h"
#include "store/preset.h"
#include "store/task.h"
#include "store/update.h"
#include "tests/support/servers.h"

#define CHAT 500
#define PRICE 5
#define LEASE_MS 60000
#define TABLES_MAX 40

static struct pg_server pg;

struct fixture {
    enum db_kind kind;
    struct tmp_dir dir;
    struct db *db, *second; /* second: another backend, on PostgreSQL */
    struct arena *a;
    pthread_t noise;
    atomic_bool quiet;
    /* what the case at hand works with */
    struct account acc;
    const char *offer, *job, *object;
    struct task task;
    struct delivery delivery;
    struct update_work work;
    int64_t attempt; /* given by the caller of the list */
    int64_t version; /* of the dialogue */
    int64_t price;
    const char *name;
};

static void
must(int rc, const struct err *e)
{
    if (rc != 0)
        fail_msg("%s", e->msg);
}

static void
put_sql(struct fixture *f, const struct db_sql *sql)
{
    struct err e = {0};
    struct db_list *l = db_list_new(f->a, "test");
    db_add(l, sql, 0);
    must(db_run(f->db, l, &e), &e);
}

/* ---- the whole database as text ---------------------------------------- */

static struct db_sql dumps[TABLES_MAX];
static size_t ndumps;

/* One query per table of the migrations. */
static void
dumps_make(void)
{
    const char *p = db_migrations[0].sql;
    while ((p = strstr(p, "CREATE TABLE ")) != NULL) {
        p += strlen("CREATE TABLE ");
        struct buf b;
        assert_true(ndumps < TABLES_MAX);
        buf_init(&b, 256);
        buf_addf(&b, "SELECT * FROM %.*s ORDER BY 1, 2", (int)strcspn(p, " "),
                 p);
        dumps[ndumps++] = (struct db_sql){"test.dump", buf_take(&b, NULL), ""};
    }
    assert_true(ndumps > 15);
}

static void
dumps_free(void)
{
    for (size_t i = 0; i < ndumps; i++) {
        char *text;
        memcpy(&text, &dumps[i].text, sizeof text);
        mem_free(text);
    }
}

static const char *
dump(struct fixture *f)
{
    struct buf b;
    struct err e = {0};
    buf_init(&b, 1u << 22);
    for (size_t i = 0; i < ndumps; i++) {
        struct db_rows r;
        must(db_read(f->db, f->a, &dumps[i], &r, &e, 0), &e);
        buf_addf(&b, "%s\n", dumps[i].text);
        for (size_t k = 0; k < r.nrows; k++) {
            for (size_t c = 0; c < r.ncols; c++)
                buf_addf(&b, "%s|",
                         db_is_null(&r, k, c) ? "-" : db_str(&r, k, c));
            buf_add_c(&b, "\n");
        }
    }
    assert_false(b.failed);
    const char *text = arena_strn(f->a, b.p, b.len);
    buf_free(&b);
    return text;
}

static void
same(const char *before, const char *after, const char *what, long k)
{
    if (strcmp(before, after) == 0)
        return;
    size_t i = 0;
    while (before[i] == after[i])
        i++;
    while (i > 0 && before[i - 1] != '\n')
        i--;
    fail_msg("%s, %ld: something changed:\n-%.200s\n+%.200s", what, k,
             before + i, after + i);
}

/* ---- somebody else ------------------------------------------------------ */

/* Locks what lists lock, and writes what is there. */
static const struct db_sql
    touch_balance = {"test.touch_balance", "UPDATE balances SET held = held",
                     ""},
    touch_job = {"test.touch_job", "UPDATE jobs SET price = price", ""},
    touch_task = {"test.touch_task", "UPDATE tasks SET state = state", ""},
    touch_delivery = {"test.touch_delivery",
                      "UPDATE deliveries SET state = state", ""},
    touch_update = {"test.touch_update", "UPDATE updates SET state = state",
                    ""};

static void *
noise_run(void *arg)
{
    static const struct db_sql *const all[] = {&touch_balance, &touch_job,
                                               &touch_task, &touch_delivery,
                                               &touch_update};
    struct fixture *f = arg;
    for (size_t i = 0; !atomic_load(&f->quiet); i++) {
        struct arena *a = arena_new();
        struct err e;
        struct db_list *l = db_list_new(a, "noise");
        db_add(l, all[i % 5], 0);
        /* a deadlock with the list at hand is repeated by io/db */
        int rc = db_run(f->second != NULL ? f->second : f->db, l, &e);
        arena_free(a);
        if (rc != 0 && e.code != ERR_CONFLICT) {
            fprintf(stderr, "noise: %s\n", e.msg);
            break;
        }
    }
    return NULL;
}

static void
noise_start(struct fixture *f)
{
    atomic_store(&f->quiet, false);
    thread_start(&f->noise, "noise", noise_run, f);
}

static void
noise_stop(struct fixture *f)
{
    atomic_store(&f->quiet, true);
    thread_join(f->noise);
}

/* ---- fixture ------------------------------------------------------------ */

static struct db *
open_url(const char *url)
{
    struct err e = {0};
    struct db_config cfg = {.url = url, .readers = 1};
    struct db *db = db_open(&cfg, &e);
    if (db == NULL)
        fail_msg("%s", e.msg);
    return db;
}

/* One database of the cluster for all cases, emptied in between: making one
 * takes longer than most cases. */
static void
empty(struct fixture *f)
{
    static struct db_sql truncate = {"test.truncate", NULL, ""};
    static const struct db_sql budget = {
        "test.budget",
        "INSERT INTO send_budget (key, next_at) VALUES "
        "('bot', 0)",
        ""};
    static char text[2000];
    if (truncate.text == NULL) {
        strcpy(text, "TRUNCATE ");
        for (size_t i = 0; i < ndumps; i++) {
            char table[64];
            sscanf(dumps[i].text, "SELECT * FROM %63s", table);
            sprintf(text + strlen(text), "%s%s", i > 0 ? ", " : "", table);
        }
        truncate.text = text;
    }
    put_sql(f, &truncate);
    put_sql(f, &budget);
}

static struct fixture *
fixture_new(enum db_kind kind)
{
    static char pg_url[256];
    struct fixture *f = calloc(1, sizeof *f);
    struct err e = {0};
    char url[256];
    assert_non_null(f);
    f->kind = kind;
    f->a = arena_new();
    tmp_dir_make(&f->dir);
    if (pg_url[0] == '\0')
        pg_server_database(&pg, pg_url, sizeof pg_url);
    if (kind == DB_POSTGRES)
        snprintf(url, sizeof url, "%s", pg_url);
    else
        snprintf(url, sizeof url, "sqlite:%s/t.db", f->dir.path);
    f->db = open_url(url);
    must(db_migrate(f->db, db_migrations, db_nmigrations, 1, &e), &e);
    if (kind == DB_POSTGRES) {
        empty(f);
        f->second = open_url(url);
    }
    return f;
}

static void
found(void *ctx, const char *promise, const char *who, const char *what)
{
    (void)ctx;
    print_error("%s: %s %s\n", promise, who, what);
}

static void
fixture_free(struct fixture *f)
{
    struct err e = {0};
    size_t n = 0;
    must(check_all(f->db, f->a, found, NULL, &n, &e), &e);
    assert_int_equal(n, 0);
    db_close(f->db);
    if (f->second != NULL)
        db_close(f->second);
    arena_free(f->a);
    tmp_dir_remove(&f->dir);
    free(f);
}

/* ---- how things come to be ---------------------------------------------- */

static void
have_account(struct fixture *f)
{
    struct err e = {0};
    bool created;
    struct account_new n = {.telegram_id = CHAT,
                            .full_name = "Ann",
                            .language_tag = "en",
                            .initial_balance = 60};
    struct preset_new p = {.name = "p",
                           .version = "v",
                           .body = "{}",
                           .workflow = "{}",
                           .category = "c",
                           .price = PRICE};
    must(account_register(f->db, f->a, &n, &f->acc, &created, &e), &e);
    must(preset_put(f->db, f->a, &p, &e), &e);
    f->price = PRICE;
}

static int
buy(struct fixture *f, bool *created, struct err *e)
{
    static const char *const inputs[] = {"{\"n\":1}", "{\"n\":2}"};
    static const struct job_task_new task = {"image-service", "image", NULL};
    struct job_order o = {.account = f->acc.id,
                          .chat_id = CHAT,
                          .reply_to = 3,
                          .preset = "p",
                          .scenario = "p",
                          .version = "v",
                          .price = f->price,
                          .inputs = inputs,
                          .n = f->offer != NULL ? 2 : 1,
                          .tasks = &task,
                          .ntasks = 1,
                          .offer = f->offer,
                          .card_message_id = f->offer != NULL ? 9 : 0,
                          .max_wait_ms = 100000,
                          .caller = f->acc.id,
                          .key = f->offer != NULL ? NULL : "key",
                          .hash = "h"};
    int rc = job_create(f->db, f->a, &o, created, e);
    if (rc == 0 && *created)
        f->job = o.first_id;
    return rc;
}

static void
have_job(struct fixture *f)
{
    struct err e = {0};
    bool created = false;
    have_account(f);
    must(buy(f, &created, &e), &e);
    assert_true(created);
    must(task_of_job(f->db, f->a, f->job, &f->task, &e), &e);
}

static int
claim(struct fixture *f, bool *done, struct err *e)
{
    struct task_claim c = {.id = f->task.id,
                           .account = f->acc.id,
                           .job = f->job,
                           .worker = "w",
                           .boot = "b",
                           .address = "http://c",
                           .lease_ms = LEASE_MS};
    struct task t;
    return task_claim(f->db, f->a, &c, &t, done, e);
}

static void
have_running(struct fixture *f)
{
    struct err e = {0};
    bool done = false;
    have_job(f);
    must(claim(f, &done, &e), &e);
    assert_true(done);
    must(task_get(f->db, f->a, f->task.id, &f->task, &e), &e);
    f->attempt = f->task.attempt;
    struct object o = {.id = "obj_1",
                       .key = "out/1",
                       .account = f->acc.id,
                       .job = f->job,
                       .task = f->task.id,
                       .content_type = "image/png",
                       .sha256 = "x",
                       .size = 1};
    must(object_put(f->db, f->a, &o, &e), &e);
    f->object = o.id;
}

static int
succeed(struct fixture *f, bool *done, struct err *e)
{
    struct task_result r = {.attempt = f->attempt,
                            .result_ref = f->object,
                            .files = &f->object,
                            .nfiles = 1,
                            .preset = "p",
                            .run_ms = 700};
    return task_succeed(f->db, f->a, &f->task, &r, done, e);
}

static void
have_completed(struct fixture *f)
{
    struct err e = {0};
    bool done = false;
    have_running(f);
    must(succeed(f, &done, &e), &e);
    assert_true(done);
}

static const struct delivery_sender sender = {.sender = "s",
                                              .boot = "b",
                                              .lease_ms = LEASE_MS,
                                              .rate = 25,
                                              .chat_rate = 1};

static int
claim_one(struct fixture *f, bool *done, struct err *e)
{
    struct delivery *d;
    size_t n = 0;
    int rc = delivery_claim_lane(f->db, f->a, &sender, "job", 4, &d, &n, e);
    *done = n == 1;
    if (n == 1)
        f->delivery = d[0];
    return rc;
}

/* The status of a queued job is in flight. */
static void
have_sending(struct fixture *f)
{
    struct err e = {0};
    bool done = false;
    have_job(f);
    must(claim_one(f, &done, &e), &e);
    assert_true(done);
    f->attempt = f->delivery.attempt;
}

/* A picture is in flight. */
static void
have_sending_result(struct fixture *f)
{
    struct err e = {0};
    struct delivery *d;
    size_t n = 0;
    have_completed(f);
    must(delivery_claim_end(f->db, f->a, &sender, f->job, 1, &d, &n, &e), &e);
    assert_int_equal(n, 2);
    f->delivery = d[1];
    f->attempt = d[1].attempt;
}

static int
put_update(struct fixture *f, bool *done, struct err *e)
{
    static const struct update_taker taker = {"4", "bot", "b", LEASE_MS};
    struct update_new u = {.bot_id = "4",
                           .update_id = 1,
                           .chat_id = CHAT,
                           .telegram_id = CHAT,
                           .kind = "message",
                           .body = "{}"};
    int64_t seq;
    bool duplicate = false;
    int rc = update_put(f->db, f->a, &u, &taker, &seq, &duplicate, done,
                        &f->work, e);
    return rc;
}

static void
have_update(struct fixture *f)
{
    struct err e = {0};
    bool done = false;
    have_account(f);
    must(put_update(f, &done, &e), &e);
    assert_true(done);
    f->attempt = 1;
}

static int
finish(struct fixture *f, bool *done, struct err *e)
{
    struct update_offer offer = {.id = "off_1",
                                 .account = f->acc.id,
                                 .preset = "p",
                                 .scenario = "p",
                                 .version = "v",
                                 .items = "[{\"n\":1},{\"n\":2}]",
                                 .chat_id = CHAT,
                                 .price = PRICE,
                                 .n_items = 2};
    struct update_delivery d[2] = {
        {.id = "dlv_1", .kind = "message", .body = "{}", .chat_id = CHAT},
        {.id = "dlv_2",
         .kind = "edit",
         .body = "{}",
         .chat_id = CHAT,
         .message_id = 4}};
    struct update_done u = {.seq = f->work.seq,
                            .attempt = f->attempt,
                            .chat_id = CHAT,
                            .bot_id = "4",
                            .version = f->version,
                            .state = "{\"a\":1}",
                            .wake_ms = 0,
                            .offers = &offer,
                            .noffers = 1,
                            .offer_ttl_ms = 100000,
                            .deliveries = d,
                            .ndeliveries = 2,
                            .account = f->acc.id,
                            .language = "ru",
                            .reachable = 1};
    return update_finish(f->db, f->a, &u, done, e);
}

static void
have_offer(struct fixture *f)
{
    struct err e = {0};
    bool done = false;
    have_update(f);
    must(finish(f, &done, &e), &e);
    assert_true(done);
    f->offer = "off_1";
}

/* ---- the lists ---------------------------------------------------------- */

static int
run_cancel(struct fixture *f, bool *done, struct err *e)
{
    struct job j = {0};
    must(job_get(f->db, f->a, f->job, &j, e), e);
    return job_cancel_queued(f->db, f->a, &j, done, e);
}

static int
run_expire(struct fixture *f, bool *done, struct err *e)
{
    struct job j = {0};
    must(job_get(f->db, f->a, f->job, &j, e), e);
    return job_expire(f->db, f->a, &j, done, e);
}

static int
run_refund(struct fixture *f, bool *done, struct err *e)
{
    struct job j = {0};
    must(job_get(f->db, f->a, f->job, &j, e), e);
    return job_refund(f->db, f->a, &j, "admin", "ugly", done, e);
}

static int
run_beat(struct fixture *f, bool *done, struct err *e)
{
    bool cancel;
    struct task_beat b = {.worker = "w",
                          .boot = "b",
                          .attempt = f->attempt,
                          .lease_ms = LEASE_MS,
                          .stage = "rendering",
                          .progress = 50,
                          .place = -1,
                          .visible = true};
    return task_beat(f->db, f->a, &f->task, &b, &cancel, done, e);
}

static int
run_store(struct fixture *f, bool *done, struct err *e)
{
    bool cancel;
    return task_run_store(f->db, f->a, &f->task, f->attempt, "http://c", "p",
                          LEASE_MS, &cancel, done, e);
}

static struct task_failure
failure(const struct fixture *f)
{
    return (struct task_failure){.attempt = f->attempt,
                                 .error_class = "oom",
                                 .error = "no memory",
                                 .failures = 1,
                                 .losses = 1,
                                 .forget_run = true,
                                 .delay_ms = 1000};
}

static int
run_again(struct fixture *f, bool *done, struct err *e)
{
    struct task_failure x = failure(f);
    return task_again(f->db, f->a, &f->task, &x, done, e);
}

static int
run_fail(struct fixture *f, bool *done, struct err *e)
{
    struct task_failure x = failure(f);
    return task_fail(f->db, f->a, &f->task, &x, JOB_FAILED, done, e);
}

static int
run_take(struct fixture *f, bool *done, struct err *e)
{
    static const struct update_taker taker = {"4", "bot", "b", LEASE_MS};
    return update_take(f->db, f->a, &taker, done, &f->work, e);
}

static int
run_update_fail(struct fixture *f, bool *done, struct err *e)
{
    return update_fail(f->db, f->a, f->work.seq, f->attempt, "broke", true,
                       done, e);
}

static int
run_claim_end(struct fixture *f, bool *done, struct err *e)
{
    struct delivery *d;
    size_t n = 0;
    int rc = delivery_claim_end(f->db, f->a, &sender, f->job, 1, &d, &n, e);
    *done = n == 2;
    return rc;
}

static int
run_claim_chat(struct fixture *f, bool *done, struct err *e)
{
    struct delivery *d;
    size_t n = 0;
    int rc =
        delivery_claim_chat(f->db, f->a, &sender, CHAT, f->work.seq, &d, &n, e);
    *done = n == 2;
    return rc;
}

static int
report(struct fixture *f, const struct delivery_report *r, bool *done,
       struct err *e)
{
    struct delivery_row d;
    must(delivery_get(f->db, f->a, f->delivery.id, &d, e), e);
    return delivery_report(f->db, f->a, &d, r, done, e);
}

static int
run_report_sent(struct fixture *f, bool *done, struct err *e)
{
    struct delivery_report r = {.attempt = f->attempt,
                                .state = DELIVERY_SENT,
                                .message_id = 8,
                                .file_id = "TG",
                                .chat_rate = 1};
    return report(f, &r, done, e);
}

static int
run_report_429(struct fixture *f, bool *done, struct err *e)
{
    struct delivery_report r = {.attempt = f->attempt,
                                .state = DELIVERY_QUEUED,
                                .retry_after_ms = 5000,
                                .rate_limited = true,
                                .error = "429",
                                .chat_rate = 1};
    return report(f, &r, done, e);
}

static int
run_report_403(struct fixture *f, bool *done, struct err *e)
{
    struct delivery_report r = {.attempt = f->attempt,
                                .state = DELIVERY_WAITING_USER,
                                .error = "403",
                                .chat_rate = 1};
    return report(f, &r, done, e);
}

static int
run_register(struct fixture *f, bool *done, struct err *e)
{
    struct account_new n = {.telegram_id = CHAT,
                            .full_name = f->name,
                            .username = "ann",
                            .language_tag = "en",
                            .start_payload = "x",
                            .initial_balance = 60};
    return account_register(f->db, f->a, &n, &f->acc, done, e);
}

static int
run_wake(struct fixture *f, bool *done, struct err *e)
{
    size_t n = 0;
    int64_t next;
    int rc = dialog_wake_due(f->db, f->a, &n, &next, e);
    *done = n == 1;
    return rc;
}

static int
run_sweep(struct fixture *f, bool *done, struct err *e)
{
    size_t n = 0;
    int rc = delivery_sweep(f->db, f->a, "s", f->name, &n, e);
    *done = n == 1;
    return rc;
}

/* ---- how the first statement says no, and back --------------------------- */

static void
no_attempt(struct fixture *f, bool no)
{
    f->attempt += no ? 1 : -1;
}

static void
no_money(struct fixture *f, bool no)
{
    static const struct db_sql
        hide = {"test.hide", "UPDATE balances SET available = available - 60",
                ""},
        show = {"test.show", "UPDATE balances SET available = available + 60",
                ""};
    put_sql(f, no ? &hide : &show);
}

static void
no_offer(struct fixture *f, bool no)
{
    static const struct db_sql
        end = {"test.end",
               "UPDATE offers SET expires_at = expires_at - "
               "1000000",
               ""},
        back = {"test.back",
                "UPDATE offers SET expires_at = expires_at + "
                "1000000",
                ""};
    put_sql(f, no ? &end : &back);
}

static void
no_price(struct fixture *f, bool no)
{
    f->price = no ? PRICE + 1 : PRICE;
}

static void
no_version(struct fixture *f, bool no)
{
    f->version = no ? 7 : 0;
}

static void
no_ready(struct fixture *f, bool no)
{
    static const struct db_sql
        later = {"test.later", "UPDATE tasks SET ready_at = ready_at + 100000",
                 ""},
        now = {"test.now", "UPDATE tasks SET ready_at = ready_at - 100000", ""};
    put_sql(f, no ? &later : &now);
}

static void
no_job(struct fixture *f, bool no)
{
    static const struct db_sql run = {"test.run",
                                      "UPDATE tasks SET state = 'processing', "
                                      "lease_until = 1",
                                      ""},
                               wait = {"test.wait",
                                       "UPDATE tasks SET state = 'pending', "
                                       "lease_until = NULL",
                                       ""};
    put_sql(f, no ? &run : &wait);
}

static void
no_deadline(struct fixture *f, bool no)
{
    static const struct db_sql soon = {"test.soon",
                                       "UPDATE jobs SET deadline_at = 1", ""},
                               later = {"test.deadline",
                                        "UPDATE jobs SET deadline_at = "
                                        "created_at + 100000",
                                        ""};
    put_sql(f, no ? &later : &soon);
}

static void
no_completed(struct fixture *f, bool no)
{
    static const struct db_sql told = {"test.told",
                                       "UPDATE jobs SET refunded_at = 1", ""},
                               not_yet = {"test.not_yet",
                                          "UPDATE jobs SET refunded_at = NULL",
                                          ""};
    put_sql(f, no ? &told : &not_yet);
}

static void
no_delivery(struct fixture *f, bool no)
{
    static const struct db_sql
        later = {"test.dlater",
                 "UPDATE deliveries SET next_at = next_at + "
                 "100000",
                 ""},
        now = {"test.dnow", "UPDATE deliveries SET next_at = next_at - 100000",
               ""};
    put_sql(f, no ? &later : &now);
}

static void
no_update(struct fixture *f, bool no)
{
    static const struct db_sql
        later = {"test.ulater",
                 "UPDATE updates SET ready_at = ready_at + "
                 "100000",
                 ""},
        now = {"test.unow", "UPDATE updates SET ready_at = ready_at - 100000",
               ""};
    put_sql(f, no ? &later : &now);
}

static void
no_timer(struct fixture *f, bool no)
{
    static const struct db_sql
        later = {"test.tlater",
                 "UPDATE dialogs SET wake_at = wake_at + "
                 "100000",
                 ""},
        now = {"test.tnow", "UPDATE dialogs SET wake_at = wake_at - 100000",
               ""};
    put_sql(f, no ? &later : &now);
}

static void
no_boot(struct fixture *f, bool no)
{
    f->name = no ? "b" : "another boot";
}

/* An update that nobody has taken. */
static void
have_open_update(struct fixture *f)
{
    static const struct db_sql free_it = {
        "test.free", "UPDATE updates SET lease_until = NULL", ""};
    have_update(f);
    put_sql(f, &free_it);
}

static void
have_name(struct fixture *f)
{
    f->name = "Ann";
}

struct list_case {
    const char *name;
    void (*have)(struct fixture *f);
    void (*no)(struct fixture *f, bool no); /* NULL: it cannot say no */
    int (*run)(struct fixture *f, bool *done, struct err *e);
    long statements; /* at least, so that the faults are known to hit */
};

static const struct list_case cases[] = {
    {"job_create by preset, price", have_account, no_price, buy, 7},
    {"job_create by preset, money", have_account, no_money, buy, 7},
    {"job_create by offer", have_offer, no_offer, buy, 13},
    {"job_cancel_queued", have_job, no_job, run_cancel, 7},
    {"job_expire", have_job, no_deadline, run_expire, 7},
    {"job_refund", have_completed, no_completed, run_refund, 7},
    {"task_claim", have_job, no_ready, claim, 5},
    {"task_beat", have_running, no_attempt, run_beat, 2},
    {"task_run_store", have_running, no_attempt, run_store, 1},
    {"task_succeed", have_running, no_attempt, succeed, 11},
    {"task_again", have_running, no_attempt, run_again, 4},
    {"task_fail", have_running, no_attempt, run_fail, 9},
    {"update_put", have_account, NULL, put_update, 5},
    {"update_take", have_open_update, no_update, run_take, 3},
    {"update_finish, attempt", have_update, no_attempt, finish, 8},
    {"update_finish, version", have_update, no_version, finish, 8},
    {"update_fail", have_update, no_attempt, run_update_fail, 1},
    {"dialog_wake", have_offer, no_timer, run_wake, 2},
    {"delivery_claim_lane", have_job, no_delivery, claim_one, 4},
    {"delivery_claim_end", have_completed, no_delivery, run_claim_end, 4},
    {"delivery_claim_chat", have_offer, no_delivery, run_claim_chat, 4},
    {"delivery_report sent", have_sending_result, no_attempt, run_report_sent,
     2},
    {"delivery_report 429", have_sending, no_attempt, run_report_429, 4},
    {"delivery_report 403", have_sending, no_attempt, run_report_403, 2},
    {"delivery_sweep", have_sending, no_boot, run_sweep, 1},
    {"account_register", have_name, NULL, run_register, 5},
};

static void
refused(struct fixture *f, const struct list_case *c)
{
    struct err e = {0};
    bool done = false;
    c->no(f, true);
    const char *before = dump(f);
    must(c->run(f, &done, &e), &e);
    if (done)
        fail_msg("%s: was not refused", c->name);
    same(before, dump(f), c->name, 0);
    c->no(f, false);
}

/* Raises at statement k until none is hit; then the list has run. */
static void
raised(struct fixture *f, const struct list_case *c)
{
    const char *before = dump(f);
    for (long k = 1;; k++) {
        struct err e = {0};
        bool done = false;
        db_fault(f->db, k);
        int rc = c->run(f, &done, &e);
        db_fault(f->db, 0);
        if (rc == 0) {
            if (!done || k <= c->statements)
                fail_msg("%s: done %d after %ld faults", c->name, done, k - 1);
            return;
        }
        same(before, dump(f), c->name, k);
    }
}

static void
once_more(struct fixture *f, const struct list_case *c)
{
    struct err e = {0};
    bool done = false;
    const char *before = dump(f);
    if (c->run(f, &done, &e) != 0 && e.code != ERR_CONFLICT)
        fail_msg("%s: %s", c->name, e.msg);
    if (done)
        fail_msg("%s: was done twice", c->name);
    same(before, dump(f), c->name, -1);
}

static void
run_case(const struct list_case *c, enum db_kind kind)
{
    struct fixture *f = fixture_new(kind);
    c->have(f);
    if (c->no != NULL)
        refused(f, c);
    raised(f, c);
    /* A second time under the same circumstances changes nothing. But beats
     * and runs may be told again, and the end of a job or of an update gives
     * what it has claimed. */
    if (c->run != run_claim_end && c->run != run_claim_chat &&
        c->run != run_beat && c->run != run_store)
        once_more(f, c);
    fixture_free(f);
}

static void
lists_are_all_or_nothing(void **state)
{
    enum db_kind kind = *state == NULL ? DB_SQLITE : DB_POSTGRES;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        run_case(&cases[i], kind);
}

/* The same while others write the same rows. */
static void
lists_are_all_or_nothing_in_a_crowd(void **state)
{
    enum db_kind kind = *state == NULL ? DB_SQLITE : DB_POSTGRES;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct list_case *c = &cases[i];
        struct err e = {0};
        bool done = false;
        struct fixture *f = fixture_new(kind);
        c->have(f);
        if (c->no != NULL)
            c->no(f, true);
        const char *before = dump(f);
        noise_start(f);
        if (c->no != NULL) {
            must(c->run(f, &done, &e), &e);
            same(before, dump(f), c->name, 0);
            c->no(f, false);
        }
        assert_false(done);
        must(c->run(f, &done, &e), &e);
        noise_stop(f);
        if (!done)
            fail_msg("%s: was not done", c->name);
        fixture_free(f);
    }
}

int
main(void)
{
    static int on_pg;
    const struct CMUnitTest tests[] = {
        {"lists_are_all_or_nothing_sqlite", lists_are_all_or_nothing, NULL,
         NULL, NULL},
        {"lists_are_all_or_nothing_postgres", lists_are_all_or_nothing, NULL,
         NULL, &on_pg},
        {"lists_are_all_or_nothing_in_a_crowd_sqlite",
         lists_are_all_or_nothing_in_a_crowd, NULL, NULL, NULL},
        {"lists_are_all_or_nothing_in_a_crowd_postgres",
         lists_are_all_or_nothing_in_a_crowd, NULL, NULL, &on_pg},
    };
    log_init("test", LOG_ERROR, false);
    pg_server_start(&pg);
    dumps_make();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    dumps_free();
    pg_server_stop(&pg);
    return failed;
}

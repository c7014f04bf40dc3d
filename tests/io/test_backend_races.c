/*
 * test_backend_races.c - many at once: money, offers, keys, claims, the inbox,
 * one backend or two; and a backend that is killed in the middle of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/client.h"
#include "backend/backend.h"
#include "base/clock.h"
#include "tests/support/desk.h"

#define HANDS 16
#define CHAT 200
#define NOTES 64

/* One of many callers. fn runs in a thread and never fails the test itself. */
struct hand {
    struct desk_client c;
    struct desk *s; /* the first desk: its texts */
    int i;
    void (*fn)(struct hand *h);
    const char *x; /* what all work on */
    struct str body;
    const char *call;
    const char *notes[NOTES]; /* what it got, in order */
    int n, twice;             /* 201s and 200s */
    bool ok;
    pthread_t thread;
    pthread_barrier_t *gate;
};

static void *
hand_run(void *arg)
{
    struct hand *h = arg;
    h->ok = true;
    pthread_barrier_wait(h->gate);
    h->fn(h);
    return NULL;
}

/* Another desk may be a second backend on the same database. */
static void
hands_run(struct hand *h, struct desk *s, struct desk *other,
          void (*fn)(struct hand *h))
{
    pthread_barrier_t gate;
    pthread_barrier_init(&gate, NULL, HANDS);
    for (int i = 0; i < HANDS; i++) {
        desk_client_init(&h[i].c, i % 2 == 1 && other != NULL ? other : s);
        h[i].s = s;
        h[i].i = i;
        h[i].fn = fn;
        h[i].gate = &gate;
        thread_start(&h[i].thread, "hand", hand_run, &h[i]);
    }
    for (int i = 0; i < HANDS; i++)
        thread_join(h[i].thread);
    pthread_barrier_destroy(&gate);
    for (int i = 0; i < HANDS; i++) {
        if (!h[i].ok)
            fail_msg("hand %d: %s", i, h[i].c.trouble);
    }
}

static void
hands_end(struct hand *h)
{
    for (int i = 0; i < HANDS; i++)
        desk_client_fini(&h[i].c);
}

/* Says it; false ends the hand's work with trouble. */
static bool
hand_say(struct hand *h, const char *call, struct str body,
         const char *const *headers, struct ans *a)
{
    h->ok = h->ok && desk_say(&h->c, call, body, headers, a);
    return h->ok;
}

static bool
hand_wrong(struct hand *h, const char *what, const struct ans *a)
{
    snprintf(h->c.trouble, sizeof h->c.trouble, "%s: %d %.300s", what,
             a->status, a->body.p ? a->body.p : "");
    h->ok = false;
    return false;
}

static void
hand_note(struct hand *h, const char *note)
{
    if (h->n < NOTES)
        h->notes[h->n++] = arena_strdup(h->c.a, note);
}

static int
sum(const struct hand *h)
{
    int n = 0;
    for (int i = 0; i < HANDS; i++)
        n += h[i].n;
    return n;
}

/* All notes of all hands differ. */
static void
all_differ(const struct hand *h)
{
    for (int i = 0; i < HANDS * NOTES; i++) {
        const struct hand *a = &h[i / NOTES];
        for (int k = 0; k < i && i % NOTES < a->n; k++) {
            const struct hand *b = &h[k / NOTES];
            if (k % NOTES < b->n &&
                strcmp(a->notes[i % NOTES], b->notes[k % NOTES]) == 0)
                fail_msg("%s twice", a->notes[i % NOTES]);
        }
    }
}

static void
all_equal(const struct hand *h)
{
    const char *first = NULL;
    for (int i = 0; i < HANDS; i++) {
        for (int k = 0; k < h[i].n; k++) {
            first = first != NULL ? first : h[i].notes[k];
            assert_string_equal(h[i].notes[k], first);
        }
    }
}

/* A second backend on the database of the first; PostgreSQL. */
static struct desk *
second_desk(struct desk *s)
{
    char url[300];
    const char *const env[] = {url, NULL};
    snprintf(url, sizeof url, "DATABASE_URL=%s", s->db_url);
    struct desk *other = desk_new(DB_POSTGRES, env);
    snprintf(other->db_url, sizeof other->db_url, "%s", s->db_url);
    return other;
}

/* ---- money ---- */

static const char buy_body[] =
    "{\"telegram_id\":200,\"preset\":\"sepia\",\"inputs\":{\"photo\":{"
    "\"telegram_file_id\":\"F\"}}}";

/* Buys until the money is gone. */
static void
buy_all(struct hand *h)
{
    struct ans a;
    while (hand_say(h, "POST /api/jobs/create", STR(buy_body), NULL, &a)) {
        if (a.status == 402)
            return;
        if (a.status != 201) {
            hand_wrong(h, "buy", &a);
            return;
        }
        hand_note(h, json_str(a.json, "id", ""));
    }
}

static void
only_what_is_paid_for_is_sold(struct desk *s, struct desk *other)
{
    struct hand *h = calloc(HANDS, sizeof *h);
    desk_open(s);
    if (other != NULL)
        desk_wait_sale(other, "sepia");
    const char *user = desk_user(s, CHAT);
    hands_run(h, s, other, buy_all);
    assert_int_equal(sum(h), 60 / s->price);
    all_differ(h);
    assert_int_equal(desk_balance(s, user, "balance"), 60 % s->price);
    assert_int_equal(desk_balance(s, user, "held"), 60 - 60 % s->price);
    hands_end(h);
    free(h);
}

static void
sixteen_buyers_spend_one_purse(void **state)
{
    only_what_is_paid_for_is_sold(*state, NULL);
}

static void
two_backends_sell_from_one_purse(void **state)
{
    struct desk *other = second_desk(*state);
    only_what_is_paid_for_is_sold(*state, other);
    desk_free(other);
}

static void
press(struct hand *h)
{
    static const char *const key[] = {"Idempotency-Key: one", NULL};
    struct ans a;
    if (!hand_say(h, "POST /api/jobs/create", h->body,
                  h->call != NULL ? key : NULL, &a))
        return;
    if (a.status != 200 && a.status != 201) {
        hand_wrong(h, "press", &a);
        return;
    }
    h->twice += a.status == 200;
    hand_note(h, json_str(json_path(a.json, "jobs.0"), "id", ""));
}

static void
pressed_at_once(struct desk *s, struct desk *other, bool by_key)
{
    struct hand *h = calloc(HANDS, sizeof *h);
    int twice = 0;
    desk_open(s);
    if (other != NULL)
        desk_wait_sale(other, "sepia");
    const char *user = desk_user(s, CHAT);
    const char *offer = by_key ? "" : desk_offer(s, user, CHAT, 2);
    for (int i = 0; i < HANDS; i++) {
        h[i].body = by_key ? STR(buy_body)
                           : str_c(desk_text(s, "{\"offer\":\"%s\"}", offer));
        h[i].call = by_key ? "key" : NULL;
    }
    hands_run(h, s, other, press);
    all_equal(h);
    for (int i = 0; i < HANDS; i++)
        twice += h[i].twice;
    assert_int_equal(sum(h), HANDS);
    assert_int_equal(twice, HANDS - 1);
    assert_int_equal(desk_balance(s, user, "held"),
                     (by_key ? 1 : 2) * s->price);
    hands_end(h);
    free(h);
}

static void
an_offer_pressed_sixteen_times_is_bought_once(void **state)
{
    pressed_at_once(*state, NULL, false);
}

static void
an_offer_pressed_at_two_backends_is_bought_once(void **state)
{
    struct desk *other = second_desk(*state);
    pressed_at_once(*state, other, false);
    desk_free(other);
}

static void
a_key_used_sixteen_times_buys_once(void **state)
{
    pressed_at_once(*state, NULL, true);
}

static void
a_key_used_at_two_backends_buys_once(void **state)
{
    struct desk *other = second_desk(*state);
    pressed_at_once(*state, other, true);
    desk_free(other);
}

static void
register_once(struct hand *h)
{
    struct ans a;
    if (!hand_say(h, "POST /api/users/register",
                  STR("{\"telegram_id\":200,\"full_name\":\"Ann\"}"), NULL, &a))
        return;
    if (a.status != 200 && a.status != 201)
        hand_wrong(h, "register", &a);
    h->twice += a.status == 200;
    hand_note(h, json_str(a.json, "id", ""));
}

static void
a_person_seen_sixteen_times_is_one_account(void **state)
{
    struct desk *s = *state;
    struct hand *h = calloc(HANDS, sizeof *h);
    int twice = 0;
    hands_run(h, s, NULL, register_once);
    all_equal(h);
    for (int i = 0; i < HANDS; i++)
        twice += h[i].twice;
    assert_int_equal(twice, HANDS - 1);
    hands_end(h);
    free(h);
}

/* ---- tasks ---- */

static const char claim_body[] =
    "{\"worker\":\"w1\",\"boot\":\"b1\",\"address\":\"http://c1\"}";

static void
claim_all(struct hand *h)
{
    struct ans a;
    while (hand_say(h, "POST /api/tasks/claim", STR(claim_body), NULL, &a) &&
           a.status == 200)
        hand_note(h, json_str(a.json, "id", ""));
    if (h->ok && a.status != 204)
        hand_wrong(h, "claim", &a);
}

static void
tasks_claimed_at_once(struct desk *s, struct desk *other)
{
    struct hand *h = calloc(HANDS, sizeof *h);
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    int64_t n = 60 / s->price;
    for (int64_t i = 0; i < n; i++)
        desk_buy(s, user, CHAT);
    hands_run(h, s, other, claim_all);
    all_differ(h);
    assert_int_equal(sum(h), n);
    hands_end(h);
    free(h);
}

static void
every_task_is_claimed_once(void **state)
{
    tasks_claimed_at_once(*state, NULL);
}

static void
every_task_is_claimed_once_by_two_backends(void **state)
{
    struct desk *other = second_desk(*state);
    tasks_claimed_at_once(*state, other);
    desk_free(other);
}

/* Half of the hands end it, half cancel it. */
static void
end_or_cancel(struct hand *h)
{
    char call[100];
    struct ans a;
    if (h->i % 2 == 0)
        snprintf(call, sizeof call, "PATCH /api/tasks/%s/status", h->x);
    else
        snprintf(call, sizeof call, "POST /api/jobs/%s/cancel", h->call);
    if (!hand_say(h, call,
                  h->i % 2 == 0 ? STR("{\"status\":\"success\",\"attempt\":1}")
                                : STR(""),
                  NULL, &a))
        return;
    if (a.status != 200 && a.status != 202 && a.status != 409)
        hand_wrong(h, "end", &a);
}

static void
an_end_and_a_cancel_at_once_are_one_of_them(void **state)
{
    struct desk *s = *state;
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    for (int round = 0; round < 5; round++) {
        struct hand *h = calloc(HANDS, sizeof *h);
        const char *job = desk_buy(s, user, 0);
        int64_t before = desk_balance(s, user, "balance");
        struct ans t = desk_claim(s);
        ans_must(&t, 200);
        for (int i = 0; i < HANDS; i++) {
            h[i].x = ans_str(&t, "id");
            h[i].call = job;
        }
        hands_run(h, s, NULL, end_or_cancel);
        struct ans a = ask(s, desk_text(s, "GET /api/jobs/%s", job), NULL);
        assert_string_equal(ans_str(&a, "status"), "completed");
        assert_int_equal(desk_balance(s, user, "held"), 0);
        assert_int_equal(desk_balance(s, user, "balance"), before);
        hands_end(h);
        free(h);
    }
}

/* ---- the inbox ---- */

#define CHATS 4
#define PER_CHAT 5

static atomic_int in_hand[CHATS]; /* updates of a chat being handled now */
static atomic_int last_id[CHATS];
static atomic_int handled;

static bool
handle(struct hand *h, const struct ans *a)
{
    char call[100], body[200];
    struct ans b;
    int64_t chat = json_i64(a->json, "chat_id", 0) - CHAT;
    int64_t id = json_i64(json_get(a->json, "update"), "update_id", 0);
    int64_t seq = json_i64(a->json, "seq", 0);
    if (chat < 0 || chat >= CHATS)
        return hand_wrong(h, "whose chat?", a);
    if (atomic_fetch_add(&in_hand[chat], 1) != 0)
        return hand_wrong(h, "two of a chat at once", a);
    if (atomic_exchange(&last_id[chat], (int)id) >= (int)id)
        return hand_wrong(h, "out of order", a);
    snprintf(call, sizeof call, "POST /api/updates/%lld/finish",
             (long long)seq);
    snprintf(body, sizeof body,
             "{\"attempt\":%lld,\"bot_id\":\"" DESK_BOT "\",\"bot\":\"bot\","
             "\"boot\":\"b\"}",
             (long long)json_i64(a->json, "attempt", 0));
    atomic_fetch_sub(&in_hand[chat], 1);
    if (!hand_say(h, call, str_c(body), NULL, &b))
        return false;
    if (b.status != 200)
        return hand_wrong(h, "finish", &b);
    atomic_fetch_add(&handled, 1);
    return true;
}

static void
handle_all(struct hand *h)
{
    struct ans a;
    int64_t until = clock_mono_ms() + 60000;
    while (atomic_load(&handled) < CHATS * PER_CHAT &&
           clock_mono_ms() < until &&
           hand_say(h, "POST /api/updates/claim",
                    STR("{\"bot_id\":\"" DESK_BOT "\",\"bot\":\"bot\","
                        "\"boot\":\"b\",\"wait_ms\":300}"),
                    NULL, &a)) {
        if (a.status == 204)
            continue;
        if (a.status != 200)
            hand_wrong(h, "claim", &a);
        if (!h->ok || !handle(h, &a))
            return;
    }
}

static void
updates_handled_at_once(struct desk *s, struct desk *other)
{
    struct hand *h = calloc(HANDS, sizeof *h);
    for (int i = 0; i < CHATS; i++) {
        atomic_store(&in_hand[i], 0);
        atomic_store(&last_id[i], 0);
    }
    atomic_store(&handled, 0);
    for (int i = 1; i <= CHATS * PER_CHAT; i++) {
        struct ans a =
            ask(s, "POST /api/updates",
                "{\"bot_id\":\"" DESK_BOT "\",\"update\":{\"update_id\":%d,"
                "\"message\":{\"from\":{\"id\":1},\"chat\":{\"id\":%d}}}}",
                i, CHAT + i % CHATS);
        ans_must(&a, 201);
    }
    hands_run(h, s, other, handle_all);
    assert_int_equal(atomic_load(&handled), CHATS * PER_CHAT);
    hands_end(h);
    free(h);
}

static void
chats_are_handled_in_order_by_many(void **state)
{
    updates_handled_at_once(*state, NULL);
}

static void
chats_are_handled_in_order_by_two_backends(void **state)
{
    struct desk *other = second_desk(*state);
    updates_handled_at_once(*state, other);
    desk_free(other);
}

/* ---- deliveries ---- */

static void
claim_deliveries(struct hand *h)
{
    struct ans a;
    const cJSON *d;
    char body[200];
    snprintf(body, sizeof body,
             "{\"lane\":\"chat\",\"sender\":\"s%d\",\"boot\":\"b\","
             "\"max\":4}",
             h->i);
    if (!hand_say(h, "POST /api/deliveries/claim", str_c(body), NULL, &a))
        return;
    if (a.status != 200)
        hand_wrong(h, "claim", &a);
    cJSON_ArrayForEach (d, json_get(a.json, "deliveries")) {
        snprintf(body, sizeof body, "%lld",
                 (long long)json_i64(d, "chat_id", 0));
        hand_note(h, body);
    }
}

/* Three messages in each of eight chats: one of each is in flight. */
static void
messages_claimed_at_once(struct desk *s, struct desk *other)
{
    static const struct db_sql queue_all = {
        "test.queue_all", "UPDATE deliveries SET state = 'queued', claimed = 0",
        ""};
    struct hand *h = calloc(HANDS, sizeof *h);
    for (int i = 0; i < 8; i++) {
        struct buf b;
        buf_init(&b, 4096);
        buf_add_c(&b, ",\"deliveries\":[");
        for (int k = 0; k < 3; k++)
            buf_addf(&b, "%s{\"kind\":\"message\",\"chat_id\":%d,\"body\":{}}",
                     k > 0 ? "," : "", CHAT + i);
        buf_add_c(&b, "]");
        struct ans a = desk_turn(s, CHAT + i, buf_cstr(&b));
        buf_free(&b);
        ans_must(&a, 200);
    }
    desk_stop(s);
    if (other != NULL)
        desk_stop(other);
    assert_int_equal(desk_sql(s, &queue_all), 24);
    desk_again(s);
    if (other != NULL)
        desk_again(other);
    hands_run(h, s, other, claim_deliveries);
    all_differ(h);
    assert_int_equal(sum(h), 8);
    hands_end(h);
    free(h);
}

static void
one_message_of_a_chat_is_in_flight(void **state)
{
    messages_claimed_at_once(*state, NULL);
}

static void
one_message_of_a_chat_is_in_flight_at_two_backends(void **state)
{
    struct desk *other = second_desk(*state);
    messages_claimed_at_once(*state, other);
    desk_free(other);
}

/* ---- killed in the middle ---- */

#define BUYS 12

struct buyer {
    struct api_client *client;
    struct arena *a;
    int i, done;
    const char *ids[BUYS];
    char trouble[300];
    pthread_t thread;
};

static void *
buyer_run(void *arg)
{
    struct buyer *b = arg;
    for (int i = 0; i < BUYS; i++) {
        struct api_job_create in;
        struct api_job_created out;
        struct api_answer ans;
        struct err e = {0};
        api_init(&api_shape_job_create, &in);
        in.telegram_id = CHAT;
        in.preset = "sepia";
        in.chat_id = CHAT;
        in.inputs = STR("{\"photo\":{\"telegram_file_id\":\"F\"}}");
        struct api_args args = {.in = &in,
                                .out = &out,
                                .idempotency_key =
                                    arena_fmt(b->a, "k-%d-%d", b->i, i),
                                .deadline_ms = 90000};
        if (api_call(b->client, API_ROUTE_job_create, &args, b->a, &ans, &e) !=
            0) {
            snprintf(b->trouble, sizeof b->trouble, "%.290s", e.msg);
            return NULL;
        }
        b->ids[i] = out.id;
        b->done++;
    }
    return NULL;
}

static int
buyers_done(const struct buyer *b)
{
    int n = 0;
    for (int i = 0; i < HANDS; i++)
        n += *(volatile const int *)&b[i].done;
    return n;
}

static void
what_was_acknowledged_survives_a_kill(void **state)
{
    static const struct db_sql jobs = {"test.jobs", "SELECT count(*) FROM jobs",
                                       ""};
    struct desk *s = *state;
    struct err e = {0};
    struct buyer b[HANDS] = {0};
    desk_stop(s);
    desk_set(s, "INITIAL_BALANCE=100000");
    desk_set(s, arena_fmt(s->a, "BACKEND_LISTEN=127.0.0.1:%d", s->port));
    desk_again(s);
    desk_open(s);
    const char *user = desk_user(s, CHAT);
    for (int i = 0; i < HANDS; i++) {
        b[i].i = i;
        b[i].a = arena_new();
        b[i].client = api_client_new(s->url, DESK_TOKEN, NULL, &e);
        assert_non_null(b[i].client);
        thread_start(&b[i].thread, "buyer", buyer_run, &b[i]);
    }
    for (int round = 1; round <= 3; round++) {
        int64_t until = clock_mono_ms() + 60000;
        while (buyers_done(b) < round * HANDS * BUYS / 4 &&
               clock_mono_ms() < until)
            clock_sleep_ms(2);
        desk_kill(s);
        desk_again(s);
    }
    for (int i = 0; i < HANDS; i++)
        thread_join(b[i].thread);
    for (int i = 0; i < HANDS; i++) {
        if (b[i].done != BUYS)
            fail_msg("buyer %d: %s", i, b[i].trouble);
        for (int k = 0; k < BUYS; k++) {
            struct ans a =
                ask(s, desk_text(s, "GET /api/jobs/%s", b[i].ids[k]), NULL);
            ans_must(&a, 200);
        }
        api_client_free(b[i].client);
        arena_free(b[i].a);
    }
    assert_int_equal(desk_number(s, &jobs), HANDS * BUYS);
    assert_int_equal(desk_balance(s, user, "held"), HANDS * BUYS * s->price);
}

#define ON_PG(fn)                                                              \
    {                                                                          \
#fn, fn, desk_setup_pg, desk_teardown, NULL                            \
    }

int
main(int argc, char **argv)
{
    if (desk_is_backend(argc, argv))
        return backend_main(argc, argv);
    const struct CMUnitTest tests[] = {
        ON_BOTH(sixteen_buyers_spend_one_purse),
        ON_PG(two_backends_sell_from_one_purse),
        ON_BOTH(an_offer_pressed_sixteen_times_is_bought_once),
        ON_PG(an_offer_pressed_at_two_backends_is_bought_once),
        ON_BOTH(a_key_used_sixteen_times_buys_once),
        ON_PG(a_key_used_at_two_backends_buys_once),
        ON_BOTH(a_person_seen_sixteen_times_is_one_account),
        ON_BOTH(every_task_is_claimed_once),
        ON_PG(every_task_is_claimed_once_by_two_backends),
        ON_BOTH(an_end_and_a_cancel_at_once_are_one_of_them),
        ON_BOTH(chats_are_handled_in_order_by_many),
        ON_PG(chats_are_handled_in_order_by_two_backends),
        ON_BOTH(one_message_of_a_chat_is_in_flight),
        ON_PG(one_message_of_a_chat_is_in_flight_at_two_backends),
        ON_BOTH(what_was_acknowledged_survives_a_kill),
    };
    desk_servers_start();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    desk_servers_stop();
    return failed;
}

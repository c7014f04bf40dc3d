/* comfy/client*.c against tapes: what is sent, how often, what answers mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "comfy/client.h"
#include "tests/support/tape.h"

#define ID "3f0c1c5e-5b0f-4d6e-9a52-8d5c0f1c2a11"
#define CLOSING "Connection: close\r\n"
#define ANSWER(status, text)                                                   \
    "HTTP/1.1 " status "\r\nContent-Type: text/plain\r\n" CLOSING "\r\n" text
#define JSON(text) ANSWER("200 OK", text)
/* One request on a connection of its own. */
#define ONE(request, answer)                                                   \
    T_ACCEPT, T_REQUEST(request), T_SEND(answer), T_CLOSE
#define STATS(version)                                                         \
    JSON("{\"system\": {\"comfyui_version\": \"" version "\"}}")
#define NO_CANCEL_ROUTE                                                        \
    ONE("POST /api/jobs/" ID "/cancel ", ANSWER("405 No", ""))

static struct arena *a;
static struct tape *tape;
static struct comfy *c;
static struct err e;

#define PLAY(steps) play((steps), sizeof(steps) / sizeof(*(steps)))

static void
play(const struct tape_step *steps, size_t n)
{
    tape = tape_play(steps, n);
    c = comfy_new(tape_url(tape), "gpu-1", &e);
    assert_non_null(c);
}

/* All was asked for, and nothing more. */
static void
played(void)
{
    comfy_free(c);
    tape_end(tape);
}

static int
setup(void **state)
{
    (void)state;
    log_init("test", LOG_ERROR, false);
    a = arena_new();
    memset(&e, 0, sizeof(e));
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    clock_test_off();
    arena_free(a);
    return 0;
}

/* ---- submit ---- */

static int
submit(struct comfy_submitted *s)
{
    return comfy_submit(c, a, STR("{\"1\":{\"s\":18446744073709551615}}"), ID,
                        "worker-1", s, &e);
}

static void
the_graph_is_sent_as_it_is_beside_both_ids(void **state)
{
    static const struct tape_step steps[] = {
        T_ACCEPT,
        T_REQUEST("POST /prompt "),
        T_HAS("\"prompt_id\":\"" ID "\""),
        T_HAS("\"client_id\":\"worker-1\""),
        T_HAS("\"prompt\":{\"1\":{\"s\":18446744073709551615}}"),
        T_SEND(JSON("{\"prompt_id\": \"" ID "\", \"number\": 7, "
                    "\"node_errors\": {}}")),
        T_CLOSE};
    struct comfy_submitted s;

    (void)state;
    PLAY(steps);
    assert_int_equal(submit(&s), 0);
    assert_true(s.accepted);
    assert_false(s.other_id);
    played();
}

/* libcurl would send it again by itself: the prompt would run twice. */
static void
a_connection_that_dies_after_the_prompt_was_read_is_not_tried_again(
    void **state)
{
    static const struct tape_step steps[] = {
        T_ACCEPT, T_REQUEST("GET /queue "),
        T_SEND("HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n"
               "{\"queue_running\": [], \"queue_pending\": []}"),
        T_REQUEST("POST /prompt "), T_CLOSE};
    struct comfy_submitted s;
    struct comfy_queue q;

    (void)state;
    PLAY(steps);
    assert_int_equal(comfy_queue_summary(c, NULL, &q, &e), 0);
    assert_int_equal(submit(&s), -1);
    assert_int_equal(e.code, ERR_TIMEOUT);
    played();
}

static void
each_odd_answer_to_a_prompt_is_refused_or_unknown(void **state)
{
    static const struct {
        const char *answer;
        enum err_code want;
    } t[] = {
        {ANSWER("301 Moved\r\nLocation: https://x/prompt", ""),
         ERR_UNAVAILABLE},
        {JSON("{\"exec_info\": {\"queue_remaining\": 0}}"), ERR_UNAVAILABLE},
        {ANSWER("401 No", ""), ERR_UNAVAILABLE},
        {ANSWER("403 No", ""), ERR_UNAVAILABLE},
        {ANSWER("404 No", ""), ERR_UNAVAILABLE},
        {ANSWER("405 No", ""), ERR_UNAVAILABLE},
        {ANSWER("429 Slow", ""), ERR_UNAVAILABLE},
        {ANSWER("503 Busy", "<html>"), ERR_UNAVAILABLE},
        {ANSWER("400 Bad", "<html>nginx</html>"), ERR_UNAVAILABLE},
        {ANSWER("413 Large", "Maximum request body size"), ERR_TOO_LARGE},
        {ANSWER("400 Bad", "{\"error\": {\"type\": \"no_prompt\"}}"),
         ERR_BAD_INPUT},
        {ANSWER("500 Oh", "Server got itself in trouble"), ERR_TIMEOUT},
        {ANSWER("502 Bad", "<html>"), ERR_TIMEOUT},
        {ANSWER("504 Late", "<html>"), ERR_TIMEOUT},
        {JSON("<html>please log in</html>"), ERR_TIMEOUT},
        {JSON("{\"prompt_id\": \"3f0c"), ERR_TIMEOUT},
        {JSON("{\"prompt_id\": 5}"), ERR_TIMEOUT},
        {JSON("{\"prompt_id\": \"../../x\"}"), ERR_TIMEOUT},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", ERR_TIMEOUT},
        {"", ERR_TIMEOUT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
        const struct tape_step steps[] = {T_ACCEPT, T_REQUEST("POST /prompt "),
                                          T_SEND(t[i].answer), T_CLOSE};
        struct comfy_submitted s;

        PLAY(steps);
        assert_int_equal(submit(&s), -1);
        if (e.code != t[i].want)
            fail_msg("%s: %s", t[i].answer, e.msg);
        assert_non_null(strstr(e.msg, "gpu-1 "));
        assert_null(strstr(e.msg, "127.0.0.1"));
        played();
    }
}

static void
what_cannot_be_meant_is_not_sent(void **state)
{
    struct comfy_submitted s;
    const char *input;

    (void)state;
    c = comfy_new("http://127.0.0.1:1", NULL, &e);
    assert_int_equal(comfy_submit(c, a, STR("{"), ID, NULL, &s, &e), -1);
    assert_int_equal(e.code, ERR_BAD_INPUT);
    assert_int_equal(s.fault, COMFY_FAULT_none);
    assert_int_equal(comfy_submit(c, a, STR("{}"), "a/b", NULL, &s, &e), -1);
    assert_int_equal(e.code, ERR_BAD_INPUT);
    assert_int_equal(comfy_forget(c, "\"]}", &e), -1);
    assert_int_equal(e.code, ERR_BAD_INPUT);
    assert_int_equal(comfy_upload(c, a, STR("x"), "../a.png", &input, &e), -1);
    assert_int_equal(e.code, ERR_BAD_INPUT);
    assert_int_equal(comfy_upload(c, a, STR("x"), "a", &input, &e), -1);
    assert_int_equal(e.code, ERR_BAD_INPUT);
    assert_int_equal(submit(&s), -1);
    assert_int_equal(e.code, ERR_UNAVAILABLE);
    comfy_free(c);
    assert_null(comfy_new("ftp://x", NULL, &e));
}

/* ---- cancel ---- */

/* Such a server would end whatever runs, somebody else's run too. */
static void
a_server_without_interrupt_by_id_is_never_sent_an_interrupt(void **state)
{
    static const char *const answers[] = {
        STATS("0.3.56"),
        STATS("0.2.99"),
        STATS(""),
        STATS("?"),
        JSON("{\"system\": {}}"),
        JSON("{\"system\": {\"comfyui_version\": "
             "null}}")};

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        const struct tape_step steps[] = {
            NO_CANCEL_ROUTE,
            T_ACCEPT,
            T_REQUEST("POST /queue "),
            T_HAS("{\"delete\": [\"" ID "\"]}"),
            T_SEND(JSON("")),
            T_CLOSE,
            ONE("GET /system_stats ", answers[i])};
        bool stoppable = true;

        PLAY(steps);
        assert_int_equal(comfy_cancel(c, ID, &stoppable, &e), 0);
        assert_false(stoppable);
        played();
    }
}

static void
a_known_version_is_not_asked_for_and_a_missing_route_not_tried_again(
    void **state)
{
    static const struct tape_step steps[] = {
        ONE("GET /system_stats ", STATS("0.3.57")),
        NO_CANCEL_ROUTE,
        ONE("POST /queue ", JSON("")),
        T_ACCEPT,
        T_REQUEST("POST /interrupt "),
        T_HAS("{\"prompt_id\": \"" ID "\"}"),
        T_SEND(JSON("")),
        T_CLOSE,
        ONE("POST /queue ", JSON("")),
        ONE("POST /interrupt ", JSON(""))};
    struct comfy_stats s;
    bool stoppable;

    (void)state;
    PLAY(steps);
    assert_int_equal(comfy_health(c, 5000, &s, &e), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(comfy_cancel(c, ID, &stoppable, &e), 0);
        assert_true(stoppable);
    }
    played();
}

static void
a_server_that_becomes_another_version_is_asked_anew(void **state)
{
    static const struct tape_step steps[] = {
        ONE("GET /system_stats ", STATS("0.3.64")),
        NO_CANCEL_ROUTE,
        ONE("POST /queue ", JSON("")),
        ONE("POST /interrupt ", JSON("")),
        ONE("GET /system_stats ", STATS("0.38.1")),
        ONE("POST /api/jobs/" ID "/cancel ", JSON("{\"cancelled\": true}"))};
    struct comfy_stats s;

    (void)state;
    PLAY(steps);
    assert_int_equal(comfy_health(c, 5000, &s, &e), 0);
    assert_int_equal(comfy_cancel(c, ID, NULL, &e), 0);
    assert_int_equal(comfy_health(c, 5000, &s, &e), 0);
    assert_string_equal(s.version, "0.38.1");
    assert_int_equal(comfy_cancel(c, ID, NULL, &e), 0);
    played();
}

/* ---- look ---- */

#define NO_QUEUE JSON("{\"queue_running\": [], \"queue_pending\": []}")

/* In the other order a run that ends in between would look lost. */
static void
the_queue_is_asked_before_the_history(void **state)
{
    static const struct tape_step steps[] = {
        ONE("GET /queue ", NO_QUEUE), ONE("GET /history/" ID " ", JSON("{}")),
        ONE("GET /queue ", JSON("{\"queue_running\": [[0, \"" ID "\"]], "
                                "\"queue_pending\": []}"))};
    struct comfy_look l;

    (void)state;
    PLAY(steps);
    assert_int_equal(comfy_look(c, a, ID, NULL, 0, &l, &e), 0);
    assert_int_equal(l.state, COMFY_UNKNOWN);
    assert_int_equal(comfy_look(c, a, ID, NULL, 0, &l, &e), 0);
    assert_int_equal(l.state, COMFY_RUNNING);
    played();
}

/* A text of more values than base/json takes. */
static char *
endless_list(void)
{
    struct buf b;

    buf_init(&b, 8 << 20);
    buf_add_c(&b, JSON("{\"queue_running\": [], \"queue_pending\": ["));
    for (int i = 0; i < JSON_VALUES_MAX; i++)
        buf_add_c(&b, "0,");
    buf_add_c(&b, "0]}");
    return buf_take(&b, NULL);
}

static void
with_a_queue_that_is_too_large_the_history_still_tells_the_end(void **state)
{
    static const char done[] =
        JSON("{\"" ID "\": {\"outputs\": {\"9\": {\"images\": [{\"filename\": "
             "\"a.png\", \"subfolder\": \"\", \"type\": \"output\"}]}}, "
             "\"status\": {\"status_str\": \"success\", \"messages\": []}}}");
    char *queue = endless_list();
    const struct tape_step steps[] = {
        ONE("GET /queue ", queue), ONE("GET /history/" ID " ", done),
        ONE("GET /queue ", queue), ONE("GET /history/" ID " ", JSON("{}"))};
    struct comfy_look l;

    (void)state;
    PLAY(steps);
    assert_int_equal(comfy_look(c, a, ID, NULL, 0, &l, &e), 0);
    assert_int_equal(l.state, COMFY_FINISHED);
    assert_int_equal(l.result.n_files, 1);
    assert_int_equal(comfy_look(c, a, ID, NULL, 0, &l, &e), -1);
    assert_int_equal(e.code, ERR_TOO_LARGE);
    played();
    mem_free(queue);
}

static void
an_answer_that_is_no_comfyui_is_unavailable(void **state)
{
    static const struct tape_step steps[] = {
        ONE("GET /queue ", JSON("<html>")),
        ONE("GET /queue ", JSON("{\"exec_info\": 1}")),
        ONE("GET /queue ", ANSWER("404 No", "")),
        ONE("GET /queue ", NO_QUEUE),
        ONE("GET /history/" ID " ", JSON("[]")),
        ONE("GET /system_stats ", JSON("{}"))};
    struct comfy_stats s;
    struct comfy_look l;

    (void)state;
    PLAY(steps);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(comfy_look(c, a, ID, NULL, 0, &l, &e), -1);
        assert_int_equal(e.code, ERR_UNAVAILABLE);
    }
    assert_int_equal(comfy_health(c, 5000, &s, &e), -1);
    assert_int_equal(e.code, ERR_UNAVAILABLE);
    played();
}

/* ---- files ---- */

static const struct comfy_file file = {"9", "photo (1)+\xd1\x8f&.png", "a b/c",
                                       "output", COMFY_IMAGE};

static void
a_file_that_is_not_whole_is_an_error(void **state)
{
    static const struct {
        const char *answer;
        enum err_code want;
    } t[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", ERR_TIMEOUT},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
         ERR_TIMEOUT},
        {JSON(""), ERR_UNAVAILABLE},
        {ANSWER("206 Part", "12345"), ERR_UNAVAILABLE},
        {ANSWER("500 Oh", "12345"), ERR_UNAVAILABLE},
        {ANSWER("404 No", ""), ERR_NOT_FOUND},
        {JSON("123456789"), ERR_TOO_LARGE},
    };
    struct buf b;

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
        const struct tape_step steps[] = {
            T_ACCEPT,
            T_REQUEST("GET /view?filename=photo%20%281%29%2B%D1%8F%26.png"
                      "&subfolder=a%20b%2Fc&type=output "),
            T_SEND(t[i].answer), T_CLOSE};
        PLAY(steps);
        assert_int_equal(comfy_fetch(c, &file, 8, &b, &e), -1);
        if (e.code != t[i].want)
            fail_msg("%s: %s", t[i].answer, e.msg);
        buf_free(&b);
        played();
    }
}

static void
an_upload_goes_to_the_temp_folder_in_place_of_the_old_one(void **state)
{
    static const struct tape_step steps[] = {
        ONE("GET /features ", ANSWER("404 No", "")),
        T_ACCEPT,
        T_REQUEST("POST /upload/image "),
        T_HAS("filename=\"7f.png\""),
        T_HAS("name=\"type\"\r\n\r\ntemp\r\n"),
        T_HAS("name=\"overwrite\"\r\n\r\ntrue\r\n"),
        T_HAS("\r\nthe bytes\r\n"),
        T_SEND(JSON("{\"name\": \"7f (1).png\", \"subfolder\": \"\", "
                    "\"type\": \"temp\"}")),
        T_CLOSE};
    const char *input;

    (void)state;
    PLAY(steps);
    assert_int_equal(comfy_upload(c, a, STR("the bytes"), "7f.png", &input, &e),
                     0);
    assert_string_equal(input, "7f (1).png [temp]");
    played();
}

static void
what_is_over_the_servers_limit_is_not_sent(void **state)
{
    static const struct tape_step steps[] = {
        ONE("GET /features ", JSON("{\"max_upload_size\": 5.0}"))};
    const char *input;

    (void)state;
    PLAY(steps);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            comfy_upload(c, a, STR("six by"), "7f.png", &input, &e), -1);
        assert_int_equal(e.code, ERR_TOO_LARGE);
    }
    played();
}

/* ---- capabilities ---- */

#define CLASS_X JSON("{\"X\": {\"input\": {\"required\": {}}}}")

static void
what_a_server_can_run_is_remembered_for_a_while(void **state)
{
    static const struct tape_step steps[] = {
        ONE("GET /object_info/X ", CLASS_X),
        ONE("GET /models/loras ", JSON("[\"a.safetensors\"]")),
        ONE("GET /object_info/X ", JSON("{}")),
        ONE("GET /models/loras ", JSON("[]"))};
    static const char *const models[] = {"loras/a.safetensors"};
    const struct comfy_needs needs = {
        .graph = STR("{\"1\": {\"class_type\": \"X\"}, "
                     "\"2\": {\"class_type\": \"X\"}}"),
        .models = models,
        .n_models = 1};
    struct comfy_missing m;

    (void)state;
    PLAY(steps);
    clock_test_set(1000, 1000);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(comfy_can_run(c, a, &needs, &m, &e), 0);
        assert_int_equal(m.n, 0);
    }
    clock_test_set(1000 + COMFY_CAPS_MS, 1000 + COMFY_CAPS_MS);
    assert_int_equal(comfy_can_run(c, a, &needs, &m, &e), 0);
    assert_int_equal(m.n, 2);
    assert_string_equal(m.items[0], "node X");
    assert_string_equal(m.items[1], "model loras/a.safetensors");
    played();
}

/* Servers from before /models list a folder only in the nodes' choices. */
static void
a_model_is_also_found_in_a_nodes_choices(void **state)
{
    static const struct tape_step steps[] = {
        ONE("GET /object_info/L ",
            JSON("{\"L\": {\"input\": {\"required\": {\"unet_name\": "
                 "[[\"sd/a.safetensors\"]]}}}}")),
        ONE("GET /models/diffusion_models ", ANSWER("404 No", ""))};
    static const char *const classes[] = {"L"};
    static const char *const models[] = {"unet/sd/a.safetensors",
                                         "unet/b.safetensors"};
    const struct comfy_needs needs = {
        .classes = classes, .n_classes = 1, .models = models, .n_models = 2};
    struct comfy_missing m;

    (void)state;
    PLAY(steps);
    assert_int_equal(comfy_can_run(c, a, &needs, &m, &e), 0);
    assert_int_equal(m.n, 1);
    assert_string_equal(m.items[0], "model unet/b.safetensors");
    played();
}

static void
a_server_that_cannot_be_asked_is_not_one_that_lacks_something(void **state)
{
    static const struct tape_step steps[] = {
        ONE("GET /object_info/X ", ANSWER("500 Oh", "")),
        ONE("GET /object_info/X ", JSON("[]")),
        ONE("GET /object_info/X ", CLASS_X)};
    static const char *const classes[] = {"X"};
    const struct comfy_needs needs = {.classes = classes, .n_classes = 1};
    struct comfy_missing m;

    (void)state;
    PLAY(steps);
    assert_int_equal(comfy_can_run(c, a, &needs, &m, &e), -1);
    assert_int_equal(e.code, ERR_UNAVAILABLE);
    assert_int_equal(comfy_can_run(c, a, &needs, &m, &e), -1);
    assert_int_equal(e.code, ERR_UNAVAILABLE);
    assert_int_equal(comfy_can_run(c, a, &needs, &m, &e), 0);
    played();
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(the_graph_is_sent_as_it_is_beside_both_ids),
        T(a_connection_that_dies_after_the_prompt_was_read_is_not_tried_again),
        T(each_odd_answer_to_a_prompt_is_refused_or_unknown),
        T(what_cannot_be_meant_is_not_sent),
        T(a_server_without_interrupt_by_id_is_never_sent_an_interrupt),
        T(a_known_version_is_not_asked_for_and_a_missing_route_not_tried_again),
        T(a_server_that_becomes_another_version_is_asked_anew),
        T(the_queue_is_asked_before_the_history),
        T(with_a_queue_that_is_too_large_the_history_still_tells_the_end),
        T(an_answer_that_is_no_comfyui_is_unavailable),
        T(a_file_that_is_not_whole_is_an_error),
        T(an_upload_goes_to_the_temp_folder_in_place_of_the_old_one),
        T(what_is_over_the_servers_limit_is_not_sent),
        T(what_a_server_can_run_is_remembered_for_a_while),
        T(a_model_is_also_found_in_a_nodes_choices),
        T(a_server_that_cannot_be_asked_is_not_one_that_lacks_something),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

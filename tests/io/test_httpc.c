/* io/httpc against tapes: what is sent, how often, and what failures mean. */
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/mem.h"
#include "io/httpc.h"
#include "io/httpd.h"
#include "tests/support/tape.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define OK OK_HEAD "Content-Length: 2\r\n\r\n{}"

static struct httpc *
client_new(const char *base)
{
    struct err e = {0};
    struct httpc *c = httpc_new(
        &(struct httpc_config){.label = "up", .base = base}, &e);

    if (!c)
        fail_msg("%s", e.msg);
    return c;
}

/* 0, or the code of the error. */
static int
call(struct httpc *c, const struct httpc_req *q, int *status)
{
    struct httpc_res r;
    struct err e = {0};

    if (httpc_do(c, q, &r, &e) != 0) {
        assert_int_not_equal(e.code, ERR_NONE);
        assert_non_null(strstr(e.msg, "up "));
        assert_null(strstr(e.msg, "127.0.0.1"));
        return (int)e.code;
    }
    if (status)
        *status = r.status;
    httpc_res_free(&r);
    return 0;
}

static const struct httpc_req get = {
    .method = "GET", .path = "/a", .op = "a", .timeout_ms = 8000};
static const struct httpc_req post = {.method = "POST",
                                      .path = "/b",
                                      .op = "b",
                                      .body = {"{\"n\":1}", 7},
                                      .timeout_ms = 8000};

static void
an_answer_has_status_type_and_body(void **state)
{
    static const struct tape_step steps[] = {
        T_ACCEPT, T_REQUEST("GET /a?x=%20 HTTP/1.1\r\n"),
        T_SEND("HTTP/1.1 429 Slow\r\nContent-Type: Text/HTML; charset=x\r\n"
               "Retry-After: 17\r\nContent-Length: 5\r\n\r\nhello"),
        T_GONE};
    struct tape *t = TAPE_PLAY(steps);
    struct httpc *c = client_new(tape_url(t));
    struct httpc_req q = get;
    struct httpc_res r;

    (void)state;
    q.path = "/a?x=%20";
    assert_int_equal(httpc_do(c, &q, &r, NULL), 0);
    assert_int_equal(r.status, 429);
    assert_string_equal(r.content_type, "text/html");
    assert_int_equal(r.retry_after_s, 17);
    assert_string_equal(buf_cstr(&r.body), "hello");
    httpc_res_free(&r);
    httpc_free(c);
    tape_end(t);
}

static void
retry_after_as_a_date_counts_as_absent(void **state)
{
    static const struct tape_step steps[] = {
        T_ACCEPT, T_REQUEST("GET /a "),
        T_SEND("HTTP/1.1 503 No\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 "
               "GMT\r\nContent-Length: 0\r\n\r\n"),
        T_GONE};
    struct tape *t = TAPE_PLAY(steps);
    struct httpc *c = client_new(tape_url(t));
    struct httpc_res r;

    (void)state;
    assert_int_equal(httpc_do(c, &get, &r, NULL), 0);
    assert_int_equal(r.retry_after_s, -1);
    assert_string_equal(r.content_type, "");
    httpc_res_free(&r);
    httpc_free(c);
    tape_end(t);
}

static void
a_kept_connection_is_used_again(void **state)
{
    static const struct tape_step steps[] = {
        T_ACCEPT,          T_REQUEST("GET /a "), T_SEND(OK),
        T_REQUEST("POST /b "), T_SEND(OK),       T_REQUEST("GET /a "),
        T_SEND(OK),        T_GONE};
    struct tape *t = TAPE_PLAY(steps);
    struct httpc *c = client_new(tape_url(t));

    (void)state;
    assert_int_equal(call(c, &get, NULL), 0);
    assert_int_equal(call(c, &post, NULL), 0);
    assert_int_equal(call(c, &get, NULL), 0);
    httpc_free(c);
    assert_int_equal(tape_end(t), 3);
}

/* The connection is kept, the server reads the second request and closes. */
static const struct tape_step dies_after_reading[] = {
    T_ACCEPT, T_REQUEST("GET /a "), T_SEND(OK), T_REQUEST("POST /b "), T_CLOSE};

static void
arrives_once(const struct httpc_req *q)
{
    struct tape *t = TAPE_PLAY(dies_after_reading);
    struct httpc *c = client_new(tape_url(t));

    assert_int_equal(call(c, &get, NULL), 0);
    assert_int_equal(call(c, q, NULL), ERR_TIMEOUT);
    httpc_free(c);
    assert_int_equal(tape_end(t), 2);
}

static void
a_post_whose_connection_dies_arrives_once(void **state)
{
    (void)state;
    arrives_once(&post);
}

static void
a_post_without_body_arrives_once(void **state)
{
    struct httpc_req q = post;

    (void)state;
    q.body = STR("");
    arrives_once(&q);
}

static void
a_big_post_arrives_once(void **state)
{
    struct httpc_req q = post;
    char *big = mem_calloc(1, 3 << 20);

    (void)state;
    memset(big, 'x', 3 << 20);
    q.body = str_n(big, 3 << 20);
    arrives_once(&q);
    mem_free(big);
}

static const struct httpc_part two_parts[] = {
    {"chat_id", NULL, NULL, {"42", 2}},
    {"photo", "a\"b\r\nc.png", "image/png", {"\x89PNG\0x", 6}}};

static void
a_multipart_post_arrives_once(void **state)
{
    struct httpc_req q = post;

    (void)state;
    q.body = STR("");
    q.parts = two_parts;
    q.nparts = 2;
    arrives_once(&q);
}

static void
a_post_that_is_reset_arrives_once(void **state)
{
    static const struct tape_step steps[] = {T_ACCEPT, T_REQUEST("GET /a "),
                                             T_SEND(OK), T_REQUEST("POST /b "),
                                             T_RESET};
    struct tape *t = TAPE_PLAY(steps);
    struct httpc *c = client_new(tape_url(t));

    (void)state;
    assert_int_equal(call(c, &get, NULL), 0);
    assert_int_equal(call(c, &post, NULL), ERR_TIMEOUT);
    httpc_free(c);
    assert_int_equal(tape_end(t), 2);
}

static void
an_idempotent_post_is_sent_again(const struct httpc_req *q)
{
    static const struct tape_step steps[] = {
        T_ACCEPT, T_REQUEST("GET /a "), T_SEND(OK), T_REQUEST("POST /b "),
        T_CLOSE,  T_ACCEPT, T_REQUEST("POST /b "), T_SEND(OK), T_GONE};
    struct tape *t = TAPE_PLAY(steps);
    struct httpc *c = client_new(tape_url(t));
    int status = 0;

    assert_int_equal(call(c, &get, NULL), 0);
    assert_int_equal(call(c, q, &status), 0);
    assert_int_equal(status, 200);
    httpc_free(c);
    assert_int_equal(tape_end(t), 3);
}

static void
what_may_happen_twice_is_sent_again(void **state)
{
    struct httpc_req q = post;

    (void)state;
    q.idempotent = true;
    an_idempotent_post_is_sent_again(&q);
    q.parts = two_parts;
    q.nparts = 2;
    an_idempotent_post_is_sent_again(&q);
}

static void
a_connection_closed_while_idle_does_no_harm(void **state)
{
    static const struct tape_step steps[] = {
        T_ACCEPT, T_REQUEST("POST /b "), T_SEND(OK), T_CLOSE,
        T_ACCEPT, T_REQUEST("POST /b "), T_SEND(OK), T_GONE};
    struct tape *t = TAPE_PLAY(steps);
    struct httpc *c = client_new(tape_url(t));
    int64_t until = clock_mono_ms() + 5000;
    int rc;

    (void)state;
    assert_int_equal(call(c, &post, NULL), 0);
    /* The close may be on its way: then the outcome is unknown, or nothing
     * could be sent, and the tape sees no second request; try until it has
     * arrived. */
    do
        rc = call(c, &post, NULL);
    while ((rc == ERR_TIMEOUT || rc == ERR_UNAVAILABLE) &&
           clock_mono_ms() < until);
    assert_int_equal(rc, 0);
    httpc_free(c);
    tape_end(t);
}

static void
nobody_listening_is_unavailable(void **state)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(sa);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char url[64];
    struct httpc *c;

    (void)state;
    /* Bound but not listening: refuses, and nobody else gets the port. */
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(sa.sin_port));
    c = client_new(url);
    assert_int_equal(call(c, &post, NULL), ERR_UNAVAILABLE);
    assert_int_equal(call(c, &get, NULL), ERR_UNAVAILABLE);
    httpc_free(c);
    close(fd);
}

static void
a_connect_that_hangs_is_unavailable(void **state)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(sa);
    int fd = socket(AF_INET, SOCK_STREAM, 0), full[8];
    struct httpc_config cfg = {.label = "up", .connect_ms = 200};
    char url[64];
    struct httpc *c;

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    for (size_t i = 0; i < 8; i++) { /* nobody accepts: the queue is full */
        full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(full[i], (struct sockaddr *)&sa, len);
    }
    snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(sa.sin_port));
    cfg.base = url;
    c = httpc_new(&cfg, NULL);
    assert_non_null(c);
    assert_int_equal(call(c, &post, NULL), ERR_UNAVAILABLE);
    assert_int_equal(call(c, &get, NULL), ERR_UNAVAILABLE);
    httpc_free(c);
    for (size_t i = 0; i < 8; i++)
        close(full[i]);
    close(fd);
}

static void
silence_after_sending_is_a_timeout(void **state)
{
    static const struct tape_step steps[] = {T_ACCEPT, T_REQUEST("POST /b "),
                                             T_GONE, T_ACCEPT,
                                             T_REQUEST("GET /a "), T_GONE};
    struct tape *t = TAPE_PLAY(steps);
    struct httpc *c = client_new(tape_url(t));
    struct httpc_req p = post, g = get;

    (void)state;
    p.timeout_ms = g.timeout_ms = 200;
    assert_int_equal(call(c, &p, NULL), ERR_TIMEOUT);
    assert_int_equal(call(c, &g, NULL), ERR_TIMEOUT);
    httpc_free(c);
    assert_int_equal(tape_end(t), 2);
}

static void
a_cut_answer_is_a_timeout(void **state)
{
    static const struct tape_step steps[] = {
        T_ACCEPT, T_REQUEST("POST /b "),
        T_SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), T_CLOSE};
    struct tape *t = TAPE_PLAY(steps);
    struct httpc *c = client_new(tape_url(t));

    (void)state;
    assert_int_equal(call(c, &post, NULL), ERR_TIMEOUT);
    httpc_free(c);
    tape_end(t);
}

static void
an_answer_that_is_no_http_is_bad_input(void **state)
{
    static const struct tape_step steps[] = {T_ACCEPT, T_REQUEST("GET /a "),
                                             T_SEND("220 smtp ready\r\n"),
                                             T_CLOSE};
    struct tape *t = TAPE_PLAY(steps);
    struct httpc *c = client_new(tape_url(t));

    (void)state;
    assert_int_equal(call(c, &get, NULL), ERR_BAD_INPUT);
    httpc_free(c);
    tape_end(t);
}

static void
an_answer_over_the_limit_is_too_large(void **state)
{
    static const struct tape_step steps[] = {
        T_ACCEPT, T_REQUEST("GET /a "),
        T_SEND("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345"),
        T_REQUEST("GET /a "),
        T_SEND("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n123456"),
        T_GONE};
    struct tape *t = TAPE_PLAY(steps);
    struct httpc *c = client_new(tape_url(t));
    struct httpc_req q = get;

    (void)state;
    q.max_answer = 5;
    assert_int_equal(call(c, &q, NULL), 0);
    assert_int_equal(call(c, &q, NULL), ERR_TOO_LARGE);
    httpc_free(c);
    tape_end(t);
}

static void
redirects_are_answers_and_expect_is_off(void **state)
{
    static const struct tape_step steps[] = {
        T_ACCEPT, T_REQUEST("POST /b "), T_HAS_NOT("Expect"),
        T_HAS("Content-Length: 2097152\r\n"),
        T_HAS("Content-Type: application/json\r\n"),
        T_SEND("HTTP/1.1 302 Found\r\nLocation: /c\r\n"
               "Content-Length: 0\r\n\r\n"),
        T_GONE};
    struct tape *t = TAPE_PLAY(steps);
    struct httpc *c = client_new(tape_url(t));
    struct httpc_req q = post;
    char *big = mem_calloc(1, 2 << 20);
    int status = 0;

    (void)state;
    memset(big, ' ', 2 << 20);
    q.body = str_n(big, 2 << 20);
    assert_int_equal(call(c, &q, &status), 0);
    assert_int_equal(status, 302);
    mem_free(big);
    httpc_free(c);
    tape_end(t);
}

static void
methods_headers_and_token_are_sent(void **state)
{
    static const struct tape_step steps[] = {
        T_ACCEPT, T_REQUEST("PATCH /pre/b "),
        T_HAS("Authorization: Bearer tok\r\n"), T_HAS("X-One: 1\r\n"),
        T_HAS("Content-Type: text/plain\r\n"), T_HAS("\r\n\r\n{\"n\":1}"),
        T_SEND(OK), T_REQUEST("DELETE /pre/b "), T_HAS("\r\n\r\n{}"),
        T_SEND(OK), T_REQUEST("PUT /pre/b "),
        T_HAS("Content-Length: 0\r\n"), T_SEND(OK), T_GONE};
    struct tape *t = TAPE_PLAY(steps);
    static const char *const headers[] = {"X-One: 1", NULL};
    struct httpc_req q = post;
    char base[80];
    struct httpc *c;

    (void)state;
    snprintf(base, sizeof(base), "%s/pre/", tape_url(t));
    c = httpc_new(&(struct httpc_config){.label = "up", .base = base,
                                         .bearer = "tok"}, NULL);
    q.method = "PATCH";
    q.headers = headers;
    q.content_type = "text/plain";
    assert_int_equal(call(c, &q, NULL), 0);
    q.method = "DELETE";
    q.body = STR("");
    assert_int_equal(call(c, &q, NULL), 0);
    q.method = "PUT";
    q.idempotent = true;
    assert_int_equal(call(c, &q, NULL), 0);
    httpc_free(c);
    tape_end(t);
}

static void
multipart_names_are_escaped(void **state)
{
    static const struct tape_step steps[] = {
        T_ACCEPT, T_REQUEST("POST /b "),
        T_HAS("Content-Type: multipart/form-data; boundary="),
        T_HAS("name=\"chat_id\"\r\n\r\n42\r\n"),
        T_HAS("name=\"photo\"; filename=\"a%22b%0D%0Ac.png\"\r\n"
              "Content-Type: image/png\r\n\r\n\x89PNG"),
        T_SEND(OK), T_GONE};
    struct tape *t = TAPE_PLAY(steps);
    struct httpc *c = client_new(tape_url(t));
    struct httpc_req q = post;

    (void)state;
    q.parts = two_parts;
    q.nparts = 2;
    assert_int_equal(call(c, &q, NULL), 0);
    httpc_free(c);
    tape_end(t);
}

/* The tape has no step: whatever reached it would fail it. */
static void
nobody_smuggles_headers_or_paths(void **state)
{
    static const char *const bad_headers[] = {"X: 1\r\nY: 2", NULL};
    struct tape *t = tape_play(NULL, 0);
    struct httpc *c = client_new(tape_url(t));
    struct httpc_part part = {"a", NULL, "x\r\nY: 2", {"1", 1}};
    struct httpc_req q = post;

    (void)state;
    q.headers = bad_headers;
    assert_int_equal(call(c, &q, NULL), ERR_BAD_INPUT);
    q = post;
    q.content_type = "a\r\nb: c";
    assert_int_equal(call(c, &q, NULL), ERR_BAD_INPUT);
    q = post;
    q.path = "/a b";
    assert_int_equal(call(c, &q, NULL), ERR_BAD_INPUT);
    q.path = "/a\r\nHost: b";
    assert_int_equal(call(c, &q, NULL), ERR_BAD_INPUT);
    q = post;
    q.parts = &part;
    q.nparts = 1;
    assert_int_equal(call(c, &q, NULL), ERR_BAD_INPUT);
    httpc_free(c);
    assert_null(httpc_new(&(struct httpc_config){.label = "up",
                                                 .base = "http://a",
                                                 .bearer = "a\nb"}, NULL));
    tape_end(t);
}

static void *
long_poll(void *arg)
{
    struct httpc_req q = get;

    q.timeout_ms = 60000;
    return (void *)(intptr_t)call(arg, &q, NULL);
}

static void
stopping_ends_a_long_poll(void **state)
{
    static const struct tape_step steps[] = {T_ACCEPT, T_REQUEST("GET /a "),
                                             T_GONE};
    struct tape *t = TAPE_PLAY(steps);
    struct httpc *c = client_new(tape_url(t));
    pthread_t thread;
    void *rc;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, long_poll, c), 0);
    tape_wait(t, 1);
    httpc_stop(c);
    pthread_join(thread, &rc);
    assert_int_equal((intptr_t)rc, ERR_TIMEOUT);
    assert_int_equal(call(c, &get, NULL), ERR_UNAVAILABLE);
    httpc_free(c);
    tape_end(t);
}

/* ---- many at once, over a unix socket ---- */

static void
answer(struct http_req *q, void *ctx)
{
    (void)ctx;
    http_reply(q, 200, NULL, http_body(q));
}

static void *
many_calls(void *arg)
{
    struct httpc *c = arg;

    for (int i = 0; i < 20; i++) {
        struct httpc_res r;
        struct err e = {0};
        if (httpc_do(c, &post, &r, &e) != 0)
            return mem_strdup(e.msg);
        if (r.status != 200 || strcmp(buf_cstr(&r.body), "{\"n\":1}") != 0)
            return mem_strdup("another answer");
        httpc_res_free(&r);
    }
    return NULL;
}

static void
many_threads_share_one_client_over_a_unix_socket(void **state)
{
    static const struct http_route routes[] = {
        {.method = "POST", .path = "/b", .fn = answer}};
    char dir[] = "/tmp/tt-httpc-XXXXXX", base[64];
    pthread_t threads[40];
    struct httpd *s;
    struct httpc *c;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(base, sizeof(base), "unix:%s/s", dir);
    s = httpd_start(&(struct httpd_config){.label = "t", .listen = base,
                                           .routes = routes, .nroutes = 1,
                                           .threads = 4}, NULL);
    assert_non_null(s);
    c = client_new(base);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, many_calls, c), 0);
    for (size_t i = 0; i < 40; i++) {
        void *fault;
        pthread_join(threads[i], &fault);
        if (fault)
            fail_msg("%s", (char *)fault);
    }
    httpc_free(c);
    httpd_stop(s, 5000);
    assert_int_equal(rmdir(dir), 0);
}

/* ---- addresses ---- */

static void
addresses_are_normalised(void **state)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"http://Host:80/x/", "http://host/x"},
        {"https://HOST:443", "https://host"},
        {"https://host:80/", "https://host:80"},
        {"HTTP://127.0.0.1:8188", "http://127.0.0.1:8188"},
        {"http://[::1]:8188/", "http://[::1]:8188"},
        {"http://h/A/b//", "http://h/A/b"},
        {"http://user@host/", NULL},
        {"http://user:pw@host/", NULL},
        {"ftp://host/", NULL},
        {"file:///etc/passwd", NULL},
        {"host:80", NULL},
        {"", NULL},
        {"http://", NULL},
        {"http://host/?a=1", NULL},
        {"http://host/#a", NULL},
        {"http://ho st/", NULL},
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct err e = {0};
        char *got = httpc_normalise(a, cases[i].in, &e);
        if (cases[i].want) {
            assert_non_null(got);
            assert_string_equal(got, cases[i].want);
        } else {
            assert_null(got);
            assert_int_equal(e.code, ERR_BAD_INPUT);
            assert_null(strstr(e.msg, "pw"));
        }
    }
    arena_free(a);
}

static void
loopback_is_known(void **state)
{
    (void)state;
    assert_true(httpc_is_loopback("http://127.0.0.1:8188"));
    assert_true(httpc_is_loopback("http://127.1:8188"));
    assert_true(httpc_is_loopback("http://localhost/x"));
    assert_true(httpc_is_loopback("http://[::1]"));
    assert_true(httpc_is_loopback("unix:/tmp/s"));
    assert_false(httpc_is_loopback("http://127.example.com"));
    assert_false(httpc_is_loopback("http://10.0.0.1"));
    assert_false(httpc_is_loopback("nonsense"));
}

static void
everything_but_unreserved_bytes_is_escaped(void **state)
{
    struct arena *a = arena_new();

    (void)state;
    assert_string_equal(httpc_escape(a, STR("aZ9-._~")), "aZ9-._~");
    assert_string_equal(httpc_escape(a, STR("a b/\xd1\x8f%\0")),
                        "a%20b%2F%D1%8F%25%00");
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_has_status_type_and_body),
        cmocka_unit_test(retry_after_as_a_date_counts_as_absent),
        cmocka_unit_test(a_kept_connection_is_used_again),
        cmocka_unit_test(a_post_whose_connection_dies_arrives_once),
        cmocka_unit_test(a_post_without_body_arrives_once),
        cmocka_unit_test(a_big_post_arrives_once),
        cmocka_unit_test(a_multipart_post_arrives_once),
        cmocka_unit_test(a_post_that_is_reset_arrives_once),
        cmocka_unit_test(what_may_happen_twice_is_sent_again),
        cmocka_unit_test(a_connection_closed_while_idle_does_no_harm),
        cmocka_unit_test(nobody_listening_is_unavailable),
        cmocka_unit_test(a_connect_that_hangs_is_unavailable),
        cmocka_unit_test(silence_after_sending_is_a_timeout),
        cmocka_unit_test(a_cut_answer_is_a_timeout),
        cmocka_unit_test(an_answer_that_is_no_http_is_bad_input),
        cmocka_unit_test(an_answer_over_the_limit_is_too_large),
        cmocka_unit_test(redirects_are_answers_and_expect_is_off),
        cmocka_unit_test(methods_headers_and_token_are_sent),
        cmocka_unit_test(multipart_names_are_escaped),
        cmocka_unit_test(nobody_smuggles_headers_or_paths),
        cmocka_unit_test(stopping_ends_a_long_poll),
        cmocka_unit_test(many_threads_share_one_client_over_a_unix_socket),
        cmocka_unit_test(addresses_are_normalised),
        cmocka_unit_test(loopback_is_known),
        cmocka_unit_test(everything_but_unreserved_bytes_is_escaped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

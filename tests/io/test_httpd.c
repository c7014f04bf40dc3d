/* io/httpd with raw clients: guard, limits, deadlines, parking, stopping. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "io/httpd.h"
#include "tests/support/rawhttp.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

/* What handlers of one test share. */
struct board {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    int calls;     /* of the long poll's handler so far */
    int items;     /* to be handed out by it */
    int in_slow;   /* requests inside the slow handler */
    bool let_go;   /* the slow handler may end */
    int done, done_status;
    atomic_int gate_calls;
};

static void
board_init(struct board *b)
{
    memset(b, 0, sizeof(*b));
    pthread_mutex_init(&b->lock, NULL);
    cond_init(&b->moved);
}

static void
board_wait(struct board *b, const int *value, int want)
{
    int64_t until = clock_mono_ms() + RAW_WAIT_MS;

    pthread_mutex_lock(&b->lock);
    while (*value < want) {
        assert_true(clock_mono_ms() < until);
        cond_wait_ms(&b->moved, &b->lock, 100);
    }
    pthread_mutex_unlock(&b->lock);
}

static void
hello(struct http_req *q, void *ctx)
{
    (void)ctx;
    http_set_header(q, "X-Peer", http_peer(q));
    http_reply(q, 200, "text/plain", STR("hello"));
}

static void
echo(struct http_req *q, void *ctx)
{
    (void)ctx;
    http_reply(q, 200, "application/octet-stream", http_body(q));
}

/* What the request's parts are, as text. */
static void
show(struct http_req *q, void *ctx)
{
    bool twice = false;
    const char *secret = http_header(q, "x-secret", &twice);
    const char *text = arena_fmt(
        http_arena(q), "%s %s id=%s n=%s a=%s b=%s secret=%s twice=%d user=%s",
        http_method(q), http_path(q), http_param(q, "id"), http_param(q, "n"),
        http_query(q, "a"), http_query(q, "b"), secret, twice,
        http_route(q) ? (const char *)http_route(q)->user : "none");

    (void)ctx;
    http_reply(q, 200, "text/plain", str_c(text));
}

static int
gate(struct http_req *q, void *ctx)
{
    struct board *b = ctx;
    const char *secret = http_header(q, "X-Secret", NULL);

    b->gate_calls++;
    return secret && strcmp(secret, "yes") == 0 ? 0 : 401;
}

static void
nothing(struct http_req *q, void *ctx)
{
    (void)q;
    (void)ctx;
}

static void
file(struct http_req *q, void *ctx)
{
    FILE *f = tmpfile();
    int fd;

    (void)ctx;
    for (int i = 0; i < 100000; i++)
        fputs("0123456789", f);
    fflush(f);
    fd = dup(fileno(f));
    fclose(f);
    http_reply_fd(q, 200, "image/png", fd, 1000000);
}

static void
page(struct http_req *q, void *ctx)
{
    static const char text[20000] = "page";

    (void)ctx;
    http_reply(q, 200, "text/plain", str_n(text, sizeof(text)));
}

static void
slow(struct http_req *q, void *ctx)
{
    struct board *b = ctx;

    pthread_mutex_lock(&b->lock);
    b->in_slow++;
    pthread_cond_broadcast(&b->moved);
    while (!b->let_go)
        pthread_cond_wait(&b->moved, &b->lock);
    pthread_mutex_unlock(&b->lock);
    http_reply(q, 200, "text/plain", STR("slow"));
}

static void
poll_reply(struct http_req *q, const char *text)
{
    http_reply(q, 200, "text/plain", str_c(text));
}

/* Hands out an item, waits for one up to ?ms=, or answers "none". */
static void
long_poll(struct http_req *q, void *ctx)
{
    struct board *b = ctx;
    uint64_t seen = http_topic(http_server(q), "items");
    const char *ms = http_query(q, "ms");
    int64_t *until = http_user(q);
    bool got;

    if (!until) {
        until = ARENA_NEW(http_arena(q), int64_t);
        *until = clock_mono_ms() + (ms ? atoi(ms) : 60000);
        http_user_set(q, until);
    }
    pthread_mutex_lock(&b->lock);
    got = b->items > 0;
    b->items -= got;
    b->calls++;
    pthread_cond_broadcast(&b->moved);
    pthread_mutex_unlock(&b->lock);
    if (got)
        poll_reply(q, "item");
    else if (httpd_stopping(http_server(q)))
        poll_reply(q, "stopping");
    else if (clock_mono_ms() >= *until)
        poll_reply(q, "none");
    else
        http_park(q, "items", seen, *until);
}

static void
park_for_ever(struct http_req *q, void *ctx)
{
    (void)ctx;
    http_park(q, "never", http_topic(http_server(q), "never"), INT64_MAX);
}

static void
parts(struct http_req *q, void *ctx)
{
    struct http_part p;
    struct buf b;

    (void)ctx;
    buf_init(&b, 4096);
    for (size_t i = 0; http_part(q, i, &p); i++)
        buf_addf(&b, STR_FMT "|" STR_FMT "|" STR_FMT "|" STR_FMT "\n",
                 STR_ARG(p.name), STR_ARG(p.filename), STR_ARG(p.type),
                 STR_ARG(p.data));
    http_reply(q, 200, "text/plain", buf_str(&b));
    buf_free(&b);
}

static void
count_done(const struct http_route *r, int status, int64_t us, void *ctx)
{
    struct board *b = ctx;

    (void)r;
    assert_true(us >= 0);
    pthread_mutex_lock(&b->lock);
    b->done++;
    b->done_status = status;
    pthread_cond_broadcast(&b->moved);
    pthread_mutex_unlock(&b->lock);
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/", .fn = hello},
    {.method = "POST", .path = "/", .fn = echo, .body_limit = 1000},
    {.method = "GET", .path = "/a/{id}/b/{n}", .fn = show, .user = "params"},
    {.method = "GET", .path = "/a/{id}", .fn = show, .user = "param"},
    {.method = "GET", .path = "/a/create", .fn = show, .user = "literal"},
    {.method = "POST", .path = "/gated", .fn = echo, .gate = gate},
    {.method = "POST",
     .path = "/gated/aloud",
     .fn = echo,
     .gate = gate,
     .gate_why = "say the word"},
    {.method = "POST", .path = "/big", .fn = echo, .body_limit = 16 << 20},
    {.method = "GET", .path = "/nothing", .fn = nothing},
    {.method = "GET", .path = "/file", .fn = file},
    {.method = "GET", .path = "/page", .fn = page},
    {.method = "GET", .path = "/slow", .fn = slow},
    {.method = "POST", .path = "/slow", .fn = slow},
    {.method = "GET", .path = "/poll", .fn = long_poll},
    {.method = "GET", .path = "/forever", .fn = park_for_ever},
    {.method = "POST", .path = "/parts", .fn = parts},
};

struct fixture {
    struct board board;
    struct httpd *server;
    int port;
};

static void
start(struct fixture *f, struct httpd_config cfg)
{
    struct err e = {0};

    board_init(&f->board);
    cfg.label = "test";
    if (!cfg.listen)
        cfg.listen = "127.0.0.1:0";
    cfg.routes = routes;
    cfg.nroutes = sizeof(routes) / sizeof(*routes);
    cfg.ctx = &f->board;
    cfg.done = count_done;
    if (cfg.threads == 0)
        cfg.threads = 4;
    f->server = httpd_start(&cfg, &e);
    if (!f->server)
        fail_msg("%s", e.msg);
    f->port = httpd_port(f->server);
}

static int
setup(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof(*f));

    start(f, (struct httpd_config){0});
    *state = f;
    return 0;
}

static int
setup_impatient(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof(*f));

    start(f, (struct httpd_config){.request_ms = 300});
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    httpd_stop(f->server, 5000);
    pthread_cond_destroy(&f->board.moved);
    pthread_mutex_destroy(&f->board.lock);
    mem_free(f);
    return 0;
}

/* Sends on fd, wants this status and body. */
static void
expect(int fd, const char *request, int status, const char *body)
{
    struct raw_answer r;

    raw_sends(fd, request);
    raw_read(fd, &r, false);
    assert_int_equal(r.status, status);
    if (body)
        assert_string_equal(r.body, body);
    raw_answer_free(&r);
}

/* ---- answers ---- */

static void
a_request_gets_its_answer_and_the_connection_is_kept(void **state)
{
    struct fixture *f = *state;
    int fd = raw_connect(f->port);
    struct raw_answer r;
    char peer[64];

    for (int i = 0; i < 3; i++) {
        raw_sends(fd, GET("/"));
        raw_read(fd, &r, false);
        assert_int_equal(r.status, 200);
        assert_string_equal(r.body, "hello");
        assert_true(raw_header(&r, "x-peer", peer, sizeof(peer)));
        assert_string_equal(peer, "127.0.0.1");
        assert_true(raw_header(&r, "content-type", peer, sizeof(peer)));
        assert_string_equal(peer, "text/plain");
        raw_answer_free(&r);
    }
    expect(fd, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
           200, "abc");
    close(fd);
    board_wait(&f->board, &f->board.done, 4);
}

static void
pipelined_requests_are_answered_in_order(void **state)
{
    struct fixture *f = *state;
    int fd = raw_connect(f->port);

    raw_sends(fd, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n1"
                  "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n2");
    expect(fd, GET("/"), 200, "1");
    expect(fd, "", 200, "2");
    expect(fd, "", 200, "hello");
    close(fd);
}

static void
head_is_served_by_get(void **state)
{
    struct fixture *f = *state;
    int fd = raw_connect(f->port);
    struct raw_answer r;
    char text[32];

    raw_sends(fd, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    raw_read(fd, &r, true);
    assert_int_equal(r.status, 200);
    assert_true(raw_header(&r, "content-length", text, sizeof(text)));
    assert_string_equal(text, "5");
    raw_answer_free(&r);
    expect(fd, GET("/"), 200, "hello"); /* no body stood in between */
    close(fd);
}

static void
a_file_is_sent_whole(void **state)
{
    struct fixture *f = *state;
    int fd = raw_connect(f->port);
    struct raw_answer r;

    raw_sends(fd, GET("/file"));
    raw_read(fd, &r, false);
    assert_int_equal(r.status, 200);
    assert_int_equal(r.body_len, 1000000);
    assert_memory_equal(r.body + 999990, "0123456789", 10);
    raw_answer_free(&r);
    close(fd);
}

static void
a_handler_that_forgets_to_answer_gives_500(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(raw_status(f->port, GET("/nothing")), 500);
}

/* ---- routes ---- */

static void
parameters_and_queries_are_decoded(void **state)
{
    static const struct {
        const char *request, *want;
    } cases[] = {
        {GET("/a/x/b/7"), "GET /a/x/b/7 id=x n=7 a=(null) b=(null) "
                          "secret=(null) twice=0 user=params"},
        {GET("/a/x%2Fy%20%D1%8F?a=1+2%26&b=%D1%8F"),
         "GET /a/x/y я id=x/y я n=(null) a=1 2& b=я secret=(null) twice=0 "
         "user=param"},
        {GET("/a/create?a=&&b"), "GET /a/create id=(null) n=(null) a= b= "
                                 "secret=(null) twice=0 user=literal"},
        {GET("http://other/a/z?a=1"), "GET /a/z id=z n=(null) a=1 b=(null) "
                                      "secret=(null) twice=0 user=param"},
        {"GET /a/z HTTP/1.1\r\nHost: h\r\nX-SECRET: s\r\n\r\n",
         "GET /a/z id=z n=(null) a=(null) b=(null) secret=s twice=0 "
         "user=param"},
        {"GET /a/z HTTP/1.1\r\nHost: h\r\nX-Secret: s\r\nx-secret: s\r\n\r\n",
         "GET /a/z id=z n=(null) a=(null) b=(null) secret=(null) twice=1 "
         "user=param"},
    };
    struct fixture *f = *state;
    int fd = raw_connect(f->port);

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        expect(fd, cases[i].request, 200, cases[i].want);
    close(fd);
}

static void
unknown_addresses_and_methods_are_problems(void **state)
{
    struct fixture *f = *state;
    int fd = raw_connect(f->port);
    struct raw_answer r;
    char text[64];

    raw_sends(fd, GET("/nope"));
    raw_read(fd, &r, false);
    assert_int_equal(r.status, 404);
    assert_non_null(strstr(r.body, "\"type\":\"about:blank\""));
    assert_non_null(strstr(r.body, "\"status\":404"));
    assert_non_null(strstr(r.body, "\"code\":\"not_found\""));
    assert_true(raw_header(&r, "content-type", text, sizeof(text)));
    assert_string_equal(text, "application/problem+json");
    raw_answer_free(&r);
    raw_sends(fd, "DELETE / HTTP/1.1\r\nHost: h\r\n\r\n");
    raw_read(fd, &r, false);
    assert_int_equal(r.status, 405);
    assert_true(raw_header(&r, "allow", text, sizeof(text)));
    assert_string_equal(text, "GET, POST");
    raw_answer_free(&r);
    expect(fd, GET("/a/"), 404, NULL);      /* a parameter is not empty */
    expect(fd, GET("/a/x/b/1/"), 404, NULL);
    expect(fd, GET("/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8"), 404, NULL);
    /* The body of a refused request is read, the connection lives on. */
    expect(fd, "POST /nope HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody",
           404, NULL);
    expect(fd, GET("/"), 200, "hello");
    close(fd);
}

static void
addresses_that_cannot_be_decoded_are_refused(void **state)
{
    static const char *const cases[] = {
        GET("/a/%00"), GET("/a/%zz"),  GET("/a/%1"),     GET("/a/%ff"),
        GET("/?a=%0"), GET("/?%00=1"), GET("/?a=%C0%80"), GET("x"),
        GET("*"),      GET("/a#b"),    GET("ftp://h/"),
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_int_equal(raw_status(f->port, cases[i]), 400);
}

/* ---- the guard ---- */

#define G "GET / HTTP/1.1\r\n"
#define P "POST / HTTP/1.1\r\nHost: h\r\n"

static void
what_can_be_read_in_two_ways_is_refused(void **state)
{
    static const struct {
        const char *request;
        int from, to; /* the status is one of these */
    } cases[] = {
        {"GET / \r\n\r\n", 400, 599},
        {G "\r\n", 400, 400},
        {G "Content-Length: 5\r\n\r\n", 400, 400},
        {G "Host: a\r\nHost: b\r\n\r\n", 400, 400},
        {G "Host: h\r\nX-Invalid[]: test\r\n\r\n", 400, 400},
        {G "Host: h\r\nX Y: test\r\n\r\n", 400, 400},
        {G "Host: h\r\nX-Bad: te\x07st\r\n\r\n", 400, 400},
        {G "Host: h\r\nX-Bad: te\x7fst\r\n\r\n", 400, 400},
        {G "Host: h\r\nContent-Length: -1234\r\n\r\n", 400, 400},
        {G "Host: h\r\nContent-Length: -123456789123456789123456789\r\n\r\n",
         400, 413},
        {G "Host: h\r\nContent-Length: abc\r\n\r\n", 400, 400},
        {P "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, 400},
        {P "Content-Length: 1, 1\r\n\r\na", 400, 400},
        {P "Content-Length: +1\r\n\r\na", 400, 400},
        {P "Content-Length: 99999999999999999999\r\n\r\na", 400, 413},
        {P "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         400, 400},
        {P "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, 400},
        {P "Transfer-Encoding: identity\r\n\r\n", 400, 400},
        {P "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
         400, 400},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
         400},
        {"GET / HTTP/9.9\r\nHost: h\r\n\r\n", 400, 599},
        {"Extra lineGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400, 599},
        {G "Host: h\r\n\rSome-Header: Test\r\n\r\n", 400, 400},
        {"G(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400, 400},
        {"ABCDEFGHIJKLMNOPQ / HTTP/1.1\r\nHost: h\r\n\r\n", 400, 400},
        {"GET /\x80 HTTP/1.1\r\nHost: h\r\n\r\n", 400, 400},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct raw_answer r;
        int fd = raw_connect(f->port);
        raw_sends(fd, cases[i].request);
        raw_read(fd, &r, false);
        if (r.status < cases[i].from || r.status > cases[i].to)
            fail_msg("status %d for: %s", r.status, cases[i].request);
        raw_wait_closed(fd);
        raw_answer_free(&r);
        close(fd);
    }
}

static void
odd_but_clear_requests_are_served(void **state)
{
    static const char *const cases[] = {
        G "hoSt:\texample.com\r\nempty:\r\n\r\n",
        G "Host: h\r\nX-Empty-Header: \r\n\r\n",
        G "Host: h\r\nExpect: 100-continue\r\n\r\n",
        G "Host:\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        P "Content-Length: 5\r\n\r\nhello",
        P "Transfer-Encoding: CHUNKED\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        P "Content-Length: 2\r\nExpect: 100-continue\r\n\r\nok",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_int_equal(raw_status(f->port, cases[i]), 200);
}

static void
unfinished_requests_are_waited_for(void **state)
{
    static const char whole[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct fixture *f = *state;
    int fd = raw_connect(f->port);

    for (size_t i = 0; i + 1 < sizeof(whole) - 1; i++) {
        raw_send(fd, whole + i, 1);
        assert_false(raw_readable(fd, 1));
    }
    expect(fd, "\n", 200, "hello");
    close(fd);
}

static void
headers_over_the_limit_get_431(void **state)
{
    struct fixture *f = *state;
    char *text = mem_calloc(1, 20000);
    int n;

    n = snprintf(text, 20000, G "Host: h\r\nX-Long: ");
    memset(text + n, 'x', 9000);
    memcpy(text + n + 9000, "\r\n\r\n", 5);
    assert_int_equal(raw_status(f->port, text), 431);
    n = snprintf(text, 20000, G "Host: h\r\n");
    for (int i = 0; i < 200; i++)
        n += snprintf(text + n, (size_t)(20000 - n), "a: b\r\n");
    snprintf(text + n, (size_t)(20000 - n), "\r\n");
    assert_int_equal(raw_status(f->port, text), 431);
    mem_free(text);
}

static void
long_headers_leave_room_for_the_answer(void **state)
{
    struct fixture *f = *state;
    char *text = mem_calloc(1, 20000);
    int n = snprintf(text, 20000, G "Host: h\r\nX-Long: ");

    memset(text + n, 'x', 6000);
    memcpy(text + n + 6000, "\r\n\r\n", 5);
    assert_int_equal(raw_status(f->port, text), 200);
    mem_free(text);
}

/* ---- bodies ---- */

static char *
body_of(size_t n, const char *headers)
{
    size_t len = strlen(headers);
    char *text = mem_calloc(1, len + n + 1);

    memcpy(text, headers, len);
    memset(text + len, 'b', n);
    return text;
}

static void
a_body_over_the_limit_gets_413(void **state)
{
    struct fixture *f = *state;
    int fd = raw_connect(f->port);
    char *text = body_of(1000, P "Content-Length: 1000\r\n\r\n");

    expect(fd, text, 200, text + strlen(text) - 1000);
    mem_free(text);
    text = body_of(1001, P "Content-Length: 1001\r\n\r\n");
    expect(fd, text, 413, NULL);
    expect(fd, GET("/"), 200, "hello"); /* the connection lives on */
    mem_free(text);
    close(fd);
}

static void
a_chunked_body_over_the_limit_gets_413(void **state)
{
    struct fixture *f = *state;
    int fd = raw_connect(f->port);
    char chunk[610];

    snprintf(chunk, sizeof(chunk), "200\r\n%0512d\r\n", 0);
    raw_sends(fd, P "Transfer-Encoding: chunked\r\n\r\n");
    raw_sends(fd, chunk);
    raw_sends(fd, chunk);
    expect(fd, "0\r\n\r\n", 413, NULL);
    expect(fd, GET("/"), 200, "hello");
    close(fd);
}

static void
a_client_that_asks_first_is_told_at_once(void **state)
{
    struct fixture *f = *state;
    int fd = raw_connect(f->port);

    expect(fd, P "Content-Length: 5000\r\nExpect: 100-continue\r\n\r\n", 413,
           NULL);
    raw_wait_closed(fd);
    close(fd);
    fd = raw_connect(f->port);
    expect(fd, P "Content-Length: 99000000000\r\n\r\n", 413, NULL);
    raw_wait_closed(fd);
    close(fd);
}

static void
an_endless_body_is_cut_off(void **state)
{
    struct fixture *f = *state;
    int fd = raw_connect(f->port);
    char *mib = mem_calloc(1, 1 << 20);
    bool cut = false;

    memset(mib, 'x', 1 << 20);
    raw_sends(fd, P "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 64 && !cut; i++) {
        raw_sends(fd, "100000\r\n");
        raw_send(fd, mib, 1 << 20);
        raw_sends(fd, "\r\n");
        cut = raw_readable(fd, 0);
    }
    assert_true(cut);
    raw_wait_closed(fd);
    mem_free(mib);
    close(fd);
}

static void
let_go(struct board *b)
{
    pthread_mutex_lock(&b->lock);
    b->let_go = true;
    pthread_cond_broadcast(&b->moved);
    pthread_mutex_unlock(&b->lock);
}

static void
too_many_bodies_at_once_get_503(void **state)
{
    char *first = body_of(900, "POST /slow HTTP/1.1\r\nHost: h\r\n"
                               "Content-Length: 900\r\n\r\n");
    char *second = body_of(900, P "Content-Length: 900\r\n\r\n");
    struct fixture f;
    int slow_fd, fd;

    (void)state;
    start(&f, (struct httpd_config){.bodies = 1500});
    slow_fd = raw_connect(f.port);
    fd = raw_connect(f.port);
    raw_sends(slow_fd, first);
    board_wait(&f.board, &f.board.in_slow, 1); /* 900 bytes are held */
    expect(fd, second, 503, NULL);
    expect(fd, GET("/"), 200, "hello");
    let_go(&f.board);
    expect(slow_fd, "", 200, "slow");
    expect(slow_fd, GET("/"), 200, "hello"); /* they have been let go */
    expect(fd, second, 200, NULL);
    mem_free(first);
    mem_free(second);
    close(slow_fd);
    close(fd);
    httpd_stop(f.server, 5000);
}

/* With Expect: refused while the body comes, so the answer comes after it. */
static void
a_chunked_body_that_was_asked_for_gets_413_too(void **state)
{
    struct fixture *f = *state;
    int fd = raw_connect(f->port);
    char chunk[1100];

    snprintf(chunk, sizeof(chunk), "400\r\n%01024d\r\n0\r\n\r\n", 0);
    raw_sends(fd, P "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n"
                    "\r\n");
    expect(fd, chunk, 413, NULL);
    expect(fd, GET("/"), 200, "hello");
    close(fd);
}

static void
a_big_body_arrives_whole(void **state)
{
    struct fixture *f = *state;
    int fd = raw_connect(f->port);
    size_t n = 5 << 20;
    char *text = body_of(n, "POST /big HTTP/1.1\r\nHost: h\r\n"
                            "Content-Length: 5242880\r\n\r\n");

    expect(fd, text, 200, text + strlen(text) - n);
    mem_free(text);
    close(fd);
}

static void
a_gate_refuses_before_the_handler(void **state)
{
    struct fixture *f = *state;
    int fd = raw_connect(f->port);

    expect(fd, "POST /gated HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi",
           401, "");
    expect(fd, "POST /gated HTTP/1.1\r\nHost: h\r\nX-Secret: yes\r\n"
               "Content-Length: 2\r\n\r\nhi", 200, "hi");
    expect(fd, "POST /gated HTTP/1.1\r\nHost: h\r\nX-Secret: yes\r\n"
               "X-Secret: yes\r\nContent-Length: 2\r\n\r\nhi", 401, "");
    expect(fd,
           "POST /gated/aloud HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n"
           "\r\nhi",
           401,
           "{\"type\":\"about:blank\",\"title\":\"Unauthorized\","
           "\"status\":401,\"code\":\"unauthorized\","
           "\"detail\":\"say the word\"}");
    assert_int_equal(f->board.gate_calls, 4);
    close(fd);
}

static void
parts_of_a_multipart_body_are_found(void **state)
{
    static const char body[] =
        "--xx\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"
        "--xx\r\nContent-Disposition: form-data; name=\"f\"; "
        "filename=\"p.png\"\r\nContent-Type: image/png\r\n\r\nPNG\r\n--xx--\r\n";
    struct fixture *f = *state;
    int fd = raw_connect(f->port);
    char text[1024];

    snprintf(text, sizeof(text),
             "POST /parts HTTP/1.1\r\nHost: h\r\nContent-Type: "
             "multipart/form-data; boundary=xx\r\nContent-Length: %zu\r\n\r\n%s",
             sizeof(body) - 1, body);
    expect(fd, text, 200, "a|||1\nf|p.png|image/png|PNG\n");
    expect(fd, "POST /parts HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",
           200, "");
    close(fd);
}

/* ---- deadlines ---- */

static void
drip(int fd, const char *text)
{
    int64_t until = clock_mono_ms() + RAW_WAIT_MS;

    for (size_t i = 0; !raw_readable(fd, 20); i++) {
        assert_true(clock_mono_ms() < until);
        raw_send(fd, text + i % strlen(text), 1);
    }
    raw_wait_closed(fd);
}

static void
a_client_that_drips_is_cut_off(void **state)
{
    struct fixture *f = *state;
    int fd = raw_connect(f->port);

    raw_sends(fd, "GET / HTTP/1.1\r\nHost: h\r\nX: ");
    drip(fd, "x"); /* within the headers */
    close(fd);
    fd = raw_connect(f->port);
    raw_sends(fd, P "Content-Length: 900\r\n\r\n");
    drip(fd, "x"); /* within the body */
    close(fd);
    fd = raw_connect(f->port); /* the second request of a connection */
    expect(fd, GET("/"), 200, "hello");
    raw_sends(fd, "GET / HTTP/1.1\r\nX");
    drip(fd, "x");
    close(fd);
    fd = raw_connect(f->port);
    raw_wait_closed(fd); /* one that says nothing */
    close(fd);
    assert_int_equal(raw_status(f->port, GET("/")), 200);
}

static void
a_client_that_does_not_read_is_cut_off(void **state)
{
    struct fixture *f = *state;
    int small = 4096, fd = raw_connect(f->port);
    int64_t until = clock_mono_ms() + RAW_WAIT_MS;

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    /* The answers are larger than all buffers between here and there: the
     * last ones can be sent only when the client reads. */
    for (int i = 0; i < 500; i++)
        raw_sends(fd, GET("/page"));
    /* Never reads, so it hears of the end only by writing. */
    while (clock_mono_ms() < until &&
           send(fd, "G", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
        usleep(10000);
    assert_true(errno == EPIPE || errno == ECONNRESET);
    close(fd);
    assert_int_equal(raw_status(f->port, GET("/")), 200);
}

static void
a_long_poll_has_no_deadline_of_the_request(void **state)
{
    struct fixture *f = *state;
    int fd = raw_connect(f->port);

    expect(fd, GET("/poll?ms=1000"), 200, "none"); /* the limit is 300 ms */
    close(fd);
}

/* ---- many ---- */

static void *
ten_requests(void *arg)
{
    struct fixture *f = arg;
    int fd = raw_connect(f->port);
    intptr_t good = 0;

    for (int i = 0; i < 10; i++) {
        struct raw_answer r;
        raw_sends(fd, P "Content-Length: 4\r\n\r\nping");
        raw_read(fd, &r, false);
        good += r.status == 200 && strcmp(r.body, "ping") == 0;
        raw_answer_free(&r);
    }
    close(fd);
    return (void *)good;
}

static void
two_hundred_clients_at_once_are_served(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[200];

    for (size_t i = 0; i < 200; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ten_requests, f), 0);
    for (size_t i = 0; i < 200; i++) {
        void *good;
        pthread_join(threads[i], &good);
        assert_int_equal((intptr_t)good, 10);
    }
    board_wait(&f->board, &f->board.done, 2000);
}

/* ---- parking ---- */

static void
wait_parked(struct fixture *f, const char *topic, size_t n)
{
    int64_t until = clock_mono_ms() + RAW_WAIT_MS;

    while (http_parked(f->server, topic) != n) {
        assert_true(clock_mono_ms() < until);
        usleep(1000);
    }
}

static void
give_items(struct fixture *f, int n)
{
    pthread_mutex_lock(&f->board.lock);
    f->board.items += n;
    pthread_mutex_unlock(&f->board.lock);
}

static void
a_wake_goes_to_the_oldest(void **state)
{
    struct fixture *f = *state;
    int fd[3];

    for (int i = 0; i < 3; i++) {
        fd[i] = raw_connect(f->port);
        raw_sends(fd[i], GET("/poll"));
        wait_parked(f, "items", (size_t)i + 1);
    }
    for (int i = 0; i < 3; i++) {
        give_items(f, 1);
        http_wake(f->server, "items", 1);
        expect(fd[i], "", 200, "item");
        for (int k = i + 1; k < 3; k++)
            assert_false(raw_readable(fd[k], 0));
        close(fd[i]);
    }
}

static void
a_wake_of_all_reaches_all(void **state)
{
    struct fixture *f = *state;
    int fd[20];

    for (int i = 0; i < 20; i++) {
        fd[i] = raw_connect(f->port);
        raw_sends(fd[i], GET("/poll"));
    }
    wait_parked(f, "items", 20);
    give_items(f, 20);
    http_wake(f->server, "items", 0);
    for (int i = 0; i < 20; i++) {
        expect(fd[i], "", 200, "item");
        close(fd[i]);
    }
}

static void
a_parked_request_comes_back_when_its_time_is_up(void **state)
{
    struct fixture *f = *state;
    int fd = raw_connect(f->port);
    int64_t start = clock_mono_ms();

    expect(fd, GET("/poll?ms=150"), 200, "none");
    assert_true(clock_mono_ms() - start >= 150);
    expect(fd, GET("/poll?ms=1"), 200, "none");
    close(fd);
}

/* Producers and consumers at full speed: a wake between the look and the park
 * that got lost would leave an item behind and a client waiting. */
static void *
take_items(void *arg)
{
    struct fixture *f = arg;
    int fd = raw_connect(f->port);
    intptr_t got = 0;

    for (int i = 0; i < 50; i++) {
        struct raw_answer r;
        raw_sends(fd, GET("/poll?ms=9000"));
        raw_read(fd, &r, false);
        got += strcmp(r.body, "item") == 0;
        raw_answer_free(&r);
    }
    close(fd);
    return (void *)got;
}

static void
no_wake_is_lost(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[4];

    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_items, f), 0);
    for (int i = 0; i < 200; i++) {
        give_items(f, 1);
        http_wake(f->server, "items", 1);
        if (i % 7 == 0)
            usleep(300);
    }
    for (size_t i = 0; i < 4; i++) {
        void *got;
        pthread_join(threads[i], &got);
        assert_int_equal((intptr_t)got, 50);
    }
}

static void
a_wake_is_not_spent_on_a_client_that_has_gone(void **state)
{
    struct fixture *f = *state;
    int gone = raw_connect(f->port), fd = raw_connect(f->port);

    raw_sends(gone, GET("/poll"));
    wait_parked(f, "items", 1);
    raw_sends(fd, GET("/poll"));
    wait_parked(f, "items", 2);
    close(gone);
    give_items(f, 1);
    http_wake(f->server, "items", 1);
    expect(fd, "", 200, "item");
    close(fd);
}

static void
a_parked_client_that_has_gone_is_forgotten(void **state)
{
    struct fixture *f = *state;
    int fd = raw_connect(f->port);

    raw_sends(fd, GET("/poll"));
    wait_parked(f, "items", 1);
    close(fd);
    wait_parked(f, "items", 0);
    board_wait(&f->board, &f->board.done, 1);
    assert_int_equal(f->board.calls, 1); /* its handler was not asked again */
}

/* ---- stopping ---- */

static void *
stop_thread(void *arg)
{
    struct fixture *f = arg;

    httpd_stop(f->server, 8000);
    return NULL;
}

static void
stopping_wakes_the_parked_and_waits_for_the_running(void **state)
{
    struct fixture f;
    int parked[5], fd;
    struct raw_answer r;
    pthread_t stopper;
    char text[32];

    (void)state;
    start(&f, (struct httpd_config){0});
    for (int i = 0; i < 5; i++) {
        parked[i] = raw_connect(f.port);
        raw_sends(parked[i], GET("/poll"));
    }
    wait_parked(&f, "items", 5);
    fd = raw_connect(f.port);
    raw_sends(fd, GET("/slow"));
    board_wait(&f.board, &f.board.in_slow, 1);
    assert_int_equal(pthread_create(&stopper, NULL, stop_thread, &f), 0);
    for (int i = 0; i < 5; i++) {
        raw_read(parked[i], &r, false);
        assert_string_equal(r.body, "stopping");
        assert_true(raw_header(&r, "connection", text, sizeof(text)));
        assert_string_equal(text, "close");
        raw_answer_free(&r);
        raw_wait_closed(parked[i]);
        close(parked[i]);
    }
    assert_false(raw_readable(fd, 0));
    let_go(&f.board);
    expect(fd, "", 200, "slow");
    pthread_join(stopper, NULL);
    close(fd);
}

static void
stopping_answers_for_a_handler_that_parks_again(void **state)
{
    struct fixture f;
    struct raw_answer r;
    int fd;

    (void)state;
    start(&f, (struct httpd_config){0});
    fd = raw_connect(f.port);
    raw_sends(fd, GET("/forever"));
    wait_parked(&f, "never", 1);
    httpd_stop(f.server, 8000);
    raw_read(fd, &r, false);
    assert_int_equal(r.status, 503);
    raw_answer_free(&r);
    close(fd);
}

static void
stopping_does_not_wait_for_idle_or_dripping_clients(void **state)
{
    struct fixture f;
    int64_t begin = clock_mono_ms();
    int idle, half;

    (void)state;
    start(&f, (struct httpd_config){0});
    idle = raw_connect(f.port);
    half = raw_connect(f.port);
    expect(idle, GET("/"), 200, "hello");
    raw_sends(half, P "Content-Length: 10\r\n\r\nab");
    httpd_stop(f.server, 60000);
    assert_true(clock_mono_ms() - begin < 60000);
    raw_wait_closed(idle);
    raw_wait_closed(half);
    close(idle);
    close(half);
}

/* ---- listening ---- */

static void
a_unix_socket_serves_and_is_removed(void **state)
{
    char dir[] = "/tmp/tt-httpd-XXXXXX", listen_at[64];
    struct fixture f;
    int fd;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(listen_at, sizeof(listen_at), "unix:%s/sock", dir);
    start(&f, (struct httpd_config){.listen = listen_at});
    fd = raw_connect_unix(listen_at + 5);
    expect(fd, GET("/"), 200, "hello");
    close(fd);
    httpd_stop(f.server, 1000);
    assert_int_equal(rmdir(dir), 0); /* the socket's file is gone */
}

static void
a_stale_unix_socket_is_replaced_but_a_live_one_is_not(void **state)
{
    char dir[] = "/tmp/tt-httpd-XXXXXX", listen_at[64];
    struct httpd_config cfg = {.label = "second", .threads = 1};
    struct fixture f;
    struct err e = {0};
    int fd;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(listen_at, sizeof(listen_at), "unix:%s/sock", dir);
    fd = raw_listen_unix(listen_at + 5);
    close(fd); /* nobody listens, the file stays */
    start(&f, (struct httpd_config){.listen = listen_at});
    cfg.listen = listen_at;
    assert_null(httpd_start(&cfg, &e));
    assert_int_equal(e.code, ERR_UNAVAILABLE);
    assert_non_null(strstr(e.msg, "is taken"));
    httpd_stop(f.server, 1000);
    rmdir(dir);
}

static void
a_taken_port_is_named(void **state)
{
    struct fixture *f = *state;
    struct httpd_config cfg = {.label = "second", .threads = 1};
    struct err e = {0};
    char at[32], want[64];

    snprintf(at, sizeof(at), "127.0.0.1:%d", f->port);
    snprintf(want, sizeof(want), "address %s is taken", at);
    cfg.listen = at;
    assert_null(httpd_start(&cfg, &e));
    assert_int_equal(e.code, ERR_UNAVAILABLE);
    assert_non_null(strstr(e.msg, want));
}

#define WITH(test, up) cmocka_unit_test_setup_teardown(test, up, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(a_request_gets_its_answer_and_the_connection_is_kept, setup),
        WITH(pipelined_requests_are_answered_in_order, setup),
        WITH(head_is_served_by_get, setup),
        WITH(a_file_is_sent_whole, setup),
        WITH(a_handler_that_forgets_to_answer_gives_500, setup),
        WITH(parameters_and_queries_are_decoded, setup),
        WITH(unknown_addresses_and_methods_are_problems, setup),
        WITH(addresses_that_cannot_be_decoded_are_refused, setup),
        WITH(what_can_be_read_in_two_ways_is_refused, setup),
        WITH(odd_but_clear_requests_are_served, setup),
        WITH(unfinished_requests_are_waited_for, setup),
        WITH(headers_over_the_limit_get_431, setup),
        WITH(long_headers_leave_room_for_the_answer, setup),
        WITH(a_body_over_the_limit_gets_413, setup),
        WITH(a_chunked_body_over_the_limit_gets_413, setup),
        WITH(a_client_that_asks_first_is_told_at_once, setup),
        WITH(a_chunked_body_that_was_asked_for_gets_413_too, setup),
        cmocka_unit_test(too_many_bodies_at_once_get_503),
        WITH(an_endless_body_is_cut_off, setup),
        WITH(a_big_body_arrives_whole, setup),
        WITH(a_gate_refuses_before_the_handler, setup),
        WITH(parts_of_a_multipart_body_are_found, setup),
        WITH(a_client_that_drips_is_cut_off, setup_impatient),
        WITH(a_client_that_does_not_read_is_cut_off, setup_impatient),
        WITH(a_long_poll_has_no_deadline_of_the_request, setup_impatient),
        WITH(two_hundred_clients_at_once_are_served, setup),
        WITH(a_wake_goes_to_the_oldest, setup),
        WITH(a_wake_of_all_reaches_all, setup),
        WITH(a_parked_request_comes_back_when_its_time_is_up, setup),
        WITH(no_wake_is_lost, setup),
        WITH(a_wake_is_not_spent_on_a_client_that_has_gone, setup),
        WITH(a_parked_client_that_has_gone_is_forgotten, setup),
        cmocka_unit_test(stopping_wakes_the_parked_and_waits_for_the_running),
        cmocka_unit_test(stopping_answers_for_a_handler_that_parks_again),
        cmocka_unit_test(stopping_does_not_wait_for_idle_or_dripping_clients),
        cmocka_unit_test(a_unix_socket_serves_and_is_removed),
        cmocka_unit_test(a_stale_unix_socket_is_replaced_but_a_live_one_is_not),
        WITH(a_taken_port_is_named, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * redis.c - one connection to Redis that comes back by itself.
 *
 * A command whose connection breaks after it was sent has an unknown outcome
 * (TIMEOUT). To make that rare, an idle connection is looked at before it is
 * used again: one that the server closed meanwhile is replaced first.
 */
#include "io/redis.h"

#include <assert.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"

#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 2000
#define WORDS_MAX 64 /* of redis_cmdf */

struct redis {
    struct redis_config cfg;
    redisContext *c;    /* NULL: not connected */
    int64_t timeout_ms; /* of the socket just now */
    int64_t backoff_ms; /* 0: the last try was good */
    int64_t again_ms;   /* no try before it */
    struct err last;    /* why the last try was not good */
    struct buf queued;  /* formatted commands */
    size_t nqueued;
};

struct redis *
redis_new(const struct redis_config *cfg)
{
    struct redis *r = mem_calloc(1, sizeof(*r));

    r->cfg = *cfg;
    buf_init(&r->queued, LIM_REDIS_PIPE_BYTES);
    return r;
}

static void
redis_close(struct redis *r)
{
    if (r->c != NULL)
        redisFree(r->c);
    r->c = NULL;
}

void
redis_free(struct redis *r)
{
    if (r == NULL)
        return;
    redis_close(r);
    buf_free(&r->queued);
    mem_free(r);
}

/* ---- errors ---- */

/* "redis at /path" or "redis at host:port": never the password. */
static const char *
redis_place(const struct redis *r, char out[320])
{
    if (r->cfg.port == 0)
        snprintf(out, 320, "Redis at %s", r->cfg.host);
    else
        snprintf(out, 320, "Redis at %s:%d", r->cfg.host, r->cfg.port);
    return out;
}

static bool
text_starts(const char *text, const char *const *prefixes)
{
    for (; *prefixes != NULL; prefixes++)
        if (strncmp(text, *prefixes, strlen(*prefixes)) == 0)
            return true;
    return false;
}

/* An error answer as a sentence. Returns -1. */
static int
redis_refused(struct redis *r, const char *text, struct err *e)
{
    static const char *const wrong[] = {"WRONGPASS", "ERR invalid password",
                                        NULL};
    static const char *const none[] = {"ERR AUTH <password> called without",
                                       "ERR Client sent AUTH, but no", NULL};
    /* passing states of the server; the command did not run */
    static const char *const later[] = {
        "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN",
        "BUSY ",   "MISCONF",  "OOM ",       "NOREPLICAS",  NULL};
    char place[320];

    redis_place(r, place);
    if (strncmp(text, "NOAUTH", 6) == 0)
        return err_set(e, ERR_INTERNAL,
                       "%s wants a password: set REDIS_PASSWORD, or put it "
                       "into REDIS_URL",
                       place);
    if (text_starts(text, wrong))
        return err_set(e, ERR_INTERNAL,
                       "%s refuses the password: check REDIS_PASSWORD or "
                       "REDIS_URL",
                       place);
    if (text_starts(text, none))
        return err_set(e, ERR_INTERNAL,
                       "%s has no password, but one is set: remove it from "
                       "REDIS_PASSWORD or REDIS_URL",
                       place);
    return err_set(e, text_starts(text, later) ? ERR_UNAVAILABLE : ERR_INTERNAL,
                   "%s answers: %s", place, text);
}

/* The connection failed after something was sent. Returns -1. */
static int
redis_broken(struct redis *r, int64_t timeout_ms, struct err *e)
{
    bool slow =
        r->c->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK);
    char place[320], why[160];

    snprintf(why, sizeof(why), "%s", r->c->errstr);
    redis_close(r);
    redis_place(r, place);
    if (slow)
        return err_set(e, ERR_TIMEOUT, "%s gave no answer for %" PRId64 " ms",
                       place, timeout_ms);
    return err_set(e, ERR_TIMEOUT, "the connection to %s broke: %s", place,
                   why);
}

/* ---- connecting ---- */

static struct timeval
timeval_of(int64_t ms)
{
    if (ms < 1)
        ms = 1; /* 0 would mean for ever */
    return (struct timeval){.tv_sec = (time_t)(ms / 1000),
                            .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

static int
connect_command(struct redis *r, int argc, const char **argv, struct err *e)
{
    redisReply *reply = redisCommandArgv(r->c, argc, argv, NULL);
    char place[320];
    int rc = 0;

    if (reply == NULL)
        rc = err_set(e, ERR_UNAVAILABLE, "%s does not answer: %s",
                     redis_place(r, place), r->c->errstr);
    else if (reply->type == REDIS_REPLY_ERROR)
        rc = redis_refused(r, reply->str, e);
    freeReplyObject(reply);
    return rc;
}

static int
connect_login(struct redis *r, struct err *e)
{
    const struct redis_config *g = &r->cfg;
    const char *words[3] = {"AUTH", g->user, g->password};
    char db[16];

    if (g->user[0] == '\0')
        words[1] = g->password;
    if (g->password[0] != '\0' &&
        connect_command(r, g->user[0] != '\0' ? 3 : 2, words, e) != 0)
        return -1;
    if (g->db == 0)
        return 0;
    snprintf(db, sizeof(db), "%d", g->db);
    words[0] = "SELECT";
    words[1] = db;
    return connect_command(r, 2, words, e);
}

static int
connect_now(struct redis *r, struct err *e)
{
    struct timeval tv = timeval_of(LIM_REDIS_CONNECT_MS);
    char place[320];

    r->timeout_ms = LIM_REDIS_CONNECT_MS;
    r->c = r->cfg.port == 0
               ? redisConnectUnixWithTimeout(r->cfg.host, tv)
               : redisConnectWithTimeout(r->cfg.host, r->cfg.port, tv);
    if (r->c == NULL || r->c->err != 0)
        return err_set(e, ERR_UNAVAILABLE, "cannot reach %s: %s",
                       redis_place(r, place),
                       r->c == NULL ? "out of memory" : r->c->errstr);
    if (redisSetTimeout(r->c, tv) != REDIS_OK)
        return err_set(e, ERR_UNAVAILABLE, "cannot reach %s: %s",
                       redis_place(r, place), r->c->errstr);
    if (r->cfg.port != 0)
        redisEnableKeepAlive(r->c);
    return connect_login(r, e);
}

static int
connect_again(struct redis *r, struct err *e)
{
    if (r->backoff_ms > 0 && clock_mono_ms() < r->again_ms)
        return err_set(e, r->last.code, "%s", r->last.msg);
    if (connect_now(r, &r->last) == 0) {
        r->backoff_ms = 0;
        return 0;
    }
    redis_close(r);
    r->backoff_ms = r->backoff_ms == 0 ? BACKOFF_MIN_MS : 2 * r->backoff_ms;
    if (r->backoff_ms > BACKOFF_MAX_MS)
        r->backoff_ms = BACKOFF_MAX_MS;
    r->again_ms = clock_mono_ms() + r->backoff_ms;
    return err_set(e, r->last.code, "%s", r->last.msg);
}

/* Nothing is asked, so bytes or an end mean that the server closed it. */
static bool
redis_is_stale(const struct redis *r)
{
    struct pollfd p = {.fd = r->c->fd, .events = POLLIN};

    return poll(&p, 1, 0) != 0;
}

static int
redis_ready(struct redis *r, int64_t timeout_ms, struct err *e)
{
    if (r->c != NULL && redis_is_stale(r))
        redis_close(r);
    if (r->c == NULL && connect_again(r, e) != 0)
        return -1;
    if (r->timeout_ms == timeout_ms)
        return 0;
    r->timeout_ms = timeout_ms;
    if (redisSetTimeout(r->c, timeval_of(timeout_ms)) == REDIS_OK)
        return 0;
    redis_close(r);
    return err_set(e, ERR_UNAVAILABLE, "cannot set a socket's timeout");
}

/* ---- answers ---- */

static size_t
reply_bytes(const redisReply *from)
{
    size_t n = sizeof(struct redis_reply) + 1;

    if (from->str != NULL)
        n += from->len;
    for (size_t i = 0; i < from->elements; i++)
        n += reply_bytes(from->element[i]);
    return n;
}

static void
reply_copy(struct arena *a, const redisReply *from, struct redis_reply *out)
{
    *out = (struct redis_reply){.type = REDIS_NIL, .i = from->integer};
    switch (from->type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        out->type =
            from->type == REDIS_REPLY_STRING ? REDIS_STRING : REDIS_STATUS;
        out->s = arena_str(a, str_n(from->str, from->len));
        break;
    case REDIS_REPLY_ERROR:
        out->type = REDIS_STATUS;
        out->s = str_c(arena_fmt(a, "-%s", from->str));
        break;
    case REDIS_REPLY_INTEGER:
        out->type = REDIS_INT;
        break;
    case REDIS_REPLY_ARRAY:
        out->type = REDIS_LIST;
        out->nitems = from->elements;
        out->items = ARENA_ARRAY(a, struct redis_reply, from->elements);
        for (size_t i = 0; i < from->elements; i++)
            reply_copy(a, from->element[i], &out->items[i]);
        break;
    default:
        break;
    }
}

/* 0, or -1 with the connection closed. Never an error answer's text in e. */
static int
redis_read(struct redis *r, struct arena *a, int64_t timeout_ms,
           struct redis_reply *out, struct err *e)
{
    void *p = NULL;
    int rc = 0;

    errno = 0;
    if (redisGetReply(r->c, &p) != REDIS_OK)
        return redis_broken(r, timeout_ms, e);
    if (reply_bytes(p) > LIM_REDIS_ANSWER_BYTES) {
        rc = err_set(e, ERR_TOO_LARGE,
                     "an answer of Redis has more than %d bytes",
                     LIM_REDIS_ANSWER_BYTES);
        redis_close(r);
    } else {
        reply_copy(a, p, out);
    }
    freeReplyObject(p);
    return rc;
}

/* ---- commands ---- */

static void
queue_words(struct redis *r, size_t nwords, const struct str *words)
{
    buf_addf(&r->queued, "*%zu\r\n", nwords);
    for (size_t i = 0; i < nwords; i++) {
        buf_addf(&r->queued, "$%zu\r\n", words[i].len);
        buf_add_str(&r->queued, words[i]);
        buf_add_c(&r->queued, "\r\n");
    }
}

void
redis_queue(struct redis *r, size_t nwords, const struct str *words)
{
    assert(nwords > 0);
    queue_words(r, nwords, words);
    r->nqueued++;
}

static int
flush_sent(struct redis *r, struct arena *a, int64_t timeout_ms,
           struct redis_reply *replies, size_t n, struct err *e)
{
    if (redisAppendFormattedCommand(r->c, r->queued.p, r->queued.len) !=
        REDIS_OK)
        return redis_broken(r, timeout_ms, e);
    for (size_t i = 0; i < n; i++)
        if (redis_read(r, a, timeout_ms, &replies[i], e) != 0)
            return -1;
    return 0;
}

int
redis_flush(struct redis *r, struct arena *a, int64_t timeout_ms,
            struct redis_reply **out, size_t *n, struct err *e)
{
    int rc = 0;

    *n = r->nqueued;
    *out = ARENA_ARRAY(a, struct redis_reply, *n);
    if (r->queued.failed)
        rc = err_set(e, ERR_TOO_LARGE,
                     "%zu commands for Redis have more than %d bytes", *n,
                     LIM_REDIS_PIPE_BYTES);
    else if (*n > 0)
        rc = redis_ready(r, timeout_ms, e);
    if (rc == 0 && *n > 0)
        rc = flush_sent(r, a, timeout_ms, *out, *n, e);
    r->nqueued = 0;
    buf_clear(&r->queued);
    return rc;
}

int
redis_cmd(struct redis *r, struct arena *a, int64_t timeout_ms, size_t nwords,
          const struct str *words, struct redis_reply *out, struct err *e)
{
    struct redis_reply *replies;
    size_t n;

    assert(r->nqueued == 0); /* a pipeline is flushed first */
    redis_queue(r, nwords, words);
    if (redis_flush(r, a, timeout_ms, &replies, &n, e) != 0)
        return -1;
    *out = replies[0];
    if (out->type != REDIS_STATUS || out->s.len == 0 || out->s.p[0] != '-')
        return 0;
    redis_refused(r, out->s.p + 1, e);
    /* a failover left us with a replica, or the password changed: the next
     * call finds out where we are */
    if (strncmp(out->s.p, "-READONLY", 9) == 0 ||
        strncmp(out->s.p, "-NOAUTH", 7) == 0)
        redis_close(r);
    return -1;
}

/* One conversion at *fmt, behind its %. */
static const char *
format_one(struct buf *word, const char *fmt, va_list *ap)
{
    const struct str *s;

    if (strncmp(fmt, "lld", 3) == 0) {
        buf_addf(word, "%lld", va_arg(*ap, long long));
        return fmt + 3;
    }
    switch (*fmt) {
    case 's':
        buf_add_c(word, va_arg(*ap, const char *));
        break;
    case 'b':
        s = va_arg(*ap, const struct str *);
        buf_add_str(word, *s);
        break;
    default:
        assert(*fmt == '%'); /* no other conversion is known */
        buf_add_byte(word, '%');
    }
    return fmt + 1;
}

static struct str
format_word(struct redis *r, struct arena *a, const char **fmt, va_list *ap)
{
    struct buf word;
    struct str s;

    buf_init(&word, LIM_REDIS_PIPE_BYTES);
    while (**fmt != '\0' && **fmt != ' ') {
        if (**fmt == '%')
            *fmt = format_one(&word, *fmt + 1, ap);
        else
            buf_add_byte(&word, *(*fmt)++);
    }
    s = arena_str(a, buf_str(&word));
    if (word.failed) /* nor would it fit into the queue */
        r->queued.failed = true;
    buf_free(&word);
    return s;
}

int
redis_cmdf(struct redis *r, struct arena *a, int64_t timeout_ms,
           struct redis_reply *out, struct err *e, const char *fmt, ...)
{
    struct str words[WORDS_MAX];
    size_t n = 0;
    va_list ap;

    va_start(ap, fmt);
    while (*fmt != '\0') {
        assert(n < WORDS_MAX);
        words[n++] = format_word(r, a, &fmt, &ap);
        while (*fmt == ' ')
            fmt++;
    }
    va_end(ap);
    return redis_cmd(r, a, timeout_ms, n, words, out, e);
}

int
redis_run_id(struct redis *r, char out[41], struct err *e)
{
    struct arena *a = arena_new();
    struct redis_reply reply;
    const char *p = NULL;
    int rc;

    rc = redis_cmdf(r, a, LIM_REDIS_CONNECT_MS, &reply, e, "INFO server");
    if (rc == 0 && reply.type == REDIS_STRING)
        p = strstr(reply.s.p, "run_id:");
    if (rc == 0 && (p == NULL || strlen(p) < 7 + 40))
        rc = err_set(e, ERR_INTERNAL, "INFO server of Redis has no run_id");
    if (rc == 0)
        snprintf(out, 41, "%.40s", p + 7);
    arena_free(a);
    return rc;
}

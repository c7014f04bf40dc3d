/*
 * redis.h - Redis client (hiredis), one connection, reconnects by itself.
 *
 * Blocking, one thread at a time per struct. After any error the connection
 * is closed; the next call connects again (with back-off 50 ms .. 2 s inside
 * which calls fail at once with UNAVAILABLE). Socket timeout = timeout_ms of
 * the call. Errors never carry the password.
 *
 * redis:// and unix: only: rediss:// is refused with the reason (hiredis 0.14
 * has no TLS).
 */
#ifndef IO_REDIS_H
#define IO_REDIS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/setting.h"
#include "base/str.h"

struct redis;

struct redis_config {
    char host[256]; /* or unix path, then port is 0 */
    int port;
    char user[128]; /* of an ACL; "" = the default user */
    char password[256];
    int db;
};

/* redis://[[user]:password@]host[:port][/db], unix:/path[?db=N]; user and
 * password may be percent-encoded. BAD_INPUT never quotes the address. */
int redis_url_parse(const char *url, struct redis_config *out, struct err *e);
/* From REDIS_URL or REDIS_HOST (a path that starts with / is a unix socket);
 * REDIS_PORT, REDIS_PASSWORD, REDIS_DB that are set and differ from the
 * address: BAD_INPUT, but REDIS_PASSWORD completes one without a password.
 * NOT_FOUND when neither REDIS_URL nor REDIS_HOST is set. */
int redis_config_from(const struct settings *s, struct redis_config *out,
                      struct err *e);

struct redis *redis_new(const struct redis_config *cfg); /* connects later */
void redis_free(struct redis *r);
/* The server's answers, copied into the arena. */
enum redis_type {
    REDIS_NIL,
    REDIS_STRING,
    REDIS_INT,
    REDIS_LIST,
    REDIS_STATUS
};
struct redis_reply {
    enum redis_type type;
    int64_t i;
    struct str s;
    struct redis_reply *items;
    size_t nitems;
};
/* One command given as words (binary safe). UNAVAILABLE: known not to have
 * run (no connection; loading; read-only). TIMEOUT: sent, and no answer came.
 * TOO_LARGE: an answer over LIM_REDIS_ANSWER_BYTES. Any other error answer of
 * Redis is ERR_INTERNAL with its text (NOAUTH, WRONGPASS: a sentence that
 * names the setting). timeout_ms is added to by blocking commands' callers:
 * give BLMOVE its own timeout + 1000. */
int redis_cmd(struct redis *r, struct arena *a, int64_t timeout_ms,
              size_t nwords, const struct str *words, struct redis_reply *out,
              struct err *e);
/* Words by format, cut at spaces: %s char*, %b struct str (passed as
 * pointer), %lld, %%. What is put in is never cut: "SET queue:%s %b". */
int redis_cmdf(struct redis *r, struct arena *a, int64_t timeout_ms,
               struct redis_reply *out, struct err *e, const char *fmt, ...);
/* Pipeline: queue commands, then run them in one round trip. */
void redis_queue(struct redis *r, size_t nwords, const struct str *words);
/* Answers of all queued commands; an error answer of a single command stands
 * in its reply as type REDIS_STATUS with text "-ERR ...". Whatever comes of
 * it, the queue is empty then. TOO_LARGE: more than LIM_REDIS_PIPE_BYTES were
 * queued; nothing was sent. */
int redis_flush(struct redis *r, struct arena *a, int64_t timeout_ms,
                struct redis_reply **out, size_t *n, struct err *e);
/* "run_id" of INFO server, into out[41]; changes when the server restarts. */
int redis_run_id(struct redis *r, char out[41], struct err *e);

#endif

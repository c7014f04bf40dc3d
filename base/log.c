/*
 * log.c - one event, one line.
 *
 * DESIGN. The message is formatted whole, masked, and only then cut and
 * escaped: a secret that straddles the cut would be half shown otherwise.
 * A secret is looked for as it is, percent-encoded (URLs) and JSON-escaped,
 * by decoding the text while comparing; so upper or lower case digits and
 * encoders that escape more than they must make no difference.
 */
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/utf8.h"

#define LINE_MAX_BYTES 4096 /* with \n; at most PIPE_BUF, so lines stay whole */
#define LINE_TAIL 16        /* kept free for what closes a line */
#define SECRET_MIN 6        /* shorter ones would mask ordinary words */
#define MESSAGE_MAX (1024 * 1024) /* what is formatted and masked at all */
#define MASK "***"

static const char *role = "";
static atomic_int min_level = LOG_INFO;
static atomic_bool as_json;
static atomic_int out_fd = STDERR_FILENO;
static _Thread_local char job[ID_MAX];

/* Grows by what settings and roles register, a dozen or two. */
static pthread_rwlock_t secrets_lock = PTHREAD_RWLOCK_INITIALIZER;
static struct str *secrets;
static size_t secrets_n;

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug",
    [LOG_INFO] = "info",
    [LOG_WARN] = "warn",
    [LOG_ERROR] = "error",
};
static const char *const level_marks[] = {
    [LOG_DEBUG] = "DEBUG",
    [LOG_INFO] = "INFO ",
    [LOG_WARN] = "WARN ",
    [LOG_ERROR] = "ERROR",
};

/* --- secrets --- */

/* Each reader takes one piece of text (len > 0), gives the bytes that it
 * stands for (at most 4) in out and returns the bytes of text taken. want is
 * the secret's byte that is looked for. */
typedef size_t read_fn(struct str text, char want, char out[4], size_t *n);

static size_t
read_plain(struct str text, char want, char out[4], size_t *n)
{
    (void)want;
    out[0] = text.p[0];
    *n = 1;
    return 1;
}

static size_t
read_percent(struct str text, char want, char out[4], size_t *n)
{
    int hi = text.len >= 3 ? str_hex_digit(text.p[1]) : -1;
    int lo = text.len >= 3 ? str_hex_digit(text.p[2]) : -1;

    if (text.p[0] == '%' && hi >= 0 && lo >= 0) {
        out[0] = (char)(hi * 16 + lo);
        *n = 1;
        return 3;
    }
    read_plain(text, want, out, n);
    if (out[0] == '+' && want == ' ') /* form encoding */
        out[0] = ' ';
    return 1;
}

static long
read_hex4(struct str text)
{
    long v = 0;

    if (text.len < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        int d = str_hex_digit(text.p[i]);

        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

static size_t
utf8_put(long cp, char out[4])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

static size_t
read_json_u(struct str text, char want, char out[4], size_t *n)
{
    long cp = read_hex4(str_sub(text, 2, 4));
    long low;

    if (cp < 0)
        return read_plain(text, want, out, n);
    if (cp >= 0xd800 && cp < 0xdc00 && text.len >= 12 && text.p[6] == '\\' &&
        text.p[7] == 'u') {
        low = read_hex4(str_sub(text, 8, 4));
        if (low >= 0xdc00 && low < 0xe000) {
            cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
            *n = utf8_put(cp, out);
            return 12;
        }
    }
    *n = utf8_put(cp, out);
    return 6;
}

static size_t
read_json(struct str text, char want, char out[4], size_t *n)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    const char *at;

    if (text.p[0] != '\\' || text.len < 2)
        return read_plain(text, want, out, n);
    if (text.p[1] == 'u')
        return read_json_u(text, want, out, n);
    at = text.p[1] == '\0' ? NULL : strchr(from, text.p[1]);
    if (at == NULL)
        return read_plain(text, want, out, n);
    out[0] = to[at - from];
    *n = 1;
    return 2;
}

/* Bytes of text that spell the secret from the start; 0 when it is not. */
static size_t
spells(struct str text, struct str secret, read_fn *read)
{
    size_t at = 0;
    size_t done = 0;

    while (done < secret.len) {
        char out[4];
        size_t n;

        if (at == text.len)
            return 0;
        at += read(str_sub(text, at, text.len), secret.p[done], out, &n);
        if (n > secret.len - done || memcmp(secret.p + done, out, n) != 0)
            return 0;
        done += n;
    }
    return at;
}

static size_t
secret_at(struct str text)
{
    size_t longest = 0;

    for (size_t i = 0; i < secrets_n; i++) {
        read_fn *const readers[] = {read_plain, read_percent, read_json};
        char c = text.p[0];

        if (c != secrets[i].p[0] && c != '%' && c != '\\' && c != '+')
            continue;
        for (size_t k = 0; k < 3; k++) {
            size_t n = spells(text, secrets[i], readers[k]);

            if (n > longest)
                longest = n;
        }
    }
    return longest;
}

void
log_redact(char *text)
{
    struct str rest = str_c(text);
    char *to = text;

    pthread_rwlock_rdlock(&secrets_lock);
    while (secrets_n > 0 && rest.len > 0) {
        size_t n = secret_at(rest);

        if (n > 0) {
            memcpy(to, MASK, sizeof(MASK) - 1);
            to += sizeof(MASK) - 1;
            rest = str_sub(rest, n, rest.len);
        } else {
            *to++ = rest.p[0];
            rest = str_sub(rest, 1, rest.len);
        }
        if (rest.len == 0)
            *to = '\0';
    }
    pthread_rwlock_unlock(&secrets_lock);
}

void
log_secret(const char *secret)
{
    struct str s = str_c(secret);

    if (s.len < SECRET_MIN)
        return;
    pthread_rwlock_wrlock(&secrets_lock);
    for (size_t i = 0; i < secrets_n; i++) {
        if (str_eq(secrets[i], s))
            goto out;
    }
    secrets = mem_realloc(secrets, (secrets_n + 1) * sizeof(*secrets));
    secrets[secrets_n++] = str_n(mem_strdup(secret), s.len);
out:
    pthread_rwlock_unlock(&secrets_lock);
}

/* --- lines --- */

void
log_init(const char *role_name, enum log_level level, bool json)
{
    role = role_name;
    atomic_store(&min_level, (int)level);
    atomic_store(&as_json, json);
}

void
log_set_fd(int fd)
{
    atomic_store(&out_fd, fd);
}

void
log_job_set(const char *job_id)
{
    snprintf(job, sizeof(job), "%s", job_id == NULL ? "" : job_id);
}

bool
log_level_parse(const char *name, enum log_level *out)
{
    for (int i = LOG_DEBUG; i <= LOG_ERROR; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* Control bytes, C1 included, and what turns the writing direction: a line
 * must not be able to look like another on a terminal. */
static bool
is_control(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) ||
           (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

static size_t
escape_one(struct str s, bool json, char out[16])
{
    uint32_t cp = 0;
    size_t n = utf8_step(s, &cp);
    const char *esc = "\"\"\\\\\nn\rr\tt"; /* pairs: byte, its letter */

    if (n == 0) {
        snprintf(out, 16, json ? "\\ufffd" : "\\x%02x",
                 (unsigned)(unsigned char)s.p[0]);
        return 1;
    }
    for (esc = json ? esc : esc + 4; *esc != '\0' && n == 1; esc += 2) {
        if (s.p[0] == *esc) {
            snprintf(out, 16, "\\%c", esc[1]);
            return 1;
        }
    }
    if (!is_control(cp))
        snprintf(out, 16, "%.*s", (int)n, s.p);
    else if (json || cp > 0xff)
        snprintf(out, 16, "\\u%04x", (unsigned)cp);
    else
        snprintf(out, 16, "\\x%02x", (unsigned)cp);
    return n;
}

/* Adds what fits whole; the line's tail always does. */
static void
add_escaped(struct buf *b, const char *z, bool json)
{
    struct str s = str_c(z);
    char out[16];

    while (s.len > 0) {
        size_t n = escape_one(s, json, out);

        if (b->len + strlen(out) > LINE_MAX_BYTES - LINE_TAIL) {
            buf_add_c(b, "...");
            return;
        }
        buf_add_c(b, out);
        s = str_sub(s, n, s.len);
    }
}

static void
line_text(struct buf *b, enum log_level level, const char *name,
          const char *msg)
{
    char ts[25];

    clock_format(clock_wall_ms(), ts);
    buf_addf(b, "%.12s %s ", ts + 11, level_marks[level]);
    if (role[0] != '\0')
        buf_addf(b, "%.32s ", role);
    add_escaped(b, name, false);
    if (job[0] != '\0') {
        buf_add_c(b, " job=");
        add_escaped(b, job, false);
    }
    if (msg[0] != '\0') {
        buf_add_c(b, " ");
        add_escaped(b, msg, false);
    }
    buf_add_c(b, "\n");
}

static void
line_json(struct buf *b, enum log_level level, const char *name,
          const char *msg)
{
    char ts[25];

    clock_format(clock_wall_ms(), ts);
    buf_addf(b, "{\"ts\":\"%s\",\"level\":\"%s\",\"role\":\"%.32s\"", ts,
             level_names[level], role);
    buf_add_c(b, ",\"event\":\"");
    add_escaped(b, name, true);
    if (job[0] != '\0') {
        buf_add_c(b, "\",\"job\":\"");
        add_escaped(b, job, true);
    }
    buf_add_c(b, "\",\"msg\":\"");
    add_escaped(b, msg, true);
    buf_add_c(b, "\"}\n");
}

void
log_event(enum log_level level, const char *area, const char *event,
          const char *fmt, ...)
{
    int saved = errno; /* callers log between a failure and its report */
    char name[128];
    struct buf line, msg;
    va_list ap;

    if ((int)level < atomic_load(&min_level))
        return;
    snprintf(name, sizeof(name), "%s.%s", area, event);
    buf_init(&msg, MESSAGE_MAX);
    va_start(ap, fmt);
    buf_addv(&msg, fmt, ap);
    va_end(ap);
    if (msg.failed) {
        buf_clear(&msg);
        buf_add_c(&msg, "(message too large)");
    }
    if (msg.p != NULL)
        log_redact(msg.p);
    buf_init(&line, LINE_MAX_BYTES);
    if (atomic_load(&as_json))
        line_json(&line, level, name, buf_cstr(&msg));
    else
        line_text(&line, level, name, buf_cstr(&msg));
    assert(!line.failed);
    /* nobody is left to tell when this fails */
    if (write(atomic_load(&out_fd), line.p, line.len) < 0)
        errno = saved;
    buf_free(&msg);
    buf_free(&line);
    errno = saved;
}

/*
 * httpd_watch.c - connections and their deadlines.
 *
 * DESIGN. libmicrohttpd's own timeout counts inactivity only: a client that
 * sends a byte a second keeps its connection for ever (reliability 3.2). So
 * each connection carries an absolute deadline, set by what it does:
 *
 *   opened, nothing received        header_ms
 *   request line is there           header_ms
 *   headers are there, body comes   request_ms, plus time by bytes received
 *   with a handler, or parked       none: handlers end by themselves
 *   answer is being sent            request_ms, plus time by size
 *   kept open between requests      LIM_HTTP_IDLE_MS
 *
 * The timer thread shuts down what is late. It does so under the lock that
 * httpd_watch_remove() takes before libmicrohttpd closes the descriptor, or
 * it could hit a descriptor that already belongs to somebody else.
 */
#include "io/httpd_int.h"

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

static void
addr_copy(struct sockaddr_storage *out, const struct sockaddr *sa)
{
    if (sa && sa->sa_family == AF_INET)
        memcpy(out, sa, sizeof(struct sockaddr_in));
    else if (sa && sa->sa_family == AF_INET6)
        memcpy(out, sa, sizeof(struct sockaddr_in6));
}

struct httpd_conn *
httpd_watch_add(struct httpd *s, struct MHD_Connection *mhd)
{
    struct httpd_conn *c = mem_calloc(1, sizeof(*c));
    const union MHD_ConnectionInfo *info;

    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    c->fd = info->connect_fd;
    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    addr_copy(&c->addr, info ? info->client_addr : NULL);
    c->opened_ms = clock_mono_ms();
    c->deadline_ms = c->opened_ms + s->header_ms;
    pthread_mutex_lock(&s->watch.lock);
    c->next = s->watch.list;
    if (c->next)
        c->next->prev = c;
    s->watch.list = c;
    pthread_mutex_unlock(&s->watch.lock);
    return c;
}

void
httpd_watch_remove(struct httpd *s, struct httpd_conn *c)
{
    pthread_mutex_lock(&s->watch.lock);
    if (c->prev)
        c->prev->next = c->next;
    else
        s->watch.list = c->next;
    if (c->next)
        c->next->prev = c->prev;
    pthread_mutex_unlock(&s->watch.lock);
    mem_free(c);
}

/* One customer: an IPv4 address, or an IPv6 /64. */
static bool
same_network(const struct sockaddr *a, const struct sockaddr_storage *b)
{
    if (a->sa_family != b->ss_family)
        return false;
    if (a->sa_family == AF_INET)
        return ((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr ==
               ((const struct sockaddr_in *)b)->sin_addr.s_addr;
    return memcmp(
               &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
               &((const struct sockaddr_in6 *)b)->sin6_addr, 8) == 0;
}

static bool
is_limited(const struct sockaddr *sa)
{
    if (sa->sa_family == AF_INET)
        return (ntohl(((const struct sockaddr_in *)(const void *)sa)
                          ->sin_addr.s_addr) >> 24) != 127;
    if (sa->sa_family == AF_INET6)
        return !IN6_IS_ADDR_LOOPBACK(
            &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
    return false;
}

bool
httpd_watch_admits(struct httpd *s, const struct sockaddr *addr)
{
    size_t n = 0;

    if (!addr || !is_limited(addr))
        return true;
    pthread_mutex_lock(&s->watch.lock);
    for (struct httpd_conn *c = s->watch.list; c; c = c->next)
        n += same_network(addr, &c->addr);
    pthread_mutex_unlock(&s->watch.lock);
    return n < LIM_HTTP_PER_ADDRESS;
}

void
httpd_watch_pass(struct httpd *s, int64_t now_ms)
{
    size_t late = 0;

    pthread_mutex_lock(&s->watch.lock);
    for (struct httpd_conn *c = s->watch.list; c; c = c->next) {
        if (now_ms < c->deadline_ms)
            continue;
        c->deadline_ms = INT64_MAX;
        shutdown(c->fd, SHUT_RDWR);
        late++;
    }
    pthread_mutex_unlock(&s->watch.lock);
    if (late > 0)
        log_debug("httpd", "late", "server=%s closed=%zu", s->cfg.label, late);
}

void
httpd_watch_shutdown_all(struct httpd *s)
{
    pthread_mutex_lock(&s->watch.lock);
    for (struct httpd_conn *c = s->watch.list; c; c = c->next)
        shutdown(c->fd, SHUT_RDWR);
    pthread_mutex_unlock(&s->watch.lock);
}

bool
httpd_peer_is_gone(const struct httpd_conn *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};

    return poll(&p, 1, 0) == 1;
}

void
httpd_peer_text(const struct httpd_conn *c, char out[INET6_ADDRSTRLEN])
{
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&c->addr;

    if (c->addr.ss_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)&c->addr)->sin_addr,
                  out, INET6_ADDRSTRLEN);
    else if (c->addr.ss_family == AF_INET6 &&
             IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
        inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], out, INET6_ADDRSTRLEN);
    else if (c->addr.ss_family == AF_INET6)
        inet_ntop(AF_INET6, &six->sin6_addr, out, INET6_ADDRSTRLEN);
    else
        memcpy(out, "unix", 5);
}

/*
 * gpu.c - see gpu.h.
 */
#include "worker/gpu.h"

#include <inttypes.h>

#define REDIS_MS 2000

/* KEYS[1] lock; ARGV: our value, milliseconds, what begins our values. */
static const char lock_script[] =
    "local o = redis.call('GET', KEYS[1]) "
    "if not o or o == ARGV[1] or string.sub(o, 1, #ARGV[3]) == ARGV[3] then "
    "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return '' end "
    "return o";
static const char unlock_script[] =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then "
    "return redis.call('DEL', KEYS[1]) end return 0";

int
gpu_lock(struct redis *r, struct arena *a, const struct gpu_owner *me,
         const char *address, const char **holder, struct err *e)
{
    const struct str words[] = {
        STR("EVAL"),
        str_c(lock_script),
        STR("1"),
        str_c(arena_fmt(a, "gpu:%s", address)),
        str_c(arena_fmt(a, "%s %s", me->worker, me->boot)),
        str_c(arena_fmt(a, "%" PRId64, me->ttl_ms)),
        str_c(arena_fmt(a, "%s ", me->worker))};
    struct redis_reply reply;

    *holder = NULL;
    if (redis_cmd(r, a, REDIS_MS, 7, words, &reply, e) != 0)
        return -1;
    if (reply.type == REDIS_STRING && reply.s.len > 0)
        *holder = arena_strn(a, reply.s.p, reply.s.len);
    return 0;
}

int
gpu_unlock(struct redis *r, struct arena *a, const struct gpu_owner *me,
           const char *address, struct err *e)
{
    const struct str words[] = {
        STR("EVAL"), str_c(unlock_script), STR("1"),
        str_c(arena_fmt(a, "gpu:%s", address)),
        str_c(arena_fmt(a, "%s %s", me->worker, me->boot))};
    struct redis_reply reply;

    return redis_cmd(r, a, REDIS_MS, 5, words, &reply, e);
}

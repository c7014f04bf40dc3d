/*
 * tg_limits.c - how fast a bot may send: about one message a second in a
 * chat, about thirty over all, short bursts pass (telegram contract 3.1).
 *
 * Token buckets. A refused request takes nothing, so that who obeys
 * retry_after gets through.
 */
#include "sandbox/tg.h"

#include <math.h>
#include "base/clock.h"

#define CHAT_PER_S 1.0
#define CHAT_BURST 5.0
#define ALL_PER_S 30.0
#define ALL_BURST 30.0

static void
refill(struct tgs_bucket *b, double per_s, double burst)
{
    int64_t now = clock_mono_ms();

    if (b->at_ms == 0)
        b->tokens = burst;
    else
        b->tokens += (double)(now - b->at_ms) * per_s / 1000;
    if (b->tokens > burst)
        b->tokens = burst;
    b->at_ms = now;
}

/* Seconds until there is a whole token; an album may overdraw. */
static int
wait_s(const struct tgs_bucket *b, double per_s)
{
    return b->tokens >= 1 ? 0 : (int)ceil((1 - b->tokens) / per_s);
}

static int
take(struct tg *t, struct tgs_bucket *chat, unsigned n)
{
    int in_chat, in_all;

    if (!t->limits_on)
        return 0;
    refill(chat, CHAT_PER_S, CHAT_BURST);
    refill(&t->overall, ALL_PER_S, ALL_BURST);
    in_chat = wait_s(chat, CHAT_PER_S);
    in_all = wait_s(&t->overall, ALL_PER_S);
    if (in_chat > 0 || in_all > 0) {
        t->stats.limited++;
        return in_chat > in_all ? in_chat : in_all;
    }
    chat->tokens -= n;
    t->overall.tokens -= n;
    return 0;
}

int
tgs_limit_send(struct tg *t, struct tgs_chat *c, unsigned n)
{
    return take(t, &c->sends, n);
}

int
tgs_limit_edit(struct tg *t, struct tgs_chat *c)
{
    return take(t, &c->edits, 1);
}

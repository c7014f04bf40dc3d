/*
 * tg_updates.c - updates that wait to be taken, and the lanes that keep the
 * order of those that belong together (telegram contract 1.4).
 *
 * A pending update is in the list of all pending ones (getUpdates) and in its
 * lane (webhook). Whoever takes it settles it. The ring remembers the newest
 * ones, so that they can be delivered again.
 */
#include "sandbox/tg.h"

#include <string.h>
#include "base/clock.h"
#include "base/mem.h"

#define DAY_MS 86400000
#define QUERY_MS 150000

static const struct {
    const char *name;
    int64_t lives_ms;
    uint64_t lane; /* class of the queue key */
} kinds[TG_UP_KINDS] = {
    [TG_UP_MESSAGE] = {"message", DAY_MS, 0},
    [TG_UP_EDITED_MESSAGE] = {"edited_message", DAY_MS, 0},
    [TG_UP_CALLBACK_QUERY] = {"callback_query", QUERY_MS, 1},
    [TG_UP_MY_CHAT_MEMBER] = {"my_chat_member", DAY_MS, 2},
    [TG_UP_OTHER] = {"other", DAY_MS, 3},
};

const char *
tgs_update_kind_name(enum tgs_update_kind k)
{
    return kinds[k].name;
}

/* ---- what the bot wants ---- */

static void
allow(struct tg *t, const char *name, size_t *known)
{
    for (size_t k = 0; k < TG_UP_OTHER; k++)
        if (strcmp(kinds[k].name, name) == 0) {
            t->wanted[k] = true;
            ++*known;
        }
}

/* Kinds that the Bot API knows and the sandbox never makes count as known. */
static bool
is_kind(const char *name)
{
    static const char *const others[] = {"channel_post",
                                         "edited_channel_post",
                                         "inline_query",
                                         "chosen_inline_result",
                                         "shipping_query",
                                         "pre_checkout_query",
                                         "purchased_paid_media",
                                         "poll",
                                         "poll_answer",
                                         "chat_member",
                                         "chat_join_request",
                                         "chat_boost",
                                         "removed_chat_boost",
                                         "message_reaction",
                                         "message_reaction_count",
                                         "business_connection",
                                         "business_message",
                                         "subscription"};

    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (strcmp(others[i], name) == 0)
            return true;
    return false;
}

void
tgs_allowed_set(struct tg *t, const cJSON *list)
{
    size_t known = 0;
    const cJSON *j;
    struct buf b;

    memset(t->wanted, 0, sizeof(t->wanted));
    t->wanted[TG_UP_OTHER] = true;
    cJSON_ArrayForEach (j, list) {
        const char *name = cJSON_IsString(j) ? j->valuestring : "";
        known += is_kind(name);
        allow(t, name, &known);
    }
    mem_free(t->allowed);
    t->allowed = NULL;
    if (known == 0) {
        for (size_t k = 0; k < TG_UP_KINDS; k++)
            t->wanted[k] = true;
        return;
    }
    buf_init(&b, TG_JSON_MAX);
    json_print(&b, list);
    t->allowed = buf_take(&b, NULL);
}

/* ---- lanes ---- */

static struct tgs_lane **
lane_slot(struct tg *t, uint64_t key)
{
    struct tgs_lane **at = &t->lanes[key * 0x9E3779B97F4A7C15u >> 52];

    while (*at && (*at)->key != key)
        at = &(*at)->chain;
    return at;
}

static struct tgs_lane *
lane_get(struct tg *t, uint64_t key)
{
    struct tgs_lane **at = lane_slot(t, key);

    if (!*at) {
        *at = mem_calloc(1, sizeof(**at));
        (*at)->key = key;
    }
    return *at;
}

static void
lanes_remove(struct tgs_lanes *list, struct tgs_lane *lane)
{
    struct tgs_lane *prev = NULL, *l = list->first;

    while (l && l != lane) {
        prev = l;
        l = l->next;
    }
    if (!l)
        return;
    if (prev)
        prev->next = l->next;
    else
        list->first = l->next;
    if (list->last == l)
        list->last = prev;
    l->next = NULL;
}

static void
lanes_add(struct tgs_lanes *list, struct tgs_lane *lane)
{
    lane->next = NULL;
    if (list->last)
        list->last->next = lane;
    else
        list->first = lane;
    list->last = lane;
}

static void
lane_unlist(struct tg *t, struct tgs_lane *lane)
{
    if (!lane->listed)
        return;
    lanes_remove(&t->ready, lane);
    lanes_remove(&t->delayed, lane);
    lane->listed = false;
}

/* A lane without updates is forgotten, its failures too. */
static void
lane_free(struct tg *t, struct tgs_lane *lane)
{
    struct tgs_lane **at = lane_slot(t, lane->key);

    lane_unlist(t, lane);
    *at = lane->chain;
    mem_free(lane);
}

void
tgs_lane_settle(struct tg *t, struct tgs_lane *lane)
{
    if (lane->busy)
        return;
    if (!lane->first) {
        lane_free(t, lane);
    } else if (!lane->listed) {
        bool later = lane->due_ms > clock_mono_ms();
        lane->listed = true;
        lanes_add(later ? &t->delayed : &t->ready, lane);
        if (!later)
            tgs_deliver_wake(t);
    }
}

void
tgs_lanes_hurry(struct tg *t)
{
    for (struct tgs_update *u = t->first_pending; u; u = u->next) {
        u->lane->due_ms = 0;
        if (!u->lane->busy)
            lane_unlist(t, u->lane);
        tgs_lane_settle(t, u->lane);
    }
}

static void
lane_remove(struct tg *t, struct tgs_update *u)
{
    struct tgs_lane *lane = u->lane;
    struct tgs_update **at = &lane->first, *prev = NULL;

    while (*at != u) {
        prev = *at;
        at = &prev->lane_next;
    }
    *at = u->lane_next;
    if (lane->last == u)
        lane->last = prev;
    u->lane = NULL;
    u->lane_next = NULL;
    tgs_lane_settle(t, lane);
}

/* ---- pending updates ---- */

static void
free_unused(struct tgs_update *u)
{
    if (u->pending || u->remembered || u->out)
        return;
    mem_free(u->json);
    mem_free(u);
}

static void
enqueue(struct tg *t, struct tgs_update *u, uint64_t key)
{
    struct tgs_lane *lane = lane_get(t, key);

    u->pending = true;
    u->prev = t->last_pending;
    u->next = NULL;
    if (t->last_pending)
        t->last_pending->next = u;
    else
        t->first_pending = u;
    t->last_pending = u;
    t->npending++;
    u->lane = lane;
    u->lane_next = NULL;
    if (lane->last)
        lane->last->lane_next = u;
    else
        lane->first = u;
    lane->last = u;
    tgs_lane_settle(t, lane);
    http_wake(t->server, "updates", 0);
}

void
tgs_update_settle(struct tg *t, struct tgs_update *u)
{
    if (u->pending) {
        u->pending = false;
        *(u->prev ? &u->prev->next : &t->first_pending) = u->next;
        *(u->next ? &u->next->prev : &t->last_pending) = u->prev;
        t->npending--;
        lane_remove(t, u);
    }
    free_unused(u);
}

void
tgs_updates_drop(struct tg *t)
{
    for (struct tgs_update *u = t->first_pending, *next; u; u = next) {
        next = u->next;
        tgs_update_settle(t, u);
        t->stats.dropped++;
    }
}

void
tgs_updates_expire(struct tg *t)
{
    int64_t now = clock_mono_ms();

    for (struct tgs_update *u = t->first_pending, *next; u; u = next) {
        next = u->next;
        if (u->out || u->expires_ms > now)
            continue;
        tgs_update_settle(t, u);
        t->stats.expired++;
    }
}

static void
remember(struct tg *t, struct tgs_update *u)
{
    struct tgs_update **slot = &t->ring[t->nring++ % TG_UPDATES_MAX];

    if (*slot) {
        (*slot)->remembered = false;
        free_unused(*slot);
    }
    u->remembered = true;
    *slot = u;
}

static char *
update_json(int64_t id, struct str fields)
{
    struct buf b;

    buf_init(&b, TG_JSON_MAX);
    buf_addf(&b, "{\"update_id\":%lld,", (long long)id);
    buf_add_str(&b, fields);
    buf_add_byte(&b, '}');
    return buf_take(&b, NULL);
}

static uint64_t
lane_key(enum tgs_update_kind kind, int64_t id)
{
    return (uint64_t)id << 3 | kinds[kind].lane;
}

int64_t
tgs_update_add(struct tg *t, enum tgs_update_kind kind, int64_t key,
               struct str fields)
{
    struct tgs_update *u;

    if (!t->wanted[kind] || t->npending == TG_PENDING_MAX) {
        t->stats.dropped++;
        return 0;
    }
    u = mem_calloc(1, sizeof(*u));
    u->id = t->next_update++;
    u->kind = kind;
    u->key = lane_key(kind, key);
    u->json = update_json(u->id, fields);
    u->expires_ms = clock_mono_ms() + kinds[kind].lives_ms;
    t->stats.updates++;
    remember(t, u);
    enqueue(t, u, u->key);
    return u->id;
}

int64_t
tgs_update_message(struct tg *t, struct tgs_chat *c, struct tgs_message *m,
                   bool edited)
{
    enum tgs_update_kind kind = edited ? TG_UP_EDITED_MESSAGE : TG_UP_MESSAGE;
    struct buf b;
    struct jw w;
    int64_t id;

    buf_init(&b, TG_JSON_MAX);
    buf_addf(&b, "\"%s\":", kinds[kind].name);
    jw_init(&w, &b);
    tgs_show_message(t, c, m, true, &w);
    id = tgs_update_add(t, kind, c->id, buf_str(&b));
    buf_free(&b);
    return id;
}

bool
tgs_update_again(struct tg *t, int64_t id)
{
    for (size_t i = 0; i < TG_UPDATES_MAX; i++) {
        struct tgs_update *u = t->ring[i];
        if (!u || u->id != id)
            continue;
        if (!u->pending && !u->out) {
            u->again = true;
            u->expires_ms = clock_mono_ms() + kinds[u->kind].lives_ms;
            enqueue(t, u, u->key);
        }
        return true;
    }
    return false;
}

void
tgs_updates_free(struct tg *t)
{
    tgs_updates_drop(t);
    for (size_t i = 0; i < TG_UPDATES_MAX; i++)
        if (t->ring[i]) {
            t->ring[i]->remembered = false;
            free_unused(t->ring[i]);
        }
}

/*
 * tg_state.c - chats, messages, what the bot did, callback queries.
 *
 * Rings forget the oldest; ids tell whether a slot still holds what is asked
 * for. Chats stay until the end.
 */
#include "sandbox/tg.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"

/* Seconds since 2025: the base of all ids, small enough for 32 bits. */
#define EPOCH_S 1735689600

static size_t
chat_bucket(int64_t id)
{
    return (uint64_t)id % TG_BUCKETS;
}

void
tgs_text_set(char **to, const char *z)
{
    char *copy = z ? mem_strdup(z) : NULL;

    mem_free(*to);
    *to = copy;
}

struct tg *
tgs_new(const struct tgs_config *cfg)
{
    struct tg *t = mem_calloc(1, sizeof(*t));
    int64_t base = clock_wall_ms() / 1000 - EPOCH_S;

    t->cfg = *cfg;
    t->bot_id = strtoll(cfg->token, NULL, 10);
    stop_init(&t->stop);
    pthread_mutex_init(&t->lock, NULL);
    cond_init(&t->work);
    t->next_user = 700000001;
    t->next_message = base * 8;
    t->next_update = base * 100;
    t->next_query = base * 1000;
    t->next_group = base * 1000;
    t->next_seq = 1;
    t->limits_on = t->pixels_on = true;
    t->webhook.max_connections = 40;
    tgs_allowed_set(t, NULL);
    return t;
}

/* ---- chats ---- */

struct tgs_chat *
tgs_chat_find(struct tg *t, int64_t id)
{
    struct tgs_chat *c = t->chats[chat_bucket(id)];

    while (c && c->id != id)
        c = c->next;
    return c;
}

struct tgs_chat *
tgs_chat_add(struct tg *t, int64_t id, const char *first_name)
{
    struct tgs_chat *c, **bucket;

    while (id == 0 && tgs_chat_find(t, t->next_user))
        t->next_user++;
    if (id == 0)
        id = t->next_user++;
    if (t->nchats == TG_CHATS_MAX || tgs_chat_find(t, id))
        return NULL;
    c = mem_calloc(1, sizeof(*c));
    c->id = id;
    c->first_name = mem_strdup(first_name);
    bucket = &t->chats[chat_bucket(id)];
    c->next = *bucket;
    *bucket = c;
    if (t->last_chat)
        t->last_chat->next_made = c;
    else
        t->first_chat = c;
    t->last_chat = c;
    t->nchats++;
    return c;
}

/* ---- messages ---- */

void
tgs_content_fini(struct tgs_content *c)
{
    mem_free(c->text);
    mem_free(c->entities);
    mem_free(c->other);
    memset(c, 0, sizeof(*c));
}

void
tgs_content_copy(struct tgs_content *to, const struct tgs_content *from)
{
    *to = *from;
    to->text = mem_strdup(from->text ? from->text : "");
    to->entities = from->entities ? mem_strdup(from->entities) : NULL;
    to->other = from->other ? mem_strdup(from->other) : NULL;
}

static void
message_free(struct tgs_message *m)
{
    tgs_content_fini(&m->c);
    mem_free(m->markup);
    mem_free(m->group);
    mem_free(m->reaction);
    mem_free(m);
}

struct tgs_message *
tgs_message_find(struct tgs_chat *chat, int64_t id)
{
    size_t lo = 0, hi = chat->nmessages;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (chat->messages[mid]->id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == chat->nmessages || chat->messages[lo]->id != id)
        return NULL;
    return chat->messages[lo];
}

static void
make_room(struct tgs_chat *chat)
{
    if (chat->nmessages == TG_MESSAGES_MAX) {
        message_free(chat->messages[0]);
        chat->nmessages--;
        memmove(chat->messages, chat->messages + 1,
                chat->nmessages * sizeof(struct tgs_message *));
    }
    if (chat->nmessages < chat->cap)
        return;
    chat->cap = chat->cap ? chat->cap * 2 : 16;
    chat->messages =
        mem_realloc(chat->messages, chat->cap * sizeof(struct tgs_message *));
}

struct tgs_message *
tgs_message_add(struct tg *t, struct tgs_chat *chat, struct tgs_content *c,
                bool by_bot)
{
    struct tgs_message *m = mem_calloc(1, sizeof(*m));

    m->id = t->next_message++;
    m->date = clock_wall_ms() / 1000;
    m->by_bot = by_bot;
    m->c = *c;
    memset(c, 0, sizeof(*c));
    if (!m->c.text)
        m->c.text = mem_strdup("");
    make_room(chat);
    chat->messages[chat->nmessages++] = m;
    return m;
}

/* ---- events ---- */

const char *
tgs_event_name(enum tgs_event_kind k)
{
    static const char *const names[] = {
        [TG_EVENT_MESSAGE] = "message",
        [TG_EVENT_EDIT] = "edit",
        [TG_EVENT_DELETE] = "delete",
        [TG_EVENT_CALLBACK_ANSWER] = "callback_answer",
        [TG_EVENT_ACTION] = "action",
        [TG_EVENT_REACTION] = "reaction"};

    return names[k];
}

/* Topics are literals for ever: one of a few, by chat, so that an event wakes
 * few who wait for something else. */
const char *
tgs_wait_topic(int64_t chat_id)
{
    static const char topics[TG_WAIT_SHARDS][8] = {
        "wait0",  "wait1",  "wait2",  "wait3", "wait4",  "wait5",
        "wait6",  "wait7",  "wait8",  "wait9", "wait10", "wait11",
        "wait12", "wait13", "wait14", "wait15"};

    return topics[(uint64_t)chat_id % TG_WAIT_SHARDS];
}

static void
event_free(struct tgs_event *v)
{
    if (!v)
        return;
    mem_free(v->text);
    mem_free(v->json);
    mem_free(v);
}

static char *
event_json(struct tg *t, const struct tgs_event *v, struct tgs_chat *chat,
           struct tgs_message *m, struct str extra)
{
    struct buf b;
    struct jw w;

    buf_init(&b, TG_JSON_MAX);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_ki64(&w, "seq", v->seq);
    jw_kstr(&w, "event", tgs_event_name(v->kind));
    jw_ki64(&w, "chat_id", v->chat_id);
    jw_ki64(&w, "at_ms", clock_wall_ms());
    if (m) {
        jw_ki64(&w, "message_id", m->id);
        jw_key(&w, "message");
        tgs_show_message(t, chat, m, false, &w);
    }
    jw_end(&w);
    if (extra.len > 0) {
        b.p[--b.len] = '\0'; /* the closing brace */
        buf_add_str(&b, extra);
        buf_add_byte(&b, '}');
    }
    return buf_take(&b, NULL);
}

void
tgs_event_add(struct tg *t, enum tgs_event_kind kind, struct tgs_chat *chat,
              struct tgs_message *m, const char *text, struct str extra)
{
    struct tgs_event *v = mem_calloc(1, sizeof(*v));
    struct tgs_event **slot = &t->events[t->nevents++ % TG_EVENTS_MAX];

    v->seq = t->next_seq++;
    v->kind = kind;
    v->chat_id = chat->id;
    v->message_id = m ? m->id : 0;
    v->shows = m ? m->c.kind : TG_OTHER;
    v->text = mem_strdup(text ? text : m ? m->c.text : "");
    v->json = event_json(t, v, chat, m, extra);
    event_free(*slot);
    *slot = v;
    http_wake(t->server, tgs_wait_topic(chat->id), 0);
}

/* ---- callback queries ---- */

struct tgs_query *
tgs_query_add(struct tg *t, struct tgs_chat *chat, int64_t message_id,
              const char *data)
{
    int64_t n = t->next_query++;
    struct tgs_query *k = &t->queries[(uint64_t)n % TG_QUERIES_MAX];

    mem_free(k->data);
    mem_free(k->answer);
    *k = (struct tgs_query){.n = n,
                            .chat_id = chat->id,
                            .message_id = message_id,
                            .data = mem_strdup(data)};
    return k;
}

struct tgs_query *
tgs_query_find(struct tg *t, const char *id)
{
    struct tgs_query *k;
    int64_t n;

    if (!id || !str_to_i64(str_c(id), &n) || n <= 0)
        return NULL;
    k = &t->queries[(uint64_t)n % TG_QUERIES_MAX];
    return k->n == n ? k : NULL;
}

/* ---- settings of the bot ---- */

static struct tgs_setting *
setting_find(struct tg *t, const char *key)
{
    struct tgs_setting *s = t->settings;

    while (s && strcmp(s->key, key) != 0)
        s = s->next;
    return s;
}

const char *
tgs_setting_get(struct tg *t, const char *key)
{
    struct tgs_setting *s = setting_find(t, key);

    return s ? s->json : NULL;
}

void
tgs_setting_put(struct tg *t, const char *key, const char *json)
{
    struct tgs_setting *s = setting_find(t, key);

    if (!s) {
        s = mem_calloc(1, sizeof(*s));
        s->key = mem_strdup(key);
        s->next = t->settings;
        t->settings = s;
    }
    tgs_text_set(&s->json, json);
}

/* ---- the end ---- */

static void
chat_free(struct tgs_chat *c)
{
    for (size_t i = 0; i < c->nmessages; i++)
        message_free(c->messages[i]);
    mem_free(c->messages);
    mem_free(c->first_name);
    mem_free(c->last_name);
    mem_free(c->username);
    mem_free(c->language);
    mem_free(c->keyboard);
    mem_free(c);
}

static void
rings_free(struct tg *t)
{
    for (size_t i = 0; i < TG_EVENTS_MAX; i++)
        event_free(t->events[i]);
    for (size_t i = 0; i < TG_QUERIES_MAX; i++) {
        mem_free(t->queries[i].data);
        mem_free(t->queries[i].answer);
    }
    for (size_t i = 0; i < TG_CALLS_MAX; i++) {
        mem_free(t->calls[i].params);
        mem_free(t->calls[i].description);
    }
}

static void
settings_free(struct tg *t)
{
    while (t->settings) {
        struct tgs_setting *s = t->settings;
        t->settings = s->next;
        mem_free(s->key);
        mem_free(s->json);
        mem_free(s);
    }
}

void
tgs_free(struct tg *t)
{
    if (!t)
        return;
    while (t->first_chat) {
        struct tgs_chat *c = t->first_chat;
        t->first_chat = c->next_made;
        chat_free(c);
    }
    rings_free(t);
    settings_free(t);
    tgs_faults_clear(t);
    tgs_files_free(t);
    tgs_updates_free(t);
    tgs_hook_unref(t->webhook.hook);
    mem_free(t->allowed);
    pthread_cond_destroy(&t->work);
    pthread_mutex_destroy(&t->lock);
    mem_free(t);
}

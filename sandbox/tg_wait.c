/*
 * tg_wait.c - looking at a chat: its messages, what the bot did, and waiting
 * until it did something.
 */
#include <string.h>
#include "base/clock.h"
#include "sandbox/tg_control.h"

#define WAIT_MS 10000
#define WAIT_MAX_MS 600000
#define LIMIT 1000

/* ---- messages ---- */

enum tgs_rc
tgs_do_messages(struct tg *t, struct tgs_call *c)
{
    int64_t after = tgs_arg_i64(c, "after", 0), n = 0;
    int64_t limit = tgs_arg_i64(c, "limit", LIMIT);
    struct tgs_chat *chat;

    pthread_mutex_lock(&t->lock);
    chat = tgs_control_chat(t, c);
    if (chat) {
        jw_obj(&c->w);
        jw_ki64(&c->w, "seq", t->next_seq - 1);
        jw_key(&c->w, "messages");
        jw_arr(&c->w);
        for (size_t i = 0; i < chat->nmessages && n < limit; i++)
            if (chat->messages[i]->id > after) {
                tgs_show_message(t, chat, chat->messages[i], false, &c->w);
                n++;
            }
        jw_end(&c->w);
        jw_end(&c->w);
    }
    pthread_mutex_unlock(&t->lock);
    return chat ? TG_OK : TG_FAIL;
}

/* ---- events ---- */

/* The place of the first event behind `after` that is still known. */
static size_t
first_behind(const struct tg *t, int64_t after)
{
    size_t lo = t->nevents > TG_EVENTS_MAX ? t->nevents - TG_EVENTS_MAX : 0;
    size_t hi = t->nevents;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (t->events[mid % TG_EVENTS_MAX]->seq <= after)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool
is_kind(const struct tgs_event *v, const char *kind)
{
    bool shown = v->kind == TG_EVENT_MESSAGE || v->kind == TG_EVENT_EDIT;

    if (!kind || strcmp(kind, "any") == 0)
        return true;
    if (strcmp(kind, "text") == 0)
        return shown && v->shows == TG_TEXT;
    if (strcmp(kind, "photo") == 0)
        return shown && v->shows == TG_PHOTO;
    if (strcmp(kind, "document") == 0)
        return shown && v->shows == TG_DOCUMENT;
    return strcmp(kind, tgs_event_name(v->kind)) == 0;
}

struct filter {
    int64_t chat_id, message_id; /* 0: any */
    const char *kind, *contains, *button;
};

static struct filter
read_filter(struct tgs_call *c)
{
    return (struct filter){.chat_id = tgs_arg_i64(c, "chat", 0),
                           .message_id = tgs_arg_i64(c, "message_id", 0),
                           .kind = tgs_arg(c, "kind"),
                           .contains = tgs_arg(c, "contains"),
                           .button = tgs_arg(c, "button")};
}

/* A button is looked for in the event's JSON: by its text or its data. */
static bool
has_button(const struct tgs_event *v, const char *button)
{
    cJSON *j = json_parse(str_c(v->json), 0, NULL);
    const cJSON *rows = json_path(j, "message.reply_markup.inline_keyboard");
    const cJSON *row, *b;
    bool found = false;

    cJSON_ArrayForEach (row, rows) {
        cJSON_ArrayForEach (b, row)
            found = found || strcmp(json_str(b, "text", ""), button) == 0 ||
                    strcmp(json_str(b, "callback_data", ""), button) == 0;
    }
    json_free(j);
    return found;
}

static bool
fits(const struct tgs_event *v, const struct filter *f)
{
    return (f->chat_id == 0 || v->chat_id == f->chat_id) &&
           (f->message_id == 0 || v->message_id == f->message_id) &&
           is_kind(v, f->kind) &&
           (!f->contains || strstr(v->text, f->contains)) &&
           (!f->button || has_button(v, f->button));
}

enum tgs_rc
tgs_do_events(struct tg *t, struct tgs_call *c)
{
    int64_t limit = tgs_arg_i64(c, "limit", LIMIT), n = 0;
    struct filter f = read_filter(c);

    pthread_mutex_lock(&t->lock);
    jw_obj(&c->w);
    jw_ki64(&c->w, "seq", t->next_seq - 1);
    jw_key(&c->w, "events");
    jw_arr(&c->w);
    for (size_t i = first_behind(t, tgs_arg_i64(c, "after", 0));
         i < t->nevents && n < limit; i++) {
        const struct tgs_event *v = t->events[i % TG_EVENTS_MAX];
        if (!fits(v, &f))
            continue;
        jw_raw(&c->w, str_c(v->json));
        n++;
    }
    jw_end(&c->w);
    jw_end(&c->w);
    pthread_mutex_unlock(&t->lock);
    return TG_OK;
}

/* ---- waiting ---- */

static void
begin_wait(struct tgs_call *c)
{
    int64_t ms = tgs_arg_i64(c, "timeout_ms", WAIT_MS);

    if (c->until_ms != 0)
        return;
    ms = ms < 0 ? 0 : ms > WAIT_MAX_MS ? WAIT_MAX_MS : ms;
    c->until_ms = clock_mono_ms() + ms;
    c->seen_seq = tgs_arg_i64(c, "after", 0);
}

/* Each event is looked at once, however often the waiting one is woken. */
static bool
find(struct tg *t, struct tgs_call *c, const struct filter *f)
{
    for (size_t i = first_behind(t, c->seen_seq); i < t->nevents; i++) {
        const struct tgs_event *v = t->events[i % TG_EVENTS_MAX];
        c->seen_seq = v->seq;
        if (!fits(v, f))
            continue;
        jw_raw(&c->w, str_c(v->json));
        return true;
    }
    return false;
}

enum tgs_rc
tgs_do_wait(struct tg *t, struct tgs_call *c)
{
    struct filter f = read_filter(c);
    bool found;

    if (f.chat_id == 0)
        return tgs_fail(c, 400, "chat is missing");
    begin_wait(c);
    pthread_mutex_lock(&t->lock);
    found = find(t, c, &f);
    pthread_mutex_unlock(&t->lock);
    if (found)
        return TG_OK;
    if (clock_mono_ms() < c->until_ms && !httpd_stopping(t->server))
        return TG_PARK;
    return tgs_fail(c, 408, "nothing of the kind happened in time");
}

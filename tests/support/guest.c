/*
 * guest.c - see guest.h.
 */
#include "tests/support/guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"

#define WAIT_MS 30000
#define STEP_MS 20

/* ---- failing ---- */

static const cJSON *
messages(struct guest *g)
{
    char path[96];
    const cJSON *j;
    struct err e;

    snprintf(path, sizeof path, "/sandbox/chats/%lld/messages",
             (long long)g->p.chat);
    if (person_call(&g->p, "GET", path, STR(""), &j, &e) != 0)
        fail_msg("%s", e.msg);
    return json_get(j, "messages");
}

static const char *
text_of(const cJSON *m)
{
    return json_str(m, "text", json_str(m, "caption", ""));
}

static bool
is_bots(const cJSON *m)
{
    return strcmp(json_str(json_get(m, "sandbox"), "by", ""), "bot") == 0;
}

static void
show_chat(struct guest *g)
{
    const cJSON *m, *row, *button;

    cJSON_ArrayForEach(m, messages(g))
    {
        fprintf(stderr, "  %s %lld: %s%s%s\n", is_bots(m) ? "bot" : "   ",
                (long long)json_i64(m, "message_id", 0), text_of(m),
                json_get(m, "photo") ? " [photo]" : "",
                json_get(m, "document") ? " [document]" : "");
        cJSON_ArrayForEach(
            row, json_path(m, "reply_markup.inline_keyboard"))
        {
            cJSON_ArrayForEach(button, row)
                fprintf(stderr, "        [%s] %s\n",
                        json_str(button, "text", ""),
                        json_str(button, "callback_data", ""));
        }
    }
}

void
guest_fail(struct guest *g, const char *fmt, ...)
{
    char text[600], command[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fprintf(stderr, "%s\n", text);
    snprintf(command, sizeof command, "tail -n 40 %s/log >&2", g->shop->dir);
    if (system(command) != 0)
        fprintf(stderr, "no log\n");
    show_chat(g);
    fail_msg("%s", text);
    abort();
}

static void
must(struct guest *g, int rc, const struct err *e)
{
    if (rc != 0)
        guest_fail(g, "%s", e->msg);
}

/* ---- acts ---- */

void
guest_new(struct guest *g, struct shop *s, const char *name,
          const char *language)
{
    *g = (struct guest){.shop = s};
    shop_person(s, &g->p, name, language);
}

void
guest_in(struct guest *g, struct shop *s, const char *name,
         const char *language)
{
    guest_new(g, s, name, language);
    guest_says(g, "/start");
    guest_sees(g, "👋");
}

void
guest_out(struct guest *g)
{
    person_fini(&g->p);
}

void
guest_says(struct guest *g, const char *text)
{
    struct err e;

    must(g, person_text(&g->p, text, &e), &e);
}

void
guest_sends(struct guest *g, int n, const char *caption)
{
    struct err e;

    must(g, person_photo(&g->p, shop_photo(n), caption, &e), &e);
}

void
guest_sends_album(struct guest *g, size_t n, const char *caption)
{
    struct str photos[3];
    struct err e;

    for (int i = 0; i < 3; i++)
        photos[i] = shop_photo(i);
    must(g, person_album(&g->p, photos, n, caption, &e), &e);
}

void
guest_sends_file(struct guest *g, struct str bytes, const char *name,
                 const char *mime)
{
    struct err e;

    must(g, person_document(&g->p, bytes, name, mime, &e), &e);
}

void
guest_sends_other(struct guest *g, const char *members)
{
    struct err e;

    must(g, person_other(&g->p, members, &e), &e);
}

void
guest_presses(struct guest *g, const char *button)
{
    struct err e;

    must(g, person_press(&g->p, 0, button, &e), &e);
}

void
guest_forces(struct guest *g, int64_t message_id, const char *data)
{
    struct err e;

    must(g, person_force(&g->p, message_id, data, &e), &e);
}

void
guest_blocks(struct guest *g, bool block)
{
    struct err e;

    must(g, person_block(&g->p, block, &e), &e);
}

/* ---- what comes ---- */

struct person_event
guest_sees_within(struct guest *g, const char *contains, int64_t ms)
{
    struct person_event ev;
    struct person_want want = {.contains = contains, .timeout_ms = ms};
    struct err e;

    do {
        if (person_wait(&g->p, &want, &ev, &e) != 0)
            guest_fail(g, "nothing said \"%s\" (%s)", contains, e.msg);
    } while (strcmp(ev.event, "message") != 0 && strcmp(ev.event, "edit") != 0);
    g->message_id = ev.message_id;
    return ev;
}

struct person_event
guest_sees(struct guest *g, const char *contains)
{
    return guest_sees_within(g, contains, WAIT_MS);
}

void
guest_is_told(struct guest *g, const char *toast)
{
    struct person_event ev;
    struct person_want want = {.kind = "callback_answer",
                               .timeout_ms = WAIT_MS};
    struct err e;

    must(g, person_wait(&g->p, &want, &ev, &e), &e);
    if (strcmp(json_str(json_get(ev.json, "answer"), "text", ""), toast) != 0)
        guest_fail(g, "the press was answered \"%s\", not \"%s\"",
                   json_str(json_get(ev.json, "answer"), "text", ""), toast);
}

struct person_event
guest_gets(struct guest *g, struct buf *out)
{
    struct person_event ev;
    struct person_want want = {.timeout_ms = 2 * WAIT_MS};
    char file_id[300];
    int64_t seq = g->p.seq;
    struct err e;

    do {
        if (person_wait(&g->p, &want, &ev, &e) != 0)
            guest_fail(g, "no picture came (%s)", e.msg);
    } while (ev.file_id[0] == '\0');
    g->message_id = ev.message_id;
    if (out == NULL)
        return ev;
    seq = ev.seq;
    snprintf(file_id, sizeof file_id, "%s", ev.file_id);
    must(g, person_file(&g->p, file_id, out, &e), &e);
    g->p.seq = seq - 1; /* the event again, for its members */
    must(g, person_wait(&g->p, &want, &ev, &e), &e);
    return ev;
}

struct person_event
guest_card(struct guest *g, int photo, const char *preset)
{
    struct person_event ev;
    struct err e;

    guest_sends(g, photo, NULL);
    must(g, person_choose(&g->p, preset, &ev, &e), &e);
    g->message_id = ev.message_id;
    return ev;
}

void
guest_buys(struct guest *g, int photo, const char *preset)
{
    guest_card(g, photo, preset);
    guest_presses(g, "v1:buy:");
}

void
guest_button(struct guest *g, const struct person_event *ev,
             const char *prefix, char *out, size_t size)
{
    const char *data = person_button(ev, prefix);

    if (data == NULL)
        guest_fail(g, "there is no button %s", prefix);
    snprintf(out, size, "%s", data);
}

/* ---- what is so ---- */

static const cJSON *
jobs(struct guest *g)
{
    char path[128];

    snprintf(path, sizeof path, "/api/jobs?telegram_id=%lld&limit=50",
             (long long)g->p.chat);
    return json_get(shop_get(g->shop, path), "jobs");
}

size_t
guest_jobs(struct guest *g)
{
    return (size_t)cJSON_GetArraySize(jobs(g));
}

void
guest_job_is(struct guest *g, int n, const char *status)
{
    int64_t until_ms = clock_mono_ms() + 2 * WAIT_MS;
    const char *is = "";

    while (strcmp(is = json_str(cJSON_GetArrayItem(jobs(g), n), "status", ""),
                  status) != 0) {
        if (clock_mono_ms() > until_ms)
            guest_fail(g, "job %d is %s, not %s", n, is, status);
        clock_sleep_ms(STEP_MS);
    }
}

void
guest_has(struct guest *g, int64_t credits)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;

    while (shop_balance(g->shop, &g->p) != credits ||
           shop_held(g->shop, &g->p) != 0) {
        if (clock_mono_ms() > until_ms)
            guest_fail(g, "balance %lld and held %lld, not %lld and 0",
                       (long long)shop_balance(g->shop, &g->p),
                       (long long)shop_held(g->shop, &g->p),
                       (long long)credits);
        clock_sleep_ms(STEP_MS);
    }
}

size_t
guest_pictures(struct guest *g)
{
    const cJSON *m;
    size_t n = 0;

    cJSON_ArrayForEach(m, messages(g))
        n += is_bots(m) && (json_get(m, "photo") != NULL ||
                            json_get(m, "document") != NULL);
    return n;
}

size_t
guest_seen(struct guest *g, const char *contains)
{
    const cJSON *m;
    size_t n = 0;

    cJSON_ArrayForEach(m, messages(g))
        n += is_bots(m) && strstr(text_of(m), contains) != NULL;
    return n;
}

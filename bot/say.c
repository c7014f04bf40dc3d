/*
 * say.c - building a delivery's body.
 */
#include "bot/say.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/limits.h"

#define DATA_MAX 64 /* bytes of a button's data that Telegram takes */

/* ---- the delivery ---- */

static void
delivery_add(struct flow *f, int64_t message_id, struct str body)
{
    struct api_delivery_new *d;

    assert(f->n_deliveries < FLOW_DELIVERIES_MAX);
    d = &f->deliveries[f->n_deliveries++];
    api_init(&api_shape_delivery_new, d);
    d->kind = message_id != 0 ? "edit" : "message";
    d->chat_id = f->chat_id;
    if (message_id != 0)
        d->message_id = message_id;
    d->body = arena_str(f->a, body);
}

void
say_edit(struct say *s, struct flow *f, int64_t message_id, const char *text)
{
    *s = (struct say){.f = f, .message_id = message_id};
    buf_init(&s->b, LIM_JSON_BYTES / 2);
    jw_init(&s->w, &s->b);
    jw_obj(&s->w);
    if (text != NULL)
        jw_kstr(&s->w, "text", text);
}

void
say_new(struct say *s, struct flow *f, const char *text)
{
    say_edit(s, f, 0, text);
}

void
say_strip(struct flow *f, int64_t message_id)
{
    if (message_id != 0)
        delivery_add(f, message_id, STR("{}"));
}

/* ---- arguments ---- */

static void
args_open(struct say *s)
{
    if (s->args)
        return;
    assert(s->button || !s->keyboard);
    jw_key(&s->w, "args");
    jw_obj(&s->w);
    s->args = true;
}

static void
args_close(struct say *s)
{
    if (s->args)
        jw_end(&s->w);
    s->args = false;
}

void
say_i64(struct say *s, const char *name, int64_t v)
{
    args_open(s);
    jw_ki64(&s->w, name, v);
}

void
say_num(struct say *s, const char *name, double v)
{
    args_open(s);
    jw_knum(&s->w, name, v);
}

void
say_flag(struct say *s, const char *name)
{
    args_open(s);
    jw_kbool(&s->w, name, true);
}

void
say_str(struct say *s, const char *name, const char *z)
{
    if (z[0] == '\0')
        return;
    args_open(s);
    jw_kstr(&s->w, name, z);
}

void
say_text(struct say *s, const char *name, const struct preset_text *t)
{
    if (t->ru[0] == '\0' && t->en[0] == '\0')
        return;
    args_open(s);
    jw_key(&s->w, name);
    jw_obj(&s->w);
    jw_kstr(&s->w, "ru", t->ru);
    jw_kstr(&s->w, "en", t->en);
    jw_end(&s->w);
}

void
say_raw(struct say *s, const char *name, struct str json)
{
    args_open(s);
    jw_key(&s->w, name);
    jw_raw(&s->w, json);
}

void
say_key(struct say *s, const char *name, const char *key)
{
    args_open(s);
    jw_key(&s->w, name);
    jw_obj(&s->w);
    jw_kstr(&s->w, "text", key);
    jw_end(&s->w);
}

/* ---- buttons ---- */

void
say_row(struct say *s)
{
    assert(!s->button);
    args_close(s);
    if (!s->keyboard) {
        jw_key(&s->w, "keyboard");
        jw_arr(&s->w);
        s->keyboard = true;
    }
    if (s->row)
        jw_end(&s->w);
    jw_arr(&s->w);
    s->row = true;
}

void
say_button(struct say *s, const char *text)
{
    assert(s->row && !s->button);
    jw_obj(&s->w);
    jw_kstr(&s->w, "text", text);
    s->button = true;
}

void
say_data(struct say *s, const char *fmt, ...)
{
    char data[DATA_MAX + 1];
    va_list ap;
    int n;

    assert(s->button);
    args_close(s);
    va_start(ap, fmt);
    n = vsnprintf(data, sizeof(data), fmt, ap);
    va_end(ap);
    assert(n > 0 && n <= DATA_MAX);
    jw_kstr(&s->w, "data", data);
    jw_end(&s->w);
    s->button = false;
}

void
say_line(struct say *s, const char *text, const char *data)
{
    say_row(s);
    say_button(s, text);
    say_data(s, "%s", data);
}

/* ---- the end ---- */

static void
keyboard_close(struct say *s)
{
    assert(!s->button);
    args_close(s);
    if (s->row)
        jw_end(&s->w);
    if (s->keyboard)
        jw_end(&s->w);
    s->row = s->keyboard = false;
}

void
say_member(struct say *s, const char *name, struct str json)
{
    assert(!s->keyboard);
    args_close(s);
    jw_key(&s->w, name);
    jw_raw(&s->w, json);
}

void
say_end(struct say *s)
{
    keyboard_close(s);
    if (s->menu)
        jw_kbool(&s->w, "menu", true);
    jw_end(&s->w);
    assert(!s->b.failed);
    delivery_add(s->f, s->message_id, buf_str(&s->b));
    buf_free(&s->b);
}

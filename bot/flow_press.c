/*
 * flow_press.c - presses on buttons: v1:<verb>[:<argument>…].
 *
 *   buy OFFER        drop OFFER      other OFFER|JOB   the card
 *   repeat JOB       again JOB       cancel JOB        jobs
 *   sections PAGE    menu SECTION PAGE    preset NAME  the catalogue
 *   set FORM FIELD CHOICE    skip FORM FIELD    stop FORM
 *   lang ru|en       more JOB        topup       nop
 *
 * Data may be forged or come from an old message: arguments are checked here,
 * whose they are in the handlers. A press is answered before it is handled
 * (flow_toast), for Telegram's spinner stops only then.
 */
#include <string.h>

#include "base/id.h"
#include "bot/flow_int.h"

#define ARGS_MAX 3

/* A press, taken apart. Texts are "" and numbers 0 where there are none. */
struct press {
    char verb[12];
    char arg[ARGS_MAX][48];
    size_t n;
    int64_t num[ARGS_MAX]; /* -1: no number */
};

static bool
copy_part(char *out, size_t cap, struct str part)
{
    if (part.len >= cap)
        return false;
    memcpy(out, part.p, part.len);
    out[part.len] = '\0';
    return true;
}

/* False: not a button of ours, or of another version. */
static bool
press_read(const char *data, struct press *p)
{
    struct str rest = str_c(data), part;

    memset(p, 0, sizeof(*p));
    if (!str_split(&rest, ':', &part) || !str_eq_c(part, "v1") ||
        !str_split(&rest, ':', &part) ||
        !copy_part(p->verb, sizeof(p->verb), part))
        return false;
    while (str_split(&rest, ':', &part)) {
        if (p->n == ARGS_MAX || !copy_part(p->arg[p->n], 48, part))
            return false;
        if (part.len > 9 || !str_to_i64(part, &p->num[p->n]) ||
            p->num[p->n] < 0)
            p->num[p->n] = -1;
        p->n++;
    }
    return true;
}

/* ---- shared ---- */

int64_t
flow_pressed(const struct flow *f)
{
    return f->u->accessible ? f->u->message_id : 0;
}

void
flow_press_old(struct flow *f)
{
    say_strip(f, flow_pressed(f));
    flow_tell(f, "old_button");
}

/* ---- one each ---- */

static int
on_buy(struct flow *f, const struct press *p, struct err *e)
{
    return flow_card_buy(f, p->arg[0], e);
}

static int
on_drop(struct flow *f, const struct press *p, struct err *e)
{
    return flow_card_drop(f, p->arg[0], e);
}

static int
on_other(struct flow *f, const struct press *p, struct err *e)
{
    return flow_card_other(f, p->arg[0], e);
}

static int
on_repeat(struct flow *f, const struct press *p, struct err *e)
{
    return flow_card_repeat(f, p->arg[0], e);
}

static int
on_again(struct flow *f, const struct press *p, struct err *e)
{
    return flow_history_again(f, p->arg[0], e);
}

static int
on_cancel(struct flow *f, const struct press *p, struct err *e)
{
    return flow_cancel_job(f, p->arg[0], e);
}

static int
on_more(struct flow *f, const struct press *p, struct err *e)
{
    return flow_history(f, p->arg[0], e);
}

static int
on_sections(struct flow *f, const struct press *p, struct err *e)
{
    (void)e;
    if (f->catalog->n_categories == 0)
        flow_menu(f, flow_pressed(f));
    else
        flow_menu_sections(f, (size_t)p->num[0], flow_pressed(f));
    return 0;
}

static int
on_menu(struct flow *f, const struct press *p, struct err *e)
{
    (void)e;
    if (f->catalog->n == 0)
        flow_menu(f, flow_pressed(f));
    else
        flow_menu_page(f, p->arg[0], (size_t)p->num[1], flow_pressed(f));
    return 0;
}

static int
on_preset(struct flow *f, const struct press *p, struct err *e)
{
    return flow_menu_pick(f, p->arg[0], flow_pressed(f), e);
}

static int
on_set(struct flow *f, const struct press *p, struct err *e)
{
    return flow_form_choose(f, (size_t)p->num[1], (size_t)p->num[2],
                            flow_pressed(f), e);
}

static int
on_skip(struct flow *f, const struct press *p, struct err *e)
{
    return flow_form_skip(f, (size_t)p->num[1], flow_pressed(f), e);
}

static int
on_stop(struct flow *f, const struct press *p, struct err *e)
{
    struct say s;

    (void)p;
    (void)e;
    dialog_reset(&f->d);
    say_edit(&s, f, flow_pressed(f), "dialog_cancelled");
    say_end(&s);
    return 0;
}

static int
on_lang(struct flow *f, const struct press *p, struct err *e)
{
    (void)e;
    say_strip(f, flow_pressed(f));
    flow_set_language(f, p->arg[0]);
    return 0;
}

static int
on_topup(struct flow *f, const struct press *p, struct err *e)
{
    (void)p;
    (void)e;
    flow_topup(f);
    return 0;
}

static int
on_nop(struct flow *f, const struct press *p, struct err *e)
{
    (void)f;
    (void)p;
    (void)e;
    return 0;
}

/* ---- the table ---- */

/* What stands behind the verb: o an offer, j a job, b either, n a number, s a
 * word that may be empty, w a word, l a language, f the form's number. */
static const struct verb {
    const char *name;
    const char *args;
    int (*run)(struct flow *f, const struct press *p, struct err *e);
    const char *toast; /* told at once; NULL: nothing */
} verbs[] = {
    {"buy", "o", on_buy, NULL},
    {"drop", "o", on_drop, "toast_cancelled"},
    {"other", "b", on_other, NULL},
    {"repeat", "j", on_repeat, NULL},
    {"again", "j", on_again, NULL},
    {"cancel", "j", on_cancel, "toast_cancelling"},
    {"more", "j", on_more, NULL},
    {"sections", "n", on_sections, NULL},
    {"menu", "sn", on_menu, NULL},
    {"preset", "w", on_preset, NULL},
    {"set", "fnn", on_set, NULL},
    {"skip", "fn", on_skip, NULL},
    {"stop", "f", on_stop, "toast_cancelled"},
    {"lang", "l", on_lang, "toast_lang"},
    {"topup", "", on_topup, NULL},
    {"nop", "", on_nop, NULL},
};

static bool
arg_fits(const struct flow *f, char kind, const char *arg, int64_t num)
{
    switch (kind) {
    case 'o':
        return id_is(str_c(arg), "off");
    case 'j':
        return id_is(str_c(arg), "job");
    case 'b':
        return id_is(str_c(arg), "off") || id_is(str_c(arg), "job");
    case 'n':
        return num >= 0;
    case 'f': /* of a form that is still the one being filled in */
        return num == f->d.form && f->d.step == DIALOG_FORM;
    case 'l':
        return strcmp(arg, "ru") == 0 || strcmp(arg, "en") == 0;
    case 'w':
        return arg[0] != '\0';
    case 's':
        return true;
    default:
        return false;
    }
}

/* NULL: an old button, or none of ours. */
static const struct verb *
verb_find(const struct flow *f, const struct press *p)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        const struct verb *v = &verbs[i];

        if (strcmp(v->name, p->verb) != 0)
            continue;
        if (p->n != strlen(v->args))
            return NULL;
        for (size_t k = 0; k < p->n; k++) {
            if (!arg_fits(f, v->args[k], p->arg[k], p->num[k]))
                return NULL;
        }
        return v;
    }
    return NULL;
}

int
flow_press(struct flow *f, struct err *e)
{
    struct press *p = ARENA_NEW(f->a, struct press); /* decisions point here */
    const struct verb *v = NULL;

    if (press_read(f->u->data, p))
        v = verb_find(f, p);
    if (v == NULL) {
        flow_press_old(f);
        return 0;
    }
    return v->run(f, p, e);
}

struct flow_toast
flow_toast(const struct flow *f)
{
    struct flow_toast t = {NULL, TEXT_EN};
    struct press p;
    const struct verb *v = NULL;

    t.lang = text_lang_of(f->user != NULL ? f->user->language
                                          : f->u->from.language_code);
    if (press_read(f->u->data, &p))
        v = verb_find(f, &p);
    t.key = v != NULL ? v->toast : "toast_old";
    if (v != NULL && v->run == on_lang)
        t.lang = text_lang_of(p.arg[0]);
    return t;
}

/*
 * flow_form.c - a preset's form, asked for field by field.
 *
 * Photos are answered by photos; a caption answers the first text. What has a
 * default, or need not be given, has a button for that.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "bot/flow_int.h"

#define CHOICES_IN_ROW 2
#define NUMBER_MAX 40     /* bytes of a number that somebody typed */
#define NUMBER_LIMIT 1e15 /* whole ones are exact in a double up to here */

/* ---- which field ---- */

static const struct bot_preset *
preset_of(const struct flow *f)
{
    if (f->d.step != DIALOG_FORM)
        return NULL;
    return bot_catalog_find(f->catalog, f->d.preset);
}

/* Answers outlive a new version of their preset: what does not fit the form
 * any more is asked for again. */
static bool
is_answered(const struct flow *f, const struct preset_input *in)
{
    const struct dialog_value *v = dialog_value_find(&f->d, in->name);
    const cJSON *j;

    if (v == NULL)
        return false;
    if (v->json[0] == '\0')
        return !in->required;
    j = json_parse_in(f->a, str_c(v->json), 0, NULL);
    return j != NULL && preset_value_check(in, j, "", NULL) == 0;
}

/* The first field without an answer: its index; n_inputs when all are done. */
static size_t
next_field(const struct flow *f, const struct preset *p)
{
    size_t photos = 0;

    for (size_t i = 0; i < p->n_inputs; i++) {
        const struct preset_input *in = &p->inputs[i];

        if (in->kind == PRESET_PHOTO && photos++ >= f->d.photos.n)
            return i;
        if (in->kind != PRESET_PHOTO && !is_answered(f, in))
            return i;
    }
    return p->n_inputs;
}

/* The field that is being asked for; NULL when none is. */
static const struct preset_input *
asked_field(const struct flow *f)
{
    const struct bot_preset *p = preset_of(f);
    size_t i = p != NULL ? next_field(f, &p->p) : 0;

    return p != NULL && i < p->p.n_inputs ? &p->p.inputs[i] : NULL;
}

bool
flow_form_wants_photo(const struct flow *f)
{
    const struct preset_input *in = asked_field(f);

    return in != NULL && in->kind == PRESET_PHOTO;
}

static void
set_value(struct flow *f, const struct preset_input *in, struct str json)
{
    dialog_value_set(&f->d, in->name, arena_strn(f->a, json.p, json.len));
}

static void
set_text(struct flow *f, const struct preset_input *in, const char *text)
{
    struct buf b;
    struct jw w;

    buf_init(&b, LIM_JSON_BYTES);
    jw_init(&w, &b);
    jw_str(&w, text);
    set_value(f, in, buf_str(&b));
    buf_free(&b);
}

/* ---- asking ---- */

static const char *
question_of(const struct preset_input *in)
{
    switch (in->kind) {
    case PRESET_PHOTO:
        return "ask_photo";
    case PRESET_TEXT:
        return "ask_text";
    case PRESET_CHOICE:
        return "ask_choice";
    case PRESET_NUMBER:
        return "ask_number";
    }
    return "ask_text";
}

static void
say_range(struct say *s, const struct preset_input *in)
{
    if (in->kind == PRESET_TEXT)
        say_i64(s, "max", in->max_length);
    if (in->kind != PRESET_NUMBER || !in->has_min || !in->has_max)
        return;
    say_flag(s, "range");
    say_num(s, "min", in->min);
    say_num(s, "max", in->max);
}

static void
add_choices(struct flow *f, struct say *s, const struct preset_input *in,
            size_t field)
{
    for (size_t i = 0; i < in->n_choices; i++) {
        if (i % CHOICES_IN_ROW == 0)
            say_row(s);
        say_button(s, "btn_choice");
        say_text(s, "title", &in->choices[i].title);
        say_data(s, "v1:set:%lld:%zu:%zu", (long long)f->d.form, field, i);
    }
}

/* A default as people read it: a choice by its title. */
static void
say_default(struct say *s, const struct preset_input *in)
{
    struct arena *a = s->f->a;
    const cJSON *v = json_parse_in(a, str_c(in->dflt), 0, NULL);

    for (size_t i = 0; cJSON_IsString(v) && i < in->n_choices; i++) {
        if (strcmp(in->choices[i].value, v->valuestring) == 0) {
            say_text(s, "value", &in->choices[i].title);
            return;
        }
    }
    say_raw(s, "value", str_c(in->dflt));
}

static void
add_skip(struct flow *f, struct say *s, const struct preset_input *in,
         size_t field)
{
    say_row(s);
    if (in->kind != PRESET_PHOTO && (in->dflt != NULL || !in->required)) {
        say_button(s, in->dflt != NULL ? "btn_default" : "btn_skip");
        if (in->dflt != NULL)
            say_default(s, in);
        say_data(s, "v1:skip:%lld:%zu", (long long)f->d.form, field);
    }
    say_button(s, "btn_cancel");
    say_data(s, "v1:stop:%lld", (long long)f->d.form);
}

static void
ask(struct flow *f, const struct preset *p, size_t field, int64_t edit)
{
    const struct preset_input *in = &p->inputs[field];
    struct say s;

    say_edit(&s, f, edit, question_of(in));
    say_text(&s, "title", &p->title);
    say_text(&s, "field", &in->title);
    if (p->n_inputs > 1) {
        say_i64(&s, "step", (int64_t)field + 1);
        say_i64(&s, "steps", (int64_t)p->n_inputs);
    }
    say_range(&s, in);
    add_choices(f, &s, in, field);
    add_skip(f, &s, in, field);
    say_end(&s);
}

/* ---- answers in words ---- */

static void
tell_long(struct flow *f, const struct preset_input *in, const char *text)
{
    struct say s;

    say_new(&s, f, "text_long");
    say_i64(&s, "n", (int64_t)utf8_count(str_c(text)));
    say_i64(&s, "max", in->max_length);
    say_end(&s);
}

/* False: it was refused, and the person was told. */
static bool
answer_text(struct flow *f, const struct preset_input *in, const char *said)
{
    const char *clean = utf8_clean(f->a, str_c(said), true);
    struct str text = str_trim(str_c(clean));

    clean = arena_strn(f->a, text.p, text.len);
    if (clean[0] == '\0') {
        flow_tell(f, "text_empty");
        return false;
    }
    if (utf8_count(text) > (size_t)in->max_length) {
        tell_long(f, in, clean);
        return false;
    }
    set_text(f, in, clean);
    return true;
}

static bool
answer_choice(struct flow *f, const struct preset_input *in, const char *said)
{
    struct str text = str_trim(str_c(said));

    for (size_t i = 0; i < in->n_choices; i++) {
        const struct preset_choice *c = &in->choices[i];

        if (str_eq_c(text, c->title.ru) || str_eq_c(text, c->title.en) ||
            str_eq_c(text, c->value)) {
            set_text(f, in, c->value);
            return true;
        }
    }
    flow_tell(f, "choice_unknown");
    return false;
}

/* "0,5" and "0.5", nothing that is not plain digits. */
static bool
read_number(const char *said, double *out)
{
    struct str text = str_trim(str_c(said));
    char z[NUMBER_MAX + 1];
    char *end;

    if (text.len == 0 || text.len > NUMBER_MAX)
        return false;
    memcpy(z, text.p, text.len);
    z[text.len] = '\0';
    if (strspn(z, "0123456789+-.,") != text.len)
        return false;
    for (char *c = z; *c != '\0'; c++) {
        if (*c == ',')
            *c = '.';
    }
    *out = strtod(z, &end);
    return *end == '\0' && end != z &&
           *out<NUMBER_LIMIT && * out> - NUMBER_LIMIT;
}

static void
tell_number(struct flow *f, const struct preset_input *in, bool is_number)
{
    struct say s;

    if (is_number && in->has_min && in->has_max) {
        say_new(&s, f, "number_range");
        say_num(&s, "min", in->min);
        say_num(&s, "max", in->max);
    } else {
        say_new(&s, f, "number_bad");
        if (in->dflt != NULL)
            say_raw(&s, "example", str_c(in->dflt));
        else
            say_num(&s, "example",
                    in->has_min   ? in->min
                    : in->has_max ? in->max
                                  : 1);
    }
    say_end(&s);
}

static bool
answer_number(struct flow *f, const struct preset_input *in, const char *said)
{
    struct buf b;
    struct jw w;
    double v = 0;
    bool ok = read_number(said, &v);
    bool is_number = ok && !(in->whole && v != (double)(int64_t)v);

    ok = is_number && !(in->has_min && v < in->min) &&
         !(in->has_max && v > in->max);
    if (!ok) {
        tell_number(f, in, is_number);
        return false;
    }
    buf_init(&b, 64);
    jw_init(&w, &b);
    if (in->whole)
        jw_i64(&w, (int64_t)v);
    else
        jw_num(&w, v);
    set_value(f, in, buf_str(&b));
    buf_free(&b);
    return true;
}

/* ---- the next step ---- */

/* The caption answers the first text that is asked for; too long, it is told
 * and the field asked. */
static void
use_caption(struct flow *f, const struct preset *p)
{
    if (f->d.prompt[0] == '\0')
        return;
    for (size_t i = 0; i < p->n_inputs; i++) {
        const struct preset_input *in = &p->inputs[i];

        if (in->kind != PRESET_TEXT)
            continue;
        if (!is_answered(f, in) && !answer_text(f, in, f->d.prompt))
            f->d.prompt = "";
        return;
    }
}

int
flow_form_next(struct flow *f, int64_t edit, struct err *e)
{
    const struct bot_preset *p = preset_of(f);
    size_t field;

    if (p == NULL) {
        f->d.step = f->d.photos.n > 0 ? DIALOG_PICK : DIALOG_IDLE;
        flow_tell_gone(f);
        return 0;
    }
    use_caption(f, &p->p);
    field = next_field(f, &p->p);
    if (field == p->p.n_inputs)
        return flow_card(f, p, edit, e);
    ask(f, &p->p, field, edit);
    return 0;
}

static bool
has_open_text(const struct flow *f, const struct preset *p)
{
    for (size_t i = 0; i < p->n_inputs; i++) {
        if (p->inputs[i].kind == PRESET_TEXT && !is_answered(f, &p->inputs[i]))
            return true;
    }
    return false;
}

/* Words where a photo is due: kept as the description if one will be asked
 * for. */
static void
text_for_photo(struct flow *f, const struct preset *p,
               const struct preset_input *in)
{
    struct say s;

    if (has_open_text(f, p)) {
        f->d.prompt = f->u->text;
        flow_tell(f, "hint_photo_first");
        return;
    }
    say_new(&s, f, "need_photo");
    say_text(&s, "field", &in->title);
    say_end(&s);
}

int
flow_form_text(struct flow *f, struct err *e)
{
    const struct bot_preset *p = preset_of(f);
    const struct preset_input *in = asked_field(f);
    bool ok = false;

    if (p == NULL || in == NULL)
        return flow_form_next(f, 0, e);
    switch (in->kind) {
    case PRESET_PHOTO:
        text_for_photo(f, &p->p, in);
        return 0;
    case PRESET_TEXT:
        ok = answer_text(f, in, f->u->text);
        break;
    case PRESET_CHOICE:
        ok = answer_choice(f, in, f->u->text);
        break;
    case PRESET_NUMBER:
        ok = answer_number(f, in, f->u->text);
        break;
    }
    return ok ? flow_form_next(f, 0, e) : 0;
}

/* ---- presses ---- */

/* The field with this number, if it is the one that is being asked for. */
static const struct preset_input *
pressed_field(const struct flow *f, size_t field)
{
    const struct bot_preset *p = preset_of(f);

    if (p == NULL || field >= p->p.n_inputs || next_field(f, &p->p) != field)
        return NULL;
    return &p->p.inputs[field];
}

int
flow_form_choose(struct flow *f, size_t field, size_t choice, int64_t edit,
                 struct err *e)
{
    const struct preset_input *in = pressed_field(f, field);

    if (in == NULL || in->kind != PRESET_CHOICE || choice >= in->n_choices) {
        flow_press_old(f);
        return 0;
    }
    set_text(f, in, in->choices[choice].value);
    return flow_form_next(f, edit, e);
}

int
flow_form_skip(struct flow *f, size_t field, int64_t edit, struct err *e)
{
    const struct preset_input *in = pressed_field(f, field);

    if (in == NULL || in->kind == PRESET_PHOTO ||
        (in->required && in->dflt == NULL)) {
        flow_press_old(f);
        return 0;
    }
    set_value(f, in, str_c(in->dflt != NULL ? in->dflt : ""));
    return flow_form_next(f, edit, e);
}

/*
 * flow_commands.c - commands, and the menu keyboard that stands for them.
 */
#include <string.h>

#include "bot/flow_int.h"

#define MENU_PREFIX "menu_"

/* A label of the menu keyboard is the command of the same name. */
const char *
flow_command_of(const struct tg_update *u)
{
    const char *key;

    if (u->content != TG_CONTENT_TEXT)
        return "";
    if (u->command[0] != '\0')
        return u->command;
    key = text_match(MENU_PREFIX, str_trim(str_c(u->text)));
    return key != NULL ? key + strlen(MENU_PREFIX) : "";
}

/* ---- one each ---- */

static void
say_notice(struct flow *f, struct say *s)
{
    if (f->conf->sandbox && f->conf->sandbox_comfy)
        say_raw(s, "notice",
                str_c("[{\"text\":\"sandbox_notice\"},"
                      "{\"text\":\"sandbox_comfy_notice\"}]"));
    else if (f->conf->sandbox)
        say_key(s, "notice", "sandbox_notice");
    else if (f->conf->sandbox_comfy)
        say_key(s, "notice", "sandbox_comfy_notice");
}

static int
on_start(struct flow *f, struct err *e)
{
    struct say s;

    (void)e;
    dialog_reset(&f->d);
    say_new(&s, f, f->user->new_account ? "start" : "start_again");
    say_str(&s, "name", f->u->from.first_name);
    say_i64(&s, "balance", f->user->balance);
    say_notice(f, &s);
    s.menu = true;
    say_end(&s);
    return 0;
}

static int
on_presets(struct flow *f, struct err *e)
{
    (void)e;
    if (f->d.step != DIALOG_IDLE)
        f->d.step = f->d.photos.n > 0 ? DIALOG_PICK : DIALOG_IDLE;
    flow_menu(f, 0);
    return 0;
}

static int
on_balance(struct flow *f, struct err *e)
{
    struct say s;

    (void)e;
    say_new(&s, f, "balance");
    say_i64(&s, "balance", f->user->balance);
    if (f->user->held > 0)
        say_i64(&s, "held", f->user->held);
    say_line(&s, "btn_topup", "v1:topup");
    say_end(&s);
    return 0;
}

static int
on_history(struct flow *f, struct err *e)
{
    return flow_history(f, "", e);
}

static int
on_lang(struct flow *f, struct err *e)
{
    struct say s;

    (void)e;
    say_new(&s, f, "lang_choose");
    say_row(&s);
    say_button(&s, "btn_lang_ru");
    say_data(&s, "v1:lang:ru");
    say_button(&s, "btn_lang_en");
    say_data(&s, "v1:lang:en");
    say_end(&s);
    return 0;
}

static int
on_help(struct flow *f, struct err *e)
{
    struct say s;

    (void)e;
    say_new(&s, f, "help");
    s.menu = true;
    say_end(&s);
    return 0;
}

static int
on_paysupport(struct flow *f, struct err *e)
{
    struct say s;

    (void)e;
    say_new(&s, f, "paysupport");
    say_str(&s, "contact", f->conf->contact);
    say_str(&s, "id", f->user->id);
    say_end(&s);
    return 0;
}

static int
on_terms(struct flow *f, struct err *e)
{
    struct say s;

    (void)e;
    say_new(&s, f, "terms");
    say_i64(&s, "days", f->conf->file_days);
    say_end(&s);
    return 0;
}

/* ---- the table ---- */

static const struct command {
    const char *name;
    int (*run)(struct flow *f, struct err *e);
} commands[] = {
    {"start", on_start},        {"presets", on_presets},
    {"balance", on_balance},    {"history", on_history},
    {"cancel", flow_cancel},    {"lang", on_lang},
    {"help", on_help},          {"paysupport", on_paysupport},
    {"support", on_paysupport}, {"terms", on_terms},
};

int
flow_command(struct flow *f, const char *name, struct err *e)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(f, e);
    }
    flow_tell(f, "command_unknown");
    return 0;
}

/* ---- shared with presses ---- */

void
flow_topup(struct flow *f)
{
    struct say s;

    say_new(&s, f, "topup");
    say_str(&s, "contact", f->conf->contact);
    say_str(&s, "id", f->user->id);
    say_end(&s);
}

void
flow_set_language(struct flow *f, const char *language)
{
    struct say s;

    f->language = language;
    say_new(&s, f, "lang_changed");
    s.menu = true; /* its labels change too */
    say_end(&s);
}

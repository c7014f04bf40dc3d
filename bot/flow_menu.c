/*
 * flow_menu.c - walking the catalogue: sections, pages, a pick.
 *
 * Up to MENU_FLAT_MAX presets stand in one list; a larger catalogue is walked
 * by its sections. A page has MENU_PAGE buttons, so that a hundred presets are
 * at most three presses away and no keyboard grows over a screen.
 */
#include "bot/flow_int.h"

#define MENU_FLAT_MAX 10
#define MENU_PAGE 8

static size_t
pages_of(size_t n)
{
    return n == 0 ? 1 : (n + MENU_PAGE - 1) / MENU_PAGE;
}

static void
begin(struct say *s, struct flow *f, int64_t edit, const char *key)
{
    size_t n = f->d.photos.n;

    if (f->d.step != DIALOG_PICK || n == 0) {
        say_edit(s, f, edit, key);
    } else if (n == 1) {
        say_edit(s, f, edit, "got_photo");
    } else {
        say_edit(s, f, edit, "got_photos");
        say_i64(s, "n", (int64_t)n);
    }
}

/* ‹ Back   2 / 5   Next › : as far as they lead anywhere. verb ends before the
 * page's number. */
static void
add_pager(struct say *s, const char *verb, size_t page, size_t pages)
{
    if (pages < 2)
        return;
    say_row(s);
    if (page > 0) {
        say_button(s, "btn_prev");
        say_data(s, "%s%zu", verb, page - 1);
    }
    say_button(s, "btn_page");
    say_i64(s, "page", (int64_t)page + 1);
    say_i64(s, "pages", (int64_t)pages);
    say_data(s, "v1:nop");
    if (page + 1 < pages) {
        say_button(s, "btn_next");
        say_data(s, "%s%zu", verb, page + 1);
    }
}

/* ---- sections ---- */

static void
add_section(struct say *s, const struct bot_category *c)
{
    say_row(s);
    say_button(s, "btn_category");
    say_str(s, "icon", c->icon);
    say_text(s, "title", &c->title);
    say_i64(s, "n", (int64_t)c->n);
    say_data(s, "v1:menu:%s:0", c->id);
}

void
flow_menu_sections(struct flow *f, size_t page, int64_t edit)
{
    const struct bot_catalog *c = f->catalog;
    size_t pages = pages_of(c->n_categories);
    struct say s;

    if (page >= pages)
        page = pages - 1;
    begin(&s, f, edit, "choose_category");
    for (size_t i = page * MENU_PAGE;
         i < c->n_categories && i < (page + 1) * MENU_PAGE; i++)
        add_section(&s, &c->categories[i]);
    add_pager(&s, "v1:sections:", page, pages);
    say_end(&s);
}

/* ---- presets ---- */

static void
add_preset(struct say *s, const struct bot_preset *p)
{
    say_row(s);
    say_button(s, p->available ? "btn_preset" : "btn_preset_away");
    say_str(s, "icon", p->p.icon);
    say_text(s, "title", &p->p.title);
    say_i64(s, "price", p->p.price);
    say_data(s, "v1:preset:%s", p->p.name);
}

static void
page_text(struct say *s, struct flow *f, const struct bot_category *c,
          size_t page, size_t pages, int64_t edit)
{
    if (c == NULL) {
        begin(s, f, edit, "choose_preset");
    } else {
        say_edit(s, f, edit, "choose_preset");
        say_text(s, "category", &c->title);
    }
    if (pages > 1) {
        say_i64(s, "page", (int64_t)page + 1);
        say_i64(s, "pages", (int64_t)pages);
    }
}

void
flow_menu_page(struct flow *f, const char *section, size_t page, int64_t edit)
{
    const struct bot_catalog *all = f->catalog;
    const struct bot_category *c = bot_catalog_category(all, section);
    size_t n = c != NULL ? c->n : all->n;
    size_t pages = pages_of(n), at = 0, k = 0;
    struct say s;

    if (c == NULL && section[0] != '\0') {
        flow_menu(f, edit); /* that section is gone */
        return;
    }
    if (page >= pages)
        page = pages - 1;
    while (c != NULL && at < all->n &&
           !str_eq_c(str_c(all->items[at].p.category_id), c->id))
        at++;
    page_text(&s, f, c, page, pages, edit);
    for (k = page * MENU_PAGE; k < n && k < (page + 1) * MENU_PAGE; k++)
        add_preset(&s, &all->items[at + k]);
    add_pager(&s, arena_fmt(f->a, "v1:menu:%s:", section), page, pages);
    if (c != NULL)
        say_line(&s, "btn_categories", "v1:sections:0");
    say_end(&s);
}

void
flow_menu(struct flow *f, int64_t edit)
{
    if (f->catalog->n == 0) {
        struct say s;

        say_edit(&s, f, edit, "no_presets");
        say_end(&s);
    } else if (f->catalog->n > MENU_FLAT_MAX && f->catalog->n_categories > 1) {
        flow_menu_sections(f, 0, edit);
    } else {
        flow_menu_page(f, "", 0, edit);
    }
}

/* ---- a pick ---- */

void
flow_tell_away(struct flow *f, const struct preset *p)
{
    struct say s;

    say_new(&s, f, "preset_away");
    say_text(&s, "title", &p->title);
    say_end(&s);
}

void
flow_tell_gone(struct flow *f)
{
    flow_tell(f, "preset_unknown");
    flow_menu(f, 0);
}

/* More photos than the preset takes: the first ones are kept. */
static void
drop_extra(struct flow *f, const struct preset *p)
{
    size_t want = preset_photos(p);

    if (want < 2 || f->d.photos.n <= want)
        return;
    f->d.photos.n = want;
    flow_tell_extra(f, p);
}

int
flow_menu_pick(struct flow *f, const char *name, int64_t edit, struct err *e)
{
    const struct bot_preset *p = bot_catalog_find(f->catalog, name);

    if (p == NULL) {
        flow_tell_gone(f);
        return 0;
    }
    if (!p->available) {
        flow_tell_away(f, &p->p);
        return 0;
    }
    f->d.step = DIALOG_FORM;
    f->d.preset = p->p.name;
    f->d.offer = "";
    f->d.n_values = 0;
    f->d.form++;
    drop_extra(f, &p->p);
    return flow_form_next(f, edit, e);
}

/*
 * flow.c - which part of the dialogue an update belongs to.
 */
#include "bot/flow.h"

#include <string.h>

#include "base/log.h"
#include "bot/flow_int.h"

void
flow_init(struct flow *f, struct arena *a)
{
    memset(f, 0, sizeof(*f));
    f->a = a;
    f->reachable = API_UNSET;
    dialog_init(&f->d);
}

int64_t
flow_wake_ms(const struct flow *f)
{
    return f->d.album_open ? DIALOG_ALBUM_MS : -1;
}

/* ---- the backend ---- */

int
flow_ask(struct flow *f, enum api_route route, const struct api_args *args,
         struct api_answer *ans, struct err *e)
{
    if (f->call(f->call_ctx, route, args, f->a, ans, e) == 0)
        return 0;
    return ans->status >= 400 && ans->status < 500 ? 1 : -1;
}

int
flow_register(struct flow *f, const char *payload, struct err *e)
{
    const struct tg_person *who = &f->u->from;
    struct api_user_register in;
    struct api_user *user;
    struct api_answer ans;
    struct api_args args = {.in = &in};
    int rc;

    if (f->user != NULL && payload == NULL)
        return 0;
    api_init(&api_shape_user_register, &in);
    in.telegram_id = who->id;
    in.full_name = who->full_name;
    if (who->username[0] != '\0')
        in.username = who->username;
    if (who->language_code[0] != '\0')
        in.language_code = who->language_code;
    if (payload != NULL && payload[0] != '\0')
        in.start_payload = payload;
    args.out = user = ARENA_NEW(f->a, struct api_user);
    rc = flow_ask(f, API_ROUTE_user_register, &args, &ans, e);
    if (rc == 0)
        f->user = user;
    return rc == 0 ? 0 : -1;
}

/* ---- messages ---- */

void
flow_tell(struct flow *f, const char *key)
{
    struct say s;

    say_new(&s, f, key);
    say_end(&s);
}

/* Text that is no command: an answer, a description, or talk. */
static int
on_text(struct flow *f, struct err *e)
{
    if (f->d.step == DIALOG_FORM)
        return flow_form_text(f, e);
    if (f->d.step == DIALOG_PICK) {
        f->d.prompt = f->u->text;
        flow_menu(f, 0);
        return 0;
    }
    flow_tell(f, "hint_text");
    return 0;
}

/* In groups we say once that we do not work there. */
static int
on_group(struct flow *f)
{
    if (f->u->chat_type != TG_CHAT_GROUP || f->d.group_told)
        return 0;
    f->d.group_told = true;
    flow_tell(f, "refuse_group");
    return 0;
}

static int
on_private(struct flow *f, struct err *e)
{
    const char *command = flow_command_of(f->u);
    bool is_start = strcmp(command, "start") == 0;
    bool ends_all = is_start || strcmp(command, "cancel") == 0;

    if (flow_register(f, is_start ? f->u->args : NULL, e) != 0)
        return -1;
    if (!f->user->reachable)
        f->reachable = 1; /* who writes to us has not blocked us */
    if (!ends_all && !flow_is_album_item(f) && flow_album_end(f, e) != 0)
        return -1;
    if (command[0] != '\0')
        return flow_command(f, command, e);
    if (f->u->content == TG_CONTENT_TEXT)
        return on_text(f, e);
    return flow_photo(f, e);
}

static int
on_message(struct flow *f, struct err *e)
{
    const struct tg_update *u = f->u;

    if (u->content == TG_CONTENT_SERVICE || u->from.id == 0 || u->from.is_bot)
        return 0;
    if (u->content == TG_CONTENT_PAYMENT || u->content == TG_CONTENT_REFUND) {
        log_error("bot", "payment",
                  "a payment that this shop did not ask for: charge=%s",
                  u->charge_id);
        return 0;
    }
    if (u->chat_type != TG_CHAT_PRIVATE)
        return on_group(f);
    return on_private(f, e);
}

/* ---- the rest ---- */

static int
on_member(struct flow *f)
{
    if (f->u->chat_type == TG_CHAT_PRIVATE && f->user != NULL)
        f->reachable = f->u->reachable ? 1 : 0;
    return 0;
}

static int
on_press(struct flow *f, struct err *e)
{
    if (f->u->chat_type != TG_CHAT_PRIVATE)
        return on_group(f);
    if (flow_register(f, NULL, e) != 0 || flow_album_end(f, e) != 0)
        return -1;
    return flow_press(f, e);
}

int
flow_run(struct flow *f, struct err *e)
{
    if (f->u == NULL)
        return f->user != NULL ? flow_album_end(f, e) : 0;
    switch (f->u->kind) {
    case TG_UPDATE_MESSAGE:
        return on_message(f, e);
    case TG_UPDATE_CALLBACK:
        return on_press(f, e);
    case TG_UPDATE_MEMBER:
        return on_member(f);
    case TG_UPDATE_EDITED:
    case TG_UPDATE_PRE_CHECKOUT: /* answered before the inbox */
    case TG_UPDATE_OTHER:
        return 0;
    }
    return 0;
}

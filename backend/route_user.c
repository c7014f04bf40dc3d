/*
 * route_user.c - accounts: register, look up.
 */
#include "backend/backend_int.h"
#include "store/account.h"

void
user_fill(struct api_user *out, const struct account *acc)
{
    out->id = acc->id;
    out->language = acc->language;
    out->full_name = acc->full_name;
    out->username = acc->username[0] != '\0' ? acc->username : NULL;
    out->balance = acc->available;
    out->held = acc->held;
    out->reachable = acc->reachable;
    out->created_at = acc->created_at;
    if (acc->telegram_id != 0)
        out->telegram_id = acc->telegram_id;
}

int
route_user_register(struct call *c, void *out)
{
    const struct api_user_register *in = c->in;
    struct api_user *user = out;
    struct account acc;
    struct err e;
    if (in->telegram_id <= 0)
        return call_refuse(c, 400, "bad_input",
                           "/telegram_id: must be above 0");
    struct account_new n = {
        .telegram_id = in->telegram_id,
        .full_name = in->full_name,
        .username = in->username,
        .language_tag = in->language_code,
        .start_payload = in->start_payload,
        .initial_balance = setting_int(c->b->set, SET_INITIAL_BALANCE),
    };
    if (account_register(c->b->db, c->a, &n, &acc, &user->new_account, &e) !=
        0)
        return call_error(c, &e);
    user_fill(user, &acc);
    return user->new_account ? 201 : 200;
}

int
route_user_by_telegram(struct call *c, void *out)
{
    struct account acc;
    struct err e;
    int64_t id;
    if (!str_to_i64(str_c(http_param(c->q, "telegram_id")), &id))
        return call_refuse(c, 404, "not_found",
                           "a telegram id is a whole number");
    if (account_by_telegram(c->b->db, c->a, id, &acc, &e) != 0)
        return call_error(c, &e);
    user_fill(out, &acc);
    return 200;
}

int
route_user_get(struct call *c, void *out)
{
    struct account acc;
    struct err e;
    if (account_by_id(c->b->db, c->a, http_param(c->q, "id"), &acc, &e) != 0)
        return call_error(c, &e);
    user_fill(out, &acc);
    return 200;
}

/*
 * setup.c - what Telegram and the backend are told and asked at start.
 */
#include <string.h>

#include "base/log.h"
#include "bot/bot_int.h"
#include "telegram/setup.h"

#define PAUSE_FIRST_MS 500
#define PAUSE_LAST_MS 15000
#define CONNECTIONS 40 /* of Telegram to the webhook: its own default */

/* Waits before the next try; false: the bot stops. */
static bool
pause_again(struct bot *b, int64_t *ms, const char *what, const struct err *e)
{
    log_warn("bot", what, "%s; trying again in %lld ms", e->msg,
             (long long)*ms);
    if (stop_wait_ms(&b->stop, *ms))
        return false;
    *ms = *ms * 2 < PAUSE_LAST_MS ? *ms * 2 : PAUSE_LAST_MS;
    return true;
}

int
setup_me(struct bot *b, struct err *e)
{
    int64_t pause_ms = PAUSE_FIRST_MS;
    struct tg_answer ans;
    enum tg_outcome outcome;
    int rc;

    for (;;) {
        rc = tg_call(b->tg, "getMe", STR(""), true, &ans, e);
        outcome = ans.outcome;
        if (rc == 0)
            log_info("bot", "telegram", "username=%s",
                     json_str(ans.result, "username", ""));
        tg_answer_free(&ans);
        if (rc == 0)
            return 0;
        if (outcome == TG_UNAUTHORIZED)
            return err_set(e, ERR_BAD_INPUT,
                           "Telegram does not know this bot: check BOT_TOKEN "
                           "and TELEGRAM_API_URL");
        if (!pause_again(b, &pause_ms, "telegram_away", e))
            return -1;
    }
}

static int
check_kind(struct bot *b, const char *kind, struct err *e)
{
    const char *ours = b->conf.sandbox ? "sandbox" : b->bot_id;

    if (strcmp(kind, ours) == 0)
        return 0;
    return err_set(e, ERR_BAD_INPUT,
                   "the backend keeps the shop of %s, this bot is %s: check "
                   "BACKEND_URL, BOT_TOKEN and SANDBOX",
                   kind, ours);
}

int
setup_kind(struct bot *b, struct err *e)
{
    int64_t pause_ms = PAUSE_FIRST_MS;

    for (;;) {
        struct arena *a = arena_new();
        struct api_ready ready;
        struct api_args args = {.out = &ready, .deadline_ms = -1};
        struct api_answer ans;
        int rc = api_call(b->api, API_ROUTE_ready, &args, a, &ans, e);

        if (rc == 0 && ready.kind != NULL)
            rc = check_kind(b, ready.kind, e);
        arena_free(a);
        if (rc == 0 || ans.status == 200 || ans.status == 503)
            return rc;
        if (!pause_again(b, &pause_ms, "backend_away", e))
            return -1;
    }
}

void
setup_commands(struct bot *b)
{
    struct err e;

    if (tg_set_commands(b->tg, &e) != 0)
        log_warn("bot", "commands", "%s", e.msg);
}

int
setup_webhook(struct bot *b, struct err *e)
{
    int64_t pause_ms = PAUSE_FIRST_MS;

    for (;;) {
        if (tg_set_webhook(b->tg, setting_str(b->set, SET_WEBHOOK_URL),
                           setting_str(b->set, SET_WEBHOOK_SECRET), CONNECTIONS,
                           e) == 0)
            return 0;
        if (e->code != ERR_UNAVAILABLE && e->code != ERR_TIMEOUT)
            return err_wrap(e, "WEBHOOK_URL");
        if (!pause_again(b, &pause_ms, "set_webhook", e))
            return -1;
    }
}

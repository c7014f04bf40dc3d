/*
 * main.c - `tintype bot`: start, wait for the stop, drain.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/role.h"
#include "bot/bot_int.h"

#define HOST_MAX 32     /* bytes of the host's name in our id */
#define WAIT_MS 3600000 /* between two looks at the stop */

static int
check_settings(const struct settings *set, struct err *e)
{
    if (setting_str(set, SET_BOT_TOKEN)[0] == '\0')
        return err_set(e, ERR_BAD_INPUT,
                       "BOT_TOKEN is not set: get one from @BotFather, or "
                       "start `tintype up`, which brings a Telegram of its "
                       "own to practise with");
    if (setting_str(set, SET_SERVICE_TOKEN)[0] == '\0')
        return err_set(e, ERR_BAD_INPUT,
                       "SERVICE_TOKEN is not set: give the bot the one of the "
                       "backend");
    return 0;
}

static int
open_clients(struct bot *b, struct err *e)
{
    const char *url = setting_str(b->set, SET_BACKEND_URL);
    const char *service = setting_str(b->set, SET_SERVICE_TOKEN);
    const char *telegram = setting_str(b->set, SET_TELEGRAM_API_URL);
    const char *token = setting_str(b->set, SET_BOT_TOKEN);

    b->api = api_client_new(url, service, &b->stop, e);
    if (b->api == NULL)
        return err_wrap(e, "BACKEND_URL");
    b->polls = api_client_new(url, service, &b->stop, e);
    if (b->polls == NULL)
        return err_wrap(e, "BACKEND_URL");
    b->tg = tg_new(telegram, token, e);
    b->tg_polls = b->tg != NULL ? tg_new(telegram, token, e) : NULL;
    return b->tg_polls != NULL ? 0 : -1;
}

/* One live process of a bot on a machine and data folder. */
static int
take_id(struct bot *b, struct err *e)
{
    char host[HOST_MAX + 1] = "host", name[64];

    if (gethostname(host, HOST_MAX) != 0)
        snprintf(host, sizeof(host), "host");
    b->bot_id = tg_bot_id(b->tg);
    b->boot = role_boot();
    snprintf(b->id, sizeof(b->id), "bot-%.20s@%.32s", b->bot_id, host);
    snprintf(name, sizeof(name), "bot-%.20s", b->bot_id);
    return role_lock(setting_str(b->set, SET_DATA_DIR), name, e);
}

static int
bot_start(struct bot *b, struct err *e)
{
    if (check_settings(b->set, e) != 0 || open_clients(b, e) != 0 ||
        take_id(b, e) != 0)
        return -1;
    b->conf.contact = setting_str(b->set, SET_SUPPORT_CONTACT);
    b->conf.file_days = setting_int(b->set, SET_FILE_DAYS);
    b->conf.sandbox = setting_bool(b->set, SET_SANDBOX);
    b->conf.sandbox_comfy = setting_bool(b->set, SET_SANDBOX_COMFYUI);
    if (setup_kind(b, e) != 0 || setup_me(b, e) != 0)
        return -1;
    setup_commands(b);
    b->shop = bot_shop_new(b->api);
    b->answers = answers_new(b->tg);
    b->sender = send_start(b);
    b->work = work_new(b);
    b->intake = intake_start(b, e);
    return b->intake != NULL ? 0 : -1;
}

/* In the order of the stream: what is under way ends, nothing new begins. */
static void
bot_stop(struct bot *b)
{
    stop_set(&b->stop);
    intake_stop(b->intake);
    if (b->polls != NULL)
        api_client_stop(b->polls);
    work_free(b->work);
    tg_sender_free(b->sender);
    answers_free(b->answers);
    bot_shop_free(b->shop);
    tg_free(b->tg_polls);
    tg_free(b->tg);
    api_client_free(b->polls);
    api_client_free(b->api);
}

/* A stop may be asked for while the start still waits for others. */
static void *
signals_main(void *arg)
{
    struct bot *b = arg;

    role_wait_stop();
    stop_set(&b->stop);
    return NULL;
}

int
bot_main(int argc, char **argv)
{
    static struct bot the; /* outlives the thread that waits for signals */
    struct bot *b = &the;
    pthread_t signals;
    struct err e;
    int rc = 1;

    (void)argc;
    (void)argv;
    b->set = role_start("bot", &e);
    if (b->set == NULL) {
        fprintf(stderr, "tintype bot: %s\n", e.msg);
        return 2;
    }
    stop_init(&b->stop);
    thread_start(&signals, "signals", signals_main, b);
    pthread_detach(signals);
    if (bot_start(b, &e) == 0) {
        log_info("bot", "ready", "bot=%s mode=%s port=%d", b->bot_id,
                 intake_port(b->intake) != 0 ? "webhook" : "polling",
                 intake_port(b->intake));
        role_ready(intake_port(b->intake));
        while (!stop_wait_ms(&b->stop, WAIT_MS))
            ;
        log_info("bot", "stopping", "draining");
        rc = 0;
    } else if (stop_is_set(&b->stop)) {
        rc = 0;
    } else {
        log_error("bot", "start_failed", "%s", e.msg);
    }
    bot_stop(b);
    settings_free(b->set);
    return rc;
}

/*
 * tg_control.h - /sandbox/...: what a person, a test or a web page does to
 * the sandbox. docs/SANDBOX.md is its manual.
 *
 * Requests are read like the bot's (tg_call.h), with the path's parameters
 * among the others. An error is {"error": "..."} with its status.
 */
#ifndef SANDBOX_TG_CONTROL_H
#define SANDBOX_TG_CONTROL_H

#include "sandbox/tg_call.h"

typedef enum tgs_rc tgs_control_fn(struct tg *t, struct tgs_call *c);

struct tgs_control {
    tgs_control_fn *fn;
};

/* The chat of the path; NULL after tgs_fail. With the lock held. */
struct tgs_chat *tgs_control_chat(struct tg *t, struct tgs_call *c);

/* tg_control.c */
tgs_control_fn tgs_do_stats, tgs_do_switches, tgs_do_fault_add,
    tgs_do_fault_list, tgs_do_fault_clear, tgs_do_calls, tgs_do_calls_clear,
    tgs_do_update, tgs_do_updates, tgs_do_update_again, tgs_do_bot, tgs_do_file;
/* tg_person.c */
tgs_control_fn tgs_do_user, tgs_do_users, tgs_do_chat, tgs_do_text,
    tgs_do_photo, tgs_do_document, tgs_do_album, tgs_do_other, tgs_do_block,
    tgs_do_unblock, tgs_do_deactivate;
/* tg_press.c */
tgs_control_fn tgs_do_press, tgs_do_edit;
/* tg_wait.c */
tgs_control_fn tgs_do_messages, tgs_do_events, tgs_do_wait;

/* The answer to something that a person did: ids, and the event number from
 * which on what the bot does about it will come. */
void tgs_control_done(struct tgs_call *c, int64_t seq, int64_t update_id,
                      int64_t message_id);

#endif

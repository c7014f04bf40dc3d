/*
 * delivery.h - one message that Telegram must accept.
 *
 *              claim                 200
 *   queued ------------> sending ------------> sent (final)
 *     ^ ^   429, known      | | |
 *     | |   no effect       | | | 4xx
 *     | +-------------------+ | +------------> failed (final)
 *     |                       |
 *     | user is back          | outcome unknown (time-out, lease over, new
 *   waiting_user <--- 403 ----+ boot of the sender)
 *                             v
 *                          unknown --claim--> sending, once more; a second
 *                                             unknown outcome is failed
 *
 * Edits and statuses may be repeated: their unknown outcome is queued again.
 *
 * Kinds and lanes:
 *   message, edit, album   lane chat: written by the finish of an update
 *   status                 lane job: ONE message per job, edited in place;
 *                          revisions wanted/claimed/sent, newest wins
 *   result                 lane job: picture n of a job (object), n = 0, 1, ...
 *   note                   lane job: a sentence about a job (its refund, ...)
 *
 * Body (JSON) - text keys and arguments, never ready text; the sender renders
 * it in the account's language (model/text.h, telegram/render.h):
 *
 *   {"text": "card", "args": {"title": {"ru": "…", "en": "…"}, "price": 5},
 *    "keyboard": [[{"text": "btn_buy", "args": {"price": 5},
 *                   "data": "v1:buy:off_…"}]],
 *    "menu": true,              the persistent reply keyboard goes with it,
 *                               if there is no keyboard
 *    "reply_to": 17,
 *    "photos": [{"file_id": "…", "document": true, "text": …, "args": …}],
 *                               kind album, 1 to 10
 *    "photo": "…", "document": "…",   kind message: a file_id; the text is
 *                                     its caption
 *    "object": {"id": "obj_…", "file_id": …, "content_type": …, "size": …,
 *               "width": …, "height": …}}   kind message: a result once more
 *
 * args: a text is escaped for HTML; a number is printed; an object with ru and
 * en is chosen by language, then escaped; {"text": key, "args": {…}} is a text
 * of its own, a list of them stands one under the other. An edit without text
 * changes the keyboard only. A status body is computed from the job when it is
 * claimed, not stored. A press is answered by the bot at once, by a call of
 * its own, never by a delivery.
 */
#ifndef MODEL_DELIVERY_H
#define MODEL_DELIVERY_H

#include "base/str.h"

enum delivery_state {
    DELIVERY_QUEUED,
    DELIVERY_SENDING,
    DELIVERY_SENT,
    DELIVERY_WAITING_USER,
    DELIVERY_UNKNOWN,
    DELIVERY_FAILED
};

const char *delivery_state_name(enum delivery_state s);
bool delivery_state_parse(const char *name, enum delivery_state *out);
bool delivery_state_is_final(enum delivery_state s);
/* May a sender's report move a row that is `sending` to this state? */
bool delivery_report_allowed(enum delivery_state to);
/* Edits and statuses: sending them twice does no harm. */
bool delivery_is_repeatable(const char *kind);

#endif

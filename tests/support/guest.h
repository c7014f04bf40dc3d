/*
 * guest.h - somebody in the shop who fails the test by himself.
 *
 *     struct guest g;
 *     guest_in(&g, &shop, "Anna", "en");       said /start, was greeted
 *     guest_sends(&g, 0, NULL);                a photo
 *     guest_sees(&g, "What shall we do");
 *     guest_presses(&g, "v1:preset:negative");
 *     guest_sees(&g, "Price: 1 credit");
 *     guest_presses(&g, "v1:buy:");
 *     guest_gets(&g, NULL);                    the picture
 *     guest_has(&g, 59);
 *     guest_out(&g);
 *
 * What was expected and did not come fails the test with the chat as it looks.
 * An event lives until the guest's next act.
 */
#ifndef TESTS_SUPPORT_GUEST_H
#define TESTS_SUPPORT_GUEST_H

#include "tests/support/shop.h"

#define GUEST_START 60 /* credits of a new account */

struct guest {
    struct shop *shop;
    struct person p;
    int64_t message_id; /* of the last event that was seen */
};

/* A person who has not written yet. */
void guest_new(struct guest *g, struct shop *s, const char *name,
               const char *language);
void guest_in(struct guest *g, struct shop *s, const char *name,
              const char *language);
void guest_out(struct guest *g);

void guest_says(struct guest *g, const char *text);
/* shop_photo(n); caption may be NULL. */
void guest_sends(struct guest *g, int n, const char *caption);
/* The first n sample photos (2 or 3) as an album. */
void guest_sends_album(struct guest *g, size_t n, const char *caption);
void guest_sends_file(struct guest *g, struct str bytes, const char *name,
                      const char *mime);
/* Another kind of message: "{\"sticker\":{...}}". */
void guest_sends_other(struct guest *g, const char *members);
/* A button by its text, by its data, or by the beginning of its data when that
 * ends in ':'. */
void guest_presses(struct guest *g, const char *button);
/* A button that need not be there any more. */
void guest_forces(struct guest *g, int64_t message_id, const char *data);
void guest_blocks(struct guest *g, bool block);

/* The next message or edit with this in its text; what comes before it is
 * passed over. */
struct person_event guest_sees(struct guest *g, const char *contains);
/* The same with a limit. */
struct person_event guest_sees_within(struct guest *g, const char *contains,
                                      int64_t ms);
/* The next answer to a press, and what it says. */
void guest_is_told(struct guest *g, const char *toast);
/* The next picture; its bytes are appended to out (may be NULL). */
struct person_event guest_gets(struct guest *g, struct buf *out);
/* Asked for nothing else but the preset: photo, menu, card. The event is the
 * card's; its message id is kept. */
struct person_event guest_card(struct guest *g, int photo, const char *preset);
/* guest_card() and the press. */
void guest_buys(struct guest *g, int photo, const char *preset);
/* Data of the first button that begins so, copied; fails without one. */
void guest_button(struct guest *g, const struct person_event *ev,
                  const char *prefix, char *out, size_t size);

/* Waits until the n-th newest job has this status. */
void guest_job_is(struct guest *g, int n, const char *status);
/* Waits until so many credits can be spent and none is held. */
void guest_has(struct guest *g, int64_t credits);
/* How many messages of the bot are pictures (photo or document). */
size_t guest_pictures(struct guest *g);
/* How many messages of the bot contain this. */
size_t guest_seen(struct guest *g, const char *contains);
size_t guest_jobs(struct guest *g);
/* The chat to stderr, then fail_msg(). */
_Noreturn void guest_fail(struct guest *g, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif

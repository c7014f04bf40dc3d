/*
 * send.h - one delivery, sent: the tries until Telegram's answer is final.
 * For sender.c; others use sender.h.
 */
#ifndef TELEGRAM_SEND_H
#define TELEGRAM_SEND_H

#include "base/image.h"
#include "telegram/sender.h"

/* What came of it. Texts live in the arena that was given. */
struct tg_sent {
    enum tg_outcome outcome;
    int64_t message_id;
    const char *file_id; /* "" when there is none */
    int64_t retry_after_ms;
    const char *error; /* "" on success */
};

void tg_send_delivery(struct tg *tg, const struct tg_sender_ops *ops,
                      struct arena *a, const struct tg_delivery *d,
                      struct tg_sent *out);
/* The report that follows: the table in sender.h. */
void tg_sent_report(const struct tg_delivery *d, const struct tg_sent *sent,
                    struct tg_report *out);
/*
 * May these bytes go as a photo? By size, sides and kind: Telegram takes at
 * most LIM_PHOTO_BYTES, LIM_PHOTO_DIM_SUM and LIM_PHOTO_RATIO, and would lose
 * what moves or is transparent.
 */
bool tg_is_photo(struct str bytes, const struct image_info *info);

#endif

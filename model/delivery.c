/*
 * delivery.c - names and moves of outgoing messages.
 */
#include "model/delivery.h"

#include <string.h>

static const char *const names[] = {
    [DELIVERY_QUEUED] = "queued",   [DELIVERY_SENDING] = "sending",
    [DELIVERY_SENT] = "sent",       [DELIVERY_WAITING_USER] = "waiting_user",
    [DELIVERY_UNKNOWN] = "unknown", [DELIVERY_FAILED] = "failed",
};

const char *
delivery_state_name(enum delivery_state s)
{
    return names[s];
}

bool
delivery_state_parse(const char *name, enum delivery_state *out)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (enum delivery_state)i;
            return true;
        }
    }
    return false;
}

bool
delivery_state_is_final(enum delivery_state s)
{
    return s == DELIVERY_SENT || s == DELIVERY_FAILED;
}

bool
delivery_report_allowed(enum delivery_state to)
{
    return to != DELIVERY_SENDING;
}

bool
delivery_is_repeatable(const char *kind)
{
    return strcmp(kind, "edit") == 0 || strcmp(kind, "status") == 0;
}

/*
 * tg_faults.c - what a test asked to go wrong: rules, tried in the order in
 * which they were made.
 */
#include "sandbox/tg.h"

#include <string.h>
#include <strings.h>
#include "base/mem.h"

static const char *const names[] = {
#define FAULT(name, says) #name,
#include "sandbox/tg_faults.def"
#undef FAULT
};

const char *
tgs_fault_name(enum tgs_fault f)
{
    return names[f];
}

bool
tgs_fault_parse(const char *name, enum tgs_fault *out)
{
    for (size_t i = 0; i < TG_FAULT_COUNT; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (enum tgs_fault)i;
            return true;
        }
    return false;
}

/* "*" means all that the bot asks for; a webhook is named. */
static bool
fits(const struct tgs_fault_rule *r, const char *method, int64_t chat_id)
{
    bool named = strcasecmp(r->method, method) == 0;
    bool any = strcmp(r->method, "*") == 0 && strcmp(method, "webhook") != 0;

    return r->left != 0 && (named || any) &&
           (r->chat_id == 0 || r->chat_id == chat_id);
}

bool
tgs_fault_take(struct tg *t, const char *method, int64_t chat_id,
               struct tgs_fault_rule *out)
{
    for (struct tgs_fault_rule *r = t->faults; r; r = r->next) {
        if (!fits(r, method, chat_id))
            continue;
        if (r->left > 0)
            r->left--;
        r->hits++;
        *out = *r;
        return true;
    }
    return false;
}

bool
tgs_fault_add(struct tg *t, const struct tgs_fault_rule *r)
{
    struct tgs_fault_rule **end = &t->faults, *copy;

    if (t->nfaults == TG_FAULT_RULES_MAX)
        return false;
    copy = mem_alloc(sizeof(*copy));
    *copy = *r;
    copy->next = NULL;
    while (*end)
        end = &(*end)->next;
    *end = copy;
    t->nfaults++;
    return true;
}

void
tgs_faults_clear(struct tg *t)
{
    while (t->faults) {
        struct tgs_fault_rule *r = t->faults;
        t->faults = r->next;
        mem_free(r);
    }
    t->nfaults = 0;
}

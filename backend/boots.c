/*
 * boots.c - the boot number last seen of each process id.
 *
 * A new boot of an id frees at once what the old boot held; asking the
 * database at every claim would cost more than it is worth, so this process
 * remembers what it has seen. After its own start everything is new once.
 */
#include <string.h>
#include "backend/backend_int.h"
#include "base/mem.h"

#define BOOTS_MAX 256 /* ids; the oldest entry is forgotten beyond it */

struct boot {
    char id[64], boot[64];
};

struct boots {
    pthread_mutex_t lock;
    struct boot rows[BOOTS_MAX] GUARDED_BY(lock);
    size_t n GUARDED_BY(lock), next GUARDED_BY(lock);
};

struct boots *
boots_new(void)
{
    struct boots *t = mem_calloc(1, sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
    return t;
}

void
boots_free(struct boots *t)
{
    if (t == NULL)
        return;
    pthread_mutex_destroy(&t->lock);
    mem_free(t);
}

static struct boot *
boot_find(struct boots *t, const char *id)
{
    for (size_t i = 0; i < t->n; i++) {
        if (strcmp(t->rows[i].id, id) == 0)
            return &t->rows[i];
    }
    return NULL;
}

bool
boots_changed(struct backend *b, const char *id, const char *boot)
{
    struct boots *t = b->boots;
    if (strlen(id) >= sizeof t->rows[0].id ||
        strlen(boot) >= sizeof t->rows[0].boot)
        return true;
    pthread_mutex_lock(&t->lock);
    struct boot *row = boot_find(t, id);
    bool changed = row == NULL || strcmp(row->boot, boot) != 0;
    if (row == NULL) {
        row = &t->rows[t->next];
        t->next = (t->next + 1) % BOOTS_MAX;
        if (t->n < BOOTS_MAX)
            t->n++;
        strcpy(row->id, id);
    }
    strcpy(row->boot, boot);
    pthread_mutex_unlock(&t->lock);
    return changed;
}

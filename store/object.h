/*
 * object.h - rows of `objects`: files in object storage (io/objects.h). The
 * bytes are written before the row that names them.
 */
#ifndef STORE_OBJECT_H
#define STORE_OBJECT_H

#include "store/list.h"

struct object {
    const char *id, *key;
    const char *account, *job, *task; /* "" when there is none */
    int64_t n;                        /* of a task's results */
    const char *content_type, *sha256, *file_id;
    int64_t size, width, height; /* 0: unknown */
    bool deleted;
};

int object_get(struct db *db, struct arena *a, const char *id,
               struct object *out, struct err *e);
int object_of_job(struct db *db, struct arena *a, const char *job,
                  struct object **out, size_t *n, struct err *e);
/* o->id is replaced by the row's: the same key again keeps its id. */
int object_put(struct db *db, struct arena *a, struct object *o,
               struct err *e);

/* Files older than so many days whose deliveries have ended. */
int object_old(struct db *db, struct arena *a, int64_t days, int64_t limit,
               struct object **out, size_t *n, struct err *e);
/* The row stays and says that its bytes are gone. */
int object_forget(struct db *db, struct arena *a, const char *id,
                  struct err *e);

#endif

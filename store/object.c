/*
 * object.c - see object.h.
 */
#include "store/object.h"
#include "store/sql.h"

static void
object_take(const struct db_rows *r, size_t i, struct object *out)
{
    *out = (struct object){
        .id = db_str(r, i, 0),
        .key = db_str(r, i, 1),
        .account = db_str(r, i, 2),
        .job = db_str(r, i, 3),
        .content_type = db_str(r, i, 4),
        .size = db_int(r, i, 5),
        .sha256 = db_str(r, i, 6),
        .width = db_int(r, i, 7),
        .height = db_int(r, i, 8),
        .file_id = db_str(r, i, 9),
        .deleted = !db_is_null(r, i, 10),
    };
}

int
object_get(struct db *db, struct arena *a, const char *id, struct object *out,
           struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_object_get, &r, e, 1, V_STR(id)) != 0)
        return -1;
    if (r.nrows == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no object %.40s", id);
    object_take(&r, 0, out);
    return 0;
}

static void
objects_take(struct arena *a, const struct db_rows *r, struct object **out,
             size_t *n)
{
    *n = r->nrows;
    *out = ARENA_ARRAY(a, struct object, r->nrows + 1);
    for (size_t i = 0; i < r->nrows; i++)
        object_take(r, i, &(*out)[i]);
}

int
object_of_job(struct db *db, struct arena *a, const char *job,
              struct object **out, size_t *n, struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_object_of_job, &r, e, 1, V_STR(job)) != 0)
        return -1;
    objects_take(a, &r, out, n);
    return 0;
}

int
object_old(struct db *db, struct arena *a, int64_t days, int64_t limit,
           struct object **out, size_t *n, struct err *e)
{
    struct db_rows r;
    if (db_read(db, a, &sql_janitor_objects_old, &r, e, 2, V_INT(days),
                V_INT(limit)) != 0)
        return -1;
    objects_take(a, &r, out, n);
    return 0;
}

int
object_forget(struct db *db, struct arena *a, const char *id, struct err *e)
{
    struct db_list *l = db_list_new(a, "janitor");
    db_add(l, &sql_janitor_object_forget, 1, V_STR(id));
    return db_run(db, l, e);
}

static struct db_val
text_or_null(const char *z)
{
    return z == NULL || z[0] == '\0' ? V_NULL : V_STR(z);
}

int
object_put(struct db *db, struct arena *a, struct object *o, struct err *e)
{
    struct db_list *l = db_list_new(a, o->account ? o->account : o->id);
    db_add(l, &sql_object_insert, 11, V_STR(o->id), V_STR(o->key),
           text_or_null(o->account), text_or_null(o->job),
           text_or_null(o->task), V_STR(o->content_type), V_INT(o->n),
           V_STR(o->sha256), V_INT(o->size),
           o->width > 0 ? V_INT(o->width) : V_NULL,
           o->height > 0 ? V_INT(o->height) : V_NULL);
    if (db_run(db, l, e) != 0)
        return -1;
    o->id = db_str(db_result(l, 0), 0, 0);
    return 0;
}

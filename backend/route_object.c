/*
 * route_object.c - bytes in and out (protocols 9).
 *
 * PUT takes the bytes of a task's result (?task=ID&n=N) or, without a task, a
 * file of an account (?user_id=). Pictures pass the metadata filter: ComfyUI
 * writes the whole workflow and prompt into its files.
 */
#include <string.h>
#include <unistd.h>
#include "backend/backend_int.h"
#include "base/hash.h"
#include "base/image.h"
#include "base/limits.h"
#include "store/object.h"
#include "store/task.h"

void
object_fill(struct api_object *out, const struct object *o)
{
    api_init(&api_shape_object, out);
    out->id = o->id;
    out->content_type = o->content_type;
    out->size = o->size;
    out->sha256 = o->sha256;
    if (o->width > 0) {
        out->width = o->width;
        out->height = o->height;
    }
    if (o->file_id != NULL && o->file_id[0] != '\0')
        out->file_id = o->file_id;
}

/* Key and owner; 0 or the status of a refusal. */
static int
object_place(struct call *c, struct object *o, const char *ext)
{
    const char *task_id = http_query(c->q, "task");
    const char *n_text = http_query(c->q, "n");
    const char *user = http_query(c->q, "user_id");
    struct task t;
    struct err e;
    if (task_id == NULL) {
        if (user == NULL || !id_is(str_c(user), "usr"))
            return call_refuse(c, 422, "bad_input",
                               "give ?task= of a result, or ?user_id=");
        o->account = user;
        o->key = arena_fmt(c->a, "in/%s/%s.%s", user, o->id, ext);
        return 0;
    }
    if (n_text != NULL &&
        (!str_to_i64(str_c(n_text), &o->n) || o->n < 0 || o->n > 99))
        return call_refuse(c, 422, "bad_input", "?n= must be 0 to 99");
    if (task_get(c->b->db, c->a, task_id, &t, &e) != 0)
        return call_error(c, &e);
    o->account = t.account;
    o->job = t.job;
    o->task = t.id;
    /* 256 folders that stay: each new one would cost a sync of its parent */
    o->key = arena_fmt(c->a, "out/%.2s/%s-%s-%lld-%lld.%s", t.id, t.job, t.id,
                       (long long)t.attempt, (long long)o->n, ext);
    return 0;
}

/* The bytes to keep: without metadata. */
static int
object_clean(struct call *c, struct str bytes, struct object *o,
             struct buf *clean, const char **ext)
{
    struct image_info info;
    struct err e;
    if (image_probe(bytes, &info, &e) != 0) {
        buf_add_str(clean, bytes);
        o->content_type = "application/octet-stream";
        *ext = "bin";
        return 0;
    }
    if (image_strip(bytes, clean, &e) != 0)
        return call_refuse(c, 422, "bad_image", "%s", e.msg);
    o->content_type = image_mime(info.kind);
    o->width = info.width;
    o->height = info.height;
    *ext = image_ext(info.kind);
    return 0;
}

static int
object_store(struct call *c, struct object *o, struct str bytes)
{
    struct err e;
    char hash[SHA256_HEX];
    sha256_hex(bytes, hash);
    o->sha256 = arena_strdup(c->a, hash);
    o->size = (int64_t)bytes.len;
    if (objects_put(c->b->objects, o->key, bytes, &e) != 0 ||
        object_put(c->b->db, c->a, o, &e) != 0)
        return call_error(c, &e);
    return 0;
}

int
route_object_put(struct call *c, void *out)
{
    char id[ID_MAX];
    struct object o = {.n = 0};
    struct buf clean;
    const char *ext = "bin";
    struct str bytes = http_body(c->q);
    if (bytes.len == 0)
        return call_refuse(c, 422, "empty", "the body is empty");
    id_new(id, "obj");
    o.id = arena_strdup(c->a, id);
    buf_init(&clean, LIM_UPLOAD_BYTES);
    int status = object_clean(c, bytes, &o, &clean, &ext);
    if (status == 0)
        status = object_place(c, &o, ext);
    if (status == 0)
        status = object_store(c, &o, buf_str(&clean));
    buf_free(&clean);
    if (status != 0)
        return status;
    object_fill(out, &o);
    return 201;
}

int
route_object_get(struct call *c, void *out)
{
    struct object o;
    struct err e;
    uint64_t size;
    (void)out;
    if (object_get(c->b->db, c->a, http_param(c->q, "id"), &o, &e) != 0)
        return call_error(c, &e);
    if (o.deleted)
        return call_refuse(c, 404, "gone", "the file was removed after %lld days",
                           (long long)setting_int(c->b->set, SET_FILE_DAYS));
    int fd = objects_open_fd(c->b->objects, o.key, &size, &e);
    if (fd < 0)
        return call_error(c, &e);
    http_reply_fd(c->q, 200, o.content_type, fd, size);
    return CALL_REPLIED;
}

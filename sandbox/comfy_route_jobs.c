/*
 * comfy_route_jobs.c - the jobs API of newer servers (contract 1.20).
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "sandbox/comfy_http.h"

/* A job of the queue or of the history, as a row of a list. */
struct job {
    const struct comfy_item *item;   /* pending or running */
    const struct comfy_entry *entry; /* or finished */
    const char *status;
    int64_t created_ms, duration_ms;
};

static const char *const statuses[] = {"pending", "in_progress", "completed",
                                       "failed", "cancelled"};

#define NSTATUSES (sizeof(statuses) / sizeof(statuses[0]))

static struct job
job_of_item(const struct comfy_item *i, bool running)
{
    return (struct job){i, NULL, statuses[running], i->created_ms, 0};
}

static struct job
job_of_entry(const struct comfy_entry *k)
{
    const char *status = k->end == EXEC_SUCCESS       ? statuses[2]
                         : k->end == EXEC_INTERRUPTED ? statuses[4]
                                                      : statuses[3];

    return (struct job){NULL, k, status, k->created_ms,
                        k->ended_ms - k->started_ms};
}

/* ---- one job as JSON ---- */

/* Counts files; the first one is shown as a preview. */
static void
add_outputs(struct buf *b, struct arena *a, const struct comfy_entry *k)
{
    const struct py *outputs = py_parse(a, str_c(k->outputs), NULL);
    const struct py *best = NULL, *node = NULL, *kind = NULL;
    size_t n = 0;

    for (const struct py *o = outputs->first; o; o = o->next)
        for (const struct py *list = o->first; list; list = list->next)
            for (const struct py *f = list->first; f; f = f->next) {
                n++;
                if (best || !py_get(f, "filename"))
                    continue;
                best = f;
                node = o;
                kind = list;
            }
    buf_addf(b, ", \"outputs_count\": %zu, \"previewable_outputs_count\": %zu",
             n, best ? n : 0);
    if (!best)
        return;
    buf_add_c(b, ", \"preview_output\": {");
    for (const struct py *v = best->first; v; v = v->next) {
        py_dumps_str(b, v->key);
        buf_add_c(b, ": ");
        py_dumps(b, v);
        buf_add_c(b, ", ");
    }
    buf_add_c(b, "\"nodeId\": ");
    py_dumps_str(b, node->key);
    buf_add_c(b, ", \"mediaType\": ");
    py_dumps_str(b, kind->key);
    buf_add_c(b, "}");
}

static void
add_workflow_id(struct buf *b, struct arena *a, const char *extra_json)
{
    const struct py *extra = py_parse(a, str_c(extra_json), NULL);
    const struct py *id =
        py_get(py_get(py_get(extra, "extra_pnginfo"), "workflow"), "id");

    if (!py_is(id, PY_STR))
        return;
    buf_add_c(b, ", \"workflow_id\": ");
    py_dumps(b, id);
}

static void
add_job(struct buf *b, struct arena *a, const struct job *j, bool whole)
{
    const struct comfy_entry *k = j->entry;
    const char *prompt = k ? k->prompt : j->item->prompt_json;
    const char *extra = k ? k->extra : j->item->extra_json;

    buf_add_c(b, "{\"id\": ");
    py_dumps_c(b, k ? k->id : j->item->id);
    buf_addf(b,
             ", \"status\": \"%s\", \"priority\": %s, \"create_time\": "
             "%lld",
             j->status, k ? k->number_text : j->item->number_text,
             (long long)j->created_ms);
    if (k) {
        buf_addf(b,
                 ", \"execution_start_time\": %lld, "
                 "\"execution_end_time\": %lld",
                 (long long)k->started_ms, (long long)k->ended_ms);
        if (k->error)
            buf_addf(b, ", \"execution_error\": %s", k->error);
        add_outputs(b, a, k);
    }
    add_workflow_id(b, a, extra);
    if (whole && k) {
        buf_addf(b, ", \"outputs\": %s, \"execution_status\": ", k->outputs);
        comfy_entry_status(b, k);
    }
    if (whole)
        buf_addf(b, ", \"workflow\": {\"prompt\": %s, \"extra_data\": %s}",
                 prompt, extra);
    buf_add_c(b, "}");
}

static void
reply_error(struct http_req *q, int status, const char *text)
{
    struct buf b;

    buf_init(&b, 4096);
    buf_add_c(&b, "{\"error\": ");
    py_dumps_c(&b, text);
    buf_add_c(&b, "}");
    reply_json(q, status, &b);
}

/* Holding the lock. */
static bool
job_find(struct comfy *c, const char *id, struct job *out)
{
    const struct comfy_entry *k;

    if (c->running && strcmp(c->running->id, id) == 0) {
        *out = job_of_item(c->running, true);
        return true;
    }
    for (size_t i = 0; i < c->queue.n; i++)
        if (strcmp(c->queue.heap[i]->id, id) == 0) {
            *out = job_of_item(c->queue.heap[i], false);
            return true;
        }
    k = comfy_history_find(&c->history, id);
    if (!k || (k->hidden_until && clock_mono_ms() < k->hidden_until))
        return false;
    *out = job_of_entry(k);
    return true;
}

void
route_jobs_one(struct http_req *q, struct comfy *c)
{
    struct job j;
    struct buf b;
    bool found;

    buf_init(&b, COMFY_TEXT_MAX);
    pthread_mutex_lock(&c->lock);
    found = job_find(c, http_param(q, "id"), &j);
    if (found)
        add_job(&b, http_arena(q), &j, true);
    pthread_mutex_unlock(&c->lock);
    if (found) {
        reply_json(q, 200, &b);
    } else {
        buf_free(&b);
        reply_error(q, 404, "Job not found");
    }
}

/* ---- the list ---- */

struct listing {
    bool wanted[NSTATUSES];
    bool by_duration, ascending;
    int64_t limit, offset; /* limit < 0: none */
};

static bool
read_statuses(const char *z, struct listing *l)
{
    struct str rest = str_c(z), one;

    while (str_split(&rest, ',', &one)) {
        size_t i = 0;

        one = str_trim(one);
        while (i < NSTATUSES && !str_eq_c(one, statuses[i]))
            i++;
        if (i == NSTATUSES)
            return false;
        l->wanted[i] = true;
    }
    return true;
}

/* NULL, or what is wrong. */
static const char *
read_listing(struct http_req *q, struct listing *l)
{
    const char *status = http_query(q, "status");
    const char *by = http_query(q, "sort_by");
    const char *order = http_query(q, "sort_order");
    const char *limit = http_query(q, "limit");
    const char *offset = http_query(q, "offset");

    *l = (struct listing){.limit = -1};
    if (status && *status) {
        if (!read_statuses(status, l))
            return "Invalid status value(s)";
    } else {
        for (size_t i = 0; i < NSTATUSES; i++)
            l->wanted[i] = true;
    }
    if (by && strcmp(by, "created_at") != 0 &&
        strcmp(by, "execution_duration") != 0)
        return "sort_by must be 'created_at' or 'execution_duration'";
    l->by_duration = by && by[0] == 'e';
    if (order && strcmp(order, "asc") != 0 && strcmp(order, "desc") != 0)
        return "sort_order must be 'asc' or 'desc'";
    l->ascending = order && order[0] == 'a';
    if (limit && (!str_to_i64(str_c(limit), &l->limit) || l->limit <= 0))
        return "limit must be a positive integer";
    if (offset && (!str_to_i64(str_c(offset), &l->offset) || l->offset < 0))
        return "offset must be a non-negative integer";
    return NULL;
}

static int
by_created(const void *x, const void *y)
{
    const struct job *a = x, *b = y;

    return a->created_ms < b->created_ms ? -1 : a->created_ms > b->created_ms;
}

static int
by_duration(const void *x, const void *y)
{
    const struct job *a = x, *b = y;

    return a->duration_ms < b->duration_ms ? -1
                                           : a->duration_ms > b->duration_ms;
}

static void
keep(const struct listing *l, struct job *jobs, size_t *n, struct job j)
{
    for (size_t i = 0; i < NSTATUSES; i++)
        if (j.status == statuses[i] && l->wanted[i])
            jobs[(*n)++] = j;
}

/* Holding the lock: all that are wanted, sorted upwards. */
static size_t
collect(const struct comfy *c, const struct listing *l, struct arena *a,
        struct job **out)
{
    struct job *jobs =
        ARENA_ARRAY(a, struct job, c->history.n + c->queue.n + 1);
    size_t n = 0;

    for (const struct comfy_entry *k = c->history.first; k; k = k->next)
        if (!k->hidden_until || clock_mono_ms() >= k->hidden_until)
            keep(l, jobs, &n, job_of_entry(k));
    if (c->running)
        keep(l, jobs, &n, job_of_item(c->running, true));
    for (size_t i = 0; i < c->queue.n; i++)
        keep(l, jobs, &n, job_of_item(c->queue.heap[i], false));
    qsort(jobs, n, sizeof(*jobs), l->by_duration ? by_duration : by_created);
    *out = jobs;
    return n;
}

static void
add_page(struct buf *b, struct arena *a, const struct listing *l,
         const struct job *jobs, size_t n)
{
    size_t from = (size_t)l->offset < n ? (size_t)l->offset : n;
    size_t to = l->limit >= 0 && (size_t)l->limit < n - from
                    ? from + (size_t)l->limit
                    : n;

    buf_add_c(b, "{\"jobs\": [");
    for (size_t i = from; i < to; i++) {
        buf_add_c(b, i > from ? ", " : "");
        add_job(b, a, &jobs[l->ascending ? i : n - 1 - i], false);
    }
    buf_addf(b, "], \"pagination\": {\"offset\": %lld, \"limit\": ",
             (long long)l->offset);
    if (l->limit >= 0)
        buf_addf(b, "%lld", (long long)l->limit);
    else
        buf_add_c(b, "null");
    buf_addf(b, ", \"total\": %zu, \"has_more\": %s}}", n,
             to < n ? "true" : "false");
}

void
route_jobs(struct http_req *q, struct comfy *c)
{
    struct arena *a = http_arena(q);
    struct listing l;
    const char *wrong = read_listing(q, &l);
    struct job *jobs;
    struct buf b;
    size_t n;

    if (wrong) {
        reply_error(q, 400, wrong);
        return;
    }
    buf_init(&b, COMFY_TEXT_MAX);
    pthread_mutex_lock(&c->lock);
    n = collect(c, &l, a, &jobs);
    add_page(&b, a, &l, jobs, n);
    pthread_mutex_unlock(&c->lock);
    reply_json(q, 200, &b);
}

/* ---- cancelling ---- */

/* Pending or running, in one step. */
static bool
cancel(struct comfy *c, const char *id)
{
    struct comfy_item *item;
    bool running;

    pthread_mutex_lock(&c->lock);
    item = comfy_queue_remove(&c->queue, id);
    running = c->running && strcmp(c->running->id, id) == 0;
    if (!item && running) {
        c->interrupt = true;
        pthread_cond_broadcast(&c->changed);
    }
    pthread_mutex_unlock(&c->lock);
    comfy_item_free(item);
    return item || running;
}

static void
reply_cancelled(struct http_req *q, bool cancelled)
{
    struct buf b;

    buf_init(&b, 64);
    buf_addf(&b, "{\"cancelled\": %s}", cancelled ? "true" : "false");
    reply_json(q, 200, &b);
}

void
route_jobs_cancel_one(struct http_req *q, struct comfy *c)
{
    reply_cancelled(q, cancel(c, http_param(q, "id")));
}

/* False: answered, with the ids that are none. */
static bool
ids_are_good(struct http_req *q, const struct py *ids)
{
    bool good = true;
    struct buf b;

    buf_init(&b, COMFY_TEXT_MAX);
    buf_add_c(&b, "{\"error\": \"job_ids contains invalid id(s)\", "
                  "\"invalid_ids\": [");
    for (const struct py *v = ids->first; v; v = v->next) {
        if (v->kind == PY_STR && comfy_is_uuid(v->text))
            continue;
        buf_add_c(&b, good ? "" : ", ");
        py_dumps(&b, v);
        good = false;
    }
    buf_add_c(&b, "]}");
    if (good)
        buf_free(&b);
    else
        reply_json(q, 400, &b);
    return good;
}

void
route_jobs_cancel(struct http_req *q, struct comfy *c)
{
    struct py *body = request_json(q, http_arena(q));
    const struct py *ids = py_get(body, "job_ids");
    bool any = false;

    if (!body)
        return;
    if (!py_is(ids, PY_LIST)) {
        reply_error(q, 400, "job_ids must be a list");
        return;
    }
    if (!ids_are_good(q, ids))
        return;
    for (const struct py *v = ids->first; v; v = v->next)
        any |= cancel(c, v->text.p);
    reply_cancelled(q, any);
}

/*
 * job_view.c - a job as others see it: title, place, estimate, files.
 */
#include "backend/backend_int.h"
#include "backend/catalog.h"
#include "backend/fleet.h"
#include "store/job.h"
#include "store/object.h"

struct str
text_json(struct arena *a, const struct preset_text *t)
{
    struct buf b;
    struct jw w;
    buf_init(&b, 65536);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, "ru", t->ru);
    jw_kstr(&w, "en", t->en);
    jw_end(&w);
    struct str s = arena_str(a, buf_str(&b));
    buf_free(&b);
    return s;
}

/* Estimate: what is ahead shared by the slots, and its own run. */
static int64_t
eta_seconds(struct backend *b, const struct job *j, const struct job_place *p)
{
    int64_t run_ms = fleet_run_ms(b, j->scenario, j->version);
    struct fleet_sum f = fleet_sum(b, p->service);
    int64_t lanes = f.addresses > 0 ? f.addresses : 1;
    int64_t ms = run_ms;
    if (p->state == TASK_PENDING)
        ms += p->ahead * run_ms / lanes;
    else if (p->progress >= 0)
        ms = run_ms * (100 - p->progress) / 100;
    return (ms + 999) / 1000;
}

static int
fill_open(struct backend *b, struct arena *a, struct api_job *out,
          const struct job *j, struct err *e)
{
    struct job_place p;
    if (job_place(b->db, a, j->id, &p, e) != 0)
        return e->code == ERR_NOT_FOUND ? 0 : -1;
    if (p.state == TASK_PENDING)
        out->position = p.ahead + 1;
    else if (p.place >= 0)
        out->position = p.place;
    out->stage = p.stage[0] != '\0' ? p.stage : "queued";
    if (p.progress >= 0)
        out->progress = p.progress;
    if (p.retries > 0)
        out->retries = p.retries;
    out->eta_seconds = eta_seconds(b, j, &p);
    return 0;
}

static int
fill_files(struct backend *b, struct arena *a, struct api_job *out,
           const struct job *j, struct err *e)
{
    struct object *files;
    size_t n;
    if (object_of_job(b->db, a, j->id, &files, &n, e) != 0)
        return -1;
    out->files = ARENA_ARRAY(a, struct api_object, n + 1);
    out->n_files = n;
    for (size_t i = 0; i < n; i++)
        object_fill(&out->files[i], &files[i]);
    return 0;
}

int
job_fill(struct backend *b, struct arena *a, struct api_job *out,
         const struct job *j, struct err *e)
{
    struct err ignored;
    api_init(&api_shape_job, out);
    out->id = j->id;
    out->status = job_state_name(j->state);
    out->price = j->price;
    out->user_id = j->account;
    out->preset = j->preset;
    out->scenario = j->scenario;
    out->version = j->version;
    out->inputs = str_c(j->inputs);
    out->cancel_requested = j->cancel_requested;
    out->refunded = j->refunded_at != 0;
    out->created_at = j->created_at;
    if (j->chat_id != 0)
        out->chat_id = j->chat_id;
    if (j->finished_at != 0)
        out->finished_at = j->finished_at;
    if (j->result_ref[0] != '\0')
        out->result_ref = j->result_ref;
    if (j->error_class[0] != '\0')
        out->error_class = j->error_class;
    if (j->error[0] != '\0')
        out->error = j->error;
    const struct preset *p =
        catalog_scenario(b, j->scenario, j->version, &ignored);
    if (p != NULL)
        out->title = text_json(a, &p->title);
    if (!job_state_is_final(j->state))
        return fill_open(b, a, out, j, e);
    return j->state == JOB_COMPLETED ? fill_files(b, a, out, j, e) : 0;
}

/*
 * flow_history.c - earlier jobs: the list, a picture once more, cancelling.
 */
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "bot/flow_int.h"

#define PAGE 5   /* jobs in one message: as many buttons */
#define LOOK 20  /* jobs that /cancel looks through */
#define FILES 10 /* pictures of one job that are sent again */

/* ---- asking ---- */

int
flow_job(struct flow *f, const char *id, struct api_job *job, bool *found,
         struct err *e)
{
    struct api_args args = {.path = {id}, .out = job};
    struct api_answer ans;
    int rc = flow_ask(f, API_ROUTE_job_get, &args, &ans, e);

    *found = rc == 0 && strcmp(job->user_id, f->user->id) == 0;
    return rc < 0 ? -1 : 0;
}

static int
list_jobs(struct flow *f, int limit, const char *cursor,
          struct api_job_list *out, struct err *e)
{
    struct api_args args = {.out = out};
    struct api_answer ans;

    args.query = arena_fmt(f->a, "user_id=%s&limit=%d%s%s", f->user->id, limit,
                           cursor[0] != '\0' ? "&cursor=" : "", cursor);
    return f->call(f->call_ctx, API_ROUTE_job_list, &args, f->a, &ans, e);
}

static bool
is_open(const struct api_job *j)
{
    return strcmp(j->status, "queued") == 0 ||
           strcmp(j->status, "processing") == 0;
}

static void
say_title(struct say *s, const struct api_job *j)
{
    if (j->title.len > 0)
        say_raw(s, "title", j->title);
    else
        say_str(s, "title", j->preset);
}

/* ---- the list ---- */

static void
write_line(struct jw *w, const struct api_job *j)
{
    char state[32];

    snprintf(state, sizeof(state), "state_%.20s", j->status);
    jw_obj(w);
    jw_kstr(w, "text", "history_line");
    jw_key(w, "args");
    jw_obj(w);
    jw_ki64(w, "at", j->created_at);
    jw_key(w, "title");
    if (j->title.len > 0)
        jw_raw(w, j->title);
    else
        jw_str(w, j->preset);
    jw_ki64(w, "price", j->price);
    jw_key(w, "state");
    jw_obj(w);
    jw_kstr(w, "text", state);
    jw_end(w);
    jw_end(w);
    jw_end(w);
}

static void
say_lines(struct say *s, const struct api_job_list *list)
{
    struct buf b;
    struct jw w;

    buf_init(&b, LIM_JSON_BYTES);
    jw_init(&w, &b);
    jw_arr(&w);
    for (size_t i = 0; i < list->n_jobs; i++)
        write_line(&w, &list->jobs[i]);
    jw_end(&w);
    say_raw(s, "lines", buf_str(&b));
    buf_free(&b);
}

int
flow_history(struct flow *f, const char *cursor, struct err *e)
{
    struct api_job_list list;
    struct say s;

    if (list_jobs(f, PAGE, cursor, &list, e) != 0)
        return -1;
    if (list.n_jobs == 0) {
        flow_tell(f, "history_empty");
        return 0;
    }
    say_new(&s, f, "history_head");
    say_lines(&s, &list);
    for (size_t i = 0; i < list.n_jobs; i++) {
        const struct api_job *j = &list.jobs[i];

        if (strcmp(j->status, "completed") != 0)
            continue;
        say_row(&s);
        say_button(&s, "btn_send_again");
        say_title(&s, j);
        say_i64(&s, "at", j->created_at);
        say_data(&s, "v1:again:%s", j->id);
    }
    if (list.next_cursor != NULL) {
        say_row(&s);
        say_button(&s, "btn_more");
        say_data(&s, "v1:more:%s", list.next_cursor);
    }
    say_end(&s);
    return 0;
}

/* ---- a picture once more ---- */

static void
add_repeat(struct say *s, const struct api_job *j)
{
    say_row(s);
    say_button(s, "btn_repeat");
    say_data(s, "v1:repeat:%s", j->id);
    say_button(s, "btn_other");
    say_data(s, "v1:other:%s", j->id);
}

static void
send_file(struct flow *f, const struct api_job *j, const struct api_object *o)
{
    struct say s;
    struct buf b;

    buf_init(&b, LIM_JSON_BYTES);
    api_write(&api_shape_object, o, &b);
    say_new(&s, f, "result_caption");
    say_title(&s, j);
    say_member(&s, "object", buf_str(&b));
    add_repeat(&s, j);
    say_end(&s);
    buf_free(&b);
}

static void
tell_gone(struct flow *f, const struct api_job *j)
{
    struct say s;

    say_new(&s, f, "send_again_gone");
    say_i64(&s, "days", f->conf->file_days);
    add_repeat(&s, j);
    say_end(&s);
}

int
flow_history_again(struct flow *f, const char *id, struct err *e)
{
    struct api_job job;
    bool found;

    if (flow_job(f, id, &job, &found, e) != 0)
        return -1;
    if (!found) {
        flow_press_old(f);
        return 0;
    }
    for (size_t i = 0; i < job.n_files && i < FILES; i++)
        send_file(f, &job, &job.files[i]);
    if (job.n_files == 0)
        tell_gone(f, &job);
    return 0;
}

/* ---- cancelling ---- */

static void
tell_job(struct flow *f, const char *key, const struct api_job *j)
{
    struct say s;

    say_new(&s, f, key);
    say_title(&s, j);
    say_i64(&s, "price", j->price);
    say_end(&s);
}

/* *status: 200 done, 202 asked for, 404 none, 409 ended already. */
static int
cancel(struct flow *f, const char *id, int *status, struct err *e)
{
    struct api_job out;
    struct api_args args = {.path = {id}, .out = &out};
    struct api_answer ans;
    int rc = flow_ask(f, API_ROUTE_job_cancel, &args, &ans, e);

    *status = ans.status;
    return rc < 0 ? -1 : 0;
}

/* Under a status message, which shows itself how it goes on. */
int
flow_cancel_job(struct flow *f, const char *id, struct err *e)
{
    struct api_job job;
    bool found;
    int status = 0;

    if (flow_job(f, id, &job, &found, e) != 0)
        return -1;
    if (!found) {
        flow_press_old(f);
        return 0;
    }
    if (cancel(f, id, &status, e) != 0)
        return -1;
    if (status == 409 && strcmp(job.status, "cancelled") != 0)
        tell_job(f, "cancel_too_late", &job);
    return 0;
}

static int
cancel_newest(struct flow *f, bool *found, struct err *e)
{
    struct api_job_list list;
    const struct api_job *j = NULL;
    int status = 0;

    if (list_jobs(f, LOOK, "", &list, e) != 0)
        return -1;
    for (size_t i = 0; i < list.n_jobs && j == NULL; i++) {
        if (is_open(&list.jobs[i]) && !list.jobs[i].cancel_requested)
            j = &list.jobs[i];
    }
    *found = j != NULL;
    if (j == NULL)
        return 0;
    if (cancel(f, j->id, &status, e) != 0)
        return -1;
    tell_job(f,
             status == 200   ? "cancel_done"
             : status == 202 ? "cancel_requested"
                             : "cancel_too_late",
             j);
    return 0;
}

/* What is being asked for, and the newest job that still runs. */
int
flow_cancel(struct flow *f, struct err *e)
{
    bool asked = f->d.step != DIALOG_IDLE || f->d.album_open;
    bool found = false;

    dialog_reset(&f->d);
    if (cancel_newest(f, &found, e) != 0)
        return -1;
    if (asked)
        flow_tell(f, "dialog_cancelled");
    else if (!found)
        flow_tell(f, "nothing_to_cancel");
    return 0;
}

/*
 * person.c - see person.h.
 */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "sandbox/person.h"

#define WAIT_MS 20000
#define CALL_MS 30000
#define BODY_MAX (80u << 20)

/* ---- requests ---------------------------------------------------------- */

static int
take_answer(struct person *p, const struct httpc_res *res, const char *op,
            const cJSON **out, struct err *e)
{
    cJSON *j = json_parse_in(p->arena, buf_str(&res->body), 0, e);
    if (j == NULL)
        return -1;
    if (res->status == 408)
        return err_set(e, ERR_TIMEOUT, "%s: %s", op,
                       json_str(j, "error", "timed out"));
    if (res->status >= 400)
        return err_set(e, ERR_BAD_INPUT, "%s: %d %s", op, res->status,
                       json_str(j, "error", ""));
    if (out != NULL)
        *out = j;
    return 0;
}

static int
run(struct person *p, const struct httpc_req *q, const cJSON **out,
    struct err *e)
{
    struct httpc_res res;
    arena_reset(p->arena);
    if (httpc_do(p->http, q, &res, e) != 0)
        return -1;
    int rc = take_answer(p, &res, q->op, out, e);
    httpc_res_free(&res);
    return rc;
}

int
person_call(struct person *p, const char *method, const char *path,
            struct str body, const cJSON **out, struct err *e)
{
    struct httpc_req q = {.method = method,
                          .path = path,
                          .op = "sandbox",
                          .idempotent = true,
                          .body = body,
                          .timeout_ms = CALL_MS};
    return run(p, &q, out, e);
}

/* POST /sandbox/chats/{chat}/{act} with a ready JSON body. */
static int
act(struct person *p, const char *what, const struct buf *body, struct err *e)
{
    char path[96];
    snprintf(path, sizeof path, "/sandbox/chats/%lld/%s", (long long)p->chat,
             what);
    return person_call(p, "POST", path,
                       body != NULL ? buf_str(body) : STR("{}"), NULL, e);
}

int
person_init(struct person *p, const char *telegram_url, const char *name,
            const char *language, struct err *e)
{
    struct buf b;
    struct jw w;
    const cJSON *j;
    memset(p, 0, sizeof *p);
    p->http = httpc_new(&(struct httpc_config){.label = "sandbox telegram",
                                               .base = telegram_url},
                        e);
    if (p->http == NULL)
        return -1;
    p->arena = arena_new();
    buf_init(&b, 4096);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, "name", name);
    jw_kstr(&w, "language_code", language);
    jw_end(&w);
    int rc = person_call(p, "POST", "/sandbox/users", buf_str(&b), &j, e);
    buf_free(&b);
    if (rc == 0) {
        p->chat = json_i64(json_get(j, "user"), "id", 0);
        p->seq = json_i64(j, "seq", 0);
    }
    return rc;
}

void
person_fini(struct person *p)
{
    if (p->http != NULL)
        httpc_free(p->http);
    arena_free(p->arena);
    memset(p, 0, sizeof *p);
}

/* ---- what a person does ------------------------------------------------- */

int
person_text(struct person *p, const char *text, struct err *e)
{
    struct buf b;
    struct jw w;
    buf_init(&b, BODY_MAX);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, "text", text);
    jw_end(&w);
    int rc = act(p, "text", &b, e);
    buf_free(&b);
    return rc;
}

static int
upload(struct person *p, const char *what, const struct httpc_part *parts,
       size_t n, struct err *e)
{
    char path[96];
    snprintf(path, sizeof path, "/sandbox/chats/%lld/%s", (long long)p->chat,
             what);
    struct httpc_req q = {.method = "POST",
                          .path = path,
                          .op = what,
                          .parts = parts,
                          .nparts = n,
                          .timeout_ms = CALL_MS};
    return run(p, &q, NULL, e);
}

int
person_photo(struct person *p, struct str bytes, const char *caption,
             struct err *e)
{
    struct httpc_part parts[] = {
        {.name = "photo", .filename = "photo.jpg", .data = bytes},
        {.name = "caption", .data = str_c(caption)}};
    return upload(p, "photo", parts, caption != NULL ? 2 : 1, e);
}

int
person_document(struct person *p, struct str bytes, const char *name,
                const char *mime, struct err *e)
{
    struct httpc_part parts[] = {
        {.name = "document", .filename = name, .type = mime, .data = bytes},
        {.name = "file_name", .data = str_c(name)},
        {.name = "mime_type", .data = str_c(mime)}};
    return upload(p, "document", parts, 3, e);
}

int
person_album(struct person *p, const struct str *photos, size_t n,
             const char *caption, struct err *e)
{
    struct httpc_part parts[12];
    char names[12][16];
    size_t k = 0;
    for (size_t i = 0; i < n && i < 10; i++) {
        snprintf(names[i], sizeof names[i], "photo%zu", i);
        parts[k++] = (struct httpc_part){
            .name = names[i], .filename = "photo.jpg", .data = photos[i]};
    }
    if (caption != NULL)
        parts[k++] = (struct httpc_part){.name = "caption",
                                         .data = str_c(caption)};
    return upload(p, "album", parts, k, e);
}

int
person_other(struct person *p, const char *members, struct err *e)
{
    struct buf b;
    buf_init(&b, BODY_MAX);
    buf_addf(&b, "{\"message\":%s}", members);
    int rc = act(p, "other", &b, e);
    buf_free(&b);
    return rc;
}

int
person_block(struct person *p, bool block, struct err *e)
{
    return act(p, block ? "block" : "unblock", NULL, e);
}

/* "v1:buy:" stands for the newest data that begins so. */
static int
find_data(struct person *p, int64_t message_id, const char *prefix,
          char *out, size_t size, struct err *e)
{
    char path[96];
    const cJSON *j, *m, *row, *button;
    size_t n = strlen(prefix);
    out[0] = '\0';
    snprintf(path, sizeof path, "/sandbox/chats/%lld/messages",
             (long long)p->chat);
    if (person_call(p, "GET", path, STR(""), &j, e) != 0)
        return -1;
    cJSON_ArrayForEach(m, json_get(j, "messages"))
    {
        if (message_id != 0 && json_i64(m, "message_id", 0) != message_id)
            continue;
        cJSON_ArrayForEach(row, json_path(m, "reply_markup.inline_keyboard"))
        {
            cJSON_ArrayForEach(button, row)
            {
                const char *data = json_str(button, "callback_data", "");
                if (strncmp(data, prefix, n) == 0)
                    snprintf(out, size, "%s", data);
            }
        }
    }
    if (out[0] == '\0')
        return err_set(e, ERR_NOT_FOUND, "no button %s", prefix);
    return 0;
}

int
person_press(struct person *p, int64_t message_id, const char *button,
             struct err *e)
{
    struct buf b;
    struct jw w;
    char data[128];
    size_t n = strlen(button);
    bool prefix = n > 0 && button[n - 1] == ':';
    if (prefix &&
        find_data(p, message_id, button, data, sizeof data, e) != 0)
        return -1;
    buf_init(&b, 65536);
    jw_init(&w, &b);
    jw_obj(&w);
    if (prefix)
        jw_kstr(&w, "data", data);
    else
        jw_kstr(&w, strncmp(button, "v1:", 3) == 0 ? "data" : "text", button);
    if (message_id != 0)
        jw_ki64(&w, "message_id", message_id);
    jw_end(&w);
    int rc = act(p, "press", &b, e);
    buf_free(&b);
    return rc;
}

int
person_force(struct person *p, int64_t message_id, const char *data,
             struct err *e)
{
    struct buf b;
    struct jw w;
    buf_init(&b, 65536);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, "data", data);
    jw_ki64(&w, "message_id", message_id);
    jw_kbool(&w, "force", true);
    jw_end(&w);
    int rc = act(p, "press", &b, e);
    buf_free(&b);
    return rc;
}

int
person_choose(struct person *p, const char *preset, struct person_event *card,
              struct err *e)
{
    char data[96];
    snprintf(data, sizeof data, "v1:preset:%s", preset);
    do {
        if (person_wait(p, &(struct person_want){0}, card, e) != 0)
            return -1;
    } while (person_button(card, "v1:menu:") == NULL &&
             person_button(card, "v1:preset:") == NULL);
    if (person_force(p, card->message_id, data, e) != 0)
        return -1;
    do {
        if (person_wait(p, &(struct person_want){0}, card, e) != 0)
            return -1;
    } while (person_button(card, "v1:buy:") == NULL);
    return 0;
}

/* ---- what the bot does --------------------------------------------------- */

static const char *
largest_file(const cJSON *message)
{
    const cJSON *photos = json_get(message, "photo");
    int n = cJSON_GetArraySize(photos);
    if (n > 0)
        return json_str(cJSON_GetArrayItem(photos, n - 1), "file_id", "");
    return json_str(json_get(message, "document"), "file_id", "");
}

int
person_wait(struct person *p, const struct person_want *want,
            struct person_event *out, struct err *e)
{
    int64_t ms = want->timeout_ms > 0 ? want->timeout_ms : WAIT_MS;
    const cJSON *j;
    arena_reset(p->arena);
    char *path = arena_fmt(
        p->arena,
        "/sandbox/wait?chat=%lld&after=%lld&timeout_ms=%lld&message_id=%lld",
        (long long)p->chat, (long long)p->seq, (long long)ms,
        (long long)want->message_id);
    const char *names[] = {"kind", "contains", "button"};
    const char *values[] = {want->kind, want->contains, want->button};
    for (size_t i = 0; i < 3; i++) {
        if (values[i] != NULL)
            path = arena_fmt(p->arena, "%s&%s=%s", path, names[i],
                             httpc_escape(p->arena, str_c(values[i])));
    }
    char *kept = mem_strdup(path);
    struct httpc_req q = {.method = "GET", .path = kept, .op = "wait",
                          .timeout_ms = ms + CALL_MS};
    int rc = run(p, &q, &j, e);
    mem_free(kept);
    if (rc != 0)
        return err_wrap(e, "waiting for %s \"%s\" %s",
                        want->kind ? want->kind : "anything",
                        want->contains ? want->contains : "",
                        want->button ? want->button : "");
    const cJSON *m = json_get(j, "message");
    *out = (struct person_event){
        .seq = json_i64(j, "seq", 0),
        .message_id = json_i64(j, "message_id", 0),
        .event = json_str(j, "event", ""),
        .text = json_str(m, "text", json_str(m, "caption", "")),
        .file_id = largest_file(m),
        .json = j};
    p->seq = out->seq;
    return 0;
}

const char *
person_button(const struct person_event *ev, const char *prefix)
{
    const cJSON *row, *button;
    cJSON_ArrayForEach(
        row, json_path(ev->json, "message.reply_markup.inline_keyboard"))
    {
        cJSON_ArrayForEach(button, row)
        {
            const char *data = json_str(button, "callback_data", "");
            if (strncmp(data, prefix, strlen(prefix)) == 0)
                return data;
        }
    }
    return NULL;
}

int
person_file(struct person *p, const char *file_id, struct buf *out,
            struct err *e)
{
    struct httpc_res res;
    arena_reset(p->arena);
    char *path = arena_fmt(p->arena, "/sandbox/files/%s",
                           httpc_escape(p->arena, str_c(file_id)));
    struct httpc_req q = {.method = "GET", .path = path, .op = "file",
                          .timeout_ms = CALL_MS};
    if (httpc_do(p->http, &q, &res, e) != 0)
        return -1;
    int rc = res.status == 200
                 ? 0
                 : err_set(e, ERR_NOT_FOUND, "file: %d", res.status);
    if (rc == 0)
        buf_add_str(out, buf_str(&res.body));
    httpc_res_free(&res);
    return rc;
}

/*
 * tg_call.h - one request of the bot: its parameters, from wherever they
 * came, and its answer.
 *
 * Parameters come as JSON body, form, multipart or query; in all but the
 * first, objects and arrays are JSON texts. Reading does not care: tgs_arg()
 * of a JSON number gives its digits, tgs_arg_json() of a text parses it.
 *
 * A method's function returns TG_OK after it wrote the result to c->w,
 * TG_FAIL after tgs_fail(), or TG_PARK after it set c->until_ms. It takes the
 * lock itself.
 */
#ifndef SANDBOX_TG_CALL_H
#define SANDBOX_TG_CALL_H

#include "sandbox/tg.h"
#include "sandbox/tg_text.h"

#define TG_PARAMS_MAX 96

struct tgs_param {
    const char *name;
    struct str text;   /* a file's bytes, a form's text; NULL for JSON */
    const cJSON *json; /* of a JSON body */
    bool is_file;
    const char *filename, *mime; /* NULL: not given */
};

enum tgs_rc { TG_OK, TG_FAIL, TG_PARK };

struct tgs_method;

struct tgs_call {
    struct http_req *req;
    struct arena *a;
    const char *name;                /* of the method, as it was written */
    const struct tgs_method *method; /* NULL: unknown */
    size_t n;
    struct tgs_param params[TG_PARAMS_MAX];
    bool faulty;
    struct tgs_fault_rule fault; /* when faulty */
    int64_t until_ms;            /* when parked; clock_mono_ms */
    uint64_t poller;             /* getUpdates: its number; 0: not begun */
    int64_t seen_seq; /* /sandbox/wait: of the last event looked at */
    struct buf out;
    struct jw w;
    const char *note; /* "description" of a success, or NULL */
    int status;       /* HTTP */
    int retry_after;  /* 0: none */
    char description[512];
};

struct tgs_method {
    const char *name;
    enum tgs_rc (*fn)(struct tg *t, struct tgs_call *c);
};

const struct tgs_method *tgs_method_find(const char *name); /* any case */
const struct tgs_method *tgs_method_at(size_t i); /* NULL: behind the last */

/* 0, or 400 with a description. */
int tgs_params_read(struct tgs_call *c);
/* Adds the fields of a form's body; needs c->a alone. */
int tgs_form_read(struct tgs_call *c, struct str body);
const struct tgs_param *tgs_param(const struct tgs_call *c, const char *name);
/* NULL when absent, empty or a file. Ends with NUL. */
const char *tgs_arg(struct tgs_call *c, const char *name);
int64_t tgs_arg_i64(struct tgs_call *c, const char *name, int64_t dflt);
bool tgs_arg_bool(struct tgs_call *c, const char *name);
/* The value as JSON; NULL when absent. Bad JSON: fails, *bad is set. */
const cJSON *tgs_arg_json(struct tgs_call *c, const char *name, bool *bad);
/* All parameters as one JSON object, files by name and size; NULL when it is
 * over 256 KiB. mem_free. */
char *tgs_params_json(const struct tgs_call *c);

enum tgs_rc tgs_fail(struct tgs_call *c, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
enum tgs_rc tgs_fail_retry(struct tgs_call *c, int seconds);
enum tgs_rc tgs_true(struct tgs_call *c); /* result: true */

/* ---- shared by methods; with the lock held ---- */

/* The chat of chat_id to which the bot may write; NULL after tgs_fail. */
struct tgs_chat *tgs_call_chat(struct tg *t, struct tgs_call *c);
/* text with parse_mode or entities; limit in code points. -1 after tgs_fail.
 * Needs no lock. */
int tgs_call_text(struct tgs_call *c, const char *text, const char *mode,
                  const cJSON *entities, size_t limit, struct tgs_text *out);
/* Checked reply_markup as it is kept; NULL when there is none. *bad is set
 * after tgs_fail. Needs no lock. */
char *tgs_call_markup(struct tgs_call *c, bool inline_only, bool *bad);

/* ---- the methods, by file ---- */
enum tgs_rc tgs_get_me(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_get_chat(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_get_file(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_send_chat_action(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_answer_callback_query(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_set_message_reaction(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_log_out(struct tg *t, struct tgs_call *c);

enum tgs_rc tgs_send_message(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_send_photo(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_send_document(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_send_media_group(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_copy_message(struct tg *t, struct tgs_call *c);

enum tgs_rc tgs_edit_text(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_edit_caption(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_edit_media(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_edit_markup(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_delete_message(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_delete_messages(struct tg *t, struct tgs_call *c);

enum tgs_rc tgs_get_updates(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_set_webhook(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_delete_webhook(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_get_webhook_info(struct tg *t, struct tgs_call *c);

enum tgs_rc tgs_set_my_commands(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_get_my_commands(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_delete_my_commands(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_set_my_name(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_get_my_name(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_set_my_description(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_get_my_description(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_set_my_short(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_get_my_short(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_set_menu_button(struct tg *t, struct tgs_call *c);
enum tgs_rc tgs_get_menu_button(struct tg *t, struct tgs_call *c);

/* ---- media: tg_media.c ---- */

/* What InputMedia or a photo/document parameter names: a file_id, an
 * attachment, or bytes. Fills c's kind and file. Takes the lock itself. */
enum tgs_rc tgs_media_take(struct tg *t, struct tgs_call *c, enum tgs_kind kind,
                           const char *value, const struct tgs_param *file,
                           struct tgs_content *out);
/* An InputMediaPhoto or InputMediaDocument with its caption. */
enum tgs_rc tgs_media_read(struct tg *t, struct tgs_call *c, const cJSON *media,
                           struct tgs_content *out);

/* ---- tg_calls.c: with the lock held ---- */
void tgs_call_record(struct tg *t, struct tgs_call *c, int status, bool lost);

#endif

/*
 * tg.h - the sandbox Telegram: what there is, and who writes it.
 *
 * One bot, private chats only. Everything mutable is guarded by `lock`, held
 * for memory and small files, never while a picture is decoded or a request
 * is out.
 *
 *   tg_state.c    chats, messages, events, callback queries
 *   tg_files.c    files and photos       tg_photo.c  pixels (libgd)
 *   tg_show.c     Message, User, Chat as JSON
 *   tg_updates.c  updates, lanes         tg_deliver.c  the webhook's threads
 *   tg_limits.c   rate limits            tg_faults.c   faults on demand
 *   tg_bot.c      /bot<TOKEN>/<method>, the table of methods, the ring of
 *                 calls is tg_calls.c
 *   tg_control*.c /sandbox/...
 *
 * Ids of messages, updates and events begin at a number made of the time of
 * the start, so that a shop that outlives its sandbox never sees one twice.
 */
#ifndef SANDBOX_TG_H
#define SANDBOX_TG_H

#include <pthread.h>
#include <stdbool.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/thread.h"
#include "io/httpd.h"

#define TG_CHATS_MAX 100000
#define TG_MESSAGES_MAX 2000 /* of a chat; the oldest go */
#define TG_EVENTS_MAX 20000
#define TG_CALLS_MAX 10000
#define TG_UPDATES_MAX 10000 /* that can be delivered again */
#define TG_PENDING_MAX 50000 /* updates not yet taken; more are dropped */
#define TG_QUERIES_MAX 10000
#define TG_FILES_MAX 1000000
#define TG_FILE_MEMORY (256u << 20) /* bytes without --dir; oldest go */
#define TG_BODY_MAX (64u << 20)     /* of a request: 50 MB and its dressing */
#define TG_JSON_MAX (64u << 20)     /* of an answer */
#define TG_BUCKETS 4096
#define TG_LANE_BUCKETS 4096
#define TG_CONNECTIONS_MAX 100
#define TG_SIZES_MAX 4 /* of a photo */
#define TG_WAIT_SHARDS 16

#define TGS_BOT_NAME "Tintype Sandbox"
#define TGS_BOT_USERNAME "tintype_sandbox_bot"

/* ---- files ---- */

struct tgs_photo;

struct tgs_file {
    int64_t n; /* number of the file, from 1 */
    char id[48], unique[24];
    char path[48]; /* as getFile shows it */
    char *mime;
    char *name;              /* documents; NULL: none */
    size_t size;             /* 0: not made yet */
    int width, height;       /* photos */
    struct tgs_photo *photo; /* the photo that it is a size of */
    char *bytes;             /* NULL: on disk, not made yet, or gone */
    bool on_disk, gone;
};

/* One picture in its sizes, smallest first. */
struct tgs_photo {
    char hash[65]; /* of what was uploaded */
    size_t n;
    struct tgs_file *sizes[TG_SIZES_MAX];
    struct tgs_file *original; /* as uploaded; may be the largest size */
    struct tgs_photo *next;    /* of its bucket by hash */
};

/* ---- chats and messages ---- */

enum tgs_kind { TG_TEXT, TG_PHOTO, TG_DOCUMENT, TG_OTHER };

/* What a message shows. All texts are owned (mem_free). */
struct tgs_content {
    enum tgs_kind kind;
    char *text;     /* or caption; never NULL once stored */
    char *entities; /* JSON array; NULL: none */
    struct tgs_photo *photo;
    struct tgs_file *doc;
    char *other; /* TG_OTHER: its members as a JSON object */
    bool spoiler, above;
};

struct tgs_message {
    int64_t id, date, edit_date; /* seconds; edit_date 0: never */
    bool by_bot, deleted;
    bool protect;
    unsigned edits;
    struct tgs_content c;
    char *markup;     /* reply_markup as JSON; NULL: none */
    char *group;      /* media_group_id; NULL: none */
    char *reaction;   /* the bot's, as JSON array; NULL: none */
    int64_t reply_to; /* 0: none */
};

struct tgs_bucket {
    double tokens;
    int64_t at_ms; /* 0: never used, full */
};

/* A user and the private chat with the bot; they share the id. */
struct tgs_chat {
    int64_t id;
    char *first_name, *last_name, *username, *language; /* may be NULL */
    bool started;                                       /* the bot may write */
    bool blocked;
    bool deactivated;
    char *keyboard; /* reply keyboard that is shown; JSON, NULL: none */
    struct tgs_message **messages; /* ids ascend */
    size_t nmessages, cap;
    struct tgs_bucket sends, edits;
    struct tgs_chat *next;      /* of its bucket */
    struct tgs_chat *next_made; /* in the order of creation */
};

enum tgs_event_kind {
    TG_EVENT_MESSAGE,
    TG_EVENT_EDIT,
    TG_EVENT_DELETE,
    TG_EVENT_CALLBACK_ANSWER,
    TG_EVENT_ACTION,
    TG_EVENT_REACTION
};

/* What the bot did in a chat, as it was then. */
struct tgs_event {
    int64_t seq;
    int64_t chat_id, message_id;
    enum tgs_event_kind kind;
    enum tgs_kind shows; /* of the message */
    char *text;          /* that `contains` looks at; never NULL */
    char *json;          /* the event's members, ready */
};

struct tgs_query {
    int64_t n; /* id of the callback query; 0: unused slot */
    int64_t chat_id, message_id;
    bool answered;
    char *data, *answer; /* answer: JSON of what the bot said, or NULL */
};

/* ---- updates ---- */

enum tgs_update_kind {
    TG_UP_MESSAGE,
    TG_UP_EDITED_MESSAGE,
    TG_UP_CALLBACK_QUERY,
    TG_UP_MY_CHAT_MEMBER,
    TG_UP_OTHER, /* injected by hand */
    TG_UP_KINDS
};

struct tgs_lane;

struct tgs_update {
    int64_t id;
    enum tgs_update_kind kind;
    char *json;
    uint64_t key;       /* of its lane */
    int64_t expires_ms; /* clock_mono_ms */
    bool pending;       /* in its lane and in the list of pending ones */
    bool again;         /* delivered once more by hand */
    bool remembered;    /* the ring holds it */
    bool out;           /* a delivery of it is running */
    unsigned attempts;
    struct tgs_lane *lane;
    struct tgs_update *lane_next;
    struct tgs_update *prev, *next;
};

/* Updates that keep their order: one chat's messages, one user's presses. */
struct tgs_lane {
    uint64_t key;
    struct tgs_update *first, *last;
    bool busy;              /* its first update is being delivered */
    bool listed;            /* in ready or delayed */
    unsigned failures;      /* in a row */
    int64_t due_ms;         /* clock_mono_ms; 0: now */
    struct tgs_lane *chain; /* of its bucket */
    struct tgs_lane *next;  /* in ready or delayed */
};

struct tgs_lanes {
    struct tgs_lane *first, *last;
};

struct httpc;

/* Where updates are posted to; replaced as a whole by setWebhook. */
struct tgs_hook {
    int refs;                  /* the state and each running delivery */
    char *url, *path, *secret; /* secret may be NULL */
    char *ip_address;          /* as given, or NULL */
    struct httpc *http;
};

struct tgs_webhook {
    struct tgs_hook *hook; /* NULL: none, the bot polls */
    int max_connections;
    int64_t set_ms; /* clock_mono_ms of the last setWebhook */
    int64_t error_date;
    char error[160];
};

/* ---- faults ---- */

enum tgs_fault {
#define FAULT(name, says) TG_FAULT_##name,
#include "sandbox/tg_faults.def"
#undef FAULT
    TG_FAULT_COUNT
};

struct tgs_fault_rule {
    enum tgs_fault kind;
    char method[40]; /* lower case; "*": all; "webhook"; "file" */
    int64_t chat_id; /* 0: any */
    int64_t left;    /* -1: until cleared */
    int64_t ms;      /* delay */
    int64_t retry_after;
    int64_t hits;
    struct tgs_fault_rule *next;
};

#define TG_FAULT_RULES_MAX 100

/* ---- calls that the bot made ---- */

struct tgs_call_record {
    int64_t seq;   /* 0: unused slot */
    int64_t at_ms; /* wall */
    int64_t us;    /* until it was answered */
    char method[40];
    int64_t chat_id;
    int status;        /* HTTP; 0: dropped before effect */
    bool lost;         /* took effect, the answer was dropped */
    char *params;      /* JSON object; NULL: too large to keep */
    char *description; /* of an error; NULL: none */
};

/* ---- all of it ---- */

struct tgs_config {
    const char *token; /* "<digits>:<secret>" */
    const char *dir;   /* NULL: files live in memory */
    double retry_scale;
    int64_t webhook_timeout_ms;
};

struct tgs_stats {
    uint64_t calls, errors, limited;
    uint64_t updates, delivered, polled, failures, expired, dropped;
    uint64_t bodies; /* answers of the webhook that were not empty */
};

/* A setting that the bot made, such as its commands in one language. */
struct tgs_setting {
    char *key, *json;
    struct tgs_setting *next;
};

struct tg {
    struct tgs_config cfg;
    int64_t bot_id;
    struct httpd *server; /* set before the first request is served */
    struct stop stop;

    pthread_mutex_t lock;
    /* all below GUARDED_BY(lock) */
    int64_t next_user, next_message, next_update, next_query, next_group;
    int64_t next_seq; /* events and calls share it */

    struct tgs_chat *chats[TG_BUCKETS];
    struct tgs_chat *first_chat, *last_chat;
    size_t nchats;

    struct tgs_file **files; /* by number - 1 */
    size_t nfiles, files_cap;
    size_t file_memory;
    size_t file_oldest; /* index where eviction goes on */
    struct tgs_photo *photos[TG_BUCKETS];

    struct tgs_event *events[TG_EVENTS_MAX]; /* by place */
    size_t nevents;                          /* ever */
    struct tgs_query queries[TG_QUERIES_MAX];

    struct tgs_update *ring[TG_UPDATES_MAX];
    size_t nring; /* ever */
    struct tgs_update *first_pending, *last_pending;
    size_t npending;
    struct tgs_lane *lanes[TG_LANE_BUCKETS];
    struct tgs_lanes ready, delayed;
    bool wanted[TG_UP_KINDS]; /* allowed_updates */
    char *allowed;            /* the list as given; NULL: the default */
    uint64_t poller;          /* number of the newest getUpdates */

    struct tgs_webhook webhook;
    pthread_cond_t work; /* for the delivery threads */
    pthread_t threads[TG_CONNECTIONS_MAX];
    int nthreads, idle, busy;
    int64_t first_failure_ms; /* since the last success; 0: none */

    struct tgs_fault_rule *faults;
    size_t nfaults;
    struct tgs_call_record calls[TG_CALLS_MAX];
    size_t ncalls; /* ever */
    struct tgs_setting *settings;
    struct tgs_bucket overall;
    bool limits_on, pixels_on;
    struct tgs_stats stats;
};

struct tg *tgs_new(const struct tgs_config *cfg);
void tgs_free(struct tg *t);

/* ---- tg_state.c: with the lock held ---- */

struct tgs_chat *tgs_chat_find(struct tg *t, int64_t id);
/* NULL when the id is taken or there are too many. id 0: the next one. */
struct tgs_chat *tgs_chat_add(struct tg *t, int64_t id, const char *first_name);
struct tgs_message *tgs_message_find(struct tgs_chat *chat, int64_t id);
/* Takes what c and m own. */
struct tgs_message *tgs_message_add(struct tg *t, struct tgs_chat *chat,
                                    struct tgs_content *c, bool by_bot);
void tgs_content_fini(struct tgs_content *c);
void tgs_content_copy(struct tgs_content *to, const struct tgs_content *from);
/* Replaces text *to by a copy of z (NULL: none). */
void tgs_text_set(char **to, const char *z);
/* extra: more members of the event as JSON (",\"text\":...") or "". text is
 * what waiting clients look for; NULL: the message's. */
void tgs_event_add(struct tg *t, enum tgs_event_kind kind,
                   struct tgs_chat *chat, struct tgs_message *m,
                   const char *text, struct str extra);
const char *tgs_event_name(enum tgs_event_kind k);
/* The topic on which clients that look at this chat's events wait. */
const char *tgs_wait_topic(int64_t chat_id);
struct tgs_query *tgs_query_add(struct tg *t, struct tgs_chat *chat,
                                int64_t message_id, const char *data);
struct tgs_query *tgs_query_find(struct tg *t, const char *id);
const char *tgs_setting_get(struct tg *t, const char *key); /* NULL: none */
void tgs_setting_put(struct tg *t, const char *key, const char *json);

/* ---- tg_files.c: with the lock held, but for tgs_photo_put ---- */

/*
 * The photo of these bytes, the known one when they came before. Checks
 * Telegram's limits; scales and compresses as Telegram does unless pixels are
 * switched off. Takes the lock itself. On -1, e->msg is what Telegram says
 * behind "Bad Request: ".
 */
int tgs_photo_put(struct tg *t, struct str bytes, struct tgs_photo **out,
                  struct err *e);
/* name and mime may be NULL; mime then comes from the bytes. NULL: too many
 * files. */
struct tgs_file *tgs_document_add(struct tg *t, struct str bytes,
                                  const char *name, const char *mime);
struct tgs_file *tgs_file_find(struct tg *t, const char *id);
struct tgs_file *tgs_file_by_path(struct tg *t, const char *path);
/* Copies a file's bytes to out; makes a photo's smaller size on first use
 * (that takes the lock away for a while). False: gone. */
bool tgs_file_read(struct tg *t, struct tgs_file *f, struct buf *out);
void tgs_files_free(struct tg *t);

/* ---- tg_photo.c: pixels, no state ---- */

/* bytes as upright JPEG with both sides at most max_side, its sizes into w
 * and h; NULL when it is no picture. mem_free. */
char *tgs_pixels_scale(struct str bytes, int max_side, int *w, int *h,
                       size_t *len);
/* Orientation of a JPEG's EXIF, 1 when there is none. */
int tgs_exif_orientation(struct str jpeg);
/* width and height scaled down to max_side. */
void tgs_fit(int *w, int *h, int max_side);

/* ---- tg_show.c: with the lock held ---- */

void tgs_show_bot(struct tg *t, struct jw *w);
void tgs_show_user(const struct tgs_chat *c, struct jw *w);
void tgs_show_chat(const struct tgs_chat *c, struct jw *w);
/* for_bot: as the Bot API shows it; else with keyboards and "sandbox". */
void tgs_show_message(struct tg *t, struct tgs_chat *c, struct tgs_message *m,
                      bool for_bot, struct jw *w);
void tgs_show_file(const struct tgs_file *f, bool with_path, struct jw *w);

/* ---- tg_updates.c: with the lock held ---- */

const char *tgs_update_kind_name(enum tgs_update_kind k);
/* fields: the update's members behind update_id. Its id; 0 when the bot does
 * not want this kind or too many are pending. */
int64_t tgs_update_add(struct tg *t, enum tgs_update_kind kind, int64_t key,
                       struct str fields);
int64_t tgs_update_message(struct tg *t, struct tgs_chat *c,
                           struct tgs_message *m, bool edited);
/* The same update once more. False: forgotten. */
bool tgs_update_again(struct tg *t, int64_t id);
/* Forgets that it is pending; frees it when nothing else holds it. */
void tgs_update_settle(struct tg *t, struct tgs_update *u);
void tgs_updates_drop(struct tg *t); /* all pending ones */
void tgs_updates_expire(struct tg *t);
/* Puts a lane where it belongs: among those that can go, or later; frees it
 * when it is empty. */
void tgs_lane_settle(struct tg *t, struct tgs_lane *lane);
void tgs_lanes_hurry(struct tg *t); /* no more waiting before retries */
/* Sets the kinds that the bot wants; NULL: the default. */
void tgs_allowed_set(struct tg *t, const cJSON *list);
void tgs_updates_free(struct tg *t);

/* ---- tg_deliver.c ---- */

/* With the lock held: more threads when there is work for them. */
void tgs_deliver_wake(struct tg *t);
void tgs_deliver_stop(struct tg *t); /* without the lock; joins */
void tgs_hook_unref(struct tgs_hook *h);

/* ---- tg_limits.c: with the lock held ---- */

/* 0, or the seconds to wait. n messages at once. */
int tgs_limit_send(struct tg *t, struct tgs_chat *c, unsigned n);
int tgs_limit_edit(struct tg *t, struct tgs_chat *c);

/* ---- tg_faults.c: with the lock held ---- */

const char *tgs_fault_name(enum tgs_fault f);
bool tgs_fault_parse(const char *name, enum tgs_fault *out);
/* Takes one hit of the first rule that fits; false: none. */
bool tgs_fault_take(struct tg *t, const char *method, int64_t chat_id,
                    struct tgs_fault_rule *out);
bool tgs_fault_add(struct tg *t, const struct tgs_fault_rule *r);
void tgs_faults_clear(struct tg *t);

/* ---- http ---- */

void tgs_bot_request(struct http_req *q, void *ctx);  /* tg_bot.c */
void tgs_file_request(struct http_req *q, void *ctx); /* tg_bot.c */
/* tg_control.c: the routes, the two above included. */
extern const struct http_route tgs_routes[];
extern const size_t tgs_nroutes;

#endif

/*
 * text.c - placeholders, plurals and the fitting of texts to users.
 */
#include "model/text.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "model/html.h"

#define NEST_MAX 4 /* a text in a text in a list: enough, and it ends */
#define NAME_MAX_BYTES 64

struct entry {
    const char *key;
    const char *text[2]; /* by enum text_lang */
};

static const struct entry entries[] = {
#define TEXT(key, ru, en) {#key, {ru, en}},
#include "model/text.def"
#undef TEXT
};
#define ENTRIES (sizeof(entries) / sizeof(entries[0]))

/* What one rendering carries along. */
struct render {
    struct buf *out;
    enum text_lang lang;
    bool html;
    size_t arg_points; /* longest text argument; 0: no limit */
    unsigned depth;
    const char *key; /* for the log */
};

static void render_key(struct render r, const char *key, const cJSON *args);

/* ---- the table ---- */

static const struct entry *
entry_find(const char *key)
{
    for (size_t i = 0; i < ENTRIES; i++) {
        if (strcmp(entries[i].key, key) == 0)
            return &entries[i];
    }
    return NULL;
}

bool
text_is_known(const char *key)
{
    return entry_find(key) != NULL;
}

const char *
text_raw(const char *key, enum text_lang l)
{
    const struct entry *t = entry_find(key);

    return t != NULL ? t->text[l] : NULL;
}

const char *
text_next(const char *prefix, size_t *i)
{
    while (*i < ENTRIES) {
        const char *key = entries[(*i)++].key;

        if (strncmp(key, prefix, strlen(prefix)) == 0)
            return key;
    }
    return NULL;
}

const char *
text_match(const char *prefix, struct str said)
{
    const char *key;

    for (size_t i = 0; (key = text_next(prefix, &i)) != NULL;) {
        if (str_eq_c(said, text_raw(key, TEXT_RU)) ||
            str_eq_c(said, text_raw(key, TEXT_EN)))
            return key;
    }
    return NULL;
}

enum text_lang
text_lang_of(const char *tag)
{
    static const char *const russian[] = {"ru", "uk", "be", "kk", "ky", "uz",
                                          "tg", "tk", "hy", "az", "tt", "ba"};

    for (size_t i = 0; i < sizeof(russian) / sizeof(russian[0]); i++) {
        if (tag != NULL && strncmp(tag, russian[i], 2) == 0 &&
            (tag[2] == '\0' || tag[2] == '-' || tag[2] == '_'))
            return TEXT_RU;
    }
    return TEXT_EN;
}

const char *
text_lang_name(enum text_lang l)
{
    return l == TEXT_RU ? "ru" : "en";
}

/* ---- values ---- */

static void
add_text(const struct render *r, struct str s)
{
    struct arena *a;
    const char *clean;

    if (r->html) {
        html_escape_user(r->out, s, r->arg_points);
        return;
    }
    a = arena_new();
    clean = utf8_clean(a, s, true);
    if (r->arg_points > 0)
        clean = utf8_ellipsis(a, str_c(clean), r->arg_points);
    buf_add_c(r->out, clean);
    arena_free(a);
}

static void
missing(const struct render *r, const char *name)
{
    log_error("text", "argument_missing", "key=%s name=%s", r->key, name);
    buf_addf(r->out, "[%s]", name);
}

/* An object: a text of its own, or one text in two languages. */
static void
add_object(const struct render *r, const char *name, const cJSON *v)
{
    const char *key = json_str(v, "text", NULL);
    const char *mine = json_str(v, text_lang_name(r->lang), NULL);
    const char *other = json_str(v, r->lang == TEXT_RU ? "en" : "ru", NULL);

    if (key != NULL && r->depth < NEST_MAX)
        render_key(*r, key, json_get(v, "args"));
    else if (mine != NULL || other != NULL)
        add_text(r, str_c(mine != NULL ? mine : other));
    else
        missing(r, name);
}

static void
add_value(const struct render *r, const char *name, const cJSON *v)
{
    char num[32];
    const cJSON *item;

    if (cJSON_IsString(v)) {
        add_text(r, str_c(v->valuestring));
    } else if (json_is_num(v)) {
        buf_add_str(r->out, json_num_text(v, num));
    } else if (cJSON_IsObject(v)) {
        add_object(r, name, v);
    } else if (cJSON_IsArray(v)) {
        cJSON_ArrayForEach (item, v) {
            if (item != v->child)
                buf_add_byte(r->out, '\n');
            add_object(r, name, item);
        }
    } else {
        missing(r, name);
    }
}

static bool
value_is_given(const cJSON *v)
{
    if (v == NULL || cJSON_IsNull(v) || cJSON_IsFalse(v))
        return false;
    if (cJSON_IsString(v))
        return v->valuestring[0] != '\0';
    return !cJSON_IsArray(v) || v->child != NULL;
}

/* ---- formats ---- */

static size_t
plural_form(enum text_lang l, int64_t n)
{
    int64_t ten, hundred;

    if (n < 0)
        n = n == INT64_MIN ? INT64_MAX : -n;
    if (l == TEXT_EN)
        return n == 1 ? 0 : 1;
    ten = n % 10;
    hundred = n % 100;
    if (ten == 1 && hundred != 11)
        return 0;
    if (ten >= 2 && ten <= 4 && (hundred < 12 || hundred > 14))
        return 1;
    return 2;
}

/* forms: "one|few|many". A fraction takes the form of 2. */
static void
add_plural(const struct render *r, const cJSON *v, struct str forms)
{
    int64_t n = 2;
    struct str form = {NULL, 0};
    size_t want;

    (void)json_to_i64(v, &n);
    want = plural_form(r->lang, n);
    for (size_t i = 0; str_split(&forms, '|', &form) && i < want; i++)
        ;
    buf_add_str(r->out, form);
}

/* Seconds below a minute and a half in steps of five, else whole minutes. */
static void
add_time(const struct render *r, const cJSON *v)
{
    static const char *const units[][2] = {
        {"с", "s"}, {"мин", "min"}, {"ч", "h"}};
    double seconds = 0;
    int64_t n;
    size_t unit = 0;

    (void)json_to_num(v, &seconds);
    if (seconds < 1)
        seconds = 1;
    if (seconds > 360000)
        seconds = 360000;
    n = (int64_t)seconds;
    if (n > 90 * 60) {
        n = (n + 1800) / 3600;
        unit = 2;
    } else if (n > 90) {
        n = (n + 30) / 60;
        unit = 1;
    } else if (n > 10) {
        n = (n + 4) / 5 * 5;
    }
    buf_addf(r->out, "%lld %s", (long long)n, units[unit][r->lang]);
}

static void
add_date(const struct render *r, const cJSON *v)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr",
                                         "May", "Jun", "Jul", "Aug",
                                         "Sep", "Oct", "Nov", "Dec"};
    int64_t ms = 0;
    char iso[25];
    int year, month, day;

    (void)json_to_i64(v, &ms);
    clock_format(ms, iso);
    year = (iso[0] - '0') * 1000 + (iso[1] - '0') * 100 + (iso[2] - '0') * 10 +
           (iso[3] - '0');
    month = (iso[5] - '0') * 10 + (iso[6] - '0');
    day = (iso[8] - '0') * 10 + (iso[9] - '0');
    if (month < 1 || month > 12)
        return;
    if (r->lang == TEXT_RU)
        buf_addf(r->out, "%02d.%02d.%d", day, month, year);
    else
        buf_addf(r->out, "%d %s %d", day, months[month - 1], year);
}

/* ---- placeholders ---- */

static const cJSON *
arg_find(const cJSON *args, struct str name, char z[NAME_MAX_BYTES])
{
    name = str_sub(name, 0, NAME_MAX_BYTES - 1);
    memcpy(z, name.p, name.len);
    z[name.len] = '\0';
    return json_get(args, z);
}

/* spec: what stands between the braces. */
static void
add_placeholder(const struct render *r, const cJSON *args, struct str spec)
{
    char name[NAME_MAX_BYTES];
    size_t n = 0;
    const cJSON *v;
    struct str rest;

    while (n < spec.len && spec.p[n] != '|' && spec.p[n] != ':')
        n++;
    v = arg_find(args, str_sub(spec, 0, n), name);
    rest = str_sub(spec, n, spec.len);
    if (v == NULL || cJSON_IsNull(v))
        missing(r, name);
    else if (str_eq(rest, STR(":time")))
        add_time(r, v);
    else if (str_eq(rest, STR(":date")))
        add_date(r, v);
    else if (rest.len > 0)
        add_plural(r, v, str_sub(rest, 1, rest.len));
    else
        add_value(r, name, v);
}

/* Behind "{?name}" or "{!name}": skips to behind "{/name}" unless it holds. */
static struct str
enter_section(struct str rest, const cJSON *args, struct str spec)
{
    char name[NAME_MAX_BYTES], end[NAME_MAX_BYTES + 4];
    bool given =
        value_is_given(arg_find(args, str_sub(spec, 1, spec.len), name));
    const char *at;
    size_t skip;

    if (given == (spec.p[0] == '?'))
        return rest;
    end[0] = '{';
    end[1] = '/';
    memcpy(end + 2, name, strlen(name));
    memcpy(end + 2 + strlen(name), "}", 2);
    at = memmem(rest.p, rest.len, end, strlen(end));
    if (at == NULL)
        return str_sub(rest, rest.len, 0);
    skip = (size_t)(at - rest.p) + strlen(end);
    return str_sub(rest, skip, rest.len);
}

static void
render_text(const struct render *r, struct str text, const cJSON *args)
{
    while (text.len > 0) {
        ptrdiff_t open = str_find(text, '{');
        ptrdiff_t close;
        struct str spec;

        if (open < 0)
            open = (ptrdiff_t)text.len;
        buf_add_str(r->out, str_sub(text, 0, (size_t)open));
        text = str_sub(text, (size_t)open, text.len);
        close = str_find(text, '}');
        if (close < 2)
            return;
        spec = str_sub(text, 1, (size_t)close - 1);
        text = str_sub(text, (size_t)close + 1, text.len);
        if (spec.p[0] == '?' || spec.p[0] == '!')
            text = enter_section(text, args, spec);
        else if (spec.p[0] != '/')
            add_placeholder(r, args, spec);
    }
}

static void
render_key(struct render r, const char *key, const cJSON *args)
{
    const struct entry *t = entry_find(key);

    r.key = key;
    r.depth++;
    if (t != NULL) {
        render_text(&r, str_c(t->text[r.lang]), args);
        return;
    }
    log_error("text", "unknown_key", "key=%.64s", key);
    buf_add_byte(r.out, '[');
    add_text(&r, str_c(key));
    buf_add_byte(r.out, ']');
}

/* ---- fitting ---- */

void
text_html(struct buf *out, enum text_lang l, const char *key, const cJSON *args,
          size_t max_points)
{
    static const size_t cuts[] = {0, 2000, 800, 400, 200, 100, 50, 25, 10};
    size_t start = out->len;
    struct buf b;

    buf_init(&b, TEXT_BYTES);
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        struct render r = {&b, l, true, cuts[i], 0, key};

        buf_clear(&b);
        render_key(r, key, args);
        if (!b.failed &&
            (max_points == 0 || html_visible(buf_str(&b)) <= max_points)) {
            buf_add_str(out, buf_str(&b));
            break;
        }
    }
    if (out->len == start && b.len > 0) {
        /* a list longer than a message: what is read, cut, without tags */
        struct buf plain;

        buf_init(&plain, TEXT_BYTES);
        html_plain(&plain, buf_str(&b));
        log_warn("text", "too_long", "key=%s points=%zu", key, max_points);
        html_escape_user(out, buf_str(&plain), max_points);
        buf_free(&plain);
    }
    buf_free(&b);
}

void
text_plain(struct buf *out, enum text_lang l, const char *key,
           const cJSON *args, size_t max_points)
{
    struct buf b;
    struct arena *a = arena_new();
    struct render r = {&b, l, false, 0, 0, key};

    buf_init(&b, TEXT_BYTES);
    render_key(r, key, args);
    buf_add_c(out, max_points > 0 ? utf8_ellipsis(a, buf_str(&b), max_points)
                                  : buf_cstr(&b));
    buf_free(&b);
    arena_free(a);
}

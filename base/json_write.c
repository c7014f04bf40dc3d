/*
 * json_write.c - JSON text straight into a buf.
 *
 * Trees are printed by their own recursion, not through the writer's stack: a
 * foreign tree of full depth may stand inside an answer of ours.
 */
#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/json_number.h"
#include "base/json_scan.h"

static void
text_escape(struct buf *b, unsigned char c)
{
    static const char named[] = "btn?fr"; /* 8..13; 11 has no name */

    if (c == '"' || c == '\\')
        buf_addf(b, "\\%c", c);
    else if (c >= 8 && c <= 13 && c != 11)
        buf_addf(b, "\\%c", named[c - 8]);
    else
        buf_addf(b, "\\u%04x", c);
}

/* Runs of plain bytes are copied as one. */
static void
text_put(struct buf *b, struct str s)
{
    size_t from = 0, i = 0;

    buf_add_byte(b, '"');
    while (i < s.len) {
        unsigned char c = (unsigned char)s.p[i];
        size_t n = json_utf8_step(s.p + i, s.len - i);

        if (n > 0 && c >= 0x20 && c != '"' && c != '\\') {
            i += n;
            continue;
        }
        buf_add(b, s.p + from, i - from);
        if (n == 0)
            buf_add_c(b, "\xef\xbf\xbd");
        else
            text_escape(b, c);
        from = ++i;
    }
    buf_add(b, s.p + from, i - from);
    buf_add_byte(b, '"');
}

static void
tree_put(struct buf *b, const cJSON *j)
{
    char number[JSON_NUMBER_MAX];
    bool object = cJSON_IsObject(j);
    const cJSON *child;

    if (cJSON_IsString(j)) {
        text_put(b, str_c(j->valuestring));
    } else if (json_is_num(j)) {
        buf_add_str(b, json_num_text(j, number));
    } else if (cJSON_IsBool(j)) {
        buf_add_c(b, cJSON_IsTrue(j) ? "true" : "false");
    } else if (object || cJSON_IsArray(j)) {
        buf_add_byte(b, object ? '{' : '[');
        cJSON_ArrayForEach (child, j) {
            if (child != j->child)
                buf_add_byte(b, ',');
            if (object) {
                text_put(b, str_c(child->string));
                buf_add_byte(b, ':');
            }
            tree_put(b, child);
        }
        buf_add_byte(b, object ? '}' : ']');
    } else {
        buf_add_c(b, "null");
    }
}

void
json_print(struct buf *b, const cJSON *j)
{
    tree_put(b, j);
}

char *
json_text(struct arena *a, const cJSON *j)
{
    struct buf b;
    char *text;

    buf_init(&b, (size_t)1 << 32); /* the tree itself was bounded */
    tree_put(&b, j);
    assert(!b.failed);
    text = arena_strn(a, b.p, b.len);
    buf_free(&b);
    return text;
}

void
jw_init(struct jw *w, struct buf *b)
{
    memset(w, 0, sizeof *w);
    w->b = b;
}

/* Before any value: the comma, or the proof that it may stand here. */
static void
value_begin(struct jw *w)
{
    if (w->keyed) {
        w->keyed = false;
        return;
    }
    if (w->depth == 0) {
        assert(!w->comma[0] && "one value per document");
    } else {
        assert(w->arr[w->depth] && "a value in an object needs a key");
        if (w->comma[w->depth])
            buf_add_byte(w->b, ',');
    }
    w->comma[w->depth] = true;
}

static void
level_open(struct jw *w, bool arr)
{
    value_begin(w);
    assert(w->depth + 1 < JSON_DEPTH_MAX);
    w->depth++;
    w->comma[w->depth] = false;
    w->arr[w->depth] = arr;
    buf_add_byte(w->b, arr ? '[' : '{');
}

void
jw_obj(struct jw *w)
{
    level_open(w, false);
}

void
jw_arr(struct jw *w)
{
    level_open(w, true);
}

void
jw_end(struct jw *w)
{
    assert(w->depth > 0 && !w->keyed);
    buf_add_byte(w->b, w->arr[w->depth] ? ']' : '}');
    w->depth--;
}

void
jw_key(struct jw *w, const char *name)
{
    assert(w->depth > 0 && !w->arr[w->depth] && !w->keyed);
    if (w->comma[w->depth])
        buf_add_byte(w->b, ',');
    w->comma[w->depth] = true;
    w->keyed = true;
    text_put(w->b, str_c(name));
    buf_add_byte(w->b, ':');
}

void
jw_text(struct jw *w, struct str s)
{
    value_begin(w);
    text_put(w->b, s);
}

void
jw_str(struct jw *w, const char *z)
{
    if (z == NULL)
        jw_null(w);
    else
        jw_text(w, str_c(z));
}

void
jw_i64(struct jw *w, int64_t v)
{
    value_begin(w);
    buf_addf(w->b, "%lld", (long long)v);
}

void
jw_u64(struct jw *w, uint64_t v)
{
    value_begin(w);
    buf_addf(w->b, "%llu", (unsigned long long)v);
}

void
jw_num(struct jw *w, double v)
{
    char text[JSON_NUMBER_MAX] = "null";

    value_begin(w);
    if (isfinite(v))
        json_number_format(v, text);
    buf_add_c(w->b, text);
}

void
jw_bool(struct jw *w, bool v)
{
    value_begin(w);
    buf_add_c(w->b, v ? "true" : "false");
}

void
jw_null(struct jw *w)
{
    value_begin(w);
    buf_add_c(w->b, "null");
}

void
jw_raw(struct jw *w, struct str json)
{
    assert(json.len > 0);
    value_begin(w);
    buf_add_str(w->b, json);
}

void
jw_tree(struct jw *w, const cJSON *j)
{
    value_begin(w);
    tree_put(w->b, j);
}

void
jw_kstr(struct jw *w, const char *k, const char *z)
{
    jw_key(w, k);
    jw_str(w, z);
}

void
jw_ki64(struct jw *w, const char *k, int64_t v)
{
    jw_key(w, k);
    jw_i64(w, v);
}

void
jw_kbool(struct jw *w, const char *k, bool v)
{
    jw_key(w, k);
    jw_bool(w, v);
}

void
jw_knum(struct jw *w, const char *k, double v)
{
    jw_key(w, k);
    jw_num(w, v);
}

void
jw_ktree(struct jw *w, const char *k, const cJSON *j)
{
    jw_key(w, k);
    jw_tree(w, j);
}

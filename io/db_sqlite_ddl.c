/*
 * db_sqlite_ddl.c - migrations in SQLite's words: BIGINT becomes INTEGER and
 * every table STRICT.
 *
 * Without STRICT a BIGINT column takes 1.5 and 'x'; with it the word BIGINT
 * is refused (protocols 11). Texts, quoted names and comments stay as they
 * are.
 */
#include "io/db_int.h"
#include "io/db_sqlite.h"

#include <ctype.h>
#include <string.h>

/* Bytes of the comment, text or quoted name at the start of s; 0: none. */
static size_t
quoted_len(struct str s)
{
    char c = s.p[0];
    size_t i = 1;

    if (s.len > 1 && c == '-' && s.p[1] == '-') {
        while (i < s.len && s.p[i] != '\n')
            i++;
        return i;
    }
    if (s.len > 1 && c == '/' && s.p[1] == '*') {
        for (i = 2; i + 1 < s.len; i++)
            if (s.p[i] == '*' && s.p[i + 1] == '/')
                return i + 2;
        return s.len;
    }
    if (c != '\'' && c != '"')
        return 0;
    while (i < s.len && s.p[i] != c) /* '' is two texts: the same end */
        i++;
    return i < s.len ? i + 1 : s.len;
}

static bool
is_word(char c)
{
    return isalnum((unsigned char)c) != 0 || c == '_';
}

static size_t
word_len(struct str s)
{
    size_t i = 0;

    while (i < s.len && is_word(s.p[i]))
        i++;
    return i;
}

/* Where the statement that is being read stands. */
struct ddl {
    int nwords;
    bool create, table; /* CREATE [TEMP] TABLE */
    char last;          /* byte that was neither blank nor comment */
};

static void
ddl_word(struct ddl *d, struct str word, struct buf *out)
{
    d->nwords++;
    if (d->nwords == 1)
        d->create = str_eq_nocase(word, STR("create"));
    if (d->nwords <= 3 && d->create && str_eq_nocase(word, STR("table")))
        d->table = true;
    if (str_eq_nocase(word, STR("bigint")))
        buf_add_c(out, "INTEGER");
    else
        buf_add_str(out, word);
    d->last = 'w';
}

void
db_sqlite_translate(const char *text, struct buf *out)
{
    struct str s = str_c(text);
    struct ddl d = {0};

    while (s.len > 0) {
        size_t n = quoted_len(s);

        if (n > 0) {
            buf_add(out, s.p, n);
            d.last = s.p[0] == '-' || s.p[0] == '/' ? d.last : 'q';
        } else if ((n = word_len(s)) > 0) {
            ddl_word(&d, str_n(s.p, n), out);
        } else {
            n = 1;
            if (s.p[0] == ';' && d.table)
                buf_add_c(out, d.last == ')' ? " STRICT" : ", STRICT");
            if (s.p[0] == ';')
                d = (struct ddl){0};
            else if (!isspace((unsigned char)s.p[0]))
                d.last = s.p[0];
            buf_add_byte(out, s.p[0]);
        }
        s = str_sub(s, n, s.len);
    }
}

/*
 * migrate.c - brings a database to the schema that this program knows.
 *
 * Each file runs in one transaction together with its row in
 * schema_migrations. A line "-- min_app N" in a file says which programs must
 * refuse the database once it is applied: those whose version is below N.
 * Files that the database has and this program does not know are fine, for
 * migrations only add: an older program goes on while a newer one is rolled
 * out, unless min_app says otherwise.
 */
#include "io/db_int.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"
const struct db_migration db_migrations[] = {
#include "migrations.inc"
};
#pragma GCC diagnostic pop
const size_t db_nmigrations = sizeof db_migrations / sizeof *db_migrations;

static const char table_sql[] =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    "name TEXT PRIMARY KEY, checksum TEXT NOT NULL, "
    "applied_at BIGINT NOT NULL, min_app BIGINT NOT NULL);";

static const struct db_sql sql_applied = {
    "migration.applied",
    "SELECT name, checksum, min_app FROM schema_migrations ORDER BY name", ""};
static const struct db_sql sql_insert = {
    "migration.insert",
    "INSERT INTO schema_migrations (name, checksum, applied_at, min_app) "
    "VALUES (?1, ?2, ?3, ?4)",
    "ttii"};

/* ---- the text of a file ---- */

#define SECTION "-- only "

/* Lines of the other database become empty, so that line numbers in errors
 * stay those of the file. */
static void
sections_cut(const char *text, const char *section, struct buf *out)
{
    struct str rest = str_c(text), line;
    bool ours = true;

    while (str_split(&rest, '\n', &line)) {
        struct str word = str_trim(line);

        if (str_starts(word, str_c(SECTION)))
            ours = str_eq_c(word, section);
        else if (str_eq_c(word, "-- all"))
            ours = true;
        if (ours)
            buf_add_str(out, line);
        buf_add_byte(out, '\n');
    }
}

static int64_t
min_app_of(const char *text)
{
    static const struct str mark = {"-- min_app ", 11};
    struct str rest = str_c(text), line;
    int64_t v;

    while (str_split(&rest, '\n', &line))
        if (str_starts(line, mark) &&
            str_to_i64(str_trim(str_sub(line, mark.len, line.len)), &v))
            return v;
    return 0;
}

static char *
migration_text(const struct db_driver *d, const char *sql)
{
    struct buf cut, out;

    buf_init(&cut, 4 * strlen(sql) + 64);
    sections_cut(sql, d->section, &cut);
    if (d->translate == NULL)
        return buf_take(&cut, NULL);
    buf_init(&out, 4 * strlen(sql) + 64);
    d->translate(buf_cstr(&cut), &out);
    buf_free(&cut);
    return buf_take(&out, NULL);
}

/* ---- applying ---- */

struct migrate {
    const struct db_driver *d;
    void *conn;
    struct arena *a;
    int app_version;
    struct db_rows applied;
};

static int
script_run(struct migrate *m, const char *sql, struct err *e)
{
    char *text = migration_text(m->d, sql);
    int rc = m->d->conn_script(m->conn, text, e);

    mem_free(text);
    return rc;
}

static int
migration_refused(const struct migrate *m, const char *name, int64_t min_app,
                  struct err *e)
{
    if (min_app <= m->app_version)
        return 0;
    return err_set(e, ERR_CONFLICT,
                   "the database needs a newer program: %s asks for version "
                   "%" PRId64 ", this is %d; install the newer one",
                   name, min_app, m->app_version);
}

/* 1: is applied already; 0: is to do; -1: was applied with another text. */
static int
migration_state(const struct migrate *m, const struct db_migration *file,
                const char *checksum, struct err *e)
{
    for (size_t i = 0; i < m->applied.nrows; i++) {
        if (strcmp(db_str(&m->applied, i, 0), file->name) != 0)
            continue;
        if (strcmp(db_str(&m->applied, i, 1), checksum) == 0)
            return 1;
        return err_set(e, ERR_CONFLICT,
                       "migration %s was changed after it had been applied "
                       "to this database: restore its text and add a new "
                       "file instead",
                       file->name);
    }
    return 0;
}

static int
migration_insert(struct migrate *m, const struct db_migration *file,
                 const char *checksum, int64_t min_app, struct err *e)
{
    struct db_val vals[] = {V_STR(file->name), V_STR(checksum),
                            V_INT(clock_wall_ms()), V_INT(min_app)};
    struct db_rows rows;

    return m->d->conn_query(m->conn, m->a, LIM_DB_WAIT_MS, &sql_insert, vals,
                            &rows, e);
}

static int
migration_apply(struct migrate *m, const struct db_migration *file,
                struct err *e)
{
    int64_t min_app = min_app_of(file->sql), start = clock_mono_ms();
    char checksum[SHA256_HEX];
    int state;

    sha256_hex(str_c(file->sql), checksum);
    state = migration_state(m, file, checksum, e);
    if (state != 0)
        return state < 0 ? -1 : 0;
    if (migration_refused(m, file->name, min_app, e) != 0)
        return -1;
    if (m->d->conn_script(m->conn, m->d->begin, e) != 0)
        return -1;
    if (script_run(m, file->sql, e) != 0 ||
        migration_insert(m, file, checksum, min_app, e) != 0 ||
        m->d->conn_script(m->conn, "COMMIT", e) != 0) {
        m->d->conn_script(m->conn, "ROLLBACK", NULL);
        return err_wrap(e, "migration %s", file->name);
    }
    log_info("db", "migrated", "file=%s ms=%" PRId64, file->name,
             clock_mono_ms() - start);
    return 0;
}

static int
migrate_all(struct migrate *m, const struct db_migration *files, size_t n,
            struct err *e)
{
    if (m->d->conn_lock(m->conn, e) != 0)
        return -1;
    if (script_run(m, table_sql, e) != 0)
        return -1;
    if (m->d->conn_query(m->conn, m->a, LIM_DB_WAIT_MS, &sql_applied, NULL,
                         &m->applied, e) != 0)
        return -1;
    for (size_t i = 0; i < m->applied.nrows; i++)
        if (migration_refused(m, db_str(&m->applied, i, 0),
                              db_int(&m->applied, i, 2), e) != 0)
            return -1;
    for (size_t i = 0; i < n; i++)
        if (migration_apply(m, &files[i], e) != 0)
            return -1;
    return 0;
}

int
db_migrate(struct db *db, const struct db_migration *files, size_t n,
           int app_version, struct err *e)
{
    struct migrate m = {.d = db->driver, .app_version = app_version};
    int rc;

    if (db->read_only)
        return err_set(e, ERR_UNAVAILABLE,
                       "the database was opened for reading only");
    m.conn = m.d->conn_open(db, true, e);
    if (m.conn == NULL)
        return -1;
    m.a = arena_new();
    rc = migrate_all(&m, files, n, e);
    arena_free(m.a);
    m.d->conn_close(m.conn);
    return rc;
}

/*
 * database.c - `migrate` and `check`: commands that open the database.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/log.h"
#include "base/role.h"
#include "cmd/cmd.h"
#include "io/db.h"
#include "store/check.h"

#define APP_VERSION 1

/* The folder of a practice shop when no bot token is set (cmd/stack.c). */
static void
default_url(const struct settings *set, char *out, size_t size)
{
    const char *dir = setting_str(set, SET_DATA_DIR);
    bool sandbox = setting_str(set, SET_BOT_TOKEN)[0] == '\0';
    snprintf(out, size, "sqlite:%s%s/tintype.db", dir,
             sandbox ? "/sandbox" : "");
    if (sandbox && access(out + 7, F_OK) != 0)
        snprintf(out, size, "sqlite:%s/tintype.db", dir);
}

static struct db *
open_db(const struct settings *set, bool read_only, struct err *e)
{
    char url[4200];
    const char *given = setting_str(set, SET_DATABASE_URL);
    default_url(set, url, sizeof url);
    return db_open(&(struct db_config){.url = given[0] != '\0' ? given : url,
                                       .readers = 1,
                                       .read_only = read_only},
                   e);
}

int
cmd_migrate(int argc, char **argv)
{
    struct err e;
    int rc = 1;
    (void)argc;
    (void)argv;
    struct settings *set = role_start("migrate", &e);
    struct db *db = set != NULL ? open_db(set, false, &e) : NULL;
    if (db != NULL &&
        db_migrate(db, db_migrations, db_nmigrations, APP_VERSION, &e) == 0) {
        printf("The database has the schema of this version.\n");
        rc = 0;
    } else {
        fprintf(stderr, "tintype migrate: %s\n", e.msg);
    }
    if (db != NULL)
        db_close(db);
    if (set != NULL)
        settings_free(set);
    return rc;
}

static void
print_violation(void *ctx, const char *promise, const char *who,
                const char *what)
{
    (void)ctx;
    printf("%s %s: %s\n", promise, who, what);
}

int
cmd_check(int argc, char **argv)
{
    struct err e;
    size_t n = 0;
    int rc = 2;
    (void)argc;
    (void)argv;
    struct settings *set = role_start("check", &e);
    struct db *db = set != NULL ? open_db(set, true, &e) : NULL;
    struct arena *a = arena_new();
    if (db == NULL || check_all(db, a, print_violation, NULL, &n, &e) != 0) {
        fprintf(stderr, "tintype check: %s\n", e.msg);
    } else if (n > 0) {
        printf("%zu violations of the promises above.\n", n);
        rc = 1;
    } else {
        printf("P2 P3 P4 P5 P7 hold.\n");
        rc = 0;
    }
    arena_free(a);
    if (db != NULL)
        db_close(db);
    if (set != NULL)
        settings_free(set);
    return rc;
}
